package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
)

// builders make cogctl's commands, by the names they answer to.
func builders() map[string]func(*app) *cobra.Command {
	return map[string]func(*app) *cobra.Command{
		"login": newLogin, "logout": newLogout, "status": newStatus, "whoami": newStatus,
		"token": newToken, "call": newCall, "curl": newCall, "sign": newSign, "profile": newProfile,
		"sandbox": newSandbox, "version": newVersion, "account": newAccount, "endpoints": newEndpoints,
		"credentials": newCredentials, "exec": newExec, "can-i": newCanI, "authorize": newCanI,
	}
}

// newRootFor builds the tree for one command line. When its first word is a
// command, that one is enough: building all of them costs every run a fifth of
// its start-up. Help, completion and mistakes need them all.
func newRootFor(a *app, args []string) *cobra.Command {
	if len(args) > 0 {
		if build, found := builders()[args[0]]; found {
			root := newTrunk(a)
			root.CompletionOptions.DisableDefaultCmd = true
			root.AddCommand(build(a))
			exitTwoOnArguments(root)
			return root
		}
	}
	return newRoot(a)
}

// newRoot builds the whole command tree. The tree is all that cobra is used for:
// each command's work is a function that takes the context, the app and its
// options.
func newRoot(a *app) *cobra.Command {
	root := newTrunk(a)
	root.AddCommand(
		newLogin(a), newLogout(a), newStatus(a), newToken(a), newCall(a), newSign(a), newCanI(a), newCredentials(a), newExec(a),
		newAccount(a), newEndpoints(a), newProfile(a), newSandbox(a), newVersion(a),
	)
	root.AddCommand(newTopics()...)
	_ = root.RegisterFlagCompletionFunc("profile", a.completeProfiles)
	root.SetHelpCommand(newHelp())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	exitTwoOnArguments(root)
	return root
}

// newHelp is cobra's help command, but for a name that is none.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Help about any command or topic",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return hinted(usagef("there is no command or topic %q", strings.Join(args, " ")), "cogctl --help lists them")
			}
			return found.Help()
		},
	}
}

// newTrunk is the root without branches: the global flags, and what happens
// before every command.
func newTrunk(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "cogctl",
		Short: "Sign in to Amazon Cognito and call the APIs it protects",
		Long: `cogctl signs people, scripts and CI jobs in to Amazon Cognito, keeps their
tokens, calls the APIs the tokens protect, and says why when it is refused.

No AWS account is needed to try it: the sandbox is a local Cognito and API
Gateway with users to sign in as.`,
		Example: `  cogctl sandbox -- cogctl call GET /myendpoint
  cogctl login --username ann
  cogctl token decode
  cogctl call GET /myendpoint`,
		Version:       version,
		Args:          subcommandOnly,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hinted(usagef("%s: %s", cmd.CommandPath(), flagTrouble(err)), "%s --help", cmd.CommandPath())
	})
	globals := addGlobalFlags(root)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		a.jsonMode = isSet(cmd, "json") && cmd.Name() != "call"
		globals.collect(cmd, a.flags)
		return nil
	}
	return root
}

// isSet tells whether the boolean flag is there and given.
func isSet(cmd *cobra.Command, name string) bool {
	flag := cmd.Flags().Lookup(name)
	return flag != nil && flag.Value.String() == "true"
}

// globalFlags are the flags every command takes, by the field they set.
type globalFlags map[string]string // flag name -> field name

// addGlobalFlags adds a flag for each setting that config says is global.
func addGlobalFlags(root *cobra.Command) globalFlags {
	globals := globalFlags{}
	for _, field := range config.Fields() {
		if !field.Global {
			continue
		}
		globals[field.Flag] = field.Name
		usage := field.Usage
		if field.Env != "" {
			usage += " (" + field.Env + ")"
		}
		if field.Bool {
			root.PersistentFlags().Bool(field.Flag, false, usage)
		} else {
			root.PersistentFlags().String(field.Flag, "", usage)
		}
		root.PersistentFlags().Lookup(field.Flag).Hidden = field.Later
	}
	return globals
}

// collect notes the values that were given.
func (g globalFlags) collect(cmd *cobra.Command, into map[string]string) {
	for flag, field := range g {
		if f := cmd.Flags().Lookup(flag); f != nil && f.Changed {
			into[field] = f.Value.String()
		}
	}
}

// subcommandOnly refuses operands of a command that only groups others: what
// stands there is a mistyped command.
func subcommandOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := usagef("%s has no command %q", cmd.CommandPath(), args[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return hinted(err, "did you mean: %s %s", cmd.CommandPath(), strings.Join(near, ", "))
	}
	return hinted(err, "%s --help lists them", cmd.CommandPath())
}

// flagTrouble says what is wrong with a flag in other words than those of the
// functions that parse its value.
func flagTrouble(err error) string {
	text, why, _ := strings.Cut(err.Error(), "\" flag: ")
	switch {
	case strings.HasPrefix(why, "time: "):
		why = "a duration has a unit, as 90s, 5m and 1h30m have"
	case strings.HasPrefix(why, "strconv."):
		why = "it is no number"
	default:
		return err.Error()
	}
	return text + "\" flag: " + why
}

// operands takes between least and most operands.
func operands(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return hinted(usagef("%s: %s given, it takes %s", cmd.CommandPath(), counted(len(args), "operand"), amount(least, most)),
			"usage: %s", cmd.UseLine())
	}
}

// counted is a number of things: 1 operand, 2 operands.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func amount(least, most int) string {
	switch {
	case most == 0:
		return "none"
	case least == most:
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// exitTwoOnArguments gives every complaint about operands the usage exit code,
// also those of the commands that cobra brings along.
func exitTwoOnArguments(cmd *cobra.Command) {
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.Args = subcommandOnly
		cmd.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			return withCode(exitUsage, check(c, args))
		}
	}
	for _, child := range cmd.Commands() {
		exitTwoOnArguments(child)
	}
}

// oneOf checks a flag that takes one of a few words.
func oneOf(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return usagef("--%s %q is not one of %s", flag, value, strings.Join(words, ", "))
}
