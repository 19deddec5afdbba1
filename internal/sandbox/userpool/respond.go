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
	pages              bool // the answer comes from the pages
	ignored
}

func (in respondInput) label() string {
	if oneOf("", in.ChallengeName, challengeNames()) != "" {
		return ""
	}
	return in.ChallengeName
}

func (h *Handler) respondToAuthChallenge(_ context.Context, in respondInput) (authOutput, error) {
	if err := validate(clientID(in.ClientID), oneOf("challengeName", in.ChallengeName, challengeNames()), sessionShape(in.Session)); err != nil {
		return authOutput{}, err
	}
	client, ok := h.Store.Client(in.ClientID)
	if !ok {
		return authOutput{}, errNoClient(in.ClientID)
	}
	return h.respond(client, in)
}

// respond finds who judges the answer to a challenge.
func (h *Handler) respond(client store.Client, in respondInput) (authOutput, error) {
	switch in.ChallengeName {
	case "PASSWORD_VERIFIER":
		return h.verifyPassword(client, in.ChallengeResponses)
	case newPasswordRequired:
		return h.setNewPassword(client, in)
	case store.SMSMFA, store.TOTPMFA, store.EmailMFA, choiceSMS:
		return h.answerCode(client, in)
	case selectMFAType:
		return h.chooseMFA(client, in)
	case mfaSetup:
		return h.finishSetup(client, in)
	case deviceSRPAuth:
		return h.beginDevice(client, in)
	case devicePasswordVerifier:
		return h.verifyDevice(client, in)
	case customChallenge:
		return h.answerQuestion(client, in)
	case selectChallenge:
		return h.answerChoice(client, in)
	case choicePassword, choiceSRP, choicePasskey:
		return h.answerFactor(client, in)
	}
	// ADMIN_NO_SRP_AUTH is no challenge that anybody is given.
	_, _, err := h.opened(client, in)
	if err == nil {
		err = errSession
	}
	return authOutput{}, err
}

// claim is what an SRP answer carries beside its signature.
type claim struct {
	block []byte
	at    time.Time
}

// claimNames are the responses that an SRP answer must have.
func claimNames() []string {
	return []string{"PASSWORD_CLAIM_SIGNATURE", "PASSWORD_CLAIM_SECRET_BLOCK", "TIMESTAMP"}
}

func readClaim(p map[string]string) (claim, error) {
	at, err := srp.ParseTimestamp(p["TIMESTAMP"])
	if err != nil {
		return claim{}, errTimestamp
	}
	block, err := base64.StdEncoding.DecodeString(p["PASSWORD_CLAIM_SECRET_BLOCK"])
	if err != nil {
		return claim{}, errSecretBlock
	}
	return claim{block, at}, nil
}

// far says whether the TIMESTAMP is outside the window around our clock.
func (c claim) far(now time.Time) bool {
	off := now.Sub(c.at)
	return off > clockWindow || off < -clockWindow
}

// verifyPassword is the second leg of SRP. The handshake is found by its
// SECRET_BLOCK and used up whatever the outcome. Everything that is wrong with
// it — invented, used, expired, of another client or user — is answered as a
// wrong password (measured). Only a device that nobody knows leaves it unused:
// clients then send the same answer again without the DEVICE_KEY.
func (h *Handler) verifyPassword(client store.Client, p map[string]string) (authOutput, error) {
	if err := h.checkParameters(client, p, append([]string{"USERNAME"}, claimNames()...)...); err != nil {
		return authOutput{}, err
	}
	claim, err := readClaim(p)
	if err != nil {
		return authOutput{}, err
	}
	now := h.Now()
	handshake, err := h.Store.Handshake(claim.block, now)
	user, known := h.Store.Find(handshake.PoolID, handshake.Username)
	if !handshake.Known || !known {
		user, known = store.User{Username: handshake.Username}, false
	}
	if err == nil {
		if err := checkDevice(user, p["DEVICE_KEY"]); err != nil {
			return authOutput{}, err
		}
		handshake, err = h.Store.TakeHandshake(claim.block, now)
	}
	if err != nil || handshake.ClientID != client.ID || handshake.Device != "" || !h.answersAs(handshake, p["USERNAME"]) || claim.far(now) {
		return authOutput{}, errWrongPassword
	}
	pool, err := srp.PoolName(handshake.PoolID)
	if err != nil {
		return authOutput{}, err
	}
	// The MAC is over our rendering of the time, as AWS's is.
	prove := func() bool {
		return handshake.Server.Verify(pool, handshake.Username, claim.block, claim.at, p["PASSWORD_CLAIM_SIGNATURE"])
	}
	if err := h.judge(client, user, known, prove); err != nil {
		return authOutput{}, err
	}
	a := attempt{client: client, user: user, device: p["DEVICE_KEY"]}
	if handshake.Custom {
		return h.ask(a, store.Session{})
	}
	return h.passwordProved(a)
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
	a, session, err := h.opened(client, in, "NEW_PASSWORD")
	if err != nil {
		return authOutput{}, err
	}
	user := a.user
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
	if err := h.take(client, in); err != nil {
		return authOutput{}, err
	}
	now := h.Now()
	a.user, err = h.Store.Update(session.PoolID, user.Username, false, func(u *store.User) error {
		maps.Copy(u.Attributes, added)
		u.Verifier, u.Status, u.Modified = verifier, store.Confirmed, now
		return nil
	})
	if err != nil {
		return authOutput{}, createError(err, errUsernameExists)
	}
	return h.secondFactor(a)
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
