package gateway

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

const arnBase = "arn:aws:execute-api:us-east-1:123456789012:abc123/v1/"

func mustPolicy(tb testing.TB, document string) Policy {
	tb.Helper()
	p, err := ParsePolicy([]byte(document))
	if err != nil {
		tb.Fatalf("%s: %v", document, err)
	}
	return p
}

// oneStatement is a policy of one statement with the given members beside
// Effect and Action.
func oneStatement(effect, members string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"execute-api:Invoke",` + members + `}]}`
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	allow := func(action, resource string) string {
		return `{"Effect":"Allow","Action":` + action + `,"Resource":` + resource + `}`
	}
	deny := func(resource string) string {
		return `{"Effect":"Deny","Action":"*","Resource":` + resource + `}`
	}
	policy := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	for _, tt := range []struct {
		name, document, path string
		want                 Effect
		statement            int
	}{
		{"everything", policy(allow(`"*"`, `"*"`)), "GET/a", EffectAllow, 0},
		{"statement that is an object", `{"Statement":` + allow(`"*"`, `"*"`) + `}`, "GET/a", EffectAllow, 0},
		{"no statement", policy(), "GET/a", EffectImplicitDeny, -1},
		{"this method", policy(allow(`"execute-api:Invoke"`, `"`+arnBase+`GET/a"`)), "GET/a", EffectAllow, 0},
		{"another method", policy(allow(`"execute-api:Invoke"`, `"`+arnBase+`GET/a"`)), "POST/a", EffectImplicitDeny, -1},
		{"path in another case", policy(allow(`"execute-api:Invoke"`, `"`+arnBase+`GET/A"`)), "GET/a", EffectImplicitDeny, -1},
		{"action in another case", policy(allow(`"EXECUTE-API:invoke"`, `"*"`)), "GET/a", EffectAllow, 0},
		{"actions", policy(allow(`["s3:*","execute-api:Inv?ke"]`, `"*"`)), "GET/a", EffectAllow, 0},
		{"another action", policy(allow(`"execute-api:ManageConnections"`, `"*"`)), "GET/a", EffectImplicitDeny, -1},
		{"a longer action", policy(allow(`"execute-api:Invoke2"`, `"*"`)), "GET/a", EffectImplicitDeny, -1},
		{"an action of another service", policy(allow(`"lambda:*"`, `"*"`)), "GET/a", EffectImplicitDeny, -1},
		{"resources", policy(allow(`"*"`, `["`+arnBase+`GET/x","`+arnBase+`GET/a"]`)), "GET/a", EffectAllow, 0},
		{"star over slashes", policy(allow(`"*"`, `"`+arnBase+`*/c"`)), "GET/a/b/c", EffectAllow, 0},
		{"star in the middle", policy(allow(`"*"`, `"arn:aws:execute-api:*:*:*/*/GET/a*"`)), "GET/a/b", EffectAllow, 0},
		{"star for nothing", policy(allow(`"*"`, `"`+arnBase+`GET/a*"`)), "GET/a", EffectAllow, 0},
		{"question mark", policy(allow(`"*"`, `"`+arnBase+`GET/?"`)), "GET/a", EffectAllow, 0},
		{"question mark is one character", policy(allow(`"*"`, `"`+arnBase+`GET/?"`)), "GET/ab", EffectImplicitDeny, -1},
		{"question mark is not none", policy(allow(`"*"`, `"`+arnBase+`GET/a?"`)), "GET/a", EffectImplicitDeny, -1},
		{"an ARN cut short is completed", policy(allow(`"*"`, `"arn:aws:execute-api:us-east-1"`)), "GET/a", EffectAllow, 0},
		{"an ARN that ends in a star", policy(allow(`"*"`, `"arn:aws:execute-api:*"`)), "GET/a", EffectAllow, 0},
		{"an ARN without its API", policy(allow(`"*"`, `"arn:aws:execute-api:us-east-1:*/v1/GET/a"`)), "GET/a", EffectImplicitDeny, -1},
		{"star stays inside its field", policy(allow(`"*"`, `"arn:aws:execute-api:us-*12:abc123/v1/GET/a:b"`)), "GET/a:b", EffectImplicitDeny, -1},
		{"star at the end of its field goes on", policy(allow(`"*"`, `"arn:aws:execute-api:us-*:abc123/v1/GET/a:b"`)), "GET/a:b", EffectAllow, 0},
		{"question mark stays inside its field", policy(allow(`"*"`, `"arn:aws:execute-api:us-east-1?123456789012:abc123/v1/GET/a:b"`)), "GET/a:b", EffectImplicitDeny, -1},
		{"the first of two", policy(deny(`"`+arnBase+`GET/b"`), allow(`"*"`, `"*"`), allow(`"*"`, `"*"`)), "GET/a", EffectAllow, 1},
		{"another region", policy(allow(`"*"`, `"arn:aws:execute-api:eu-west-1:*:*"`)), "GET/a", EffectImplicitDeny, -1},
		{"a colon in the path", policy(allow(`"*"`, `"`+arnBase+`GET/*b"`)), "GET/a:b", EffectAllow, 0},

		{"deny wins", policy(allow(`"*"`, `"*"`), deny(`"*"`)), "GET/a", EffectExplicitDeny, 1},
		{"deny wins, first", policy(deny(`"*"`), allow(`"*"`, `"*"`)), "GET/a", EffectExplicitDeny, 0},
		{"deny of another path", policy(deny(`"`+arnBase+`GET/b"`), allow(`"*"`, `"*"`)), "GET/a", EffectAllow, 1},
		{"deny alone of another path", policy(deny(`"` + arnBase + `GET/b"`)), "GET/a", EffectImplicitDeny, -1},

		{"NotAction", policy(`{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}`), "GET/a", EffectAllow, 0},
		{"NotAction names it", policy(`{"Effect":"Allow","NotAction":["s3:*","execute-api:*"],"Resource":"*"}`), "GET/a", EffectImplicitDeny, -1},
		{"NotResource", policy(`{"Effect":"Allow","Action":"*","NotResource":"` + arnBase + `GET/admin*"}`), "GET/a", EffectAllow, 0},
		{"NotResource names it", policy(`{"Effect":"Allow","Action":"*","NotResource":"` + arnBase + `GET/admin*"}`), "GET/admin/x", EffectImplicitDeny, -1},
		{"deny by NotResource", policy(allow(`"*"`, `"*"`), `{"Effect":"Deny","Action":"*","NotResource":"`+arnBase+`GET/a"}`), "GET/b", EffectExplicitDeny, 1},
		{"deny by NotResource spares it", policy(allow(`"*"`, `"*"`), `{"Effect":"Deny","Action":"*","NotResource":"`+arnBase+`GET/a"}`), "GET/a", EffectAllow, 0},

		{"variable", policy(allow(`"*"`, `"`+arnBase+`GET/${aws:PrincipalTag/Team}"`)), "GET/red", EffectAllow, 0},
		{"variable in another case", policy(allow(`"*"`, `"`+arnBase+`GET/${AWS:principaltag/TEAM}"`)), "GET/red", EffectAllow, 0},
		{"variable of another value", policy(allow(`"*"`, `"`+arnBase+`GET/${aws:PrincipalTag/Team}"`)), "GET/blue", EffectImplicitDeny, -1},
		{"variable without value", policy(allow(`"*"`, `"`+arnBase+`GET/${aws:PrincipalTag/none}"`)), "GET/", EffectImplicitDeny, -1},
		{"variable with default", policy(allow(`"*"`, `"`+arnBase+`GET/${aws:PrincipalTag/none, 'blue'}"`)), "GET/blue", EffectAllow, 0},
		{"a star in a value is a star", policy(allow(`"*"`, `"`+arnBase+`GET/${aws:PrincipalTag/wild}"`)), "GET/blue", EffectImplicitDeny, -1},
		{"a star in a value meets itself", policy(allow(`"*"`, `"`+arnBase+`GET/${aws:PrincipalTag/wild}"`)), "GET/*", EffectAllow, 0},
		{"escaped star", policy(allow(`"*"`, `"`+arnBase+`GET/${*}"`)), "GET/a", EffectImplicitDeny, -1},
		{"escaped star meets itself", policy(allow(`"*"`, `"`+arnBase+`GET/${*}${?}${$}"`)), "GET/*?$", EffectAllow, 0},
		{"of 2008 variables are text", `{"Version":"2008-10-17","Statement":` + allow(`"*"`, `"`+arnBase+`GET/${nonsense}"`) + `}`, "GET/${nonsense}", EffectAllow, 0},
		{"without version variables are text", `{"Statement":` + allow(`"*"`, `"`+arnBase+`GET/${aws:PrincipalTag/Team}"`) + `}`, "GET/red", EffectImplicitDeny, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := mustPolicy(t, tt.document).Evaluate(ActionInvoke, arnBase+tt.path, map[string]string{
				"aws:PrincipalTag/team": "red", "aws:PrincipalTag/wild": "*",
			})
			if got.Effect != tt.want || got.Statement != tt.statement {
				t.Errorf("%s by statement %d (%s), want %s by %d", got.Effect, got.Statement, got.Reason, tt.want, tt.statement)
			}
		})
	}
}

// TestReasons: a reason names the statement that decided, or why those that
// allow something do not.
func TestReasons(t *testing.T) {
	t.Parallel()
	p := mustPolicy(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"Read","Effect":"Allow","Action":"execute-api:Invoke","Resource":"`+arnBase+`GET/*"},
		{"Effect":"Deny","NotAction":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}},
		{"Effect":"Allow","Action":"s3:*","Resource":"*"},
		{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}]}`)
	for _, tt := range []struct{ path, secure, want string }{
		{"GET/a", "true", `statement 1 of 4 ("Read") allows Action "execute-api:Invoke" on Resource "` + arnBase + `GET/*"`},
		{"GET/a", "false", `statement 2 of 4 denies NotAction "s3:*" on Resource "*", its Condition being met`},
		{"POST/a", "true", `no statement allows execute-api:Invoke on "` + arnBase + `POST/a": ` +
			`statement 1 of 4 ("Read") does not cover the resource: its Resource is "` + arnBase + `GET/*"; ` +
			`statement 3 of 4 is not about the action: its Action is "s3:*"; ` +
			`statement 4 of 4 does not apply: its condition StringEquals on "aws:PrincipalTag/team" is not met`},
	} {
		got := p.Evaluate(ActionInvoke, arnBase+tt.path, map[string]string{"aws:SecureTransport": tt.secure})
		if got.Reason != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.path, got.Reason, tt.want)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	context := map[string][]string{
		"aws:SourceIp":        {"192.0.2.7"},
		"aws:CurrentTime":     {"2026-06-15T05:00:00Z"},
		"aws:EpochTime":       {"1781499600"},
		"aws:SecureTransport": {"true"},
		"aws:PrincipalArn":    {"arn:aws:iam::123456789012:role/app/reader"},
		"aws:username":        {"ann"},
		"n":                   {"7"},
		"amr":                 {"authenticated", "pool", "pool:sub"},
		"none":                {},
	}
	for _, tt := range []struct {
		operator, key, value string
		want                 bool
	}{
		{"StringEquals", "aws:username", `"ann"`, true},
		{"StringEquals", "AWS:USERNAME", `"ann"`, true},
		{"StringEquals", "aws:username", `"Ann"`, false},
		{"StringEquals", "aws:username", `"a*"`, false},
		{"StringEquals", "aws:username", `["bob","ann"]`, true},
		{"StringEquals", "aws:username", `"${aws:username}"`, true},
		{"StringEquals", "aws:username", `"${aws:userid}"`, false},
		{"StringEquals", "n", `7`, true},
		{"StringEquals", "aws:userid", `"ann"`, false},
		{"StringEqualsIfExists", "aws:userid", `"ann"`, true},
		{"StringEqualsIfExists", "aws:username", `"bob"`, false},
		{"StringNotEquals", "aws:username", `"bob"`, true},
		{"StringNotEquals", "aws:username", `["bob","ann"]`, false},
		{"StringNotEquals", "aws:userid", `"ann"`, true},
		{"StringEqualsIgnoreCase", "aws:username", `"ANN"`, true},
		{"StringNotEqualsIgnoreCase", "aws:username", `"ANN"`, false},
		{"StringLike", "aws:username", `"a?n"`, true},
		{"StringLike", "aws:username", `"a?"`, false},
		{"StringLike", "aws:username", `"${*}"`, false},
		{"StringNotLike", "aws:username", `"a*"`, false},
		{"NumericEquals", "n", `"7.0"`, true},
		{"NumericNotEquals", "n", `7`, false},
		{"NumericLessThan", "n", `7`, false},
		{"NumericLessThan", "n", `8`, true},
		{"NumericLessThanEquals", "n", `7`, true},
		{"NumericGreaterThan", "n", `6.5`, true},
		{"NumericGreaterThan", "n", `7`, false},
		{"NumericGreaterThanEquals", "n", `7`, true},
		{"NumericLessThan", "aws:username", `7`, false},
		{"DateLessThan", "aws:CurrentTime", `"2026-06-15T05:00:01Z"`, true},
		{"DateLessThan", "aws:CurrentTime", `"2026-06-15T05:00:00Z"`, false},
		{"DateGreaterThanEquals", "aws:CurrentTime", `"2026-06-15T07:00:00+02:00"`, true},
		{"DateGreaterThan", "aws:CurrentTime", `"2026-06-15"`, true},
		{"DateGreaterThan", "aws:EpochTime", `1781499599`, true},
		{"DateEquals", "aws:EpochTime", `"2026-06-15T05:00Z"`, true},
		{"DateNotEquals", "aws:EpochTime", `"2026"`, true},
		{"Bool", "aws:SecureTransport", `true`, true},
		{"Bool", "aws:SecureTransport", `"False"`, false},
		{"BoolIfExists", "aws:MultiFactorAuthPresent", `true`, true},
		{"IpAddress", "aws:SourceIp", `"192.0.2.0/24"`, true},
		{"IpAddress", "aws:SourceIp", `"192.0.2.7"`, true},
		{"IpAddress", "aws:SourceIp", `["2001:db8::/32","198.51.100.0/24"]`, false},
		{"NotIpAddress", "aws:SourceIp", `"192.0.2.0/24"`, false},
		{"NotIpAddress", "aws:SourceIp", `"198.51.100.0/24"`, true},
		{"ArnLike", "aws:PrincipalArn", `"arn:aws:iam::*:role/*"`, true},
		{"ArnEquals", "aws:PrincipalArn", `"arn:aws:iam::*:role/*"`, true},
		{"ArnNotLike", "aws:PrincipalArn", `"arn:aws:iam::*:role/*"`, false},
		{"ArnNotEquals", "aws:PrincipalArn", `"arn:aws:iam::*:user/*"`, true},
		{"Null", "aws:userid", `true`, true},
		{"Null", "aws:username", `"true"`, false},
		{"Null", "aws:username", `false`, true},
		{"Null", "none", `true`, true},
		{"ForAnyValue:StringLike", "amr", `"auth*"`, true},
		{"ForAnyValue:StringEquals", "amr", `["other","pool"]`, true},
		{"ForAnyValue:StringEquals", "amr", `"other"`, false},
		{"ForAnyValue:StringEquals", "none", `"other"`, false},
		{"ForAnyValue:StringNotEquals", "amr", `"pool"`, true},
		{"ForAnyValue:StringNotEquals", "amr", `["pool","authenticated","pool:sub"]`, false},
		{"ForAllValues:StringEquals", "amr", `["pool","authenticated","pool:sub","x"]`, true},
		{"ForAllValues:StringEquals", "amr", `["pool","authenticated"]`, false},
		{"ForAllValues:StringNotEquals", "amr", `"x"`, true},
		{"ForAllValues:StringNotEquals", "amr", `"pool"`, false},
		{"ForAllValues:StringEquals", "none", `"x"`, true},
	} {
		t.Run(tt.operator+" "+tt.key+" "+tt.value, func(t *testing.T) {
			p := mustPolicy(t, oneStatement("Allow", fmt.Sprintf(`"Resource":"*","Condition":{%q:{%q:%s}}`, tt.operator, tt.key, tt.value)))
			got := p.EvaluateValues(ActionInvoke, arnBase+"GET/a", context)
			if got.Effect == EffectAllow != tt.want {
				t.Errorf("%s: %s", got.Effect, got.Reason)
			}
		})
	}
	both := mustPolicy(t, oneStatement("Allow", `"Resource":"*","Condition":{"StringEquals":{"aws:username":"ann","aws:userid":"x"},"Bool":{"aws:SecureTransport":"true"}}`))
	if got := both.EvaluateValues(ActionInvoke, arnBase, context); got.Effect != EffectImplicitDeny {
		t.Errorf("one of three conditions is not met: %s", got.Effect)
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	t.Parallel()
	good := oneStatement("Allow", `"Resource":"*"`)
	mustPolicy(t, good)
	condition := func(s string) string { return oneStatement("Allow", `"Resource":"*","Condition":`+s) }
	for _, tt := range []struct{ document, want string }{
		{"", "is empty"},
		{"[]", "is an array, want an object"},
		{good + good, "is not JSON"},
		{strings.TrimSuffix(good, "}"), "is not JSON"},
		{strings.Replace(good, `"Effect"`, `"Effect":"Deny","Effect"`, 1), `holds "Effect" twice`},
		{strings.Replace(good, "Allow", "Allow\xff", 1), "is not UTF-8"},
		{strings.Replace(good, `"Effect"`, `"Sid":"\ud800","Effect"`, 1), "half a surrogate pair"},
		{strings.Replace(good, "2012", "2013", 1), `Version is "2013-10-17"`},
		{strings.Replace(good, "Version", "version", 1), `the member "version"`},
		{`{"Version":"2012-10-17"}`, "has no Statement"},
		{`{"Statement":"x"}`, "has no Statement"},
		{`{"Statement":["x"]}`, "statement 1 of the policy: it is a string"},
		{strings.Replace(good, `"Allow"`, `"allow"`, 1), `Effect is "allow"`},
		{strings.Replace(good, `"Effect":"Allow",`, ``, 1), `Effect is missing`},
		{strings.Replace(good, `"Effect"`, `"Principal":"*","Effect"`, 1), "has a Principal"},
		{strings.Replace(good, `"Effect"`, `"Sid":1,"Effect"`, 1), "its Sid is a number"},
		{strings.Replace(good, `"Effect"`, `"Conditon":{},"Effect"`, 1), `the member "Conditon"`},
		{strings.Replace(good, `"Action"`, `"NotAction":"*","Action"`, 1), "it has Action and NotAction"},
		{strings.Replace(good, `"Action":"execute-api:Invoke",`, ``, 1), "it has no Action"},
		{strings.Replace(good, `"execute-api:Invoke"`, `"Invoke"`, 1), `its action "Invoke" is neither`},
		{strings.Replace(good, `"execute-api:Invoke"`, `[]`, 1), "its Action is neither a string"},
		{strings.Replace(good, `"execute-api:Invoke"`, `["*",1]`, 1), "its Action is neither a string"},
		{strings.Replace(good, `"Resource":"*"`, `"NotResource":null`, 1), "its NotResource is neither a string"},
		{strings.Replace(good, `"Resource":"*"`, `"Resource":"execute-api:/*"`, 1), "is neither * nor an ARN"},
		{strings.Replace(good, `"Resource":"*"`, `"Resource":"arn:${x}"`, 1), `the policy variable "${x}" is not known`},
		{strings.Replace(good, `"Resource":"*"`, `"Resource":"arn:${aws:username"`, 1), "has a ${ without }"},
		{strings.Replace(good, `"Resource":"*"`, `"Resource":"arn:${aws:username, x}"`, 1), "is not in single quotes"},
		{condition(`[]`), "its Condition is an array"},
		{condition(`{"StringEquals":"x"}`), `its condition "StringEquals" is a string`},
		{condition(`{"stringequals":{"a":"b"}}`), `the condition operator "stringequals" is not known`},
		{condition(`{"StringMatches":{"a":"b"}}`), `the condition operator "StringMatches" is not known`},
		{condition(`{"BinaryEquals":{"a":"b"}}`), `the condition operator "BinaryEquals" is not known`},
		{condition(`{"NumericNotLessThan":{"a":"1"}}`), `the condition operator "NumericNotLessThan" is not known`},
		{condition(`{"NullIfExists":{"a":"true"}}`), `the condition operator "NullIfExists" is not known`},
		{condition(`{"ForAnyValue:ForAllValues:StringEquals":{"a":"b"}}`), "is not known"},
		{condition(`{"StringEquals":{"a":{}}}`), "neither text, a number"},
		{condition(`{"StringEquals":{"a":"${aws:Nonsense}"}}`), `the policy variable "${aws:Nonsense}" is not known`},
		{condition(`{"NumericEquals":{"a":"x"}}`), "it is no number"},
		{condition(`{"NumericEquals":{"a":"NaN"}}`), "it is no number"},
		{condition(`{"DateLessThan":{"a":"yesterday"}}`), "it is no date"},
		{condition(`{"Bool":{"a":"yes"}}`), "neither true nor false"},
		{condition(`{"IpAddress":{"a":"192.0.2.0/33"}}`), "it is no address"},
		{`{"Statement":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "nests deeper"},
		{strings.Replace(good, `"Effect"`, `"Sid":"`+strings.Repeat("x", MaxPolicy)+`","Effect"`, 1), "more than the 65536"},
	} {
		_, err := ParsePolicy([]byte(tt.document))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.120s: %v, want %q", tt.document, err, tt.want)
		}
	}
}

func TestPolicyMarshals(t *testing.T) {
	t.Parallel()
	p := mustPolicy(t, " "+oneStatement("Allow", `"Resource" : "*"`))
	out, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	again := mustPolicy(t, string(out))
	if got := again.Evaluate(ActionInvoke, arnBase, nil); got.Effect != EffectAllow {
		t.Errorf("%s: %s", out, got.Reason)
	}
	if out, err := json.Marshal(Policy{}); err != nil || string(out) != "null" {
		t.Errorf("the zero Policy: %s, %v", out, err)
	}
}

// TestGlobTime: no pattern makes matching explode.
func TestGlobTime(t *testing.T) {
	t.Parallel()
	p := mustPolicy(t, oneStatement("Allow", `"Resource":"arn:aws:execute-api:`+strings.Repeat("*a", 230)+`"`))
	start := time.Now()
	p.Evaluate(ActionInvoke, arnBase+strings.Repeat("a", 1500)+"b", nil)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestMethodARN(t *testing.T) {
	t.Parallel()
	d := Deployment{"us-east-1", "123456789012", "abc123", "v1"}
	for _, tt := range []struct{ region, method, path, want string }{
		{"us-east-1", "GET", "/", "arn:aws:execute-api:us-east-1:123456789012:abc123/v1/GET/"},
		{"us-east-1", "GET", "/items/7", "arn:aws:execute-api:us-east-1:123456789012:abc123/v1/GET/items/7"},
		{"us-east-1", "GET", "/%61dmin/a%2Fb%25/c%20d", "arn:aws:execute-api:us-east-1:123456789012:abc123/v1/GET/admin/a%2Fb%25/c d"},
		{"us-east-1", "GET", "/%ff", "arn:aws:execute-api:us-east-1:123456789012:abc123/v1/GET/%ff"},
		{"cn-north-1", "POST", "/a", "arn:aws-cn:execute-api:cn-north-1:123456789012:abc123/v1/POST/a"},
		{"us-gov-west-1", "POST", "/a", "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abc123/v1/POST/a"},
	} {
		d.Region = tt.region
		if got := d.MethodARN(tt.method, tt.path); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}
