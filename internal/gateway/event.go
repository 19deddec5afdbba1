package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// tokenEvent is what a TOKEN authorizer's function gets ("Input to an API
// Gateway Lambda authorizer").
type tokenEvent struct {
	Type      string `json:"type"`
	MethodARN string `json:"methodArn"`
	Token     string `json:"authorizationToken"`
}

// requestEvent is what a REQUEST authorizer's function gets in a REST API, and
// with three more members in an HTTP API with payload version 1.0.
type requestEvent struct {
	Version            string              `json:"version,omitempty"`
	Type               string              `json:"type"`
	MethodARN          string              `json:"methodArn"`
	IdentitySource     *string             `json:"identitySource,omitempty"`
	AuthorizationToken *string             `json:"authorizationToken,omitempty"`
	Resource           string              `json:"resource"`
	Path               string              `json:"path"`
	Method             string              `json:"httpMethod"`
	Headers            map[string]string   `json:"headers"`
	MultiHeaders       map[string][]string `json:"multiValueHeaders,omitzero"`
	Query              map[string]string   `json:"queryStringParameters"`
	MultiQuery         map[string][]string `json:"multiValueQueryStringParameters,omitzero"`
	PathParameters     map[string]string   `json:"pathParameters"`
	StageVariables     map[string]string   `json:"stageVariables"`
	RequestContext     map[string]any      `json:"requestContext"`
}

// httpEvent is what the function gets in an HTTP API with payload version 2.0
// ("Control access to HTTP APIs with AWS Lambda authorizers").
type httpEvent struct {
	Version        string            `json:"version"`
	Type           string            `json:"type"`
	RouteARN       string            `json:"routeArn"`
	IdentitySource []string          `json:"identitySource"`
	RouteKey       string            `json:"routeKey"`
	RawPath        string            `json:"rawPath"`
	RawQuery       string            `json:"rawQueryString"`
	Cookies        []string          `json:"cookies,omitempty"`
	Headers        map[string]string `json:"headers"`
	Query          map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext map[string]any    `json:"requestContext"`
	PathParameters map[string]string `json:"pathParameters,omitempty"`
	StageVariables map[string]string `json:"stageVariables,omitempty"`
}

// Event is the event that the function would get for the request, whether or
// not the request would come so far. It carries the caller's token.
func (l *LambdaAuthorizer) Event(r *http.Request) ([]byte, error) {
	identity, _ := l.identity(r)
	arn := l.deployment(r).MethodARN(r.Method, r.URL.EscapedPath())
	var event any
	switch {
	case l.isToken():
		event = tokenEvent{TypeToken, arn, strings.Join(identity, ",")}
	case l.Kind == HTTP && l.payload() == "2.0":
		event = l.httpEvent(r, arn, identity)
	default:
		event = l.requestEvent(r, arn, identity)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(event); err != nil {
		return nil, fmt.Errorf("event for the authorizer's function: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (l *LambdaAuthorizer) requestEvent(r *http.Request, arn string, identity []string) requestEvent {
	c := l.callFor(r)
	headers := headersOf(r)
	event := requestEvent{
		Type: TypeRequest, MethodARN: arn,
		Resource: c.route.Path, Path: r.URL.EscapedPath(), Method: r.Method,
		Headers: lastOf(headers), Query: lastOf(r.URL.Query()),
		PathParameters: orEmpty(c.values), StageVariables: orEmpty(c.stageVariables),
		RequestContext: restRequestContext(r, c),
	}
	if l.Kind != HTTP {
		event.MultiHeaders, event.MultiQuery = headers, r.URL.Query()
		return event
	}
	all := strings.Join(identity, ",")
	event.Version, event.IdentitySource, event.AuthorizationToken = "1.0", &all, &all
	return event
}

func (l *LambdaAuthorizer) httpEvent(r *http.Request, arn string, identity []string) httpEvent {
	c := l.callFor(r)
	headers := make(map[string]string)
	for name, values := range headersOf(r) {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	delete(headers, "cookie")
	event := httpEvent{
		Version: "2.0", Type: TypeRequest, RouteARN: arn, IdentitySource: identity, RouteKey: routeKey(c.route),
		RawPath: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Headers: headers,
		RequestContext: httpRequestContext(r, c), PathParameters: c.values, StageVariables: c.stageVariables,
	}
	for _, line := range r.Header.Values("Cookie") {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				event.Cookies = append(event.Cookies, cookie)
			}
		}
	}
	for name, values := range r.URL.Query() {
		if event.Query == nil {
			event.Query = make(map[string]string)
		}
		event.Query[name] = strings.Join(values, ",")
	}
	return event
}

// headersOf are the headers of a request with Host, which net/http keeps apart.
func headersOf(r *http.Request) map[string][]string {
	headers := maps.Clone(map[string][]string(r.Header))
	if headers == nil {
		headers = make(map[string][]string)
	}
	if r.Host != "" {
		headers["Host"] = []string{r.Host}
	}
	return headers
}

// lastOf takes of several values the last, as REST APIs do.
func lastOf[M ~map[string][]string](all M) map[string]string {
	one := make(map[string]string, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if values := all[name]; len(values) > 0 {
			one[name] = values[len(values)-1]
		}
	}
	return one
}

// orEmpty is {} for nil, which marshals to null.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
