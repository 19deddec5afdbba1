//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// household is a sandbox and a home for the program to use it from.
type household struct {
	t       *testing.T
	box     *sandbox.Sandbox
	path    string
	home    string
	environ []string
}

func newHousehold(t *testing.T) household {
	t.Helper()
	seed := sandbox.DefaultSeed()
	box, err := sandbox.New(sandbox.Options{Now: time.Now, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	home := t.TempDir()
	s := newStack(box.Endpoints(), seed)
	if err := s.configure(home); err != nil {
		t.Fatal(err)
	}
	// Under the race detector each process would sleep a second at its end.
	outside := []string{"PATH=" + os.Getenv("PATH"), "GORACE=" + quickEnd}
	return household{t, box, program(t), home, s.environ(outside, home, home)}
}

func (h household) start(args ...string) *exec.Cmd {
	h.t.Helper()
	cmd := exec.Command(h.path, args...)
	cmd.Env = h.environ
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	return cmd
}

func (h household) ok(args ...string) string {
	h.t.Helper()
	r := h.run(args...)
	if r.code != exitOK {
		h.t.Fatalf("cogctl %s: exit code %d: %s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout
}

func (h household) run(args ...string) run {
	h.t.Helper()
	return h.runAs(make(chan int, 1), args...)
}

// runAs is run that tells the process's id.
func (h household) runAs(pid chan<- int, args ...string) run {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(h.path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = h.environ, &stdout, &stderr
	err := cmd.Start()
	if err == nil {
		pid <- cmd.Process.Pid
		err = cmd.Wait()
	}
	return run{exitStatus(err), strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String())}
}

// control asks the sandbox's control listener.
func (h household) control(method, path string, in, out any) {
	h.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := http.NewRequest(method, h.box.Endpoints().Control+path, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set(sandbox.KeyHeader, h.box.Endpoints().ControlKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		h.t.Fatalf("%s %s: %s", method, path, answer.Status)
	}
	if out != nil {
		if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
			h.t.Fatal(err)
		}
	}
}

// awaitHeld waits until the sandbox holds a call, or none any more.
func (h household) awaitHeld(want bool) {
	h.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var report struct{ Held int }
		if h.control("GET", "/faults", nil, &report); report.Held > 0 == want {
			return
		}
	}
	h.t.Fatalf("no refresh is held: want %v", want)
}
