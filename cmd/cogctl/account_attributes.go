package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
)

func newAccountGet(a *app) *cobra.Command {
	var out jsonOutput
	cmd := &cobra.Command{
		Use:     "get",
		Short:   "Show one's own attributes and second factors",
		Long:    "Show what Cognito has about whoever is signed in: the attributes that the app\nclient may read, and the second factors.",
		Example: "  cogctl account get\n  cogctl account get --jq .attributes.email",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runAccountGet(cmd.Context(), a, &out) },
	}
	out.flags(cmd, "print JSON")
	return cmd
}

func runAccountGet(ctx context.Context, a *app, out *jsonOutput) error {
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	var user auth.User
	err = m.act(ctx, func(account auth.Account) (err error) {
		user, err = account.User(ctx)
		return err
	})
	switch {
	case err != nil:
		return m.told(err, m.goneHint())
	case out.wanted():
		return a.printAnswer(ctx, out, user)
	}
	rows := [][2]string{{"user", user.Username}}
	for _, name := range slices.Sorted(maps.Keys(user.Attributes)) {
		rows = append(rows, [2]string{name, user.Attributes[name]})
	}
	return a.table(append(rows, factorRows(user.Factors)...))
}

// goneHint is the hint for an account that was deleted while its session here lived on, to be
// passed to told.
func (m *member) goneHint() map[string]string {
	return map[string]string{"UserNotFoundException": "the account is gone; " + m.next("logout") + " forgets its session here"}
}

// factorRows shows the ways in.
func factorRows(f auth.Factors) [][2]string {
	var names []string
	for _, factor := range f.MFA {
		name := string(factor)
		if factor == f.Preferred {
			name += " (preferred)"
		}
		names = append(names, name)
	}
	if names == nil {
		names = []string{"none"}
	}
	rows := [][2]string{{"second factors", strings.Join(names, ", ")}}
	if f.SignIn != nil {
		rows = append(rows, [2]string{"sign in by", strings.Join(f.SignIn, ", ")})
	}
	return rows
}

type updateOptions struct {
	attributes, remove []string
	metadata           []string
	out                jsonOutput
}

func newAccountUpdate(a *app) *cobra.Command {
	var o updateOptions
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Set or delete one's own attributes",
		Long: `Set attributes with -a NAME=VALUE and delete them with --delete NAME. An address that
changes gets a code where the pool verifies it, which cogctl account verify takes.

Tokens made before show the old values: cogctl token refresh brings new ones.`,
		Example: `  cogctl account update -a given_name=Ann -a family_name=Example
  cogctl account update --delete family_name`,
		Args: operands(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return runAccountUpdate(cmd.Context(), a, o) },
	}
	cmd.Flags().StringArrayVarP(&o.attributes, "attribute", "a", nil, "NAME=VALUE to set; may be repeated")
	cmd.Flags().StringArrayVar(&o.remove, "delete", nil, "NAME to delete; may be repeated")
	addMetadata(cmd, &o.metadata)
	o.out.flags(cmd, "print JSON")
	return cmd
}

// updateReport is the JSON of account update; its members are stable.
type updateReport struct {
	Username string          `json:"username"`
	Sent     []auth.Delivery `json:"codes_sent"`
}

func runAccountUpdate(ctx context.Context, a *app, o updateOptions) error {
	attributes, metadata, err := o.read()
	if err != nil {
		return err
	}
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	sent := []auth.Delivery{}
	if len(attributes) > 0 {
		err = m.act(ctx, func(account auth.Account) (err error) {
			sent, err = account.Update(ctx, attributes, metadata)
			return err
		})
	}
	if err == nil && len(o.remove) > 0 {
		err = m.act(ctx, func(account auth.Account) error { return account.DeleteAttributes(ctx, o.remove) })
		if err != nil && len(attributes) > 0 {
			err = fmt.Errorf("%s set, but: %w", auth.Names(attributes), err)
		}
	}
	if err != nil {
		hints := m.goneHint()
		hints["AliasExistsException"] = "another account has this address already"
		hints[lostReply] = m.next("account", "get") + " tells"
		return m.told(err, hints)
	}
	for _, d := range sent {
		a.note("%s: %s", wentTo(d), m.next("account", "verify", d.Attribute))
	}
	if o.out.wanted() {
		return a.printAnswer(ctx, &o.out, updateReport{m.session.Username, sent})
	}
	return nil
}

// read checks what was asked for, before anything is sent.
func (o updateOptions) read() (attributes []auth.Attribute, metadata map[string]string, err error) {
	if len(o.attributes)+len(o.remove) == 0 {
		return nil, nil, hinted(usagef("account update: nothing to do"), "cogctl account update -a given_name=Ann, or --delete NAME")
	}
	if attributes, err = attributeFlags("attribute", o.attributes, auth.ParseAttributes); err != nil {
		return nil, nil, hinted(err, "--delete NAME deletes an attribute")
	}
	for _, name := range o.remove {
		if err := auth.CheckAttributeName(name); err != nil {
			return nil, nil, usagef("--delete: %v", err)
		}
		if slices.ContainsFunc(attributes, func(set auth.Attribute) bool { return set.Name == name }) {
			return nil, nil, usagef("%q is to be set and deleted at once", name)
		}
	}
	metadata, err = metadataFlag(o.metadata)
	return attributes, metadata, err
}

type verifyOptions struct {
	attribute, code string
	send            bool
	sendOptions
}

func newAccountVerify(a *app) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify email|phone_number [CODE|-]",
		Short: "Verify one's own e-mail address or phone number",
		Long: `Verify an address with the code that was sent to it; --send sends one. The code is
the second operand, - for standard input, or COGCTL_ANSWER_VERIFY_USER_ATTRIBUTE;
otherwise it is asked for.`,
		Example: `  cogctl account verify email --send
  cogctl sandbox codes | awk 'END {print $2}' | cogctl account verify email -`,
		Args:              operands(1, 2),
		ValidArgsFunction: completeWords("email", "phone_number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.attribute, o.code = operand(args, 0), operand(args, 1)
			return runAccountVerify(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVar(&o.send, "send", false, "send a code")
	addMetadata(cmd, &o.metadata)
	o.out.flags(cmd, "print JSON, with --send")
	return cmd
}

func runAccountVerify(ctx context.Context, a *app, o verifyOptions) error {
	switch {
	case o.attribute != "email" && o.attribute != "phone_number":
		return usagef("%q cannot be verified: email and phone_number can", o.attribute)
	case o.send && o.code != "":
		return usagef("--send sends a code and CODE takes one: one after the other")
	case !o.send && (o.out.wanted() || len(o.metadata) > 0):
		return usagef("--json, --jq and --metadata go with --send")
	}
	metadata, err := metadataFlag(o.metadata)
	if err != nil {
		return err
	}
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	if o.send {
		return m.sendVerification(ctx, o, metadata)
	}
	code, err := m.code(ctx, wantedCode{
		operand: o.code, operation: "VERIFY_USER_ATTRIBUTE", command: []string{"account", "verify", o.attribute},
		prompt: fmt.Sprintf("The code that was sent to the %s of %s: ", o.attribute, m.user),
	})
	if err != nil {
		return err
	}
	err = a.untilTaken(ctx, func() error {
		return m.act(ctx, func(account auth.Account) error { return account.VerifyAttribute(ctx, o.attribute, code.value) })
	}, map[string]*answer{"CodeMismatchException": code})
	if err != nil {
		again := m.next("account", "verify", o.attribute, "--send")
		hints := m.goneHint()
		hints["CodeMismatchException"] = "the code of the newest message counts; " + again + " sends another"
		hints["ExpiredCodeException"] = again + " sends a new one"
		hints["AliasExistsException"] = "another account has this address already"
		hints[lostReply] = m.next("account", "get") + " tells: " + o.attribute + "_verified"
		return m.told(err, hints)
	}
	a.note("the %s of %s is verified; %s brings tokens that say so", o.attribute, m.user, m.next("token", "refresh"))
	return nil
}

func (m *member) sendVerification(ctx context.Context, o verifyOptions, metadata map[string]string) error {
	var sent *auth.Delivery
	err := m.act(ctx, func(account auth.Account) (err error) {
		sent, err = account.SendCode(ctx, o.attribute, metadata)
		return err
	})
	if err != nil {
		hints := m.goneHint()
		hints["InvalidParameterException"] = m.next("account", "get") + " tells which addresses there are"
		hints[lostReply] = "look for the code before asking for another"
		return m.told(err, hints)
	}
	if sent != nil {
		m.app.note("%s: %s", wentTo(*sent), m.next("account", "verify", o.attribute))
	}
	if o.out.wanted() {
		return m.app.printAnswer(ctx, &o.out, sentReport{m.session.Username, sent})
	}
	return nil
}

func newAccountDelete(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete one's own account, for good",
		Long: `Delete the account of whoever is signed in, for good, and forget the session. A
person is asked to type the username; without one, --yes is needed. With --yes the
account is that of the last sign-in, or the one that --username or COGCTL_USERNAME
names: never one that only the profile names, so that the same line twice does not
go on to another account.`,
		Example: "  cogctl account delete --yes",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runAccountDelete(cmd.Context(), a, yes) },
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "delete without asking")
	return cmd
}

func runAccountDelete(ctx context.Context, a *app, yes bool) error {
	if yes {
		if err := a.meant(); err != nil {
			return err
		}
	}
	m, err := a.member(ctx)
	if err != nil {
		return err
	}
	if !yes {
		if err := m.confirmDeletion(ctx); err != nil {
			return err
		}
	}
	err = m.act(ctx, func(account auth.Account) error { return account.Delete(ctx) })
	if err != nil {
		hints := m.goneHint()
		hints[lostReply] = m.next("account", "get") + " tells"
		return m.told(err, hints)
	}
	if err := m.forget(ctx); err != nil {
		return hinted(fmt.Errorf("the account of %s is deleted, but its session is still here: %w", m.session.Username, err),
			"%s", m.next("logout", "--username", m.user))
	}
	a.note("the account of %s at %s is deleted; tokens handed out before keep working at API Gateway until %s",
		m.session.Username, m.pool.UserPoolID, until(m.session.LastEnd(), a.now()))
	return nil
}

// meant refuses to delete the account of a user whom only the profile names, and neither this
// run nor a sign-in.
func (a *app) meant() error {
	s, _, err := a.whose()
	if err != nil || ofThisRun(s.profile.Get("username")) {
		return err
	}
	if last, err := a.lastSignIn(s.profile, s.pool); err != nil || last.Typed != "" || last.Machine {
		return err
	}
	unnamed := errors.New("delete an account: nobody has signed in, and whose it is must be said")
	return withCode(exitNeeded, hinted(unnamed, "%s, or --username with %s", s.next("login"), s.next("account", "delete", "--yes")))
}

func (m *member) confirmDeletion(ctx context.Context) error {
	if !m.app.person(m.profile) {
		unconfirmed := fmt.Errorf("delete the account of %s: nobody is there to confirm it", m.session.Username)
		return withCode(exitNeeded, hinted(unconfirmed, "%s", m.next("account", "delete", "--yes")))
	}
	name := m.session.Username
	m.app.note("this deletes the account of %s at %s, for good", name, m.pool.UserPoolID)
	typed, err := m.app.terminal.ask(ctx, "Type the username to delete it: ")
	if err != nil {
		return err
	}
	if typed != name && typed != m.user {
		return withCode(exitNeeded, fmt.Errorf("nothing was deleted: %q is not %q", typed, name))
	}
	return nil
}

// forget forgets the session, and that this user was the last to sign in.
func (m *member) forget(ctx context.Context) error {
	if err := m.dir.End(ctx, m.key()); err != nil {
		return err
	}
	last, err := m.app.lastSignIns(m.profile)
	if err != nil {
		return err
	}
	key := lastSignInKey(m.profile, m.pool)
	if was, found, err := last.Read(key); err != nil || !found || was.Typed != m.user {
		return err
	}
	return last.End(ctx, key)
}

// attributeFlags reads a repeatable flag of name=value.
func attributeFlags(flag string, list []string, parse func([]string) ([]auth.Attribute, error)) ([]auth.Attribute, error) {
	attributes, err := parse(list)
	if err != nil {
		return nil, usagef("--%s: %v", flag, err)
	}
	return attributes, nil
}

// metadataFlag reads --metadata; nil when it was not given.
func metadataFlag(list []string) (map[string]string, error) {
	pairs, err := attributeFlags("metadata", list, auth.ParseData)
	if err != nil || len(pairs) == 0 {
		return nil, err
	}
	metadata := map[string]string{}
	for _, p := range pairs {
		metadata[p.Name] = p.Value
	}
	return metadata, nil
}

// addMetadata adds --metadata to a command.
func addMetadata(cmd *cobra.Command, into *[]string) {
	cmd.Flags().StringArrayVar(into, "metadata", nil, "NAME=VALUE for the pool's Lambda triggers (ClientMetadata); may be repeated")
}
