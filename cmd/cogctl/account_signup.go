package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
)

type signupOptions struct {
	username      string
	attributes    []string
	validation    []string
	metadata      []string
	passwordStdin bool
	noPassword    bool
	out           jsonOutput
}

func newAccountSignup(a *app) *cobra.Command {
	var o signupOptions
	cmd := &cobra.Command{
		Use:   "signup USERNAME",
		Short: "Make an account",
		Long: `Make an account in a user pool that lets people sign up.

The password comes from COGCTL_NEW_PASSWORD, from --password-stdin, or is asked
for twice; --no-password makes an account without one, where the pool signs in by
codes or passkeys. An address given as an attribute gets a code, which
cogctl account confirm takes.`,
		Example: `  printf '%s' "$COGCTL_PASSWORD" | cogctl account signup dora --password-stdin -a email=dora@example.com
  COGCTL_NEW_PASSWORD=Chosen-by-eve-1 cogctl account signup eve -a email=eve@example.com -a given_name=Eve --json`,
		Args: withUser(operands(1, 1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.username = args[0]
			return runAccountSignup(cmd.Context(), a, o)
		},
	}
	cmd.Flags().StringArrayVarP(&o.attributes, "attribute", "a", nil, "NAME=VALUE of the new user; may be repeated")
	cmd.Flags().StringArrayVar(&o.validation, "validation", nil, "NAME=VALUE for the pre sign-up trigger (ValidationData); may be repeated")
	addMetadata(cmd, &o.metadata)
	cmd.Flags().BoolVar(&o.passwordStdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().BoolVar(&o.noPassword, "no-password", false, "make an account that has no password")
	o.out.flags(cmd, "print JSON")
	return cmd
}

// signupReport is the JSON of account signup; its members are stable.
type signupReport struct {
	Username string `json:"username"`
	auth.SignedUp
}

func runAccountSignup(ctx context.Context, a *app, o signupOptions) error {
	if o.noPassword && o.passwordStdin {
		return usagef("--no-password and --password-stdin exclude each other")
	}
	in, err := o.input()
	if err != nil {
		return err
	}
	s, client, err := a.outsider(ctx, o.username)
	if err != nil {
		return err
	}
	in.Username = s.user
	password := &answer{}
	if !o.noPassword {
		if password, err = s.newPassword(ctx, o.passwordStdin); err != nil {
			return err
		}
	}
	var done auth.SignedUp
	err = a.untilTaken(ctx, func() (err error) {
		in.Password = password.value
		done, err = client.SignUp(ctx, in)
		return err
	}, map[string]*answer{"InvalidPasswordException": password})
	if err != nil {
		resend := s.next("account", "resend", s.user)
		return s.told(err, map[string]string{
			"UsernameExistsException": lines(s.next("login", "--username", s.user)+" signs in",
				resend+" sends the code again if it was never confirmed",
				s.next("account", "forgot-password", s.user)+" if the password is forgotten"),
			"CodeDeliveryFailureException": "the account may be there all the same: " + resend,
			lostReply:                      resend + " tells: it sends a code if the account was made",
		})
	}
	if err := s.forgive(ctx); err != nil {
		return err
	}
	s.noteSignup(done)
	if o.out.wanted() {
		return a.printAnswer(ctx, &o.out, signupReport{s.user, done})
	}
	return nil
}

// input reads the flags that hold name=value.
func (o signupOptions) input() (in auth.SignUp, err error) {
	if in.Attributes, err = attributeFlags("attribute", o.attributes, auth.ParseAttributes); err != nil {
		return in, err
	}
	if in.Validation, err = attributeFlags("validation", o.validation, auth.ParseData); err != nil {
		return in, err
	}
	in.Metadata, err = metadataFlag(o.metadata)
	return in, err
}

// noteSignup tells a person what comes next.
func (s signIn) noteSignup(done auth.SignedUp) {
	switch {
	case done.Confirmed:
		s.app.note("%s is signed up: %s", s.user, s.next("login", "--username", s.user))
	case done.Sent == nil:
		s.app.note("%s is signed up, and Cognito sent no code: an administrator has to confirm the account", s.user)
	default:
		s.app.note("%s is signed up. %s: %s", s.user, wentTo(*done.Sent), s.next("account", "confirm", s.user))
	}
}

type confirmOptions struct {
	username, code string
	metadata       []string
	passwordStdin  bool // of reset-password
	forceAlias     bool // of confirm
}

func newAccountConfirm(a *app) *cobra.Command {
	var o confirmOptions
	cmd := &cobra.Command{
		Use:   "confirm [USERNAME [CODE|-]]",
		Short: "Confirm a sign-up with the code that was sent",
		Long: `Confirm a sign-up. The code is the second operand, - for standard input, or
COGCTL_ANSWER_CONFIRM_SIGN_UP; otherwise it is asked for.

Where another account has the same e-mail address or phone number as a name to
sign in by, --force-alias takes it over.`,
		Example: `  printf '%s' "$COGCTL_PASSWORD" | cogctl account signup dora --password-stdin -a email=dora@example.com
  cogctl sandbox codes | awk '/^dora / {print $2}' | cogctl account confirm dora -`,
		Args: withUser(operands(0, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.username, o.code = operand(args, 0), operand(args, 1)
			return runAccountConfirm(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVar(&o.forceAlias, "force-alias", false, "take the address over from the account that has it")
	addMetadata(cmd, &o.metadata)
	return cmd
}

func runAccountConfirm(ctx context.Context, a *app, o confirmOptions) error {
	metadata, err := metadataFlag(o.metadata)
	if err != nil {
		return err
	}
	s, client, err := a.outsider(ctx, o.username)
	if err != nil {
		return err
	}
	code, err := s.code(ctx, wantedCode{
		operand: o.code, operation: "CONFIRM_SIGN_UP", command: []string{"account", "confirm", s.user},
		prompt: "The code that was sent to " + s.user + ": ",
	})
	if err != nil {
		return err
	}
	err = a.untilTaken(ctx, func() error {
		return client.ConfirmSignUp(ctx, auth.Confirmation{Username: s.user, Code: code.value, Force: o.forceAlias, Metadata: metadata})
	}, map[string]*answer{"CodeMismatchException": code})
	if err != nil {
		resend := s.next("account", "resend", s.user)
		return s.told(err, map[string]string{
			"CodeMismatchException": "the code of the newest message counts; " + resend + " sends another",
			"ExpiredCodeException":  resend + " sends a new one (Cognito says this also of a user that does not exist)",
			"AliasExistsException":  "to take the address over: " + s.next("account", "confirm", s.user, "CODE", "--force-alias"),
			lostReply:               s.next("login", "--username", s.user) + " tells: a confirmed user can sign in",
		})
	}
	if err := s.forgive(ctx); err != nil {
		return err
	}
	a.note("%s is confirmed: %s", s.user, s.next("login", "--username", s.user))
	return nil
}

type sendOptions struct {
	username string
	metadata []string
	out      jsonOutput
}

// sender completes a command that has Cognito send a code to a user.
func sender(cmd *cobra.Command, run func(context.Context, sendOptions) error) *cobra.Command {
	var o sendOptions
	cmd.Args = withUser(operands(0, 1))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.username = operand(args, 0)
		return run(cmd.Context(), o)
	}
	addMetadata(cmd, &o.metadata)
	o.out.flags(cmd, "print JSON, and ask nothing")
	return cmd
}

func newAccountResend(a *app) *cobra.Command {
	return sender(&cobra.Command{
		Use:   "resend [USERNAME]",
		Short: "Send the code of a sign-up again",
		Long: `Send the code of a sign-up again; the one before is void. Where the app client
hides which users exist, Cognito says that it sent a code to any name.`,
		Example: "  cogctl account resend unconfirmed",
	}, func(ctx context.Context, o sendOptions) error { return runAccountResend(ctx, a, o) })
}

func runAccountResend(ctx context.Context, a *app, o sendOptions) error {
	metadata, err := metadataFlag(o.metadata)
	if err != nil {
		return err
	}
	s, client, err := a.outsider(ctx, o.username)
	if err != nil {
		return err
	}
	sent, err := client.ResendCode(ctx, s.user, metadata)
	if err != nil {
		return s.told(err, map[string]string{lostReply: "look for the code before asking for another: a new one makes it void"})
	}
	if sent != nil {
		a.note("%s: %s", wentTo(*sent), s.next("account", "confirm", s.user))
	}
	if o.out.wanted() {
		return a.printAnswer(ctx, &o.out, sentReport{s.user, sent})
	}
	return nil
}
