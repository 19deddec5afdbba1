package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/cogctl/cogctl/internal/loopback"
)

// Callback is where the browser comes back to on this machine: the handler of one
// sign-in's redirect URL.
//
// Anybody on this machine, and any page in its browsers, can send requests to it.
// So it takes one path, GET only, under the name that the URL has, and of these only
// what answers the sign-in. Everything else is told nothing and changes nothing: a
// guess must not be able to end the sign-in. The first answer counts. The browser is
// sent on at once to a path without parameters, so that no code stays in its address
// bar or its history, and waits there until Settle says how it went.
type Callback struct {
	url     *url.URL
	pending Pending
	host    loopback.Guard

	answers chan url.Values
	take    sync.Once
	taken   chan struct{}
	settled chan struct{}
	settle  sync.Once
	outcome Outcome
	code    string // of the provider's error, for the page
	shown   chan struct{}
	show    sync.Once
}

// Outcome is how a sign-in went, as far as the page that closes it tells.
type Outcome int

// The pages of a Callback.
const (
	Failed   Outcome = iota // something went wrong here or on the way
	Refused                 // the provider said no, or the wrong account came
	SignedIn                // all is well
)

// NewCallback makes the handler for p.Redirect, which ListenForCallback returned.
func NewCallback(p Pending) (*Callback, error) {
	at, _, err := listenable(p.Redirect)
	if err != nil {
		return nil, err
	}
	return &Callback{
		url: at, pending: p, host: loopback.Guard{Hosts: []string{net.JoinHostPort(at.Hostname(), at.Port())}},
		answers: make(chan url.Values, 1), taken: make(chan struct{}), settled: make(chan struct{}), shown: make(chan struct{}),
	}, nil
}

// ListenForCallback listens for the first of the redirect URLs whose port is free,
// and returns that URL. URLs that this machine cannot answer are passed over. When
// there is none that it can, the error is ErrNoLoopback; when all are taken, that of
// the system, for each.
func ListenForCallback(ctx context.Context, redirects []string) (loopback.Listener, string, error) {
	var taken []error
	for _, redirect := range redirects {
		at, port, err := listenable(redirect)
		if err != nil {
			continue
		}
		l, err := loopback.Listen(ctx, at.Hostname(), port)
		if err == nil {
			return l, redirect, nil
		}
		taken = append(taken, err)
	}
	if len(taken) == 0 {
		return nil, "", ErrNoLoopback
	}
	return nil, "", errors.Join(taken...)
}

// ErrNoLoopback says that no redirect URL leads to this machine over plain http.
var ErrNoLoopback = errors.New("no callback URL leads to this machine: one looks like http://localhost:17170/callback")

// Local tells redirect URLs that lead to this machine and can be answered here.
func Local(redirect string) bool {
	_, _, err := listenable(redirect)
	return err == nil
}

// listenable takes a redirect URL that this machine can answer apart. Its port, 80
// where it has none, is written out.
func listenable(redirect string) (*url.URL, int, error) {
	at, err := url.Parse(redirect)
	if err != nil || at.Scheme != "http" || at.User != nil || !loopback.IsLoopback(at.Hostname()) {
		return nil, 0, ErrNoLoopback
	}
	text := at.Port()
	if text == "" {
		text = "80"
	}
	port, err := net.LookupPort("tcp", text)
	if err != nil || port == 0 {
		return nil, 0, fmt.Errorf("the callback URL %s has no good port", redirect)
	}
	at.Host = net.JoinHostPort(at.Hostname(), text)
	if at.Path == "" {
		at.Path = "/"
	}
	return at, port, nil
}

// Answers yields the parameters of the first answer, once.
func (c *Callback) Answers() <-chan url.Values { return c.answers }

// Settle lets the browser know how the sign-in went, the first time it is called.
// Of an *AuthorizationError the page shows the code, if it is a plain word.
func (c *Callback) Settle(o Outcome, err error) {
	c.settle.Do(func() {
		c.outcome = o
		var no *AuthorizationError
		if errors.As(err, &no) && plainWord(no.Code) {
			c.code = no.Code
		}
		close(c.settled)
	})
}

// Shown is closed when the browser that answered has been told the outcome. Where
// none did there is nobody to tell, and nothing to wait for.
func (c *Callback) Shown() <-chan struct{} {
	if !c.answered() {
		c.show.Do(func() { close(c.shown) })
	}
	return c.shown
}

func (c *Callback) answered() bool {
	select {
	case <-c.taken:
		return true
	default:
		return false
	}
}

// done is the path, below that of the callback, where the browser ends.
func (c *Callback) done() string { return strings.TrimRight(c.url.Path, "/") + "/done" }

func (c *Callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pageHeaders(w.Header())
	switch {
	case !c.host.AllowsHost(r):
		http.Error(w, "this server does not answer to that Host", http.StatusMisdirectedRequest)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
	case r.URL.Path == c.done():
		c.serveOutcome(w, r)
	case r.URL.Path != c.url.Path:
		http.NotFound(w, r)
	case ahead(r):
		// A page that is fetched before anybody wants it would use the answer up unseen.
		http.Error(w, "not before it is wanted", http.StatusServiceUnavailable)
	case !c.pending.Answered(r.URL.Query()):
		writePage(w, http.StatusBadRequest, strayPage)
	default:
		c.take.Do(func() {
			c.answers <- r.URL.Query()
			close(c.taken)
		})
		// As a whole address: a browser reads // or /\ at the begin of a path as a host.
		to := url.URL{Scheme: c.url.Scheme, Host: c.url.Host, Path: c.done()}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
	}
}

// ahead tells requests that no person made by going somewhere: what browsers and
// link scanners fetch in advance, and what scripts and frames of other pages fetch.
// Sec-Fetch-Mode is "navigate" for every page that a person goes to, and
// Sec-Fetch-Dest "document", not "iframe" (Fetch Metadata, sections 2.1 and 2.2);
// clients that are no browsers do not send them.
func ahead(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if value := strings.ToLower(r.Header.Get(name)); strings.Contains(value, "prefetch") || strings.Contains(value, "prerender") || strings.Contains(value, "preview") {
			return true
		}
	}
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return mode != "" && mode != "navigate" || dest != "" && dest != "document"
}

// serveOutcome is the page at the end. It waits for the outcome.
func (c *Callback) serveOutcome(w http.ResponseWriter, r *http.Request) {
	if !c.answered() {
		writePage(w, http.StatusBadRequest, strayPage)
		return
	}
	select {
	case <-c.settled:
	case <-r.Context().Done():
		return
	}
	page := outcomePages[c.outcome]
	page.code = c.code
	writePage(w, http.StatusOK, page)
	c.show.Do(func() { close(c.shown) })
}

// plainWord tells the error codes that are shown on a page: of lower-case letters
// and "_", as those that standards define.
func plainWord(code string) bool {
	return code != "" && len(code) <= 40 && strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") == ""
}
