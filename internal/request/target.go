package request

import (
	"fmt"
	"net/url"
	"strings"
)

// Resolve makes the URL to call of a target: what begins with "scheme://" is a
// URL, anything else is a PATH and goes to Join. The fragment is dropped, it
// is never sent. Errors are *UsageError.
func Resolve(base, target string) (*url.URL, error) {
	if hasScheme(target) {
		u, err := parseURL("URL", target)
		if err != nil {
			return nil, err
		}
		return u, nil
	}
	if base == "" {
		if err := refuseRewritten(target); err != nil {
			return nil, err
		}
		return nil, usagef("PATH %q needs an API: no api.url is configured", target).
			tip("give a whole URL, or --api-url URL, or COGCTL_API_URL, or url in the profile's [api]")
	}
	return Join(base, target)
}

// Join appends path to base (a profile's api.url). The origin and the path of
// base always stay: with base https://h/v1, both "/x" and "x" are
// https://h/v1/x, "//evil.com" is https://h/v1//evil.com and "@evil.com/" is
// https://h/v1/@evil.com/. A path may bring a query; escapes stay as they were
// typed. A path that Git Bash has rewritten to a Windows one is an error that
// says so. Errors are *UsageError.
func Join(base, path string) (*url.URL, error) {
	b, err := parseURL("api.url", base)
	if err != nil {
		return nil, err
	}
	if b.RawQuery != "" || b.ForceQuery {
		return nil, usagef("api.url %s has a query, so no PATH can be appended to it", b.Redacted())
	}
	if err := refuseRewritten(path); err != nil {
		return nil, err
	}
	if hasScheme(path) {
		return nil, usagef("%q is a URL, not a PATH", path)
	}
	root := url.URL{Scheme: b.Scheme, Host: b.Host}
	whole := root.String() + b.EscapedPath()
	if path != "" && !strings.ContainsAny(path[:1], "?#") {
		// The "/" ends the authority, so that nothing in path can change it.
		whole = strings.TrimSuffix(whole, "/") + "/" + strings.TrimPrefix(path, "/")
	}
	if path != "" && strings.ContainsAny(path[:1], "?#") {
		whole += path
	}
	u, err := parseURL("PATH", whole)
	if err != nil {
		return nil, err
	}
	return u, nil
}

// parseURL reads a complete http(s) URL; what names it in errors, which do not
// show it where it may hold a password.
func parseURL(what, text string) (*url.URL, error) {
	u, err := url.Parse(escapePath(text))
	if err != nil {
		if strings.Contains(text, "@") {
			return nil, usagef("this %s is not a URL", what)
		}
		return nil, usagef("%s: %v", what, err)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch {
	case u.User != nil:
		return nil, usagef(`this %s has a user name or password before the "@" of its host: take them out`, what)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, usagef("%s %q is not an http or https URL", what, text)
	case u.Hostname() == "" || u.Opaque != "":
		return nil, usagef("%s %q names no host", what, text)
	}
	if segment := dotSegment(u.EscapedPath()); segment != "" {
		return nil, usagef("%s %q has the segment %q, which servers and proxies resolve differently", what, text, segment).
			tip("write the path that it stands for")
	}
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = escapeQuery(u.RawQuery)
	return u, nil
}

// hasScheme reports whether s begins with "scheme://" (RFC 3986 section 3.1).
func hasScheme(s string) bool {
	scheme, _, ok := strings.Cut(s, "://")
	if !ok || scheme == "" {
		return false
	}
	for i := range len(scheme) {
		c := scheme[i] | 0x20
		digit := i > 0 && ('0' <= scheme[i] && scheme[i] <= '9' || strings.IndexByte("+-.", scheme[i]) >= 0)
		if !digit && !('a' <= c && c <= 'z') {
			return false
		}
	}
	return true
}

// refuseRewritten recognises what Git Bash (MSYS) makes of an argument that
// begins with a slash: "/x" arrives as "C:/Program Files/Git/x".
func refuseRewritten(path string) error {
	if len(path) < 3 || path[1] != ':' || path[2] != '/' && path[2] != '\\' {
		return nil
	}
	if c := path[0] | 0x20; c < 'a' || c > 'z' {
		return nil
	}
	example := "users"
	if _, typed, ok := strings.Cut(path, "/Git/"); ok && typed != "" {
		example = typed
	}
	return usagef("PATH %q is a Windows path: Git Bash rewrites arguments that begin with a slash", path).
		tip("leave the leading slash out (%s), or set MSYS_NO_PATHCONV=1", example)
}

// dotSegment returns the first "." or ".." segment of an escaped path, escaped
// ones included, or "".
func dotSegment(path string) string {
	for segment := range strings.SplitSeq(path, "/") {
		plain := strings.ReplaceAll(strings.ReplaceAll(segment, "%2e", "."), "%2E", ".")
		if plain == "." || plain == ".." {
			return segment
		}
	}
	return ""
}

// escapePath escapes what a path cannot hold as it is, such as spaces and
// non-ASCII, in a complete URL. Left to net/url, one such character would have
// the whole path escaped anew from its decoded form, and "%2F" would become
// "/". Control characters stay, for net/url to refuse them.
func escapePath(text string) string {
	authority := strings.Index(text, "://") + len("://")
	if authority < len("://") {
		return text
	}
	start := strings.IndexByte(text[authority:], '/') + authority
	end := strings.IndexAny(text[authority:], "?#") + authority
	if end < authority {
		end = len(text)
	}
	if start < authority || start > end {
		return text
	}
	return text[:start] + escapeBytes(text[start:end], func(c byte) bool {
		return c == ' ' || c > 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0
	}) + text[end:]
}

// escapeQuery escapes what may not stand in a request line (spaces, control
// characters, non-ASCII) and leaves the rest as typed, wrong escapes included:
// what they mean is between the caller and the server.
func escapeQuery(query string) string {
	return escapeBytes(query, func(c byte) bool {
		return c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>", c) >= 0
	})
}

func escapeBytes(s string, escape func(byte) bool) string {
	var b strings.Builder
	for i := range len(s) {
		if escape(s[i]) {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
