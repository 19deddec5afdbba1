package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/redact"
)

func newProfileExport(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export [NAME]",
		Short: "Print a profile for somebody else, without secrets",
		Long: `Print a profile, the one in use unless NAME is given, with what it inherits. A
reference to a secret stays one; a secret that stands in the file itself is left
out. cogctl profile import reads what is printed, but for the references: where
secrets are is for each machine to say.`,
		Example:           "  cogctl profile export\n  cogctl profile export backend --json",
		Args:              operands(0, 1),
		ValidArgsFunction: a.completeProfiles,
		RunE:              func(_ *cobra.Command, args []string) error { return runProfileExport(a, args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func runProfileExport(a *app, args []string, asJSON bool) error {
	file, err := a.configFile()
	if err != nil {
		return err
	}
	name := a.inUse(file)
	if len(args) > 0 {
		name = args[0]
	}
	if name == "" {
		return hinted(usagef("no profile to export: none is in use"), "cogctl profile list; cogctl profile export NAME")
	}
	d, err := file.Export(name)
	if err != nil {
		return withCode(exitUsage, err)
	}
	if asJSON {
		return a.printJSON(map[string]any{"profiles": map[string]any{name: d.Tree()}})
	}
	_, err = fmt.Fprint(a.foreign(), d.TOML())
	return writeFailed(err)
}

// inUse is the profile that a command would use.
func (a *app) inUse(file *config.File) string {
	if name := a.flags["profile"]; name != "" {
		return name
	}
	if name := a.getenv("COGCTL_PROFILE"); name != "" {
		return name
	}
	return file.Default()
}

func newProfileDelete(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Take a profile out of config.toml",
		Long: `Take a profile out of config.toml, with the comments that touch it. One that
others inherit from stays. Sessions of the profile are kept, signed in: end them
first with cogctl logout --profile NAME.`,
		Example:           "  cogctl profile delete backend --yes",
		Args:              operands(1, 1),
		ValidArgsFunction: a.completeProfiles,
		RunE:              func(cmd *cobra.Command, args []string) error { return runProfileDelete(cmd.Context(), a, args[0], yes) },
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "delete without asking")
	return cmd
}

func runProfileDelete(ctx context.Context, a *app, name string, yes bool) error {
	file, err := a.configFile()
	if err != nil {
		return err
	}
	switch heirs := file.Heirs(name); {
	case !file.Has(name):
		return withCode(exitUsage, &config.UnknownProfileError{Name: name, Path: file.Path(), Names: file.Names()})
	case len(heirs) > 0:
		return hinted(usagef("profile %q is inherited by %s", name, strings.Join(heirs, ", ")), "cogctl profile edit changes these first")
	}
	if !yes {
		if !a.present() {
			return withCode(exitNeeded, hinted(fmt.Errorf("delete the profile %q: nobody is there to confirm it", name), "cogctl profile delete %s --yes", name))
		}
		a.note("sessions of the profile %q are kept, signed in; cogctl logout --profile %s ends them first", name, name)
		if err := a.confirm(ctx, fmt.Sprintf("Delete the profile %q from %s?", name, file.Path()), "nothing was deleted"); err != nil {
			return err
		}
	}
	wasDefault := file.Default() == name
	if err := config.Delete(file.Path(), name); err != nil {
		return configError(err)
	}
	a.note("deleted the profile %q; its sessions are kept", name)
	if left, err := a.configFile(); wasDefault && err == nil && left.Default() == "" && len(left.Names()) > 0 {
		a.note("no profile is the default one now: cogctl profile use NAME, of %s", strings.Join(left.Names(), ", "))
	}
	return nil
}

// confirm asks a question to which only a yes means yes.
func (a *app) confirm(ctx context.Context, question, otherwise string) error {
	answer, err := a.terminal.askOptional(ctx, redact.Visible(question)+" [y/N] ")
	if err != nil {
		return err
	}
	if strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes") {
		return nil
	}
	return errors.New(otherwise)
}
