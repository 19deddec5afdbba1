package jwt

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Everything a token, a key set or a server says is foreign: it is quoted (so
// that escape sequences, line breaks and bidi controls show) and cut.
const (
	maxQuoted = 80 // bytes of one foreign value
	maxListed = 8  // values of one list
)

func quote(s string) string { return string(appendQuote(make([]byte, 0, maxQuoted+8), s)) }

func appendQuote(b []byte, s string) []byte {
	s = cut(s)
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(b, s)
		}
	}
	b = append(b, '"') // as strconv.Quote, at a fifth of the time
	b = append(b, s...)
	return append(b, '"')
}

// said is words, then foreign text in quotes, with one allocation: the details
// of checks that pass are a good part of what a verification costs beside RSA.
func said(foreign string, words ...string) string {
	b := make([]byte, 0, 128)
	for _, w := range words {
		b = append(b, w...)
	}
	return string(appendQuote(b, foreign))
}

func cut(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	n := maxQuoted
	for n > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// name shows an id bare when it is plainly harmless, else quoted.
func name(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isBase64URL(c) && c != '+' && c != '/' && c != '=' && c != '.' && c != '@' {
			return quote(s)
		}
	}
	if s == "" {
		return `""`
	}
	return cut(s)
}

func list(values []string, show func(string) string) string {
	var b strings.Builder
	for i, v := range values {
		if i == maxListed {
			b.WriteString(" and " + strconv.Itoa(len(values)-i) + " more")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(show(v))
	}
	return b.String()
}

// oneOf says what was wanted: `"a"` or `one of "a", "b"`.
func oneOf(values []string) string {
	if len(values) == 1 {
		return quote(values[0])
	}
	return "one of " + list(values, quote)
}

// describe shows a claim of any type in a few words.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return quote(v)
	case json.Number:
		return "the number " + cut(string(v))
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "an array of " + strconv.Itoa(len(v))
	case map[string]any:
		return "an object"
	}
	return "of an unknown kind"
}

// duration shows 42s, 3m02s, 5h07m or 12d4h; parts of a second are dropped.
func duration(d time.Duration) string { return string(appendDuration(nil, d)) }

func appendDuration(b []byte, d time.Duration) []byte {
	seconds := int64(d / time.Second)
	number := func(n int64, unit byte) { b = append(strconv.AppendInt(b, n, 10), unit) }
	two := func(n int64, unit byte) {
		if n < 10 {
			b = append(b, '0')
		}
		number(n, unit)
	}
	switch {
	case seconds < 60:
		number(seconds, 's')
	case seconds < 3600:
		number(seconds/60, 'm')
		two(seconds%60, 's')
	case seconds < 2*86400:
		number(seconds/3600, 'h')
		two(seconds/60%60, 'm')
	default:
		number(seconds/86400, 'd')
		number(seconds/3600%24, 'h')
	}
	return b
}

func instant(t time.Time) string { return string(appendInstant(nil, t)) }

func appendInstant(b []byte, t time.Time) []byte { return t.UTC().AppendFormat(b, time.RFC3339) }

// since is "expires in 3m02s (exp 2026-11-21T05:03:02Z)": words, a length of
// time, more words, and the claim with its time.
func since(before string, d time.Duration, after, claim string, t time.Time) string {
	b := appendDuration(append(make([]byte, 0, 128), before...), d)
	b = append(append(append(append(b, after...), " ("...), claim...), ' ')
	return string(append(appendInstant(b, t), ')'))
}
