//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// program is this test binary under a name by which it is cogctl.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cogctl")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// slowPool is a user pool without keys whose refresh takes its time.
type slowPool struct {
	*httptest.Server
	refreshing chan struct{} // a refresh has arrived
	answer     chan struct{} // lets it be answered
	refreshes  atomic.Int32
	slow       atomic.Bool // it never answers a sign-in
}

func newSlowPool(t *testing.T) *slowPool {
	pool := &slowPool{refreshing: make(chan struct{}, 10), answer: make(chan struct{}, 10)}
	pool.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		token := "signed.in.first"
		switch {
		case r.Method != http.MethodPost:
			http.NotFound(w, r)
			return
		case pool.slow.Load():
			pool.refreshing <- struct{}{}
			<-r.Context().Done()
			return
		case strings.Contains(string(body), "REFRESH_TOKEN_AUTH"):
			token = fmt.Sprintf("refreshed.number.%d", pool.refreshes.Add(1))
			pool.refreshing <- struct{}{}
			select {
			case <-pool.answer:
			case <-r.Context().Done():
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"AuthenticationResult": map[string]any{
			"IdToken": token, "AccessToken": token, "RefreshToken": token, "ExpiresIn": 3600}})
	}))
	t.Cleanup(pool.Close)
	return pool
}

// TestSignalsPostpone: whoever stops us between sending a refresh token and saving
// the answer waits: the one that was sent may be used up.
func TestSignalsPostpone(t *testing.T) {
	t.Parallel()
	path := program(t)
	for label, row := range map[string]struct {
		signals []syscall.Signal
		code    int
	}{
		"INT":            {[]syscall.Signal{syscall.SIGINT}, 130},
		"TERM":           {[]syscall.Signal{syscall.SIGTERM}, 143},
		"HUP":            {[]syscall.Signal{syscall.SIGHUP}, 129},
		"QUIT":           {[]syscall.Signal{syscall.SIGQUIT}, 131},
		"INT, INT, TERM": {[]syscall.Signal{syscall.SIGINT, syscall.SIGINT, syscall.SIGTERM}, 130},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			pool := newSlowPool(t)
			home := t.TempDir()
			environ := []string{"COGCTL_CONFIG_DIR=" + home + "/c", "COGCTL_CACHE_DIR=" + home + "/k", "COGCTL_USER_POOL_ID=us-east-1_Ab12Cd34E",
				"COGCTL_CLIENT_ID=abc", "COGCTL_USERNAME=ann", "COGCTL_ENDPOINT_USER_POOL=" + pool.URL}
			run := func(args ...string) *exec.Cmd {
				cmd := exec.Command(path, args...)
				cmd.Env = environ
				return cmd
			}
			login := run("login", "--flow", "password", "--no-verify-id-token")
			login.Env = append(login.Env, "COGCTL_PASSWORD=Passw0rd!")
			if out, err := login.CombinedOutput(); err != nil {
				t.Fatalf("login: %v\n%s", err, out)
			}
			refresh := run("token", "--min-ttl", "2h")
			if err := refresh.Start(); err != nil {
				t.Fatal(err)
			}
			<-pool.refreshing
			for _, s := range row.signals {
				if err := refresh.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond) // two of a kind are one to a process that had no time for the first
			}
			pool.answer <- struct{}{}
			if code := exitStatus(refresh.Wait()); code != row.code {
				t.Errorf("exit code %d, want %d", code, row.code)
			}
			out, err := run("token", "--type", "refresh").Output()
			if err != nil || strings.TrimSpace(string(out)) != "refreshed.number.1" || pool.refreshes.Load() != 1 {
				t.Errorf("after it, the session holds %q (%v) and %d refreshes were sent", out, err, pool.refreshes.Load())
			}
		})
	}
}

// TestSignalEndsASignIn: a sign-in uses nothing up, so nobody waits for it.
func TestSignalEndsASignIn(t *testing.T) {
	t.Parallel()
	path := program(t)
	for _, args := range [][]string{{"login", "--flow", "password"}, {"token"}} {
		pool := newSlowPool(t)
		pool.slow.Store(true)
		home := t.TempDir()
		cmd := exec.Command(path, args...)
		cmd.Env = []string{"COGCTL_CONFIG_DIR=" + home + "/c", "COGCTL_CACHE_DIR=" + home + "/k", "COGCTL_USER_POOL_ID=us-east-1_Ab12Cd34E",
			"COGCTL_CLIENT_ID=abc", "COGCTL_USERNAME=ann", "COGCTL_PASSWORD=Passw0rd!", "COGCTL_ENDPOINT_USER_POOL=" + pool.URL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-pool.refreshing
		began := time.Now()
		_ = cmd.Process.Signal(syscall.SIGINT)
		if code := exitStatus(cmd.Wait()); code != 130 || time.Since(began) > 8*time.Second { // the grace of a save is ten
			t.Errorf("%v: exit code %d after %v", args, code, time.Since(began))
		}
	}
}

// TestSignalEndsAWrite: a run that waits for nobody but a reader who does not read
// ends at the second signal.
func TestSignalEndsAWrite(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 8<<20))
	}))
	defer server.Close()
	cmd := exec.Command(program(t), "call", server.URL, "--auth", "none")
	cmd.Env = []string{"COGCTL_CONFIG_DIR=" + t.TempDir() + "/c", "COGCTL_CACHE_DIR=" + t.TempDir() + "/k"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // until the pipe is full
	for range 2 {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		time.Sleep(500 * time.Millisecond) // two are one to a process that had no time for the first
	}
	guard := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	state, err := cmd.Process.Wait()
	if !guard.Stop() || err != nil || state.Success() {
		t.Errorf("%v (%v)", state, err)
	}
}
