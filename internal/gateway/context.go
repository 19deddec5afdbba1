package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"
)

// RequestContext is the whole requestContext that API Gateway gives an
// integration for this request: payload format 1.0 for a REST API ("Input
// format of a Lambda function for proxy integration"), 2.0 for an HTTP API
// ("Working with AWS Lambda proxy integrations for HTTP APIs"). It marshals
// to JSON, must not be changed, and is nil outside a backend.
//
// The request counts as one that came by a custom domain: neither host nor path
// name the stage.
func RequestContext(r *http.Request) map[string]any {
	c := callOf(r)
	if c.kind == HTTP {
		c.deployment = c.deployment.orDefaultStage()
	}
	switch {
	case c.id == "":
		return nil
	case c.kind == HTTP:
		return httpRequestContext(r, c)
	}
	return restRequestContext(r, c)
}

// callFor is the call of a request; one that no API has seen, as in a
// prediction, is taken to be about a route of exactly its path.
func (l *LambdaAuthorizer) callFor(r *http.Request) call {
	c := callOf(r)
	if c.id == "" {
		kind := orREST(l.Kind)
		c = call{id: newID(kind), extended: extendedID(), kind: kind, time: clock(l.Now), route: Route{Method: r.Method, Path: r.URL.EscapedPath()}}
	}
	c.deployment = l.deployment(r)
	c.stageVariables = l.stageVariables(r)
	return c
}

func (l *LambdaAuthorizer) stageVariables(r *http.Request) map[string]string {
	if l.StageVariables != nil {
		return l.StageVariables
	}
	return callOf(r).stageVariables
}

// requestContext is what the authorizer's function gets, in the shape of its
// payload.
func (l *LambdaAuthorizer) requestContext(r *http.Request) map[string]any {
	c := l.callFor(r)
	if l.Kind == HTTP && l.payload() == "2.0" {
		return httpRequestContext(r, c)
	}
	return restRequestContext(r, c)
}

func restRequestContext(r *http.Request, c call) map[string]any {
	domain := hostOnly(r.Host)
	prefix, _, _ := strings.Cut(domain, ".")
	out := map[string]any{
		"accountId":         c.deployment.AccountID,
		"apiId":             c.deployment.APIID,
		"domainName":        domain,
		"domainPrefix":      prefix,
		"extendedRequestId": c.extended,
		"httpMethod":        r.Method,
		"identity":          restIdentity(r, c),
		"path":              r.URL.EscapedPath(),
		"protocol":          r.Proto,
		"requestId":         c.id,
		"requestTime":       requestTime(c.time),
		"requestTimeEpoch":  c.time.UnixMilli(),
		"resourceId":        resourceID(c.route.Path),
		"resourcePath":      c.route.Path,
		"stage":             c.deployment.Stage,
	}
	if c.authorizer != nil {
		out["authorizer"] = c.authorizer
	}
	return out
}

// restIdentity has null where nothing is known of the caller. An authorizer's
// own findings come on top.
func restIdentity(r *http.Request, c call) map[string]any {
	out := map[string]any{
		"accessKey": nil, "accountId": nil, "caller": nil, "principalOrgId": nil, "user": nil, "userArn": nil,
		"cognitoAuthenticationProvider": nil, "cognitoAuthenticationType": nil,
		"cognitoIdentityId": nil, "cognitoIdentityPoolId": nil,
		"sourceIp": sourceIP(r), "userAgent": nil,
	}
	if agent := r.UserAgent(); agent != "" {
		out["userAgent"] = agent
	}
	if c.route.APIKeyRequired {
		out["apiKey"] = cmp.Or(c.apiKey.Value, r.Header.Get(apiKeyHeader))
		if c.apiKey.ID != "" {
			out["apiKeyId"] = c.apiKey.ID
		}
	}
	maps.Copy(out, c.identity)
	return out
}

func httpRequestContext(r *http.Request, c call) map[string]any {
	domain := hostOnly(r.Host)
	prefix, _, _ := strings.Cut(domain, ".")
	out := map[string]any{
		"accountId":    c.deployment.AccountID,
		"apiId":        c.deployment.APIID,
		"domainName":   domain,
		"domainPrefix": prefix,
		"http": map[string]any{
			"method":    r.Method,
			"path":      r.URL.EscapedPath(),
			"protocol":  r.Proto,
			"sourceIp":  sourceIP(r),
			"userAgent": r.UserAgent(),
		},
		"requestId": c.id,
		"routeKey":  routeKey(c.route),
		"stage":     c.deployment.Stage,
		"time":      requestTime(c.time),
		"timeEpoch": c.time.UnixMilli(),
	}
	if c.authorizer != nil {
		out["authorizer"] = c.authorizer
	}
	return out
}

// routeKey is "GET /items/{id}".
func routeKey(route Route) string {
	return strings.ToUpper(cmp.Or(route.Method, "ANY")) + " " + route.Path
}

// requestTime is in the Common Log Format, as $context.requestTime.
func requestTime(t time.Time) string { return t.UTC().Format("02/Jan/2006:15:04:05 -0700") }

// resourceID is as long as API Gateway's random ids, and always the same for a
// path.
func resourceID(path string) string {
	sum := sha256.Sum256([]byte(path))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:6]
}

func hostOnly(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// contextValue finds $context.a.b; empty when there is none.
func contextValue(context map[string]any, path string) string {
	var value any = context
	for name := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = object[name]
	}
	switch v := value.(type) {
	case nil, map[string]any:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}
