package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/srp"
)

// SignIn is who signs in, and what stands by to answer for them. Every flow is
// made of it.
type SignIn struct {
	Client   *Client
	Username string // as typed; an alias such as an e-mail address will do
	Password string // empty: a flow that wants it asks for it
	Ask      Ask    // for what challenges want
	// Tell is given what a person should know while the sign-in goes on. It may be
	// nil.
	Tell func(text string)

	// Device is what the pool knows this machine as; the zero value when it is not
	// known there.
	Device RememberedDevice
	// Keep stores the device that the pool began to track with this sign-in. The zero
	// value tells it to forget Device, because the pool does not know that any more.
	// When Keep is nil, nothing could be stored, and no device is confirmed.
	Keep func(ctx context.Context, d RememberedDevice)
	// DeviceName is how lists of the user's devices show this one.
	DeviceName string
	// RememberDevice answers yes where the pool leaves it to the user to let a
	// device stand in for the second factor.
	RememberDevice bool

	// admin, when it is set, gives the AWS credentials with which the Admin operations
	// are called instead of the public ones.
	admin func(context.Context) (aws.Credentials, error)
}

// opener sends the first request of a flow.
type opener func(a *attempt, ctx context.Context, op string) (step, error)

// login runs a flow until there are tokens. It restarts the flow once when the
// session of a challenge ran out or the reply to an answer got lost, and without the
// device when the pool does not know that.
//
// wants names what must be known before the first request: SRP's proof must follow
// within seconds, so a person cannot be asked for the password in between.
func (u SignIn) login(ctx context.Context, open opener, wants Item) (Tokens, error) {
	u.Ask = steady(u.Ask)
	if wants == ItemPassword && u.Password == "" {
		var err error
		if u.Password, err = u.Ask(ctx, Question{Item: ItemPassword, Username: u.Username}); err != nil {
			return Tokens{}, err
		}
	}
	restarted := false
	for {
		a := &attempt{client: u.Client, user: &u, username: u.Username, seen: map[types.ChallengeNameType]int{}}
		tokens, err := a.run(ctx, open)
		switch {
		case err == nil:
			return a.settleDevice(ctx, tokens), nil
		case u.Device.Key != "" && refusesDevice(err):
			u.Device = RememberedDevice{}
			u.keep(ctx, RememberedDevice{})
			u.tell("the pool does not know this device any more; signing in without it")
		case restarted:
			return Tokens{}, err
		case sessionOver(err):
			restarted = true
			u.tell("the sign-in was not finished in the time that the pool gives; it starts again")
		case lostAnswer(err):
			restarted = true
			u.tell("the server's reply got lost on the way; the sign-in starts again")
		default:
			return Tokens{}, err
		}
	}
}

func (u *SignIn) tell(text string) {
	if u.Tell != nil {
		u.Tell(text)
	}
}

func (u *SignIn) keep(ctx context.Context, d RememberedDevice) {
	if u.Keep != nil {
		u.Keep(ctx, d)
	}
}

// steady wraps ask so that a password, a new password or an attribute is asked for
// once only, also when the flow is started again: nobody should type a new password
// twice because the first attempt took too long. Codes are asked for each time, since
// they belong to one attempt.
func steady(ask Ask) Ask {
	known := map[string]string{}
	return func(ctx context.Context, q Question) (string, error) {
		key := string(q.Item) + "\x00" + q.Name
		lasting := q.Item == ItemPassword || q.Item == ItemNewPassword || q.Item == ItemAttribute
		if answer, found := known[key]; found && q.Retry == "" {
			return answer, nil
		}
		answer, err := ask(ctx, q)
		if err == nil && lasting {
			known[key] = answer
		}
		return answer, err
	}
}

// sessionOver tells a challenge that was answered too late. Sessions last 3
// minutes unless the app client gives them more.
func sessionOver(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused) && refused.Code == "NotAuthorizedException" &&
		strings.Contains(strings.ToLower(refused.Message), "session is expired")
}

// lostAnswer tells an answer to a challenge that may have been taken while its
// reply never came. The challenge is used up, so the flow starts again; but not
// where the answer changed the account, for then the old way in may be gone.
func lostAnswer(err error) bool {
	var lost *LostReplyError
	if !errors.As(err, &lost) {
		return false
	}
	changesAccount := []types.ChallengeNameType{types.ChallengeNameTypeNewPasswordRequired, types.ChallengeNameTypeMfaSetup}
	return !slices.Contains(changesAccount, types.ChallengeNameType(lost.Challenge))
}

// maxSteps bounds the challenges of one sign-in, and how often one of them is
// answered anew. A server that asks for ever can bother a person, who can stop, and
// gets no more out of what is stored: see answered.
const maxSteps = 20

// attempt is one sign-in on its way through the challenges.
type attempt struct {
	client *Client
	user   *SignIn
	// username is as typed, then the pool's own name once a challenge says it. It is for
	// the server; people are told the name that was typed, which they know: the pool's own
	// is a UUID where users sign in by e-mail address, and words of the server's choice.
	username string

	flow      types.AuthFlowType              // that it began with
	handshake *srp.Client                     // the SRP exchange that proves the password
	device    *srp.Client                     // the SRP exchange that proves the device
	seen      map[types.ChallengeNameType]int // how often each challenge came, the present one included

	chosen types.ChallengeNameType // the first factor, in the choice flow
}

func (a *attempt) run(ctx context.Context, open opener) (Tokens, error) {
	op := fmt.Sprintf("sign in %s at %s", a.username, a.client.config.UserPoolID)
	s, err := open(a, ctx, op)
	if err != nil {
		return Tokens{}, err
	}
	for range maxSteps {
		if s.result != nil {
			return s.tokens(a.username)
		}
		if s.challenge == "" {
			return Tokens{}, fmt.Errorf("%s: the server's answer holds neither tokens nor a challenge", op)
		}
		answer, known := challenges()[s.challenge]
		unsupported := &UnsupportedChallengeError{Name: string(s.challenge), Username: a.user.Username}
		if !known {
			unsupported.Parameters = slices.Sorted(maps.Keys(s.parameters))
			return Tokens{}, unsupported
		}
		if a.outOfPlace(s.challenge) {
			unsupported.Why = "the flow " + string(a.flow) + " has no such challenge"
			return Tokens{}, unsupported
		}
		a.seen[s.challenge]++
		a.rename(s.parameters)
		s, err = answer(a, ctx, s, op)
		if err != nil {
			return Tokens{}, err
		}
	}
	return Tokens{}, fmt.Errorf("%s: the server asked for more than %d challenges in a row", op, maxSteps)
}

// outOfPlace reports whether a challenge belongs to another flow than the one that was
// begun, which makes it an attack or a fault of the server:
//
//   - The challenges of USER_AUTH, in another flow, would let a server ask in plain text
//     for the password that was only to be proved.
//   - CUSTOM_CHALLENGE, outside CUSTOM_AUTH, would let it put a question of its own to a
//     person, or to the answers that are kept for that flow. USER_AUTH cannot choose
//     custom authentication; that Cognito runs no custom triggers after a password
//     either is UNCONFIRMED.
//
// https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-selection-sdk.html
func (a *attempt) outOfPlace(challenge types.ChallengeNameType) bool {
	switch challenge {
	case types.ChallengeNameTypeSelectChallenge, types.ChallengeNameTypePassword, types.ChallengeNameTypePasswordSrp:
		return a.flow != types.AuthFlowTypeUserAuth
	case types.ChallengeNameTypeCustomChallenge:
		return a.flow != types.AuthFlowTypeCustomAuth
	}
	return false
}

// rename takes over the user's real name when a challenge tells it. From then
// on every response, and its SECRET_HASH, must carry that name.
func (a *attempt) rename(parameters map[string]string) {
	for _, key := range []string{"USER_ID_FOR_SRP", "USERNAME"} {
		if name := parameters[key]; name != "" {
			a.username = name
			return
		}
	}
}

// opening completes the parameters of a flow's first request.
func (a *attempt) opening(parameters map[string]string) map[string]string {
	all := map[string]string{"USERNAME": a.username}
	for name, value := range parameters {
		all[name] = value
	}
	if a.user.Device.Key != "" {
		all["DEVICE_KEY"] = a.user.Device.Key
	}
	return a.client.secretHash(all, a.username)
}

// initiate sends a flow's first request.
func (a *attempt) initiate(ctx context.Context, flow types.AuthFlowType, parameters map[string]string, op string) (step, error) {
	a.flow = flow
	if a.user.admin != nil {
		return a.client.adminInitiate(ctx, flow, parameters, caller{op, a.user.admin})
	}
	return a.client.initiate(ctx, flow, parameters, op)
}

// respond answers a challenge, adding what every response carries.
func (a *attempt) respond(ctx context.Context, s step, responses map[string]string, op string) (step, error) {
	responses["USERNAME"] = a.username
	if a.user.Device.Key != "" && s.challenge != types.ChallengeNameTypeNewPasswordRequired {
		responses["DEVICE_KEY"] = a.user.Device.Key
	}
	responses = a.client.secretHash(responses, a.username)
	if a.user.admin != nil {
		return a.client.adminRespond(ctx, s, responses, caller{op, a.user.admin})
	}
	return a.client.respond(ctx, s, responses, op)
}

// beginSRP begins the SRP exchange that proves the password, and returns SRP_A.
func (a *attempt) beginSRP() (srpA string, err error) {
	if a.handshake, err = srp.NewClient(a.client.config.Random); err != nil {
		return "", err
	}
	return a.handshake.A(), nil
}
