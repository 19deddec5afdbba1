package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/redact"
)

// firstFactor notes the first factor that was chosen and returns the parameters to send
// along with the choice: the password, or SRP_A. With them Cognito leaves out the
// challenge that would ask for the same.
func (a *attempt) firstFactor(ctx context.Context, factor types.ChallengeNameType) (map[string]string, error) {
	a.chosen = factor
	if factor != types.ChallengeNameTypePassword && factor != types.ChallengeNameTypePasswordSrp {
		return map[string]string{}, nil
	}
	if a.user.Password == "" {
		var err error
		if a.user.Password, err = a.user.Ask(ctx, Question{Item: ItemPassword, Username: a.user.Username}); err != nil {
			return nil, err
		}
	}
	if factor == types.ChallengeNameTypePassword {
		return map[string]string{"PASSWORD": a.user.Password}, nil
	}
	srpA, err := a.beginSRP()
	return map[string]string{"SRP_A": srpA}, err
}

// selectChallenge answers SELECT_CHALLENGE with one of the first factors that the
// user has.
func (a *attempt) selectChallenge(ctx context.Context, s step, op string) (step, error) {
	options := make([]string, 0, len(s.available))
	for _, name := range s.available {
		if name != types.ChallengeNameTypeWebAuthn {
			options = append(options, string(name))
		}
	}
	if len(options) == 0 {
		return a.passkey(ctx, s, op)
	}
	choice, err := a.choose(ctx, options, op, len(options) < len(s.available))
	if err != nil {
		return step{}, err
	}
	responses, err := a.firstFactor(ctx, types.ChallengeNameType(choice))
	if err != nil {
		return step{}, err
	}
	responses["ANSWER"] = choice
	return a.respond(ctx, s, responses, op)
}

// choose settles on one of the options. A password that was to be proved is not sent
// because a server offers nothing else: that has to be chosen.
func (a *attempt) choose(ctx context.Context, options []string, op string, passkey bool) (string, error) {
	if len(options) == 1 && options[0] != string(types.ChallengeNameTypePassword) {
		return options[0], nil
	}
	choice, err := a.user.Ask(ctx, Question{Item: ItemFirstFactor, Username: a.user.Username, Name: string(types.ChallengeNameTypeSelectChallenge), Options: options, Passkey: passkey})
	if err == nil && !slices.Contains(options, choice) {
		err = fmt.Errorf("%s: %q is not a way in that the pool offers, which are %q", op, choice, options)
	}
	return choice, err
}

// password answers the challenges PASSWORD and PASSWORD_SRP, which come when the choice
// was sent without the password or SRP_A.
func (a *attempt) password(ctx context.Context, s step, op string) (step, error) {
	if s.challenge == types.ChallengeNameTypePassword && a.chosen != s.challenge {
		if _, err := a.choose(ctx, []string{string(s.challenge)}, op, false); err != nil {
			return step{}, err
		}
	}
	responses, err := a.firstFactor(ctx, s.challenge)
	if err != nil {
		return step{}, err
	}
	return a.respond(ctx, s, responses, op)
}

// passkey refuses WEB_AUTHN: the private key of a passkey is kept by a browser or a
// phone, and bound to the domain of the sign-in pages.
func (a *attempt) passkey(context.Context, step, string) (step, error) {
	return step{}, &UnsupportedChallengeError{Name: string(types.ChallengeNameTypeWebAuthn), Username: a.user.Username,
		Why: "a passkey answers in the browser only, on the pool's own sign-in pages"}
}

// custom answers CUSTOM_CHALLENGE, whatever the pool's trigger asks. After a wrong
// answer the same question may come again, and after a right one the next: Cognito does
// not say which it was. So each round asks under a name of its own, CUSTOM_CHALLENGE,
// CUSTOM_CHALLENGE_2 and so on.
func (a *attempt) custom(ctx context.Context, s step, op string) (step, error) {
	name := string(s.challenge)
	if round := a.seen[s.challenge]; round > 1 {
		name = fmt.Sprintf("%s_%d", name, round)
	}
	answer, err := a.user.Ask(ctx, Question{Item: ItemAnswer, Username: a.user.Username, Name: name, Details: details(s.parameters)})
	if err != nil {
		return step{}, err
	}
	next, err := a.respond(ctx, s, map[string]string{"ANSWER": answer}, op)
	var refused *RefusedError
	if errors.As(err, &refused) && wrongGuess(refused) { // Cognito has the same words for it as for a wrong password
		err = &RefusedError{Op: refused.Op, Code: refused.Code, Message: refused.Message, Answer: true}
	}
	return next, err
}

// details are the public parameters that a trigger gave to its question, one a
// line however many lines it has, without those that name the user.
func details(parameters map[string]string) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if name != "USERNAME" && name != "USER_ID_FOR_SRP" {
			lines = append(lines, redact.OneLine(name+": "+parameters[name]))
		}
	}
	return strings.Join(lines, "\n")
}
