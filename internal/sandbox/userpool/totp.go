package userpool

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// totpSeconds is the time step, totpSecretBytes the size of a new secret: 52
// characters of base32, as Cognito's.
const (
	totpSeconds     = 30
	totpSecretBytes = 32
)

// TOTPCode is the code of secret for a time step (RFC 6238, section 4, with
// SHA-1 and 6 digits; the truncation is RFC 4226, section 5.3).
func TOTPCode(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0x0f
	number := binary.BigEndian.Uint32(sum[from:from+4]) & 0x7fffffff
	return fmt.Sprintf("%06d", number%1_000_000)
}

// TOTPStep is the time step of a moment.
func TOTPStep(at time.Time) int64 { return at.Unix() / totpSeconds }

// TOTPText is a secret as people type it: base32 without padding.
func TOTPText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// matchTOTP finds the step, at most one from now, whose code this is; 0 is
// none. Of two steps with the same code the later counts, which can still be
// fresh when the earlier was used.
func matchTOTP(secret []byte, code string, now time.Time) int64 {
	found := int64(0)
	for step := TOTPStep(now) - 1; step <= TOTPStep(now)+1; step++ {
		if subtle.ConstantTimeCompare([]byte(TOTPCode(secret, step)), []byte(code)) == 1 {
			found = step
		}
	}
	return found
}

// checkTOTP judges the code of a user's authenticator and returns its step,
// which useTOTP then uses up.
func (h *Handler) checkTOTP(user store.User, code string) (int64, error) {
	step := matchTOTP(user.TOTP.Secret, code, h.Now())
	switch {
	case len(user.TOTP.Secret) == 0 || step == 0:
		return 0, errWrongCode
	case step <= user.TOTP.LastStep:
		return 0, errTOTPUsed
	}
	return step, nil
}

// useTOTP notes that the code of a step was used: it is good once.
func (h *Handler) useTOTP(poolID, username string, step int64) error {
	_, err := h.Store.Update(poolID, username, false, func(u *store.User) error {
		if step <= u.TOTP.LastStep {
			return errTOTPUsed
		}
		u.TOTP.LastStep = step
		return nil
	})
	return err
}
