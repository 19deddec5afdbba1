package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox"
)

// aged makes the tokens of a pair older.
func aged(by time.Duration) func(id, access map[string]any) {
	return func(id, access map[string]any) {
		for _, claims := range []map[string]any{id, access} {
			for _, name := range []string{"iat", "exp"} {
				claims[name] = claims[name].(int64) - int64(by.Seconds())
			}
		}
	}
}

// TestAdopt: which given tokens make a session, and which of them ask for a refresh.
func TestAdopt(t *testing.T) {
	t.Parallel()
	other, err := jwt.NewSigner(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	same := func(id, access map[string]any) {}
	for label, row := range map[string]struct {
		signer *jwt.Signer                     // of the given tokens
		change func(id, access map[string]any) // made to them
		given  string                          // which of them: id, access, refresh
		answer func(id, access map[string]any) // a change made to the tokens of the refresh
		good   bool                            // they make a session
		sent   int                             // how many requests that takes
	}{
		"all three":                  {signer(), same, "id access refresh", same, true, 0},
		"no refresh token":           {signer(), same, "id access", same, true, 0},
		"no access token":            {signer(), same, "id refresh", same, true, 1},
		"a refresh token alone":      {signer(), same, "refresh", same, true, 1},
		"access and refresh token":   {signer(), same, "access refresh", same, true, 1},
		"expired":                    {signer(), aged(2 * time.Hour), "id access refresh", same, true, 1},
		"of the future":              {signer(), aged(-3 * time.Hour), "id access refresh", same, true, 1},
		"expired, no refresh token":  {signer(), aged(2 * time.Hour), "id access", same, false, 0},
		"an ID token alone":          {signer(), same, "id", same, false, 0},
		"an access token alone":      {signer(), same, "access", same, false, 0},
		"nothing":                    {signer(), same, "", same, false, 0},
		"a foreign key":              {other, same, "id access refresh", same, false, 0},
		"expired, by a foreign key":  {other, aged(2 * time.Hour), "id access refresh", same, false, 0},
		"of another issuer":          {signer(), func(id, _ map[string]any) { id["iss"] = "https://evil.example" }, "id access refresh", same, false, 0},
		"of another client":          {signer(), func(id, _ map[string]any) { id["aud"] = "xyz" }, "id access refresh", same, false, 0},
		"an access token as ID":      {signer(), func(id, _ map[string]any) { id["token_use"] = "access" }, "id access refresh", same, false, 0},
		"somebody else's access":     {signer(), func(_, access map[string]any) { access["sub"] = "s-2" }, "id access refresh", same, false, 0},
		"the refresh is another's":   {signer(), aged(2 * time.Hour), "id access refresh", func(id, access map[string]any) { id["sub"], access["sub"] = "s-2", "s-2" }, false, 1},
		"the refresh, no ID, is his": {signer(), same, "refresh", func(id, access map[string]any) { id["sub"], access["sub"] = "s-2", "s-2" }, true, 1},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			answer := issuer{signer(), issuerName}.pair(t, row.answer)
			server := newWrongServer(t, func(string, map[string]any) (int, any) { return 200, answer })
			w := newWorld(server.URL, issuerName, "abc", "", time.Now)
			w.verifier.Keys = keySet(t)
			w.base.Typed = ""
			tokens := issuer{row.signer, issuerName}.pair(t, row.change)["AuthenticationResult"].(map[string]any)
			var g auth.Given
			has := func(name string) bool { return slices.Contains(strings.Fields(row.given), name) }
			if has("id") {
				g.ID = fmt.Sprint(tokens["IdToken"])
			}
			if has("access") {
				g.Access = fmt.Sprint(tokens["AccessToken"])
			}
			if has("refresh") {
				g.Refresh = "r-1"
			}
			s, err := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base}.Adopt(t.Context(), g, auth.Session{})
			if (err == nil) != row.good || len(server.sent()) != row.sent {
				t.Fatalf("%v after %v", err, server.sent())
			}
			if err != nil {
				return
			}
			if s.Typed != "ann" || s.Username != "ann" || s.Subject == "" {
				t.Errorf("the session of %q (typed %q), sub %q", s.Username, s.Typed, s.Subject)
			}
			if s.Refresh != g.Refresh || s.ID == "" || s.Access == "" || !s.GoodFor(time.Now(), 59*time.Minute) {
				t.Errorf("its tokens: %+v", s)
			}
			if left := time.Until(s.Expires); left > time.Hour {
				t.Errorf("serves for %v more", left)
			}
		})
	}
	for _, g := range []auth.Given{{ID: "a\nb"}, {Access: "x y", Refresh: "r"}, {Refresh: "\x1b"}} {
		_, err := auth.Renewer{Client: sandboxWorld(time.Now).client}.Adopt(t.Context(), g, auth.Session{})
		var refused *auth.GivenError
		if !errors.As(err, &refused) || !strings.Contains(refused.Why, "characters that no token has") {
			t.Errorf("%q: %v", g, err)
		}
	}
}

// TestAdoptWithASecret: a refresh token of a client with a secret says nothing about
// its user, whose name REFRESH_TOKEN_AUTH would want; against the sandbox, rotating
// and not, with an ID token and without.
func TestAdoptWithASecret(t *testing.T) {
	t.Parallel()
	for _, rotate := range []bool{false, true} {
		seed := sandbox.DefaultSeed()
		secret := ""
		for i, c := range seed.Pools[0].Clients {
			seed.Pools[0].Clients[i].RotateRefreshTokens = rotate
			seed.Pools[0].Clients[i].RetryGrace = time.Minute
			if c.ID == sandbox.SecretClientID {
				secret = c.Secret
			}
		}
		box, err := sandbox.New(sandbox.Options{Now: time.Now, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if err := box.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { box.Close() })
		e := box.Endpoints()
		w := newWorld(e.Cloud, e.Issuer, sandbox.SecretClientID, secret, time.Now)
		w.base.Typed = "ann@example.com"
		tokens, err := auth.SRP{Client: w.client, Username: "ann", Password: sandbox.DefaultPassword, Ask: nobody}.Login(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		renewer := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base}
		withID, err := renewer.Adopt(t.Context(), auth.Given{ID: tokens.ID, Refresh: tokens.Refresh}, auth.Session{})
		if err != nil || withID.Username != "ann" || withID.Typed != "ann@example.com" || (withID.By == auth.ByGetTokens) != rotate {
			t.Errorf("rotate %v, with an ID token: by %q, %v", rotate, withID.By, err)
		}
		alone, err := renewer.Adopt(t.Context(), auth.Given{Refresh: withID.Refresh}, auth.Session{})
		if err != nil || alone.Username != "ann" || alone.By != auth.ByGetTokens || alone.Rotates != rotate {
			t.Errorf("rotate %v, alone: by %q, %v", rotate, alone.By, err)
		}
		var refused *auth.RefusedError
		if _, err := renewer.Adopt(t.Context(), auth.Given{Refresh: "garbage"}, auth.Session{}); !errors.As(err, &refused) {
			t.Errorf("garbage: %v", err)
		}
		if stats := box.Stats(); stats["GetTokensFromRefreshToken"] == 0 {
			t.Errorf("nothing was refreshed: %v", stats)
		}
	}
}
