package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/redact"
)

type loginOptions struct {
	flow          string
	passwordStdin bool
	noVerify      bool

	rememberDevice bool
	withToken      bool

	browser           browserOptions
	scopes, resources []string
}

const loginHelp = `Sign in to a user pool and keep the session, so that later commands find it.

The flows:
  srp         prove the password without sending it; auto takes this
  password    send it to Cognito over TLS: for pools that migrate users, and for
              emulators
  choice      choose the first factor: the password, or a code that is sent
              (COGCTL_ANSWER_SELECT_CHALLENGE: PASSWORD_SRP, PASSWORD, EMAIL_OTP,
              SMS_OTP)
  custom      answer what the pool's own Lambda triggers ask
              (COGCTL_ANSWER_CUSTOM_CHALLENGE, then ..._2, ..._3); custom-srp proves
              the password first
  admin       with your AWS credentials, for app clients that allow nothing else
  browser     on the pages of the user pool's domain, or of another OpenID Connect
              issuer; --web for short. auto takes this on a terminal where there
              is a domain and no password at hand, and for other issuers
  client-credentials
              no user: the app client itself, by its secret, for the scopes of
              --scope; auto takes this where there is a secret and no username

Through a browser, the address to open is printed, and opened where there is a
display. The browser comes back to the first of callback_urls that is free here;
it must be registered for the app client, to the letter. Where the browser is on
another machine, paste at the terminal the address that it ends at, or the code
in it. --provider goes straight to Google or another provider of the pool.

The password comes from COGCTL_PASSWORD, from --password-stdin, from the profile
(a reference such as password = "cmd:pass show dev"), or is asked for. The ID
token is verified before anything is saved.

A second factor is asked for, or comes from COGCTL_TOTP_SECRET (an authenticator
app's secret, of which the code is computed) or COGCTL_MFA_CODE. Where several
are offered, COGCTL_ANSWER_SELECT_MFA_TYPE chooses. Where the pool wants one and
you have none, an authenticator app is set up on the spot. A pool that tracks
devices gets to know this one, and may ask for no second factor the next time.

With --with-token nobody signs in: tokens that somebody else got, such as an
application's own token endpoint, are verified and kept.

On a terminal without any profile, login asks for the user pool first and writes
a profile.`

func newLogin(a *app) *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in and keep the session",
		Long:  loginHelp,
		Example: `  cogctl login
  cogctl login --username bob
  printf '%s' "$COGCTL_PASSWORD" | cogctl login --username ann --password-stdin
  cogctl login --web || test $? -eq 4   # where a browser can open
  COGCTL_TOTP_SECRET=$(cogctl sandbox totp totp) cogctl login --username totp`,
		Args: operands(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return runLogin(cmd.Context(), a, o) },
	}
	cmd.Flags().StringVar(&o.flow, "flow", "", "how to sign in: "+strings.Join(flows(), ", ")+" (COGCTL_FLOW)")
	_ = cmd.RegisterFlagCompletionFunc("flow", cobra.FixedCompletions(flows(), cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringArrayVar(&o.scopes, "scope", nil, "a scope to ask for; may be repeated (COGCTL_SCOPES)")
	cmd.Flags().StringArrayVar(&o.resources, "resource", nil, "what the token is for, a URI (RFC 8707); may be repeated")
	cmd.Flags().BoolVar(&o.rememberDevice, "remember-device", false, "let this device stand in for the second factor, where the pool leaves that to you")
	cmd.Flags().BoolVar(&o.passwordStdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().BoolVar(&o.withToken, "with-token", false, "keep tokens from standard input: a refresh token, or JSON with id_token and refresh_token")
	o.browser.addFlags(cmd)
	cmd.Flags().BoolVar(&o.noVerify, "no-verify-id-token", false, "take the ID token unverified, for servers without a key set")
	return cmd
}

func runLogin(ctx context.Context, a *app, o loginOptions) error {
	started := a.now()
	if o.withToken && (o.passwordStdin || o.flow != "" || o.browser.chosen()) {
		return usagef("--with-token keeps tokens as they are: --flow, --web and --password-stdin have no part in it")
	}
	if o.withToken && (o.scopes != nil || o.resources != nil) {
		return usagef("--with-token keeps tokens as they are: --scope and --resource have no part in it")
	}
	if o.withToken && o.rememberDevice {
		return usagef("--remember-device is about a sign-in, and with --with-token there is none")
	}
	if o.flow != "" {
		a.flags["flow"] = o.flow
	}
	if o.scopes != nil {
		a.flags["scopes"] = strings.Join(o.scopes, " ")
	}
	if err := o.browser.settle(a, o.flow); err != nil {
		return err
	}
	p, err := a.profileOrSetUp(ctx)
	if err != nil {
		return err
	}
	l := login{signIn: signIn{app: a, profile: p, noVerify: o.noVerify, rememberDevice: o.rememberDevice}, web: o.browser}
	if l.pool, err = a.pool(p); err != nil {
		return err
	}
	l.typedPassword = o.passwordStdin
	if !o.withToken {
		if err := l.whose(ctx, o); err != nil {
			return err
		}
	}
	if l.secrets, err = l.credentials(ctx); err != nil {
		return err
	}
	if o.passwordStdin {
		if l.secrets.password, err = a.passwordFromStdin(ctx); err != nil {
			return err
		}
	}
	session, err := l.session(ctx, o, started)
	if err != nil {
		return err
	}
	if p.Get("storage").Text == "none" {
		a.warn("storage = \"none\": the sign-in worked, and nothing of it is kept")
	}
	if o.rememberDevice && session.DeviceKey == "" {
		a.warn("--remember-device did nothing: the user pool tracks no devices, or none is kept here")
	}
	a.warnClock(session)
	l.warnScopes(session)
	a.note("signed in as %s at %s; the tokens serve until %s", account(session), l.pool.place(), until(session.Expires, a.now()))
	return nil
}

// session signs in, or takes the session that was given, and makes its user the one
// that later commands mean.
func (l *login) session(ctx context.Context, o loginOptions, started time.Time) (session auth.Session, err error) {
	switch {
	case o.withToken:
		return l.adopt(ctx) // which remembers before it lets go of what was given
	case l.inBrowser():
		session, err = l.byBrowser(ctx)
	default:
		session, err = l.run(ctx, started)
	}
	if err == nil {
		err = l.remember(ctx)
	}
	return session, err
}

// login is a sign-in that was asked for, as against one that a command needs.
type login struct {
	signIn
	web browserOptions
}

// whose settles who signs in: a machine, for the scopes that are asked for now, or the user
// who is named with the command, signed in last, is configured, or is asked for.
func (l *login) whose(ctx context.Context, o loginOptions) error {
	last, err := l.app.lastSignIn(l.profile, l.pool)
	if err != nil {
		return err
	}
	l.settle(last)
	if err := l.misfits(o); err != nil {
		return err
	}
	if l.machine != nil {
		scopes := l.profile.List("scopes")
		l.become(&machine{scopes: scopes, resources: o.resources})
		return checkScopes(scopes)
	}
	switch {
	case len(o.resources) > 0:
		return usagef("--resource is for --flow %s", flowMachine)
	case l.inBrowser(): // the browser tells who
		return nil
	case l.user != "":
		return nil
	case !l.app.person(l.profile):
		needed := &auth.InputError{Item: "username", Answers: []string{"COGCTL_USERNAME", "--username"}}
		if l.byPassword() && !l.typedPassword && !l.profile.Get("password").Set() {
			needed.Also = []*auth.InputError{{Item: auth.ItemPassword, Answers: answersBy[auth.ItemPassword]}}
		}
		return l.withCaller(ctx, needed)
	}
	l.user, err = l.askUsername(ctx)
	return err
}

// misfits refuses flags that have no part in the flow that was settled on: whoever gave
// them expects another one.
func (l *login) misfits(o loginOptions) error {
	name := l.profile.Get("username")
	switch flow := l.profile.Get("flow").Text; {
	case l.machine != nil && name.Origin.Kind == config.KindFlag && name.Set():
		return l.notAUser(name.Text)
	case !o.passwordStdin:
		return nil
	case l.machine != nil:
		return hinted(usagef("--password-stdin has no part in --flow %s", flowMachine), "a user signs in with --username NAME")
	case l.inBrowser():
		return usagef("--password-stdin has no part in a sign-in through a browser")
	case flow == "choice" && !l.byPassword():
		return usagef("--password-stdin has no part in --flow %s with %s", flow, l.firstFactor())
	case !l.byPassword():
		return usagef("--password-stdin has no part in --flow %s", flow)
	}
	return nil
}

// run signs in. Where a person is there, or a program looks for a code that is sent, it does
// so outside the session's lock, because they may take as long as they like. Otherwise it
// does so under the lock, so that jobs that start together make one attempt. started is
// when the command began.
func (l login) run(ctx context.Context, started time.Time) (auth.Session, error) {
	dir, err := l.app.sessions(l.profile)
	if err != nil {
		return auth.Session{}, err
	}
	if l.machine != nil && !l.unattended() {
		return auth.Session{}, &auth.InputError{
			Item: auth.ItemClientSecret, Subject: "the app client " + l.pool.ClientID, Answers: []string{"COGCTL_CLIENT_SECRET"},
		}
	}
	if err := l.awaitCode(ctx); err != nil {
		return auth.Session{}, err
	}
	if l.profile.Get("flow").Text == "admin" && !l.unattended() && !l.app.person(l.profile) {
		return auth.Session{}, l.withCaller(ctx, &auth.InputError{Item: auth.ItemPassword, Subject: l.user, Answers: answersBy[auth.ItemPassword]})
	}
	if l.machine == nil && (l.app.person(l.profile) || !l.unattended() || looksForCodes(l.profile)) {
		return l.attended(ctx, dir)
	}
	renewer, err := l.renewer(ctx, l.storedAnswers())
	if err != nil {
		return auth.Session{}, err
	}
	session, err := dir.Update(ctx, l.key(), func(ctx context.Context, old auth.Session, found bool) (auth.Session, error) {
		if found && old.Live() && old.SignedIn.After(started) && !old.SignedIn.After(l.app.now()) {
			return old, nil // somebody signed in while we waited for the lock
		}
		return renewer.SignInNow(ctx, old, found)
	})
	return l.app.seen(session), l.app.unsaved(l.explained(err))
}

// attended signs in with a person at the keyboard, or with a program that looks for the
// code, and saves the session afterwards.
func (l login) attended(ctx context.Context, dir *cache.Dir[auth.Session]) (auth.Session, error) {
	renewer, err := l.renewer(ctx, nil)
	if err != nil {
		return auth.Session{}, err
	}
	var tokens auth.Tokens
	if l.app.person(l.profile) {
		tokens, err = l.byPerson(ctx, renewer)
	} else {
		tokens, err = l.byProgram(ctx, renewer, dir)
	}
	if err != nil {
		return auth.Session{}, l.explained(err)
	}
	fresh, err := renewer.Verifier.Begin(ctx, renewer.Base, tokens)
	if err != nil {
		return auth.Session{}, err
	}
	session, err := dir.Update(ctx, l.key(), func(context.Context, auth.Session, bool) (auth.Session, error) { return fresh, nil })
	return l.app.seen(session), l.app.unsaved(err)
}

// byPerson signs in with a person. When a stored password is refused, it says so and asks
// for another one.
func (l *login) byPerson(ctx context.Context, renewer auth.Renewer) (auth.Tokens, error) {
	for {
		flow, err := l.flow(ctx, renewer.Client, auth.SignIn{Ask: l.asker(), Tell: l.tell})
		if err != nil {
			return auth.Tokens{}, err
		}
		tokens, err := flow.Login(ctx)
		stored := l.byPassword() && l.secrets.password != "" && !l.typedPassword
		if refused, wrong := wrongPassword(err); !wrong || refused.LockedOut() || !stored {
			return tokens, err
		}
		fmt.Fprintf(l.app.stderr, "The password from %s was refused for %s.\n", l.profile.Get("password").Origin.Text, redact.Visible(l.user))
		l.secrets.password = ""
	}
}

// byProgram signs in without a person and without the session's lock. What is refused is
// noted all the same, as under the lock: jobs with a wrong password must not lock the
// account.
func (l *login) byProgram(ctx context.Context, renewer auth.Renewer, dir *cache.Dir[auth.Session]) (auth.Tokens, error) {
	looked := false
	flow, err := l.flow(ctx, renewer.Client, auth.SignIn{Ask: l.unlockedAnswers(func() { looked = true }), Tell: l.tell})
	if err != nil {
		return auth.Tokens{}, err
	}
	if !l.unattended() {
		return flow.Login(ctx)
	}
	if renewer, err = l.marked(renewer); err != nil {
		return auth.Tokens{}, err
	}
	old, _, err := dir.Read(l.key())
	if err == nil {
		err = renewer.StillRefused(old)
	}
	if err != nil {
		return auth.Tokens{}, err
	}
	tokens, err := flow.Login(ctx)
	if looked {
		renewer.CodeMark = nil // a program found the code, and will find another one next time
	}
	if err != nil {
		_, err = dir.Update(ctx, l.key(), func(_ context.Context, old auth.Session, _ bool) (auth.Session, error) {
			return renewer.Noted(old, err)
		})
	}
	return tokens, err
}

// tell prints what happens during the sign-in, at once: a person may be waiting.
func (l login) tell(text string) {
	fmt.Fprintf(l.app.redactedStderr(), "cogctl: %s\n", redact.Visible(text))
}

// remember notes that this user, or machine, signed in last: later commands that name nobody
// mean it.
func (l login) remember(ctx context.Context) error {
	dir, err := l.app.lastSignIns(l.profile)
	if err != nil {
		return err
	}
	_, err = dir.Update(ctx, lastSignInKey(l.profile, l.pool), func(context.Context, lastSignIn, bool) (lastSignIn, error) {
		if l.machine != nil {
			return lastSignIn{Machine: true, Scopes: l.machine.scopes, Resources: l.machine.resources}, nil
		}
		return lastSignIn{Typed: l.user}, nil
	})
	return l.app.unsaved(err)
}

// maxPassword bounds a password on standard input, in bytes. Cognito's longest
// is 256 characters.
const maxPassword = 4096

// passwordFromStdin reads the password, without the newline that echo adds.
func (a *app) passwordFromStdin(ctx context.Context) (string, error) {
	if file, ok := a.stdin.(*os.File); ok && isTerminal(file) {
		return "", hinted(usagef("--password-stdin: standard input is a terminal, which shows what is typed"),
			"leave --password-stdin out to be asked, or give it a pipe or a file")
	}
	data, err := io.ReadAll(io.LimitReader(a.input(ctx), maxPassword+1))
	password := strings.TrimRight(string(data), "\r\n")
	switch {
	case err != nil:
		return "", withCode(exitNeeded, fmt.Errorf("read the password from standard input: %w", err))
	case len(data) > maxPassword:
		return "", usagef("the password on standard input is longer than %d bytes", maxPassword)
	case password == "":
		return "", withCode(exitNeeded, errors.New("--password-stdin: standard input is empty"))
	}
	a.redactor.Add(password)
	return password, asText("the password on standard input", password)
}
