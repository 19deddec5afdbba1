package redact

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                             "",
		"plain text\twith\nlines":      "plain text\twith\nlines",
		"żółć 日本 🔑 e\u0301":            "żółć 日本 🔑 e\u0301",
		"\x1b[31mred\x1b[0m":           `\u001b[31mred\u001b[0m`,
		"a\rb\x00c\x07d\x7fe":          `a\u000db\u0000c\u0007d\u007fe`,
		"\u0085\u009b31m":              `\u0085\u009b31m`,
		"user\u202egnp.exe":            `user\u202egnp.exe`,
		"\u2066x\u2069\u061c\u200e":    `\u2066x\u2069\u061c\u200e`,
		"ad\u200bmin\ufeff\u2060":      `ad\u200bmin\ufeff\u2060`,
		"a\u200db\u200cc\u00ad":        `a\u200db\u200cc\u00ad`,
		"line\u2028para\u2029":         `line\u2028para\u2029`,
		"tag\U000e0041x":               `tag\U000e0041x`,
		"\xff\xc3(\xe2\x82":            `\xff\xc3(\xe2\x82`,
		"\u3164blank\u034f":            `\u3164blank\u034f`,
		"\ufffd is a character too":    "\ufffd is a character too",
		`an escape \u001b stays as is`: `an escape \u001b stays as is`,
	} {
		if got := Visible(in); got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
	}
}

// obeyed is the test's own list of what a terminal must never get.
func obeyed(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Join_Control, r):
		return true
	}
	return strings.ContainsRune("\u200b\u2060\ufeff\u00ad\u2028\u2029", r)
}

func TestVisibleEveryRune(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		got := Visible(string(r))
		if obeyed(r) && got == string(r) {
			t.Errorf("%U came through", r)
		}
		if unicode.IsLetter(r) && unicode.IsGraphic(r) && r < 0x1100 && got != string(r) {
			t.Errorf("the letter %U became %q", r, got)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("clean", 3)
	f.Add("\x1b]0;title\x07\u202e\u200b\xff\xe2\x82", 1)
	f.Add("🔑\xf0\x9f", 2)
	f.Fuzz(func(t *testing.T, s string, chunk int) {
		out := Visible(s)
		for _, r := range out {
			if obeyed(r) {
				t.Fatalf("%U left in %q", r, out)
			}
		}
		if !utf8.ValidString(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
		if again := Visible(out); again != out {
			t.Fatalf("a second pass changed %q to %q", out, again)
		}
		var b bytes.Buffer
		w := NewVisibleWriter(&b)
		for rest := s; rest != ""; {
			n := min(max(chunk%7, 1), len(rest))
			if k, err := io.WriteString(w, rest[:n]); k != n || err != nil {
				t.Fatalf("Write = %d, %v", k, err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if b.String() != out {
			t.Fatalf("the stream gave %q, the string %q", b.String(), out)
		}
	})
}

func TestVisibleWriterHoldsBack(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := NewVisibleWriter(&b)
	for _, step := range []struct{ in, want string }{
		{"a\xe2", "a"}, {"\x80", "a"}, {"\xae!", `a\u202e!`}, {"\xf0\x9f\x94", `a\u202e!`},
	} {
		if _, err := io.WriteString(w, step.in); err != nil {
			t.Fatal(err)
		}
		if b.String() != step.want {
			t.Errorf("after %q: %q, want %q", step.in, b.String(), step.want)
		}
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if want := `a\u202e!\xf0\x9f\x94`; b.String() != want {
		t.Errorf("after Close: %q, want %q", b.String(), want)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestVisibleWriterReportsErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	w := NewVisibleWriter(brokenWriter{broken})
	if n, err := io.WriteString(w, "text"); n != 0 || !errors.Is(err, broken) {
		t.Errorf("Write = %d, %v", n, err)
	}
	if n, err := io.WriteString(w, "\xe2"); n != 1 || err != nil {
		t.Errorf("a held byte: Write = %d, %v", n, err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("Close = %v", err)
	}
}
