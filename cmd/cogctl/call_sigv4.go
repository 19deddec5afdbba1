package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/request"
	"github.com/cogctl/cogctl/internal/sigv4"
	"github.com/cogctl/cogctl/internal/transport"
)

// payloadHeader carries the hash of the body; one that was typed says what to sign.
const payloadHeader = "X-Amz-Content-Sha256"

// signing signs requests with AWS credentials, and heeds what a refusal says of the
// signature.
type signing struct {
	inquiry
	signer sigv4.Signer
	source awscred.Source // found with the first request
	from   string         // where the credentials are from, for people
	used   awscred.Credentials

	typed  *url.URL      // what was asked for; nil when there are no redirects
	scope  sigv4.Scope   // what the server said is right, for typed
	ahead  time.Duration // of the server's clock, by its last answer
	heeded sigv4.Lesson  // the kinds of advice that were taken
	last   sigv4.Lesson
	quiet  bool
}

func (q inquiry) signing() *signing {
	once := q.options.pathStyle == pathOnce
	return &signing{inquiry: q, signer: sigv4.Signer{SinglePathEncoding: once, KeepPath: once}}
}

// unsignedPayload tells that the body is not part of the signature.
func (o *requestOptions) unsignedPayload() bool {
	r := http.Request{Header: http.Header{}}
	for _, header := range o.spec.Headers {
		if name, value, found := bytes.Cut([]byte(header), []byte(":")); found {
			r.Header.Set(string(bytes.TrimSpace(name)), string(bytes.TrimSpace(value)))
		}
	}
	return r.Header.Get(payloadHeader) == sigv4.UnsignedPayload
}

// payloadHash is what is signed of the body: its SHA-256, or what was typed in its
// place, as with curl.
func (s *signing) payloadHash(r *http.Request) (string, error) {
	if typed := r.Header.Get(payloadHeader); typed != "" {
		return typed, nil
	}
	if sc, err := s.scopeFor(r); err == nil && sc.Service == latticeService {
		return sigv4.UnsignedPayload, nil
	}
	if r.Body == nil || r.Body == http.NoBody {
		return sigv4.EmptyPayload, nil
	}
	if r.GetBody == nil {
		return "", &request.RewindError{}
	}
	body, err := r.GetBody()
	if err != nil {
		return "", err
	}
	defer body.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, whileAwaited{r.Context(), body}); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// latticeService is VPC Lattice, which does not sign bodies (UNCONFIRMED that it
// would refuse a hash).
const latticeService = "vpc-lattice-svcs"

// whileAwaited reads as long as somebody waits for it.
type whileAwaited struct {
	ctx context.Context
	io.Reader
}

func (w whileAwaited) Read(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.Reader.Read(p)
}

// isTyped tells the request that was asked for from one that a redirect chose. A
// server that could choose both the request and the service that it is signed for
// would have got a signature for any service, to hand on.
func (s *signing) isTyped(r *http.Request) bool { return s.typed == nil || *r.URL == *s.typed }

// scopeFor is the region and the service to sign for: as told by flags, by the
// server, by the host's name; a custom domain is execute-api's, in the profile's
// region.
func (s *signing) scopeFor(r *http.Request) (sigv4.Scope, error) {
	host := cmp.Or(r.Host, r.URL.Host)
	var learnt sigv4.Scope
	if s.isTyped(r) {
		learnt = s.scope
	}
	sc, _ := sigv4.ScopeOf(host)
	region := s.profile.Get("region")
	if region.Origin.Kind == config.KindFlag {
		sc.Region = region.Text
	}
	sc.Region = cmp.Or(learnt.Region, sc.Region, region.Text)
	sc.Service = cmp.Or(s.options.service, learnt.Service, sc.Service, "execute-api")
	if sc.Region == "" {
		return sc, hinted(usagef("no region to sign for: %s does not name one, and the profile has none", host), "--region REGION, or COGCTL_REGION")
	}
	return sc, nil
}

// credentials finds those to sign with.
func (s *signing) credentials(ctx context.Context) (awscred.Credentials, error) {
	var err error
	if s.source == nil {
		if s.source, s.from, err = s.app.awsSource(s.profile, s.options.aws); err != nil {
			return awscred.Credentials{}, err
		}
	}
	s.used, err = s.source(ctx)
	return s.used, err
}

// sign is a transport.Authorizer. An Authorization header that was typed stays.
func (s *signing) sign(ctx context.Context, r *http.Request, payloadHash string) (transport.Trace, error) {
	if len(r.Header.Values("Authorization")) > 0 {
		return transport.Trace{}, nil
	}
	sc, err := s.scopeFor(r)
	if err != nil {
		return transport.Trace{}, &tokenError{err}
	}
	c, err := s.credentials(ctx)
	if err != nil {
		return transport.Trace{}, &tokenError{err}
	}
	trace, err := s.signer.Sign(r, payloadHash, signingKeys(c), sc, s.now())
	if err != nil {
		return transport.Trace{}, &tokenError{withCode(exitUsage, err)}
	}
	return transport.Trace{
		Scheme: sigv4.Algorithm, Headers: []string{"Authorization", "X-Amz-Date"},
		Facts: []transport.Fact{{Name: "credential", Value: trace.Credential}, {Name: "signed", Value: trace.SignedHeaders}},
	}, nil
}

// signingKeys is the part of credentials that signs.
func signingKeys(c awscred.Credentials) sigv4.Credentials {
	return sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

// now is the server's time, as far as it is known.
func (s *signing) now() time.Time { return s.app.now().Add(s.ahead) }

// resigning sends a request and, where its refusal says how to sign it, once more.
type resigning struct {
	base    http.RoundTripper // signs
	signing *signing
}

// RoundTrip implements http.RoundTripper.
func (w resigning) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		response, err := w.base.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		again, err := w.signing.heed(r, response)
		if !again || err != nil {
			return response, err
		}
		_ = response.Body.Close()
		r = r.Clone(r.Context())
		if err := request.Rewind(r); err != nil {
			return nil, err
		}
	}
}

// maxRefusal is how much of a refusal is read to learn from it.
const maxRefusal = 64 << 10

// heed tells whether to sign again: each kind of advice is taken once, and told.
func (s *signing) heed(r *http.Request, response *http.Response) (again bool, err error) {
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	default:
		return false, nil
	}
	if len(r.Header.Values("Authorization")) > 0 {
		return false, nil
	}
	head, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	response.Body = rejoined{io.MultiReader(bytes.NewReader(head), failing{err}, response.Body), response.Body}
	s.last = sigv4.LessonOf(response.Header, head)
	for _, heeds := range []func(*http.Request, *http.Response) (bool, error){s.heedClock, s.heedScope, s.heedExpiry} {
		if again, err := heeds(r, response); again || err != nil {
			return again, err
		}
	}
	return false, nil
}

// tell warns of advice that was taken, but for call -s.
func (s *signing) tell(format string, args ...any) {
	if !s.quiet {
		s.app.warn(fmt.Sprintf(format, args...))
	}
}

// mostAhead is how far in the future a signature may be made for a server's clock: it
// stays good until then, and whoever has it may wait.
const mostAhead = 24 * time.Hour

// heedClock signs by the server's clock. A time that was given stays.
func (s *signing) heedClock(r *http.Request, response *http.Response) (bool, error) {
	date, err := http.ParseTime(response.Header.Get("Date"))
	if !s.last.Clock || s.heeded.Clock || err != nil || r.Header.Get("X-Amz-Date") != "" {
		return false, nil
	}
	s.heeded.Clock = true
	ahead := date.Sub(s.app.now()).Round(time.Second)
	if ahead.Abs() < time.Minute || ahead > mostAhead {
		return false, nil // the clock is right, or nobody can tell: the request itself took too long
	}
	s.ahead = ahead
	direction := "behind"
	if s.ahead < 0 {
		direction = "ahead of"
	}
	s.tell("the clock of this machine is about %s %s that of %s: signed again by the server's time",
		strings.TrimSuffix(s.ahead.Abs().Round(time.Minute).String(), "0s"), direction, r.URL.Host)
	return true, nil
}

// heedScope signs for what the server says it is. What flags say stays.
func (s *signing) heedScope(r *http.Request, _ *http.Response) (bool, error) {
	sc, err := s.scopeFor(r)
	if err != nil || !s.isTyped(r) {
		return false, err
	}
	said := s.last.Scope
	if s.options.service == "" && said.Service != "" && said.Service != sc.Service && s.heeded.Scope.Service == "" {
		s.heeded.Scope.Service, s.scope.Service = said.Service, said.Service
		s.tell("%s is of the service %s, not %s: signed again for it; --service %[2]s spares the detour", r.URL.Host, said.Service, sc.Service)
		return true, nil
	}
	if s.profile.Get("region").Origin.Kind != config.KindFlag && said.Region != "" && said.Region != sc.Region && s.heeded.Scope.Region == "" {
		s.heeded.Scope.Region, s.scope.Region = said.Region, said.Region
		s.tell("%s is in the region %s, not %s: signed again for it; --region %[2]s spares the detour", r.URL.Host, said.Region, sc.Region)
		return true, nil
	}
	return false, nil
}

// heedExpiry looks for other credentials.
func (s *signing) heedExpiry(r *http.Request, _ *http.Response) (bool, error) {
	if !s.last.Expired || s.heeded.Expired {
		return false, nil
	}
	s.heeded.Expired = true
	old := s.used
	if err := s.app.expireAWS(r.Context(), s.profile, s.options.aws, old); err != nil {
		return false, &tokenError{err}
	}
	s.source = nil
	found, err := s.credentials(r.Context())
	if err != nil {
		return false, &tokenError{err}
	}
	return signingKeys(found) != signingKeys(old), nil
}

// expireAWS makes the identity pool be asked anew: a server has found used to be over,
// whatever the local clock says. What somebody else has renewed meanwhile stays. The
// caller's own credentials are looked for with each new source anyway.
func (a *app) expireAWS(ctx context.Context, p *config.Profile, o awsOptions, used awscred.Credentials) error {
	if used.IdentityID == "" {
		return nil
	}
	i, err := a.identity(p, o)
	if err != nil {
		return err
	}
	login, err := i.login(ctx)
	if err != nil {
		return err
	}
	_, err = i.dir.Update(ctx, i.key(login), func(_ context.Context, held awscred.Held, _ bool) (awscred.Held, error) {
		if held.Credentials.AccessKeyID == used.AccessKeyID {
			held.Credentials.Expires = a.now()
		}
		return held, nil
	})
	return a.unsaved(err)
}

// advice is what may help after a refusal that could not be mended.
func (s *signing) advice() string {
	switch {
	case s.last.Clock:
		return "the time of the signature was refused: check the clock of this machine, and an X-Amz-Date that was given"
	case s.last.Scope.Service != "":
		return "--service " + s.last.Scope.Service
	case s.last.Scope.Region != "":
		return "--region " + s.last.Scope.Region
	case s.last.Region:
		return "--region names the API's region"
	case s.last.Expired:
		return "the AWS credentials have expired: renew them, or sign in again"
	}
	return ""
}

// rejoined is a body of which the beginning was read.
type rejoined struct {
	io.Reader
	io.Closer
}

// failing ends a body as its first reading ended, if not well.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}
