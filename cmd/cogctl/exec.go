package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/config"
)

// execVariable tells cogctl exec that it runs in another: whose credentials a program
// had there would be anybody's guess.
const execVariable = "COGCTL_EXEC"

type execOptions struct {
	aws   awsOptions
	serve bool
	kind  string
}

func newExec(a *app) *cobra.Command {
	var o execOptions
	cmd := &cobra.Command{
		Use:   "exec [--serve] -- CMD...",
		Short: "Run a program with AWS credentials and the token",
		Long: `Run a program with what the profile gives in its environment: AWS credentials, where
the profile has an identity pool or --aws is given, and in COGCTL_TOKEN the token that
cogctl call would send, where the profile has a user pool or an issuer.

Other AWS credentials are taken out of its environment first: keys, AWS_PROFILE,
AWS_ROLE_*, AWS_WEB_IDENTITY_*, AWS_CONTAINER_*. AWS_REGION is the profile's region
unless one is set. None of cogctl's own secrets are handed on.

Credentials in the environment end, within an hour as a rule. With --serve, the
program finds an address of this machine instead, from which the AWS SDKs and the AWS
CLI fetch credentials that are good, for as long as it runs. A default profile of
~/.aws that has credentials would come first, and is hidden from it. COGCTL_TOKEN,
which cannot be renewed either, is then given only with --type; cogctl token prints
one that is good.

The exit code is the program's: 128 and the signal's number when a signal ended it,
126 when it cannot be run, 127 when it is not found.`,
		Example: `  cogctl exec -- env
  cogctl exec --serve -- sh -c 'test -n "$AWS_CONTAINER_CREDENTIALS_FULL_URI"'
  cogctl exec --guest -- sh -c 'test -z "$COGCTL_TOKEN"'`,
		RunE: func(cmd *cobra.Command, args []string) error { return runExec(cmd.Context(), a, o, args) },
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 || cmd.ArgsLenAtDash() != 0 {
			return hinted(usagef("the command goes after --"), "cogctl exec -- %s", cmp.Or(strings.Join(args, " "), "CMD"))
		}
		return nil
	}
	cmd.Flags().SetInterspersed(false) // the flags of a CMD without -- are not ours to blame
	o.aws.flags(cmd)
	cmd.Flags().BoolVar(&o.serve, "serve", false, "serve AWS credentials that are renewed, from an address of this machine")
	cmd.Flags().StringVar(&o.kind, "type", "", "which token COGCTL_TOKEN is: id or access")
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"id", "access"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runExec(ctx context.Context, a *app, o execOptions, command []string) error {
	if outer := a.getenv(execVariable); outer != "" {
		return hinted(usagef("this runs in cogctl exec already (profile %s)", outer), "run it outside, or with %s taken out of the environment", execVariable)
	}
	if o.kind != "" {
		if err := oneOf("type", o.kind, "id", "access"); err != nil {
			return err
		}
	}
	path, err := resolveCommand(command[0])
	if err != nil {
		return err
	}
	p, err := a.profile()
	if err != nil {
		return err
	}
	source, err := a.execSource(p, o)
	if err != nil {
		return err
	}
	environ := a.programEnviron()
	if source != nil {
		environ = withoutAWS(environ)
	}
	token, err := a.execToken(ctx, p, o)
	if err != nil {
		return err
	}
	environ = append(environ, token...)
	environ = append(environ, execVariable+"="+cmp.Or(p.Name(), noProfile))
	if o.serve {
		return a.serveChild(ctx, served{source: source, path: path, command: command, environ: withRegion(environ, p)})
	}
	if source != nil {
		credentials, err := source(ctx)
		if err != nil {
			return err
		}
		environ = append(withRegion(environ, p), staticVariables(credentials)...)
	}
	return a.replace(ctx, path, command, environ)
}

// execSource is where the program's AWS credentials come from; nil when it shall find
// its own.
func (a *app) execSource(p *config.Profile, o execOptions) (awscred.Source, error) {
	if !p.Get("identity_pool_id").Set() && o.aws == (awsOptions{}) {
		switch {
		case o.serve:
			return nil, hinted(usagef("--serve: the profile has no identity pool to serve credentials of"),
				"set identity_pool_id (COGCTL_IDENTITY_POOL_ID), or serve your own: --aws")
		case !a.hasToken(p):
			return nil, hinted(usagef("the profile has neither a user pool nor an identity pool: there is nothing to give"),
				"set user_pool_id and client_id, or identity_pool_id, or give your own AWS credentials: --aws")
		}
		return nil, nil
	}
	source, from, err := a.awsSource(p, o.aws)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (awscred.Credentials, error) {
		found, err := source(ctx)
		if err != nil {
			return found, err
		}
		if err := found.Check(); err != nil {
			return awscred.Credentials{}, fmt.Errorf("%s: %w", from, err)
		}
		return found, nil
	}, nil
}

// hasToken tells whether there is somebody or something to have a token of.
func (a *app) hasToken(p *config.Profile) bool {
	return a.getenv("COGCTL_TOKEN") != "" || p.Get("user_pool_id").Set() || p.Get("issuer").Set() || p.Get("domain").Set()
}

// execToken is the variable with the token; none for guests and, unless it is asked
// for, beside credentials that outlive it.
func (a *app) execToken(ctx context.Context, p *config.Profile, o execOptions) ([]string, error) {
	guest := o.aws.guest || p.Get("identity_pool.guest").Bool() || !a.hasToken(p)
	switch {
	case o.kind != "" && guest:
		return nil, usagef("--type: a guest has no token")
	case guest, o.serve && o.kind == "":
		return nil, nil
	}
	token, err := a.token(ctx, wanted{kind: o.kind, min: margin})
	if err != nil {
		return nil, err
	}
	return []string{"COGCTL_TOKEN=" + token.Raw}, nil
}

// withoutAWS takes every way to AWS credentials out of an environment. Names are
// compared without regard to case, as Windows does.
func withoutAWS(environ []string) []string {
	dropped := []string{
		"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
		"AWS_CREDENTIAL_EXPIRATION", "AWS_CREDENTIAL_FILE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCOUNT_ID", "AWS_SESSION_NAME",
		"AMAZON_SECRET_ACCESS_KEY", "AMAZON_ACCESS_KEY_ID", "AWS_SESSION_EXPIRATION", "AWS_X_SECURITY_TOKEN_EXPIRATION",
	}
	// AWS_BEARER_TOKEN_BEDROCK and its like outrank every key where they are taken:
	// https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
	families := []string{"AWS_WEB_IDENTITY_", "AWS_ROLE_", "AWS_CONTAINER_", "AWS_BEARER_TOKEN_"}
	return slices.DeleteFunc(environ, func(entry string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(entry), "=")
		return slices.Contains(dropped, name) || slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(name, f) })
	})
}

// withRegion names the profile's region where no other is set.
func withRegion(environ []string, p *config.Profile) []string {
	region := p.Get("region").Text
	set := slices.ContainsFunc(environ, func(entry string) bool {
		name, value, _ := strings.Cut(strings.ToUpper(entry), "=")
		return (name == "AWS_REGION" || name == "AWS_DEFAULT_REGION") && value != ""
	})
	if region == "" || set {
		return environ
	}
	return append(environ, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region)
}

// staticVariables are credentials as the SDKs and the AWS CLI find them in the
// environment.
func staticVariables(c awscred.Credentials) []string {
	var variables []string
	for _, v := range credentialVariables(c) {
		variables = append(variables, v[0]+"="+v[1])
	}
	if c.AccountID != "" {
		variables = append(variables, "AWS_ACCOUNT_ID="+c.AccountID)
	}
	return variables
}
