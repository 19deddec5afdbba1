package gateway

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// find picks the route for a request and the values of its path parameters.
// The most specific path wins: from left to right a literal segment beats
// {param}, which beats {proxy+}; on one path the method beats ANY.
//
// The kinds differ when the path is there and the method is not. An HTTP API
// goes on to the next best path ("Working with routes for HTTP APIs"), a REST
// API has found its resource and stops. UNCONFIRMED: that a REST API would go
// back from a literal segment to a parameter beside it.
//
// Without a route, kind says in whose manner to refuse: that of the path found
// last, or else that of the table.
func (a *API) find(r *http.Request) (found match, kind Kind, ok bool) {
	kind = orREST(a.Kind)
	segments, ok := splitPath(r.URL)
	if !ok {
		return match{}, kind, false
	}
	candidates := a.matches(segments)
	for len(candidates) > 0 {
		same := 1
		for same < len(candidates) && slices.Equal(candidates[same].rank, candidates[0].rank) {
			same++
		}
		path := candidates[:same]
		if i := bestMethod(path, r.Method); i >= 0 {
			return path[i], orREST(path[i].route.Kind), true
		}
		if slices.ContainsFunc(path, func(m match) bool { return orREST(m.route.Kind) == REST }) {
			return match{}, REST, false
		}
		kind = HTTP
		candidates = candidates[same:]
	}
	return match{}, kind, false
}

// match is a route whose path fits the request.
type match struct {
	route  Route
	values map[string]string // of the path parameters
	rank   []rank            // of the segments; less is more specific
}

type rank int

const (
	literal rank = iota
	parameter
	greedy
)

// matches are the routes whose path fits, the most specific first, and in the
// order of the table where equal.
func (a *API) matches(segments []string) []match {
	var found []match
	for _, route := range a.Routes {
		if m, ok := matchPath(route, segments); ok {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return slices.Compare(a.rank, b.rank) })
	return found
}

func matchPath(route Route, segments []string) (match, bool) {
	rest, ok := strings.CutPrefix(route.Path, "/")
	if !ok {
		return match{}, false
	}
	pattern := strings.Split(rest, "/")
	m := match{route: route, values: make(map[string]string)}
	for i, p := range pattern {
		if i >= len(segments) {
			return match{}, false
		}
		name, kind := readSegment(p)
		switch {
		case kind == greedy && i == len(pattern)-1 && segments[i] != "":
			m.values[name] = strings.Join(segments[i:], "/")
			m.rank = append(m.rank, greedy)
			return m, true
		case kind == parameter && segments[i] != "":
			m.values[name] = segments[i]
		case kind == literal && p == segments[i]:
		default:
			return match{}, false
		}
		m.rank = append(m.rank, kind)
	}
	return m, len(pattern) == len(segments)
}

// readSegment reads one segment of a pattern: text, {name} or {name+}.
func readSegment(p string) (name string, kind rank) {
	name, opened := strings.CutPrefix(p, "{")
	name, closed := strings.CutSuffix(name, "}")
	if !opened || !closed {
		return p, literal
	}
	if name, ok := strings.CutSuffix(name, "+"); ok {
		return name, greedy
	}
	return name, parameter
}

// bestMethod is the index of the route for the method, of that for ANY, or -1.
// Only the seven methods that API Gateway knows are found, and in capitals: a
// policy that denies GET is not evaded by "get" on a route for ANY.
func bestMethod(path []match, method string) int {
	switch method {
	case http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut:
	default:
		return -1
	}
	i := slices.IndexFunc(path, func(m match) bool { return strings.ToUpper(m.route.Method) == method })
	if i >= 0 {
		return i
	}
	return slices.IndexFunc(path, func(m match) bool {
		return strings.EqualFold(cmp.Or(m.route.Method, "ANY"), "ANY")
	})
}

// splitPath takes the path apart before it decodes it, so that an encoded
// slash stays inside its segment. A path with a dot segment, encoded or not,
// fits no route: a backend that resolves it would answer for a path other than
// the one that was authorized.
func splitPath(u *url.URL) (segments []string, ok bool) {
	rest, ok := strings.CutPrefix(u.EscapedPath(), "/")
	if !ok {
		return nil, false
	}
	segments = strings.Split(rest, "/")
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil || hasDotSegment(decoded) {
			return nil, false
		}
		segments[i] = decoded
	}
	return segments, true
}

// hasDotSegment looks at both kinds of slash, since either may have been
// encoded.
func hasDotSegment(s string) bool {
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// orREST gives the zero Kind its meaning.
func orREST(k Kind) Kind { return cmp.Or(k, REST) }
