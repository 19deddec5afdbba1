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
// Such a refresh is noted nowhere before it is sent: whose the given refresh token is
// and whether it is good is known only afterwards, and until then the session that is
// stored stays. A crash in the middle of it loses the given refresh token where the app
// client rotates them.
func (r Renewer) Adopt(ctx context.Context, g Given) (Session, error) {
	for name, token := range map[string]string{"ID": g.ID, "access": g.Access, "refresh": g.Refresh} {
		if strings.ContainsFunc(token, notOfToken) {
			return Session{}, &GivenError{fmt.Sprintf("the given %s token has characters that no token has", name)}
		}
	}
	if g.ID == "" && g.Refresh == "" {
		return Session{}, &GivenError{"neither an ID token nor a refresh token was given: without either there is no session"}
	}
	now := r.Client.config.Now()
	s := r.Base
	s.Username, s.SignedIn, s.Refresh = s.Typed, now, g.Refresh
	var err error
	if g.ID != "" {
		if s, err = r.Verifier.given(ctx, s, g, now); err != nil {
			return Session{}, err
		}
	}
	if g.Access == "" || !s.GoodFor(now, 0) {
		if s, err = r.refreshGiven(ctx, s); err != nil {
			return Session{}, err
		}
	}
	if s.Typed == "" {
		s.Typed = s.Username
	}
	return s, nil
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
	return r.refresh(cache.Unnoted(ctx), s)
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
