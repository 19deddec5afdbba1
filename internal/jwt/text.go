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

func quote(s string) string {
	s = cut(s)
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.Quote(s)
		}
	}
	return `"` + s + `"` // as strconv.Quote, at a fifth of the time
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
func duration(d time.Duration) string {
	seconds := int64(d / time.Second)
	two := func(n int64) string {
		if n < 10 {
			return "0" + strconv.FormatInt(n, 10)
		}
		return strconv.FormatInt(n, 10)
	}
	one := func(n int64) string { return strconv.FormatInt(n, 10) }
	switch {
	case seconds < 60:
		return one(seconds) + "s"
	case seconds < 3600:
		return one(seconds/60) + "m" + two(seconds%60) + "s"
	case seconds < 2*86400:
		return one(seconds/3600) + "h" + two(seconds/60%60) + "m"
	}
	return one(seconds/86400) + "d" + one(seconds/3600%24) + "h"
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
