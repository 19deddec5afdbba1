package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/cogctl/cogctl/internal/request"
	"github.com/cogctl/cogctl/internal/transport"
)

// send makes the call and delivers the answer.
func (c *call) send() error {
	response, err := c.way().RoundTrip(c.request)
	c.app.flush()
	if err != nil {
		return c.failed(err)
	}
	defer response.Body.Close()
	if isTerminal(c.app.stdout) {
		c.output.Newline = "\n"
	}
	out := &lastByte{Writer: c.app.foreign()}
	if err := c.output.Deliver(response, out, createOutput); err != nil {
		return c.failed(err)
	}
	if isTerminal(c.app.stdout) && out.last != 0 && out.last != '\n' {
		fmt.Fprintln(c.app.stdout) // so that what comes next has a line of its own
	}
	if code := c.output.ExitCode(response.StatusCode); code != exitOK {
		return withCode(code, c.unwanted(response))
	}
	return nil
}

// way is the way to the API, and back from where a redirect leads.
func (c *call) way() http.RoundTripper {
	bare := c.app.api()
	var way http.RoundTripper = c.authorized(bare)
	if c.auth == "sigv4" {
		way = resigning{way, c.signing}
	}
	if !c.location {
		return way
	}
	return transport.Follow{
		Base: way,
		Bare: roundTripper(func(r *http.Request) (*http.Response, error) {
			c.away = true
			return bare.RoundTrip(r)
		}),
		Max:    c.maxRedirects,
		Next:   c.options.spec.Redirected,
		Passed: func(response *http.Response) { c.output.Passed = append(c.output.Passed, response) },
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// authorized is the way past the rule where credentials may go.
func (c *call) authorized(base http.RoundTripper) transport.Authorize {
	way := transport.Authorize{Base: base, Origins: c.origins}
	switch c.auth {
	case "none":
		// An API key goes where it may; without one, everybody may be called.
		if c.keyFits(c.request) && way.Check(c.request) == nil {
			way.Authorizer = c.withKey(nil)
		}
	case "sigv4":
		way.PayloadHash = c.signing.payloadHash
		way.Authorizer = c.withKey(func(ctx context.Context, r *http.Request, hash string) (transport.Trace, error) {
			trace, err := c.signing.sign(ctx, r, hash)
			if trace.Scheme != "" {
				c.sent = "a signature by " + c.signing.from
			}
			return trace, err
		})
	default:
		way.Authorizer = c.withKey(c.bearer())
	}
	return way
}

// bearer attaches the token. Nothing is looked up before the origin has been found
// to be allowed.
func (c *call) bearer() transport.Authorizer {
	return transport.Bearer(func(ctx context.Context) (string, error) {
		t, err := c.app.token(ctx, wanted{kind: c.asked, fallback: c.auth, min: margin})
		if err != nil {
			return "", &tokenError{err}
		}
		c.sent = fmt.Sprintf("the %s token (%s)", t.Kind, t.From)
		return t.Raw, nil
	})
}

// apiKeyHeader is where API Gateway looks for an API key.
const apiKeyHeader = "X-Api-Key"

// keyFits tells whether there is an API key to send: none goes where one was typed, or
// was dropped by -H 'x-api-key:'.
func (q inquiry) keyFits(r *http.Request) bool {
	return q.api.Key.Set() && len(r.Header.Values(apiKeyHeader)) == 0 && !q.options.drops(apiKeyHeader)
}

// withKey adds the API key to what next attaches, which may be nil.
func (q inquiry) withKey(next transport.Authorizer) transport.Authorizer {
	return func(ctx context.Context, r *http.Request, hash string) (trace transport.Trace, err error) {
		if next != nil {
			if trace, err = next(ctx, r, hash); err != nil {
				return trace, err
			}
		}
		if !q.keyFits(r) {
			return trace, nil
		}
		key, err := q.app.resolve(ctx, q.profile, q.api.Key)
		if err != nil {
			return trace, &tokenError{err}
		}
		r.Header.Set(apiKeyHeader, key)
		trace.Headers = append(trace.Headers, apiKeyHeader)
		return trace, nil
	}
}

// tokenError is trouble on the way to a token, as against on the way to the API.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// lastByte remembers how an answer ended.
type lastByte struct {
	io.Writer
	last byte
}

func (w *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		w.last = p[len(p)-1]
	}
	return w.Writer.Write(p)
}

// failed gives an error of the network curl's number.
func (c *call) failed(err error) error {
	var token *tokenError
	var write *request.WriteError
	switch {
	case errors.As(err, &token):
		return token.err
	case errors.As(err, &write):
		return withCode(23, err)
	}
	if code := transport.CurlCode(err); code != 0 {
		return withCode(code, fmt.Errorf("%s %s: %w", c.request.Method, transport.Told(c.request.URL), err))
	}
	return usage(err)
}

// unwanted says which status came, and what was sent to earn it.
func (c *call) unwanted(response *http.Response) error {
	sent := "without a token"
	switch {
	case c.away:
		sent = "without credentials (a redirect led away from " + c.request.URL.Host + ")"
	case c.request.Header.Get("Authorization") != "":
		sent = "with the Authorization header given"
	case c.sent != "":
		sent = "with " + c.sent
	}
	status := fmt.Sprintf("HTTP %d", response.StatusCode)
	if text := http.StatusText(response.StatusCode); text != "" {
		status += " " + text
	}
	if !c.output.Expect.IsZero() {
		status += ", --expect wants " + c.output.Expect.String()
	}
	err := fmt.Errorf("%s %s, sent %s: %s", response.Request.Method, transport.Told(response.Request.URL), sent, status)
	switch {
	case c.away:
		return err
	case c.signing != nil:
		return hinted(err, "%s", c.signing.advice())
	case wantsSignature(response):
		return hinted(err, "an API with IAM authorization wants a signature: --auth sigv4; a REST API says the same of a path that it does not have")
	}
	return err
}

// wantsSignature knows the two refusals of requests without one, by the header that
// API Gateway adds.
func wantsSignature(response *http.Response) bool {
	kind, _, _ := strings.Cut(response.Header.Get("X-Amzn-Errortype"), ":")
	return kind == "MissingAuthenticationTokenException" || kind == "IncompleteSignatureException"
}

// createOutput makes the file of -o.
func createOutput(name string) (io.WriteCloser, error) { return os.Create(name) }
