package jwt

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// shelf keeps what processes share: documents and a lock.
type shelf struct {
	mu     sync.Mutex
	stored map[string]Stored
	stores int
	lock   chan struct{}
}

func newShelf() *shelf {
	return &shelf{stored: make(map[string]Stored), lock: make(chan struct{}, 1)}
}

func (d *shelf) load(url string) (Stored, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.stored[url]
	return s, ok
}

func (d *shelf) store(url string, s Stored) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stores++
	d.stored[url] = s
}

func (d *shelf) exclusive(ctx context.Context, _ string) (func(), error) {
	select {
	case d.lock <- struct{}{}:
		return func() { <-d.lock }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// process is the issuer's key set as one more process has it.
func (d *shelf) process(s *issuer) *RemoteKeys {
	return &RemoteKeys{URL: s.keys.URL, Client: s.Client(), Now: s.keys.Now, Load: d.load, Store: d.store, Lock: d.exclusive}
}

func (s *issuer) of(keys *RemoteKeys) *issuer { s.keys = keys; return s }

func TestSharedSingleFlight(t *testing.T) {
	t.Parallel()
	data := oneKey(t)
	s := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		serve(data)(w, r)
	})
	d := newShelf()
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			kid := []string{signerOne().KeyID, "unknown"}[i%2]
			_, err := d.process(s).Key(context.Background(), kid)
			var unknown *UnknownKeyError
			if i%2 == 0 && err != nil || i%2 == 1 && !errors.As(err, &unknown) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	group.Wait()
	// One fetch; a second one when the first was for the kid that is there.
	if got := s.fetches.Load(); got > 2 {
		t.Errorf("%d fetches for 50 processes", got)
	}
}

// TestSharedPause: the ten seconds after an unknown kid hold in every process.
func TestSharedPause(t *testing.T) {
	t.Parallel()
	s, d := newIssuer(t, serve(oneKey(t))), newShelf()
	one := signerOne().KeyID
	s.of(d.process(s)).want(t, one, "", 1)
	s.of(d.process(s)).want(t, "x", "again in 10s", 2)
	s.pass(4 * time.Second)
	s.of(d.process(s)).want(t, "y", "again in 6s", 2)
	s.of(d.process(s)).want(t, one, "", 2)
	// One that began before holds it as well.
	early := d.process(s)
	s.of(early).want(t, one, "", 2)
	s.pass(6 * time.Second)
	s.of(d.process(s)).want(t, "z", "again in 10s", 3)
	s.of(early).want(t, "z", "again in 10s", 3)
	// And so does the pause after a failure, which calls no kid unknown.
	s.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	s.pass(penalty)
	s.of(d.process(s)).want(t, "z", "it answered 500", 4)
	s.of(d.process(s)).want(t, "z", "newer keys could not be had: another process asked a moment ago", 4)
	s.of(early).want(t, "z", "another process asked a moment ago", 4)
	s.of(d.process(s)).want(t, one, "", 4)
	var unknown *UnknownKeyError
	if _, err := d.process(s).Key(context.Background(), "z"); errors.As(err, &unknown) {
		t.Error("a kid is called unknown although the issuer could not be asked")
	}
	// The issuer has rotated: another process finds out, this one learns of it.
	s.answer.Store(serve(jwks(t, signerTwo().Public())))
	s.pass(penalty)
	s.of(d.process(s)).want(t, signerTwo().KeyID, "", 5)
	s.of(early).want(t, signerTwo().KeyID, "", 5)
	// A pause from the future, after the clock was set back, holds nobody up.
	s.pass(penalty)
	s.of(d.process(s)).want(t, "q", "again in 10s", 6)
	s.pass(-time.Minute)
	s.of(d.process(s)).want(t, "q", "again in 10s", 7)
}

// TestSharedLock: a lock that cannot be had costs a fetch and nothing else; one
// that is held is waited for only so long.
func TestSharedLock(t *testing.T) {
	t.Parallel()
	s, d := newIssuer(t, serve(oneKey(t))), newShelf()
	keys := d.process(s)
	keys.Lock = func(context.Context, string) (func(), error) { return nil, errors.New("ENOLCK") }
	s.of(keys).want(t, signerOne().KeyID, "", 1)
	keys = d.process(s)
	var patience time.Duration
	keys.Lock = func(ctx context.Context, _ string) (func(), error) {
		deadline, ok := ctx.Deadline()
		if !ok {
			t.Error("the lock is waited for without end")
		}
		patience = time.Until(deadline)
		return nil, context.DeadlineExceeded
	}
	s.of(keys).want(t, "x", "again in 10s", 2)
	if patience > lockWait || patience < lockWait/2 {
		t.Errorf("waits %v", patience)
	}
	// The lock is given back, also after a failure.
	s.answer.Store(serve(nil))
	s.pass(penalty)
	s.of(d.process(s)).want(t, "x", "answered 200 with nothing", 3)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := d.exclusive(ctx, ""); err != nil {
		t.Error("the lock is still held")
	}
}

// TestSharedALBKeys: a forged key id costs one look-up, whoever makes it.
func TestSharedALBKeys(t *testing.T) {
	t.Parallel()
	s, first := balancerRegion(t)
	d := newShelf()
	process := func() *ALBKeys {
		return &ALBKeys{Endpoint: first.Endpoint, Client: s.Client(), Now: s.keys.Now, Load: d.load, Store: d.store, Lock: d.exclusive}
	}
	forged := strings.Repeat("0", 8) + testBalKid[8:]
	for range 3 {
		var unknown *UnknownKeyError
		if _, err := process().Key(context.Background(), forged); !errors.As(err, &unknown) {
			t.Errorf("%v", err)
		}
	}
	if got := s.fetches.Load(); got != 1 {
		t.Errorf("%d fetches", got)
	}
	s.pass(penalty)
	for range 3 {
		if _, err := process().Key(context.Background(), testBalKid); err != nil {
			t.Error(err)
		}
		_, _ = process().Key(context.Background(), forged)
	}
	if got := s.fetches.Load(); got != 3 {
		t.Errorf("%d fetches", got)
	}
}

func TestETag(t *testing.T) {
	t.Parallel()
	data := oneKey(t)
	var asked []string
	tag := `W/"v1"`
	s := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("If-None-Match"))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		serve(data)(w, r)
	})
	d := newShelf()
	one := signerOne().KeyID
	s.of(d.process(s)).want(t, one, "", 1)
	s.pass(2 * time.Hour)
	s.of(d.process(s)).want(t, one, "", 2)
	if got := d.stored[s.keys.URL]; got.ETag != tag || string(got.Data) != string(data) || !got.Fetched.Equal(testNow.Add(2*time.Hour)) {
		t.Errorf("stored %+v", got)
	}
	s.of(d.process(s)).want(t, one, "", 2) // confirmed is as good as fetched
	s.of(d.process(s)).want(t, "x", "again in 10s", 3)
	tag, data = `"v2"`, jwks(t, signerTwo().Public())
	s.pass(2 * time.Hour)
	s.of(d.process(s)).want(t, signerTwo().KeyID, "", 4)
	if got := strings.Join(asked, " "); got != ` W/"v1" W/"v1" W/"v1"` {
		t.Errorf("asked with %s", got)
	}
	// Who has nothing takes no 304 for an answer, and no copy means no ETag.
	s.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			t.Error("an ETag without a copy")
		}
		w.WriteHeader(http.StatusNotModified)
	}))
	s.of(newShelf().process(s)).want(t, one, "it answered 304 Not Modified", 5)
}

func TestUsableETag(t *testing.T) {
	t.Parallel()
	for tag, usable := range map[string]bool{
		`"a"`: true, `W/"a-b.c:1"`: true, `""`: true,
		"": false, `a`: false, `"`: false, `w/"a"`: false, `"a`: false, `"a"b"`: false, "\"a\tb\"": false, "\"é\"": false, "\"a\nb\"": false,
		`"` + strings.Repeat("x", 300) + `"`: false,
	} {
		h := http.Header{}
		h.Set("ETag", tag)
		if got := usableETag(h); (got == tag && tag != "") != usable {
			t.Errorf("%q gives %q", tag, got)
		}
	}
}

// TestLyingTime: what a server says about time changes nothing.
func TestLyingTime(t *testing.T) {
	t.Parallel()
	data := oneKey(t)
	for _, h := range []map[string]string{
		{"Date": "Mon, 01 Jan 1990 00:00:00 GMT", "Expires": "0", "Cache-Control": "no-store, max-age=0", "Pragma": "no-cache", "Age": "99999999", "Vary": "*"},
		{"Date": "Fri, 31 Dec 9999 23:59:59 GMT", "Expires": "Fri, 31 Dec 9999 23:59:59 GMT", "Cache-Control": "max-age=31536000, immutable, stale-if-error=31536000", "Last-Modified": "Fri, 31 Dec 9999 23:59:59 GMT"},
		{"Date": "gibberish", "Retry-After": "99999999"},
	} {
		s := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
			for name, value := range h {
				w.Header().Set(name, value)
			}
			serve(data)(w, r)
		})
		kid := signerOne().KeyID
		s.want(t, kid, "", 1)
		s.want(t, kid, "", 1)
		raw := sign(t, with(idClaims(), "exp", testNow.Add(-time.Second).Unix()))
		if got := outcome(Verify(context.Background(), raw, s.keys, idPolicy())); got != "exp:expired" {
			t.Errorf("%v: %s", h, got)
		}
		if r := Verify(context.Background(), sign(t, idClaims()), s.keys, idPolicy()); !r.OK() {
			t.Errorf("%v: %v", h, r.Err())
		}
		s.pass(defaultTTL)
		s.want(t, kid, "", 2)
	}
}
