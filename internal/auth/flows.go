package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/srp"
)

// SRP signs in by USER_SRP_AUTH: the password proves itself and never travels.
type SRP struct {
	Client   *Client
	Username string // as typed; an alias such as an e-mail address will do
	Password string
	Ask      Ask // for what challenges want beyond the password
}

// Login implements Flow. An answer that got lost after the proof was sent
// restarts the flow once: a challenge serves one answer only.
func (f SRP) Login(ctx context.Context) (Tokens, error) {
	tokens, err := f.login(ctx)
	var lost *LostReplyError
	if errors.As(err, &lost) && lost.Challenge == string(types.ChallengeNameTypePasswordVerifier) {
		return f.login(ctx)
	}
	return tokens, err
}

func (f SRP) login(ctx context.Context) (Tokens, error) {
	pool, err := srp.PoolName(f.Client.config.UserPoolID)
	if err != nil {
		return Tokens{}, err
	}
	handshake, err := srp.NewClient(f.Client.config.Random)
	if err != nil {
		return Tokens{}, err
	}
	parameters := f.Client.secretHash(map[string]string{"USERNAME": f.Username, "SRP_A": handshake.A()}, f.Username)
	a := &attempt{client: f.Client, username: f.Username, ask: f.Ask, pool: pool, password: f.Password, handshake: handshake}
	return a.run(ctx, types.AuthFlowTypeUserSrpAuth, parameters)
}

// Password signs in by USER_PASSWORD_AUTH: the password travels to Cognito over
// TLS. It is for pools that migrate users, and for emulators without SRP.
type Password struct {
	Client   *Client
	Username string
	Password string
	Ask      Ask
}

// Login implements Flow.
func (f Password) Login(ctx context.Context) (Tokens, error) {
	parameters := f.Client.secretHash(map[string]string{"USERNAME": f.Username, "PASSWORD": f.Password}, f.Username)
	a := &attempt{client: f.Client, username: f.Username, ask: f.Ask}
	return a.run(ctx, types.AuthFlowTypeUserPasswordAuth, parameters)
}

// maxSteps bounds the challenges of one sign-in, so that a server that asks
// for ever is told apart from one that asks a lot.
const maxSteps = 20

// attempt is one sign-in on its way through the challenges.
type attempt struct {
	client   *Client
	username string // as typed, then the pool's own name once a challenge says it
	ask      Ask

	pool      string // the SRP flow's alone, as the next two
	password  string
	handshake *srp.Client
}

func (a *attempt) run(ctx context.Context, flow types.AuthFlowType, parameters map[string]string) (Tokens, error) {
	op := fmt.Sprintf("sign in %s at %s", a.username, a.client.config.UserPoolID)
	s, err := a.client.initiate(ctx, flow, parameters, op)
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
			return Tokens{}, &UnsupportedChallengeError{Name: string(s.challenge), Username: a.username}
		}
		a.rename(s.parameters)
		s, err = answer(a, ctx, s, op)
		if err != nil {
			return Tokens{}, err
		}
	}
	return Tokens{}, fmt.Errorf("%s: the server asked for more than %d challenges in a row", op, maxSteps)
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

// respond answers a challenge, adding what every response carries.
func (a *attempt) respond(ctx context.Context, s step, responses map[string]string, op string) (step, error) {
	responses["USERNAME"] = a.username
	return a.client.respond(ctx, s, a.client.secretHash(responses, a.username), op)
}
