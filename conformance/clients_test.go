//go:build conformance

package conformance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// cases are the checks each client script prints, "ok NAME" a line. A script
// that stops half-way prints fewer, so each has to be there by name.
var cases = []string{"SRP sign-in", "wrong password refused", "new password", "refresh"}

// TestClients lets the two JavaScript clients sign in, first to the SRP server
// that is not ours either, which shows that script and server are right, then
// to the sandbox.
func TestClients(t *testing.T) {
	for _, script := range []string{"identity-js.mjs", "amplify.mjs"} {
		t.Run(script+"/control", func(t *testing.T) {
			server := startSRPServer(t)
			cmd := node(t, script)
			cmd.Env = append(os.Environ(), "COGCTL_SANDBOX_CLOUD_URL="+server.URL, "PEER_POOL_ID="+server.Pool, "PEER_CLIENT_ID="+server.ClientID)
			judge(t, cmd)
		})
		t.Run(script+"/sandbox", func(t *testing.T) {
			judge(t, inSandbox(t, node(t, script)))
		})
	}
}

// inSandbox is the command `cogctl sandbox -- CMD`: every run has a sandbox of
// its own, so what one script changes no other sees.
func inSandbox(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	c := newCogctl(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	args := append([]string{"sandbox", "--", cmd.Path}, cmd.Args[1:]...)
	wrapped := exec.CommandContext(ctx, c.path, args...)
	wrapped.Env = c.env
	wrapped.Cancel = func() error { return wrapped.Process.Signal(os.Interrupt) }
	wrapped.WaitDelay = 10 * time.Second
	return wrapped
}

func judge(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v", filepath.Base(cmd.Path), err)
	}
	for _, name := range cases {
		if !regexp.MustCompile(`(?m)^ok ` + regexp.QuoteMeta(name) + `$`).Match(out) {
			t.Errorf("no %q", "ok "+name)
		}
	}
	if t.Failed() {
		t.Logf("output:\n%s", out)
	}
}
