package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/transport"
)

const issuerName = "https://issuer.example"

// refresher is a session in a directory, and the server it is refreshed at.
type refresher struct {
	t       *testing.T
	server  *wrongServer
	dir     *cache.Dir[auth.Session]
	renewer auth.Renewer
	bodies  []map[string]any
}

// newRefresher stores s, as ann's at a server that answers the refreshes one after
// the other; the last answer stays.
func newRefresher(t *testing.T, s auth.Session, answers ...func() (int, any)) *refresher {
	t.Helper()
	r := &refresher{t: t}
	r.server = newWrongServer(t, func(_ string, body map[string]any) (int, any) {
		r.bodies = append(r.bodies, body)
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		return answer()
	})
	w := newWorld(r.server.URL, issuerName, "abc", "", time.Now)
	w.verifier.Keys = keySet(t)
	s.Endpoint, s.Typed, s.Username, s.Subject, s.TokenIssuer = r.server.URL, "ann", "ann", "s-1", issuerName
	s.ID, s.Access, s.Refresh = "x", "y", "r-1"
	r.dir = stored(t, t.TempDir(), s)
	r.renewer = auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base, Needed: errors.New("sign in")}
	return r
}

func (r *refresher) renew() (auth.Session, error) {
	return cache.Cached(r.dir, "k", time.Minute, r.renewer.Renew)(r.t.Context())
}

func (r *refresher) kept() auth.Session {
	r.t.Helper()
	s, found, err := r.dir.Read("k")
	if err != nil || !found {
		r.t.Fatalf("the session is gone: %v", err)
	}
	return s
}

// refused answers with an error of the user pool API.
func refused(status int, code, message string) func() (int, any) {
	return func() (int, any) { return status, fault(code, message) }
}

// gives answers with good tokens and a refresh token, "" for none.
func gives(t *testing.T, refresh string) func() (int, any) {
	return func() (int, any) {
		answer := issuer{signer(), issuerName}.pair(t, func(id, access map[string]any) {})
		if refresh != "" {
			answer["AuthenticationResult"].(map[string]any)["RefreshToken"] = refresh
		}
		return 200, answer
	}
}

func breaks() (int, any) { return 0, nil }

var reuse = refused(400, "RefreshTokenReuseException", "Refresh token has been invalidated by refresh token rotation.")

// TestRotationIsLearnt: a client that refuses REFRESH_TOKEN_AUTH is asked in the
// other way, at once and from then on.
func TestRotationIsLearnt(t *testing.T) {
	t.Parallel()
	for _, no := range []func() (int, any){
		refused(400, "InvalidParameterException", "Auth flow not enabled for this client"),
		refused(400, "NotAuthorizedException", "Auth flow not enabled for this client"),
		refused(400, "InvalidParameterException", "REFRESH_TOKEN_AUTH is not allowed for clients with refresh token rotation"),
		refused(400, "UnsupportedOperationException", "no"),
	} {
		r := newRefresher(t, auth.Session{DeviceKey: "d-1"}, no, gives(t, "r-2"), gives(t, "r-3"))
		if _, err := r.renew(); err != nil {
			t.Fatal(err)
		}
		if s := r.kept(); s.By != auth.ByGetTokens || !s.Rotates || s.Refresh != "r-2" || s.InFlight != nil {
			t.Errorf("after the first refresh: by %q, rotates %v, %q, in flight %v", s.By, s.Rotates, s.Refresh, s.InFlight)
		}
		if _, err := cache.Cached(r.dir, "k", 2*time.Hour, r.renewer.Renew)(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"InitiateAuth", "GetTokensFromRefreshToken", "GetTokensFromRefreshToken"}; !slices.Equal(r.server.sent(), want) {
			t.Errorf("sent %v, want %v", r.server.sent(), want)
		}
		if last := r.bodies[2]; last["RefreshToken"] != "r-2" || last["DeviceKey"] != "d-1" || r.kept().Refresh != "r-3" {
			t.Errorf("the second refresh sent %v", last)
		}
	}
	// The control: what is no word about the flow changes nothing.
	r := newRefresher(t, auth.Session{}, refused(400, "InvalidParameterException", "Missing required parameter REFRESH_TOKEN"))
	if _, err := r.renew(); err == nil || r.kept().By != auth.ByFlow || len(r.server.sent()) != 1 {
		t.Errorf("%v, by %q", err, r.kept().By)
	}
}

// TestNotedBeforeItIsSent: when a refresh that may use its token up arrives at the
// server, the record on the disk says so, and holds the token's hash only.
func TestNotedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	for label, row := range map[string]struct {
		session auth.Session
		noted   bool
	}{
		"GetTokensFromRefreshToken": {auth.Session{By: auth.ByGetTokens}, true},
		"a flow that rotates":       {auth.Session{Rotates: true}, true},
		"a flow that does not":      {auth.Session{}, false},
	} {
		var during auth.Session
		var r *refresher
		began := time.Now()
		r = newRefresher(t, row.session, func() (int, any) {
			during = r.kept()
			return gives(t, "r-2")()
		})
		if _, err := r.renew(); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte("r-1"))
		switch note := during.InFlight; {
		case (note != nil) != row.noted:
			t.Errorf("%s: noted: %v", label, note)
		case note != nil && (note.Token != hex.EncodeToString(sum[:]) || note.Sent.Before(began.Add(-time.Second)) || note.Sent.After(time.Now())):
			t.Errorf("%s: %+v", label, note)
		}
		if during.Refresh != "r-1" || r.kept().InFlight != nil {
			t.Errorf("%s: during it %q, after it %v", label, during.Refresh, r.kept().InFlight)
		}
	}
}

// TestNotSentWithoutANote: where the note cannot be saved, nothing is sent.
func TestNotSentWithoutANote(t *testing.T) {
	t.Parallel()
	r := newRefresher(t, auth.Session{By: auth.ByGetTokens}, gives(t, "r-2"))
	_, err := r.dir.Update(t.Context(), "k", func(ctx context.Context, old auth.Session, found bool) (auth.Session, error) {
		old.Typed = strings.Repeat("x", cache.MaxSize) // a record that is too large
		return r.renewer.Renew(ctx, old, found)
	})
	if err == nil || len(r.server.sent()) != 0 || !auth.Passing(err) {
		t.Errorf("%.200v, sent %v", err, r.server.sent())
	}
}

// TestAnswersToARotatingRefresh: what is sent, what is kept, and what is told.
func TestAnswersToARotatingRefresh(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	sum := sha256.Sum256([]byte("r-1"))
	note := &auth.InFlight{Token: hex.EncodeToString(sum[:]), Sent: sent}
	foreign := &auth.InFlight{Token: "of another token", Sent: sent}
	for label, row := range map[string]struct {
		note     *auth.InFlight
		answers  []func() (int, any)
		sendings int
		good     bool
		ended    bool
		lost     bool // told as a loss
		inFlight bool // the note is there afterwards
	}{
		"good":                           {nil, []func() (int, any){gives(t, "r-2")}, 1, true, false, false, false},
		"lost once, within grace":        {nil, []func() (int, any){breaks, gives(t, "r-2")}, 2, true, false, false, false},
		"a fault once, within grace":     {nil, []func() (int, any){refused(500, "InternalErrorException", "x"), gives(t, "r-2")}, 2, true, false, false, false},
		"lost once, no grace":            {nil, []func() (int, any){breaks, reuse}, 2, false, true, true, false},
		"lost twice, within grace":       {nil, []func() (int, any){breaks, breaks, gives(t, "r-2")}, 3, true, false, false, false},
		"lost twice, no grace":           {nil, []func() (int, any){breaks, breaks, reuse}, 3, false, true, true, false},
		"throttled once":                 {nil, []func() (int, any){refused(400, "TooManyRequestsException", "Rate exceeded"), gives(t, "r-2")}, 2, true, false, false, false},
		"a wrong secret":                 {nil, []func() (int, any){refused(400, "NotAuthorizedException", "Unable to verify secret for client abc")}, 1, false, false, false, false},
		"revoked":                        {nil, []func() (int, any){refused(400, "NotAuthorizedException", "Refresh Token has been revoked")}, 1, false, true, false, false},
		"reused by others":               {nil, []func() (int, any){reuse}, 1, false, true, false, false},
		"interrupted, within grace":      {note, []func() (int, any){gives(t, "r-2")}, 1, true, false, false, false},
		"interrupted, beyond grace":      {note, []func() (int, any){reuse}, 1, false, true, true, false},
		"interrupted, then throttled":    {note, []func() (int, any){refused(400, "NotAuthorizedException", "Unable to verify secret for client abc")}, 1, false, false, false, true},
		"a note of another token":        {foreign, []func() (int, any){reuse}, 1, false, true, false, false},
		"no tokens in the answer":        {nil, []func() (int, any){func() (int, any) { return 200, map[string]any{} }}, 1, false, false, false, true},
		"an answer that is cut off":      {nil, []func() (int, any){func() (int, any) { return 200, json.RawMessage(`"`) }}, 1, false, false, false, true},
		"no new refresh token in it":     {nil, []func() (int, any){gives(t, "")}, 1, true, false, false, false},
		"another way of not being there": {nil, []func() (int, any){refused(503, "ServiceUnavailable", ""), refused(503, "ServiceUnavailable", ""), gives(t, "r-2")}, 3, true, false, false, false},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			r := newRefresher(t, auth.Session{By: auth.ByGetTokens, Rotates: true, InFlight: row.note}, row.answers...)
			_, err := r.renew()
			if (err == nil) != row.good || len(r.server.sent()) != row.sendings {
				t.Fatalf("%v after %d sendings", err, len(r.server.sent()))
			}
			var lost *auth.LostRefreshError
			var over *auth.OverError
			if errors.As(err, &lost) != row.lost || errors.As(err, &over) != row.ended {
				t.Errorf("told as %v", err)
			}
			if row.lost && row.note != nil && !strings.Contains(err.Error(), sent.Local().Format(time.DateTime)) {
				t.Errorf("the first sending's time is not told: %v", err)
			}
			if s, found, _ := r.dir.Read("k"); found == row.ended || !row.ended && (s.InFlight != nil) != row.inFlight {
				t.Errorf("found %v, in flight %v", found, s.InFlight)
			}
		})
	}
}

// TestUnheardToTheEnd: a refresh that nobody answers stays noted, for the next run to
// send it again. The second sending goes out at once: a grace period may be running.
func TestUnheardToTheEnd(t *testing.T) {
	t.Parallel()
	r := newRefresher(t, auth.Session{By: auth.ByGetTokens, Rotates: true}, breaks)
	var pauses []int // sendings before each
	r.renewer.Client = auth.NewClient(auth.ClientConfig{
		Region: "us-east-1", UserPoolID: "us-east-1_Sandbox01", ClientID: "abc", Endpoint: r.server.URL, HTTP: transport.Client(http.DefaultTransport), Now: time.Now,
		Pause: func(context.Context, time.Duration) error {
			pauses = append(pauses, len(r.server.sent()))
			return nil
		},
	})
	if _, err := r.renew(); !auth.Passing(err) {
		t.Error(err)
	}
	if len(pauses) < 4 || pauses[0] != 2 || pauses[1] != 3 || r.kept().InFlight == nil {
		t.Errorf("pauses after %v sendings, in flight: %v", pauses, r.kept().InFlight)
	}
}

// TestKeysThatCannotBeHad: the new refresh token is kept although nobody could
// verify the tokens beside it, as the old one is used up. These are not taken.
func TestKeysThatCannotBeHad(t *testing.T) {
	t.Parallel()
	r := newRefresher(t, auth.Session{By: auth.ByGetTokens}, gives(t, "r-2"), gives(t, "r-3"))
	keys := r.renewer.Verifier.Keys
	r.renewer.Verifier.Keys = newWorld("http://127.0.0.1:1", "http://127.0.0.1:1", "abc", "", time.Now).verifier.Keys
	if _, err := r.renew(); err == nil {
		t.Fatal("tokens were taken that nobody verified")
	}
	if s := r.kept(); s.Refresh != "r-2" || s.ID != "x" || s.InFlight != nil {
		t.Errorf("kept %q beside the ID token %.10q, in flight %v", s.Refresh, s.ID, s.InFlight)
	}
	r.renewer.Verifier.Keys = keys
	if _, err := r.renew(); err != nil || r.kept().Refresh != "r-3" {
		t.Errorf("later: %v, %q", err, r.kept().Refresh)
	}
}

// TestRefreshIsRepeated: one that uses nothing up is sent again while that may
// help, and not where nobody listens.
func TestRefreshIsRepeated(t *testing.T) {
	t.Parallel()
	for _, first := range []func() (int, any){
		breaks, refused(500, "InternalErrorException", "x"), refused(503, "ServiceUnavailable", ""), refused(400, "TooManyRequestsException", "Rate exceeded"), refused(429, "Whatever", "x"),
	} {
		r := newRefresher(t, auth.Session{}, first, first, gives(t, ""))
		r.renewer.Client = patient(r.server.URL, auth.Pause)
		if _, err := r.renew(); err != nil || len(r.server.sent()) != 3 {
			t.Errorf("%v after %d sendings", err, len(r.server.sent()))
		}
	}
	r := newRefresher(t, auth.Session{}, gives(t, ""))
	r.server.Close()
	r.renewer.Client = patient(r.server.URL, func(context.Context, time.Duration) error {
		t.Error("a pause, although nobody listens")
		return nil
	})
	if _, err := r.renew(); err == nil || !auth.Passing(err) {
		t.Errorf("nobody listens: %v", err)
	}
}

func patient(endpoint string, pause func(context.Context, time.Duration) error) *auth.Client {
	return auth.NewClient(auth.ClientConfig{Region: "us-east-1", UserPoolID: "us-east-1_Sandbox01", ClientID: "abc", Endpoint: endpoint,
		HTTP: transport.Client(http.DefaultTransport), Now: time.Now, Pause: pause, Patience: time.Minute})
}

// TestRepeatingEndsWithItsCaller: nobody waits for a pause that is for nobody.
func TestRepeatingEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	r := newRefresher(t, auth.Session{}, func() (int, any) {
		cancel(gone)
		return 503, fault("ServiceUnavailable", "")
	})
	r.renewer.Client = patient(r.server.URL, auth.Pause)
	began := time.Now()
	_, err := cache.Cached(r.dir, "k", time.Minute, r.renewer.Renew)(ctx)
	if !errors.Is(err, gone) || time.Since(began) > 30*time.Second || len(r.server.sent()) != 1 {
		t.Errorf("%v after %v and %d sendings", err, time.Since(began), len(r.server.sent()))
	}
}

// TestForgottenDevice: a device that Cognito does not know any more is left out, once.
func TestForgottenDevice(t *testing.T) {
	t.Parallel()
	r := newRefresher(t, auth.Session{DeviceKey: "d-1"}, refused(400, "ResourceNotFoundException", "Device does not exist."), gives(t, ""))
	if s, err := r.renew(); err != nil || s.DeviceKey != "" || len(r.server.sent()) != 2 {
		t.Errorf("%v, device %q after %v", err, s.DeviceKey, r.server.sent())
	}
	r = newRefresher(t, auth.Session{DeviceKey: "d-1"}, refused(400, "ResourceNotFoundException", "User pool client abc does not exist."))
	if _, err := r.renew(); err == nil || len(r.server.sent()) != 1 || r.kept().DeviceKey != "d-1" {
		t.Errorf("%v after %v", err, r.server.sent())
	}
}

// TestRefreshByOAuth: what a token endpoint is sent, and what its answers mean.
func TestRefreshByOAuth(t *testing.T) {
	t.Parallel()
	good := issuer{signer(), issuerName}.pair(t, func(id, access map[string]any) {})["AuthenticationResult"].(map[string]any)
	tokens := map[string]any{"id_token": good["IdToken"], "access_token": good["AccessToken"], "expires_in": 3600, "token_type": "Bearer"}
	rotated := maps.Clone(tokens)
	rotated["refresh_token"] = "r-2"
	for label, row := range map[string]struct {
		secret  string
		status  int
		body    any
		good    bool
		ended   bool
		passing bool
		refresh string
	}{
		"tokens":            {"", 200, tokens, true, false, false, "r-1"},
		"a new one":         {"hush+/", 200, rotated, true, false, false, "r-2"},
		"invalid_grant":     {"", 400, map[string]string{"error": "invalid_grant"}, false, true, false, ""},
		"invalid_client":    {"hush", 401, map[string]string{"error": "invalid_client", "error_description": "no"}, false, false, false, "r-1"},
		"unauthorized":      {"", 400, map[string]string{"error": "unauthorized_client"}, false, false, false, "r-1"},
		"a fault":           {"", 500, map[string]string{"error": "server_error"}, false, false, true, "r-1"},
		"another's 407":     {"", 407, map[string]string{"error": "invalid_grant"}, false, false, false, "r-1"},
		"another's 408":     {"", 408, map[string]string{"error": "invalid_grant"}, false, false, false, "r-1"},
		"another's 425":     {"", 425, map[string]string{"error": "invalid_grant"}, false, false, false, "r-1"},
		"a redirect":        {"", 302, map[string]string{"error": "invalid_grant"}, false, false, false, "r-1"},
		"throttled":         {"", 429, map[string]string{}, false, false, true, "r-1"},
		"no token endpoint": {"", 404, "not found", false, false, true, "r-1"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			var got *http.Request
			var sendings atomic.Int32
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sendings.Add(1)
				_ = r.ParseForm()
				got = r
				w.WriteHeader(row.status)
				_ = json.NewEncoder(w).Encode(row.body)
			}))
			t.Cleanup(endpoint.Close)
			r := newRefresher(t, auth.Session{By: auth.ByOAuth, TokenURL: endpoint.URL + "/oauth2/token"}, breaks)
			r.renewer.Client = newWorld(r.server.URL, issuerName, "abc", row.secret, time.Now).client
			_, err := r.renew()
			if (err == nil) != row.good || auth.Passing(err) != row.passing {
				t.Fatalf("%v, passing %v", err, auth.Passing(err))
			}
			id, secret, basic := got.BasicAuth()
			if got.PostForm.Get("grant_type") != "refresh_token" || got.PostForm.Get("refresh_token") != "r-1" || (got.PostForm.Get("client_id") == "abc") == basic ||
				got.URL.Path != "/oauth2/token" || basic != (row.secret != "") || basic && (id != "abc" || secret != url.QueryEscape(row.secret)) {
				t.Errorf("sent %v with %v", got.PostForm, got.Header)
			}
			s, found, _ := r.dir.Read("k")
			if found == row.ended || found && s.Refresh != row.refresh || len(r.server.sent()) != 0 {
				t.Errorf("kept %v with %q", found, s.Refresh)
			}
			if strings.Contains(fmt.Sprint(err), "r-1") || row.secret != "" && strings.Contains(fmt.Sprint(err), row.secret) {
				t.Errorf("a secret in %v", err)
			}
		})
	}
	// The refresh token goes to no other token endpoint than its own.
	r := newRefresher(t, auth.Session{By: auth.ByOAuth, TokenURL: "https://elsewhere.example/oauth2/token"}, breaks)
	r.renewer.Base.TokenURL = "https://here.example/oauth2/token"
	var elsewhere *auth.ElsewhereError
	if _, err := r.renew(); !errors.As(err, &elsewhere) {
		t.Error(err)
	}
}
