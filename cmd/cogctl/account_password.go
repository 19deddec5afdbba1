package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
)

func newAccountForgot(a *app) *cobra.Command {
	return sender(&cobra.Command{
		Use:   "forgot-password [USERNAME]",
		Short: "Send a code that sets a new password",
		Long: `Send a code that sets a new password. A person is asked for the code and the new
password at once; without one the command ends when the code is sent, and
cogctl account reset-password takes it.

Where the app client hides which users exist, Cognito says that it sent a code to
any name.`,
		Example: `  cogctl account forgot-password ann
  cogctl account forgot-password bob --json`,
	}, func(ctx context.Context, o sendOptions) error { return runAccountForgot(ctx, a, o) })
}

func runAccountForgot(ctx context.Context, a *app, o sendOptions) error {
	metadata, err := metadataFlag(o.metadata)
	if err != nil {
		return err
	}
	s, client, err := a.outsider(ctx, o.username)
	if err != nil {
		return err
	}
	sent, err := client.ForgotPassword(ctx, s.user, metadata)
	if err != nil {
		return s.told(err, map[string]string{
			lostReply: "look for the code before asking for another: " + s.next("account", "reset-password", s.user),
		})
	}
	if o.out.wanted() {
		return a.printAnswer(ctx, &o.out, sentReport{s.user, sent})
	}
	if sent != nil {
		a.note("%s", wentTo(*sent))
	}
	if a.person(s.profile) {
		return s.reset(ctx, client, confirmOptions{metadata: o.metadata})
	}
	a.note("next: %s", s.next("account", "reset-password", s.user))
	return nil
}

func newAccountReset(a *app) *cobra.Command {
	var o confirmOptions
	cmd := &cobra.Command{
		Use:   "reset-password [USERNAME [CODE|-]]",
		Short: "Set a new password with the code that was sent",
		Long: `Set a new password with the code that cogctl account forgot-password, or an
administrator's reset, sent. The code is the second operand, - for standard input,
or COGCTL_ANSWER_CONFIRM_FORGOT_PASSWORD; otherwise it is asked for. The new
password comes from COGCTL_NEW_PASSWORD, from --password-stdin, or is asked for
twice.`,
		Example: `  cogctl account forgot-password ann
  cogctl sandbox codes | awk 'END {print $2}' | COGCTL_NEW_PASSWORD=An0ther-one! cogctl account reset-password ann -`,
		Args: withUser(operands(0, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.username, o.code = operand(args, 0), operand(args, 1)
			return runAccountReset(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVar(&o.passwordStdin, "password-stdin", false, "read the new password from standard input")
	addMetadata(cmd, &o.metadata)
	return cmd
}

func runAccountReset(ctx context.Context, a *app, o confirmOptions) error {
	if o.code == "-" && o.passwordStdin {
		return usagef("standard input holds the code or the password, not both: set COGCTL_NEW_PASSWORD or give the code as it is")
	}
	s, client, err := a.outsider(ctx, o.username)
	if err != nil {
		return err
	}
	return s.reset(ctx, client, o)
}

// reset sets the new password. Where the server refuses a code or a password that a person
// typed, that one is asked for again and the other is kept.
func (s signIn) reset(ctx context.Context, client *auth.Client, o confirmOptions) error {
	metadata, err := metadataFlag(o.metadata)
	if err != nil {
		return err
	}
	code, err := s.code(ctx, wantedCode{
		operand: o.code, operation: "CONFIRM_FORGOT_PASSWORD", command: []string{"account", "reset-password", s.user},
		prompt: "The code that was sent to " + s.user + ": ",
	})
	if err != nil {
		return err
	}
	password, err := s.newPassword(ctx, o.passwordStdin)
	if err != nil {
		return err
	}
	err = s.app.untilTaken(ctx, func() error {
		return client.ResetPassword(ctx, auth.Confirmation{Username: s.user, Code: code.value, Password: password.value, Metadata: metadata})
	}, map[string]*answer{
		"CodeMismatchException": code, "InvalidPasswordException": password, "PasswordHistoryPolicyViolationException": password,
	})
	if err != nil {
		again := s.next("account", "forgot-password", s.user)
		return s.told(err, map[string]string{
			"CodeMismatchException": "the code of the newest message counts; " + again + " sends another (Cognito says this also of a user that does not exist or is disabled)",
			"ExpiredCodeException":  again + " sends a new one",
			lostReply:               s.next("login", "--username", s.user) + " with the new password tells; if it is refused: " + again,
		})
	}
	if err := s.forgive(ctx); err != nil {
		return err
	}
	s.app.note("%s has a new password: %s", s.user, s.next("login", "--username", s.user))
	return nil
}

type changePasswordOptions struct {
	passwordStdin bool
	noPrevious    bool
}

func newAccountChangePassword(a *app) *cobra.Command {
	var o changePasswordOptions
	cmd := &cobra.Command{
		Use:   "change-password",
		Short: "Change the password of whoever is signed in",
		Long: `Change the password of whoever is signed in. The current one comes from
COGCTL_PASSWORD or the profile, or is asked for; the new one from
COGCTL_NEW_PASSWORD, from --password-stdin, or is asked for twice.

Sessions go on: a changed password ends none.`,
		Example: "  COGCTL_NEW_PASSWORD=An0ther-one! cogctl account change-password",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runAccountChangePassword(cmd.Context(), a, o) },
	}
	cmd.Flags().BoolVar(&o.passwordStdin, "password-stdin", false, "read the new password from standard input")
	cmd.Flags().BoolVar(&o.noPrevious, "no-previous", false, "the account has no password yet")
	return cmd
}

func runAccountChangePassword(ctx context.Context, a *app, o changePasswordOptions) error {
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	previous, from := "", ""
	if !o.noPrevious {
		if previous, from, err = m.currentPassword(ctx); err != nil {
			return err
		}
	}
	password, err := m.newPassword(ctx, o.passwordStdin)
	if err != nil {
		return err
	}
	err = a.untilTaken(ctx, func() error {
		return m.act(ctx, func(account auth.Account) error { return account.ChangePassword(ctx, previous, password.value) })
	}, map[string]*answer{"InvalidPasswordException": password, "PasswordHistoryPolicyViolationException": password})
	if err != nil {
		hints := m.goneHint()
		hints[lostReply] = m.next("login", "--username", m.user) + " with the new password tells; if that is refused, the old one still holds"
		if refused, ok := wrongPassword(err); ok && from != "" && refused.Code == "NotAuthorizedException" {
			hints[refused.Code] = "the current password came from " + from
		}
		if code, message := serverWord(err); o.noPrevious && strings.Contains(strings.ToLower(message), "previouspassword") {
			hints[code] = "the account has a password: leave --no-previous out, and give the current one"
		}
		return m.told(err, hints)
	}
	if err := m.forgive(ctx); err != nil {
		return err
	}
	if from != "" {
		a.note("the password of %s is changed; %s still gives the old one", m.user, from)
	} else {
		a.note("the password of %s is changed", m.user)
	}
	return nil
}

// currentPassword is the one to be changed, and where it is kept; from is empty
// for one that was typed.
func (m *member) currentPassword(ctx context.Context) (password, from string, err error) {
	v := m.profile.Get("password")
	if password, err = m.app.reveal(ctx, m.profile, "password"); err != nil || password != "" {
		return password, v.Origin.Text, err
	}
	if !m.app.person(m.profile) {
		return "", "", &auth.InputError{Item: "current password", Subject: m.user, Answers: []string{"COGCTL_PASSWORD", "give --no-previous if there is none yet"}}
	}
	password, err = m.app.secretAnswer(ctx, fmt.Sprintf("Current password for %s: ", m.user))
	return password, "", err
}

// forgive forgets that a password of the user was refused, because the right one has just
// been changed.
func (s signIn) forgive(ctx context.Context) error {
	dir, err := s.app.sessions(s.profile)
	if err != nil {
		return err
	}
	if noted, _, err := dir.Read(s.key()); err != nil || noted.Refused == nil {
		return err
	}
	_, err = dir.Update(ctx, s.key(), func(_ context.Context, old auth.Session, _ bool) (auth.Session, error) {
		old.Refused = nil
		if !old.Live() {
			return old, cache.Forget(nil)
		}
		return old, nil
	})
	return s.app.unsaved(err)
}
