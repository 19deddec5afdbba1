package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/request"
	"github.com/cogctl/cogctl/internal/transport"
)

type callOptions struct {
	spec        request.Spec
	output      request.Output
	method      string
	auth        string
	authTo      []string
	api         string
	expect      string
	dryRun      bool
	errorFormat string
}

func newCall(a *app) *cobra.Command {
	var o callOptions
	cmd := &cobra.Command{
		Use:     "call [METHOD] URL|PATH",
		Aliases: []string{"curl"},
		Short:   "Call a protected API, curl style",
		Long: `Call an API with the session's token. Short flags mean what they mean to curl. A
PATH is appended to the profile's api.url, with or without a leading slash.

The token is the one --auth names, else the profile's api.auth, else the ID token;
for machines and issuers other than Cognito the access token.
It goes to the origin of the profile's api.url (and api.also) or, where the
profile has none, to AWS's own names for APIs of its region; to any other only
when --auth-to names the origin.

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
	_ = cmd.RegisterFlagCompletionFunc("auth", cobra.FixedCompletions([]string{"id", "access", "none"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// flags adds curl's flags under curl's names, then our own.
func (o *callOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	data := func(kind request.DataKind) request.DataFlag { return request.DataFlag{Kind: kind, Into: &o.spec.Data} }
	f.StringVarP(&o.method, "request", "X", "", "method")
	f.StringArrayVarP(&o.spec.Headers, "header", "H", nil, "header, \"Name: value\"; may be repeated")
	f.VarP(data(request.Form), "data", "d", "body; @FILE reads a file, @- standard input; may be repeated")
	f.Var(data(request.Raw), "data-raw", "body, with no meaning for @")
	f.Var(data(request.Binary), "data-binary", "body, byte for byte; @FILE as with -d")
	f.Var(data(request.JSON), "json", "JSON body, with Content-Type and Accept; @FILE as with -d")
	f.BoolVarP(&o.output.Include, "include", "i", false, "print status line and headers before the body")
	f.StringVarP(&o.output.File, "output", "o", "", "write the answer to a file")
	f.BoolVarP(&o.output.Silent, "silent", "s", false, "no messages on standard error")
	f.BoolVarP(&o.output.ShowError, "show-error", "S", false, "with -s, messages nevertheless")
	f.BoolVarP(&o.output.Fail, "fail", "f", false, "hide the body of an answer of HTTP 400 or more")
	f.StringVar(&o.auth, "auth", "", "what to send: id, access or none (COGCTL_API_AUTH)")
	f.StringArrayVar(&o.authTo, "auth-to", nil, "an origin that may get the token too, such as https://api.example.com")
	f.StringVar(&o.api, "api", "", "which of the profile's apis")
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
	app     *app
	request *http.Request
	origins transport.Origins
	auth    string // id, access or none
	asked   string // the same when --auth named it, else empty
	sent    string // what was sent: "the id token of ann"
	output  request.Output
}

// prepareCall puts operands, flags and profile together.
func (a *app) prepareCall(ctx context.Context, o callOptions, args []string) (*call, error) {
	method, target, err := request.ParseOperands(args)
	if err != nil {
		return nil, err
	}
	if o.spec.Method, err = request.MergeMethod(o.method, method); err != nil {
		return nil, err
	}
	if o.expect != "" {
		if o.output.Expect, err = request.ParseExpect(o.expect); err != nil {
			return nil, err
		}
	}
	if err := oneOf("error-format", o.errorFormat, "text", "json"); err != nil {
		return nil, err
	}
	p, err := a.profile()
	if err != nil {
		return nil, err
	}
	api, err := p.API(o.api)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	c := &call{app: a, output: o.output, asked: o.auth}
	if c.auth, err = a.authKind(o.auth, api); err != nil {
		return nil, err
	}
	if removesAuthorization(o.spec.Headers) {
		c.auth = "none"
	}
	o.spec.Target, o.spec.UserAgent = target, "cogctl/"+version
	if c.request, err = o.spec.Build(ctx, api.URL.Text, a.openInput(ctx)); err != nil {
		return nil, err
	}
	c.origins, err = origins(p, api, o.authTo)
	return c, err
}

// removesAuthorization tells a -H 'Authorization:', which to curl means that no
// such header is sent.
func removesAuthorization(headers []string) bool {
	return slices.ContainsFunc(headers, func(header string) bool {
		name, value, found := strings.Cut(header, ":")
		return found && strings.EqualFold(strings.TrimSpace(name), "Authorization") && strings.TrimSpace(value) == ""
	})
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
	if kind == "sigv4" && flag == "" {
		return "", usagef("%s asks for sigv4, which this version cannot do: use --auth id, access or none", api.Auth.Origin.Text)
	}
	return kind, oneOf("auth", kind, "id", "access", "none")
}

// origins are where the token may go.
func origins(p *config.Profile, api config.API, authTo []string) (transport.Origins, error) {
	o := transport.AWSOrigins(p.Get("region").Text)
	if api.URL.Set() {
		var err error
		if o, err = transport.NewOrigins(append([]string{api.URL.Text}, api.Also...)...); err != nil {
			return o, withCode(exitUsage, fmt.Errorf("%s: %w", api.URL.Origin.Text, err))
		}
	}
	o, err := o.Trust(authTo...)
	if err != nil {
		return o, usagef("--auth-to: %v", err)
	}
	return o, nil
}

// openInput opens what @NAME names.
func (a *app) openInput(ctx context.Context) request.Opener {
	return func(name string) (io.ReadCloser, error) {
		if name == "-" {
			return io.NopCloser(a.input(ctx)), nil
		}
		return os.Open(name)
	}
}

// authorizer attaches the token. Nothing is looked up before the origin has
// been found to be allowed.
func (c *call) authorizer() transport.Authorizer {
	if c.auth == "none" {
		return nil
	}
	return transport.Bearer(func(ctx context.Context) (string, error) {
		t, err := c.app.token(ctx, wanted{kind: c.asked, fallback: c.auth, min: margin})
		if err != nil {
			return "", &tokenError{err}
		}
		c.sent = fmt.Sprintf("the %s token (%s)", t.Kind, t.From)
		return t.Raw, nil
	})
}

// tokenError is trouble on the way to a token, as against on the way to the API.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// authorized is the way to the API, past the rule where credentials may go.
func (c *call) authorized() transport.Authorize {
	return transport.Authorize{Base: c.app.api(), Origins: c.origins, Authorizer: c.authorizer()}
}

// send makes the call and delivers the answer. Redirects are not followed, as
// in curl without -L.
func (c *call) send() error {
	response, err := c.authorized().RoundTrip(c.request)
	c.app.flush()
	if err != nil {
		return c.failed(err)
	}
	defer response.Body.Close()
	if isTerminal(c.app.stdout) {
		c.output.Newline = "\n"
	}
	out := &lastByte{Writer: c.app.foreign()}
	if err := c.output.Deliver(response, out, createOutput); err != nil {
		return c.failed(err)
	}
	if isTerminal(c.app.stdout) && out.last != 0 && out.last != '\n' {
		fmt.Fprintln(c.app.stdout) // so that what comes next has a line of its own
	}
	if code := c.output.ExitCode(response.StatusCode); code != exitOK {
		return withCode(code, c.unwanted(response))
	}
	return nil
}

// lastByte remembers how an answer ended.
type lastByte struct {
	io.Writer
	last byte
}

func (w *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		w.last = p[len(p)-1]
	}
	return w.Writer.Write(p)
}

// failed gives an error of the network curl's number.
func (c *call) failed(err error) error {
	var token *tokenError
	var write *request.WriteError
	switch {
	case errors.As(err, &token):
		return token.err
	case errors.As(err, &write):
		return withCode(23, err)
	}
	if code := transport.CurlCode(err); code != 0 {
		return withCode(code, fmt.Errorf("%s %s: %w", c.request.Method, c.request.URL.Redacted(), err))
	}
	return usage(err)
}

// unwanted says which status came, and what was sent to earn it.
func (c *call) unwanted(response *http.Response) error {
	sent := "without a token"
	switch {
	case c.request.Header.Get("Authorization") != "":
		sent = "with the Authorization header given"
	case c.sent != "":
		sent = "with " + c.sent
	}
	status := fmt.Sprintf("HTTP %d", response.StatusCode)
	if text := http.StatusText(response.StatusCode); text != "" {
		status += " " + text
	}
	if !c.output.Expect.IsZero() {
		status += ", --expect wants " + c.output.Expect.String()
	}
	return fmt.Errorf("%s %s, sent %s: %s", c.request.Method, c.request.URL.Redacted(), sent, status)
}

// show prints the request as it would be sent, with the place of the token.
func (c *call) show() error {
	if c.auth != "none" {
		if err := c.authorized().Check(c.request); err != nil {
			return err
		}
		if c.request.Header.Get("Authorization") == "" {
			c.request.Header.Set("Authorization", "Bearer [the "+c.auth+" token]")
		} else {
			c.request.Header.Set("Authorization", "[as given]")
		}
	}
	out := new(bytes.Buffer)
	fmt.Fprintf(out, "%s %s\n", c.request.Method, c.request.URL.Redacted())
	for _, name := range slices.Sorted(maps.Keys(c.request.Header)) {
		fmt.Fprintf(out, "%s: %s\n", name, strings.Join(c.request.Header[name], ", "))
	}
	if c.request.Host != "" && c.request.Host != c.request.URL.Host {
		fmt.Fprintf(out, "Host: %s\n", c.request.Host)
	}
	_, err := out.WriteTo(c.app.foreign())
	if err == nil && c.request.Body != nil {
		_, err = io.Copy(c.app.foreign(), io.MultiReader(strings.NewReader("\n"), c.request.Body))
	}
	return writeFailed(err)
}

// usage gives the usage errors of package request their code and hint.
func usage(err error) error {
	var u *request.UsageError
	var file *request.FileError
	switch {
	case errors.As(err, &u):
		return &failure{code: exitUsage, err: err, hint: u.Hint()}
	case errors.As(err, &file):
		return withCode(transport.CurlReadFile, err)
	}
	return err
}

// createOutput makes the file of -o.
func createOutput(name string) (io.WriteCloser, error) { return os.Create(name) }
