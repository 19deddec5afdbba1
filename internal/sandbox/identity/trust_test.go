package identity

import (
	"slices"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

func TestTrust(t *testing.T) {
	t.Parallel()
	who := webIdentity{audience: "us-east-1:1", subject: "us-east-1:2", amr: []string{"authenticated", google, google + ":app:7"}}
	statement := func(text string) string { return `{"Version":"2012-10-17","Statement":` + text + `}` }
	const allow = `{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"`
	condition := func(operator, key, value string) string {
		return statement(allow + `,"Condition":{"` + operator + `":{"cognito-identity.amazonaws.com:` + key + `":` + value + `}}}`)
	}
	for name, tt := range map[string]struct {
		policy string
		want   bool
	}{
		"default":               {TrustFor("authenticated", "us-east-1:0", "us-east-1:1"), true},
		"other amr":             {TrustFor("unauthenticated", "us-east-1:1"), false},
		"other pool":            {TrustFor("authenticated", "us-east-1:3"), false},
		"none":                  {"", false},
		"one statement":         {statement(allow + `}`), true},
		"all actions":           {statement(strings.Replace(allow, "AssumeRoleWithWebIdentity", "*", 1) + `}`), true},
		"other action":          {statement(strings.Replace(allow, "WithWebIdentity", "", 1) + `}`), false},
		"other principal":       {statement(strings.Replace(allow, "cognito-identity", "accounts", 1) + `}`), false},
		"denied":                {statement(`[` + allow + `},` + strings.Replace(allow, "Allow", "Deny", 1) + `}]`), false},
		"subject":               {condition("StringEquals", "sub", `"us-east-1:2"`), true},
		"another subject":       {condition("StringEquals", "sub", `["us-east-1:3","us-east-1:4"]`), false},
		"not another subject":   {condition("StringNotEquals", "sub", `"us-east-1:3"`), true},
		"like":                  {condition("ForAnyValue:StringLike", "amr", `"accounts.google.com:*"`), true},
		"not like":              {condition("ForAnyValue:StringLike", "amr", `"graph.facebook.com*"`), false},
		"one of many":           {condition("StringEquals", "amr", `"authenticated"`), false},
		"all of them":           {condition("ForAllValues:StringLike", "amr", `["auth*","accounts.google.com*"]`), true},
		"all of them but one":   {condition("ForAllValues:StringLike", "amr", `"auth*"`), false},
		"unknown operator":      {condition("StringEqualsIgnoreCase", "amr", `"authenticated"`), false},
		"unknown set operator":  {condition("ForNoValue:StringEquals", "amr", `"authenticated"`), false},
		"unknown condition key": {condition("StringNotEquals", "region", `"x"`), false},
	} {
		h := &Handler{}
		if got := h.trusts(store.Role{Trust: tt.policy}, who, false); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		err := CheckRole(store.Role{ARN: role + "x", Trust: tt.policy})
		if unreadable := strings.HasPrefix(name, "unknown"); (err != nil) != unreadable {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, arn := range []string{"", "x", "arn:aws:iam::1:user/ann", "arn:aws:iam::1:role/", "arn:aws:sts::1:role/x"} {
		if CheckRole(store.Role{ARN: arn}) == nil {
			t.Errorf("%q is no role", arn)
		}
	}
	if (&Handler{}).trusts(store.Role{Trust: statement(allow + `}`)}, who, true) {
		t.Error("a role that does not allow sts:TagSession is tagged")
	}
}

// FuzzTrust: whatever a trust policy says, it is refused or judged, and a
// policy that only denies lets nobody in.
func FuzzTrust(f *testing.F) {
	f.Add(TrustFor("authenticated", "us-east-1:1"), "us-east-1:1", "authenticated")
	f.Add(`{"Statement":{"Effect":"Deny","Principal":{"Federated":["cognito-identity.amazonaws.com"]},"Action":"*"}}`, "a", "b")
	f.Fuzz(func(t *testing.T, policy, audience, amr string) {
		h := &Handler{}
		let := h.trusts(store.Role{Trust: policy}, webIdentity{audience: audience, amr: []string{amr}}, false)
		statements, err := parseTrust(policy)
		allowing := slices.ContainsFunc(statements, func(s trust) bool { return s.Effect == "Allow" })
		if let && (err != nil || !allowing) {
			t.Errorf("let in by %s", policy)
		}
	})
}

func TestLike(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"*", "", true}, {"*", "abc", true}, {"?", "a", true}, {"?", "", false},
		{"a*c", "abbc", true}, {"a*c", "abcd", false}, {"*b*", "abc", true}, {"a?c*", "abc", true}, {"a*b*c", "aXbYbZc", true},
		{strings.Repeat("*a", 40), strings.Repeat("a", 400) + "b", false},
	} {
		if got := like(tt.pattern, tt.text); got != tt.want {
			t.Errorf("%q, %q: %v", tt.pattern, tt.text, got)
		}
	}
}
