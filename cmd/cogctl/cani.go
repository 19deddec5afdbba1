package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/gateway"
	"github.com/cogctl/cogctl/internal/hook"
)

type canIOptions struct {
	authorizer string
	kind       string // of token
	tokenStdin bool
	headers    []string
	api        string

	scopes, audience, sources []string
	validation                string
	methodARN, route          string
	simple                    bool
	payload                   string

	handler   handlerOptions
	aws       awsOptions
	policies  []string // files
	dumpEvent bool
	asJSON    bool
}

// handlerOptions name the function of a Lambda authorizer.
type handlerOptions struct {
	command, python, node, url string
	lambda                     string // the name of a deployed function
	timeout                    time.Duration
}

func newCanI(a *app) *cobra.Command {
	var o canIOptions
	cmd := &cobra.Command{
		Use:     "can-i [METHOD] URL|PATH [-]",
		Aliases: []string{"authorize"},
		Short:   "Decide as an API Gateway authorizer would, with every reason",
		Long: `Decide about a request as an authorizer of API Gateway would, and tell every check
with its reason. Nothing is sent to the API. The exit code is 0 when the request
would be let through, 5 when it would be refused.

The token is the session's, or COGCTL_TOKEN, or the one on standard input (-, or
--token-stdin), or whatever -H says. Which of the session's: --type, else the
profile's api.auth, else the ID token; for machines and issuers other than Cognito
the access token. When the other one would pass, that is told.

Authorizers, and what of their settings to give:
  cognito         REST API; --scope where the method has scopes (then it takes access
                  tokens, otherwise ID tokens), --validation
  jwt             HTTP API; --audience (the profile's client_id), --scope
  lambda-token    REST API; a function of yours; --validation, --identity-source
  lambda-request  REST API; the same, with --identity-source for each source
  http-lambda     HTTP API; the same, with --simple and --payload-version
  iam             REST API; --policy

The function of a Lambda authorizer is tried as it lies on disk, and gets the event
that API Gateway would send: --handler-python and --handler-node FILE:FUNCTION,
--handler-command (event on standard input, answer on standard output), --handler-url
on this machine. What it prints goes to standard error. --handler-lambda NAME asks the
deployed function itself, by a call signed with your own AWS credentials
(lambda:InvokeFunction). --dump-event prints the event and runs nothing. Told are the
policy and the context that API Gateway would keep, and where the function lets
through what cogctl token verify refuses.

--authorizer iam is the authorization type AWS_IAM of a REST API: --policy FILE are the
policies of the role, or user, whose AWS credentials sign (--aws, --role; without them
the identity pool's).

methodArn is made of --method-arn, else of the URL or of api.url; what of it nobody
said is assumed, and told.

--json prints all of it: allowed, checks (name, ok, code, detail), method_arn, assumed,
token; answer (status, headers, body) of a refusal; principal, policy and context of a
function, and token_checks, those of cogctl token verify.`,
		Example: `  cogctl can-i GET /myendpoint --authorizer cognito
  cogctl can-i GET /content --authorizer jwt --scope content/read || test $? = 5
  cogctl can-i GET /reports/7 --authorizer lambda-token --dump-event
  cogctl token print | cogctl can-i /profile - --authorizer jwt --json`,
		Args: operands(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error { return runCanI(cmd.Context(), a, o, args) },
	}
	o.flags(cmd)
	return cmd
}

func (o *canIOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.authorizer, "authorizer", "", "the kind of authorizer: "+strings.Join(canIAuthorizers(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("authorizer", cobra.FixedCompletions(canIAuthorizers(), cobra.ShellCompDirectiveNoFileComp))
	f.StringVar(&o.kind, "type", "", "which of the session's tokens: id, access or none")
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"id", "access", "none"}, cobra.ShellCompDirectiveNoFileComp))
	f.BoolVar(&o.tokenStdin, "token-stdin", false, "judge the token on standard input")
	f.StringArrayVarP(&o.headers, "header", "H", nil, "header of the request, \"Name: value\"; may be repeated")
	f.StringVar(&o.api, "api", "", "which of the profile's apis")
	f.StringArrayVar(&o.scopes, "scope", nil, "a scope of the method; may be repeated, and one of them is wanted")
	f.StringArrayVar(&o.audience, "audience", nil, "a client id that a JWT authorizer takes; may be repeated")
	f.StringVar(&o.validation, "validation", "", "the token validation expression, a regular expression")
	f.StringArrayVar(&o.sources, "identity-source", nil, "where the identity is, such as method.request.header.X or $request.header.X; may be repeated")
	f.StringVar(&o.methodARN, "method-arn", "", "the ARN of the method, arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH")
	f.StringVar(&o.route, "route", "", "the path of the method as the API has it, such as /reports/{id}")
	f.BoolVar(&o.simple, "simple", false, "the function answers isAuthorized, not a policy")
	f.StringVar(&o.payload, "payload-version", "", "payload version of an HTTP API's function: 2.0 or 1.0")
	f.StringVar(&o.handler.command, "handler-command", "", "the function as a command line, run without a shell")
	f.StringVar(&o.handler.python, "handler-python", "", "the function as Python FILE:FUNCTION")
	f.StringVar(&o.handler.node, "handler-node", "", "the function as Node FILE:FUNCTION")
	f.StringVar(&o.handler.url, "handler-url", "", "the function as an address on this machine")
	f.StringVar(&o.handler.lambda, "handler-lambda", "", "the deployed function of this name, or ARN, asked with your own AWS credentials")
	f.DurationVar(&o.handler.timeout, "handler-timeout", hook.DefaultTimeout, "how long the function may take, 30s at most")
	f.StringArrayVar(&o.policies, "policy", nil, "a file with an IAM policy of who signs; may be repeated")
	o.aws.flags(cmd)
	f.BoolVar(&o.dumpEvent, "dump-event", false, "print the event that the function would get, and run nothing")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
}

// The values of --authorizer.
const (
	byCognito       = "cognito"
	byJWT           = "jwt"
	byLambdaToken   = "lambda-token"
	byLambdaRequest = "lambda-request"
	byHTTPLambda    = "http-lambda"
	byIAM           = "iam"
)

func canIAuthorizers() []string {
	return []string{byCognito, byJWT, byLambdaToken, byLambdaRequest, byHTTPLambda, byIAM}
}

// isLambda tells the authorizers that ask a function.
func (o *canIOptions) isLambda() bool {
	return o.authorizer == byLambdaToken || o.authorizer == byLambdaRequest || o.authorizer == byHTTPLambda
}

func (o *canIOptions) apiKind() gateway.Kind {
	if o.authorizer == byJWT || o.authorizer == byHTTPLambda {
		return gateway.HTTP
	}
	return gateway.REST
}

// check refuses flags that the authorizer has no use for: who gives one expects it
// to count.
func (o *canIOptions) check() error {
	if o.authorizer == "" {
		return hinted(usagef("--authorizer is missing: which one guards the API?"), "--authorizer is one of %s", strings.Join(canIAuthorizers(), ", "))
	}
	if err := oneOf("authorizer", o.authorizer, canIAuthorizers()...); err != nil {
		return err
	}
	if o.kind != "" {
		if err := oneOf("type", o.kind, "id", "access", "none"); err != nil {
			return err
		}
	}
	tokens := o.authorizer == byCognito || o.authorizer == byJWT
	for _, f := range []struct {
		name     string
		set, use bool
	}{
		{"scope", len(o.scopes) > 0, tokens},
		{"audience", len(o.audience) > 0, o.authorizer == byJWT},
		{"validation", o.validation != "", o.authorizer == byCognito || o.authorizer == byLambdaToken},
		{"simple", o.simple, o.authorizer == byHTTPLambda},
		{"payload-version", o.payload != "", o.authorizer == byHTTPLambda},
		{"dump-event", o.dumpEvent, o.isLambda()},
		{"policy", len(o.policies) > 0, o.authorizer == byIAM},
		{"type", o.kind != "", o.authorizer != byIAM},
		{"token-stdin", o.tokenStdin, o.authorizer != byIAM},
		{"identity-source", len(o.sources) > 0, o.authorizer != byIAM},
		{"handler-...", o.handler.count() > 0, o.isLambda()},
		{"aws", o.aws.caller, o.authorizer == byIAM || o.handler.lambda != ""},
		{"aws-profile", o.aws.callerProfile != "", o.authorizer == byIAM || o.handler.lambda != ""},
		{"guest", o.aws.guest, o.authorizer == byIAM},
		{"role", o.aws.role != "", o.authorizer == byIAM},
	} {
		if f.set && !f.use {
			return usagef("--%s is of no use with --authorizer %s", f.name, o.authorizer)
		}
	}
	if o.tokenStdin && o.kind == "none" {
		return usagef("--type none sends no token, and there is one on standard input: leave one of them out")
	}
	if o.isLambda() && o.handler.count() != 1 && !o.dumpEvent {
		return hinted(usagef("a Lambda authorizer is tried with one function, and %d are given", o.handler.count()),
			"give --handler-python, --handler-node, --handler-command, --handler-url or --handler-lambda")
	}
	if o.authorizer == byIAM && len(o.policies) == 0 {
		return hinted(usagef("AWS_IAM goes by the policies of who signs, and none is given"), "give --policy FILE: aws iam get-role-policy and get-policy-version print them")
	}
	return nil
}

func (h handlerOptions) count() int {
	given := []string{h.command, h.python, h.node, h.url, h.lambda}
	return len(given) - len(slices.DeleteFunc(given, func(s string) bool { return s != "" }))
}

func runCanI(ctx context.Context, a *app, o canIOptions, args []string) error {
	if last := len(args) - 1; last > 0 && args[last] == "-" {
		o.tokenStdin, args = true, args[:last]
	}
	if err := o.check(); err != nil {
		return err
	}
	q, err := a.question(ctx, o, args)
	if err != nil {
		return usage(err)
	}
	if o.dumpEvent {
		return q.dump(ctx)
	}
	v, err := q.ask(ctx)
	if err != nil {
		return err
	}
	v.remark(a)
	if o.asJSON {
		err = a.printJSON(v)
	} else {
		err = v.print(a)
	}
	if err != nil || v.Allowed {
		return err
	}
	refused := fmt.Errorf("API Gateway would refuse %s %s: %d %s", q.request.Method, q.path, v.decision.Status, v.decision.Body)
	return withCode(exitSaysNo, hinted(refused, "%s", v.advice))
}

// newAPI is an API with the one method that is asked about.
func (q *question) newAPI(authorizer gateway.Authorizer) *gateway.API {
	api := &gateway.API{Kind: q.options.apiKind(), Deployment: q.deployment, Now: q.app.now}
	paths := []string{q.options.route}
	if q.options.route == "" {
		// As it stands, or where an encoded slash makes that another path, as a greedy
		// resource has it.
		paths = []string{q.request.URL.Path, "/{proxy+}"}
	}
	for _, path := range paths {
		api.Routes = append(api.Routes, gateway.Route{
			Method: q.request.Method, Path: path, Kind: q.options.apiKind(), Authorizer: authorizer, Backend: http.NotFoundHandler(),
		})
	}
	return api
}
