package auth_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox"
	"github.com/cogctl/cogctl/internal/srp"
	"github.com/cogctl/cogctl/internal/transport"
)

// box is one sandbox for the tests that only sign in.
var box = sync.OnceValue(func() *sandbox.Sandbox {
	s, err := sandbox.New(sandbox.Options{Now: time.Now, Seed: sandbox.DefaultSeed()})
	if err != nil {
		panic(err)
	}
	if err := s.Start(context.Background()); err != nil {
		panic(err)
	}
	return s
})

// world is a client of a server, with all that a sign-in needs.
type world struct {
	client   *auth.Client
	verifier auth.Verifier
	base     auth.Session
}

func newWorld(endpoint, issuer, clientID, secret string, now func() time.Time) world {
	client := auth.NewClient(auth.ClientConfig{
		Region: "us-east-1", UserPoolID: sandbox.DefaultPoolID, ClientID: clientID, ClientSecret: secret,
		Endpoint: endpoint, HTTP: transport.Client(http.DefaultTransport), Now: now, Random: rand.Reader, Pause: inNoTime,
	})
	keys := &jwt.RemoteKeys{URL: issuer + "/.well-known/jwks.json", Client: http.DefaultClient, Now: now}
	return world{
		client:   client,
		verifier: auth.Verifier{Keys: keys, Issuers: []string{issuer}, ClientID: clientID},
		base:     auth.Session{Issuer: issuer, ClientID: clientID, Typed: "ann", Endpoint: endpoint},
	}
}

// inNoTime is a pause between two sendings that is not waited for: how often something
// is sent then depends on what was planned, and not on how busy the machine is.
func inNoTime(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

func sandboxWorld(now func() time.Time) world {
	e := box().Endpoints()
	return newWorld(e.Cloud, e.Issuer, sandbox.PublicClientID, "", now)
}

func nobody(context.Context, auth.Question) (string, error) {
	return "", &auth.InputError{Item: auth.ItemNewPassword}
}

func TestSignInWithAWrongClock(t *testing.T) {
	t.Parallel()
	for _, wrong := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour, 7 * time.Minute} {
		t.Run(wrong.String(), func(t *testing.T) {
			t.Parallel()
			now := func() time.Time { return time.Now().Add(wrong) }
			w := sandboxWorld(now)
			tokens, err := auth.SRP{Client: w.client, Username: "ann", Password: sandbox.DefaultPassword, Ask: nobody}.Login(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			session, err := w.verifier.Begin(t.Context(), w.base, tokens)
			if err != nil {
				t.Fatal(err)
			}
			// The tokens live an hour, and the session must know when that is by
			// the clock of this machine.
			if left := session.Expires.Sub(now()); left < 59*time.Minute || left > time.Hour {
				t.Errorf("the session serves %s more, want about an hour", left)
			}
		})
	}
}

func TestAliasBecomesTheRealName(t *testing.T) {
	t.Parallel()
	w := sandboxWorld(time.Now)
	w.base.Typed = "ann@example.com"
	for name, flow := range map[string]auth.Flow{
		"srp":      auth.SRP{Client: w.client, Username: w.base.Typed, Password: sandbox.DefaultPassword, Ask: nobody},
		"password": auth.Password{Client: w.client, Username: w.base.Typed, Password: sandbox.DefaultPassword, Ask: nobody},
	} {
		tokens, err := flow.Login(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		session, err := w.verifier.Begin(t.Context(), w.base, tokens)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if session.Username != "ann" || session.Typed != "ann@example.com" {
			t.Errorf("%s: username %q typed %q", name, session.Username, session.Typed)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := sandboxWorld(time.Now)
	_, err := auth.SRP{Client: w.client, Username: "bob", Password: "Wr0ng-one", Ask: nobody}.Login(t.Context())
	var refused *auth.RefusedError
	if !errors.As(err, &refused) || refused.Code != "NotAuthorizedException" {
		t.Errorf("wrong password: %v", err)
	}
	if strings.Contains(fmt.Sprint(err), "Wr0ng") {
		t.Errorf("the error shows the password: %v", err)
	}
	_, err = auth.SRP{Client: w.client, Username: "new", Password: sandbox.TemporaryPassword, Ask: nobody}.Login(t.Context())
	var needed *auth.InputError
	if !errors.As(err, &needed) {
		t.Errorf("new password with nobody to ask: %v", err)
	}
}

// wrongServer is a Cognito that answers what a test tells it to, for what the
// sandbox never does: faults and lies.
type wrongServer struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(op string, body map[string]any) (status int, reply any)
	calls  []string
}

func newWrongServer(t *testing.T, answer func(op string, body map[string]any) (int, any)) *wrongServer {
	s := &wrongServer{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *wrongServer) serve(w http.ResponseWriter, r *http.Request) {
	op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSCognitoIdentityProviderService.")
	body := map[string]any{}
	data, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(data, &body)
	s.mu.Lock()
	s.calls = append(s.calls, op)
	status, reply := s.answer(op, body)
	s.mu.Unlock()
	if status == 0 { // no reply at all
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(reply)
}

// sent lists the operations that arrived so far.
func (s *wrongServer) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func fault(code, message string) map[string]string {
	return map[string]string{"__type": code, "message": message}
}

// TestSecretHash: every step hashes the name of that same step.
func TestSecretHash(t *testing.T) {
	t.Parallel()
	var hashes []string
	server := newWrongServer(t, func(op string, body map[string]any) (int, any) {
		parameters, _ := body["AuthParameters"].(map[string]any)
		if op == "RespondToAuthChallenge" {
			parameters, _ = body["ChallengeResponses"].(map[string]any)
		}
		hashes = append(hashes, fmt.Sprint(parameters["SECRET_HASH"]))
		if op == "InitiateAuth" {
			return 200, map[string]any{"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s", "ChallengeParameters": map[string]string{"USER_ID_FOR_SRP": "real-name"}}
		}
		return 400, fault("NotAuthorizedException", "User is disabled.")
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "hush", time.Now)
	ask := func(context.Context, auth.Question) (string, error) { return "New-Passw0rd", nil }
	_, err := auth.Password{Client: w.client, Username: "alias@example.com", Password: "p", Ask: ask}.Login(t.Context())
	if err == nil {
		t.Fatal("the refusal was not reported")
	}
	want := []string{srp.SecretHash("alias@example.com", "abc", "hush"), srp.SecretHash("real-name", "abc", "hush")}
	if !slices.Equal(hashes, want) {
		t.Errorf("hashes %v, want %v", hashes, want)
	}
}

// TestNewPasswordAttributes: only what the pool requires and the user lacks is
// asked for and sent. One without a value is lacking.
func TestNewPasswordAttributes(t *testing.T) {
	t.Parallel()
	var sent map[string]any
	server := newWrongServer(t, func(op string, body map[string]any) (int, any) {
		if op == "InitiateAuth" {
			return 200, map[string]any{"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s-1", "ChallengeParameters": map[string]string{
				"USER_ID_FOR_SRP":    "ann",
				"userAttributes":     `{"email":"ann@example.com","email_verified":"true","given_name":""}`,
				"requiredAttributes": `["userAttributes.email","userAttributes.given_name"]`,
			}}
		}
		sent, _ = body["ChallengeResponses"].(map[string]any)
		return 400, fault("NotAuthorizedException", "User is disabled.")
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
	var asked []string
	ask := func(_ context.Context, q auth.Question) (string, error) {
		asked = append(asked, string(q.Item)+" "+q.Name)
		return "answer to " + string(q.Item), nil
	}
	_, _ = auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: ask, Device: auth.RememberedDevice{Key: "k"}}.Login(t.Context())
	want := map[string]any{"USERNAME": "ann", "NEW_PASSWORD": "answer to new password", "userAttributes.given_name": "answer to attribute"}
	if fmt.Sprint(sent) != fmt.Sprint(want) {
		t.Errorf("sent %v, want %v", sent, want)
	}
	if !slices.Equal(asked, []string{"attribute given_name", "new password "}) {
		t.Errorf("asked %q", asked)
	}
}

// TestUnknownChallenge ends in an error that names it, as does the second half of a
// proof that nobody began.
func TestUnknownChallenge(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"WEB_AUTHN", "PASSWORD_VERIFIER", "DEVICE_PASSWORD_VERIFIER"} {
		server := newWrongServer(t, func(string, map[string]any) (int, any) {
			return 200, map[string]any{"ChallengeName": name, "Session": "s"}
		})
		client := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client
		_, err := auth.Password{Client: client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
		var unknown *auth.UnsupportedChallengeError
		if !errors.As(err, &unknown) || unknown.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHostileTokens: a token that would break out of a line, a header or a shell's
// quotes is not taken.
func TestHostileTokens(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"a\nb", "a\r\nX-Evil: 1", "a b", "a\"b", "a;b", "a`b`", "a\x00b", "é"} {
		for _, name := range []string{"IdToken", "AccessToken", "RefreshToken"} {
			result := map[string]any{"IdToken": "x.y.z", "AccessToken": "x.y.z", "RefreshToken": "r"}
			result[name] = bad
			server := newWrongServer(t, func(string, map[string]any) (int, any) {
				return 200, map[string]any{"AuthenticationResult": result}
			})
			w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
			_, err := auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
			if err == nil || strings.Contains(err.Error(), bad) {
				t.Errorf("%s %q: %v", name, bad, err)
			}
		}
	}
	// The control.
	server := newWrongServer(t, func(string, map[string]any) (int, any) {
		return 200, map[string]any{"AuthenticationResult": map[string]any{"IdToken": "x.y.z-_", "AccessToken": "x+/=", "RefreshToken": "r~"}}
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
	if _, err := (auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: nobody}).Login(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestEndlessChallenges: a server that asks for ever is left.
func TestEndlessChallenges(t *testing.T) {
	t.Parallel()
	server := newWrongServer(t, func(string, map[string]any) (int, any) {
		return 200, map[string]any{"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s", "ChallengeParameters": map[string]string{}}
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
	ask := func(context.Context, auth.Question) (string, error) { return "New-Passw0rd", nil }
	_, err := auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: ask}.Login(t.Context())
	if err == nil || len(server.sent()) > 25 {
		t.Errorf("err %v after %d calls", err, len(server.sent()))
	}
}

// TestHostileChallenges: whatever a server puts into a PASSWORD_VERIFIER
// challenge, the end is an error and never a proof for SRP_B = 0.
func TestHostileChallenges(t *testing.T) {
	t.Parallel()
	for name, parameters := range map[string]map[string]string{
		"nothing":   {},
		"B is 0":    {"SALT": "ab", "SRP_B": "0", "SECRET_BLOCK": "AAAA", "USER_ID_FOR_SRP": "ann"},
		"not hex":   {"SALT": "ab", "SRP_B": "zz", "SECRET_BLOCK": "AAAA", "USER_ID_FOR_SRP": "ann"},
		"signed":    {"SALT": "-ab", "SRP_B": "-5", "SECRET_BLOCK": "AAAA", "USER_ID_FOR_SRP": "ann"},
		"very long": {"SALT": "ab", "SRP_B": strings.Repeat("f", 1<<16), "SECRET_BLOCK": "AAAA", "USER_ID_FOR_SRP": "ann"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newWrongServer(t, func(string, map[string]any) (int, any) {
				return 200, map[string]any{"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": parameters}
			})
			w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
			_, err := auth.SRP{Client: w.client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
			if err == nil || slices.Contains(server.sent(), "RespondToAuthChallenge") {
				t.Errorf("err %v, calls %v", err, server.sent())
			}
		})
	}
}

// TestLostReplyRestartsOnce: the proof's answer got lost, so the flow begins
// anew, once; the used-up challenge is not answered twice.
func TestLostReplyRestartsOnce(t *testing.T) {
	t.Parallel()
	verifier, err := srp.NewVerifier(rand.Reader, srp.Identity{Pool: "Sandbox01", User: "ann", Password: "p"})
	if err != nil {
		t.Fatal(err)
	}
	server := newWrongServer(t, func(op string, body map[string]any) (int, any) {
		if op == "RespondToAuthChallenge" {
			return 0, nil
		}
		parameters := body["AuthParameters"].(map[string]any)
		handshake, err := srp.NewServer(rand.Reader, verifier, fmt.Sprint(parameters["SRP_A"]))
		if err != nil {
			return 500, fault("InternalErrorException", err.Error())
		}
		return 200, map[string]any{"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": map[string]string{
			"SALT": handshake.Salt(), "SRP_B": handshake.B(), "SECRET_BLOCK": "AAAA", "USER_ID_FOR_SRP": "ann"}}
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
	_, err = auth.SRP{Client: w.client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
	want := []string{"InitiateAuth", "RespondToAuthChallenge", "InitiateAuth", "RespondToAuthChallenge"}
	var lost *auth.LostReplyError
	if !errors.As(err, &lost) || !slices.Equal(server.sent(), want) {
		t.Errorf("err %v, calls %v", err, server.sent())
	}
}

// TestFlowDisabled names the flow that the client lacks and one to try, however
// Cognito says it.
func TestFlowDisabled(t *testing.T) {
	t.Parallel()
	for _, answer := range []map[string]string{
		fault("InvalidParameterException", "USER_SRP_AUTH flow not enabled for this client"),
		fault("InvalidParameterException", "USER_SRP_AUTH is not enabled for the client."),
		fault("NotAuthorizedException", "Auth flow not enabled for this client"),
	} {
		server := newWrongServer(t, func(string, map[string]any) (int, any) { return 400, answer })
		w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
		_, err := auth.SRP{Client: w.client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
		var disabled *auth.FlowDisabledError
		if !errors.As(err, &disabled) || !slices.Equal(disabled.Try, []string{"password", "choice", "custom", "admin"}) {
			t.Errorf("%s: %v", answer["message"], err)
		}
	}
}

// TestAnswersAreSentOnce: a challenge is used up by its answer, so not even a
// throttle makes us send one again.
func TestAnswersAreSentOnce(t *testing.T) {
	t.Parallel()
	server := newWrongServer(t, func(op string, _ map[string]any) (int, any) {
		if op == "InitiateAuth" {
			return 200, map[string]any{"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s", "ChallengeParameters": map[string]string{}}
		}
		return 400, fault("TooManyRequestsException", "Rate exceeded")
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
	ask := func(context.Context, auth.Question) (string, error) { return "New-Passw0rd", nil }
	_, err := auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: ask}.Login(t.Context())
	if err == nil || !slices.Equal(server.sent(), []string{"InitiateAuth", "RespondToAuthChallenge"}) {
		t.Errorf("%v, sent %v", err, server.sent())
	}
}

// TestWrongPasswordOfAnEmulator: cognito-local calls a wrong password by the name
// of a policy's refusal.
func TestWrongPasswordOfAnEmulator(t *testing.T) {
	t.Parallel()
	server := newWrongServer(t, func(string, map[string]any) (int, any) {
		return 400, fault("InvalidPasswordException", "Invalid password")
	})
	w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
	_, err := auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
	var refused *auth.RefusedError
	if !errors.As(err, &refused) {
		t.Error(err)
	}
}
