package store

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestSpend(t *testing.T) {
	t.Parallel()
	s := New()
	spend := func(name, what string, now time.Time) bool { return s.Spend(Allowance{"p", name, what, 5}, now) }
	for i := range 7 {
		if got := spend("Ann", "x", start.Add(time.Duration(i)*time.Minute)); got != (i < 5) {
			t.Errorf("number %d: %v", i+1, got)
		}
	}
	if !spend("ann", "y", start) || !spend("bob", "x", start) {
		t.Error("another thing or user counts as the same")
	}
	if spend("ann", "x", start.Add(time.Hour-1)) {
		t.Error("too early")
	}
	if !spend("ann", "x", start.Add(time.Hour)) || spend("ann", "x", start.Add(time.Hour)) {
		t.Error("after an hour the first is forgotten, and only the first")
	}
}

func TestDeleteAndRevokeUser(t *testing.T) {
	t.Parallel()
	s := New()
	if err := s.AddPool(Pool{ID: "p"}, []Client{{ID: "c"}}, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ann", "bob"} {
		if err := s.Create("p", User{Username: name, Sub: name}, false); err != nil {
			t.Fatal(err)
		}
		s.AddGrant(Grant{EventID: "of " + name, PoolID: "p", Username: name, Expires: start.Add(time.Hour)}, "refresh "+name, start)
		s.PutCode(Code{PoolID: "p", Username: name, Kind: "SignUp", Value: "1", Expires: start.Add(time.Hour)})
		s.PutSession(name, Session{PoolID: "p", ClientID: "c", Username: name, Challenge: "SMS_MFA"}, start, start.Add(time.Hour))
		s.PutHandshake([]byte(name), Handshake{PoolID: "p", Username: name}, start, start.Add(time.Hour))
	}
	s.RevokeUser("other", "ann")
	if s.Revoked("of ann") {
		t.Error("revoked in another pool")
	}
	if err := s.Delete("p", "ANN"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("p", "ann"); !errors.Is(err, ErrNoUser) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, there := s.Find("p", "ann"); there || !s.Revoked("of ann") || s.Revoked("of bob") {
		t.Error("ann is to be gone with her sign-ins, and nobody else")
	}
	for name, there := range map[string]bool{"ann": false, "bob": true} {
		code := s.CheckCode(Code{PoolID: "p", Username: name, Kind: "SignUp", Value: "1"}, start)
		_, session := s.Session(name, "SMS_MFA", "c", start)
		_, handshake := s.Handshake([]byte(name), start)
		if (code == nil) != there || (session == nil) != there || (handshake == nil) != there {
			t.Errorf("what waits for %s: code %v, session %v, handshake %v", name, code, session, handshake)
		}
	}
	if users := s.Users("p"); len(users) != 1 || users[0].Username != "bob" {
		t.Errorf("users %v", users)
	}
}

// TestForgets: nothing that is over stays in a sandbox that runs for long.
func TestForgets(t *testing.T) {
	t.Parallel()
	s := New()
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Minute) }
	const n, lives = 5000, time.Hour
	for i := range n {
		s.AddGrant(Grant{EventID: fmt.Sprint(i), Expires: at(i).Add(lives)}, fmt.Sprint("r", i), at(i))
		if _, err := s.Rotate(fmt.Sprint("r", i), fmt.Sprint("s", i), 0, at(i)); err != nil {
			t.Fatal(err)
		}
		s.Spend(Allowance{"p", fmt.Sprint("nobody", i), "x", 5}, at(i))
		s.PutSession(fmt.Sprint(i), Session{}, at(i), at(i).Add(time.Minute))
	}
	// An hour and a day is what a grant is known for, an hour what is spent and a
	// session that is over.
	if grants, tokens := len(s.grants), len(s.refresh); grants > 1800 || tokens > 3600 {
		t.Errorf("%d sign-ins are kept, with %d refresh tokens", grants, tokens)
	}
	if len(s.spent) > 1100 || len(s.sessions.entries) > 400 {
		t.Errorf("%d counters and %d sessions are kept", len(s.spent), len(s.sessions.entries))
	}
	if _, err := s.Grant(fmt.Sprint("s", n-1), 0, at(n)); err != nil {
		t.Errorf("the last one: %v", err)
	}
	if _, err := s.Grant(fmt.Sprint("s", n-600), 0, at(n)); !errors.Is(err, ErrExpired) {
		t.Errorf("one that is over for ten hours: %v", err)
	}
}

func TestUpdateSettings(t *testing.T) {
	t.Parallel()
	s := New()
	if err := s.AddPool(Pool{ID: "p"}, []Client{{ID: "c"}}, nil); err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("no")
	for name, err := range map[string]error{
		"pool":   s.UpdatePool("p", func(p *Pool) error { p.MFA = "ON"; return refusal }),
		"client": s.UpdateClient("c", func(c *Client) error { c.Secret = "x"; return refusal }),
	} {
		if !errors.Is(err, refusal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, _ := s.Pool("p"); p.MFA != "" {
		t.Error("a refused change was made")
	}
	if err := s.UpdatePool("p", func(p *Pool) error { p.ID, p.MFA = "q", "ON"; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.UpdateClient("c", func(c *Client) error { c.ID, c.PoolID, c.Secret = "d", "q", "x"; return nil }); err != nil {
		t.Fatal(err)
	}
	p, ok := s.Pool("p")
	c, known := s.Client("c")
	if !ok || !known || p.ID != "p" || p.MFA != "ON" || c.ID != "c" || c.PoolID != "p" || c.Secret != "x" {
		t.Errorf("pool %+v, client %+v", p, c)
	}
	if !errors.Is(s.UpdatePool("q", nil), ErrNoPool) || !errors.Is(s.UpdateClient("d", nil), ErrNoClient) {
		t.Error("what is not there was changed")
	}
}

func TestTracks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ pool, user, want string }{
		{"", "", ""}, {"off", "", ""}, {"always", "", "always"}, {"always", "off", ""}, {"", "opt-in", "opt-in"}, {"off", "always", "always"},
	} {
		if got := (Pool{DeviceTracking: tt.pool}).Tracks(User{DeviceTracking: tt.user}); got != tt.want {
			t.Errorf("pool %q, user %q: %q, want %q", tt.pool, tt.user, got, tt.want)
		}
	}
}
