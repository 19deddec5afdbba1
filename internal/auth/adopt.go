package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/jwt"
)

// Given are tokens that something else got, such as an application's token endpoint or a
// browser session. Any of them may be missing, but not both ID and Refresh.
type Given struct{ ID, Access, Refresh string }

// GivenError says that what was given cannot make a session, whatever a server says to it.
type GivenError struct{ Why string }

func (e *GivenError) Error() string { return e.Why }

// Adopt makes a session of given tokens, verified as those of a sign-in are.
//
// An ID token must verify, but for its time: an expired one will do where a refresh then
// gives tokens of the same user. The session is refreshed at once where the tokens have
// ended by the local clock, or where there is no access token; a refresh token alone
// proves in this way whose it is. Where no name was typed (Base.Typed is empty), the
// session is filed under the user's real name.
//
// Adopt runs as a change (cache.Dir.Update) of a record of its own, beside the stored
// sessions. They stay as they are until it is known whose the given tokens are and that
// they are good. left is what that record holds: what an earlier run with the same
// refresh token left behind when it was stopped. A record of another token is ignored.
// As long as the session is in that record, Session.Given is set.
func (r Renewer) Adopt(ctx context.Context, g Given, left Session) (Session, error) {
	s, err := r.begun(ctx, g, left)
	if err != nil {
		return Session{}, err
	}
	if s.Access == "" || !s.GoodFor(r.Client.config.Now(), 0) {
		if s, err = r.refreshGiven(ctx, s); err != nil {
			return s, kept(s, g, left, err)
		}
	}
	if s.Typed == "" {
		s.Typed = s.Username
	}
	return s, nil
}

// begun is the session before any refresh: what an earlier run left of the same refresh
// token, else what the given tokens say by themselves.
func (r Renewer) begun(ctx context.Context, g Given, left Session) (Session, error) {
	for name, token := range map[string]string{"ID": g.ID, "access": g.Access, "refresh": g.Refresh} {
		if strings.ContainsFunc(token, notOfToken) {
			return Session{}, &GivenError{Why: fmt.Sprintf("the given %s token has characters that no token has", name)}
		}
	}
	if g.ID == "" && g.Refresh == "" {
		return Session{}, &GivenError{Why: "neither an ID token nor a refresh token was given: without either there is no session"}
	}
	if g.of(left) {
		left.Typed = r.Base.Typed
		if left.Subject == "" {
			left.Username = left.Typed
		}
		return left, nil
	}
	now := r.Client.config.Now()
	s := r.Base
	s.Username, s.SignedIn, s.Refresh = s.Typed, now, g.Refresh
	if g.Refresh != "" {
		s.Given = fingerprint(g.Refresh)
	}
	if g.ID == "" {
		return s, nil
	}
	return r.Verifier.given(ctx, s, g, now)
}

// of reports whether s is what an earlier run made of the same refresh token.
func (g Given) of(s Session) bool { return g.Refresh != "" && s.Given == fingerprint(g.Refresh) }

// kept wraps err, of a refresh of given tokens that failed, so that Adopt's record becomes
// what the next run with the same token needs.
func kept(s Session, g Given, left Session, err error) error {
	hasRecord := s.usesUp() || g.of(left) // such a refresh was noted before it was sent
	ended := s.Ended(err)
	switch {
	case !hasRecord:
		return err
	case s.InFlight != nil && !ended:
		return err // the note stays: this refresh may have used the token up
	case s.Refresh != g.Refresh && !ended:
		return cache.Remember(err) // a new refresh token came, with tokens that could not be verified
	}
	return cache.Forget(err)
}

// refreshGiven refreshes a session of given tokens, as far as they allow it.
func (r Renewer) refreshGiven(ctx context.Context, s Session) (Session, error) {
	switch {
	case s.Refresh == "" && s.Access == "":
		return s, &GivenError{Why: "an ID token by itself makes no session: give the access token or the refresh token with it"}
	case s.Refresh == "":
		return s, fmt.Errorf("the given tokens are no longer good (they served until %s), and there is no refresh token to get others with",
			s.Expires.Local().Format(time.DateTime))
	}
	// With a secret, REFRESH_TOKEN_AUTH wants the user's real name, which so far only
	// a verified ID token can have told.
	if s.Subject == "" && s.By == ByFlow && r.Client.config.ClientSecret != "" {
		s.By = ByGetTokens
	}
	return r.refresh(ctx, s)
}

// given verifies a given ID token, and an access token beside it. They are judged as of
// the time when they were made. Whether they have ended since only the local clock says,
// which may be wrong, so that is left to a refresh.
func (v Verifier) given(ctx context.Context, s Session, g Given, now time.Time) (Session, error) {
	t := Tokens{ID: g.ID, Access: g.Access, Refresh: g.Refresh, Received: now}
	begins, ends := span(g)
	t.ServerTime = begins
	verify := v.verify
	if g.Access == "" && !v.Skip {
		verify = v.identity
	}
	s, err := verify(ctx, s, t)
	if err != nil {
		return s, fmt.Errorf("the given tokens: %w", err)
	}
	s.Saved, s.Expires, s.Drift = now, ends, nil // nobody answered, so no clock was compared
	if now.Before(begins.Add(-leeway)) {         // made in the future: one of the clocks is wrong
		s.Expires = now
	}
	return s, nil
}

// span is the time within which all of the given tokens are valid, by the clock of their
// server: from the last iat to the first exp. Tokens that cannot be read do not count;
// both are zero when none can be.
func span(g Given) (begins, ends time.Time) {
	for _, raw := range []string{g.ID, g.Access} {
		token, err := jwt.Parse(raw)
		if err != nil {
			continue
		}
		if iat, ok := token.Claims.Time("iat"); ok && iat.After(begins) {
			begins = iat
		}
		if exp, ok := token.Claims.Time("exp"); ok && (ends.IsZero() || exp.Before(ends)) {
			ends = exp
		}
	}
	return begins, ends
}
