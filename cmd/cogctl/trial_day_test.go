package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox"
)

// day is a machine on which a job asks for a token each minute, and the sandbox it
// asks. Both have one clock, which stands still until it is moved, so what the
// sandbox logs in a minute is what that minute's job met.
type day struct {
	t       *testing.T
	box     *sandbox.Sandbox
	start   time.Time
	moved   atomic.Int64  // nanoseconds since the start
	wrong   time.Duration // by which the program's clock is ahead of the sandbox's
	environ map[string]string
	files   [2]*os.File // standard output and standard error
}

// run is what one run of the program came to.
type run struct {
	code           int
	stdout, stderr string
}

func newDay(t *testing.T) *day {
	t.Helper()
	d := &day{t: t, start: time.Now().Truncate(time.Second)}
	seed := sandbox.DefaultSeed()
	box, err := sandbox.New(sandbox.Options{Now: d.now, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	d.box = box
	home := t.TempDir()
	s := newStack(box.Endpoints(), seed)
	if err := s.configure(home); err != nil {
		t.Fatal(err)
	}
	d.environ = map[string]string{"COGCTL_CONFIG_DIR": filepath.Join(home, "config"), "COGCTL_CACHE_DIR": filepath.Join(home, "cache")}
	for i := range d.files {
		if d.files[i], err = os.Create(filepath.Join(home, fmt.Sprint("stream", i))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.files[i].Close() })
	}
	return d
}

// pause takes no time but the day's.
func (d *day) pause(_ context.Context, wait time.Duration) error {
	d.moved.Add(int64(max(wait, 0)))
	return nil
}

func (d *day) now() time.Time { return d.start.Add(time.Duration(d.moved.Load())) }

// run runs the program as a process of its own would run, on this machine's clock.
// extra is added to the environment, as "NAME=value".
func (d *day) run(args []string, extra ...string) run {
	d.t.Helper()
	environ := map[string]string{}
	for name, value := range d.environ {
		environ[name] = value
	}
	for _, entry := range extra {
		name, value, _ := strings.Cut(entry, "=")
		environ[name] = value
	}
	for _, file := range d.files {
		if err := file.Truncate(0); err != nil {
			d.t.Fatal(err)
		}
		if _, err := file.Seek(0, 0); err != nil {
			d.t.Fatal(err)
		}
	}
	a := newApp()
	wrong := d.wrong
	a.now, a.pause = func() time.Time { return d.now().Add(wrong) }, d.pause
	a.getenv, a.environ = func(name string) string { return environ[name] }, nil
	a.stdin, a.stdout, a.stderr = strings.NewReader(""), d.files[0], d.files[1]
	a.terminal = terminal{stderr: a.stderr, getenv: a.getenv, open: func() (console, error) { return console{}, os.ErrNotExist }}
	code := a.exit(execute(context.Background(), a, args))
	a.network.CloseIdleConnections() // no later run has this one's connections
	out := run{code: code}
	for i, into := range []*string{&out.stdout, &out.stderr} {
		data, err := os.ReadFile(d.files[i].Name())
		if err != nil {
			d.t.Fatal(err)
		}
		*into = strings.TrimSpace(string(data))
	}
	return out
}

// control asks the sandbox's control listener.
func (d *day) control(method, path string, in, out any) {
	d.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		d.t.Fatal(err)
	}
	status, answer, err := control(d.box.Endpoints().Control, d.box.Endpoints().ControlKey, method, path, string(body))
	if err != nil || status != http.StatusOK {
		d.t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			d.t.Fatal(err)
		}
	}
}

// signIn signs ann in, which must work sooner or later.
func (d *day) signIn() {
	d.t.Helper()
	var r run
	for range 20 {
		if r = d.run([]string{"login"}, "COGCTL_PASSWORD="+sandbox.DefaultPassword); r.code == exitOK {
			return
		}
	}
	d.t.Fatalf("login: exit code %d: %s", r.code, r.stderr)
}

const tokenLife = 5 * time.Minute // the shortest at Cognito

// rotation is how an app client treats a refresh token that was used.
type rotation struct {
	name  string
	on    bool
	grace string // for which a used one still works
}

var rotations = []rotation{
	{name: "no rotation"},
	{name: "grace 60 s", on: true, grace: "60s"},
	{name: "no grace", on: true, grace: "0s"},
}

// operation is the one that refreshes.
func (r rotation) operation() string {
	if r.on {
		return "GetTokensFromRefreshToken"
	}
	return "InitiateAuth REFRESH_TOKEN_AUTH"
}

// loses tells whether a refresh that the server did and nobody heard of ends the
// session.
func (r rotation) loses() bool { return r.on && r.grace == "0s" }

// weather is how often, of a hundred calls, something goes wrong.
type weather struct{ fault, lost, reset, lostReset, throttle float64 }

// begin switches the faults on: the same seed has the same ones.
func (w weather) begin(d *day, seed int) {
	for i, f := range []map[string]any{
		{"kind": "status", "status": 500, "when": "before", "percent": w.fault},
		{"kind": "status", "status": 503, "when": "after", "percent": w.lost},
		{"kind": "reset", "when": "before", "percent": w.reset},
		{"kind": "reset", "when": "after", "percent": w.lostReset},
		{"kind": "throttle", "percent": w.throttle},
	} {
		f["seed"] = 100*seed + i
		d.control("POST", "/faults", f, nil)
	}
}

// outage lets everything fail for some minutes.
func (d *day) outage() {
	d.control("POST", "/faults", map[string]any{"kind": "status", "status": 503, "count": 45}, nil)
}

// hits returns the sandbox's fault log from the nth entry on.
func (d *day) hits(from int) []sandbox.FaultHit {
	var report struct{ Log []sandbox.FaultHit }
	d.control("GET", "/faults", nil, &report)
	return report.Log[from:]
}

// expiry is the exp of the token that token --json printed.
func expiry(t *testing.T, printed string) time.Time {
	t.Helper()
	var view struct{ Token string }
	if err := json.Unmarshal([]byte(printed), &view); err != nil {
		t.Fatalf("%q: %v", printed, err)
	}
	token, err := jwt.Parse(view.Token)
	if err != nil {
		t.Fatalf("%q: %v", view.Token, err)
	}
	expires, ok := token.Claims.Time("exp")
	if !ok {
		t.Fatal("a token without exp")
	}
	return expires
}

// good wants a token that the server itself would take now.
func (d *day) good(r run) {
	d.t.Helper()
	if r.code != exitOK {
		d.t.Errorf("after %v: exit code %d: %s", d.now().Sub(d.start), r.code, r.stderr)
		return
	}
	if expires := expiry(d.t, r.stdout); !d.now().Before(expires) {
		d.t.Errorf("after %v: a token that expired at %v", d.now().Sub(d.start), expires.Sub(d.start))
	}
}

func (d *day) signIns() int { return d.box.Stats()["InitiateAuth USER_SRP_AUTH"] }
