// Package gateway decides as Amazon API Gateway does, and answers as it does:
// whether a request may reach the backend of a route, and with which status,
// body and headers it is turned away.
//
// An [Authorizer] is one of API Gateway's authorizers. It looks at a request
// and returns a [Decision], which carries every reason and not only the one
// that API Gateway admits to: most refusals there read {"message":"Unauthorized"}
// and nothing else. The same Decision serves a command that predicts what the
// cloud would say, the local gateway [API] that says it, and whoever has to
// explain it afterwards.
//
// Beside the authorizers of Cognito's tokens there is [LambdaAuthorizer], whose
// function answers with an IAM [Policy], and there are API keys with their
// usage plans. [RequestContext] is what a backend learns of all that.
//
// The two kinds of API differ wherever they can: REST APIs (API Gateway v1)
// and HTTP APIs (v2) use other texts, header names, route precedence and
// renderings of claims. Texts and headers are those of captured answers.
// What no capture shows is marked UNCONFIRMED where it is decided; in doubt
// this gateway is stricter than the cloud rather than laxer, since what passes
// here should pass there.
package gateway

import (
	"context"
	"net/http"

	"github.com/cogctl/cogctl/internal/jwt"
)

// Kind is the kind of API that a route belongs to.
type Kind string

const (
	REST Kind = "REST" // API Gateway v1; also what the zero Kind means
	HTTP Kind = "HTTP" // API Gateway v2
)

// An Authorizer decides about a request from its headers; it never reads the
// body.
type Authorizer interface {
	Decide(ctx context.Context, r *http.Request) Decision
}

// A Decision is what an authorizer or the gateway itself concluded.
type Decision struct {
	// Allow says that the backend gets the request.
	Allow bool

	// Status and Body are the answer to a refused request, and Message is the
	// text inside Body. Status is 200 in a Decision that allows.
	Status  int
	Message string
	Body    []byte

	// Headers of the answer, under canonical names, so that Get finds them;
	// API writes them in the spelling API Gateway uses. Request ids are not
	// among them.
	Headers http.Header

	// Checks are all reasons for and against, in the order in which they were
	// looked at: "identity_source" (the token was where it belongs), those of
	// jwt.Verify, the authorizer's own "token_use", "audience", "scope" or
	// "configuration", those of a Lambda authorizer ("method_arn", "validation",
	// "function", "answer", "policy", "is_authorized", "cache"), and "api_key".
	Checks []jwt.Check

	// Context is what a backend finds at requestContext.authorizer; nil when
	// the request is refused or the route is open.
	Context map[string]any

	// Identity are members of requestContext.identity of a REST API that the
	// authorizer knows, such as userArn.
	Identity map[string]any

	// What a Lambda authorizer's function answered, also when it led to a
	// refusal: who the caller is, the policy (nil in a simple response), the
	// context as a backend would find it, and whether all that was kept from an
	// earlier request. MethodARN is what the policy was judged by.
	Principal string
	Policy    *Policy
	Returned  map[string]any
	Cached    bool
	MethodARN string

	// UsageKey is the usageIdentifierKey of the answer: an API key, and so a
	// credential.
	UsageKey string `json:"-"`
}

// A Route leads requests to a backend.
type Route struct {
	Name string // for people; not looked at

	// Method is an HTTP method, or ANY (also when empty).
	Method string

	// Path is a pattern like /items/{id}/notes. {id} takes one segment that is
	// not empty, {proxy+} as last segment takes one or more, and the rest is
	// compared after percent-decoding. The backend finds the values with
	// http.Request.PathValue, under "id" and "proxy".
	Path string

	// Kind rules how the gateway answers on this path.
	Kind Kind

	// Authorizer is nil on an open route.
	Authorizer Authorizer

	// APIKeyRequired makes a REST API ask for an API key of one of
	// [API.UsagePlans].
	APIKeyRequired bool

	Backend http.Handler
}

// allowed is the Decision that lets a request through.
func allowed(checks []jwt.Check, context map[string]any) Decision {
	return Decision{Allow: true, Status: http.StatusOK, Checks: checks, Context: context}
}

// passed reports whether no check failed.
func passed(checks []jwt.Check) bool {
	for _, c := range checks {
		if !c.OK {
			return false
		}
	}
	return true
}
