package gateway

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// showable fails for a text that would do something to a terminal.
func showable(tb testing.TB, text string) {
	tb.Helper()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != ' ' }) {
		tb.Errorf("not fit for a terminal: %q", text)
	}
}

// FuzzPolicy: whatever the document, it is refused or evaluated; the order of
// statements changes nothing; a statement that denies everything wins; and what
// was read is written as the same policy.
func FuzzPolicy(f *testing.F) {
	for _, members := range []string{
		`"Resource":"*"`, `"Resource":["arn:aws:execute-api:*:*:*/*/GET/*","arn:aws:s3:::x"]`, `"NotResource":"` + arnBase + `GET/a"`,
		`"Resource":"` + arnBase + `${aws:PrincipalTag/x}/?*"`, `"Resource":"*","Condition":{"StringLike":{"aws:PrincipalTag/x":["a*","${*}"]}}`,
		`"Resource":"*","Condition":{"ForAllValues:StringNotEqualsIfExists":{"x":"a"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`,
		`"Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2026-01-01"},"Null":{"x":true},"NumericEquals":{"n":1}}`,
	} {
		f.Add(oneStatement("Allow", members), "GET/a", "x")
		f.Add(oneStatement("Deny", members), "GET/*/:b", "*")
	}
	f.Add(`{"Statement":[{"Effect":"Allow","NotAction":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"*:*","Resource":"*"}]}`, "", "")
	f.Add(`{"Version":"2008-10-17","Statement":{"Sid":"a","Effect":"Allow","Action":"*","Resource":"arn:${x}"}}`, "${x}", "")
	f.Fuzz(func(t *testing.T, document, path, tag string) {
		context := map[string]string{"aws:PrincipalTag/x": tag, "aws:SourceIp": tag, "aws:CurrentTime": tag, "x": tag, "n": tag}
		p, err := ParsePolicy([]byte(document))
		if err != nil {
			showable(t, err.Error())
			return
		}
		got := p.Evaluate(ActionInvoke, arnBase+path, context)
		showable(t, got.Reason)
		if decided := got.Statement >= 0; decided == (got.Effect == EffectImplicitDeny) ||
			decided && p.statements[got.Statement].deny != (got.Effect == EffectExplicitDeny) {
			t.Errorf("%s by statement %d", got.Effect, got.Statement)
		}
		backwards := p
		backwards.statements = slices.Clone(p.statements)
		slices.Reverse(backwards.statements)
		if other := backwards.Evaluate(ActionInvoke, arnBase+path, context); other.Effect != got.Effect {
			t.Errorf("%s, and %s the other way round", got.Effect, other.Effect)
		}
		denying := p
		denying.statements = append(slices.Clone(p.statements), mustPolicy(t, oneStatement("Deny", `"Resource":"*"`)).statements...)
		if other := denying.Evaluate(ActionInvoke, arnBase+path, context); other.Effect != EffectExplicitDeny {
			t.Errorf("%s in spite of a statement that denies everything", other.Effect)
		}
		written, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParsePolicy(written); err != nil || again.Evaluate(ActionInvoke, arnBase+path, context).Effect != got.Effect {
			t.Errorf("%s reads differently: %v", written, err)
		}
	})
}

// FuzzGlob compares the matching of wildcards with that of regular expressions.
func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{{"a*b?c", "axxbyc"}, {"**", ""}, {"?", "é"}, {"*a*a*", "aa"}, {"a", "b"}, {"*:*", "a:b:c"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, source, subject string) {
		if !utf8.ValidString(source) || !utf8.ValidString(subject) || len(source) > 200 || len(subject) > 200 {
			return
		}
		p, err := parsePattern(source, dialect{wildcards: true})
		if err != nil {
			t.Fatal(err)
		}
		expression := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(source))
		want := regexp.MustCompile(`(?s)\A` + expression + `\z`).MatchString(subject)
		if got := p.matches(subject, nil); got != want {
			t.Errorf("%q on %q: %v", source, subject, got)
		}
		if p.matchesARN(subject, nil) && !want {
			t.Errorf("%q on the ARN %q matches more than on text", source, subject)
		}
	})
}

// FuzzAuthorizerAnswer: no answer of a function makes a request pass that does
// not say so in so many words.
func FuzzAuthorizerAnswer(f *testing.F) {
	for _, s := range []string{
		policyAnswer("Allow", "*", ""), policyAnswer("Deny", "*", `,"context":{"a":1}`), policyAnswer("Allow", "GET/a", `,"context":{"a":{}},"usageIdentifierKey":"k"`),
		`{"isAuthorized":true}`, `{"isAuthorized":false,"context":{"a":[null]}}`, `{"isAuthorized":"true"}`, `null`, `[]`, ``, `{"principalId":"a","principalId":"b"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		var plain struct {
			IsAuthorized   any `json:"isAuthorized"`
			PrincipalID    any `json:"principalId"`
			PolicyDocument any `json:"policyDocument"`
		}
		readable := json.Unmarshal(document, &plain) == nil
		principal, _ := plain.PrincipalID.(string)
		for _, l := range []*LambdaAuthorizer{
			{Type: TypeRequest}, {Kind: HTTP}, {Kind: HTTP, Simple: true}, {Kind: HTTP, PayloadVersion: "1.0"},
		} {
			l.Invoke, l.Deployment, l.Now = answering(string(document)), deployment, clockAt
			d := l.Decide(t.Context(), request("GET", "/a"))
			for _, c := range d.Checks {
				showable(t, c.Detail)
			}
			may := readable && (l.Simple && plain.IsAuthorized == true ||
				!l.Simple && principal != "" && plain.PolicyDocument != nil && strings.Contains(string(document), "Allow"))
			if d.Allow && !may {
				t.Errorf("%q lets the request through", document)
			}
			if d.Allow != (d.Context != nil) || d.Allow != passed(d.Checks) || d.Allow != (d.Status == 200) {
				t.Errorf("allow %v, %d, %v, %+v", d.Allow, d.Status, d.Context, d.Checks)
			}
		}
	})
}

// FuzzEvent: every request makes an event, and the event says what the request
// said.
func FuzzEvent(f *testing.F) {
	f.Add("GET", "/a/b", "x=1&x=2&y", "v")
	f.Add("POST", "/%2F%25/é", "%zz&a;b", "a,b; c")
	f.Add("", "//", "=&=", "\x00\xff")
	f.Fuzz(func(t *testing.T, method, path, query, value string) {
		u, err := url.Parse("http://api.example/" + path)
		if err != nil {
			return
		}
		u.RawQuery = query
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.URL, r.Header = method, u, http.Header{"X-Value": {value, "last"}, "Cookie": {value}}
		for _, l := range []*LambdaAuthorizer{
			{Type: TypeRequest}, {Kind: HTTP, PayloadVersion: "1.0"}, {Kind: HTTP}, {IdentitySources: []string{"method.request.header.X-Value"}},
		} {
			l.Deployment, l.Now = deployment, clockAt
			data, err := l.Event(r)
			if err != nil {
				t.Fatal(err)
			}
			event := decoded(t, data)
			if l.isToken() {
				continue
			}
			headers, _ := event["headers"].(map[string]any)
			want, got := "last", headers["X-Value"]
			if l.Kind == HTTP && l.payload() == "2.0" {
				want, got = value+",last", headers["x-value"]
			}
			if got != want && utf8.ValidString(value) {
				t.Errorf("header %q, want %q", got, want)
			}
			for name, values := range r.URL.Query() {
				all, _ := event["queryStringParameters"].(map[string]any)
				want := values[len(values)-1]
				if l.Kind == HTTP && l.payload() == "2.0" {
					want = strings.Join(values, ",")
				}
				if all[name] != want && utf8.ValidString(name) && utf8.ValidString(want) {
					t.Errorf("query %q is %q, want %q", name, all[name], want)
				}
			}
		}
	})
}
