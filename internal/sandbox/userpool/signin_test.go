package userpool

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/srp"
)

// claims reads a token after checking its signature with one of the keys.
func claims(t *testing.T, raw string, key jwt.Key, now time.Time) jwt.Claims {
	t.Helper()
	report := jwt.Verify(context.Background(), raw, jwt.NewStaticKeys("test", key), jwt.Policy{Now: now})
	if err := report.Err(); err != nil {
		t.Fatalf("verify: %v", err)
	}
	return report.Token.Claims
}

// TestTokens pins every claim, the header, and which key signs what.
func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.login("brief", "ann@example.com", password).ok(t)
	keys := sharedKeys()
	id := claims(t, got.result("IdToken"), keys.ID.Public(), start)
	access := claims(t, got.result("AccessToken"), keys.Access.Public(), start)

	shape := func(c jwt.Claims) map[string]any {
		c = jwt.Claims(cloneWithout(c, "jti", "origin_jti", "event_id"))
		return c
	}
	number := func(at time.Time) any { return json.Number(jsonText(at.Unix())) }
	want := map[string]any{
		"sub": "sub-of-ann", "aud": "brief", "token_use": "id", "iss": "http://127.0.0.1:9400/" + poolID,
		"auth_time": number(start), "iat": number(start), "exp": number(start.Add(10 * time.Minute)),
		"cognito:username": "ann", "cognito:groups": []any{"admin", "readers"},
		"cognito:roles": []any{"arn:aws:iam::1:role/admin"}, "cognito:preferred_role": "arn:aws:iam::1:role/admin",
		"email": "ann@example.com", "email_verified": true,
	}
	if diff := cmp.Diff(want, shape(id)); diff != "" {
		t.Errorf("ID token (-want +got):\n%s", diff)
	}
	want = map[string]any{
		"sub": "sub-of-ann", "client_id": "brief", "token_use": "access", "iss": "http://127.0.0.1:9400/" + poolID,
		"scope": "aws.cognito.signin.user.admin", "username": "ann", "cognito:groups": []any{"admin", "readers"},
		"auth_time": number(start), "iat": number(start), "exp": number(start.Add(5 * time.Minute)),
	}
	if diff := cmp.Diff(want, shape(access)); diff != "" {
		t.Errorf("access token (-want +got):\n%s", diff)
	}
	for _, name := range []string{"origin_jti", "event_id"} {
		if id.String(name) == "" || id.String(name) != access.String(name) {
			t.Errorf("%s: %q and %q, want the same", name, id.String(name), access.String(name))
		}
	}
	if id.String("jti") == "" || id.String("jti") == access.String("jti") {
		t.Error("jti: want two different ones")
	}
	result := got.Body["AuthenticationResult"].(map[string]any)
	if result["ExpiresIn"] != 300.0 || result["TokenType"] != "Bearer" {
		t.Errorf("ExpiresIn %v, TokenType %v", result["ExpiresIn"], result["TokenType"])
	}
	token, err := jwt.Parse(got.result("IdToken"))
	if err != nil || len(token.Header) != 2 || token.Header.String("alg") != "RS256" || token.Header.String("kid") != keys.ID.KeyID {
		t.Errorf("header %v, %v; want alg and kid only", token.Header, err)
	}
	if keys.ID.KeyID == keys.Access.KeyID || keys.ID.Key.Equal(keys.Access.Key) {
		t.Error("ID and access tokens share a key")
	}
	if report := jwt.Verify(context.Background(), got.result("IdToken"), jwt.NewStaticKeys("test", keys.Access.Public()), jwt.Policy{Now: start}); report.OK() {
		t.Error("the ID token verifies with the key of the access tokens")
	}
	checkRefreshToken(t, got.result("RefreshToken"))
}

func checkRefreshToken(t *testing.T, token string) {
	t.Helper()
	parts := strings.Split(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if len(parts) != 5 || err != nil || !strings.Contains(string(header), `"enc":"A256GCM"`) {
		t.Errorf("the refresh token has %d parts and the header %s", len(parts), header)
	}
}

func cloneWithout(c map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	for name, value := range c {
		out[name] = value
	}
	for _, name := range names {
		delete(out, name)
	}
	return out
}

func TestTokensWithoutRevocation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.login("keeping", "ann", password).ok(t)
	for _, c := range []jwt.Claims{
		claims(t, got.result("IdToken"), sharedKeys().ID.Public(), start),
		claims(t, got.result("AccessToken"), sharedKeys().Access.Public(), start),
	} {
		if c["jti"] != nil || c["origin_jti"] != nil || c["event_id"] == nil {
			t.Errorf("claims %v: want no jti, no origin_jti", c)
		}
	}
}

func TestSRP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.handshake("backend", "ANN@example.com")
	h.reply.ok(t)
	if h.reply.Body["ChallengeName"] != "PASSWORD_VERIFIER" || h.reply.Body["Session"] != nil {
		t.Errorf("challenge %v, Session %v; want PASSWORD_VERIFIER and none", h.reply.Body["ChallengeName"], h.reply.Body["Session"])
	}
	if got := h.reply.parameter("USER_ID_FOR_SRP"); got != "ann" || h.reply.parameter("USERNAME") != got {
		t.Errorf("USER_ID_FOR_SRP %q, USERNAME %q; want the real username", got, h.reply.parameter("USERNAME"))
	}
	if n := len(h.reply.parameter("SECRET_BLOCK")); n != 1200 {
		t.Errorf("SECRET_BLOCK of %d characters", n)
	}
	responses := w.proof(h, password, start)
	got := w.respond("backend", "PASSWORD_VERIFIER", responses).ok(t)
	if got.result("AccessToken") == "" || got.result("RefreshToken") == "" || got.Body["Session"] != nil {
		t.Error("no tokens after the right proof")
	}
	w.respond("backend", "PASSWORD_VERIFIER", responses).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	if diff := cmp.Diff([]string{
		"InitiateAuth USER_SRP_AUTH", "RespondToAuthChallenge PASSWORD_VERIFIER", "RespondToAuthChallenge PASSWORD_VERIFIER",
	}, w.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestSRPRefuses spoils one thing in a good second leg at a time.
func TestSRPRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const wrong = "Incorrect username or password."
	tests := []struct {
		name          string
		client, user  string
		pass          string
		wait, skew    time.Duration
		spoil         func(p)
		code, message string
	}{
		{name: "wrong password", pass: "Passw0rd?", message: wrong},
		{name: "signature of something else", spoil: func(r p) { r["PASSWORD_CLAIM_SIGNATURE"] = base64.StdEncoding.EncodeToString(make([]byte, 32)) }, message: wrong},
		{name: "another timestamp than signed", spoil: func(r p) { r["TIMESTAMP"] = srp.FormatTimestamp(start.Add(time.Second)) }, message: wrong},
		{name: "clock too slow", skew: -5*time.Minute - time.Second, message: wrong},
		{name: "clock too fast", skew: 5*time.Minute + time.Second, message: wrong},
		{name: "answered too late", wait: 3*time.Minute + time.Second, skew: 3 * time.Minute, message: wrong},
		{name: "another user", spoil: func(r p) { r["USERNAME"] = "new" }, message: wrong},
		{name: "another client", client: "web", message: wrong},
		{name: "disabled", user: "off", message: "User is disabled."},
		{name: "unconfirmed, wrong password", user: "fresh", pass: "Passw0rd?", code: "UserNotConfirmedException", message: "User is not confirmed."},
		{name: "reset required", user: "reset", code: "PasswordResetRequiredException", message: "Password reset required for the user"},
		{name: "unknown user", user: "nobody", message: wrong},
		{name: "user without password", user: "nopass", message: wrong},
	}
	for _, tt := range tests {
		w := w
		if tt.wait != 0 {
			w = newWorld(t)
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			user, pass, client, code := or(tt.user, "ann"), or(tt.pass, password), or(tt.client, "legacy"), or(tt.code, "NotAuthorizedException")
			first := "legacy"
			if user == "nobody" {
				first, client = "web", "web"
			}
			h := w.handshake(first, user)
			h.reply.ok(t)
			responses := w.proof(h, pass, start.Add(tt.skew))
			if tt.spoil != nil {
				tt.spoil(responses)
			}
			w.wait(tt.wait)
			w.respond(client, "PASSWORD_VERIFIER", responses).refused(t, code, tt.message)
		})
	}
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// TestSRPTolerates: a day with a leading zero is another text for the same
// time; only a proof over the canonical text counts. The edge of the clock
// window and the typed alias as USERNAME pass.
func TestSRPTolerates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.handshake("web", "ann@example.com")
	responses := w.proof(h, password, start.Add(5*time.Minute))
	responses["TIMESTAMP"] = strings.Replace(responses["TIMESTAMP"].(string), "Nov 5", "Nov 05", 1)
	responses["USERNAME"] = "Ann@example.com"
	if !strings.Contains(responses["TIMESTAMP"].(string), "Nov 05") {
		t.Fatal("the timestamp was not changed")
	}
	w.respond("web", "PASSWORD_VERIFIER", responses).ok(t)
}

// TestHiddenUsers: a user who does not exist must look like one who does.
func TestHiddenUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two, other := w.handshake("web", "nobody"), w.handshake("web", "NOBODY"), w.handshake("web", "none")
	if one.reply.parameter("SALT") != two.reply.parameter("SALT") {
		t.Error("an unknown user gets another salt each time")
	}
	if one.reply.parameter("SALT") == other.reply.parameter("SALT") {
		t.Error("all unknown users have one salt")
	}
	if one.reply.parameter("SRP_B") == two.reply.parameter("SRP_B") {
		t.Error("SRP_B repeats")
	}
	a, b := one.reply.parameter("USER_ID_FOR_SRP"), two.reply.parameter("USER_ID_FOR_SRP")
	if len(a) != 36 || a != b || a == other.reply.parameter("USER_ID_FOR_SRP") {
		t.Errorf("USER_ID_FOR_SRP %q and %q; want one UUID, another user's is another", a, b)
	}
}

func TestLockout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"ann", "nobody"} {
		for range 5 {
			w.login("web", name, "Passw0rd?").refused(t, "NotAuthorizedException", "Incorrect username or password.")
		}
		w.login("web", name, password).refused(t, "NotAuthorizedException", "Password attempts exceeded")
	}
	h := w.handshake("web", "ann")
	w.respond("web", "PASSWORD_VERIFIER", w.proof(h, password, start)).refused(t, "NotAuthorizedException", "Password attempts exceeded")
	w.wait(time.Second)
	w.login("web", "ann@example.com", password).ok(t)
	w.login("web", "ann", "Passw0rd?").refused(t, "NotAuthorizedException", "Incorrect username or password.")
	w.login("web", "ann", password).ok(t)
}

// TestOneHandshakeOneWinner answers one challenge from many sides at once.
func TestOneHandshakeOneWinner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.handshake("web", "ann")
	responses := w.proof(h, password, start)
	var mu sync.Mutex
	wins := 0
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			got := w.respond("web", "PASSWORD_VERIFIER", responses)
			mu.Lock()
			defer mu.Unlock()
			if got.Status == 200 {
				wins++
			}
		})
	}
	work.Wait()
	if wins != 1 {
		t.Errorf("%d of 8 answers to one challenge signed in", wins)
	}
}

// TestConcurrent runs everything beside everything, for the race detector.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			got := w.login("rotating", "ann", password)
			w.call("GetUser", p{"AccessToken": got.result("AccessToken")}).ok(t)
			w.call("GetTokensFromRefreshToken", p{"ClientId": "rotating", "RefreshToken": got.result("RefreshToken")}).ok(t)
			w.call("AdminCreateUser", p{"UserPoolId": poolID, "Username": "user" + jsonText(i)}).ok(t)
			w.call("AdminSetUserPassword", p{"UserPoolId": poolID, "Username": "reset", "Password": password, "Permanent": true}).ok(t)
			w.call("RevokeToken", p{"ClientId": "rotating", "Token": got.result("RefreshToken")}).ok(t)
		})
	}
	work.Wait()
}
