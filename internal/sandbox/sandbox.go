// Package sandbox is a stand-in for the AWS services that cogctl signs in to
// and calls: user pools with their API and keys, and an API Gateway with
// authorizers in front of an echo. It runs in the process, on loopback only,
// with random keys, and forgets everything when it is closed. It is for
// development and tests, never for production.
//
// There are three listeners. "cloud" is what AWS runs: the user pool API on
// POST /, the JWK set and discovery document of each pool, and the domain with
// the OAuth endpoints and the pages to sign in on. "api" is an API
// behind API Gateway. "control" is for tests: it needs the key of the run. There
// the clock is moved, codes are read, settings are changed and faults are
// switched on.
//
// This package is the only place where the parts are put together. The state is
// in store, the user pool API in userpool, the domain in hosted, identity pools and
// STS in identity; verifying, signing and deciding are those of the packages jwt,
// srp, sigv4 and gateway, so that the sandbox cannot be kinder than they are.
//
// Operations that AWS allows with IAM credentials only (Admin…) want a
// signature for the service cognito-idp, by the access key of the run or by a role
// that may do it.
package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/loopback"
	"github.com/cogctl/cogctl/internal/sandbox/hosted"
	"github.com/cogctl/cogctl/internal/sandbox/identity"
	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// Ports are the TCP ports of the listeners; 0 means any free one.
type Ports struct{ Cloud, API, Control int }

// Options make a sandbox.
type Options struct {
	Seed  Seed             // see DefaultSeed
	Now   func() time.Time // the clock of everything inside; required
	Ports Ports
	// Origins are those of web pages that may call the cloud and the API, such
	// as "http://localhost:5173". Without it no other page may.
	Origins []string
	// Log is told of each request when it has been answered, from many
	// goroutines. nil is allowed.
	Log func(Event)

	// Environ is the environment of handlers, the programs that routes' authorizers
	// ask. They also find COGCTL_SANDBOX_CLOUD_URL and COGCTL_SANDBOX_ISSUER in it.
	Environ []string
	// StartChild starts a handler in the way the process starts programs of the
	// user's; nil just starts it.
	StartChild func(start func() error) error
	// Said gets what a handler wrote to standard error, and why one failed: foreign
	// text, from many goroutines. nil is allowed.
	Said func(handler string, text []byte)
	// Network is the way to upstreams and to handlers behind a URL; it must not
	// decompress. nil allows neither.
	Network http.RoundTripper
}

// Event is one answered request. It holds no secret: no query, no header, no
// body. Path is as the client sent it, so it is foreign text.
type Event struct {
	Listener  string // cloud, api, control
	Method    string
	Path      string
	Operation string // of the user pool API, with the flow or challenge: "InitiateAuth USER_SRP_AUTH"; of the token endpoint the grant type
	Status    int
	Error     string // the AWS error type, if any
}

// Endpoints are where a running sandbox is found.
type Endpoints struct {
	Cloud, API, Control string // http://127.0.0.1:PORT
	ControlKey          string // the value of X-Cogctl-Key on the control listener
	Issuer              string // of the first pool: the iss of its tokens

	// An access key of a user who may do everything, another one each run.
	AccessKeyID, SecretAccessKey string
}

// Sandbox is one run. Make it with New.
type Sandbox struct {
	options    Options
	store      *store.Store
	pool       *userpool.Handler
	domain     *hosted.Handler
	identities *identity.Handler
	developer  store.Key
	faults     *faults
	key        string

	mu        sync.Mutex
	started   bool
	endpoints Endpoints
	listeners []net.Listener
	servers   []*http.Server
	serving   sync.WaitGroup
	stop      func() bool // unhooks the context

	offset atomic.Int64 // nanoseconds by which the clock was moved

	statsMu sync.Mutex
	stats   map[string]int
}

// New builds a sandbox that does not listen yet. It makes two RSA keys for each
// pool, which takes some tenths of a second.
func New(o Options) (*Sandbox, error) {
	if o.Now == nil {
		return nil, errors.New("sandbox: Options.Now is missing")
	}
	s := &Sandbox{options: o, store: store.New(), stats: map[string]int{}}
	s.faults = newFaults(s.now)
	if err := o.Seed.plant(s.store, rand.Reader, o.Now()); err != nil {
		return nil, err
	}
	keys, err := makeKeys(s.store.PoolIDs())
	if err != nil {
		return nil, err
	}
	fakeSeed, controlKey, formKey := make([]byte, 32), make([]byte, 32), make([]byte, 32)
	rand.Read(fakeSeed)
	rand.Read(formKey)
	rand.Read(controlKey)
	s.key = base64.RawURLEncoding.EncodeToString(controlKey)
	s.pool = &userpool.Handler{
		Store:    s.store,
		Issuer:   userpool.Issuer{Store: s.store, Random: rand.Reader, URL: s.issuer, Keys: keys},
		Now:      s.now,
		Random:   rand.Reader,
		FakeSeed: fakeSeed,
		Count:    s.count,
	}
	s.domain = &hosted.Handler{Store: s.store, Pool: s.pool, Now: s.now, Random: rand.Reader, Key: formKey, Count: s.countOAuth}
	s.newIdentities()
	return s, s.newDeveloper()
}

// makeKeys makes the two keys of each pool, all at the same time.
func makeKeys(pools []string) (map[string]userpool.Keys, error) {
	made := make([]*jwt.Signer, 2*len(pools))
	errs := make([]error, len(made))
	var work sync.WaitGroup
	for i := range made {
		work.Go(func() { made[i], errs[i] = jwt.NewSigner(rand.Reader) })
	}
	work.Wait()
	keys := map[string]userpool.Keys{}
	for i, id := range pools {
		keys[id] = userpool.Keys{ID: made[2*i], Access: made[2*i+1]}
	}
	return keys, errors.Join(errs...)
}

// Start opens the listeners and serves until Close, or until ctx is done.
func (s *Sandbox) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return errors.New("sandbox: started before")
	}
	s.started = true
	var opened []loopback.Listener
	for _, port := range []int{s.options.Ports.Cloud, s.options.Ports.API, s.options.Ports.Control} {
		l, err := loopback.Listen(ctx, "127.0.0.1", port)
		if err != nil {
			for _, o := range opened {
				err = errors.Join(err, o.Close())
			}
			return fmt.Errorf("sandbox: %w", err)
		}
		opened = append(opened, l)
	}
	cloud, api, control := opened[0], opened[1], opened[2]
	s.endpoints = Endpoints{Cloud: cloud.URL(), API: api.URL(), Control: control.URL(), ControlKey: s.key}
	s.endpoints.AccessKeyID, s.endpoints.SecretAccessKey = s.developer.AccessKeyID, s.developer.SecretAccessKey
	s.endpoints.Issuer = s.endpoints.Cloud + "/" + s.options.Seed.Pools[0].ID

	cloudHandler, err := s.cloudHandler(s.endpoints.Cloud)
	apiHandler, failed := s.apiHandler(s.endpoints)
	if err = errors.Join(err, failed); err != nil {
		return errors.Join(err, cloud.Close(), api.Close(), control.Close())
	}
	s.serve("cloud", cloud, s.options.Origins, s.faults.wrap(cloudHandler))
	s.serve("api", api, s.options.Origins, s.faults.wrap(apiHandler))
	s.serve("control", control, nil, s.controlHandler())
	s.stop = context.AfterFunc(ctx, func() { s.Close() })
	return nil
}

// serve answers on l from now on. Host and Origin are checked before anything
// of ours sees the request.
func (s *Sandbox) serve(name string, l loopback.Listener, origins []string, next http.Handler) {
	server := &http.Server{
		Handler:           s.observe(name, loopback.Guard{Hosts: l.Hosts(), Origins: origins, Next: next}),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // it would write to standard error
	}
	s.listeners = append(s.listeners, l)
	s.servers = append(s.servers, server)
	s.serving.Go(func() {
		// The error is http.ErrServerClosed, or the listener was closed.
		_ = server.Serve(l)
	})
}

// Close stops serving: requests under way have two seconds to end. It may be
// called twice, and before Start.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	servers, stop := s.servers, s.stop
	s.servers, s.stop, s.started = nil, nil, true
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	s.faults.clear()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var errs []error
	for _, server := range servers {
		if server.Shutdown(ctx) != nil {
			errs = append(errs, server.Close())
		}
	}
	s.serving.Wait()
	return errors.Join(errs...)
}

// Endpoints are empty before Start.
func (s *Sandbox) Endpoints() Endpoints {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoints
}

// Stats counts the calls of the user pool API and of the OAuth endpoints since
// the start, refused ones too: "InitiateAuth USER_SRP_AUTH", "GetUser", "POST
// /oauth2/token client_credentials".
func (s *Sandbox) Stats() map[string]int {
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	return maps.Clone(s.stats)
}

// now is the clock of everything inside: that of the options, moved.
func (s *Sandbox) now() time.Time { return s.options.Now().Add(time.Duration(s.offset.Load())) }

// Advance moves the clock of the sandbox, back when d is negative, and returns
// by how much it is moved in all.
func (s *Sandbox) Advance(d time.Duration) time.Duration {
	s.store.ClockMoves(d)
	return time.Duration(s.offset.Add(int64(d)))
}

func (s *Sandbox) issuer(poolID string) string { return s.Endpoints().Cloud + "/" + poolID }

func (s *Sandbox) count(ctx context.Context, call string) {
	s.statsMu.Lock()
	s.stats[call]++
	s.statsMu.Unlock()
	if event, ok := ctx.Value(eventKey{}).(*Event); ok {
		event.Operation = call
	}
}

// countOAuth leaves the path out of the event, which has it already.
func (s *Sandbox) countOAuth(ctx context.Context, call, detail string) {
	s.statsMu.Lock()
	s.stats[strings.TrimSpace(call+" "+detail)]++
	s.statsMu.Unlock()
	if event, ok := ctx.Value(eventKey{}).(*Event); ok {
		event.Operation = detail
	}
}
