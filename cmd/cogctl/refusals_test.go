package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/sandbox"
)

// moody is a user pool in front of a sandbox's. Below /MOOD it passes on what it
// gets, but for what the mood refuses.
type moody struct {
	*httptest.Server
	box   *sandbox.Sandbox
	moods sync.Map // name -> mood
}

// mood is an AWS error that some operations get.
type mood struct {
	code, text string
	operations []string // "InitiateAuth", "RespondToAuthChallenge"
}

func newMoody(t *testing.T) *moody {
	t.Helper()
	box, err := sandbox.New(sandbox.Options{Now: time.Now, Seed: sandbox.DefaultSeed()})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(box.Endpoints().Cloud)
	if err != nil {
		t.Fatal(err)
	}
	m := &moody{box: box}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.URL.Path = "/" }}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.Trim(r.URL.Path, "/")
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if in, found := m.moods.Load(name); found {
			for _, refused := range in.(mood).operations {
				if refused == operation {
					_, _ = io.Copy(io.Discard, r.Body)
					w.Header().Set("Content-Type", "application/x-amz-json-1.1")
					w.WriteHeader(http.StatusBadRequest)
					_ = json.NewEncoder(w).Encode(map[string]string{"__type": in.(mood).code, "message": in.(mood).text})
					return
				}
			}
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { m.Close(); box.Close() })
	return m
}

// ran is how a run of the program ended, as the person before it sees it.
type ran struct {
	code                  int
	stdout, message, hint string
}

// resident runs the program in a home of its own against a moody user pool.
type resident struct {
	t    *testing.T
	pool *moody
	home string
	name string // of the mood
}

func (m *moody) resident(t *testing.T, name string) resident {
	t.Helper()
	return resident{t, m, t.TempDir(), name}
}

func (r resident) run(environ map[string]string, args ...string) ran {
	r.t.Helper()
	all := map[string]string{
		"COGCTL_CONFIG_DIR": filepath.Join(r.home, "config"), "COGCTL_CACHE_DIR": filepath.Join(r.home, "cache"),
		"COGCTL_USER_POOL_ID": sandbox.DefaultPoolID, "COGCTL_CLIENT_ID": sandbox.PublicClientID, "COGCTL_USERNAME": "ann",
		"COGCTL_ISSUER": r.pool.box.Endpoints().Issuer, "COGCTL_ENDPOINT_USER_POOL": r.pool.URL + "/" + r.name,
	}
	for name, value := range environ {
		all[name] = value
	}
	a := newApp()
	a.getenv = func(name string) string { return all[name] }
	a.environ = nil
	stdout, stderr := tempFile(r.t), tempFile(r.t)
	a.stdout, a.stderr = stdout, stderr
	a.terminal.stderr = stderr
	end := ran{code: a.exit(execute(r.t.Context(), a, args)), stdout: readBack(r.t, stdout)}
	end.message, end.hint, _ = strings.Cut(readBack(r.t, stderr), "\n        ")
	return end
}

func tempFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func readBack(t *testing.T, f *os.File) string {
	t.Helper()
	data, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// session is that of a sign-in without trouble.
func (m *moody) session(t *testing.T) auth.Session {
	t.Helper()
	r := m.resident(t, "fine")
	if end := r.run(map[string]string{"COGCTL_PASSWORD": sandbox.DefaultPassword}, "login"); end.code != exitOK {
		t.Fatalf("the sign-in failed: %+v", end)
	}
	records, err := r.sessions().List()
	if err != nil || len(records) != 1 {
		t.Fatalf("%d sessions, %v", len(records), err)
	}
	return records[0].Value
}

func (r resident) sessions() *cache.Dir[auth.Session] {
	return cache.Open[auth.Session](cache.Options{Path: filepath.Join(r.home, "config", "sessions"), Now: time.Now})
}

// TestEveryText: what each answer that Cognito is known to give does to a session,
// with which code the program ends, and what the person is told to do.
func TestEveryText(t *testing.T) {
	t.Parallel()
	pool := newMoody(t)
	session := pool.session(t)
	for i, row := range texts() {
		t.Run(fmt.Sprintf("%s %s", row.code, row.text), func(t *testing.T) {
			t.Parallel() // a throttle is waited for
			name := fmt.Sprint("row-", i)
			r := pool.resident(t, name)
			s := session
			s.Endpoint, s.Expires = pool.URL+"/"+name, time.Now().Add(-time.Minute)
			key := auth.SessionKey(s.Issuer, s.ClientID, s.Typed)
			if _, err := r.sessions().Update(context.Background(), key, func(context.Context, auth.Session, bool) (auth.Session, error) { return s, nil }); err != nil {
				t.Fatal(err)
			}
			pool.moods.Store(name, mood{row.code, row.text, []string{"InitiateAuth", "GetTokensFromRefreshToken"}})
			end := r.run(nil, "token", "print")
			pool.moods.Delete(name)
			survived := r.run(nil, "token", "print").code == exitOK
			row.told(t, "at a refresh", end, row.refresh)
			if survived != row.survives {
				t.Errorf("the session survived: %t", survived)
			}
			password := map[string]string{"COGCTL_PASSWORD": sandbox.DefaultPassword}
			pool.moods.Store(name, mood{row.code, row.text, []string{"InitiateAuth"}})
			row.told(t, "at InitiateAuth", pool.resident(t, name).run(password, "login", "--flow", "srp"), row.initiate)
			if row.verify == (told{}) {
				row.verify = row.initiate
			}
			pool.moods.Store(name, mood{row.code, row.text, []string{"RespondToAuthChallenge"}})
			row.told(t, "at PASSWORD_VERIFIER", pool.resident(t, name).run(password, "login", "--flow", "srp"), row.verify)
		})
	}
}

// TestHintOfALock: only where a process has it is there one to wait for.
func TestHintOfALock(t *testing.T) {
	t.Parallel()
	if hint := hintFor(&cache.LockError{Path: "x", PID: 7}); !strings.Contains(hint, "that process") {
		t.Errorf("held: %q", hint)
	}
	if hint := hintFor(&cache.LockError{Path: "x", Err: syscall.ENOLCK}); hint != "" {
		t.Errorf("no locks there: %q", hint)
	}
}
