package userpool

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

func initiate(flow, client string, parameters p) p {
	return p{"AuthFlow": flow, "ClientId": client, "AuthParameters": parameters}
}

func answer(challenge string, responses p) p {
	return p{"ChallengeName": challenge, "ClientId": "web", "ChallengeResponses": responses}
}

type refusal struct {
	name, op      string
	in            any
	code, message string
}

// TestRefusals holds every refusal that needs no history. The texts are those
// that were recorded from AWS, where there is a record.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.h.Store.Create(poolID, store.User{Username: "imported", Sub: "imported", Status: store.ResetRequired}, false); err != nil {
		t.Fatal(err)
	}
	tables := map[string][]refusal{
		"initiate": initiateRefusals(), "respond": respondRefusals(), "signup": signUpRefusals(), "admin": adminRefusals(), "tokens": tokenRefusals(),
	}
	for family, rows := range tables {
		for _, row := range rows {
			t.Run(family+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				w.call(row.op, row.in).refused(t, row.code, row.message)
			})
		}
	}
}

func initiateRefusals() []refusal {
	const op = "InitiateAuth"
	pass := func(client, user, word string) p {
		return initiate("USER_PASSWORD_AUTH", client, p{"USERNAME": user, "PASSWORD": word})
	}
	hashed := func(client, hash string) p {
		return initiate("USER_PASSWORD_AUTH", client, p{"USERNAME": "ann", "PASSWORD": password, "SECRET_HASH": hash})
	}
	srpA := func(a string) p { return initiate("USER_SRP_AUTH", "web", p{"USERNAME": "ann", "SRP_A": a}) }
	const badA = "SRP_A is not a valid public value."
	const null = "failed to satisfy constraint: Member must not be null"
	return []refusal{
		{"nothing", op, p{}, "InvalidParameterException", "2 validation errors detected: Value at 'authFlow' " + null + "; Value at 'clientId' " + null},
		{"no such flow", op, initiate("GUESS", "web", nil), "InvalidParameterException", "1 validation error detected: Value 'GUESS' at 'authFlow' failed to satisfy constraint: Member must satisfy enum value set: [USER_SRP_AUTH, REFRESH_TOKEN_AUTH, REFRESH_TOKEN, CUSTOM_AUTH, ADMIN_NO_SRP_AUTH, USER_PASSWORD_AUTH, ADMIN_USER_PASSWORD_AUTH, USER_AUTH]"},
		{"no such client", op, pass("nobody", "ann", password), "ResourceNotFoundException", "User pool client nobody does not exist."},
		{"client id that is too long", op, pass(strings.Repeat("x", 129), "ann", password), "InvalidParameterException", "1 validation error detected: Value at 'clientId' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"client id of another form", op, pass("web\x1b[2J", "ann", password), "InvalidParameterException", "1 validation error detected: Value at 'clientId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+]+"},
		{"admin flow", op, initiate("ADMIN_USER_PASSWORD_AUTH", "none", nil), "InvalidParameterException", "Initiate Auth method not supported."},
		{"choice flow off", op, initiate("USER_AUTH", "none", nil), "InvalidParameterException", "USER_AUTH flow not enabled for this client"},
		{"choice flow, no username", op, initiate("USER_AUTH", "web", nil), "InvalidParameterException", "Missing required parameter USERNAME"},
		{"choice flow, unknown user, told so", op, initiate("USER_AUTH", "legacy", p{"USERNAME": "nobody"}), "UserNotFoundException", "User does not exist."},
		{"custom flow without triggers", op, initiate("CUSTOM_AUTH", "web", nil), "InvalidParameterException", "Custom auth lambda trigger is not configured for the user pool."},
		{"password flow off", op, pass("none", "ann", password), "InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client"},
		{"SRP off", op, initiate("USER_SRP_AUTH", "none", p{"USERNAME": "ann", "SRP_A": "2"}), "InvalidParameterException", "USER_SRP_AUTH is not enabled for the client."},
		{"refresh off", op, initiate("REFRESH_TOKEN", "none", p{"REFRESH_TOKEN": "x"}), "InvalidParameterException", "Auth flow not enabled for this client"},
		{"no username", op, pass("web", "", password), "InvalidParameterException", "Missing required parameter USERNAME"},
		{"no password", op, pass("web", "ann", ""), "InvalidParameterException", "Missing required parameter PASSWORD"},
		{"no SRP_A", op, srpA(""), "InvalidParameterException", "Missing required parameter SRP_A"},
		{"no refresh token", op, initiate("REFRESH_TOKEN_AUTH", "web", nil), "InvalidParameterException", "Missing required parameter REFRESH_TOKEN"},
		{"no secret hash", op, hashed("backend", ""), "NotAuthorizedException", "Client backend is configured with secret but SECRET_HASH was not received"},
		{"wrong secret hash", op, hashed("backend", "d3Jvbmc="), "NotAuthorizedException", "Unable to verify secret hash for client backend"},
		{"secret hash of a public client", op, hashed("web", "d3Jvbmc="), "NotAuthorizedException", "Unable to verify secret hash for client web"},
		{"wrong password", op, pass("web", "ann", "Passw0rd?"), "NotAuthorizedException", "Incorrect username or password."},
		{"unknown user", op, pass("web", "nobody", password), "NotAuthorizedException", "Incorrect username or password."},
		{"unknown user, told so", op, pass("legacy", "nobody", password), "UserNotFoundException", "User does not exist."},
		{"unknown user by SRP, told so", op, initiate("USER_SRP_AUTH", "legacy", p{"USERNAME": "nobody", "SRP_A": "2"}), "UserNotFoundException", "User does not exist."},
		{"sub as username, told so", op, pass("legacy", "sub-of-ann", password), "UserNotFoundException", "User does not exist."},
		{"user without password", op, pass("web", "nopass", ""), "InvalidParameterException", "Missing required parameter PASSWORD"},
		{"user without password, some", op, pass("web", "nopass", password), "NotAuthorizedException", "Incorrect username or password."},
		{"disabled", op, pass("web", "off", password), "NotAuthorizedException", "User is disabled."},
		{"disabled, wrong password", op, pass("web", "off", "Wrong0ne!"), "NotAuthorizedException", "Incorrect username or password."},
		{"disabled, wrong password, told so", op, pass("legacy", "off", "Wrong0ne!"), "NotAuthorizedException", "User is disabled."},
		{"imported", op, pass("web", "imported", password), "NotAuthorizedException", "Incorrect username or password."},
		{"imported, told so", op, pass("legacy", "imported", password), "PasswordResetRequiredException", "Password reset required for the user"},
		{"unconfirmed", op, pass("web", "fresh", password), "UserNotConfirmedException", "User is not confirmed."},
		{"unconfirmed comes before the password", op, pass("web", "fresh", "Wrong0ne!"), "UserNotConfirmedException", "User is not confirmed."},
		{"reset required", op, pass("web", "reset", password), "PasswordResetRequiredException", "Password reset required for the user"},
		{"temporary password over", op, pass("web", "late", password), "NotAuthorizedException", "Temporary password has expired and must be reset by an administrator."},
		{"SRP_A zero", op, srpA("0"), "InvalidParameterException", badA},
		{"SRP_A not hex", op, srpA("xyz"), "InvalidParameterException", badA},
		{"SRP_A too large", op, srpA(strings.Repeat("f", 768)), "InvalidParameterException", badA},
		{"refresh token nobody issued", op, initiate("REFRESH_TOKEN_AUTH", "web", p{"REFRESH_TOKEN": "a.b.c.d.e"}), "NotAuthorizedException", "Invalid Refresh Token"},
		{"refresh without secret hash", op, initiate("REFRESH_TOKEN", "backend", p{"REFRESH_TOKEN": "a.b.c.d.e"}), "NotAuthorizedException", "Client backend is configured with secret but SECRET_HASH was not received"},
	}
}

func respondRefusals() []refusal {
	const op = "RespondToAuthChallenge"
	claim := func(change p) p {
		responses := p{"USERNAME": "ann", "PASSWORD_CLAIM_SIGNATURE": "c2ln", "PASSWORD_CLAIM_SECRET_BLOCK": "YmxvY2s=", "TIMESTAMP": "Thu Nov 5 15:04:05 UTC 2026"}
		for name, value := range change {
			responses[name] = value
		}
		return answer("PASSWORD_VERIFIER", responses)
	}
	fresh := p{"USERNAME": "new", "NEW_PASSWORD": "An0ther!pw"}
	withSession := func(challenge, session string, responses p) p {
		in := answer(challenge, responses)
		in["Session"] = session
		return in
	}
	const timestamp = "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."
	return []refusal{
		{"no challenge", op, answer("", nil), "InvalidParameterException", "1 validation error detected: Value at 'challengeName' failed to satisfy constraint: Member must not be null"},
		{"no such client", op, p{"ChallengeName": "PASSWORD_VERIFIER", "ClientId": "x"}, "ResourceNotFoundException", "User pool client x does not exist."},
		{"no username", op, claim(p{"USERNAME": ""}), "InvalidParameterException", "Missing required parameter USERNAME"},
		{"no signature", op, claim(p{"PASSWORD_CLAIM_SIGNATURE": ""}), "InvalidParameterException", "Missing required parameter PASSWORD_CLAIM_SIGNATURE"},
		{"no secret block", op, claim(p{"PASSWORD_CLAIM_SECRET_BLOCK": ""}), "InvalidParameterException", "Missing required parameter PASSWORD_CLAIM_SECRET_BLOCK"},
		{"no timestamp", op, claim(p{"TIMESTAMP": ""}), "InvalidParameterException", "Missing required parameter TIMESTAMP"},
		{"timestamp in another form", op, claim(p{"TIMESTAMP": "2026-11-05T15:04:05Z"}), "InvalidParameterException", timestamp},
		{"timestamp in another zone", op, claim(p{"TIMESTAMP": "Thu Nov 5 15:04:05 CET 2026"}), "InvalidParameterException", timestamp},
		{"secret block not base64", op, claim(p{"PASSWORD_CLAIM_SECRET_BLOCK": "%%%"}), "InvalidParameterException", "PASSWORD_CLAIM_SECRET_BLOCK is not valid base64."},
		{"secret block invented", op, claim(nil), "NotAuthorizedException", "Incorrect username or password."},
		{"secret hash from a public client", op, claim(p{"SECRET_HASH": "eA=="}), "NotAuthorizedException", "Unable to verify secret hash for client web"},
		{"no new password", op, withSession("NEW_PASSWORD_REQUIRED", strings.Repeat("s", 20), p{"USERNAME": "new"}), "InvalidParameterException", "Missing required parameter NEW_PASSWORD"},
		{"new password, no session", op, answer("NEW_PASSWORD_REQUIRED", fresh), "InvalidParameterException", "Missing required parameter Session"},
		{"new password, session invented", op, withSession("NEW_PASSWORD_REQUIRED", "invented, and long enough", fresh), "NotAuthorizedException", "Invalid session for the user."},
		{"challenge nobody was given", op, withSession("SMS_MFA", "invented, and long enough", p{"USERNAME": "ann", "SMS_MFA_CODE": "123456"}), "NotAuthorizedException", "Invalid session for the user."},
		{"challenge nobody was given, no session", op, answer("SMS_MFA", p{"USERNAME": "ann"}), "InvalidParameterException", "Missing required parameter Session"},
	}
}

func signUpRefusals() []refusal {
	signUp := func(change p) p {
		in := p{"ClientId": "web", "Username": "carl", "Password": password}
		for name, value := range change {
			in[name] = value
		}
		return in
	}
	pass := func(word string) p { return signUp(p{"Password": word}) }
	with := func(name, value string) p { return signUp(p{"UserAttributes": []p{{"Name": name, "Value": value}}}) }
	confirm := func(client, user string) p {
		return p{"ClientId": client, "Username": user, "ConfirmationCode": "123456"}
	}
	const op, cop = "SignUp", "ConfirmSignUp"
	const policy, code = "Password did not conform with policy: ", "InvalidPasswordException"
	return []refusal{
		{"no password", op, pass(""), "InvalidParameterException", "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null"},
		{"endless password", op, pass(strings.Repeat("Aa1!", 65)), "InvalidParameterException", "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must have length less than or equal to 256"},
		{"username with a space", op, signUp(p{"Username": "carl x"}), "InvalidParameterException", `1 validation error detected: Value at 'username' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+`},
		{"endless username", op, signUp(p{"Username": strings.Repeat("x", 129)}), "InvalidParameterException", "1 validation error detected: Value at 'username' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"no such client", op, signUp(p{"ClientId": "x"}), "ResourceNotFoundException", "User pool client x does not exist."},
		{"no secret hash", op, signUp(p{"ClientId": "backend"}), "NotAuthorizedException", "Client backend is configured with secret but SECRET_HASH was not received"},
		{"wrong secret hash", op, signUp(p{"ClientId": "backend", "SecretHash": "eA=="}), "NotAuthorizedException", "SecretHash does not match for the client: backend"},
		{"short", op, pass("Aa1!567"), code, policy + "Password not long enough"},
		{"no uppercase", op, pass("passw0rd!"), code, policy + "Password must have uppercase characters"},
		{"no lowercase", op, pass("PASSW0RD!"), code, policy + "Password must have lowercase characters"},
		{"no digit", op, pass("Password!"), code, policy + "Password must have numeric characters"},
		{"no symbol", op, pass("Passw0rdx"), code, policy + "Password must have symbol characters"},
		{"only a leading space", op, pass(" Passw0rdx"), code, policy + "Password must have symbol characters"},
		{"username taken", op, signUp(p{"Username": "Ann"}), "UsernameExistsException", "User already exists"},
		{"e-mail as username beside the alias", op, signUp(p{"Username": "carl@example.com"}), "InvalidParameterException", "Username cannot be of email format, since user pool is configured for email alias."},
		{"attribute outside the schema", op, with("custom:none", "x"), "InvalidParameterException", "Attributes did not conform to the schema: custom:none: Attribute does not exist in schema."},
		{"verified by himself", op, with("email_verified", "true"), "NotAuthorizedException", "A client attempted to write unauthorized attribute"},
		{"own sub", op, with("sub", "x"), "InvalidParameterException", "Cannot modify the non-mutable attribute sub"},
		{"e-mail that is none", op, with("email", "carl"), "InvalidParameterException", "Invalid email address format."},
		{"phone that is none", op, with("phone_number", "0301234"), "InvalidParameterException", "Invalid phone number format."},
		{"confirm: nothing", cop, p{"ClientId": "web", "Username": "fresh"}, "InvalidParameterException", "1 validation error detected: Value at 'confirmationCode' failed to satisfy constraint: Member must not be null"},
		{"endless attribute", op, with("name", strings.Repeat("x", 2049)), "InvalidParameterException", "1 validation error detected: Value at 'userAttributes.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 2048"},
		{"endless name of an attribute", op, with(strings.Repeat("x", 33), "x"), "InvalidParameterException", "1 validation error detected: Value at 'userAttributes.1.member.name' failed to satisfy constraint: Member must have length less than or equal to 32"},
		{"attribute without a name", op, with("", "x"), "InvalidParameterException", "1 validation error detected: Value at 'userAttributes.1.member.name' failed to satisfy constraint: Member must not be null"},
		{"confirm: username with a space", cop, confirm("web", "ann x"), "InvalidParameterException", `1 validation error detected: Value at 'username' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+`},
		{"forgot: endless username", "ForgotPassword", p{"ClientId": "web", "Username": strings.Repeat("x", 129)}, "InvalidParameterException", "1 validation error detected: Value at 'username' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"confirm: confirmed", cop, confirm("web", "ann"), "NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED"},
		{"confirm: no code was sent", cop, confirm("web", "fresh"), "ExpiredCodeException", "Invalid code provided, please request a code again."},
		{"confirm: unknown user", cop, confirm("web", "nobody"), "ExpiredCodeException", "Invalid code provided, please request a code again."},
		{"confirm: unknown user, told so", cop, confirm("legacy", "nobody"), "UserNotFoundException", "Username/client id combination not found."},
		{"confirm: no secret hash", cop, confirm("backend", "fresh"), "NotAuthorizedException", "Client backend is configured with secret but SECRET_HASH was not received"},
	}
}

func adminRefusals() []refusal {
	const op, sop = "AdminCreateUser", "AdminSetUserPassword"
	create := func(change p) p {
		in := p{"UserPoolId": poolID, "Username": "carl"}
		for name, value := range change {
			in[name] = value
		}
		return in
	}
	set := func(pool, user, word string) p { return p{"UserPoolId": pool, "Username": user, "Password": word} }
	return []refusal{
		{"create: no pool", op, create(p{"UserPoolId": ""}), "InvalidParameterException", "1 validation error detected: Value at 'userPoolId' failed to satisfy constraint: Member must not be null"},
		{"create: pool of another form", op, create(p{"UserPoolId": "pool"}), "InvalidParameterException", "1 validation error detected: Value 'pool' at 'userPoolId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+"},
		{"create: pool too long", op, create(p{"UserPoolId": "a_" + strings.Repeat("x", 54)}), "InvalidParameterException", "1 validation error detected: Value at 'userPoolId' failed to satisfy constraint: Member must have length less than or equal to 55"},
		{"set: username with a control character", sop, set(poolID, "a\x01", password), "InvalidParameterException", `1 validation error detected: Value at 'username' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+`},
		{"create: unknown pool", op, create(p{"UserPoolId": "us-east-1_x"}), "ResourceNotFoundException", "User pool us-east-1_x does not exist."},
		{"create: weak", op, create(p{"TemporaryPassword": "weak"}), "InvalidPasswordException", "Password did not conform with policy: Password not long enough"},
		{"create: taken", op, create(p{"Username": "ann"}), "UsernameExistsException", "User account already exists"},
		{"create: alias taken", op, create(p{"UserAttributes": []p{{"Name": "email", "Value": "ann@example.com"}, {"Name": "email_verified", "Value": "true"}}}), "AliasExistsException", "An account with the given email already exists."},
		{"create: action", op, create(p{"MessageAction": "SHOUT"}), "InvalidParameterException", "1 validation error detected: Value 'SHOUT' at 'messageAction' failed to satisfy constraint: Member must satisfy enum value set: [RESEND, SUPPRESS]"},
		{"resend: unknown", op, create(p{"MessageAction": "RESEND"}), "UserNotFoundException", "User does not exist."},
		{"resend: too late", op, create(p{"MessageAction": "RESEND", "Username": "ann"}), "UnsupportedUserStateException", "Resend not possible. ann status is not FORCE_CHANGE_PASSWORD"},
		{"set: unknown pool", sop, set("us-east-1_x", "ann", password), "ResourceNotFoundException", "User pool us-east-1_x does not exist."},
		{"set: unknown user", sop, set(poolID, "nobody", password), "UserNotFoundException", "User does not exist."},
		{"set: weak", sop, set(poolID, "ann", "weak"), "InvalidPasswordException", "Password did not conform with policy: Password not long enough"},
	}
}

func tokenRefusals() []refusal {
	const op, gop, rop = "GetUser", "GetTokensFromRefreshToken", "RevokeToken"
	get := func(client, secret string) p {
		return p{"ClientId": client, "RefreshToken": "a.b.c.d.e", "ClientSecret": secret}
	}
	revoke := func(client, secret string) p {
		return p{"ClientId": client, "Token": "a.b.c.d.e", "ClientSecret": secret}
	}
	return []refusal{
		{"no access token", op, p{}, "InvalidParameterException", "1 validation error detected: Value at 'accessToken' failed to satisfy constraint: Member must not be null"},
		{"bearer prefix", op, p{"AccessToken": "Bearer x"}, "InvalidParameterException", "1 validation error detected: Value at 'accessToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9-_=.]+"},
		{"not a token", op, p{"AccessToken": "x.y.z"}, "NotAuthorizedException", "Invalid Access Token"},
		{"get tokens: nothing", gop, p{"ClientId": "web"}, "InvalidParameterException", "1 validation error detected: Value at 'refreshToken' failed to satisfy constraint: Member must not be null"},
		{"get tokens: no such client", gop, get("x", ""), "ResourceNotFoundException", "User pool client x does not exist."},
		{"get tokens: no secret", gop, get("backend", ""), "NotAuthorizedException", "Unable to verify secret for client backend"},
		{"get tokens: wrong secret", gop, get("backend", "x"), "NotAuthorizedException", "Unable to verify secret for client backend"},
		{"get tokens: unknown", gop, get("backend", secret), "NotAuthorizedException", "Invalid Refresh Token"},
		{"revoke: nothing", rop, p{"ClientId": "web"}, "InvalidParameterException", "1 validation error detected: Value at 'token' failed to satisfy constraint: Member must not be null"},
		{"revoke: no such client", rop, revoke("x", ""), "InvalidParameterException", "User pool client x does not exist."},
		{"revoke: no secret", rop, revoke("backend", ""), "UnauthorizedException", "Invalid client secret."},
		{"revoke: secret of a public client", rop, revoke("web", "x"), "UnauthorizedException", "Invalid client secret."},
		{"revoke: off", rop, revoke("keeping", ""), "UnsupportedOperationException", "Token revocation is not enabled for this client."},
	}
}

// TestSettingsRefuse covers refusals that come from the pool's settings.
func TestSettingsRefuse(t *testing.T) {
	t.Parallel()
	required := newWorld(t, func(pool *store.Pool) { pool.RequiredAttributes = []string{"name", "email"} })
	required.call("SignUp", p{"ClientId": "web", "Username": "carl", "Password": password}).
		refused(t, "InvalidParameterException", "Attributes did not conform to the schema: name, email: The attribute is required")
	closed := newWorld(t, func(pool *store.Pool) { pool.AdminCreateOnly = true })
	closed.call("SignUp", p{"ClientId": "web", "Username": "carl", "Password": password}).
		refused(t, "NotAuthorizedException", "SignUp is not permitted for this user pool")
	byEmail := newWorld(t, func(pool *store.Pool) { pool.UsernameAttributes = []string{"email"} })
	byEmail.call("SignUp", p{"ClientId": "web", "Username": "carl", "Password": password}).
		refused(t, "InvalidParameterException", "Username should be an email.")
	byPhone := newWorld(t, func(pool *store.Pool) { pool.UsernameAttributes = []string{"phone_number"} })
	byPhone.call("SignUp", p{"ClientId": "web", "Username": "carl", "Password": password}).
		refused(t, "InvalidParameterException", "Username should be either an email or a phone number.")
}

// TestShapes: members that the API reference bounds are judged before anything is
// looked up, and those that do nothing here are still of a type.
func TestShapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.login("web", "ann", password).signedIn(t).result("AccessToken")
	long := strings.Repeat("a", 2049)
	at := func(member, constraint string) string {
		return "1 validation error detected: Value at '" + member + "' failed to satisfy constraint: " + constraint
	}
	const short, most = "Member must have length greater than or equal to 20", "Member must have length less than or equal to "
	const form = "Member must satisfy regular expression pattern: [A-Za-z0-9-_=.]+"
	user := func(more p) p {
		in := p{"UserPoolId": poolID, "ClientId": "web", "Username": "ann", "AccessToken": token}
		maps.Copy(in, more)
		return in
	}
	for _, tt := range []struct {
		op            string
		in            p
		code, message string
	}{
		{"RespondToAuthChallenge", user(p{"ChallengeName": "SMS_MFA", "Session": "nineteen characters"}), invalidParameter, at("session", short)},
		{"RespondToAuthChallenge", user(p{"ChallengeName": "SMS_MFA", "Session": long}), invalidParameter, at("session", most+"2048")},
		{"AdminRespondToAuthChallenge", user(p{"ChallengeName": "SMS_MFA", "Session": "short"}), invalidParameter, at("session", short)},
		{"InitiateAuth", user(p{"AuthFlow": "USER_AUTH", "Session": "short"}), invalidParameter, at("session", short)},
		{"AdminInitiateAuth", user(p{"AuthFlow": "USER_AUTH", "Session": "short"}), invalidParameter, at("session", short)},
		{"AssociateSoftwareToken", p{"Session": "short"}, invalidParameter, at("session", short)},
		{"VerifySoftwareToken", p{"Session": "short", "UserCode": "123456"}, invalidParameter, at("session", short)},
		{"ConfirmSignUp", user(p{"ConfirmationCode": "1", "Session": "short"}), invalidParameter, at("session", short)},
		{"ConfirmSignUp", user(p{"ConfirmationCode": long}), invalidParameter, at("confirmationCode", most+"2048")},
		{"ConfirmForgotPassword", user(p{"ConfirmationCode": long, "Password": password}), invalidParameter, at("confirmationCode", most+"2048")},
		{"VerifyUserAttribute", user(p{"AttributeName": "email", "Code": long}), invalidParameter, at("code", most+"2048")},
		{"VerifyUserAttribute", user(p{"AttributeName": long[:33], "Code": "1"}), invalidParameter, at("attributeName", most+"32")},
		{"GetUserAttributeVerificationCode", user(p{"AttributeName": long[:33]}), invalidParameter, at("attributeName", most+"32")},
		{"GetTokensFromRefreshToken", user(p{"RefreshToken": "two words"}), invalidParameter, at("refreshToken", form)},
		{"RevokeToken", user(p{"Token": "two words"}), invalidParameter, at("token", form)},
		{"ListDevices", user(p{"Limit": 61}), invalidParameter, "1 validation error detected: Value '61' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 60"},
		{"ListDevices", user(p{"Limit": -1}), invalidParameter, "1 validation error detected: Value '-1' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 0"},
		{"GetUserAttributeVerificationCode", user(p{"AttributeName": "email", "ClientMetadata": "x"}), serialization, "ClientMetadata has a value of the wrong type"},
		{"AdminResetUserPassword", user(p{"ClientMetadata": "x"}), serialization, "ClientMetadata has a value of the wrong type"},
		{"AdminCreateUser", user(p{"DesiredDeliveryMediums": "x"}), serialization, "DesiredDeliveryMediums has a value of the wrong type"},
		{"AdminInitiateAuth", user(p{"AuthFlow": "USER_AUTH", "ContextData": "x"}), serialization, "ContextData has a value of the wrong type"},
		{"AdminRespondToAuthChallenge", user(p{"ChallengeName": "SMS_MFA", "ContextData": "x"}), serialization, "ContextData has a value of the wrong type"},
	} {
		w.call(tt.op, tt.in).refused(t, tt.code, tt.message)
	}
	w.call("ListDevices", user(p{"Limit": 60})).ok(t)
	w.call("AdminInitiateAuth", user(p{"AuthFlow": "USER_AUTH", "AuthParameters": p{"USERNAME": "ann"}, "Session": strings.Repeat("x", 20)})).
		refused(t, notAuthorized, "Invalid session for the user.")
}

// TestWire covers what is refused before an operation sees the request.
func TestWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	target := func(op string) http.Header { return http.Header{"X-Amz-Target": {op}} }
	admin := func(authorization string) http.Header {
		h := target(targetPrefix + "AdminSetUserPassword")
		h["Authorization"] = []string{authorization}
		return h
	}
	const lacks = "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter."
	tests := []struct {
		name          string
		header        http.Header
		body          string
		code, message string
	}{
		{"no target", http.Header{}, "{}", "UnknownOperationException", "no operation is named in X-Amz-Target"},
		{"another service", target("DynamoDB_20120810.ListTables"), "{}", "UnknownOperationException", "no operation is named in X-Amz-Target"},
		{"unknown operation", target(targetPrefix + "DoIt"), "{}", "UnknownOperationException", "the sandbox does not know DoIt"},
		{"operation with odd characters", target(targetPrefix + "Do\x1b[2J"), "{}", "UnknownOperationException", "no operation is named in X-Amz-Target"},
		{"half an object", target(targetPrefix + "GetUser"), `{"AccessToken":`, "SerializationException", "The request body is not a JSON object"},
		{"two objects", target(targetPrefix + "GetUser"), `{} {}`, "SerializationException", "The request body is not a JSON object"},
		{"an array", target(targetPrefix + "GetUser"), `[]`, "SerializationException", "The request body is not a JSON object"},
		{"a number for a string", target(targetPrefix + "GetUser"), `{"AccessToken":1}`, "SerializationException", "AccessToken has a value of the wrong type"},
		{"members in another spelling", target(targetPrefix + "InitiateAuth"), `{"authFlow":"USER_AUTH","clientid":"web"}`, "InvalidParameterException",
			"2 validation errors detected: Value at 'authFlow' failed to satisfy constraint: Member must not be null; Value at 'clientId' failed to satisfy constraint: Member must not be null"},
		{"metadata that is no map", target(targetPrefix + "InitiateAuth"), `{"ClientMetadata":"x"}`, "SerializationException", "ClientMetadata has a value of the wrong type"},
		{"metadata that is no text", target(targetPrefix + "ForgotPassword"), `{"ClientMetadata":{"a":1}}`, "SerializationException", "ClientMetadata has a value of the wrong type"},
		{"context that is no object", target(targetPrefix + "RespondToAuthChallenge"), `{"UserContextData":[]}`, "SerializationException", "UserContextData has a value of the wrong type"},
		{"validation data that is none", target(targetPrefix + "SignUp"), `{"ValidationData":{"a":"b"}}`, "SerializationException", "ValidationData has a value of the wrong type"},
		{"no body", target(targetPrefix + "GetUser"), ``, "InvalidParameterException", "1 validation error detected: Value at 'accessToken' failed to satisfy constraint: Member must not be null"},
		{"body too large", target(targetPrefix + "GetUser"), `{"x":"` + strings.Repeat("x", MaxBody) + `"}`, "RequestEntityTooLargeException", "The request body is larger than 131072 bytes."},
		{"no credentials", target(targetPrefix + "AdminSetUserPassword"), "{}", "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"a bearer token", admin("Bearer x"), "{}", "IncompleteSignatureException", "Authorization header must be of the algorithm AWS4-HMAC-SHA256."},
		{"parameters lacking", admin("AWS4-HMAC-SHA256 x"), "{}", "IncompleteSignatureException", lacks},
		{"signature lacking", admin(strings.TrimSuffix(scope, "00")), "{}", "IncompleteSignatureException", "Authorization header requires 'Signature' parameter."},
		{"another service's scope", admin(strings.Replace(scope, "cognito-idp", "execute-api", 1)), "{}", "InvalidSignatureException", "Credential should be scoped to correct service: 'cognito-idp'."},
		{"another terminator", admin(strings.Replace(scope, "aws4_request", "aws3_request", 1)), "{}", "InvalidSignatureException", "Credential should be scoped with a valid terminator: 'aws4_request'."},
		{"a number in an embedded member", http.Header{"X-Amz-Target": {targetPrefix + "AdminInitiateAuth"}, "Authorization": {scope}}, `{"AuthFlow":1}`, "SerializationException", "AuthFlow has a value of the wrong type"},
		{"short scope", admin(strings.Replace(scope, "/aws4_request", "", 1)), "{}", "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."},
		{"good credentials", admin(scope), `{"UserPoolId":"x_y","Username":"y","Password":"z"}`, "ResourceNotFoundException", "User pool x_y does not exist."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w.send(tt.header, tt.body).refused(t, tt.code, tt.message)
		})
	}
}
