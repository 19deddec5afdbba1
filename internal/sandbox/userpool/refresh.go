package userpool

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// signIn makes a new grant, with all three tokens. Where devices are tracked,
// one that is new gets its keys with them. On the pages there is nothing to
// hand out yet: the tokens wait for the code.
func (h *Handler) signIn(a attempt) (authOutput, error) {
	if a.pages {
		return authOutput{}, nil
	}
	now, client, user := h.Now(), a.client, a.user
	pool, _ := h.Store.Pool(client.PoolID)
	var offered *deviceMetadata
	var err error
	switch {
	case a.device != "":
		err = h.changeDevice(pool.ID, user.Username, a.device, func(d *store.Device, now time.Time) error {
			d.LastUsed = now
			return nil
		})
	case pool.Tracks(user) != "":
		offered, err = h.offerDevice(pool.ID, user.Username)
	}
	if err != nil {
		return authOutput{}, err
	}
	g := store.Grant{
		PoolID: client.PoolID, ClientID: client.ID, Username: user.Username, Device: a.device,
		AuthTime: now, Expires: now.Add(client.RefreshFor()),
	}
	if offered != nil {
		g.Device = offered.DeviceKey
	}
	g, refresh, err := h.named(g)
	if err != nil {
		return authOutput{}, err
	}
	out, err := h.issue(client, user, g)
	if err != nil {
		return authOutput{}, err
	}
	h.Store.AddGrant(g, refresh, now)
	out.AuthenticationResult.RefreshToken, out.AuthenticationResult.NewDeviceMetadata = refresh, offered
	return out, nil
}

// named gives a new grant its identifiers and makes its refresh token.
func (h *Handler) named(g store.Grant) (named store.Grant, refresh string, err error) {
	if refresh, err = h.Issuer.refreshToken(); err != nil {
		return store.Grant{}, "", err
	}
	if g.OriginJTI, err = store.NewID(h.Random); err != nil {
		return store.Grant{}, "", err
	}
	g.EventID, err = store.NewID(h.Random)
	return g, refresh, err
}

// issue makes the ID and access tokens of a grant.
func (h *Handler) issue(client store.Client, user store.User, g store.Grant) (authOutput, error) {
	tokens, err := h.Issuer.Issue(client, user, g, h.Now())
	if err != nil {
		return authOutput{}, err
	}
	return authOutput{
		ChallengeParameters: map[string]string{},
		AuthenticationResult: &authenticationResult{
			AccessToken: tokens.Access, IDToken: tokens.ID, TokenType: "Bearer",
			ExpiresIn: int(tokens.ExpiresIn / time.Second),
		},
	}, nil
}

// initiateRefresh is REFRESH_TOKEN_AUTH. There is no USERNAME in it: the secret
// hash is over the user's real username, which only the token tells.
func (h *Handler) initiateRefresh(client store.Client, p map[string]string) (authOutput, error) {
	token := p["REFRESH_TOKEN"]
	if token == "" {
		return authOutput{}, errMissing("REFRESH_TOKEN")
	}
	if client.Secret != "" && p["SECRET_HASH"] == "" {
		return authOutput{}, checkSecretHash(client, "", "", "")
	}
	g, err := h.Store.Grant(token, client.RetryGrace, h.Now())
	if errors.Is(err, store.ErrUnknown) || g.ClientID != client.ID {
		return authOutput{}, errRefreshUnknown
	}
	mismatch := "SecretHash does not match for the client: " + client.ID
	if err := checkSecretHash(client, g.Username, p["SECRET_HASH"], mismatch); err != nil {
		return authOutput{}, err
	}
	if err != nil {
		return authOutput{}, h.refusedGrant(g, err)
	}
	user, err := h.grantee(g, p["DEVICE_KEY"])
	if err != nil {
		return authOutput{}, err
	}
	return h.issue(client, user, g)
}

// grantee is the user of a grant, if still welcome. A grant that belongs to a
// confirmed device is refreshed with its key only; what is asked for a device
// that was offered and never confirmed, or forgotten since, is UNCONFIRMED.
func (h *Handler) grantee(g store.Grant, deviceKey string) (store.User, error) {
	user, known := h.Store.Find(g.PoolID, g.Username)
	if !known || user.Username != g.Username {
		return store.User{}, errUserNotFound
	}
	if err := checkState(user); err != nil {
		return store.User{}, err
	}
	has := func(d store.Device) bool { return d.Key == deviceKey }
	if deviceKey != "" && !slices.ContainsFunc(user.Devices, has) {
		return store.User{}, errNoDevice
	}
	if _, confirmed := user.Device(g.Device); confirmed && deviceKey != g.Device {
		return store.User{}, errRefreshUnknown
	}
	return user, nil
}

type getTokensInput struct {
	ClientID     string `json:"ClientId"`
	RefreshToken string
	ClientSecret string
	DeviceKey    string
	ignored
}

// getTokensFromRefreshToken refreshes with the client secret itself instead of
// a hash. With rotation it answers with a new refresh token, which lives no
// longer than the first one would have; without, it has no RefreshToken key.
func (h *Handler) getTokensFromRefreshToken(_ context.Context, in getTokensInput) (authOutput, error) {
	if err := validate(tokenShape("refreshToken", in.RefreshToken), clientID(in.ClientID)); err != nil {
		return authOutput{}, err
	}
	client, ok := h.Store.Client(in.ClientID)
	if !ok {
		return authOutput{}, errNoClient(in.ClientID)
	}
	if !rightSecret(client, in.ClientSecret) {
		return authOutput{}, &Error{Type: notAuthorized, Message: fmt.Sprintf("Unable to verify secret for client %s", client.ID)} // UNCONFIRMED
	}
	return h.refresh(client, in.RefreshToken, in.DeviceKey)
}

// refresh is what every refresh does that knows the client to be the client.
func (h *Handler) refresh(client store.Client, token, deviceKey string) (authOutput, error) {
	now := h.Now()
	g, err := h.Store.Grant(token, client.RetryGrace, now)
	if errors.Is(err, store.ErrUnknown) || g.ClientID != client.ID {
		return authOutput{}, errRefreshUnknown
	}
	if err != nil {
		return authOutput{}, h.refusedGrant(g, err)
	}
	user, err := h.grantee(g, deviceKey)
	if err != nil {
		return authOutput{}, err
	}
	out, err := h.issue(client, user, g)
	if err != nil || !client.RotateRefreshTokens {
		return out, err
	}
	replacement, err := h.Issuer.refreshToken()
	if err != nil {
		return authOutput{}, err
	}
	if _, err := h.Store.Rotate(token, replacement, client.RetryGrace, now); err != nil {
		return authOutput{}, refreshError(err) // somebody was quicker
	}
	out.AuthenticationResult.RefreshToken = replacement
	return out, nil
}

// refusedGrant words what is wrong with a refresh token. Who is disabled hears
// that, and not what it did to his tokens; the order is UNCONFIRMED.
func (h *Handler) refusedGrant(g store.Grant, err error) error {
	if user, known := h.Store.Find(g.PoolID, g.Username); known && user.Disabled {
		return errDisabled
	}
	return refreshError(err)
}

func refreshError(err error) error {
	switch {
	case errors.Is(err, store.ErrRevoked):
		return errRefreshRevoked
	case errors.Is(err, store.ErrExpired):
		return errRefreshExpired
	case errors.Is(err, store.ErrReused):
		return errRefreshReused
	}
	return errRefreshUnknown
}

type revokeTokenInput struct {
	ClientID     string `json:"ClientId"`
	Token        string
	ClientSecret string
}

type empty struct{}

// revokeToken ends a sign-in: its refresh token, and its access tokens in every
// operation that takes one. A refresh token nobody knows is answered as if it
// had been revoked (RFC 7009, section 2.2): UNCONFIRMED for this operation.
func (h *Handler) revokeToken(_ context.Context, in revokeTokenInput) (empty, error) {
	if err := validate(tokenShape("token", in.Token), clientID(in.ClientID)); err != nil {
		return empty{}, err
	}
	client, ok := h.Store.Client(in.ClientID)
	switch {
	case !ok:
		// The operation has no ResourceNotFoundException. Text UNCONFIRMED.
		return empty{}, errParameter("User pool client %s does not exist.", in.ClientID)
	case client.NoTokenRevocation:
		return empty{}, errNoRevocation
	case !rightSecret(client, in.ClientSecret):
		return empty{}, errClientSecret
	}
	if _, err := jwt.Parse(in.Token); err == nil {
		return empty{}, errTokenType
	}
	g, err := h.Store.Grant(in.Token, 0, h.Now())
	switch {
	case errors.Is(err, store.ErrUnknown):
		return empty{}, nil
	case g.ClientID != client.ID:
		return empty{}, errOtherClient
	}
	h.Store.Revoke(in.Token)
	return empty{}, nil
}

// rightSecret compares a raw client secret in constant time. A public client
// has none to show; one that is sent all the same is wrong.
func rightSecret(client store.Client, got string) bool {
	return subtle.ConstantTimeCompare([]byte(client.Secret), []byte(got)) == 1
}
