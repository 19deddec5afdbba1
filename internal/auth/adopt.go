package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// Given are tokens that someone else got: a token endpoint of one's own, a browser.
// Any of them may be missing, but not both ID and Refresh.
type Given struct{ ID, Access, Refresh string }

// Adopt makes a session of given tokens, verified as those of a sign-in are.
//
// An ID token must verify at the local time; one that is only too old will do when
// a refresh then gives tokens of the same user. Without an access token, or with
// one that ended, the session is refreshed at once, which is also how a refresh
// token alone proves whose it is. Where no name was typed, Base.Typed empty, the
// session is filed under the user's own.
//
// A refresh at this point has no record to be noted in: a crash in the middle of it
// loses the given refresh token if the app client rotates them.
func (r Renewer) Adopt(ctx context.Context, g Given) (Session, error) {
	for name, token := range map[string]string{"ID": g.ID, "access": g.Access, "refresh": g.Refresh} {
		if err := checkToken(name, token); err != nil {
			return Session{}, fmt.Errorf("the given tokens: %w", err)
		}
	}
	if g.ID == "" && g.Refresh == "" {
		return Session{}, errors.New("neither an ID token nor a refresh token was given: an access token alone makes no session")
	}
	s := r.Base
	s.Refresh = g.Refresh
	now := r.Client.config.Now()
	s.SignedIn = now
	fresh, err := s, error(nil)
	if g.ID != "" {
		if fresh, err = r.Verifier.given(ctx, s, g, now); err != nil {
			return Session{}, err
		}
		s = fresh
	}
	if !fresh.GoodFor(now, 0) || g.Access == "" {
		s, err = r.refreshGiven(ctx, s)
	}
	if s.Typed == "" {
		s.Typed = s.Username
	}
	return s, err
}

// refreshGiven refreshes a session that nobody has refreshed before.
func (r Renewer) refreshGiven(ctx context.Context, s Session) (Session, error) {
	if s.Refresh == "" {
		return Session{}, errors.New("the given tokens are no longer good, and there is no refresh token to get others with")
	}
	if s.Username == "" && s.By == ByFlow && r.Client.config.ClientSecret != "" {
		s.By = ByGetTokens // REFRESH_TOKEN_AUTH would want the name, in SECRET_HASH
	}
	s, err := r.refresh(ctx, s)
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// given verifies a given ID token, and an access token beside it, at the local time
// now: nobody says by which clock they are a moment old. Tokens whose time is over
// come back as a session that is not good any more.
func (v Verifier) given(ctx context.Context, s Session, g Given, now time.Time) (Session, error) {
	t := Tokens{ID: g.ID, Access: g.Access, Refresh: g.Refresh, Received: now}
	old := false
	if token, err := jwt.Parse(g.ID); err == nil {
		exp, ok := token.Claims.Time("exp")
		iat, issued := token.Claims.Time("iat")
		if old = ok && issued && !now.Before(exp) && iat.Before(exp); old {
			t.ServerTime = iat // its other claims are judged as when they were made
		}
	}
	if g.Access == "" {
		t.Access = g.ID
	}
	verify := v.verify
	if g.Access == "" {
		verify = v.identity
	}
	s, err := verify(ctx, s, t)
	if err != nil {
		return s, fmt.Errorf("the given tokens: %w", err)
	}
	s.Expires = earliestEnd(g, now)
	if old || g.Access == "" {
		s.Expires = now
	}
	return s, nil
}
