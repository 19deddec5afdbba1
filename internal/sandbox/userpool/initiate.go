package userpool

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

// secretBlockBytes gives a SECRET_BLOCK of 1.2 kB in base64, near AWS's.
const secretBlockBytes = 900

// sessionBytes gives a Session of about 1.5 kB, as measured.
const sessionBytes = 1128

// authFlows is AuthFlowType.
func authFlows() []string {
	return []string{
		"USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "CUSTOM_AUTH", "ADMIN_NO_SRP_AUTH",
		"USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "USER_AUTH",
	}
}

type initiateAuthInput struct {
	AuthFlow       string
	ClientID       string `json:"ClientId"`
	AuthParameters map[string]string
}

// flow is AuthFlow under its current name.
func (in initiateAuthInput) flow() string {
	if in.AuthFlow == "REFRESH_TOKEN" {
		return "REFRESH_TOKEN_AUTH"
	}
	return in.AuthFlow
}

func (in initiateAuthInput) label() string {
	if oneOf("", in.AuthFlow, authFlows()) != "" {
		return ""
	}
	return in.flow()
}

// authOutput is what both legs of a sign-in answer with. ChallengeParameters
// is there, if empty, in every answer.
type authOutput struct {
	AuthenticationResult *authenticationResult `json:",omitempty"`
	ChallengeName        string                `json:",omitempty"`
	ChallengeParameters  map[string]string
	Session              string `json:",omitempty"`
}

type authenticationResult struct {
	AccessToken  string
	ExpiresIn    int    // seconds, of the access token
	IDToken      string `json:"IdToken"`
	RefreshToken string `json:",omitempty"` // absent, not empty, when it stays the same
	TokenType    string
}

// initiateAuth: client, flow, parameters, secret hash, user, in this order.
func (h *Handler) initiateAuth(_ context.Context, in initiateAuthInput) (authOutput, error) {
	if err := validate(oneOf("authFlow", in.AuthFlow, authFlows()), present("clientId", in.ClientID)); err != nil {
		return authOutput{}, err
	}
	client, ok := h.Store.Client(in.ClientID)
	if !ok {
		return authOutput{}, errNoClient(in.ClientID)
	}
	flow := in.flow()
	if strings.HasPrefix(flow, "ADMIN_") {
		return authOutput{}, errMethod
	}
	if !client.Allows(flow) {
		return authOutput{}, errFlowDisabled(flow)
	}
	switch flow {
	case "USER_SRP_AUTH":
		return h.initiateSRP(client, in.AuthParameters)
	case "USER_PASSWORD_AUTH":
		return h.initiatePassword(client, in.AuthParameters)
	case "REFRESH_TOKEN_AUTH":
		return h.initiateRefresh(client, in.AuthParameters)
	case "CUSTOM_AUTH":
		return authOutput{}, errNoCustomTrigger
	}
	return authOutput{}, errMethod
}

// initiateSRP answers SRP_A with PASSWORD_VERIFIER. The state of the user
// (disabled, unconfirmed) comes only with the second leg; which leg AWS does it
// in is UNCONFIRMED.
func (h *Handler) initiateSRP(client store.Client, p map[string]string) (authOutput, error) {
	if err := h.checkParameters(client, p, "USERNAME", "SRP_A"); err != nil {
		return authOutput{}, err
	}
	user, known := h.Store.Find(client.PoolID, p["USERNAME"])
	if !known && !client.HidesUsers() {
		return authOutput{}, errUserNotFound
	}
	verifier := user.Verifier
	if !known || !user.HasPassword() {
		verifier = srp.FakeVerifier(h.FakeSeed, fakeKey(client.PoolID, p["USERNAME"]))
	}
	if !known {
		user.Username = h.fakeUsername(client.PoolID, p["USERNAME"])
	}
	server, err := srp.NewServer(h.Random, verifier, p["SRP_A"])
	if errors.Is(err, srp.ErrPublicValue) {
		return authOutput{}, errPublicValue
	}
	if err != nil {
		return authOutput{}, fmt.Errorf("begin SRP for %s: %w", user.Username, err)
	}
	block := make([]byte, secretBlockBytes)
	if _, err := io.ReadFull(h.Random, block); err != nil {
		return authOutput{}, fmt.Errorf("read %d random bytes: %w", len(block), err)
	}
	now := h.Now()
	h.Store.PutHandshake(block, store.Handshake{
		PoolID: client.PoolID, ClientID: client.ID, Username: user.Username, Known: known, Server: server,
	}, now, now.Add(client.SessionFor()))
	return authOutput{
		ChallengeName: "PASSWORD_VERIFIER",
		ChallengeParameters: map[string]string{
			"SALT": server.Salt(), "SRP_B": server.B(), "SECRET_BLOCK": base64.StdEncoding.EncodeToString(block),
			"USERNAME": user.Username, "USER_ID_FOR_SRP": user.Username,
		},
	}, nil
}

func (h *Handler) initiatePassword(client store.Client, p map[string]string) (authOutput, error) {
	if err := h.checkParameters(client, p, "USERNAME", "PASSWORD"); err != nil {
		return authOutput{}, err
	}
	user, known := h.Store.Find(client.PoolID, p["USERNAME"])
	switch {
	case !known && !client.HidesUsers():
		return authOutput{}, errUserNotFound
	case !known:
		user.Username = h.fakeUsername(client.PoolID, p["USERNAME"])
	}
	prove := func() bool {
		if !known || !user.HasPassword() {
			fake := srp.FakeVerifier(h.FakeSeed, fakeKey(client.PoolID, user.Username))
			store.CheckPassword(fake, client.PoolID, user.Username, p["PASSWORD"])
			return false // after the same work as for anybody else
		}
		return store.CheckPassword(user.Verifier, client.PoolID, user.Username, p["PASSWORD"])
	}
	if err := h.judge(user, known, client.PoolID, prove); err != nil {
		return authOutput{}, err
	}
	return h.passwordProved(client, user)
}

// judge is the order in which a password is judged: the state of the user, the
// lockout, then the password. That an unconfirmed user is refused before the
// password is looked at was recorded from AWS; the rest of the order is
// UNCONFIRMED.
func (h *Handler) judge(user store.User, known bool, poolID string, prove func() bool) error {
	if known {
		if err := checkState(user); err != nil {
			return err
		}
	}
	if h.Store.Locked(poolID, user.Username, h.Now()) {
		return errLocked
	}
	if !prove() || !known {
		h.Store.Failed(poolID, user.Username, h.Now())
		return errWrongPassword
	}
	h.Store.Succeeded(poolID, user.Username)
	return nil
}

func checkState(user store.User) error {
	switch {
	case user.Disabled:
		return errDisabled
	case user.Status == store.Unconfirmed:
		return errNotConfirmed
	case user.Status == store.ResetRequired:
		return errResetRequired
	}
	return nil
}

// passwordProved goes on after the right password: to the tokens, or to a new
// password first.
func (h *Handler) passwordProved(client store.Client, user store.User) (authOutput, error) {
	if user.Status != store.ForceChangePassword {
		return h.signIn(client, user)
	}
	now := h.Now()
	if now.After(user.TemporaryUntil) {
		return authOutput{}, errTemporaryOver
	}
	pool, _ := h.Store.Pool(client.PoolID)
	required := []string{}
	for _, name := range missing(pool, user.Attributes) {
		required = append(required, "userAttributes."+name)
	}
	session, err := h.randomText(sessionBytes)
	if err != nil {
		return authOutput{}, err
	}
	h.Store.PutSession(session, store.Session{
		Challenge: newPasswordRequired, PoolID: client.PoolID, ClientID: client.ID, Username: user.Username,
	}, now, now.Add(client.SessionFor()))
	return authOutput{
		ChallengeName: newPasswordRequired,
		ChallengeParameters: map[string]string{
			"USER_ID_FOR_SRP":    user.Username,
			"userAttributes":     jsonText(user.Attributes),
			"requiredAttributes": jsonText(required),
		},
		Session: session,
	}, nil
}

// jsonText is a value as a JSON string, which is how these parameters travel.
func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(text)
}

// checkParameters wants the named parameters and, of a client that has a
// secret, the right SECRET_HASH over the USERNAME of this same request.
func (h *Handler) checkParameters(client store.Client, p map[string]string, names ...string) error {
	for _, name := range names {
		if p[name] == "" {
			return errMissing(name)
		}
	}
	return checkSecretHash(client, p["USERNAME"], p["SECRET_HASH"],
		"Unable to verify secret hash for client "+client.ID)
}

// checkSecretHash compares in constant time. A hash from a client without
// secret is refused too: UNCONFIRMED.
func checkSecretHash(client store.Client, username, got, mismatch string) error {
	if client.Secret != "" && got == "" {
		return &Error{Type: notAuthorized, Message: fmt.Sprintf("Client %s is configured with secret but SECRET_HASH was not received", client.ID)}
	}
	want := srp.SecretHash(username, client.ID, client.Secret)
	if subtle.ConstantTimeCompare([]byte(want), []byte(got)) != 1 {
		return &Error{Type: notAuthorized, Message: mismatch}
	}
	return nil
}

// fakeUsername is what a user who does not exist is called in the challenge:
// as typed, or where usernames are made from e-mail addresses a UUID that is
// always the same one.
func (h *Handler) fakeUsername(poolID, typed string) string {
	pool, _ := h.Store.Pool(poolID)
	if len(pool.UsernameAttributes) == 0 {
		return typed
	}
	mac := hmac.New(sha256.New, h.FakeSeed)
	io.WriteString(mac, fakeKey(poolID, typed))
	return store.FormatID([16]byte(mac.Sum(nil)[:16]))
}

// fakeKey tells the unknown users of different pools apart, but not their
// upper and lower case.
func fakeKey(poolID, name string) string { return poolID + "\x00" + strings.ToLower(name) }

// randomText is n random bytes in unpadded URL-safe base64.
func (h *Handler) randomText(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(h.Random, b); err != nil {
		return "", fmt.Errorf("read %d random bytes: %w", n, err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}
