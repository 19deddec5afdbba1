package sigv4_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// signedRequest is a good one, in the header form.
func signedRequest(t *testing.T, c sigv4.Credentials) *http.Request {
	t.Helper()
	r := newRequest(t, "GET", "https://abc.execute-api.us-east-1.amazonaws.com/prod/items?a=1", "")
	if _, err := new(sigv4.Signer).Sign(r, sigv4.EmptyPayload, c, scope, noon); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRefusals: each text in the order in which AWS looks, the header form.
func TestRefusals(t *testing.T) {
	t.Parallel()
	replace := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			value := r.Header.Get("Authorization")
			if !strings.Contains(value, old) {
				t.Errorf("%q is not in %q", old, value)
			}
			r.Header.Set("Authorization", strings.ReplaceAll(value, old, new))
		}
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	all := func(changes ...func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			for _, change := range changes {
				change(r)
			}
		}
	}
	const hashed = "(hashed with SHA-256 and encoded with Base64): '"
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		code   string
		want   string // the beginning of the message
	}{
		{"nothing", func(r *http.Request) { r.Header.Del("Authorization") }, sigv4.MissingAuthenticationToken, "Missing Authentication Token"},
		{"both forms", func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Algorithm=x" }, sigv4.InvalidSignature, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		{"a bearer", set("Authorization", "Bearer abc"), sigv4.IncompleteSignature, "Invalid key=value pair (missing equal-sign) in Authorization header " + hashed + "w1Xc6WwWEogNEZQP/dkBTThsJT4MNlKmzQanIm970rY='."},
		{"one word", set("Authorization", "abc"), sigv4.IncompleteSignature, "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and encoded with Base64) Authorization="},
		{"no parameter and no date", all(set("Authorization", "abc"), func(r *http.Request) { r.Header.Del("X-Amz-Date") }), sigv4.IncompleteSignature, "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed"},
		{"a parameter twice", replace(", SignedHeaders", ", Signature=0, SignedHeaders"), sigv4.IncompleteSignature, "Invalid key=value pair"},
		{"no date", func(r *http.Request) { r.Header.Del("X-Amz-Date") }, sigv4.IncompleteSignature, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed"},
		{"a bad date", all(set("X-Amz-Date", "201"), replace("AWS4-HMAC-SHA256", "AWS4")), sigv4.IncompleteSignature, "Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"two dates", func(r *http.Request) { r.Header.Add("X-Amz-Date", "20240115T120001Z") }, sigv4.IncompleteSignature, "Date must be in ISO-8601"},
		{"another algorithm", replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA25"), sigv4.IncompleteSignature, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). "},
		{"four elements", replace("/aws4_request", ""), sigv4.IncompleteSignature, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20240115/us-east-1/execute-api'"},
		{"expired", set("X-Amz-Date", "20240115T115459Z"), sigv4.InvalidSignature, "Signature expired: 20240115T115459Z is now earlier than 20240115T115500Z (20240115T120000Z - 5 min.)"},
		{"not yet", set("X-Amz-Date", "20240115T120501Z"), sigv4.InvalidSignature, "Signature not yet current: 20240115T120501Z is still later than 20240115T120500Z (20240115T120000Z + 5 min.)"},
		{"host not signed", replace("host;", ""), sigv4.InvalidSignature, "'Host' must be a 'SignedHeader' in the AWS Authorization."},
		{"another scope", replace("/20240115/us-east-1/execute-api/aws4_request", "/20240114/c/d/e"), sigv4.InvalidSignature,
			"Credential should be scoped to a valid region, not 'c'. Credential should be scoped to correct service: 'execute-api'. Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20240114' != '20240115', from '20240115T120000Z'."},
		{"an unknown key", replace("AKIDEXAMPLE", "AKIDEXAMPLF"), sigv4.UnrecognizedClient, "The security token included in the request is invalid."},
		{"another body's hash", all(set("X-Amz-Content-Sha256", "00"), replace("host;", "host;x-amz-content-sha256;")), sigv4.InvalidSignature, "The request signature we calculated does not match"},
		{"a token nobody has", set("X-Amz-Security-Token", "x"), sigv4.UnrecognizedClient, "The security token included in the request is invalid."},
		{"another query", func(r *http.Request) { r.URL.RawQuery = "a=2" }, sigv4.InvalidSignature, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\n" +
			"The Canonical String for this request should have been\n'GET\n/prod/items\na=2\nhost:abc.execute-api.us-east-1.amazonaws.com\nx-amz-date:20240115T120000Z\n\nhost;x-amz-date\n" + sigv4.EmptyPayload + "'\n\n" +
			"The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20240115T120000Z\n20240115/us-east-1/execute-api/aws4_request\nddb0d52085b77cc745c7c2ea78f3db9b52313b031b147029585b334fcb496db0'\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := signedRequest(t, keys)
			verifier := sigv4.Verifier{Scope: scope}
			if _, err := verifier.Verify(r, sigv4.EmptyPayload, known, noon); err != nil {
				t.Fatalf("unchanged: %v", err)
			}
			tt.change(r)
			trace, err := verifier.Verify(r, sigv4.EmptyPayload, known, noon)
			var refused *sigv4.VerifyError
			if !errors.As(err, &refused) || refused.Code != tt.code || !strings.HasPrefix(refused.Message, tt.want) {
				t.Errorf("got  %v\nwant %s: %s", err, tt.code, tt.want)
			}
			if trace.Signature != "" {
				t.Error("the refusal tells a signature")
			}
		})
	}
}

// TestAccepted are spellings and circumstances that servers take.
func TestAccepted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*http.Request){
		"curl 7.88 sends X-Amz-Date twice": func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) },
		"no spaces": func(r *http.Request) {
			r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), ", ", ","))
		},
		"a slash after the credential": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "aws4_request,", "aws4_request/,", 1))
		},
		"a header that is not signed": func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") },
	} {
		r := signedRequest(t, keys)
		change(r)
		if _, err := sigv4.Verify(r, sigv4.EmptyPayload, known, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWindow is the edge of the window, and another window.
func TestWindow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		window, off time.Duration
		good        bool
	}{
		{0, 5 * time.Minute, true}, {0, -5 * time.Minute, true}, {0, 5*time.Minute + 1, false}, {0, -5*time.Minute - 1, false},
		{15 * time.Minute, 15 * time.Minute, true}, {time.Second, 2 * time.Second, false},
	} {
		_, err := (&sigv4.Verifier{Window: tt.window}).Verify(signedRequest(t, keys), sigv4.EmptyPayload, known, noon.Add(tt.off))
		if (err == nil) != tt.good {
			t.Errorf("window %v, %v off: %v", tt.window, tt.off, err)
		}
	}
}

// TestToken: the session token must be the key's own.
func TestToken(t *testing.T) {
	t.Parallel()
	forged := func(id string) (sigv4.Credentials, bool) {
		c := token
		c.SessionToken += "x"
		return c, true
	}
	r := signedRequest(t, token)
	if _, err := sigv4.Verify(r, sigv4.EmptyPayload, known, noon); err != nil {
		t.Errorf("its own token: %v", err)
	}
	var refused *sigv4.VerifyError
	if _, err := sigv4.Verify(r, sigv4.EmptyPayload, forged, noon); !errors.As(err, &refused) || refused.Code != sigv4.UnrecognizedClient {
		t.Errorf("another token: %v", err)
	}
	without := token
	without.SessionToken = ""
	if _, err := sigv4.Verify(signedRequest(t, without), sigv4.EmptyPayload, known, noon); !errors.As(err, &refused) || refused.Code != sigv4.UnrecognizedClient {
		t.Errorf("no token: %v", err)
	}
}

// TestStatedPayload: a header that states another hash than the body's is refused
// also when the signature itself was made from the right one.
func TestStatedPayload(t *testing.T) {
	t.Parallel()
	const body = "the body"
	for stated, good := range map[string]bool{sigv4.PayloadHash([]byte(body)): true, sigv4.EmptyPayload: false} {
		r := newRequest(t, "PUT", "https://h/", "")
		signer := sigv4.Signer{PayloadHeader: true}
		if _, err := signer.Sign(r, stated, keys, scope, noon); err != nil {
			t.Fatal(err)
		}
		trace, err := sigv4.Verify(r, sigv4.PayloadHash([]byte(body)), known, noon)
		if (err == nil) != good {
			t.Errorf("signed for %s: %v", stated, err)
		}
		value := r.Header.Get("Authorization")
		r.Header.Set("Authorization", value[:len(value)-64]+signature(trace.CanonicalRequest))
		if _, err := sigv4.Verify(r, sigv4.PayloadHash([]byte(body)), known, noon); (err == nil) != good {
			t.Errorf("states %s, signs the body's own hash: %v", stated, err)
		}
	}
}

// signature signs a canonical request at noon in scope, by the algorithm's text.
func signature(canonical string) string {
	key := []byte("AWS4" + keys.SecretAccessKey)
	for _, part := range []string{"20240115", scope.Region, scope.Service, "aws4_request",
		"AWS4-HMAC-SHA256\n20240115T120000Z\n20240115/" + scope.Region + "/" + scope.Service + "/aws4_request\n" + sigv4.PayloadHash([]byte(canonical))} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// TestNoSecret: a key whose secret is empty is nobody's; anyone could sign for it.
func TestNoSecret(t *testing.T) {
	t.Parallel()
	r := signedRequest(t, keys)
	empty := func(id string) (sigv4.Credentials, bool) { return sigv4.Credentials{AccessKeyID: id}, true }
	var refused *sigv4.VerifyError
	if _, err := sigv4.Verify(r, sigv4.EmptyPayload, empty, noon); !errors.As(err, &refused) || refused.Code != sigv4.UnrecognizedClient {
		t.Errorf("%v, want %s", err, sigv4.UnrecognizedClient)
	}
}

// TestPresigned is the query form: how long it is good, and what must be in it.
func TestPresigned(t *testing.T) {
	t.Parallel()
	presigned := func() *http.Request {
		r := newRequest(t, "GET", "https://abc.execute-api.us-east-1.amazonaws.com/prod/items?a=1", "")
		if _, err := new(sigv4.Signer).Presign(r, sigv4.EmptyPayload, token, scope, sigv4.Validity{Now: noon, Expires: 10 * time.Minute}); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tt := range []struct {
		name     string
		off      time.Duration
		old, new string
		want     string
	}{
		{"good", 0, "", "", ""},
		{"at its end", 10 * time.Minute, "", "", ""},
		{"after its end", 10*time.Minute + time.Second, "", "", "Signature expired: 20240115T121001Z is now later than 20240115T121000Z (20240115T120000Z + 10 min.)"},
		{"before its time", -5*time.Minute - time.Second, "", "", "Signature not yet current"},
		{"longer than it was given", 0, "Expires=600", "Expires=6000", "The request signature we calculated does not match"},
		{"for ever", 0, "Expires=600", "Expires=604801", "X-Amz-Expires must be"},
		{"a negative time", 0, "Expires=600", "Expires=-1", "X-Amz-Expires must be"},
		{"a parameter twice", 0, "X-Amz-Expires=600", "X-Amz-Expires=600&X-Amz-Expires=600", "AWS query-string parameters must include 'X-Amz-Expires' once"},
		{"no signature", 0, "X-Amz-Signature", "Y-Amz-Signature", "AWS query-string parameters must include 'X-Amz-Signature' once"},
		{"host not signed", 0, "SignedHeaders=host", "SignedHeaders=x", "'Host' must be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := presigned()
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, tt.old, tt.new, 1)
			_, err := sigv4.Verify(r, sigv4.EmptyPayload, known, noon.Add(tt.off))
			var refused *sigv4.VerifyError
			if tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, &refused) || !strings.HasPrefix(refused.Message, tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestUnsignedPayload: a body out of the signature, only where the service takes it.
func TestUnsignedPayload(t *testing.T) {
	t.Parallel()
	other := sigv4.PayloadHash([]byte("another body"))
	for _, service := range []string{"s3", "vpc-lattice-svcs"} {
		r := newRequest(t, "PUT", "https://h/k", "")
		sc := sigv4.Scope{Region: "us-east-1", Service: service}
		trace, err := new(sigv4.Signer).Sign(r, sigv4.UnsignedPayload, keys, sc, noon)
		if err != nil || r.Header.Get("X-Amz-Content-Sha256") != sigv4.UnsignedPayload {
			t.Fatalf("%s: %v %v", service, err, r.Header)
		}
		if _, err := sigv4.Verify(r, other, known, noon); err != nil {
			t.Errorf("%s: %v", service, err)
		}
		value := strings.ReplaceAll(r.Header.Get("Authorization"), service, "execute-api")
		r.Header.Set("Authorization", value[:len(value)-64]+signature(trace.CanonicalRequest))
		if _, err := sigv4.Verify(r, other, known, noon); err == nil {
			t.Error("execute-api takes an unsigned payload")
		}
	}
	// A presigned URL of S3 says nothing of the payload.
	r := newRequest(t, "PUT", "https://h/k", "")
	s3 := sigv4.Scope{Region: "us-east-1", Service: "s3"}
	if _, err := new(sigv4.Signer).Presign(r, sigv4.UnsignedPayload, keys, s3, sigv4.Validity{Now: noon, Expires: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := sigv4.Verify(r, other, known, noon); err != nil || r.URL.Query().Has("X-Amz-Content-Sha256") {
		t.Errorf("%s: %v", r.URL, err)
	}
	// One that names a hash holds to it.
	r = newRequest(t, "PUT", "https://h/k", "")
	if _, err := new(sigv4.Signer).Presign(r, other, keys, s3, sigv4.Validity{Now: noon, Expires: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := sigv4.Verify(r, other, known, noon); err != nil {
		t.Errorf("%s: %v", r.URL, err)
	}
	if _, err := sigv4.Verify(r, sigv4.EmptyPayload, known, noon); err == nil {
		t.Errorf("%s: another body is accepted", r.URL)
	}
}
