package userpool

import (
	"github.com/cogctl/cogctl/internal/srp"
)

// PasswordSignIn signs a user in as a server would that has the app client's
// secret, and with ADMIN_USER_PASSWORD_AUTH. It returns the tokens, or the name
// of the challenge that stands before them. A refusal is an *Error.
func (h *Handler) PasswordSignIn(clientID, username, password string) (tokens Tokens, challenge string, err error) {
	client, ok := h.Store.Client(clientID)
	if !ok {
		return Tokens{}, "", errNoClient(clientID)
	}
	p := map[string]string{"USERNAME": username, "PASSWORD": password}
	if client.Secret != "" {
		p["SECRET_HASH"] = srp.SecretHash(username, client.ID, client.Secret)
	}
	out, err := h.initiate(client, initiateAuthInput{AuthFlow: adminPassword, AuthParameters: p})
	if err != nil || out.AuthenticationResult == nil {
		return Tokens{}, out.ChallengeName, err
	}
	return out.tokens(), "", nil
}
