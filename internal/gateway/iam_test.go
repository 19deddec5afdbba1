package gateway

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/sigv4"
)

var iamNow = time.Date(2026, 11, 5, 15, 4, 5, 0, time.UTC)

// iamKeys are the signers of these tests: a role's session, one that has ended,
// a user, one whom a policy denies.
func iamKeys(t *testing.T) func(string) (Principal, bool) {
	t.Helper()
	parse := func(text string) []Policy {
		p, err := ParsePolicy([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return []Policy{p}
	}
	const base = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":["arn:aws:execute-api:us-east-1:123456789012:api0000001/*/GET/ok*","arn:aws:execute-api:us-east-1:123456789012:api0000001/*/POST/ok","arn:aws:execute-api:*:*:*/*/GET/own/${cognito-identity.amazonaws.com:sub}","arn:aws:execute-api:*:*:*/*/GET/tag/${aws:PrincipalTag/team}"]}`
	session := Principal{
		Credentials: sigv4.Credentials{AccessKeyID: "ASIAEXAMPLE000000001", SecretAccessKey: "hush", SessionToken: "token+/="},
		Expires:     iamNow.Add(time.Hour), AccountID: "123456789012", UserID: "AROAEXAMPLE:CognitoIdentityCredentials",
		ARN:      "arn:aws:sts::123456789012:assumed-role/member/CognitoIdentityCredentials",
		Policies: parse(base + `]}`), Tags: map[string]string{"team": "red"},
		IdentityID: "us-east-1:1", IdentityPoolID: "us-east-1:2", AuthType: "authenticated", AuthProvider: "p,p:CognitoSignIn:s",
		AMR: []string{"authenticated", "p", "p:CognitoSignIn:s"},
	}
	ended, denied := session, session
	ended.Credentials.AccessKeyID, ended.Expires = "ASIAEXAMPLE000000002", iamNow
	denied.Credentials.AccessKeyID = "ASIAEXAMPLE000000003"
	denied.Policies = append(parse(base+`]}`), parse(`{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)...)
	user := Principal{
		Credentials: sigv4.Credentials{AccessKeyID: "AKIAEXAMPLE000000004", SecretAccessKey: "hush-too"}, AccountID: "123456789012",
		ARN: "arn:aws:iam::123456789012:user/dev", UserID: "AIDAEXAMPLE", Policies: parse(base + `]}`),
	}
	return func(id string) (Principal, bool) {
		for _, p := range []Principal{session, ended, denied, user} {
			if p.Credentials.AccessKeyID == id {
				return p, true
			}
		}
		return Principal{}, false
	}
}

// iamAPI has one route of each kind behind the authorizer, with a backend that
// answers what it got.
func iamAPI(t *testing.T, kind Kind) *API {
	t.Helper()
	authorizer := &IAMAuthorizer{Kind: kind, Find: iamKeys(t), Now: func() time.Time { return iamNow }}
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		c := RequestContext(r)
		_ = json.NewEncoder(w).Encode(map[string]any{"body": string(body), "identity": c["identity"], "authorizer": c["authorizer"]})
	})
	return &API{
		Kind: kind, Now: func() time.Time { return iamNow }, MaxBody: 1 << 16,
		Deployment: Deployment{Region: "us-east-1", AccountID: "123456789012", APIID: "api0000001", Stage: "v1"},
		Routes:     []Route{{Method: "ANY", Path: "/{proxy+}", Kind: kind, Authorizer: authorizer, Backend: backend}},
	}
}

// iamRequest is signed as id says, at iamNow unless the time is moved.
func iamRequest(t *testing.T, id, method, target, body string, moved time.Duration) *http.Request {
	t.Helper()
	r := httptest.NewRequest(method, "http://api.example"+target, strings.NewReader(body))
	r.Header.Set("X-Custom", "value")
	find := iamKeys(t)
	p, _ := find(id)
	p.Credentials.AccessKeyID = id
	if p.Credentials.SecretAccessKey == "" {
		p.Credentials.SecretAccessKey = "guess"
	}
	_, err := new(sigv4.Signer).Sign(r, sigv4.PayloadHash([]byte(body)), p.Credentials, sigv4.Scope{Region: "us-east-1", Service: "execute-api"}, iamNow.Add(moved))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func serveIAM(t *testing.T, kind Kind, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	iamAPI(t, kind).ServeHTTP(w, r)
	return w
}

const (
	iamSession = "ASIAEXAMPLE000000001"
	iamEnded   = "ASIAEXAMPLE000000002"
	iamDenied  = "ASIAEXAMPLE000000003"
	iamUser    = "AKIAEXAMPLE000000004"
)

// TestIAMAllows looks at what the backend gets.
func TestIAMAllows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, id, method, target, body string }{
		{"session", iamSession, "GET", "/ok?b=2&a=%2F", ""},
		{"body", iamSession, "POST", "/ok", "{\"k\":\"v\"}"},
		{"user", iamUser, "GET", "/ok/a%20b", ""},
		{"policy variable", iamSession, "GET", "/own/us-east-1:1", ""},
		{"principal tag", iamSession, "GET", "/tag/red", ""},
	} {
		for _, kind := range []Kind{REST, HTTP} {
			w := serveIAM(t, kind, iamRequest(t, tt.id, tt.method, tt.target, tt.body, 0))
			var got struct {
				Body       string
				Identity   map[string]any
				Authorizer map[string]any
			}
			if w.Code != 200 || json.Unmarshal(w.Body.Bytes(), &got) != nil || got.Body != tt.body {
				t.Errorf("%s %s: %d %s", kind, tt.name, w.Code, w.Body)
				continue
			}
			if kind == HTTP {
				iam, _ := got.Authorizer["iam"].(map[string]any)
				want := map[string]any{
					"accessKey": iamSession, "accountId": "123456789012", "callerId": "AROAEXAMPLE:CognitoIdentityCredentials",
					"userId": "AROAEXAMPLE:CognitoIdentityCredentials", "principalOrgId": nil,
					"userArn":         "arn:aws:sts::123456789012:assumed-role/member/CognitoIdentityCredentials",
					"cognitoIdentity": map[string]any{"amr": []any{"authenticated", "p", "p:CognitoSignIn:s"}, "identityId": "us-east-1:1", "identityPoolId": "us-east-1:2"},
				}
				if tt.id == iamUser {
					want = map[string]any{
						"accessKey": iamUser, "accountId": "123456789012", "callerId": "AIDAEXAMPLE", "userId": "AIDAEXAMPLE",
						"userArn": "arn:aws:iam::123456789012:user/dev", "cognitoIdentity": nil, "principalOrgId": nil,
					}
				}
				if diff := cmp.Diff(want, iam); diff != "" {
					t.Errorf("%s: %s", tt.name, diff)
				}
				continue
			}
			want := map[string]any{
				"accessKey": iamSession, "accountId": "123456789012", "caller": "AROAEXAMPLE:CognitoIdentityCredentials", "user": "AROAEXAMPLE:CognitoIdentityCredentials",
				"userArn":           "arn:aws:sts::123456789012:assumed-role/member/CognitoIdentityCredentials",
				"cognitoIdentityId": "us-east-1:1", "cognitoIdentityPoolId": "us-east-1:2", "cognitoAuthenticationType": "authenticated",
				"cognitoAuthenticationProvider": "p,p:CognitoSignIn:s", "principalOrgId": nil,
			}
			if tt.id == iamUser {
				want = map[string]any{
					"accessKey": iamUser, "accountId": "123456789012", "caller": "AIDAEXAMPLE", "user": "AIDAEXAMPLE", "userArn": "arn:aws:iam::123456789012:user/dev",
					"cognitoIdentityId": nil, "cognitoIdentityPoolId": nil, "cognitoAuthenticationType": nil, "cognitoAuthenticationProvider": nil, "principalOrgId": nil,
				}
			}
			maps.DeleteFunc(got.Identity, func(name string, _ any) bool { return name == "sourceIp" || name == "userAgent" })
			if diff := cmp.Diff(want, got.Identity); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
		}
	}
}

// TestIAMRefuses has the texts of REST APIs; an HTTP API says Forbidden.
func TestIAMRefuses(t *testing.T) {
	t.Parallel()
	sign := func(id, target string, moved time.Duration) func() *http.Request {
		return func() *http.Request { return iamRequest(t, id, "GET", target, "", moved) }
	}
	with := func(change func(*http.Request)) func() *http.Request {
		return func() *http.Request {
			r := iamRequest(t, iamSession, "GET", "/ok", "", 0)
			change(r)
			return r
		}
	}
	header := func(name, value string) func() *http.Request {
		return with(func(r *http.Request) { r.Header.Set(name, value) })
	}
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }
	scoped := func(from, to string) func() *http.Request {
		return with(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
		})
	}
	const who = "User: arn:aws:sts::123456789012:assumed-role/member/CognitoIdentityCredentials is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:api0000001/v1/GET/"
	for _, tt := range []struct {
		name            string
		request         func() *http.Request
		kind, body      string // body: the whole of it, or its beginning with … at the end
		code            string // of the failed check
		checkMustNotSay string
	}{
		{"unsigned", with(func(r *http.Request) { r.Header.Del("Authorization") }), "MissingAuthenticationTokenException", `{"message":"Missing Authentication Token"}`, CodeSignatureMissing, ""},
		{"bearer", with(bearer), "IncompleteSignatureException", `{"message":"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '…`, CodeSignatureIncomplete, "Bearer"},
		{"raw token", header("Authorization", "eyJraWQi"), "IncompleteSignatureException", `{"message":"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. …`, CodeSignatureIncomplete, "eyJ"},
		{"wrong secret", scoped("Signature=", "Signature=0"), "InvalidSignatureException", `{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'GET\n/ok\n\nhost:api.example\nx-amz-date:20261105T150405Z\nx-amz-security-token:token+/=\n\nhost;x-amz-date;x-amz-security-token\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20261105T150405Z\n20261105/us-east-1/execute-api/aws4_request\n…`, CodeSignatureMismatch, "token+"},
		{"too old", sign(iamSession, "/ok", -5*time.Minute-time.Second), "InvalidSignatureException", `{"message":"Signature expired: 20261105T145904Z is now earlier than 20261105T145905Z (20261105T150405Z - 5 min.)"}`, CodeSignatureMismatch, ""},
		{"too new", sign(iamSession, "/ok", 5*time.Minute+time.Second), "InvalidSignatureException", `{"message":"Signature not yet current: 20261105T150906Z is still later than 20261105T150905Z (20261105T150405Z + 5 min.)"}`, CodeSignatureMismatch, ""},
		{"region", scoped("us-east-1", "eu-west-1"), "InvalidSignatureException", `{"message":"Credential should be scoped to a valid region, not 'eu-west-1'."}`, CodeSignatureMismatch, ""},
		{"service", scoped("execute-api", "s3"), "InvalidSignatureException", `{"message":"Credential should be scoped to correct service: 'execute-api'."}`, CodeSignatureMismatch, ""},
		{"unknown key", sign("AKIAUNKNOWN000000000", "/ok", 0), "UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`, CodeUnknownAccessKey, ""},
		{"no session token", func() *http.Request {
			r := httptest.NewRequest("GET", "http://api.example/ok", nil)
			_, err := new(sigv4.Signer).Sign(r, sigv4.EmptyPayload, sigv4.Credentials{AccessKeyID: iamSession, SecretAccessKey: "hush"}, sigv4.Scope{Region: "us-east-1", Service: "execute-api"}, iamNow)
			if err != nil {
				t.Error(err)
			}
			return r
		}, "UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`, CodeUnknownAccessKey, ""},
		{"session over", sign(iamEnded, "/ok", 0), "ExpiredTokenException", `{"message":"The security token included in the request is expired"}`, "expired", ""},
		{"not allowed", sign(iamSession, "/no", 0), "AccessDeniedException", `{"Message":"` + who + `no"}`, CodePolicyDenies, ""},
		{"another's own", sign(iamSession, "/own/us-east-1:9", 0), "AccessDeniedException", `{"Message":"` + who + `own/us-east-1:9"}`, CodePolicyDenies, ""},
		{"denied", sign(iamDenied, "/ok", 0), "AccessDeniedException", `{"Message":"` + who + `ok with an explicit deny in an identity-based policy"}`, CodePolicyDenies, ""},
	} {
		w := serveIAM(t, REST, tt.request())
		body := w.Body.String()
		head, cut := strings.CutSuffix(tt.body, "…")
		if w.Code != 403 || w.Header()[wireName("X-Amzn-Errortype")][0] != tt.kind || body != tt.body && !(cut && strings.HasPrefix(body, head)) {
			t.Errorf("%s: %d %v\n got %s\nwant %s", tt.name, w.Code, w.Header(), body, tt.body)
		}
		if w := serveIAM(t, HTTP, tt.request()); w.Code != 403 || w.Body.String() != `{"message":"Forbidden"}` || w.Header().Get("X-Amzn-Errortype") != "" {
			t.Errorf("%s, HTTP: %d %s", tt.name, w.Code, w.Body)
		}
		_, d := iamAPI(t, REST).Decide(tt.request())
		last := d.Checks[len(d.Checks)-1]
		if last.OK || last.Code != tt.code || tt.checkMustNotSay != "" && strings.Contains(last.Detail, tt.checkMustNotSay) {
			t.Errorf("%s: %+v", tt.name, last)
		}
	}
}

// TestIAMFlips changes one bit of a signed request after another.
func TestIAMFlips(t *testing.T) {
	t.Parallel()
	const target, body = "/ok/a?x=1&y=%2F", "{\"k\":\"v\"}"
	api := iamAPI(t, REST)
	accepted := func(r *http.Request) bool {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Code == 200
	}
	fresh := func() *http.Request { return iamRequest(t, iamSession, "GET", target, body, 0) }
	if !accepted(fresh()) {
		t.Fatal("the unchanged request is refused")
	}
	flip := func(s string, i int) string {
		b := []byte(s)
		b[i/8] ^= 1 << (i % 8)
		return string(b)
	}
	for i := range 8 * len(body) {
		r := fresh()
		r.Body = io.NopCloser(strings.NewReader(flip(body, i)))
		if accepted(r) {
			t.Errorf("bit %d of the body", i)
		}
	}
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		for i := range 8 * len(fresh().Header.Get(name)) {
			r := fresh()
			value := flip(r.Header.Get(name), i)
			r.Header[name] = []string{value}
			if accepted(r) {
				t.Errorf("bit %d of %s: %q", i, name, value)
			}
		}
	}
	for i := range 8 * len(fresh().Host) {
		if r := fresh(); true {
			if r.Host = flip(r.Host, i); accepted(r) {
				t.Errorf("bit %d of the host: %q", i, r.Host)
			}
		}
	}
	for i := range 8 * len(target) {
		changed := flip(target, i)
		r := fresh()
		u, err := r.URL.Parse("http://api.example" + changed)
		if err != nil || strings.EqualFold(changed, target) && strings.Contains(changed, "%2f") {
			continue // no request line, or the same text in other words
		}
		r.URL, r.RequestURI = u, u.RequestURI()
		if accepted(r) {
			t.Errorf("bit %d of the target: %q", i, changed)
		}
	}
	if r := fresh(); true {
		if r.Method = "GEU"; accepted(r) {
			t.Error("the method")
		}
	}
}

// TestIAMBody: what is too large is refused before it is hashed, and whoever
// asks without the hash gets no answer by guess.
func TestIAMBody(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 1<<16+1)
	for _, known := range []bool{true, false} {
		r := iamRequest(t, iamSession, "POST", "/ok", large, 0)
		if !known {
			r.ContentLength = -1
		}
		if w := serveIAM(t, REST, r); w.Code != 413 {
			t.Errorf("length known %v: %d %s", known, w.Code, w.Body)
		}
	}
	a := &IAMAuthorizer{Find: iamKeys(t), Now: func() time.Time { return iamNow }, Deployment: Deployment{Region: "us-east-1", AccountID: "123456789012", APIID: "api0000001", Stage: "v1"}}
	if d := a.Decide(t.Context(), iamRequest(t, iamSession, "POST", "/ok", "{}", 0)); d.Allow || d.Status != 500 {
		t.Errorf("%+v", d)
	}
	r := iamRequest(t, iamSession, "GET", "/ok", "", 0)
	r.Body = http.NoBody
	if d := a.Decide(t.Context(), r); !d.Allow || d.MethodARN != "arn:aws:execute-api:us-east-1:123456789012:api0000001/v1/GET/ok" {
		t.Errorf("%+v", d)
	}
	if d := (&IAMAuthorizer{}).Decide(t.Context(), r); d.Allow {
		t.Error("an authorizer that knows nobody lets in")
	}
}

// TestIAMPresigned takes the query form.
func TestIAMPresigned(t *testing.T) {
	t.Parallel()
	presigned := func(expires time.Duration) *http.Request {
		r := httptest.NewRequest("GET", "http://api.example/ok?a=1", nil)
		p, _ := iamKeys(t)(iamSession)
		_, err := new(sigv4.Signer).Presign(r, sigv4.EmptyPayload, p.Credentials, sigv4.Scope{Region: "us-east-1", Service: "execute-api"}, sigv4.Validity{Now: iamNow.Add(-time.Hour), Expires: expires})
		if err != nil {
			t.Fatal(err)
		}
		r.RequestURI = r.URL.RequestURI()
		return r
	}
	if w := serveIAM(t, REST, presigned(2*time.Hour)); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := serveIAM(t, REST, presigned(59*time.Minute)); w.Code != 403 || !strings.Contains(w.Body.String(), "Signature expired") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
