package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// maxResident bounds what a run may take while a server tries to fill it, in KiB. It
// takes about 20 MiB, and four times that with the race detector.
const maxResident = 128 << 10

// bomb is 10 GiB of spaces, which a JSON parser skips, in about 10 MiB of gzip: one
// member, again and again.
func bomb(w http.ResponseWriter) {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	_, _ = z.Write(bytes.Repeat([]byte{' '}, 1<<20))
	z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Type", "application/json")
	for range 10 << 10 {
		if _, err := w.Write(member.Bytes()); err != nil {
			return
		}
	}
}

// TestBombs: at each endpoint whose answer is parsed, a bomb ends in an error, soon
// and in little memory.
func TestBombs(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { bomb(w) }))
	t.Cleanup(server.Close)
	for _, endpoint := range []string{"COGCTL_ENDPOINT_USER_POOL", "COGCTL_ENDPOINT_JWKS", "COGCTL_SANDBOX_CONTROL_URL"} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			h := newHousehold(t)
			args := []string{"login"}
			if endpoint == "COGCTL_SANDBOX_CONTROL_URL" {
				args = []string{"sandbox", "codes"}
			}
			cmd := exec.Command(h.path, args...)
			cmd.Env = append(h.environ, endpoint+"="+server.URL)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			began := time.Now()
			err := cmd.Run()
			used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
			t.Logf("%d MiB, %v: %s", used>>10, time.Since(began).Round(time.Millisecond), strings.TrimSpace(stderr.String()))
			if !strings.Contains(stderr.String(), "1 MiB") {
				t.Errorf("the error does not name the limit: %s", stderr.String())
			}
			if exitStatus(err) != exitFailed || used > maxResident || time.Since(began) > 20*time.Second {
				t.Errorf("exit code %d, %d KiB, %v", exitStatus(err), used, time.Since(began))
			}
		})
	}
	// The control: the same program against a server that answers as it should.
	h := newHousehold(t)
	if out := h.ok("token"); !strings.HasPrefix(out, "eyJ") {
		t.Errorf("%q", out)
	}
}
