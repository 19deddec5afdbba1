package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/config"
)

type credentialsOptions struct {
	aws        awsOptions
	format     string
	configLine bool
}

func newCredentials(a *app) *cobra.Command {
	var o credentialsOptions
	cmd := &cobra.Command{
		Use:   "credentials",
		Short: "Print AWS credentials for a sign-in, by the identity pool",
		Long: `Print AWS credentials that the profile's identity pool gives for the sign-in, in
the formats of aws configure export-credentials. They are kept until five minutes
before they end, and got once for all who ask at the same time. A profile that has
an identity pool and nothing to sign in to is its guest, as is --guest. Without an
identity pool, and with --aws, they are your own.

The AWS CLI and the SDKs run it by themselves when a profile of ~/.aws/config says
so; --config-line prints the line to paste there. Nothing is ever written there.

It never asks and opens no browser: without a sign-in it exits 4, and it gives up
before the SDKs do, which wait a minute. Values that hold anything but the
characters AWS uses are refused, so that no output can be a command.

In config.toml:

  identity_pool_id = "us-east-1:11112222-3333-4444-5555-666677778888"
  [profiles.dev.identity_pool]
  role = "arn:aws:iam::123456789012:role/Reader"   # one of several
  flow = "basic"                                   # the classic flow, by STS
  [profiles.dev.logins]                            # instead of dev's own sign-in
  "accounts.google.com" = "cmd:gcloud auth print-identity-token"
  "login.example.com" = "profile:example"          # that profile's sign-in`,
		Example: `  cogctl credentials --config-line`,
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runCredentials(cmd.Context(), a, o) },
	}
	o.aws.flags(cmd)
	cmd.Flags().StringVar(&o.format, "format", "process", "process, env, env-no-export, powershell, windows-cmd or fish")
	cmd.Flags().BoolVar(&o.configLine, "config-line", false, "print the line for ~/.aws/config that runs this command")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(credentialFormats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// credentialFormats are the AWS CLI's, by its names.
func credentialFormats() []string {
	return []string{"process", "env", "env-no-export", "powershell", "windows-cmd", "fish"}
}

// giveUp ends the search for credentials. A session that is on its way into its file
// has ten seconds more, and the SDKs kill a credential_process after 60.
const giveUp = 38 * time.Second

func runCredentials(ctx context.Context, a *app, o credentialsOptions) error {
	if err := oneOf("format", o.format, credentialFormats()...); err != nil {
		return err
	}
	p, err := a.profile()
	if err != nil {
		return err
	}
	source, from, err := a.awsSource(p, o.aws)
	if err != nil {
		return err
	}
	switch {
	case o.configLine && o.format != "process":
		return usagef("--format %s: the line of --config-line runs --format process, the only one that the AWS CLI and the SDKs read", o.format)
	case o.configLine:
		return a.printConfigLine(p, o.aws)
	}
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	found, err := source(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return fmt.Errorf("%s: no credentials after %s: %w", from, giveUp, err)
	}
	if err != nil {
		return err
	}
	text, err := formatCredentials(found, o.format)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return a.print(text)
}

// print writes an answer as it is.
func (a *app) print(text string) error {
	_, err := a.stdout.WriteString(text)
	return writeFailed(err)
}

// formatCredentials renders credentials as the AWS CLI does. Expirations end in Z:
// +00:00, which that writes, is more than some versions of Java read.
func formatCredentials(c awscred.Credentials, format string) (string, error) {
	if err := c.Check(); err != nil {
		return "", err
	}
	if format == "process" {
		return processJSON(c)
	}
	line := map[string]string{
		"env": "export %s=%s\n", "env-no-export": "%s=%s\n", "powershell": "$Env:%s=\"%s\"\n",
		"windows-cmd": "set %s=%s\n", "fish": "set -gx %s %s\n",
	}[format]
	var text strings.Builder
	for _, variable := range credentialVariables(c) {
		fmt.Fprintf(&text, line, variable[0], variable[1])
	}
	return text.String(), nil
}

// credentialVariables are the names and values that the AWS CLI exports.
func credentialVariables(c awscred.Credentials) [][2]string {
	variables := [][2]string{
		{"AWS_ACCESS_KEY_ID", c.AccessKeyID}, {"AWS_SECRET_ACCESS_KEY", c.SecretAccessKey},
		{"AWS_SESSION_TOKEN", c.SessionToken}, {"AWS_CREDENTIAL_EXPIRATION", expiration(c)},
	}
	return slices.DeleteFunc(variables, func(v [2]string) bool { return v[1] == "" })
}

func expiration(c awscred.Credentials) string {
	if c.Expires.IsZero() {
		return ""
	}
	return c.Expires.UTC().Format(time.RFC3339)
}

// processJSON is what a credential_process prints.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
func processJSON(c awscred.Credentials) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Version         int
		AccessKeyId     string
		SecretAccessKey string
		SessionToken    string `json:",omitempty"`
		Expiration      string `json:",omitempty"`
		AccountId       string `json:",omitempty"`
	}{1, c.AccessKeyID, c.SecretAccessKey, c.SessionToken, expiration(c), c.AccountID})
	return text.String(), err
}

// printConfigLine prints what to paste into ~/.aws/config.
func (a *app) printConfigLine(p *config.Profile, o awsOptions) error {
	if o.caller || o.callerProfile != "" || !p.Get("identity_pool_id").Set() {
		return usagef("a line in ~/.aws/config that asks for your own AWS credentials would come back to ~/.aws/config: this is for an identity pool")
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the cogctl program: %w", err)
	}
	words := []string{program, "credentials"}
	if p.Name() != "" {
		words = append(words, "--profile", p.Name())
	}
	// Who runs the line has neither the flags of this command line nor its variables.
	for _, f := range config.Fields() {
		switch v := p.Get(f.Name); {
		case !f.Global || f.Bool || f.Key == "" || f.Name == "api_url":
		case v.Origin.Kind == config.KindFlag, v.Origin.Kind == config.KindEnv:
			words = append(words, "--"+f.Flag, v.Text)
		}
	}
	if o.guest {
		words = append(words, "--guest")
	}
	if o.role != "" {
		words = append(words, "--role", o.role)
	}
	line, err := configLine(words, runtime.GOOS == "windows")
	if err != nil {
		return err
	}
	a.note("below a [profile NAME] of ~/.aws/config, or below [default]:")
	return a.println(line)
}

// configLine writes a command for ~/.aws/config, where three readers take it apart:
// the file's, which cuts comments off and in some SDKs quotes; sh or cmd.exe, which
// most SDKs give it to; and the AWS CLI's own splitting of words. What the three do
// not agree on is refused. Windows knows double quotes only, elsewhere single ones
// leave nothing to interpret.
func configLine(words []string, windows bool) (string, error) {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@+=:,./_-"
	quote, forbidden, bare := "'", "'", plain
	if windows {
		quote, forbidden, bare = `"`, `"%!^&|<>`, plain+`\`
	}
	written := slices.Clone(words)
	for n, word := range words {
		if strings.Trim(word, bare) == "" && word != "" {
			continue
		}
		if strings.ContainsAny(word, forbidden+"#;") || strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", hinted(fmt.Errorf("%q holds a character that the readers of ~/.aws/config take for different things", word),
				"a copy of cogctl in a folder with a simpler name will do, or a symbolic link")
		}
		written[n] = quote + word + quote
	}
	return "credential_process = " + strings.Join(written, " "), nil
}
