package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/jwt"
)

// maxGiven bounds what --with-token reads, in bytes: three tokens take some 8 KiB.
const maxGiven = 256 << 10

// adopt makes a session of tokens on standard input that something else got: an
// application's own token endpoint, or a browser session.
func (l *login) adopt(ctx context.Context) (auth.Session, error) {
	file, ok := l.app.stdin.(*os.File)
	typed := ok && isTerminal(file)
	if typed {
		l.app.note("reading a token from the terminal; end with Ctrl-D")
	}
	data, err := io.ReadAll(io.LimitReader(l.app.input(ctx), maxGiven+1))
	if err != nil {
		return auth.Session{}, withCode(exitNeeded, fmt.Errorf("read the tokens from standard input: %w", err))
	}
	if typed {
		if err := wholeLines(data); err != nil {
			return auth.Session{}, err
		}
	}
	given, err := givenTokens(data)
	if err != nil {
		return auth.Session{}, err
	}
	l.app.redactor.Add(given.ID, given.Access, given.Refresh)
	l.secrets.password = "" // nobody signs in: only what was given counts
	// The tokens must be those of the user whom this run names, if it names one. Whoever
	// signs in by default, or did last, need not be meant.
	l.user = ""
	if name := l.profile.Get("username"); ofThisRun(name) {
		l.user = name.Text
	}
	session, err := l.take(ctx, given)
	if err == nil {
		err = ctx.Err() // the session is kept, but the run was stopped meanwhile
	}
	return l.app.seen(session), l.app.unsaved(l.notTaken(err))
}

// take makes a session of what was given, and files it under its user.
//
// Only a refresh tells whose a refresh token is and whether it is good, and a refresh may
// use it up. So the refresh is noted, and its answer kept, in a record of its own beside
// the stored sessions (place). A run that is stopped on the way can be repeated with the
// same token: it goes on from that record.
func (l *login) take(ctx context.Context, given auth.Given) (auth.Session, error) {
	dir, err := l.app.sessions(l.profile)
	if err != nil {
		return auth.Session{}, err
	}
	renewer, err := l.renewer(ctx, nil)
	if err != nil {
		return auth.Session{}, err
	}
	place := auth.SessionKey(l.pool.Issuer, l.pool.ClientID, givenPlace(given))
	session, err := dir.Update(ctx, place, func(ctx context.Context, left auth.Session, _ bool) (auth.Session, error) {
		return renewer.Adopt(ctx, given, left)
	})
	if _, alone := err.(*cache.SaveError); err != nil && !alone {
		return session, err
	}
	clear := func(ctx context.Context) error {
		_, _, err := dir.EndIf(ctx, place, func(now auth.Session) bool { return now.Given == session.Given })
		return err
	}
	if err := l.sameName(session); err != nil {
		// Where a new refresh token came, the record stays: it is all that is left of the
		// given one.
		if session.Refresh == given.Refresh {
			err = errors.Join(err, clear(ctx))
		}
		return session, err
	}
	l.user = session.Typed
	whole := context.WithoutCancel(ctx) // the session is at hand, so it is filed before a stop is obeyed
	filed, err := dir.Update(whole, l.key(), func(_ context.Context, stored auth.Session, _ bool) (auth.Session, error) {
		if stored.Live() && stored.Subject == session.Subject && stored.SignedIn.Equal(session.SignedIn) {
			return stored, nil // an earlier run filed it, and it may have been refreshed since
		}
		session := session
		session.Given = ""
		return session, nil
	})
	if err != nil || ctx.Err() != nil {
		return filed, err // the next run goes on from there
	}
	if err := l.remember(whole); err != nil {
		return filed, err
	}
	return filed, clear(whole)
}

// givenPlace is the name under which the record of a given token is kept until its session
// is filed. The zero byte keeps it apart from every username. There are 4096 such names
// (three hex digits of the token's hash), and not one for each token, because the lock
// files of records are never removed.
func givenPlace(g auth.Given) string {
	sum := sha256.Sum256([]byte(cmp.Or(g.Refresh, g.ID)))
	return "\x00given " + hex.EncodeToString(sum[:])[:3]
}

// wholeLines refuses a line that a terminal cut off, which it does in silence: on Linux
// after 4095 bytes, on macOS after 1023. Three tokens in one line are often longer.
func wholeLines(data []byte) error {
	for line := range bytes.Lines(data) {
		if n := len(bytes.TrimSuffix(line, []byte("\n"))); n == 4095 || n == 1023 {
			return hinted(usagef("--with-token: the terminal cuts a line off after %d characters, and here it did", n),
				"give the tokens by a file or a pipe: cogctl login --with-token < FILE")
		}
	}
	return nil
}

// notTaken replaces the hints about a stored session, which there is none of here, when a
// given refresh token was refused.
func (l login) notTaken(err error) error {
	var refused *auth.RefusedError
	var lost *auth.LostRefreshError
	switch {
	case errors.As(err, &lost):
		return hinted(withCode(exitNeeded, err), "get another refresh token from where this one came from")
	case adviceFor(err).exit != 0:
	case errors.As(err, &refused) && (adviceFor(err).hint == sessionKept || adviceFor(err).hint == ""):
		return hinted(err, "the refresh token ran out, was revoked, or is not one of the app client %s", l.pool.ClientID)
	case adviceFor(err).hint == sessionKept:
		return hinted(err, "nothing was kept: try again")
	}
	return err
}

// sameName refuses tokens of another user than the one whom this run names, by the username
// or by another attribute that people sign in with.
func (l login) sameName(s auth.Session) error {
	id, err := jwt.Parse(s.ID)
	if err != nil || l.user == "" || strings.EqualFold(s.Username, l.user) {
		return nil
	}
	for _, claim := range []string{"sub", "email", "phone_number", "preferred_username"} {
		if strings.EqualFold(id.Claims.String(claim), l.user) {
			return nil
		}
	}
	return hinted(withCode(exitRefused, fmt.Errorf("the given tokens are those of %s, not of %s", cell(s.Username), l.user)),
		"leave --username and COGCTL_USERNAME out to keep them as %s", cell(s.Username))
}

// givenTokens reads what was given: a refresh token by itself, or a JSON object
// with id_token, refresh_token and access_token, in the spelling of OAuth, of the
// user pool API or of Amplify, at the top or within AuthenticationResult or tokens. What
// could be read in two ways is refused: the session would be anybody's guess.
func givenTokens(data []byte) (g auth.Given, err error) {
	text := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	if !strings.HasPrefix(text, "{") {
		text = strings.TrimSpace(strings.Trim(text, `"'`))
	}
	switch {
	case len(data) > maxGiven:
		return g, usagef("--with-token: standard input is longer than %d KiB", maxGiven>>10)
	case text == "":
		return g, hinted(withCode(exitNeeded, errors.New("--with-token: standard input is empty")),
			`give a refresh token, or {"id_token": ..., "refresh_token": ...}`)
	case !strings.HasPrefix(text, "{"):
		return bareToken(text)
	}
	document, err := jwt.DecodeJSON([]byte(text))
	if err != nil {
		return g, usagef("--with-token: the JSON object on standard input %w", err)
	}
	members := document.(map[string]any) // it begins with {
	for name, into := range map[string]*string{"id_token": &g.ID, "access_token": &g.Access, "refresh_token": &g.Refresh} {
		if *into, err = oneGiven(members, name); err != nil {
			return auth.Given{}, err
		}
	}
	if g.ID == "" && g.Refresh == "" {
		return g, usagef("--with-token: the JSON object on standard input has neither id_token nor refresh_token")
	}
	return g, nil
}

// oneGiven is the token of that name, in whatever spelling and place; empty when
// there is none. Where several differ, the error names their members and not the tokens.
func oneGiven(members map[string]any, name string) (string, error) {
	places := map[string]any{}
	for outer, value := range members {
		inner, wraps := value.(map[string]any)
		switch plain := spelled(outer); {
		case plain == spelled(name):
			places[outer] = value
		case wraps && (plain == "authenticationresult" || plain == "tokens"):
			for member, value := range inner {
				if spelled(member) == spelled(name) {
					places[outer+"."+member] = value
				}
			}
		}
	}
	token := ""
	for _, place := range slices.Sorted(maps.Keys(places)) {
		text, isString := places[place].(string)
		switch {
		case !isString && places[place] != nil:
			return "", usagef("--with-token: %s is not a string", place)
		case token != "" && text != "" && text != token:
			members := strings.Join(slices.Sorted(maps.Keys(places)), ", ")
			return "", hinted(usagef("--with-token: the JSON object on standard input has more than one %s, and they differ: %s", name, members),
				"leave the one that is meant")
		case text != "":
			token = text
		}
	}
	return token, nil
}

// spelled makes id_token, IdToken and idToken the same.
func spelled(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// bareToken reads a refresh token without any JSON around it. Cognito's refresh tokens are
// encrypted, so a token that can be read is an ID or an access token.
func bareToken(text string) (auth.Given, error) {
	if strings.ContainsAny(text, " \t\r\n") {
		return auth.Given{}, usagef("--with-token: standard input holds more than one word: a refresh token is one")
	}
	if token, err := jwt.Parse(text); err == nil {
		if use := token.Claims.String("token_use"); use == "id" || use == "access" {
			return auth.Given{}, hinted(usagef("--with-token: that is an %s token, not a refresh token", use),
				`together with a refresh token it is taken as {"id_token": ..., "refresh_token": ...}`)
		}
	}
	return auth.Given{Refresh: text}, nil
}
