package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/request"
	"github.com/cogctl/cogctl/internal/transport"
)

// requestOptions say what is asked, and who asks: what call and sign have in common.
type requestOptions struct {
	spec      request.Spec
	method    string // -X
	api       string
	authTo    []string
	aws       awsOptions
	service   string
	pathStyle string
	curlAuth  curlAuth
}

// flags adds curl's flags under curl's names, then our own.
func (o *requestOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	data := func(kind request.DataKind) request.DataFlag { return request.DataFlag{Kind: kind, Into: &o.spec.Data} }
	f.StringVarP(&o.method, "request", "X", "", "method")
	f.StringArrayVarP(&o.spec.Headers, "header", "H", nil, "header, \"Name: value\"; may be repeated")
	f.VarP(data(request.Form), "data", "d", "body; @FILE reads a file, @- standard input; may be repeated")
	f.Var(data(request.Raw), "data-raw", "body, with no meaning for @")
	f.Var(data(request.Binary), "data-binary", "body, byte for byte; @FILE as with -d")
	f.Var(data(request.JSON), "json", "JSON body, with Content-Type and Accept; @FILE as with -d")
	f.StringVarP(&o.spec.Upload, "upload-file", "T", "", "send this file by PUT; - streams standard input")
	f.StringVar(&o.api, "api", "", "which of the profile's apis")
	f.StringArrayVar(&o.authTo, "auth-to", nil, "an origin that may get the credentials too, such as https://api.example.com")
	f.StringVar(&o.service, "service", "", "for sigv4: the service's signing name; read from the host, else execute-api")
	f.StringVar(&o.pathStyle, "path-style", pathTwice, "for sigv4: how the path is signed: aws, or s3 (encoded once, dots and slashes kept)")
	_ = cmd.RegisterFlagCompletionFunc("path-style", cobra.FixedCompletions([]string{pathTwice, pathOnce}, cobra.ShellCompDirectiveNoFileComp))
	o.aws.flags(cmd)
	o.curlAuth.flags(cmd)
}

// forSigning is a flag that only a signature heeds; empty when none was given.
func (o *requestOptions) forSigning() string {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"aws", o.aws.caller}, {"aws-profile", o.aws.callerProfile != ""}, {"guest", o.aws.guest}, {"role", o.aws.role != ""},
		{"service", o.service != ""}, {"path-style", o.pathStyle != pathTwice},
	} {
		if f.given {
			return f.name
		}
	}
	return ""
}

// The values of --path-style.
const (
	pathTwice = "aws"
	pathOnce  = "s3"
)

// curlAuth are the flags by which curl authorizes. They are known so that a pasted
// line is told what does it here.
type curlAuth struct{ user, bearer, sigv4 string }

func (c *curlAuth) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&c.user, "user", "u", "", "")
	f.StringVar(&c.bearer, "oauth2-bearer", "", "")
	f.StringVar(&c.sigv4, "aws-sigv4", "", "")
	for _, name := range []string{"user", "oauth2-bearer", "aws-sigv4"} {
		f.Lookup(name).Hidden = true
	}
}

// check names our way for each of them. What they hold are secrets and not shown.
func (c curlAuth) check() error {
	switch {
	case c.sigv4 != "":
		return hinted(usagef("--aws-sigv4 is curl's: here the credentials and the scope are found, not typed"),
			"cogctl call --auth sigv4 (--aws for your own AWS credentials; --service and --region where the host does not tell)")
	case c.bearer != "":
		return hinted(usagef("--oauth2-bearer is curl's: a token on a command line is seen by everybody on this machine"),
			"cogctl login, or set COGCTL_TOKEN; --auth id or access chooses the token")
	case c.user != "":
		return hinted(usagef("-u is curl's: a password on a command line is seen by everybody on this machine"),
			"cogctl login --username NAME signs in; for AWS keys: --auth sigv4 --aws; Basic credentials may come from a file: -H @FILE")
	}
	return nil
}

// inquiry is a command line that was understood: what is asked of which API.
type inquiry struct {
	app     *app
	options requestOptions
	profile *config.Profile
	api     config.API
	origins transport.Origins
}

// inquire reads operands and flags, and finds the API that they mean.
func (a *app) inquire(o requestOptions, args []string) (q inquiry, err error) {
	if err := o.curlAuth.check(); err != nil {
		return q, err
	}
	if err := oneOf("path-style", o.pathStyle, pathTwice, pathOnce); err != nil {
		return q, err
	}
	method, target, err := request.ParseOperands(args)
	if err != nil {
		return q, err
	}
	if o.spec.Method, err = request.MergeMethod(o.method, method); err != nil {
		return q, err
	}
	o.spec.Custom, o.spec.Target, o.spec.UserAgent = o.method != "", target, "cogctl/"+version
	q = inquiry{app: a, options: o}
	if q.profile, err = a.profile(); err != nil {
		return q, err
	}
	if q.api, err = q.profile.API(o.api); err != nil {
		return q, withCode(exitUsage, err)
	}
	q.origins, err = origins(q.profile, q.api, o.authTo)
	return q, err
}

// drops tells a -H 'Name:', which to curl means that no such header is sent.
func (o *requestOptions) drops(name string) bool { return dropped(o.spec.Headers, name) }

// dropped is drops of the values of -H.
func dropped(headers []string, name string) bool {
	return slices.ContainsFunc(headers, func(header string) bool {
		typed, value, found := strings.Cut(header, ":")
		return found && strings.EqualFold(strings.TrimSpace(typed), name) && strings.TrimSpace(value) == ""
	})
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
