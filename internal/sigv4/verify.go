package sigv4

import (
	"crypto/subtle"
	"net/http"
	"strings"
	"time"
)

// Verifier verifies signatures as a service of AWS does. The zero value takes
// any region and service within five minutes.
type Verifier struct {
	// Scope is what the signature has to be made for; an empty field takes any.
	Scope Scope
	// Window is how far the time of signing may lie from the server's, before or
	// after; 0 stands for five minutes. AWS has 5 or 15 by service; that it is 5
	// for execute-api is UNCONFIRMED.
	Window time.Duration
	// SinglePathEncoding, KeepPath and TokenAfterSigning are as in Signer. Without
	// KeepPath one signature fits every path of the same normal form, so that a
	// server must not tell /a/../b from /b.
	SinglePathEncoding, KeepPath, TokenAfterSigning bool
}

// Verify is Verifier.Verify of the zero Verifier.
func Verify(r *http.Request, payloadHash string, find func(id string) (Credentials, bool), now time.Time) (Trace, error) {
	return (&Verifier{}).Verify(r, payloadHash, find, now)
}

// Verify checks the signature of a request that a server has read, in the header
// or the query form. payloadHash is that of the body as it came. find knows the
// credentials of an access key id.
//
// The order of the checks and the texts are those of AWS: a refusal is a
// *VerifyError. The trace is what a right signature would have been computed
// from, as far as it was computed; after a refusal its signature is empty.
func (v *Verifier) Verify(r *http.Request, payloadHash string, find func(id string) (Credentials, bool), now time.Time) (Trace, error) {
	c, err := readClaim(r)
	if err != nil {
		return Trace{}, err
	}
	if err := v.checkTime(c, now.UTC()); err != nil {
		return Trace{}, err
	}
	if err := v.checkScope(c); err != nil {
		return Trace{}, err
	}
	credentials, known := find(c.keyID)
	if !known || credentials.SecretAccessKey == "" {
		return Trace{}, refuse(UnrecognizedClient, "The security token included in the request is invalid.")
	}
	trace := v.trace(r, c, payloadHash)
	want := hexMAC(derive(credentials.SecretAccessKey, c.stamp[:8], c.scope), []byte(trace.StringToSign))
	if subtle.ConstantTimeCompare(want[:], []byte(c.signature)) != 1 {
		return trace, refuse(InvalidSignature, mismatch(trace))
	}
	if stated := c.statedPayload(r); stated != "" && stated != payloadHash && !v.unsigned(c, stated) {
		return trace, refuse(InvalidSignature, "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	if subtle.ConstantTimeCompare([]byte(credentials.SessionToken), []byte(c.token)) != 1 {
		return trace, refuse(UnrecognizedClient, "The security token included in the request is invalid.")
	}
	trace.Signature = c.signature
	return trace, nil
}

// checkTime refuses a signature that is too old, or from the future.
func (v *Verifier) checkTime(c claim, now time.Time) error {
	window := v.Window
	if window == 0 {
		window = 5 * time.Minute
	}
	if earliest := now.Add(-window); c.expires == 0 && c.at.Before(earliest) {
		return refuse(InvalidSignature, "Signature expired: "+c.stamp+" is now earlier than "+
			earliest.Format(timeLayout)+" ("+now.Format(timeLayout)+" - "+minutes(window)+".)")
	}
	if latest := now.Add(window); c.at.After(latest) {
		return refuse(InvalidSignature, "Signature not yet current: "+c.stamp+" is still later than "+
			latest.Format(timeLayout)+" ("+now.Format(timeLayout)+" + "+minutes(window)+".)")
	}
	// UNCONFIRMED: the text for a presigned URL.
	if end := c.at.Add(c.expires); c.expires > 0 && end.Before(now) {
		return refuse(InvalidSignature, "Signature expired: "+now.Format(timeLayout)+" is now later than "+
			end.Format(timeLayout)+" ("+c.stamp+" + "+minutes(c.expires)+".)")
	}
	return nil
}

// checkScope refuses what is signed for another place or day. AWS says all that
// is wrong in one text.
func (v *Verifier) checkScope(c claim) error {
	if !c.signsHost() {
		return refuse(InvalidSignature, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
	}
	var wrong []string
	if v.Scope.Region != "" && c.scope.Region != v.Scope.Region {
		wrong = append(wrong, "Credential should be scoped to a valid region, not '"+c.scope.Region+"'.")
	}
	if v.Scope.Service != "" && c.scope.Service != v.Scope.Service {
		wrong = append(wrong, "Credential should be scoped to correct service: '"+v.Scope.Service+"'.")
	}
	if c.terminator != terminator {
		wrong = append(wrong, "Credential should be scoped with a valid terminator: '"+terminator+"', not '"+c.terminator+"'.")
	}
	if day := c.stamp[:8]; c.date != day {
		wrong = append(wrong, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+
			c.date+"' != '"+day+"', from '"+c.stamp+"'.")
	}
	if wrong != nil {
		return refuse(InvalidSignature, strings.Join(wrong, " "))
	}
	return nil
}

// trace computes what the signature should have been made from.
func (v *Verifier) trace(r *http.Request, c claim, payloadHash string) Trace {
	if stated := c.statedPayload(r); v.unsigned(c, stated) {
		payloadHash = UnsignedPayload
	}
	path, query := incoming(r)
	single := traitsOf(c.scope.Service).singlePath
	rule := pathRule{single: single || v.SinglePathEncoding, keep: single || v.KeepPath}
	buf := append([]byte(nil), methodOf(r)...)
	buf = append(buf, '\n')
	buf = appendPath(buf, path, rule)
	buf = append(buf, '\n')
	buf = appendQuery(buf, query, v.notSigned(c))
	buf = append(buf, '\n')
	for name := range strings.SplitSeq(c.signedHeaders, ";") {
		buf = append(buf, name...)
		buf = append(buf, ':')
		buf = appendReceived(buf, r, name)
		buf = append(buf, '\n')
	}
	buf = append(buf, '\n')
	buf = append(buf, c.signedHeaders...)
	buf = append(buf, '\n')
	buf = append(buf, payloadHash...)
	canonical := len(buf)
	buf = appendStringToSign(buf, c.stamp, c.scope)
	return Trace{
		CanonicalRequest: string(buf[:canonical]),
		StringToSign:     string(buf[canonical:]),
		SignedHeaders:    c.signedHeaders,
		Scope:            c.scope,
		Credential:       c.credential,
		Time:             c.at,
	}
}

// notSigned names the parameters of the query form that the signature leaves out.
func (v *Verifier) notSigned(c claim) func([]byte) bool {
	if !c.query {
		return nil
	}
	return func(name []byte) bool {
		return string(name) == signatureParam || v.TokenAfterSigning && string(name) == tokenParam
	}
}

// unsigned says whether the request may leave its body out of the signature, and
// does. A presigned URL for S3 does so unless it says otherwise.
func (v *Verifier) unsigned(c claim, stated string) bool {
	takes := traitsOf(c.scope.Service)
	return takes.unsignedPayload && (stated == UnsignedPayload || stated == "" && c.query && takes.singlePath)
}

// appendReceived appends the values of a header that a server received. Go keeps
// Host apart, and curl 7.88 sends X-Amz-Date twice but signs it once.
func appendReceived(dst []byte, r *http.Request, name string) []byte {
	switch lower(name) {
	case "host":
		return appendTrimmed(dst, hostOf(r))
	case "content-length":
		if len(r.Header["Content-Length"]) == 0 {
			return append(dst, contentLength(r)...)
		}
	}
	values := r.Header.Values(name)
	if name == "x-amz-date" && len(values) == 2 && values[0] == values[1] {
		values = values[:1]
	}
	for i, value := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTrimmed(dst, value)
	}
	return dst
}

func hostOf(r *http.Request) string {
	if r.Host == "" && r.URL != nil {
		return r.URL.Host
	}
	return r.Host
}
