package userpool

import (
	"context"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// contextual has what the Admin operations say of the person's device, to no effect.
type contextual struct {
	ContextData map[string]any
}

type adminInitiateAuthInput struct {
	initiateAuthInput
	UserPoolID string `json:"UserPoolId"`
	contextual
}

// adminInitiateAuth is InitiateAuth for a server that has AWS credentials. It
// takes the password flow of its own name instead of USER_PASSWORD_AUTH.
func (h *Handler) adminInitiateAuth(_ context.Context, in adminInitiateAuthInput) (authOutput, error) {
	err := validate(userPoolID(in.UserPoolID), oneOf("authFlow", in.AuthFlow, authFlows()), clientID(in.ClientID), sessionShape(in.Session))
	if err != nil {
		return authOutput{}, err
	}
	client, err := h.clientOf(in.UserPoolID, in.ClientID)
	if err != nil {
		return authOutput{}, err
	}
	if in.flow() == "USER_PASSWORD_AUTH" {
		return authOutput{}, errMethod // UNCONFIRMED
	}
	return h.initiate(client, in.initiateAuthInput)
}

type adminRespondInput struct {
	respondInput
	UserPoolID string `json:"UserPoolId"`
	contextual
}

func (h *Handler) adminRespondToAuthChallenge(_ context.Context, in adminRespondInput) (authOutput, error) {
	err := validate(userPoolID(in.UserPoolID), clientID(in.ClientID),
		oneOf("challengeName", in.ChallengeName, challengeNames()), sessionShape(in.Session))
	if err != nil {
		return authOutput{}, err
	}
	client, err := h.clientOf(in.UserPoolID, in.ClientID)
	if err != nil {
		return authOutput{}, err
	}
	return h.respond(client, in.respondInput)
}

// clientOf is the app client of a pool that is named too.
func (h *Handler) clientOf(poolID, clientID string) (store.Client, error) {
	if _, ok := h.Store.Pool(poolID); !ok {
		return store.Client{}, errNoPool(poolID)
	}
	client, ok := h.Store.Client(clientID)
	if !ok || client.PoolID != poolID {
		return store.Client{}, errNoClient(clientID)
	}
	return client, nil
}
