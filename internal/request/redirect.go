package request

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Redirected is the request that follows the answer to r, as curl -L makes it; nil
// where the answer leads nowhere else. Its context and headers are those of r, but
// for what describes a body that is not sent again: whether the credentials among
// them may go there is for the caller to settle.
//
// A POST becomes a GET after 301, 302 and 303, and after 303 any other method but
// HEAD does, too; 307, 308 and the rest change nothing. A method of -X stays in any
// case, even where its body is dropped.
//
// The errors are about the answer, and *RewindError.
func (s Spec) Redirected(r *http.Request, response *http.Response) (*http.Request, error) {
	location := response.Header.Get("Location")
	if response.StatusCode < 300 || response.StatusCode > 399 || response.StatusCode == http.StatusNotModified || location == "" {
		return nil, nil
	}
	u, err := locate(r.URL, location)
	if err != nil {
		return nil, fmt.Errorf("HTTP %d leads to no URL to follow: %v", response.StatusCode, err)
	}
	next := r.Clone(r.Context())
	next.URL = u
	if sameHost := u.Scheme == r.URL.Scheme && u.Host == r.URL.Host; !sameHost {
		next.Host = hostHeader(u) // one that was typed belongs to the first
	}
	if s.dropsBody(r.Method, response.StatusCode) {
		next.Body, next.GetBody, next.ContentLength = nil, nil, 0
		next.Header.Del("Content-Type")
		if !s.Custom {
			next.Method = http.MethodGet
		}
		return next, nil
	}
	return next, Rewind(next)
}

// dropsBody tells whether a redirect goes on with GET. What the method of -X stands
// for is told by the body, as it is by curl.
func (s Spec) dropsBody(method string, status int) bool {
	if s.Custom {
		method = http.MethodGet
		if len(s.Data) > 0 {
			method = http.MethodPost
		} else if s.Upload != "" {
			method = http.MethodPut
		}
	}
	switch status {
	case http.StatusMovedPermanently, http.StatusFound:
		return method == http.MethodPost
	case http.StatusSeeOther:
		return method != http.MethodGet && method != http.MethodHead
	}
	return false
}

// locate resolves the Location of an answer against the URL that was asked.
func locate(from *url.URL, location string) (*url.URL, error) {
	if !hasScheme(location) {
		// What cannot stand in a path or a query is escaped before it is parsed.
		path, query, hasQuery := strings.Cut(location, "?")
		location = escapeBytes(path, func(c byte) bool { return c == ' ' || c > 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 })
		if hasQuery {
			location += "?" + escapeQuery(query)
		}
		relative, err := url.Parse(location)
		if err != nil {
			return nil, fmt.Errorf("a Location that is no URL")
		}
		location = from.ResolveReference(relative).String()
	}
	u, err := parseURL("Location", location)
	if err != nil {
		return nil, err
	}
	return u, nil
}

// Rewind gives r its body anew, from the beginning.
func Rewind(r *http.Request) error {
	switch {
	case r.Body == nil || r.Body == http.NoBody:
		return nil
	case r.GetBody == nil:
		return &RewindError{}
	}
	body, err := r.GetBody()
	r.Body = body
	return err
}

// RewindError is a body that cannot be sent a second time (curl's exit code 65).
type RewindError struct{}

func (e *RewindError) Error() string {
	return "the body of -T - streams from a pipe and cannot be sent again"
}

// Hint says what can be.
func (e *RewindError) Hint() string {
	return "--data-binary @- keeps it until it is sent, and -T FILE reads it again"
}
