//go:build conformance

package conformance

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// awsWorld is a sandbox, a cogctl at it with the identity pool, and a ~/.aws/config
// whose profiles run that cogctl.
type awsWorld struct {
	cogctl
	at sandbox.Endpoints
}

func newAWSWorld(t *testing.T) awsWorld {
	t.Helper()
	at := startSandbox(t)
	c := inSandboxAt(t, at, "ann", sandbox.DefaultPassword).with(
		"COGCTL_IDENTITY_POOL_ID="+sandbox.DefaultIdentityPoolID, "COGCTL_ENDPOINT_IDENTITY_POOL="+at.Cloud,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	line := c.ok(t, "credentials", "--config-line")
	file := filepath.Join(c.home(), "aws config")
	text := fmt.Sprintf("[default]\nregion = us-east-1\n%s\n\n[profile guest]\nregion = us-east-1\n%s --guest\n\n[profile nobody]\n%s --username nobody\n", line, line, line)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return awsWorld{c.with("AWS_CONFIG_FILE="+file, "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(c.home(), "none")), at}
}

// command is a program that hears what this cogctl hears.
func (w awsWorld) command(t *testing.T, name string, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.WaitDelay = w.env, 5*time.Second
	var out, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return out.String(), err
}

// TestCredentialsAWSCLI: Debian's AWS CLI gets credentials from a credential_process,
// from the environment and from the endpoint of exec --serve; what it exports is what
// cogctl prints.
func TestCredentialsAWSCLI(t *testing.T) {
	t.Parallel()
	w := newAWSWorld(t)
	aws := newAWSCLI(t, w.at.Cloud).path
	whoami := []string{aws, "--endpoint-url", w.at.Cloud, "--region", "us-east-1", "--output", "text", "--query", "Arn", "sts", "get-caller-identity"}
	for name, row := range map[string]struct {
		args []string
		role string
	}{
		"credential_process": {whoami, "/admin/"},
		"a guest's":          {append(whoami[:len(whoami):len(whoami)], "--profile", "guest"), "/guest/"},
		"exec":               {append([]string{w.path, "exec", "--"}, whoami...), "/admin/"},
		"exec --serve":       {append([]string{w.path, "exec", "--serve", "--"}, whoami...), "/admin/"},
		"exec --guest":       {append([]string{w.path, "exec", "--guest", "--"}, whoami...), "/guest/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if arn, err := w.command(t, row.args[0], row.args[1:]...); err != nil || !strings.Contains(arn, row.role) {
				t.Errorf("%s%v", arn, err)
			}
		})
	}
	t.Run("formats", func(t *testing.T) {
		t.Parallel()
		for _, format := range []string{"process", "env"} {
			theirs, err := w.command(t, aws, "configure", "export-credentials", "--format", format)
			if err != nil {
				t.Fatal(err)
			}
			if ours := w.ok(t, "credentials", "--format", format); strings.ReplaceAll(theirs, "+00:00", "Z") != ours+"\n" {
				t.Errorf("%s: the AWS CLI and cogctl print two things", format)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		out, err := w.command(t, aws, append(whoami[1:len(whoami):len(whoami)], "--profile", "nobody")...)
		if err == nil || out != "" || !strings.Contains(err.Error(), "cogctl: ") {
			t.Errorf("%s%v", out, err)
		}
	})
}

// TestCredentialsJS: the AWS SDK for JavaScript does as much, and has credentials of the
// sandbox's identity pool by its own client.
func TestCredentialsJS(t *testing.T) {
	t.Parallel()
	w := newAWSWorld(t)
	token := w.ok(t, "token", "--type", "id")
	peer := node(t, "credentials.mjs")
	peer.Env = append(w.env, "COGCTL_SANDBOX_CLOUD_URL="+w.at.Cloud, "PEER_ID_TOKEN="+token, "PEER_IDENTITY_POOL_ID="+sandbox.DefaultIdentityPoolID)
	judge(t, peer, []string{"process", "process: a guest", "process: refused", "identity pool", "identity pool: a guest"})

	inner := node(t, "credentials.mjs", "served")
	served := exec.CommandContext(t.Context(), w.path, append([]string{"exec", "--serve", "--"}, inner.Args...)...)
	served.Env, served.WaitDelay = append(w.env, "COGCTL_SANDBOX_CLOUD_URL="+w.at.Cloud), 5*time.Second
	judge(t, served, []string{"served"})
}

// servedByGo makes this test binary the program that cogctl exec --serve runs.
const servedByGo = "CONFORMANCE_SERVED"

// TestCredentialsGo: so does the AWS SDK for Go, which is asked for credentials in a
// process of its own, with the environment that it finds there.
func TestCredentialsGo(t *testing.T) {
	if at := os.Getenv(servedByGo); at != "" {
		askByGo(t, at)
		return
	}
	t.Parallel()
	w := newAWSWorld(t)
	w.env = append(w.env, servedByGo+"="+w.at.Cloud, binaryVar+"="+w.path)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := []string{self, "-test.run", "^TestCredentialsGo$", "-test.v"}
	for source, args := range map[string][]string{
		"ProcessProvider":             again,
		"EnvConfigCredentials":        append([]string{w.path, "exec", "--"}, again...),
		"CredentialsEndpointProvider": append([]string{w.path, "exec", "--serve", "--"}, again...),
	} {
		out, err := w.command(t, args[0], args[1:]...)
		if err != nil || !strings.Contains(out, "source "+source) || !strings.Contains(out, "assumed-role/admin/") {
			t.Errorf("%s: %v\n%s", source, err, out)
		}
	}
}

// askByGo gets credentials by the SDK's default chain and asks STS whose they are.
func askByGo(t *testing.T, at string) {
	loaded, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := loaded.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("source %s, expires %v", found.Source, found.CanExpire)
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
	if err := v4.NewSigner().SignHTTP(t.Context(), found, r, hash, "sts", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	t.Logf("%d %s", response.StatusCode, answer)
}
