package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// CognitoAuthorizer is the COGNITO_USER_POOLS authorizer of REST APIs
// (API Gateway Developer Guide, "Control access to REST APIs using Amazon
// Cognito user pools as an authorizer").
//
// A method without scopes takes ID tokens only, one with scopes takes access
// tokens that hold at least one of them. API Gateway answers an expired token
// with a text of its own, and everything else, a missing scope included, with
// 401 {"message":"Unauthorized"}.
type CognitoAuthorizer struct {
	Keys    jwt.KeySet // of the user pools
	Issuers []string   // iss of the user pools; a token of any is taken

	// Header is the token source, Authorization when empty.
	Header string

	// Scopes are those of the method.
	Scopes []string

	// Validation is the token validation expression: a regular expression
	// that aud must match as a whole. Access tokens have no aud, so that it
	// refuses them. UNCONFIRMED: that a partial match is not enough.
	Validation string

	Now func() time.Time
}

// Decide implements Authorizer.
func (a CognitoAuthorizer) Decide(ctx context.Context, r *http.Request) Decision {
	token, source := headerSource(r.Header, cmp.Or(a.Header, "Authorization"))
	checks := []jwt.Check{source}
	if token == "" {
		return a.refuse(checks)
	}
	policy := jwt.Policy{Issuers: a.Issuers, Use: "id", Now: clock(a.Now)}
	if len(a.Scopes) > 0 {
		policy.Use, policy.Scopes = "access", a.Scopes
	}
	report := jwt.Verify(ctx, token, a.Keys, policy)
	checks = append(checks, report.Checks...)
	if len(a.Issuers) == 0 {
		checks = append(checks, noIssuer())
	}
	if a.Validation != "" {
		checks = append(checks, a.validate(report.Token.Claims))
	}
	if !passed(checks) {
		return a.refuse(checks)
	}
	return allowed(checks, map[string]any{"claims": restClaims(report.Token.Claims)})
}

// validate applies the token validation expression.
func (a CognitoAuthorizer) validate(claims jwt.Claims) jwt.Check {
	pattern, err := wholly(a.Validation)
	if err != nil {
		return misconfigured(fmt.Sprintf("the token validation expression %q is no regular expression: %v", a.Validation, err))
	}
	if claims == nil {
		return unjudged(jwt.CheckAudience)
	}
	aud := claims.Strings("aud")
	check := jwt.Check{Name: jwt.CheckAudience, OK: slices.ContainsFunc(aud, pattern.MatchString)}
	switch {
	case check.OK:
		check.Detail = fmt.Sprintf("aud matches the token validation expression %q", a.Validation)
		return check
	case len(aud) == 0:
		check.Detail = fmt.Sprintf("the token has no aud to match the token validation expression %q; access tokens never have", a.Validation)
	default:
		check.Detail = fmt.Sprintf("aud is %s, which does not match the token validation expression %q", quoted(aud), a.Validation)
	}
	check.Code = jwt.CodeClientMismatch
	return check
}

// refuse turns failed checks into API Gateway's answer. UNCONFIRMED: whether
// the text about expiry also comes for a token that has more wrong with it, and
// the error type beside it.
func (a CognitoAuthorizer) refuse(checks []jwt.Check) Decision {
	if isMisconfigured(checks) {
		return refuseREST(http.StatusInternalServerError, "Authorizer configuration error", authorizerConfiguration, checks)
	}
	message := "Unauthorized"
	if onlyFailed(checks, jwt.CodeExpired) {
		message = "The incoming token has expired"
	}
	return refuseREST(http.StatusUnauthorized, message, unauthorizedException, checks)
}

// clock is the zero time without a clock, which no token passes.
func clock(now func() time.Time) time.Time {
	if now == nil {
		return time.Time{}
	}
	return now()
}

// noIssuer refuses everything when no issuer was configured: without one, any
// token whose key is in the set would pass.
func noIssuer() jwt.Check { return misconfigured("the authorizer names no issuer") }

// misconfigured is a failed check that is not the caller's fault.
func misconfigured(detail string) jwt.Check {
	return jwt.Check{Name: "configuration", Detail: detail, Code: jwt.CodePolicy}
}

// unjudged is the check on a claim of a token that could not be read.
func unjudged(name string) jwt.Check {
	return jwt.Check{Name: name, Detail: "not judged: the token cannot be read", Code: jwt.CodeUnjudged}
}

func isMisconfigured(checks []jwt.Check) bool {
	return slices.ContainsFunc(checks, func(c jwt.Check) bool { return c.Code == jwt.CodePolicy })
}

// onlyFailed reports whether something failed, and nothing but the code.
func onlyFailed(checks []jwt.Check, code string) bool {
	return !passed(checks) && !slices.ContainsFunc(checks, func(c jwt.Check) bool { return !c.OK && c.Code != code })
}
