package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixed is an authorizer that has decided.
type fixed Decision

func (f fixed) Decide(_ context.Context, _ *http.Request) Decision { return Decision(f) }

// backendContext sends a request through an API with one route, and returns the
// request context its backend finds, as JSON makes it.
func backendContext(tb testing.TB, a *API, route Route, r *http.Request) map[string]any {
	tb.Helper()
	var found map[string]any
	route.Method, route.Path = "GET", "/items/{id}/{proxy+}"
	route.Backend = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { found = RequestContext(r) })
	a.Deployment, a.Now, a.Routes = deployment, clockAt, []Route{route}
	a.NewRequestID = func() string { return "ID" }
	recorder := httptest.NewRecorder()
	a.ServeHTTP(recorder, r)
	if recorder.Code != 200 {
		tb.Fatalf("%d %s", recorder.Code, recorder.Body)
	}
	data, err := json.Marshal(found)
	if err != nil {
		tb.Fatal(err)
	}
	object := decoded(tb, data)
	if extended := object["extendedRequestId"]; extended != nil {
		if header := recorder.Header()[wireName("X-Amz-Apigw-Id")]; len(header) != 1 || header[0] != extended {
			tb.Errorf("the answer's extended id is %v, the backend's %v", header, extended)
		}
		object["extendedRequestId"] = "EXT"
	}
	return object
}

// TestRequestContext: what a backend finds, for each kind of API and authorizer.
func TestRequestContext(t *testing.T) {
	t.Parallel()
	allow := func(context, identity map[string]any) Authorizer {
		return fixed(Decision{Allow: true, Status: 200, Context: context, Identity: identity})
	}
	for _, tt := range []struct {
		name  string
		route Route
		base  string
		more  string // members beside or instead of those of base
	}{
		{"REST, open", Route{}, restContext, `{}`},
		{"HTTP, open", Route{Kind: HTTP}, httpContext, `{}`},
		{"REST with claims", Route{Authorizer: allow(map[string]any{"claims": map[string]string{"sub": "x"}}, nil)}, restContext,
			`{"authorizer":{"claims":{"sub":"x"}}}`},
		{"HTTP with claims", Route{Kind: HTTP, Authorizer: allow(map[string]any{"jwt": map[string]any{"claims": map[string]string{"sub": "x"}, "scopes": nil}}, nil)}, httpContext,
			`{"authorizer":{"jwt":{"claims":{"sub":"x"},"scopes":null}}}`},
		{"REST with a signer", Route{Authorizer: allow(nil, map[string]any{"userArn": "arn:x", "accountId": "1"})}, restContext,
			`{"identity":{"accessKey":null,"accountId":"1","caller":null,"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,
			"cognitoIdentityId":null,"cognitoIdentityPoolId":null,"principalOrgId":null,"sourceIp":"192.0.2.1","user":null,"userAgent":"curl/8","userArn":"arn:x"}}`},
		{"REST with a function", Route{Authorizer: &LambdaAuthorizer{Invoke: answering(policyAnswer("Allow", "*", `,"context":{"n":1}`)), Now: clockAt}}, restContext,
			`{"authorizer":{"principalId":"ann","integrationLatency":0,"n":"1"}}`},
		{"HTTP with a function", Route{Kind: HTTP, Authorizer: &LambdaAuthorizer{Kind: HTTP, Simple: true, Invoke: answering(`{"isAuthorized":true,"context":{"n":1}}`), Now: clockAt}}, httpContext,
			`{"authorizer":{"lambda":{"n":1}}}`},
		{"REST with an API key", Route{APIKeyRequired: true}, restContext,
			`{"identity":{"accessKey":null,"accountId":null,"apiKey":"the-key","apiKeyId":"k1","caller":null,"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,
			"cognitoIdentityId":null,"cognitoIdentityPoolId":null,"principalOrgId":null,"sourceIp":"192.0.2.1","user":null,"userAgent":"curl/8","userArn":null}}`},
	} {
		r := fullRequest()
		r.Header.Set("X-Api-Key", "the-key")
		want := decoded(t, []byte(tt.base))
		for name, value := range decoded(t, []byte(tt.more)) {
			want[name] = value
		}
		a := &API{UsagePlans: []UsagePlan{{Name: "basic", Keys: []APIKey{{ID: "k1", Value: "the-key"}}}}}
		if diff := cmp.Diff(want, backendContext(t, a, tt.route, r)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if RequestContext(fullRequest()) != nil {
		t.Error("a request outside a backend has a context")
	}
}

func TestParseMethodARN(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/a", "/a/b/", "/a b/c:d"} {
		arn := deployment.MethodARN("GET", path)
		d, method, got, err := ParseMethodARN(arn)
		if err != nil || d != deployment || method != "GET" || got != path {
			t.Errorf("%s: %v %s %s %v", arn, d, method, got, err)
		}
	}
	for _, arn := range []string{
		"", "arn:aws:execute-api:us-east-1:1:x/v1/GET", "arn:aws:s3:us-east-1:1:x/v1/GET/a", "arn:aws:execute-api:us-east-1:1:x//GET/a",
		"arn:aws:execute-api:cn-north-1:1:x/v1/GET/a", "arn:aws:execute-api:us-east-1:x/v1/GET/a",
	} {
		if d, _, _, err := ParseMethodARN(arn); err == nil {
			t.Errorf("%s: %v", arn, d)
		}
	}
}
