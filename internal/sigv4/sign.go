package sigv4

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Signer signs requests. The zero value does what API Gateway and most services
// expect. It is safe for concurrent use once its fields are set, and keeps the
// keys it derived: use one for many requests.
type Signer struct {
	// SinglePathEncoding encodes the path once, as S3 has it, also for other
	// services; S3's own path is always encoded once.
	SinglePathEncoding bool
	// KeepPath leaves dot segments and double slashes in the canonical path. It
	// is so for S3 always. The path that is sent is never changed.
	KeepPath bool
	// TokenAfterSigning adds the session token after signing, so that it is not
	// signed; AWS IoT wants that.
	TokenAfterSigning bool
	// PayloadHeader sends X-Amz-Content-Sha256 also where the service does
	// without, which a Lambda function URL behind CloudFront needs.
	PayloadHeader bool
	// SignAll signs every header but those that change on the way. Headers names
	// more headers to sign, in any spelling; one that is not sent is not signed.
	SignAll bool
	Headers []string

	cache keyCache
}

// Validity is when a presigned URL is good: from Now, for Expires, which counts
// in whole seconds, one second to seven days.
type Validity struct {
	Now     time.Time
	Expires time.Duration
}

// maxExpires is what AWS allows at most (S3 API reference, X-Amz-Expires).
const maxExpires = 7 * 24 * time.Hour

// Sign signs r in the header form. It sets Authorization, X-Amz-Date,
// X-Amz-Security-Token when c has one, X-Amz-Content-Sha256 for services that
// want it, and r.Host, from which a default port is taken away: servers compute
// the signature without it. Path and query are not touched.
//
// payloadHash is that of the body (PayloadHash, EmptyPayload), or
// UnsignedPayload where the service takes that. An X-Amz-Date on r, in the form
// 20240115T120000Z, is the time of signing instead of now; so to sign r again
// later, delete it first. On an error r is as it was.
func (s *Signer) Sign(r *http.Request, payloadHash string, c Credentials, sc Scope, now time.Time) (Trace, error) {
	j := job{signer: s, request: r, payloadHash: payloadHash, credentials: c, scope: sc, traits: traitsOf(sc.Service)}
	if err := j.prepare(now); err != nil {
		return Trace{}, err
	}
	j.setHeaders()
	var fieldRoom [12]field
	fields := s.fields(fieldRoom[:0], r)

	var space [2048]byte
	buf, canonical, signature := j.sign(space[:0], j.query, fields)
	signed := len(buf)
	buf = append(buf, Algorithm+" Credential="...)
	credential := len(buf)
	buf = j.appendCredential(buf)
	credentialEnd := len(buf)
	buf = append(buf, ", SignedHeaders="...)
	names := len(buf)
	buf = appendNames(buf, fields)
	namesEnd := len(buf)
	buf = append(buf, ", Signature="...)
	buf = append(buf, signature[:]...)

	all := string(buf) // one allocation for all that the trace and the header say
	r.Header[authorizationHeader] = []string{all[signed:]}
	if s.TokenAfterSigning && c.SessionToken != "" {
		r.Header[tokenHeader] = []string{c.SessionToken}
	}
	return Trace{
		CanonicalRequest: all[:canonical],
		StringToSign:     all[canonical:signed],
		Signature:        all[len(all)-len(signature):],
		SignedHeaders:    all[names:namesEnd],
		Scope:            sc,
		Credential:       all[credential:credentialEnd],
		Time:             j.at,
	}, nil
}

// Presign signs r in the query form: it appends to r.URL.RawQuery what a server
// needs, and the URL, sent with r's method, signed headers and body, is good for
// as long as v says. Authorization, X-Amz-Date (which fixes the time as in Sign)
// and X-Amz-Security-Token are taken off the headers. The session token is part
// of the URL.
//
// For S3 the hash is usually UnsignedPayload; another goes into the URL as
// X-Amz-Content-Sha256 (UNCONFIRMED). A query in r.URL.Opaque is an error.
func (s *Signer) Presign(r *http.Request, payloadHash string, c Credentials, sc Scope, v Validity) (Trace, error) {
	if v.Expires < time.Second || v.Expires > maxExpires {
		return Trace{}, fmt.Errorf("cannot presign for %v: a presigned URL is good for 1 second to 7 days", v.Expires)
	}
	j := job{signer: s, request: r, payloadHash: payloadHash, credentials: c, scope: sc, traits: traitsOf(sc.Service)}
	if err := j.prepare(v.Now); err != nil {
		return Trace{}, err
	}
	if strings.Contains(r.URL.Opaque, "?") { // the signature's place is RawQuery
		return Trace{}, errors.New("cannot presign: the query belongs into RawQuery, and Opaque holds one")
	}
	for _, name := range []string{algorithmParam, credentialParam, dateParam, expiresParam, signedHeadersParam, tokenParam} {
		if _, count := parameter(j.query, name); count > 0 {
			return Trace{}, fmt.Errorf("cannot presign: the query holds %s already", name)
		}
	}
	r.Host = j.host
	for _, name := range []string{authorizationHeader, dateHeader, tokenHeader} {
		r.Header.Del(name)
	}
	fields := s.fields(nil, r)
	names := string(appendNames(nil, fields))
	sent := j.presignQuery(names, v.Expires)
	covered := sent
	if c.SessionToken != "" {
		sent += "&" + tokenParam + "=" + string(appendRaw(nil, c.SessionToken))
	}
	if !s.TokenAfterSigning {
		covered = sent
	}
	buf, canonical, signature := j.sign(nil, covered, fields)
	r.URL.RawQuery = sent + "&" + signatureParam + "=" + string(signature[:])
	return Trace{
		CanonicalRequest: string(buf[:canonical]),
		StringToSign:     string(buf[canonical:]),
		Signature:        string(signature[:]),
		SignedHeaders:    names,
		Scope:            sc,
		Credential:       string(j.appendCredential(nil)),
		Time:             j.at,
	}, nil
}
