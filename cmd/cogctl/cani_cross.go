package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
)

// crossCheck judges the token of a request to a Lambda authorizer as cogctl token
// verify would for the profile's pool and client. The function may have good reasons
// to judge otherwise, but where it lets through what this refuses, it forgot
// something. nil means that there is nothing to judge, or nothing to judge it by.
func (q *question) crossCheck(ctx context.Context) []jwt.Check {
	raw := q.token.Raw
	if raw == "" {
		raw = strings.TrimPrefix(q.request.Header.Get("Authorization"), "Bearer ")
	}
	s, err := pool(q.profile)
	if _, unreadable := jwt.Parse(raw); err != nil || unreadable != nil || s.JWKS == "" || len(s.Issuers) == 0 {
		return nil
	}
	policy := jwt.Policy{Issuers: s.Issuers, ClientIDs: []string{s.ClientID}, Now: q.app.now()}
	report := jwt.Verify(ctx, raw, q.app.keys(s.JWKS), policy)
	for _, c := range report.Checks {
		if c.Code == jwt.CodeKeysUnavailable {
			return nil
		}
	}
	return report.Checks
}

// compare tells where the function and the token itself disagree.
func (v *canIVerdict) compare(a *app) {
	if len(v.TokenChecks) == 0 {
		return
	}
	failed := jwt.Report{Checks: v.TokenChecks}.Failed()
	switch {
	case v.Allowed && len(failed) > 0:
		var reasons []string
		for _, c := range failed {
			reasons = append(reasons, c.Name+": "+c.Detail)
		}
		a.warn(fmt.Sprintf("the function lets a token through that is not good for this app client: %s", strings.Join(reasons, "; ")))
	case !v.Allowed && len(failed) == 0 && v.advice == "" && v.asked():
		v.advice = "the token itself is good for this pool and app client (cogctl token verify): it is the function that refuses"
	}
}

// asked tells whether the function was called. What fails before leaves one check, of
// the request.
func (v *canIVerdict) asked() bool {
	return slices.ContainsFunc(v.Checks, func(c jwt.Check) bool { return c.Name == "function" || c.Name == "answer" })
}
