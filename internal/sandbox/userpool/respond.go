package userpool

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

const newPasswordRequired = "NEW_PASSWORD_REQUIRED"

// clockWindow is how far a TIMESTAMP may be from our clock. That AWS has such a
// window is known, its size is UNCONFIRMED.
const clockWindow = 5 * time.Minute

// challengeNames is ChallengeNameType.
func challengeNames() []string {
	return []string{
		"SMS_MFA", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA", "SELECT_MFA_TYPE", "MFA_SETUP", "PASSWORD_VERIFIER",
		"CUSTOM_CHALLENGE", "SELECT_CHALLENGE", "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER", "ADMIN_NO_SRP_AUTH",
		newPasswordRequired, "SMS_OTP", "PASSWORD", "WEB_AUTHN", "PASSWORD_SRP",
	}
}

type respondInput struct {
	ChallengeName      string
	ClientID           string `json:"ClientId"`
	ChallengeResponses map[string]string
	Session            string
}

func (in respondInput) label() string {
	if oneOf("", in.ChallengeName, challengeNames()) != "" {
		return ""
	}
	return in.ChallengeName
}

func (h *Handler) respondToAuthChallenge(_ context.Context, in respondInput) (authOutput, error) {
	if err := validate(present("clientId", in.ClientID), oneOf("challengeName", in.ChallengeName, challengeNames())); err != nil {
		return authOutput{}, err
	}
	client, ok := h.Store.Client(in.ClientID)
	if !ok {
		return authOutput{}, errNoClient(in.ClientID)
	}
	switch in.ChallengeName {
	case "PASSWORD_VERIFIER":
		return h.verifyPassword(client, in.ChallengeResponses)
	case newPasswordRequired:
		return h.setNewPassword(client, in)
	}
	// No session of ours waits for any other challenge.
	if err := h.checkParameters(client, in.ChallengeResponses, "USERNAME"); err != nil {
		return authOutput{}, err
	}
	if in.Session == "" {
		return authOutput{}, errMissing("Session")
	}
	return authOutput{}, errSession
}

// verifyPassword is the second leg of SRP. The handshake is found by its
// SECRET_BLOCK and used up whatever the outcome. Everything that is wrong with
// it — invented, used, expired, of another client or user — is answered as a
// wrong password (measured).
func (h *Handler) verifyPassword(client store.Client, p map[string]string) (authOutput, error) {
	err := h.checkParameters(client, p, "USERNAME", "PASSWORD_CLAIM_SIGNATURE", "PASSWORD_CLAIM_SECRET_BLOCK", "TIMESTAMP")
	if err != nil {
		return authOutput{}, err
	}
	at, err := srp.ParseTimestamp(p["TIMESTAMP"])
	if err != nil {
		return authOutput{}, errTimestamp
	}
	block, err := base64.StdEncoding.DecodeString(p["PASSWORD_CLAIM_SECRET_BLOCK"])
	if err != nil {
		return authOutput{}, errSecretBlock
	}
	now := h.Now()
	handshake, err := h.Store.TakeHandshake(block, now)
	if err != nil || handshake.ClientID != client.ID || !h.answersAs(handshake, p["USERNAME"]) {
		return authOutput{}, errWrongPassword
	}
	if off := now.Sub(at); off > clockWindow || off < -clockWindow {
		return authOutput{}, errWrongPassword
	}
	pool, err := srp.PoolName(handshake.PoolID)
	if err != nil {
		return authOutput{}, err
	}
	user, known := h.Store.Find(handshake.PoolID, handshake.Username)
	if !handshake.Known || !known {
		user, known = store.User{Username: handshake.Username}, false
	}
	// The MAC is over our rendering of the time, as AWS's is.
	prove := func() bool {
		return handshake.Server.Verify(pool, handshake.Username, block, at, p["PASSWORD_CLAIM_SIGNATURE"])
	}
	if err := h.judge(user, known, handshake.PoolID, prove); err != nil {
		return authOutput{}, err
	}
	return h.passwordProved(client, user)
}

// answersAs says whether a USERNAME names the user of the handshake: by
// USER_ID_FOR_SRP, as clients do, or by what was typed.
func (h *Handler) answersAs(handshake store.Handshake, username string) bool {
	if strings.EqualFold(username, handshake.Username) {
		return true
	}
	user, known := h.Store.Find(handshake.PoolID, username)
	return known && handshake.Known && user.Username == handshake.Username
}

// setNewPassword ends FORCE_CHANGE_PASSWORD. A password that breaks the policy,
// or attributes that do, leave the session as it was, so that the person can
// try again with it: UNCONFIRMED.
func (h *Handler) setNewPassword(client store.Client, in respondInput) (authOutput, error) {
	p := in.ChallengeResponses
	if err := h.checkParameters(client, p, "USERNAME", "NEW_PASSWORD"); err != nil {
		return authOutput{}, err
	}
	if in.Session == "" {
		return authOutput{}, errMissing("Session")
	}
	now := h.Now()
	session, err := h.Store.Session(in.Session, newPasswordRequired, client.ID, now)
	if err != nil {
		return authOutput{}, sessionError(err)
	}
	user, known := h.Store.Find(session.PoolID, p["USERNAME"])
	if !known || user.Username != session.Username {
		return authOutput{}, errSession
	}
	if err := checkState(user); err != nil {
		return authOutput{}, err
	}
	pool, _ := h.Store.Pool(session.PoolID)
	if err := checkPolicy(pool.Policy, p["NEW_PASSWORD"]); err != nil {
		return authOutput{}, err
	}
	added, err := newAttributes(pool, user, p)
	if err != nil {
		return authOutput{}, err
	}
	verifier, err := store.NewVerifier(h.Random, session.PoolID, user.Username, p["NEW_PASSWORD"])
	if err != nil {
		return authOutput{}, err
	}
	if _, err := h.Store.TakeSession(in.Session, newPasswordRequired, client.ID, now); err != nil {
		return authOutput{}, sessionError(err)
	}
	user, err = h.Store.Update(session.PoolID, user.Username, false, func(u *store.User) error {
		maps.Copy(u.Attributes, added)
		u.Verifier, u.Status, u.Modified = verifier, store.Confirmed, now
		return nil
	})
	if err != nil {
		return authOutput{}, createError(err, errUsernameExists)
	}
	return h.signIn(client, user)
}

// newAttributes reads the userAttributes.NAME responses: what is required and
// was missing must come, what is there may not be changed on this way.
func newAttributes(pool store.Pool, user store.User, p map[string]string) (map[string]string, error) {
	var list []attribute
	for _, key := range slices.Sorted(maps.Keys(p)) {
		name, found := strings.CutPrefix(key, "userAttributes.")
		if !found {
			continue
		}
		if old := user.Attributes[name]; old != "" && old != p[key] && name == "email" {
			return nil, &Error{Type: notAuthorized, Message: "Cannot modify an already provided email"} // UNCONFIRMED
		}
		list = append(list, attribute{name, p[key]})
	}
	added, err := attributeMap(pool, list, false)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(user.Attributes)
	maps.Copy(all, added)
	if lacking := missing(pool, all); lacking != nil {
		return nil, errParameter("Invalid attributes given, %s is missing", strings.Join(lacking, ", ")) // UNCONFIRMED
	}
	return added, nil
}

func sessionError(err error) error {
	switch {
	case errors.Is(err, store.ErrUsed):
		return errSessionUsed
	case errors.Is(err, store.ErrExpired):
		return errSessionExpired
	}
	return errSession
}
