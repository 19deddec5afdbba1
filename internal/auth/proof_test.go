package auth_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/srp"
)

// TestProofTime: a proof is of the server's time, and of the time that passed since; of
// the local clock where the server tells none. A clock that jumps meanwhile counts for
// nothing.
func TestProofTime(t *testing.T) {
	t.Parallel()
	verifier, err := srp.NewVerifier(rand.Reader, srp.Identity{Pool: "Sandbox01", User: "ann", Password: "p"})
	if err != nil {
		t.Fatal(err)
	}
	local, server := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC), time.Date(2026, 5, 6, 4, 0, 0, 0, time.UTC)
	for label, row := range map[string]struct {
		dated  bool
		passed time.Duration
		want   time.Time
	}{
		"the server's":   {true, 0, server},
		"none":           {false, 0, local},
		"some time":      {true, 20 * time.Second, server.Add(20 * time.Second)},
		"a jump":         {true, 2 * time.Hour, server},
		"a jump back":    {true, -30 * time.Second, server},
		"none, and some": {false, 20 * time.Second, local.Add(20 * time.Second)},
	} {
		var sent string
		box := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var body struct{ AuthParameters, ChallengeResponses map[string]string }
			_ = json.NewDecoder(r.Body).Decode(&body)
			w.Header()["Date"] = nil
			if row.dated {
				w.Header().Set("Date", server.Format(http.TimeFormat))
			}
			if sent = body.ChallengeResponses["TIMESTAMP"]; sent != "" {
				_ = json.NewEncoder(w).Encode(good)
				return
			}
			handshake, err := srp.NewServer(rand.Reader, verifier, body.AuthParameters["SRP_A"])
			if err != nil {
				t.Error(err)
				return
			}
			_ = json.NewEncoder(w).Encode(challenge("PASSWORD_VERIFIER", "s", map[string]string{
				"SALT": handshake.Salt(), "SRP_B": handshake.B(), "SECRET_BLOCK": "AAAA", "USER_ID_FOR_SRP": "ann"}))
		}))
		times := []time.Time{local, local.Add(row.passed)} // of the answer, of the proof
		now := func() time.Time {
			first := times[0]
			times = times[min(1, len(times)-1):]
			return first
		}
		w := newWorld(box.URL, "https://issuer.example", "abc", "", now)
		_, err := auth.SRP{Client: w.client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
		box.Close()
		if want := row.want.Format("Mon Jan 2 15:04:05 UTC 2006"); err != nil || sent != want {
			t.Errorf("%s: %v, the proof is of %q, want %q", label, err, sent, want)
		}
	}
}

// TestUnreadableAttributes: without knowing what the pool wants no password is set.
func TestUnreadableAttributes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"requiredAttributes", "userAttributes"} {
		p := &played{first: challenge("NEW_PASSWORD_REQUIRED", "s", map[string]string{name: "no JSON"})}
		u, _ := p.user(t, func(context.Context, auth.Question) (string, error) { return "New-Passw0rd", nil })
		u.Password = "p"
		if _, err := auth.Password(u).Login(t.Context()); err == nil || !strings.Contains(err.Error(), name) || len(p.bodies) != 0 {
			t.Errorf("%s: %v, sent %v", name, err, p.bodies)
		}
	}
}
