//go:build conformance

package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// lastCode is the newest code that a user was sent for a purpose, as the control
// listener tells it.
func lastCode(t *testing.T, at sandbox.Endpoints, username, kind string) string {
	t.Helper()
	query := url.Values{"username": {username}, "kind": {kind}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.Control+"/codes?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Cogctl-Key", at.ControlKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var codes []struct{ Code string }
	if err := json.NewDecoder(res.Body).Decode(&codes); err != nil || len(codes) == 0 {
		t.Fatalf("%s was sent no code for %s (%v)", username, kind, err)
	}
	return codes[len(codes)-1].Code
}

// wrongCode differs from a code in every digit.
func wrongCode(code string) string {
	wrong := []byte(code)
	for i, digit := range wrong {
		wrong[i] = '0' + (digit-'0'+5)%10
	}
	return string(wrong)
}

// clientUser is one of the CLI's users of the public client.
type clientUser struct {
	aws  awsCLI
	name string
}

// signIn is initiate-auth with a password.
func (u clientUser) signIn(password string) []string {
	return slices.Concat([]string{"initiate-auth"}, withClient,
		[]string{"--auth-flow", "USER_PASSWORD_AUTH", "--auth-parameters", "USERNAME=" + u.name + ",PASSWORD=" + password})
}

// named is an operation that names the client and the user.
func (u clientUser) named(operation string, args ...string) []string {
	return slices.Concat([]string{operation}, withClient, []string{"--username", u.name}, args)
}

func (u clientUser) refresh(token string) []string {
	return slices.Concat([]string{"initiate-auth"}, withClient,
		[]string{"--auth-flow", "REFRESH_TOKEN_AUTH", "--auth-parameters", "REFRESH_TOKEN=" + token})
}

// TestAWSCLIAccount walks an account's life without AWS credentials.
func TestAWSCLIAccount(t *testing.T) {
	t.Parallel()
	const second, third = "Brand-new-0!", "Brand-new-1!"
	at := startSandbox(t)
	u := clientUser{newAWSCLI(t, at.Cloud), "emil"}
	ok, refused := u.aws.ok, u.aws.refused

	signUp := u.named("sign-up", "--password", sandbox.DefaultPassword, "--user-attributes", "Name=email,Value=emil@example.com")
	ok(t, signUp...)
	refused(t, "UsernameExistsException", signUp...)
	first := lastCode(t, at, "emil", "SignUp")
	refused(t, "CodeMismatchException", u.named("confirm-sign-up", "--confirmation-code", wrongCode(first))...)
	sent := ok(t, u.named("resend-confirmation-code")...)
	if sent.CodeDeliveryDetails.DeliveryMedium != "EMAIL" {
		t.Errorf("resend-confirmation-code answered %+v", sent)
	}
	ok(t, u.named("confirm-sign-up", "--confirmation-code", lastCode(t, at, "emil", "ResendConfirmationCode"))...)

	tokens := ok(t, u.signIn(sandbox.DefaultPassword)...).AuthenticationResult
	withToken := func(operation string, args ...string) []string {
		return slices.Concat([]string{operation, "--access-token", tokens.AccessToken}, args)
	}
	refused(t, "NotAuthorizedException", withToken("change-password", "--previous-password", "Wr0ng-password!", "--proposed-password", second)...)
	ok(t, withToken("change-password", "--previous-password", sandbox.DefaultPassword, "--proposed-password", second)...)
	refused(t, "NotAuthorizedException", u.signIn(sandbox.DefaultPassword)...)
	ok(t, withToken("update-user-attributes", "--user-attributes", "Name=given_name,Value=Emil")...)
	if self := ok(t, withToken("get-user")...); self.attribute("given_name") != "Emil" || self.attribute("email_verified") != "true" {
		t.Errorf("get-user found %+v", self)
	}

	ok(t, u.named("forgot-password")...)
	code := lastCode(t, at, "emil", "ForgotPassword")
	reset := func(code string) []string {
		return u.named("confirm-forgot-password", "--confirmation-code", code, "--password", third)
	}
	refused(t, "CodeMismatchException", reset(wrongCode(code))...)
	ok(t, reset(code)...)
	refused(t, "NotAuthorizedException", u.signIn(second)...)

	tokens = ok(t, u.signIn(third)...).AuthenticationResult
	renewed := ok(t, u.refresh(tokens.RefreshToken)...).AuthenticationResult
	if renewed.AccessToken == tokens.AccessToken || renewed.RefreshToken != "" || claims(t, renewed.IdToken)["cognito:username"] != "emil" {
		t.Errorf("the refresh gave the refresh token %q and claims %v", renewed.RefreshToken, claims(t, renewed.IdToken))
	}
	// Version 2.9 of the CLI takes these two for operations that are signed.
	revoke := slices.Concat([]string{"--no-sign-request", "revoke-token"}, withClient, []string{"--token"})
	refused(t, "UnsupportedTokenTypeException", append(revoke, tokens.AccessToken)...)
	ok(t, append(revoke, tokens.RefreshToken)...)
	refused(t, "NotAuthorizedException", u.refresh(tokens.RefreshToken)...)
	refused(t, "NotAuthorizedException", withToken("get-user")...)
	tokens = ok(t, u.signIn(third)...).AuthenticationResult
	ok(t, append([]string{"--no-sign-request"}, withToken("global-sign-out")...)...)
	refused(t, "NotAuthorizedException", u.refresh(tokens.RefreshToken)...)
}

// TestAWSCLITemporary is a password that an administrator sets for a while: whoever
// signs in with it is asked for another.
func TestAWSCLITemporary(t *testing.T) {
	t.Parallel()
	at := startSandbox(t)
	u := clientUser{newAWSCLI(t, at.Cloud), "bob"}
	admin := u.aws.withCredentials(at)
	named := slices.Concat(inPool, []string{"--username", u.name})
	set := func(args ...string) []string {
		return slices.Concat([]string{"admin-set-user-password"}, named, args)
	}

	wrongKey := admin
	wrongKey.env = append(slices.Clone(admin.env), "AWS_SECRET_ACCESS_KEY=nothing")
	wrongKey.refused(t, "InvalidSignatureException", set("--password", "Temp0rary!", "--no-permanent")...)
	admin.refused(t, "InvalidPasswordException", set("--password", "weak", "--no-permanent")...)
	u.aws.ok(t, u.signIn(sandbox.DefaultPassword)...)
	admin.ok(t, set("--password", "Temp0rary!", "--no-permanent")...)
	if status := admin.ok(t, append([]string{"admin-get-user"}, named...)...).UserStatus; status != "FORCE_CHANGE_PASSWORD" {
		t.Errorf("the status is %s after a temporary password", status)
	}
	u.aws.refused(t, "NotAuthorizedException", u.signIn(sandbox.DefaultPassword)...)
	challenge := u.aws.ok(t, u.signIn("Temp0rary!")...)
	if challenge.ChallengeName != "NEW_PASSWORD_REQUIRED" || challenge.AuthenticationResult.AccessToken != "" {
		t.Fatalf("the temporary password gives the challenge %q", challenge.ChallengeName)
	}
	answer := func(password string) []string {
		return slices.Concat([]string{"respond-to-auth-challenge"}, withClient, []string{
			"--challenge-name", challenge.ChallengeName, "--session=" + challenge.Session,
			"--challenge-responses", "USERNAME=bob,NEW_PASSWORD=" + password,
		})
	}
	u.aws.refused(t, "InvalidPasswordException", answer("weak")...)
	u.aws.ok(t, answer("Brand-new-0!")...)
	u.aws.refused(t, "NotAuthorizedException", answer("Brand-new-1!")...)
	inSandboxAt(t, at, "bob", "Brand-new-0!").ok(t, "login")

	admin.ok(t, append([]string{"admin-disable-user"}, named...)...)
	u.aws.refused(t, "NotAuthorizedException", u.signIn("Brand-new-0!")...)
	admin.ok(t, append([]string{"admin-enable-user"}, named...)...)
	admin.ok(t, append([]string{"admin-reset-user-password"}, named...)...)
	u.aws.refused(t, "PasswordResetRequiredException", u.signIn("Brand-new-0!")...)
	admin.ok(t, append([]string{"admin-delete-user"}, named...)...)
	admin.refused(t, "UserNotFoundException", append([]string{"admin-get-user"}, named...)...)
}
