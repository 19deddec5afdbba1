package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
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

// stack is a running sandbox as its users see it.
type stack struct {
	sandbox.Endpoints
	secrets map[string]string // of the app clients that have one, by their id; others each run
	residents
}

func newStack(at sandbox.Endpoints, seed sandbox.Seed) stack {
	return stack{at, clientSecrets(seed), residentsOf(seed)}
}

func clientSecrets(seed sandbox.Seed) map[string]string {
	secrets := map[string]string{}
	for _, client := range seed.Pools[0].Clients {
		if client.Secret != "" {
			secrets[client.ID] = client.Secret
		}
	}
	return secrets
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

// settings is the profile that reaches the sandbox by the public client.
func (s stack) settings() map[string]string {
	return map[string]string{
		"user_pool_id":        s.pool,
		"client_id":           s.public,
		"domain":              s.Cloud,
		"callback_urls":       strings.Join(s.callbacks, " "),
		"username":            s.username,
		"api_url":             s.API,
		"endpoints.user_pool": s.Cloud,

		"identity_pool_id":        s.identityPool,
		"endpoints.identity_pool": s.Cloud,
		"endpoints.sts":           s.Cloud,
	}
}

// configure writes the profiles below home: sandbox, and for the clients that
// have a secret backend and machine, with the secrets in files.
func (s stack) configure(home string) error {
	folder := filepath.Join(home, "config")
	path := filepath.Join(folder, "config.toml")
	backend, machine := s.settings(), s.settings()
	backend["client_id"], machine["client_id"] = s.backend, s.machine
	delete(machine, "username")
	delete(machine, "callback_urls")
	delete(machine, "identity_pool_id") // takes nobody's login but a user's
	machine["flow"], machine["api_auth"] = "client-credentials", "access"
	machine["scopes"] = strings.Join(s.machineScopes, " ")
	first := s.settings()
	switch { // a file of one's own need not have all three clients
	case s.public == "" && s.backend != "":
		first = backend
	case s.public == "" && s.machine != "":
		first = machine
	}
	if err := s.writeProfile(path, "sandbox", first); err != nil {
		return err
	}
	for name, settings := range map[string]map[string]string{"backend": backend, "machine": machine} {
		if settings["client_id"] == "" {
			continue
		}
		if err := s.writeProfile(path, name, settings); err != nil {
			return err
		}
	}
	return nil
}

// writeProfile adds a profile, with the secret of its client in a file beside it.
// The first one is the default.
func (s stack) writeProfile(path, name string, settings map[string]string) error {
	settings = given(settings)
	isFirst := name == "sandbox"
	secret := s.secrets[settings["client_id"]]
	if secret == "" {
		return config.Create(path, name, settings, isFirst)
	}
	secretFile := filepath.Join(filepath.Dir(path), name+"-secret")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(secretFile, []byte(secret), 0o600); err != nil {
		return err
	}
	settings["client_secret"] = "file:" + secretFile
	return config.Create(path, name, settings, isFirst)
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

// text is a ready profile, with the rest of what there is to know in comments.
func (s stack) text() string {
	p := s.settings()
	return fmt.Sprintf(`# user pool API, key sets, OAuth endpoints and sign-in pages: %s
# API:                        %s
# control:                    %s (X-Cogctl-Key: %s)
# users: %s
# client with a secret:       %s, %s
# client credentials:         %s, %s (scopes %s)
# an AWS access key:          %s, %s
# For ~/.config/cogctl/config.toml, then: cogctl login --profile sandbox
[profiles.sandbox]
user_pool_id = %q
client_id = %q
domain = %q
callback_urls = [%s]
username = %q
identity_pool_id = %q
[profiles.sandbox.api]
url = %q
[profiles.sandbox.endpoints]
user_pool = %q
identity_pool = %q
sts = %q`, s.Cloud, s.API, s.Control, s.ControlKey, s.users,
		s.backend, s.secrets[s.backend], s.machine, s.secrets[s.machine], strings.Join(s.machineScopes, ", "),
		s.AccessKeyID, s.SecretAccessKey,
		p["user_pool_id"], p["client_id"], p["domain"], `"`+strings.Join(s.callbacks, `", "`)+`"`,
		p["username"], p["identity_pool_id"], p["api_url"], p["endpoints.user_pool"], p["endpoints.identity_pool"], p["endpoints.sts"])
}

// resolveCommand finds CMD on the PATH as it is before the sandbox adds to it,
// and never in the working directory. cogctl itself needs no PATH.
func resolveCommand(name string) (string, error) {
	if name == "cogctl" {
		path, err := os.Executable()
		return path, withCode(exitNotFound, err)
	}
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EISDIR):
		return "", withCode(exitNotRunnable, fmt.Errorf("run %s: %w", name, err))
	}
	return "", withCode(exitNotFound, fmt.Errorf("run %s: %w", name, err))
}

// runInSandbox runs CMD with a home of its own and reports its exit code.
func (a *app) runInSandbox(ctx context.Context, s stack, path string, command []string) error {
	home, err := os.MkdirTemp("", "cogctl-sandbox-")
	if err != nil {
		return fmt.Errorf("make a folder for the sandbox: %w", err)
	}
	defer os.RemoveAll(home)
	if err := s.configure(home); err != nil {
		return err
	}
	bin, err := placeOwnBinary(home)
	if err != nil {
		return err
	}
	child := exec.Command(path)
	child.Args = command
	child.Env = s.environ(a.environ, home, bin)
	return a.runChild(ctx, child, command[0])
}

// childEnd turns the way CMD ended into our exit code, in silence: CMD has spoken.
func childEnd(err error, state *os.ProcessState) error {
	var exit *exec.ExitError
	switch {
	case state != nil && signalled(state) != 0:
		return silent{128 + signalled(state)}
	case state != nil && state.ExitCode() > 0:
		return silent{state.ExitCode()}
	case state != nil && state.Success(), err == nil, errors.As(err, &exit):
		return nil
	}
	return err
}

// placeOwnBinary makes a folder that holds cogctl and nothing else.
func placeOwnBinary(home string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the cogctl program: %w", err)
	}
	bin := filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return "", err
	}
	if runtime.GOOS != "windows" {
		return bin, os.Symlink(self, filepath.Join(bin, "cogctl"))
	}
	// Links need a privilege on Windows.
	program, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	return bin, os.WriteFile(filepath.Join(bin, "cogctl.exe"), program, 0o700)
}

// environ is CMD's environment: no COGCTL_* and no AWS_* of the caller's,
// so that nothing of it reaches a real account. No username is set: after
// cogctl login --username bob, bob it must be.
func (s stack) environ(environ []string, home, bin string) []string {
	kept := []string{}
	searchPath := bin
	for _, entry := range withoutAccounts(environ) {
		name, value, _ := strings.Cut(entry, "=")
		if strings.ToUpper(name) == "PATH" {
			searchPath += string(os.PathListSeparator) + value
			continue
		}
		kept = append(kept, entry)
	}
	return append(kept,
		"PATH="+searchPath,
		"COGCTL_CONFIG_DIR="+filepath.Join(home, "config"),
		"COGCTL_CACHE_DIR="+filepath.Join(home, "cache"),
		"COGCTL_PROFILE=sandbox",
		"COGCTL_PASSWORD="+s.password,
		"COGCTL_SANDBOX_CLOUD_URL="+s.Cloud,
		"COGCTL_SANDBOX_ISSUER="+s.Issuer,
		"COGCTL_SANDBOX_API_URL="+s.API,
		"COGCTL_SANDBOX_CONTROL_URL="+s.Control,
		"COGCTL_SANDBOX_CONTROL_KEY="+s.ControlKey,
		"COGCTL_SANDBOX_AWS_ACCESS_KEY_ID="+s.AccessKeyID,
		"COGCTL_SANDBOX_AWS_SECRET_ACCESS_KEY="+s.SecretAccessKey,
	)
}
