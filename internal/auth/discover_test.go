package auth_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/transport"
)

// web answers requests to hosts that there are only in a test.
type web func(r *http.Request) (status int, header http.Header, body string)

func (w web) RoundTrip(r *http.Request) (*http.Response, error) {
	status, header, body := w(r)
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: int64(len(body))}, nil
}

const remote = "https://login.example.com/realm"

// document is a good discovery document of issuer with changes; a nil value
// removes a member.
func document(issuer string, changes map[string]any) string {
	d := map[string]any{
		"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
		"revocation_endpoint": issuer + "/revoke", "end_session_endpoint": issuer + "/end", "userinfo_endpoint": issuer + "/me",
		"jwks_uri": issuer + "/jwks", "token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "none"},
	}
	maps.Copy(d, changes)
	maps.DeleteFunc(d, func(_ string, v any) bool { return v == nil })
	data, _ := json.Marshal(d)
	return string(data)
}

// TestDiscoverHostile: what a discovery document of an issuer elsewhere may not
// say, beside what it may.
func TestDiscoverHostile(t *testing.T) {
	t.Parallel()
	with := func(name, url string) string { return document(remote, map[string]any{name: url}) }
	for label, row := range map[string]struct{ body, want string }{
		"good":                        {document(remote, nil), ""},
		"endpoints on another host":   {with("token_endpoint", "https://oauth2.example.net:8443/token?x=1"), ""},
		"a public address":            {with("token_endpoint", "https://203.0.113.7/token"), ""},
		"no token endpoint":           {document(remote, map[string]any{"token_endpoint": nil}), ""},
		"another issuer":              {document("https://evil.example", nil), `is that of the issuer "https://evil.example"`},
		"a slash more":                {document(remote, map[string]any{"issuer": remote + "/"}), "is that of the issuer"},
		"another case":                {document(remote, map[string]any{"issuer": "https://LOGIN.example.com/realm"}), "is that of the issuer"},
		"no issuer":                   {document(remote, map[string]any{"issuer": nil}), `is that of the issuer ""`},
		"no keys":                     {document(remote, map[string]any{"jwks_uri": nil}), "has no jwks_uri"},
		"plain http":                  {with("token_endpoint", "http://login.example.com/token"), "plain http"},
		"plain http keys":             {with("jwks_uri", "http://login.example.com/jwks"), "plain http"},
		"a user name":                 {with("token_endpoint", "https://me:hush@login.example.com/token"), "holds a user name"},
		"a fragment":                  {with("authorization_endpoint", "https://login.example.com/a#x"), "with a fragment"},
		"no URL":                      {with("token_endpoint", "login.example.com/token"), "not an https URL"},
		"a script":                    {with("authorization_endpoint", "javascript:alert(1)"), "not an https URL"},
		"a file":                      {with("end_session_endpoint", "file:///etc/passwd"), "not an https URL"},
		"a control character":         {with("token_endpoint", "https://login.example.com/\x1btoken"), "is not a URL"},
		"loopback":                    {with("token_endpoint", "https://127.0.0.1/token"), "on this machine or its link"},
		"loopback, plain":             {with("token_endpoint", "http://127.0.0.1:9000/token"), "on this machine or its link"},
		"localhost":                   {with("userinfo_endpoint", "https://LocalHost:8443/me"), "on this machine or its link"},
		"a name of localhost":         {with("token_endpoint", "https://a.localhost/token"), "on this machine or its link"},
		"localhost with a dot":        {with("token_endpoint", "https://localhost./token"), "on this machine or its link"},
		"loopback in v6":              {with("token_endpoint", "https://[::1]/token"), "on this machine or its link"},
		"loopback in v4 in v6":        {with("token_endpoint", "https://[::ffff:127.0.0.1]/token"), "on this machine or its link"},
		"the metadata service":        {with("token_endpoint", "https://169.254.169.254/latest"), "on this machine or its link"},
		"a link-local v6":             {with("token_endpoint", "https://[fe80::1]/token"), "on this machine or its link"},
		"any address":                 {with("token_endpoint", "https://0.0.0.0/token"), "on this machine or its link"},
		"a short address":             {with("token_endpoint", "https://127.1/token"), "on this machine or its link"},
		"an address as a number":      {with("token_endpoint", "https://2130706433/token"), "on this machine or its link"},
		"an address in hex":           {with("token_endpoint", "https://0x7f000001/token"), "on this machine or its link"},
		"an address with a dot":       {with("revocation_endpoint", "https://127.0.0.1./revoke"), "on this machine or its link"},
		"no host":                     {with("token_endpoint", "https:///token"), "not an https URL"},
		"a list":                      {"[]", "not an OpenID configuration"},
		"a page":                      {"<html>", "not an OpenID configuration"},
		"an endpoint of another type": {document(remote, map[string]any{"token_endpoint": 7}), "not an OpenID configuration"},
		"nothing":                     {"", "not an OpenID configuration"},
		"huge":                        {document(remote, map[string]any{"x": strings.Repeat("x", 1<<20)}), "more than 1048576 bytes"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			client := transport.Client(web(func(r *http.Request) (int, http.Header, string) { return 200, nil, row.body }))
			if label == "huge" { // the limit of Discover itself, without the client's
				client = &http.Client{Transport: client.Transport.(transport.Limit).Base}
			}
			p, err := auth.Discover(t.Context(), client, remote)
			var found *auth.DiscoveryError
			switch {
			case row.want == "" && (err != nil || p.Issuer != remote || p.JWKS != remote+"/jwks"):
				t.Errorf("%+v: %v", p, err)
			case row.want != "" && (!errors.As(err, &found) || !strings.Contains(err.Error(), row.want)):
				t.Errorf("%v, want %q", err, row.want)
			case row.want != "" && p != (auth.Provider{}):
				t.Errorf("refused, and yet %+v", p)
			case err != nil && strings.Contains(err.Error(), "hush"):
				t.Errorf("a password in %v", err)
			}
		})
	}
}

// An issuer may promise to name itself in its answers (RFC 9207, section 3).
func TestDiscoverNamesItself(t *testing.T) {
	t.Parallel()
	for _, promised := range []any{true, false, nil} {
		body := document(remote, map[string]any{"authorization_response_iss_parameter_supported": promised})
		client := transport.Client(web(func(*http.Request) (int, http.Header, string) { return 200, nil, body }))
		if p, err := auth.Discover(t.Context(), client, remote); err != nil || p.NamesItself != (promised == true) {
			t.Errorf("%v: %+v, %v", promised, p, err)
		}
	}
}

// TestDiscoverRedirects: at most two, within the issuer's origin.
func TestDiscoverRedirects(t *testing.T) {
	t.Parallel()
	to := func(target string) (int, http.Header, string) { return 302, http.Header{"Location": {target}}, "" }
	for label, row := range map[string]struct {
		answer func(r *http.Request) (int, http.Header, string)
		want   string
	}{
		"two": {func(r *http.Request) (int, http.Header, string) {
			switch r.URL.Path {
			case "/1":
				return to("/2")
			case "/2":
				return 200, nil, document(remote, nil)
			}
			return to("/1")
		}, ""},
		"for ever":       {func(r *http.Request) (int, http.Header, string) { return to(r.URL.Path + "x") }, "redirects more than 2 times"},
		"another origin": {func(r *http.Request) (int, http.Header, string) { return to("https://evil.example/") }, "redirects to another origin"},
		"another port":   {func(r *http.Request) (int, http.Header, string) { return to("https://login.example.com:8443/") }, "redirects to another origin"},
		"to plain http":  {func(r *http.Request) (int, http.Header, string) { return to("http://login.example.com/") }, "redirects to another origin"},
		"not there":      {func(r *http.Request) (int, http.Header, string) { return 404, nil, document(remote, nil) }, "answered 404"},
	} {
		var asked atomic.Int32
		client := transport.Client(web(func(r *http.Request) (int, http.Header, string) {
			asked.Add(1)
			if r.URL.Host != "login.example.com" || r.URL.Scheme != "https" {
				t.Errorf("%s: asked %s", label, r.URL)
			}
			return row.answer(r)
		}))
		_, err := auth.Discover(t.Context(), client, remote)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) || asked.Load() > 3 {
			t.Errorf("%s: %v after %d requests", label, err, asked.Load())
		}
	}
}

// TestDiscoverHere: an issuer of this machine may use plain http, and may name
// endpoints of this machine; plain http goes no further all the same.
func TestDiscoverHere(t *testing.T) {
	t.Parallel()
	var token string
	var methods any
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, document(server.URL, map[string]any{"token_endpoint": token, "token_endpoint_auth_methods_supported": methods}))
	})
	server.Start()
	defer server.Close()
	for _, row := range []struct {
		token   string
		methods any
		good    bool
		post    bool
	}{
		{"http://localhost:9000/token", nil, true, false},
		{"http://127.0.0.1:9000/token", []string{"client_secret_post"}, true, true},
		{"https://login.example.com/token", []string{"private_key_jwt", "client_secret_basic"}, true, false},
		{"http://login.example.com/token", nil, false, false},
		{"http://169.254.169.254/token", nil, false, false},
	} {
		token, methods = row.token, row.methods
		p, err := auth.Discover(t.Context(), transport.Client(http.DefaultTransport), server.URL)
		if (err == nil) != row.good || p.PostAuth != row.post || row.good && p.Token != row.token {
			t.Errorf("%s: %+v, %v", row.token, p, err)
		}
	}
	_, err := auth.Discover(t.Context(), transport.Client(http.DefaultTransport), "http://login.example.com")
	if err == nil || !strings.Contains(err.Error(), "plain http") {
		t.Errorf("an issuer by plain http: %v", err)
	}
}

// TestDiscoveryCopies: a stored document serves for a day, and is checked like a
// fetched one.
func TestDiscoveryCopies(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for label, row := range map[string]struct {
		stored string
		age    time.Duration
		asked  int32
	}{
		"none":                 {"", 0, 1},
		"fresh":                {document(remote, nil), 23 * time.Hour, 0},
		"of this second":       {document(remote, nil), -time.Second, 0},
		"old":                  {document(remote, nil), 24 * time.Hour, 1},
		"from the future":      {document(remote, nil), -time.Hour, 1},
		"damaged":              {"{", time.Hour, 1},
		"of another":           {document("https://evil.example", nil), time.Hour, 1},
		"with a hostile entry": {document(remote, map[string]any{"token_endpoint": "https://127.0.0.1/"}), time.Hour, 1},
	} {
		var asked atomic.Int32
		stored := ""
		d := auth.Discovery{
			Client: transport.Client(web(func(r *http.Request) (int, http.Header, string) {
				asked.Add(1)
				return 200, nil, document(remote, nil)
			})),
			Now: func() time.Time { return now },
			Load: func(url string) ([]byte, time.Time, bool) {
				if url != remote+"/.well-known/openid-configuration" {
					t.Errorf("loads %s", url)
				}
				return []byte(row.stored), now.Add(-row.age), row.stored != ""
			},
			Store: func(_ string, data []byte) { stored = string(data) },
		}
		p, err := d.Provider(t.Context(), remote)
		if err != nil || p.Token != remote+"/token" || asked.Load() != row.asked || (stored != "") != (row.asked > 0) {
			t.Errorf("%s: %+v, %v, asked %d times, stored %q", label, p, err, asked.Load(), stored)
		}
	}
}

// TestPoolOfDomain: which issuers the tokens of a user pool's domain may name.
func TestPoolOfDomain(t *testing.T) {
	t.Parallel()
	const domain, own, here = "https://acme.auth.us-east-1.amazoncognito.com", "https://login.acme.example", "http://127.0.0.1:9400"
	for _, row := range []struct {
		domain, iss string
		want        bool
	}{
		{domain, "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E", true},
		{domain, "https://issuer-cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E", true},
		{"https://acme.auth-fips.us-gov-west-1.amazoncognito.com", "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Ab1", true},
		{own, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E", true},
		{own, "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Ab12Cd34E", true},
		{here, "http://localhost:9400/us-east-1_Sandbox01", true},
		{domain, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E", false}, // another region
		{domain, "http://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E", false},
		{domain, "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E/", false},
		{domain, "https://cognito-idp.us-east-1.amazonaws.com/eu-west-1_Ab12Cd34E", false},
		{domain, "https://cognito-idp.us-east-1.amazonaws.com.evil.example/us-east-1_Ab12Cd34E", false},
		{domain, "https://cognito-idp.us-east-1.amazonaws.com@evil.example/us-east-1_Ab12Cd34E", false},
		{domain, "https://s3.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E", false},
		{domain, "https://evil.example/us-east-1_Ab12Cd34E", false},
		{domain, "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_", false},
		{domain, "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a/../x", false},
		{domain, "http://127.0.0.1:9400/us-east-1_Sandbox01", false},
		{own, "http://localhost/us-east-1_Sandbox01", false},
		{here, "https://evil.example/us-east-1_Sandbox01", false},
		{here, "http://me@localhost/us-east-1_Sandbox01", false},
		{domain, "", false},
	} {
		if got := auth.PoolOfDomain(row.domain, row.iss); got != row.want {
			t.Errorf("%s at %s: %v", row.iss, row.domain, got)
		}
	}
}
