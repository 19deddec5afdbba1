//go:build browser

// Package browsertest signs cogctl in through the sandbox's own pages, with a
// Chromium in front of them as a person has it: what a page looks like, where the
// cursor stands, what stays in the address bar and what a session in the browser
// does, no other test sees.
//
//	apt-get install --no-install-recommends chromium
//	go test -tags browser ./browsertest
//
// BROWSERTEST_SCREENSHOTS names a folder that keeps the screenshots: each page
// light, dark, and on a phone. BROWSERTEST_CHROMIUM names another browser of the
// family. Without any the tests skip, unless COGCTL_REQUIRE_CHROMIUM is set.
package browsertest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/nettest"
	"github.com/cogctl/cogctl/internal/sandbox"
)

const (
	// handOver as the first argument makes this program one that BROWSER can name:
	// it writes the address that it is given into a file.
	handOver = "hand-over"
	// patience bounds each wait. The machine may be busy with other tests.
	patience = 40 * time.Second
)

// binaryVar hands the program that TestMain built to the tests.
const binaryVar = "BROWSERTEST_COGCTL"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == handOver {
		if err := os.WriteFile(os.Args[2], []byte(os.Args[3]), 0o600); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "cogctl")
	build := exec.Command("go", "build", "-o", binary, "./cmd/cogctl")
	build.Dir = ".."
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "go build ./cmd/cogctl:", err)
		return 1
	}
	os.Setenv(binaryVar, binary)
	return m.Run()
}

// stack is a sandbox and a cogctl with a profile for it. What one test changes no
// other sees.
type stack struct {
	t        *testing.T
	at       sandbox.Endpoints
	callback string // the one that is registered, on a port that was free
	env      []string
}

// newStack starts one. Nobody is named in its profile: whoever signs in is taken.
func newStack(t *testing.T, change ...func(*sandbox.Pool)) stack {
	t.Helper()
	port, err := nettest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	callback := fmt.Sprintf("http://localhost:%d/callback", port)
	seed := sandbox.DefaultSeed()
	seed.Pools[0].Clients[0].CallbackURLs = []string{callback}
	for _, c := range change {
		c(&seed.Pools[0])
	}
	box, err := sandbox.New(sandbox.Options{Seed: seed, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	s := stack{t: t, at: box.Endpoints(), callback: callback}
	home := t.TempDir()
	if err := config.Create(filepath.Join(home, "config", "config.toml"), "sandbox", map[string]string{
		"user_pool_id": sandbox.DefaultPoolID, "client_id": sandbox.PublicClientID, "domain": s.at.Cloud,
		"callback_urls": callback, "api_url": s.at.API, "endpoints.user_pool": s.at.Cloud,
	}, true); err != nil {
		t.Fatal(err)
	}
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home,
		"COGCTL_CONFIG_DIR=" + filepath.Join(home, "config"), "COGCTL_CACHE_DIR=" + filepath.Join(home, "cache"),
	}
	return s
}

// control asks the sandbox's control listener. into may be nil.
func (s stack) control(method, path, body string, into any) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.at.Control+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set(sandbox.KeyHeader, s.at.ControlKey)
	client := http.Client{Timeout: patience}
	answer, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("control %s %s: %d %s %v", method, path, answer.StatusCode, text, err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			s.t.Fatal(err)
		}
	}
}

// code is the newest that was sent to a user.
func (s stack) code(username string) string {
	s.t.Helper()
	var codes []struct{ Code string }
	s.control("GET", "/codes?username="+username, "", &codes)
	if len(codes) == 0 {
		s.t.Fatalf("no code was sent to %s", username)
	}
	return codes[len(codes)-1].Code
}

// authenticator is the code that a user's authenticator shows now.
func (s stack) authenticator(username string) string {
	s.t.Helper()
	var shown struct{ Code string }
	s.control("GET", "/users/"+username+"/totp", "", &shown)
	return shown.Code
}

// run runs a command that does not wait for a browser.
func (s stack) run(code int, args ...string) (stdout, stderr string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(binaryVar), args...)
	var out, err bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, &out, &err
	failed := cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("cogctl %s: exit %d (%v), want %d\n%s%s", strings.Join(args, " "), got, failed, code, out.String(), err.String())
	}
	return out.String(), err.String()
}

// signedIn checks whose session is stored, by what cogctl status says.
func (s stack) signedIn(username string) {
	s.t.Helper()
	out, _ := s.run(0, "status", "--json")
	var status struct {
		SignedIn bool `json:"signed_in"`
		Verified bool `json:"id_token_verified"`
		Username string
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil || !status.SignedIn || !status.Verified || status.Username != username {
		s.t.Errorf("status of %s: %v\n%s", username, err, out)
	}
}

// signedOut checks that nobody's is.
func (s stack) signedOut() {
	s.t.Helper()
	s.run(4, "status")
}

// signIn is a running cogctl login --web.
type signIn struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string // where it sends the person
	said    *bytes.Buffer
	ended   chan struct{}
}

// login starts one that opens no browser, and waits for the address.
func (s stack) login(args ...string) *signIn {
	s.t.Helper()
	l, addresses := s.start(s.env, append([]string{"login", "--web", "--no-browser", "--timeout", "60s"}, args...))
	select {
	case l.address = <-addresses:
	case <-time.After(patience):
		s.t.Fatal("cogctl login tells no address")
	}
	if l.address == "" {
		<-l.ended
		s.t.Fatalf("cogctl login ended before it told an address:\n%s", l.said)
	}
	return l
}

// start starts a login. The channel yields the address it tells, or "" when it ends
// without.
func (s stack) start(env, args []string) (*signIn, <-chan string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	l := &signIn{t: s.t, cmd: exec.CommandContext(ctx, os.Getenv(binaryVar), args...), said: &bytes.Buffer{}, ended: make(chan struct{})}
	l.cmd.Env = env
	pipe, err := l.cmd.StderrPipe()
	if err == nil {
		err = l.cmd.Start()
	}
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	addresses := make(chan string, 1)
	go func() {
		defer close(l.ended)
		defer cancel()
		defer close(addresses)
		lines := bufio.NewScanner(pipe)
		for told := false; lines.Scan(); {
			fmt.Fprintln(l.said, lines.Text())
			if address := strings.TrimSpace(lines.Text()); !told && strings.HasPrefix(address, s.at.Cloud) {
				told = true
				addresses <- address
			}
		}
		_ = l.cmd.Wait()
	}()
	s.t.Cleanup(func() { cancel(); <-l.ended })
	return l, addresses
}

// end waits for the login to end with an exit code, and returns what it said.
func (l *signIn) end(code int) string {
	l.t.Helper()
	select {
	case <-l.ended:
	case <-time.After(patience):
		l.t.Fatalf("cogctl login still waits, want exit %d", code)
	}
	if got := l.cmd.ProcessState.ExitCode(); got != code {
		l.t.Fatalf("cogctl login: exit %d, want %d\n%s", got, code, l.said)
	}
	return l.said.String()
}

// waits checks that the login has not ended.
func (l *signIn) waits() {
	l.t.Helper()
	select {
	case <-l.ended:
		l.t.Fatalf("cogctl login ended: exit %d\n%s", l.cmd.ProcessState.ExitCode(), l.said)
	default:
	}
}

// with is the environment with more in it.
func (s stack) with(env ...string) []string { return slices.Concat(s.env, env) }
