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
	// Mark is Base.Mark of the password that SignIn uses, by which one that was refused is
	// recognised.
	Mark []byte
	// CodeMark is Base.Mark of a stored code of a second factor, nil without one. A wrong
	// code is not tried again either: five wrong ones lock the account.
	CodeMark []byte
	// Needed is the error for when a person has to sign in.
	Needed error
}

// Renew refreshes old or, where that is not possible and SignIn is there, signs in anew.
// found tells whether old was stored; otherwise it is the zero value.
//
// A session is forgotten (cache.Forget) only on a definite answer to its own refresh; the
// error then is an *OverError. Errors that say nothing about the session leave it as it is.
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

// noted wraps err, of a refresh that failed, so that s is saved all the same where the
// stored record still has a note of a refresh in flight and s has none any more.
func noted(s Session, err error) error {
	if s.usesUp() && s.InFlight == nil {
		return cache.Remember(err)
	}
	return err
}

// SignInNow signs in anew even where there is a session that could be refreshed, by the
// same rules as Renew.
func (r Renewer) SignInNow(ctx context.Context, old Session, _ bool) (Session, error) {
	return r.signIn(ctx, old)
}

// beyondRefresh reports whether, after a refresh that failed with err, one should sign in
// anew. That is so even where err does not prove that the session is over: "Invalid
// Refresh Token" may be about the device (see Session.Ended).
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
	// Until there are tokens nothing is lost by stopping. So the sign-in ends when its
	// caller does, unlike a refresh.
	tokens, err := r.SignIn.Login(cache.Caller(ctx))
	if err != nil {
		return r.Noted(old, err)
	}
	base := r.Base
	base.Drift = old.Drift
	return r.Verifier.Begin(ctx, base, tokens)
}

// StillRefused is a *StillRefusedError where old has a note that this very password,
// answer or code was refused a short while ago (Refusal.For), else nil.
func (r Renewer) StillRefused(old Session) error {
	now := r.Client.config.Now()
	if old.Refused.matches(r.Mark, now) || r.CodeMark != nil && old.Refused.matches(r.CodeMark, now) {
		return &StillRefusedError{Refusal: *old.Refused, Username: r.Base.Typed, Until: old.Refused.until()}
	}
	return nil
}

// Noted returns what to save after a sign-in that failed with err, and the error to return
// from the change of the stored session. Where a password, answer or code was refused,
// that is noted in old, beside its tokens if it has any; after other errors nothing is
// saved.
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

// Begin makes a session of the tokens of a sign-in, verified unless Skip is set. base has
// the fields that say what the session is filed under and how it is refreshed.
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

// StillRefusedError says that a password, answer or code was refused before and is not
// tried again yet: repeated attempts would lock the account.
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
	at, until := e.Refusal.At.Local().Format(time.TimeOnly), e.Until.Local().Format(time.TimeOnly)
	return fmt.Sprintf("sign in %s: %s refused at %s: %s (%s); it is not tried again before %s",
		e.Username, what, at, strings.TrimSuffix(e.Refusal.Message, "."), e.Refusal.Code, until)
}
