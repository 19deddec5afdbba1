package gateway

import (
	"cmp"
	"context"
	"io"
	"maps"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// MaxBody is the most bytes a request body may have, 10 MB for both kinds
// ("Amazon API Gateway quotas").
const MaxBody = 10 << 20

// API is a local API Gateway: it finds the route, lets the authorizer decide,
// and hands what it allowed to the backend.
//
// Unlike the cloud it does not hold the body back until it is complete. A
// body that says how long it is and is too long is refused before anything
// else; one that does not say is cut at the limit while the backend reads it.
type API struct {
	// Kind is the manner of answering where no route says so.
	Kind Kind

	// Routes are not changed once the API serves.
	Routes []Route

	// NewRequestID makes the x-amzn-RequestId or apigw-requestid of an answer;
	// random ones in AWS's form when nil.
	NewRequestID func() string

	// Deployment and StageVariables are what authorizers and backends learn
	// of the API.
	Deployment     Deployment
	StageVariables map[string]string

	// UsagePlans and APIKeySource (KeySourceHeader, KeySourceAuthorizer) are
	// for routes that require an API key.
	UsagePlans   []UsagePlan
	APIKeySource string

	// Now is the time of requests, by which usage plans count; the zero time
	// when nil.
	Now func() time.Time

	// MaxBody is the limit in bytes, [MaxBody] when zero.
	MaxBody int64

	// Decided hears each decision of an authorizer or about an API key before
	// it takes effect. It may be nil.
	Decided func(r *http.Request, route Route, d Decision)

	// Panicked hears of a backend or authorizer that panicked, with the stack
	// but not the value, which may hold anything. It may be nil.
	Panicked func(r *http.Request, route Route, stack []byte)

	meter meter
}

// callKey is the context key under which a backend finds its call.
type callKey struct{}

// call is what the gateway knows of a request that has a route.
type call struct {
	id, extended   string
	kind           Kind
	route          Route
	values         map[string]string // of the path parameters
	deployment     Deployment
	stageVariables map[string]string
	time           time.Time

	// After the decision:
	authorizer map[string]any
	identity   map[string]any
	apiKey     APIKey
}

func callOf(r *http.Request) call {
	c, _ := r.Context().Value(callKey{}).(call)
	return c
}

// AuthorizerContext is what API Gateway puts at requestContext.authorizer: for
// a REST API {"claims": map[string]string}, or principalId beside the context
// of a Lambda authorizer; for an HTTP API {"jwt": {"claims": map[string]string,
// "scopes": nil or []string}}, or {"lambda": context}. It is nil on an open
// route and outside a backend, and must not be changed.
func AuthorizerContext(r *http.Request) map[string]any { return callOf(r).authorizer }

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, kind, ok := a.find(r)
	id, extended := a.newRequestID(kind), extendedID()
	setIDs(w.Header(), kind, id, extended)
	limit := cmp.Or(a.MaxBody, MaxBody)
	switch {
	case r.ContentLength > limit:
		tooLarge(kind, limit).write(w)
	case !ok:
		noRoute(kind, r.Header).write(w)
	default:
		x := &exchange{api: a, found: found, kind: kind}
		x.serve(w, a.enter(r, found, call{id: id, extended: extended, kind: kind}), limit)
	}
}

func (a *API) newRequestID(k Kind) string {
	if a.NewRequestID != nil {
		return a.NewRequestID()
	}
	return newID(k)
}

// Decide finds the route of a request and says what the API would decide about
// it, without calling the backend. It counts against usage plans. The Route is
// empty when there is none.
func (a *API) Decide(r *http.Request) (Route, Decision) {
	found, kind, ok := a.find(r)
	if !ok {
		return Route{}, noRoute(kind, r.Header)
	}
	r = a.enter(r, found, call{id: a.newRequestID(kind), extended: extendedID(), kind: kind})
	d, _ := a.decide(r, found.route)
	return found.route, d
}

// enter makes a request one of this API: authorizers and backends find the call
// in its context.
func (a *API) enter(r *http.Request, found match, c call) *http.Request {
	c.route, c.values, c.time = found.route, found.values, clock(a.Now)
	c.deployment, c.stageVariables = a.Deployment, a.StageVariables
	inner := r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	for name, value := range found.values {
		inner.SetPathValue(name, value)
	}
	return inner
}

// decide asks the authorizer, and then for the API key.
func (a *API) decide(r *http.Request, route Route) (Decision, APIKey) {
	d := allowed(nil, nil)
	if route.Authorizer != nil {
		d = a.ask(route.Authorizer, r)
	}
	var key APIKey
	if d.Allow && route.APIKeyRequired {
		d, key = a.admit(r, route, d)
	}
	if a.Decided != nil && (route.Authorizer != nil || route.APIKeyRequired) {
		a.Decided(r, route, d)
	}
	return d, key
}

// exchange is one request that has a route.
type exchange struct {
	api   *API
	found match
	kind  Kind
}

// serve takes a request that has entered the API.
func (x *exchange) serve(w http.ResponseWriter, r *http.Request, limit int64) {
	out := &response{ResponseWriter: w, before: w.Header().Clone()}
	defer x.finish(out, r, limit)
	d, key := x.api.decide(r, x.found.route)
	if !d.Allow {
		d.write(out)
		return
	}
	c := callOf(r)
	c.authorizer, c.identity, c.apiKey = d.Context, d.Identity, key
	inner := r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	if r.Body != nil {
		inner.Body = &limitedBody{ReadCloser: http.MaxBytesReader(w, r.Body, limit), exceeded: &out.cut}
	}
	x.found.route.Backend.ServeHTTP(out, inner)
}

// finish answers for a backend that broke or was cut off. Where the backend's
// own answer is already on its way, the connection is aborted, because the
// client would take what there is for the whole.
func (x *exchange) finish(out *response, r *http.Request, limit int64) {
	broken := recover()
	if broken == http.ErrAbortHandler {
		panic(broken)
	}
	if broken != nil && x.api.Panicked != nil {
		x.api.Panicked(r, x.found.route, debug.Stack())
	}
	cut := out.cut.Load()
	if broken == nil && !cut {
		return
	}
	if out.started {
		panic(http.ErrAbortHandler)
	}
	h := out.Header()
	clear(h)
	maps.Copy(h, out.before)
	if cut {
		tooLarge(x.kind, limit).write(out.ResponseWriter)
		return
	}
	internalError(x.kind).write(out.ResponseWriter)
}

// limitedBody notes that the limit was hit.
type limitedBody struct {
	io.ReadCloser
	exceeded *atomic.Bool
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if _, ok := err.(*http.MaxBytesError); ok {
		b.exceeded.Store(true)
	}
	return n, err
}

// response is what the backend writes to. It knows whether the answer has
// begun, and keeps it from beginning once the request body was cut: what a
// backend says about a broken body is not what the cloud would say.
type response struct {
	http.ResponseWriter
	before  http.Header // the headers as they were before the backend
	cut     atomic.Bool // set by the body, possibly from another goroutine
	started bool
}

func (w *response) WriteHeader(status int) {
	if w.muted() {
		return
	}
	// 1xx precede the answer.
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.started = true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.muted() {
		return len(p), nil
	}
	w.started = true
	return w.ResponseWriter.Write(p)
}

// Flush implements [http.Flusher].
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is what [http.ResponseController] looks for.
func (w *response) FlushError() error {
	if w.muted() {
		return nil
	}
	w.started = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap gives [http.ResponseController] the rest of what the connection can.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) muted() bool { return w.cut.Load() && !w.started }
