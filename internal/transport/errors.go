package transport

import (
	"fmt"
	"strings"
	"time"
)

// Reason says why credentials may not go to an origin.
type Reason string

// The reasons of an OriginError.
const (
	ReasonForeign  Reason = "foreign"  // an origin that nothing allows
	ReasonPlain    Reason = "plain"    // plain http beyond loopback
	ReasonUserinfo Reason = "userinfo" // user name or password in the URL
	ReasonNoOrigin Reason = "none"     // not an http(s) URL with a host
)

// OriginError refuses to send credentials to a URL. Nothing was connected to.
type OriginError struct {
	Origin  string // of the URL: scheme://host, with the port where it is not the default
	Reason  Reason
	Allowed []string // for ReasonForeign: where they may go
}

// Error names the origin, the allowed ones, and the flag that allows this one.
func (e *OriginError) Error() string {
	switch e.Reason {
	case ReasonUserinfo:
		return fmt.Sprintf(`the URL of %s has a user name or password before its "@": take them out`, e.Origin)
	case ReasonPlain:
		return fmt.Sprintf("%s is plain http, credentials would be readable on the way: use https, or allow it with --auth-to %s", e.Origin, e.Origin)
	case ReasonForeign:
		allowed := "none is configured"
		if len(e.Allowed) > 0 {
			allowed = strings.Join(e.Allowed, ", ")
		}
		return fmt.Sprintf("credentials do not go to %s (allowed: %s): allow it with --auth-to %s", e.Origin, allowed, e.Origin)
	}
	return fmt.Sprintf("credentials go to http(s) URLs with a host only, not to %q", e.Origin)
}

// RedirectError ends a chain of redirects (curl's exit code 47).
type RedirectError struct{ Limit int }

func (e *RedirectError) Error() string {
	return fmt.Sprintf("more than %d redirects", e.Limit)
}

// PlainHTTPError refuses plain http beyond loopback in a Limit.
type PlainHTTPError struct{ Host string }

func (e *PlainHTTPError) Error() string {
	return fmt.Sprintf("http://%s is plain http beyond this machine: use https", e.Host)
}

// Bound names what a LimitError ran into.
type Bound string

// The bounds of a Limit.
const (
	BoundBody   Bound = "body"
	BoundHeader Bound = "header"
	BoundTime   Bound = "time"
)

// LimitError ends an answer that is larger or slower than any honest one.
type LimitError struct {
	Host  string // of the URL, with its port if it has one
	Bound Bound
	Bytes int64         // the limit, for BoundBody (after decompression) and BoundHeader
	After time.Duration // the limit, for BoundTime
	Err   error         // what the transport said, may be nil
}

func (e *LimitError) Error() string {
	switch e.Bound {
	case BoundTime:
		return fmt.Sprintf("%s did not finish its answer within %v", e.Host, e.After)
	case BoundHeader:
		return fmt.Sprintf("%s sent more than %s of headers", e.Host, size(e.Bytes))
	}
	return fmt.Sprintf("%s sent more than %s", e.Host, size(e.Bytes))
}

// Timeout makes a BoundTime a timeout for net.Error.
func (e *LimitError) Timeout() bool { return e.Bound == BoundTime }

// Temporary completes net.Error.
func (e *LimitError) Temporary() bool { return false }

func (e *LimitError) Unwrap() error { return e.Err }

// EncodingError refuses a content encoding that nobody asked for and that
// cannot be measured while it is decoded.
type EncodingError struct{ Host, Encoding string }

func (e *EncodingError) Error() string {
	return fmt.Sprintf("%s answered with the content encoding %q, which was not asked for", e.Host, e.Encoding)
}

func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
