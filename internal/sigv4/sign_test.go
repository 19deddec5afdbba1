package sigv4_test

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// TestCanonical looks at what becomes of path, query and headers.
func TestCanonical(t *testing.T) {
	t.Parallel()
	s3 := sigv4.Scope{Region: "us-east-1", Service: "s3"}
	for _, tt := range []struct {
		name, target string
		header       http.Header
		signer       *sigv4.Signer
		scope        sigv4.Scope
		want         string // path, query and headers but for X-Amz-Date, line by line
	}{
		{"path twice", "/a%20b/c%2Fd", nil, nil, scope, "/a%2520b/c%252Fd||host:h"},
		{"path once", "/a%20b/c%2fd%41", nil, &sigv4.Signer{SinglePathEncoding: true}, scope, "/a%20b/c%2FdA||host:h"},
		{"S3 once, and kept", "/a%20b//../:!", nil, nil, s3, "/a%20b//../%3A%21||host:h|x-amz-content-sha256:" + sigv4.EmptyPayload},
		{"normalized", "/a/./b//../c/", nil, nil, scope, "/a/c/||host:h"},
		{"dots at the end", "/a/b/..", nil, nil, scope, "/a||host:h"},
		{"more dots than path", "/../..", nil, nil, scope, "/||host:h"},
		{"dots in names", "/a/.b/c..", nil, nil, scope, "/a/.b/c..||host:h"},
		{"kept", "/a/./b//../c/", nil, &sigv4.Signer{KeepPath: true}, scope, "/a/./b//../c/||host:h"},
		{"no path", "", nil, nil, scope, "/||host:h"},
		{"a raw colon", "/model/a:0", nil, nil, scope, "/model/a%3A0||host:h"},
		{"an escaped colon", "/model/a%3A0", nil, nil, scope, "/model/a%253A0||host:h"},
		{"sorted", "/?b=2&a=2&a=1&a", nil, nil, scope, "/|a=&a=1&a=2&b=2|host:h"},
		{"by name, then value", "/?a=1&a-b=2", nil, nil, scope, "/|a=1&a-b=2|host:h"},
		{"one form", "/?q=%2f+%7e*'()!:@$,", nil, nil, scope, "/|q=%2F%20~%2A%27%28%29%21%3A%40%24%2C|host:h"},
		{"semicolons", "/?a=1;b=2;c", nil, nil, scope, "/|a=1%3Bb%3D2%3Bc|host:h"},
		{"a name of nothing", "/?=x&=", nil, nil, scope, "/|=&=x|host:h"},
		{"no parameter", "/?&a&&", nil, nil, scope, "/|a=|host:h"},
		{"UTF-8", "/?ü=é", nil, nil, scope, "/|%C3%BC=%C3%A9|host:h"},
		{"only what is asked", "/", http.Header{"Accept": {"*/*"}, "Content-Type": {"a/b"}, "X-Amz-Meta-A": {"1"}, "X-Amzn-Trace-Id": {"2"}, "Cookie": {"a=b"}}, nil, scope,
			"/||content-type:a/b|host:h|x-amz-meta-a:1"},
		{"one header more", "/", http.Header{"Accept": {"*/*"}, "Cookie": {"a=b"}}, &sigv4.Signer{Headers: []string{"accept", "X-Absent"}}, scope, "/||accept:*/*|host:h"},
		{"all headers", "/", http.Header{"Accept": {"*/*"}, "User-Agent": {"x"}, "Connection": {"close"}}, &sigv4.Signer{SignAll: true}, scope, "/||accept:*/*|host:h"},
		{"what net/http leaves out", "/", http.Header{"Host": {"x"}, "Content-Length": {"7"}, "Trailer": {"x"}, "User-Agent": {""}, "Authorization": {"x"}},
			&sigv4.Signer{SignAll: true, Headers: []string{"Host", "Content-Length", "Trailer", "User-Agent", "Authorization"}}, scope, "/||host:h"},
		{"a user agent", "/", http.Header{"User-Agent": {"x"}}, &sigv4.Signer{Headers: []string{"User-Agent"}}, scope, "/||host:h|user-agent:x"},
		{"many values", "/", http.Header{"X-Amz-Meta": {" b ", "a  c", ""}}, nil, scope, "/||host:h|x-amz-meta:b,a c,"},
		{"a folded value", "/", http.Header{"X-Amz-Meta": {"a\r\n\t b"}}, nil, scope, "/||host:h|x-amz-meta:a b"},
		{"two spellings", "/", http.Header{"X-Amz-Meta": {"1"}, "x-amz-meta": {"2"}}, nil, scope, "/||host:h|x-amz-meta:1,2"},
		{"a header of no value", "/", http.Header{"X-Amz-Meta": {}}, nil, scope, "/||host:h"},
		{"the payload's header", "/", nil, &sigv4.Signer{PayloadHeader: true}, scope, "/||host:h|x-amz-content-sha256:" + sigv4.EmptyPayload},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRequest(t, "GET", "https://h"+tt.target, "")
			for name, values := range tt.header {
				r.Header[name] = values
			}
			signer := tt.signer
			if signer == nil {
				signer = new(sigv4.Signer)
			}
			trace, err := signer.Sign(r, sigv4.EmptyPayload, keys, tt.scope, noon)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimPrefix(trace.CanonicalRequest, "GET\n"), "\n")
			head := lines[:len(lines)-3]
			got := strings.Replace(strings.Join(head, "|"), "|x-amz-date:20240115T120000Z", "", 1)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if r.URL.String() != "https://h"+tt.target {
				t.Errorf("the URL became %s", r.URL)
			}
		})
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, host, want string }{
		{"https://h.example:443/", "", "h.example"},
		{"http://h.example:80/", "", "h.example"},
		{"https://h.example:80/", "", "h.example:80"},
		{"http://h.example:443/", "", "h.example:443"},
		{"https://h.example:8443/", "", "h.example:8443"},
		{"https://h.example/", "other.example:443", "other.example"},
		{"http://[::1]:80/", "", "[::1]"},
		{"http://[fe80::1%25eth0]:8080/", "", "[fe80::1]:8080"},
		{"http://H.example/", "", "H.example"},
	} {
		r := newRequest(t, "GET", tt.url, "")
		if tt.host != "" {
			r.Host = tt.host
		}
		trace, err := new(sigv4.Signer).Sign(r, sigv4.EmptyPayload, keys, scope, noon)
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		if !strings.Contains(trace.CanonicalRequest, "\nhost:"+tt.want+"\n") {
			t.Errorf("%s, Host %q: want host %s in\n%s", tt.url, tt.host, tt.want, trace.CanonicalRequest)
		}
		wire, err := sent(r)
		if err != nil || !strings.Contains(string(wire), "\r\nHost: "+tt.want+"\r\n") {
			t.Errorf("%s, Host %q: want Host %s on the wire (%v):\n%s", tt.url, tt.host, tt.want, err, wire)
		}
	}
}

// TestContentLength: as net/http sends it; a length of nothing only by name.
func TestContentLength(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method, body string
		signer       *sigv4.Signer
		want         string
	}{
		{"POST", "abc", &sigv4.Signer{SignAll: true}, "content-length:3\n"},
		{"POST", "", &sigv4.Signer{SignAll: true}, ""},
		{"POST", "", &sigv4.Signer{Headers: []string{"Content-Length"}}, "content-length:0\n"},
		{"GET", "", &sigv4.Signer{Headers: []string{"Content-Length"}}, ""},
		{"POST", "abc", new(sigv4.Signer), ""},
	} {
		r := newRequest(t, tt.method, "https://h/", tt.body)
		trace, err := tt.signer.Sign(r, sigv4.PayloadHash([]byte(tt.body)), keys, scope, noon)
		if err != nil {
			t.Fatal(err)
		}
		if want := tt.method + "\n/\n\n" + tt.want + "host:h\n"; !strings.HasPrefix(trace.CanonicalRequest, want) {
			t.Errorf("want %q at the beginning of\n%s", want, trace.CanonicalRequest)
		}
		wire, err := sent(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifyWire(wire); err != nil {
			t.Errorf("%v\nof\n%s", err, wire)
		}
	}
}

// TestTime: a given X-Amz-Date fixes the time, in both forms.
func TestTime(t *testing.T) {
	t.Parallel()
	r := newRequest(t, "GET", "https://h/", "")
	r.Header.Set("X-Amz-Date", "20240115T120000Z")
	later := noon.Add(time.Hour)
	trace, err := new(sigv4.Signer).Sign(r, sigv4.EmptyPayload, keys, scope, later)
	if err != nil || !trace.Time.Equal(noon) {
		t.Errorf("signed at %v (%v), want %v", trace.Time, err, noon)
	}
	trace, err = new(sigv4.Signer).Presign(r, sigv4.EmptyPayload, keys, scope, sigv4.Validity{Now: later, Expires: time.Hour})
	if err != nil || !trace.Time.Equal(noon) || r.URL.Query().Get("X-Amz-Date") != "20240115T120000Z" || r.Header.Get("X-Amz-Date") != "" || r.Header.Get("Authorization") != "" {
		t.Errorf("presigned at %v (%v), want %v: %s %v", trace.Time, err, noon, r.URL, r.Header)
	}
}

// TestRefusedToSign: each is refused with a text that says why, and leaves the
// request as it was.
func TestRefusedToSign(t *testing.T) {
	t.Parallel()
	odd := func(change func(*http.Request)) *http.Request {
		r := newRequest(t, "GET", "https://h/", "")
		change(r)
		return r
	}
	get := func(target string) *http.Request {
		u := &url.URL{Scheme: "https", Host: "h", Path: "/"}
		_, u.RawQuery, _ = strings.Cut(target, "?")
		return odd(func(r *http.Request) { r.URL = u })
	}
	for _, tt := range []struct {
		name    string
		request *http.Request
		payload string
		keys    sigv4.Credentials
		scope   sigv4.Scope
		want    string
	}{
		{"a lone percent sign", get("/?a=100%"), "", keys, scope, "%25"},
		{"a bad escape", get("/?a=%zz"), "", keys, scope, `"%zz" in it is no escape`},
		{"a space in the query", get("/?a b"), "", keys, scope, `%20`},
		{"a control character", get("/?a\x7f"), "", keys, scope, `%7F`},
		{"presigned already", get("/?X-Amz-Signature=00"), "", keys, scope, "presigned"},
		{"presigned, spelled another way", get("/?X%2dAmz-Signature=00"), "", keys, scope, "presigned"},
		{"no slash", odd(func(r *http.Request) { r.URL.Path = "*" }), "", keys, scope, "does not begin with a slash"},
		{"an opaque path", odd(func(r *http.Request) { r.URL.Opaque = "/a b" }), "", keys, scope, "%20"},
		{"another host in the target", odd(func(r *http.Request) { r.URL.Opaque = "//evil/" }), "", keys, scope, `"evil"`},
		{"no URL", odd(func(r *http.Request) { r.URL = nil }), "", keys, scope, "without a URL"},
		{"no host", odd(func(r *http.Request) { r.Host, r.URL.Host = "", "" }), "", keys, scope, "host"},
		{"not ASCII", odd(func(r *http.Request) { r.Host = "ü.example" }), "", keys, scope, "xn--"},
		{"two times", odd(func(r *http.Request) { r.Header["X-Amz-Date"] = []string{"20240115T120000Z", "20240115T120001Z"} }), "", keys, scope, "one time"},
		{"no time", odd(func(r *http.Request) { r.Header.Set("X-Amz-Date", "now") }), "", keys, scope, `"now"`},
		{"another hash in the header", odd(func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "00") }), "", keys, scope, "X-Amz-Content-Sha256"},
		{"no hash", get("/"), "00", keys, scope, `"00" is not a SHA-256`},
		{"an upper-case hash", get("/"), strings.ToUpper(sigv4.EmptyPayload), keys, scope, "lower-case"},
		{"unsigned payload", get("/"), sigv4.UnsignedPayload, keys, scope, "execute-api"},
		{"no key", get("/"), "", sigv4.Credentials{SecretAccessKey: "s3cr3t"}, scope, "without an access key"},
		{"no secret", get("/"), "", sigv4.Credentials{AccessKeyID: "AKID"}, scope, "without an access key"},
		{"a strange key", get("/"), "", sigv4.Credentials{AccessKeyID: "s3cr3t/", SecretAccessKey: "s3cr3t"}, scope, "access key id"},
		{"a secret with its newline", get("/"), "", sigv4.Credentials{AccessKeyID: "AKID", SecretAccessKey: "s3cr3t\n"}, scope, "secret access key"},
		{"a token with a newline", get("/"), "", sigv4.Credentials{AccessKeyID: "AKID", SecretAccessKey: "s3cr3t", SessionToken: "s3cr3t\r\nX: y"}, scope, "session token"},
		{"no region", get("/"), "", keys, sigv4.Scope{Service: "s3"}, `region ""`},
		{"a strange service", get("/"), "", keys, sigv4.Scope{Region: "us-east-1", Service: "a/b"}, `"a/b"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := tt.payload
			if payload == "" {
				payload = sigv4.EmptyPayload
			}
			for form, sign := range map[string]func(*http.Request) error{
				"header": func(r *http.Request) error {
					_, err := new(sigv4.Signer).Sign(r, payload, tt.keys, tt.scope, noon)
					return err
				},
				"query": func(r *http.Request) error {
					_, err := new(sigv4.Signer).Presign(r, payload, tt.keys, tt.scope, sigv4.Validity{Now: noon, Expires: time.Hour})
					return err
				},
			} {
				before := tt.request.Clone(t.Context())
				err := sign(tt.request)
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("%s: %v, want it to say %q", form, err, tt.want)
				}
				if !reflect.DeepEqual(before.URL, tt.request.URL) || !reflect.DeepEqual(before.Header, tt.request.Header) || before.Host != tt.request.Host {
					t.Errorf("%s: the request has changed: %v", form, tt.request)
				}
			}
		})
	}
}

func TestPresignRefusals(t *testing.T) {
	t.Parallel()
	for target, v := range map[string]time.Duration{
		"/":                  0,
		"/?a":                7*24*time.Hour + 1,
		"/?X-Amz-Expires=60": time.Minute,
		"/?X-Amz-Date=x":     time.Minute,
	} {
		r := newRequest(t, "GET", "https://h"+target, "")
		if _, err := new(sigv4.Signer).Presign(r, sigv4.EmptyPayload, keys, scope, sigv4.Validity{Now: noon, Expires: v}); err == nil || r.URL.String() != "https://h"+target {
			t.Errorf("presigned %s for %v: %s (%v)", target, v, r.URL, err)
		}
	}
}

// TestDerivedKeys: a kept key serves its own secret, day, region and service only.
func TestDerivedKeys(t *testing.T) {
	t.Parallel()
	var signer sigv4.Signer
	other := keys
	other.SecretAccessKey = strings.ToUpper(keys.SecretAccessKey)
	for _, c := range []sigv4.Credentials{keys, other} {
		for _, sc := range []sigv4.Scope{scope, {Region: "eu-west-1", Service: "execute-api"}, {Region: "us-east-1", Service: "es"}} {
			for _, at := range []time.Time{noon, noon.AddDate(0, 0, 1)} {
				r := newRequest(t, "GET", "https://h/", "")
				if _, err := signer.Sign(r, sigv4.EmptyPayload, c, sc, at); err != nil {
					t.Fatal(err)
				}
				find := func(string) (sigv4.Credentials, bool) { return c, true }
				if _, err := sigv4.Verify(r, sigv4.EmptyPayload, find, at); err != nil {
					t.Errorf("%+v at %v: %v", sc, at, err)
				}
			}
		}
	}
}

// TestSigner is one Signer in many hands, with more keys than its cache holds.
func TestSigner(t *testing.T) {
	t.Parallel()
	var signer sigv4.Signer
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := range 100 {
				at := noon.AddDate(0, 0, (i+n)%50)
				r := newRequest(t, "GET", "https://h/"+fmt.Sprint(n), "")
				trace, err := signer.Sign(r, sigv4.EmptyPayload, keys, scope, at)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := sigv4.Verify(r, sigv4.EmptyPayload, known, at); err != nil || got != trace {
					t.Errorf("%v\ngot  %+v\nwant %+v", err, got, trace)
				}
			}
		})
	}
	wait.Wait()
}
