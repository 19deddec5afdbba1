package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
)

// totpPeriod is how long a code is valid: the time step of RFC 6238. Cognito has no other.
const totpPeriod = 30 * time.Second

// usedStep is the last time step whose code was sent for an account.
type usedStep struct {
	Step int64 `json:"step"`
}

// totpCode computes the code of the stored TOTP secret at the server's time.
// Servers take each code once, so the step is noted before the code is sent, and
// a second sign-in within half a minute waits for the next one.
func (s signIn) totpCode(ctx context.Context, serverTime time.Time) (string, error) {
	if serverTime.IsZero() {
		serverTime = s.app.now()
	}
	// The secret is checked before a step is used up, and waited for.
	if _, err := totpOf(s.secrets.totpSecret, 0); err != nil {
		return "", fmt.Errorf("%s: %w", s.profile.Get("totp_secret").Origin.Text, err)
	}
	steps, err := s.app.usedSteps(s.profile)
	if err != nil {
		return "", err
	}
	now := stepAt(serverTime)
	used, err := steps.Update(ctx, s.key(), func(_ context.Context, last usedStep, found bool) (usedStep, error) {
		if ahead := last.Step + 1 - now; found && ahead > 0 && ahead <= 2 {
			return usedStep{last.Step + 1}, nil
		}
		return usedStep{now}, nil // also when the clock was set back by more than two steps
	})
	if err != nil { // a failed save counts, too: the next process would send the same code
		return "", fmt.Errorf("note the time step of the code before it is sent: %w", err)
	}
	begins := time.Unix(used.Step*int64(totpPeriod.Seconds()), 0)
	wait := begins.Sub(serverTime)
	if wait > 0 { // told afterwards: the session's lock is held
		s.app.debugLine(fmt.Sprintf("the last TOTP code was used already; waited %s for the next", wait.Round(time.Second)))
	}
	if err := s.app.pause(ctx, wait); err != nil {
		return "", err
	}
	return totpOf(s.secrets.totpSecret, used.Step)
}

// awaitCode waits, without a lock, until a code can be made that was not sent
// before, and says so to a person, and with --debug. What is left of the wait, because the server's
// clock is another, totpCode sees to.
func (s signIn) awaitCode(ctx context.Context) error {
	if _, err := totpOf(s.secrets.totpSecret, 0); s.secrets.totpSecret == "" || err != nil {
		return nil // a secret that is not base32 is totpCode's to report
	}
	steps, err := s.app.usedSteps(s.profile)
	if err != nil {
		return err
	}
	last, found, err := steps.Read(s.key())
	if err != nil || !found {
		return err
	}
	next := time.Unix((last.Step+1)*int64(totpPeriod.Seconds()), 0)
	if wait := next.Sub(s.app.now()); wait > 0 && wait <= totpPeriod {
		s.app.note("the last code was used already; waiting %s for the next", wait.Round(time.Second))
		s.app.debugLine(fmt.Sprintf("the last TOTP code was used already; waiting %s for the next", wait.Round(time.Second)))
		s.app.flush() // no lock is held, and a job's log shows what the time is for
		return s.app.pause(ctx, wait)
	}
	return nil
}

// usedSteps remembers which codes were sent.
func (a *app) usedSteps(p *config.Profile) (*cache.Dir[usedStep], error) {
	return storage[usedStep](a, p, "totp")
}
