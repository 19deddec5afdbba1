package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var deployment = Deployment{"us-east-1", "123456789012", "abc123", "v1"}

// raised is an error of the function itself, as a runner reports it.
type raised string

func (e raised) Error() string         { return "exit status 1" }
func (e raised) FunctionError() string { return string(e) }

// answers with the document, or with an error.
func answering(document string) Function {
	return func(context.Context, []byte) ([]byte, error) { return []byte(document), nil }
}

func failing(err error) Function {
	return func(context.Context, []byte) ([]byte, error) { return nil, err }
}

// policyAnswer is an answer with one statement on a resource below arnBase.
func policyAnswer(effect, resource, more string) string {
	return `{"principalId":"ann","policyDocument":` + oneStatement(effect, `"Resource":"`+arnBase+resource+`"`) + more + `}`
}

func request(method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "http://api.example"+target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

const (
	nullBody    = `{"message":null}`
	configBody  = `{"message":"Authorizer configuration error"}`
	denyBody    = `{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}`
	nothingBody = `{"Message":"User is not authorized to access this resource"}`
	brokenBody  = `{"message":"Internal Server Error"}`
)

// TestLambdaAnswers: what a function of a REST API says, and what the caller
// gets for it.
func TestLambdaAnswers(t *testing.T) {
	t.Parallel()
	allow := policyAnswer("Allow", "GET/a", "")
	for _, tt := range []struct {
		name   string
		invoke Function
		body   string // "" = allowed
		failed string
	}{
		{"allow", answering(allow), "", ""},
		{"allow with context", answering(policyAnswer("Allow", "*", `,"context":{"n":1.50,"b":false,"s":"x"}`)), "", ""},
		{"members of its own", answering(policyAnswer("Allow", "*", `,"debug":{"a":[1]}`)), "", ""},
		{"null context", answering(policyAnswer("Allow", "*", `,"context":null`)), "", ""},
		{"deny", answering(policyAnswer("Deny", "*", "")), denyBody, "policy:denied_explicitly"},
		{"another method", answering(policyAnswer("Allow", "POST/a", "")), nothingBody, "policy:denied_implicitly"},
		{"no statement", answering(`{"principalId":"ann","policyDocument":{"Version":"2012-10-17","Statement":[]}}`), nothingBody, "policy:denied_implicitly"},

		{"Unauthorized", failing(raised("Unauthorized")), unauthorizedBody, "function:unauthorized"},
		{"Unauthorized, wrapped", failing(fmt.Errorf("run: %w", raised("Unauthorized"))), unauthorizedBody, "function:unauthorized"},
		{"unauthorized in lower case", failing(raised("unauthorized")), nullBody, "function:function_failed"},
		{"Unauthorized and more", failing(raised("Unauthorized: expired")), nullBody, "function:function_failed"},
		{"another error", failing(raised("Error: invalid token")), nullBody, "function:function_failed"},
		{"cannot be run", failing(errors.New("no such file")), configBody, "function:function_unavailable"},
		{"no answer in time", failing(fmt.Errorf("run: %w", context.DeadlineExceeded)), nullBody, "function:function_timeout"},
		{"an error that only reads so", failing(errors.New("Unauthorized")), configBody, "function:function_unavailable"},

		{"nothing", answering(""), nullBody, "answer:answer_malformed"},
		{"null", answering("null"), nullBody, "answer:answer_malformed"},
		{"text", answering(`"Unauthorized"`), nullBody, "answer:answer_malformed"},
		{"two documents", answering(allow + allow), nullBody, "answer:answer_malformed"},
		{"twice the principal", answering(strings.Replace(allow, "{", `{"principalId":"eve",`, 1)), nullBody, "answer:answer_malformed"},
		{"no principal", answering(strings.Replace(allow, "principalId", "principal", 1)), nullBody, "answer:answer_malformed"},
		{"empty principal", answering(strings.Replace(allow, `"ann"`, `""`, 1)), nullBody, "answer:answer_malformed"},
		{"principal that is a number", answering(strings.Replace(allow, `"ann"`, `7`, 1)), nullBody, "answer:answer_malformed"},
		{"no policy", answering(`{"principalId":"ann"}`), nullBody, "answer:answer_malformed"},
		{"policy as text", answering(`{"principalId":"ann","policyDocument":"{}"}`), nullBody, "answer:answer_malformed"},
		{"policy not understood", answering(strings.Replace(allow, "Effect", "effect", 1)), nullBody, "answer:answer_malformed"},
		{"a simple response", answering(`{"isAuthorized":true}`), nullBody, "answer:answer_malformed"},
		{"resource of 512 characters", answering(policyAnswer("Allow", strings.Repeat("*", 512-len(arnBase)), "")), "", ""},
		{"resource of 513 characters", answering(policyAnswer("Allow", strings.Repeat("*", 513-len(arnBase)), "")), nullBody, "answer:answer_malformed"},
		{"object in context", answering(policyAnswer("Allow", "*", `,"context":{"claims":{}}`)), configBody, "answer:answer_malformed"},
		{"array in context", answering(policyAnswer("Allow", "*", `,"context":{"groups":["a"]}`)), configBody, "answer:answer_malformed"},
		{"null in context", answering(policyAnswer("Allow", "*", `,"context":{"a":null}`)), configBody, "answer:answer_malformed"},
		{"context as text", answering(policyAnswer("Allow", "*", `,"context":"a"`)), configBody, "answer:answer_malformed"},
		{"usage key that is a number", answering(policyAnswer("Allow", "*", `,"usageIdentifierKey":7`)), nullBody, "answer:answer_malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, kind := range []string{TypeToken, TypeRequest} {
				l := &LambdaAuthorizer{Type: kind, Invoke: tt.invoke, Deployment: deployment, Now: clockAt}
				d := l.Decide(t.Context(), request("GET", "/a", "Authorization", "x"))
				verifyAnswer(t, d, tt.body)
				compareFailures(t, d, tt.failed)
			}
		})
	}
}

// verifyAnswer looks at everything in an answer of a REST API's Lambda
// authorizer that follows from the body.
func verifyAnswer(t *testing.T, d Decision, body string) {
	t.Helper()
	wantStatus, wantType := 200, ""
	switch body {
	case "":
	case unauthorizedBody:
		wantStatus, wantType = 401, "UnauthorizedException"
	case denyBody, nothingBody:
		wantStatus, wantType = 403, "AccessDeniedException"
	default:
		wantStatus, wantType = 500, "AuthorizerConfigurationException"
	}
	if d.Allow != (body == "") || d.Status != wantStatus || string(d.Body) != body || d.Headers.Get("x-amzn-ErrorType") != wantType {
		t.Errorf("allow %v, %d %s, %v, %+v", d.Allow, d.Status, d.Body, d.Headers, d.Checks)
	}
	if body != nullBody {
		verifyDecision(t, d)
	}
}

// TestLambdaTells: the decision carries what the function said, for whoever
// explains it.
func TestLambdaTells(t *testing.T) {
	t.Parallel()
	const more = `,"context":{"n":1.50,"b":false,"s":"<x>"},"usageIdentifierKey":"the-usage-key"`
	for effect, body := range map[string]string{"Allow": "", "Deny": denyBody} {
		l := &LambdaAuthorizer{Invoke: answering(policyAnswer(effect, "*", more)), Deployment: deployment, Now: clockAt}
		d := l.Decide(t.Context(), request("GET", "/a/%61?q=1", "authorization", "x"))
		verifyAnswer(t, d, body)
		returned := map[string]any{"n": "1.50", "b": "false", "s": "<x>"}
		if diff := cmp.Diff(returned, d.Returned); diff != "" || d.Principal != "ann" || d.UsageKey != "the-usage-key" || d.Policy == nil || d.Cached {
			t.Errorf("%s: %s%+v", effect, diff, d)
		}
		if d.MethodARN != arnBase+"GET/a/a" {
			t.Errorf("method ARN %s", d.MethodARN)
		}
		if effect == "Deny" {
			continue
		}
		returned["principalId"], returned["integrationLatency"] = "ann", int64(0)
		if diff := cmp.Diff(returned, d.Context); diff != "" {
			t.Error(diff)
		}
	}
}

// TestIdentitySources: a request without its identity never reaches the
// function, nor does a token that does not look like one.
func TestIdentitySources(t *testing.T) {
	t.Parallel()
	const header, query = "method.request.header.", "method.request.querystring."
	for _, tt := range []struct {
		name    string
		l       *LambdaAuthorizer
		request *http.Request
		called  bool
		failed  string
	}{
		{"token", &LambdaAuthorizer{}, request("GET", "/a", "Authorization", "t"), true, ""},
		{"no token", &LambdaAuthorizer{}, request("GET", "/a"), false, "identity_source:identity_missing"},
		{"empty token", &LambdaAuthorizer{}, request("GET", "/a", "Authorization", " "), false, "identity_source:identity_missing"},
		{"token elsewhere", &LambdaAuthorizer{IdentitySources: []string{header + "x-auth"}}, request("GET", "/a", "X-Auth", "t"), true, ""},
		{"token not there", &LambdaAuthorizer{IdentitySources: []string{header + "X-Auth"}}, request("GET", "/a", "Authorization", "t"), false, "identity_source:identity_missing"},
		{"validated", &LambdaAuthorizer{Validation: `Bearer [a-z]+`}, request("GET", "/a", "Authorization", "Bearer abc"), true, ""},
		{"validated in part", &LambdaAuthorizer{Validation: `Bearer [a-z]+`}, request("GET", "/a", "Authorization", "Bearer abc7"), false, "validation:validation_mismatch"},
		{"nothing to validate", &LambdaAuthorizer{Validation: `.*`}, request("GET", "/a"), false, "identity_source:identity_missing"},

		{"no source", &LambdaAuthorizer{Type: TypeRequest}, request("GET", "/a"), true, ""},
		{"query", &LambdaAuthorizer{Type: TypeRequest, IdentitySources: []string{query + "key"}}, request("GET", "/a?key=1"), true, ""},
		{"query in capitals", &LambdaAuthorizer{Type: TypeRequest, IdentitySources: []string{query + "KEY"}}, request("GET", "/a?KEY=1"), true, ""},
		{"query in another case", &LambdaAuthorizer{Type: TypeRequest, IdentitySources: []string{query + "key"}}, request("GET", "/a?Key=1"), false, "identity_source:identity_missing"},
		{"empty query", &LambdaAuthorizer{Type: TypeRequest, IdentitySources: []string{query + "key"}}, request("GET", "/a?key="), false, "identity_source:identity_missing"},
		{"one of two", &LambdaAuthorizer{Type: TypeRequest, TTL: time.Minute, IdentitySources: []string{header + "A", query + "key"}}, request("GET", "/a", "A", "1"), false, "identity_source:identity_missing"},
		{"both", &LambdaAuthorizer{Type: TypeRequest, TTL: time.Minute, IdentitySources: []string{header + "A", query + "key"}}, request("GET", "/a?key=1", "A", "1"), true, ""},
		{"stage variable", &LambdaAuthorizer{Type: TypeRequest, StageVariables: map[string]string{"env": "x"}, IdentitySources: []string{"stageVariables.env"}}, request("GET", "/a"), true, ""},
		{"no stage variable", &LambdaAuthorizer{Type: TypeRequest, IdentitySources: []string{"stageVariables.env"}}, request("GET", "/a"), false, "identity_source:identity_missing"},
		{"context", &LambdaAuthorizer{Type: TypeRequest, IdentitySources: []string{"context.identity.sourceIp"}}, request("GET", "/a"), true, ""},
		{"nothing in context", &LambdaAuthorizer{Type: TypeRequest, IdentitySources: []string{"context.identity.userArn"}}, request("GET", "/a"), false, "identity_source:identity_missing"},
		{"host", &LambdaAuthorizer{Type: TypeRequest, IdentitySources: []string{header + "host"}}, request("GET", "/a"), true, ""},

		{"HTTP header", &LambdaAuthorizer{Kind: HTTP, IdentitySources: []string{"$request.header.Authorization"}}, request("GET", "/a", "Authorization", "t"), true, ""},
		{"HTTP, no header", &LambdaAuthorizer{Kind: HTTP, IdentitySources: []string{"$request.header.Authorization"}}, request("GET", "/a"), false, "identity_source:identity_missing"},
		{"HTTP query", &LambdaAuthorizer{Kind: HTTP, IdentitySources: []string{"$request.querystring.key"}}, request("GET", "/a?key=1"), true, ""},
		{"HTTP context", &LambdaAuthorizer{Kind: HTTP, IdentitySources: []string{"$context.http.method", "$context.routeKey"}}, request("GET", "/a"), true, ""},
		{"HTTP, no source", &LambdaAuthorizer{Kind: HTTP}, request("GET", "/a"), true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			called := false
			l := tt.l
			l.Deployment, l.Now = deployment, clockAt
			l.Invoke = func(context.Context, []byte) ([]byte, error) {
				called = true
				return []byte(policyAnswer("Allow", "*", "")), nil
			}
			d := l.Decide(t.Context(), tt.request)
			verifyDecision(t, d)
			compareFailures(t, d, tt.failed)
			if called != tt.called || d.Allow != tt.called {
				t.Errorf("called %v, allow %v", called, d.Allow)
			}
			if !tt.called && (d.Status != 401 || string(d.Body) != unauthorizedBody || d.Headers.Get("www-authenticate") != "") {
				t.Errorf("%d %s %v", d.Status, d.Body, d.Headers)
			}
		})
	}
}

// TestLambdaMisconfigured: what could not be deployed lets nothing through.
func TestLambdaMisconfigured(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*LambdaAuthorizer){
		"no function":                 func(l *LambdaAuthorizer) { l.Invoke = nil },
		"no clock":                    func(l *LambdaAuthorizer) { l.Now = nil },
		"kept too long":               func(l *LambdaAuthorizer) { l.TTL = MaxTTL + 1 },
		"kept for less than nothing":  func(l *LambdaAuthorizer) { l.TTL = -1 },
		"kept by nothing":             func(l *LambdaAuthorizer) { l.Type, l.TTL = TypeRequest, 1 },
		"unknown type":                func(l *LambdaAuthorizer) { l.Type = "token" },
		"bad expression":              func(l *LambdaAuthorizer) { l.Validation = "(" },
		"expression without token":    func(l *LambdaAuthorizer) { l.Type, l.Validation = TypeRequest, "." },
		"two tokens":                  func(l *LambdaAuthorizer) { l.IdentitySources = []string{"context.a", "context.b"} },
		"token in the query":          func(l *LambdaAuthorizer) { l.IdentitySources = []string{"method.request.querystring.a"} },
		"unknown source":              func(l *LambdaAuthorizer) { l.IdentitySources = []string{"header.Authorization"} },
		"source of the other kind":    func(l *LambdaAuthorizer) { l.IdentitySources = []string{"$request.header.Authorization"} },
		"payload version of the kind": func(l *LambdaAuthorizer) { l.PayloadVersion = "2.0" },
		"simple responses of REST":    func(l *LambdaAuthorizer) { l.Simple = true },
		"HTTP with TOKEN":             func(l *LambdaAuthorizer) { l.Kind, l.Type = HTTP, TypeToken },
		"HTTP with version 3":         func(l *LambdaAuthorizer) { l.Kind, l.PayloadVersion = HTTP, "3.0" },
		"HTTP simple with version 1":  func(l *LambdaAuthorizer) { l.Kind, l.PayloadVersion, l.Simple = HTTP, "1.0", true },
		"HTTP source of REST":         func(l *LambdaAuthorizer) { l.Kind, l.IdentitySources = HTTP, []string{"method.request.header.A"} },
	} {
		l := &LambdaAuthorizer{Invoke: answering(policyAnswer("Allow", "*", "")), Deployment: deployment, Now: clockAt}
		if d := l.Decide(t.Context(), request("GET", "/a", "Authorization", "t", "A", "t")); !d.Allow {
			t.Fatalf("the positive control fails: %s", failures(d))
		}
		spoil(l)
		d := l.Decide(t.Context(), request("GET", "/a", "Authorization", "t", "A", "t"))
		want := configBody
		if l.Kind == HTTP {
			want = brokenBody
		}
		if d.Allow || d.Status != 500 || string(d.Body) != want || failures(d) != "configuration:policy_invalid" {
			t.Errorf("%s: allow %v, %d %s, %s", name, d.Allow, d.Status, d.Body, failures(d))
		}
		verifyDecision(t, d)
	}
}

// TestHTTPLambda: the answers of an HTTP API's authorizer.
func TestHTTPLambda(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		simple bool
		invoke Function
		status int
		failed string
	}{
		{"authorized", true, answering(`{"isAuthorized":true}`), 200, ""},
		{"not authorized", true, answering(`{"isAuthorized":false}`), 403, "is_authorized:not_authorized"},
		{"authorized as text", true, answering(`{"isAuthorized":"true"}`), 500, "answer:answer_malformed"},
		{"policy to a simple one", true, answering(policyAnswer("Allow", "*", "")), 500, "answer:answer_malformed"},
		{"policy", false, answering(policyAnswer("Allow", "GET/a", "")), 200, ""},
		{"policy that denies", false, answering(policyAnswer("Deny", "*", "")), 403, "policy:denied_explicitly"},
		{"policy of another route", false, answering(policyAnswer("Allow", "POST/a", "")), 403, "policy:denied_implicitly"},
		{"simple to one of policies", false, answering(`{"isAuthorized":true}`), 500, "answer:answer_malformed"},
		{"Unauthorized", false, failing(raised("Unauthorized")), 500, "function:function_failed"},
		{"cannot be run", true, failing(errors.New("x")), 500, "function:function_unavailable"},
		{"context as text", true, answering(`{"isAuthorized":true,"context":"x"}`), 500, "answer:answer_malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &LambdaAuthorizer{Kind: HTTP, Simple: tt.simple, Invoke: tt.invoke, Deployment: deployment, Now: clockAt}
			d := l.Decide(t.Context(), request("GET", "/a"))
			verifyDecision(t, d)
			compareFailures(t, d, tt.failed)
			body := map[int]string{200: "", 403: `{"message":"Forbidden"}`, 500: brokenBody}[tt.status]
			if d.Status != tt.status || string(d.Body) != body || d.Headers.Get("x-amzn-ErrorType") != "" {
				t.Errorf("%d %s %v", d.Status, d.Body, d.Headers)
			}
		})
	}
	for document, want := range map[string]map[string]any{
		`{"isAuthorized":true}`: {"lambda": nil},
		`{"isAuthorized":true,"context":{"groups":["a"],"o":{"x":null}}}`: {"lambda": map[string]any{"groups": []any{"a"}, "o": map[string]any{"x": nil}}},
	} {
		l := &LambdaAuthorizer{Kind: HTTP, Simple: true, Invoke: answering(document), Deployment: deployment, Now: clockAt}
		if diff := cmp.Diff(want, l.Decide(t.Context(), request("GET", "/a")).Context); diff != "" {
			t.Errorf("%s: %s", document, diff)
		}
	}
}

func TestMethodARNTooLong(t *testing.T) {
	t.Parallel()
	called := false
	l := &LambdaAuthorizer{Deployment: deployment, Now: clockAt, Invoke: func(context.Context, []byte) ([]byte, error) {
		called = true
		return []byte(policyAnswer("Allow", "*", "")), nil
	}}
	room := 1600 - len(arnBase+"GET/")
	if d := l.Decide(t.Context(), request("GET", "/"+strings.Repeat("a", room), "Authorization", "t")); !d.Allow {
		t.Errorf("1600 bytes: %+v", d.Checks)
	}
	called = false
	d := l.Decide(t.Context(), request("GET", "/"+strings.Repeat("a", room+1), "Authorization", "t"))
	verifyDecision(t, d)
	if d.Status != 414 || string(d.Body) != `{"message":"Request URI too long"}` || called {
		t.Errorf("1601 bytes: %d %s, called %v", d.Status, d.Body, called)
	}
}

// TestPolicyConditions: a policy may depend on where the request comes from.
func TestPolicyConditions(t *testing.T) {
	t.Parallel()
	document := `{"principalId":"ann","policyDocument":` + oneStatement("Allow", `"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"},`+
		`"DateLessThan":{"aws:CurrentTime":"2026-06-15T05:00:01Z"},"StringLike":{"aws:UserAgent":"test*"}}`) + `}`
	l := &LambdaAuthorizer{Invoke: answering(document), Deployment: deployment, Now: clockAt}
	r := request("GET", "/a", "Authorization", "t", "User-Agent", "test/1")
	if d := l.Decide(t.Context(), r); !d.Allow { // httptest's requests come from 192.0.2.1
		t.Errorf("%+v", d.Checks)
	}
	r.RemoteAddr, r.Header["X-Forwarded-For"] = "198.51.100.1:1", []string{"192.0.2.1"}
	if d := l.Decide(t.Context(), r); string(d.Body) != nothingBody {
		t.Errorf("%+v", d.Checks)
	}
}
