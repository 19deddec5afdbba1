package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/nettest"
	"github.com/cogctl/cogctl/internal/sandbox"
)

// TestMain lets the test binary be cogctl: scripts run it as a program of its
// own, so what they see is what a user sees.
func TestMain(m *testing.M) {
	testscript.Main(nettest.Tests{M: m}, map[string]func(){"cogctl": mainAtTestTime, "fakebrowser": fakeBrowser})
}

// mainAtTestTime is main on a machine whose clock is wrong by COGCTL_TEST_CLOCK,
// as in "-7m". Below a folder for traces it leaves one of itself.
func mainAtTestTime() {
	t := startTrace(os.Getenv(traceVariable))
	a := newApp()
	if wrong, err := time.ParseDuration(os.Getenv("COGCTL_TEST_CLOCK")); err == nil {
		a.now = func() time.Time { return time.Now().Add(wrong) }
	}
	t.follow(a)
	code := a.run(os.Args[1:])
	t.end(a)
	os.Exit(code)
}

// TestScripts runs testdata/script/*.txtar, one behaviour each. Besides the
// usual commands they have:
//
//	sandbox              start a sandbox, as cogctl sandbox -- CMD has it
//	exits CODE CMD...    run CMD, which must end with just that code
//	person CODE FILE CMD run CMD with a terminal (-stdout: for its output too); FILE says what the person
//	                     waits for and types (lines "expect TEXT", "type TEXT",
//	                     "code": the last one that the sandbox sent)
//	control METHOD PATH [JSON]  ask the sandbox's control listener
//	issuer               start an authorization server that is none of Cognito's
//	backend              start a backend of the user's (BACKEND), which answers with what it got
//	odd                  start a server that answers as no user pool does
//	parallel N CODE CMD  run CMD N times at once; all must end with that code
//	                     and print the same
//	calls OP COUNT       the sandbox has answered OP that often
//	expire [LEFT]        make the stored tokens look expired, or good for LEFT more
//	callback [URL...]    register a free callback URL at the sandbox (CALLBACK), besides others
//	later FILE REGEXP    wait until a program that was left behind, such as a browser, has
//	                     written to FILE what matches
//	mint                 write tokens of a user pool, good ones and bad ones, and keys.json;
//	                     serve the keys at $MINT
//	leaks REGEXP         a finding of the search for secrets that must be there
//
// When a script is over, all that its processes showed and left is searched for
// the secrets that were in play.
func TestScripts(t *testing.T) {
	t.Parallel()
	params := scriptParams()
	params.Dir = "testdata/script"
	testscript.Run(t, params)
}

// TestExamples runs the examples of every help text, in a sandbox with ann
// signed in. What a help says must work as it stands there.
func TestExamples(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("the examples are for sh, which is not here")
	}
	params := scriptParams()
	folder := t.TempDir()
	walk(newRoot(newApp()), func(cmd *cobra.Command) {
		if isGenerated(cmd) || cmd.Example == "" {
			return
		}
		path := filepath.Join(folder, strings.ReplaceAll(cmd.CommandPath(), " ", "_")+".txtar")
		script := "sandbox\nexits 0 cogctl login\nexec sh -e -x example.sh\n-- example.sh --\n" + strings.Join(examples(cmd), "\n") + "\n"
		if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		params.Files = append(params.Files, path)
	})
	testscript.Run(t, params)
}

// quickEnd takes away the second that a program built with -race waits at its end
// for races to be reported: scripts run it a thousand times.
const quickEnd = "atexit_sleep_ms=10" // GORACE

func scriptParams() testscript.Params {
	return testscript.Params{
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
			env.Setenv("NO_PROXY", "*")
			env.Setenv("GORACE", quickEnd)
			env.Values[boxKey{}] = new(*sandbox.Sandbox)
			if err := watch(env); err != nil {
				return err
			}
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sandbox":  scriptSandbox,
			"exits":    scriptExits,
			"person":   scriptPerson,
			"calls":    scriptCalls,
			"expire":   scriptExpire,
			"parallel": scriptParallel,
			"odd":      scriptOdd,
			"backend":  scriptBackend,
			"issuer":   scriptIssuer,
			"control":  scriptControl,
			"leaks":    scriptLeaks,
			"callback": scriptCallback,
			"later":    scriptLater,
			"mint":     scriptMint,
		},
	}
}

// scriptSandbox gives the script the world that CMD has in a sandbox.
func scriptSandbox(ts *testscript.TestScript, neg bool, args []string) {
	seed := sandbox.DefaultSeed()
	box, err := sandbox.New(sandbox.Options{Now: newApp().now, Seed: seed})
	ts.Check(err)
	ts.Check(box.Start(context.Background()))
	ts.Defer(func() { box.Close() })
	home := ts.MkAbs(".sandbox")
	s := newStack(box.Endpoints(), seed)
	ts.Check(s.configure(home))
	for _, entry := range s.environ([]string{"PATH=" + ts.Getenv("PATH")}, home, filepath.Join(home, "bin")) {
		name, value, _ := strings.Cut(entry, "=")
		ts.Setenv(name, value)
	}
	*ts.Value(boxKey{}).(**sandbox.Sandbox) = box
	ts.Check(watched(ts).sandbox(s))
}

// boxKey is where a script keeps its sandbox.
type boxKey struct{}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := exitStatus(ts.Exec(args[1], args[2:]...))
	awaitPage(ts)
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// exitStatus is what a shell makes of how a program ended. A signal that comes before
// the program waits for anything ends it as it ends any program.
func exitStatus(err error) int {
	var exit *exec.ExitError
	if err == nil {
		return 0
	}
	if !errors.As(err, &exit) {
		return -1
	}
	if status, known := exit.Sys().(syscall.WaitStatus); known && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// box is the script's sandbox.
func box(ts *testscript.TestScript) *sandbox.Sandbox {
	started := *ts.Value(boxKey{}).(**sandbox.Sandbox)
	if started == nil {
		ts.Fatalf("start a sandbox first")
	}
	return started
}

// lastCode is what the sandbox sent last, as the user's phone would show it.
func lastCode(ts *testscript.TestScript) string {
	codes := box(ts).Codes()
	if len(codes) == 0 {
		return "the sandbox sent no code"
	}
	return codes[len(codes)-1].Code
}

func scriptCalls(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: calls OP COUNT")
	}
	stats := box(ts).Stats()
	if got := fmt.Sprint(stats[args[0]]); got != args[1] {
		ts.Fatalf("the sandbox answered %q %s times, want %s (all: %v)", args[0], got, args[1], stats)
	}
}

// scriptParallel runs one command many times at once, as a CI with many jobs
// does. Standard output is the one output that all of them printed.
func scriptParallel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: parallel N CODE CMD [ARG...]")
	}
	count, err := strconv.Atoi(args[0])
	ts.Check(err)
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	program, environ := lookPath(ts, args[2]), scriptEnviron(ts)
	type end struct {
		code           int
		stdout, stderr string
	}
	ends := make([]end, count)
	var running sync.WaitGroup
	for i := range ends {
		running.Go(func() {
			var stdout, stderr strings.Builder
			cmd := exec.Command(program, args[3:]...)
			cmd.Env, cmd.Stdout, cmd.Stderr = environ, &stdout, &stderr
			ends[i].code = exitStatus(cmd.Run())
			ends[i].stdout, ends[i].stderr = stdout.String(), stderr.String()
		})
	}
	running.Wait()
	for i, e := range ends {
		if e.code != want {
			ts.Fatalf("process %d: exit code %d, want %d: %s", i, e.code, want, e.stderr)
		}
		if e.stdout != ends[0].stdout {
			ts.Fatalf("process %d printed another answer than process 0:\n%s\n%s", i, e.stdout, ends[0].stdout)
		}
	}
	_, _ = ts.Stdout().Write([]byte(ends[0].stdout))
}

func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); executable(path) {
			return path
		}
	}
	ts.Fatalf("no %s on the PATH", name)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0 && !info.IsDir()
}

// scriptEnviron is the script's environment as far as cogctl looks at it.
func scriptEnviron(ts *testscript.TestScript) []string {
	var environ []string
	for _, name := range []string{traceVariable, "PATH", "HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "NO_PROXY", "GORACE", "CI", "WORK",
		"COGCTL_CONFIG_DIR", "COGCTL_CACHE_DIR", "COGCTL_PROFILE", "COGCTL_PASSWORD", "COGCTL_NEW_PASSWORD", "COGCTL_NO_INPUT",
		"COGCTL_USERNAME", "COGCTL_ENDPOINT_USER_POOL", "COGCTL_ENDPOINT_JWKS", "COGCTL_TOTP_SECRET", "COGCTL_MFA_CODE", "COGCTL_SANDBOX_CLOUD_URL", "ODD", "COGCTL_TOKEN",
		"COGCTL_USER_POOL_ID", "COGCTL_CLIENT_ID", "COGCTL_CLIENT_SECRET", "COGCTL_DOMAIN", "COGCTL_ISSUER", "COGCTL_SCOPES", "COGCTL_API_URL",
		"COGCTL_TEST_CLOCK", "COGCTL_FLOW", "COGCTL_DEBUG", "COGCTL_ANSWER_CUSTOM_CHALLENGE", "COGCTL_ANSWER_CUSTOM_CHALLENGE_2", "COGCTL_ANSWER_SELECT_CHALLENGE",
		"COGCTL_ANSWER_SELECT_MFA_TYPE", "COGCTL_SANDBOX_CONTROL_URL", "COGCTL_SANDBOX_CONTROL_KEY", "COGCTL_SANDBOX_AWS_ACCESS_KEY_ID", "COGCTL_SANDBOX_AWS_SECRET_ACCESS_KEY",
		"VISUAL", "EDITOR", "TMPDIR", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "COGCTL_DOMAIN", "CALLBACK", "BROWSER", "PAGE", "TYPED", "DISPLAY", "SSH_CONNECTION"} {
		if value := ts.Getenv(name); value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	return environ
}
