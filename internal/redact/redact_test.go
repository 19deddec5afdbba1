package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// encodings are written out here on their own, as a writer of a log would
// make them, so that the package is not compared with itself.
func encodings(t testing.TB, s string) map[string]string {
	t.Helper()
	body := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Trim(string(b), `"`)
	}
	var loose strings.Builder
	enc := json.NewEncoder(&loose)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	looseBody := strings.TrimSuffix(loose.String(), "\n")
	m := map[string]string{
		"plain":              s,
		"base64":             base64.StdEncoding.EncodeToString([]byte(s)),
		"base64 raw":         base64.RawStdEncoding.EncodeToString([]byte(s)),
		"base64url":          base64.URLEncoding.EncodeToString([]byte(s)),
		"base64url raw":      base64.RawURLEncoding.EncodeToString([]byte(s)),
		"hex":                hex.EncodeToString([]byte(s)),
		"hex upper":          fmt.Sprintf("%X", s),
		"query":              url.QueryEscape(s),
		"path":               url.PathEscape(s),
		"JSON without HTML":  looseBody[1 : len(looseBody)-1],
		"Go string":          fmt.Sprintf("%q", s)[1 : len(fmt.Sprintf("%q", s))-1],
		"query in lowercase": lowerEscapes(url.QueryEscape(s)),
	}
	if !strings.ContainsAny(s, `"`) {
		m["JSON"] = body(s)
	}
	return m
}

func lowerEscapes(s string) string {
	parts := strings.Split(s, "%")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToLower(parts[i][:2]) + parts[i][2:]
	}
	return strings.Join(parts, "%")
}

func TestRedactorCoversEveryEncoding(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{
		"Passw0rd!", "a/b+c=d&e<f>", `quote " and \ back`, "pfäffikon-ключ-🔑", "tab\tnewline\n!", "%2F%2f%%",
		`\u003c\\u0026 slash/`, strings.Repeat("s3cret", 100),
	} {
		var r Redactor
		r.Add(secret)
		for name, form := range encodings(t, secret) {
			text := "before " + form + " after"
			if got := r.String(text); got != "before "+Mark+" after" {
				t.Errorf("%s of %q: %q became %q", name, secret, text, got)
			}
		}
	}
}

// Spellings of other JSON writers, as literals.
func TestRedactorForeignJSON(t *testing.T) {
	t.Parallel()
	var r Redactor
	r.Add("pä/ss🔑<w>", "a b=c&d")
	for _, text := range []string{
		`p\u00e4/ss\ud83d\udd11<w>`,                        // Python
		`pä\/ss🔑<w>`,                                       // PHP with JSON_UNESCAPED_UNICODE
		`pä/ss🔑\u003cw\u003e`,                              // Go
		`p\u00e4/ss\ud83d\udd11\u003cw\u003e`,              // both
		"p%C3%A4%2Fss%F0%9F%94%91%3Cw%3E", "a%20b%3Dc%26d", // RFC 3986
	} {
		if got := r.String("x " + text); got != "x "+Mark {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestRedactorLeavesTheRest(t *testing.T) {
	t.Parallel()
	var r Redactor
	if got := r.String("nothing known yet"); got != "nothing known yet" {
		t.Errorf("zero value changed the text to %q", got)
	}
	r.Add("", "short", "longenough")
	for in, want := range map[string]string{
		"":                         "",
		"short stays":              "short stays",
		"longenoug stays":          "longenoug stays",
		"longenough goes":          Mark + " goes",
		"longenoughlongenough":     Mark,
		"longenough longenough":    Mark + " " + Mark,
		"LONGENOUGH is not known":  "LONGENOUGH is not known",
		"x" + Mark + "longenoughy": "x" + Mark + Mark + "y",
	} {
		if got := r.String(in); got != want {
			t.Errorf("String(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRedactorOverlaps(t *testing.T) {
	t.Parallel()
	var r Redactor
	r.Add("abcdef", "abcdefghij", "efghijkl", "xyzxyz")
	for in, want := range map[string]string{
		"-abcdefghij-":    "-" + Mark + "-",
		"-abcdefghijkl-":  "-" + Mark + "-", // efghijkl begins inside abcdefghij
		"-xyzxyzxyz-":     "-" + Mark + "-", // a secret that overlaps itself
		"-abcdef-xyzxyz-": "-" + Mark + "-" + Mark + "-",
	} {
		if got := r.String(in); got != want {
			t.Errorf("String(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRedactorConcurrent(t *testing.T) {
	t.Parallel()
	var r Redactor
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			secret := fmt.Sprintf("secret-%d", i)
			r.Add(secret)
			if got := r.String("x " + secret); got != "x "+Mark {
				t.Errorf("got %q", got)
			}
		})
	}
	wg.Wait()
}

func FuzzRedactor(f *testing.F) {
	f.Add("Passw0rd!", "abcdef", "log: ", " end")
	f.Add("[redacted]", "redact", "[redacted", "]")
	f.Add("a/b+c=d&e<f>", "é\\u0000\"x", "", "%")
	f.Add("\xff\xfe\xfd\xfc\xfb\xfa", "aaaaaa", "aaaaaaaaaaa", "a")
	f.Fuzz(func(t *testing.T, one, two, before, after string) {
		if len(one) > 1<<10 || len(two) > 1<<10 {
			return
		}
		var r Redactor
		r.Add(one, two)
		for name, form := range encodings(t, one) {
			out := r.String(before + form + after + form + two)
			// The mark itself may hold a secret such as "redact"; what
			// stands around the marks may not.
			for _, part := range strings.Split(out, Mark) {
				for _, secret := range []string{one, two} {
					if len(secret) >= minLength && strings.Contains(part, secret) {
						t.Fatalf("%q left in %q", secret, out)
					}
				}
				if len(one) >= minLength && strings.Contains(part, form) {
					t.Fatalf("%s of %q left in %q", name, one, out)
				}
			}
		}
	})
}

// TestRedactorKnowsSecretsThatWereCut: a text that is bounded before it is printed may
// end in the middle of a secret, in any of its forms.
func TestRedactorKnowsSecretsThatWereCut(t *testing.T) {
	t.Parallel()
	secret := "Passw0rd+with/some=length<&>"
	var r Redactor
	r.Add(secret, "Passwords-of-others")
	for name, form := range encodings(t, secret) {
		for length := minLength; length < len(form); length++ {
			text := "odd: " + form[:length] + "…, and twice " + form[:length] + "… (X)"
			if got, want := r.String(text), "odd: "+Mark+"…, and twice "+Mark+"… (X)"; got != want {
				t.Fatalf("%s, %d bytes of it: %q", name, length, got)
			}
		}
	}
	for _, clean := range []string{"Passw…", "…", "a…b…", "Passw0rd+with", "xPassw …"} {
		if got := r.String(clean); got != clean {
			t.Errorf("%q became %q", clean, got)
		}
	}
}

// TestRedactorLongText: a server's text may be as long as an answer and full of places
// that look cut. Twenty tokens then must not cost minutes.
func TestRedactorLongText(t *testing.T) {
	t.Parallel()
	var r Redactor
	for i := range 20 {
		r.Add(strings.Repeat(fmt.Sprintf("token-%d-", i), 150))
	}
	text := strings.Repeat("token-7-token-7-…", 1<<20/19)
	began := time.Now()
	got := r.String(text)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%d KiB took %v", len(text)>>10, took)
	}
	if strings.Contains(got, "token-7") {
		t.Errorf("not redacted: %.80q", got)
	}
}

// TestRedactorKeepsOneOfEach: a program that runs for days learns the same tokens each
// time that it reads its session, and need not print a word.
func TestRedactorKeepsOneOfEach(t *testing.T) {
	t.Parallel()
	var r Redactor
	for range 1000 {
		r.Add(strings.Clone("an access token"), strings.Clone("a refresh token"))
	}
	if n := len(r.added); n != 2 {
		t.Errorf("%d values are kept", n)
	}
	if got := r.String("an access token"); got != Mark {
		t.Errorf("%q", got)
	}
	r.Add("an access token")
	if n := len(r.added); n != 0 {
		t.Errorf("%d values are kept of one that is known", n)
	}
}
