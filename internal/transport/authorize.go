// Package transport holds the [http.RoundTripper]s that stand between cogctl
// and the network.
//
// Each does one thing, and they nest. [Authorize] attaches credentials, and
// only after [Origins] has agreed to the URL. [Limit] bounds every answer that
// is not the user's own API call: size after decompression, headers, time.
// [Record] tells what happened in fields that hold no secret. [Phases] marks a
// failure with how far the request got, from which [CurlCode] finds the number
// that curl would have exited with.
//
// Redirects go through the RoundTripper again, so that a rule placed here
// holds for every request that leaves, not only for the first.
package transport

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/cogctl/cogctl/internal/loopback"
)

// Authorizer attaches credentials to r, in place, and says what it attached.
// payloadHash is the SHA-256 of the body in lower-case hex where a PayloadHash
// was configured, else "". A bearer does not need it.
type Authorizer func(ctx context.Context, r *http.Request, payloadHash string) (Trace, error)

// Trace tells what an Authorizer attached, for --dry-run and --debug. It holds
// names and public values, never a credential.
type Trace struct {
	Scheme  string   // "Bearer", "AWS4-HMAC-SHA256"; "" when nothing was attached
	Headers []string // names of the headers that were set
	Facts   []Fact   // such as {"token_use", "id"}
}

// Fact is one public detail of a Trace.
type Fact struct{ Name, Value string }

// Authorize attaches credentials to each request, to allowed origins only. The
// caller's request is left as it was, and its body is streamed.
type Authorize struct {
	Base       http.RoundTripper
	Origins    Origins
	Authorizer Authorizer // nil attaches nothing, and then every URL is allowed

	// PayloadHash gives the Authorizer's payloadHash. It must leave the
	// body of r readable from its start. May be nil.
	PayloadHash func(r *http.Request) (string, error)

	// Traced is told of each success. May be nil.
	Traced func(Trace)
}

// RoundTrip checks the origin, which for a refused one ends in an *OriginError
// before a connection opens and before the Authorizer is asked; then it
// authorizes a copy of r and sends it.
func (a Authorize) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.Authorizer == nil {
		return a.Base.RoundTrip(r)
	}
	out, err := a.authorized(r)
	if err != nil {
		// The http.RoundTripper contract: the body is closed on errors too.
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	return a.Base.RoundTrip(out)
}

func (a Authorize) authorized(r *http.Request) (*http.Request, error) {
	if err := a.Check(r); err != nil {
		return nil, err
	}
	out := r.Clone(r.Context())
	if out.Header == nil {
		out.Header = make(http.Header)
	}
	var hash string
	if a.PayloadHash != nil {
		var err error
		if hash, err = a.PayloadHash(out); err != nil {
			return nil, err
		}
	}
	trace, err := a.Authorizer(out.Context(), out, hash)
	if err != nil {
		return nil, err
	}
	if a.Traced != nil {
		a.Traced(trace)
	}
	return out, nil
}

// Check applies the origin rule to the URL, and to a Host header that differs
// from it: a shared front end (API Gateway, CloudFront, an ALB) chooses by Host
// whose backend gets the request, so that a foreign Host is a foreign
// destination. On loopback there is no such front end, and setting Host is how
// one tries virtual hosts.
func (a Authorize) Check(r *http.Request) error {
	if err := a.Origins.Check(r.URL); err != nil {
		return err
	}
	if r.Host == "" || r.Host == r.URL.Host || loopback.IsLoopback(r.URL.Hostname()) {
		return nil
	}
	named, err := url.Parse(r.URL.Scheme + "://" + r.Host)
	if err != nil || named.Path != "" || named.RawQuery != "" {
		return &OriginError{Origin: r.URL.Scheme + "://" + r.Host, Reason: ReasonNoOrigin}
	}
	return a.Origins.Check(named)
}

// Bearer sends the token of the source as "Authorization: Bearer …" (RFC 6750
// section 2.1). An Authorization header that the request already has stays,
// and the source is not asked. A token with other characters than RFC 6750
// allows is an error, which does not show it.
func Bearer(source func(context.Context) (string, error)) Authorizer {
	return func(ctx context.Context, r *http.Request, _ string) (Trace, error) {
		if len(r.Header.Values("Authorization")) > 0 {
			return Trace{}, nil
		}
		token, err := source(ctx)
		if err != nil {
			return Trace{}, err
		}
		if !isToken68(token) {
			return Trace{}, errors.New("the token is empty or has characters that no bearer token has")
		}
		r.Header.Set("Authorization", "Bearer "+token)
		return Trace{Scheme: "Bearer", Headers: []string{"Authorization"}}, nil
	}
}

// isToken68 is the b64token of RFC 6750 section 2.1.
func isToken68(s string) bool {
	end := len(s)
	for end > 0 && s[end-1] == '=' {
		end--
	}
	for i := range end {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~', c == '+', c == '/':
		default:
			return false
		}
	}
	return end > 0
}
