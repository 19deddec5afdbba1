package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

func mustOrigins(t testing.TB, urls ...string) Origins {
	t.Helper()
	o, err := NewOrigins(urls...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// originCase is a URL, judged by origins of which one is allowed.
type originCase struct {
	allowed, url string
	reason       Reason // "" = allowed
}

func hostCases() []originCase {
	return []originCase{
		{"https://api.example.com/v1", "https://api.example.com/v1/x?q=1", ""},
		{"https://api.example.com/v1", "https://api.example.com/other", ""}, // an origin, not a prefix
		{"https://api.example.com", "https://evil.example", ReasonForeign},
		{"https://api.example.com", "https://api.example.com.evil.example", ReasonForeign},
		{"https://api.example.com", "https://xapi.example.com", ReasonForeign},
		{"https://api.example.com", "https://example.com", ReasonForeign},
		// default ports
		{"https://api.example.com", "https://api.example.com:443/x", ""},
		{"https://api.example.com:443", "https://api.example.com/x", ""},
		{"https://api.example.com", "https://api.example.com:/x", ""},
		{"https://api.example.com", "https://api.example.com:0443/x", ""},
		{"https://api.example.com", "https://api.example.com:8443/x", ReasonForeign},
		{"https://api.example.com", "https://api.example.com:80/x", ReasonForeign},
		{"https://api.example.com:8443", "https://api.example.com:8443/x", ""},
		{"https://api.example.com", "https://api.example.com:65536/", ReasonNoOrigin},
		{"https://api.example.com", "https://api.example.com:0/", ReasonNoOrigin},
		{"http://localhost:80", "http://localhost/x", ""},
		// case
		{"https://API.Example.com", "HTTPS://api.EXAMPLE.com/x", ""},
		// a trailing dot is another origin, unless it is the one that is allowed
		{"https://api.example.com", "https://api.example.com./x", ReasonForeign},
		{"https://api.example.com.", "https://api.example.com./x", ""},
		// Unicode and punycode are different spellings; each matches itself
		{"https://bücher.example", "https://bücher.example/x", ""},
		{"https://xn--bcher-kva.example", "https://xn--bcher-kva.example/x", ""},
		{"https://xn--bcher-kva.example", "https://bücher.example/x", ReasonForeign},
		{"https://api.example.com", "https://ａpi.example.com/x", ReasonForeign},          // fullwidth a
		{"https://api.kelvin.example", "https://api.\u212aelvin.example", ReasonForeign}, // Kelvin sign, lower case k
		{"https://a\xff.example", "https://a\xfe.example", ReasonForeign},
	}
}

func otherCases() []originCase {
	return []originCase{
		// user information
		{"https://api.example.com", "https://user:secret-word@api.example.com/x", ReasonUserinfo},
		{"https://api.example.com", "https://@api.example.com/x", ReasonUserinfo},
		{"https://api.example.com", "https://api.example.com@evil.example/x", ReasonUserinfo},
		{"https://api.example.com", "https://api.example.com/@evil.example/x", ""},
		// plain http
		{"https://api.example.com", "http://api.example.com/x", ReasonForeign},
		{"http://api.example.com", "http://api.example.com/x", ReasonPlain},
		{"http://10.0.0.5:8080", "http://10.0.0.5:8080/x", ReasonPlain},
		{"http://127.0.0.1:9400", "http://127.0.0.1:9400/x", ""},
		{"http://127.0.0.1:9400", "http://localhost:9400/x", ReasonForeign},
		{"http://localhost:9400", "http://localhost:9400/x", ""},
		{"http://[::1]:9400", "http://[0:0:0:0:0:0:0:1]:9400/x", ""},
		{"http://[::1]:9400", "http://[::2]:9400/x", ReasonForeign},
		{"http://localhost.evil.example", "http://localhost.evil.example/", ReasonPlain},
		{"http://127.0.0.1.evil.example", "http://127.0.0.1.evil.example/", ReasonPlain},
		// what is no http(s) URL with a host
		{"https://api.example.com", "ftp://api.example.com/x", ReasonNoOrigin},
		{"https://api.example.com", "//api.example.com/x", ReasonNoOrigin},
		{"https://api.example.com", "/x", ReasonNoOrigin},
		{"https://api.example.com", "https:api.example.com/x", ReasonNoOrigin},
		{"https://api.example.com", "https:///x", ReasonNoOrigin},
	}
}

func TestOriginsCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range append(hostCases(), otherCases()...) {
		err := mustOrigins(t, tt.allowed).Check(mustURL(t, tt.url))
		var refused *OriginError
		switch {
		case tt.reason == "" && err != nil:
			t.Errorf("%q for %q: %v", tt.url, tt.allowed, err)
		case tt.reason != "" && !errors.As(err, &refused):
			t.Errorf("%q for %q: %v, want an *OriginError", tt.url, tt.allowed, err)
		case tt.reason != "" && refused.Reason != tt.reason:
			t.Errorf("%q for %q: reason %s, want %s", tt.url, tt.allowed, refused.Reason, tt.reason)
		case err != nil && strings.Contains(err.Error(), "secret-word"):
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestOriginsZeroAllowsNothing(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"https://api.example.com", "http://127.0.0.1:1", "http://localhost"} {
		if err := (Origins{}).Check(mustURL(t, s)); err == nil {
			t.Errorf("%s is allowed", s)
		}
	}
	// Such a value cannot be typed; sent, its Opaque would be the request's target.
	opaque := &url.URL{Scheme: "https", Host: "api.example.com", Opaque: "//evil.example/x"}
	if err := mustOrigins(t, "https://api.example.com").Check(opaque); err == nil {
		t.Error("an opaque URL is allowed")
	}
	if err := (Origins{}).Check(nil); err == nil {
		t.Error("nil is allowed")
	}
}

func TestOriginErrorSaysWhatToType(t *testing.T) {
	t.Parallel()
	o := mustOrigins(t, "https://api.example.com/v1")
	err := o.Check(mustURL(t, "https://other.example:8443/x?token=abc"))
	for _, want := range []string{"https://other.example:8443", "https://api.example.com", "--auth-to https://other.example:8443"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "abc") {
		t.Errorf("the error shows the query: %v", err)
	}
}

func TestOriginsAddAndTrust(t *testing.T) {
	t.Parallel()
	base := mustOrigins(t, "https://a.example")
	more, err := base.Add("https://b.example", "http://c.example")
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := base.Trust("http://c.example/any/path")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		o    Origins
		url  string
		ok   bool
	}{
		{"base", base, "https://b.example", false},
		{"added", more, "https://b.example", true},
		{"added", more, "https://a.example", true},
		{"added plain", more, "http://c.example", false},
		{"trusted plain", trusted, "http://c.example/x", true},
		{"trusted plain", trusted, "https://c.example/x", false},
		{"trusted userinfo", trusted, "http://u@c.example/x", false},
	}
	for _, tt := range tests {
		if err := tt.o.Check(mustURL(t, tt.url)); (err == nil) != tt.ok {
			t.Errorf("%s %s: %v", tt.name, tt.url, err)
		}
	}
	for _, bad := range []string{"", "api.example.com", "/x", "ftp://x", "https://", "https://u:secret-word@h", "https://u:secret-word@h\x7f", "%zz"} {
		if _, err := base.Add(bad); err == nil {
			t.Errorf("Add(%q) is allowed", bad)
		} else if strings.Contains(err.Error(), "secret-word") {
			t.Errorf("the error shows the password: %v", err)
		}
		if _, err := base.Trust(bad); err == nil {
			t.Errorf("Trust(%q) is allowed", bad)
		}
	}
	if got := more.Allowed(); !slices.Equal(got, []string{"https://a.example", "https://b.example", "http://c.example"}) {
		t.Errorf("Allowed() = %q", got)
	}
}

func TestAWSOrigins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		region, url string
		ok          bool
	}{
		{"us-east-1", "https://abc123.execute-api.us-east-1.amazonaws.com/v1/x", true},
		{"us-east-1", "https://ABC123.Execute-API.us-east-1.amazonaws.com:443/v1/x", true},
		{"us-east-1", "https://abc-vpce-0a1b.execute-api.us-east-1.amazonaws.com/v1", true},
		{"us-east-1", "https://abc.lambda-url.us-east-1.on.aws/", true},
		{"us-east-1", "https://abc.appsync-api.us-east-1.amazonaws.com/graphql", true},
		{"us-gov-west-1", "https://abc.execute-api.us-gov-west-1.amazonaws.com/", true},
		{"cn-north-1", "https://abc.execute-api.cn-north-1.amazonaws.com.cn/", true},
		{"cn-north-1", "https://abc.execute-api.cn-north-1.amazonaws.com/", false},
		{"us-east-1", "https://abc.execute-api.us-east-1.amazonaws.com.cn/", false},
		{"us-east-1", "http://abc.execute-api.us-east-1.amazonaws.com/", false},
		{"us-east-1", "https://abc.execute-api.us-east-1.amazonaws.com:8443/", false},
		{"us-east-1", "https://abc.execute-api.eu-west-1.amazonaws.com/", false},
		{"us-east-1", "https://execute-api.us-east-1.amazonaws.com/", false},
		{"us-east-1", "https://.execute-api.us-east-1.amazonaws.com/", false},
		{"us-east-1", "https://a.b.execute-api.us-east-1.amazonaws.com/", false},
		{"us-east-1", "https://abc.execute-api.us-east-1.amazonaws.com.evil.example/", false},
		{"us-east-1", "https://abc.execute-api.us-east-1.amazonaws.com./", false},
		{"us-east-1", "https://u@abc.execute-api.us-east-1.amazonaws.com/", false},
		{"us-east-1", "https://abc.s3.us-east-1.amazonaws.com/", false},
		{"", "https://abc.execute-api..amazonaws.com/", false},
		{"", "https://abc.execute-api.us-east-1.amazonaws.com/", false},
		{"evil.example", "https://abc.execute-api.evil.example.amazonaws.com/", false},
		{"us-iso-east-1", "https://abc.execute-api.us-iso-east-1.amazonaws.com/", false},
	}
	for _, tt := range tests {
		if err := AWSOrigins(tt.region).Check(mustURL(t, tt.url)); (err == nil) != tt.ok {
			t.Errorf("region %q, %s: %v", tt.region, tt.url, err)
		}
	}
}

// hits counts requests and remembers the last Authorization.
type hits struct {
	n    atomic.Int32
	auth atomic.Value
}

func (h *hits) count(r *http.Request) {
	h.n.Add(1)
	h.auth.Store(r.Header.Get("Authorization"))
}

func TestRedirectsObeyTheSameRule(t *testing.T) {
	t.Parallel()
	var here, there hits
	foreign := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { there.count(r) }))
	defer foreign.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here.count(r)
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, foreign.URL, http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "/end", http.StatusFound)
		}
	}))
	defer home.Close()
	origins := mustOrigins(t, home.URL)
	transport := Authorize{Base: home.Client().Transport, Origins: origins, Authorizer: Bearer(fixedToken("tok"))}
	client := &http.Client{Transport: transport} // follows by itself

	resp, err := client.Get(home.URL + "/inside")
	if err != nil || resp.Request.URL.Path != "/end" || here.auth.Load() != "Bearer tok" {
		t.Fatalf("the redirect inside: %v, %v", err, here.auth.Load())
	}
	resp.Body.Close()
	resp, err = client.Get(home.URL + "/away")
	var refused *OriginError
	if !errors.As(err, &refused) || refused.Reason != ReasonForeign {
		t.Errorf("the redirect away: %v", err)
	}
	if resp != nil {
		resp.Body.Close()
	}
	if there.n.Load() != 0 {
		t.Errorf("the foreign server got %d requests", there.n.Load())
	}
}

func fixedToken(s string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return s, nil }
}

func FuzzOriginsCheck(f *testing.F) {
	for _, s := range []string{
		"https://api.example.com/x", "https://api.example.com:443", "https://API.example.com.", "http://127.0.0.1:9400/",
		"https://u@api.example.com", "https://api.example.com@evil", "//api.example.com", "https:api.example.com",
		"http://[::1%25lo]:9400", "https://abc.execute-api.us-east-1.amazonaws.com/", "https://api.example.com\\@evil",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := AWSOrigins("us-east-1").Add("https://api.example.com", "http://127.0.0.1:9400")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(s)
		if err != nil || o.Check(u) != nil {
			return
		}
		// The judgement again, by another way: the text of the whole authority.
		port := regexp.MustCompile(`:0*443$|:$`)
		host := port.ReplaceAllString(strings.ToLower(u.Host), "")
		aws := regexp.MustCompile(`^[a-z0-9-]+\.(execute-api\.us-east-1\.amazonaws\.com|appsync-api\.us-east-1\.amazonaws\.com|lambda-url\.us-east-1\.on\.aws)$`)
		switch {
		case u.User != nil, u.Opaque != "":
		case u.Scheme == "http" && regexp.MustCompile(`^127\.0\.0\.1:0*9400$`).MatchString(u.Host):
			return
		case u.Scheme == "https" && (host == "api.example.com" || aws.MatchString(host)):
			return
		}
		t.Errorf("%q is allowed", s)
	})
}

// closeCounter is a body that counts how often it is closed.
type closeCounter struct {
	io.Reader
	n atomic.Int32
}

func (c *closeCounter) Close() error { c.n.Add(1); return nil }
