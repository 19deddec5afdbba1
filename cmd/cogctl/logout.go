package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
)

type logoutOptions struct {
	global, all bool
	browser     bool
	returnTo    string
}

func newLogout(a *app) *cobra.Command {
	var o logoutOptions
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "Revoke the refresh token and forget the session",
		Long: `Revoke the session's refresh token at Cognito and forget the session here.

--global ends every session of the user at Cognito, also those of other machines
and other app clients. --all does it for every user who has a session here with
this profile's user pool and app client.

--browser also ends the session that the hosted sign-in pages keep in the browser,
where the next sign-in would go through unasked. Its address is printed. Cognito
wants a place to go on to that the app client has among its sign-out URLs: give it
with --return-to. Without, the first of callback_urls leads back to the sign-in
page.

A session is forgotten also when Cognito cannot be reached or refuses; the exit
code then is not 0, and what was not done is said. Nobody being signed in is no
error. Access and ID tokens that were handed out keep working at API Gateway until
they expire: it does not ask Cognito.`,
		Example: `  cogctl logout
  cogctl logout --username bob
  cogctl logout --global
  cogctl logout --browser
  cogctl logout --all`,
		Args: operands(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return runLogout(cmd.Context(), a, o) },
	}
	cmd.Flags().BoolVar(&o.global, "global", false, "end every session of the user at Cognito, also on other machines")
	cmd.Flags().BoolVar(&o.browser, "browser", false, "end the session of the sign-in pages in the browser too")
	cmd.Flags().StringVar(&o.returnTo, "return-to", "", "with --browser: where the browser goes on to, a registered sign-out URL")
	cmd.Flags().BoolVar(&o.all, "all", false, "sign out every user who has a session here")
	return cmd
}

func runLogout(ctx context.Context, a *app, o logoutOptions) error {
	s, dir, err := a.whose()
	if err != nil {
		return err
	}
	l := logout{signIn: s, dir: dir, global: o.global}
	switch {
	case o.returnTo != "" && !o.browser:
		return usagef("--return-to goes with --browser")
	case o.global:
		if err := s.pool.wantsPool("--global"); err != nil {
			return err
		}
	}
	if o.browser {
		return errors.Join(l.named(ctx, o), l.endBrowser(ctx, o.returnTo))
	}
	return l.named(ctx, o)
}

// named signs out whoever was meant.
func (l logout) named(ctx context.Context, o logoutOptions) error {
	if o.all {
		return l.everybody(ctx)
	}
	a, s, dir := l.app, l.signIn, l.dir
	session, found, err := dir.Read(s.key())
	if err != nil {
		return err
	}
	if !found || !session.Live() {
		if err := dir.End(ctx, s.key()); err != nil { // a note of a refused password, if anything
			return err
		}
		a.note("nobody was signed in at %s as %q", s.pool.place(), s.user)
		return nil
	}
	return l.signOut(ctx, session)
}

// logout signs users out, one or all of them.
type logout struct {
	signIn
	dir    *cache.Dir[auth.Session]
	global bool
	filed  string // the session's key, where it is not the one of the user who is meant
}

// filedUnder is the key of the session that is meant.
func (l logout) filedUnder() string { return cmp.Or(l.filed, l.key()) }

// everybody signs out every user of this pool and app client. What goes wrong with
// one does not keep the others signed in.
func (l logout) everybody(ctx context.Context) error {
	records, unread := l.dir.List()
	var failures []error
	var hints []string
	users := 0
	for _, record := range records {
		session := record.Value
		if session.Issuer != l.pool.Issuer || session.ClientID != l.pool.ClientID {
			continue
		}
		if !session.Live() { // a note of a refused password
			if err := l.dir.End(ctx, record.Key); err != nil {
				return err
			}
			continue
		}
		users++
		l.user, l.filed = session.Typed, record.Key
		if err := l.signOut(ctx, session); err != nil {
			l.app.warn(err.Error())
			failures = append(failures, err)
			if hint := hintFor(err); !slices.Contains(hints, hint) {
				hints = append(hints, hint)
			}
		}
	}
	if unread != nil {
		return fmt.Errorf("what cannot be read is not signed out: %w", unread)
	}
	if users == 0 {
		l.app.note("nobody was signed in at %s", l.pool.place())
	}
	if err := errors.Join(failures...); err != nil {
		return withCode(exitCode(err), hinted(fmt.Errorf("%d of %d users were not signed out entirely", len(failures), users), "%s", lines(hints...)))
	}
	return nil
}

// maxEnded bounds how many sessions of one user a logout ends that come one after the
// other.
const maxEnded = 3

// signOut ends the session at Cognito, as far as that can be, and forgets it here.
func (l logout) signOut(ctx context.Context, session auth.Session) error {
	a := l.app
	session, undone := l.end(ctx, a.seen(session))
	for round := 1; ; round++ {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, undone)
		}
		// Somebody may have refreshed it, or signed in, meanwhile: that is ended as well.
		other, stays, err := l.dir.EndIf(ctx, l.filedUnder(), func(now auth.Session) bool {
			return now.Refresh == session.Refresh || !now.Live() || round == maxEnded
		})
		if err != nil {
			return errors.Join(undone, fmt.Errorf("forget the session of %s: %w", l.user, err))
		}
		if !stays {
			break
		}
		var failed error
		if session, failed = l.end(ctx, a.seen(other)); undone == nil {
			undone = failed
		}
	}
	if err := l.forgetAWS(ctx); err != nil {
		return errors.Join(undone, fmt.Errorf("forget the AWS credentials of %s: %w", l.user, err))
	}
	if undone != nil {
		return hinted(fmt.Errorf("the session of %s is forgotten here, but %w", l.user, undone), "%s", undoneHint(undone))
	}
	a.note("forgot the session of %s; access and ID tokens handed out before keep working at API Gateway until %s", l.user, until(session.Expires, a.now()))
	return nil
}

// end ends the session where it came from, and only there. It returns the session as
// it then is, and what could not be done.
func (l logout) end(ctx context.Context, session auth.Session) (auth.Session, error) {
	if session.Endpoint != l.pool.Endpoint {
		return session, fmt.Errorf("its refresh token was not revoked: %w", &auth.ElsewhereError{Username: session.Typed, Was: session.Endpoint, Now: l.pool.Endpoint})
	}
	if session.Machine {
		return session, nil // nothing at the issuer remembers it
	}
	var err error
	if l.secrets.clientSecret, err = l.app.reveal(ctx, l.profile, "client_secret"); err != nil {
		return session, fmt.Errorf("its refresh token was not revoked: %w", err)
	}
	client := l.app.client(l.pool, l.secrets.clientSecret)
	if l.global {
		if session, err = l.everywhere(ctx, client, session); err == nil {
			l.app.note("ended every session of %s at %s", session.Typed, l.pool.UserPoolID)
			return session, nil
		}
		err = fmt.Errorf("the user's other sessions were not ended: %w", err)
	}
	if session.Refresh == "" {
		return session, err
	}
	if failed := l.revoke(ctx, client, session); failed != nil {
		if err == nil || !sameTrouble(err, failed) {
			err = join(err, fmt.Errorf("its refresh token was not revoked: %w", failed))
		}
		return session, err
	}
	l.app.note("revoked the refresh token of %s", session.Typed)
	return session, err
}

// revoke ends the refresh token in the way it is refreshed.
func (l logout) revoke(ctx context.Context, client *auth.Client, session auth.Session) error {
	if session.By != auth.ByOAuth {
		return client.Revoke(ctx, session)
	}
	p, err := l.app.provider(ctx, l.pool)
	switch {
	case err != nil:
		return err
	case p.Token != session.TokenURL:
		return &auth.ElsewhereError{Username: session.Typed, Was: session.TokenURL, Now: p.Token}
	case p.Revocation == "":
		return fmt.Errorf("the issuer %s names no revocation endpoint", p.Issuer)
	}
	return client.RevokeByOAuth(ctx, p, session)
}

// everywhere ends all sessions of the user, with an access token that is good.
func (l logout) everywhere(ctx context.Context, client *auth.Client, session auth.Session) (auth.Session, error) {
	if !session.GoodFor(l.app.now(), margin/2) && session.Refresh != "" {
		renewer, err := l.renewer(ctx, nil)
		if err != nil {
			return session, err
		}
		renewed, err := l.dir.Update(ctx, l.key(), renewer.Renew)
		if err := l.app.unsaved(err); err != nil {
			if now, found, _ := l.dir.Read(l.key()); found && now.Live() {
				session = l.app.seen(now) // what came of it is what there is to revoke
			}
			return session, err
		}
		session = l.app.seen(renewed)
	}
	if session.Access == "" {
		return session, errors.New("the session has no access token, which that takes")
	}
	return session, client.SignOutEverywhere(ctx, session)
}

// sameTrouble tells that two steps failed for want of the same network.
func sameTrouble(first, second error) bool {
	var a, b *auth.NoAnswerError
	return errors.As(first, &a) && errors.As(second, &b)
}

func join(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; and %w", first, second)
}

// undoneHint says what a step that failed leaves behind.
func undoneHint(err error) string {
	const still = "its refresh token stays good at Cognito until it expires"
	var service *auth.ServiceError
	if !errors.As(err, &service) {
		return still
	}
	switch service.Code {
	case "UnsupportedOperationException":
		return "the app client has token revocation switched off: " + still + "; cogctl login and then cogctl logout --global end it"
	case "UnauthorizedException":
		return "the client secret is not this app client's, or the token is another's: " + still
	case "UnsupportedTokenTypeException":
		return "Cognito does not know it as a refresh token"
	}
	return still
}
