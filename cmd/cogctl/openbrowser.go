package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/pkg/browser"

	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/secret"
)

// noBrowser says why no browser can be opened from here; empty when one may. What
// BROWSER names was chosen, and may open a browser elsewhere: editors that work over
// SSH set it to such a program.
func (a *app) noBrowser() string {
	display := runtime.GOOS == "darwin" || runtime.GOOS == "windows" || a.getenv("DISPLAY") != "" || a.getenv("WAYLAND_DISPLAY") != ""
	switch {
	case a.getenv("CI") != "":
		return "CI is set"
	case a.getenv("BROWSER") != "":
		return ""
	case a.overSSH():
		return "this is an SSH session"
	case !display:
		return "there is no display: DISPLAY and WAYLAND_DISPLAY are not set"
	}
	return ""
}

func (a *app) overSSH() bool { return a.getenv("SSH_CONNECTION") != "" || a.getenv("SSH_TTY") != "" }

// opened is how long an opener may take to say that it found no browser. One that
// goes on is a browser.
const opened = 2 * time.Second

// openBrowser shows an address to the person: on standard error, and in a browser
// where one can be opened. That it cannot is told, and is no error: the address is
// there to be opened elsewhere.
func (a *app) openBrowser(ctx context.Context, address string) error {
	if _, err := webAddress(address); err != nil {
		return err
	}
	fmt.Fprintf(a.redactedStderr(), "%s\n", redact.Visible(address))
	if a.noBrowser() != "" {
		return nil
	}
	ended, err := a.startBrowser(address)
	if err == nil {
		timeout := time.NewTimer(opened)
		defer timeout.Stop()
		select {
		case err = <-ended:
		case <-timeout.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err != nil {
		a.warn(fmt.Sprintf("the browser could not be opened (%v): open the address yourself", err))
	}
	return nil
}

// startBrowser starts what opens the address. The channel yields how that ended,
// which may be when the person closes the browser.
func (a *app) startBrowser(address string) (<-chan error, error) {
	if why := a.noBrowser(); why != "" {
		return nil, errors.New(why)
	}
	plain, err := webAddress(address)
	if err != nil {
		return nil, err
	}
	if chosen := a.getenv("BROWSER"); chosen != "" {
		return a.startChosen(chosen, plain)
	}
	// The library starts programs by itself, with our environment and our streams.
	a.adoptChildEnviron()
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	ended := make(chan error, 1)
	go func() { ended <- browser.OpenURL(plain) }()
	return ended, nil
}

// startChosen starts the browser that BROWSER names: a command line, cut into words
// without a shell, or a list of them with ":" between. The address replaces %s, or
// comes last.
func (a *app) startChosen(chosen, address string) (<-chan error, error) {
	lines := []string{chosen}
	if strings.Contains(chosen, ":") {
		lines = append(lines, strings.Split(chosen, ":")...)
	}
	var failed error
	for _, line := range lines {
		argv, err := secret.Split(line)
		if err != nil || len(argv) == 0 {
			failed = errors.Join(failed, err)
			continue
		}
		cmd := exec.Command(argv[0], withAddress(argv[1:], address)...)
		cmd.Env = a.childEnviron(a.profiled.Name())
		err = a.startChild(cmd.Start)
		if err == nil {
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			return ended, nil
		}
		if failed == nil {
			failed = err
		}
	}
	return nil, fmt.Errorf("BROWSER: %w", failed)
}

// withAddress puts the address where the words have %s: as a word, or as the value
// of an option. Within another word it would be for a program that reads a language,
// such as sh -c, and it is not written in one.
func withAddress(words []string, address string) []string {
	var out []string
	placed := false
	for _, word := range words {
		before, found := strings.CutSuffix(word, "%s")
		if found && (before == "" || strings.HasPrefix(before, "-") && strings.HasSuffix(before, "=")) {
			word, placed = before+address, true
		}
		out = append(out, word)
	}
	if !placed {
		out = append(out, address)
	}
	return out
}

// webAddress writes an address anew, if it is one of a page on the web: nothing else
// is handed to a program that may run what it is given.
func webAddress(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return "", errors.New("what was to be opened is not the address of a web page")
	}
	u.RawQuery = strings.Map(inQuery, u.RawQuery)
	return u.String(), nil
}

// inQuery drops what is no character of a URL's query: url.URL keeps it as it came.
func inQuery(r rune) rune {
	if r <= ' ' || r >= 0x7f || strings.ContainsRune("\"'`\\<>^{|}", r) {
		return -1
	}
	return r
}
