// Package jwt reads, verifies and signs JSON Web Tokens in the compact form
// (RFC 7515, RFC 7519), the way Amazon Cognito issues them.
//
// It keeps two steps apart that are easily confused. Parse shows what a token
// says and trusts nothing; Verify judges it against keys and a policy and
// answers with a Report of every check, so that a person sees all that is wrong
// at once and not only the first obstacle.
//
// The reading is stricter than most libraries: base64url without padding and
// without stray bits, one JSON object per part, no member twice, no invalid
// UTF-8, bounded size and depth. Whatever two readers could understand
// differently is refused, because a gateway that reads a token one way and a
// backend that reads it another way is how forged claims get through.
//
// The compact form and the signatures are implemented here over the standard
// library's cryptography, so that what was read is what is verified; go-jose reads
// JSON Web Keys, and is the oracle in the tests.
package jwt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// MaxSize is the length in bytes above which a token is not looked at. HTTP
// servers and API Gateway take far shorter header lines.
const MaxSize = 64 << 10

// ErrEncrypted says that a token is a compact JWE (RFC 7516): Cognito's refresh
// tokens are, and only Cognito can open them.
var ErrEncrypted = errors.New("the token is encrypted (a five-part JWE, as Cognito's refresh tokens are): only its issuer can read it")

// A ParseError says why a text is not a token. Reason is a clause for people
// ("it has 2 parts, a token has 3"); foreign text in it is quoted and cut.
type ParseError struct{ Reason string }

func (e *ParseError) Error() string { return "not a JSON Web Token: " + e.Reason }

// Claims are the members of a token's payload or header. Numbers are
// json.Number, objects map[string]any, arrays []any.
type Claims map[string]any

// String returns the named claim, "" when it is absent or not a string.
func (c Claims) String(name string) string {
	s, _ := c[name].(string)
	return s
}

// Strings returns a claim that is a string (as one element) or an array of
// strings, the two forms of aud (RFC 7519 section 4.1.3). It is nil when the
// claim is absent or holds anything else.
func (c Claims) Strings(name string) []string { return asStrings(c[name]) }

func asStrings(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		out := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil
			}
			out = append(out, s)
		}
		return out
	case []string:
		return v
	}
	return nil
}

// Time returns a NumericDate claim (RFC 7519 section 2: seconds since 1970,
// fractions allowed) in UTC; false when it is absent, no number, or beyond the
// year 9999.
func (c Claims) Time(name string) (time.Time, bool) { return asTime(c[name]) }

func asTime(v any) (time.Time, bool) {
	switch v := v.(type) {
	case json.Number:
		return numericDate(string(v))
	case int64: // claims made in memory, about to be signed
		return numericDate(strconv.FormatInt(v, 10))
	}
	return time.Time{}, false
}

func numericDate(s string) (time.Time, bool) {
	const limit = 253402300799 // 9999-12-31T23:59:59Z
	if sec, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(sec, 0).UTC(), -limit <= sec && sec <= limit
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < -limit || f > limit {
		return time.Time{}, false
	}
	sec := int64(f)
	return time.Unix(sec, int64((f-float64(sec))*1e9)).UTC(), true
}

// A Token is a token as it was written, not yet trusted.
type Token struct {
	Raw       string `json:"-"` // the credential itself: never marshalled
	Algorithm string // header alg
	KeyID     string // header kid; Cognito's is standard base64, with + / =
	Type      string // header typ; Cognito sends none

	Header, Claims Claims

	// The three decoded parts, byte for byte. They share memory with nothing
	// else and must not be changed.
	HeaderJSON, ClaimsJSON, Signature []byte `json:"-"`

	signed []byte // header "." payload: what the signature covers
}

// Parse reads a compact token without trusting it. The error is a *ParseError,
// or ErrEncrypted for a five-part JWE. Surrounding text is refused; Extract
// removes it.
func Parse(raw string) (Token, error) { return parse(raw, unpadded) }

// ParseALB is Parse for the tokens an Application Load Balancer adds to
// requests (x-amzn-oidc-data). Their parts carry base64 padding, which RFC 7515
// section 2 forbids, and the signature covers it as it was sent.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
func ParseALB(raw string) (Token, error) { return parse(raw, padded) }

// padding says whether = may end the parts of a token.
type padding bool

const (
	unpadded padding = false
	padded   padding = true
)

func parse(raw string, p padding) (Token, error) {
	t, err := parseHeader(raw, p)
	if err != nil {
		return Token{}, err
	}
	if err := t.parseClaims(); err != nil {
		return Token{}, err
	}
	return t, nil
}

// parseHeader splits and decodes all three parts and understands the header;
// after it a signature can be judged, whatever the payload is.
func parseHeader(raw string, p padding) (Token, error) {
	t, err := split(raw, p)
	if err != nil {
		return Token{}, err
	}
	header, err := decodeObject(t.HeaderJSON)
	if err != nil {
		return Token{}, &ParseError{"the header " + err.Error()}
	}
	t.Header = header
	for _, m := range []struct {
		name string
		to   *string
	}{{"alg", &t.Algorithm}, {"kid", &t.KeyID}, {"typ", &t.Type}} {
		v, present := header[m.name]
		s, isString := v.(string)
		if present && !isString {
			return Token{}, &ParseError{"the header's " + m.name + " is " + describe(v) + ", want a string"}
		}
		*m.to = s
	}
	if t.Algorithm == "" { // REQUIRED by RFC 7515 section 4.1.1
		return Token{}, &ParseError{"the header names no alg"}
	}
	return t, nil
}

func (t *Token) parseClaims() error {
	claims, err := decodeObject(t.ClaimsJSON)
	if err != nil {
		return &ParseError{"the payload " + err.Error()}
	}
	t.Claims = claims
	return nil
}

// split takes the compact form apart (RFC 7515 section 7.1) with one buffer for
// everything.
func split(raw string, p padding) (Token, error) {
	if len(raw) > MaxSize {
		return Token{}, &ParseError{"it has " + strconv.Itoa(len(raw)) + " bytes, more than the " + strconv.Itoa(MaxSize) + " a token may have"}
	}
	if raw == "" {
		return Token{}, &ParseError{"it is empty"}
	}
	if n := strings.Count(raw, ".") + 1; n != 3 {
		return Token{}, wrongParts(raw, n)
	}
	// Room for the text and, behind it, for its three parts decoded.
	all := make([]byte, len(raw)+strictBase64.DecodedLen(len(raw)))
	src, buf := all[:copy(all, raw):len(raw)], all[len(raw):]
	dot1, dot2 := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	parts := [3][]byte{src[:dot1], src[dot1+1 : dot2], src[dot2+1:]}
	var decoded [3][]byte
	for i, part := range parts {
		if p == padded {
			part = trimPadding(part)
		}
		n, ok := decodePart(buf, part)
		if !ok {
			return Token{}, badPart([3]string{"header", "payload", "signature"}[i], part)
		}
		decoded[i], buf = buf[:n:n], buf[n:]
	}
	return Token{
		Raw:        raw,
		HeaderJSON: decoded[0],
		ClaimsJSON: decoded[1],
		Signature:  decoded[2],
		signed:     src[:dot2:dot2],
	}, nil
}

// strictBase64 refuses trailing bits that are not zero: they would let one
// signature be written in several ways.
var strictBase64 = base64.RawURLEncoding.Strict()

// decodePart decodes base64url without padding. Line breaks are looked for
// because encoding/base64 skips them silently, strict or not.
func decodePart(dst, part []byte) (int, bool) {
	if bytes.IndexByte(part, '\n') >= 0 || bytes.IndexByte(part, '\r') >= 0 {
		return 0, false
	}
	n, err := strictBase64.Decode(dst, part)
	return n, err == nil
}

// trimPadding removes the padding a part should have by its length (RFC 4648
// section 3.2); any other stays and is refused with the part.
func trimPadding(part []byte) []byte {
	if len(part)%4 != 0 {
		return part
	}
	for range 2 {
		part = bytes.TrimSuffix(part, []byte("="))
	}
	return part
}

func wrongParts(raw string, n int) error {
	if n == 5 {
		first, _, _ := strings.Cut(raw, ".")
		dst := make([]byte, len(first))
		if k, ok := decodePart(dst, []byte(first)); ok {
			if header, err := decodeObject(dst[:k]); err == nil && header["enc"] != nil {
				return ErrEncrypted
			}
		}
	}
	if n == 1 {
		return &ParseError{"it has 1 part, a token has 3 separated by dots"}
	}
	return &ParseError{"it has " + strconv.Itoa(n) + " parts, a token has 3"}
}

// badPart explains why a part did not decode, without showing it: it may be the
// signature of a credential.
func badPart(name string, part []byte) error {
	for i, c := range part {
		at := " at byte " + strconv.Itoa(i+1) + " of its " + name
		switch {
		case isBase64URL(c):
		case c == '=':
			return &ParseError{"it has a =" + at + "; the parts of a token have no padding (only those of a load balancer's x-amzn-oidc-data do)"}
		case c == '+' || c == '/':
			return &ParseError{"it has a " + string(rune(c)) + at + ": that is base64, a token uses base64url"}
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			return &ParseError{"it has white space" + at + "; join the lines"}
		default:
			return &ParseError{"it has the byte " + strconv.QuoteToASCII(string(part[i:i+1])) + at + ", which is not base64url"}
		}
	}
	if len(part)%4 == 1 {
		characters := " characters"
		if len(part) == 1 {
			characters = " character"
		}
		return &ParseError{"its " + name + " has " + strconv.Itoa(len(part)) + characters + ", which base64url never has: it was cut or extended"}
	}
	return &ParseError{"the last character of its " + name + " has bits that base64url leaves zero: it was changed or cut"}
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
