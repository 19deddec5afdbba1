package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/srp"
)

// answerer answers one challenge and returns the server's next step.
type answerer func(a *attempt, ctx context.Context, s step, op string) (step, error)

// challenges is the table of what can be answered, and by whom: a computation,
// a stored value or a person.
func challenges() map[types.ChallengeNameType]answerer {
	return map[types.ChallengeNameType]answerer{
		types.ChallengeNameTypePasswordVerifier:       (*attempt).passwordVerifier,
		types.ChallengeNameTypeNewPasswordRequired:    (*attempt).newPassword,
		types.ChallengeNameTypeSoftwareTokenMfa:       code("SOFTWARE_TOKEN_MFA_CODE", ItemTOTP),
		types.ChallengeNameTypeSmsMfa:                 code("SMS_MFA_CODE", ItemSMSCode),
		types.ChallengeNameTypeEmailOtp:               code("EMAIL_OTP_CODE", ItemEmailCode),
		types.ChallengeNameTypeSmsOtp:                 code("SMS_OTP_CODE", ItemSMSCode),
		types.ChallengeNameTypeSelectMfaType:          (*attempt).selectMFA,
		types.ChallengeNameTypeMfaSetup:               (*attempt).setupMFA,
		types.ChallengeNameTypeDeviceSrpAuth:          (*attempt).deviceSRP,
		types.ChallengeNameTypeDevicePasswordVerifier: (*attempt).devicePassword,
		types.ChallengeNameTypeCustomChallenge:        (*attempt).custom,
		types.ChallengeNameTypeSelectChallenge:        (*attempt).selectChallenge,
		types.ChallengeNameTypePassword:               (*attempt).password,
		types.ChallengeNameTypePasswordSrp:            (*attempt).password,
		types.ChallengeNameTypeWebAuthn:               (*attempt).passkey,
	}
}

// passwordVerifier computes the SRP proof of the password.
func (a *attempt) passwordVerifier(ctx context.Context, s step, op string) (step, error) {
	if a.handshake == nil {
		return step{}, &UnsupportedChallengeError{Name: string(s.challenge), Username: a.user.Username}
	}
	pool, err := srp.PoolName(a.client.config.UserPoolID)
	if err != nil {
		return step{}, err
	}
	responses, err := a.proof(a.handshake, srp.Identity{Pool: pool, User: a.username, Password: a.user.Password}, s)
	if err != nil {
		return step{}, fmt.Errorf("%s: the server's %s challenge: %w", op, s.challenge, err)
	}
	return a.respond(ctx, s, responses, op)
}

// proof answers an SRP challenge. The timestamp in it is the server's own time,
// read off the challenge's Date, so that a wrong local clock does not look like a
// wrong password.
func (a *attempt) proof(handshake *srp.Client, id srp.Identity, s step) (map[string]string, error) {
	at := s.serverTime
	if at.IsZero() {
		at = s.received
	}
	if waited := a.client.config.Now().Sub(s.received); waited > 0 && waited < time.Minute {
		at = at.Add(waited)
	}
	challenge := srp.Challenge{Salt: s.parameters["SALT"], B: s.parameters["SRP_B"], SecretBlock: s.parameters["SECRET_BLOCK"]}
	proof, err := handshake.Prove(id, challenge, at)
	if err != nil {
		return nil, err
	}
	a.client.secret(proof.Signature)
	return map[string]string{
		"PASSWORD_CLAIM_SIGNATURE":    proof.Signature,
		"PASSWORD_CLAIM_SECRET_BLOCK": proof.SecretBlock,
		"TIMESTAMP":                   proof.Timestamp,
	}, nil
}

// answered asks q and sends the answer, again and again until the server takes one.
//
// refused returns the server's message where its error means that another answer may be
// given, and "" for all other errors. After such an answer the challenge stays open and
// the session string good (measured for codes; UNCONFIRMED for new passwords, but web
// clients rely on it). The question is then put again with that message (Question.Retry)
// and the number of refusals.
//
// The Ask decides how often there is another answer. A person may go on until the server
// ends the session. A stored value answers once: a server must not collect codes, nor
// keep a job that holds the session's lock busy for long.
func (a *attempt) answered(ctx context.Context, q Question, send func(answer string) (step, error), refused func(error) string) (step, error) {
	var refusal error
	for range maxSteps {
		answer, err := a.user.Ask(ctx, q)
		switch {
		case refusal != nil && errors.Is(err, ErrNoOther):
			return step{}, refusal // a stored value has no second answer
		case err != nil:
			return step{}, err
		}
		next, err := send(answer)
		if err == nil {
			return next, nil
		}
		if q.Retry = refused(err); q.Retry == "" {
			return step{}, err
		}
		q.Refused++
		refusal = err
	}
	return step{}, refusal
}

// newPassword answers NEW_PASSWORD_REQUIRED: the account still has the password
// an administrator gave it. Attributes that the pool requires and the user
// lacks are asked for; those it has are not sent back, because Cognito refuses
// to see some of them (email_verified, sub) again.
func (a *attempt) newPassword(ctx context.Context, s step, op string) (step, error) {
	lacking, err := lackingAttributes(s)
	if err != nil {
		return step{}, fmt.Errorf("%s: %w", op, err)
	}
	var questions []Question
	for _, name := range lacking {
		questions = append(questions, Question{Item: ItemAttribute, Username: a.user.Username, Name: name})
	}
	q := Question{Item: ItemNewPassword, Username: a.user.Username}
	answers, err := a.askAll(ctx, append(questions, q))
	if err != nil {
		return step{}, err
	}
	send := func(password string) (step, error) {
		responses := map[string]string{"NEW_PASSWORD": password}
		for _, name := range lacking {
			responses["userAttributes."+name] = answers[name]
		}
		return a.respond(ctx, s, responses, op)
	}
	return a.answered(ctx, q, send, againstPolicy)
}

// askAll asks one question after the other and returns the answers by the names of
// the questions. All that nobody could answer is named in one *InputError.
func (a *attempt) askAll(ctx context.Context, questions []Question) (map[string]string, error) {
	answers := map[string]string{}
	var lacking *InputError
	for _, q := range questions {
		answer, err := a.user.Ask(ctx, q)
		var needed *InputError
		switch {
		case err == nil:
			answers[q.Name] = answer
		case !errors.As(err, &needed):
			return nil, err
		case lacking == nil:
			first := *needed
			lacking = &first
		default:
			lacking.Also = append(lacking.Also, needed)
		}
	}
	if lacking != nil {
		return nil, lacking
	}
	return answers, nil
}

// againstPolicy is the server's message about a new password that its policy does not
// allow; empty for any other error.
func againstPolicy(err error) string {
	var service *ServiceError
	if !errors.As(err, &service) {
		return ""
	}
	switch service.Code {
	case "InvalidPasswordException", "PasswordHistoryPolicyViolationException":
		return service.Message
	}
	return ""
}

// lackingAttributes are the names of the attributes that the pool requires and the user
// does not have, without the prefix userAttributes.
func lackingAttributes(s step) ([]string, error) {
	var required []string
	if raw := s.parameters["requiredAttributes"]; raw != "" {
		if err := json.Unmarshal([]byte(raw), &required); err != nil {
			return nil, fmt.Errorf("the server's requiredAttributes is not a JSON array: %w", err)
		}
	}
	known := map[string]any{}
	if raw := s.parameters["userAttributes"]; raw != "" {
		if err := json.Unmarshal([]byte(raw), &known); err != nil {
			return nil, fmt.Errorf("the server's userAttributes is not a JSON object: %w", err)
		}
	}
	slices.Sort(required)
	var lacking []string
	for _, entry := range required {
		name := strings.TrimPrefix(entry, "userAttributes.")
		if value, ok := known[name].(string); !ok || value == "" {
			lacking = append(lacking, name)
		}
	}
	return lacking, boundAttributes(lacking)
}

// mostAttributes is above what user pools have: 20 standard attributes and up to 50 of their
// own. https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html
const mostAttributes = 100

// boundAttributes refuses more attributes, or longer names, than a user pool has: nobody
// could answer for them all, nor read an error that names them.
func boundAttributes(names []string) error {
	if len(names) > mostAttributes {
		return fmt.Errorf("the server requires %d attributes of the user, which is more than a user pool has", len(names))
	}
	for _, name := range names {
		if utf8.RuneCountInString(name) > maxAttributeName {
			return fmt.Errorf("the server requires an attribute with a name of more than %d characters: %q", maxAttributeName, redact.Cut(name))
		}
	}
	return nil
}
