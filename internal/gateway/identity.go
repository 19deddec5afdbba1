package gateway

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
)

// identitySource takes the token from a header: the bare token, or one behind
// "Bearer ". The token is empty when there is none to look at, and the check
// then says why.
//
// UNCONFIRMED: other spellings of the prefix, and a header that comes twice.
// Both are refused, so that nobody relies on them.
func identitySource(h http.Header, name string) (token string, check jwt.Check) {
	check.Name = "identity_source"
	values := h.Values(name)
	value := ""
	if len(values) == 1 {
		// White space around a field value is not part of it (RFC 9110,
		// section 5.5). A server has removed it; a request made up for a
		// prediction may still have it.
		value = strings.Trim(values[0], " \t")
	}
	switch {
	case len(values) == 0:
		check.Detail, check.Code = "the request has no "+name+" header", "token_missing"
		return "", check
	case len(values) > 1:
		check.Detail, check.Code = fmt.Sprintf("the request has %d %s headers", len(values), name), "token_ambiguous"
		return "", check
	case value == "":
		check.Detail, check.Code = "the "+name+" header is empty", "token_missing"
		return "", check
	}
	token, prefixed := strings.CutPrefix(value, "Bearer ")
	first, _, spaced := strings.Cut(token, " ")
	switch {
	case !prefixed && spaced && strings.EqualFold(first, "Bearer"):
		check.Detail, check.Code = fmt.Sprintf("the %s header starts with %q; only \"Bearer \" is known to work", name, first), "scheme_spelling"
	case prefixed:
		check.OK, check.Detail = true, "the "+name+" header holds a token behind \"Bearer \""
	default:
		check.OK, check.Detail = true, "the "+name+" header holds a bare token"
	}
	return token, check
}
