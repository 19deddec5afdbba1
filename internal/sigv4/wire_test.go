package sigv4_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sigv4"
)

var (
	noon  = time.Date(2024, 1, 15, 12, 0, 0, 0, time.UTC)
	keys  = sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	token = sigv4.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: "IQoJb3JpZ2lu+/EXAMPLE=="}
	scope = sigv4.Scope{Region: "us-east-1", Service: "execute-api"}
)

func known(id string) (sigv4.Credentials, bool) {
	switch id {
	case keys.AccessKeyID:
		return keys, true
	case token.AccessKeyID:
		return token, true
	}
	return sigv4.Credentials{}, false
}

func newRequest(t testing.TB, method, target, body string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, target, r)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// sent is a request as net/http writes it.
func sent(r *http.Request) ([]byte, error) {
	var wire bytes.Buffer
	err := r.Write(&wire)
	return wire.Bytes(), err
}

// received reads it as net/http's server does, with the body.
func received(wire []byte) (*http.Request, []byte, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return r, body, err
}

// verifyWire is the whole way from the wire to the verdict.
func verifyWire(wire []byte) (*http.Request, error) {
	r, body, err := received(wire)
	if err != nil {
		return nil, err
	}
	_, err = sigv4.Verify(r, sigv4.PayloadHash(body), known, noon)
	return r, err
}

// sign signs in one of the two forms.
func sign(s *sigv4.Signer, r *http.Request, body string, query bool) error {
	var err error
	if query {
		_, err = s.Presign(r, sigv4.PayloadHash([]byte(body)), token, scope, sigv4.Validity{Now: noon, Expires: time.Minute})
	} else {
		_, err = s.Sign(r, sigv4.PayloadHash([]byte(body)), token, scope, noon)
	}
	return err
}

// TestSentIsSigned sends random requests over the wire and verifies what comes
// out of it.
func TestSentIsSigned(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	text := func() string {
		var b strings.Builder
		for range random.IntN(6) {
			b.WriteString(pick("a", "Z", "0", "-", ".", "_", "~", "/", "//", "/.", "..", "%2F", "%20", "%2e", "%25", "%e1%88%b4",
				":", "@", "!", "$", "'", "(", ")", "*", ",", ";", "=", "ü", "{", "|", "\"", "^", "["))
		}
		return b.String()
	}
	one := new(sigv4.Signer)
	for i := range 3000 {
		raw := "http://" + pick("api.example.com", "api.example.com:80", "api.example.com:8080", "[::1]:9", "127.0.0.1") +
			"/" + text() + "?" + text() + pick("", "=", "&", "+", "&&") + text() + pick("", "=") + text()
		u, err := url.Parse(raw)
		if err != nil {
			continue
		}
		body := pick("", "x", `{"k":"v"}`)
		r := newRequest(t, pick("GET", "POST", "DELETE"), u.String(), body)
		r.URL = u
		r.Header["X-Amz-Meta-"+pick("a", "b")] = []string{text(), " " + pick("b  c", "", "b\tc") + " "}
		signer := one
		if i%2 == 0 {
			signer = &sigv4.Signer{SignAll: true}
		}
		if err := sign(signer, r, body, i%5 == 0); err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		wire, err := sent(r)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if _, err := verifyWire(wire); err != nil {
			t.Fatalf("%s: %v\nof\n%s", raw, err, wire)
		}
	}
}

// TestFlippedBit turns each bit of a signed request round. A change is accepted
// only where net/http and net/url read the same message: in the case of a
// header's name or of a query's hex digits, and in the version of HTTP.
func TestFlippedBit(t *testing.T) {
	t.Parallel()
	for _, query := range []bool{false, true} {
		t.Run(fmt.Sprint("query=", query), func(t *testing.T) {
			const body = `{"k":"v"}`
			r := newRequest(t, "POST", "https://abc.execute-api.us-east-1.amazonaws.com/prod/a%20b/c;d?b=%2F&a=1+2&a=", body)
			r.Header.Set("User-Agent", "")
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Amz-Target", "A b")
			if err := sign(new(sigv4.Signer), r, body, query); err != nil {
				t.Fatal(err)
			}
			wire, err := sent(r)
			if err != nil {
				t.Fatal(err)
			}
			original, err := verifyWire(wire)
			if err != nil {
				t.Fatalf("unchanged: %v", err)
			}
			refused, all := 0, 0
			for i := range wire {
				for bit := range 8 {
					if testing.Short() && bit != i%8 {
						continue // one bit of each byte: under the race detector all take seconds
					}
					all++
					changed := bytes.Clone(wire)
					changed[i] ^= 1 << bit
					got, err := verifyWire(changed)
					if err != nil {
						refused++
					} else if !sameMessage(original, got) {
						t.Errorf("bit %d of byte %d is turned round, and it is accepted:\n%s", bit, i, changed)
					}
				}
			}
			if refused < all*9/10 {
				t.Errorf("%d of %d changes refused", refused, all)
			}
		})
	}
}

// sameMessage compares by the standard library's eyes alone.
func sameMessage(a, b *http.Request) bool {
	a.Header.Del("Content-Length") // "09" is a length too
	b.Header.Del("Content-Length")
	return a.Method == b.Method && a.Host == b.Host && a.URL.EscapedPath() == b.URL.EscapedPath() &&
		reflect.DeepEqual(a.URL.Query(), b.URL.Query()) && reflect.DeepEqual(a.Header, b.Header) && a.ContentLength == b.ContentLength
}

// FuzzSignVerify: what Sign signs, Verify accepts after the way over the wire.
func FuzzSignVerify(f *testing.F) {
	f.Add("/prod/a%20b/../c//d", "b=%2F&a=1+2&a=&;x&%", "application/json", "api.example.com:443", true)
	f.Add("//x/./..", "", "a  b\r\n c", "[::1%25eth0]:80", false)
	f.Add("*", "a", "ü", "ü.example", false)
	f.Add("?", "0", "0", "{", false)  // an empty path; a host that net/http leaves out
	f.Add("/a?", "b", "0", "h", true) // a query in an opaque path
	f.Fuzz(func(t *testing.T, path, query, value, host string, presign bool) {
		for _, u := range []*url.URL{
			{Scheme: "https", Host: host, Path: path, RawQuery: query},
			{Scheme: "https", Host: host, Path: path, RawPath: path, RawQuery: query},
			{Scheme: "http", Host: host, Opaque: path, RawQuery: query},
		} {
			r := &http.Request{Method: "GET", URL: u, Header: http.Header{"X-Amz-Meta": {value}, "X-Other": {value}}}
			if err := sign(&sigv4.Signer{SignAll: true}, r, "", presign); err != nil {
				continue
			}
			wire, err := sent(r)
			if err != nil {
				continue
			}
			back, _, err := received(wire)
			if err != nil {
				continue // a host or a header that net/http's own server refuses
			}
			if _, err := sigv4.Verify(back, sigv4.EmptyPayload, known, noon); err != nil {
				t.Errorf("%v\nof\n%s", err, wire)
			}
		}
	})
}

// FuzzVerify: no header, query or target makes Verify panic or accept.
func FuzzVerify(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240115/us-east-1/execute-api/aws4_request, SignedHeaders=host;;x-amz-date, Signature=00", "20240115T120000Z", "/a?b=%")
	f.Add("Bearer x", "", "/")
	f.Add("", "", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20240115%2Fus-east-1%2Fexecute-api%2Faws4_request&X-Amz-Date=20240115T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00")
	f.Fuzz(func(t *testing.T, authorization, date, target string) {
		r := &http.Request{Method: "GET", URL: &url.URL{Path: "/"}, RequestURI: target, Host: "api.example.com", Header: http.Header{}}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		if date != "" {
			r.Header["X-Amz-Date"] = []string{date}
		}
		_, err := sigv4.Verify(r, sigv4.EmptyPayload, known, noon)
		if refused, ok := err.(*sigv4.VerifyError); !ok || refused.Code == "" || refused.Message == "" {
			t.Errorf("Verify of %q, %q, %q: %v, want a refusal", authorization, date, target, err)
		}
	})
}
