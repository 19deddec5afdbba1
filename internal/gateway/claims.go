package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
)

// restClaims renders claims for requestContext.authorizer.claims of a REST
// API, where every value is a string. In captured events exp and iat are dates
// in Java's form ("Mon Jun 15 05:56:21 UTC 2026") while auth_time is a number,
// and cognito:groups is joined with commas. UNCONFIRMED: nbf, arrays of
// anything but strings, and null.
func restClaims(claims jwt.Claims) map[string]string {
	out := make(map[string]string, len(claims))
	for name, value := range claims {
		switch name {
		case "exp", "iat", "nbf":
			if t, ok := claims.Time(name); ok {
				out[name] = t.UTC().Format("Mon Jan 02 15:04:05 MST 2006")
				continue
			}
		}
		out[name] = restValue(value)
	}
	return out
}

func restValue(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = restValue(e)
		}
		return strings.Join(parts, ",")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// httpClaims renders claims for requestContext.authorizer.jwt.claims of an HTTP
// API, where every value is a string too, but arrays read "[admin readers]".
// UNCONFIRMED: objects and null; the form of arrays is that of Go's fmt, so
// theirs is taken to be as well.
func httpClaims(claims jwt.Claims) map[string]string {
	out := make(map[string]string, len(claims))
	for name, value := range claims {
		out[name] = fmt.Sprint(value)
	}
	return out
}

// quoted shows a list that a token or a configuration holds, ready for a
// terminal and of bounded length.
func quoted(values []string) string { return quotedUpTo(values, 80) }

// quotedLong is quoted for ARNs, whose telling part is at the end.
func quotedLong(values []string) string { return quotedUpTo(values, 200) }

func quotedUpTo(values []string, longest int) string {
	const most = 8
	if len(values) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == most {
			fmt.Fprintf(&b, "and %d more", len(values)-most)
			break
		}
		if len(v) > longest {
			v = strings.ToValidUTF8(v[:longest], "") + "…"
		}
		b.WriteString(strconv.Quote(v))
	}
	return b.String()
}
