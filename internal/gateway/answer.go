package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// MaxAnswer is the most bytes an authorizer's function may answer with, what a
// Lambda function can (6 MB, "Lambda quotas").
const MaxAnswer = 6 << 20

// maxResource is the length of a Resource in a policy that an authorizer
// returns ("Output from an API Gateway Lambda authorizer").
const maxResource = 512

// lambdaAnswer is what a function answered, and what is kept of it.
type lambdaAnswer struct {
	simple     bool
	authorized bool // of a simple response
	principal  string
	policy     *Policy        // nil in a simple response
	context    map[string]any // as a backend finds it; nil when there is none
	usageKey   string

	method  string // the request that the function was called for: "GET /a"
	latency time.Duration
}

// contextError is a fault in the context of an answer, for which REST APIs have
// another message than for all other faults.
type contextError struct{ reason string }

func (e *contextError) Error() string { return e.reason }

// parseAnswer reads the answer of a function. Members beyond the known are
// passed over: functions log what they want there.
func parseAnswer(data []byte, l *LambdaAuthorizer) (lambdaAnswer, error) {
	value, err := decodeStrict(data, MaxAnswer)
	if err != nil {
		return lambdaAnswer{}, fmt.Errorf("the function's answer %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return lambdaAnswer{}, fmt.Errorf("the function's answer is %s, want an object", kindOf(value))
	}
	a := lambdaAnswer{simple: l.Simple}
	if l.Simple {
		if a.authorized, ok = object["isAuthorized"].(bool); !ok {
			return lambdaAnswer{}, errors.New("the function's answer has no isAuthorized that is true or false; the authorizer takes simple responses, and no policy")
		}
	} else if err := a.readPolicy(object); err != nil {
		return lambdaAnswer{}, err
	}
	if a.context, err = readContext(orREST(l.Kind), object["context"]); err != nil {
		return lambdaAnswer{}, err
	}
	return a, nil
}

func (a *lambdaAnswer) readPolicy(object map[string]any) error {
	var ok bool
	if a.principal, ok = object["principalId"].(string); !ok || a.principal == "" {
		reason := "the function's answer has no principalId that is text"
		if _, simple := object["isAuthorized"]; simple {
			reason += "; isAuthorized is for HTTP APIs whose authorizer takes simple responses"
		}
		return errors.New(reason)
	}
	document, has := object["policyDocument"]
	if !has {
		return errors.New("the function's answer has no policyDocument")
	}
	policy, err := policyOf(document)
	if err != nil {
		return fmt.Errorf("the function's policyDocument: %w", err)
	}
	for i, s := range policy.statements {
		for _, r := range s.resources {
			// UNCONFIRMED: that a longer one spoils the whole answer.
			if len(r.source) > maxResource {
				return fmt.Errorf("the function's policyDocument: statement %d has a resource of %d characters; API Gateway takes %d", i+1, len(r.source), maxResource)
			}
		}
	}
	a.policy = &policy
	switch key := object["usageIdentifierKey"].(type) {
	case nil:
	case string:
		a.usageKey = key
	default:
		return fmt.Errorf("the function's usageIdentifierKey is %s, want text", kindOf(key))
	}
	return nil
}

// readContext renders the context of an answer as the backend finds it. REST
// APIs take text, numbers and booleans only and make text of them. HTTP APIs
// take any JSON. UNCONFIRMED: null as a value in a REST API's, refused here,
// and how the cloud writes numbers such as 1.50, written as received here.
func readContext(kind Kind, value any) (map[string]any, error) {
	if value == nil {
		return nil, nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, &contextError{"the function's context is " + kindOf(value) + ", want an object"}
	}
	if kind == HTTP {
		return object, nil
	}
	rendered := make(map[string]any, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch v := object[name].(type) {
		case string:
			rendered[name] = v
		case json.Number:
			rendered[name] = v.String()
		case bool:
			rendered[name] = strconv.FormatBool(v)
		default:
			return nil, &contextError{fmt.Sprintf("%s in the function's context is %s; a REST API takes text, numbers and booleans there", quoted([]string{name}), kindOf(v))}
		}
	}
	return rendered, nil
}

// judgement is an answer about to be applied to a request.
type judgement struct {
	authorizer *LambdaAuthorizer
	answer     lambdaAnswer
	cached     bool
	arn        string
	request    *http.Request
}

func (j judgement) decide(checks []jwt.Check) Decision {
	checks = append(checks, j.origin())
	if j.answer.simple {
		return j.simple(checks)
	}
	found := j.answer.policy.Evaluate(ActionInvoke, j.arn, conditionKeys(j.request, j.authorizer.Now()))
	check := jwt.Check{Name: "policy", OK: found.Effect == EffectAllow, Detail: found.Reason}
	if !check.OK {
		check.Code = "denied_implicitly"
		if found.Effect == EffectExplicitDeny {
			check.Code = "denied_explicitly"
		}
		check.Detail += j.staleness(found.Effect)
	}
	checks = append(checks, check)
	if check.OK {
		return allowed(append(checks, j.reach()...), j.backendContext())
	}
	if j.authorizer.Kind == HTTP {
		return refuseHTTP(http.StatusForbidden, "Forbidden", "", checks)
	}
	return refuseByPolicy(found.Effect, checks)
}

// origin says where the answer comes from.
func (j judgement) origin() jwt.Check {
	ttl := j.authorizer.TTL
	check := jwt.Check{Name: "function", OK: true, Detail: "the function answered"}
	switch {
	case j.cached:
		check.Detail = "the function was not called: its answer to " + j.answer.method + " is still kept for this identity source"
	case ttl > 0:
		check.Detail += fmt.Sprintf("; the answer is kept for %v and used for every method of the API", ttl)
	}
	return check
}

// staleness names the trap of kept answers: a policy that was made for one
// method is applied to all.
func (j judgement) staleness(effect Effect) string {
	if !j.cached || j.answer.method == j.this() {
		return ""
	}
	if effect == EffectImplicitDeny {
		return "; the cached policy of " + j.answer.method + " does not cover " + j.this() + ": return a policy for the whole API, or keep no answers (TTL 0)"
	}
	return "; the policy is the cached one of " + j.answer.method
}

func (j judgement) this() string { return j.request.Method + " " + j.request.URL.EscapedPath() }

// reach warns, while all is well, of a kept policy that will refuse other
// methods. The method and path that it is tried on exist in no API.
func (j judgement) reach() []jwt.Check {
	if j.authorizer.TTL == 0 {
		return nil
	}
	elsewhere := j.authorizer.deployment(j.request).MethodARN("PROBE", "/any/other/path")
	keys := conditionKeys(j.request, j.authorizer.Now())
	if j.answer.policy.Evaluate(ActionInvoke, elsewhere, keys).Effect == EffectAllow {
		return nil
	}
	return []jwt.Check{{Name: "cache", OK: true, Detail: fmt.Sprintf(
		"beware: the policy does not cover every method, yet for %v it is used for all of them: the same caller may get 403 elsewhere", j.authorizer.TTL)}}
}

func (j judgement) simple(checks []jwt.Check) Decision {
	check := jwt.Check{Name: "is_authorized", OK: j.answer.authorized, Detail: "isAuthorized is true"}
	if !check.OK {
		check.Detail, check.Code = "isAuthorized is false", "not_authorized"
		return refuseHTTP(http.StatusForbidden, "Forbidden", "", append(checks, check))
	}
	return allowed(append(checks, check), j.backendContext())
}

// backendContext is requestContext.authorizer: the function's context beside
// its principal in a REST API, below "lambda" in an HTTP API, where an answer
// without context leaves null. UNCONFIRMED: which wins when a REST context has a
// principalId of its own; here the principal does.
func (j judgement) backendContext() map[string]any {
	if j.authorizer.Kind == HTTP {
		var inner any
		if j.answer.context != nil {
			inner = j.answer.context
		}
		return map[string]any{"lambda": inner}
	}
	out := maps.Clone(j.answer.context)
	if out == nil {
		out = make(map[string]any)
	}
	out["principalId"] = j.answer.principal
	latency := j.answer.latency.Milliseconds()
	if j.cached {
		latency = 0
	}
	out["integrationLatency"] = latency
	return out
}

// conditionKeys are the values for conditions in a policy that an authorizer
// returns. Requests come to API Gateway by TLS only. UNCONFIRMED: which keys it
// has there beside aws:SourceIp.
func conditionKeys(r *http.Request, now time.Time) map[string]string {
	keys := map[string]string{
		"aws:SourceIp":        sourceIP(r),
		"aws:CurrentTime":     now.UTC().Format(time.RFC3339),
		"aws:EpochTime":       strconv.FormatInt(now.Unix(), 10),
		"aws:SecureTransport": "true",
	}
	for name, value := range map[string]string{"aws:UserAgent": r.UserAgent(), "aws:Referer": r.Referer()} {
		if value != "" {
			keys[name] = value
		}
	}
	return keys
}

// sourceIP is the address the request came from. X-Forwarded-For is not looked
// at: anybody can write it.
func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
