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

	// Device is the one that this machine is at the pool; the zero RememberedDevice for none.
	Device RememberedDevice
	// Keep is given a device that the pool began to track with this sign-in and, as
	// the zero RememberedDevice, word that it does not know Device any more. When it is nil,
	// nothing could be kept, and no device is confirmed.
	Keep func(ctx context.Context, d RememberedDevice)
	// DeviceName is how lists of the user's devices show this one.
	DeviceName string
	// RememberDevice answers yes where the pool leaves it to the user to let a
	// device stand in for the second factor.
	RememberDevice bool

	admin func(context.Context) (aws.Credentials, error) // makes it the administrators' operations
}

// opener sends the first request of a flow.
type opener func(a *attempt, ctx context.Context, op string) (step, error)

// login runs a flow until there are tokens. A challenge whose session ran out,
// or whose reply got lost, restarts the flow once; a device that the pool does not know restarts it without the device. wants
// names what must be known before the first request, because SRP's proof must
// follow within seconds.
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

// steady remembers what was answered once and stays true when a flow is started
// again, so that nobody types a new password twice because the first attempt took
// too long. Codes are for one attempt.
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
	return errors.As(err, &lost) && lost.Challenge != string(types.ChallengeNameTypeNewPasswordRequired) && lost.Challenge != string(types.ChallengeNameTypeMfaSetup)
}

// maxSteps bounds the challenges of one sign-in, and how often one of them is
// answered anew. A server that asks for ever can bother a person, who can stop, and
// gets no more out of what is stored: see answered.
const maxSteps = 20

// attempt is one sign-in on its way through the challenges.
type attempt struct {
	client   *Client
	user     *SignIn
	username string // as typed, then the pool's own name once a challenge says it

	flow      types.AuthFlowType              // that it began with
	handshake *srp.Client                     // of the password's proof
	device    *srp.Client                     // of the device's
	seen      map[types.ChallengeNameType]int // how often each came, this time counted

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
		if !known {
			return Tokens{}, &UnsupportedChallengeError{Name: string(s.challenge), Username: a.username, Parameters: slices.Sorted(maps.Keys(s.parameters))}
		}
		if a.outOfPlace(s.challenge) {
			return Tokens{}, &UnsupportedChallengeError{Name: string(s.challenge), Username: a.username, Why: "the flow " + string(a.flow) + " has no such challenge"}
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

// outOfPlace tells the challenges of USER_AUTH in another flow. There a server could
// get by them, in plain text, the password that was only to be proved. So it could by
// a question of its own, put to a person or to the answers kept for CUSTOM_AUTH. Custom
// authentication is a matter for clients that begin with that flow, and not among what
// USER_AUTH can choose; that its triggers are left out after a password is UNCONFIRMED.
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

// public begins the password's SRP handshake and returns its SRP_A.
func (a *attempt) public() (string, error) {
	var err error
	if a.handshake, err = srp.NewClient(a.client.config.Random); err != nil {
		return "", err
	}
	return a.handshake.A(), nil
}
