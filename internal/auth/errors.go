package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cogctl/cogctl/internal/redact"
)

// RefusedError is Cognito's definite no to this user, password or session.
type RefusedError struct {
	Op      string // what was tried: "sign in ann at us-east-1_Ab12Cd34E"
	Code    string // the AWS error type, such as NotAuthorizedException
	Message string // Cognito's own words
	Answer  bool   // what was refused is an answer to the pool's own question (CUSTOM_CHALLENGE)
}

// WrongPassword reports whether the name or the password was refused. Such refusals count
// towards a lock-out; the others no password would change.
func (e *RefusedError) WrongPassword() bool { return !e.Answer && wrongGuess(e) }

// LockedOut reports whether Cognito refused because of too many wrong attempts: for a while
// even the right password is refused.
func (e *RefusedError) LockedOut() bool {
	return e.Code == "NotAuthorizedException" && strings.Contains(strings.ToLower(e.Message), "attempts exceeded")
}

// wrongGuess is WrongPassword for an answer to the pool's own question, too.
func wrongGuess(e *RefusedError) bool {
	switch e.Code {
	case "UserNotFoundException", "InvalidPasswordException":
		return true
	case "NotAuthorizedException":
		return strings.Contains(strings.ToLower(e.Message), "username or password") || e.LockedOut()
	}
	return false
}

func (e *RefusedError) Error() string {
	if e.Answer {
		return fmt.Sprintf("%s: an answer to the pool's own question was refused: %s (%s)", e.Op, strings.TrimSuffix(e.Message, "."), e.Code)
	}
	return fmt.Sprintf("%s: refused: %s (%s)", e.Op, strings.TrimSuffix(e.Message, "."), e.Code)
}

// InputError says that something is needed which nobody was there to give.
type InputError struct {
	Item    Item
	Subject string        // the user or attribute concerned
	Answers []string      // what would answer: a flag, an environment variable
	Also    []*InputError // what else is known to be needed, so that all of it is given at once
}

func (e *InputError) Error() string {
	text := e.needed()
	for _, other := range e.Also {
		text += ", " + other.needed()
	}
	return text + ", and there is nobody to ask"
}

func (e *InputError) needed() string {
	if e.Subject == "" {
		return string(e.Item) + " needed"
	}
	return string(e.Item) + " needed for " + redact.Cut(e.Subject)
}

// UnsupportedChallengeError is a challenge that this version has no answer to.
type UnsupportedChallengeError struct {
	Name     string // ChallengeName, such as SOFTWARE_TOKEN_MFA
	Username string
	Why      string // when it is known
	// Parameters are the names of what came with it. The values are not shown: nobody
	// knows which of them are secrets.
	Parameters []string
}

func (e *UnsupportedChallengeError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("sign in %s: Cognito asks for %s: %s", redact.Cut(e.Username), redact.Cut(e.Name), redact.Cut(e.Why))
	}
	with := ""
	if len(e.Parameters) > 0 {
		with = " (with " + redact.Cut(strings.Join(e.Parameters, ", ")) + ")"
	}
	return fmt.Sprintf("sign in %s: Cognito asks for the challenge %s%s, which this version of cogctl cannot answer",
		redact.Cut(e.Username), redact.Cut(e.Name), with)
}

// FlowDisabledError says that the app client does not allow the flow.
type FlowDisabledError struct {
	Flow     string // AuthFlow, such as USER_SRP_AUTH
	ClientID string
	Try      []string // other flows of ours, by the name that --flow takes
}

func (e *FlowDisabledError) Error() string {
	return fmt.Sprintf("the app client %s does not allow %s", e.ClientID, e.Flow)
}

// LostReplyError says that the answer to a step that must not be repeated never
// arrived, so nobody knows if the step took effect.
type LostReplyError struct {
	Challenge string
	Err       error
}

func (e *LostReplyError) Error() string {
	return fmt.Sprintf("the reply to %s was lost: %v", e.Challenge, e.Err)
}

func (e *LostReplyError) Unwrap() error { return e.Err }

// refusals are the AWS error types that mean no, whatever is tried again.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
var refusals = []string{
	"NotAuthorizedException", "UserNotFoundException", "UserNotConfirmedException",
	"PasswordResetRequiredException", "UserLambdaValidationException",
	"ForbiddenException", "ResourceNotFoundException", "InvalidUserPoolConfigurationException",
	reused, "ExpiredCodeException", "CodeMismatchException",
}

// apiError turns an error of the SDK into one of this package's, leaving out
// what the SDK wraps around it (operation, retry count, request id), so that
// the sentence is said once.
func apiError(op string, err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return &NoAnswerError{Op: op, Err: plain(err)}
	}
	code, message := redact.Cut(api.ErrorCode()), redact.Cut(api.ErrorMessage())
	if code == "UnknownError" { // the SDK's name for an answer without one
		return &NoAnswerError{Op: op, Err: plain(err)}
	}
	service := &ServiceError{Op: op, Code: code, Message: message}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		service.Status = answer.HTTPStatusCode()
	}
	if slices.Contains(refusals, code) && !service.broken() {
		return &RefusedError{Op: op, Code: code, Message: message}
	}
	return service
}

// ServiceError is an answer of Cognito that is neither a success nor a refusal
// of this user: a wrong parameter, a throttle, trouble on AWS's side.
type ServiceError struct {
	Op      string // what was tried
	Code    string // the AWS error type
	Message string // Cognito's own words
	Status  int    // of HTTP; 0 when unknown
}

func (e *ServiceError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("%s: %s", e.Op, e.Code)
	}
	return fmt.Sprintf("%s: %s (%s)", e.Op, strings.TrimSuffix(e.Message, "."), e.Code)
}

// broken reports whether the HTTP status shows that a server broke down, or that something
// on the way answered. Cognito refuses with 400, and so do the emulators cognito-local and
// moto, so the error type of a refusal in an answer with another status refuses nothing.
// The firewall in front of a pool has a type of its own; that its status is 403 is
// UNCONFIRMED.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html#API_InitiateAuth_Errors
func (e *ServiceError) broken() bool {
	switch e.Status {
	case 0, http.StatusBadRequest:
		return false
	case http.StatusForbidden:
		return e.Code != "ForbiddenException"
	}
	return true
}

// NoAnswerError is an operation that got no answer of the user pool API: the
// server was not reached, the connection broke, or something else answered.
type NoAnswerError struct {
	Op  string
	Err error
}

func (e *NoAnswerError) Error() string { return e.Op + ": " + e.Err.Error() }
func (e *NoAnswerError) Unwrap() error { return e.Err }

// plain drops the SDK's outer wrappers down to the cause a person can act on.
func plain(err error) error {
	if dial, ok := errors.AsType[*net.OpError](err); ok {
		return dial
	}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.HTTPStatusCode() != 0 {
		return &AnswerError{Status: answer.HTTPStatusCode(), From: from(answer), Err: innermost(answer)}
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s: %w", wrapped.URL, wrapped.Err)
	}
	if send, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return send.Err
	}
	if op, ok := errors.AsType[*smithy.OperationError](err); ok {
		return op.Err
	}
	return err
}

// innermost is the error that all the others are wrapped around.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// from is the address that was asked.
func from(answer *smithyhttp.ResponseError) string {
	if r := answer.Response; r != nil && r.Response != nil && r.Request != nil {
		return r.Request.URL.Redacted()
	}
	return "the server"
}

// AnswerError is an answer that is none of Cognito's: another program listens
// there, or something in between answered.
type AnswerError struct {
	Status int
	From   string
	Of     string // what should have answered; empty for the user pool API
	Err    error  // what was wrong with it
}

func (e *AnswerError) Unwrap() error { return e.Err }

func (e *AnswerError) Error() string {
	if e.Status >= 300 && e.Status < 400 {
		return fmt.Sprintf("%s answered %d, a redirect, which is not followed", e.From, e.Status)
	}
	of := e.Of
	if of == "" {
		of = "the user pool API"
	}
	text := fmt.Sprintf("%s answered %d with something that is not of %s", e.From, e.Status, of)
	// That it is no JSON says nothing more; a limit, or a broken connection, does.
	var syntax *json.SyntaxError
	var unknown *smithy.GenericAPIError
	if errors.As(e.Err, &syntax) || errors.As(e.Err, &unknown) || errors.Is(e.Err, io.EOF) {
		return text
	}
	return fmt.Sprintf("%s: %v", text, e.Err)
}

const (
	invalidRefreshToken = "invalid refresh token"
	reused              = "RefreshTokenReuseException"
	invalidGrant        = "invalid_grant"
)

// ended lists the answers to a refresh that mean that the session is over for good.
// Whatever is not listed keeps the session. The type alone does not say: also a wrong
// secret hash and a missing DEVICE_KEY get NotAuthorizedException. The texts are as
// recorded from AWS and must be the whole message, but for letter case and a full stop.
// Those of revoked and expired tokens are UNCONFIRMED, so other words may follow them.
var ended = []struct {
	code string
	text string // in lower case; "" for any
	more bool   // the message may go on after text
}{
	{"NotAuthorizedException", invalidRefreshToken, false},
	{"NotAuthorizedException", "refresh token has been revoked", true},
	{"NotAuthorizedException", "refresh token has expired", true},
	{"NotAuthorizedException", "user is disabled", false},
	{reused, "", true},
	{"UserNotFoundException", "", true},
	{invalidGrant, "", true}, // RFC 6749, section 5.2; invalid_client is a wrong secret
}

// misconfigured reports whether a message is about the app client's secret. It then says
// nothing about the session, whatever else is in it.
func misconfigured(message string) bool { return strings.Contains(message, "secret") }

// Ended reports whether err, from a refresh of s at its own endpoint, says that the session
// cannot come back. For a session with a device "Invalid Refresh Token" does not say so:
// that is also the answer where Cognito does not know the device any more.
func (s Session) Ended(err error) bool {
	var refused *RefusedError
	if !errors.As(err, &refused) {
		return false
	}
	message := strings.TrimSuffix(strings.TrimSpace(strings.ToLower(refused.Message)), ".")
	for _, row := range ended {
		if refused.Code != row.code || s.DeviceKey != "" && row.text == invalidRefreshToken {
			continue
		}
		goesOn := row.more && strings.HasPrefix(message, row.text) && !misconfigured(message)
		if row.text == "" || message == row.text || goesOn {
			return true
		}
	}
	return false
}
