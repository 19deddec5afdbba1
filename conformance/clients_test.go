//go:build conformance

package conformance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// script is one of js/ that drives a client, and the checks it prints, "ok NAME"
// a line. A script that stops half-way prints fewer, so each has to be there by
// name.
type script struct {
	file    string
	checks  []string // against every server
	sandbox []string // those that need the sandbox's control listener
	client  string   // the app client there, instead of the public one
}

var (
	identitySignIn = script{file: "identity-js.mjs", checks: []string{"SRP sign-in", "wrong password refused", "new password", "refresh"}}
	amplifySignIn  = script{file: "amplify.mjs", checks: identitySignIn.checks}
	identityDevice = script{
		file: "identity-devices.mjs",
		checks: []string{
			"device confirmed", "device instead of the code", "refresh with the device", "wrong password of the user",
			"tampered device refused", "opt-in", "device forgotten",
		},
		sandbox: []string{
			"device where no code is needed", "device with USER_PASSWORD_AUTH", "device by e-mail address", "device does not replace the code", "devices off",
		},
	}
	srpHelper = script{
		file: "srp-helper.mjs", client: sandbox.SecretClientID,
		checks: []string{
			"SRP sign-in", "wrong password refused", "new password",
			"device confirmed", "device instead of the code", "tampered device refused", "refresh",
		},
		sandbox: []string{
			"secret hash", "by e-mail address", "device with a secret", "choice with a secret", "custom challenge with a secret",
			"administrator with a secret", "GetTokensFromRefreshToken", "RevokeToken", "account with a secret",
		},
	}
	identityMFA = script{file: "identity-mfa.mjs", sandbox: []string{
		"TOTP set-up", "TOTP sign-in", "MFA_SETUP", "SMS code", "SMS switched off", "SELECT_MFA_TYPE",
		"custom challenge", "custom challenge: three wrong answers", "custom challenge after SRP",
		"USER_PASSWORD_AUTH", "new password with a required attribute",
	}}
	identityAccount = script{file: "identity-account.mjs", sandbox: []string{
		"sign-up", "forgotten password", "change of password", "attributes", "sign-out revokes", "global sign-out",
		"session from the storage", "no refresh where tokens rotate", "app client with a secret", "users who may not sign in", "deletion",
	}}
	amplifyChallenges = script{file: "amplify-challenges.mjs", sandbox: []string{
		"TOTP set-up", "TOTP sign-in", "TOTP set-up within the sign-in", "codes by SMS and e-mail", "choice of the second factor",
		"first factor by preference", "first factor by choice", "temporary password by choice", "custom challenge", "device",
	}}
	amplifyAccount = script{file: "amplify-account.mjs", sandbox: []string{
		"sign-up", "sign-up, then sign-in by the password", "sign-up, then sign-in by its code", "forgotten password", "change of password",
		"attributes", "preference of a second factor", "first factor by SMS", "deletion", "new password with a required attribute",
		"choice of the factor to set up",
	}}
	amplifySessions = script{file: "amplify-sessions.mjs", sandbox: []string{
		"without rotation", "with rotation", "with rotation and a time of grace", "expired refresh token", "sign-out", "global sign-out",
	}}
)

// TestClients lets the two JavaScript clients sign in, first to the SRP server
// that is not ours either, which shows that script and server are right, then
// to the sandbox.
func TestClients(t *testing.T) {
	for _, s := range []script{identitySignIn, amplifySignIn} {
		t.Run(s.file+"/control", func(t *testing.T) { judgeOnControl(t, s) })
		t.Run(s.file+"/sandbox", func(t *testing.T) {
			judge(t, inSandbox(t, node(t, s.file)), s.checks)
		})
	}
}

// TestClientsDevices is TestClients for devices that stand in for a code.
func TestClientsDevices(t *testing.T) { judgeOnBoth(t, identityDevice) }

// TestClientsSecret lets clients in that have a secret: not even the server that is
// the control has one, so what they say of it is said to the sandbox only.
func TestClientsSecret(t *testing.T) { judgeOnBoth(t, srpHelper) }

func judgeOnBoth(t *testing.T, s script) {
	t.Run("control", func(t *testing.T) {
		t.Parallel()
		judgeOnControl(t, s)
	})
	t.Run("sandbox", func(t *testing.T) {
		t.Parallel()
		judgeOnSandbox(t, s)
	})
}

// TestClientsSandbox lets the clients do what only the sandbox has. Here the
// control is in the scripts: beside each refusal the same call succeeds.
func TestClientsSandbox(t *testing.T) {
	for _, s := range []script{identityMFA, identityAccount, amplifyChallenges, amplifyAccount, amplifySessions} {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			judgeOnSandbox(t, s)
		})
	}
}

func judgeOnControl(t *testing.T, s script) {
	t.Helper()
	server := startSRPServer(t)
	cmd := node(t, s.file)
	cmd.Env = append(os.Environ(),
		"COGCTL_SANDBOX_CLOUD_URL="+server.URL, "PEER_POOL_ID="+server.Pool, "PEER_CLIENT_ID="+server.ClientID, "PEER_CODE="+server.Code)
	judge(t, cmd, s.checks)
}

func judgeOnSandbox(t *testing.T, s script) {
	t.Helper()
	at := startSandbox(t)
	cmd := node(t, s.file)
	cmd.Env = append(os.Environ(),
		"COGCTL_SANDBOX_CLOUD_URL="+at.Cloud, "COGCTL_SANDBOX_CONTROL_URL="+at.Control, "COGCTL_SANDBOX_CONTROL_KEY="+at.ControlKey,
		"COGCTL_SANDBOX_AWS_ACCESS_KEY_ID="+at.AccessKeyID, "COGCTL_SANDBOX_AWS_SECRET_ACCESS_KEY="+at.SecretAccessKey)
	if s.client != "" {
		cmd.Env = append(cmd.Env, "PEER_CLIENT_ID="+s.client)
	}
	judge(t, cmd, slices.Concat(s.checks, s.sandbox))
}

// startSandbox is a sandbox within this process, which ends with the test: what
// one test changes no other sees.
func startSandbox(t *testing.T) sandbox.Endpoints {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{Seed: sandbox.DefaultSeed(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Endpoints()
}

// inSandbox is the command `cogctl sandbox -- CMD`.
func inSandbox(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	c := newCogctl(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	args := append([]string{"sandbox", "--", cmd.Path}, cmd.Args[1:]...)
	wrapped := exec.CommandContext(ctx, c.path, args...)
	wrapped.Env = c.env
	wrapped.Cancel = func() error { return wrapped.Process.Signal(os.Interrupt) }
	wrapped.WaitDelay = 10 * time.Second
	return wrapped
}

func judge(t *testing.T, cmd *exec.Cmd, checks []string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v", filepath.Base(cmd.Path), err)
	}
	for _, name := range checks {
		if !regexp.MustCompile(`(?m)^ok ` + regexp.QuoteMeta(name) + `$`).Match(out) {
			t.Errorf("no %q", "ok "+name)
		}
	}
	if printed := regexp.MustCompile(`(?m)^ok `).FindAll(out, -1); len(printed) != len(checks) {
		t.Errorf("%d checks succeeded, want %d: the list here is that of the script", len(printed), len(checks))
	}
	if t.Failed() {
		t.Logf("output:\n%s", out)
	}
}
