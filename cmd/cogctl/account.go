package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/redact"
)

func newAccount(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Sign up, get back in, and look after one's own account",
		Long: `What users of a pool do for themselves. Signing up, confirming and resetting a
password need no session; the rest acts for the user who is signed in, with the
session's access token, which must have the scope aws.cognito.signin.user.admin
(a sign-in by password gives it; one in the browser where it is asked for).

New passwords come from COGCTL_NEW_PASSWORD, from --password-stdin, or are asked
for twice. COGCTL_PASSWORD is never one: it is the password of whoever signs in,
and a new account should not get somebody else's by accident.`,
		Example: "  cogctl account get\n  cogctl account mfa status",
		Args:    subcommandOnly,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newAccountSignup(a), newAccountConfirm(a), newAccountResend(a),
		newAccountForgot(a), newAccountReset(a), newAccountChangePassword(a),
		newAccountGet(a), newAccountUpdate(a), newAccountVerify(a), newAccountDelete(a),
		newAccountMFA(a), newAccountDevice(a),
	)
	return cmd
}

// outsider is the user whom a command without a session is about: named by the operand,
// else by --username, COGCTL_USERNAME, the last sign-in or the profile, else by a person
// who is asked. The client is ready to be used.
func (a *app) outsider(ctx context.Context, operand string) (signIn, *auth.Client, error) {
	if operand != "" {
		if err := auth.CheckUsername(operand); err != nil {
			return signIn{}, nil, withCode(exitUsage, err)
		}
		if given := a.flags["username"]; given != "" && given != operand {
			return signIn{}, nil, usagef("USERNAME %q and --username %q are two users: give one", operand, given)
		}
		a.flags["username"] = operand
	}
	s, _, err := a.whose()
	if err == nil {
		err = s.pool.wantsPool("account")
	}
	if err != nil {
		return s, nil, err
	}
	if s.machine != nil { // the command is about a user all the same
		s.machine, s.user = nil, username(s.profile, lastSignIn{})
	}
	if s.user == "" {
		if !a.person(s.profile) {
			return s, nil, &auth.InputError{Item: "username", Answers: []string{"COGCTL_USERNAME", "--username"}}
		}
		if s.user, err = s.askUsername(ctx); err != nil {
			return s, nil, err
		}
	}
	if err := auth.CheckUsername(s.user); err != nil {
		return s, nil, withCode(exitUsage, err)
	}
	s.secrets.clientSecret, err = a.reveal(ctx, s.profile, "client_secret")
	return s, a.client(s.pool, s.secrets.clientSecret), err
}

// member is a user who is signed in and acts on their own account.
type member struct {
	signIn
	dir     *cache.Dir[auth.Session]
	session auth.Session
}

// member finds the session that is meant, refreshed where it ran out. The access
// token goes only where the session came from.
func (a *app) member(ctx context.Context) (*member, error) {
	s, dir, err := a.whose()
	if err != nil {
		return nil, err
	}
	if err := s.pool.wantsPool("account"); err != nil {
		return nil, err
	}
	session, err := a.session(margin)(ctx)
	if err != nil {
		return nil, err
	}
	if session.Machine {
		noUser := fmt.Errorf("%s is signed in, which is no user and has no account", s.user)
		return nil, hinted(withCode(exitNeeded, noUser), "cogctl login --username NAME")
	}
	s = s.as(session)
	if a.getenv("COGCTL_TOKEN") != "" {
		a.warn("COGCTL_TOKEN is set: call and token use it; account acts for the session of " + session.Username)
	}
	login := s.next("login", "--username", s.user)
	switch {
	case session.Endpoint != s.pool.Endpoint:
		elsewhere := fmt.Errorf("the session of %s was issued by %s; its access token is not sent to %s", s.user, session.Endpoint, s.pool.Endpoint)
		return nil, withCode(exitNeeded, hinted(elsewhere, "%s", login))
	case session.Access == "":
		return nil, withCode(exitNeeded, hinted(fmt.Errorf("the session of %s has no access token", s.user), "%s", login))
	case auth.LacksScope(session.Access):
		lacks := fmt.Errorf("the access token of %s lacks the scope %s, without which nobody changes an account", s.user, auth.SelfServiceScope)
		return nil, withCode(exitNeeded, hinted(lacks, "sign in with that scope: %s", s.scopedLogin(session)))
	}
	return &member{signIn: s, dir: dir, session: session}, nil
}

// act runs do with the session's access token. When Cognito calls the token expired or
// revoked although it looks good here (a wrong clock, a sign-out elsewhere), the session is
// renewed and do runs once more. The renewal either gets a new token or tells for sure
// that a sign-in is needed.
func (m *member) act(ctx context.Context, do func(auth.Account) error) error {
	err := do(m.account())
	if !auth.TokenEnded(err) {
		return err
	}
	if err := m.renew(ctx); err != nil {
		return err
	}
	return do(m.account())
}

func (m *member) account() auth.Account {
	return auth.Account{Client: m.app.client(m.pool, m.secrets.clientSecret), Username: m.user, Token: m.session.Access}
}

// renew gets another access token than the session has, by a refresh or a sign-in without a
// person.
func (m *member) renew(ctx context.Context) error {
	tried := m.session.Access
	secrets, err := m.app.credentials(ctx, m.profile)
	if err != nil {
		return err
	}
	s := m.signIn
	s.secrets = secrets
	renewer, err := s.renewer(ctx, s.storedAnswers())
	if err != nil {
		return err
	}
	m.session, err = m.dir.Update(ctx, m.key(), func(ctx context.Context, old auth.Session, found bool) (auth.Session, error) {
		if found && old.Live() && old.Access != tried && old.GoodFor(m.app.now(), 0) {
			return old, nil // somebody else has renewed it
		}
		return renewer.Renew(ctx, old, found)
	})
	m.app.seen(m.session)
	return m.app.unsaved(s.explained(err))
}

// scopedLogin is the command that signs in so that the access token has SelfServiceScope. A
// sign-in in the browser gives the scopes that are asked for, and asking for them on the
// command line replaces the profile's; so it names those that the session has, too.
func (s signIn) scopedLogin(session auth.Session) string {
	words := []string{"login"}
	if session.By == auth.ByOAuth {
		words = append(words, "--web")
		for _, scope := range append(auth.ScopesOf(session.Access), auth.SelfServiceScope) {
			words = append(words, "--scope", scope)
		}
	}
	return s.next(append(words, "--username", s.user)...)
}

// next is a command to type next, for this profile.
func (s signIn) next(words ...string) string {
	if s.profile.Get("profile").Origin.Kind == config.KindFlag {
		words = append(slices.Clone(words), "--profile", s.profile.Name())
	}
	if flow := s.profile.Get("flow"); flow.Origin.Kind == config.KindFlag && words[0] == "login" && !slices.Contains(words, "--web") {
		words = append(slices.Clone(words), "--flow", flow.Text) // another one may be closed to this user
	}
	words = dashed(words, s.user)
	line := "cogctl"
	for _, word := range words {
		line += " " + shellWord(word)
	}
	return line
}

// dashed puts a user whose name looks like a flag, and what follows, behind the flags.
func dashed(words []string, user string) []string {
	at := slices.Index(words, user)
	if !strings.HasPrefix(user, "-") || at < 1 || words[at-1] == "--username" {
		return words
	}
	line, operands := slices.Clone(words[:at]), []string{"--", user}
	for i := at + 1; i < len(words); i++ {
		switch {
		case words[i] == "--profile":
			line = append(line, words[i:]...)
			i = len(words)
		case strings.HasPrefix(words[i], "--"):
			line = append(line, words[i])
		default:
			operands = append(operands, words[i])
		}
	}
	return append(line, operands...)
}

// shellWord quotes what a shell would not take as it stands.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@%+=:,./_-", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// answer is something a command needs. One that a person typed can be typed
// again when the server refuses it.
type answer struct {
	value string
	ask   func(context.Context) (string, error) // nil when nobody typed it
}

// maxTyped bounds how often a person is asked for the same thing.
const maxTyped = 3

// untilTaken calls send until the server takes what was typed. anew says, by the AWS error
// type of a refusal, which answer to ask for again; other errors are returned.
func (a *app) untilTaken(ctx context.Context, send func() error, anew map[string]*answer) error {
	for try := 1; ; try++ {
		err := send()
		code, message := serverWord(err)
		refused := anew[code]
		if refused == nil || refused.ask == nil || try == maxTyped {
			return err
		}
		fmt.Fprintf(a.redactedStderr(), "%s\n", redact.Visible(message))
		if refused.value, err = refused.ask(ctx); err != nil {
			return err
		}
	}
}

// wantedCode says which code a command needs and where it may come from.
type wantedCode struct {
	operand   string // as given: the code, "-" for standard input, "" for neither
	operation string // names the variable: CONFIRM_SIGN_UP
	prompt    string
	command   []string // that takes the code as its last operand, for the hint
}

// code finds a code: in the operand, on standard input, in the variable, else with a person.
func (s signIn) code(ctx context.Context, w wantedCode) (*answer, error) {
	given := w.operand
	switch {
	case w.operand == "-":
		data, err := io.ReadAll(io.LimitReader(s.app.input(ctx), maxPassword))
		if err != nil {
			return nil, withCode(exitNeeded, fmt.Errorf("read the code from standard input: %w", err))
		}
		if given = strings.TrimSpace(string(data)); given == "" {
			return nil, withCode(exitNeeded, errors.New("the code: standard input is empty"))
		}
	case w.operand == "":
		given = s.app.getenv(answerVariable(w.operation))
	}
	if given != "" {
		code, err := s.app.cleanCode(given)
		return &answer{value: code}, err
	}
	if !s.app.person(s.profile) {
		return nil, &auth.InputError{Item: "code", Subject: s.user, Answers: []string{
			answerVariable(w.operation), "give it as an operand, or - for standard input: " + s.next(append(w.command, "CODE")...)}}
	}
	ask := func(ctx context.Context) (string, error) {
		typed, err := s.app.terminal.ask(ctx, redact.Visible(w.prompt))
		if err != nil {
			return "", err
		}
		return s.app.cleanCode(typed)
	}
	code, err := ask(ctx)
	return &answer{code, ask}, err
}

// cleanCode takes out white space, as codes are often shown in two halves, and tells the
// redactor the code.
func (a *app) cleanCode(text string) (string, error) {
	code := strings.Join(strings.Fields(text), "")
	if code == "" || strings.ContainsFunc(code, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return "", usagef("the code of %d bytes is none: it has control characters or nothing at all", len(text))
	}
	a.redactor.Add(code)
	return code, nil
}

// newPassword finds a new password: on standard input, in COGCTL_NEW_PASSWORD or the
// profile, else with a person. COGCTL_PASSWORD is not looked at.
func (s signIn) newPassword(ctx context.Context, fromStdin bool) (*answer, error) {
	given, err := "", error(nil)
	if fromStdin {
		given, err = s.app.passwordFromStdin(ctx)
	} else {
		given, err = s.app.reveal(ctx, s.profile, "new_password")
	}
	if err != nil || given != "" {
		return &answer{value: given}, err
	}
	if !s.app.person(s.profile) {
		return nil, &auth.InputError{Item: auth.ItemNewPassword, Subject: s.user, Answers: []string{"COGCTL_NEW_PASSWORD", "--password-stdin"}}
	}
	ask := func(ctx context.Context) (string, error) { return s.app.askNewPassword(ctx, s.user) }
	password, err := ask(ctx)
	return &answer{password, ask}, err
}

// sentReport is the JSON of commands that send a code; its members are stable.
type sentReport struct {
	Username string         `json:"username"`
	Sent     *auth.Delivery `json:"code_sent,omitempty"`
}

// wentTo says where a code went.
func wentTo(d auth.Delivery) string {
	medium := map[string]string{"EMAIL": "e-mail", "SMS": "SMS"}[d.Medium]
	if medium == "" {
		medium = d.Medium
	}
	return fmt.Sprintf("Cognito says that it sent a code by %s to %s", medium, d.Destination)
}

// withUser refuses an empty USERNAME, which a variable that is not set makes: it would
// mean somebody else, the user who is signed in.
func withUser(count cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := count(cmd, args); err != nil {
			return err
		}
		if len(args) > 0 && args[0] == "" {
			return usagef("%s: USERNAME is empty", cmd.CommandPath())
		}
		return nil
	}
}

// operand is the operand at i, or "".
func operand(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return ""
}

// completeWords offers fixed words for the first operand.
func completeWords(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return slices.Clone(words), cobra.ShellCompDirectiveNoFileComp
	}
}
