package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/gateway"
)

// RequestContextHeader carries the request context to an upstream: the JSON that
// an integration of API Gateway finds as requestContext, of a REST API or, in
// payload format 2.0, of an HTTP API.
const RequestContextHeader = "X-Amzn-Request-Context"

// integrationTimeout is API Gateway's: 29 seconds for a REST API, 30 for an HTTP
// API ("Amazon API Gateway quotas").
func integrationTimeout(k gateway.Kind) time.Duration {
	if k == gateway.HTTP {
		return 30 * time.Second
	}
	return 29 * time.Second
}

// upstream is a backend of the user's behind a route. It gets the request as it
// came, with the path unchanged, and who made it in RequestContextHeader, which no
// client can send. There are no upgrades: no websocket.
func upstream(target *url.URL, k gateway.Kind, network http.RoundTripper) http.Handler {
	proxy := &httputil.ReverseProxy{
		Transport: network,
		ErrorLog:  log.New(io.Discard, "", 0), // it would write to standard error
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			dropAliases(p.Out)
			p.SetXForwarded()
			p.Out.Header.Del("Connection")
			p.Out.Header.Del("Upgrade")
			setRequestContext(p.Out.Header, p.In)
		},
		ModifyResponse: func(r *http.Response) error {
			// The gateway has set its own.
			for _, name := range []string{"Date", "X-Amzn-Requestid", "X-Amz-Apigw-Id", "Apigw-Requestid"} {
				r.Header.Del(name)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { integrationFailed(w, k, err) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), integrationTimeout(k))
		defer cancel()
		proxy.ServeHTTP(w, r.WithContext(ctx))
	})
}

// dropAliases takes out what a backend could take for a header of the gateway's:
// names that are the same to CGI and its heirs, such as WSGI, which make "_" of "-",
// and trailers, which a gateway does not pass on.
func dropAliases(out *http.Request) {
	out.Trailer = nil
	for name := range out.Header {
		plain := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if plain == strings.ToLower(RequestContextHeader) || plain == "forwarded" || strings.HasPrefix(plain, "x-forwarded-") {
			delete(out.Header, name)
		}
	}
}

// setRequestContext puts the gateway's own in the place of whatever came under
// the name, in any spelling.
func setRequestContext(h http.Header, in *http.Request) {
	h.Del(RequestContextHeader)
	data, err := json.Marshal(gateway.RequestContext(in))
	if err != nil {
		return // it is made of JSON
	}
	h.Set(RequestContextHeader, headerSafe(data))
}

// headerSafe escapes what is not ASCII: JSON takes it either way, and header
// values are bytes to some servers and Latin-1 to others.
func headerSafe(data []byte) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, len(data))
	unit := func(u rune) {
		out = append(out, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	for _, c := range string(data) {
		switch {
		case c < 0x7f:
			out = append(out, byte(c))
		case c < 0x10000:
			unit(c)
		default: // a pair of UTF-16 (RFC 8259, section 7)
			c -= 0x10000
			unit(0xd800 + c>>10)
			unit(0xdc00 + c&0x3ff)
		}
	}
	return string(out)
}

// integrationFailed answers for an upstream that did not. The status of REST APIs
// is that of the gateway responses INTEGRATION_TIMEOUT and INTEGRATION_FAILURE
// (Developer Guide, "Gateway response types"). UNCONFIRMED: the texts, the error
// types, and all about HTTP APIs.
func integrationFailed(w http.ResponseWriter, k gateway.Kind, err error) {
	status, text := http.StatusGatewayTimeout, "Network error communicating with endpoint"
	late := errors.Is(err, context.DeadlineExceeded)
	switch {
	case k == gateway.HTTP:
		status, text = http.StatusServiceUnavailable, "Service Unavailable"
	case late:
		text = "Endpoint request timed out"
	}
	if k != gateway.HTTP {
		w.Header()["x-amzn-ErrorType"] = []string{"InternalServerErrorException"}
	}
	writeJSON(w, status, message(text))
}
