// Package request turns what was typed after "cogctl call" into an HTTP
// request, and its answer into output, the way curl does.
//
// The words are curl's and so are their meanings, measured against curl 7.88
// where its manual is silent. It is stricter in three places: what curl drops
// in silence (a -H without a colon, a -d @file that does not exist) is an
// error; so are characters that could split a header; and so are "." and ".."
// segments, because whoever resolves them on the way decides what the path is.
//
// A [Spec] is plain data that flags are collected into. [Spec.Build] alone
// gives it meaning, so that a pasted curl line, once parsed into a Spec, is
// the same request as the flags.
package request

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// Spec is one request as it was typed.
type Spec struct {
	Method    string   // -X or the METHOD operand, sent as given; "" is GET, POST with data, PUT with Upload
	Custom    bool     // Method came by -X, which a redirect keeps
	Target    string   // URL or PATH
	Headers   []string // the values of -H, unparsed
	Data      []Data   // -d, --data-raw, --data-binary, --json, in the order typed
	Upload    string   // -T: the file to send; "-" and "." are standard input
	Spooled   bool     // no body streams without a length, because what is sent must be known before
	UserAgent string   // the default User-Agent; "" is "cogctl"
}

// Opener opens what an @NAME names for reading; "-" is standard input. A file
// that has a Stat method with a size can be sent without being held in memory.
type Opener func(name string) (io.ReadCloser, error)

// Build makes the request. base is the api.url that a PATH is appended to, ""
// where none is configured. Errors are *UsageError, and *FileError for a file
// that could not be read.
//
// A body has GetBody and a known length: it is a regular file that streams and
// can be opened again, or it was spooled. Only that of -T - streams without them,
// unless Spooled is set. The caller who does not send the request closes its Body.
func (s Spec) Build(ctx context.Context, base string, open func(name string) (io.ReadCloser, error)) (*http.Request, error) {
	u, err := Resolve(base, s.Target)
	if err != nil {
		return nil, err
	}
	s.nameUpload(u)
	headers, err := parseHeaders(s.Headers, open)
	if err != nil {
		return nil, err
	}
	method, err := s.method()
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, usagef("%s is not a usable URL: %v", u.Redacted(), err)
	}
	r.URL, r.Host = u, hostHeader(u)
	body, err := s.body(open)
	if err != nil {
		return nil, err
	}
	body.attach(r)
	if err := headers.apply(r, s.defaults()); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	return r, nil
}

func (s Spec) method() (string, error) {
	switch {
	case s.Method == "" && s.Upload != "":
		return http.MethodPut, nil
	case s.Method == "" && len(s.Data) > 0:
		return http.MethodPost, nil
	case s.Method == "":
		return http.MethodGet, nil
	case !isToken(s.Method):
		return "", usagef("the method %q has a character that no HTTP method has", s.Method)
	}
	return s.Method, nil
}

// defaults are the headers that curl adds by itself. One --json is enough to
// make all of the data JSON, wherever it stands.
func (s Spec) defaults() http.Header {
	agent := s.UserAgent
	if agent == "" {
		agent = "cogctl"
	}
	h := http.Header{"User-Agent": {agent}, "Accept": {"*/*"}}
	if len(s.Data) > 0 {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, d := range s.Data {
		if d.Kind == JSON {
			h.Set("Content-Type", "application/json")
			h.Set("Accept", "application/json")
		}
	}
	return h
}

// hostHeader is the Host of u, without a port that the scheme implies: curl
// and browsers leave it out, and a signature over it would be refused.
func hostHeader(u *url.URL) string {
	if p := u.Port(); p == "80" && u.Scheme == "http" || p == "443" && u.Scheme == "https" || p == "" {
		return strings.TrimSuffix(u.Host, ":"+p)
	}
	return u.Host
}

// nameUpload ends a URL that ends in "/" with the name of the file of -T, as curl
// does.
func (s Spec) nameUpload(u *url.URL) {
	if s.Upload == "" || s.Upload == "-" || s.Upload == "." || u.Path != "" && !strings.HasSuffix(u.Path, "/") {
		return
	}
	name := filepath.Base(s.Upload)
	u.RawPath = cmp.Or(u.EscapedPath(), "/") + url.PathEscape(name)
	u.Path = cmp.Or(u.Path, "/") + name
}

// body is what will be sent.
type body struct {
	first io.ReadCloser
	size  int64                         // -1 where it is not known
	again func() (io.ReadCloser, error) // from the beginning; nil where it can be read once
}

func (b *body) attach(r *http.Request) {
	switch {
	case b == nil:
	case b.size == 0:
		r.Body = http.NoBody
		r.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
	default:
		r.Body, r.ContentLength, r.GetBody = b.first, b.size, b.again
	}
}

// UsageError is a command line that means nothing, or nothing safe.
type UsageError struct {
	Text string
	Tip  string // what to type instead, "" where there is nothing to say
}

func (e *UsageError) Error() string { return e.Text }

// Hint is the next thing to type.
func (e *UsageError) Hint() string { return e.Tip }

func usagef(format string, args ...any) *UsageError {
	return &UsageError{Text: fmt.Sprintf(format, args...)}
}

func (e *UsageError) tip(format string, args ...any) *UsageError {
	e.Tip = fmt.Sprintf(format, args...)
	return e
}

// contentLengthFits reports whether a typed Content-Length is the true one.
func contentLengthFits(value string, r *http.Request) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && n == r.ContentLength
}
