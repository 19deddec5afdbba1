package gateway

import (
	"cmp"
	"context"
	"io"
	"maps"
	"net/http"
	"runtime/debug"
	"sync/atomic"
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

	// MaxBody is the limit in bytes, [MaxBody] when zero.
	MaxBody int64

	// Decided hears each authorizer's decision before it takes effect. It may
	// be nil.
	Decided func(r *http.Request, route Route, d Decision)

	// Panicked hears of a backend or authorizer that panicked, with the stack
	// but not the value, which may hold anything. It may be nil.
	Panicked func(r *http.Request, route Route, stack []byte)
}

// callKey is the context key under which a backend finds its call.
type callKey struct{}

type call struct {
	id         string
	route      string
	authorizer map[string]any
}

func callOf(r *http.Request) call {
	c, _ := r.Context().Value(callKey{}).(call)
	return c
}

// AuthorizerContext is what API Gateway puts at requestContext.authorizer: for
// a REST API {"claims": map[string]string}, for an HTTP API
// {"jwt": {"claims": map[string]string, "scopes": nil or []string}}. It is nil
// on an open route and outside a backend, and must not be changed.
func AuthorizerContext(r *http.Request) map[string]any { return callOf(r).authorizer }

// RequestID is the id of the request as its answer carries it; empty outside a
// backend.
func RequestID(r *http.Request) string { return callOf(r).id }

// RouteName is the Name of the route; empty outside a backend.
func RouteName(r *http.Request) string { return callOf(r).route }

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, kind, ok := a.find(r)
	id := a.newRequestID(kind)
	setIDs(w.Header(), kind, id)
	limit := cmp.Or(a.MaxBody, MaxBody)
	switch {
	case r.ContentLength > limit:
		tooLarge(kind, limit).write(w)
	case !ok:
		noRoute(kind, r.Header).write(w)
	default:
		x := &exchange{api: a, found: found, kind: kind, id: id}
		x.serve(w, r, limit)
	}
}

func (a *API) newRequestID(k Kind) string {
	if a.NewRequestID != nil {
		return a.NewRequestID()
	}
	return newID(k)
}

// exchange is one request that has a route.
type exchange struct {
	api   *API
	found match
	kind  Kind
	id    string
}

func (x *exchange) serve(w http.ResponseWriter, r *http.Request, limit int64) {
	out := &response{ResponseWriter: w, before: w.Header().Clone()}
	defer x.finish(out, r, limit)
	d := allowed(nil, nil)
	if authorizer := x.found.route.Authorizer; authorizer != nil {
		d = authorizer.Decide(r.Context(), r)
		if x.api.Decided != nil {
			x.api.Decided(r, x.found.route, d)
		}
	}
	if !d.Allow {
		d.write(out)
		return
	}
	ctx := context.WithValue(r.Context(), callKey{}, call{id: x.id, route: x.found.route.Name, authorizer: d.Context})
	inner := r.WithContext(ctx)
	for name, value := range x.found.values {
		inner.SetPathValue(name, value)
	}
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
