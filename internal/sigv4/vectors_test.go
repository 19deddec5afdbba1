package sigv4_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// vector is one folder of AWS's own signing suite (aws-c-auth). COGCTL_VECTORS
// names the folder that holds it.
type vector struct {
	folder      string
	Credentials struct {
		ID     string `json:"access_key_id"`
		Secret string `json:"secret_access_key"`
		Token  string `json:"token"`
	} `json:"credentials"`
	Expires   int       `json:"expiration_in_seconds"`
	Normalize bool      `json:"normalize"`
	Region    string    `json:"region"`
	Service   string    `json:"service"`
	SignBody  bool      `json:"sign_body"`
	OmitToken bool      `json:"omit_session_token"`
	Timestamp time.Time `json:"timestamp"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	dir := os.Getenv("COGCTL_VECTORS")
	if dir == "" {
		t.Skip("COGCTL_VECTORS is not set: foreign vectors not checked")
	}
	found, err := filepath.Glob(filepath.Join(dir, "sigv4/aws-c-auth/tests/aws-signing-test-suite/v4/*/context.json"))
	if err != nil || len(found) != 38 {
		t.Fatalf("%d vectors, want 38 (%v)", len(found), err)
	}
	var all []vector
	for _, path := range found {
		v := vector{folder: filepath.Dir(path)}
		if err := json.Unmarshal([]byte(v.read(t, "context.json")), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func (v vector) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(v.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// request reads a request of the suite. Its paths are raw, with spaces and
// UTF-8, and its lines end in a line feed alone, so that no HTTP parser takes
// them. The suite encodes such a path once; the URL here holds it unescaped, and
// it is escaped on the wire.
func (v vector) request(t *testing.T, name string) (*http.Request, string) {
	t.Helper()
	head, body, _ := strings.Cut(v.read(t, name), "\n\n")
	lines := strings.Split(strings.TrimRight(head, "\n"), "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	target := strings.TrimSuffix(rest, " HTTP/1.1")
	path, query, _ := strings.Cut(target, "?")
	r := &http.Request{Method: method, URL: &url.URL{Scheme: "https", Path: path, RawQuery: query}, Header: http.Header{}}
	last := ""
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, " ") {
			values := r.Header[last]
			values[len(values)-1] += "\n" + line
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		last = http.CanonicalHeaderKey(name)
		r.Header[last] = append(r.Header[last], strings.TrimSpace(value))
	}
	r.Host = r.Header.Get("Host")
	r.Header.Del("Host")
	if length := r.Header.Get("Content-Length"); length != "" {
		r.ContentLength, _ = strconv.ParseInt(length, 10, 64)
		r.Body = io.NopCloser(strings.NewReader(body))
		r.Header.Del("Content-Length")
	}
	return r, sigv4.PayloadHash([]byte(strings.TrimRight(body, "\n")))
}

func (v vector) signer() *sigv4.Signer {
	return &sigv4.Signer{SinglePathEncoding: true, KeepPath: !v.Normalize, SignAll: true,
		PayloadHeader: v.SignBody, TokenAfterSigning: v.OmitToken}
}

func (v vector) verify(t *testing.T, r *http.Request, payload string) {
	t.Helper()
	verifier := sigv4.Verifier{SinglePathEncoding: true, KeepPath: !v.Normalize, TokenAfterSigning: v.OmitToken,
		Scope: sigv4.Scope{Region: v.Region, Service: v.Service}}
	find := func(id string) (sigv4.Credentials, bool) { return v.credentials(), id == v.Credentials.ID }
	if _, err := verifier.Verify(r, payload, find, v.Timestamp); err != nil {
		t.Errorf("Verify: %v", err)
	}
}

func (v vector) credentials() sigv4.Credentials {
	return sigv4.Credentials{AccessKeyID: v.Credentials.ID, SecretAccessKey: v.Credentials.Secret, SessionToken: v.Credentials.Token}
}

func (v vector) compare(t *testing.T, form string, trace sigv4.Trace) {
	t.Helper()
	for name, got := range map[string]string{
		"canonical-request": trace.CanonicalRequest,
		"string-to-sign":    trace.StringToSign,
		"signature":         trace.Signature,
	} {
		if diff := cmp.Diff(v.read(t, form+"-"+name+".txt"), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestVectorsHeader(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(filepath.Base(v.folder), func(t *testing.T) {
			r, payload := v.request(t, "request.txt")
			trace, err := v.signer().Sign(r, payload, v.credentials(), sigv4.Scope{Region: v.Region, Service: v.Service}, v.Timestamp)
			if err != nil {
				t.Fatal(err)
			}
			v.compare(t, "header", trace)
			v.verify(t, r, payload)
			want, payload := v.request(t, "header-signed-request.txt")
			if diff := cmp.Diff(want.Header, r.Header); diff != "" {
				t.Errorf("signed request (-want +got):\n%s", diff)
			}
			v.verify(t, want, payload)
		})
	}
}

func TestVectorsQuery(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(filepath.Base(v.folder), func(t *testing.T) {
			r, payload := v.request(t, "request.txt")
			signer := v.signer()
			signer.PayloadHeader = false
			trace, err := signer.Presign(r, payload, v.credentials(), sigv4.Scope{Region: v.Region, Service: v.Service},
				sigv4.Validity{Now: v.Timestamp, Expires: time.Duration(v.Expires) * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			v.compare(t, "query", trace)
			v.verify(t, r, payload)
			want, payload := v.request(t, "query-signed-request.txt")
			if diff := cmp.Diff(want.URL, r.URL); diff != "" {
				t.Errorf("signed request (-want +got):\n%s", diff)
			}
			v.verify(t, want, payload)
		})
	}
}

// TestReferenceSignatures are of requests that botocore 1.29 and 1.43 and aws4
// signed, and curl the first two; the path of the third is encoded twice.
func TestReferenceSignatures(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 15, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ target, token, want string }{
		{"/prod/items?a=1&b=2", "", "77eaa8a144f84744f6d4e93f59332203ab068c94e5a5d605f65cb2a976a3f967"},
		{"/prod/items?a=1&b=2", "SESSIONTOKEN", "5e4a3cce1a0ebc024b933d6b35b845fb2bb2639d3b86789300c521f4e23a2a79"},
		{"/prod/items/a%20b?z=1&a=%2Fx&b=", "", "a7e2cee1ffe8c000d8d43cfce8f2b4d8f92b3c18dd1ee0f326a9bcb99deb0e2c"},
	} {
		const body = `{"k":"v"}`
		r, err := http.NewRequest("POST", "http://127.0.0.1:9999"+tt.target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		c := sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: tt.token}
		trace, err := new(sigv4.Signer).Sign(r, sigv4.PayloadHash([]byte(body)), c, sigv4.Scope{Region: "us-east-1", Service: "execute-api"}, at)
		if err != nil {
			t.Fatal(err)
		}
		if trace.Signature != tt.want {
			t.Errorf("%s with token %q: signature %s, want %s, of\n%s", tt.target, tt.token, trace.Signature, tt.want, trace.CanonicalRequest)
		}
	}
}
