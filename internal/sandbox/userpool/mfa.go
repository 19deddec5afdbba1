package userpool

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

const (
	selectMFAType = "SELECT_MFA_TYPE"
	mfaSetup      = "MFA_SETUP"
)

// secondFactor goes on after the first: to the device, to a code, to the choice
// between codes, to setting one up, or to the tokens. A remembered device
// stands in for the code unless the pool says otherwise.
func (h *Handler) secondFactor(a attempt) (authOutput, error) {
	pool, _ := h.Store.Pool(a.client.PoolID)
	factors := factorsOf(pool, a.user)
	needed := len(factors) > 0 || pool.MFARequired()
	device, known := a.user.Device(a.device)
	switch {
	case known && device.Remembered && (!needed || !pool.DevicesKeepMFA):
		return h.askDevice(a)
	case !needed:
		return h.signIn(a)
	case len(factors) == 0:
		return h.askSetup(a, pool)
	case slices.Contains(factors, a.user.PreferredMFA):
		return h.askCode(a, a.user.PreferredMFA)
	case len(factors) == 1:
		return h.askCode(a, factors[0])
	}
	return h.challenge(a, store.Session{Challenge: selectMFAType, Choices: factors},
		map[string]string{"MFAS_CAN_CHOOSE": jsonText(factors)})
}

// factorsOf are the second factors that work for the user. Where the pool
// requires one and he has chosen none, a phone number or an address is enough
// to send a code to.
func factorsOf(pool store.Pool, user store.User) []string {
	reachable := map[string]bool{
		store.SMSMFA:   user.Attributes["phone_number"] != "",
		store.TOTPMFA:  len(user.TOTP.Secret) > 0,
		store.EmailMFA: user.Attributes["email"] != "",
	}
	var active, possible []string
	for _, kind := range mfaKinds() {
		if !pool.MFAOffered(kind) || !reachable[kind] {
			continue
		}
		if slices.Contains(user.MFA, kind) {
			active = append(active, kind)
		}
		if kind != store.TOTPMFA {
			possible = append(possible, kind)
		}
	}
	if active == nil && pool.MFARequired() {
		return possible
	}
	return active
}

func mfaKinds() []string { return []string{store.SMSMFA, store.TOTPMFA, store.EmailMFA} }

// askCode asks for the code of a factor, having sent one where it is sent.
func (h *Handler) askCode(a attempt, kind string) (authOutput, error) {
	if kind == store.TOTPMFA {
		parameters := map[string]string{}
		if a.user.TOTP.Name != "" {
			parameters["FRIENDLY_DEVICE_NAME"] = a.user.TOTP.Name
		}
		return h.challenge(a, store.Session{Challenge: kind}, parameters)
	}
	return h.sendChallengeCode(a, kind, false)
}

// sendChallengeCode sends the code of SMS_MFA, SMS_OTP or EMAIL_OTP. For a user
// who does not exist it only looks so.
func (h *Handler) sendChallengeCode(a attempt, kind string, unknown bool) (authOutput, error) {
	attribute, digits := "phone_number", 6
	if kind == store.EmailMFA {
		attribute, digits = "email", 8 // measured for EMAIL_OTP; for SMS UNCONFIRMED
	}
	code, err := h.drawCode(digits)
	if err != nil {
		return authOutput{}, err
	}
	delivery, to := deliveryTo([]string{attribute}, a.user.Attributes)
	if unknown {
		delivery = fakeDelivery(a.typed)
	}
	if delivery == nil {
		return authOutput{}, errNoDelivery
	}
	if !unknown {
		h.Store.Post(store.Message{
			PoolID: a.client.PoolID, Username: a.user.Username, Kind: kind, Destination: to, Code: code, Sent: h.Now(),
		})
	}
	return h.challenge(a, store.Session{Challenge: kind, Code: code, Unknown: unknown}, map[string]string{
		"CODE_DELIVERY_DELIVERY_MEDIUM": delivery.DeliveryMedium, "CODE_DELIVERY_DESTINATION": delivery.Destination,
	})
}

func (h *Handler) drawCode(digits int) (string, error) {
	most := big.NewInt(1)
	for range digits {
		most.Mul(most, big.NewInt(10))
	}
	n, err := rand.Int(h.Random, most)
	if err != nil {
		return "", fmt.Errorf("draw a code: %w", err)
	}
	return fmt.Sprintf("%0*d", digits, n), nil
}

// answerCode judges SMS_MFA_CODE, SOFTWARE_TOKEN_MFA_CODE, EMAIL_OTP_CODE and
// SMS_OTP_CODE. A wrong one leaves the Session for another try (measured for
// EMAIL_OTP). Responses that belong to other challenges are ignored: some
// clients send two names for one code.
func (h *Handler) answerCode(client store.Client, in respondInput) (authOutput, error) {
	a, session, err := h.opened(client, in)
	if err != nil {
		return authOutput{}, err
	}
	name := in.ChallengeName + "_CODE"
	code := in.ChallengeResponses[name]
	if code == "" {
		return authOutput{}, errMissing(name)
	}
	step, err := h.judgeCode(a, session, code)
	if err != nil {
		return authOutput{}, err
	}
	if err := h.take(client, in); err != nil {
		return authOutput{}, err
	}
	if in.ChallengeName == store.TOTPMFA {
		if err := h.useTOTP(session.PoolID, a.user.Username, step); err != nil {
			return authOutput{}, err
		}
	}
	return h.signIn(a)
}

// judgeCode says whether a code is right, and for TOTP of which step. Five
// wrong ones of SMS_MFA and SOFTWARE_TOKEN_MFA lock for a while as wrong
// passwords do; those of EMAIL_OTP do not (measured). Text and times of the
// lockout are UNCONFIRMED.
func (h *Handler) judgeCode(a attempt, session store.Session, code string) (step int64, err error) {
	counter := "mfa " + a.user.Username // no username has a space
	counts := session.Challenge == store.SMSMFA || session.Challenge == store.TOTPMFA
	if counts && h.Store.Locked(session.PoolID, counter, h.Now()) {
		return 0, errLocked
	}
	if session.Challenge == store.TOTPMFA {
		step, err = h.checkTOTP(a.user, code)
	} else if session.Unknown || subtle.ConstantTimeCompare([]byte(session.Code), []byte(code)) != 1 {
		err = errWrongCode
	}
	switch {
	case !counts:
	case errors.Is(err, errWrongCode):
		h.Store.Failed(session.PoolID, counter, h.Now())
	case err == nil:
		h.Store.Succeeded(session.PoolID, counter)
	}
	return step, err
}

// chooseMFA answers SELECT_MFA_TYPE. The documentation also writes EMAIL_MFA,
// which is no name of a challenge.
func (h *Handler) chooseMFA(client store.Client, in respondInput) (authOutput, error) {
	a, session, err := h.opened(client, in, "ANSWER")
	if err != nil {
		return authOutput{}, err
	}
	choice := in.ChallengeResponses["ANSWER"]
	if choice == "EMAIL_MFA" {
		choice = store.EmailMFA
	}
	if !slices.Contains(session.Choices, choice) {
		return authOutput{}, errChoice
	}
	if err := h.take(client, in); err != nil {
		return authOutput{}, err
	}
	return h.askCode(a, choice)
}
