package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/redact"
)

// whose settles the profile, its pool and the user (or machine), and opens the stored
// sessions. Every command about a session begins with it.
func (a *app) whose() (s signIn, dir *cache.Dir[auth.Session], err error) {
	p, err := a.profile()
	if err != nil {
		return s, nil, err
	}
	return a.whoseOf(p)
}

// whoseOf is whose for a profile that need not be the one in use.
func (a *app) whoseOf(p *config.Profile) (s signIn, dir *cache.Dir[auth.Session], err error) {
	s.app, s.profile = a, p
	if s.pool, err = a.pool(s.profile); err != nil {
		return s, nil, err
	}
	last, err := a.lastSignIn(s.profile, s.pool)
	if err != nil {
		return s, nil, err
	}
	s.settle(last)
	dir, err = a.sessions(s.profile)
	return s, dir, err
}

// A session is filed under the name that was typed, since that is known before
// anything is sent. People go by the user's real name as well, which status shows
// them, so where nothing is filed under a name it is looked for among the others.

// find is the session that is meant: the one filed under the user's name, or else the
// newest one of the user whose real name that is. Where there is none it is not Live.
// exact is false where a name was found only by ignoring letter case: in some user pools
// that is somebody else.
func (s signIn) find(dir *cache.Dir[auth.Session]) (session auth.Session, exact bool, err error) {
	session, _, err = dir.Read(s.key())
	if err != nil || session.Live() || s.machine != nil || s.user == "" {
		return session, true, err
	}
	users, _ := s.usersHere(dir) // what cannot be read is not found
	same, exact := namesakes(users, s.user)
	if len(same) == 0 {
		return session, true, nil
	}
	newest := slices.MaxFunc(same, func(a, b cache.Record[auth.Session]) int {
		return a.Value.SignedIn.Compare(b.Value.SignedIn)
	})
	return newest.Value, exact, nil
}

// as returns s for the name that the session is filed under, which its key, its device and
// its codes are found by.
func (s signIn) as(session auth.Session) signIn {
	if s.machine == nil && session.Live() {
		s.user = session.Typed
	}
	return s
}

// mistaken refuses to act by a session that was found by a name in other letters: where
// letter case counts, that is the name of somebody else. It is what a user pool has that
// was made without UsernameConfiguration.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UsernameConfigurationType.html
func (s signIn) mistaken(session auth.Session) error {
	is := cell(session.Username)
	return withCode(exitNeeded, hinted(
		fmt.Errorf("%s is not signed in at %s: the session here is that of %s, and %q may be another user", s.user, s.pool.place(), is, s.user),
		"if %s is meant: --username %s\n%s", is, shellWord(is), s.next("login", "--username", s.user)))
}

// usersHere are the users who are signed in here with this app client. What is kept of
// tokens that were given, and not filed yet, is no sign-in.
func (s signIn) usersHere(dir *cache.Dir[auth.Session]) ([]cache.Record[auth.Session], error) {
	records, err := dir.List()
	return slices.DeleteFunc(records, func(r cache.Record[auth.Session]) bool {
		v := r.Value
		return !v.Live() || v.Machine || v.Endpoint != s.pool.Endpoint ||
			r.Key != auth.SessionKey(s.pool.Issuer, s.pool.ClientID, v.Typed)
	}), err
}

// namesakes are the sessions of the user who has that real or typed name. exact is false
// where it was found only by ignoring letter case; then there are none if it fits several
// users.
func namesakes(users []cache.Record[auth.Session], name string) (same []cache.Record[auth.Session], exact bool) {
	called := func(is func(own, name string) bool) (found []cache.Record[auth.Session]) {
		for _, user := range users {
			if is(user.Value.Username, name) || is(user.Value.Typed, name) {
				found = append(found, user)
			}
		}
		return found
	}
	if same = called(func(own, name string) bool { return own == name }); len(same) > 0 {
		return same, true
	}
	same = called(strings.EqualFold)
	anotherUser := func(r cache.Record[auth.Session]) bool { return r.Value.Username != same[0].Value.Username }
	if slices.ContainsFunc(same, anotherUser) {
		return nil, false
	}
	return same, false
}

// calledAs is how a session's user is shown to people: by the real name, with the typed one
// where that is another.
func calledAs(session auth.Session) string {
	if session.Typed != session.Username {
		return session.Username + " (typed " + session.Typed + ")"
	}
	return session.Username
}

// nobody tells a person that the user was not signed in, and who is: they may mean one of
// those.
func (l logout) nobody(users []cache.Record[auth.Session]) {
	said := fmt.Sprintf("nobody was signed in at %s as %q", l.pool.place(), l.user)
	var names []string
	for _, user := range users {
		names = append(names, calledAs(user.Value))
	}
	if slices.Sort(names); len(names) > 0 {
		said += "; signed in here: " + strings.Join(names, ", ")
	}
	l.app.note("%s", said)
}

// askUsername asks a person who it is, until it is a name.
func (s signIn) askUsername(ctx context.Context) (string, error) {
	for {
		name, err := s.app.terminal.ask(ctx, fmt.Sprintf("Username at %s: ", s.pool.place()))
		if err != nil {
			return "", err
		}
		if err = config.Check("username", name); err == nil {
			return name, nil
		}
		fmt.Fprintf(s.app.stderr, "%s\n", redact.Visible(err.Error()))
	}
}
