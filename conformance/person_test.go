//go:build conformance

package conformance

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// webLogin is a `cogctl login --web` that printed its address and waits for a browser.
type webLogin struct {
	address  *url.URL
	callback string
	ended    <-chan result
}

// loginWeb starts `cogctl login --web` with a callback URL and reads the address that
// it prints. Without an address it must have ended, with the result.
func (c cogctl) loginWeb(t *testing.T, callback string, args ...string) (*webLogin, *result) {
	t.Helper()
	args = append([]string{"login", "--web", "--no-browser", "--timeout", "30s", "--callback-url", callback}, args...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Env = c.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout = &stdout
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addresses, ended := make(chan string, 1), make(chan result, 1)
	go func() {
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			stderr.WriteString(lines.Text() + "\n")
			if at := strings.TrimSpace(lines.Text()); strings.Contains(at, "code_challenge=") {
				addresses <- at
			}
		}
		err := cmd.Wait()
		r := result{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
		if err != nil && !errors.As(err, new(*exec.ExitError)) {
			r.stderr += err.Error()
		}
		ended <- r
	}()
	select {
	case at := <-addresses:
		address, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		return &webLogin{address: address, callback: callback, ended: ended}, nil
	case r := <-ended:
		return nil, &r
	}
}

// waitFor is loginWeb that must come to an address.
func (c cogctl) waitFor(t *testing.T, callback string, args ...string) *webLogin {
	t.Helper()
	l, r := c.loginWeb(t, callback, args...)
	if r != nil {
		t.Fatalf("cogctl login --web printed no address: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	return l
}

// ends is how the program ended. It never has anything to say on standard output.
func (l *webLogin) ends(t *testing.T, code int, says string) {
	t.Helper()
	r := <-l.ended
	if r.code != code || r.stdout != "" || !strings.Contains(r.stderr, says) {
		t.Fatalf("cogctl login --web: exit %d, want %d and %q\nstdout: %s\nstderr: %s", r.code, code, says, r.stdout, r.stderr)
	}
}

// waiting fails where the program ended already.
func (l *webLogin) waiting(t *testing.T) {
	t.Helper()
	select {
	case r := <-l.ended:
		t.Fatalf("cogctl login --web ended: exit %d\n%s", r.code, r.stderr)
	case <-time.After(200 * time.Millisecond):
	}
}

// person is somebody at a browser of their own, which keeps cookies and follows
// redirects, but for the one that leads back to the application.
type person struct {
	typed  map[string]string // what they type, by the name of the field
	cancel bool              // they follow the link "cancel" instead
	// fillsIn is told of each form, by its hidden fields, before it is sent.
	fillsIn func(page string)
}

// at follows the pages from address until the browser is sent back to callback.
// It returns that URL, unvisited.
func (p person) at(t *testing.T, address *url.URL, callback string) *url.URL {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if before, _, _ := strings.Cut(r.URL.String(), "?"); before == callback {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Get(address.String())
	for range 5 {
		if err != nil {
			t.Fatal(err)
		}
		page := readPage(t, res)
		if back, err := res.Location(); err == nil {
			return back
		}
		if p.fillsIn != nil {
			p.fillsIn(page)
		}
		res, err = p.sends(t, browser, res.Request.URL, page)
	}
	t.Fatalf("five pages, and none leads back to %s; the last was %s", callback, res.Request.URL)
	return nil
}

// sends fills in the form of a page, or goes to where its link "cancel" leads.
func (p person) sends(t *testing.T, browser *http.Client, at *url.URL, page string) (*http.Response, error) {
	t.Helper()
	if p.cancel {
		link := regexp.MustCompile(`(?i)<a href="([^"]*)"[^>]*>[^<]*cancel`).FindStringSubmatch(page)
		if link == nil {
			t.Fatalf("no way to cancel at %s:\n%s", at, page)
		}
		to, err := at.Parse(html.UnescapeString(link[1]))
		if err != nil {
			t.Fatal(err)
		}
		return browser.Get(to.String())
	}
	action := regexp.MustCompile(`<form[^>]* action="([^"]*)"`).FindStringSubmatch(page)
	if action == nil {
		t.Fatalf("no form at %s:\n%s", at, page)
	}
	to, err := at.Parse(html.UnescapeString(action[1]))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	name, value := regexp.MustCompile(` name="([^"]*)"`), regexp.MustCompile(` value="([^"]*)"`)
	for _, input := range regexp.MustCompile(`<input [^>]*>`).FindAllString(page, -1) {
		if n := name.FindStringSubmatch(input); n != nil {
			if v := value.FindStringSubmatch(input); v != nil {
				form.Set(n[1], html.UnescapeString(v[1]))
			}
			if typed, found := p.typed[n[1]]; found {
				form.Set(n[1], typed)
			}
		}
	}
	return browser.PostForm(to.String(), form)
}

func readPage(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// visit goes to the callback URL, as the browser does, and must see the status and,
// on the page, the words.
func visit(t *testing.T, back *url.URL, status int, words string) {
	t.Helper()
	res, err := http.Get(back.String())
	if err != nil {
		t.Fatal(err)
	}
	if page := readPage(t, res); res.StatusCode != status || !strings.Contains(page, words) {
		t.Errorf("the callback page: %s, want %d and %q:\n%s", res.Status, status, words, page)
	}
}

// with is the same URL with a parameter of another value, or without it where that
// is empty.
func with(u *url.URL, name, value string) *url.URL {
	changed, query := *u, u.Query()
	if query.Set(name, value); value == "" {
		query.Del(name)
	}
	changed.RawQuery = query.Encode()
	return &changed
}
