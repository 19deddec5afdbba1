package userpool

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// askSetup is MFA_SETUP: the pool requires a second factor and there is none.
// Only an authenticator can be set up within the sign-in.
func (h *Handler) askSetup(a attempt, pool store.Pool) (authOutput, error) {
	kinds := []string{}
	for _, kind := range mfaKinds() {
		if pool.MFAOffered(kind) {
			kinds = append(kinds, kind)
		}
	}
	return h.challenge(a, store.Session{Challenge: mfaSetup}, map[string]string{"MFAS_CAN_SETUP": jsonText(kinds)})
}

type associateInput struct{ AccessToken, Session string }

type associateOutput struct {
	SecretCode string
	Session    string `json:",omitempty"`
}

// associateSoftwareToken hands out a new TOTP secret, which counts once
// VerifySoftwareToken has seen a code of it. Until then the old one stays.
func (h *Handler) associateSoftwareToken(ctx context.Context, in associateInput) (associateOutput, error) {
	if err := validate(sessionShape(in.Session)); err != nil {
		return associateOutput{}, err
	}
	secret := make([]byte, totpSecretBytes)
	if _, err := io.ReadFull(h.Random, secret); err != nil {
		return associateOutput{}, fmt.Errorf("read %d random bytes: %w", len(secret), err)
	}
	if in.Session != "" {
		session, err := h.advanceSetup(in.Session, func(s *store.Session) error {
			s.TOTP, s.TOTPStep = secret, 0
			return nil
		})
		return associateOutput{SecretCode: TOTPText(secret), Session: session}, err
	}
	poolID, user, err := h.caller(ctx, in.AccessToken)
	if err != nil {
		return associateOutput{}, err
	}
	pool, _ := h.Store.Pool(poolID)
	if !pool.MFAOffered(store.TOTPMFA) {
		return associateOutput{}, errNoTOTP
	}
	_, err = h.Store.Update(poolID, user.Username, false, func(u *store.User) error {
		u.TOTPPending = secret
		return nil
	})
	return associateOutput{SecretCode: TOTPText(secret)}, err
}

// advanceSetup replaces an MFA_SETUP session by its successor. When change
// refuses, the session stays as it was.
func (h *Handler) advanceSetup(id string, change func(*store.Session) error) (string, error) {
	now := h.Now()
	session, err := h.Store.SessionOf(id, mfaSetup, now)
	if err != nil {
		return "", sessionError(err)
	}
	if err := change(&session); err != nil {
		return "", err
	}
	if _, err := h.Store.TakeSession(id, mfaSetup, session.ClientID, now); err != nil {
		return "", sessionError(err)
	}
	client, ok := h.Store.Client(session.ClientID)
	if !ok {
		return "", errSession
	}
	return h.putSession(client, session)
}

type verifyTokenInput struct{ AccessToken, Session, UserCode, FriendlyDeviceName string }

type verifyTokenOutput struct {
	Status  string
	Session string `json:",omitempty"`
}

// verifySoftwareToken proves that the authenticator has the secret. It does not
// switch the factor on: that is SetUserMFAPreference, or the answer to MFA_SETUP.
func (h *Handler) verifySoftwareToken(ctx context.Context, in verifyTokenInput) (verifyTokenOutput, error) {
	findings := []string{present("userCode", in.UserCode), sessionShape(in.Session)}
	if in.UserCode != "" && (len(in.UserCode) != 6 || strings.Trim(in.UserCode, "0123456789") != "") {
		findings = append(findings, "Value at 'userCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [0-9]+")
	}
	if err := validate(findings...); err != nil {
		return verifyTokenOutput{}, err
	}
	if in.Session != "" {
		session, err := h.advanceSetup(in.Session, func(s *store.Session) error {
			if s.TOTP == nil {
				return errNoSoftwareToken
			}
			s.TOTPStep, s.TOTPName = matchTOTP(s.TOTP, in.UserCode, h.Now()), in.FriendlyDeviceName
			if s.TOTPStep == 0 {
				return errTOTPSetup
			}
			return nil
		})
		if err != nil {
			return verifyTokenOutput{}, err
		}
		return verifyTokenOutput{Status: "SUCCESS", Session: session}, nil
	}
	poolID, user, err := h.caller(ctx, in.AccessToken)
	if err != nil {
		return verifyTokenOutput{}, err
	}
	_, err = h.Store.Update(poolID, user.Username, false, func(u *store.User) error {
		if u.TOTPPending == nil {
			return errNoSoftwareToken
		}
		step := matchTOTP(u.TOTPPending, in.UserCode, h.Now())
		if step == 0 {
			return errTOTPSetup
		}
		u.TOTP = store.TOTP{Secret: u.TOTPPending, Name: in.FriendlyDeviceName, LastStep: step}
		u.TOTPPending = nil
		return nil
	})
	if err != nil {
		return verifyTokenOutput{}, err
	}
	return verifyTokenOutput{Status: "SUCCESS"}, nil
}

// finishSetup answers MFA_SETUP with the Session of VerifySoftwareToken.
func (h *Handler) finishSetup(client store.Client, in respondInput) (authOutput, error) {
	a, session, err := h.opened(client, in)
	if err != nil {
		return authOutput{}, err
	}
	if session.TOTPStep == 0 {
		return authOutput{}, errSetupOpen
	}
	if err := h.take(client, in); err != nil {
		return authOutput{}, err
	}
	a.user, err = h.Store.Update(session.PoolID, a.user.Username, false, func(u *store.User) error {
		u.TOTP = store.TOTP{Secret: session.TOTP, Name: session.TOTPName, LastStep: session.TOTPStep}
		u.Modified = h.Now()
		if !slices.Contains(u.MFA, store.TOTPMFA) {
			u.MFA = append(u.MFA, store.TOTPMFA)
		}
		return nil
	})
	if err != nil {
		return authOutput{}, err
	}
	return h.signIn(a)
}

// mfaSetting is the form of each member of SetUserMFAPreference.
type mfaSetting struct{ Enabled, PreferredMfa bool }

type preferenceInput struct {
	AccessToken              string
	SMSMfaSettings           *mfaSetting
	SoftwareTokenMfaSettings *mfaSetting
	EmailMfaSettings         *mfaSetting
}

// setUserMFAPreference switches second factors on and off; one that is not
// named stays as it is. At most one is preferred.
func (h *Handler) setUserMFAPreference(ctx context.Context, in preferenceInput) (empty, error) {
	poolID, user, err := h.caller(ctx, in.AccessToken)
	if err != nil {
		return empty{}, err
	}
	pool, _ := h.Store.Pool(poolID)
	settings := map[string]*mfaSetting{
		store.SMSMFA: in.SMSMfaSettings, store.TOTPMFA: in.SoftwareTokenMfaSettings, store.EmailMFA: in.EmailMfaSettings,
	}
	now := h.Now()
	_, err = h.Store.Update(poolID, user.Username, false, func(u *store.User) error {
		preferred := 0
		for _, kind := range mfaKinds() {
			s := settings[kind]
			if s == nil {
				continue
			}
			if err := applyPreference(pool, u, kind, *s); err != nil {
				return err
			}
			if s.PreferredMfa {
				preferred++
			}
		}
		if preferred > 1 {
			return errTwoPreferred
		}
		u.Modified = now
		return nil
	})
	return empty{}, err
}

func applyPreference(pool store.Pool, u *store.User, kind string, s mfaSetting) error {
	u.MFA = slices.DeleteFunc(u.MFA, func(have string) bool { return have == kind })
	if u.PreferredMFA == kind {
		u.PreferredMFA = ""
	}
	if !s.Enabled {
		if s.PreferredMfa {
			return errPreferredOff
		}
		return nil
	}
	switch {
	case !pool.MFAOffered(kind):
		return errParameter("%s is not enabled for the user pool", kind) // UNCONFIRMED
	case kind == store.TOTPMFA && len(u.TOTP.Secret) == 0:
		return errTOTPUnverified
	case kind == store.SMSMFA && u.Attributes["phone_number"] == "":
		return errParameter("User does not have a phone number to turn on SMS_MFA") // UNCONFIRMED
	case kind == store.EmailMFA && u.Attributes["email_verified"] != "true":
		return errParameter("User does not have a verified email to turn on EMAIL_OTP") // UNCONFIRMED
	}
	u.MFA = append(u.MFA, kind)
	if s.PreferredMfa {
		u.PreferredMFA = kind
	}
	return nil
}
