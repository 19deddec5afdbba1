package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decoded is a JSON document without the order of its members.
func decoded(tb testing.TB, data []byte) map[string]any {
	tb.Helper()
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		tb.Fatalf("%s: %v", data, err)
	}
	return v
}

// eventOf goes through an API with one route, and returns what the
// authorizer's function gets.
func eventOf(tb testing.TB, l *LambdaAuthorizer, r *http.Request) map[string]any {
	tb.Helper()
	l.Now = clockAt
	var event []byte
	l.Invoke = func(_ context.Context, e []byte) ([]byte, error) { event = e; return nil, raised("Unauthorized") }
	a := &API{
		Deployment: deployment, StageVariables: map[string]string{"env": "test"}, Now: clockAt,
		NewRequestID: func() string { return "ID" },
		Routes:       []Route{{Method: "GET", Path: "/items/{id}/{proxy+}", Kind: l.Kind, Authorizer: l, Backend: text("")}},
	}
	a.Decide(r)
	got := decoded(tb, event)
	if c, ok := got["requestContext"].(map[string]any); ok && c["extendedRequestId"] != nil {
		c["extendedRequestId"] = "EXT"
	}
	return got
}

func fullRequest() *http.Request {
	r := request("GET", "/items/7/a%20b/c?x=1&x=2&y=%2F", "Authorization", "Bearer t<&>", "X-Two", "1", "X-Two", "2",
		"User-Agent", "curl/8", "Cookie", "a=1; b=2")
	return r
}

const restContext = `{"accountId":"123456789012","apiId":"abc123","domainName":"api.example","domainPrefix":"api",
	"extendedRequestId":"EXT","httpMethod":"GET","identity":{"accessKey":null,"accountId":null,"caller":null,
	"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,"cognitoIdentityId":null,"cognitoIdentityPoolId":null,
	"principalOrgId":null,"sourceIp":"192.0.2.1","user":null,"userAgent":"curl/8","userArn":null},
	"path":"/items/7/a%20b/c","protocol":"HTTP/1.1","requestId":"ID","requestTime":"15/Jun/2026:05:00:00 +0000",
	"requestTimeEpoch":1781499600000,"resourceId":"qbvogz","resourcePath":"/items/{id}/{proxy+}","stage":"v1"}`

const httpContext = `{"accountId":"123456789012","apiId":"abc123","domainName":"api.example","domainPrefix":"api",
	"http":{"method":"GET","path":"/items/7/a%20b/c","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":"curl/8"},
	"requestId":"ID","routeKey":"GET /items/{id}/{proxy+}","stage":"v1","time":"15/Jun/2026:05:00:00 +0000","timeEpoch":1781499600000}`

// TestEvents compares with the events in the Developer Guide.
func TestEvents(t *testing.T) {
	t.Parallel()
	const arn = arnBase + "GET/items/7/a b/c"
	const headers = `{"Authorization":"Bearer t<&>","X-Two":"2","User-Agent":"curl/8","Cookie":"a=1; b=2","Host":"api.example"}`
	const common = `"resource":"/items/{id}/{proxy+}","path":"/items/7/a%20b/c","httpMethod":"GET","headers":` + headers + `,
		"queryStringParameters":{"x":"2","y":"/"},"pathParameters":{"id":"7","proxy":"a b/c"},"stageVariables":{"env":"test"},
		"requestContext":` + restContext
	for _, tt := range []struct {
		name string
		l    *LambdaAuthorizer
		want string
	}{
		{"TOKEN", &LambdaAuthorizer{}, `{"type":"TOKEN","methodArn":"` + arn + `","authorizationToken":"Bearer t<&>"}`},
		{"REQUEST", &LambdaAuthorizer{Type: TypeRequest}, `{"type":"REQUEST","methodArn":"` + arn + `",
			"multiValueHeaders":{"Authorization":["Bearer t<&>"],"X-Two":["1","2"],"User-Agent":["curl/8"],"Cookie":["a=1; b=2"],"Host":["api.example"]},
			"multiValueQueryStringParameters":{"x":["1","2"],"y":["/"]},` + common + `}`},
		{"HTTP 1.0", &LambdaAuthorizer{Kind: HTTP, PayloadVersion: "1.0", IdentitySources: []string{"$request.header.Authorization", "$request.querystring.x"}},
			`{"version":"1.0","type":"REQUEST","methodArn":"` + arn + `","identitySource":"Bearer t<&>,1,2","authorizationToken":"Bearer t<&>,1,2",` + common + `}`},
		{"HTTP 2.0", &LambdaAuthorizer{Kind: HTTP, IdentitySources: []string{"$request.header.Authorization", "$request.querystring.x"}},
			`{"version":"2.0","type":"REQUEST","routeArn":"` + arn + `","identitySource":["Bearer t<&>","1,2"],"routeKey":"GET /items/{id}/{proxy+}",
			"rawPath":"/items/7/a%20b/c","rawQueryString":"x=1&x=2&y=%2F","cookies":["a=1","b=2"],
			"headers":{"authorization":"Bearer t<&>","x-two":"1,2","user-agent":"curl/8","host":"api.example"},
			"queryStringParameters":{"x":"1,2","y":"/"},"pathParameters":{"id":"7","proxy":"a b/c"},"stageVariables":{"env":"test"},
			"requestContext":` + httpContext + `}`},
	} {
		if diff := cmp.Diff(decoded(t, []byte(tt.want)), eventOf(t, tt.l, fullRequest())); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// TestEventAlone: an event can be had without an API around, for a request that
// lacks everything.
func TestEventAlone(t *testing.T) {
	t.Parallel()
	r := request("GET", "/a", "X-Text", "a<&>b")
	l := &LambdaAuthorizer{Type: TypeRequest, Deployment: deployment, Now: clockAt}
	data, err := l.Event(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "a<&>b") {
		t.Errorf("%s is escaped for HTML", data)
	}
	event := decoded(t, data)
	for _, name := range []string{"queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"} {
		if v, ok := event[name].(map[string]any); !ok || len(v) != 0 {
			t.Errorf("%s is %v, want {}", name, event[name])
		}
	}
	c := event["requestContext"].(map[string]any)
	if event["resource"] != "/a" || c["resourcePath"] != "/a" || c["stage"] != "v1" || c["requestId"] == "" {
		t.Errorf("%s", data)
	}
	l = &LambdaAuthorizer{Kind: HTTP, Deployment: Deployment{"us-east-1", "1", "x", ""}, Now: clockAt}
	if data, err = l.Event(r); err != nil {
		t.Fatal(err)
	}
	event = decoded(t, data)
	if event["routeArn"] != "arn:aws:execute-api:us-east-1:1:x/$default/GET/a" || event["routeKey"] != "GET /a" ||
		event["requestContext"].(map[string]any)["stage"] != "$default" {
		t.Errorf("%s", data)
	}
}
