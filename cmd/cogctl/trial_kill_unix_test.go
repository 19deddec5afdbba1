//go:build unix

package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox"
)

func (r rotation) set(h household) {
	h.t.Helper()
	if r.on {
		h.control("POST", "/clients/"+sandbox.PublicClientID, map[string]any{"rotate_refresh_tokens": true, "retry_grace": r.grace}, nil)
	}
}

// killing is a point in a refresh at which its process is killed.
type killing struct {
	name string
	// hold makes the sandbox keep the refresh, before or after it has done its part.
	hold string
	// at lets the process die at a system call, the first of its kind after the
	// sandbox has let go of the answer, and returns what waits for the killer.
	// Without it, the process dies while it waits for the answer.
	at func(t *testing.T, pid int) func()
	// start runs a process that dies by itself; nothing is held then.
	start func(h household, args ...string) *exec.Cmd
	saved bool // the new tokens are in their file by then
}

// heldKillings need no system call to be hit.
var heldKillings = []killing{
	{name: "sent, before the server does its part", hold: "before"},
	{name: "after the server's part", hold: "after"},
}

// TestKilledWhileHeld kills the one that refreshes while the server has its refresh
// token. The next one finds a session that is whole, and gets a token from it; where
// the server takes no refresh token twice and did its part, it is told why it cannot.
func TestKilledWhileHeld(t *testing.T) {
	t.Parallel()
	testKillings(t, heldKillings)
}

func testKillings(t *testing.T, killings []killing) {
	rounds := 20
	if testing.Short() {
		rounds = 10
	}
	for _, r := range rotations {
		for _, k := range killings {
			t.Run(r.name+"/"+k.name, func(t *testing.T) {
				t.Parallel()
				h := newHousehold(t)
				r.set(h)
				h.ok("login")
				for round := range rounds {
					if k.round(h, r); t.Failed() {
						t.Fatalf("in round %d", round)
					}
				}
			})
		}
	}
}

func (k killing) round(h household, r rotation) {
	h.t.Helper()
	h.expire()
	h.environ = append(h.environ, "COGCTL_PASSWORD=") // nobody signs in anew
	sent, signIns := h.arrived(r.operation()), h.arrived("InitiateAuth USER_SRP_AUTH")
	k.kill(h, r)
	began := time.Now()
	after := h.run("token")
	if took := time.Since(began); took > 9*time.Second { // a lock that stayed is waited for for ten
		h.t.Errorf("the next one took %v", took)
	}
	lost := r.loses() && k.hold == "after" && !k.saved
	switch {
	case lost && (after.code != exitNeeded || after.stdout != "" || !strings.Contains(after.stderr, "got lost together with its answer")):
		h.t.Errorf("the next one ends with %d: %q %s", after.code, after.stdout, after.stderr)
	case !lost && (after.code != exitOK || !strings.HasPrefix(after.stdout, "eyJ")):
		h.t.Errorf("the next one ends with %d: %s", after.code, after.stderr)
	}
	least, most := 1, 2
	if k.saved || k.start != nil {
		most = 1
	} else if k.hold == "after" {
		least = 2
	}
	if n := h.arrived(r.operation()) - sent; n < least || n > most {
		h.t.Errorf("%d refreshes", n)
	}
	if n := h.arrived("InitiateAuth USER_SRP_AUTH") - signIns; n != 0 {
		h.t.Errorf("%d sign-ins", n)
	}
	if spoiled, _ := filepath.Glob(h.home + "/config/sessions/*.corrupt-*"); len(spoiled) > 0 {
		h.t.Errorf("a file was spoiled: %s", spoiled)
	}
	if lost {
		h.environ = append(h.environ, "COGCTL_PASSWORD="+sandbox.DefaultPassword)
		h.ok("login")
	}
}

// kill starts a refresh and kills it at the point.
func (k killing) kill(h household, r rotation) {
	h.t.Helper()
	if k.start != nil {
		h.died(k.start(h, "token").Run())
		return
	}
	h.hold(r, k.hold)
	defer h.control("DELETE", "/faults", nil, nil)
	holder := h.start("token")
	h.awaitHeld(true)
	if k.at == nil {
		if err := holder.Process.Kill(); err != nil {
			h.t.Fatal(err)
		}
	} else {
		defer k.at(h.t, holder.Process.Pid)()
		h.control("POST", "/faults/release", nil, nil)
	}
	h.died(holder.Wait())
	// The server does not begin what it held when the client has gone.
	h.awaitHeld(false)
}

// signedIn is a household with a session whose refresh tokens rotate as r says. No
// password is at hand any more: nobody signs in anew.
func signedIn(t *testing.T, r rotation) household {
	t.Helper()
	h := newHousehold(t)
	r.set(h)
	h.ok("login")
	h.environ = append(h.environ, "COGCTL_PASSWORD=")
	return h
}

// hold lets the sandbox keep the next refresh, before or after it has done its part.
func (h household) hold(r rotation, when string) {
	h.t.Helper()
	h.control("POST", "/faults", map[string]any{"operation": r.operation(), "kind": "hold", "when": when, "count": 1}, nil)
}

// signal sends a signal as somebody does who will not wait.
func (h household) signal(cmd *exec.Cmd, signal syscall.Signal) {
	h.t.Helper()
	for range 3 {
		if err := cmd.Process.Signal(signal); err != nil {
			h.t.Fatal(err)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// expire lets the tokens of its sessions run out.
func (h household) expire() {
	h.t.Helper()
	if err := expireSessions(h.home+"/config", -time.Minute); err != nil {
		h.t.Fatal(err)
	}
}

// died wants the end of a process to be a kill.
func (h household) died(err error) {
	h.t.Helper()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		h.t.Fatalf("it was not killed: %v", err)
	}
}

// arrived counts the calls of an operation that reached the sandbox, those that a
// fault kept from being done too.
func (h household) arrived(operation string) int {
	h.t.Helper()
	n := h.box.Stats()[operation]
	var report struct{ Log []sandbox.FaultHit }
	h.control("GET", "/faults", nil, &report)
	for _, hit := range report.Log {
		// A call that was held or delayed first is done later.
		if hit.Operation == operation && hit.When == "before" && hit.Kind != "hold" && hit.Kind != "delay" {
			n++
		}
	}
	return n
}
