package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

func TestWebAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{ // empty: refused
		"https://idp.example/authorize?a=b&c=%20d": "https://idp.example/authorize?a=b&c=%20d",
		"http://localhost:1/x":                     "http://localhost:1/x",
		"https://idp.example/$(id)?`id`;'\"|<>":    "https://idp.example/$(id)?id;",
		"https://idp.example/a b\\c":               "https://idp.example/a%20b%5Cc",
		"file:///etc/passwd":                       "",
		"javascript:alert(1)":                      "",
		"https:evil":                               "",
		"https://user@idp.example/":                "",
		"--help":                                   "",
		"-new-window":                              "",
		"\\\\server\\share":                        "",
		"":                                         "",
	} {
		got, err := webAddress(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("webAddress(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestWithAddress(t *testing.T) {
	t.Parallel()
	const a = "https://x/?a=b&c=d"
	for _, c := range []struct{ words, want []string }{
		{nil, []string{a}},
		{[]string{"-P", "work"}, []string{"-P", "work", a}},
		{[]string{"%s", "--quiet"}, []string{a, "--quiet"}},
		{[]string{"--app=%s"}, []string{"--app=" + a}},
		// A shell would run what is behind the &.
		{[]string{"-c", "firefox %s"}, []string{"-c", "firefox %s", a}},
		{[]string{"x=%s"}, []string{"x=%s", a}},
	} {
		if got := withAddress(c.words, a); !slices.Equal(got, c.want) {
			t.Errorf("withAddress(%q) = %q, want %q", c.words, got, c.want)
		}
	}
}

func TestNoBrowser(t *testing.T) {
	t.Parallel()
	for environment, want := range map[string]string{ // a part of the reason; empty: one is tried
		"DISPLAY=:0":                                  "",
		"WAYLAND_DISPLAY=wayland-0":                   "",
		"BROWSER=w3m":                                 "",
		"BROWSER=code-helper SSH_TTY=/dev/pts/0":      "",
		"DISPLAY=:0 SSH_TTY=/dev/pts/0":               "SSH",
		"DISPLAY=:0 SSH_CONNECTION=192.0.2.1":         "SSH",
		"DISPLAY=:0 CI=true":                          "CI",
		"BROWSER=w3m CI=true":                         "CI",
		"TERM=xterm SSH_CONNECTION=192.0.2.1 CI=true": "CI",
	} {
		a := &app{getenv: func(name string) string {
			for _, entry := range strings.Fields(environment) {
				if value, found := strings.CutPrefix(entry, name+"="); found {
					return value
				}
			}
			return ""
		}}
		if got := a.noBrowser(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", environment, got, want)
		}
	}
}

func TestBrowserExtra(t *testing.T) {
	t.Parallel()
	cognito, other := auth.Provider{Cognito: true}, auth.Provider{Issuer: "https://accounts.example"}
	for _, c := range []struct {
		o    browserOptions
		p    auth.Provider
		user string
		want string // the query; "!" and a part of the error
	}{
		{browserOptions{}, cognito, "ann", "login_hint=ann"},
		{browserOptions{}, cognito, "", ""},
		{browserOptions{provider: "google"}, cognito, "Google_1", "identity_provider=Google"},
		{browserOptions{provider: "MyIdP", hint: "a@b"}, cognito, "", "identity_provider=MyIdP&login_hint=a%40b"},
		{browserOptions{prompt: "login", lang: "de"}, cognito, "", "lang=de&prompt=login"},
		{browserOptions{lang: "de"}, other, "", "ui_locales=de"},
		{browserOptions{params: []string{"idp_identifier=acme.com", "resource=https://api/?a=b"}}, cognito, "", "idp_identifier=acme.com&resource=https%3A%2F%2Fapi%2F%3Fa%3Db"},
		{browserOptions{provider: "Google"}, other, "", "!for user pools"},
		{browserOptions{params: []string{"redirect_uri=https://evil"}}, cognito, "", "!sets that one itself"},
		{browserOptions{params: []string{"response_mode=form_post"}}, cognito, "", "!sets that one itself"},
		{browserOptions{params: []string{"=x"}}, cognito, "", "!name=value"},
	} {
		got, err := c.o.extra(c.p, c.user)
		if part, wrong := strings.CutPrefix(c.want, "!"); wrong {
			if err == nil || !strings.Contains(err.Error(), part) || exitCode(err) != exitUsage {
				t.Errorf("%+v: %v, want %q", c.o, err, part)
			}
			continue
		}
		if err != nil || got.Encode() != c.want {
			t.Errorf("%+v: %q, %v; want %q", c.o, got.Encode(), err, c.want)
		}
	}
}

func TestBrowserTexts(t *testing.T) {
	t.Parallel()
	for redirect, want := range map[string]string{
		"http://localhost:17170/callback": "ssh -L 17170:localhost:17170 HOST",
		"http://127.0.0.1/x":              "ssh -L 80:127.0.0.1:80 HOST",
		"http://[::1]:8080/x":             "ssh -L 8080:[::1]:8080 HOST",
	} {
		if got := tunnel(redirect); got != want {
			t.Errorf("tunnel(%s) = %q, want %q", redirect, got, want)
		}
	}
	callback, err := auth.NewCallback(auth.Pending{Redirect: "http://localhost:17170/callback"})
	if err != nil {
		t.Fatal(err)
	}
	b := &browserSignIn{login: &login{}, callback: callback, flow: auth.CodeFlow{Redirect: "http://localhost:17170/callback"}}
	for left, want := range map[time.Duration]string{5 * time.Minute: "[5:00 left]", 61 * time.Second: "[1:01 left]", 1500 * time.Millisecond: "[0:02 left]", -time.Second: "[0:00 left]"} {
		if got := b.question(left); !strings.HasPrefix(got, want) || len(got) > 79 {
			t.Errorf("question(%s) = %q", left, got)
		}
	}
	if got := b.reminder(); !strings.Contains(got, "\n  http://localhost:17170/callback\n") || !strings.Contains(got, "--callback-url") {
		t.Errorf("reminder %q", got)
	}
	for code, want := range map[string]int{
		"access_denied": exitRefused, "invalid_request": exitRefused, "login_required": exitNeeded, "consent_required": exitNeeded,
		"invalid_scope": exitUsage, "unauthorized_client": exitUsage, "server_error": exitFailed, "temporarily_unavailable": exitFailed,
	} {
		if got := exitCode(b.explained(&auth.AuthorizationError{Code: code})); got != want {
			t.Errorf("%s: exit %d, want %d", code, got, want)
		}
	}
	if got := exitCode(b.explained(&auth.MixUpError{})); got != exitSaysNo {
		t.Errorf("a mix-up: exit %d", got)
	}
	if err := errors.New("other"); b.explained(err) != err {
		t.Error("another error was changed")
	}
}
