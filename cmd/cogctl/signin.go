package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
)

// margin is how long a token must still serve to be handed out.
const margin = 60 * time.Second

// session is the source of a session that is good for at least min more: the
// one that is stored, else refreshed, else signed in anew where that needs
// nobody. It never asks a person.
func (a *app) session(min time.Duration) cache.Source[auth.Session] {
	return func(ctx context.Context) (auth.Session, error) {
		s, dir, err := a.whose()
		if err != nil {
			return auth.Session{}, err
		}
		return s.current(ctx, dir, min)
	}
}

// current is the session that is good for at least min more, as app.session says.
func (s signIn) current(ctx context.Context, dir *cache.Dir[auth.Session], min time.Duration) (auth.Session, error) {
	a := s.app
	if s.user == "" {
		return auth.Session{}, s.needed()
	}
	stored, exact, err := s.find(dir)
	if err == nil && exact && stored.GoodFor(a.now(), min) {
		return a.seen(stored), nil
	}
	if s.secrets, err = s.credentials(ctx); err != nil {
		return s.refreshed(ctx, dir, min, err)
	}
	if other := s.as(stored); other.user != s.user {
		switch {
		case exact:
			session, err := other.renewed(ctx, dir, min, nil) // who signs in is whoever was named
			if exitCode(err) != exitNeeded || !s.unattended() {
				return session, err
			}
		case !s.unattended():
			return auth.Session{}, s.mistaken(stored)
		}
		stored = auth.Session{}
	}
	if stored.Refresh == "" && s.unattended() {
		if err := s.awaitCode(ctx); err != nil {
			return auth.Session{}, err
		}
	}
	return s.renewed(ctx, dir, min, s.storedAnswers())
}

// renewed is the session that is filed under the user's name, made good for at least min
// more. ask answers a sign-in without a person; where it is nil nobody signs in.
func (s signIn) renewed(ctx context.Context, dir *cache.Dir[auth.Session], min time.Duration, ask auth.Ask) (auth.Session, error) {
	a := s.app
	renewer, err := s.renewer(ctx, ask)
	if err != nil {
		return auth.Session{}, err
	}
	session, err := cache.Cached(dir, s.key(), min, renewer.Renew)(ctx)
	if s.stillGood(session, min, err) {
		err = nil
	}
	if ended := ctx.Err(); err == nil && ended != nil {
		err = ended // the session is saved, and nobody wants the token any more
	}
	a.warnClock(session)
	return a.seen(session), a.unsaved(s.askable(s.explained(err)))
}

// credentials are the secrets of the sign-in. For a machine, and for a sign-in in a browser,
// that is the client secret alone: the user's secrets may cost the run of a program.
func (s signIn) credentials(ctx context.Context) (c credentials, err error) {
	if s.machine == nil && !s.inBrowser() {
		return s.app.credentials(ctx, s.profile)
	}
	c.clientSecret, err = s.app.reveal(ctx, s.profile, "client_secret")
	return c, err
}

// signIn is all that a sign-in, or a renewal, of one user needs.
type signIn struct {
	app      *app
	profile  *config.Profile
	pool     poolSettings
	user     string
	machine  *machine // nil for a user
	secrets  credentials
	noVerify bool

	typedPassword  bool // the password was read from standard input, and is not the profile's
	rememberDevice bool // --remember-device
}

// key is what the session is filed under.
func (s signIn) key() string {
	if s.machine != nil {
		return auth.MachineKey(s.pool.Issuer, s.pool.ClientID, s.machine.scopes, s.machine.resources)
	}
	return auth.SessionKey(s.pool.Issuer, s.pool.ClientID, s.user)
}

// renewer makes what refreshes the session or, where ask is not nil and what the flow
// begins with is at hand, signs in anew.
func (s signIn) renewer(ctx context.Context, ask auth.Ask) (auth.Renewer, error) {
	home, err := s.home(ctx)
	if err != nil {
		return auth.Renewer{}, err
	}
	if s.pool.JWKS == "" {
		s.pool.JWKS = home.JWKS
	}
	client := s.app.client(s.pool, s.secrets.clientSecret)
	r := auth.Renewer{
		Client:   client,
		Verifier: s.app.verifier(s.pool),
		Base: auth.Session{
			Issuer: s.pool.Issuer, ClientID: s.pool.ClientID, Typed: s.user, Endpoint: s.pool.Endpoint, Machine: s.machine != nil,
			TokenURL: home.Token, PostAuth: home.PostAuth,
		},
		Needed: s.needed(),
	}
	if s.pool.UserPoolID == "" {
		r.Base.By = auth.ByOAuth
	}
	if s.noVerify {
		s.app.warn("the ID token is not verified: --no-verify-id-token was given")
		r.Verifier.Skip = true
	}
	if ask == nil || !s.unattended() {
		return r, nil
	}
	if r, err = s.marked(r); err != nil {
		return r, err
	}
	r.SignIn, err = s.flow(ctx, client, auth.SignIn{Ask: ask, Tell: func(text string) { s.app.later("%s", text) }})
	return r, err
}

// marked gives the renewer the marks by which it recognises a password, an answer or a code
// that was refused before.
func (s signIn) marked(r auth.Renewer) (auth.Renewer, error) {
	var err error
	if r.Mark, err = r.Base.Mark(s.tried()); err != nil {
		return r, err
	}
	codes := []string{s.secrets.mfaCode, s.secrets.totpSecret}
	for _, name := range []string{"SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP", "SMS_OTP"} {
		answer, _ := s.answerTo(name)
		codes = append(codes, answer)
	}
	if all := strings.Join(codes, "\x00"); strings.Trim(all, "\x00") != "" {
		r.CodeMark, err = r.Base.Mark("code\x00" + all)
	}
	return r, err
}

// unattended reports whether signing in needs nobody, as far as can be known before it is
// tried: whether what the flow begins with is at hand.
func (s signIn) unattended() bool { return s.proof() != "" }

// byPassword reports whether a password is part of the flow.
func (s signIn) byPassword() bool {
	switch s.profile.Get("flow").Text {
	case "custom", flowBrowser:
		return false
	case "choice":
		factor := s.firstFactor()
		return factor == "" || strings.HasPrefix(factor, "PASSWORD")
	}
	return true
}

// firstFactor is what the choice flow shall begin with, if that was said.
func (s signIn) firstFactor() string {
	answer, _ := s.answerTo("SELECT_CHALLENGE")
	return strings.ToUpper(answer)
}

// customChallenge is the first question of a custom flow; the following ones are
// CUSTOM_CHALLENGE_2 and so on.
const customChallenge = "CUSTOM_CHALLENGE"

// proof is the stored secret that a sign-in begins with: the password, a machine's client
// secret, or in the custom flow the first answer. It is empty where none is stored, and
// where the flow begins with a code that is sent or with a browser.
func (s signIn) proof() string {
	switch {
	case s.machine != nil:
		return s.secrets.clientSecret
	case s.pool.UserPoolID == "":
		return "" // a user signs in at the issuer's own pages
	case s.byPassword():
		return s.secrets.password
	case s.profile.Get("flow").Text == "custom":
		return s.firstAnswer()
	}
	return ""
}

// firstAnswer is what answers the first question of the custom flows.
func (s signIn) firstAnswer() string {
	answer, _ := s.answerTo(customChallenge)
	return answer
}

// tried is what a refused sign-in is recognised by. In custom-srp the pool's own trigger
// decides after the password, and Cognito refuses in the same words. So a refusal there
// counts for this flow, password and first answer together, and not for the password in
// another flow or beside another answer.
func (s signIn) tried() string {
	if s.profile.Get("flow").Text != "custom-srp" {
		return s.proof()
	}
	return strings.Join([]string{"custom-srp", s.proof(), s.firstAnswer()}, "\x00")
}

// flow is the way to sign in that the profile, or --flow, chooses.
func (s signIn) flow(ctx context.Context, client *auth.Client, u auth.SignIn) (auth.Flow, error) {
	if s.machine != nil {
		return s.machineFlow(ctx, client)
	}
	u.Client, u.Username, u.Password = client, s.user, s.secrets.password
	u, err := s.withDevice(u)
	if err != nil {
		return nil, err
	}
	name := s.profile.Get("flow").Text
	if err := s.pool.wantsPool("--flow " + cmp.Or(name, "auto")); err != nil {
		return nil, err
	}
	switch name {
	case "", "auto", "srp":
		return auth.SRP(u), nil
	case "password":
		return auth.Password(u), nil
	case "custom":
		return auth.Custom(u), nil
	case "custom-srp":
		return auth.CustomSRP(u), nil
	case "choice":
		return auth.Choice{SignIn: u, Preferred: s.firstFactor()}, nil
	case "admin":
		return auth.Admin{SignIn: u, Credentials: s.app.caller(ctx, s.pool)}, nil
	case flowMachine:
		return nil, s.notAUser(s.user)
	default:
		return nil, usagef("the flow %q is not one this version signs in by: choose one of %s", name, strings.Join(flows(), ", "))
	}
}

// flows are the ways to sign in, as --flow takes them.
func flows() []string {
	return []string{"auto", "srp", "password", flowBrowser, flowMachine, "custom", "custom-srp", "choice", "admin"}
}

// needed is the error that says that a person must sign in, and with which command.
func (s signIn) needed() error {
	who, command := "nobody is", "cogctl login"
	switch {
	case s.machine != nil:
		who = s.user + " is not"
	case s.user != "":
		who, command = s.user+" is not", command+" --username "+shellWord(s.user)
	}
	if s.profile.Get("profile").Origin.Kind == config.KindFlag {
		command += " --profile " + s.profile.Name()
	}
	return &failure{
		code: exitNeeded,
		err:  fmt.Errorf("%s signed in at %s (app client %s)", who, s.pool.place(), s.pool.ClientID),
		hint: command + s.withoutPerson(),
	}
}

// withoutPerson is a line for a hint: which variables would let a sign-in do without a
// person. It is empty where they are set, or where none would help.
func (s signIn) withoutPerson() string {
	if s.machine != nil {
		if s.profile.Get("client_secret").Set() {
			return ""
		}
		return "\nor set COGCTL_CLIENT_SECRET"
	}
	if s.pool.UserPoolID == "" {
		return ""
	}
	var missing []string
	for field, variable := range map[string]string{"username": "COGCTL_USERNAME", "password": "COGCTL_PASSWORD"} {
		if !s.profile.Get(field).Set() {
			missing = append(missing, variable)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	slices.Sort(missing)
	return "\nor set " + strings.Join(missing, " and ")
}

// explained adds hints to an error of a sign-in or refresh: where a refused password came
// from, since another one may be meant; and for a session that is over, what stands in the
// way of signing in again. Where endpoints that were discovered did not answer, it also
// drops the stored discovery document.
func (s signIn) explained(err error) error {
	if hint := hintFor(err); strings.Contains(hint, " USERNAME") {
		err = hinted(err, "%s", s.withName(hint))
	}
	var over *auth.OverError
	if told := adviceFor(err); errors.As(err, &over) && told.hint != "" {
		err = hinted(err, "%s", lines(told.hint, hintFor(err)))
		if told.exit != 0 {
			err = withCode(told.exit, err)
		}
		return err
	}
	if s.pool.Domain == "" && nowhere(err) {
		s.app.discoveryFiles().forget(auth.DiscoveryURL(s.pool.Issuer)) // the endpoints may be others by now
	}
	if s.machine != nil {
		return s.machineExplained(err)
	}
	var refused *auth.RefusedError
	var again *auth.StillRefusedError
	if wrongCode(err) {
		return s.codeExplained(err) // the password was right
	}
	stored := s.byPassword() && s.secrets.password != "" && !s.typedPassword
	wrong := errors.As(err, &refused) && refused.WrongPassword() || refused == nil && errors.As(err, &again)
	if !stored || !wrong {
		return err
	}
	return hinted(err, "%s", lines(hintFor(err), "the password came from "+s.profile.Get("password").Origin.Text))
}

// withName puts the user's name, and the profile, into the commands of refusedHints.
func (s signIn) withName(hint string) string {
	return strings.NewReplacer(
		"cogctl account confirm USERNAME CODE", s.next("account", "confirm", s.user, "CODE"),
		"cogctl account resend USERNAME", s.next("account", "resend", s.user),
		"cogctl account forgot-password USERNAME", s.next("account", "forgot-password", s.user),
	).Replace(hint)
}

// askable adds to an error about missing input, where a person is there, the command that
// would have asked for it.
func (s signIn) askable(err error) error {
	var needed *auth.InputError
	if !errors.As(err, &needed) || !s.app.person(s.profile) {
		return err
	}
	return hinted(err, "%s", lines(hintFor(err), "or let "+s.next("login", "--username", s.user)+" ask for it"))
}

// busy counts the sessions that are being saved: a signal ends the run only when there are
// none.
func (a *app) busy() func() {
	a.saving.Add(1)
	return func() { a.saving.Add(-1) }
}

// seen tells the redactor the session's tokens.
func (a *app) seen(s auth.Session) auth.Session {
	a.redactor.Add(s.ID, s.Access, s.Refresh)
	return s
}

// unsaved turns the error for a session that is good but could not be stored into a
// warning: what was asked for is still delivered. Other errors it returns.
func (a *app) unsaved(err error) error {
	// A type assertion, not errors.As: joined to another error there is no session.
	if lost, alone := err.(*cache.SaveError); alone {
		a.warn(lost.Error() + "; the session is good for this run only")
		return nil
	}
	return err
}
