package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// refusal is one row of what API Gateway answers to a request that it does not
// let through. Everything is compared byte for byte.
type refusal struct {
	name, method, path string
	header             map[string]string
	status             int
	body               string
	errorType          string // x-amzn-ErrorType, of REST APIs
	challenge          string // www-authenticate, of HTTP APIs
	http               bool   // an HTTP API's manner
}

const (
	unauthorized    = `{"message":"Unauthorized"}`
	noKey           = `{"message":"Forbidden"}`
	configuration   = `{"message":"Authorizer configuration error"}`
	unauthorizedEx  = "UnauthorizedException"
	configurationEx = "AuthorizerConfigurationException"
	deniedEx        = "AccessDeniedException"
)

// check sends the request and compares the whole answer.
func (f refusal) check(t *testing.T, base string) {
	t.Helper()
	method := f.method
	if method == "" {
		method = http.MethodGet
	}
	res, body := get(t, method, base+f.path, f.header)
	got := refusal{name: f.name, method: f.method, path: f.path, header: f.header, status: res.StatusCode, body: body, challenge: res.Header.Get("Www-Authenticate"), http: f.http}
	got.errorType = res.Header.Get("X-Amzn-Errortype")
	if diff := cmp.Diff(f, got, cmp.AllowUnexported(refusal{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s", f.name, diff)
	}
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s: Content-Type %q", f.name, got)
	}
	rest := len(res.Header.Get("X-Amzn-Requestid")) == 36 && len(res.Header.Get("X-Amz-Apigw-Id")) == 16
	if id := res.Header.Get("Apigw-Requestid"); f.http != (len(id) == 16) || f.http == rest {
		t.Errorf("%s: the ids are not those of such an API: %v", f.name, res.Header)
	}
}

// TestRefusals goes through what can go wrong at API Gateway, as far as a sandbox
// can bring it about by tokens, keys and paths.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	base := s.Endpoints().API
	ann := signIn(t, s, Client{ID: PublicClientID}, User{Username: "ann", Password: DefaultPassword}).AuthenticationResult
	for _, f := range tokenRefusals(*ann.IdToken, *ann.AccessToken, *ann.RefreshToken) {
		f.check(t, base)
	}
	for _, f := range lambdaRefusals() {
		f.check(t, base)
	}
	for _, f := range pathRefusals(*ann.IdToken) {
		f.check(t, base)
	}
	// What the same routes let through.
	for path, header := range map[string]map[string]string{
		"/myendpoint": {"Authorization": *ann.IdToken}, "/profile": {"Authorization": *ann.AccessToken},
		"/lambda/token": {"Authorization": "allow"}, "/lambda/request": {"Authorization": "Bearer allow"}, "/lambda/http": {"Authorization": "allow"},
		"/keyed": {"X-Api-Key": DefaultAPIKey},
	} {
		if res, body := get(t, http.MethodGet, base+path, header); res.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
	}
	s.Advance(2 * time.Hour)
	for _, f := range []refusal{
		{name: "Cognito, expired", path: "/myendpoint", header: bearer(*ann.IdToken), status: 401, body: `{"message":"The incoming token has expired"}`, errorType: unauthorizedEx},
		{name: "JWT, expired", path: "/content", header: bearer(*ann.AccessToken), status: 401, body: unauthorized, http: true,
			challenge: `Bearer scope="content/read" error="invalid_token" error_description="the token has expired"`},
	} {
		f.check(t, base)
	}
}

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

// forged is the token with another signature.
func forged(token string) string {
	last := strings.LastIndexByte(token, '.')
	return token[:last+1] + strings.Repeat("A", len(token)-last-1)
}

func tokenRefusals(id, access, refresh string) []refusal {
	rest := func(name, path string, header map[string]string) refusal {
		return refusal{name: name, path: path, header: header, status: 401, body: unauthorized, errorType: unauthorizedEx}
	}
	described := func(name, path, token, description string) refusal {
		return refusal{name: name, path: path, header: bearer(token), status: 401, body: unauthorized, http: true,
			challenge: `Bearer scope="" error="invalid_token" error_description="` + description + `"`}
	}
	return []refusal{
		rest("Cognito, no token", "/myendpoint", nil),
		rest("Cognito, empty", "/myendpoint", map[string]string{"Authorization": ""}),
		rest("Cognito, another header", "/myendpoint", map[string]string{"X-Token": id}),
		rest("Cognito, not a JWT", "/myendpoint", bearer("opaque")),
		rest("Cognito, forged", "/myendpoint", bearer(forged(id))),
		rest("Cognito, access token without scopes", "/myendpoint", bearer(access)),
		rest("Cognito, ID token with scopes", "/scoped", bearer(id)),
		rest("Cognito, scope not granted", "/scoped", bearer(access)),
		{name: "JWT, no token", path: "/profile", status: 401, body: unauthorized, challenge: "Bearer", http: true},
		described("JWT, refresh token", "/profile", refresh, "token contains an invalid number of segments"),
		described("JWT, forged", "/profile", forged(access), "the token does not have a valid signature"),
		{name: "JWT, scope missing", path: "/content", header: bearer(access), status: 403, body: noKey, http: true,
			challenge: `Bearer scope="content/read" error="insufficient_scope" error_description="the token does not have a valid scope"`},
		{name: "JWT, ID token where a scope is wanted", path: "/content", header: bearer(id), status: 403, body: noKey, http: true,
			challenge: `Bearer scope="content/read" error="insufficient_scope" error_description="the token does not have a valid scope"`},
	}
}

func lambdaRefusals() []refusal {
	var all []refusal
	for _, path := range []string{"/lambda/token", "/lambda/request"} {
		answer := func(token string, status int, body, errorType string) refusal {
			return refusal{name: path + " " + token, path: path, header: map[string]string{"Authorization": token}, status: status, body: body, errorType: errorType}
		}
		all = append(all,
			refusal{name: path + " without a token", path: path, status: 401, body: unauthorized, errorType: unauthorizedEx},
			answer("unauthorized", 401, unauthorized, unauthorizedEx),
			answer("deny", 403, `{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}`, deniedEx),
			answer("elsewhere", 403, `{"Message":"User is not authorized to access this resource"}`, deniedEx),
			answer("broken", 500, `{"message":null}`, configurationEx),
			answer("object", 500, configuration, configurationEx),
		)
	}
	return append(all,
		refusal{name: "HTTP Lambda, no token", path: "/lambda/http", status: 401, body: unauthorized, http: true},
		refusal{name: "HTTP Lambda, deny", path: "/lambda/http", header: bearer("deny"), status: 403, body: noKey, http: true},
		refusal{name: "HTTP Lambda, broken", path: "/lambda/http", header: bearer("broken"), status: 500, body: `{"message":"Internal Server Error"}`, http: true},
		refusal{name: "HTTP Lambda, Unauthorized is nothing special", path: "/lambda/http", header: bearer("unauthorized"), status: 500, body: `{"message":"Internal Server Error"}`, http: true},
	)
}

func pathRefusals(id string) []refusal {
	sum := sha256.Sum256([]byte("Bearer " + id))
	hashed := base64.StdEncoding.EncodeToString(sum[:])
	key := func(name, value string, status int, body, errorType string) refusal {
		return refusal{name: name, path: "/keyed", header: map[string]string{"X-Api-Key": value}, status: status, body: body, errorType: errorType}
	}
	return []refusal{
		{name: "no such path", path: "/nowhere", status: 403, body: `{"message":"Missing Authentication Token"}`, errorType: "MissingAuthenticationTokenException"},
		{name: "no such method", method: "DELETE", path: "/myendpoint", status: 403, body: `{"message":"Missing Authentication Token"}`, errorType: "MissingAuthenticationTokenException"},
		{name: "no such path, with a token", path: "/nowhere", header: bearer(id), status: 403, errorType: "IncompleteSignatureException",
			body: `{"message":"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '` + hashed + `'."}`},
		{name: "no such method of an HTTP API", method: "DELETE", path: "/profile", status: 404, body: `{"message":"Not Found"}`, http: true},
		{name: "no API key", path: "/keyed", status: 403, body: noKey, errorType: "ForbiddenException"},
		key("an unknown API key", "another-key-0123456789", 403, noKey, "ForbiddenException"),
	}
}

// TestUsagePlans: a key that has used up what its plan grants.
func TestUsagePlans(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	base := s.Endpoints().API + "/keyed"
	call := func(key string) (int, string, string) {
		res, body := get(t, http.MethodGet, base, map[string]string{"X-Api-Key": key})
		return res.StatusCode, body, res.Header.Get("X-Amzn-Errortype")
	}
	for key, granted := range map[string]int{QuotaAPIKey: 2, ThrottledAPIKey: 1} {
		for range granted {
			if status, body, _ := call(key); status != 200 {
				t.Errorf("%s: %d %s", key, status, body)
			}
		}
	}
	if status, body, kind := call(QuotaAPIKey); status != 429 || body != `{"message":"Limit Exceeded"}` || kind != "LimitExceededException" {
		t.Errorf("the quota: %d %s %s", status, body, kind)
	}
	if status, body, kind := call(ThrottledAPIKey); status != 429 || body != `{"message":"Too Many Requests"}` || kind != "TooManyRequestsException" {
		t.Errorf("the throttle: %d %s %s", status, body, kind)
	}
	s.Advance(24 * time.Hour)
	for _, key := range []string{QuotaAPIKey, ThrottledAPIKey} {
		if status, body, _ := call(key); status != 200 {
			t.Errorf("%s a day later: %d %s", key, status, body)
		}
	}
}

// TestTooLarge: more than API Gateway takes.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoints().API+"/open", bytes.NewReader(make([]byte, 10<<20+1)))
	if err != nil {
		t.Fatal(err)
	}
	// Who sends at once may lose the answer with the connection.
	r.Header.Set("Expect", "100-continue")
	waiting := &http.Transport{ExpectContinueTimeout: 10 * time.Second}
	defer waiting.CloseIdleConnections()
	res, err := waiting.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 413 || string(body) != "HTTP content length exceeded 10485760 bytes." {
		t.Errorf("%d %.100s", res.StatusCode, body)
	}
}

// TestKeptAnswer is the trap of caching: what a function says about one method
// is used for all of them.
func TestKeptAnswer(t *testing.T) {
	t.Parallel()
	seed := DefaultSeed()
	kept, fresh := Route{Path: "/a", Authorizer: LambdaToken}, Route{Path: "/fresh/a", Authorizer: LambdaToken, TTL: new(time.Duration)}
	seed.Routes = []Route{kept, fresh}
	kept.Path, fresh.Path = "/b", "/fresh/b"
	seed.Routes = append(seed.Routes, kept, fresh)
	s, _ := run(t, seed)
	token := map[string]string{"Authorization": "allow"}
	status := func(path string) int {
		res, _ := get(t, http.MethodGet, s.Endpoints().API+path, token)
		return res.StatusCode
	}
	for _, want := range []struct {
		path   string
		status int
	}{{"/a", 200}, {"/b", 403}, {"/a", 200}, {"/fresh/a", 200}, {"/fresh/b", 200}} {
		if got := status(want.path); got != want.status {
			t.Errorf("%s: %d, want %d", want.path, got, want.status)
		}
	}
	s.Advance(6 * time.Minute)
	if got := status("/b"); got != 200 {
		t.Errorf("/b, asked first after five minutes: %d", got)
	}
}
