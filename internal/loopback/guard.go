package loopback

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Guard keeps web pages of other sites away from a handler on loopback. It
// answers 421 to a Host that is not on the list, and 403 to an Origin that is
// neither the request's own nor on the list; neither reaches Next. The zero
// value refuses every request.
//
// A page whose form posts to its own server must not send
// "Referrer-Policy: no-referrer": browsers then send "Origin: null", which is
// refused.
type Guard struct {
	// Hosts are the names under which requests are answered, as a rule
	// Listener.Hosts. DNS rebinding, where a name that the attacker controls
	// points to 127.0.0.1, is stopped here: such a request carries that name.
	// "localhost:9400" admits that port only, "localhost" any port. IPv6
	// addresses may stand in brackets. Case does not matter.
	Hosts []string

	// Origins are those of other sites whose pages may call, byte for byte as
	// a browser sends them: "http://localhost:5173", without a final slash.
	// "null", "*" and patterns are no origins and never match.
	Origins []string

	// Next answers what was let through. It must not be nil.
	Next http.Handler
}

func (g Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A cache must not give the answer for one origin to another, nor one
	// that went out without CORS headers to a page that needs them.
	w.Header().Add("Vary", "Origin")
	if !g.AllowsHost(r) {
		http.Error(w, "this server does not answer to that Host", http.StatusMisdirectedRequest)
		return
	}
	origin, ok := g.allowsOrigin(r)
	if !ok {
		http.Error(w, "requests from this Origin are refused", http.StatusForbidden)
		return
	}
	if origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			preflight(w, r)
			return
		}
		w.Header().Set("Access-Control-Expose-Headers", "*")
	}
	g.Next.ServeHTTP(w, r)
}

// preflight answers the question a browser asks before a request that a form
// could not make (Fetch Standard, section 3.2). Authorization must be named:
// "*" does not cover it. Credentials are not allowed, so cookies never travel
// from another origin.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "*, Authorization")
	h.Set("Access-Control-Max-Age", "600")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		// Chromium asks before a page from the network reaches loopback. Its
		// origin was named, so this was meant.
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	w.WriteHeader(http.StatusNoContent)
}

// AllowsHost reports whether the request names this server by one of Hosts: all of
// the guard that a handler needs which admits pages of any origin by other means.
func (g Guard) AllowsHost(r *http.Request) bool {
	host, port := splitHost(r.Host)
	if host == "" {
		return false
	}
	if port == "" {
		port = defaultPort(r)
	}
	return slices.ContainsFunc(g.Hosts, func(entry string) bool {
		h, p := splitHost(entry)
		return strings.EqualFold(h, host) && (p == "" || p == port)
	})
}

// allowsOrigin reports whether the request may pass, and under which listed
// origin; "" when it needs no CORS headers. The answer comes from the list,
// never from the request.
func (g Guard) allowsOrigin(r *http.Request) (listed string, ok bool) {
	sent := r.Header.Values("Origin")
	if len(sent) == 0 {
		// No page at all, a top-level GET, or the page's own GET.
		return "", true
	}
	if len(sent) > 1 {
		return "", false
	}
	// The Host was checked, so it can stand for ourselves.
	if sent[0] == scheme(r)+"://"+r.Host {
		return "", true
	}
	i := slices.Index(g.Origins, sent[0])
	if i < 0 || !isOrigin(g.Origins[i]) {
		return "", false
	}
	return g.Origins[i], true
}

// isOrigin reports whether s is one serialised origin (RFC 6454, section 6.2).
// "null" is what every sandboxed frame and file:// page sends, so that listing
// it would admit anybody.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && s == u.Scheme+"://"+u.Host && !strings.Contains(s, "*")
}

// splitHost takes a Host header or a list entry apart: "name", "name:port",
// "[::1]", "[::1]:port", and "::1", which only a list may hold. What is none
// of these gives an empty host, which matches nothing.
func splitHost(s string) (host, port string) {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return s[1 : len(s)-1], ""
	}
	if n := strings.Count(s, ":"); n == 0 || n > 1 && s[0] != '[' {
		return s, ""
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || port == "" {
		return "", ""
	}
	return host, port
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func defaultPort(r *http.Request) string {
	if r.TLS != nil {
		return "443"
	}
	return "80"
}
