package sigv4

import (
	"bytes"
	"net/http"
	"strings"
)

// pathRule is how a path becomes canonical.
type pathRule struct {
	single bool // encoded once: what is escaped already stays so
	keep   bool // dot segments and double slashes stay
}

// outgoing returns the path and the query that net/http is going to write for r,
// and the authority before them where it writes the absolute form. The path is
// never empty.
func outgoing(r *http.Request) (authority, path, query string) {
	if r.URL.Opaque == "" {
		path = r.URL.EscapedPath()
		if path == "" {
			path = "/"
		}
		return "", path, r.URL.RawQuery
	}
	path, query, _ = strings.Cut(r.URL.RequestURI(), "?")
	authority, path = originForm(path)
	return authority, path, query
}

// incoming returns the path and the query of the request-target that a server
// read. A request that never went over a wire has none: then it is outgoing.
func incoming(r *http.Request) (path, query string) {
	if r.RequestURI == "" {
		_, path, query = outgoing(r)
		return path, query
	}
	path, query, _ = strings.Cut(r.RequestURI, "?")
	_, path = originForm(path)
	return path, query
}

// originForm cuts scheme and authority off an absolute-form target (RFC 9112
// section 3.2.2). net/http sends that form to a proxy, and for a URL whose
// Opaque begins with two slashes.
func originForm(target string) (authority, path string) {
	if strings.HasPrefix(target, "/") {
		return "", target
	}
	_, rest, found := strings.Cut(target, "://")
	if !found {
		return "", target
	}
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return rest[:slash], rest[slash:]
	}
	return rest, "/"
}

// appendPath appends the canonical form of a path as it is on the wire.
//
// Normalized as botocore and aws-c-auth do it: empty and "." segments vanish,
// ".." takes one back, and a slash at the end stays only where the path itself
// ends in one. RFC 3986 would also keep it after a dot segment.
func appendPath(dst []byte, path string, rule pathRule) []byte {
	if rule.keep || !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return appendEscaped(dst, path, rule.single)
	}
	start := len(dst)
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			dst = dst[:start+max(0, bytes.LastIndexByte(dst[start:], '/'))]
		default:
			dst = append(dst, '/')
			dst = appendEscaped(dst, segment, rule.single)
		}
	}
	if len(dst) == start || path[len(path)-1] == '/' {
		dst = append(dst, '/')
	}
	return dst
}

// appendEscaped escapes every byte but the unreserved ones of RFC 3986 and the
// slash. With once, an escape that is there already is not escaped again: it is
// brought to its one form, %2d to "-" and %2f to %2F.
func appendEscaped(dst []byte, s string, once bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case unreserved(c) || c == '/':
			dst = append(dst, c)
		case once && c == '%' && isEscape(s, i):
			dst = appendByte(dst, unescape(s, i))
			i += 2
		default:
			dst = appendHex(dst, c)
		}
	}
	return dst
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}

// appendByte appends c as it is when it is unreserved, escaped otherwise.
func appendByte(dst []byte, c byte) []byte {
	if unreserved(c) {
		return append(dst, c)
	}
	return appendHex(dst, c)
}

func appendHex(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&15])
}

// isEscape says whether two hex digits follow the % at s[i].
func isEscape(s string, i int) bool {
	return i+2 < len(s) && nibble(s[i+1]) >= 0 && nibble(s[i+2]) >= 0
}

func unescape(s string, i int) byte { return byte(nibble(s[i+1])<<4 | nibble(s[i+2])) }

// nibble is the value of a hex digit, or -1.
func nibble(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c - 'a' + 10)
	case 'A' <= c && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}
