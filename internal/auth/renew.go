package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/cache"
)

// Renewer makes a session good again. Its Renew is the renew function of
// cache.Cached and runs under the session's lock: it asks nobody anything.
type Renewer struct {
	Client   *Client
	Verifier Verifier
	// Base is what a new session starts from: Issuer, ClientID, Typed, Endpoint.
	Base Session
	// SignIn signs in without a person; nil where no password is at hand.
	SignIn Flow
	// Mark is Base.Mark of the password SignIn uses, to know a refused one again.
	Mark []byte
	// CodeMark is Base.Mark of a stored code of a second factor, nil without one. A
	// wrong code is no more tried again than a wrong password: five lock the account.
	CodeMark []byte
	// Needed is returned when a person would have to sign in.
	Needed error
}

// Renew refreshes old or, when that cannot be, signs in anew.
//
// A session is forgotten only on a definite answer to its own refresh. Errors
// that say nothing about the session leave it as it is.
func (r Renewer) Renew(ctx context.Context, old Session, found bool) (Session, error) {
	var over error
	if found && old.Refresh != "" {
		var err error
		if old, err = r.refresh(ctx, old); err == nil || !beyondRefresh(err) {
			return old, noted(old, err)
		}
		over = err
	}
	switch {
	case r.SignIn != nil:
		return r.signIn(ctx, old)
	case old.Ended(over):
		return old, cache.Forget(&OverError{Cause: over, Needed: r.Needed})
	case over != nil:
		return old, over
	}
	return old, r.Needed
}

// noted makes a refresh that failed save what came of it, where the record says that
// one is in flight and none is any more.
func noted(s Session, err error) error {
	if s.usesUp() && s.InFlight == nil {
		return cache.Remember(err)
	}
	return err
}

// SignInNow signs in whatever session there is, under the same rules.
func (r Renewer) SignInNow(ctx context.Context, old Session, _ bool) (Session, error) {
	return r.signIn(ctx, old)
}

// beyondRefresh tells the errors after which signing in anew is the way on, also
// where they do not prove that the session is over.
func beyondRefresh(err error) bool {
	var elsewhere *ElsewhereError
	return Session{}.Ended(err) || errors.As(err, &elsewhere)
}

// signIn signs in with the stored password, unless that very password was
// refused a moment ago.
func (r Renewer) signIn(ctx context.Context, old Session) (Session, error) {
	if err := r.StillRefused(old); err != nil {
		return old, err
	}
	// Until there are tokens nothing is lost by stopping, so the sign-in ends with
	// whoever wanted it.
	tokens, err := r.SignIn.Login(cache.Caller(ctx))
	if err != nil {
		return r.Noted(old, err)
	}
	base := r.Base
	base.Drift = old.Drift
	return r.Verifier.Begin(ctx, base, tokens)
}

// StillRefused is a *StillRefusedError where the record of old says that this very
// password, answer or code was refused a moment ago.
func (r Renewer) StillRefused(old Session) error {
	now := r.Client.config.Now()
	if old.Refused.matches(r.Mark, now) || r.CodeMark != nil && old.Refused.matches(r.CodeMark, now) {
		return &StillRefusedError{Refusal: *old.Refused, Username: r.Base.Typed, Until: old.Refused.until()}
	}
	return nil
}

// Noted is err, of a sign-in, and what to save for it: a refused password, answer or
// code is noted beside whatever session there is.
func (r Renewer) Noted(old Session, err error) (Session, error) {
	var refused *RefusedError
	if !errors.As(err, &refused) {
		return old, err
	}
	mark := r.Mark
	switch {
	case refused.Code == "CodeMismatchException" && r.CodeMark != nil:
		mark = r.CodeMark
	case !wrongGuess(refused) && !r.Base.Machine:
		return old, err
	}
	if !old.Live() {
		old = r.Base
	}
	old.Refused = &Refusal{Mark: mark, At: r.Client.config.Now(), Code: refused.Code, Message: r.Client.hidden(refused.Message)}
	if r.Base.Machine {
		old.Refused.For = MachineRefusalLasts
	}
	return old, cache.Remember(err)
}

// Begin makes a verified session of the tokens of a sign-in.
func (v Verifier) Begin(ctx context.Context, base Session, tokens Tokens) (Session, error) {
	base.SignedIn = tokens.Received
	base.Username = base.Typed
	return v.verify(ctx, base, tokens)
}

// OverError says that a session ended at Cognito and a person must sign in.
type OverError struct {
	Cause  error
	Needed error // how; nil when unknown
}

func (e *OverError) Error() string   { return "the session is over: " + e.Cause.Error() }
func (e *OverError) Unwrap() []error { return []error{e.Needed, e.Cause} }

// ElsewhereError says that the session was issued at another endpoint, so its
// refresh token is not sent to this one.
type ElsewhereError struct{ Username, Was, Now string }

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("the session of %s was issued by %s; its refresh token is not sent to %s", e.Username, e.Was, e.Now)
}

// StillRefusedError says that a password was refused before and is not tried
// again yet: repeated attempts would lock the account.
type StillRefusedError struct {
	Refusal  Refusal
	Username string
	Until    time.Time
}

func (e *StillRefusedError) Error() string {
	what := "this password, answer or code was"
	if e.Refusal.For != 0 {
		what = "with this secret it was"
	}
	return fmt.Sprintf("sign in %s: %s refused at %s: %s (%s); it is not tried again before %s",
		e.Username, what, e.Refusal.At.Local().Format(time.TimeOnly), strings.TrimSuffix(e.Refusal.Message, "."), e.Refusal.Code, e.Until.Local().Format(time.TimeOnly))
}
