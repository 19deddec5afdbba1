package transport

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Follow sends a request and goes where the answers lead. Credentials stay with the
// origin of the first request: from the first redirect to another one on, to the end
// of the chain, requests go by Bare and without what [DropCredentials] takes out.
// They do not come back either: who was sent away may be sent back to a place that
// somebody else chose.
type Follow struct {
	Base http.RoundTripper // authorizes
	Bare http.RoundTripper // does not
	Max  int               // redirects; negative for no end

	// Next is the request that follows an answer; nil where it is the last one.
	Next func(r *http.Request, response *http.Response) (*http.Request, error)

	// Passed is told of each answer that was followed, without its body. May be nil.
	Passed func(*http.Response)
}

// RoundTrip returns the answer at the end, whose Request is the one that got it. One
// redirect too many is a *RedirectError.
func (f Follow) RoundTrip(r *http.Request) (*http.Response, error) {
	way, first := f.Base, r.URL
	for hops := 0; ; hops++ {
		response, err := way.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		next, err := f.Next(r, response)
		if next == nil && err == nil {
			response.Request = r
			return response, nil
		}
		drain(response)
		if err == nil && f.Max >= 0 && hops >= f.Max {
			err = &RedirectError{Limit: f.Max}
		}
		if err != nil {
			return nil, err
		}
		if f.Passed != nil {
			f.Passed(response)
		}
		if !SameOrigin(first, next.URL) {
			way = f.Bare
			DropCredentials(next.Header)
		}
		r = next
	}
}

// drain reads what little the answer may have, so that its connection serves again.
func drain(response *http.Response) {
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	_ = response.Body.Close()
}

// SameOrigin reports whether two URLs have the same scheme, host and port, by the
// rules of [Origins].
func SameOrigin(a, b *url.URL) bool {
	one, err := originOf(a)
	if err != nil {
		return false
	}
	other, err := originOf(b)
	return err == nil && one == other
}

// DropCredentials takes out of h what may prove who the caller is: Authorization,
// cookies, API keys, all of X-Amz-*, and whatever calls itself a token, a key or the
// like.
func DropCredentials(h http.Header) {
	for name := range h {
		if provesCaller(strings.ToLower(name)) {
			delete(h, name)
		}
	}
}

func provesCaller(name string) bool {
	if strings.HasPrefix(name, "x-amz-") {
		return true
	}
	for _, word := range []string{"auth", "cookie", "token", "secret", "key", "credential", "password", "session", "signature"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// Told is a URL for messages, which end up in logs: without what in its query may prove
// who the caller is, or be a password by itself, as in a presigned URL. A word without
// a name may be that, too.
func Told(u *url.URL) string {
	told := *u
	var parts []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, named := strings.Cut(part, "=")
		switch plain := strings.ToLower(name); {
		case !named && part != "":
			part = "…"
		case value != "" && (provesCaller(plain) || strings.Contains(plain, "sig") || plain == "code"):
			part = name + "=…"
		}
		parts = append(parts, part)
	}
	told.RawQuery = strings.Join(parts, "&")
	return told.Redacted()
}
