package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/request"
	"github.com/cogctl/cogctl/internal/transport"
)

type callOptions struct {
	requestOptions
	output       request.Output
	auth         string
	expect       string
	location     bool
	maxRedirects int
	dryRun       bool
	errorFormat  string
}

func newCall(a *app) *cobra.Command {
	var o callOptions
	cmd := &cobra.Command{
		Use:     "call [METHOD] URL|PATH",
		Aliases: []string{"curl"},
		Short:   "Call a protected API, curl style",
		Long: `Call an API with the session's token, or signed with AWS credentials. Short flags
mean what they mean to curl. A PATH is appended to the profile's api.url, with or
without a leading slash.

What is sent along is what --auth names, else the profile's api.auth, else the ID
token; for machines and issuers other than Cognito the access token. It goes to the
origin of the profile's api.url (and api.also) or, where the profile has none, to
AWS's own names for APIs of its region; to any other only when --auth-to names the
origin. The profile's API key (api.key, COGCTL_API_KEY) obeys the same rule.

--auth sigv4 signs with the credentials of the profile's identity pool or, with --aws
or without such a pool, with your own. Service and region are read from the host; a
custom domain is taken for execute-api in the profile's region. What the server's
refusal says of the scope, the clock or expired credentials is heeded once, and told.

Redirects are followed with -L only. Credentials stay with the first origin: a request
that a redirect sends elsewhere, and all after it, go without.

Where nobody is signed in, call signs in by itself if a password is at hand
(COGCTL_PASSWORD or the profile); otherwise it exits 4. An answer of HTTP 400 or
more exits 22, unless --expect wants it or --no-fail is given.`,
		Example: `  cogctl call GET /myendpoint
  cogctl call /profile --auth access
  cogctl call POST /open --json '{"k": "v"}'
  cogctl call GET /myendpoint --auth none --expect 401
  cogctl call GET /myendpoint --dry-run`,
		Args: operands(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.errorFormat != "text" {
				a.jsonMode = true
			}
			return runCall(cmd.Context(), a, o, args)
		},
	}
	o.flags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("auth", cobra.FixedCompletions([]string{"id", "access", "sigv4", "none"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// flags adds what call has besides the flags of a request.
func (o *callOptions) flags(cmd *cobra.Command) {
	o.requestOptions.flags(cmd)
	f := cmd.Flags()
	f.BoolVarP(&o.output.Include, "include", "i", false, "print status line and headers before the body")
	f.StringVarP(&o.output.File, "output", "o", "", "write the answer to a file")
	f.BoolVarP(&o.output.Silent, "silent", "s", false, "no messages on standard error")
	f.BoolVarP(&o.output.ShowError, "show-error", "S", false, "with -s, messages nevertheless")
	f.BoolVarP(&o.output.Fail, "fail", "f", false, "hide the body of an answer of HTTP 400 or more")
	f.BoolVarP(&o.location, "location", "L", false, "follow redirects; credentials stay with the first origin")
	f.IntVar(&o.maxRedirects, "max-redirs", 50, "how many redirects to follow; -1 for all")
	f.StringVar(&o.auth, "auth", "", "what to send: id, access, sigv4 or none (COGCTL_API_AUTH)")
	f.StringVar(&o.expect, "expect", "", "the status that is wanted: 401, 2xx, 200,204")
	f.BoolVar(&o.output.NoFail, "no-fail", false, "exit 0 whatever the status")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the request and send nothing")
	f.StringVar(&o.errorFormat, "error-format", "text", "errors as text or json")
}

func runCall(ctx context.Context, a *app, o callOptions, args []string) error {
	c, err := a.prepareCall(ctx, o, args)
	if err != nil {
		return usage(err)
	}
	if o.dryRun {
		return c.show()
	}
	err = c.send()
	var quiet silent
	if o.output.Quiet() && err != nil && !errors.As(err, &quiet) {
		return silent{exitCode(err)}
	}
	return err
}

// call is one request, ready to be sent.
type call struct {
	inquiry
	request *http.Request
	auth    string   // id, access, sigv4 or none
	asked   string   // the same when --auth named it, else empty
	sent    string   // what was sent: "the id token of ann"
	signing *signing // for sigv4
	output  request.Output

	location     bool
	maxRedirects int
	away         bool // a redirect led to another origin
}

// prepareCall puts operands, flags and profile together.
func (a *app) prepareCall(ctx context.Context, o callOptions, args []string) (*call, error) {
	if err := oneOf("error-format", o.errorFormat, "text", "json"); err != nil {
		return nil, err
	}
	q, err := a.inquire(o.requestOptions, args)
	if err != nil {
		return nil, err
	}
	c := &call{inquiry: q, output: o.output, asked: o.auth, location: o.location, maxRedirects: o.maxRedirects}
	if o.expect != "" {
		if c.output.Expect, err = request.ParseExpect(o.expect); err != nil {
			return nil, err
		}
	}
	if c.auth, err = a.authKind(o.auth, q.api); err != nil {
		return nil, err
	}
	if flag := q.options.forSigning(); flag != "" && c.auth != "sigv4" {
		return nil, usagef("--%s is of no use with --auth %s: it is for --auth sigv4", flag, c.auth)
	}
	if q.options.drops("Authorization") {
		c.auth = "none"
	}
	if c.auth == "sigv4" {
		c.signing = q.signing()
		c.signing.quiet = c.output.Quiet()
		c.options.spec.Spooled = !c.options.unsignedPayload()
	}
	c.request, err = c.options.spec.Build(ctx, q.api.URL.Text, a.openInput(ctx))
	if err == nil && c.signing != nil {
		c.signing.typed = c.request.URL
	}
	return c, err
}

// authKind settles what is sent along.
func (a *app) authKind(flag string, api config.API) (string, error) {
	kind := flag
	if kind == "" {
		kind = api.Auth.Text
	}
	if kind == "" {
		kind = a.defaultKind("")
	}
	return kind, oneOf("auth", kind, "id", "access", "sigv4", "none")
}

// usage gives the errors of package request their code and hint.
func usage(err error) error {
	var u *request.UsageError
	var file *request.FileError
	var spoiled *request.SpoolError
	var once *request.RewindError
	switch {
	case errors.As(err, &u):
		return &failure{code: exitUsage, err: err, hint: u.Hint()}
	case errors.As(err, &file):
		return withCode(transport.CurlReadFile, err)
	case errors.As(err, &spoiled):
		return hinted(err, "%s", spoiled.Hint())
	case errors.As(err, &once):
		return &failure{code: transport.CurlRewind, err: err, hint: once.Hint()}
	}
	return err
}
