package userpool

import (
	"encoding/base64"
	"slices"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

const (
	selectChallenge = "SELECT_CHALLENGE"
	choicePassword  = "PASSWORD"
	choiceSRP       = "PASSWORD_SRP"
	choiceSMS       = "SMS_OTP"
	choicePasskey   = "WEB_AUTHN"
)

// initiateChoice is USER_AUTH: what the client prefers if the user can do it,
// or else the choice. The Session of a sign-up spares the code and the password.
func (h *Handler) initiateChoice(client store.Client, p map[string]string, session string) (authOutput, error) {
	if err := h.checkParameters(client, p, "USERNAME"); err != nil {
		return authOutput{}, err
	}
	user, known := h.native(client, p["USERNAME"])
	switch {
	case !known && !client.HidesUsers():
		return authOutput{}, errUserNotFound
	case !known:
		user.Username = h.fakeUsername(client.PoolID, p["USERNAME"])
	default:
		if err := checkState(user); err != nil {
			return authOutput{}, err
		}
	}
	if err := checkDevice(user, p["DEVICE_KEY"]); err != nil {
		return authOutput{}, err
	}
	a := attempt{client: client, user: user, device: p["DEVICE_KEY"]}
	if !known {
		a.typed = p["USERNAME"]
	}
	pool, _ := h.Store.Pool(client.PoolID)
	offered := firstFactors(pool, user, known)
	if session != "" {
		proved, err := h.provedFactor(a, session, offered)
		switch {
		case err != nil:
			return authOutput{}, err
		case proved:
			return h.secondFactor(a)
		}
	}
	if preferred := p["PREFERRED_CHALLENGE"]; slices.Contains(offered, preferred) {
		out, err := h.chosen(a, preferred, !known, p)
		if out.AuthenticationResult == nil && err == nil {
			out.AvailableChallenges = []string{preferred}
		}
		return out, err
	}
	if len(offered) == 0 {
		return authOutput{}, errWrongPassword
	}
	out, err := h.challenge(a, store.Session{Challenge: selectChallenge, Choices: offered, Unknown: !known}, map[string]string{})
	out.AvailableChallenges = offered
	return out, err
}

// provedFactor says whether a Session of ConfirmSignUp stands for a code or a password
// that the user could begin with. One that does not is left unused, and asks for nothing less:
// UNCONFIRMED.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
func (h *Handler) provedFactor(a attempt, id string, offered []string) (bool, error) {
	session, err := h.Store.Session(id, signedUp, a.client.ID, h.Now())
	switch {
	case err != nil:
		return false, sessionError(err)
	case session.Username != a.user.Username:
		return false, errSession
	case !slices.ContainsFunc(session.Choices, func(factor string) bool { return slices.Contains(offered, factor) }):
		return false, nil
	}
	if _, err := h.Store.TakeSession(id, signedUp, a.client.ID, h.Now()); err != nil {
		return false, sessionError(err)
	}
	return true, nil
}

// firstFactors are what a user can begin with. A temporary password leaves
// only passwords (measured, with this order); so does an active second factor,
// because a code or a passkey cannot be followed by one. Whoever does not exist
// is shown what most users have.
func firstFactors(pool store.Pool, user store.User, known bool) []string {
	var offered []string
	add := func(kind string, can bool) {
		if can && pool.FirstFactor(kind) {
			offered = append(offered, kind)
		}
	}
	if pool.FirstFactor(choicePassword) && (!known || user.HasPassword()) {
		offered = append(offered, choiceSRP, choicePassword)
	}
	if known && (user.Status == store.ForceChangePassword || pool.MFARequired() || len(factorsOf(pool, user)) > 0) {
		return offered
	}
	add(store.EmailMFA, !known || user.Attributes["email_verified"] == "true" && user.Attributes["email"] != "")
	add(choiceSMS, user.Attributes["phone_number_verified"] == "true" && user.Attributes["phone_number"] != "")
	add(choicePasskey, user.Passkey)
	return offered
}

// chosen goes on with one first factor. Where the password or SRP_A came
// along, the challenge that would ask for it is left out.
func (h *Handler) chosen(a attempt, factor string, unknown bool, p map[string]string) (authOutput, error) {
	switch {
	case factor == choicePassword && p["PASSWORD"] != "":
		return h.choicePassword(a, unknown, p["PASSWORD"])
	case factor == choiceSRP && p["SRP_A"] != "":
		return h.initiateSRP(a.client, p, false)
	case factor == store.EmailMFA, factor == choiceSMS:
		return h.sendChallengeCode(a, factor, unknown)
	case factor == choicePasskey:
		challenge, err := h.randomText(32)
		if err != nil {
			return authOutput{}, err
		}
		return h.challenge(a, store.Session{Challenge: factor, Unknown: unknown}, map[string]string{
			"CREDENTIAL_REQUEST_OPTIONS": jsonText(map[string]any{
				"challenge": challenge, "timeout": 180000, "rpId": "localhost", "userVerification": "preferred",
				"allowCredentials": []any{map[string]any{"id": base64.RawURLEncoding.EncodeToString([]byte(a.user.Sub)), "type": "public-key"}},
			}),
		})
	}
	return h.challenge(a, store.Session{Challenge: factor, Unknown: unknown}, map[string]string{})
}

func (h *Handler) choicePassword(a attempt, unknown bool, password string) (authOutput, error) {
	if err := h.judgePassword(a.client, a.user, !unknown, password); err != nil {
		return authOutput{}, err
	}
	return h.passwordProved(a)
}

// answerChoice answers SELECT_CHALLENGE. The Session is used up even when the
// password that came along is wrong: UNCONFIRMED.
func (h *Handler) answerChoice(client store.Client, in respondInput) (authOutput, error) {
	a, session, err := h.opened(client, in, "ANSWER")
	if err != nil {
		return authOutput{}, err
	}
	choice := in.ChallengeResponses["ANSWER"]
	if !slices.Contains(session.Choices, choice) {
		return authOutput{}, errChoice
	}
	if err := h.take(client, in); err != nil {
		return authOutput{}, err
	}
	return h.chosen(a, choice, session.Unknown, in.ChallengeResponses)
}

// answerFactor answers PASSWORD, PASSWORD_SRP and WEB_AUTHN. No passkey is
// ever right: the sandbox has no authenticator.
func (h *Handler) answerFactor(client store.Client, in respondInput) (authOutput, error) {
	needs := map[string]string{choicePassword: "PASSWORD", choiceSRP: "SRP_A", choicePasskey: "CREDENTIAL"}
	a, session, err := h.opened(client, in, needs[in.ChallengeName])
	if err != nil {
		return authOutput{}, err
	}
	if err := h.take(client, in); err != nil {
		return authOutput{}, err
	}
	if in.ChallengeName == choicePasskey {
		return authOutput{}, errPasskey
	}
	return h.chosen(a, in.ChallengeName, session.Unknown, in.ChallengeResponses)
}
