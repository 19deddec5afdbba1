package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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

A user may be named as at the sign-in, or by the username that cogctl status shows.
All sessions that are kept here for that user and app client end.

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
	l := logout{signIn: s, dir: dir, global: o.global, all: o.all}
	switch {
	case o.returnTo != "" && !o.browser:
		return usagef("--return-to goes with --browser")
	case o.global:
		if err := s.pool.wantsPool("--global"); err != nil {
			return err
		}
	}
	err = l.named(ctx, o)
	if a.getenv("COGCTL_TOKEN") != "" {
		a.note("COGCTL_TOKEN is set: call and token go on using it")
	}
	if o.browser {
		return errors.Join(err, l.endBrowser(ctx, o.returnTo))
	}
	return err
}

// named signs out whoever is meant: everybody with --all, else the user or machine.
func (l logout) named(ctx context.Context, o logoutOptions) error {
	if o.all {
		return l.everybody(ctx)
	}
	sessions, err := l.meant(ctx)
	if err != nil {
		return err
	}
	if len(sessions) != 1 {
		return l.each(ctx, sessions, "sessions of "+l.user)
	}
	l.user, l.filed = sessions[0].Value.Typed, sessions[0].Key
	return l.signOut(ctx, sessions[0].Value)
}

// meant are all sessions here of the user who is meant, whatever names they are filed under:
// when the command says that somebody is signed out, no session may be left. Without any
// it tells so, and forgets what else is noted of the user.
func (l logout) meant(ctx context.Context) (sessions []cache.Record[auth.Session], err error) {
	filed, _, err := l.dir.Read(l.key())
	if err != nil {
		return nil, err
	}
	users, unread := l.usersHere(l.dir)
	switch {
	case filed.Live():
		sessions = append(sessions, cache.Record[auth.Session]{Key: l.key(), Value: filed})
		for _, other := range users {
			sameUser := other.Value.Username == l.user || filed.Subject != "" && other.Value.Subject == filed.Subject
			if sameUser && other.Key != l.key() && !filed.Machine {
				sessions = append(sessions, other)
			}
		}
	case l.machine == nil && l.user != "":
		sessions, _ = namesakes(users, l.user)
	}
	if len(sessions) > 0 {
		return sessions, nil
	}
	if unread != nil {
		l.app.warn("what cannot be read is not signed out: " + unread.Error())
	}
	l.nobody(users)
	return nil, l.dir.End(ctx, l.key()) // there may be a note of a refused password
}

// logout signs users out, one or all of them.
type logout struct {
	signIn
	dir    *cache.Dir[auth.Session]
	global bool
	all    bool
	filed  string // the key that the session is stored under, where that is not the user's
	hurry  bool   // Cognito was in trouble before, so it is not waited for long again

	// ended tells, by the user's sub, when --global ended all sessions of the user, so that
	// it is asked for once where several sessions of one user are signed out. nil where
	// there is one session only.
	ended map[string]time.Time
}

// filedUnder is the key of the session that is meant.
func (l logout) filedUnder() string { return cmp.Or(l.filed, l.key()) }

// everybody signs out every user of this pool and app client.
func (l logout) everybody(ctx context.Context) error {
	records, unread := l.dir.List()
	var sessions []cache.Record[auth.Session]
	for _, record := range records {
		session := record.Value
		if session.Issuer != l.pool.Issuer || session.ClientID != l.pool.ClientID {
			continue
		}
		if !session.Live() && session.Refresh == "" { // a note of a refused password
			if err := l.dir.End(ctx, record.Key); err != nil {
				return err
			}
			continue
		}
		sessions = append(sessions, record)
	}
	err := l.each(ctx, sessions, "users")
	if unread != nil && ctx.Err() == nil {
		return fmt.Errorf("what cannot be read is not signed out: %w", unread)
	}
	if len(sessions) == 0 {
		l.app.note("nobody was signed in at %s", l.pool.place())
	}
	return err
}

// each signs out of several sessions; what is what they are called in the error. What goes
// wrong with one does not keep the others signed in.
func (l logout) each(ctx context.Context, sessions []cache.Record[auth.Session], what string) error {
	var failures []error
	var hints []string
	l.ended = map[string]time.Time{}
	for _, record := range sessions {
		session := record.Value
		if session.Given != "" { // what is left of login --with-token, perhaps for another name
			session.Typed = cmp.Or(session.Username, "a given token")
		}
		l.user, l.filed = session.Typed, record.Key
		err := l.signOut(ctx, session)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return err // the run was stopped, and all that come after are still signed in
		}
		l.hurry = l.hurry || auth.Passing(err)
		l.app.warn(err.Error())
		failures = append(failures, err)
		for hint := range strings.SplitSeq(hintFor(err), "\n") {
			if !slices.Contains(hints, hint) {
				hints = append(hints, hint)
			}
		}
	}
	err := errors.Join(failures...)
	if err == nil {
		return nil
	}
	summary := fmt.Errorf("%d of %d %s were not signed out entirely", len(failures), len(sessions), what)
	return withCode(exitCode(err), hinted(summary, "%s", lines(hints...)))
}

// maxEnded bounds how often a logout ends a session that appears in the place of the one it
// has just ended, because other processes refresh it or sign in meanwhile.
const maxEnded = 3

// signOut ends the session at Cognito, as far as that is possible, and forgets it here in any
// case. What was not done at Cognito is in the error.
func (l logout) signOut(ctx context.Context, session auth.Session) error {
	a := l.app
	session, undone := l.end(ctx, a.seen(session))
	for round := 1; ; round++ {
		if ctx.Err() != nil {
			return l.stopped(ctx)
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
	a.note("forgot the session of %s; %s", l.user, l.goOn(session))
	if undone != nil {
		return hinted(fmt.Errorf("the session of %s is forgotten here, but %w", l.user, undone), "%s", l.undoneHint(session, undone))
	}
	return nil
}

// stopped is the error of a run that was stopped: it says what became of the session.
func (l logout) stopped(ctx context.Context) error {
	return hinted(fmt.Errorf("the session of %s is still here, though its refresh token may be revoked: %w", l.user, context.Cause(ctx)),
		"%s forgets it", l.next("logout", "--username", l.user))
}

// goOn says until when the tokens that were handed out keep working: nobody can take them
// back.
func (l logout) goOn(session auth.Session) string {
	now, last := l.app.now(), session.LastEnd()
	others := ""
	if l.global && !session.Machine {
		others = "; those of its other sessions do so until they end"
	}
	if !last.After(now) {
		return "its access and ID tokens have ended" + others
	}
	return "access and ID tokens handed out before keep working at API Gateway until " + until(last, now) + others
}

// hurried is how long each step of a sign-out waits for Cognito after Cognito was in trouble:
// a logout of twenty users must not take twenty times 30 s.
const hurried = 2 * time.Second

// asked runs a step of a sign-out at Cognito, within the time that there is for it.
func (l logout) asked(ctx context.Context, step func(context.Context) error) error {
	if !l.hurry {
		return step(ctx)
	}
	short, cancel := context.WithTimeout(ctx, hurried)
	defer cancel()
	err := step(short)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return &auth.NoAnswerError{Op: "sign out of " + l.pool.place(), Err: fmt.Errorf("tried for %v only, after the trouble before", hurried)}
	}
	return err
}

// end ends the session where it came from, and only there. It returns the session as
// it then is, and what could not be done, an *undoneError.
func (l logout) end(ctx context.Context, session auth.Session) (auth.Session, error) {
	if session.Endpoint != l.pool.Endpoint {
		return session, &undoneError{token: &auth.ElsewhereError{Username: session.Typed, Was: session.Endpoint, Now: l.pool.Endpoint}}
	}
	if session.Machine {
		return session, nil // nothing at the issuer remembers it
	}
	var err error
	if l.secrets.clientSecret, err = l.app.reveal(ctx, l.profile, "client_secret"); err != nil {
		return session, &undoneError{token: err}
	}
	client := l.app.client(l.pool, l.secrets.clientSecret)
	var undone undoneError
	if l.global {
		if at, done := l.ended[session.Subject]; done && session.SignedIn.Before(at) {
			return session, nil // that ended this session as well
		}
		began := l.app.now()
		undone.others = l.asked(ctx, func(ctx context.Context) (err error) {
			session, err = l.everywhere(ctx, client, session)
			return err
		})
		if undone.others == nil {
			if l.ended != nil && session.Subject != "" {
				l.ended[session.Subject] = began
			}
			l.app.note("ended every session of %s at %s", session.Typed, l.pool.UserPoolID)
			return session, nil
		}
		l.hurry = l.hurry || auth.Passing(undone.others)
	}
	if session.Refresh != "" {
		undone.token = l.asked(ctx, func(ctx context.Context) error { return l.revoke(ctx, client, session) })
		if undone.token == nil {
			l.app.note("revoked the refresh token of %s", session.Typed)
		}
	}
	if undone == (undoneError{}) {
		return session, nil
	}
	return session, &undone
}

// revoke ends the refresh token: at the user pool API, or where it came from an OAuth token
// endpoint at the revocation endpoint that belongs to it.
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

// everywhere ends all sessions of the user at Cognito. That takes an access token that is
// good, so the session is refreshed once where it has ended, or where Cognito says that it
// has although it looks good here (a wrong clock, a sign-out elsewhere). It returns the
// session as it then is.
func (l logout) everywhere(ctx context.Context, client *auth.Client, session auth.Session) (auth.Session, error) {
	renewable := session.Refresh != ""
	if renewable && !session.GoodFor(l.app.now(), margin/2) {
		var err error
		if session, err = l.renewed(ctx, session); err != nil {
			return session, err
		}
		renewable = false
	}
	if session.Access == "" {
		return session, errors.New("the session has no access token, which that takes")
	}
	err := client.SignOutEverywhere(ctx, session)
	if !renewable || !auth.TokenEnded(err) {
		return session, err
	}
	if session, err = l.renewed(ctx, session); err != nil {
		return session, err
	}
	return session, client.SignOutEverywhere(ctx, session)
}

// renewed is the session with another access token. With an error it is the session that is
// stored now, whose refresh token is the one to revoke.
func (l logout) renewed(ctx context.Context, session auth.Session) (auth.Session, error) {
	renewer, err := l.renewer(ctx, nil)
	if err != nil {
		return session, err
	}
	renewed, err := l.dir.Update(ctx, l.filedUnder(), func(ctx context.Context, old auth.Session, found bool) (auth.Session, error) {
		if found && old.Access != session.Access && old.GoodFor(l.app.now(), margin/2) {
			return old, nil // somebody else has renewed it
		}
		return renewer.Renew(ctx, old, found)
	})
	if err := l.app.unsaved(err); err != nil {
		if now, found, _ := l.dir.Read(l.filedUnder()); found && now.Live() {
			session = l.app.seen(now)
		}
		return session, err
	}
	return l.app.seen(renewed), nil
}
