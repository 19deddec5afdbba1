package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cogctl/cogctl/internal/nettest"
	"github.com/cogctl/cogctl/internal/sandbox"
)

// scriptCallback registers a callback URL of its own for the script's sandbox, on a
// port that is free, and nothing else; CALLBACK is that URL, COGCTL_DOMAIN the domain.
func scriptCallback(ts *testscript.TestScript, neg bool, args []string) {
	port, err := nettest.FreePort()
	ts.Check(err)
	address := fmt.Sprintf("http://localhost:%d/callback", port)
	settings, err := json.Marshal(map[string]any{"callback_urls": append(args, address)})
	ts.Check(err)
	for _, client := range []string{sandbox.PublicClientID, sandbox.SecretClientID} {
		scriptControl(ts, neg, []string{"POST", "/clients/" + client, string(settings)})
	}
	ts.Setenv("CALLBACK", address)
	ts.Setenv("COGCTL_DOMAIN", box(ts).Endpoints().Cloud)
}

// scriptLater waits for a file that a program writes which cogctl does not wait for.
func scriptLater(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: later FILE REGEXP")
	}
	wanted, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	var text []byte
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		if text, _ = os.ReadFile(ts.MkAbs(args[0])); wanted.Match(text) {
			return
		}
	}
	ts.Fatalf("%s never had %q in it:\n%s", args[0], args[1], text)
}

// fakeBrowser is a program that BROWSER may name: fakebrowser DEED USER ADDRESS. It
// fills in the forms as a person does, and leaves what it saw last in the file
// that PAGE names. The deeds are those of the switch.
func fakeBrowser() {
	open := os.Getenv("PAGE") + openPage
	_ = os.WriteFile(open, nil, 0o600)
	err := browse(os.Args[1:])
	if err != nil {
		fmt.Println("fakebrowser prints this on standard output")
		fmt.Fprintln(os.Stderr, "fakebrowser:", err)
		_ = os.WriteFile(os.Getenv("PAGE"), []byte(err.Error()), 0o600)
	}
	_ = os.Remove(open)
	if err != nil {
		os.Exit(3)
	}
}

// openPage ends the name of a file that is there as long as a fakebrowser runs.
const openPage = ".open"

// awaitPage waits until the fakebrowser that a command started, if any, has written
// PAGE. It does so after it has read the last answer of the command, which may have
// ended before.
func awaitPage(ts *testscript.TestScript) {
	page := ts.Getenv("PAGE")
	if page == "" {
		return
	}
	for range 1200 {
		if _, err := os.Stat(page + openPage); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("the fakebrowser has not ended within a minute")
}

func browse(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("want DEED USER ADDRESS, got %q", args)
	}
	deed, user, address := args[0], args[1], args[2]
	for _, entry := range os.Environ() {
		if strings.Contains(entry, sandbox.DefaultPassword) && !strings.HasPrefix(entry, "TYPED=") {
			return fmt.Errorf("its environment holds the password: %s", entry)
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	back, state := u.Query().Get("redirect_uri"), u.Query().Get("state")
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	switch deed {
	case "never":
		return nil
	case "fail":
		return fmt.Errorf("no browser here")
	case "deny":
		return see(client.Get(back + "?" + url.Values{"state": {state}, "error": {"access_denied"}, "error_description": {"No <b>way</b>\x1b[31m."}}.Encode()))
	case "visit":
		return see(client.Get(kept()))
	case "replay":
		answer, err := client.Get(kept())
		if err != nil || answer.StatusCode != http.StatusBadRequest {
			return fmt.Errorf("the answer to an earlier sign-in: %v, %v", answer, err)
		}
		answer.Body.Close()
	case "meet":
		if err := meet(user); err != nil {
			return err
		}
	case "strays":
		if err := strays(client, back, state); err != nil {
			return err
		}
	}
	answer, err := client.Get(address)
	if err != nil {
		return err
	}
	landing, err := fillIn(client, answer, user, os.Getenv("TYPED"))
	if err != nil {
		return err
	}
	if deed == "keep" {
		return os.WriteFile(os.Getenv("KEPT"), []byte(landing), 0o600)
	}
	if deed == "twice" {
		again, err := client.Get(landing)
		if err != nil || again.StatusCode != http.StatusOK {
			return fmt.Errorf("the second time: %v, %v", again, err)
		}
		return see(again, nil)
	}
	return see(client.Get(landing))
}

// kept is the address that the deed "keep" left in the file that KEPT names.
func kept() string {
	address, err := os.ReadFile(os.Getenv("KEPT"))
	if err != nil {
		return err.Error()
	}
	return string(address)
}

// meet waits until a second browser is here, too: in the folder that MEET names.
func meet(user string) error {
	folder := os.Getenv("MEET")
	if err := os.WriteFile(filepath.Join(folder, user), nil, 0o600); err != nil {
		return err
	}
	for range 1200 {
		if here, err := os.ReadDir(folder); err != nil || len(here) == 2 {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("nobody else came")
}

// strays sends what must not end the sign-in.
func strays(client *http.Client, back, state string) error {
	for _, stray := range []struct {
		method, query string
		header        [2]string
		status        int
	}{
		{"GET", "?code=x&state=" + strings.Repeat("A", 43), [2]string{}, http.StatusBadRequest},
		{"GET", "?code=x", [2]string{}, http.StatusBadRequest},
		{"GET", "?error=access_denied", [2]string{}, http.StatusBadRequest},
		{"GET", "?code=x&state=" + state, [2]string{"Sec-Purpose", "prefetch;prerender"}, http.StatusServiceUnavailable},
		{"GET", "?code=x&state=" + state, [2]string{"Sec-Fetch-Mode", "no-cors"}, http.StatusServiceUnavailable},
		{"HEAD", "?code=x&state=" + state, [2]string{}, http.StatusMethodNotAllowed},
		{"POST", "?code=x&state=" + state, [2]string{}, http.StatusMethodNotAllowed},
		{"GET", "/other?code=x&state=" + state, [2]string{}, http.StatusNotFound},
		{"GET", "/done", [2]string{}, http.StatusBadRequest},
		{"GET", "?code=x&state=" + state, [2]string{"Host", "rebound.example:80"}, http.StatusMisdirectedRequest},
	} {
		r, err := http.NewRequest(stray.method, back+stray.query, nil)
		if err != nil {
			return err
		}
		if name := stray.header[0]; name == "Host" {
			r.Host = stray.header[1]
		} else if name != "" {
			r.Header.Set(name, stray.header[1])
		}
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != stray.status {
			return fmt.Errorf("%s %s %v: %d, want %d", stray.method, stray.query, stray.header, answer.StatusCode, stray.status)
		}
	}
	return nil
}

// fillIn answers the sign-in page and returns where it leads to.
func fillIn(client *http.Client, answer *http.Response, user, password string) (string, error) {
	page, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return "", err
	}
	action := regexp.MustCompile(`<form[^>]* action="([^"]*)"`).FindSubmatch(page)
	if action == nil {
		return "", fmt.Errorf("no form in what %s shows: %s", answer.Request.URL.Path, page)
	}
	form := url.Values{"username": {user}, "password": {password}}
	for _, hidden := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`).FindAllSubmatch(page, -1) {
		form.Set(string(hidden[1]), html.UnescapeString(string(hidden[2])))
	}
	to, err := answer.Request.URL.Parse(html.UnescapeString(string(action[1])))
	if err != nil {
		return "", err
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { client.CheckRedirect = nil }()
	entered, err := client.PostForm(to.String(), form)
	if err != nil {
		return "", err
	}
	defer entered.Body.Close()
	landing, err := entered.Location()
	if err != nil {
		text, _ := io.ReadAll(entered.Body)
		return "", fmt.Errorf("%s: %d %s", to.Path, entered.StatusCode, text)
	}
	return landing.String(), nil
}

// see leaves what the browser shows, and from where, for the script to look at.
func see(answer *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	shown := fmt.Sprintf("%d %s\n%s\n%s\n%s", answer.StatusCode, answer.Request.URL, answer.Header.Get("Content-Security-Policy"), answer.Header.Get("Cache-Control"), text)
	return os.WriteFile(os.Getenv("PAGE"), []byte(shown), 0o600)
}

// pasted is what a person copies from a browser that went to the address on the
// screen: "address USER" signs in and yields where the browser ended, "code USER" the
// code in it, "error CODE" where an error ends.
func pasted(shown, what string) string {
	verb, subject, _ := strings.Cut(what, " ")
	_, after, _ := strings.Cut(shown, "Sign in at this address:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return "no address on the screen"
	}
	start, err := url.Parse(fields[0])
	if err != nil {
		return err.Error()
	}
	if verb == "error" {
		return start.Query().Get("redirect_uri") + "?error=" + subject + "&state=" + start.Query().Get("state")
	}
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	page, err := client.Get(start.String())
	if err != nil {
		return err.Error()
	}
	landing, err := fillIn(client, page, subject, sandbox.DefaultPassword)
	if err != nil {
		return err.Error()
	}
	if end, err := url.Parse(landing); err == nil && verb == "code" {
		return end.Query().Get("code")
	}
	return landing
}
