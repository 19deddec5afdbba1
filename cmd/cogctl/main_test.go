package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestCrashShowsNoValues: the text of a panic may be a password.
func TestCrashShowsNoValues(t *testing.T) {
	t.Parallel()
	var text string
	func() {
		defer func() {
			if recover() != nil {
				text = crash()
			}
		}()
		panic("hush-hush")
	}()
	if strings.Contains(text, "hush") || !strings.Contains(text, "TestCrashShowsNoValues") {
		t.Errorf("a crash is told as:\n%s", text)
	}
}

// TestSignInFollowsNoRedirect: a redirect of the user pool API would carry the
// password, or its proof, to wherever it points.
func TestSignInFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 307, 308} {
		var reached atomic.Int32
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			http.Redirect(w, r, elsewhere.URL+"/", status)
		}))
		environ := map[string]string{
			"COGCTL_CONFIG_DIR": t.TempDir() + "/c", "COGCTL_CACHE_DIR": t.TempDir() + "/k",
			"COGCTL_USER_POOL_ID": "us-east-1_Ab12Cd34E", "COGCTL_CLIENT_ID": "abc",
			"COGCTL_USERNAME": "ann", "COGCTL_PASSWORD": "Passw0rd!", "COGCTL_ENDPOINT_USER_POOL": server.URL,
		}
		for _, flow := range []string{"srp", "password"} {
			a := newApp()
			a.getenv = func(name string) string { return environ[name] }
			a.stderr = devNull(t)
			if err := execute(t.Context(), a, []string{"login", "--flow", flow}); err == nil {
				t.Errorf("%d, %s: signed in by a redirect", status, flow)
			}
		}
		if asked.Load() == 0 || reached.Load() != 0 {
			t.Errorf("%d: the server was asked %d times, the other %d times", status, asked.Load(), reached.Load())
		}
		server.Close()
		elsewhere.Close()
	}
}

// TestUntilSignal: the context behaves as any other, whoever asks first.
func TestUntilSignal(t *testing.T) {
	t.Parallel()
	inner, cancel := context.WithCancelCause(t.Context())
	listened := 0
	ctx := untilSignal{inner, func() { listened++ }}
	if ctx.Err() != nil || listened != 0 {
		t.Fatalf("err %v, listened %d times before anybody waits", ctx.Err(), listened)
	}
	child, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	if listened == 0 {
		t.Error("a context made of it does not listen")
	}
	cancel(interrupted{os.Interrupt})
	<-child.Done()
	if _, ok := context.Cause(child).(interrupted); !ok {
		t.Errorf("cause %v", context.Cause(child))
	}
}
