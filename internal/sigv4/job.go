package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// job is one signature on its way.
type job struct {
	signer      *Signer
	request     *http.Request
	payloadHash string
	credentials Credentials
	scope       Scope
	traits      traits

	host, path, query string // as they will be sent
	at                time.Time
	stamp             string // at, as X-Amz-Date has it
}

// signature is hex.
type signature [2 * sha256.Size]byte

// prepare checks everything that can be wrong, and changes nothing.
func (j *job) prepare(now time.Time) error {
	if err := j.checkKeys(); err != nil {
		return err
	}
	if err := j.checkPayload(); err != nil {
		return err
	}
	if j.request.URL == nil {
		return errors.New("cannot sign a request without a URL")
	}
	var err error
	if j.host, err = sentHost(j.request); err != nil {
		return err
	}
	var authority string
	authority, j.path, j.query = outgoing(j.request)
	if authority != "" && authority != j.host {
		return fmt.Errorf("cannot sign: the request-target names the host %q, the Host header is %q", authority, j.host)
	}
	if err := checkPath(j.path); err != nil {
		return err
	}
	if err := checkQuery(j.query); err != nil {
		return err
	}
	if _, count := parameter(j.query, signatureParam); count > 0 {
		return fmt.Errorf("cannot sign a URL that is presigned: its query holds %s", signatureParam)
	}
	return j.setTime(now)
}

// checkKeys never shows a value: what stands in the wrong field may be the secret.
func (j *job) checkKeys() error {
	c := j.credentials
	switch {
	case c.AccessKeyID == "" || c.SecretAccessKey == "":
		return errors.New("cannot sign without an access key id and a secret access key")
	case !isWord(c.AccessKeyID, "._-"):
		return errors.New("cannot sign: the access key id holds more than letters and digits")
	case !visible(c.SecretAccessKey):
		return errors.New("cannot sign: the secret access key holds white space, control or non-ASCII characters")
	case !visible(c.SessionToken):
		return errors.New("cannot sign: the session token holds white space, control or non-ASCII characters")
	case j.scope.Region == "" || j.scope.Service == "":
		return fmt.Errorf("cannot sign without a region and a service: region %q, service %q", j.scope.Region, j.scope.Service)
	case !isWord(j.scope.Region, "-") || !isWord(j.scope.Service, "-_."):
		return fmt.Errorf("cannot sign for region %q, service %q: that is no such name", j.scope.Region, j.scope.Service)
	}
	return nil
}

func (j *job) checkPayload() error {
	if j.payloadHash == UnsignedPayload {
		if !j.traits.unsignedPayload {
			return fmt.Errorf("cannot sign for %s without the hash of the body: it does not take %s", j.scope.Service, UnsignedPayload)
		}
	} else if !isHash(j.payloadHash) {
		return fmt.Errorf("cannot sign: %q is not a SHA-256 in lower-case hex", j.payloadHash)
	}
	if given := j.request.Header.Get(payloadHeader); given != "" && given != j.payloadHash {
		return fmt.Errorf("cannot sign: %s is %q, the hash of the body %q", payloadHeader, given, j.payloadHash)
	}
	return nil
}

// setTime takes the time of an X-Amz-Date that is there, or now.
func (j *job) setTime(now time.Time) error {
	given := j.request.Header[dateHeader]
	if len(given) == 0 {
		j.at = now.UTC().Truncate(time.Second)
		j.stamp = j.at.Format(timeLayout)
		return nil
	}
	at, err := time.Parse(timeLayout, given[0])
	if err != nil || len(given) > 1 {
		return fmt.Errorf("cannot sign at %s %q: want one time of the form %s, in UTC", dateHeader, strings.Join(given, ", "), timeLayout)
	}
	j.at, j.stamp = at, given[0]
	return nil
}

// setHeaders sets what is signed with the rest.
func (j *job) setHeaders() {
	r := j.request
	r.Host = j.host
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Header[dateHeader] = []string{j.stamp}
	if token := j.credentials.SessionToken; token != "" {
		delete(r.Header, tokenHeader)
		if !j.signer.TokenAfterSigning {
			r.Header[tokenHeader] = []string{token}
		}
	}
	if j.traits.payloadHeader || j.signer.PayloadHeader || j.payloadHash == UnsignedPayload {
		r.Header[payloadHeader] = []string{j.payloadHash}
	}
}

// sentHost is the Host header of r. A default port is left out: AWS's servers
// compute the signature without it. net/http drops the zone of an IPv6 address,
// writes a name that is not ASCII in another spelling, and leaves the header
// empty for a host with odd characters.
func sentHost(r *http.Request) (string, error) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	if strings.HasPrefix(host, "[") {
		if zone, end := strings.IndexByte(host, '%'), strings.IndexByte(host, ']'); zone > 0 && zone < end {
			host = host[:zone] + host[end:]
		}
	}
	if !isWord(host, "-._~:[]") {
		return "", fmt.Errorf("cannot sign for the host %q: write a name in ASCII (xn--…), with a port if need be", host)
	}
	port := ""
	switch r.URL.Scheme {
	case "https":
		port = ":443"
	case "http":
		port = ":80"
	}
	return strings.TrimSuffix(host, port), nil
}

// sign appends the canonical request, which ends at canonical, and the string to
// sign, and computes the signature.
func (j *job) sign(buf []byte, query string, fields []field) (_ []byte, canonical int, sig signature) {
	single := j.traits.singlePath
	rule := pathRule{single: single || j.signer.SinglePathEncoding, keep: single || j.signer.KeepPath}
	buf = append(buf, methodOf(j.request)...)
	buf = append(buf, '\n')
	buf = appendPath(buf, j.path, rule)
	buf = append(buf, '\n')
	buf = appendQuery(buf, query, nil)
	buf = append(buf, '\n')
	buf = appendFields(buf, fields)
	buf = append(buf, '\n')
	buf = appendNames(buf, fields)
	buf = append(buf, '\n')
	buf = append(buf, j.payloadHash...)
	canonical = len(buf)

	buf = appendStringToSign(buf, j.stamp, j.scope)
	key := j.signer.cache.derive(j.credentials.SecretAccessKey, j.stamp[:8], j.scope)
	return buf, canonical, hexMAC(key, buf[canonical:])
}

// appendStringToSign appends the string to sign for the canonical request that
// is all of buf.
func appendStringToSign(buf []byte, stamp string, sc Scope) []byte {
	hash := sha256.Sum256(buf)
	buf = append(buf, Algorithm+"\n"...)
	buf = append(buf, stamp...)
	buf = append(buf, '\n')
	buf = appendScope(buf, stamp[:8], sc)
	buf = append(buf, '\n')
	return hex.AppendEncode(buf, hash[:])
}

func appendScope(buf []byte, date string, sc Scope) []byte {
	buf = append(buf, date...)
	buf = append(buf, '/')
	buf = append(buf, sc.Region...)
	buf = append(buf, '/')
	buf = append(buf, sc.Service...)
	return append(buf, "/"+terminator...)
}

func (j *job) appendCredential(buf []byte) []byte {
	buf = append(buf, j.credentials.AccessKeyID...)
	buf = append(buf, '/')
	return appendScope(buf, j.stamp[:8], j.scope)
}

// presignQuery is the raw query of a presigned URL but for token and signature.
func (j *job) presignQuery(names string, expires time.Duration) string {
	query := []byte(j.query)
	add := func(name, value string) {
		if len(query) > 0 {
			query = append(query, '&')
		}
		query = append(query, name...)
		query = append(query, '=')
		query = appendRaw(query, value)
	}
	add(algorithmParam, Algorithm)
	add(credentialParam, string(j.appendCredential(nil)))
	add(dateParam, j.stamp)
	add(signedHeadersParam, names)
	add(expiresParam, strconv.FormatInt(int64(expires/time.Second), 10))
	if j.traits.payloadHeader && j.payloadHash != UnsignedPayload && j.request.Header.Get(payloadHeader) == "" {
		add(payloadHeader, j.payloadHash)
	}
	return string(query)
}

func hexMAC(key [sha256.Size]byte, message []byte) (sig signature) {
	h := hmac.New(sha256.New, key[:])
	h.Write(message)
	var sum [sha256.Size]byte
	hex.Encode(sig[:], h.Sum(sum[:0]))
	return sig
}

// methodOf is the method as net/http writes it.
func methodOf(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// isWord says whether s is letters, digits and the bytes of others.
func isWord(s, others string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(others, c) >= 0) {
			return false
		}
	}
	return s != ""
}

// visible says whether s is printing ASCII without spaces.
func visible(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isHash says whether s is a SHA-256 in lower-case hex.
func isHash(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; nibble(c) < 0 || 'A' <= c && c <= 'F' {
			return false
		}
	}
	return len(s) == 2*sha256.Size
}
