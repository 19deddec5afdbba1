package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// arrived is what a backend of the user's got.
type arrived struct {
	mu   sync.Mutex
	last *http.Request
	body string
}

func (a *arrived) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.last, a.body = r, string(body)
	a.mu.Unlock()
	w.Header().Set("X-Backend", "mine")
	w.Header().Set("X-Amzn-Requestid", "forged")
	w.WriteHeader(http.StatusTeapot)
	io.WriteString(w, "from the backend")
}

// requestContext is the header that says who called, and how often it came.
func (a *arrived) requestContext(t *testing.T) map[string]any {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	values := a.last.Header.Values(RequestContextHeader)
	if len(values) != 1 {
		t.Fatalf("%d %s headers: %q", len(values), RequestContextHeader, values)
	}
	var context map[string]any
	if err := json.Unmarshal([]byte(values[0]), &context); err != nil {
		t.Fatalf("%v: %s", err, values[0])
	}
	return context
}

// runWith starts a sandbox that may reach other servers on this machine.
func runWith(t *testing.T, seed Seed, change func(*Options)) *Sandbox {
	t.Helper()
	o := Options{Seed: seed, Now: func() time.Time { return start }, Network: &http.Transport{DisableCompression: true}, Environ: []string{"PATH=" + os.Getenv("PATH")}}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err == nil {
		err = s.Start(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// dig takes a value out of nested objects.
func dig(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// hostile sends a request with headers that are not for a backend to see, and wants
// the backend's answer.
func hostile(t *testing.T, address, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequest("POST", address, strings.NewReader("sent"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Authorization": {token}, "Connection": {"X-Hop, Upgrade"}, "X-Hop": {"1"}, "Upgrade": {"h2c"}, "X-Kept": {"yes"},
		"x-amzn-request-context": {"{}"}, "X-AMZN-Request-Context": {"{}"}, "X-Forwarded-For": {"6.6.6.6"},
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusTeapot || string(body) != "from the backend" {
		t.Errorf("%s: %d %s", address, res.StatusCode, body)
	}
	return res
}

func TestUpstream(t *testing.T) {
	t.Parallel()
	backend := &arrived{}
	server := httptest.NewServer(backend)
	t.Cleanup(server.Close)
	seed := DefaultSeed()
	seed.Pools[0].Users[0].Attributes["name"] = "Änn 😀"
	seed.Routes = []Route{
		{Path: "/rest/{id}", Authorizer: Cognito, Upstream: server.URL + "/base"},
		{Path: "/http/{proxy+}", Authorizer: JWT, Upstream: server.URL},
		{Path: "/lambda", Authorizer: LambdaToken, Upstream: server.URL},
		{Path: "/open", Upstream: server.URL},
	}
	s := runWith(t, seed, nil)
	ann := signIn(t, s, Client{ID: PublicClientID}, User{Username: "ann", Password: DefaultPassword}).AuthenticationResult
	send := func(path, token string) *http.Response { return hostile(t, s.Endpoints().API+path, token) }
	res := send("/rest/a%2Fb?x=1&y=%20", *ann.IdToken)
	if res.Header.Get("X-Backend") != "mine" || len(res.Header.Values("X-Amzn-Requestid")) != 1 || res.Header.Get("X-Amzn-Requestid") == "forged" || len(res.Header.Values("Date")) != 1 {
		t.Errorf("the answer's headers: %v", res.Header)
	}
	got := backend.last
	if got.URL.EscapedPath() != "/base/rest/a%2Fb" || got.URL.RawQuery != "x=1&y=%20" || backend.body != "sent" || got.Method != "POST" {
		t.Errorf("the backend got %s %s: %s", got.Method, got.URL, backend.body)
	}
	if got.Header.Get("X-Kept") != "yes" || got.Header.Get("Authorization") != *ann.IdToken {
		t.Errorf("headers are missing: %v", got.Header)
	}
	for _, name := range []string{"X-Hop", "Upgrade", "Connection"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s reached the backend: %q", name, got.Header.Get(name))
		}
	}
	if by := got.Header.Get("X-Forwarded-For"); by != "127.0.0.1" && by != "::1" {
		t.Errorf("X-Forwarded-For %q", by)
	}
	rest := backend.requestContext(t)
	if dig(rest, "authorizer", "claims", "name") != "Änn 😀" || dig(rest, "httpMethod") != "POST" || dig(rest, "stage") != "dev" {
		t.Errorf("the context of a REST API: %v", rest)
	}
	for _, c := range backend.last.Header.Get(RequestContextHeader) {
		if c > 0x7e {
			t.Fatalf("%q in a header", c)
		}
	}
	send("/http/a/b", *ann.AccessToken)
	if c := backend.requestContext(t); dig(c, "authorizer", "jwt", "claims", "username") != "ann" || dig(c, "http", "method") != "POST" {
		t.Errorf("the context of an HTTP API: %v", c)
	}
	send("/lambda", "allow")
	if c := backend.requestContext(t); dig(c, "authorizer", "principalId") != "user" || dig(c, "authorizer", "numberKey") != "1" {
		t.Errorf("the context of a Lambda authorizer: %v", c)
	}
	send("/open", "")
	if c := backend.requestContext(t); dig(c, "authorizer") != nil {
		t.Errorf("the context of an open route: %v", c)
	}
}

// TestUpstreamForged: no spelling of the header's name under which a server may read it,
// and no trailer, reaches a backend from a client.
func TestUpstreamForged(t *testing.T) {
	t.Parallel()
	backend := &arrived{}
	server := httptest.NewServer(backend)
	t.Cleanup(server.Close)
	seed := DefaultSeed()
	seed.Routes = []Route{{Path: "/open", Upstream: server.URL}}
	s := runWith(t, seed, nil)
	r, err := http.NewRequest("POST", s.Endpoints().API+"/open", io.MultiReader(strings.NewReader("sent")))
	if err != nil {
		t.Fatal(err)
	}
	// CGI and its heirs, such as WSGI, tell "_" and "-" in a name no more.
	for _, name := range []string{"X_Amzn_Request_Context", "x-amzn_request-context", "X_AMZN_REQUEST_CONTEXT", "X_Forwarded_For", "X-Forwarded_Host", "X_Other"} {
		r.Header[name] = []string{"forged"}
	}
	r.Trailer = http.Header{RequestContextHeader: {"forged"}}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	backend.requestContext(t)
	for name, values := range backend.last.Header {
		if values[0] == "forged" && name != "X_other" {
			t.Errorf("%s reached the backend", name)
		}
	}
	if backend.last.Header.Get("X_other") != "forged" || len(backend.last.Trailer) > 0 || backend.body != "sent" {
		t.Errorf("the backend got %q, %v, trailers %v", backend.body, backend.last.Header, backend.last.Trailer)
	}
}

// TestUpstreamRefused: nobody gets past the authorizer, and a backend that is not
// there is API Gateway's to tell.
func TestUpstreamRefused(t *testing.T) {
	t.Parallel()
	backend := &arrived{}
	server := httptest.NewServer(backend)
	t.Cleanup(server.Close)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := "http://" + gone.Addr().String()
	gone.Close()
	seed := DefaultSeed()
	seed.Routes = []Route{
		{Path: "/guarded", Authorizer: Cognito, Upstream: server.URL},
		{Path: "/rest", Upstream: nowhere}, {Path: "/http", Kind: "HTTP", Upstream: nowhere},
	}
	s := runWith(t, seed, nil)
	for path, want := range map[string]string{
		"/guarded": `401 {"message":"Unauthorized"}`, "/rest": `504 {"message":"Network error communicating with endpoint"}`, "/http": `503 {"message":"Service Unavailable"}`,
	} {
		res, body := get(t, "GET", s.Endpoints().API+path, nil)
		if got := res.Status[:3] + " " + strings.TrimSpace(body); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if backend.last != nil {
		t.Error("a refused request reached the backend")
	}
	without, err := New(Options{Seed: seed, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := without.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "/guarded") {
		without.Close()
		t.Errorf("an upstream without a network: %v", err)
	}
}

// TestHandlers: functions of the user's behind routes, in each language.
func TestHandlers(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "python3", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here", program)
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"f.py": "import os\ndef handler(event, context):\n    if event['authorizationToken'] == 'no':\n        raise Exception('Unauthorized')\n    print('seen')\n" +
			"    return {'principalId': os.environ['COGCTL_SANDBOX_ISSUER'], 'policyDocument': {'Version': '2012-10-17', 'Statement': [{'Action': 'execute-api:Invoke', 'Effect': 'Allow', 'Resource': event['methodArn']}]}}\n",
		"f.mjs": "export const handler = async (e) => ({ isAuthorized: e.identitySource[0] === 'yes', context: { arn: e.routeArn } });\n",
	} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seed, err := ParseSeed([]byte(`
routes = [
  { path = "/python", authorizer = "lambda-token", handler_python = "f.py:handler" },
  { path = "/node", authorizer = "http-lambda", simple = true, handler_node = "f.mjs:handler" },
  { path = "/sh", authorizer = "lambda-request", handler_command = ["sh", "-c", "cat >/dev/null; echo nonsense"] },
]`), dir)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	said := map[string]string{}
	s := runWith(t, seed, func(o *Options) {
		o.Said = func(handler string, text []byte) {
			mu.Lock()
			said[handler] += string(text)
			mu.Unlock()
		}
	})
	status := map[string]int{}
	for _, path := range []string{"/python", "/node", "/sh"} {
		for _, token := range []string{"yes", "no"} {
			res, body := get(t, "GET", s.Endpoints().API+path, map[string]string{"Authorization": token})
			status[path+" "+token] = res.StatusCode
			if token == "yes" && path == "/python" && !strings.Contains(body, s.Endpoints().Issuer) {
				t.Errorf("the function's context is not there: %s", body)
			}
		}
	}
	want := map[string]int{"/python yes": 200, "/python no": 401, "/node yes": 200, "/node no": 403, "/sh yes": 500, "/sh no": 500}
	if diff := cmp.Diff(want, status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(said["the Python function f.py:handler"], "seen\n") || !strings.Contains(said["the command sh"], `its answer is not JSON: "nonsense"`) {
		t.Errorf("the functions said %q", said)
	}
}

// TestOutsideCannotSet: what runs and where requests go is no setting that
// another program can change.
func TestOutsideCannotSet(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	for _, path := range []string{"/routes", "/api", "/handlers", "/usage_plans"} {
		r, err := http.NewRequest("POST", s.Endpoints().Control+path, strings.NewReader(`{"handler_command":["touch","/tmp/x"],"upstream":"http://127.0.0.1:1"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(KeyHeader, s.Endpoints().ControlKey)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("POST %s at the control listener: %d", path, res.StatusCode)
		}
	}
}
