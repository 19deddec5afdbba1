package gateway

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
)

// headerSource takes the token from a header.
func headerSource(h http.Header, name string) (token string, check jwt.Check) {
	return tokenIn(h.Values(name), name+" header")
}

// tokenIn takes the token from the values of a header or a query parameter: the
// bare token, or one behind "Bearer ". The token is empty when there is none to
// look at, and the check then says why.
//
// UNCONFIRMED: other spellings of the prefix, and a source that comes twice.
// Both are refused, so that nobody relies on them.
func tokenIn(values []string, from string) (token string, check jwt.Check) {
	check.Name = "identity_source"
	value := ""
	if len(values) == 1 {
		// White space around a field value is not part of it (RFC 9110,
		// section 5.5). A server has removed it; a request made up for a
		// prediction may still have it.
		value = strings.Trim(values[0], " \t")
	}
	switch {
	case len(values) == 0:
		check.Detail, check.Code = "the request has no "+from, "token_missing"
		return "", check
	case len(values) > 1:
		check.Detail, check.Code = fmt.Sprintf("the request has the %s %d times", from, len(values)), "token_ambiguous"
		return "", check
	case value == "":
		check.Detail, check.Code = "the "+from+" is empty", "token_missing"
		return "", check
	}
	token, prefixed := strings.CutPrefix(value, "Bearer ")
	first, _, spaced := strings.Cut(token, " ")
	switch {
	case !prefixed && spaced && strings.EqualFold(first, "Bearer"):
		check.Detail, check.Code = fmt.Sprintf("the %s starts with %q; only \"Bearer \" is known to work", from, first), "scheme_spelling"
	case prefixed:
		check.OK, check.Detail = true, "the "+from+" holds a token behind \"Bearer \""
	default:
		check.OK, check.Detail = true, "the "+from+" holds a bare token"
	}
	return token, check
}
