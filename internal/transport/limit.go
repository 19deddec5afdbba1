package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/loopback"
)

// What a Limit allows unless its fields say otherwise. Nothing that Cognito,
// STS or an OIDC issuer answers comes near.
const (
	DefaultMaxBody   = 1 << 20
	DefaultMaxHeader = 64 << 10
	DefaultTimeout   = 30 * time.Second
)

// Limit bounds everything that is not the user's own API call. Zero fields
// mean the defaults. It refuses plain http beyond loopback (*PlainHTTPError),
// and ends with a *LimitError, from RoundTrip or from reading the body, what
// exceeds a bound.
type Limit struct {
	Base      http.RoundTripper
	MaxBody   int64         // bytes after decompression
	MaxHeader int64         // bytes of the answer's headers
	Timeout   time.Duration // of one request, from its start to the end of the answer's body
}

// Client returns a client for user pools, token endpoints, identity pools and
// the like: within the default Limit, and without following redirects, because
// Go would send the body, which holds credentials, again after a 307 or 308. A
// redirect comes back as the answer that it is.
//
// Where base is an *http.Transport, a copy of it stops reading headers at the
// limit; another base may hold more of them in memory before Limit sees them.
func Client(base http.RoundTripper) *http.Client {
	if t, ok := base.(*http.Transport); ok {
		t = t.Clone()
		t.MaxResponseHeaderBytes = DefaultMaxHeader
		base = t
	}
	return &http.Client{
		Transport:     Limit{Base: base},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip sends r within the bounds.
func (l Limit) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopback.IsLoopback(r.URL.Hostname()) {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, &PlainHTTPError{Host: r.URL.Host}
	}
	sent, err := detached(r)
	if err != nil {
		return nil, err
	}
	late := &LimitError{
		Host:  r.URL.Host,
		Bound: BoundTime,
		After: orDefault(l.Timeout, DefaultTimeout),
		Err:   context.DeadlineExceeded,
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), late.After, late)
	resp, err := l.Base.RoundTrip(sent.WithContext(ctx))
	if err != nil {
		defer cancel()
		return nil, l.explain(ctx, r.URL.Host, err)
	}
	resp.Request = r
	body := &limitedBody{src: resp.Body, ctx: ctx, cancel: cancel, tooLarge: l.tooLarge(r.URL.Host)}
	body.left = body.tooLarge.Bytes
	if err := l.inspect(resp); err != nil {
		_ = body.Close()
		return nil, err
	}
	if isGzip(resp) {
		body.src = &gzipBody{src: resp.Body}
		markDecoded(resp)
	}
	resp.Body = body
	return resp, nil
}

// detached is r with a body of its own, where the length is known and small. AWS's SDK
// closes the body of a request as soon as the headers of the answer are there. net/http
// may be about to look whether that body has ended; what it hears from a closed one
// (smithy-go's safeWriteToReadCloser: EOF) it takes for a failed write, and it closes
// the connection under the rest of the answer. An answer to a refresh would be lost.
func detached(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.ContentLength <= 0 || r.ContentLength > DefaultMaxBody {
		return r, nil
	}
	defer r.Body.Close()
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return nil, fmt.Errorf("read the body of a request to %s: %w", r.URL.Host, err)
	}
	out := *r
	out.Body = io.NopCloser(bytes.NewReader(body))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return &out, nil
}

// inspect refuses an answer by its headers.
func (l Limit) inspect(resp *http.Response) error {
	host, limit := resp.Request.URL.Host, orDefault(l.MaxHeader, DefaultMaxHeader)
	total := int64(len(resp.Proto) + len(resp.Status) + len("  \r\n"))
	for name, values := range resp.Header {
		for _, v := range values {
			total += int64(len(name) + len(v) + len(": \r\n"))
		}
	}
	if total > limit {
		return &LimitError{Host: host, Bound: BoundHeader, Bytes: limit}
	}
	if tooLarge := l.tooLarge(host); hasBody(resp) && resp.ContentLength > tooLarge.Bytes {
		return tooLarge
	}
	switch encoding := contentEncoding(resp); {
	case encoding == "", encoding == "identity", encoding == "gzip", !hasBody(resp):
		return nil
	default:
		return &EncodingError{Host: host, Encoding: encoding}
	}
}

func (l Limit) tooLarge(host string) *LimitError {
	return &LimitError{Host: host, Bound: BoundBody, Bytes: orDefault(l.MaxBody, DefaultMaxBody)}
}

// explain makes a LimitError of the errors that net/http has for bounds. It
// has no types for them; the texts are those of Go 1.26, and a test holds them.
func (l Limit) explain(ctx context.Context, host string, err error) error {
	if late := lateness(ctx); late != nil {
		return late
	}
	text := err.Error()
	if strings.Contains(text, "server response headers exceeded") ||
		strings.Contains(text, "response header list larger than advertised limit") {
		return &LimitError{Host: host, Bound: BoundHeader, Bytes: orDefault(l.MaxHeader, DefaultMaxHeader), Err: err}
	}
	return err
}

// lateness is the LimitError that ended ctx, or nil where ctx goes on or was
// ended by its caller.
func lateness(ctx context.Context) *LimitError {
	late, _ := errors.AsType[*LimitError](context.Cause(ctx))
	return late
}

// limitedBody hands out at most left bytes and ends the request's context with
// the body.
type limitedBody struct {
	src      io.ReadCloser
	ctx      context.Context
	cancel   context.CancelFunc
	tooLarge *LimitError
	left     int64
	err      error // sticky
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more than allowed, to tell "full" from "too large"
	}
	n, err := b.src.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), b.tooLarge
	} else if err != nil && err != io.EOF {
		if late := lateness(b.ctx); late != nil {
			err = late
		}
	}
	b.left -= int64(n)
	if err != nil {
		b.err = err
		b.cancel()
	}
	return n, err
}

func (b *limitedBody) Close() error {
	defer b.cancel()
	return b.src.Close()
}

// gzipBody decodes a body that net/http left encoded because the request asked
// for gzip itself. The gzip header is read with the first Read, not before.
type gzipBody struct {
	src io.ReadCloser
	zr  *gzip.Reader
}

func (g *gzipBody) Read(p []byte) (int, error) {
	if g.zr == nil {
		zr, err := gzip.NewReader(g.src)
		if err != nil {
			return 0, err
		}
		g.zr = zr
	}
	return g.zr.Read(p)
}

func (g *gzipBody) Close() error { return g.src.Close() }

func isGzip(resp *http.Response) bool {
	return hasBody(resp) && contentEncoding(resp) == "gzip"
}

func contentEncoding(resp *http.Response) string {
	return strings.ToLower(strings.TrimSpace(strings.Join(resp.Header.Values("Content-Encoding"), ",")))
}

func hasBody(resp *http.Response) bool {
	return resp.Request.Method != http.MethodHead && resp.Body != http.NoBody
}

// markDecoded describes the decoded body as net/http does after its own
// decoding.
func markDecoded(resp *http.Response) {
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	resp.Uncompressed = true
}

func orDefault[T ~int64](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
