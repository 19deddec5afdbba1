//go:build conformance

// Package conformance sets cogctl and its sandbox against programs that nobody
// here wrote: amazon-cognito-identity-js, aws-amplify, cognito-srp-helper with AWS's SDK
// for JavaScript, openid-client, x/oauth2 and the AWS CLI use the sandbox, and cogctl
// signs in to cognito-local, to oidc-provider, by their pages too, and to an SRP server
// written in JavaScript from the published protocol alone. A client and a server of one
// hand can share a mistake; these cannot.
//
// The peers come from npm, at the versions of js/package-lock.json, and the AWS
// CLI from Debian:
//
//	npm --prefix conformance/js ci --ignore-scripts
//	apt-get install awscli
//	go test -tags conformance ./conformance/...
package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/nettest"
)

// cogctl is the program under test with the environment it hears.
type cogctl struct {
	path string
	env  []string
}

// binaryVar hands the program that TestMain built to the tests.
const binaryVar = "CONFORMANCE_COGCTL"

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	if os.Getenv(binaryVar) != "" {
		return m.Run() // this is a program that a test started
	}
	dir, err := os.MkdirTemp("", "conformance")
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
	return nettest.Tests{M: m}.Run()
}

// newCogctl is a cogctl with a home of its own that hears only the given
// variables, so nothing of the machine's own set-up answers for it.
func newCogctl(t *testing.T, env ...string) cogctl {
	t.Helper()
	home := t.TempDir()
	env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "CI=true"}, env...)
	return cogctl{path: os.Getenv(binaryVar), env: env}
}

func (c cogctl) with(env ...string) cogctl {
	c.env = slices.Concat(c.env, env)
	return c
}

type result struct {
	code           int
	stdout, stderr string
}

func (c cogctl) run(t *testing.T, args ...string) result {
	t.Helper()
	return c.feed(t, "", args...)
}

func (c cogctl) feed(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Env = c.env
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("cogctl %s: %v", strings.Join(args, " "), err)
	}
	return result{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// ok runs what has to succeed and returns its answer.
func (c cogctl) ok(t *testing.T, args ...string) string {
	t.Helper()
	r := c.run(t, args...)
	if r.code != 0 {
		t.Fatalf("cogctl %s: exit %d, want 0\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

// refused runs what has to fail with exactly this exit code.
func (c cogctl) refused(t *testing.T, code int, args ...string) string {
	t.Helper()
	r := c.run(t, args...)
	if r.code != code {
		t.Fatalf("cogctl %s: exit %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	return r.stderr
}

// node is a command that runs one script of js/. A missing script package is a
// failure, not a reason to skip: here the peers are the whole point.
func node(t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := os.Stat("js/node_modules"); err != nil {
		t.Fatalf("the peers are not installed: npm --prefix conformance/js ci --ignore-scripts (%v)", err)
	}
	path, err := filepath.Abs(filepath.Join("js", script))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "node", append([]string{path}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// home is the home folder of this cogctl alone.
func (c cogctl) home() string {
	for _, entry := range c.env {
		if home, found := strings.CutPrefix(entry, "HOME="); found {
			return home
		}
	}
	return ""
}
