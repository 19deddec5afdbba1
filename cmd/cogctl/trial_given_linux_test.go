package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// adopting is login --with-token on its way, with a refresh token that somebody else
// got and whose user nobody named.
type adopting struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

func (h household) adopt(refresh string, args ...string) *adopting {
	h.t.Helper()
	a := &adopting{cmd: exec.Command(h.path, append([]string{"login", "--with-token"}, args...)...)}
	a.cmd.Env, a.cmd.Stdin, a.cmd.Stdout, a.cmd.Stderr = h.environ, strings.NewReader(refresh), &a.stdout, &a.stderr
	if err := a.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (a *adopting) end() run {
	return run{exitStatus(a.cmd.Wait()), a.stdout.String(), a.stderr.String()}
}

// withGiven is a household without a session, and a refresh token of its user's.
func withGiven(t *testing.T, r rotation) (h household, refresh string) {
	h = signedIn(t, r)
	refresh = h.ok("token", "--type", "refresh")
	h.forget()
	return h, refresh
}

// forget loses the sessions without a word to the server.
func (h household) forget() {
	h.t.Helper()
	for _, name := range []string{"sessions", "current"} {
		if err := os.RemoveAll(filepath.Join(h.home, "config", name)); err != nil {
			h.t.Fatal(err)
		}
	}
}

// TestSignalsPostponeAdoption: who stops login --with-token after the server has
// replaced the given refresh token waits until the new one is saved.
func TestSignalsPostponeAdoption(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			r := rotations[2]
			h, refresh := withGiven(t, r)
			h.hold(r, when)
			a := h.adopt(refresh)
			h.awaitHeld(true)
			h.signal(a.cmd, syscall.SIGTERM)
			h.control("DELETE", "/faults", nil, nil)
			if got := a.end(); got.code != 143 {
				t.Errorf("exit code %d: %s", got.code, got.stderr)
			}
			h.ok("token", "--username", "ann")
			if again := h.adopt(refresh).end(); again.code != exitOK {
				t.Errorf("the next one ends with %d: %s", again.code, again.stderr)
			}
			h.ok("token", "refresh")
			if left, _ := filepath.Glob(h.home + "/config/sessions/*.json"); len(left) != 1 {
				t.Errorf("left over: %s", left)
			}
			if n := h.arrived(r.operation()); n != 2 {
				t.Errorf("%d refreshes", n)
			}
		})
	}
}

// TestAdoptionKilled kills login --with-token while its refresh token is in use. With
// the same token it works again, or the loss is told as what it is.
func TestAdoptionKilled(t *testing.T) {
	t.Parallel()
	needStrace(t)
	killedAt := func(call string) func(*testing.T, int) func() {
		return func(t *testing.T, pid int) func() { return inject(t, pid, call) }
	}
	for _, r := range rotations[1:] {
		for _, k := range []struct {
			killing
			filed bool
		}{
			{killing: killing{name: "sent, before the server does its part", hold: "before"}},
			{killing: killing{name: "after the server's part", hold: "after"}},
			{killing: killing{name: "after the answer, before the write", hold: "after", at: killedAt("pwrite64:signal=KILL")}},
			{killing: killing{name: "saved, not filed", hold: "after", at: killedAt("flock:signal=KILL"), saved: true}},
			{killing: killing{name: "filed", hold: "after", at: killedAt("unlinkat:signal=KILL"), saved: true}, filed: true},
		} {
			t.Run(r.name+"/"+k.name, func(t *testing.T) {
				t.Parallel()
				h, refresh := withGiven(t, r)
				h.hold(r, k.hold)
				a := h.adopt(refresh)
				h.awaitHeld(true)
				if k.at == nil {
					if err := a.cmd.Process.Kill(); err != nil {
						t.Fatal(err)
					}
				} else {
					defer k.at(t, a.cmd.Process.Pid)()
					h.control("POST", "/faults/release", nil, nil)
				}
				h.died(a.cmd.Wait())
				h.awaitHeld(false)
				h.control("DELETE", "/faults", nil, nil)
				if k.filed {
					h.ok("token", "refresh", "--username", "ann") // which the second try must not undo
				}
				again := h.adopt(refresh).end()
				if r.loses() && k.hold == "after" && !k.saved {
					if again.code != exitNeeded || !strings.Contains(again.stderr, "got lost together with its answer") {
						t.Errorf("the next one ends with %d: %s", again.code, again.stderr)
					}
					return
				}
				if again.code != exitOK {
					t.Errorf("the next one ends with %d: %s", again.code, again.stderr)
				}
				h.ok("token", "refresh")
				if left, _ := filepath.Glob(h.home + "/config/sessions/*.json"); len(left) != 1 {
					t.Errorf("left over: %s", left)
				}
			})
		}
	}
}

// TestAdoptionWithoutRoom: where the answer could not be kept, the given refresh token
// is not sent.
func TestAdoptionWithoutRoom(t *testing.T) {
	t.Parallel()
	needNamespaces(t)
	r := rotations[2]
	h, refresh := withGiven(t, r)
	if err := os.Mkdir(filepath.Join(h.home, "config", "sessions"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-rm", "sh", "-c", `mount --bind "$S" "$S" && mount -o remount,bind,ro "$S" || exit 99; exec "$@"`, "sh", h.path, "login", "--with-token")
	cmd.Env, cmd.Stdin = append(h.environ, "S="+filepath.Join(h.home, "config", "sessions")), strings.NewReader(refresh)
	if out, err := cmd.CombinedOutput(); exitStatus(err) != exitFailed || !strings.Contains(string(out), "read-only file system") {
		t.Errorf("%v: %s", err, out)
	}
	if n := h.arrived(r.operation()); n != 0 {
		t.Errorf("%d refreshes", n)
	}
	if got := h.adopt(refresh).end(); got.code != exitOK {
		t.Errorf("with room: %d: %s", got.code, got.stderr)
	}
}

// TestAdoptionsApart: a server that is slow with one given token keeps nobody from
// giving another, and what is left of one is not lost by the next.
func TestAdoptionsApart(t *testing.T) {
	t.Parallel()
	r := rotations[2]
	h, first := withGiven(t, r)
	h.environ = append(h.environ, "COGCTL_PASSWORD=Passw0rd!")
	h.ok("login")
	second := h.ok("token", "--type", "refresh")
	h.forget()
	h.environ = append(h.environ, "COGCTL_PASSWORD=")
	if got := h.adopt(first, "--username", "bob").end(); got.code != exitRefused {
		t.Fatalf("as another user: %d: %s", got.code, got.stderr)
	}
	h.hold(r, "before")
	slow := h.adopt(second)
	h.awaitHeld(true)
	began := time.Now()
	if got := h.adopt(first).end(); got.code != exitOK {
		t.Errorf("after %v: %d: %s", time.Since(began), got.code, got.stderr)
	}
	h.control("DELETE", "/faults", nil, nil)
	if got := slow.end(); got.code != exitOK {
		t.Errorf("the slow one: %d: %s", got.code, got.stderr)
	}
	h.ok("token", "refresh", "--username", "ann")
}

// TestLogoutEndsWhatWasGiven: a given refresh token whose run was killed before the
// answer is ended with the sessions, not only forgotten.
func TestLogoutEndsWhatWasGiven(t *testing.T) {
	t.Parallel()
	r := rotations[2]
	h, refresh := withGiven(t, r)
	h.environ = append(h.environ, "COGCTL_PASSWORD=")
	h.hold(r, "before")
	killed := h.adopt(refresh)
	h.killHolder()
	if got := killed.end(); got.code != 128+int(syscall.SIGKILL) {
		t.Fatalf("%d: %s", got.code, got.stderr)
	}
	h.awaitHeld(false)
	h.control("DELETE", "/faults", nil, nil)
	h.ok("logout", "--all")
	if n := h.arrived("RevokeToken"); n != 1 {
		t.Errorf("%d revoked", n)
	}
	if got := h.adopt(refresh).end(); got.code != exitRefused {
		t.Errorf("the token after that: %d: %s", got.code, got.stderr)
	}
}
