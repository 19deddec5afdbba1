package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
)

func newLogout(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Revoke the refresh token and forget the session",
		Long: `Revoke the session's refresh token at Cognito and forget the session here.

The session is forgotten also when Cognito cannot be reached; the exit code then
is 1. Access and ID tokens that were handed out keep working at API Gateway until
they expire: it does not ask Cognito.`,
		Example: `  cogctl logout
  cogctl logout --username bob`,
		Args: operands(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return runLogout(cmd.Context(), a) },
	}
}

func runLogout(ctx context.Context, a *app) error {
	s, dir, err := a.whose()
	if err != nil {
		return err
	}
	session, found, err := dir.Read(s.key())
	if err != nil {
		return err
	}
	if !found || !session.Live() {
		if err := dir.End(ctx, s.key()); err != nil { // a note of a refused password, if anything
			return err
		}
		a.note("nobody was signed in at %s as %q", s.pool.UserPoolID, s.user)
		return nil
	}
	secrets, err := a.credentials(ctx, s.profile)
	revoked := err
	if err == nil && session.Refresh != "" {
		revoked = a.revoke(ctx, s.pool, secrets, a.seen(session))
	}
	if err := dir.End(ctx, s.key()); err != nil {
		return errors.Join(revoked, fmt.Errorf("forget the session of %s: %w", s.user, err))
	}
	if revoked != nil {
		return hinted(fmt.Errorf("the session of %s is forgotten here, but its refresh token was not revoked: %w", s.user, revoked),
			"it stays good at Cognito until it expires")
	}
	a.note("signed out %s; tokens handed out before keep working at API Gateway until %s", s.user, until(session.Expires, a.now()))
	return nil
}

// revoke ends the refresh token where it came from, and only there.
func (a *app) revoke(ctx context.Context, s poolSettings, secrets credentials, session auth.Session) error {
	if session.Endpoint != s.Endpoint {
		return &auth.ElsewhereError{Username: session.Typed, Was: session.Endpoint, Now: s.Endpoint}
	}
	return a.client(s, secrets.clientSecret).Revoke(ctx, session)
}
