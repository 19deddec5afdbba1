package main

import (
	"fmt"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

// stillGood tells whether a session that was to be refreshed serves as it is: the
// refresh failed for a reason that may be gone a moment later, and nobody asked for
// more than the usual margin. An old token is better than a failed job.
func (s signIn) stillGood(session auth.Session, min time.Duration, err error) bool {
	if min > margin || !auth.Passing(err) || !session.GoodFor(s.app.now(), 0) {
		return false
	}
	s.app.warn(fmt.Sprintf("the token that ends in %s is used, because a new one was not had: %v", session.Expires.Sub(s.app.now()).Round(time.Second), err))
	return true
}
