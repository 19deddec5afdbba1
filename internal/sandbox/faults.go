package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// Fault is something that goes wrong on purpose on the cloud or API listener.
type Fault struct {
	ID int `json:"id"` // given by the sandbox
	// Operation is what it meets: "InitiateAuth", "InitiateAuth
	// REFRESH_TOKEN_AUTH", "GET /myendpoint"; "" is every operation of the user
	// pool API, "*" every request.
	Operation string `json:"operation"`
	// Kind is status (an error answer), throttle (Rate exceeded), reset (the
	// connection breaks without an answer), delay (the answer takes Delay
	// longer) or hold (it waits for POST /faults/release).
	Kind string `json:"kind"`
	// When is "before" (also ""): the operation is not run, or not yet; or
	// "after": it was run, and what it did stays done.
	When    string  `json:"when"`
	Status  int     `json:"status,omitempty"`  // of kind status; 0 means 500
	Delay   period  `json:"delay,omitempty"`   // of kind delay
	Skip    int     `json:"skip,omitempty"`    // calls that pass unhurt first
	Count   int     `json:"count,omitempty"`   // how many calls it hits; 0 means all
	Percent float64 `json:"percent,omitempty"` // of the calls that it hits, by chance; 0 means all
	Seed    uint64  `json:"seed,omitempty"`    // of that chance: the same seed hits the same calls
	Hits    int     `json:"hits"`              // so far
}

func (f Fault) check() error {
	if f.ID != 0 || f.Hits != 0 {
		return errors.New("id and hits are given by the sandbox")
	}
	if f.Count < 0 || f.Skip < 0 || f.Percent < 0 || f.Percent > 100 || f.Delay < 0 {
		return errors.New("count, skip and delay cannot be negative, and percent goes from 0 to 100")
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		return fmt.Errorf("status: %d is not an error", f.Status)
	}
	if err := among("kind", &f.Kind, "status", "throttle", "reset", "delay", "hold"); err != nil {
		return err
	}
	if f.Delay > 0 != (f.Kind == "delay") || f.Status != 0 && f.Kind != "status" {
		return errors.New("delay goes with the kind delay, which needs one, and status with the kind status")
	}
	return among("when", &f.When, "", "before", "after")
}

// FaultHit is a fault that met a call.
type FaultHit struct {
	Number    int       `json:"number"` // from 1
	Time      time.Time `json:"time"`   // of the clock inside
	Operation string    `json:"operation"`
	Fault     int       `json:"fault"` // its ID
	Kind      string    `json:"kind"`
	When      string    `json:"when"` // before, after
}

// maxHits is how many hits are kept.
const maxHits = 100_000

// faults are those that are switched on, and what they did.
type faults struct {
	now func() time.Time

	mu      sync.Mutex
	rules   []*faultRule
	log     []FaultHit
	ids     int
	hits    int
	held    int
	release chan struct{} // closed to let go of what is held
}

type faultRule struct {
	Fault
	seen   int
	chance *rand.Rand
}

func newFaults(now func() time.Time) *faults {
	return &faults{now: now, release: make(chan struct{})}
}

func (f *faults) add(fault Fault) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids++
	fault.ID = f.ids
	if fault.When == "" {
		fault.When = "before"
	}
	f.rules = append(f.rules, &faultRule{Fault: fault, chance: rand.New(rand.NewPCG(fault.Seed, 0))})
	return fault
}

// clear switches all faults off, and lets go of what is held.
func (f *faults) clear() {
	f.mu.Lock()
	f.rules = nil
	f.mu.Unlock()
	f.letGo()
}

func (f *faults) letGo() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.release)
	f.release = make(chan struct{})
}

// strike says which fault hits a call. Every fault that could is asked, so that
// the chance of one does not depend on the others; the first one counts.
func (f *faults) strike(operation string, cloud bool) (struck Fault, hit bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rule := range f.rules {
		if !rule.meets(operation, cloud) {
			continue
		}
		rule.seen++
		spared := rule.Percent > 0 && rule.chance.Float64()*100 >= rule.Percent
		if rule.seen <= rule.Skip || rule.Count > 0 && rule.Hits >= rule.Count || spared || hit {
			continue
		}
		rule.Hits++
		f.hits++
		if len(f.log) >= maxHits {
			f.log = slices.Delete(f.log, 0, maxHits/10)
		}
		f.log = append(f.log, FaultHit{
			Number: f.hits, Time: f.now().UTC(), Operation: operation, Fault: rule.ID, Kind: rule.Kind, When: rule.When,
		})
		struck, hit = rule.Fault, true
	}
	return struck, hit
}

// meets compares with the operation alone, or with its flow or challenge.
func (r *faultRule) meets(operation string, pool bool) bool {
	name, _, _ := strings.Cut(operation, " ")
	return r.Operation == "*" || r.Operation == "" && pool || r.Operation == operation || pool && r.Operation == name
}

func (f *faults) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.rules) == 0
}

// wrap puts the faults in front of a listener's handler.
func (f *faults) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.idle() {
			next.ServeHTTP(w, r)
			return
		}
		operation, pool := operationOf(r)
		fault, hit := f.strike(operation, pool)
		if !hit {
			next.ServeHTTP(w, r)
			return
		}
		if event, ok := r.Context().Value(eventKey{}).(*Event); ok && pool {
			event.Operation = operation
		}
		f.apply(w, r, struck{fault, pool, next})
	})
}

// struck is a call that a fault hits.
type struck struct {
	Fault
	pool bool // it is one of the user pool API
	next http.Handler
}

// apply does what the fault says. The answer of an operation that is run first
// is kept back until it is known whether the client gets it.
func (f *faults) apply(w http.ResponseWriter, r *http.Request, s struck) {
	kept := &keptAnswer{header: w.Header().Clone(), status: http.StatusOK}
	if s.When == "after" {
		s.next.ServeHTTP(kept, r)
	}
	switch s.Kind {
	case "status":
		writeFault(w, s.Fault, s.pool)
		return
	case "throttle":
		writeThrottle(w, s.pool)
		return
	case "reset":
		breakOff(w)
		return
	case "delay":
		if !sleep(r.Context(), time.Duration(s.Delay)) {
			return
		}
	case "hold":
		if !f.hold(r.Context()) {
			return
		}
	}
	if s.When == "after" {
		kept.send(w)
		return
	}
	s.next.ServeHTTP(w, r)
}

// sleep is false when the client has gone.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *faults) hold(ctx context.Context) bool {
	f.mu.Lock()
	f.held++
	release := f.release
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.held--
	}()
	select {
	case <-release:
		return true
	case <-ctx.Done():
		return false
	}
}

// breakOff ends the connection so that the client sees a reset.
func breakOff(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		// Unsent data is dropped, and a RST goes out instead of a FIN.
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func writeFault(w http.ResponseWriter, fault Fault, pool bool) {
	status := fault.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if !pool {
		writeJSON(w, status, message("Internal server error"))
		return
	}
	writeRefusal(w, status, "InternalErrorException", "Internal error")
}

func writeThrottle(w http.ResponseWriter, pool bool) {
	if !pool {
		writeJSON(w, http.StatusTooManyRequests, message("Too Many Requests"))
		return
	}
	writeRefusal(w, http.StatusBadRequest, "TooManyRequestsException", "Rate exceeded")
}

// writeRefusal is an error of the user pool API.
func writeRefusal(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("X-Amzn-Errortype", code+":")
	writeJSON(w, status, map[string]string{"__type": code, "message": text})
}

// operationOf names a request as the statistics do: of the user pool API the
// operation with its flow or challenge, of others method and path. The body is
// put back as it was.
func operationOf(r *http.Request) (name string, pool bool) {
	_, operation, found := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !found || r.Method != http.MethodPost {
		return r.Method + " " + r.URL.Path, false
	}
	start, err := io.ReadAll(io.LimitReader(r.Body, userpool.MaxBody))
	rest := io.Reader(r.Body)
	if err != nil {
		rest = errorReader{err}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), rest), r.Body}
	var in struct{ AuthFlow, ChallengeName string }
	if json.Unmarshal(start, &in) == nil && in.AuthFlow+in.ChallengeName != "" {
		if in.AuthFlow == "REFRESH_TOKEN" {
			in.AuthFlow = "REFRESH_TOKEN_AUTH"
		}
		operation += " " + in.AuthFlow + in.ChallengeName
	}
	return operation, true
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

// keptAnswer is an answer that has not been sent.
type keptAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *keptAnswer) Header() http.Header         { return k.header }
func (k *keptAnswer) WriteHeader(status int)      { k.status = status }
func (k *keptAnswer) Write(b []byte) (int, error) { return k.body.Write(b) }

func (k *keptAnswer) send(w http.ResponseWriter) {
	for name, values := range k.header {
		w.Header()[name] = values
	}
	w.WriteHeader(k.status)
	w.Write(k.body.Bytes())
}

// faultReport is what GET /faults answers.
type faultReport struct {
	Faults []Fault    `json:"faults"`
	Log    []FaultHit `json:"log"`
	Held   int        `json:"held"` // calls that wait for POST /faults/release
}

func (f *faults) report() faultReport {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := faultReport{Faults: []Fault{}, Log: append([]FaultHit{}, f.log...), Held: f.held}
	for _, rule := range f.rules {
		out.Faults = append(out.Faults, rule.Fault)
	}
	return out
}

func (s *Sandbox) addFault(r *http.Request) (any, error) {
	var in Fault
	if err := readBody(r, &in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	return s.faults.add(in), nil
}
