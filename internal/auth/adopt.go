package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/jwt"
)

// Given are tokens that someone else got: a token endpoint of one's own, a browser.
// Any of them may be missing, but not both ID and Refresh.
type Given struct{ ID, Access, Refresh string }

// GivenError says that what was given makes no session, whatever a server says.
type GivenError struct{ Why string }

func (e *GivenError) Error() string { return e.Why }

// Adopt makes a session of given tokens, verified as those of a sign-in are.
//
// An ID token must verify, but for its time: one that is over by the local clock
// will do when a refresh then gives tokens of the same user. Without an access
// token the session is refreshed at once too, which is also how a refresh token
// alone proves whose it is. Where no name was typed, Base.Typed empty, the session
// is filed under the user's own.
//
// Adopt is a change of what is kept at a place of its own, not of the stored session,
// which stays until it is known whose the given tokens are and that they are good.
// left is what is there of an earlier run that was stopped: it had the same refresh
// token, or counts for nothing. What is kept there has Given set, until it is filed.
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

// begun is the session that the given tokens make by themselves, or the one that an
// earlier run made of the same ones.
func (r Renewer) begun(ctx context.Context, g Given, left Session) (Session, error) {
	for name, token := range map[string]string{"ID": g.ID, "access": g.Access, "refresh": g.Refresh} {
		if strings.ContainsFunc(token, notOfToken) {
			return Session{}, &GivenError{fmt.Sprintf("the given %s token has characters that no token has", name)}
		}
	}
	if g.ID == "" && g.Refresh == "" {
		return Session{}, &GivenError{"neither an ID token nor a refresh token was given: without either there is no session"}
	}
	if g.of(left) {
		if left.Typed = r.Base.Typed; left.Subject == "" {
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

// of tells whether s is what an earlier run made of the same refresh token.
func (g Given) of(s Session) bool { return g.Refresh != "" && s.Given == fingerprint(g.Refresh) }

// kept says what becomes of what is kept at Adopt's place after a refresh that failed
// with err: a note of one that may have used its token up stays, and so does a new
// refresh token that came with tokens which nobody could verify.
func kept(s Session, g Given, left Session, err error) error {
	switch noted := s.usesUp() || g.of(left); {
	case !noted, s.InFlight != nil && !s.Ended(err):
		return err
	case s.Refresh != g.Refresh && !s.Ended(err):
		return cache.Remember(err)
	}
	return cache.Forget(err)
}

// refreshGiven refreshes a session that was given, which nobody here has signed in.
func (r Renewer) refreshGiven(ctx context.Context, s Session) (Session, error) {
	switch {
	case s.Refresh == "" && s.Access == "":
		return s, &GivenError{"an ID token by itself makes no session: give the access token or the refresh token with it"}
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

// given verifies a given ID token, and an access token beside it. They are judged
// as of the time when they were made: whether their time is over is known by the
// local clock only, and a refresh settles it.
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

// span is the time for which all of the tokens serve, by the clock of their server.
// It is zero for tokens that cannot be read.
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
