package jwt

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// issuer is a server of keys whose answer, clock and reach a test can change.
type issuer struct {
	*httptest.Server
	keys    *RemoteKeys
	answer  atomic.Value // http.HandlerFunc
	fetches atomic.Int32
	stored  atomic.Int32
	now     atomic.Value // time.Time
}

func newIssuer(t *testing.T, answer http.HandlerFunc) *issuer {
	t.Helper()
	s := &issuer{}
	s.answer.Store(answer)
	s.now.Store(testNow)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetches.Add(1)
		s.answer.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(s.Close)
	s.keys = &RemoteKeys{
		URL:    s.URL + "/.well-known/jwks.json",
		Client: s.Client(),
		Now:    func() time.Time { return s.now.Load().(time.Time) },
		Store:  func(string, Stored) { s.stored.Add(1) },
	}
	return s
}

func serve(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }
}

func (s *issuer) pass(d time.Duration) { s.now.Store(s.now.Load().(time.Time).Add(d)) }

// want asks for kid, checks the error ("" for none) and the fetches so far.
func (s *issuer) want(t *testing.T, kid, errText string, fetches int32) {
	t.Helper()
	key, err := s.keys.Key(context.Background(), kid)
	switch {
	case errText == "" && (err != nil || key.ID != kid):
		t.Errorf("kid %q gives %q, %v", kid, key.ID, err)
	case errText != "" && (err == nil || !strings.Contains(err.Error(), errText)):
		t.Errorf("kid %q gives %v, want %q", kid, err, errText)
	}
	if got := s.fetches.Load(); got != fetches {
		t.Errorf("after kid %q: %d fetches, want %d", kid, got, fetches)
	}
}

func oneKey(t *testing.T) []byte { return jwks(t, signerOne().Public()) }

func TestRemoteKeysSingleFlight(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	data := oneKey(t)
	s := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		serve(data)(w, r)
	})
	kids := []string{signerOne().KeyID, "unknown"}
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			_, err := s.keys.Key(context.Background(), kids[i%2])
			var unknown *UnknownKeyError
			if i%2 == 0 && err != nil || i%2 == 1 && !errors.As(err, &unknown) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	waiting := func() int {
		s.keys.mu.Lock()
		defer s.keys.mu.Unlock()
		if s.keys.flight == nil {
			return 0
		}
		return len(s.keys.flight.wanted)
	}
	for end := time.Now().Add(time.Minute); waiting() < 50 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	close(release)
	group.Wait()
	if got := s.fetches.Load(); got != 1 {
		t.Errorf("%d fetches for 50 callers", got)
	}
	if got := s.stored.Load(); got != 1 {
		t.Errorf("stored %d times", got)
	}
}

func TestRemoteKeysUnknownKid(t *testing.T) {
	t.Parallel()
	s := newIssuer(t, serve(oneKey(t)))
	one, two := signerOne().KeyID, signerTwo().KeyID
	s.want(t, one, "", 1)
	s.want(t, one, "", 1)
	s.want(t, two, `kid "second" is not the one key of `+s.keys.URL+` (first/key+one=); fetched a moment ago, again in 10s`, 2)
	s.want(t, two, "again in 10s", 2)
	s.want(t, one, "", 2)
	s.pass(9*time.Second + 500*time.Millisecond)
	s.want(t, "third", "again in 1s", 2)
	// The issuer rotates; after the pause the new key is found with one fetch.
	s.answer.Store(serve(jwks(t, signerTwo().Public())))
	s.pass(time.Second)
	s.want(t, two, "", 3)
	s.want(t, one, `kid "first/key+one=" is not the one key`, 4)
	// A first fetch that does not have the kid is not repeated either.
	s = newIssuer(t, serve(oneKey(t)))
	s.want(t, two, "again in 10s", 1)
	s.want(t, two, "again in 10s", 1)
}

func TestRemoteKeysTTL(t *testing.T) {
	t.Parallel()
	s := newIssuer(t, serve(oneKey(t)))
	kid := signerOne().KeyID
	s.keys.TTL = 10 * time.Minute
	s.want(t, kid, "", 1)
	s.pass(10*time.Minute - time.Second)
	s.want(t, kid, "", 1)
	s.pass(time.Second)
	s.want(t, kid, "", 2)
	s.pass(-time.Hour) // a clock set back does not make old keys new
	s.want(t, kid, "", 3)
}

func TestRemoteKeysStale(t *testing.T) {
	t.Parallel()
	s := newIssuer(t, serve(oneKey(t)))
	kid := signerOne().KeyID
	s.want(t, kid, "", 1)
	s.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	s.pass(time.Hour + 23*time.Hour)
	s.want(t, kid, "", 2)
	s.want(t, kid, "", 2) // not asked at every call
	s.want(t, "other", `, and newer keys could not be had: fetching keys from `+s.keys.URL+`: it answered 502 Bad Gateway`, 2)
	var unknown *UnknownKeyError
	if _, err := s.keys.Key(context.Background(), "other"); errors.As(err, &unknown) {
		t.Error("a key is called unknown although the issuer could not be asked")
	}
	s.pass(10 * time.Second)
	s.want(t, kid, "", 3)
	s.Close()
	s.pass(time.Hour - 11*time.Second)
	s.want(t, kid, "", 3) // the network is down, still within the 24 hours
	s.pass(2 * time.Second)
	s.want(t, kid, "connection refused", 3)
	if _, err := s.keys.Key(context.Background(), kid); strings.Count(err.Error(), s.keys.URL) != 1 {
		t.Errorf("the error does not name the URL once: %v", err)
	}
}

func TestRemoteKeysDisk(t *testing.T) {
	t.Parallel()
	data, kid := oneKey(t), signerOne().KeyID
	for _, tt := range []struct {
		name    string
		stored  []byte
		age     time.Duration
		down    bool
		errText string
		fetches int32
	}{
		{"fresh", data, 59 * time.Minute, false, "", 0},
		{"fresh, network down", data, 59 * time.Minute, true, "", 0},
		{"stale", data, time.Hour, false, "", 1},
		{"stale, network down", data, 24*time.Hour + 59*time.Minute, true, "", 1},
		{"too old", data, 25 * time.Hour, false, "", 1},
		{"too old, network down", data, 25 * time.Hour, true, "it answered 503", 1},
		{"from the future", data, -time.Hour, false, "", 1},
		{"from the future, network down", data, -time.Hour, true, "it answered 503", 1},
		{"corrupted", data[:40], time.Minute, false, "", 1},
		{"without the key", jwks(t, signerTwo().Public()), time.Minute, false, "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newIssuer(t, serve(data))
			if tt.down {
				s.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }))
			}
			loads := 0
			s.keys.Load = func(url string) (Stored, bool) {
				loads++
				if url != s.keys.URL {
					t.Errorf("asked for the copy of %s", url)
				}
				return Stored{Data: tt.stored, Fetched: testNow.Add(-tt.age)}, true
			}
			s.want(t, kid, tt.errText, tt.fetches)
			if tt.errText == "" {
				s.want(t, kid, "", tt.fetches)
			}
			if loads != 1+int(tt.fetches) { // and once more before each fetch
				t.Errorf("loaded %d times", loads)
			}
			if want := tt.fetches; !tt.down && s.stored.Load() != want {
				t.Errorf("stored %d times, want %d", s.stored.Load(), want)
			}
		})
	}
}

func TestRemoteKeysAnswers(t *testing.T) {
	t.Parallel()
	good := oneKey(t)
	kid := signerOne().KeyID
	foreign := httptest.NewServer(serve(good))
	t.Cleanup(foreign.Close)
	hop := func(n int) http.HandlerFunc { // n redirects on the same origin, then the keys
		return func(w http.ResponseWriter, r *http.Request) {
			if done := strings.Count(r.URL.Path, "/hop"); done < n {
				http.Redirect(w, r, r.URL.Path+"/hop", http.StatusFound)
				return
			}
			serve(good)(w, r)
		}
	}
	for _, tt := range []struct {
		name    string
		answer  http.HandlerFunc
		errText string
	}{
		{"good", serve(good), ""},
		{"HTML", serve([]byte("<!doctype html><title>Sign in to the Wi-Fi</title>")), "answered 200 with HTML, not a JWK set"},
		{"empty", serve(nil), "answered 200 with nothing, not a JWK set"},
		{"no keys", serve([]byte(`{"message":"x"}`)), `answered 200 with JSON without "keys", not a JWK set`},
		{"500", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, string(good), 500) }, "it answered 500 Internal Server Error"},
		{"404", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, string(good), 404) }, "it answered 404 Not Found"},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "it answered 204 No Content"},
		{"10 MB", serve(append(good[:len(good):len(good)], strings.Repeat(" ", 10<<20)...)), "reading the answer: more than 1048576 bytes"},
		{"nearly 1 MiB", serve(append(good[:len(good):len(good)], strings.Repeat(" ", maxKeys-len(good))...)), ""},
		{"cut short", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			_, _ = w.Write(good)
		}, "reading the answer: unexpected EOF"},
		{"one redirect", hop(1), ""},
		{"two redirects", hop(2), ""},
		{"three redirects", hop(3), "it redirects more than 2 times"},
		{"redirect to another origin", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, foreign.URL+"/secret?a=b", http.StatusFound)
		}, `it redirects to another origin, "` + foreign.URL + `": not followed`},
		{"redirect to https", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+"/", http.StatusFound)
		}, "it redirects to another origin"},
		{"only a weak key", serve([]byte(`{"keys":[{"kty":"RSA","kid":"` + kid + `","n":"` + b64(strings.Repeat("\xff", 64)) + `","e":"AQAB"}]}`)), "holds no usable key; not usable: key \"first/key+one=\": RSA of 512 bits"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newIssuer(t, tt.answer)
			_, err := s.keys.Key(context.Background(), kid)
			switch {
			case tt.errText == "" && err != nil:
				t.Error(err)
			case tt.errText != "" && (err == nil || !strings.Contains(err.Error(), tt.errText)):
				t.Errorf("error is %v, want %s", err, tt.errText)
			case err != nil && strings.Count(err.Error(), s.keys.URL) != 1:
				t.Errorf("the error does not name the URL once: %v", err)
			}
			if usable := tt.errText == "" || strings.Contains(tt.errText, "weak") || strings.Contains(tt.errText, "no usable"); usable != (s.stored.Load() == 1) {
				t.Errorf("stored %d times", s.stored.Load())
			}
		})
	}
}

func TestRemoteKeysAddress(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                                "want https://",
		"file:///etc/passwd":              "want https://",
		"ftp://127.0.0.1/":                "want https://",
		"http://keys.example.com/jwks":    "plain http beyond this machine",
		"http://127.0.0.1.example.com/":   "plain http beyond this machine",
		"http://user:hunter22@localhost/": "holds a user name",
		"https://user:hunter22@a.example": "holds a user name",
		"https://user:hunter22@a b/":      "is not a URL",
	} {
		loaded, locked, asked := false, false, false
		k := &RemoteKeys{
			URL: url, Now: func() time.Time { return testNow },
			Client: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
				asked = true
				return nil, errors.New("asked")
			})},
			Load: func(string) (Stored, bool) { loaded = true; return Stored{Data: oneKey(t), Fetched: testNow}, true },
			Lock: func(context.Context, string) (func(), error) { locked = true; return func() {}, nil },
		}
		_, err := k.Key(context.Background(), signerOne().KeyID)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
		if asked || loaded || locked {
			t.Errorf("%s: used all the same", url)
		}
	}
	if _, err := (&RemoteKeys{URL: "https://a.example"}).Key(context.Background(), "x"); err == nil {
		t.Error("no client, no error")
	}
	for _, good := range []string{"https://a.example/x", "http://localhost:1/", "http://[::1]:1/", "http://pool.localhost/"} {
		if _, err := keysURL(good); err != nil {
			t.Errorf("positive control: %v", err)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

// TestRemoteKeysEndless: reading stops at the limit, not only the parsing.
func TestRemoteKeysEndless(t *testing.T) {
	t.Parallel()
	body := &endless{}
	k := &RemoteKeys{
		URL: "https://a.example/jwks.json", Now: func() time.Time { return testNow },
		Client: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(io.LimitReader(body, 20<<20)), Request: r}, nil
		})},
	}
	if _, err := k.Key(context.Background(), "x"); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("error is %v", err)
	}
	if body.read > maxKeys+1<<20 {
		t.Errorf("read %d bytes", body.read)
	}
}

// TestRemoteKeysGiveUp: a caller may leave; the fetch goes on for the others.
func TestRemoteKeysGiveUp(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	data := oneKey(t)
	s := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		serve(data)(w, r)
	})
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error)
	go func() {
		_, err := s.keys.Key(ctx, signerOne().KeyID)
		left <- err
	}()
	<-entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), s.keys.URL) {
		t.Errorf("error is %v", err)
	}
	close(release)
	s.want(t, signerOne().KeyID, "", 1)
}

// TestRemoteKeysVerify: keys out of reach are told from unknown ones.
func TestRemoteKeysVerify(t *testing.T) {
	t.Parallel()
	s := newIssuer(t, serve([]byte("<html>")))
	raw := sign(t, idClaims())
	r := Verify(context.Background(), raw, s.keys, idPolicy())
	if got := outcome(r); got != "kid:keys_unavailable signature:unjudged" {
		t.Errorf("outcome is %s", got)
	}
	if got := check(t, r, CheckKeyID).Detail; got != s.keys.URL+" answered 200 with HTML, not a JWK set" {
		t.Errorf("detail is %s", got)
	}
	s.answer.Store(serve(oneKey(t)))
	s.pass(penalty - time.Second)
	s.want(t, signerOne().KeyID, "with HTML, not a JWK set", 1) // not asked at every call
	s.pass(time.Second)
	if r := Verify(context.Background(), raw, s.keys, idPolicy()); !r.OK() {
		t.Error(r.Err())
	}
}
