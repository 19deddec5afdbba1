package secret

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/nettest"
)

// TestMain lets this test binary play the program of a cmd: reference, so the
// tests need no shell and run on every system.
func TestMain(m *testing.M) {
	if play := os.Getenv("SECRET_TEST_PLAY"); play != "" {
		os.Exit(perform(play, os.Args[1:]))
	}
	os.Exit(nettest.Tests{M: m}.Run())
}

func perform(play string, args []string) int {
	switch play {
	case "print":
		fmt.Print(strings.Join(args, "|"))
	case "lines":
		fmt.Print("value\r\n\n")
	case "fail":
		fmt.Print("half-a-s3cret")
		fmt.Fprint(os.Stderr, "\n  vault is \x1b[31msealed\nsecond line\n")
		return 3
	case "quiet":
		fmt.Fprintln(os.Stderr, "nothing found")
	case "long":
		fmt.Print(strings.Repeat("x", MaxSize+len(args)))
	case "endless":
		for {
			if _, err := fmt.Print(strings.Repeat("x", 4096)); err != nil {
				return 1
			}
		}
	case "sleep":
		time.Sleep(time.Minute)
	case "stdin":
		n, err := os.Stdin.Read(make([]byte, 1))
		fmt.Printf("%d %v", n, err)
	case "env":
		fmt.Print(os.Getenv("COGCTL_PASSWORD"), os.Getenv("GIVEN"))
	}
	return 0
}

// program returns a reference to this test binary with args, and a resolver
// that makes it play.
func program(t *testing.T, play, args string) (Resolver, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Resolver{Environ: []string{"SECRET_TEST_PLAY=" + play, "GIVEN=given"}}, "cmd:'" + self + "' " + args
}

func TestResolveCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ play, args, want string }{
		{"print", `a 'b c' "d \" e" $HOME`, `a|b c|d " e|$HOME`},
		{"lines", "", "value"},
		{"stdin", "", "0 EOF"},
		{"env", "", "given"},
		{"long", "", strings.Repeat("x", MaxSize)},
	} {
		r, ref := program(t, c.play, c.args)
		got, isRef, err := r.Resolve(t.Context(), ref)
		if err != nil || !isRef || got != c.want {
			t.Errorf("%s: %.80q, %v, %v; want %.80q", c.play, got, isRef, err, c.want)
		}
	}
}

func TestResolveCommandErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ play, args, want string }{
		{"fail", "--token hunter2", `: exit status 3: vault is \u001b[31msealed`},
		{"quiet", "", "empty: nothing found"},
		{"long", "one", "longer than 64 KiB"},
		{"endless", "", "longer than 64 KiB"},
		{"sleep", "", "no answer within 200ms"},
	} {
		r, ref := program(t, c.play, c.args)
		if c.play == "sleep" {
			r.Timeout = 200 * time.Millisecond
		}
		start := time.Now()
		got, isRef, err := r.Resolve(t.Context(), ref)
		if took := time.Since(start); took > 40*time.Second {
			t.Errorf("%s: took %v", c.play, took)
		}
		if err == nil || !isRef || got != "" {
			t.Errorf("%s: %.80q, %v, %v", c.play, got, isRef, err)
			continue
		}
		text := err.Error()
		if !strings.HasPrefix(text, "cmd:") || !strings.Contains(text, c.want) {
			t.Errorf("%s: %q lacks %q", c.play, text, c.want)
		}
		for _, leak := range []string{"s3cret", "hunter2", "second line", "xxxx"} {
			if strings.Contains(text, leak) {
				t.Errorf("%s: %q tells %q", c.play, text, leak)
			}
		}
	}
}

func TestResolveCommandCancelled(t *testing.T) {
	t.Parallel()
	r, ref := program(t, "sleep", "")
	why := errors.New("interrupted by the person")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
	start := time.Now()
	_, _, err := r.Resolve(ctx, ref)
	if !errors.Is(err, why) || time.Since(start) > 40*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// The process environment must not reach a program through a nil Environ.
func TestResolveCommandEmptyEnvironment(t *testing.T) {
	t.Setenv("SECRET_TEST_PLAY", "print")
	// Without the variable the program is the test binary itself, which
	// lists no test and prints "ok" or nothing.
	_, ref := program(t, "", "-test.list=^$ seen")
	if got, _, _ := (Resolver{}).Resolve(t.Context(), ref); strings.Contains(got, "seen") {
		t.Errorf("the program saw our environment: %q", got)
	}
	r, ref := program(t, "print", "-test.list=^$ seen")
	if got, _, err := r.Resolve(t.Context(), ref); !strings.Contains(got, "seen") {
		t.Errorf("control: %q, %v", got, err)
	}
}

func TestResolveProgramNotFound(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]string{
		"cmd:no-such-program-here --key hunter2": "no such program on PATH",
		"cmd:":                                   "no program is named",
		"cmd:''":                                 "no program is named",
		"cmd:op 'unclosed hunter":                "the ' at byte 4 is never closed",
	} {
		_, isRef, err := Resolver{}.Resolve(t.Context(), ref)
		if !isRef || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v, %v", ref, isRef, err)
		}
	}
}

func TestResolveEnvAndPlain(t *testing.T) {
	t.Parallel()
	r := Resolver{Getenv: func(name string) string {
		return map[string]string{"DEV_SECRET": "from-env\n", "BLANK": ""}[name]
	}}
	for _, c := range []struct {
		ref, want string
		isRef     bool
		err       string
	}{
		{"env:DEV_SECRET", "from-env\n", true, ""},
		{"env:MISSING", "", true, "env:MISSING: the variable is unset or empty"},
		{"env:BLANK", "", true, "env:BLANK"},
		{"env:", "", true, "not the name"},
		{"env:A=B", "", true, "not the name"},
		{"plain text", "plain text", false, ""},
		{"", "", false, ""},
		{"ENV:DEV_SECRET", "ENV:DEV_SECRET", false, ""},
		{"https://example.com", "https://example.com", false, ""},
		{"keyring:cogctl", "", true, "keyring:cogctl: write keyring:SERVICE/NAME"},
		{"keyring:cogctl/dev", "", true, "keyring:cogctl/dev: not read here"},
		{"secretsmanager:NAME#KEY", "", true, "secretsmanager:NAME#KEY: not read here"},
		{"ssm:/path", "", true, "ssm:/path: not read here"},
	} {
		got, isRef, err := r.Resolve(t.Context(), c.ref)
		if got != c.want || isRef != c.isRef {
			t.Errorf("%q: %q, %v; want %q, %v", c.ref, got, isRef, c.want, c.isRef)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: error %v, want %q", c.ref, err, c.err)
		}
	}
}

func TestResolveFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	r := Resolver{Home: dir}
	for _, c := range []struct{ ref, want, err string }{
		{write("plain", "s3cret\n"), "s3cret", ""},
		{write("windows", "\ufeffs3cret\r\n"), "s3cret", ""},
		{write("inner", "a\nb\n\n"), "a\nb", ""},
		{write("spaces", " s3cret "), " s3cret ", ""},
		{"~/plain", "s3cret", ""},
		{write("full", strings.Repeat("x", MaxSize)), strings.Repeat("x", MaxSize), ""},
		{write("over", strings.Repeat("x", MaxSize+1)), "", "longer than 64 KiB"},
		{write("utf16", "\xff\xfes\x003\x00"), "", "NUL"},
		{write("empty", "\n"), "", "empty"},
		{filepath.Join(dir, "absent"), "", "absent: "},
		{dir, "", "not a regular file"},
		{"plain", "", "give the whole path"},
		{"", "", "give the whole path"},
		{"~", "", "give the whole path"},
	} {
		got, isRef, err := r.Resolve(t.Context(), "file:"+c.ref)
		if !isRef || got != c.want {
			t.Errorf("%q: %.40q, want %.40q", c.ref, got, c.want)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: error %v, want %q", c.ref, err, c.err)
		}
		if err != nil && strings.Contains(err.Error(), "xxxx") {
			t.Errorf("%q: the error holds the value", c.ref)
		}
	}
	if _, _, err := (Resolver{}).Resolve(t.Context(), "file:~/plain"); err == nil {
		t.Error("~/ resolved without a home directory")
	}
	if _, _, err := r.Resolve(t.Context(), "file:"+filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}
