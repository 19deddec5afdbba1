package sigv4

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Names of the parameters of the query form.
const (
	algorithmParam     = "X-Amz-Algorithm"
	credentialParam    = "X-Amz-Credential"
	dateParam          = "X-Amz-Date"
	expiresParam       = "X-Amz-Expires"
	signedHeadersParam = "X-Amz-SignedHeaders"
	tokenParam         = "X-Amz-Security-Token"
	signatureParam     = "X-Amz-Signature"
)

// pair is one parameter inside a buffer: its name begins at start, its value
// follows the equal-sign at equals.
type pair struct{ start, equals, end int }

// appendQuery appends the canonical form of a raw query: each name and value
// unescaped, a plus sign read as a space, and escaped anew, sorted by name and
// then by value. Empty parameters (a&&b) carry nothing and are left out, as is
// every parameter that leaveOut names. A % that begins no escape is an ordinary
// byte here; checkQuery refuses it before signing.
func appendQuery(dst []byte, raw string, leaveOut func(name []byte) bool) []byte {
	if raw == "" {
		return dst
	}
	var room [16]pair
	var space [512]byte
	pairs, buf := room[:0], space[:0]
	for parameter := range strings.SplitSeq(raw, "&") {
		if parameter == "" {
			continue
		}
		name, value, _ := strings.Cut(parameter, "=")
		p := pair{start: len(buf)}
		buf = appendParameter(buf, name)
		p.equals = len(buf)
		if leaveOut != nil && leaveOut(buf[p.start:]) {
			buf = buf[:p.start]
			continue
		}
		buf = append(buf, '=')
		buf = appendParameter(buf, value)
		p.end = len(buf)
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if by := bytes.Compare(buf[a.start:a.equals], buf[b.start:b.equals]); by != 0 {
			return by
		}
		return bytes.Compare(buf[a.equals:a.end], buf[b.equals:b.end])
	})
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, buf[p.start:p.end]...)
	}
	return dst
}

// appendParameter appends a name or a value of a query in its one form.
func appendParameter(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			dst = append(dst, "%20"...)
		case c == '%' && isEscape(s, i):
			dst = appendByte(dst, unescape(s, i))
			i += 2
		default:
			dst = appendByte(dst, c)
		}
	}
	return dst
}

// appendRaw escapes every byte that is not unreserved.
func appendRaw(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		dst = appendByte(dst, s[i])
	}
	return dst
}

// checkQuery refuses a query that servers read in more than one way, or that
// does not survive an HTTP request line. It shows only the bytes at fault: a
// query can hold secrets.
func checkQuery(raw string) error {
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '%' && !isEscape(raw, i):
			return fmt.Errorf("cannot sign the query: %q in it is no escape: write a percent sign as %%25", raw[i:min(i+3, len(raw))])
		case c <= ' ' || c == 0x7f:
			return fmt.Errorf("cannot sign the query: write the character %q in it as %%%02X", c, c)
		}
	}
	return nil
}

// checkPath does the same for a path.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("cannot sign the path %q: it does not begin with a slash", path)
	}
	for i := 0; i < len(path); i++ {
		if c := path[i]; c <= ' ' || c == 0x7f {
			return fmt.Errorf("cannot sign the path %q: write the character %q in it as %%%02X", path, c, c)
		}
	}
	return nil
}

// parameter finds a parameter of a raw query by its unescaped name and returns
// its unescaped value, and how many there are of that name.
func parameter(raw, name string) (value string, count int) {
	for p := range strings.SplitSeq(raw, "&") {
		n, v, _ := strings.Cut(p, "=")
		if n == name || strings.ContainsAny(n, "%+") && plain(n) == name {
			if count == 0 {
				value = plain(v)
			}
			count++
		}
	}
	return value, count
}

// plain unescapes a name or a value of a query.
func plain(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && isEscape(s, i):
			b = append(b, unescape(s, i))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b)
}
