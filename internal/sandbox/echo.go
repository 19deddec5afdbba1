package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/cogctl/cogctl/internal/gateway"
)

// redacted stands where a credential was.
const redacted = "<redacted>"

// echoed is what the echo backend answers: the request as the backend of an API
// sees it, without the credentials.
type echoed struct {
	Method       string              `json:"method"`
	Path         string              `json:"path"`
	Query        map[string][]string `json:"query"`
	Headers      map[string]string   `json:"headers"` // values of one name joined with ", "
	Body         string              `json:"body"`
	BodyEncoding string              `json:"bodyEncoding,omitempty"` // base64 when the body is not UTF-8
	Authorizer   map[string]any      `json:"authorizer"`             // requestContext.authorizer; null on an open route
}

// echo is the backend of every route.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, message("the request body ended early"))
		return
	}
	hide := hider(r.Header)
	answer := echoed{
		Method: r.Method, Path: hide(r.URL.Path), Query: map[string][]string{}, Headers: map[string]string{},
		Authorizer: gateway.AuthorizerContext(r),
	}
	for name, values := range r.URL.Query() {
		for _, v := range values {
			answer.Query[hide(name)] = append(answer.Query[hide(name)], hide(v))
		}
	}
	for name, values := range r.Header {
		answer.Headers[name] = showHeader(name, hide(strings.Join(values, ", ")))
	}
	answer.Headers["Host"] = r.Host
	if utf8.Valid(body) {
		answer.Body = hide(string(body))
	} else {
		answer.Body, answer.BodyEncoding = base64.StdEncoding.EncodeToString(body), "base64"
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ") // people read this one
	// An error here means that the client has gone.
	_ = encoder.Encode(answer)
}

// showHeader leaves of a header that carries a credential the scheme, if it is
// one that is known.
func showHeader(name, value string) string {
	switch name {
	case "Authorization", "Proxy-Authorization":
		if scheme, _, found := strings.Cut(value, " "); found && strings.EqualFold(scheme, "Bearer") {
			return scheme + " " + redacted
		}
		return redacted
	case "Cookie", "X-Api-Key", "X-Amz-Security-Token":
		return redacted
	}
	return value
}

// hider takes the token of the request out of wherever else it stands: people
// try it in the query and in other headers too.
func hider(h http.Header) func(string) string {
	var pairs []string
	for _, value := range h.Values("Authorization") {
		token := value[strings.LastIndexByte(value, ' ')+1:]
		if len(token) >= 16 { // shorter ones would blank half of the text
			pairs = append(pairs, token, redacted)
		}
	}
	return strings.NewReplacer(pairs...).Replace
}

// groups are the cognito:groups of the caller as the gateway gives them to the
// backend: of a REST API one string, joined with commas, of an HTTP API
// "[admin readers]".
func groups(r *http.Request) []string {
	context := gateway.AuthorizerContext(r)
	if claims, ok := context["claims"].(map[string]string); ok {
		return strings.FieldsFunc(claims["cognito:groups"], func(c rune) bool { return c == ',' })
	}
	token, _ := context["jwt"].(map[string]any)
	claims, _ := token["claims"].(map[string]string)
	return strings.Fields(strings.Trim(claims["cognito:groups"], "[]"))
}
