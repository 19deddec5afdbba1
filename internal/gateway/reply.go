package gateway

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
)

// Error types as x-amzn-ErrorType carries them. HTTP APIs send none.
const (
	unauthorizedException        = "UnauthorizedException"
	missingAuthenticationToken   = "MissingAuthenticationTokenException"
	incompleteSignature          = "IncompleteSignatureException"
	internalServerErrorException = "InternalServerErrorException"
	authorizerConfiguration      = "AuthorizerConfigurationException"
	accessDenied                 = "AccessDeniedException"
	forbiddenException           = "ForbiddenException"
	limitExceeded                = "LimitExceededException"
	tooManyRequests              = "TooManyRequestsException"
)

// refuseREST is a refusal with the default gateway response template of REST
// APIs, {"message":$context.error.messageString}.
func refuseREST(status int, message, errorType string, checks []jwt.Check) Decision {
	d := refuseHTTP(status, message, "", checks)
	d.Headers.Set("X-Amzn-Errortype", errorType)
	return d
}

// refuseHTTP is a refusal as HTTP APIs send it. challenge is the value of
// www-authenticate, if any. Captures of 2020 lack the Content-Type, those of
// 2024 have it.
func refuseHTTP(status int, message, challenge string, checks []jwt.Check) Decision {
	h := http.Header{"Content-Type": {"application/json"}}
	if challenge != "" {
		h.Set("Www-Authenticate", challenge)
	}
	return Decision{Status: status, Message: message, Body: messageBody(message), Headers: h, Checks: checks}
}

// refuseByPolicy is the refusal by a policy that an authorizer of a REST API
// returned. Its key is Message, with a capital, unlike that of every other
// answer. UNCONFIRMED: the newer text for an implicit deny, which ends in
// "because no identity-based policy allows the execute-api:Invoke action".
func refuseByPolicy(effect Effect, checks []jwt.Check) Decision {
	message := "User is not authorized to access this resource"
	if effect == EffectExplicitDeny {
		message += " with an explicit deny in an identity-based policy"
	}
	d := refuseREST(http.StatusForbidden, message, accessDenied, checks)
	d.Body = []byte(`{"Message":"` + message + `"}`)
	return d
}

// messageBody renders {"message":"…"} without the space after the colon and
// without HTML escapes, byte for byte as API Gateway does.
func messageBody(message string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// Encoding a struct of one string cannot fail.
	_ = enc.Encode(struct {
		Message string `json:"message"`
	}{message})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// internalError is the answer when the backend broke. The REST body has a
// space after the colon in captures.
func internalError(k Kind) Decision {
	if k == HTTP {
		return refuseHTTP(http.StatusInternalServerError, "Internal Server Error", "", nil)
	}
	d := refuseREST(http.StatusInternalServerError, "Internal server error", internalServerErrorException, nil)
	d.Body = []byte(`{"message": "Internal server error"}`)
	return d
}

// tooLarge is the answer to a body above limit bytes. REST APIs answer in
// plain text, before any gateway response template applies. UNCONFIRMED: the
// Content-Type there, and everything about HTTP APIs.
func tooLarge(k Kind, limit int64) Decision {
	if k == HTTP {
		return refuseHTTP(http.StatusRequestEntityTooLarge, "Request Entity Too Large", "", nil)
	}
	text := fmt.Sprintf("HTTP content length exceeded %d bytes.", limit)
	return Decision{
		Status:  http.StatusRequestEntityTooLarge,
		Message: text,
		Body:    []byte(text),
		Headers: http.Header{"Content-Type": {"text/plain"}},
	}
}

// noRoute is the answer to a method and path that no route takes. REST APIs
// have no 404: they look at the request as one for a method with IAM
// authorization, and complain about the signature it does not have. That is
// why a bearer token on a mistyped path is told about equal-signs.
func noRoute(k Kind, h http.Header) Decision {
	if k == HTTP {
		return refuseHTTP(http.StatusNotFound, "Not Found", "", nil)
	}
	message, errorType := unsigned(h)
	return refuseREST(http.StatusForbidden, message, errorType, nil)
}

// unsigned is what AWS's signature check says about a request without a
// signature, from the form of its Authorization header.
//
// Older deployments repeated the header's value in both texts; those since
// about 2023 send its SHA-256. The hash is also what belongs into a local
// answer: a token must not land in logs because of a typo in a path.
// UNCONFIRMED: that the hash covers the whole value, and the exact place of
// "(Hashed …)" in the second text.
func unsigned(h http.Header) (message, errorType string) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "Missing Authentication Token", missingAuthenticationToken
	}
	sum := sha256.Sum256([]byte(values[0]))
	hashed := base64.StdEncoding.EncodeToString(sum[:])
	parameters, ok := signatureParameters(values[0])
	if !ok {
		return "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" + hashed + "'.", incompleteSignature
	}
	var missing []string
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if !parameters[name] {
			missing = append(missing, "Authorization header requires '"+name+"' parameter.")
		}
	}
	if h.Get("X-Amz-Date") == "" && h.Get("Date") == "" {
		missing = append(missing, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if len(missing) == 0 {
		// UNCONFIRMED: a complete signature on a path that does not exist.
		return "Missing Authentication Token", missingAuthenticationToken
	}
	return strings.Join(missing, " ") + " (Hashed with SHA-256 and encoded with Base64) Authorization=" + hashed, incompleteSignature
}

// signatureParameters reads "ALGORITHM key=value, key=value". A value of one
// word has no parameters; ok is false when one has no equal-sign.
func signatureParameters(value string) (names map[string]bool, ok bool) {
	names = make(map[string]bool)
	_, list, found := strings.Cut(value, " ")
	if !found {
		return names, true
	}
	for part := range strings.SplitSeq(list, ",") {
		name, _, ok := strings.Cut(part, "=")
		if !ok {
			return nil, false
		}
		names[strings.TrimSpace(name)] = true
	}
	return names, true
}

// write sends a refusal.
func (d Decision) write(w http.ResponseWriter) {
	for name, values := range d.Headers {
		w.Header()[wireName(name)] = values
	}
	w.WriteHeader(d.Status)
	// An error here means that the client has gone.
	_, _ = w.Write(d.Body)
}

// wireName is the spelling that API Gateway uses on HTTP/1.1. Header names are
// not case sensitive, but scripts that read curl's output are.
func wireName(canonical string) string {
	switch canonical {
	case "X-Amzn-Errortype":
		return "x-amzn-ErrorType"
	case "X-Amzn-Requestid":
		return "x-amzn-RequestId"
	case "X-Amz-Apigw-Id", "Apigw-Requestid", "Www-Authenticate":
		return strings.ToLower(canonical)
	}
	return canonical
}

// setIDs puts the ids of a request on its answer, whoever gives it. The extended
// one is of REST APIs.
func setIDs(h http.Header, k Kind, id, extended string) {
	if k == HTTP {
		h[wireName("Apigw-Requestid")] = []string{id}
		return
	}
	h[wireName("X-Amzn-Requestid")] = []string{id}
	h[wireName("X-Amz-Apigw-Id")] = []string{extended}
}

// newID makes a request id: a random UUID for REST APIs, the shorter extended
// form for HTTP APIs.
func newID(k Kind) string {
	if k == HTTP {
		return extendedID()
	}
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40 // version 4 (RFC 9562, section 5.4)
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// extendedID has the form of "Mc7UVioPPHcEKPA=": 11 bytes in URL-safe base64.
func extendedID() string {
	var b [11]byte
	rand.Read(b[:])
	return base64.URLEncoding.EncodeToString(b[:])
}
