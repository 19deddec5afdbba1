package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The table of failures of API Gateway and its neighbours, by number. A row
// that this package does not produce says why.
var otherRows = map[int]string{
	6:  "what AUTHORIZER_FAILURE answers is not known apart from the configuration error of row 5",
	7:  "signatures: the AWS_IAM authorizer's own tests",
	11: "signatures: the AWS_IAM authorizer's own tests",
	12: "signatures: the AWS_IAM authorizer's own tests",
	13: "signatures: the AWS_IAM authorizer's own tests",
	14: "signatures: the AWS_IAM authorizer's own tests",
	15: "signatures: the AWS_IAM authorizer's own tests",
	16: "signatures: the AWS_IAM authorizer's own tests",
	17: "resource policies are not modelled",
	19: "there is one host: no custom domains, base paths or client certificates",
	20: "there is no firewall in front",
	22: "there is no CloudFront in front",
	31: "signatures: the AWS_IAM authorizer's own tests",
	33: "a Lambda function URL, not an API",
	34: "a Lambda function URL, not an API",
	35: "AppSync, not an API of API Gateway",
}

const lastRow = 35

// tableAPI has a route for each way to be refused.
func tableAPI(tb testing.TB) *API {
	tb.Helper()
	keys := poolKeys(tb)
	cognito := CognitoAuthorizer{Keys: keys, Issuers: []string{issuer}, Now: clockAt}
	scoped, validated := cognito, cognito
	scoped.Scopes, validated.Validation = []string{"content/read"}, "another"
	token := JWTAuthorizer{Keys: keys, Issuer: issuer, Audience: []string{clientID}, Now: clockAt}
	scopedToken := token
	scopedToken.Scopes = []string{"content/read", "content/write"}
	lambda := func(invoke Function) *LambdaAuthorizer { return &LambdaAuthorizer{Invoke: invoke, Now: clockAt} }
	simple := func(document string) *LambdaAuthorizer {
		return &LambdaAuthorizer{Kind: HTTP, Simple: true, IdentitySources: []string{"$request.header.Authorization"}, Invoke: answering(document), Now: clockAt}
	}
	allow := answering(policyAnswer("Allow", "GET/lambda", ""))
	checked := lambda(allow)
	checked.Validation = "valid.*"
	wantsKey := func(path string, a Authorizer) Route { return Route{Path: path, Authorizer: a, APIKeyRequired: true} }
	a := &API{
		Deployment: deployment, Now: clockAt, NewRequestID: func() string { return "ID" }, MaxBody: 10,
		UsagePlans: []UsagePlan{
			{Name: "basic", Keys: []APIKey{{Value: "good-key"}, {Value: "off-key", Disabled: true}}},
			{Name: "once", Quota: 1, Keys: []APIKey{{Value: "quota-key"}}},
			{Name: "slow", Rate: 0.001, Keys: []APIKey{{Value: "slow-key"}}},
			{Name: "other", Stages: []string{"v2"}, Keys: []APIKey{{Value: "other-key"}}},
		},
		Routes: []Route{
			{Path: "/cognito", Authorizer: cognito}, {Path: "/scoped", Authorizer: scoped}, {Path: "/validated", Authorizer: validated},
			{Path: "/lambda", Authorizer: lambda(allow)}, {Path: "/lambda/elsewhere", Authorizer: lambda(allow)},
			{Path: "/checked", Authorizer: checked},
			{Path: "/deny", Authorizer: lambda(answering(policyAnswer("Deny", "*", "")))},
			{Path: "/unauthorized", Authorizer: lambda(failing(raised("Unauthorized")))},
			{Path: "/crash", Authorizer: lambda(failing(raised("crash")))},
			{Path: "/malformed", Authorizer: lambda(answering(`{}`))},
			{Path: "/context", Authorizer: lambda(answering(policyAnswer("Allow", "*", `,"context":{"a":{}}`)))},
			{Path: "/forbidden-function", Authorizer: lambda(failing(errors.New("AccessDeniedException")))},
			{Path: "/long/{proxy+}", Authorizer: lambda(allow)},
			wantsKey("/key", nil), wantsKey("/key-and-token", cognito),
			{Path: "/panic", Backend: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") })},
			{Path: "/jwt", Kind: HTTP, Authorizer: token}, {Path: "/jwt-scoped", Kind: HTTP, Authorizer: scopedToken},
			{Path: "/simple-no", Kind: HTTP, Authorizer: simple(`{"isAuthorized":false}`)},
			{Path: "/simple-bad", Kind: HTTP, Authorizer: simple(`{}`)},
		},
	}
	for i := range a.Routes {
		a.Routes[i].Method = "GET"
		if a.Routes[i].Backend == nil {
			a.Routes[i].Backend = text("in")
		}
	}
	return a
}

// failure is a request, and the answer to it byte for byte.
type failure struct {
	row     int
	name    string
	path    string
	headers []string
	status  int
	header  string // the value of x-amzn-ErrorType, or of www-authenticate
	body    string
	kind    Kind
}

// tokens are header lines with the tokens that the table needs.
type tokens struct{ id, access, expired, noScope string }

func newTokens(tb testing.TB) tokens {
	tb.Helper()
	return tokens{
		id: sign(tb, poolKey(), idClaims()), access: sign(tb, poolKey(), accessClaims()),
		expired: changedToken(tb, claims{"exp": now.Unix()}),
		noScope: "Authorization: " + sign(tb, poolKey(), with(accessClaims(), claims{"scope": "openid"})),
	}
}

// changedToken is a header line with an ID token.
func changedToken(tb testing.TB, changes claims) string {
	tb.Helper()
	return "Authorization: Bearer " + sign(tb, poolKey(), with(idClaims(), changes))
}

func restFailures(tb testing.TB, token tokens) []failure {
	tb.Helper()
	var all []failure
	add := func(row int, name, path, header string, status int, errorType, body string) {
		all = append(all, failure{row, name, path, []string{header}, status, errorType, body, REST})
	}
	const deniedType, configType = "AccessDeniedException", "AuthorizerConfigurationException"
	for _, c := range [][3]string{
		{"no header", "/cognito", ""}, {"empty header", "/cognito", "Authorization: "}, {"another header", "/cognito", "X-Token: " + token.id},
		{"not a JWT", "/cognito", "Authorization: opaque"}, {"bad signature", "/cognito", "Authorization: " + token.id[:len(token.id)-6] + "AAAAAA"},
		{"another pool", "/cognito", changedToken(tb, claims{"iss": issuer + "x"})},
		{"access token without scopes", "/cognito", "Authorization: " + token.access}, {"ID token with scopes", "/scoped", "Authorization: " + token.id},
		{"scope not granted", "/scoped", token.noScope}, {"validation mismatch", "/validated", "Authorization: " + token.id},
		{"function's header missing", "/lambda", ""}, {"function's token malformed", "/checked", "Authorization: x"},
		{"function says so", "/unauthorized", "Authorization: x"},
	} {
		add(1, c[0], c[1], c[2], 401, "UnauthorizedException", unauthorizedBody)
	}
	add(2, "expired", "/cognito", token.expired, 401, "UnauthorizedException", expiredBody)
	add(3, "explicit deny", "/deny", "Authorization: x", 403, deniedType, denyBody)
	add(4, "nothing allows", "/lambda/elsewhere", "Authorization: x", 403, deniedType, nothingBody)
	add(5, "function crashed", "/crash", "Authorization: x", 500, configType, nullBody)
	add(5, "malformed answer", "/malformed", "Authorization: x", 500, configType, nullBody)
	add(5, "object in context", "/context", "Authorization: x", 500, configType, configBody)
	add(5, "function not to be called", "/forbidden-function", "Authorization: x", 500, configType, configBody)
	for _, key := range []string{"", "X-Api-Key: unknown", "X-Api-Key: off-key", "X-Api-Key: other-key"} {
		add(18, "key "+key, "/key", key, 403, "ForbiddenException", forbiddenBody)
	}
	add(18, "token, no key", "/key-and-token", "Authorization: "+token.id, 403, "ForbiddenException", forbiddenBody)
	add(21, "quota", "/key", "X-Api-Key: quota-key", 429, "LimitExceededException", limitBody)
	add(21, "throttle", "/key", "X-Api-Key: slow-key", 429, "TooManyRequestsException", tooManyBody)
	add(23, "backend broken", "/panic", "", 500, "InternalServerErrorException", `{"message": "Internal server error"}`)
	add(24, "body too large", "/panic", "Content-Length: 11", 413, "", "HTTP content length exceeded 10 bytes.")
	add(24, "path too long for a policy", "/long/"+strings.Repeat("a", 1600), "Authorization: x", 414, "", `{"message":"Request URI too long"}`)
	return all
}

// unroutedFailures are about a path that no route takes.
func unroutedFailures() []failure {
	const missing = `{"message":"Missing Authentication Token"}`
	const noEquals = `{"message":"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): 'uTem/WB082UJMN2ajD6lH6UChGpTAddMJSx2iu923No='."}`
	const oneWord = `{"message":"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. ` +
		`Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ` +
		`(Hashed with SHA-256 and encoded with Base64) Authorization=LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="}`
	return []failure{
		{8, "no such path", "/nowhere", nil, 403, "MissingAuthenticationTokenException", missing, REST},
		{9, "bearer on no such path", "/nowhere", []string{"Authorization: Bearer x"}, 403, "IncompleteSignatureException", noEquals, REST},
		{10, "one word on no such path", "/nowhere", []string{"Authorization: x"}, 403, "IncompleteSignatureException", oneWord, REST},
		{32, "no such route", "/jwt/nowhere", nil, 404, "", `{"message":"Not Found"}`, HTTP},
	}
}

func jwtFailures(tb testing.TB, token tokens) []failure {
	tb.Helper()
	var all []failure
	add := func(row int, name, path, header, challenge string) {
		status, body := 401, unauthorizedBody
		if row == 30 {
			status, body = 403, forbiddenBody
		}
		all = append(all, failure{row, name, path, []string{header}, status, challenge, body, HTTP})
	}
	const scopes = "content/read content/write"
	add(25, "no token", "/jwt", "", "Bearer")
	add(26, "not a JWT", "/jwt", "Authorization: Bearer opaque", invalid("token contains an invalid number of segments"))
	add(27, "expired", "/jwt-scoped", token.expired, challenge(scopes, "invalid_token", "the token has expired"))
	add(28, "audience", "/jwt", changedToken(tb, claims{"aud": "x"}), invalid("the token does not have a valid audience"))
	add(29, "issuer", "/jwt", changedToken(tb, claims{"iss": issuer + "/"}), invalid("the token does not have a valid issuer"))
	add(29, "iat", "/jwt", changedToken(tb, claims{"iat": now.Unix() + 60}), invalid("the token is used before it was issued"))
	add(29, "algorithm", "/jwt", "Authorization: eyJhbGciOiJIUzI1NiIsImtpZCI6ImEifQ.e30.AAAA", invalid("the token does not have a valid algorithm"))
	add(30, "scope", "/jwt-scoped", token.noScope, challenge(scopes, "insufficient_scope", "the token does not have a valid scope"))
	return all
}

// httpFunctionFailures are those of a function in front of an HTTP API, which
// the table tells in its text only.
func httpFunctionFailures() []failure {
	return []failure{
		{0, "HTTP function, no identity", "/simple-no", nil, 401, "", unauthorizedBody, HTTP},
		{0, "HTTP function says no", "/simple-no", []string{"Authorization: x"}, 403, "", forbiddenBody, HTTP},
		{0, "HTTP function broken", "/simple-bad", []string{"Authorization: x"}, 500, "", brokenBody, HTTP},
	}
}

// TestFailureTable: each row of the table that this package can produce, as it
// is on the wire, and of each other row the reason.
func TestFailureTable(t *testing.T) {
	t.Parallel()
	seen := make(map[int]bool)
	token := newTokens(t)
	all := slices.Concat(restFailures(t, token), unroutedFailures(), jwtFailures(t, token), httpFunctionFailures())
	for _, f := range all {
		seen[f.row] = true
		t.Run(fmt.Sprintf("%d %s", f.row, f.name), func(t *testing.T) {
			a := tableAPI(t)
			if f.path == "/jwt/nowhere" {
				a.Kind = HTTP
			}
			message := "GET " + f.path + " HTTP/1.1\nHost: api.example\nConnection: close\n"
			for _, h := range f.headers {
				if h != "" {
					message += h + "\n"
				}
			}
			srv := serve(t, a)
			if f.row == 21 {
				raw(t, srv, message+"\n") // the first one is within the limits
			}
			status, lines, body := raw(t, srv, message+"\n")
			if !strings.HasPrefix(status, fmt.Sprintf("HTTP/1.1 %d ", f.status)) || body != f.body {
				t.Errorf("%s\n%s\nwant %d\n%s", status, body, f.status, f.body)
			}
			if diff := cmp.Diff(sorted(f.lines()), sorted(normal(lines))); diff != "" {
				t.Error(diff)
			}
		})
	}
	for row := 1; row <= lastRow; row++ {
		if seen[row] == (otherRows[row] != "") {
			t.Errorf("row %d has a case: %v; a reason to have none: %q", row, seen[row], otherRows[row])
		}
	}
}

// lines are all header lines of the answer.
func (f failure) lines() []string {
	lines := []string{"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(f.body))}
	if f.status == 413 {
		lines[0] = "Content-Type: text/plain"
	}
	if f.kind == HTTP {
		lines = append(lines, "apigw-requestid: ID")
		if f.header != "" {
			lines = append(lines, "www-authenticate: "+f.header)
		}
		return lines
	}
	lines = append(lines, "x-amzn-RequestId: ID", "x-amz-apigw-id: EXT")
	if f.header != "" {
		lines = append(lines, "x-amzn-ErrorType: "+f.header)
	}
	return lines
}

// normal replaces the id that is another one each time.
func normal(lines []string) []string {
	for i, line := range lines {
		if extended.MatchString(line) {
			lines[i] = "x-amz-apigw-id: EXT"
		}
	}
	return lines
}
