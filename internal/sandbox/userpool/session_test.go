package userpool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

func TestNewPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(pool *store.Pool) { pool.RequiredAttributes = []string{"email", "name"} })
	challenge := w.login("web", "new", password).ok(t)
	if challenge.Body["ChallengeName"] != "NEW_PASSWORD_REQUIRED" || challenge.Body["AuthenticationResult"] != nil {
		t.Fatalf("challenge %v", challenge.Body["ChallengeName"])
	}
	want := map[string]any{
		"USER_ID_FOR_SRP":    "new",
		"userAttributes":     `{"email":"new@example.com","email_verified":"true"}`,
		"requiredAttributes": `["userAttributes.name"]`,
	}
	if diff := cmp.Diff(want, challenge.Body["ChallengeParameters"]); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	session := challenge.Body["Session"]
	send := func(client string, responses p) reply {
		responses["USERNAME"] = or(str(responses["USERNAME"]), "new")
		return w.call("RespondToAuthChallenge", p{
			"ClientId": client, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": session, "ChallengeResponses": responses,
		})
	}
	const word = "An0ther!pw"
	send("web", p{"NEW_PASSWORD": "short"}).refused(t, "InvalidPasswordException", "Password did not conform with policy: Password not long enough")
	send("web", p{"NEW_PASSWORD": word}).refused(t, "InvalidParameterException", "Invalid attributes given, name is missing")
	send("web", p{"NEW_PASSWORD": word, "userAttributes.name": "N", "userAttributes.email": "x@example.com"}).
		refused(t, "NotAuthorizedException", "Cannot modify an already provided email")
	send("web", p{"NEW_PASSWORD": word, "userAttributes.email_verified": "true"}).
		refused(t, "NotAuthorizedException", "A client attempted to write unauthorized attribute")
	send("web", p{"NEW_PASSWORD": word, "USERNAME": "ann"}).refused(t, "NotAuthorizedException", "Invalid session for the user.")
	send("legacy", p{"NEW_PASSWORD": word}).refused(t, "NotAuthorizedException", "Invalid session for the user.")

	got := send("web", p{"NEW_PASSWORD": word, "userAttributes.name": "Newton"}).ok(t)
	if got.result("RefreshToken") == "" {
		t.Error("no tokens after the new password")
	}
	if c := claims(t, got.result("IdToken"), sharedKeys().ID.Public(), start); c.String("name") != "Newton" {
		t.Errorf("name %q", c.String("name"))
	}
	send("web", p{"NEW_PASSWORD": word}).refused(t, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")
	w.login("web", "new", password).refused(t, "NotAuthorizedException", "Incorrect username or password.")
	if again := w.login("web", "new", word).ok(t); again.Body["ChallengeName"] != nil {
		t.Errorf("another challenge: %v", again.Body["ChallengeName"])
	}
}

func str(v any) string { s, _ := v.(string); return s }

func TestNewPasswordBySRPAndExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.handshake("backend", "new")
	challenge := w.respond("backend", "PASSWORD_VERIFIER", w.proof(h, password, start)).ok(t)
	if challenge.Body["ChallengeName"] != "NEW_PASSWORD_REQUIRED" || challenge.parameter("requiredAttributes") != "[]" {
		t.Errorf("challenge %v, required %q", challenge.Body["ChallengeName"], challenge.parameter("requiredAttributes"))
	}
	send := func(hash string) reply {
		return w.call("RespondToAuthChallenge", p{
			"ClientId": "backend", "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": challenge.Body["Session"],
			"ChallengeResponses": p{"USERNAME": "new", "NEW_PASSWORD": "An0ther!pw", "SECRET_HASH": hash},
		})
	}
	send("").refused(t, "NotAuthorizedException", "Client backend is configured with secret but SECRET_HASH was not received")
	w.wait(3*time.Minute + 1)
	send(srp.SecretHash("new", "backend", secret)).refused(t, "NotAuthorizedException", "Invalid session for the user, session is expired.")
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.login("backend", "ann@example.com", password).ok(t)
	token := first.result("RefreshToken")
	w.wait(30 * time.Minute)
	refresh := func(flow, client, username string) reply {
		parameters := p{"REFRESH_TOKEN": token}
		if username != "" {
			parameters["SECRET_HASH"] = srp.SecretHash(username, "backend", secret)
		}
		return w.call("InitiateAuth", initiate(flow, client, parameters))
	}
	for _, flow := range []string{"REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"} {
		got := refresh(flow, "backend", "ann").ok(t)
		if strings.Contains(got.Raw, "RefreshToken") {
			t.Error("the answer has a RefreshToken key")
		}
		checkRefreshed(t, w, first, got)
	}
	const mismatch = "SecretHash does not match for the client: backend"
	refresh("REFRESH_TOKEN", "backend", "ann@example.com").refused(t, "NotAuthorizedException", mismatch)
	refresh("REFRESH_TOKEN", "backend", "sub-of-ann").refused(t, "NotAuthorizedException", mismatch)
	refresh("REFRESH_TOKEN", "web", "").refused(t, "NotAuthorizedException", "Invalid Refresh Token")

	get := func() reply {
		return w.call("GetTokensFromRefreshToken", p{"ClientId": "backend", "RefreshToken": token, "ClientSecret": secret})
	}
	w.call("GetTokensFromRefreshToken", p{"ClientId": "web", "RefreshToken": token}).
		refused(t, "NotAuthorizedException", "Invalid Refresh Token")
	got := get().ok(t)
	if strings.Contains(got.Raw, "RefreshToken") {
		t.Error("without rotation, the answer has a RefreshToken key")
	}
	checkRefreshed(t, w, first, got)
	w.wait(30 * 24 * time.Hour)
	get().refused(t, "NotAuthorizedException", "Refresh Token has expired")
	refresh("REFRESH_TOKEN", "backend", "ann").refused(t, "NotAuthorizedException", "Refresh Token has expired")
}

// checkRefreshed compares the ID tokens of a sign-in and of a refresh of it.
func checkRefreshed(t *testing.T, w *world, first, later reply) {
	t.Helper()
	a := claims(t, first.result("IdToken"), sharedKeys().ID.Public(), start)
	b := claims(t, later.result("IdToken"), sharedKeys().ID.Public(), w.clock())
	for _, name := range []string{"sub", "origin_jti", "event_id", "auth_time", "iss", "aud"} {
		if a[name] == nil || a[name] != b[name] {
			t.Errorf("%s was %v, is %v after the refresh", name, a[name], b[name])
		}
	}
	for _, name := range []string{"jti", "iat", "exp"} {
		if a[name] == b[name] {
			t.Errorf("%s did not change", name)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.login("rotating", "ann", password).ok(t).result("RefreshToken")
	get := func(token string) reply {
		return w.call("GetTokensFromRefreshToken", p{"ClientId": "rotating", "RefreshToken": token})
	}
	w.call("InitiateAuth", initiate("REFRESH_TOKEN_AUTH", "rotating", p{"REFRESH_TOKEN": first})).
		refused(t, "InvalidParameterException", "Auth flow not enabled for this client")
	second := get(first).ok(t).result("RefreshToken")
	checkRefreshToken(t, second)
	w.wait(10 * time.Second)
	third := get(first).ok(t).result("RefreshToken")
	if second == first || third == second || third == first {
		t.Error("a refresh token came twice")
	}
	w.wait(1)
	get(first).refused(t, "RefreshTokenReuseException", "Refresh token has been invalidated by refresh token rotation.")
	w.wait(30*24*time.Hour - 10*time.Second - 1)
	get(second).ok(t)
	w.wait(1)
	get(third).refused(t, "NotAuthorizedException", "Refresh Token has expired")
}

func TestRevokeAndGetUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login := w.login("backend", "ann", password).ok(t)
	other := w.login("backend", "ann", password).ok(t)
	get := func(r reply) reply { return w.call("GetUser", p{"AccessToken": r.result("AccessToken")}) }
	want := map[string]any{"Username": "ann", "UserAttributes": []any{
		p{"Name": "sub", "Value": "sub-of-ann"}, p{"Name": "email", "Value": "ann@example.com"}, p{"Name": "email_verified", "Value": "true"},
	}}
	if diff := cmp.Diff(want, get(login).ok(t).Body); diff != "" {
		t.Errorf("GetUser (-want +got):\n%s", diff)
	}
	w.call("GetUser", p{"AccessToken": login.result("IdToken")}).refused(t, "NotAuthorizedException", "Invalid Access Token")
	tampered := login.result("AccessToken")
	tampered = tampered[:len(tampered)-10] + strings.Repeat("A", 10)
	w.call("GetUser", p{"AccessToken": tampered}).refused(t, "NotAuthorizedException", "Invalid Access Token")

	revoke := func(client, key, token string) reply {
		return w.call("RevokeToken", p{"ClientId": client, "ClientSecret": key, "Token": token})
	}
	revoke("backend", secret, login.result("AccessToken")).refused(t, "UnsupportedTokenTypeException", "Unsupported token type.")
	revoke("web", "", login.result("RefreshToken")).refused(t, "UnauthorizedException", "The token was not issued to this client.")
	get(login).ok(t)
	if got := revoke("backend", secret, "never.issued.by.this.pool").ok(t); got.Raw != "{}" {
		t.Errorf("unknown token: %s", got.Raw)
	}
	if got := revoke("backend", secret, login.result("RefreshToken")).ok(t); got.Raw != "{}" {
		t.Errorf("answer %s", got.Raw)
	}
	get(login).refused(t, "NotAuthorizedException", "Access Token has been revoked")
	get(other).ok(t)
	w.call("GetTokensFromRefreshToken", p{"ClientId": "backend", "ClientSecret": secret, "RefreshToken": login.result("RefreshToken")}).
		refused(t, "NotAuthorizedException", "Refresh Token has been revoked")
	w.wait(time.Hour)
	get(other).refused(t, "NotAuthorizedException", "Access Token has expired")
}

func TestDisabledLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login := w.login("web", "ann", password).ok(t)
	if _, err := w.h.Store.Update(poolID, "ann", false, func(u *store.User) error { u.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	const message = "User is disabled."
	w.call("GetUser", p{"AccessToken": login.result("AccessToken")}).refused(t, "NotAuthorizedException", message)
	w.call("InitiateAuth", initiate("REFRESH_TOKEN", "web", p{"REFRESH_TOKEN": login.result("RefreshToken")})).
		refused(t, "NotAuthorizedException", message)
}

// winners sends one request from many sides at once, and counts who was served.
func (w *world) winners(sides int, send func() reply) int {
	var wins atomic.Int64
	var work sync.WaitGroup
	for range sides {
		work.Go(func() {
			if send().Status == 200 {
				wins.Add(1)
			}
		})
	}
	work.Wait()
	return int(wins.Load())
}

type slowly struct{ io.Reader }

func (s slowly) Read(b []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	return s.Reader.Read(b)
}

// TestOneWinner: what is good once is good once for whoever comes at the same time.
func TestOneWinner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.h.Store.UpdateClient("rotating", func(c *store.Client) error { c.RetryGrace = 0; return nil }); err != nil {
		t.Fatal(err)
	}
	token := w.login("rotating", "ann", password).signedIn(t).result("RefreshToken")
	// While one draws random bytes for the new tokens the others come as far.
	w.h.Issuer.Random = slowly{rand.Reader}
	if n := w.winners(8, func() reply {
		return w.call("GetTokensFromRefreshToken", p{"ClientId": "rotating", "RefreshToken": token})
	}); n != 1 {
		t.Errorf("%d of 8 refreshed with one token that rotates without grace", n)
	}
	w.call("ForgotPassword", p{"ClientId": "web", "Username": "ann"}).ok(t)
	code := w.lastMessage().Code
	// The new password takes some milliseconds, here more: in them all the others come.
	w.h.Random = slowly{rand.Reader}
	var next atomic.Int64
	var chosen atomic.Value
	if n := w.winners(8, func() reply {
		mine := fmt.Sprint(password, next.Add(1))
		got := w.call("ConfirmForgotPassword", p{"ClientId": "web", "Username": "ann", "ConfirmationCode": code, "Password": mine})
		if got.Status == 200 {
			chosen.Store(mine)
		} else {
			got.refused(t, "ExpiredCodeException", "Invalid code provided, please request a code again.")
		}
		return got
	}); n != 1 {
		t.Errorf("%d of 8 set a password with one code", n)
	}
	w.login("web", "ann", fmt.Sprint(chosen.Load())).signedIn(t)
	for i, want := range []error{nil, errTOTPUsed} {
		if err := w.h.useTOTP(poolID, "ann", 7); !errors.Is(err, want) {
			t.Errorf("use %d of one time step: %v", i+1, err)
		}
	}
}

// TestForeignTokens: an access token with the right form from elsewhere.
func TestForeignTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := map[string]any{
		"sub": "sub-of-ann", "iss": "http://127.0.0.1:9400/" + poolID, "client_id": "web", "token_use": "access",
		"scope": selfService, "exp": start.Unix() + 60, "iat": start.Unix(), "auth_time": start.Unix(), "username": "ann",
	}
	tests := []struct {
		name    string
		change  map[string]any
		message string
	}{
		{"unchanged", nil, ""},
		{"another issuer", map[string]any{"iss": "http://127.0.0.1:9999/" + poolID}, "Invalid Access Token"},
		{"a pool that is not there", map[string]any{"iss": "http://127.0.0.1:9400/us-east-1_x"}, "Invalid Access Token"},
		{"no issuer", map[string]any{"iss": 1}, "Invalid Access Token"},
		{"token_use id", map[string]any{"token_use": "id"}, "Invalid Access Token"},
		{"other scopes", map[string]any{"scope": "openid email"}, "Access Token does not have required scopes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := cloneWithout(good)
			for name, value := range tt.change {
				c[name] = value
			}
			raw, err := sharedKeys().Access.Sign(c)
			if err != nil {
				t.Fatal(err)
			}
			got := w.call("GetUser", p{"AccessToken": raw})
			if tt.message == "" {
				got.ok(t)
				return
			}
			got.refused(t, "NotAuthorizedException", tt.message)
		})
	}
	gone := cloneWithout(good)
	gone["sub"] = "sub-of-nobody"
	raw, err := sharedKeys().Access.Sign(gone)
	if err != nil {
		t.Fatal(err)
	}
	w.call("GetUser", p{"AccessToken": raw}).refused(t, "UserNotFoundException", "User does not exist.")
}

// TestCount: names that a client made up are not counted, so the set of names
// stays small.
func TestCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call("InitiateAuth", initiate("REFRESH_TOKEN", "web", nil))
	w.call("InitiateAuth", initiate("MADE_UP", "web", nil))
	w.call("RespondToAuthChallenge", answer("MADE_UP", nil))
	w.call("MadeUp", nil)
	w.send(http.Header{"X-Amz-Target": {targetPrefix + "GetUser"}}, "{")
	w.send(http.Header{"X-Amz-Target": {targetPrefix + "AdminCreateUser"}}, "{}")
	want := []string{"InitiateAuth REFRESH_TOKEN_AUTH", "InitiateAuth", "RespondToAuthChallenge", "GetUser"}
	if diff := cmp.Diff(want, w.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestHeaders: the clock of the answer is ours, and nothing may be cached.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.login("web", "ann", password)
	for name, want := range map[string]string{
		"Date": "Thu, 05 Nov 2026 15:04:05 GMT", "Content-Type": "application/x-amz-json-1.1", "Cache-Control": "no-store",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if len(got.Header.Get("X-Amzn-Requestid")) != 36 {
		t.Errorf("x-amzn-RequestId %q", got.Header.Get("X-Amzn-Requestid"))
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { panic("the value " + password) }

// TestNoPanic: whatever breaks inside is an InternalErrorException without a
// word about it.
func TestNoPanic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.h.Issuer.Random = brokenReader{}
	got := w.login("web", "ann", password)
	got.refused(t, "InternalErrorException", "Internal error")
	if got.Status != http.StatusInternalServerError || strings.Contains(got.Raw, password) {
		t.Errorf("%d %s", got.Status, got.Raw)
	}
	w.h.Issuer.Random = strings.NewReader("")
	w.login("web", "ann", password).refused(t, "InternalErrorException", "Internal error")
}
