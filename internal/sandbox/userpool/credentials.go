package userpool

import (
	"fmt"
	"net/http"
	"strings"
)

const (
	signingAlgorithm = "AWS4-HMAC-SHA256"
	signingService   = "cognito-idp"
)

// authorize judges the credentials of an operation that wants some.
func (h *Handler) authorize(r *http.Request, body []byte) error {
	if h.Authorize != nil {
		return h.Authorize(r, body)
	}
	return requireCredentials(r.Header.Get("Authorization"))
}

// requireCredentials looks at the Authorization header of an operation that
// AWS allows only with IAM credentials: an AWS4-HMAC-SHA256 header that is
// complete, with a scope for cognito-idp. The signature is not computed. The
// texts are those of AWS's common signature check, as DynamoDB gives them.
func requireCredentials(header string) error {
	if header == "" {
		return &Error{Type: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	}
	parameters, found := strings.CutPrefix(header, signingAlgorithm+" ")
	if !found {
		return &Error{Type: "IncompleteSignatureException", Message: "Authorization header must be of the algorithm " + signingAlgorithm + "."}
	}
	values := map[string]string{}
	for part := range strings.SplitSeq(parameters, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		values[name] = value
	}
	var lacking []string
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if values[name] == "" {
			lacking = append(lacking, fmt.Sprintf("Authorization header requires '%s' parameter.", name))
		}
	}
	if lacking != nil {
		return &Error{Type: "IncompleteSignatureException", Message: strings.Join(lacking, " ")}
	}
	return checkScope(values["Credential"])
}

// checkScope reads AKID/date/region/service/aws4_request.
func checkScope(credential string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return &Error{Type: "IncompleteSignatureException", Message: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."}
	}
	var wrong []string
	if parts[3] != signingService {
		wrong = append(wrong, fmt.Sprintf("Credential should be scoped to correct service: '%s'.", signingService))
	}
	if parts[4] != "aws4_request" {
		wrong = append(wrong, "Credential should be scoped with a valid terminator: 'aws4_request'.")
	}
	if wrong != nil {
		return &Error{Type: "InvalidSignatureException", Message: strings.Join(wrong, " ")}
	}
	return nil
}
