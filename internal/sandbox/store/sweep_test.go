package store

import (
	"fmt"
	"testing"
	"time"
)

// TestSweeps: each table forgets a thing once it is over, not an instant before.
func TestSweeps(t *testing.T) {
	t.Parallel()
	const life = time.Minute
	for _, table := range []struct {
		name  string
		lasts time.Duration // for which a thing is needed, counted from its start
		fill  int           // more things, until the table is swept
		put   func(s *Store, key string, at time.Time)
		there func(s *Store, key string) bool
	}{
		{"sessions", life + remembered, 256,
			func(s *Store, key string, at time.Time) { s.PutSession(key, Session{}, at, at.Add(life)) },
			func(s *Store, key string) bool { return s.sessions.entries[key] != nil }},
		{"handshakes", life, 256,
			func(s *Store, key string, at time.Time) { s.PutHandshake([]byte(key), Handshake{}, at, at.Add(life)) },
			func(s *Store, key string) bool { return s.handshakes.entries[key] != nil }},
		{"codes of the pages", life + remembered, 256,
			func(s *Store, key string, at time.Time) { s.PutAuthCode(key, AuthCode{}, at, at.Add(life)) },
			func(s *Store, key string) bool { return s.authCodes.entries[key] != nil }},
		{"sign-ins", life + outlived, 256,
			func(s *Store, key string, at time.Time) {
				s.AddGrant(Grant{EventID: key, Expires: at.Add(life)}, key, at)
			},
			func(s *Store, key string) bool { return s.grants[key] != nil }},
		{"refresh tokens", life + outlived, 256,
			func(s *Store, key string, at time.Time) {
				s.AddGrant(Grant{EventID: key, Expires: at.Add(life)}, key, at)
			},
			func(s *Store, key string) bool { _, err := s.Grant(key, 0, start); return err == nil }},
		{"wrong passwords", idleReset, 1024,
			func(s *Store, key string, at time.Time) { s.Failed("p", key, at) },
			func(s *Store, key string) bool { return s.attempts[attemptKey{"p", key}] != nil }},
		{"lockouts", time.Second + idleReset, 1024,
			func(s *Store, key string, at time.Time) {
				for range freeAttempts {
					s.Failed("p", key, at)
				}
			},
			func(s *Store, key string) bool { return s.attempts[attemptKey{"p", key}] != nil }},
		{"what was spent", time.Hour - 1, 1024,
			func(s *Store, key string, at time.Time) { s.Spend(Allowance{"p", key, "x", 5}, at) },
			func(s *Store, key string) bool { return s.spent[spentKey{"p", key, "x"}] != nil }},
		{"access keys", life + 24*time.Hour, keptKeys,
			func(s *Store, key string, at time.Time) {
				s.PutKey(Key{AccessKeyID: key, Expires: at.Add(life)}, at)
			},
			func(s *Store, key string) bool { _, ok := s.Key(key); return ok }},
	} {
		t.Run(table.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range []struct {
				late  time.Duration // after the thing was needed for the last time
				there bool
			}{{0, true}, {1, false}} {
				s := New()
				s.PutKey(Key{AccessKeyID: "for good"}, start)
				table.put(s, "first", start)
				for i := range table.fill {
					table.put(s, fmt.Sprint(i), start.Add(table.lasts+c.late))
				}
				if got := table.there(s, "first"); got != c.there {
					t.Errorf("swept %v after it was needed: it is there: %v", c.late, got)
				}
				if _, ok := s.Key("for good"); !ok || !table.there(s, "0") {
					t.Error("what is needed still is gone")
				}
			}
		})
	}
}
