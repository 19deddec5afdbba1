package userpool

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

func (w *world) lastMessage() store.Message {
	w.t.Helper()
	messages := w.h.Store.Messages()
	if len(messages) == 0 {
		w.t.Fatal("the mailbox is empty")
	}
	return messages[len(messages)-1]
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := srp.SecretHash("carl", "backend", secret)
	got := w.call("SignUp", p{
		"ClientId": "backend", "Username": "carl", "Password": password, "SecretHash": hash,
		"UserAttributes": []p{{"Name": "email", "Value": "carl@example.com"}},
	}).ok(t)
	want := p{"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": "c***@e***"}
	if diff := cmp.Diff(want, got.Body["CodeDeliveryDetails"]); diff != "" || got.Body["UserConfirmed"] != false || len(str(got.Body["UserSub"])) != 36 {
		t.Errorf("answer %v\n%s", got.Body, diff)
	}
	m := w.lastMessage()
	if m.Kind != "SignUp" || m.Destination != "carl@example.com" || len(m.Code) != 6 || m.Username != "carl" {
		t.Errorf("message to %q for %q, kind %q", m.Destination, m.Username, m.Kind)
	}
	w.login("backend", "carl", password).refused(t, "UserNotConfirmedException", "User is not confirmed.")
	w.login("web", "carl@example.com", password).refused(t, "NotAuthorizedException", "Incorrect username or password.")

	confirm := func(code string) reply {
		return w.call("ConfirmSignUp", p{"ClientId": "backend", "Username": "carl", "ConfirmationCode": code, "SecretHash": hash})
	}
	wrong := "000000"
	if m.Code == wrong {
		wrong = "000001"
	}
	confirm(wrong).refused(t, "CodeMismatchException", "Invalid verification code provided, please try again.")
	if got := confirm(m.Code).ok(t); str(got.Body["Session"]) == "" || len(got.Body) != 1 {
		t.Errorf("answer %s", got.Raw)
	}
	confirm(m.Code).refused(t, "NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
	login := w.login("web", "carl@example.com", password).ok(t)
	if c := claims(t, login.result("IdToken"), sharedKeys().ID.Public(), start); c["email_verified"] != true {
		t.Errorf("email_verified %v", c["email_verified"])
	}
}

// TestSignUpWithoutPassword: where the pool signs in by code there need not be a
// password, and then none is right.
func TestSignUpWithoutPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *store.Pool) { p.FirstFactors = []string{"PASSWORD", "EMAIL_OTP"} })
	w.call("SignUp", p{
		"ClientId": "web", "Username": "carl", "UserAttributes": []p{{"Name": "email", "Value": "carl@example.com"}},
	}).ok(t)
	w.call("ConfirmSignUp", p{"ClientId": "web", "Username": "carl", "ConfirmationCode": w.lastMessage().Code}).ok(t)
	w.login("web", "carl", password).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	auth := p{"USERNAME": "carl", "PREFERRED_CHALLENGE": "EMAIL_OTP"}
	got := w.call("InitiateAuth", p{"ClientId": "web", "AuthFlow": "USER_AUTH", "AuthParameters": auth}).ok(t)
	if got.Body["ChallengeName"] != "EMAIL_OTP" {
		t.Errorf("answer %v", got.Body)
	}
}

// TestSignInFromSignUp: the code of a confirmed sign-up is the first factor of a
// USER_AUTH that follows at once, with the Session that ConfirmSignUp answered.
func TestSignInFromSignUp(t *testing.T) {
	t.Parallel()
	byCode := func(p *store.Pool) { p.FirstFactors = []string{"PASSWORD", "EMAIL_OTP", "SMS_OTP"} }
	w := newWorld(t, byCode)
	const invalid = "Invalid session for the user."
	phone := []p{{"Name": "phone_number", "Value": "+15555550100"}}
	session := w.signedUp("web", "carl", nil)
	w.begin("web", "ann", session).refused(t, "NotAuthorizedException", invalid)
	w.begin("legacy", "carl", session).refused(t, "NotAuthorizedException", invalid)
	w.begin("web", "nobody", session).refused(t, "NotAuthorizedException", invalid)
	w.begin("web", "carl", session+"x").refused(t, "NotAuthorizedException", invalid)
	w.respond("web", "EMAIL_OTP", p{"USERNAME": "carl", "EMAIL_OTP_CODE": "1"}).refused(t, "InvalidParameterException", "Missing required parameter Session")
	answer := p{"ClientId": "web", "ChallengeName": "EMAIL_OTP", "Session": session, "ChallengeResponses": p{"USERNAME": "carl", "EMAIL_OTP_CODE": "1"}}
	w.call("RespondToAuthChallenge", answer).refused(t, "NotAuthorizedException", invalid)
	if got := w.begin("web", "carl@example.com", session).ok(t); got.result("RefreshToken") == "" {
		t.Errorf("the challenge %v", got.Body["ChallengeName"])
	}
	w.begin("web", "carl", session).refused(t, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")

	if got := w.begin("backend", "dora", w.signedUp("backend", "dora", phone)).ok(t); got.result("RefreshToken") == "" {
		t.Errorf("with a code by SMS: the challenge %v", got.Body["ChallengeName"])
	}
	if got := w.signedUp("rotating", "emil", nil); got != "" {
		t.Error("a client that may not use USER_AUTH is given a Session for it")
	}
	late := w.signedUp("web", "fred", nil)
	w.wait(3*time.Minute + 1)
	w.begin("web", "fred", late).refused(t, "NotAuthorizedException", "Invalid session for the user, session is expired.")

	// Where nobody begins with a code, that one does not count either.
	for name, set := range map[string]func(*store.Pool){
		"no codes": func(*store.Pool) {},
		"a second factor": func(p *store.Pool) {
			byCode(p)
			p.MFA = "ON"
		},
	} {
		w := newWorld(t, set)
		if got := w.begin("web", "gina", w.signedUp("web", "gina", nil)).ok(t); got.Body["ChallengeName"] != "SELECT_CHALLENGE" {
			t.Errorf("%s: the challenge %v", name, got.Body["ChallengeName"])
		}
	}
}

// TestSignUpSession: the Session of SignUp lets ConfirmSignUp hand the password of the
// sign-up on, so that the sign-in that follows needs neither it nor a code. It stands a
// wrong code, and says nothing for another user or client.
func TestSignUpSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const invalid = "Invalid session for the user."
	signUp := func(client, name string) string {
		return str(w.call("SignUp", p{"ClientId": client, "Username": name, "Password": password, "UserAttributes": []p{{"Name": "email", "Value": name + "@example.com"}}}).ok(t).Body["Session"])
	}
	confirm := func(client, name, code, session string) reply {
		return w.call("ConfirmSignUp", p{"ClientId": client, "Username": name, "ConfirmationCode": code, "Session": session})
	}
	session := signUp("web", "carl")
	if session == "" {
		t.Fatal("SignUp answers without a Session")
	}
	code := w.lastMessage().Code
	if got := signUp("rotating", "emil"); got != "" {
		t.Error("a client that may not use USER_AUTH is given a Session for it")
	}
	other := signUp("web", "dora")
	confirm("web", "carl", code, other).refused(t, "NotAuthorizedException", invalid)
	confirm("legacy", "carl", code, session).refused(t, "NotAuthorizedException", invalid)
	confirm("web", "carl", code, session+"x").refused(t, "NotAuthorizedException", invalid)
	w.begin("web", "carl", session).refused(t, "UserNotConfirmedException", "User is not confirmed.")
	confirm("web", "carl", "000000x", session).refused(t, "CodeMismatchException", "Invalid verification code provided, please try again.")
	next := str(confirm("web", "carl", code, session).ok(t).Body["Session"])
	w.begin("web", "carl", session).refused(t, "NotAuthorizedException", invalid)
	w.begin("web", "dora", next).refused(t, "UserNotConfirmedException", "User is not confirmed.")
	if got := w.begin("web", "carl", next).ok(t); got.result("RefreshToken") == "" {
		t.Errorf("with the password of the sign-up: the challenge %v", got.Body["ChallengeName"])
	}

	// A code that comes later than the Session lasts confirms all the same, without it.
	w.wait(3*time.Minute + 1)
	code = w.lastMessage().Code
	late := str(confirm("web", "dora", code, other).ok(t).Body["Session"])
	if got := w.begin("web", "dora", late).ok(t); got.Body["ChallengeName"] != "SELECT_CHALLENGE" {
		t.Errorf("after a late confirmation: the challenge %v", got.Body["ChallengeName"])
	}

	// A second factor is asked for after the password as ever.
	w = newWorld(t, func(p *store.Pool) { p.MFA = "ON" })
	session = signUp("web", "gina")
	next = str(confirm("web", "gina", w.lastMessage().Code, session).ok(t).Body["Session"])
	if got := w.begin("web", "gina", next).ok(t); got.Body["ChallengeName"] != "EMAIL_OTP" || got.result("AccessToken") != "" {
		t.Errorf("with a second factor: the answer %v", got.Body)
	}
}

// signedUp makes and confirms a user, and returns the Session of ConfirmSignUp. His
// e-mail address is NAME@example.com unless he has other attributes.
func (w *world) signedUp(client, name string, attributes []p) string {
	w.t.Helper()
	if attributes == nil {
		attributes = []p{{"Name": "email", "Value": name + "@example.com"}}
	}
	hash := ""
	if client == "backend" {
		hash = srp.SecretHash(name, client, secret)
	}
	w.call("SignUp", p{"ClientId": client, "Username": name, "Password": password, "SecretHash": hash, "UserAttributes": attributes}).ok(w.t)
	return str(w.call("ConfirmSignUp", p{
		"ClientId": client, "Username": name, "ConfirmationCode": w.lastMessage().Code, "SecretHash": hash,
	}).ok(w.t).Body["Session"])
}

// begin is USER_AUTH with a Session.
func (w *world) begin(client, name, session string) reply {
	w.t.Helper()
	auth := p{"USERNAME": name}
	if client == "backend" {
		auth["SECRET_HASH"] = srp.SecretHash(name, client, secret)
	}
	return w.call("InitiateAuth", p{"ClientId": client, "AuthFlow": "USER_AUTH", "AuthParameters": auth, "Session": session})
}

// TestAdminWithoutPassword: a user who can sign in by code needs no password when
// the administrator gives him none (measured), nor a change of it.
func TestAdminWithoutPassword(t *testing.T) {
	t.Parallel()
	create := func(w *world, name, verified string) string {
		return w.call("AdminCreateUser", p{"UserPoolId": poolID, "Username": name, "MessageAction": "SUPPRESS", "UserAttributes": []p{
			{"Name": "email", "Value": name + "@example.com"}, {"Name": "email_verified", "Value": verified},
		}}).ok(t).Body["User"].(map[string]any)["UserStatus"].(string)
	}
	w := newWorld(t, func(p *store.Pool) { p.FirstFactors = []string{"PASSWORD", "EMAIL_OTP"} })
	if got := create(w, "carl", "true"); got != "CONFIRMED" {
		t.Errorf("status %s", got)
	}
	auth := initiate("USER_AUTH", "web", p{"USERNAME": "carl", "PREFERRED_CHALLENGE": "EMAIL_OTP"})
	r := w.call("InitiateAuth", auth).challenged(t, "EMAIL_OTP")
	w.answer(r, p{"USERNAME": "carl", "EMAIL_OTP_CODE": w.lastCode()}).signedIn(t)
	if got := create(w, "dora", "false"); got != "FORCE_CHANGE_PASSWORD" {
		t.Errorf("status %s without a verified address", got)
	}
	if got := create(newWorld(t), "emil", "true"); got != "FORCE_CHANGE_PASSWORD" {
		t.Errorf("status %s where only passwords sign in", got)
	}
}

func TestConfirmSignUpLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	signUp := func(name string) store.Message {
		w.call("SignUp", p{"ClientId": "web", "Username": name, "Password": password,
			"UserAttributes": []p{{"Name": "email", "Value": "shared@example.com"}}}).ok(t)
		return w.lastMessage()
	}
	confirm := func(m store.Message, force bool) reply {
		return w.call("ConfirmSignUp", p{"ClientId": "web", "Username": m.Username, "ConfirmationCode": m.Code, "ForceAliasCreation": force})
	}
	one, two, three, four := signUp("one"), signUp("two"), signUp("three"), signUp("four")
	confirm(one, false).ok(t)
	confirm(two, false).refused(t, "AliasExistsException", "An account with the given email already exists.")
	confirm(two, true).ok(t)
	if u, _ := w.h.Store.Find(poolID, "shared@example.com"); u.Username != "two" {
		t.Errorf("the alias belongs to %q", u.Username)
	}
	for range 15 {
		confirm(store.Message{Username: "three", Code: "x"}, false).refused(t, "CodeMismatchException", "Invalid verification code provided, please try again.")
	}
	confirm(three, true).refused(t, "LimitExceededException", "Attempt limit exceeded, please try after some time.")
	w.call("ResendConfirmationCode", p{"ClientId": "web", "Username": "three"}).ok(t)
	confirm(w.lastMessage(), true).refused(t, "LimitExceededException", "Attempt limit exceeded, please try after some time.")
	w.wait(time.Hour)
	confirm(w.lastMessage(), true).ok(t)
	w.wait(24*time.Hour + 1)
	confirm(four, true).refused(t, "ExpiredCodeException", "Invalid code provided, please request a code again.")
}

func TestSignUpVariants(t *testing.T) {
	t.Parallel()
	byEmail := newWorld(t, func(pool *store.Pool) { pool.UsernameAttributes, pool.AliasAttributes = []string{"email"}, nil })
	got := byEmail.call("SignUp", p{"ClientId": "web", "Username": "Carl@example.com", "Password": password}).ok(t)
	if m := byEmail.lastMessage(); m.Username != got.Body["UserSub"] || m.Destination != "Carl@example.com" {
		t.Errorf("the username is %q, the sub %q, the message goes to %q", m.Username, got.Body["UserSub"], m.Destination)
	}
	byEmail.call("SignUp", p{"ClientId": "web", "Username": "carl@EXAMPLE.com", "Password": password}).
		refused(t, "UsernameExistsException", "User already exists")
	if id := byEmail.handshake("web", "carl@example.com").reply.parameter("USER_ID_FOR_SRP"); id != got.Body["UserSub"] {
		t.Errorf("USER_ID_FOR_SRP %q, want the sub", id)
	}

	w := newWorld(t)
	nowhere := w.call("SignUp", p{"ClientId": "web", "Username": "dora", "Password": password}).ok(t)
	if _, there := nowhere.Body["CodeDeliveryDetails"]; there || len(w.h.Store.Messages()) != 0 {
		t.Error("a code was sent, and there is nowhere to send it")
	}
	bySMS := w.call("SignUp", p{"ClientId": "web", "Username": "emil", "Password": password,
		"UserAttributes": []p{{"Name": "phone_number", "Value": "+15551234567"}}}).ok(t)
	want := p{"AttributeName": "phone_number", "DeliveryMedium": "SMS", "Destination": "+*******4567"}
	if diff := cmp.Diff(want, bySMS.Body["CodeDeliveryDetails"]); diff != "" {
		t.Error(diff)
	}
	lax := newWorld(t, func(pool *store.Pool) {
		pool.Policy = store.PasswordPolicy{MinimumLength: 6, NoUppercase: true, NoSymbols: true, NoNumbers: true}
		pool.CustomAttributes = []string{"custom:tenant"}
	})
	lax.call("SignUp", p{"ClientId": "web", "Username": "fritz", "Password": "abcdef",
		"UserAttributes": []p{{"Name": "custom:tenant", "Value": "7"}, {"Name": "given_name", "Value": "F"}}}).ok(t)
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.call("AdminCreateUser", p{"UserPoolId": poolID, "Username": "carl", "UserAttributes": []p{
		{"Name": "email", "Value": "carl@example.com"}, {"Name": "email_verified", "Value": "true"},
	}}).ok(t)
	user := got.Body["User"].(map[string]any)
	if user["UserStatus"] != "FORCE_CHANGE_PASSWORD" || user["Enabled"] != true || user["Username"] != "carl" || len(user["Attributes"].([]any)) != 3 {
		t.Errorf("user %v", user)
	}
	if !strings.Contains(got.Raw, `"UserCreateDate":1793891045,`) {
		t.Errorf("UserCreateDate is not seconds since 1970 as a number: %v", user["UserCreateDate"])
	}
	m := w.lastMessage()
	if m.Kind != "AdminCreateUser" || m.Destination != "carl@example.com" {
		t.Errorf("message %q to %q", m.Kind, m.Destination)
	}
	if err := checkPolicy(store.PasswordPolicy{}, m.Code); err != nil {
		t.Errorf("the made password breaks the policy: %v", err)
	}
	if c := w.login("web", "carl@example.com", m.Code).ok(t).Body["ChallengeName"]; c != "NEW_PASSWORD_REQUIRED" {
		t.Errorf("challenge %v", c)
	}

	w.wait(7*24*time.Hour + 1)
	w.login("web", "carl", m.Code).refused(t, "NotAuthorizedException", "Temporary password has expired and must be reset by an administrator.")
	w.call("AdminCreateUser", p{"UserPoolId": poolID, "Username": "carl@example.com", "MessageAction": "RESEND", "TemporaryPassword": "Temp0rary!"}).ok(t)
	w.login("web", "carl", m.Code).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	w.login("web", "carl", "Temp0rary!").ok(t)
	if again := w.lastMessage(); again.Code != "Temp0rary!" || !again.Sent.Equal(w.clock()) {
		t.Error("no second message")
	}

	before := len(w.h.Store.Messages())
	w.call("AdminCreateUser", p{"UserPoolId": poolID, "Username": "dora", "TemporaryPassword": "Temp0rary!", "MessageAction": "SUPPRESS"}).ok(t)
	if len(w.h.Store.Messages()) != before {
		t.Error("SUPPRESS sent a message")
	}
	set := func(permanent bool) {
		w.call("AdminSetUserPassword", p{"UserPoolId": poolID, "Username": "dora", "Password": "An0ther!pw", "Permanent": permanent}).ok(t)
	}
	set(false)
	if c := w.login("web", "dora", "An0ther!pw").ok(t).Body["ChallengeName"]; c != "NEW_PASSWORD_REQUIRED" {
		t.Errorf("after a temporary password: challenge %v", c)
	}
	set(true)
	if w.login("web", "dora", "An0ther!pw").ok(t).result("IdToken") == "" {
		t.Error("after a permanent password: no tokens")
	}
}

func TestMasks(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"ann@example.com": "a***@e***", "ö@ü": "ö***@ü***", "@": "***@***"} {
		if got := maskEmail(in); got != want {
			t.Errorf("maskEmail(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"+15551234567": "+*******4567", "+123": "+123"} {
		if got := maskPhone(in); got != want {
			t.Errorf("maskPhone(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzHandler sends any body to any operation: the answer is JSON, never a
// panic turned into an InternalErrorException.
func FuzzHandler(f *testing.F) {
	for op := range operations() {
		f.Add(op, `{}`, scope)
		f.Add(op, `{"ClientId":"web","UserPoolId":"`+poolID+`","Username":"a","AuthFlow":"USER_SRP_AUTH","AuthParameters":{"USERNAME":"ann","SRP_A":"2"}}`, scope)
		f.Add(op, `{"ClientId":"web","ChallengeName":"PASSWORD_VERIFIER","ChallengeResponses":{"USERNAME":"a","TIMESTAMP":"Thu Nov 5 15:04:05 UTC 2026","PASSWORD_CLAIM_SIGNATURE":"x","PASSWORD_CLAIM_SECRET_BLOCK":"eA=="}}`, "Bearer x")
		f.Add(op, `{"AccessToken":"e30.e30.","ClientId":"web","Token":"e30.e30.","RefreshToken":"x","UserAttributes":[{"Name":"email","Value":"@"},null]}`, "")
	}
	f.Fuzz(func(t *testing.T, op, body, authorization string) {
		w := newWorld(t)
		got := w.send(map[string][]string{"X-Amz-Target": {targetPrefix + op}, "Authorization": {authorization}}, body)
		if got.Status == 500 {
			t.Errorf("%s: %s", op, got.Raw)
		}
	})
}
