package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cogctl/cogctl/internal/loopback"
)

// Origins is where credentials may go: the one place that decides it, for the
// bearer, the signature, API keys and cookies, for the first request and for
// every redirect. The zero value allows nothing. A value never changes; Add
// and Trust return a larger one.
type Origins struct {
	allowed []origin
	trusted []origin // named one by one by the user, plain http included
	aws     []string // host suffixes such as ".execute-api.us-east-1.amazonaws.com"
}

// NewOrigins allows the origins of urls, which may carry a path (a profile's
// api.url). An http URL beyond loopback is taken here, so that Check can name
// it, and refused there.
func NewOrigins(urls ...string) (Origins, error) { return Origins{}.Add(urls...) }

// Add returns o with the origins of urls allowed as well, under the rules of
// NewOrigins.
func (o Origins) Add(urls ...string) (Origins, error) {
	added, err := parseOrigins(urls)
	if err != nil {
		return Origins{}, err
	}
	o.allowed = slices.Concat(o.allowed, added)
	return o, nil
}

// Trust returns o with origins that the user named explicitly for this run
// (--auth-to). They alone may be plain http beyond loopback.
func (o Origins) Trust(urls ...string) (Origins, error) {
	added, err := parseOrigins(urls)
	if err != nil {
		return Origins{}, err
	}
	o.trusted = slices.Concat(o.trusted, added)
	return o, nil
}

// AWSOrigins allows the https names that AWS itself gives to APIs of region:
// API Gateway (<id>.execute-api.<region>.amazonaws.com), Lambda function URLs
// (<id>.lambda-url.<region>.on.aws) and AppSync
// (<id>.appsync-api.<region>.amazonaws.com), with amazonaws.com.cn in China;
// GovCloud regions use amazonaws.com. Anything but a region name, and the
// isolated partitions, allow nothing.
//
// The name of function URLs in China is UNCONFIRMED and therefore not allowed:
// a profile there names its URL.
func AWSOrigins(region string) Origins {
	if !isRegion(region) || strings.Contains(region, "-iso") {
		return Origins{}
	}
	if strings.HasPrefix(region, "cn-") {
		return Origins{aws: []string{
			".execute-api." + region + ".amazonaws.com.cn",
			".appsync-api." + region + ".amazonaws.com.cn",
		}}
	}
	return Origins{aws: []string{
		".execute-api." + region + ".amazonaws.com",
		".lambda-url." + region + ".on.aws",
		".appsync-api." + region + ".amazonaws.com",
	}}
}

// Check reports whether credentials may go to u, which is the URL as it will
// be connected to: resolved, redirected, complete. Scheme, host and port must
// equal those of an allowed origin; the scheme's default port and its absence
// are equal, upper and lower case ASCII are equal. A host with a trailing dot,
// and a host in Unicode beside its punycode form, are different origins, as
// they are for a browser. The error is an *OriginError.
func (o Origins) Check(u *url.URL) error {
	at, err := originOf(u)
	if err != nil {
		return err
	}
	if u.User != nil {
		return &OriginError{Origin: at.String(), Reason: ReasonUserinfo}
	}
	if slices.Contains(o.trusted, at) {
		return nil
	}
	if !slices.Contains(o.allowed, at) && !o.isAWS(at) {
		return &OriginError{Origin: at.String(), Reason: ReasonForeign, Allowed: o.Allowed()}
	}
	if at.scheme == "http" && !loopback.IsLoopback(at.host) {
		return &OriginError{Origin: at.String(), Reason: ReasonPlain}
	}
	return nil
}

// Allowed lists the origins for people, AWS's names as "https://*.execute-api…".
func (o Origins) Allowed() []string {
	var list []string
	for _, at := range slices.Concat(o.allowed, o.trusted) {
		list = append(list, at.String())
	}
	for _, suffix := range o.aws {
		list = append(list, "https://*"+suffix)
	}
	return list
}

// isAWS reports whether at is one label in front of an allowed AWS suffix.
func (o Origins) isAWS(at origin) bool {
	if at.scheme != "https" || at.port != "443" {
		return false
	}
	for _, suffix := range o.aws {
		if id, ok := strings.CutSuffix(at.host, suffix); ok && isLabel(id) {
			return true
		}
	}
	return false
}

// origin is a scheme, host and port (RFC 6454 section 4) in a form in which
// two equal origins are equal values.
type origin struct{ scheme, host, port string }

func (at origin) String() string {
	host := at.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if at.port != defaultPort(at.scheme) {
		host += ":" + at.port
	}
	return at.scheme + "://" + host
}

// originOf reads the origin of u. User information is left to the caller.
func originOf(u *url.URL) (origin, error) {
	if u == nil {
		return origin{}, &OriginError{Reason: ReasonNoOrigin}
	}
	scheme, host := lowerASCII(u.Scheme), lowerASCII(u.Hostname())
	at := origin{scheme: scheme, host: host, port: defaultPort(scheme)}
	if at.port == "" || host == "" || u.Opaque != "" {
		return origin{}, &OriginError{Origin: scheme + "://" + host, Reason: ReasonNoOrigin}
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return origin{}, &OriginError{Origin: at.String() + ":" + p, Reason: ReasonNoOrigin}
		}
		at.port = strconv.FormatUint(n, 10)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		at.host = ip.String() // one spelling for each IPv6 address
	}
	return at, nil
}

func parseOrigins(urls []string) ([]origin, error) {
	list := make([]origin, 0, len(urls))
	for _, text := range urls {
		at, err := parseOrigin(text)
		if err != nil {
			return nil, err
		}
		list = append(list, at)
	}
	return list, nil
}

func parseOrigin(text string) (origin, error) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil {
		if strings.Contains(text, "@") {
			return origin{}, errors.New(`a URL for credentials has a user name or password before its "@": take them out`)
		}
		return origin{}, fmt.Errorf("%q is not a URL that credentials could go to", text)
	}
	at, err := originOf(u)
	if err != nil {
		return origin{}, fmt.Errorf("%q is not an http(s) URL with a host: write it like https://api.example.com", text)
	}
	return at, nil
}

// defaultPort is "" for every scheme that is not HTTP.
func defaultPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "http":
		return "80"
	}
	return ""
}

// lowerASCII lowers A-Z only, byte by byte. The mappings for Unicode would make
// hosts equal that are looked up as different names.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}

func isRegion(s string) bool {
	return isLabel(s) && strings.Count(s, "-") >= 2
}

// isLabel reports whether s is one DNS label of letters, digits and hyphens.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
