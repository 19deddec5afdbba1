//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// awsCLI is the AWS CLI in front of a sandbox. It reads no file of the machine's
// own, and goes nowhere else: it asks no metadata service, and the endpoint is
// on each command line because older versions ignore AWS_ENDPOINT_URL.
type awsCLI struct {
	path     string
	endpoint string
	env      []string
	program  *awsProgram
}

// newAWSCLI prefers Debian's: another one that is first on PATH may be a shim
// without a program behind it. COGCTL_REQUIRE_AWSCLI makes a missing one a
// failure.
func newAWSCLI(t *testing.T, endpoint string) awsCLI {
	t.Helper()
	path := "/usr/bin/aws"
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("aws"); err != nil {
			if os.Getenv("COGCTL_REQUIRE_AWSCLI") != "" {
				t.Fatal("there is no aws: apt-get install awscli")
			}
			t.Skip("there is no aws: apt-get install awscli")
		}
	}
	home := t.TempDir()
	config := filepath.Join(home, "config") // version 1 would print timestamps as they came
	if err := os.WriteFile(config, []byte("[default]\ncli_timestamp_format = iso8601\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "AWS_CONFIG_FILE=" + config, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_DEFAULT_REGION=us-east-1", "AWS_DEFAULT_OUTPUT=json", "AWS_PAGER=",
	}
	return awsCLI{path: path, endpoint: endpoint, env: env, program: &awsProgram{t: t, path: path, env: env}}
}

// withCredentials has the access key of the run.
func (c awsCLI) withCredentials(at sandbox.Endpoints) awsCLI {
	c.env = append(slices.Clone(c.env), "AWS_ACCESS_KEY_ID="+at.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+at.SecretAccessKey)
	return c
}

func (c awsCLI) run(t *testing.T, args ...string) result {
	t.Helper()
	return c.runService(t, append([]string{"cognito-idp"}, args...)...)
}

// runService is run for any service.
func (c awsCLI) runService(t *testing.T, args ...string) result {
	t.Helper()
	args = append([]string{"--endpoint-url", c.endpoint}, args...)
	if r, ok := c.program.run(t, c, args); ok {
		return r
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Env = c.env
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, isExit := errors.AsType[*exec.ExitError](err); err != nil && !isExit {
		t.Fatalf("aws %s: %v", args[2], err)
	}
	return result{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// awsAnswer are the members of the answers that are looked at.
type awsAnswer struct {
	User                 struct{ Username, UserStatus string }
	Username             string
	UserStatus           string
	Enabled              bool
	UserSub              string
	UserConfirmed        bool
	UserCreateDate       string // ISO 8601, though the service sends seconds
	UserAttributes       []struct{ Name, Value string }
	ChallengeName        string
	Session              string
	CodeDeliveryDetails  struct{ Destination, DeliveryMedium string }
	AuthenticationResult struct {
		AccessToken, IdToken, RefreshToken, TokenType string
		ExpiresIn                                     int
	}
}

func (a awsAnswer) attribute(name string) string {
	for _, attribute := range a.UserAttributes {
		if attribute.Name == name {
			return attribute.Value
		}
	}
	return ""
}

// ok runs what has to succeed. Some operations answer with nothing at all.
func (c awsCLI) ok(t *testing.T, args ...string) awsAnswer {
	t.Helper()
	r := c.run(t, args...)
	if r.code != 0 {
		t.Fatalf("aws %s: exit %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	var answer awsAnswer
	if strings.TrimSpace(r.stdout) == "" {
		return answer
	}
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		t.Fatalf("aws %s: %v", args[0], err)
	}
	return answer
}

// refused runs what has to be refused with an error of this type. What a service
// refuses is 254 of version 2 of the CLI, and of version 1 sometimes 255.
func (c awsCLI) refused(t *testing.T, want string, args ...string) {
	t.Helper()
	r := c.run(t, args...)
	if r.code < 254 || !strings.Contains(r.stderr, "("+want+")") {
		t.Errorf("aws %s: exit %d, want 254 or 255, and %s\n%s", strings.Join(args, " "), r.code, want, r.stderr)
	}
}

// The pool and the app client, as the CLI wants to hear of them.
var (
	inPool     = []string{"--user-pool-id", sandbox.DefaultPoolID}
	withClient = []string{"--client-id", sandbox.PublicClientID}
)

// TestAWSCLI lets the AWS CLI make a user and sign in as him, and then cogctl.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	at := startSandbox(t)
	public := newAWSCLI(t, at.Cloud)
	admin := public.withCredentials(at)
	named := func(operation, username string, args ...string) []string {
		return slices.Concat([]string{operation}, inPool, []string{"--username", username}, args)
	}
	begin := func(password string) []string {
		return slices.Concat([]string{"admin-initiate-auth"}, inPool, withClient,
			[]string{"--auth-flow", "ADMIN_USER_PASSWORD_AUTH", "--auth-parameters", "USERNAME=dora,PASSWORD=" + password})
	}

	made := admin.ok(t, named("admin-create-user", "dora", "--temporary-password", "Temp0rary!", "--message-action", "SUPPRESS",
		"--user-attributes", "Name=email,Value=dora@example.com", "Name=email_verified,Value=true")...)
	if made.User.Username != "dora" || made.User.UserStatus != "FORCE_CHANGE_PASSWORD" {
		t.Fatalf("admin-create-user made %+v", made.User)
	}
	admin.refused(t, "UsernameExistsException", named("admin-create-user", "dora")...)
	if r := public.run(t, named("admin-get-user", "dora")...); r.code == 0 || r.stdout != "" {
		t.Errorf("admin-get-user without credentials: exit %d, %s", r.code, r.stdout)
	}

	challenge := admin.ok(t, begin("Temp0rary!")...)
	if challenge.ChallengeName != "NEW_PASSWORD_REQUIRED" {
		t.Fatalf("the temporary password gives the challenge %q", challenge.ChallengeName)
	}
	answer := slices.Concat([]string{"admin-respond-to-auth-challenge"}, inPool, withClient, []string{
		"--challenge-name", challenge.ChallengeName, "--session=" + challenge.Session, // it may begin with a dash
		"--challenge-responses", "USERNAME=dora,NEW_PASSWORD=Brand-new-0!",
	})
	tokens := admin.ok(t, answer...).AuthenticationResult
	if tokens.TokenType != "Bearer" || tokens.ExpiresIn != 3600 || claims(t, tokens.IdToken)["cognito:username"] != "dora" {
		t.Errorf("the answer to the challenge gave type %q, %d s, claims %v", tokens.TokenType, tokens.ExpiresIn, claims(t, tokens.IdToken))
	}
	admin.refused(t, "NotAuthorizedException", begin("Temp0rary!")...)

	user := admin.ok(t, named("admin-get-user", "dora")...)
	if created, err := time.Parse(time.RFC3339, user.UserCreateDate); err != nil || time.Since(created).Abs() > time.Minute {
		t.Errorf("UserCreateDate is %q (%v)", user.UserCreateDate, err)
	}
	if user.UserStatus != "CONFIRMED" || !user.Enabled || user.attribute("email") != "dora@example.com" {
		t.Errorf("admin-get-user found %+v", user)
	}
	self := public.ok(t, "get-user", "--access-token", tokens.AccessToken)
	if self.Username != "dora" || self.attribute("sub") != user.attribute("sub") {
		t.Errorf("get-user found %+v, admin-get-user %+v", self, user)
	}

	c := inSandboxAt(t, at, "dora", "Brand-new-0!")
	c.ok(t, "login")
	if sub := claims(t, c.ok(t, "token", "print", "--type", "id"))["sub"]; sub != user.attribute("sub") {
		t.Errorf("cogctl signed in as %v, the CLI made %s", sub, user.attribute("sub"))
	}
	c.ok(t, "token", "refresh")
	admin.ok(t, named("admin-user-global-sign-out", "dora")...)
	c.refused(t, 4, "token", "refresh")
	public.refused(t, "NotAuthorizedException", "get-user", "--access-token", tokens.AccessToken)
}

// TestAWSCLIPublic is what the CLI does without credentials, and what
// admin-set-user-password does to it.
func TestAWSCLIPublic(t *testing.T) {
	t.Parallel()
	at := startSandbox(t)
	public := newAWSCLI(t, at.Cloud)
	admin := public.withCredentials(at)
	signIn := func(username, password string) []string {
		return slices.Concat([]string{"initiate-auth"}, withClient,
			[]string{"--auth-flow", "USER_PASSWORD_AUTH", "--auth-parameters", "USERNAME=" + username + ",PASSWORD=" + password})
	}
	setPassword := func(username string) []string {
		return slices.Concat([]string{"admin-set-user-password"}, inPool, []string{"--username", username, "--password", "Brand-new-0!", "--permanent"})
	}

	signUp := slices.Concat([]string{"sign-up"}, withClient, []string{
		"--username", "emil", "--password", sandbox.DefaultPassword, "--user-attributes", "Name=email,Value=emil@example.com",
	})
	signedUp := public.ok(t, signUp...)
	if signedUp.UserConfirmed || signedUp.UserSub == "" || signedUp.CodeDeliveryDetails.Destination != "e***@e***" {
		t.Errorf("sign-up answered %+v", signedUp)
	}
	public.refused(t, "UserNotConfirmedException", signIn("emil", sandbox.DefaultPassword)...)

	public.refused(t, "NotAuthorizedException", signIn("ann", "Wr0ng-password!")...)
	tokens := public.ok(t, signIn("ann", sandbox.DefaultPassword)...).AuthenticationResult
	if id := claims(t, tokens.IdToken); id["cognito:username"] != "ann" || id["aud"] != sandbox.PublicClientID {
		t.Errorf("initiate-auth gave an ID token for %v at %v", id["cognito:username"], id["aud"])
	}

	before := inSandboxAt(t, at, "ann", sandbox.DefaultPassword)
	before.ok(t, "login")
	admin.ok(t, setPassword("ann")...)
	inSandboxAt(t, at, "ann", "Brand-new-0!").ok(t, "login")
	inSandboxAt(t, at, "ann", sandbox.DefaultPassword).refused(t, 3, "login")
	admin.refused(t, "UserNotFoundException", setPassword("nobody")...)
}

// inSandboxAt is a cogctl in front of a sandbox, with a home of its own.
func inSandboxAt(t *testing.T, at sandbox.Endpoints, user, password string) cogctl {
	t.Helper()
	return newCogctl(t,
		"COGCTL_ENDPOINT_USER_POOL="+at.Cloud,
		"COGCTL_USER_POOL_ID="+sandbox.DefaultPoolID,
		"COGCTL_CLIENT_ID="+sandbox.PublicClientID,
		"COGCTL_USERNAME="+user,
		"COGCTL_PASSWORD="+password,
	)
}

// TestAWSCLIDescribes is what the CLI reads of a pool, its clients and its users;
// the CLI follows the pages by itself.
func TestAWSCLIDescribes(t *testing.T) {
	t.Parallel()
	at := startSandbox(t)
	admin := newAWSCLI(t, at.Cloud).withCredentials(at)
	read := func(into any, args ...string) {
		t.Helper()
		r := admin.run(t, args...)
		if r.code != 0 {
			t.Fatalf("aws %s: exit %d\n%s", strings.Join(args, " "), r.code, r.stderr)
		}
		if err := json.Unmarshal([]byte(r.stdout), into); err != nil {
			t.Fatalf("aws %s: %v", args[0], err)
		}
	}

	var pool struct {
		UserPool struct {
			Id, MfaConfiguration string
			Policies             struct{ PasswordPolicy struct{ MinimumLength int } }
		}
	}
	read(&pool, slices.Concat([]string{"describe-user-pool"}, inPool)...)
	if pool.UserPool.Id != sandbox.DefaultPoolID || pool.UserPool.MfaConfiguration != "OPTIONAL" || pool.UserPool.Policies.PasswordPolicy.MinimumLength != 8 {
		t.Errorf("describe-user-pool found %+v", pool)
	}
	admin.refused(t, "ResourceNotFoundException", "describe-user-pool", "--user-pool-id", "us-east-1_Nowhere")

	var clients struct {
		UserPoolClients []struct{ ClientId, ClientName, UserPoolId string }
	}
	read(&clients, slices.Concat([]string{"list-user-pool-clients"}, inPool, []string{"--page-size", "1"})...)
	found := map[string]bool{}
	for _, c := range clients.UserPoolClients {
		found[c.ClientId] = true
	}
	if !found[sandbox.PublicClientID] || !found[sandbox.SecretClientID] || len(found) != len(clients.UserPoolClients) {
		t.Errorf("list-user-pool-clients found %+v", clients)
	}

	var client struct {
		UserPoolClient struct {
			ClientId, ClientSecret string
			ExplicitAuthFlows      []string
		}
	}
	read(&client, slices.Concat([]string{"describe-user-pool-client"}, inPool, withClient)...)
	if c := client.UserPoolClient; c.ClientId != sandbox.PublicClientID || c.ClientSecret != "" || !slices.Contains(c.ExplicitAuthFlows, "ALLOW_USER_SRP_AUTH") {
		t.Errorf("describe-user-pool-client found %+v", c)
	}

	var users struct {
		Users []struct {
			Username, UserStatus string
			Attributes           []struct{ Name, Value string }
		}
	}
	read(&users, slices.Concat([]string{"list-users"}, inPool, []string{"--page-size", "3"})...)
	names := map[string]string{}
	for _, u := range users.Users {
		names[u.Username] = u.UserStatus
	}
	if len(names) != len(users.Users) || names["ann"] != "CONFIRMED" || names["new"] != "FORCE_CHANGE_PASSWORD" {
		t.Errorf("list-users found %v", names)
	}
	read(&users, slices.Concat([]string{"list-users"}, inPool, []string{"--filter", `email = "bob@example.com"`, "--attributes-to-get", "email"})...)
	if len(users.Users) != 1 || users.Users[0].Username != "bob" || len(users.Users[0].Attributes) != 1 {
		t.Errorf("list-users by e-mail found %+v", users)
	}
	admin.refused(t, "InvalidParameterException", slices.Concat([]string{"list-users"}, inPool, []string{"--filter", "email"})...)
}
