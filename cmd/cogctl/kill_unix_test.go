//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	s := stack{box.Endpoints(), backendSecret(seed)}
	if err := s.configure(home); err != nil {
		t.Fatal(err)
	}
	return household{t, box, program(t), home, s.environ([]string{"PATH=" + os.Getenv("PATH")}, home, home)}
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
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(h.path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = h.environ, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		h.t.Fatalf("cogctl %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(stdout.String())
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

// awaitHeld waits until the sandbox holds a call.
func (h household) awaitHeld() {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var report struct{ Held int }
		if h.control("GET", "/faults", nil, &report); report.Held > 0 {
			return
		}
	}
	h.t.Fatal("no refresh arrived")
}

// TestKilledWhileRefreshing kills the one that refreshes, before the server has
// seen its refresh token and after the server has done its part. The session
// survives, whoever comes next gets a token at once, and sends one refresh.
func TestKilledWhileRefreshing(t *testing.T) {
	t.Parallel()
	rounds := 5
	if os.Getenv("COGCTL_REQUIRE_STRACE") != "" { // the thorough run
		rounds = 20
	}
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			h := newHousehold(t)
			h.ok("login")
			h.environ = append(h.environ, "COGCTL_PASSWORD=") // nobody signs in anew
			for round := range rounds {
				if err := expireSessions(h.home+"/config", -time.Minute); err != nil {
					t.Fatal(err)
				}
				sent := h.box.Stats()["InitiateAuth REFRESH_TOKEN_AUTH"]
				h.control("POST", "/faults", map[string]any{"operation": "InitiateAuth REFRESH_TOKEN_AUTH", "kind": "hold", "when": when, "count": 1}, nil)
				holder := h.start("token")
				h.awaitHeld()
				if err := holder.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = holder.Wait()
				h.control("DELETE", "/faults", nil, nil)
				began := time.Now()
				if token := h.ok("token"); !strings.HasPrefix(token, "eyJ") {
					t.Fatalf("round %d: %q", round, token)
				}
				if waited := time.Since(began); waited > 5*time.Second {
					t.Errorf("round %d: the next one waited %v", round, waited)
				}
				if again := h.box.Stats()["InitiateAuth REFRESH_TOKEN_AUTH"] - sent; again > 2 {
					t.Errorf("round %d: %d refreshes", round, again)
				}
			}
			if n := h.box.Stats()["InitiateAuth USER_SRP_AUTH"]; n != 1 {
				t.Error(fmt.Sprint(n) + " sign-ins")
			}
		})
	}
}
