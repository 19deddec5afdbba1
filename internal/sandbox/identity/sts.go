package identity

import (
	"encoding/xml"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sigv4"
)

const (
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	stsVersion   = "2011-06-15"
	stsService   = "sts"
)

// isQuery says whether a request is of the query protocol: a form that names no
// target.
func isQuery(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "application/x-www-form-urlencoded" && r.Header.Get("X-Amz-Target") == ""
}

// stsError is a refusal of the Security Token Service.
type stsError struct {
	status  int
	code    string
	message string
}

func (e *stsError) Error() string { return e.code + ": " + e.message }

var (
	errNotAuthorizedSTS = &stsError{http.StatusForbidden, "AccessDenied", "Not authorized to perform " + assumeAction}
	errNotAJWT          = &stsError{http.StatusBadRequest, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"}
	errBadAudience      = &stsError{http.StatusBadRequest, "InvalidIdentityToken", "Incorrect token audience"}
	errBadSignature     = &stsError{http.StatusBadRequest, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"} // for a wrong signature UNCONFIRMED
	errTooLong          = &stsError{http.StatusBadRequest, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	errSTSInternal      = &stsError{http.StatusInternalServerError, "InternalFailure", "An internal error occurred"}
)

func errValidation(format string, args ...any) error {
	return &stsError{http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, args...)}
}

// serveSTS answers a request of the query protocol.
func (h *Handler) serveSTS(w http.ResponseWriter, r *http.Request, id string) {
	answer, err := h.runSTS(w, r, id)
	status := http.StatusOK
	if err != nil {
		refusal, ok := errors.AsType[*stsError](err)
		if !ok {
			refusal = errSTSInternal
		}
		status, answer = refusal.status, errorResponse{Namespace: stsNamespace, Type: "Sender", Code: refusal.code, Message: refusal.message, RequestID: id}
		// AWS sends no such header here; the sandbox's log reads it.
		w.Header().Set("X-Amzn-Errortype", refusal.code)
	}
	body, err := xml.Marshal(answer)
	if err != nil {
		status, body = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	// An error here means that the client has gone.
	_, _ = w.Write(body)
}

type errorResponse struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// runSTS finds and runs the action. Every panic ends here.
func (h *Handler) runSTS(w http.ResponseWriter, r *http.Request, id string) (answer any, err error) {
	defer func() {
		if recover() != nil {
			answer, err = nil, errSTSInternal
		}
	}()
	body, err := protocol.ReadBody(w, r)
	if err != nil {
		return nil, &stsError{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request body cannot be read"} // UNCONFIRMED
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &stsError{http.StatusBadRequest, "MalformedQueryString", "The query string is malformed"} // UNCONFIRMED
	}
	action := form.Get("Action")
	switch {
	case form.Get("Version") != stsVersion:
	case action == "AssumeRoleWithWebIdentity":
		h.count(r.Context(), action)
		return h.assumeRoleWithWebIdentity(r, form, id)
	case action == "GetCallerIdentity":
		h.count(r.Context(), action)
		return h.getCallerIdentity(r, body, id)
	}
	return nil, &stsError{http.StatusBadRequest, "InvalidAction", "Could not find operation " + printable(action) + " for version " + printable(form.Get("Version"))}
}

// printable is text of the caller's in an answer: XML cannot hold every
// character.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), 128)])
}

type callerResponse struct {
	XMLName   xml.Name `xml:"GetCallerIdentityResponse"`
	Namespace string   `xml:"xmlns,attr"`
	ARN       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

// getCallerIdentity needs a signature and no permission.
func (h *Handler) getCallerIdentity(r *http.Request, body []byte, id string) (any, error) {
	who, err := h.Caller(r, body, sigv4.Scope{Region: h.Region, Service: stsService})
	if err != nil {
		refusal, ok := errors.AsType[*sigv4.VerifyError](err)
		if !ok {
			return nil, err
		}
		return nil, queryRefusal(refusal)
	}
	return callerResponse{Namespace: stsNamespace, ARN: who.ARN, UserID: who.UserID, Account: who.AccountID, RequestID: id}, nil
}

// queryRefusal has the names that services of the query protocol give to the
// refusals of a signature.
func queryRefusal(refusal *sigv4.VerifyError) error {
	switch refusal.Code {
	case sigv4.InvalidSignature:
		return &stsError{http.StatusForbidden, "SignatureDoesNotMatch", refusal.Message}
	case sigv4.UnrecognizedClient:
		return &stsError{http.StatusForbidden, "InvalidClientTokenId", refusal.Message}
	case sigv4.IncompleteSignature:
		return &stsError{http.StatusBadRequest, "IncompleteSignature", refusal.Message}
	case errSessionOver.Code:
		return &stsError{http.StatusForbidden, "ExpiredToken", refusal.Message}
	}
	return &stsError{http.StatusForbidden, "MissingAuthenticationToken", refusal.Message}
}

type assumeResponse struct {
	XMLName   xml.Name `xml:"AssumeRoleWithWebIdentityResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Result    struct {
		Subject  string `xml:"SubjectFromWebIdentityToken"`
		Audience string `xml:"Audience"`
		RoleARN  string `xml:"AssumedRoleUser>Arn"`
		RoleID   string `xml:"AssumedRoleUser>AssumedRoleId"`
		Provider string `xml:"Provider"`

		AccessKeyID  string `xml:"Credentials>AccessKeyId"`
		SecretKey    string `xml:"Credentials>SecretAccessKey"`
		SessionToken string `xml:"Credentials>SessionToken"`
		Expiration   string `xml:"Credentials>Expiration"`
	} `xml:"AssumeRoleWithWebIdentityResult"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

// assumeRoleWithWebIdentity takes the OpenID tokens of identity pools.
func (h *Handler) assumeRoleWithWebIdentity(r *http.Request, form url.Values, id string) (any, error) {
	for _, parameter := range []string{"RoleArn", "RoleSessionName", "WebIdentityToken"} {
		if form.Get(parameter) == "" {
			first := strings.ToLower(parameter[:1]) + parameter[1:]
			return nil, errValidation("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", first)
		}
	}
	name := form.Get("RoleSessionName")
	if len(name) < 2 || len(name) > 64 || strings.ContainsFunc(name, isOddInSession) {
		return nil, errValidation("1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*")
	}
	if form.Get("Policy") != "" || form.Get("PolicyArns.member.1.arn") != "" {
		return nil, errValidation("the sandbox does not know session policies") // ours
	}
	claims, err := h.openIDToken(r, form.Get("WebIdentityToken"))
	if err != nil {
		return nil, err
	}
	role, known := h.Store.Role(form.Get("RoleArn"))
	who := webIdentity{audience: claims.String("aud"), subject: claims.String("sub"), amr: claims.Strings("amr")}
	if !known || !h.trusts(role, who, false) {
		return nil, errNotAuthorizedSTS
	}
	lasts, err := duration(form.Get("DurationSeconds"), role)
	if err != nil {
		return nil, err
	}
	key, err := h.assume(role, session{name: name, lasts: lasts, identityID: who.subject, poolID: who.audience, amr: who.amr})
	if err != nil {
		return nil, err
	}
	answer := assumeResponse{Namespace: stsNamespace, RequestID: id}
	answer.Result.Subject, answer.Result.Audience, answer.Result.Provider = who.subject, who.audience, federated
	answer.Result.RoleARN, answer.Result.RoleID = key.ARN, key.UserID
	answer.Result.AccessKeyID, answer.Result.SecretKey = key.AccessKeyID, key.SecretAccessKey
	answer.Result.SessionToken, answer.Result.Expiration = key.SessionToken, key.Expires.UTC().Format(time.RFC3339)
	return answer, nil
}

func isOddInSession(r rune) bool {
	return isOddInRegion(r) && !strings.ContainsRune("+=,.@", r)
}

// openIDToken checks a token of GetOpenIDToken.
func (h *Handler) openIDToken(r *http.Request, token string) (jwt.Claims, error) {
	parsed, err := jwt.Parse(token)
	if err != nil {
		return nil, errNotAJWT
	}
	if issuer := parsed.Claims.String("iss"); issuer != h.Issuer() {
		return nil, &stsError{http.StatusBadRequest, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + printable(issuer)}
	}
	signer, err := h.OpenIDKey()
	if err != nil {
		return nil, err
	}
	now := h.Now()
	report := jwt.Verify(r.Context(), token, jwt.NewStaticKeys(h.Issuer(), signer.Public()), jwt.Policy{Issuers: []string{h.Issuer()}, Now: now})
	failed := report.Failed()
	_, known := h.Store.IdentityPool(parsed.Claims.String("aud"))
	switch {
	case len(failed) == 1 && failed[0].Code == jwt.CodeExpired:
		exp, _ := parsed.Claims.Time("exp")
		return nil, &stsError{http.StatusBadRequest, "ExpiredTokenException",
			fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), exp.Unix())}
	case len(failed) > 0:
		return nil, errBadSignature
	case !known:
		return nil, errBadAudience
	}
	return parsed.Claims, nil
}

// duration is how long a session lasts: an hour, or what was asked for, from 15
// minutes to the role's most.
func duration(asked string, role store.Role) (time.Duration, error) {
	if asked == "" {
		return time.Hour, nil
	}
	seconds, err := strconv.Atoi(asked)
	if err != nil || seconds < 900 || seconds > 43200 {
		return 0, errValidation("1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900 and less than or equal to 43200", printable(asked))
	}
	most := role.MaxSession
	if most == 0 {
		most = time.Hour
	}
	if lasts := time.Duration(seconds) * time.Second; lasts <= most {
		return lasts, nil
	}
	return 0, errTooLong
}
