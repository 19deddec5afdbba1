package redact

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible returns s fit for a terminal: control characters (C0 except newline
// and tab, DEL, C1), bidirectional controls, zero-width and other invisible
// characters become \uXXXX (\UXXXXXXXX beyond the first plane), and bytes that
// are not UTF-8 become \xXX. Everything else stays as it is, so clean text
// comes back unchanged.
func Visible(s string) string {
	i := firstHidden(s)
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:i])
	appendVisible(&b, s[i:])
	return b.String()
}

func appendVisible(b *strings.Builder, s string) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			writeByteEscape(b, s[i])
		case hidden(r):
			writeEscape(b, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
}

// firstHidden returns the index of the first byte that needs an escape, or -1.
func firstHidden(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
			continue
		}
		if hidden(r) {
			return i
		}
	}
	return -1
}

// hidden reports whether a terminal would obey r or show nothing for it.
// The category Cf holds the bidirectional controls (Unicode Standard Annex 9),
// the zero-width characters, the soft hyphen, the byte order mark and the tag
// characters. It also holds a few visible Arabic signs, which are escaped too:
// losing them costs less than a list that misses the next control.
func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20, 0x7f <= r && r <= 0x9f:
		return true
	case r < 0x7f:
		return false
	}
	switch r {
	case '\u2028', '\u2029', // line and paragraph separator
		'\u034f',                     // combining grapheme joiner
		'\u115f', '\u1160', '\u17b4', // Hangul fillers, Khmer inherent vowels:
		'\u17b5', '\u3164', '\uffa0', // letters by name, blank on the screen
		'\u180b', '\u180c', '\u180d', '\u180f': // Mongolian variation selectors
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

const hexDigits = "0123456789abcdef"

func writeByteEscape(b *strings.Builder, c byte) {
	b.WriteString(`\x`)
	b.WriteByte(hexDigits[c>>4])
	b.WriteByte(hexDigits[c&15])
}

func writeEscape(b *strings.Builder, r rune) {
	digits := 4
	b.WriteByte('\\')
	if r > 0xffff {
		digits = 8
		b.WriteByte('U')
	} else {
		b.WriteByte('u')
	}
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b.WriteByte(hexDigits[r>>shift&15])
	}
}

// VisibleWriter passes a stream on as [Visible] shows it. It is not safe for
// concurrent use.
type VisibleWriter struct {
	w    io.Writer
	held []byte // the start of a rune whose rest has not come yet: at most 3 bytes
}

// NewVisibleWriter returns a writer in front of w. Call Close (or Flush) at the
// end of the stream: until then the first bytes of an incomplete character are
// held back.
func NewVisibleWriter(w io.Writer) *VisibleWriter { return &VisibleWriter{w: w} }

// Write writes p to the underlying writer, escaped. Its count is in bytes of p.
// After an error nothing of p counts as written, although a part may have been.
func (v *VisibleWriter) Write(p []byte) (int, error) {
	data := p
	if len(v.held) > 0 {
		data = append(v.held, p...)
	}
	whole := completeRunes(data)
	rest := append([]byte(nil), data[whole:]...)
	if whole > 0 {
		if _, err := io.WriteString(v.w, Visible(string(data[:whole]))); err != nil {
			return 0, err
		}
	}
	v.held = rest
	return len(p), nil
}

// Flush writes what is held back, which can now only be a broken character.
func (v *VisibleWriter) Flush() error {
	if len(v.held) == 0 {
		return nil
	}
	rest := Visible(string(v.held))
	v.held = nil
	_, err := io.WriteString(v.w, rest)
	return err
}

// Close flushes. It does not close the underlying writer.
func (v *VisibleWriter) Close() error { return v.Flush() }

// completeRunes returns how many bytes of b can be judged now: all but a rune
// at its end that more bytes could still complete.
func completeRunes(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if start := len(b) - n; utf8.RuneStart(b[start]) {
			if utf8.FullRune(b[start:]) {
				return len(b)
			}
			return start
		}
	}
	return len(b)
}
