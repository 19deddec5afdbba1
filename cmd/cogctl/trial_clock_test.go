package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox"
)

var wrongClocks = []time.Duration{-3 * time.Hour, -7 * time.Minute, 7 * time.Minute, 3 * time.Hour}

// TestWrongClock has a clock that stays wrong for a day and a half: a sign-in, a
// second factor and whatever the API is asked work all the time, and one warning a
// day says what is wrong.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	for _, wrong := range wrongClocks {
		t.Run(wrong.String(), func(t *testing.T) {
			t.Parallel()
			d := newDay(t)
			d.wrong, d.environ["COGCTL_USERNAME"] = wrong, "ann"
			d.secondFactor()
			d.signIn()
			warnings, runs := 0, 0
			for ; d.now().Sub(d.start) < 36*time.Hour; d.moved.Add(int64(10 * time.Minute)) {
				r := d.run([]string{"call", "GET", "/myendpoint"})
				if runs++; r.code != exitOK {
					t.Errorf("after %v: exit code %d: %s", d.now().Sub(d.start), r.code, r.stderr)
				}
				told := strings.Count(r.stderr, "the clock of this machine")
				if warnings += told; told > 0 && r.stderr != strings.Split(r.stderr, "\n")[0] || told == 0 && r.stderr != "" {
					t.Errorf("after %v: %s", d.now().Sub(d.start), r.stderr)
				}
			}
			// The first answer alone shows no wrong clock, so the first warning may come
			// with the second.
			if warnings != 2 {
				t.Errorf("%d warnings in a day and a half", warnings)
			}
			refreshes, signIns := d.box.Stats()["InitiateAuth REFRESH_TOKEN_AUTH"], d.signIns()
			// Tokens that came by a clock that is ahead are not trusted for their hour.
			if most := map[bool]int{true: runs, false: 44}[wrong > 0]; refreshes < 35 || refreshes > most {
				t.Errorf("%d refreshes in %d runs", refreshes, runs)
			}
			if signIns != 2 { // ann and totp
				t.Errorf("%d sign-ins", signIns)
			}
			t.Logf("%v: %d calls, %d refreshes, %d sign-ins, %d warnings", wrong, runs, refreshes, signIns, warnings)
		})
	}
}

// secondFactor signs in with the code of an authenticator.
func (d *day) secondFactor() {
	d.t.Helper()
	var totp struct{ Secret string }
	d.control("GET", "/users/totp/totp", nil, &totp)
	if r := d.run([]string{"login", "--username", "totp"}, "COGCTL_PASSWORD="+sandbox.DefaultPassword, "COGCTL_TOTP_SECRET="+totp.Secret); r.code != exitOK {
		d.t.Errorf("a second factor: exit code %d: %s", r.code, r.stderr)
	}
}

// TestClockPutRight signs in by a wrong clock, which is put right some time later:
// nobody gets an expired token, and nobody signs in again.
//
// Two things cannot be told: of a clock that was ahead by more than a token lasts, was
// put right, and reached in the next five minutes of use the time at which the tokens
// came, when nothing was run in between; and of one that was right when they came, and
// is then put back by less than they are old. Those count as good for that much longer.
func TestClockPutRight(t *testing.T) {
	t.Parallel()
	for _, wrong := range wrongClocks {
		for _, busy := range []bool{false, true} {
			if busy && testing.Short() {
				continue
			}
			t.Run(fmt.Sprint(wrong, ", busy ", busy), func(t *testing.T) {
				t.Parallel()
				d := newDay(t)
				tested := 0
				for _, after := range []string{"0s", "10s", "1m", "4m30s", "5m30s", "6m30s", "7m30s", "11m", "30m", "53m30s", "58m30s", "59m30s", "61m", "68m", "2h", "2h50m", "3h6m", "4h1m", "6h"} {
					elapsed, err := time.ParseDuration(after)
					if err != nil {
						t.Fatal(err)
					}
					d.putRight(wrong, elapsed, busy)
					if tested++; t.Failed() {
						t.Fatalf("the clock was put right after %v", after)
					}
				}
				if n := d.signIns(); n != tested {
					t.Errorf("%d sign-ins, want %d", n, tested)
				}
			})
		}
	}
}

// putRight signs in by the wrong clock and puts it right later. A busy machine asks
// for tokens in between.
func (d *day) putRight(wrong, after time.Duration, busy bool) {
	d.t.Helper()
	d.wrong = wrong
	d.signIn()
	for until := d.now().Add(after); busy && d.now().Add(9*time.Minute).Before(until); {
		d.moved.Add(int64(9 * time.Minute))
		d.good(d.run([]string{"token", "--json"}))
		after -= 9 * time.Minute
	}
	d.moved.Add(int64(after))
	d.wrong = 0
	for range 4 { // an hour by the right clock
		r := d.run([]string{"token", "--json"})
		if d.good(r); strings.Contains(r.stderr, "the clock of this machine") {
			d.t.Errorf("the right clock is told to be wrong: %s", r.stderr)
		}
		d.moved.Add(int64(16 * time.Minute))
	}
	if r := d.run([]string{"call", "GET", "/myendpoint"}); r.code != exitOK {
		d.t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	d.moved.Add(int64(24 * time.Hour)) // a warning of yesterday hides none
}
