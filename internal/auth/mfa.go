package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// code answers a challenge that wants a code: the name of the response, and
// where people find the code.
func code(response string, item Item) answerer {
	return func(a *attempt, ctx context.Context, s step, op string) (step, error) {
		q := Question{Item: item, Username: a.username, Name: string(s.challenge), SentTo: s.parameters["CODE_DELIVERY_DESTINATION"], ServerTime: s.serverTime}
		send := func(code string) (step, error) { return a.respond(ctx, s, map[string]string{response: code}, op) }
		return a.answered(ctx, q, send, mistyped)
	}
}

// mistyped is the server's word on a wrong code. The session lives on, so the
// code may be typed again: measured for EMAIL_OTP, six wrong tries in a row.
func mistyped(err error) string {
	var refused *RefusedError
	if errors.As(err, &refused) && refused.Code == "CodeMismatchException" {
		return refused.Message
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
		kind, err = a.ask(ctx, Question{Item: ItemMFAKind, Username: a.username, Name: string(types.ChallengeNameTypeSelectMfaType), Options: kinds})
		if err != nil {
			return step{}, err
		}
	}
	if !slices.Contains(kinds, kind) {
		return step{}, fmt.Errorf("%s: %q is not a second factor of this user, who has %q", op, kind, kinds)
	}
	return a.respond(ctx, s, map[string]string{"ANSWER": kind}, op)
}

// mfaKinds reads what may be chosen. MFAS_CAN_CHOOSE is the name in use,
// MFAS_CAN_SELECT one that documentation has too (UNCONFIRMED).
func mfaKinds(parameters map[string]string) ([]string, error) {
	for _, name := range []string{"MFAS_CAN_CHOOSE", "MFAS_CAN_SELECT"} {
		raw := parameters[name]
		if raw == "" {
			continue
		}
		var kinds []string
		if err := json.Unmarshal([]byte(raw), &kinds); err != nil || len(kinds) == 0 {
			return nil, fmt.Errorf("the server's %s is not a JSON array of names: %.80q", name, raw)
		}
		return kinds, nil
	}
	return nil, errors.New("the server lets choose among no second factors (MFAS_CAN_CHOOSE is missing)")
}
