//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSignalsPostponeRotation: who stops a refresh after the server has replaced its
// token waits until the new one is saved.
func TestSignalsPostponeRotation(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			r := rotations[2]
			h := signedIn(t, r)
			h.ok("token", "refresh") // from here on by the operation that rotates
			for _, when := range []string{"before", "after"} {
				h.expire()
				sent := h.arrived(r.operation())
				h.hold(r, when)
				cmd := h.start("token")
				h.awaitHeld(true)
				h.signal(cmd, signal)
				h.control("DELETE", "/faults", nil, nil)
				if got := exitStatus(cmd.Wait()); got != code {
					t.Errorf("%s: exit code %d, want %d", when, got, code)
				}
				h.ok("token")
				if n := h.arrived(r.operation()) - sent; n != 1 {
					t.Errorf("%s: %d refreshes", when, n)
				}
			}
		})
	}
}

// TestTwoHomes copies a home, as a backup or an image does. The two have one refresh
// token: what one of them does to it, the other one is told as what it is, and it
// takes nothing away from the first.
func TestTwoHomes(t *testing.T) {
	t.Parallel()
	for _, r := range rotations {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			h := signedIn(t, r)
			h.ok("token", "refresh")
			other := h
			other.home = t.TempDir()
			copyFiles(t, h.home+"/config/sessions", other.home+"/config/sessions")
			other.environ = append(h.environ[:len(h.environ):len(h.environ)], "COGCTL_CONFIG_DIR="+other.home+"/config", "COGCTL_USERNAME=ann")
			copyFiles(t, h.home+"/config", other.home+"/config")
			for _, each := range []household{h, other} {
				each.expire()
			}
			h.ok("token")
			second := other.run("token")
			if !r.loses() {
				if second.code != exitOK {
					t.Errorf("the copy: exit code %d: %s", second.code, second.stderr)
				}
			} else if second.code != exitNeeded || !strings.Contains(second.stderr, "the session is over") || strings.Contains(second.stderr, "got lost") {
				t.Errorf("the copy is told with exit code %d: %s", second.code, second.stderr)
			}
			h.ok("token", "refresh")
			other.environ = append(other.environ, "COGCTL_PASSWORD=Passw0rd!")
			other.ok("login")
			h.ok("token", "refresh")
			other.ok("token", "refresh")
		})
	}
}

// copyFiles copies the files of a folder into another.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, entry.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, entry.Name()), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestBrokenPipePostponesRotation: nothing is written between the answer to a refresh
// and its save, so a reader that went away, which ends a program that writes, costs no
// session.
func TestBrokenPipePostponesRotation(t *testing.T) {
	t.Parallel()
	r := rotations[2]
	h := signedIn(t, r)
	h.ok("token", "refresh") // from here on by the operation that rotates
	h.hold(r, "after")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(h.path, "token", "--min-ttl", "2h", "--debug")
	cmd.Env, cmd.Stdout, cmd.Stderr = h.environ, writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	h.awaitHeld(true)
	reader.Close()
	h.control("DELETE", "/faults", nil, nil)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Errorf("it wrote to nobody, and ends with %v", err)
	}
	h.ok("token", "refresh")
}
