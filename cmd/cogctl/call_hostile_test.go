package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// liar is an API that says of each signature that it is wrong, to be given others.
type liar struct {
	*httptest.Server
	refusal string        // of a signature for execute-api; others are led on
	ahead   time.Duration // of its clock
	mu      sync.Mutex
	got     []string // method, URI, X-Amz-Date and scope of each request
}

func newLiar(t *testing.T) *liar {
	l := new(liar)
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	return l
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=AKIAIOSFODNN7EXAMPLE/")
	scope, _, _ := strings.Cut(credential, "/aws4_request")
	l.mu.Lock()
	l.got = append(l.got, fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Header.Get("X-Amz-Date"), " ", scope))
	l.mu.Unlock()
	w.Header().Set("Date", time.Now().Add(l.ahead).UTC().Format(http.TimeFormat))
	if r.URL.Path == "/x" && !strings.HasSuffix(scope, "execute-api") {
		w.Header().Set("Location", "/?Action=CreateAccessKey&Version=2010-05-08")
		w.WriteHeader(http.StatusFound)
		return
	}
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, `{"message":%q}`, l.refusal)
}

// TestLearntScopeIsForWhatWasTyped: a server may say for which service to sign what the
// user asks of it. Were its word good for where it redirects to as well, it could
// have any request of its own choice signed for any service, and hand that on.
func TestLearntScopeIsForWhatWasTyped(t *testing.T) {
	c, l := newCaller(t), newLiar(t)
	c.judge.URL = l.URL
	l.refusal = "Credential should be scoped to correct service: 'iam'."
	for _, args := range []string{"/x", "/x -d body", "/y -L"} {
		l.got = nil
		c.run(append([]string{"call", "-L"}, strings.Fields(args)...)...)
		learnt := 0
		for _, request := range l.got {
			if !strings.HasSuffix(request, "/iam") {
				continue
			}
			if learnt++; strings.Contains(request, "Action=") {
				t.Errorf("%s: the server had this signed: %s", args, request)
			}
		}
		if learnt == 0 {
			t.Errorf("%s: what was typed was not signed as the server said: %q", args, l.got)
		}
	}
	l.got = nil // and no detour by a redirect first
	end := c.run("call", "-L", "--service", "s4", "/x")
	if n := len(l.got); n != 2 || strings.HasSuffix(l.got[1], "/iam") || end.code != exitHTTP {
		t.Errorf("%q %+v", l.got, end)
	}
}

// TestClockOfLiars: a server that says that it is next year gets no signature that will
// be good then.
func TestClockOfLiars(t *testing.T) {
	c, l := newCaller(t), newLiar(t)
	c.judge.URL = l.URL
	l.refusal = "Signature expired: 20240115T120000Z is now earlier than 20250115T120000Z"
	for ahead, want := range map[time.Duration]int{23 * time.Hour: 2, -400 * 24 * time.Hour: 2, 25 * time.Hour: 1, 365 * 24 * time.Hour: 1} {
		l.got, l.ahead = nil, ahead
		if end := c.run("call", "/y"); len(l.got) != want || end.code != exitHTTP || !strings.Contains(end.hint, "check the clock") {
			t.Errorf("a clock %s ahead: %q, %+v", ahead, l.got, end)
		}
	}
}

// TestPresignedTargetIsNotTold: the address where a redirect led may be as good as a
// password, and messages end up in logs.
func TestPresignedTargetIsNotTold(t *testing.T) {
	const query = "X-Amz-Signature=0123456789abcdef&X-Amz-Security-Token=IQoJtoken%2F&sig=azure-sas&code=one-time&q=1&bare-word-that-is-one"
	c := newCaller(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/to" {
			w.Header().Set("Location", "/denied?"+query)
			w.WriteHeader(http.StatusFound)
			return
		}
		if r.URL.Path == "/gone" {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	c.judge.URL = server.URL
	for _, args := range []string{"/to -L --auth none", "/denied?" + query + " --auth none", "/gone?" + query + " --auth none"} {
		end := c.run(append([]string{"call"}, strings.Fields(args)...)...)
		for _, secret := range []string{"0123456789abcdef", "IQoJtoken", "azure-sas", "one-time", "bare-word"} {
			if strings.Contains(end.message+end.hint, secret) {
				t.Errorf("%s: %q is told: %+v", args, secret, end)
			}
		}
		if end.code == exitOK || !strings.Contains(end.message, "?X-Amz-Signature=…&") || !strings.Contains(end.message, "&q=1") {
			t.Errorf("%s: %+v", args, end)
		}
	}
}
