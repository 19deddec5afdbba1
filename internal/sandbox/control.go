package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// KeyHeader carries the key of the run to the control listener.
const KeyHeader = "X-Cogctl-Key"

// controlHandler is for tests. Everything on it needs the key of the run.
//
//	GET    /stats                how often each operation was called
//	GET    /codes                what was sent: ?username=, ?kind= and ?pool= choose
//	GET    /clock                the time inside
//	POST   /clock                {"advance": "1h"}, back with "-1h"
//	GET    /pools/{id}           settings; POST changes those that it names
//	GET    /clients/{id}         settings; POST changes those that it names
//	GET    /users/{name}         a user of the first pool, or of ?pool=; POST changes
//	GET    /users/{name}/totp    the secret and the codes of his authenticator
//	GET    /identitypools/{id}   settings; POST changes those that it names
//	GET    /standin/{provider}/token  an ID token of a social provider's stand-in, of ?email=
//	GET    /faults               what is switched on, and what it hit
//	POST   /faults               switches one on: see Fault
//	DELETE /faults               switches all off, and releases; the log stays
//	POST   /faults/release       lets go of the calls that are held
func (s *Sandbox) controlHandler() http.Handler {
	mux := http.NewServeMux()
	routes := map[string]func(*http.Request) (any, error){
		"GET /stats":                    func(*http.Request) (any, error) { return s.Stats(), nil },
		"GET /codes":                    s.showCodes,
		"GET /clock":                    func(*http.Request) (any, error) { return s.showClock(), nil },
		"POST /clock":                   s.moveClock,
		"GET /pools/{id}":               s.showPool,
		"POST /pools/{id}":              s.changePool,
		"GET /clients/{id}":             s.showClient,
		"POST /clients/{id}":            s.changeClient,
		"GET /users/{name}":             s.showUser,
		"POST /users/{name}":            s.changeUser,
		"GET /users/{name}/totp":        s.showTOTP,
		"GET /identitypools/{id}":       s.showIdentityPool,
		"POST /identitypools/{id}":      s.changeIdentityPool,
		"GET /standin/{provider}/token": s.socialToken,
		"GET /faults":                   func(*http.Request) (any, error) { return s.faults.report(), nil },
		"POST /faults":                  s.addFault,
		"DELETE /faults": func(*http.Request) (any, error) {
			s.faults.clear()
			return s.faults.report(), nil
		},
		"POST /faults/release": func(*http.Request) (any, error) {
			s.faults.letGo()
			return s.faults.report(), nil
		},
	}
	for pattern, serve := range routes {
		mux.Handle(pattern, controlRoute(serve))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(KeyHeader)), []byte(s.key)) != 1 {
			writeJSON(w, http.StatusForbidden, message("the control listener needs the key of this run in "+KeyHeader))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// controlRoute answers with a value as JSON, or with what is wrong.
func controlRoute(serve func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		value, err := serve(r)
		switch {
		case errors.Is(err, errNotThere):
			writeJSON(w, http.StatusNotFound, message(err.Error()))
		case err != nil:
			writeJSON(w, http.StatusBadRequest, message(err.Error()))
		default:
			writeJSON(w, http.StatusOK, value)
		}
	})
}

var errNotThere = errors.New("is not there")

// readBody reads one JSON object. A name that it does not know is an error: a
// test that sets something that is not there tests nothing.
func readBody(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body: more than one JSON object")
	}
	return nil
}

// period is a time.Duration in its own notation, as in "90s".
type period time.Duration

func (p period) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(p).String()) }

func (p *period) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New(`a duration is a string such as "90s"`)
	}
	d, err := time.ParseDuration(text)
	*p = period(d)
	return err
}

type clock struct {
	Now    time.Time `json:"now"`
	Offset period    `json:"offset"` // from the clock outside
}

func (s *Sandbox) showClock() clock {
	return clock{Now: s.now().UTC(), Offset: period(s.offset.Load())}
}

func (s *Sandbox) moveClock(r *http.Request) (any, error) {
	var in struct {
		Advance period `json:"advance"`
	}
	if err := readBody(r, &in); err != nil {
		return nil, err
	}
	s.Advance(time.Duration(in.Advance))
	return s.showClock(), nil
}

// Code is a message that the sandbox would have sent to a user.
type Code struct {
	Pool        string    `json:"pool"`
	Username    string    `json:"username"`
	Kind        string    `json:"kind"` // the operation or challenge: SignUp, AdminCreateUser, SMS_MFA
	Destination string    `json:"destination"`
	Code        string    `json:"code"` // of AdminCreateUser: the temporary password
	Sent        time.Time `json:"sent"`
}

// Codes lists what was sent, the oldest first.
func (s *Sandbox) Codes() []Code {
	codes := []Code{}
	for _, m := range s.store.Messages() {
		codes = append(codes, Code{
			Pool: m.PoolID, Username: m.Username, Kind: m.Kind, Destination: m.Destination, Code: m.Code, Sent: m.Sent.UTC(),
		})
	}
	return codes
}

func (s *Sandbox) showCodes(r *http.Request) (any, error) {
	chosen := []Code{}
	fits := func(name, value string) bool { return !r.URL.Query().Has(name) || r.URL.Query().Get(name) == value }
	for _, c := range s.Codes() {
		if fits("username", c.Username) && fits("kind", c.Kind) && fits("pool", c.Pool) {
			chosen = append(chosen, c)
		}
	}
	return chosen, nil
}

// poolOf is the pool that a control request is about.
func (s *Sandbox) poolOf(r *http.Request) string {
	if id := r.URL.Query().Get("pool"); id != "" {
		return id
	}
	return s.options.Seed.Pools[0].ID
}

// set copies what a request names: nil is what it left out.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func notThere(kind, name string, err error) error {
	if errors.Is(err, store.ErrNoPool) || errors.Is(err, store.ErrNoUser) || errors.Is(err, store.ErrNoClient) {
		return fmt.Errorf("%s %q %w", kind, name, errNotThere)
	}
	return err
}
