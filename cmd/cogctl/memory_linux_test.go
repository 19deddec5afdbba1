package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
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

// peak runs a program and watches its VmHWM, in KiB. What the system says of it at the
// end will not do: that counts this process's memory too, out of which it was started.
// It is 0 where the program was over before it was seen.
func peak(t *testing.T, cmd *exec.Cmd) (used int, err error) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	watch := time.NewTicker(2 * time.Millisecond)
	defer watch.Stop()
	for {
		select {
		case err := <-ended:
			return used, err
		case <-watch.C:
			used = max(used, highWater(cmd.Process.Pid, cmd.Args[0]))
		}
	}
}

// highWater is a process's VmHWM, in KiB; 0 when it is not, or not yet, the program of
// that name. Its file does not tell: the test is the same one.
func highWater(pid int, program string) (kib int) {
	folder := fmt.Sprintf("/proc/%d/", pid)
	if line, err := os.ReadFile(folder + "cmdline"); err != nil || !strings.HasPrefix(string(line), program+"\x00") {
		return 0
	}
	status, _ := os.ReadFile(folder + "status")
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			_, _ = fmt.Sscan(rest, &kib)
		}
	}
	return kib
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
			var stderr strings.Builder
			var began time.Time
			var used int
			var err error
			for tries := 0; used == 0 && tries < 10; tries++ {
				stderr.Reset()
				cmd := exec.Command(h.path, args...)
				cmd.Env, cmd.Stderr = append(h.environ, endpoint+"="+server.URL), &stderr
				began = time.Now()
				used, err = peak(t, cmd)
			}
			t.Logf("%d MiB, %v: %s", used>>10, time.Since(began).Round(time.Millisecond), strings.TrimSpace(stderr.String()))
			if !strings.Contains(stderr.String(), "1 MiB") {
				t.Errorf("the error does not name the limit: %s", stderr.String())
			}
			if exitStatus(err) != exitFailed || used == 0 || used > maxResident || time.Since(began) > 20*time.Second {
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
