//go:build unix

package main

import (
	"context"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

// TestAskedPersonHearsOfTheWait: where a code is computed for a person and was used already,
// they are told what is waited for before the waiting, and only then.
func TestAskedPersonHearsOfTheWait(t *testing.T) {
	t.Parallel()
	a, _ := overheard(t, "")
	sc := newScreen(t)
	a.stderr, a.terminal = sc.slave, terminal{stderr: sc.slave, getenv: a.getenv, open: sc.term.open}
	at := time.Unix(1_800_000_000/30*30+7, 0)
	a.now = func() time.Time { return at }
	waits := 0
	a.pause = func(_ context.Context, d time.Duration) error {
		if d > 0 {
			waits++
			sc.await("cogctl: the code was used already; waiting for the next\r\n")
		}
		return nil
	}
	s, _, err := a.whose()
	if err != nil {
		t.Fatal(err)
	}
	s.secrets.totpSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	q := auth.Question{Item: auth.ItemTOTP, Name: "SOFTWARE_TOKEN_MFA", Username: "ann", ServerTime: at}
	first, err := s.asker()(t.Context(), q)
	if err != nil || waits != 0 || sc.shown != "" {
		t.Fatalf("the first code: %v, %d waits, shown %q", err, waits, sc.shown)
	}
	q.Retry, q.Refused = "Your software token has already been used once.", 1
	if second, err := s.asker()(t.Context(), q); err != nil || waits != 1 || second == first {
		t.Errorf("the second code %q after %q: %v, %d waits", second, first, err, waits)
	}
}
