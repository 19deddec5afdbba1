package gateway

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sigv4"
)

// A Principal is who signs with an access key.
type Principal struct {
	Credentials sigv4.Credentials
	Expires     time.Time // zero: never
	AccountID   string    // 12 digits
	ARN         string    // arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION, or of a user
	UserID      string    // AROA…:SESSION, or AIDA…
	Policies    []Policy  // identity-based ones
	Tags        map[string]string

	// Of an identity of an identity pool, empty for others: AuthType is
	// authenticated or unauthenticated, AuthProvider "PROVIDER,PROVIDER:…:SUBJECT",
	// and AMR what its OpenID token says.
	IdentityID, IdentityPoolID, AuthType, AuthProvider string
	AMR                                                []string
}

// IAMAuthorizer is the authorization type AWS_IAM of both kinds of API: the
// request has a Signature Version 4 for the service execute-api, in its header
// or its query, and the signer's policies allow execute-api:Invoke on the
// method. A resource policy of the API is not looked at: within one account an
// identity-based policy is enough ("API Gateway resource policies,
// authorization flow").
//
// A REST API says in AWS's words what is wrong, an HTTP API always
// {"message":"Forbidden"} (from memory: UNCONFIRMED).
type IAMAuthorizer struct {
	Kind Kind

	// Deployment names the methods and the region to sign for. Where it is
	// empty, that of the API counts.
	Deployment Deployment

	// Find knows the signer of an access key id, also one whose session has
	// ended.
	Find func(accessKeyID string) (Principal, bool)

	Now func() time.Time
}

// Codes of the checks of IAMAuthorizer beside those of jwt.
const (
	CodeSignatureMissing    = "signature_missing"
	CodeSignatureIncomplete = "signature_incomplete"
	CodeSignatureMismatch   = "signature_mismatch" // also: too old, or for another scope
	CodeUnknownAccessKey    = "unknown_access_key"
	CodePolicyDenies        = "policy_denies"
)

// Decide implements Authorizer, for a request without a body.
func (a *IAMAuthorizer) Decide(ctx context.Context, r *http.Request) Decision {
	if r.Body != nil && r.Body != http.NoBody {
		return a.misconfigured("the hash of the request body is not known")
	}
	return a.DecidePayload(ctx, r, sigv4.EmptyPayload)
}

// DecidePayload implements PayloadAuthorizer.
func (a *IAMAuthorizer) DecidePayload(_ context.Context, r *http.Request, payloadHash string) Decision {
	if a.Find == nil {
		return a.misconfigured("the authorizer knows no access keys")
	}
	now := clock(a.Now)
	principal, refusal := a.signer(r, payloadHash, now)
	if refusal != nil {
		return a.refuse(refusal.Code, refusal.Message, []jwt.Check{{Name: jwt.CheckSignature, Detail: signatureDetail(refusal), Code: signatureCode(refusal.Code)}})
	}
	checks := []jwt.Check{{Name: jwt.CheckSignature, OK: true, Detail: "Signature Version 4 by " + quoted([]string{principal.ARN})}}
	if !principal.Expires.IsZero() && !now.Before(principal.Expires) {
		checks = append(checks, jwt.Check{Name: jwt.CheckExpiry, Code: jwt.CodeExpired,
			Detail: "the session ended at " + principal.Expires.UTC().Format(time.RFC3339)})
		return a.refuse("ExpiredTokenException", "The security token included in the request is expired", checks)
	}
	arn := a.deployment(r).MethodARN(r.Method, r.URL.EscapedPath())
	evaluation := principal.evaluate(r, ActionInvoke, arn, now)
	check := jwt.Check{Name: "policy", OK: evaluation.Effect == EffectAllow, Detail: evaluation.Reason}
	if !check.OK {
		check.Code = CodePolicyDenies
	}
	if checks = append(checks, check); !check.OK {
		d := a.denied(principal, evaluation.Effect, arn, checks)
		d.MethodARN = arn
		return d
	}
	d := a.allow(principal, checks)
	d.MethodARN = arn
	return d
}

func (a *IAMAuthorizer) deployment(r *http.Request) Deployment {
	d := cmp.Or(a.Deployment, callOf(r).deployment)
	if d.Stage == "" && a.Kind == HTTP {
		d.Stage = "$default"
	}
	return d
}

// signer verifies the signature. The window of five minutes is UNCONFIRMED for
// execute-api; other services have 15.
func (a *IAMAuthorizer) signer(r *http.Request, payloadHash string, now time.Time) (Principal, *sigv4.VerifyError) {
	var found Principal
	v := sigv4.Verifier{Scope: sigv4.Scope{Region: a.deployment(r).Region, Service: "execute-api"}, Window: 5 * time.Minute}
	_, err := v.Verify(r, payloadHash, func(id string) (sigv4.Credentials, bool) {
		p, ok := a.Find(id)
		found = p
		return p.Credentials, ok
	}, now)
	if err == nil {
		return found, nil
	}
	if refusal, ok := errors.AsType[*sigv4.VerifyError](err); ok {
		return Principal{}, refusal
	}
	return Principal{}, &sigv4.VerifyError{Code: sigv4.InvalidSignature, Message: "the signature cannot be verified"}
}

// signatureDetail is the first line of AWS's text: what follows is the canonical
// request, which has whole headers in it.
func signatureDetail(refusal *sigv4.VerifyError) string {
	line, _, _ := strings.Cut(refusal.Message, "\n")
	return quotedLong([]string{line})
}

func signatureCode(code string) string {
	switch code {
	case sigv4.MissingAuthenticationToken:
		return CodeSignatureMissing
	case sigv4.IncompleteSignature:
		return CodeSignatureIncomplete
	case sigv4.UnrecognizedClient:
		return CodeUnknownAccessKey
	}
	return CodeSignatureMismatch
}

// evaluate judges by all policies of the principal: one that denies wins.
func (p Principal) evaluate(r *http.Request, action, resource string, now time.Time) Evaluation {
	values := p.values(r, now)
	result := Evaluation{EffectImplicitDeny, -1, p.ARN + " has no policy"}
	for i, policy := range p.Policies {
		e := policy.EvaluateValues(action, resource, values)
		switch {
		case e.Effect == EffectExplicitDeny:
			return e
		case e.Effect == EffectAllow, i == 0:
			result = e
		}
	}
	return result
}

// Allows says whether the principal may do a thing at all: what services other
// than API Gateway ask.
func (p Principal) Allows(r *http.Request, action, resource string, now time.Time) bool {
	return p.evaluate(r, action, resource, now).Effect == EffectAllow
}

// values are the condition keys and policy variables of a principal.
func (p Principal) values(r *http.Request, now time.Time) map[string][]string {
	values := map[string][]string{
		"aws:PrincipalArn": {roleOf(p.ARN)}, "aws:PrincipalAccount": {p.AccountID}, "aws:userid": {p.UserID},
	}
	for name, value := range conditionKeys(r, now) {
		values[name] = []string{value}
	}
	for name, value := range p.Tags {
		values["aws:PrincipalTag/"+name] = []string{value}
	}
	if p.IdentityID != "" {
		values["cognito-identity.amazonaws.com:sub"] = []string{p.IdentityID}
		values["cognito-identity.amazonaws.com:aud"] = []string{p.IdentityPoolID}
		values["cognito-identity.amazonaws.com:amr"] = slices.Clone(p.AMR)
	}
	return values
}

// roleOf is aws:PrincipalArn: of an assumed role the role's own ARN, without the
// session.
func roleOf(arn string) string {
	head, rest, found := strings.Cut(arn, ":assumed-role/")
	if !found {
		return arn
	}
	role, _, _ := strings.Cut(rest, "/")
	return strings.Replace(head, ":sts:", ":iam:", 1) + ":role/" + role
}

// allow gives a backend what API Gateway tells of a signer.
func (a *IAMAuthorizer) allow(p Principal, checks []jwt.Check) Decision {
	d := allowed(checks, nil)
	if a.Kind == HTTP {
		iam := map[string]any{
			"accessKey": p.Credentials.AccessKeyID, "accountId": p.AccountID, "callerId": p.UserID,
			"cognitoIdentity": nil, "principalOrgId": nil, "userArn": p.ARN, "userId": p.UserID,
		}
		if p.IdentityID != "" {
			iam["cognitoIdentity"] = map[string]any{"amr": p.AMR, "identityId": p.IdentityID, "identityPoolId": p.IdentityPoolID}
		}
		d.Context = map[string]any{"iam": iam}
		return d
	}
	d.Identity = map[string]any{
		"accessKey": p.Credentials.AccessKeyID, "accountId": p.AccountID, "caller": p.UserID, "user": p.UserID, "userArn": p.ARN,
	}
	for name, value := range map[string]string{
		"cognitoIdentityId": p.IdentityID, "cognitoIdentityPoolId": p.IdentityPoolID,
		"cognitoAuthenticationType": p.AuthType, "cognitoAuthenticationProvider": p.AuthProvider,
	} {
		if value != "" {
			d.Identity[name] = value
		}
	}
	return d
}

func (a *IAMAuthorizer) refuse(code, message string, checks []jwt.Check) Decision {
	if a.Kind == HTTP {
		return refuseHTTP(http.StatusForbidden, "Forbidden", "", checks)
	}
	return refuseREST(http.StatusForbidden, message, code, checks)
}

// denied is the refusal of a signed request by policy. Its key is Message, with
// a capital, and the account of the resource is masked but for four digits. The
// text ends there for an implicit deny, as captured; newer captures add "because
// no identity-based policy allows the execute-api:Invoke action".
func (a *IAMAuthorizer) denied(p Principal, effect Effect, arn string, checks []jwt.Check) Decision {
	message := "User: " + p.ARN + " is not authorized to perform: " + ActionInvoke + " on resource: " + masked(arn)
	if effect == EffectExplicitDeny {
		message += " with an explicit deny in an identity-based policy"
	}
	d := a.refuse(accessDenied, message, checks)
	if a.Kind != HTTP {
		d.Body = capitalMessage(message)
	}
	return d
}

// capitalMessage renders {"Message":"…"}.
func capitalMessage(message string) []byte {
	return append([]byte(`{"Message`), messageBody(message)[len(`{"message`):]...)
}

// masked hides the account in an ARN but for its last four digits.
func masked(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && len(parts[4]) > 4 {
		parts[4] = strings.Repeat("*", len(parts[4])-4) + parts[4][len(parts[4])-4:]
	}
	return strings.Join(parts, ":")
}

func (a *IAMAuthorizer) misconfigured(detail string) Decision {
	if a.Kind == HTTP {
		d := internalError(HTTP)
		d.Checks = []jwt.Check{misconfigured(detail)}
		return d
	}
	return refuseREST(http.StatusInternalServerError, "Authorizer configuration error", authorizerConfiguration, []jwt.Check{misconfigured(detail)})
}
