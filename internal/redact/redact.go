// Package redact keeps two kinds of text away from people: secrets, which no
// log and no message may show, and control characters in foreign text, which
// would let a server, a token or a file name steer the terminal that prints
// it.
//
// A [Redactor] collects the secret values a process comes to know and removes
// them from text by value, so it also finds them where no field name announces
// them: inside a URL, a Basic header or a JSON body. [Visible] and
// [VisibleWriter] show control and invisible characters as escapes instead of
// passing them on.
//
// The package imports nothing of this module: everything may use it.
package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// Mark is what stands in place of a secret.
const Mark = "[redacted]"

// minLength is the shortest secret, in bytes, that is looked for. Anything
// shorter occurs in ordinary text by chance, and blanking that would make a
// log unreadable and tell the reader what the secret is.
const minLength = 6

// Redactor removes known secrets from text. The zero value is ready, and all
// methods may be called from several goroutines.
type Redactor struct {
	mu      sync.Mutex
	added   map[string]struct{} // whose forms are not among the needles yet
	needles map[string]struct{} // in all forms
}

// Add remembers secrets, in the forms in which one travels: as it is, base64
// (standard and URL alphabet, with and without padding), hex, escaped for a
// URL's query and path, and escaped for JSON and Go strings. Values shorter
// than 6 bytes are ignored.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, secret := range secrets {
		if _, known := r.needles[secret]; known || len(secret) < minLength {
			continue
		}
		if r.added == nil {
			r.added = make(map[string]struct{})
		}
		r.added[secret] = struct{}{}
	}
}

// all returns the needles. The forms are made when text is first looked at: most
// runs print a token and no message.
func (r *Redactor) all() map[string]struct{} {
	if r.needles == nil {
		r.needles = make(map[string]struct{})
	}
	for secret := range r.added {
		for _, form := range forms(secret) {
			r.needles[form] = struct{}{}
		}
	}
	r.added = nil
	return r.needles
}

// String returns s with every known secret replaced by [Mark]. Where secrets
// overlap or touch, one mark stands for all of them, so that no end of a
// longer secret survives a match of a shorter one. Where a text was cut, which "…"
// tells, the beginning of a secret counts too, from 6 bytes on.
func (r *Redactor) String(s string) string {
	hidden := merge(r.find(s))
	if len(hidden) == 0 {
		return s
	}
	var b strings.Builder
	end := 0
	for _, h := range hidden {
		b.WriteString(s[end:h.from])
		b.WriteString(Mark)
		end = h.to
	}
	b.WriteString(s[end:])
	return b.String()
}

// span is the half-open byte range of one match.
type span struct{ from, to int }

func (r *Redactor) find(s string) []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []span
	for needle := range r.all() {
		for at := 0; at <= len(s)-len(needle); {
			i := strings.Index(s[at:], needle)
			if i < 0 {
				break
			}
			from := at + i
			found = append(found, span{from, from + len(needle)})
			at = from + 1 // a secret may overlap itself: "abcabcabc" holds "abcabc" twice
		}
		found = append(found, beginnings(s, needle)...)
	}
	return found
}

// beginnings finds the longest beginning of a secret before each place where s was cut.
// It reads s at most once, as Knuth, Morris and Pratt do: a server may fill a text with
// such places.
func beginnings(s, needle string) (found []span) {
	at := strings.Index(s, ellipsis)
	if at < 0 {
		return nil
	}
	back := borders(needle)
	for read, matched := 0, 0; at >= 0; {
		if begin := at - len(needle) + 1; begin > read { // what is before is not of this place
			read, matched = begin, 0
		}
		for ; read < at; read++ {
			for matched > 0 && (matched == len(needle) || s[read] != needle[matched]) {
				matched = back[matched-1]
			}
			if s[read] == needle[matched] {
				matched++
			}
		}
		if matched >= minLength {
			found = append(found, span{at - matched, at})
		}
		next := strings.Index(s[at+1:], ellipsis)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return found
}

// borders are, of each beginning of text that is not empty, the length of the longest
// shorter one that it ends with.
func borders(text string) []int {
	back := make([]int, len(text))
	for i, matched := 1, 0; i < len(text); i++ {
		for matched > 0 && text[i] != text[matched] {
			matched = back[matched-1]
		}
		if text[i] == text[matched] {
			matched++
		}
		back[i] = matched
	}
	return back
}

func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// forms returns the encodings of one secret. Many are equal to the secret
// itself when it needs no escaping.
func forms(secret string) []string {
	raw := []byte(secret)
	lowerHex := hex.EncodeToString(raw)
	list := []string{
		secret,
		base64.StdEncoding.EncodeToString(raw),
		base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw),
		base64.RawURLEncoding.EncodeToString(raw),
		lowerHex,
		strings.ToUpper(lowerHex),
	}
	for _, escaped := range []string{
		url.QueryEscape(secret),
		url.PathEscape(secret),
		strictEscape(secret),
	} {
		list = append(list, escaped, lowerPercent(escaped))
	}
	quoted := strconv.Quote(secret)
	list = append(list, quoted[1:len(quoted)-1])
	return append(list, jsonForms(secret)...)
}

// jsonForms returns the ways JSON writers spell a string: encoding/json with
// its HTML escapes and without them, with "/" escaped as well, and with
// everything beyond ASCII escaped (Python's default).
func jsonForms(secret string) []string {
	html, plain := jsonBody(secret, true), jsonBody(secret, false)
	return []string{html, plain, strings.ReplaceAll(plain, "/", `\/`), asciiOnly(plain), asciiOnly(html)}
}

// jsonBody returns secret as a JSON string without the quotes around it.
func jsonBody(secret string, escapeHTML bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escapeHTML)
	if err := enc.Encode(secret); err != nil {
		return secret // a string always encodes, and a Builder takes everything
	}
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}

func asciiOnly(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			writeEscape(&b, high)
			writeEscape(&b, low)
		default:
			writeEscape(&b, r)
		}
	}
	return b.String()
}

// strictEscape percent-encodes everything but the unreserved characters of
// RFC 3986 section 2.3, as AWS signatures and many HTTP libraries do.
func strictEscape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// lowerPercent spells the hex digits of percent escapes in lower case, as some
// libraries do.
func lowerPercent(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(s[i+1:i+3]))
			i += 2
		}
	}
	return string(b)
}
