package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/redact"
)

func newAccountMFA(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "mfa",
		Short:   "Show, switch on and switch off one's own second factors",
		Long:    "Show, switch on and switch off the second factors of whoever is signed in: totp\n(an authenticator app), sms and email. Each leaves the others as they are.",
		Example: "  cogctl account mfa status",
		Args:    subcommandOnly,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAccountMFAStatus(a), newAccountMFAEnable(a), newAccountMFADisable(a))
	return cmd
}

func newAccountMFAStatus(a *app) *cobra.Command {
	var out jsonOutput
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show one's own second factors, and what a sign-in may begin with",
		Long:    "Show the second factors that are switched on, the preferred one, and what a\nchoice-based sign-in may begin with.",
		Example: "  cogctl account mfa status\n  cogctl account mfa status --jq .preferred_mfa",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runAccountMFAStatus(cmd.Context(), a, &out) },
	}
	out.flags(cmd, "print JSON")
	return cmd
}

func runAccountMFAStatus(ctx context.Context, a *app, out *jsonOutput) error {
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	var factors auth.Factors
	err = m.act(ctx, func(account auth.Account) (err error) {
		factors, err = account.Factors(ctx)
		return err
	})
	switch {
	case err != nil:
		return m.told(err, m.goneHint())
	case out.wanted():
		return a.printAnswer(ctx, out, factors)
	}
	return a.table(factorRows(factors))
}

type mfaOptions struct {
	factor      auth.Factor
	preferred   bool
	printSecret bool
	deviceName  string
	out         jsonOutput
}

func newAccountMFAEnable(a *app) *cobra.Command {
	var o mfaOptions
	cmd := &cobra.Command{
		Use:   "enable totp|sms|email",
		Short: "Switch on a second factor",
		Long: `Switch on a second factor. sms needs a phone number, email a verified address.

totp shows a person a new secret, as a QR code and to be typed, and asks for the
app's code. With --print-secret the secret is printed on standard output instead
and its first code is computed here: for a machine that signs in with
COGCTL_TOTP_SECRET. The secret is printed before it counts, so that a secret that
nobody saw locks nobody out: it counts when the exit code is 0. A secret from
before is void then.`,
		Example: `  COGCTL_TOTP_SECRET=$(cogctl account mfa enable totp --preferred --print-secret)
  cogctl account mfa enable email`,
		Args:              operands(1, 1),
		ValidArgsFunction: completeWords("totp", "sms", "email"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.factor = auth.Factor(args[0])
			return runAccountMFAEnable(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVar(&o.preferred, "preferred", false, "make it the one that a sign-in asks for")
	cmd.Flags().BoolVar(&o.printSecret, "print-secret", false, "of totp: print the secret, and verify it without asking")
	o.out.flags(cmd, "with --print-secret: print JSON with the secret and the otpauth link")
	cmd.Flags().StringVar(&o.deviceName, "device-name", "", "of totp: a name for the authenticator")
	return cmd
}

func (o mfaOptions) check() error {
	if !slices.Contains(switchable, o.factor) {
		return usagef("%q is not one of totp, sms, email", o.factor)
	}
	if o.factor != auth.FactorTOTP && (o.printSecret || o.deviceName != "") {
		return usagef("--print-secret and --device-name are for totp")
	}
	if o.out.wanted() && !o.printSecret {
		return usagef("--json and --jq go with --print-secret")
	}
	return nil
}

// switchable are the factors that a user can switch.
var switchable = []auth.Factor{auth.FactorTOTP, auth.FactorSMS, auth.FactorEmail}

func runAccountMFAEnable(ctx context.Context, a *app, o mfaOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	if o.factor == auth.FactorTOTP && !o.printSecret && !a.person(m.profile) {
		nobody := fmt.Errorf("enable totp for %s: nobody is there to put the secret into an app", m.user)
		return withCode(exitNeeded, hinted(nobody, "%s prints it and needs nobody", m.next("account", "mfa", "enable", "totp", "--print-secret")))
	}
	var before auth.User
	err = m.act(ctx, func(account auth.Account) (err error) {
		before, err = account.User(ctx)
		return err
	})
	if err != nil {
		return m.told(err, m.goneHint())
	}
	if o.factor == auth.FactorTOTP {
		if err := m.enrol(ctx, o); err != nil {
			return m.told(err, m.totpHints())
		}
	}
	changes := switchOn(o.factor, o.preferred, before.Preferred)
	err = m.act(ctx, func(account auth.Account) error { return account.SetMFA(ctx, changes...) })
	if err != nil {
		hints := m.goneHint()
		hints["InvalidParameterException"] = "sms needs a phone_number and email a verified address (" + m.next("account", "get") +
			"), and the user pool must have the factor"
		return m.told(err, hints)
	}
	a.note("%s is switched on for %s", o.factor, m.user)
	return nil
}

// switchOn returns the changes that switch one factor on. The others stay as they are, but
// only one can be preferred: where the new one shall be, the one that was preferred before
// is changed, too.
func switchOn(factor auth.Factor, preferred bool, before auth.Factor) []auth.MFAChange {
	changes := []auth.MFAChange{{Factor: factor, Enabled: true, Preferred: preferred || before == factor}}
	if preferred && before != factor && slices.Contains(switchable, before) {
		changes = append(changes, auth.MFAChange{Factor: before, Enabled: true})
	}
	return changes
}

func (m *member) totpHints() map[string]string {
	hints := m.goneHint()
	wrong := "the app's newest code counts, and the clock of its machine must be right: " + m.next("account", "mfa", "enable", "totp")
	for _, code := range []string{"EnableSoftwareTokenMFAException", "CodeMismatchException", "ExpiredCodeException"} {
		hints[code] = wrong
	}
	hints["SoftwareTokenMFANotFoundException"] = "the user pool has to offer authenticator apps (MFA settings)"
	hints[lostReply] = "do it again: until a secret is verified for sure, the new one may count or the one before"
	return hints
}

// totpReport is the JSON of a printed secret; its members are stable.
type totpReport struct {
	Secret string `json:"secret"`
	Link   string `json:"link"` // otpauth://
}

// enrol shows a person a new secret for an authenticator app and proves it to Cognito with
// the code that they type. With --print-secret enrolHere does the same without a person.
func (m *member) enrol(ctx context.Context, o mfaOptions) error {
	var fresh auth.TOTPSecret
	err := m.act(ctx, func(account auth.Account) (err error) {
		fresh, err = account.NewTOTP(ctx)
		return err
	})
	if err != nil {
		return err
	}
	m.app.redactor.Add(fresh.Secret)
	if o.printSecret {
		return m.enrolHere(ctx, o, fresh)
	}
	m.showAuthenticator(m.user, fresh.Secret)
	ask := func(ctx context.Context) (string, error) {
		typed, err := m.app.terminal.ask(ctx, redact.Visible(fmt.Sprintf("The code that the app shows for %s: ", m.user)))
		if err != nil {
			return "", err
		}
		return m.app.cleanCode(typed)
	}
	code, err := ask(ctx)
	if err != nil {
		return err
	}
	typed := &answer{code, ask}
	err = m.app.untilTaken(ctx, func() error { return m.verifyTOTP(ctx, typed.value, o.deviceName) },
		map[string]*answer{"EnableSoftwareTokenMFAException": typed, "CodeMismatchException": typed, "InvalidParameterException": typed})
	if err != nil {
		return err
	}
	return m.noteUsed(ctx, fresh.Secret, typed.value)
}

// enrolHere prints a new secret and proves it with a code that it computes itself. A secret
// that could not be printed is not proved, and so never comes into use.
func (m *member) enrolHere(ctx context.Context, o mfaOptions, fresh auth.TOTPSecret) error {
	var err error
	if o.out.wanted() {
		err = m.app.printAnswer(ctx, &o.out, totpReport{fresh.Secret, m.otpauth(m.user, fresh.Secret)})
	} else {
		err = m.app.println(fresh.Secret)
	}
	if err != nil {
		return err
	}
	at := fresh.ServerTime
	if at.IsZero() {
		at = m.app.now()
	}
	step := stepAt(at)
	code, err := totpOf(fresh.Secret, step)
	if err != nil {
		return err
	}
	if err := m.noteStep(ctx, step); err != nil {
		return err
	}
	return m.verifyTOTP(ctx, code, o.deviceName)
}

func (m *member) verifyTOTP(ctx context.Context, code, deviceName string) error {
	return m.act(ctx, func(account auth.Account) error { return account.VerifyTOTP(ctx, code, deviceName) })
}

// noteUsed notes the time step of a code that a person typed, where one of the three around
// now has that code.
func (m *member) noteUsed(ctx context.Context, secret, code string) error {
	now := stepAt(m.app.now())
	for step := now - 1; step <= now+1; step++ {
		if computed, err := totpOf(secret, step); err == nil && computed == code {
			return m.app.unsaved(m.noteStep(ctx, step))
		}
	}
	return nil
}

// noteStep notes the time step of a code, so that a sign-in with the same secret does not
// send the code again: servers take each once. It replaces what was noted of the secret
// before, for which nothing has to wait any more.
func (m *member) noteStep(ctx context.Context, step int64) error {
	steps, err := m.app.usedSteps(m.profile)
	if err != nil {
		return err
	}
	_, err = steps.Update(ctx, m.key(), func(context.Context, usedStep, bool) (usedStep, error) { return usedStep{step}, nil })
	return err
}

func newAccountMFADisable(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "disable totp|sms|email|all",
		Short:             "Switch off a second factor",
		Long:              "Switch off a second factor, or all that are on. A user pool that requires one may\nask for a new one at the next sign-in.",
		Example:           "  cogctl account mfa disable sms\n  cogctl account mfa disable all",
		Args:              operands(1, 1),
		ValidArgsFunction: completeWords("totp", "sms", "email", "all"),
		RunE:              func(cmd *cobra.Command, args []string) error { return runAccountMFADisable(cmd.Context(), a, args[0]) },
	}
}

func runAccountMFADisable(ctx context.Context, a *app, which string) error {
	if which != "all" && !slices.Contains(switchable, auth.Factor(which)) {
		return usagef("%q is not one of totp, sms, email, all", which)
	}
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	var off []string
	err = m.act(ctx, func(account auth.Account) error {
		user, err := account.User(ctx)
		if err != nil {
			return err
		}
		var changes []auth.MFAChange
		off = nil
		for _, factor := range user.MFA {
			if slices.Contains(switchable, factor) && (which == "all" || which == string(factor)) {
				changes, off = append(changes, auth.MFAChange{Factor: factor}), append(off, string(factor))
			}
		}
		if changes == nil {
			return nil
		}
		return account.SetMFA(ctx, changes...)
	})
	switch {
	case err != nil:
		return m.told(err, m.goneHint())
	case off == nil:
		a.note("%s has no such factor switched on", m.user)
	default:
		a.note("%s is switched off for %s", strings.Join(off, ", "), m.user)
	}
	return nil
}
