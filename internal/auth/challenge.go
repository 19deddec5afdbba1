package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

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
		return step{}, &UnsupportedChallengeError{Name: string(s.challenge), Username: a.username}
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
	proof, err := handshake.Prove(id, srp.Challenge{Salt: s.parameters["SALT"], B: s.parameters["SRP_B"], SecretBlock: s.parameters["SECRET_BLOCK"]}, at)
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

// answered asks q until the server takes the answer that send sends. An answer
// that refused says may be given anew leaves the challenge open: the session
// string stays good (for codes as measured, for new passwords UNCONFIRMED but
// what web clients rely on).
//
// One rule holds for every answer that was not taken, whether the server says so or
// asks for a code that it was given before in this sign-in: the question is put again
// with the reason (Question.Retry) and the number of refusals. What is stored stands
// by for a sign-in as often as the Ask says, which is once: a server must not collect
// codes, or wear out a lock that is held meanwhile. A person goes on until the server
// ends the session.
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
		return step{}, err
	}
	var questions []Question
	for _, name := range lacking {
		questions = append(questions, Question{Item: ItemAttribute, Username: a.username, Name: name})
	}
	q := Question{Item: ItemNewPassword, Username: a.username}
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
// the questions. What has no answer is named in one error, all of it.
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

// againstPolicy is the server's word on a new password that its policy dislikes.
func againstPolicy(err error) string {
	var service *ServiceError
	if errors.As(err, &service) && (service.Code == "InvalidPasswordException" || service.Code == "PasswordHistoryPolicyViolationException") {
		return service.Message
	}
	return ""
}

// lackingAttributes are the names of what the pool requires and the user has not.
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
	sort.Strings(required)
	var lacking []string
	for _, entry := range required {
		name := strings.TrimPrefix(entry, "userAttributes.")
		if value, ok := known[name].(string); !ok || value == "" {
			lacking = append(lacking, name)
		}
	}
	return lacking, nil
}
