package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
)

// TestOAuthRefreshIsNoted: a token endpoint may rotate refresh tokens as well, so the
// record says that one is on its way.
func TestOAuthRefreshIsNoted(t *testing.T) {
	t.Parallel()
	good := issuer{signer(), issuerName}.pair(t, func(id, access map[string]any) {})["AuthenticationResult"].(map[string]any)
	var r *refresher
	var during auth.Session
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		during = r.kept()
		_ = json.NewEncoder(w).Encode(map[string]any{"id_token": good["IdToken"], "access_token": good["AccessToken"], "refresh_token": "r-2", "token_type": "Bearer"})
	}))
	t.Cleanup(endpoint.Close)
	r = newRefresher(t, auth.Session{By: auth.ByOAuth, TokenURL: endpoint.URL}, breaks)
	if _, err := r.renew(); err != nil || during.InFlight == nil || during.Refresh != "r-1" {
		t.Errorf("%v, while it was sent: %q, note %v", err, during.Refresh, during.InFlight)
	}
	if s := r.kept(); s.Refresh != "r-2" || !s.Rotates || s.InFlight != nil {
		t.Errorf("kept %q, rotates %v, note %v", s.Refresh, s.Rotates, s.InFlight)
	}
}

// TestRefreshKeepsTheIssuer: tokens of a pool may name it in one of two ways, and a
// session stays with the one that it began with.
func TestRefreshKeepsTheIssuer(t *testing.T) {
	t.Parallel()
	const other = "https://issuer.other.example"
	for name, good := range map[string]bool{issuerName: true, other: false} {
		answer := issuer{signer(), name}.pair(t, func(id, access map[string]any) {})
		r := newRefresher(t, auth.Session{}, func() (int, any) { return 200, answer })
		r.renewer.Verifier.Issuers = []string{issuerName, other}
		if _, err := r.renew(); (err == nil) != good || (r.kept().ID == "x") == good {
			t.Errorf("iss %s: %v, kept the ID token %.10q", name, err, r.kept().ID)
		}
	}
}

// TestNobodySignsIn: an ID token without a sub is nobody's, verified as it may be.
func TestNobodySignsIn(t *testing.T) {
	t.Parallel()
	for _, good := range []bool{true, false} {
		result := issuer{signer(), issuerName}.pair(t, func(id, access map[string]any) {
			if !good {
				delete(id, "sub")
				delete(access, "sub")
			}
		})["AuthenticationResult"].(map[string]any)
		v := auth.Verifier{Keys: keySet(t), Issuers: []string{issuerName}, ClientID: "abc"}
		s, err := v.Begin(t.Context(), auth.Session{Typed: "ann"}, auth.Tokens{ID: fmt.Sprint(result["IdToken"]), Access: fmt.Sprint(result["AccessToken"]), Received: time.Now()})
		if (err == nil) != good {
			t.Errorf("sub %q: %v", s.Subject, err)
		}
	}
}

// waiting is a sign-in that takes until nobody wants it any more.
type waiting struct{ begun chan struct{} }

func (w waiting) Login(ctx context.Context) (auth.Tokens, error) {
	close(w.begun)
	<-ctx.Done()
	return auth.Tokens{}, ctx.Err()
}

// TestSignInEndsWithItsCaller: until there are tokens nothing is lost by stopping, so
// the grace of a save is not for it.
func TestSignInEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	dir := cache.Open[auth.Session](cache.Options{Path: filepath.Join(t.TempDir(), "s"), Now: time.Now, Grace: time.Minute})
	w := waiting{make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := cache.Cached(dir, "k", time.Minute, auth.Renewer{Client: sandboxWorld(time.Now).client, SignIn: w}.Renew)(ctx)
		done <- err
	}()
	<-w.begun
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(40 * time.Second):
		t.Fatal("it goes on for nobody")
	}
}

// TestRefreshWithoutTokens: an answer with neither tokens nor a challenge is no answer,
// by which a token that has a moment left still serves; a challenge is told by its name.
func TestRefreshWithoutTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer  string
		want    string
		passing bool
	}{
		{`{}`, "neither an ID token nor an access token", true},
		{`{"AuthenticationResult":null,"ChallengeName":null}`, "neither an ID token nor an access token", true},
		{`{"ChallengeName":"SMS_MFA","Session":"s"}`, "asks for the challenge SMS_MFA", false},
	} {
		r := newRefresher(t, auth.Session{}, func() (int, any) { return 200, json.RawMessage(c.answer) })
		_, err := r.renew()
		if err == nil || !strings.Contains(err.Error(), c.want) || auth.Passing(err) != c.passing || !r.kept().Live() {
			t.Errorf("%s: %v (passing %v), want %q", c.answer, err, auth.Passing(err), c.want)
		}
	}
}
