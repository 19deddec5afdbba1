//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestHundredAtOnce starts a hundred at once, round after round, when the tokens have
// run out. One of them refreshes; all have its token. In every fourth round the one
// that refreshes is killed, before or after the server's part; then one more does. Where
// a used refresh token is void at once, none is killed after the server's part, which
// ends the session, and a second refresh in any round would end it as well.
func TestHundredAtOnce(t *testing.T) {
	t.Parallel()
	rounds, processes := 8, 50
	switch {
	case os.Getenv("COGCTL_TRIALS") == "full":
		rounds, processes = 20, 100
	case testing.Short():
		rounds, processes = 4, 20
	}
	for _, r := range rotations {
		t.Run(r.name, func(t *testing.T) {
			h := signedIn(t, r)
			began := time.Now()
			var killed int
			for round := range rounds {
				h.expire()
				victim := ""
				if round%4 == 3 {
					victim = []string{"before", "after"}[round/4%2]
				}
				if victim == "after" && r.loses() {
					victim = "" // TestKilledWhileHeld shows how that ends
				}
				if victim != "" {
					killed++
				}
				if h.crowd(processes, victim, r); t.Failed() {
					t.Fatalf("in round %d, with one killed: %q", round, victim)
				}
			}
			if n := h.arrived("InitiateAuth USER_SRP_AUTH"); n != 1 {
				t.Errorf("%d sign-ins", n)
			}
			t.Logf("%s: %d rounds of %d processes, %d of them killed, %d refreshes, in %v",
				r.name, rounds, processes, killed, h.arrived(r.operation()), time.Since(began).Round(time.Millisecond))
		})
	}
}

// crowd runs the program that often at once. The one that holds the lock is killed if
// victim says when: "before" or "after" the server's part.
func (h household) crowd(processes int, victim string, r rotation) {
	h.t.Helper()
	sent := h.arrived(r.operation())
	if victim != "" {
		h.hold(r, victim)
	}
	runs := make([]run, processes)
	var all sync.WaitGroup
	for i := range runs {
		all.Go(func() { runs[i] = h.run("token") })
	}
	want := 1
	if victim != "" {
		h.killHolder()
		h.awaitHeld(false) // the server has noticed: what it held "before" never comes to pass
		h.control("DELETE", "/faults", nil, nil)
	}
	if victim == "after" {
		want = 2
	}
	all.Wait()
	token, failures := "", 0
	for i, r := range runs {
		switch {
		case r.code != exitOK:
			failures++
			if victim == "" || failures > 1 || r.code != 128+int(syscall.SIGKILL) {
				h.t.Errorf("process %d: exit code %d: %s", i, r.code, r.stderr)
			}
		case token == "":
			token = r.stdout
		case r.stdout != token:
			h.t.Errorf("process %d has another token", i)
		}
		if r.code == exitOK && r.stderr != "" {
			h.t.Errorf("process %d: %s", i, r.stderr)
		}
	}
	if !strings.HasPrefix(token, "eyJ") || victim != "" && failures == 0 {
		h.t.Errorf("%.10q, %d failed", token, failures)
	}
	if n := h.arrived(r.operation()) - sent; n != want {
		h.t.Errorf("%d refreshes, want %d", n, want)
	}
}

// killHolder kills the process that the lock of the session names, once the sandbox
// holds its refresh.
func (h household) killHolder() {
	h.t.Helper()
	h.awaitHeld(true)
	locks, err := filepath.Glob(h.home + "/config/sessions/*.lock")
	if err != nil || len(locks) != 1 {
		h.t.Fatalf("%s, %v", locks, err)
	}
	note, err := os.ReadFile(locks[0])
	if err != nil {
		h.t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscanf(strings.TrimLeft(string(note), "\x00"), "pid %d since", &pid); err != nil || pid <= 1 {
		h.t.Fatalf("the lock is held by %q: %v", note, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		h.t.Error(err)
	}
}
