package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/redact"
)

// code answers a challenge that wants a code. response is the name that the code has
// among the ChallengeResponses, item tells people where to find it.
func code(response string, item Item) answerer {
	return func(a *attempt, ctx context.Context, s step, op string) (step, error) {
		q := Question{
			Item: item, Username: a.user.Username, Name: string(s.challenge), ServerTime: s.serverTime,
			SentTo: redact.Cut(s.parameters["CODE_DELIVERY_DESTINATION"]), First: a.chosen == s.challenge,
		}
		again := &RefusedError{Op: op, Code: "CodeMismatchException", Message: "the server asks for the code again"}
		if a.seen[s.challenge] > 1 {
			q.Retry = again.Message
		}
		send := func(code string) (step, error) {
			a.client.secret(code)
			return a.respond(ctx, s, map[string]string{response: code}, op)
		}
		next, err := a.answered(ctx, q, send, mistyped)
		if errors.Is(err, ErrNoOther) {
			err = again
		}
		return next, err
	}
}

// mistyped is the server's message about a code that is wrong, or that an authenticator
// app gave and that was used already; empty for any other error. The session lives on,
// so another code may be given: measured for EMAIL_OTP, six wrong tries in a row.
func mistyped(err error) string {
	var refused *RefusedError
	if !errors.As(err, &refused) {
		return ""
	}
	if refused.Code == "CodeMismatchException" || refused.Code == "ExpiredCodeException" && usedOnce(refused.Message) {
		return refused.Message
	}
	return ""
}

// usedOnce recognises "Your software token has already been used once."
func usedOnce(message string) bool {
	return strings.Contains(strings.ToLower(message), "already been used")
}

// setupMFA answers MFA_SETUP: the pool wants a second factor and the user has
// none. An authenticator app is set up and verified on the spot; its code is the
// answer. https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AssociateSoftwareToken.html
func (a *attempt) setupMFA(ctx context.Context, s step, op string) (step, error) {
	if kinds := s.parameters["MFAS_CAN_SETUP"]; kinds != "" && !strings.Contains(kinds, string(types.ChallengeNameTypeSoftwareTokenMfa)) {
		why := fmt.Sprintf("the pool takes %s as a second factor, and the user has no address to send a code to: an administrator can set one", kinds)
		return step{}, &UnsupportedChallengeError{Name: string(s.challenge), Username: a.user.Username, Why: why}
	}
	associated, err := a.client.api.AssociateSoftwareToken(ctx, &cip.AssociateSoftwareTokenInput{Session: aws.String(s.session)})
	if err != nil {
		return step{}, apiError(op, err)
	}
	if err := checkTOTPSecret(op, aws.ToString(associated.SecretCode)); err != nil {
		return step{}, err
	}
	a.replaceSession(&s, associated.Session)
	a.client.secret(aws.ToString(associated.SecretCode))
	serverTime, _ := awsmiddleware.GetServerTime(associated.ResultMetadata)
	q := Question{
		Item: ItemAuthenticator, Username: a.user.Username, Name: string(s.challenge),
		Secret: aws.ToString(associated.SecretCode), ServerTime: serverTime,
	}
	verify := func(code string) (step, error) {
		a.client.secret(code)
		input := &cip.VerifySoftwareTokenInput{Session: aws.String(s.session), UserCode: aws.String(code)}
		verified, err := a.client.api.VerifySoftwareToken(ctx, input)
		if err != nil {
			return step{}, apiError(op, err)
		}
		a.replaceSession(&s, verified.Session)
		if verified.Status == types.VerifySoftwareTokenResponseTypeError {
			return step{}, &ServiceError{Op: op, Code: "EnableSoftwareTokenMFAException", Message: "the code was not taken (status ERROR)"}
		}
		return s, nil
	}
	if s, err = a.answered(ctx, q, verify, unverifiedCode); err != nil {
		return step{}, err
	}
	return a.respond(ctx, s, map[string]string{}, op)
}

// replaceSession gives a step the session string that succeeds its own. Where the server
// sends none, the old one stays.
func (a *attempt) replaceSession(s *step, session *string) {
	if next := aws.ToString(session); next != "" {
		s.session = next
		a.client.secretSession(next)
	}
}

// unverifiedCode is mistyped for the first code of a new authenticator: the server's
// message about a code that is wrong, or that does not look like a code (five digits,
// say); empty for any other error.
func unverifiedCode(err error) string {
	var service *ServiceError
	if !errors.As(err, &service) {
		return mistyped(err)
	}
	malformed := service.Code == "InvalidParameterException" && strings.Contains(strings.ToLower(service.Message), "usercode")
	if service.Code == "EnableSoftwareTokenMFAException" || malformed {
		return service.Message
	}
	return ""
}

// selectMFA answers SELECT_MFA_TYPE with one of the kinds that the user has.
func (a *attempt) selectMFA(ctx context.Context, s step, op string) (step, error) {
	kinds, err := mfaKinds(s.parameters)
	if err != nil {
		return step{}, fmt.Errorf("%s: %w", op, err)
	}
	kind := kinds[0]
	if len(kinds) > 1 {
		q := Question{Item: ItemMFAKind, Username: a.user.Username, Name: string(types.ChallengeNameTypeSelectMfaType), Options: kinds}
		if kind, err = a.user.Ask(ctx, q); err != nil {
			return step{}, err
		}
	}
	if !slices.Contains(kinds, kind) {
		return step{}, fmt.Errorf("%s: %q is not a second factor of this user, who has %q", op, kind, kinds)
	}
	return a.respond(ctx, s, map[string]string{"ANSWER": kind}, op)
}

// mfaKinds reads the second factors that may be chosen. MFAS_CAN_CHOOSE is the parameter
// that Cognito sends; documentation also has MFAS_CAN_SELECT (UNCONFIRMED).
func mfaKinds(parameters map[string]string) ([]string, error) {
	for _, name := range []string{"MFAS_CAN_CHOOSE", "MFAS_CAN_SELECT"} {
		raw := parameters[name]
		if raw == "" {
			continue
		}
		var kinds []string
		if err := json.Unmarshal([]byte(raw), &kinds); err != nil || len(kinds) == 0 {
			return nil, fmt.Errorf("the server's %s is not a JSON array of names: %q", name, redact.Cut(raw))
		}
		return kinds, nil
	}
	return nil, errors.New("the server names no second factors to choose from (MFAS_CAN_CHOOSE is missing)")
}
