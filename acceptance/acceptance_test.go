//go:build acceptance

// Package acceptance runs cogctl against a real user pool, named by environment
// variables. README.md says how to set one up in ten minutes.
package acceptance

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cogctl is the program with a home of its own.
type cogctl struct {
	t       *testing.T
	program string
	environ []string
	stdin   string
}

// newCogctl builds the program. Without the variables of README.md it skips.
func newCogctl(t *testing.T) cogctl {
	t.Helper()
	for _, name := range []string{"COGCTL_USER_POOL_ID", "COGCTL_CLIENT_ID", "COGCTL_USERNAME", "COGCTL_PASSWORD"} {
		if os.Getenv(name) == "" {
			t.Skipf("%s is not set: see acceptance/README.md", name)
		}
	}
	home := t.TempDir()
	program := filepath.Join(home, "cogctl")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/cogctl").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	environ := append(os.Environ(), "COGCTL_CONFIG_DIR="+home+"/config", "COGCTL_CACHE_DIR="+home+"/cache", "COGCTL_NO_INPUT=true")
	return cogctl{t: t, program: program, environ: environ}
}

// with sets a variable.
func (c cogctl) with(assignment string) cogctl {
	c.environ = append(append([]string{}, c.environ...), assignment)
	return c
}

// run runs one command line, which must end with the code.
func (c cogctl) run(code int, args ...string) (stdout, stderr string) {
	c.t.Helper()
	var out, err bytes.Buffer
	cmd := exec.Command(c.program, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.environ, strings.NewReader(c.stdin), &out, &err
	failed := cmd.Run()
	got := 0
	var exit *exec.ExitError
	if errors.As(failed, &exit) {
		got = exit.ExitCode()
	} else if failed != nil {
		c.t.Fatal(failed)
	}
	if got != code {
		c.t.Fatalf("cogctl %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, err.String())
	}
	return out.String(), err.String()
}

// claims decodes a token of the session.
func (c cogctl) claims(kind string) map[string]any {
	c.t.Helper()
	out, _ := c.run(0, "token", "decode", "--type", kind)
	var decoded struct{ Header, Claims map[string]any }
	if err := json.Unmarshal([]byte(out), &decoded); err != nil {
		c.t.Fatal(err)
	}
	if typ, present := decoded.Header["typ"]; present {
		c.t.Logf("FACT %s token header has typ %v; we think it has none", kind, typ)
	}
	return decoded.Claims
}

func TestSRP(t *testing.T) {
	c := newCogctl(t)
	c.run(0, "login", "--flow", "srp")
	id, access := c.claims("id"), c.claims("access")
	if id["token_use"] != "id" || access["token_use"] != "access" || access["client_id"] != os.Getenv("COGCTL_CLIENT_ID") {
		t.Errorf("claims: %v / %v", id["token_use"], access["token_use"])
	}
	t.Logf("FACT access token version %v, scope %v; sub equals username: %v", access["version"], access["scope"], access["sub"] == access["username"])
	out, _ := c.run(0, "status", "--json")
	if !strings.Contains(out, `"signed_in": true`) || strings.Contains(out, "eyJ") {
		t.Errorf("status: %s", out)
	}
}

func TestPasswordFlow(t *testing.T) { newCogctl(t).run(0, "login", "--flow", "password") }

func TestWrongPassword(t *testing.T) {
	c := newCogctl(t).with("COGCTL_PASSWORD=certainly-Wr0ng-" + time.Now().Format("150405"))
	_, stderr := c.run(3, "login", "--flow", "srp")
	if !strings.Contains(stderr, "Incorrect username or password") {
		t.Errorf("FACT a wrong password is told as: %s", stderr)
	}
	c.run(3, "login", "--flow", "srp") // remembered, not sent
}

func TestRefreshAndRevoke(t *testing.T) {
	c := newCogctl(t)
	c.run(0, "login")
	before := c.claims("id")
	time.Sleep(2 * time.Second)
	c.run(0, "token", "refresh")
	after := c.claims("id")
	t.Logf("FACT auth_time kept by a refresh: %v; origin_jti kept: %v; jti changed: %v",
		before["auth_time"] == after["auth_time"], before["origin_jti"] == after["origin_jti"], before["jti"] != after["jti"])
	if before["sub"] != after["sub"] {
		t.Error("the refresh changed the sub")
	}
	// Keep the session's files, revoke, put them back: the next refresh must be
	// told as a session that is over.
	sessions := filepath.Join(homeOf(c), "config", "sessions")
	kept := filepath.Join(t.TempDir(), "sessions")
	if err := os.CopyFS(kept, os.DirFS(sessions)); err != nil {
		t.Fatal(err)
	}
	c.run(0, "logout")
	if err := os.RemoveAll(sessions); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(sessions, os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(sessions, 0o700); err != nil {
		t.Fatal(err)
	}
	_, stderr := c.with("COGCTL_PASSWORD=").run(4, "token", "refresh")
	t.Logf("FACT a revoked refresh token is told as: %s", stderr)
}

func homeOf(c cogctl) string { return filepath.Dir(c.program) }

func TestNewPassword(t *testing.T) {
	c := newCogctl(t)
	user, password := os.Getenv("ACCEPT_NEW_USERNAME"), os.Getenv("ACCEPT_NEW_PASSWORD")
	if user == "" || password == "" {
		t.Skip("ACCEPT_NEW_USERNAME and ACCEPT_NEW_PASSWORD are not set: see acceptance/README.md")
	}
	c = c.with("COGCTL_USERNAME=" + user).with("COGCTL_PASSWORD=" + password)
	_, stderr := c.run(4, "login")
	if !strings.Contains(stderr, "COGCTL_NEW_PASSWORD") {
		t.Errorf("what is missing was not named: %s", stderr)
	}
	_, stderr = c.with("COGCTL_NEW_PASSWORD=x").run(3, "login")
	t.Logf("FACT a password against the policy is told as: %s", stderr)
	c.with("COGCTL_NEW_PASSWORD=Accept-"+time.Now().Format("20060102-150405")).run(0, "login")
}

func TestAPI(t *testing.T) {
	url, path := os.Getenv("ACCEPT_API_URL"), os.Getenv("ACCEPT_API_PATH")
	if url == "" || path == "" {
		t.Skip("ACCEPT_API_URL and ACCEPT_API_PATH are not set: see acceptance/README.md")
	}
	c := newCogctl(t).with("COGCTL_API_URL=" + url)
	c.run(0, "call", "GET", path, "--auth", "none", "--expect", "401,403")
	c.run(0, "call", "GET", path)
	out, _ := c.run(0, "call", "GET", path, "--auth", "none", "--no-fail", "-i")
	t.Logf("FACT without a token the API says:\n%s", out)
}
