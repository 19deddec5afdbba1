package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// control sends a request to the control listener and reads the answer into
// into, if that is not nil.
func control(t *testing.T, s *Sandbox, method, path, body string, want int, into any) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.Endpoints().Control+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(KeyHeader, s.Endpoints().ControlKey)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != want {
		t.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, text, want)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return string(text)
}

// passwordIn signs in with a password through the SDK.
func passwordIn(t *testing.T, s *Sandbox, user string) (*idp.InitiateAuthOutput, error) {
	t.Helper()
	return sdk(s).InitiateAuth(t.Context(), &idp.InitiateAuthInput{
		AuthFlow: types.AuthFlowTypeUserPasswordAuth, ClientId: aws.String(PublicClientID),
		AuthParameters: map[string]string{"USERNAME": user, "PASSWORD": DefaultPassword},
	})
}

func respond(t *testing.T, s *Sandbox, to *idp.InitiateAuthOutput, responses map[string]string) *idp.RespondToAuthChallengeOutput {
	t.Helper()
	out, err := sdk(s).RespondToAuthChallenge(t.Context(), &idp.RespondToAuthChallengeInput{
		ClientId: aws.String(PublicClientID), ChallengeName: to.ChallengeName, Session: to.Session, ChallengeResponses: responses,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDefaultUsers meets each user of the default seed with AWS's own SDK.
func TestDefaultUsers(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	sent := func(user, kind string) string {
		var codes []Code
		control(t, s, "GET", "/codes?username="+user+"&kind="+kind, "", 200, &codes)
		if len(codes) != 1 {
			t.Fatalf("%d codes of %s for %s", len(codes), kind, user)
		}
		return codes[0].Code
	}
	var authenticator totp
	control(t, s, "GET", "/users/totp/totp", "", 200, &authenticator)
	for _, tt := range []struct {
		user, challenge string
		answer          func() string
	}{
		{"totp", "SOFTWARE_TOKEN_MFA", func() string { return authenticator.Code }},
		{"sms", "SMS_MFA", func() string { return sent("sms", "SMS_MFA") }},
		{"mail", "EMAIL_OTP", func() string { return sent("mail", "EMAIL_OTP") }},
		{"device", "SMS_MFA", func() string { return sent("device", "SMS_MFA") }},
	} {
		asked, err := passwordIn(t, s, tt.user)
		if err != nil || string(asked.ChallengeName) != tt.challenge {
			t.Fatalf("%s: %q, %v", tt.user, asked.ChallengeName, err)
		}
		out := respond(t, s, asked, map[string]string{"USERNAME": tt.user, tt.challenge + "_CODE": tt.answer()})
		if out.AuthenticationResult == nil {
			t.Fatalf("%s: no tokens", tt.user)
		}
		if got := out.AuthenticationResult.NewDeviceMetadata != nil; got != (tt.user == "device") {
			t.Errorf("%s: NewDeviceMetadata %v", tt.user, got)
		}
	}
	for user, want := range map[string]string{
		"disabled": "User is disabled.", "unconfirmed": "User is not confirmed.", "reset": "Password reset required for the user",
	} {
		if _, err := passwordIn(t, s, user); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", user, err)
		}
	}
	asked, err := sdk(s).InitiateAuth(t.Context(), &idp.InitiateAuthInput{
		AuthFlow: types.AuthFlowTypeCustomAuth, ClientId: aws.String(PublicClientID), AuthParameters: map[string]string{"USERNAME": "custom"},
	})
	if err != nil || asked.ChallengeParameters["question"] != "What is the first word?" {
		t.Fatalf("custom: %v", err)
	}
	respond(t, s, asked, map[string]string{"USERNAME": "custom", "ANSWER": "open"})
	var other totp
	again, _ := run(t, DefaultSeed())
	control(t, again, "GET", "/users/totp/totp", "", 200, &other)
	if authenticator.Secret == other.Secret || len(other.Secret) != 52 {
		t.Error("the TOTP secret is not a new one each time")
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	login, err := passwordIn(t, s, "bob")
	if err != nil {
		t.Fatal(err)
	}
	call := func() int {
		res, _ := get(t, "GET", s.Endpoints().API+"/myendpoint", map[string]string{"Authorization": *login.AuthenticationResult.IdToken})
		return res.StatusCode
	}
	if got := call(); got != 200 {
		t.Errorf("at first: %d", got)
	}
	var got clock
	control(t, s, "POST", "/clock", `{"advance": "1h1s"}`, 200, &got)
	if !got.Now.Equal(start.Add(time.Hour+time.Second)) || time.Duration(got.Offset) != time.Hour+time.Second {
		t.Errorf("clock %+v", got)
	}
	if got := call(); got != 401 {
		t.Errorf("an hour later: %d", got)
	}
	res, _ := get(t, "GET", s.Endpoints().Cloud+"/", nil)
	if date := res.Header.Get("Date"); date != "Thu, 05 Nov 2026 16:04:06 GMT" {
		t.Errorf("Date %q", date)
	}
	control(t, s, "POST", "/clock", `{"advance": "-1h1s"}`, 200, nil)
	if got := call(); got != 200 {
		t.Errorf("moved back: %d", got)
	}
	control(t, s, "GET", "/clock", "", 200, &got)
	if got.Offset != 0 {
		t.Errorf("offset %v", got.Offset)
	}
}

// TestClockAndSweeps: what ran out while the clock was ahead is good again when it is
// moved back, however much was added meanwhile: sweeping what is over must not take it.
func TestClockAndSweeps(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	s.Advance(-3 * time.Hour)
	login, err := passwordIn(t, s, "bob")
	if err != nil {
		t.Fatal(err)
	}
	const id, far = "a session", 1000 * 24 * time.Hour
	waiting := store.Session{Challenge: "SMS_MFA", ClientID: PublicClientID}
	s.store.PutSession(id, waiting, s.now(), s.now().Add(time.Minute))
	s.Advance(far)
	for i := range 512 {
		s.store.PutSession(fmt.Sprint(i), waiting, s.now(), s.now().Add(time.Minute))
		s.store.AddGrant(store.Grant{EventID: fmt.Sprint(i), Expires: s.now().Add(time.Hour)}, fmt.Sprint(i), s.now())
	}
	refresh := func() error {
		_, err := sdk(s).InitiateAuth(t.Context(), &idp.InitiateAuthInput{
			AuthFlow: types.AuthFlowTypeRefreshTokenAuth, ClientId: aws.String(PublicClientID),
			AuthParameters: map[string]string{"REFRESH_TOKEN": *login.AuthenticationResult.RefreshToken},
		})
		return err
	}
	if err := refresh(); err == nil || !strings.Contains(err.Error(), "Refresh Token has expired") {
		t.Errorf("years later: %v", err)
	}
	s.Advance(-far)
	if err := refresh(); err != nil {
		t.Errorf("moved back: %v", err)
	}
	if _, err := s.store.Session(id, "SMS_MFA", PublicClientID, s.now()); err != nil {
		t.Errorf("moved back: the session: %v", err)
	}
}

// TestDisabling: whoever is disabled on the control listener loses his tokens, also for
// the time after, as with AdminDisableUser. Any other change leaves them.
func TestDisabling(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	login, err := passwordIn(t, s, "bob")
	if err != nil {
		t.Fatal(err)
	}
	check := func(when, want string) {
		t.Helper()
		_, err := sdk(s).GetUser(t.Context(), &idp.GetUserInput{AccessToken: login.AuthenticationResult.AccessToken})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", when, err, want)
		}
	}
	control(t, s, "POST", "/users/bob", `{"disabled": false, "attributes": {"name": "Bob"}}`, 200, nil)
	check("changed", "")
	control(t, s, "POST", "/users/bob", `{"disabled": true}`, 200, nil)
	check("disabled", "User is disabled.")
	control(t, s, "POST", "/users/bob", `{"disabled": false}`, 200, nil)
	check("enabled again", "Access Token has been revoked")
	if login, err = passwordIn(t, s, "bob"); err != nil {
		t.Fatal(err)
	}
	check("signed in again", "")
}

// TestSettings changes each thing and sees it in the answer and in effect.
func TestSettings(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	const pool, client, bob = "/pools/" + DefaultPoolID, "/clients/" + PublicClientID, "/users/bob"
	challenge := func(user string) string {
		out, err := passwordIn(t, s, user)
		if err != nil {
			t.Fatal(err)
		}
		return string(out.ChallengeName)
	}
	if got := challenge("bob"); got != "" {
		t.Fatalf("challenge %q", got)
	}
	control(t, s, "POST", pool, `{"mfa": "ON", "mfa_types": ["SOFTWARE_TOKEN_MFA"]}`, 200, nil)
	if got := challenge("bob"); got != "MFA_SETUP" {
		t.Errorf("challenge %q with MFA required", got)
	}
	control(t, s, "POST", pool, `{"mfa": "OPTIONAL", "mfa_types": [], "device_tracking": "always"}`, 200, nil)
	if out, err := passwordIn(t, s, "bob"); err != nil || out.AuthenticationResult.NewDeviceMetadata == nil {
		t.Errorf("no device is offered: %v", err)
	}
	control(t, s, "POST", bob, `{"mfa": ["EMAIL_OTP"], "device_tracking": "off"}`, 200, nil)
	if got := challenge("bob"); got != "EMAIL_OTP" {
		t.Errorf("challenge %q of a user with e-mail MFA", got)
	}
	control(t, s, "POST", bob, `{"mfa": [], "status": "FORCE_CHANGE_PASSWORD"}`, 200, nil)
	if got := challenge("bob"); got != "NEW_PASSWORD_REQUIRED" {
		t.Errorf("challenge %q of a user who must change", got)
	}
	var user userSettings
	control(t, s, "POST", bob, `{"status": "CONFIRMED", "attributes": {"email": "", "name": "Bob"}, "questions": [{"question": "q", "answer": "a"}], "passkey": true}`, 200, &user)
	if user.Attributes["name"] != "Bob" || user.Attributes["email_verified"] != "true" || len(user.Attributes) != 2 || len(*user.Questions) != 1 || !*user.Passkey || user.Username != "bob" {
		t.Errorf("user %+v", user)
	}
	control(t, s, "POST", bob, `{"disabled": true}`, 200, nil)
	if _, err := passwordIn(t, s, "bob"); err == nil {
		t.Error("a disabled user signs in")
	}
	var settings clientSettings
	control(t, s, "POST", client, `{"rotate_refresh_tokens": true, "retry_grace": "60s", "access_token_validity": "5m", "prevent_user_existence_errors": "LEGACY"}`, 200, &settings)
	if !*settings.RotateRefreshTokens || time.Duration(*settings.RetryGrace) != time.Minute || time.Duration(*settings.IDTokenValidity) != time.Hour {
		t.Errorf("client %+v", settings)
	}
	if out, err := passwordIn(t, s, "ann"); err != nil || out.AuthenticationResult.ExpiresIn != 300 {
		t.Errorf("the access token's life did not change: %v", err)
	}
	if _, err := passwordIn(t, s, "nobody"); err == nil || !strings.Contains(err.Error(), "UserNotFoundException") {
		t.Errorf("legacy errors: %v", err)
	}
}

func TestControlRefuses(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	for _, tt := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"GET", "/pools/x", "", 404, `user pool \"x\" is not there`},
		{"POST", "/pools/x", "{}", 404, "is not there"},
		{"POST", "/pools/" + DefaultPoolID, `{"mfa": "SOMETIMES"}`, 400, "SOMETIMES"},
		{"POST", "/pools/" + DefaultPoolID, `{"device_tracking": "x"}`, 400, "device_tracking"},
		{"POST", "/pools/" + DefaultPoolID, `{"no_such_thing": 1}`, 400, "no_such_thing"},
		{"POST", "/pools/" + DefaultPoolID, `{} {}`, 400, "more than one"},
		{"GET", "/clients/x", "", 404, `app client \"x\" is not there`},
		{"POST", "/clients/x", "{}", 404, "is not there"},
		{"POST", "/clients/" + PublicClientID, `{"retry_grace": 60}`, 400, "duration"},
		{"POST", "/clients/" + PublicClientID, `{"prevent_user_existence_errors": "x"}`, 400, "ENABLED"},
		{"POST", "/clients/" + PublicClientID, `{"retry_grace": "61s"}`, 400, "retry_grace: 1m1s"},
		{"POST", "/clients/" + PublicClientID, `{"explicit_auth_flows": ["SRP"]}`, 400, "SRP"},
		{"POST", "/pools/" + DefaultPoolID, `{"mfa_types": ["FAX"]}`, 400, "mfa_types"},
		{"POST", "/users/ann", `{"preferred_mfa": "SMS_MFA"}`, 400, "preferred_mfa"},
		{"GET", "/users/nobody", "", 404, `user \"nobody\" is not there`},
		{"GET", "/users/ann?pool=us-east-1_x", "", 404, "is not there"},
		{"POST", "/users/nobody", "{}", 404, "is not there"},
		{"POST", "/users/ann", `{"username": "x"}`, 400, "cannot be changed"},
		{"POST", "/users/ann", `{"status": "FINE"}`, 400, "FINE"},
		{"POST", "/users/ann", `{"mfa": ["FAX"]}`, 400, "FAX"},
		{"POST", "/users/ann", `{"device_tracking": "x"}`, 400, "device_tracking"},
		{"GET", "/users/ann/totp", "", 404, "authenticator"},
		{"POST", "/clock", `{"advance": "soon"}`, 400, "soon"},
		{"POST", "/clock", "", 400, "body"},
	} {
		if got := control(t, s, tt.method, tt.path, tt.body, tt.status, nil); !strings.Contains(got, tt.text) {
			t.Errorf("%s %s %s: %s", tt.method, tt.path, tt.body, got)
		}
	}
}
