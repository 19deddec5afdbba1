package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/redact"
)

func newProfile(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "profile",
		Short:   "Write, choose and show profiles",
		Long:    "A profile in config.toml names a user pool, an app client and the APIs behind\nthem. cogctl help config describes the file.",
		Example: "  cogctl profile list\n  cogctl profile show",
		Args:    subcommandOnly,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProfileCreate(a), newProfileUse(a), newProfileList(a), newProfileShow(a),
		newProfileImport(a), newProfileExport(a), newProfileEdit(a), newProfileDelete(a))
	return cmd
}

func newProfileCreate(a *app) *cobra.Command {
	var set []string
	cmd := &cobra.Command{
		Use:     "create NAME",
		Aliases: []string{"configure", "init"},
		Short:   "Write a new profile",
		Long: `Write a new profile to config.toml from the flags given, and from --set for the
keys that have no flag. The rest of the file stays as it is. The first profile
becomes the default one.

A client secret is best a reference that is read when it is needed:
--set client_secret=env:NAME, file:PATH or cmd:COMMAND.`,
		Example: `  cogctl profile create dev --user-pool-id us-east-1_Ab12Cd34E --client-id 2iqdo52jkqg0q2cqbe76qah08
  cogctl profile create ci --user-pool-id us-east-1_Ab12Cd34E --client-id 2iqdo52jkqg0q2cqbe76qah08 --set client_secret=env:CI_SECRET`,
		Args: operands(1, 1),
		RunE: func(_ *cobra.Command, args []string) error { return runProfileCreate(a, args[0], set) },
	}
	cmd.Flags().StringArrayVar(&set, "set", nil, "KEY=VALUE, a key of the profile as in the file; may be repeated")
	return cmd
}

func runProfileCreate(a *app, name string, set []string) error {
	values := map[string]string{}
	for field, value := range a.flags {
		if field != "profile" && field != "debug" && field != "no_input" && field != "color" {
			values[field] = value
		}
	}
	for _, assignment := range set {
		key, value, found := strings.Cut(assignment, "=")
		if !found {
			return usagef("--set %q is not KEY=VALUE", key)
		}
		field := fieldOf(strings.TrimSpace(key))
		if field.Secret && !config.IsReference(value) {
			return hinted(usagef("--set %s: a secret on the command line is seen by everybody on this machine", field.Name),
				"give a reference: --set %s=env:NAME, file:PATH or cmd:COMMAND", field.Name)
		}
		values[field.Name] = value
	}
	path, err := a.configPath()
	if err != nil {
		return err
	}
	file, err := a.configFile()
	if err != nil {
		return err
	}
	if err := config.Create(path, name, values, len(file.Names()) == 0); err != nil {
		return configError(err)
	}
	a.note("wrote the profile %q to %s", name, path)
	return nil
}

// configError tells a file that cannot be written from settings that are wrong.
func configError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return withCode(exitUsage, err)
}

// fieldOf is the setting with that key in the file.
func fieldOf(key string) config.Field {
	for _, field := range config.Fields() {
		if field.Key == key || field.Name == key {
			return field
		}
	}
	return config.Field{Name: key}
}

func newProfileUse(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "use NAME",
		Short:   "Make a profile the default one",
		Example: "  cogctl profile use sandbox",
		Args:    operands(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := a.configPath()
			if err != nil {
				return err
			}
			if variable := a.getenv("COGCTL_PROFILE"); variable != "" && variable != args[0] {
				a.warn("COGCTL_PROFILE is set and outranks it: " + variable)
			}
			return configError(config.Use(path, args[0]))
		},
		ValidArgsFunction: a.completeProfiles,
	}
}

func newProfileList(a *app) *cobra.Command {
	var out jsonOutput
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the profiles",
		Example: "  cogctl profile list",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runProfileList(cmd.Context(), a, &out) },
	}
	out.flags(cmd, "print JSON")
	return cmd
}

func runProfileList(ctx context.Context, a *app, out *jsonOutput) error {
	file, err := a.configFile()
	if err != nil {
		return err
	}
	if out.wanted() {
		return a.printAnswer(ctx, out, map[string]any{"default_profile": file.Default(), "profiles": file.Names()})
	}
	for _, name := range file.Names() {
		mark := "  "
		if name == file.Default() {
			mark = "* "
		}
		if err := a.println(mark + redact.Visible(name)); err != nil {
			return err
		}
	}
	return nil
}

func newProfileShow(a *app) *cobra.Command {
	var out jsonOutput
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show what is in force, and where each value comes from",
		Long: `Show the settings in force with the place each comes from: a flag, an environment
variable, a line of config.toml, or a default. Secrets are not shown.`,
		Example: "  cogctl profile show\n  cogctl profile show --json",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runProfileShow(cmd.Context(), a, &out) },
	}
	out.flags(cmd, "print JSON")
	return cmd
}

// setting is one line of profile show.
type setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

func runProfileShow(ctx context.Context, a *app, out *jsonOutput) error {
	p, err := a.profile()
	if err != nil {
		return err
	}
	settings := []setting{}
	for _, field := range config.Fields() {
		if v := p.Get(field.Name); v.Set() {
			settings = append(settings, setting{field.Name, shown(field, v), v.Origin.Text})
		}
	}
	if out.wanted() {
		return a.printAnswer(ctx, out, map[string]any{"profile": p.Name(), "settings": settings})
	}
	rows := [][2]string{}
	for _, s := range settings {
		rows = append(rows, [2]string{s.Key, fmt.Sprintf("%s  (%s)", s.Value, s.Origin)})
	}
	return a.table(rows)
}

// shown hides a secret; a reference to one is no secret.
func shown(field config.Field, v config.Value) string {
	if field.Secret && !(v.Origin.Kind == config.KindFile && config.IsReference(v.Text)) {
		return "[hidden]"
	}
	return v.Text
}
