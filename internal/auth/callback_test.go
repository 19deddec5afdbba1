package auth_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/nettest"
)

const comeBack = "http://localhost:17170/callback"

func newCallback(t *testing.T) (*auth.Callback, auth.Pending) {
	t.Helper()
	p := auth.Pending{State: "our-state", Redirect: comeBack}
	c, err := auth.NewCallback(p)
	if err != nil {
		t.Fatal(err)
	}
	return c, p
}

// visit sends a request to the callback; change may be nil.
func visit(c *auth.Callback, target string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

func TestCallbackTakesTheAnswerOnly(t *testing.T) {
	t.Parallel()
	const good = comeBack + "?state=our-state&code=c0de-1"
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		target string
		change func(*http.Request)
		status int
		taken  bool
	}{
		"good":                {good, nil, 303, true},
		"navigation":          {good, header("Sec-Fetch-Mode", "navigate"), 303, true},
		"from another site":   {good, header("Sec-Fetch-Site", "cross-site"), 303, true}, // as every answer is
		"other case of host":  {strings.Replace(good, "localhost", "LOCALHOST", 1), nil, 303, true},
		"error":               {comeBack + "?state=our-state&error=access_denied", nil, 303, true},
		"another state":       {comeBack + "?state=our-stat&code=c0de-1", nil, 400, false},
		"error, other state":  {comeBack + "?state=x&error=access_denied", nil, 400, false},
		"no state":            {comeBack + "?code=c0de-1", nil, 400, false},
		"two states":          {good + "&state=x", nil, 400, false},
		"two codes":           {good + "&code=x", nil, 400, false},
		"nothing":             {comeBack, nil, 400, false},
		"another path":        {"http://localhost:17170/callback/?state=our-state&code=c0de-1", nil, 404, false},
		"favicon":             {"http://localhost:17170/favicon.ico", nil, 404, false},
		"another host":        {good, func(r *http.Request) { r.Host = "evil.example:17170" }, 421, false},
		"another port":        {good, func(r *http.Request) { r.Host = "localhost:17171" }, 421, false},
		"host of another URL": {good, func(r *http.Request) { r.Host = "127.0.0.1:17170" }, 421, false},
		"HEAD":                {good, func(r *http.Request) { r.Method = "HEAD" }, 405, false},
		"POST":                {good, func(r *http.Request) { r.Method = "POST" }, 405, false},
		"OPTIONS":             {good, func(r *http.Request) { r.Method = "OPTIONS" }, 405, false},
		"prefetch":            {good, header("Sec-Purpose", "prefetch"), 503, false},
		"prerender":           {good, header("Sec-Purpose", "prefetch;prerender"), 503, false},
		"old prefetch":        {good, header("Purpose", "prefetch"), 503, false},
		"fetch":               {good, header("Sec-Fetch-Mode", "cors"), 503, false},
		"image":               {good, header("Sec-Fetch-Mode", "no-cors"), 503, false},
		"page":                {good, header("Sec-Fetch-Dest", "document"), 303, true},
		"frame":               {good, header("Sec-Fetch-Dest", "iframe"), 503, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callback, _ := newCallback(t)
			w := visit(callback, c.target, c.change)
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			select {
			case <-callback.Answers():
				if !c.taken {
					t.Error("it was taken for the answer")
				}
			default:
				if c.taken {
					t.Error("it was not taken")
				}
			}
			for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": ""} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") {
				t.Errorf("policy %q", csp)
			}
			if c.taken && w.Header().Get("Location") != comeBack+"/done" {
				t.Errorf("it goes on to %q", w.Header().Get("Location"))
			}
			if strings.Contains(w.Body.String(), "c0de") || strings.Contains(w.Body.String(), "our-state") {
				t.Errorf("the page holds what came: %s", w.Body)
			}
		})
	}
}

// Whatever the path of the callback URL, the browser goes on to this machine and to
// the page that tells how it went: a browser reads // and /\ as the begin of a host.
func TestCallbackGoesOnHere(t *testing.T) {
	t.Parallel()
	for redirect, want := range map[string]string{
		"http://localhost:17170/":                     "http://localhost:17170/done",
		"http://localhost:17170/a":                    "http://localhost:17170/a/done",
		"http://localhost:17170//evil.example/a":      "http://localhost:17170//evil.example/a/done",
		"http://localhost:17170/%5Cevil.example/a":    "http://localhost:17170/%5Cevil.example/a/done",
		"http://localhost:17170/a%3Fb":                "http://localhost:17170/a%3Fb/done",
		"http://[::1]:17170/a?tenant=1":               "http://[::1]:17170/a/done",
		"http://127.0.0.1:17170/%2F%2Fevil.example/a": "http://127.0.0.1:17170///evil.example/a/done",
	} {
		callback, err := auth.NewCallback(auth.Pending{State: "our-state", Redirect: redirect})
		if err != nil {
			t.Fatal(err)
		}
		answer := redirect + "?state=our-state&code=c0de-1"
		if strings.Contains(redirect, "?") {
			answer = redirect + "&state=our-state&code=c0de-1"
		}
		w := visit(callback, answer, nil)
		to := w.Header().Get("Location")
		if w.Code != http.StatusSeeOther || to != want {
			t.Errorf("%s: %d, on to %q, want %q", redirect, w.Code, to, want)
			continue
		}
		callback.Settle(auth.SignedIn, nil)
		if w := visit(callback, to, nil); w.Code != http.StatusOK {
			t.Errorf("%s: %d", to, w.Code)
		}
	}
}

// A stray does not end the sign-in, the first answer counts, and the pages tell how
// it went, without a word of the provider's.
func TestCallbackPages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome auth.Outcome
		err     error
		want    string
	}{
		"well":    {auth.SignedIn, nil, "Signed in"},
		"refused": {auth.Refused, &auth.AuthorizationError{Code: "access_denied", Description: "<script>"}, "<code>access_denied</code>"},
		"hostile": {auth.Refused, &auth.AuthorizationError{Code: "<script>alert(1)</script>"}, "Not signed in"},
		"failed":  {auth.Failed, errors.New("no network"), "Something went wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callback, _ := newCallback(t)
			if w := visit(callback, comeBack+"/done", nil); w.Code != http.StatusBadRequest {
				t.Fatalf("the last page before the answer: %d", w.Code)
			}
			visit(callback, comeBack+"?state=guess&code=x", nil)
			visit(callback, comeBack+"?state=our-state&code=first", nil)
			visit(callback, comeBack+"?state=our-state&code=second", nil)
			if got := (<-callback.Answers()).Get("code"); got != "first" {
				t.Errorf("code %q", got)
			}
			select {
			case again := <-callback.Answers():
				t.Errorf("a second answer: %v", again)
			default:
			}
			shown := make(chan *httptest.ResponseRecorder)
			go func() { shown <- visit(callback, comeBack+"/done", nil) }()
			select {
			case <-callback.Shown():
				t.Error("shown before it is known")
			case <-time.After(20 * time.Millisecond):
			}
			callback.Settle(c.outcome, c.err)
			callback.Settle(auth.Failed, nil)
			page := <-shown
			<-callback.Shown()
			if !strings.Contains(page.Body.String(), c.want) || strings.Contains(page.Body.String(), "script>") || page.Code != http.StatusOK {
				t.Errorf("%d %s", page.Code, page.Body)
			}
		})
	}
	callback, _ := newCallback(t)
	select {
	case <-callback.Shown(): // nobody came
	case <-time.After(time.Minute):
		t.Error("it waits for a browser that never answered")
	}
}

func TestListenForCallback(t *testing.T) {
	t.Parallel()
	// Two neighbours: the first is taken, on one family only.
	for _, family := range []string{"tcp4", "tcp6"} {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			address := map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[family]
			taken, err := net.Listen(family, address)
			if err != nil {
				t.Skip(err)
			}
			defer taken.Close()
			port := func(l net.Listener) string { _, p, _ := net.SplitHostPort(l.Addr().String()); return p }
			first, second := "http://localhost:"+port(taken)+"/cb", fmt.Sprintf("http://localhost:%d/cb", freePort(t))
			l, got, err := auth.ListenForCallback(t.Context(), []string{"https://app.example.com/cb", "myapp://x", first, second})
			if err != nil || got != second {
				t.Fatalf("%q, %v; want %q", got, err, second)
			}
			l.Close()
			_, _, err = auth.ListenForCallback(t.Context(), []string{first})
			if err == nil || errors.Is(err, auth.ErrNoLoopback) || !strings.Contains(err.Error(), port(taken)) {
				t.Errorf("a taken port: %v", err)
			}
		})
	}
	for _, away := range []string{"https://localhost:17170/cb", "http://app.example.com/cb", "http://localhost.evil.example/cb", "http://0.0.0.0:17170/", "myapp:/x", "http://localhost:0/"} {
		if _, _, err := auth.ListenForCallback(t.Context(), []string{away}); !errors.Is(err, auth.ErrNoLoopback) || auth.Local(away) {
			t.Errorf("%s: %v", away, err)
		}
	}
}

// Two sign-ins at once, each by its own callback, while each is sent the other's
// answers as well.
func TestTwoSignInsAtOnce(t *testing.T) {
	t.Parallel()
	p := newFakeProvider(t)
	type signIn struct {
		callback *auth.Callback
		pending  auth.Pending
		server   *httptest.Server
	}
	var both [2]signIn
	for i := range both {
		flow := p.flow()
		l, redirect, err := auth.ListenForCallback(t.Context(), []string{fmt.Sprintf("http://127.0.0.1:%d/cb", freePort(t))})
		if err != nil {
			t.Fatal(err)
		}
		flow.Redirect = redirect
		_, pending, err := flow.Begin()
		if err != nil {
			t.Fatal(err)
		}
		callback, err := auth.NewCallback(pending)
		if err != nil {
			t.Fatal(err)
		}
		server := &httptest.Server{Listener: l, Config: &http.Server{Handler: callback}}
		server.Start()
		t.Cleanup(server.Close)
		both[i] = signIn{callback, pending, server}
	}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var sending sync.WaitGroup
	for i := range both {
		for j := range both {
			sending.Go(func() {
				answer, err := stay.Get(both[i].pending.Redirect + "?" + url.Values{"state": {both[j].pending.State}, "code": {fmt.Sprintf("code-%d", j)}}.Encode())
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			})
		}
	}
	sending.Wait()
	for i, s := range both {
		if got := (<-s.callback.Answers()).Get("code"); got != fmt.Sprintf("code-%d", i) {
			t.Errorf("sign-in %d got %s", i, got)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := nettest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
