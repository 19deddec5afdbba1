package request

import (
	"strconv"
	"strings"
)

// Expect is a set of HTTP statuses. The zero value is empty, see IsZero.
type Expect struct {
	text  string
	spans []span
}

type span struct{ from, to int } // both included

// ParseExpect reads --expect: statuses, classes and ranges, joined by commas,
// such as "401", "2xx", "200,204", "200-299", "2xx,304". Statuses are
// 100 to 999. The error is a *UsageError.
func ParseExpect(s string) (Expect, error) {
	e := Expect{text: s}
	for piece := range strings.SplitSeq(s, ",") {
		sp, ok := parseSpan(strings.TrimSpace(piece))
		if !ok {
			return Expect{}, usagef("--expect %q: %q is not a status", s, strings.TrimSpace(piece)).
				tip("write it like 401, 2xx, 200,204 or 200-299")
		}
		e.spans = append(e.spans, sp)
	}
	return e, nil
}

// Match reports whether status is in the set.
func (e Expect) Match(status int) bool {
	for _, sp := range e.spans {
		if sp.from <= status && status <= sp.to {
			return true
		}
	}
	return false
}

// IsZero reports that nothing was parsed: no --expect.
func (e Expect) IsZero() bool { return len(e.spans) == 0 }

// String is the text that was parsed.
func (e Expect) String() string { return e.text }

func parseSpan(s string) (span, bool) {
	if len(s) == 3 && strings.EqualFold(s[1:], "xx") && '1' <= s[0] && s[0] <= '9' {
		from := int(s[0]-'0') * 100
		return span{from, from + 99}, true
	}
	first, last, isRange := strings.Cut(s, "-")
	from, ok := parseStatus(strings.TrimSpace(first))
	if !isRange {
		return span{from, from}, ok
	}
	to, okTo := parseStatus(strings.TrimSpace(last))
	return span{from, to}, ok && okTo && from <= to
}

func parseStatus(s string) (int, bool) {
	if len(s) != 3 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 100
}
