package userpool

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

const (
	limited  = "Attempt limit exceeded, please try after some time."
	badCode  = "Invalid verification code provided, please try again."
	codeOver = "Invalid code provided, please request a code again."
	fresh    = "An0ther!pw"
)

func TestForgotPassword(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"ann", "reset"} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			hash := srp.SecretHash(user, "backend", secret)
			forgot := func() reply {
				return w.call("ForgotPassword", p{"ClientId": "backend", "Username": user, "SecretHash": hash})
			}
			confirm := func(code, word string) reply {
				return w.call("ConfirmForgotPassword", p{"ClientId": "backend", "Username": user, "SecretHash": hash, "ConfirmationCode": code, "Password": word})
			}
			confirm("123456", fresh).refused(t, "ExpiredCodeException", codeOver)
			got := forgot().ok(t)
			want := map[string]any{"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": user[:1] + "***@e***"}
			if diff := cmp.Diff(want, got.Body["CodeDeliveryDetails"]); diff != "" {
				t.Errorf("delivery (-want +got):\n%s", diff)
			}
			old := w.lastCode()
			forgot().ok(t)
			code := w.lastCode()
			confirm(code, "weak").refused(t, "InvalidPasswordException", "Password did not conform with policy: Password not long enough")
			if old != code {
				confirm(old, fresh).refused(t, "CodeMismatchException", badCode)
			}
			confirm(code, fresh).ok(t)
			confirm(code, fresh).refused(t, "ExpiredCodeException", codeOver)
			w.login("web", user, fresh).signedIn(t)
			w.login("web", user, password).refused(t, "NotAuthorizedException", "Incorrect username or password.")
			for range 3 {
				forgot().ok(t)
			}
			forgot().refused(t, "LimitExceededException", limited)
			last := w.lastCode()
			w.wait(time.Hour + 1)
			confirm(last, fresh).refused(t, "ExpiredCodeException", codeOver)
			forgot().ok(t)
			for range 15 {
				confirm(other(w.lastCode()), fresh).refused(t, "CodeMismatchException", badCode)
			}
			confirm(w.lastCode(), fresh).refused(t, "LimitExceededException", limited)
		})
	}
}

// TestForgotPasswordRefuses: who may not, and what an unknown user is told.
func TestForgotPasswordRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forgot := func(client, user string) reply {
		return w.call("ForgotPassword", p{"ClientId": client, "Username": user})
	}
	confirm := func(client, user string) reply {
		return w.call("ConfirmForgotPassword", p{"ClientId": client, "Username": user, "ConfirmationCode": "123456", "Password": fresh})
	}
	forgot("legacy", "off").refused(t, "NotAuthorizedException", "User is disabled.")
	forgot("web", "new").refused(t, "NotAuthorizedException", "User password cannot be reset in the current state.")
	w.set("fresh", func(u *store.User) { u.Attributes["email_verified"] = "false" })
	forgot("legacy", "fresh").refused(t, "InvalidParameterException", "Cannot reset password for the user as there is no registered/verified email or phone_number")
	confirm("web", "fresh").refused(t, "UserNotConfirmedException", "User is not confirmed.")
	confirm("legacy", "off").refused(t, "NotAuthorizedException", "User is disabled.")
	confirm("web", "off").refused(t, "CodeMismatchException", badCode)
	forgot("legacy", "nobody").refused(t, "UserNotFoundException", "User does not exist.")
	confirm("legacy", "nobody").refused(t, "UserNotFoundException", "User does not exist.")
	confirm("web", "nobody").refused(t, "CodeMismatchException", badCode)
	confirm("web", "ann").refused(t, "ExpiredCodeException", codeOver)
	for _, user := range []string{"nobody", "off", "ann"} {
		w.call("ConfirmForgotPassword", p{"ClientId": "web", "Username": user, "ConfirmationCode": "123456", "Password": "short"}).
			refused(t, "InvalidPasswordException", "Password did not conform with policy: Password not long enough")
	}
	forgot("backend", "ann").refused(t, "NotAuthorizedException", "Client backend is configured with secret but SECRET_HASH was not received")
	forgot("", "ann").refused(t, "InvalidParameterException", "1 validation error detected: Value at 'clientId' failed to satisfy constraint: Member must not be null")
	confirm("web", "").refused(t, "InvalidParameterException", "1 validation error detected: Value at 'username' failed to satisfy constraint: Member must not be null")
	for user, destination := range map[string]string{"nobody": "n***@e***", "off": "o***@e***", "fresh": "f***@e***"} {
		if got := forgot("web", user).ok(t); !strings.Contains(got.Raw, `"Destination":"`+destination+`"`) {
			t.Errorf("%s: %s", user, got.Raw)
		}
	}
	if sent := w.h.Store.Messages(); len(sent) != 0 {
		t.Errorf("%d messages were sent", len(sent))
	}
}

func TestResendConfirmationCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	resend := func(client, user string) reply {
		return w.call("ResendConfirmationCode", p{"ClientId": client, "Username": user})
	}
	resend("web", "fresh").ok(t)
	if sent := w.h.Store.Messages()[0]; sent.Kind != "ResendConfirmationCode" || sent.Destination != "fresh@example.com" {
		t.Errorf("sent as %s to %s", sent.Kind, sent.Destination)
	}
	w.call("ConfirmSignUp", p{"ClientId": "web", "Username": "fresh", "ConfirmationCode": w.lastCode()}).ok(t)
	w.login("web", "fresh", password).signedIn(t)
	resend("web", "fresh").refused(t, "InvalidParameterException", "User is already confirmed.")
	resend("legacy", "off").refused(t, "InvalidParameterException", "User is already confirmed.")
	resend("web", "off").ok(t)
	if sent := w.h.Store.Messages(); len(sent) != 1 {
		t.Errorf("%d messages, one of them to a disabled user", len(sent))
	}
	resend("legacy", "nobody").refused(t, "UserNotFoundException", "User does not exist.")
	for range 5 {
		resend("web", "nobody").ok(t)
	}
	resend("web", "nobody").refused(t, "LimitExceededException", limited)
	w.setPool(func(pool *store.Pool) { pool.AutoVerified = nil })
	w.set("fresh", func(u *store.User) { u.Status = store.Unconfirmed })
	resend("web", "fresh").refused(t, "InvalidParameterException", "Cannot resend codes. Auto verification not turned on.")
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login := w.login("web", "ann", password).signedIn(t)
	change := func(old, word string) reply {
		return w.call("ChangePassword", p{"AccessToken": login.result("AccessToken"), "PreviousPassword": old, "ProposedPassword": word})
	}
	change(password, "weak").refused(t, "InvalidPasswordException", "Password did not conform with policy: Password not long enough")
	change("", fresh).refused(t, "InvalidParameterException", "Missing required parameter PreviousPassword")
	change(password, "").refused(t, "InvalidParameterException", "1 validation error detected: Value at 'proposedPassword' failed to satisfy constraint: Member must not be null")
	change(fresh, fresh).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	change(password, fresh).ok(t)
	w.login("web", "ann", fresh).signedIn(t)
	w.login("web", "ann", password).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	w.call("GetUser", p{"AccessToken": login.result("AccessToken")}).ok(t)
	for range 3 {
		change(fresh, fresh).ok(t)
	}
	change(fresh, fresh).refused(t, "LimitExceededException", limited)
	w.set("ann", func(u *store.User) { u.Verifier = srp.Verifier{} })
	w.wait(59 * time.Minute)
	w.wait(59 * time.Minute)
	login = w.callRefresh(login)
	change("", password).ok(t)
	w.login("web", "ann", password).signedIn(t)
}

// callRefresh is a sign-in with new tokens.
func (w *world) callRefresh(r reply) reply {
	w.t.Helper()
	return w.call("GetTokensFromRefreshToken", p{"ClientId": "web", "RefreshToken": r.result("RefreshToken")}).ok(w.t)
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(pool *store.Pool) {
		pool.RequiredAttributes, pool.CustomAttributes = []string{"email"}, []string{"custom:tenant"}
	})
	token := w.login("web", "ann", password).signedIn(t).result("AccessToken")
	update := func(pairs ...string) reply {
		list := []p{}
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, p{"Name": pairs[i], "Value": pairs[i+1]})
		}
		return w.call("UpdateUserAttributes", p{"AccessToken": token, "UserAttributes": list})
	}
	attributes := func() map[string]string {
		user, _ := w.h.Store.Find(poolID, "ann")
		return user.Attributes
	}
	if got := update("name", "Ann", "custom:tenant", "7").ok(t); got.Raw != "{}" {
		t.Errorf("answer %s", got.Raw)
	}
	got := update("email", "anna@example.com").ok(t)
	if !strings.Contains(got.Raw, `"CodeDeliveryDetailsList":[{"AttributeName":"email","DeliveryMedium":"EMAIL","Destination":"a***@e***"}]`) {
		t.Errorf("answer %s", got.Raw)
	}
	want := map[string]string{"name": "Ann", "custom:tenant": "7", "email": "anna@example.com", "email_verified": "false"}
	if diff := cmp.Diff(want, attributes()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	verify := func(name, code string) reply {
		return w.call("VerifyUserAttribute", p{"AccessToken": token, "AttributeName": name, "Code": code})
	}
	verify("email", other(w.lastCode())).refused(t, "CodeMismatchException", badCode)
	verify("phone_number", w.lastCode()).refused(t, "ExpiredCodeException", codeOver)
	verify("email", w.lastCode()).ok(t)
	verify("email", w.lastCode()).refused(t, "ExpiredCodeException", codeOver)
	if attributes()["email_verified"] != "true" {
		t.Error("the address is not verified")
	}
	w.login("web", "anna@example.com", password).signedIn(t)
	if got := update("email", "anna@example.com").ok(t); got.Raw != "{}" || attributes()["email_verified"] != "true" {
		t.Errorf("the same address again: %s", got.Raw)
	}
	update("name", "").ok(t)
	remove := func(names ...string) reply {
		return w.call("DeleteUserAttributes", p{"AccessToken": token, "UserAttributeNames": names})
	}
	remove("custom:tenant").ok(t)
	if diff := cmp.Diff(map[string]string{"email": "anna@example.com", "email_verified": "true"}, attributes()); diff != "" {
		t.Errorf("after removing (-want +got):\n%s", diff)
	}
	const required = "Attributes did not conform to the schema: email: The attribute is required"
	remove("email").refused(t, "InvalidParameterException", required)
	update("email", "").refused(t, "InvalidParameterException", required)
	remove().refused(t, "InvalidParameterException", "1 validation error detected: Value at 'userAttributeNames' failed to satisfy constraint: Member must not be null")
	update().refused(t, "InvalidParameterException", "1 validation error detected: Value at 'userAttributes' failed to satisfy constraint: Member must not be null")
	remove("custom:none").refused(t, "InvalidParameterException", "Attributes did not conform to the schema: custom:none: Attribute does not exist in schema.")
	update("email_verified", "true").refused(t, "NotAuthorizedException", "A client attempted to write unauthorized attribute")
}

// TestTakenAlias: an address belongs to whoever proves it, and to one user.
func TestTakenAlias(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.login("web", "ann", password).signedIn(t).result("AccessToken")
	w.call("UpdateUserAttributes", p{"AccessToken": token, "UserAttributes": []p{{"Name": "email", "Value": "new@example.com"}}}).ok(t)
	w.call("VerifyUserAttribute", p{"AccessToken": token, "AttributeName": "email", "Code": w.lastCode()}).
		refused(t, "AliasExistsException", "An account with the given email already exists.")
}

func TestAttributeCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.login("web", "ann", password).signedIn(t).result("AccessToken")
	ask := func(name string) reply {
		return w.call("GetUserAttributeVerificationCode", p{"AccessToken": token, "AttributeName": name})
	}
	ask("phone_number").refused(t, "InvalidParameterException", "The user has no phone_number to verify.")
	ask("name").refused(t, "InvalidParameterException", "The user has no name to verify.")
	w.set("ann", func(u *store.User) { u.Attributes["phone_number"] = "+15555550101" })
	for range 5 {
		if got := ask("phone_number").ok(t); !strings.Contains(got.Raw, `"Destination":"+*******0101"`) {
			t.Errorf("answer %s", got.Raw)
		}
	}
	ask("phone_number").refused(t, "LimitExceededException", limited)
	ask("email").ok(t)
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.login("web", "ann", password).signedIn(t), w.login("legacy", "ann", password).signedIn(t)
	token := func(r reply) p { return p{"AccessToken": r.result("AccessToken")} }
	w.call("GlobalSignOut", token(first)).ok(t)
	w.call("GlobalSignOut", token(first)).refused(t, "NotAuthorizedException", "Access Token has been revoked")
	w.call("GetUser", token(second)).refused(t, "NotAuthorizedException", "Access Token has been revoked")
	w.call("GetTokensFromRefreshToken", p{"ClientId": "legacy", "RefreshToken": second.result("RefreshToken")}).
		refused(t, "NotAuthorizedException", "Refresh Token has been revoked")
	// A client without token revocation has no origin_jti in its tokens.
	keeping := w.login("keeping", "ann", password).signedIn(t)
	w.call("GlobalSignOut", token(keeping)).ok(t)
	w.call("GlobalSignOut", token(keeping)).refused(t, "NotAuthorizedException", "Access Token has been revoked")
	third := w.login("web", "ann", password).signedIn(t)
	w.call("DeleteUser", token(third)).ok(t)
	w.call("GetUser", token(third)).refused(t, "UserNotFoundException", "User does not exist.")
	w.login("legacy", "ann", password).refused(t, "UserNotFoundException", "User does not exist.")
}

func TestAuthFactors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, everyFactor)
	token := w.login("web", "ann", password).signedIn(t).result("AccessToken")
	got := w.call("GetUserAuthFactors", p{"AccessToken": token}).ok(t)
	if diff := cmp.Diff(map[string]any{"Username": "ann", "ConfiguredUserAuthFactors": []any{"PASSWORD", "EMAIL_OTP"}}, got.Body); diff != "" {
		t.Errorf("factors (-want +got):\n%s", diff)
	}
}

func TestAdminUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login := w.login("web", "ann", password).signedIn(t)
	do := func(op string) reply {
		return w.call(op, p{"UserPoolId": poolID, "Username": "ann@example.com"})
	}
	got := do("AdminGetUser").ok(t)
	if got.Body["Username"] != "ann" || got.Body["UserStatus"] != "CONFIRMED" || got.Body["Enabled"] != true || !strings.Contains(got.Raw, `{"Name":"sub","Value":"sub-of-ann"}`) {
		t.Errorf("AdminGetUser: %s", got.Raw)
	}
	do("AdminDisableUser").ok(t)
	w.login("web", "ann", password).refused(t, "NotAuthorizedException", "User is disabled.")
	refresh := p{"ClientId": "web", "RefreshToken": login.result("RefreshToken")}
	w.call("GetUser", p{"AccessToken": login.result("AccessToken")}).refused(t, "NotAuthorizedException", "User is disabled.")
	w.call("GetTokensFromRefreshToken", refresh).refused(t, "NotAuthorizedException", "User is disabled.")
	w.call("InitiateAuth", initiate("REFRESH_TOKEN_AUTH", "web", p{"REFRESH_TOKEN": login.result("RefreshToken")})).
		refused(t, "NotAuthorizedException", "User is disabled.")
	do("AdminEnableUser").ok(t)
	w.call("GetUser", p{"AccessToken": login.result("AccessToken")}).refused(t, "NotAuthorizedException", "Access Token has been revoked")
	w.call("GetTokensFromRefreshToken", refresh).refused(t, "NotAuthorizedException", "Refresh Token has been revoked")
	login = w.login("web", "ann", password).signedIn(t)
	do("AdminUserGlobalSignOut").ok(t)
	w.call("GetUser", p{"AccessToken": login.result("AccessToken")}).refused(t, "NotAuthorizedException", "Access Token has been revoked")
	do("AdminResetUserPassword").ok(t)
	w.login("web", "ann", password).refused(t, "PasswordResetRequiredException", "Password reset required for the user")
	w.call("ConfirmForgotPassword", p{"ClientId": "web", "Username": "ann", "ConfirmationCode": w.lastCode(), "Password": fresh}).ok(t)
	w.login("web", "ann", fresh).signedIn(t)
	do("AdminDeleteUser").ok(t)
	for _, op := range []string{"AdminGetUser", "AdminDeleteUser", "AdminDisableUser", "AdminEnableUser", "AdminUserGlobalSignOut", "AdminResetUserPassword"} {
		do(op).refused(t, "UserNotFoundException", "User does not exist.")
		w.call(op, p{"UserPoolId": "us-east-1_x", "Username": "ann"}).refused(t, "ResourceNotFoundException", "User pool us-east-1_x does not exist.")
		w.send(map[string][]string{"X-Amz-Target": {targetPrefix + op}}, "{}").
			refused(t, "MissingAuthenticationTokenException", "Missing Authentication Token")
	}
}
