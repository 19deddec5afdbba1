package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/importer"
	"github.com/cogctl/cogctl/internal/redact"
)

type importOptions struct {
	fromPool  string
	secretRef string
	yes       bool
	replace   bool
	dryRun    bool
	asJSON    bool
}

func newProfileImport(a *app) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE|URL|- [NAME]",
		Short: "Make a profile of what another tool knows about the user pool",
		Long: `Make a profile of a file that another tool wrote, of an issuer's discovery
document, or of the user pool itself. Unless NAME is given it is "default", or what
an exported profile is called; the rest of config.toml stays as it is, comments too.

Read are amplify_outputs.json; aws-exports.js and amplifyconfiguration.json;
terraform output -json; aws cloudformation describe-stacks; cdk-outputs.json of
cdk deploy --outputs-file; a plain map of keys and values; what cogctl profile
export prints; and the URL of an OpenID Connect issuer. JavaScript is read as an
object literal and never run. A - reads standard input.

--from-pool ID asks the user pool, with your AWS credentials, which need
cognito-idp:DescribeUserPool, ListUserPoolClients and DescribeUserPoolClient.

Where two values fit, a person is asked; elsewhere the flag of that setting
decides, such as --client-id. A flag outranks what is found. Secrets are never
written: --client-secret-ref env:NAME says where the client secret will be.

On a terminal what was found is shown first, and you are asked. A profile that is
there already is only changed with --replace: in place, with what was found. What
belonged to another user pool or app client goes, and so do secrets that would be
sent to another domain or server than before.`,
		Example: `  cogctl profile export > dev.toml && cogctl profile import dev.toml copy
  echo '{"userPoolId": "us-east-1_Ab12Cd34E", "clientId": "2iqdo52jkqg0q2cqbe76qah08a"}' | cogctl profile import - plain
  cogctl profile import dev.toml other --dry-run`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.fromPool != "" {
				return operands(0, 1)(cmd, args)
			}
			return operands(1, 2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runProfileImport(cmd.Context(), a, o, args) },
	}
	cmd.Flags().StringVar(&o.fromPool, "from-pool", "", "id of a user pool to ask, with your AWS credentials")
	cmd.Flags().StringVar(&o.secretRef, "client-secret-ref", "", "where the client secret is: env:NAME, file:PATH or cmd:COMMAND")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "write without asking")
	cmd.Flags().BoolVar(&o.replace, "replace", false, "change a profile of that name that is there")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the profile and write nothing")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print what was found as JSON")
	return cmd
}

// imported is one import on its way into the file.
type imported struct {
	app    *app
	source string // as the user named it
	found  importer.Found
	from   map[string]string // key -> where it was found
	draft  config.Draft
	drop   []string // keys of the old profile that go
	path   string   // of config.toml
	exists bool     // the profile
	secret bool     // the app client has one
}

func runProfileImport(ctx context.Context, a *app, o importOptions, args []string) error {
	if err := checkSecretRef(o.secretRef); err != nil {
		return err
	}
	i := &imported{app: a, from: map[string]string{}}
	file, err := a.configFile()
	if err != nil {
		return err
	}
	i.path = file.Path()
	if err := i.gather(ctx, o, args); err != nil {
		return err
	}
	if err := i.against(file, o); err != nil {
		return err
	}
	if err := i.addSecretRef(o.secretRef); err != nil {
		return err
	}
	i.warnElsewhere()
	if o.dryRun {
		return i.print(o.asJSON, false)
	}
	if a.present() && !o.yes {
		i.show()
		if err := a.agree(ctx, fmt.Sprintf("Write the profile %q to %s?", i.draft.Name, i.path), "nothing was written"); err != nil {
			return err
		}
	}
	if err := i.write(len(file.Names()) == 0); err != nil {
		return err
	}
	if o.asJSON {
		return i.print(true, true)
	}
	return nil
}

// checkSecretRef wants a reference that can be resolved.
func checkSecretRef(ref string) error {
	scheme, rest, _ := strings.Cut(ref, ":")
	if ref == "" || rest != "" && slices.Contains([]string{"env", "file", "cmd"}, scheme) {
		return nil
	}
	return hinted(usagef("--client-secret-ref is no reference: a secret on the command line is seen by everybody on this machine"),
		"give --client-secret-ref env:NAME, file:PATH or cmd:COMMAND")
}

// gather reads the source and makes the draft of it.
func (i *imported) gather(ctx context.Context, o importOptions, args []string) error {
	name := ""
	if o.fromPool == "" {
		i.source, args = args[0], args[1:]
	}
	if len(args) > 0 {
		name = args[0]
		if err := config.CheckName(name); err != nil {
			return usagef("profile %w", err)
		}
	}
	var err error
	if o.fromPool != "" {
		i.source = "the user pool " + o.fromPool
		err = i.readPool(ctx, o.fromPool)
	} else {
		i.found, err = i.app.readSource(ctx, i.source)
		i.app.redactor.Add(i.found.Secrets...)
		i.secret = len(i.found.Secrets) > 0
	}
	if err != nil {
		return err
	}
	if i.found.Profile != nil {
		i.draft = *i.found.Profile
		i.secret = slices.ContainsFunc(i.draft.Omitted, func(omitted config.Omission) bool { return omitted.Key == "client_secret" })
	}
	switch {
	case name != "":
		i.draft.Name = name
	case i.draft.Name == "":
		i.draft.Name = "default"
	}
	return i.fill(ctx)
}

// against settles what becomes of a profile that is there already.
func (i *imported) against(file *config.File, o importOptions) error {
	name := i.draft.Name
	if i.exists = file.Has(name); !i.exists {
		return nil
	}
	if !o.replace {
		return hinted(usagef("profile %q is already in %s", name, i.path), "another NAME makes another profile; --replace changes this one")
	}
	old, err := file.Export(name)
	if err != nil {
		return hinted(withCode(exitUsage, err), "cogctl profile edit")
	}
	for _, key := range []string{"user_pool_id", "client_id", "issuer"} {
		before, had := old.Get(key)
		if after, has := i.draft.Get(key); had && has && !slices.Equal(before, after) {
			i.dropRest()
			break
		}
	}
	i.dropSecrets(old)
	return nil
}

// dropSecrets takes out of the old profile the secrets that would go to another place
// than before because the source says so.
func (i *imported) dropSecrets(old config.Draft) {
	type place struct {
		key     string
		secrets []string
	}
	places := []place{
		{"domain", []string{"client_secret"}},
		{"endpoints.user_pool", []string{"client_secret", "password", "new_password", "mfa_code", "totp_secret"}},
	}
	for _, setting := range i.draft.Settings() {
		if api, isURL := strings.CutSuffix(setting.Key(), ".url"); isURL {
			places = append(places, place{setting.Key(), []string{api + ".key"}})
		}
	}
	for _, place := range places {
		path := strings.Split(place.key, ".")
		before, _ := old.Get(path...)
		if after, has := i.draft.Get(path...); !has || slices.Equal(before, after) {
			continue
		}
		for _, key := range place.secrets {
			if _, has := i.draft.Get(strings.Split(key, ".")...); !has && !slices.Contains(i.drop, key) {
				i.drop = append(i.drop, key)
			}
		}
	}
}

// dropRest takes out of the old profile what belonged to another user pool or app
// client. A client secret sent to the wrong one is given away.
func (i *imported) dropRest() {
	for _, key := range []string{"region", "user_pool_id", "client_id", "client_secret", "domain", "issuer", "identity_pool_id", "scopes", "callback_urls"} {
		if _, has := i.draft.Get(key); !has {
			i.drop = append(i.drop, key)
		}
	}
}

// addSecretRef writes where the secret is, or says how to.
func (i *imported) addSecretRef(ref string) error {
	i.drop = slices.DeleteFunc(i.drop, func(key string) bool { return ref != "" && key == "client_secret" })
	switch {
	case ref != "":
		return withCode(exitUsage, i.draft.Set([]string{"client_secret"}, ref))
	case i.secret:
		i.app.warn("the app client has a secret, which is not written down: say where it is with --client-secret-ref env:NAME (or file:PATH, cmd:COMMAND), or set COGCTL_CLIENT_SECRET")
	}
	if _, found := i.draft.Get("client_id"); !found {
		i.app.warn(fmt.Sprintf("no app client id in %s: give it with --client-id", i.source))
	}
	return nil
}

func (i *imported) write(first bool) error {
	var err error
	if i.exists {
		err = config.Update(i.path, i.draft, i.drop...)
	} else {
		err = config.Add(i.path, i.draft, first)
	}
	if err != nil {
		return configError(err)
	}
	i.app.note("wrote the profile %q to %s; cogctl login --profile %s", i.draft.Name, i.path, i.draft.Name)
	return nil
}

// show tells a person what was found, before it is written.
func (i *imported) show() {
	w := tabwriter.NewWriter(i.app.redactedStderr(), 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %s\n", cell(i.source), cell(i.found.Format))
	for _, s := range i.draft.Settings() {
		line := strings.Join(s.Values, " ")
		if from := i.from[s.Key()]; from != "" {
			line += "\t(" + from + ")"
		}
		fmt.Fprintf(w, "  %s\t%s\n", cell(s.Key()), strings.ReplaceAll(redact.Visible(line), "\n", " "))
	}
	for _, key := range i.drop {
		fmt.Fprintf(w, "  %s\tgoes, where it is there: it belongs to another user pool, app client or server\n", key)
	}
	for _, omitted := range i.draft.Omitted {
		fmt.Fprintf(w, "  %s\tleft out, %s\n", cell(omitted.Key), cell(omitted.Why))
	}
	for _, left := range i.found.LeftOut {
		fmt.Fprintf(w, "  left out\t%s\n", cell(left))
	}
	_ = w.Flush()
}

// foundSetting is one setting in the JSON of an import.
type foundSetting struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
	From   string   `json:"from,omitempty"`
}

// print puts the profile on standard output.
func (i *imported) print(asJSON, written bool) error {
	if !asJSON {
		return i.app.println(strings.TrimRight(i.draft.TOML(), "\n"))
	}
	settings := []foundSetting{}
	for _, s := range i.draft.Settings() {
		settings = append(settings, foundSetting{s.Key(), s.Values, i.from[s.Key()]})
	}
	leftOut := slices.Clone(i.found.LeftOut)
	for _, omitted := range i.draft.Omitted {
		leftOut = append(leftOut, omitted.Key+": "+omitted.Why)
	}
	return i.app.printJSON(map[string]any{
		"profile": i.draft.Name, "source": i.source, "format": i.found.Format, "settings": settings,
		"left_out": append([]string{}, leftOut...), "dropped": append([]string{}, i.drop...),
		"has_client_secret": i.secret, "written": written, "path": i.path,
	})
}

// present tells whether somebody is there to answer, also where the profile in
// use is broken, and without a word about it: these commands put it right.
func (a *app) present() bool {
	if file, err := a.configFile(); err == nil {
		if p, _, err := file.Resolve(config.Inputs{Flags: a.flags, Getenv: a.getenv}); err == nil {
			return a.person(p)
		}
	}
	return a.terminal.person(a.flags["no_input"] == "true" || a.getenv("COGCTL_NO_INPUT") != "")
}

// agree asks a question to which return means yes. No is an error that says what
// did not happen.
func (a *app) agree(ctx context.Context, question, otherwise string) error {
	answer, err := a.terminal.askOptional(ctx, redact.Visible(question)+" [Y/n] ")
	if err != nil {
		return err
	}
	if answer == "" || strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes") {
		return nil
	}
	return errors.New(otherwise)
}
