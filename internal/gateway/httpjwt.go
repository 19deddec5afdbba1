package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// JWTAuthorizer is the JWT authorizer of HTTP APIs (API Gateway Developer Guide,
// "Control access to HTTP APIs with JWT authorizers").
//
// It knows nothing of Cognito: token_use is not looked at, so that an ID token
// passes wherever its aud is listed and the route has no scopes.
type JWTAuthorizer struct {
	Keys jwt.KeySet

	// IdentitySource is where the token is: $request.header.NAME or
	// $request.querystring.NAME; empty means $request.header.Authorization.
	IdentitySource string

	// Issuer is compared with iss byte for byte; a trailing slash matters.
	Issuer string

	// Audience lists what aud may be. client_id is compared only in a token
	// without aud, such as Cognito's access tokens.
	Audience []string

	// Scopes are those of the route: one of them must be in scope or scp.
	Scopes []string

	Now func() time.Time
}

// Decide implements Authorizer.
func (a JWTAuthorizer) Decide(ctx context.Context, r *http.Request) Decision {
	token, source := a.token(r)
	checks := []jwt.Check{source}
	if isMisconfigured(checks) {
		return a.refuse("", checks)
	}
	if token == "" {
		// A bare challenge, as long as nothing was presented.
		return refuseHTTP(http.StatusUnauthorized, "Unauthorized", "Bearer", checks)
	}
	policy := jwt.Policy{
		// "Currently, only RSA-based algorithms are supported" (Developer Guide).
		Algorithms: []string{"RS256", "RS384", "RS512"},
		Now:        clock(a.Now),
	}
	if a.Issuer != "" {
		policy.Issuers = []string{a.Issuer}
	}
	report := jwt.Verify(ctx, token, a.Keys, policy)
	for _, c := range report.Checks {
		if c.Name != jwt.CheckTokenUse {
			checks = append(checks, c)
		}
	}
	if a.Issuer == "" {
		checks = append(checks, noIssuer())
	}
	claims := report.Token.Claims
	checks = append(checks, a.checkAudience(claims))
	var scopes any // null in the event on a route without scopes
	if len(a.Scopes) > 0 {
		check, shared := a.checkScope(claims)
		checks = append(checks, check)
		// UNCONFIRMED: that these are the scopes that route and token share.
		scopes = shared
	}
	if !passed(checks) {
		return a.refuse(token, checks)
	}
	return allowed(checks, map[string]any{
		"jwt": map[string]any{"claims": httpClaims(claims), "scopes": scopes},
	})
}

// token takes the token from the identity source.
func (a JWTAuthorizer) token(r *http.Request) (string, jwt.Check) {
	from, err := parseSource(HTTP, cmp.Or(a.IdentitySource, "$request.header.Authorization"))
	switch {
	case err != nil:
		return "", misconfigured(err.Error())
	case from.place == inHeader:
		return headerSource(r.Header, from.name)
	case from.place == inQuery:
		return tokenIn(r.URL.Query()[from.name], from.name+" query parameter")
	}
	return "", misconfigured("the identity source of a JWT authorizer is a header or a query parameter, not " + quoted([]string{a.IdentitySource}))
}

func (a JWTAuthorizer) checkAudience(claims jwt.Claims) jwt.Check {
	if claims == nil {
		return unjudged(jwt.CheckAudience)
	}
	name := "aud"
	if _, present := claims[name]; !present {
		name = "client_id"
	}
	has := claims.Strings(name)
	check := jwt.Check{Name: jwt.CheckAudience}
	check.OK = slices.ContainsFunc(has, func(s string) bool { return slices.Contains(a.Audience, s) })
	switch {
	case check.OK:
		check.Detail = name + " is " + quoted(has)
		return check
	case len(has) == 0:
		check.Detail = "the token has no aud and no client_id that is text"
	default:
		check.Detail = name + " is " + quoted(has)
	}
	check.Detail += "; the authorizer's audience is " + quoted(a.Audience)
	check.Code = jwt.CodeClientMismatch
	return check
}

// checkScope asks for at least one of the route's scopes, and returns those
// the token has.
func (a JWTAuthorizer) checkScope(claims jwt.Claims) (check jwt.Check, shared []string) {
	if claims == nil {
		return unjudged(jwt.CheckScope), nil
	}
	granted := grantedScopes(claims, "scope", "scp")
	for _, s := range a.Scopes {
		if slices.Contains(granted, s) {
			shared = append(shared, s)
		}
	}
	check = jwt.Check{Name: jwt.CheckScope, OK: len(shared) > 0}
	if check.OK {
		check.Detail = "the token has " + quoted(shared)
		return check, shared
	}
	check.Detail = "the token's scope and scp hold " + quoted(granted) + "; the route takes any of " + quoted(a.Scopes)
	check.Code = jwt.CodeScopeMismatch
	return check, nil
}

// grantedScopes are the scopes in the named claims: a string with spaces
// (RFC 6749, section 3.3), or an array as some issuers write scp.
func grantedScopes(claims jwt.Claims, names ...string) []string {
	var scopes []string
	for _, name := range names {
		for _, s := range claims.Strings(name) {
			scopes = append(scopes, strings.Fields(s)...)
		}
	}
	return scopes
}

// refuse turns failed checks into API Gateway's answer. A valid token without
// the scope is 403, all else 401.
func (a JWTAuthorizer) refuse(token string, checks []jwt.Check) Decision {
	if isMisconfigured(checks) {
		d := internalError(HTTP)
		d.Checks = checks
		return d
	}
	if onlyFailed(checks, jwt.CodeScopeMismatch) {
		// UNCONFIRMED: the challenge beside the 403; error is that of RFC 6750,
		// section 3.1.
		return refuseHTTP(http.StatusForbidden, "Forbidden",
			a.challenge("insufficient_scope", "the token does not have a valid scope"), checks)
	}
	return refuseHTTP(http.StatusUnauthorized, "Unauthorized",
		a.challenge("invalid_token", describe(token, checks)), checks)
}

func (a JWTAuthorizer) challenge(code, description string) string {
	return fmt.Sprintf(`Bearer scope="%s" error="%s" error_description="%s"`, strings.Join(a.Scopes, " "), code, description)
}

// describe is the error_description for the failed check that API Gateway
// comes upon first. Segments, expiry and audience are from captured answers,
// the JWKS text from access logs. UNCONFIRMED: all others, written after the
// pattern of these, and the order.
func describe(token string, checks []jwt.Check) string {
	if strings.Count(token, ".") != 2 {
		return "token contains an invalid number of segments"
	}
	if slices.ContainsFunc(checks, func(c jwt.Check) bool { return c.Code == jwt.CodeKeysUnavailable }) {
		return "JWKS communication error"
	}
	for _, d := range [...]struct{ check, text string }{
		{jwt.CheckForm, "the token is malformed"},
		{jwt.CheckAlgorithm, "the token does not have a valid algorithm"},
		{jwt.CheckKeyID, "the token does not have a valid key id"},
		{jwt.CheckSignature, "the token does not have a valid signature"},
		{jwt.CheckExpiry, "the token has expired"},
		{jwt.CheckNotBefore, "the token is not valid yet"},
		{jwt.CheckIssuedAt, "the token is used before it was issued"},
		{jwt.CheckIssuer, "the token does not have a valid issuer"},
		{jwt.CheckAudience, "the token does not have a valid audience"},
	} {
		if slices.ContainsFunc(checks, func(c jwt.Check) bool { return c.Name == d.check && !c.OK }) {
			return d.text
		}
	}
	return "the token is not valid"
}
