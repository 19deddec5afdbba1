package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/sandbox"
)

type sandboxOptions struct {
	cloudPort, apiPort, controlPort int
	asJSON, verbose                 bool
	config                          string
}

const sandboxHelp = `Run a local user pool that checks passwords, proofs and secrets as Cognito does,
and a local API Gateway that checks tokens as the real one does. Both listen on
loopback only, their keys are random, and their state is gone when they stop. It
is for development and tests, never for production.

With -- CMD, the command runs against a fresh sandbox with a configuration of its
own (COGCTL_PROFILE=sandbox, the users' password in COGCTL_PASSWORD, cogctl on
the PATH), and its exit code is the sandbox's. Without, the sandbox runs until it
is interrupted and prints its endpoints and a profile for them. CMD also finds the
profile backend, for an app client that has a secret, and the profile machine, for
one that signs in with its secret alone (client credentials).

Users: ann (groups admin and readers), bob, and new, who must change the password
Temp0rary! first; totp, sms and mail have a second factor (cogctl sandbox codes tells
what was sent, cogctl sandbox totp USER the authenticator's secret); device has one,
too, until a device is remembered; custom (--flow custom) is asked for two words, open
and sesame; disabled, unconfirmed and reset are what they are called. Their password
is Passw0rd!

Routes: GET /myendpoint (REST API, Cognito authorizer), GET /profile (HTTP API,
JWT authorizer), GET /content and POST /content (HTTP API, the access token needs
the scope content/read or content/write), GET /admin (the backend wants the group
admin), GET /scoped (REST API, the access token needs content/read), GET /keyed (an
API key: sandbox-api-key-0123456789), /lambda/token, /lambda/request and /lambda/http
(Lambda authorizers that go by the tokens allow, deny, unauthorized and broken),
/open. What gets through is echoed as JSON. POST /upload answers size and SHA-256 of
the body, 10 MB at most. POST /oauth/token is an application's own token endpoint: a
username and password, as JSON or a form, give id_token and refresh_token. Behind
AWS_IAM, telling who signed: GET /iam/whoami and /iam/http (an HTTP API) for everybody
who signed in, /iam/google for Google's stand-in, /iam/guest; POST /iam/upload.

The identity pool gives ann the role admin, by her group, and others authenticated,
guest or google. A second one, classic_identity_pool_id of --json, has the classic
flow. The secret app_secrets holds app_id and app_secret of the machine's client, and
the parameter /sandbox/backend/client_secret the backend's secret.

--config FILE brings pools, routes and usage plans of your own; what FILE does not
name stays as it is. A route may ask an authorizer of yours, in any language, and
lead to a backend of yours, which finds the request context in the header
x-amzn-request-context: cogctl help sandbox-file. The clock, faults, refresh tokens
that rotate: cogctl help sandbox-control.

For other clients CMD also finds COGCTL_SANDBOX_CLOUD_URL (user pool API, key sets,
OAuth endpoints and sign-in pages), COGCTL_SANDBOX_ISSUER, COGCTL_SANDBOX_API_URL,
COGCTL_SANDBOX_CONTROL_URL and COGCTL_SANDBOX_CONTROL_KEY (sent as X-Cogctl-Key; GET
/standin/Google/token?email=... gives a login of Google's stand-in), and with
COGCTL_SANDBOX_AWS_ACCESS_KEY_ID and COGCTL_SANDBOX_AWS_SECRET_ACCESS_KEY the access
key of somebody who may do everything.`

func newSandbox(a *app) *cobra.Command {
	var o sandboxOptions
	cmd := &cobra.Command{
		Use:   "sandbox [-- CMD...]",
		Short: "Run a local Cognito and API Gateway to try things on",
		Long:  sandboxHelp,
		Example: `  cogctl sandbox -- cogctl call GET /myendpoint
  cogctl sandbox -- sh -c 'cogctl login --username bob && cogctl status'`,
		RunE: func(cmd *cobra.Command, args []string) error { return runSandbox(cmd.Context(), a, o, args) },
	}
	cmd.Flags().IntVar(&o.cloudPort, "cloud-port", 0, "port of the user pool API (0: a free one)")
	cmd.Flags().IntVar(&o.apiPort, "api-port", 0, "port of the API (0: a free one)")
	cmd.Flags().IntVar(&o.controlPort, "control-port", 0, "port of the control endpoint (0: a free one)")
	cmd.Flags().StringVar(&o.config, "config", "", "a file with pools, routes and usage plans")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print the endpoints as JSON")
	cmd.Flags().BoolVar(&o.verbose, "verbose", false, "tell each request on standard error")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && cmd.ArgsLenAtDash() == 0 {
			return usagef("no command after --")
		}
		if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
			return usagef("the command goes after --: cogctl sandbox -- %s", strings.Join(args, " "))
		}
		return nil
	}
	cmd.Flags().SetInterspersed(false) // the flags of a CMD without -- are not ours to blame
	cmd.AddCommand(newSandboxCodes(a), newSandboxTOTP(a))
	return cmd
}

func runSandbox(ctx context.Context, a *app, o sandboxOptions, command []string) error {
	if err := o.checkPorts(); err != nil {
		return err
	}
	var path string
	if len(command) > 0 {
		var err error
		if path, err = resolveCommand(command[0]); err != nil {
			return err
		}
	}
	seed, err := readSeed(o.config)
	if err != nil {
		return err
	}
	options := a.sandboxOptions(seed)
	options.Ports.Cloud, options.Ports.API, options.Ports.Control = o.cloudPort, o.apiPort, o.controlPort
	if o.verbose {
		options.Log = func(e sandbox.Event) {
			fmt.Fprintf(a.stderr, "cogctl: sandbox: %s\n", redact.Visible(eventLine(e)))
		}
	}
	box, err := sandbox.New(options)
	if err != nil {
		return o.unfit(err)
	}
	// It outlives the signal that ends CMD, so that CMD can end in its own way.
	if err := box.Start(context.WithoutCancel(ctx)); err != nil {
		return o.notStarted(err)
	}
	defer box.Close()
	s := newStack(box.Endpoints(), seed)
	if len(command) == 0 {
		return a.serveSandbox(ctx, s, o.asJSON)
	}
	return a.runInSandbox(ctx, s, path, command)
}

// eventLine tells one request that the sandbox answered.
func eventLine(e sandbox.Event) string {
	line := fmt.Sprintf("%s %s %s", e.Listener, e.Method, e.Path)
	for _, detail := range []string{e.Operation, fmt.Sprint(e.Status), e.Error} {
		if detail != "" {
			line += " " + detail
		}
	}
	return line
}

// serveSandbox prints where the sandbox is and waits for the end.
func (a *app) serveSandbox(ctx context.Context, s stack, asJSON bool) error {
	fmt.Fprintln(a.stderr, "cogctl: a sandbox for development and tests, not for production; its state is gone when it stops (Ctrl-C)")
	var err error
	if asJSON {
		err = a.printJSON(map[string]any{
			"cloud": s.Cloud, "api": s.API, "control": s.Control, "control_key": s.ControlKey,
			"issuer": s.Issuer, "user_pool_id": s.pool, "client_id": s.public,
			"domain": s.Cloud, "callback_urls": s.callbacks,
			"backend_client_id": s.backend, "backend_client_secret": s.secrets[s.backend],
			"aws_access_key_id": s.AccessKeyID, "aws_secret_access_key": s.SecretAccessKey,
			"identity_pool_id": s.identityPool, "classic_identity_pool_id": s.classicPool,
			"machine_client_id": s.machine, "machine_client_secret": s.secrets[s.machine],
		})
	} else {
		err = a.println(s.text())
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}
