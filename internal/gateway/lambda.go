package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// A Function is the Lambda function of an authorizer: an event in, an answer
// out, both JSON. An error that has a method FunctionError() string means that
// the function itself failed with that message; any other error means that it
// could not be run.
type Function func(ctx context.Context, event []byte) (answer []byte, err error)

// Types of Lambda authorizers. HTTP APIs have the second only.
const (
	TypeToken   = "TOKEN"
	TypeRequest = "REQUEST"
)

// How long an answer is kept: what a REST API does when its authorizer does not
// say, and the most that either kind of API takes. HTTP APIs keep nothing
// unless told to.
const (
	DefaultTTL = 300 * time.Second
	MaxTTL     = 3600 * time.Second
)

// LambdaAuthorizer is a Lambda authorizer: TOKEN or REQUEST of a REST API
// (API Gateway Developer Guide, "Use API Gateway Lambda authorizers"), or the
// one of HTTP APIs ("Control access to HTTP APIs with AWS Lambda authorizers").
// It is safe for concurrent use and must not be copied once used, because it
// keeps answers for [LambdaAuthorizer.TTL].
type LambdaAuthorizer struct {
	Kind Kind

	// Type is TypeToken or TypeRequest; empty means TypeToken for a REST API.
	Type string

	// PayloadVersion is "1.0" or "2.0", for HTTP APIs; empty means "2.0", the
	// console's default.
	PayloadVersion string

	// Simple is enableSimpleResponses of HTTP APIs: {"isAuthorized": true}.
	// With it a policy is no answer.
	Simple bool

	// IdentitySources say where the caller's identity is. REST:
	// method.request.header.NAME, method.request.querystring.NAME,
	// stageVariables.NAME, context.NAME; empty means the Authorization header
	// for TOKEN. HTTP: $request.header.NAME, $request.querystring.NAME,
	// $stageVariables.NAME, $context.NAME. They are the key under which an
	// answer is kept, and a request that lacks one is refused without a call
	// of the function.
	IdentitySources []string

	// Validation is the token validation expression of TOKEN: a regular
	// expression the token must match as a whole, or the function is not
	// called. UNCONFIRMED: that a partial match is not enough.
	Validation string

	// TTL is how long an answer is kept and used for every method of the API;
	// 0 for not at all. See [DefaultTTL].
	TTL time.Duration

	Invoke     Function
	Deployment Deployment

	// StageVariables go into events.
	StageVariables map[string]string

	Now func() time.Time

	kept answers
}

// Decide implements Authorizer. The Decision tells the principal, the policy
// and the context that the function answered with, also when they refuse.
func (l *LambdaAuthorizer) Decide(ctx context.Context, r *http.Request) Decision {
	if problem := l.misconfiguration(); problem != "" {
		return l.broken("Authorizer configuration error", []jwt.Check{misconfigured(problem)})
	}
	arn := l.deployment(r).MethodARN(r.Method, r.URL.EscapedPath())
	if check, tooLong := checkARNLength(arn); tooLong {
		return refuseTooLong([]jwt.Check{check})
	}
	identity, checks := l.identity(r)
	if l.Validation != "" && passed(checks) {
		checks = append(checks, l.validate(identity[0]))
	}
	if !passed(checks) {
		// UNCONFIRMED: that HTTP APIs send no www-authenticate here.
		return l.unauthorized(checks)
	}
	answer, cached, refusal := l.answer(ctx, r, identity)
	if refusal != nil {
		refusal.Checks = append(checks, refusal.Checks...)
		refusal.MethodARN = arn
		return *refusal
	}
	judged := judgement{authorizer: l, answer: answer, cached: cached, arn: arn, request: r}
	d := judged.decide(checks)
	d.MethodARN, d.Principal, d.Policy, d.Returned = arn, answer.principal, answer.policy, answer.context
	d.UsageKey, d.Cached = answer.usageKey, cached
	return d
}

// misconfiguration says why this authorizer could not be deployed.
func (l *LambdaAuthorizer) misconfiguration() string {
	kind := orREST(l.Kind)
	switch {
	case l.Invoke == nil:
		return "the authorizer has no function"
	case l.Now == nil:
		return "the authorizer has no clock"
	case l.TTL < 0 || l.TTL > MaxTTL:
		return fmt.Sprintf("the authorizer keeps answers for %v; from 0 to %v are possible", l.TTL, MaxTTL)
	case kind == HTTP && l.isToken():
		return "the authorizer is of type TOKEN, which HTTP APIs do not have"
	case l.Type != "" && l.Type != TypeToken && l.Type != TypeRequest:
		return fmt.Sprintf("the authorizer is of type %q; there are TOKEN and REQUEST", l.Type)
	case kind == REST && (l.PayloadVersion != "" || l.Simple):
		return "payload versions and simple responses are for HTTP APIs"
	case kind == HTTP && l.payload() != "1.0" && l.payload() != "2.0":
		return fmt.Sprintf("the payload version is %q; there are 1.0 and 2.0", l.PayloadVersion)
	case l.Simple && l.payload() != "2.0":
		return "simple responses need payload version 2.0"
	case l.Validation != "" && !l.isToken():
		return "a token validation expression is for TOKEN authorizers"
	case l.TTL > 0 && len(l.sources()) == 0:
		return "answers are kept by identity source, and the authorizer has none"
	case l.isToken() && len(l.sources()) != 1:
		return "a TOKEN authorizer has one identity source"
	}
	if _, err := wholly(l.Validation); err != nil {
		return fmt.Sprintf("the token validation expression %q is no regular expression: %v", l.Validation, err)
	}
	for _, s := range l.sources() {
		if _, err := parseSource(kind, s); err != nil {
			return err.Error()
		}
	}
	if first, err := parseSource(kind, l.firstSource()); l.isToken() && (err != nil || first.place != inHeader) {
		return "the identity source of a TOKEN authorizer is a header"
	}
	return ""
}

func (l *LambdaAuthorizer) isToken() bool {
	return l.Type == TypeToken || l.Type == "" && orREST(l.Kind) == REST
}

func (l *LambdaAuthorizer) payload() string { return cmp.Or(l.PayloadVersion, "2.0") }

// sources are the identity sources with the default of TOKEN.
func (l *LambdaAuthorizer) sources() []string {
	if len(l.IdentitySources) == 0 && l.isToken() {
		return []string{"method.request.header.Authorization"}
	}
	return l.IdentitySources
}

func (l *LambdaAuthorizer) firstSource() string { return append(slices.Clone(l.sources()), "")[0] }

// deployment is the authorizer's own, or that of the API the request came to.
func (l *LambdaAuthorizer) deployment(r *http.Request) Deployment {
	d := cmp.Or(l.Deployment, callOf(r).deployment)
	if l.Kind == HTTP {
		return d.orDefaultStage()
	}
	return d
}

// identity reads the identity sources. All of them must be there, whether or
// not answers are kept: "runtime validation … verifying all of the
// identity-related request parameters are present, not null and non-empty"
// (API Gateway API Reference, CreateAuthorizer). UNCONFIRMED: for an authorizer
// that keeps nothing but names sources nevertheless.
func (l *LambdaAuthorizer) identity(r *http.Request) (values []string, checks []jwt.Check) {
	if len(l.sources()) == 0 {
		return nil, []jwt.Check{{Name: "identity_source", OK: true, Detail: "the authorizer names no identity source: the function is called for each request"}}
	}
	for _, text := range l.sources() {
		source, err := parseSource(orREST(l.Kind), text)
		value := ""
		if err == nil {
			value = source.read(r, l)
		}
		check := jwt.Check{Name: "identity_source", OK: value != "", Detail: "the request has " + text}
		if !check.OK {
			check.Detail = "the request has no " + text + ", or an empty one: the function is not called"
			check.Code = "identity_missing"
		}
		values, checks = append(values, value), append(checks, check)
	}
	return values, checks
}

func (l *LambdaAuthorizer) validate(token string) jwt.Check {
	check := jwt.Check{Name: "validation"}
	pattern, err := wholly(l.Validation)
	check.OK = err == nil && pattern.MatchString(token)
	check.Detail = fmt.Sprintf("the token matches the validation expression %q", l.Validation)
	if !check.OK {
		check.Detail = fmt.Sprintf("the token does not match the validation expression %q: the function is not called", l.Validation)
		check.Code = "validation_mismatch"
	}
	return check
}

// wholly compiles an expression that has to match a text as a whole.
func wholly(expression string) (*regexp.Regexp, error) {
	// By itself first: a stray parenthesis would close the group, and an error would
	// blame what nobody wrote.
	if _, err := regexp.Compile(expression); err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?:` + expression + `)\z`)
}

// answer is the function's answer to the request or a kept one, or else the
// refusal that comes of having none.
func (l *LambdaAuthorizer) answer(ctx context.Context, r *http.Request, identity []string) (answer lambdaAnswer, cached bool, refusal *Decision) {
	key := keyOf(identity)
	if l.TTL > 0 {
		if answer, ok := l.kept.get(key, l.Now()); ok {
			return answer, true, nil
		}
	}
	event, err := l.Event(r)
	if err != nil {
		d := l.broken("Authorizer configuration error", []jwt.Check{misconfigured(err.Error())})
		return lambdaAnswer{}, false, &d
	}
	start := l.Now()
	data, err := l.Invoke(ctx, event)
	if err != nil {
		d := l.failed(err)
		return lambdaAnswer{}, false, &d
	}
	answer, err = parseAnswer(data, l)
	if err != nil {
		d := l.malformed(err)
		return lambdaAnswer{}, false, &d
	}
	answer.latency, answer.method = l.Now().Sub(start), r.Method+" "+r.URL.EscapedPath()
	if l.TTL > 0 {
		l.kept.put(key, answer, l.Now(), l.TTL)
	}
	return answer, false, nil
}

// failed is the refusal after an error of the function. REST APIs make one
// exception: a function that fails with exactly "Unauthorized" says 401.
// UNCONFIRMED: that HTTP APIs do not.
func (l *LambdaAuthorizer) failed(err error) Decision {
	var raised interface{ FunctionError() string }
	check := jwt.Check{Name: "function", Code: "function_failed"}
	if errors.Is(err, context.DeadlineExceeded) {
		check.Detail, check.Code = "the authorizer's function did not answer in time", "function_timeout"
		return l.broken("", []jwt.Check{check})
	}
	if !errors.As(err, &raised) {
		check.Detail, check.Code = "the authorizer's function could not be run: "+err.Error(), "function_unavailable"
		// UNCONFIRMED: the text for a function that may not be invoked or is
		// not there, against {"message":null}.
		return l.broken("Authorizer configuration error", []jwt.Check{check})
	}
	message := raised.FunctionError()
	if message == "Unauthorized" && orREST(l.Kind) == REST {
		check.Detail, check.Code = `the function failed with "Unauthorized", which API Gateway takes as 401`, "unauthorized"
		return l.unauthorized([]jwt.Check{check})
	}
	check.Detail = "the function failed with " + quoted([]string{message})
	if orREST(l.Kind) == REST {
		check.Detail += `; only exactly "Unauthorized" becomes 401`
	}
	return l.broken("", []jwt.Check{check})
}

// malformed is the refusal of an answer that API Gateway does not understand.
func (l *LambdaAuthorizer) malformed(err error) Decision {
	var context *contextError
	message := ""
	if errors.As(err, &context) {
		message = "Authorizer configuration error"
	}
	return l.broken(message, []jwt.Check{{Name: "answer", Detail: err.Error(), Code: "answer_malformed"}})
}

func (l *LambdaAuthorizer) unauthorized(checks []jwt.Check) Decision {
	if l.Kind == HTTP {
		return refuseHTTP(http.StatusUnauthorized, "Unauthorized", "", checks)
	}
	return refuseREST(http.StatusUnauthorized, "Unauthorized", unauthorizedException, checks)
}

// broken is 500. REST APIs say {"message":null} where the message is empty;
// HTTP APIs have one text for everything.
func (l *LambdaAuthorizer) broken(message string, checks []jwt.Check) Decision {
	if l.Kind == HTTP {
		d := internalError(HTTP)
		d.Checks = checks
		return d
	}
	d := refuseREST(http.StatusInternalServerError, message, authorizerConfiguration, checks)
	if message == "" {
		d.Body = []byte(`{"message":null}`)
	}
	return d
}

// checkARNLength: an ARN of a method may have 1600 bytes ("Quotas for
// configuring and running a REST API").
func checkARNLength(arn string) (check jwt.Check, tooLong bool) {
	const most = 1600
	check = jwt.Check{Name: "method_arn", OK: len(arn) <= most, Detail: fmt.Sprintf("the method ARN has %d bytes", len(arn))}
	if !check.OK {
		check.Detail += fmt.Sprintf("; authorizers take %d", most)
		check.Code = "arn_too_long"
	}
	return check, !check.OK
}

// refuseTooLong is the answer to a path too long for an authorizer.
// UNCONFIRMED: its error type, hence none, and all of it for HTTP APIs.
func refuseTooLong(checks []jwt.Check) Decision {
	return refuseHTTP(http.StatusRequestURITooLong, "Request URI too long", "", checks)
}
