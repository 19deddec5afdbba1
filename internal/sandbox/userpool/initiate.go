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

// adminPassword is the password flow of AdminInitiateAuth.
const adminPassword = "ADMIN_USER_PASSWORD_AUTH"

// authFlows is AuthFlowType.
func authFlows() []string {
	return []string{
		"USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "CUSTOM_AUTH", "ADMIN_NO_SRP_AUTH",
		"USER_PASSWORD_AUTH", adminPassword, "USER_AUTH",
	}
}

type initiateAuthInput struct {
	AuthFlow       string
	ClientID       string `json:"ClientId"`
	AuthParameters map[string]string
	Session        string // of ConfirmSignUp; in USER_AUTH only
	ignored
}

// flow is AuthFlow under its current name.
func (in initiateAuthInput) flow() string {
	switch in.AuthFlow {
	case "REFRESH_TOKEN":
		return "REFRESH_TOKEN_AUTH"
	case "ADMIN_NO_SRP_AUTH":
		return adminPassword
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
	AvailableChallenges  []string              `json:",omitempty"`
	ChallengeName        string                `json:",omitempty"`
	ChallengeParameters  map[string]string
	Session              string `json:",omitempty"`
}

type authenticationResult struct {
	AccessToken       string
	ExpiresIn         int    // seconds, of the access token
	IDToken           string `json:"IdToken,omitempty"` // absent where a grant of the OAuth endpoints has no openid
	RefreshToken      string `json:",omitempty"`        // absent, not empty, when it stays the same
	TokenType         string
	NewDeviceMetadata *deviceMetadata `json:",omitempty"`
}

// initiateAuth: client, flow, parameters, secret hash, user, in this order.
func (h *Handler) initiateAuth(_ context.Context, in initiateAuthInput) (authOutput, error) {
	if err := validate(oneOf("authFlow", in.AuthFlow, authFlows()), clientID(in.ClientID), sessionShape(in.Session)); err != nil {
		return authOutput{}, err
	}
	client, ok := h.Store.Client(in.ClientID)
	if !ok {
		return authOutput{}, errNoClient(in.ClientID)
	}
	if in.flow() == adminPassword {
		return authOutput{}, errMethod
	}
	return h.initiate(client, in)
}

// initiate begins a flow that the operation has.
func (h *Handler) initiate(client store.Client, in initiateAuthInput) (authOutput, error) {
	flow := in.flow()
	if !client.Allows(flow) {
		return authOutput{}, errFlowDisabled(flow)
	}
	switch flow {
	case "USER_SRP_AUTH":
		return h.initiateSRP(client, in.AuthParameters, false)
	case "USER_PASSWORD_AUTH", adminPassword:
		return h.initiatePassword(client, in.AuthParameters)
	case "REFRESH_TOKEN_AUTH":
		return h.initiateRefresh(client, in.AuthParameters)
	case "CUSTOM_AUTH":
		return h.initiateCustom(client, in.AuthParameters)
	}
	return h.initiateChoice(client, in.AuthParameters, in.Session)
}

// initiateSRP answers SRP_A with PASSWORD_VERIFIER. The state of the user
// (disabled, unconfirmed) comes only with the second leg; which leg AWS does it
// in is UNCONFIRMED. custom is CUSTOM_AUTH, which goes on with questions.
func (h *Handler) initiateSRP(client store.Client, p map[string]string, custom bool) (authOutput, error) {
	if err := h.checkParameters(client, p, "USERNAME", "SRP_A"); err != nil {
		return authOutput{}, err
	}
	user, known := h.native(client, p["USERNAME"])
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
	block, err := h.putHandshake(client, store.Handshake{Username: user.Username, Known: known, Custom: custom, Server: server})
	if err != nil {
		return authOutput{}, err
	}
	return authOutput{
		ChallengeName: "PASSWORD_VERIFIER",
		ChallengeParameters: map[string]string{
			"SALT": server.Salt(), "SRP_B": server.B(), "SECRET_BLOCK": block,
			"USERNAME": user.Username, "USER_ID_FOR_SRP": user.Username,
		},
	}, nil
}

// putHandshake keeps hs and returns the SECRET_BLOCK it is found by, in base64.
func (h *Handler) putHandshake(client store.Client, hs store.Handshake) (string, error) {
	block := make([]byte, secretBlockBytes)
	if _, err := io.ReadFull(h.Random, block); err != nil {
		return "", fmt.Errorf("read %d random bytes: %w", len(block), err)
	}
	hs.PoolID, hs.ClientID = client.PoolID, client.ID
	now := h.Now()
	h.Store.PutHandshake(block, hs, now, now.Add(client.SessionFor()))
	return base64.StdEncoding.EncodeToString(block), nil
}

func (h *Handler) initiatePassword(client store.Client, p map[string]string) (authOutput, error) {
	if err := h.checkParameters(client, p, "USERNAME", "PASSWORD"); err != nil {
		return authOutput{}, err
	}
	user, known := h.native(client, p["USERNAME"])
	switch {
	case !known && !client.HidesUsers():
		return authOutput{}, errUserNotFound
	case !known:
		user.Username = h.fakeUsername(client.PoolID, p["USERNAME"])
	}
	if err := h.judgePassword(client, user, known, p["PASSWORD"]); err != nil {
		return authOutput{}, err
	}
	if err := checkDevice(user, p["DEVICE_KEY"]); err != nil {
		return authOutput{}, err
	}
	return h.passwordProved(attempt{client: client, user: user, device: p["DEVICE_KEY"]})
}

// judgePassword is judge for a password that came as it is.
func (h *Handler) judgePassword(client store.Client, user store.User, known bool, password string) error {
	poolID := client.PoolID
	return h.judge(client, user, known, func() bool {
		if !known || !user.HasPassword() {
			fake := srp.FakeVerifier(h.FakeSeed, fakeKey(poolID, user.Username))
			store.CheckPassword(fake, poolID, user.Username, password)
			return false // after the same work as for anybody else
		}
		return store.CheckPassword(user.Verifier, poolID, user.Username, password)
	})
}

// judge is the order in which a password is judged: the state of the user, the
// lockout, then the password. That an unconfirmed user is refused before the
// password is looked at was recorded from AWS; the rest of the order is
// UNCONFIRMED, but for what a client that hides users tells: see hides.
func (h *Handler) judge(client store.Client, user store.User, known bool, prove func() bool) error {
	var state error
	if known {
		state = checkState(user)
	}
	if state != nil && !hides(client, user) {
		return state
	}
	if h.Store.Locked(client.PoolID, user.Username, h.Now()) {
		return errLocked
	}
	if !prove() || !known {
		h.Store.Failed(client.PoolID, user.Username, h.Now())
		return errWrongPassword
	}
	h.Store.Succeeded(client.PoolID, user.Username)
	return state
}

// hides says whether a client tells the state of a user only to who knows the
// password: that he is disabled, and that one who was imported, and so has no
// password, must set one (developer guide, "Managing error responses", of which
// an older edition has the disabled user: UNCONFIRMED).
func hides(client store.Client, user store.User) bool {
	imported := user.Status == store.ResetRequired && !user.HasPassword()
	return client.HidesUsers() && (user.Disabled || imported)
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

// passwordProved goes on after the right password: to a new password first, or
// to the second factor.
func (h *Handler) passwordProved(a attempt) (authOutput, error) {
	if a.user.Status != store.ForceChangePassword {
		return h.secondFactor(a)
	}
	if h.Now().After(a.user.TemporaryUntil) {
		return authOutput{}, errTemporaryOver
	}
	pool, _ := h.Store.Pool(a.client.PoolID)
	required := []string{}
	for _, name := range missing(pool, a.user.Attributes) {
		required = append(required, "userAttributes."+name)
	}
	return h.challenge(a, store.Session{Challenge: newPasswordRequired}, map[string]string{
		"userAttributes":     jsonText(a.user.Attributes),
		"requiredAttributes": jsonText(required),
	})
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

// fakeUsername is what a user who does not exist is called in the challenge: a
// UUID that is always the same one, also where usernames are none (developer
// guide, "Managing error responses").
func (h *Handler) fakeUsername(poolID, typed string) string {
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
