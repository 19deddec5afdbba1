package auth_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
)

// TestAdoptLeavesANote: what is kept of a given refresh token whose refresh failed, so
// that another try can go on from there, and what that try then sends.
func TestAdoptLeavesANote(t *testing.T) {
	t.Parallel()
	rotates := refused(400, "UnsupportedOperationException", "no") // REFRESH_TOKEN_AUTH, that is
	throttle := refused(400, "TooManyRequestsException", "Rate exceeded")
	noKeys := newWorld("http://127.0.0.1:1", "http://127.0.0.1:1", "abc", "", time.Now).verifier.Keys
	type answers = []func() (int, any)
	for label, row := range map[string]struct {
		first, then answers // the last of them goes on
		keyless     bool    // the first time
		second      string  // the token that is given then, where that is another
		left        string  // the refresh token that is kept after the first; "" for no record
		sent        string  // the one that the second try sends
		lost, good  bool    // how the second try ends
		stays       bool    // what is kept of the first
	}{
		"refused":                   {first: answers{refused(400, "NotAuthorizedException", "Invalid Refresh Token")}, then: answers{gives(t, "")}, sent: "r-1", good: true},
		"over, where tokens rotate": {first: answers{rotates, refused(400, "NotAuthorizedException", "User is disabled.")}, then: answers{rotates, gives(t, "r-2")}, sent: "r-1", good: true},
		"lost, within grace":        {first: answers{rotates, breaks}, then: answers{gives(t, "r-2")}, left: "r-1", sent: "r-1", good: true},
		"lost, no grace":            {first: answers{rotates, breaks}, then: answers{reuse}, left: "r-1", sent: "r-1", lost: true},
		"lost, and lost again":      {first: answers{rotates, breaks}, then: answers{breaks}, left: "r-1", sent: "r-1"},
		"nothing was used up":       {first: answers{rotates, throttle}, then: answers{rotates, reuse}, sent: "r-1"},
		"not rotating, throttled":   {first: answers{throttle}, then: answers{gives(t, "")}, sent: "r-1", good: true},
		"nobody can verify them":    {first: answers{rotates, gives(t, "r-2")}, keyless: true, then: answers{gives(t, "r-3")}, left: "r-2", sent: "r-2", good: true},
		"another one is given":      {first: answers{rotates, breaks}, second: "q-1", then: answers{rotates, reuse}, left: "r-1", sent: "q-1"},
		"another one that is bad":   {first: answers{rotates, breaks}, second: "q-1", then: answers{refused(400, "NotAuthorizedException", "Invalid Refresh Token")}, left: "r-1", sent: "q-1", stays: true},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			told := &prompted{answers: row.first}
			server := newWrongServer(t, func(_ string, body map[string]any) (int, any) {
				if parameters, _ := body["AuthParameters"].(map[string]any); parameters != nil {
					body = map[string]any{"RefreshToken": parameters["REFRESH_TOKEN"]}
				}
				return told.next(body["RefreshToken"].(string))()
			})
			w := newWorld(server.URL, issuerName, "abc", "", time.Now)
			w.base.Typed = ""
			r := auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base}
			dir := cache.Open[auth.Session](cache.Options{Path: t.TempDir() + "/sessions", Now: time.Now})
			adopt := func(token string) error {
				_, err := dir.Update(t.Context(), "k", func(ctx context.Context, left auth.Session, _ bool) (auth.Session, error) {
					return r.Adopt(ctx, auth.Given{Refresh: token}, left)
				})
				return err
			}
			if r.Verifier.Keys = keySet(t); row.keyless {
				r.Verifier.Keys = noKeys
			}
			if err := adopt("r-1"); err == nil {
				t.Fatal("the first try was to fail")
			}
			left, found, err := dir.Read("k")
			if err != nil || found != (row.left != "") || left.Refresh != row.left {
				t.Errorf("left %v with %q, %v", found, left.Refresh, err)
			}
			r.Verifier.Keys = keySet(t)
			told.begin(row.then)
			token := cmp.Or(row.second, "r-1")
			var lost *auth.LostRefreshError
			if err := adopt(token); (err == nil) != row.good || errors.As(err, &lost) != row.lost {
				t.Errorf("the second try: %v", err)
			}
			if got := slices.Compact(told.begin(nil)); !slices.Equal(got, []string{row.sent}) {
				t.Errorf("sent %q, want %q", got, row.sent)
			}
			if now, _, err := dir.Read("k"); err != nil || row.stays && now.Refresh != "r-1" {
				t.Errorf("what is left of the first is %q, %v", now.Refresh, err)
			}
		})
	}
}

// prompted is what a server answers, one after the other and the last one again and
// again, and the refresh tokens that it was sent.
type prompted struct {
	mu      sync.Mutex
	answers []func() (int, any)
	sent    []string
}

func (p *prompted) next(sent string) func() (int, any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, sent)
	answer := p.answers[0]
	if len(p.answers) > 1 {
		p.answers = p.answers[1:]
	}
	return answer
}

// begin takes other answers, and returns what was sent before.
func (p *prompted) begin(answers []func() (int, any)) (sent []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent, p.sent, p.answers = p.sent, nil, answers
	return sent
}
