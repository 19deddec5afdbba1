package secret

import (
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"":                                 nil,
		" \t\r\n":                          nil,
		"op read op://vault/item":          {"op", "read", "op://vault/item"},
		"  a   b  ":                        {"a", "b"},
		`'it''s' one`:                      {"its", "one"},
		`a"b c"d`:                          {"ab cd"},
		`'' ""`:                            {"", ""},
		`"a \" b \\ c \n"`:                 {`a " b \ c \n`},
		`'a \" b'`:                         {`a \" b`},
		`C:\tools\op.exe read`:             {`C:\tools\op.exe`, "read"},
		`C:\Program\ Files\x`:              {`C:\Program Files\x`},
		`"C:\Program Files\op.exe" get`:    {`C:\Program Files\op.exe`, "get"},
		`\"quoted\" \'too\' \\ end\`:       {`"quoted"`, `'too'`, `\`, `end\`},
		"$HOME `id` $(id) | ; & > f * ~ #": {"$HOME", "`id`", "$(id)", "|", ";", "&", ">", "f", "*", "~", "#"},
		"a\\\nb":                           {"a\nb"},
		`\`:                                {`\`},
		`"x"\a`:                            {`x\a`},
	} {
		got, err := split(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("split(%q) = %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`'open`, `a "open`, `"ends \"`, "nul\x00byte"} {
		if got, err := split(line); err == nil {
			t.Errorf("split(%q) = %q, want an error", line, got)
		}
	}
}

// quote is the inverse of split: what a person would write by the rules.
func quote(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}

func FuzzSplit(f *testing.F) {
	f.Add(`op read "a b" 'c' \d`, "word", `C:\dir\`)
	f.Add(`'`, ` "`, "\\\n")
	f.Fuzz(func(t *testing.T, line, one, two string) {
		words, err := split(line)
		if err == nil {
			var again []string
			for _, w := range words {
				again = append(again, quote(w))
			}
			back, err := split(strings.Join(again, " "))
			if err != nil || !slices.Equal(back, words) {
				t.Fatalf("%q split to %q, and that quoted to %q, %v", line, words, back, err)
			}
			if strings.Join(words, "") != "" && strings.Trim(line, " \t\r\n") == "" {
				t.Fatalf("words %q out of nothing", words)
			}
		}
		if strings.ContainsRune(one+two, 0) {
			return
		}
		want := []string{one, two, one}
		got, err := split(quote(one) + "\t" + quote(two) + "  '" + strings.ReplaceAll(one, "'", `'\''`) + "'")
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q came back as %q, %v", want, got, err)
		}
	})
}
