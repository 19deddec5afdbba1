package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
)

// lastMoments are those in which a token helps nobody any more: its end is known to
// the second, less what its answer took to arrive, and it would come on the way.
const lastMoments = 5 * time.Second

// stillGood tells whether a session that was to be refreshed serves as it is: the
// refresh failed for a reason that may be gone a moment later, and nobody asked for
// more than the usual margin. An old token is better than a failed job.
func (s signIn) stillGood(session auth.Session, min time.Duration, err error) bool {
	if min > margin || !auth.Passing(err) || !session.GoodFor(s.app.now(), lastMoments) {
		return false
	}
	s.app.warn(fmt.Sprintf("the token that ends in %s is used, because a new one was not had: %v", session.Expires.Sub(s.app.now()).Round(time.Second), err))
	return true
}

// refreshed is the session renewed by its refresh token, which takes none of the secrets
// of a sign-in but the client's: unknown tells why one of them is not to be had now. It is
// not looked up again.
func (s signIn) refreshed(ctx context.Context, dir *cache.Dir[auth.Session], min time.Duration, unknown error) (auth.Session, error) {
	stored, exact, err := s.find(dir)
	secret := s.secrets.clientSecret
	unresolved := secret == "" && s.profile.Get("client_secret").Set()
	if ctx.Err() != nil || err != nil || unresolved || !exact || stored.Refresh == "" {
		return auth.Session{}, unknown
	}
	s = s.as(stored)
	s.secrets = credentials{clientSecret: secret}
	session, err := s.renewed(ctx, dir, min, nil)
	if exitCode(err) == exitNeeded {
		return session, hinted(fmt.Errorf("%w; it is needed because %w", unknown, err), "%s", hintFor(unknown))
	}
	return session, err
}

// warnClock tells, once a day, that the clock of this machine is wrong. The text is
// the same as long as the clock is wrong by the same.
func (a *app) warnClock(s auth.Session) {
	if s.Drift == nil || !s.Drift.Confirmed {
		return
	}
	which := "ahead of"
	if s.Drift.Ahead < 0 {
		which = "behind"
	}
	by := strings.TrimSuffix(s.Drift.Ahead.Abs().Round(time.Minute).String(), "0s")
	a.warnDaily(fmt.Sprintf("the clock of this machine is about %s %s Amazon Cognito's, by two of its answers: "+
		"the session allows for that, what else looks at the time does not; set the clock", by, which))
}
