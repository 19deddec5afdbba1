package jwt

import (
	"strings"
	"testing"
)

const ruleClaims = `{
	"email": "ann@example.com", "email_verified": true, "plan": "pro", "level": 7, "ratio": 1.50, "big": 12345678901234567890,
	"custom:tier": "gold", "cognito:groups": ["admin", "readers"], "empty": [], "nothing": null, "blank": "",
	"https://example.com/roles": ["owner"], "a.b": "dotted", "a": {"b": "nested", "c": {"d": [1, [2, 3]]}},
	"x": {"y.z": "deep"}, "x.y": {"w": "early"}, "identities": [{"providerName": "Google", "primary": "true"}, {"providerName": "Okta"}, 5],
	"mixed": ["one", {"two": 2}], "deepnull": {"n": null}, "n.m": null, "n": {"m": "behind"}, "odd!": "bang"
}`

func TestClaimRules(t *testing.T) {
	t.Parallel()
	claims, err := decodeObject([]byte(ruleClaims))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ rule, code, detail string }{
		{"plan=pro", "", `it is "pro"`},
		{"plan=Pro", CodeClaimMismatch, `it is "pro", want "Pro"`},
		{"plan=pr", CodeClaimMismatch, ""},
		{"plan!=free", "", `it is "pro"`},
		{"plan!=pro", CodeClaimMismatch, `it is "pro", want anything but "pro"`},
		{"plan~^p.o$", "", `it is "pro"`},
		{"plan~r", "", ""},
		{"plan~^r", CodeClaimMismatch, `it is "pro", want a match of "^r"`},
		{"plan=", CodeClaimMismatch, `want ""`},
		{"blank=", "", `it is ""`},
		{"plan==pro", CodeClaimMismatch, `want "=pro"`},
		{"plan=!=~", CodeClaimMismatch, `want "!=~"`},
		{"email_verified=true", "", ""},
		{"email_verified=1", CodeClaimMismatch, `it is "true", want "1"`},
		{"level=7", "", ""},
		{"level=7.0", CodeClaimMismatch, ""},
		{"level~^[5-9]$", "", ""},
		{"ratio=1.50", "", ""},
		{"ratio=1.5", CodeClaimMismatch, ""},
		{"big=12345678901234567890", "", ""},
		{"big=12345678901234567891", CodeClaimMismatch, ""},
		{"custom:tier=gold", "", ""},
		{"cognito:groups=readers", "", `it is "readers"`},
		{"cognito:groups=read", CodeClaimMismatch, `it is "admin", "readers", want "read"`},
		{"cognito:groups!=root", "", `it is "admin", "readers"`},
		{"cognito:groups!=readers", CodeClaimMismatch, ""},
		{"cognito:groups~^adm", "", ""},
		{"https://example.com/roles=owner", "", ""},
		{"a.b=dotted", "", ""},
		{"a.b=nested", CodeClaimMismatch, ""},
		{"a.c.d=3", "", ""},
		{"a.c.d!=4", "", ""},
		{"x.y.z=deep", "", ""}, // x.y is there, but leads nowhere
		{"x.y.w=early", "", ""},
		{"identities.providerName=Okta", "", ""},
		{"identities.providerName!=Okta", CodeClaimMismatch, ""},
		{"identities.primary!=false", "", ""},
		{"identities=Okta", CodeClaimMismatch, ""}, // objects have no text
		{"identities!=Okta", CodeClaimType, "it holds an object, which cannot be compared"},
		{"mixed=one", "", ""},
		{"a=x", CodeClaimType, "it is an object: name one of its members"},
		{"odd!!=x", "", ""},
		{"n.m=behind", "", ""}, // null leads nowhere
		// What is not there passes nothing.
		{"gone=x", CodeClaimMissing, `it is missing, want "x"`},
		{"gone!=x", CodeClaimMissing, `it is missing, want anything but "x"`},
		{"gone~.*", CodeClaimMissing, ""},
		{"gone=", CodeClaimMissing, ""},
		{"nothing!=x", CodeClaimMissing, ""},
		{"nothing=null", CodeClaimMissing, ""},
		{"deepnull.n!=x", CodeClaimMissing, ""},
		{"empty!=x", CodeClaimMissing, ""},
		{"empty~.*", CodeClaimMissing, ""},
		{"plan.x!=y", CodeClaimMissing, ""},
		{"identities.gone!=x", CodeClaimMissing, ""},
		{"a.!=x", CodeClaimMissing, ""},
		{".a!=x", CodeClaimMissing, ""},
		{"...!=x", CodeClaimMissing, ""},
	} {
		rule, err := ParseClaimRule(tt.rule)
		if err != nil {
			t.Errorf("%s: %v", tt.rule, err)
			continue
		}
		code, detail := rule.judge(claims)
		if code != tt.code || !strings.Contains(detail, tt.detail) {
			t.Errorf("%s: %q, %s; want %q, %s", tt.rule, code, detail, tt.code, tt.detail)
		}
		if rule.String() != tt.rule {
			t.Errorf("%s is written as %s", tt.rule, rule)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	claims, err := decodeObject([]byte(ruleClaims))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"plan": 1, "cognito:groups": 1, "identities.providerName": 2, "a.c.d": 1, "nothing": 0, "gone": 0, "": 0, "empty": 1} {
		if got := Claims(claims).Find(path); len(got) != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestClaimRuleRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":         `the claim rule "" has no operator: want name=value, name!=value or name~regexp`,
		"plan":     `the claim rule "plan" has no operator`,
		"plan!":    "has no operator",
		"=x":       `the claim rule "=x" names no claim`,
		"!=x":      "names no claim",
		"~x":       "names no claim",
		"plan~a(":  `the claim rule "plan~a(": error parsing regexp: missing closing ): ` + "`a(`",
		"plan~(?=": "error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
	} {
		if rule, err := ParseClaimRule(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v %v, want %s", text, rule, err, want)
		}
	}
}

// TestClaimRulesInReport: each rule is a check of its own, all are made, and
// none is passed by a token that cannot be read or by an empty rule.
func TestClaimRulesInReport(t *testing.T) {
	t.Parallel()
	p := idPolicy()
	for _, text := range []string{"email=ann@example.com", "cognito:groups=root", "plan!=free", "cognito:groups=admin"} {
		rule, err := ParseClaimRule(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Claims = append(p.Claims, rule)
	}
	r := verify(sign(t, idClaims()), p)
	if got := names(r); !strings.HasSuffix(got, " token_use claim email claim cognito:groups claim plan claim cognito:groups") {
		t.Errorf("checks are %s", got)
	}
	if got := outcome(r); got != "claim cognito:groups:claim_mismatch claim plan:claim_missing" {
		t.Errorf("outcome is %s", got)
	}
	if got := outcome(verify("garbage", p)); strings.Count(got, "claim cognito:groups:unjudged") != 2 {
		t.Errorf("outcome is %s", got)
	}
	p.Claims = []ClaimRule{{}}
	if got := outcome(verify(sign(t, idClaims()), p)); got != "claim :policy_invalid" {
		t.Errorf("outcome is %s", got)
	}
}

func FuzzClaimRule(f *testing.F) {
	for _, rule := range []string{"plan=pro", "a.c.d!=4", "x.y.z~deep", "identities.providerName=Okta", "...=", "odd!!=x", "https://example.com/roles=owner"} {
		f.Add(rule, ruleClaims)
	}
	f.Fuzz(func(t *testing.T, text, payload string) {
		rule, err := ParseClaimRule(text)
		if err != nil {
			return
		}
		if rule.String() != text {
			t.Fatalf("%q is written as %q", text, rule)
		}
		claims, err := decodeObject([]byte(payload))
		if err != nil {
			return
		}
		code, _ := rule.judge(claims)
		found := Claims(claims).Find(rule.path)
		if code == "" && len(found) == 0 {
			t.Fatalf("%q passes without a value", text)
		}
		if rule.operator == "~" {
			return
		}
		// = and != are never both satisfied, and with a plain value one is.
		other := rule
		other.operator = map[string]string{"=": "!=", "!=": "="}[rule.operator]
		opposite, _ := other.judge(claims)
		if code == "" && opposite == "" {
			t.Fatalf("%q and its opposite both pass", text)
		}
		if values, objects := appendScalars(nil, any(found)); len(values) > 0 && !objects && code != "" && opposite != "" {
			t.Fatalf("neither %q nor its opposite passes: %s, %s", text, code, opposite)
		}
	})
}
