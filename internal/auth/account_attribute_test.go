package auth_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/auth"
)

func TestParseAttributes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 2048)
	for text, want := range map[string]auth.Attribute{
		"email=a@example.com":                {Name: "email", Value: "a@example.com"},
		"custom:team=red":                    {Name: "custom:team", Value: "red"},
		"family_name=a=b c":                  {Name: "family_name", Value: "a=b c"},
		"name=Dóra 李":                        {Name: "name", Value: "Dóra 李"},
		"nickname= ":                         {Name: "nickname", Value: " "},
		`address={"formatted":"Main St. 1"}`: {Name: "address", Value: `{"formatted":"Main St. 1"}`},
		"profile=" + long:                    {Name: "profile", Value: long},
		strings.Repeat("n", 32) + "=v":       {Name: strings.Repeat("n", 32), Value: "v"},
	} {
		got, err := auth.ParseAttributes([]string{text})
		if err != nil || cmp.Diff([]auth.Attribute{want}, got) != "" {
			t.Errorf("%.40q: %v %v", text, got, err)
		}
	}
	for text, problem := range map[string]string{
		"":                             `"" is not name=value`,
		"email":                        `"email" is not name=value`,
		"=x":                           `"=x" is not name=value`,
		"email=":                       `"email=" has no value`,
		"given name=x":                 `"given name"`,
		"e\x00mail=x":                  `"e\x00mail"`,
		"e\u200bmail=x":                `"e\u200bmail"`,
		"email=a\nb":                   `"email=a\nb"`,
		"email=a\tb":                   "control characters",
		"email=\x1b[31m":               "control characters",
		"email=\u009b31m":              "control characters",
		"email=\xff":                   "not UTF-8",
		"em\xffail=x":                  "characters that no attribute's name has",
		"profile=x" + long:             "longer than 2048",
		strings.Repeat("n", 33) + "=v": "longer than 32",
	} {
		if got, err := auth.ParseAttributes([]string{text}); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%.40q: %v, %v; want an error with %s", text, got, err, problem)
		}
	}
	if _, err := auth.ParseAttributes([]string{"a=1", "b=2", "a=3"}); err == nil || err.Error() != `"a" is given twice` {
		t.Errorf("twice: %v", err)
	}
}

// TestParseData: what triggers get may be empty, and long.
func TestParseData(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("v", 5000)
	got, err := auth.ParseData([]string{"invited=", "note=" + long})
	if err != nil || len(got) != 2 || got[0] != (auth.Attribute{Name: "invited"}) || got[1].Value != long {
		t.Errorf("%v %v", got, err)
	}
	for _, text := range []string{"", "x", "=x", "a=b\x00"} {
		if got, err := auth.ParseData([]string{text}); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestCheckUsername(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ann", "ann@example.com", "Google_123", "+15555550101", "李", "a'b$c", strings.Repeat("n", 128)} {
		if err := auth.CheckUsername(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "ann b", "ann\n", "a\x1b[0m", "\xff", "a\u202eb", strings.Repeat("n", 129)} {
		if err := auth.CheckUsername(name); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
	for name, ok := range map[string]bool{"custom:team": true, "email": true, "": false, "a=b": false, "a b": false, strings.Repeat("n", 33): false} {
		if err := auth.CheckAttributeName(name); (err == nil) != ok {
			t.Errorf("name of an attribute %q: %v", name, err)
		}
	}
}

// FuzzParseAttribute: what is taken says what was typed, and nothing that steers
// a terminal or that Cognito's pattern leaves out comes through.
func FuzzParseAttribute(f *testing.F) {
	for _, seed := range []string{"email=a@example.com", "a=b=c", "=", "a=", "\x00=\x1b", "n\u202e=v", "n=\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := auth.ParseAttribute(text)
		if err != nil {
			if a != (auth.Attribute{}) {
				t.Errorf("%q: %+v beside the error %v", text, a, err)
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return unicode.IsControl(r) }) || !utf8.ValidString(err.Error()) {
				t.Errorf("%q: the error %q has what was typed unescaped", text, err)
			}
			return
		}
		if a.Name+"="+a.Value != text {
			t.Errorf("%q became %+v", text, a)
		}
		if a.Value == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q was taken", text)
		}
		if err := auth.CheckAttributeName(a.Name); err != nil {
			t.Errorf("%q: set, and not to be deleted: %v", text, err)
		}
	})
}
