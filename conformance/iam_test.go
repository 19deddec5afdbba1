//go:build conformance

package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// TestAWSCLIIdentity lets the AWS CLI use what takes and gives AWS credentials: the
// identity pool, STS, Secrets Manager and Parameter Store.
func TestAWSCLIIdentity(t *testing.T) {
	t.Parallel()
	at := startSandbox(t)
	public := newAWSCLI(t, at.Cloud)
	developer := public.withCredentials(at)
	answer := func(c awsCLI, into any, args ...string) {
		t.Helper()
		r := c.runService(t, args...)
		if r.code != 0 || json.Unmarshal([]byte(r.stdout), into) != nil {
			t.Fatalf("aws %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
		}
	}
	var who struct{ Account, Arn string }
	answer(developer, &who, "sts", "get-caller-identity")
	if who.Account != sandbox.AccountID || who.Arn != "arn:aws:iam::123456789012:user/developer" {
		t.Errorf("%+v", who)
	}
	var identity struct{ IdentityId string }
	answer(public, &identity, "cognito-identity", "get-id", "--identity-pool-id", sandbox.DefaultIdentityPoolID)
	var given struct {
		Credentials struct{ AccessKeyId, SecretKey, SessionToken string }
	}
	answer(public, &given, "cognito-identity", "get-credentials-for-identity", "--identity-id", identity.IdentityId)
	guest := public
	guest.env = append(guest.env[:len(guest.env):len(guest.env)], "AWS_ACCESS_KEY_ID="+given.Credentials.AccessKeyId,
		"AWS_SECRET_ACCESS_KEY="+given.Credentials.SecretKey, "AWS_SESSION_TOKEN="+given.Credentials.SessionToken)
	answer(guest, &who, "sts", "get-caller-identity")
	if who.Arn != "arn:aws:sts::123456789012:assumed-role/guest/CognitoIdentityCredentials" {
		t.Errorf("%+v", who)
	}
	var secret struct{ SecretString string }
	answer(developer, &secret, "secretsmanager", "get-secret-value", "--secret-id", sandbox.AppSecret)
	if !strings.Contains(secret.SecretString, `"app_id":"`+sandbox.MachineClientID+`"`) {
		t.Error("not the secret")
	}
	var parameter struct{ Parameter struct{ Type, Value string } }
	answer(developer, &parameter, "ssm", "get-parameter", "--with-decryption", "--name", sandbox.SecretParameter)
	if parameter.Parameter.Type != "SecureString" || parameter.Parameter.Value == "" {
		t.Errorf("%+v", parameter.Parameter.Type)
	}
	wrong := developer
	wrong.env = append(wrong.env[:len(wrong.env):len(wrong.env)], "AWS_SECRET_ACCESS_KEY=wrong")
	for want, c := range map[string]awsCLI{"AccessDeniedException": guest, "InvalidSignatureException": wrong} {
		r := c.runService(t, "secretsmanager", "get-secret-value", "--secret-id", sandbox.AppSecret)
		if r.code < 254 || !strings.Contains(r.stderr, "("+want+")") {
			t.Errorf("exit %d, want %s\n%s", r.code, want, r.stderr)
		}
	}
}

// TestCurlSigned lets curl sign for AWS_IAM. What it signs is accepted; the same
// with a byte changed is not. curl 7.88 neither sorts the query nor encodes the path
// twice, so both are already canonical here.
func TestCurlSigned(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("there is no curl")
	}
	at := startSandbox(t)
	run := func(secret string, args ...string) string {
		t.Helper()
		args = append([]string{"-q", "-s", "-o", os.DevNull, "-w", "%{http_code}", "--aws-sigv4", "aws:amz:us-east-1:execute-api", "-u", at.AccessKeyID + ":" + secret}, args...)
		out, err := exec.CommandContext(t.Context(), curl, args...).Output()
		if err != nil {
			t.Fatalf("curl: %v", err)
		}
		return string(out)
	}
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte(`{"k":"v"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		secret, want string
		args         []string
	}{
		"get":           {at.SecretAccessKey, "200", []string{at.API + "/iam/whoami?a=1&b=2"}},
		"HTTP API":      {at.SecretAccessKey, "200", []string{at.API + "/iam/http"}},
		"post":          {at.SecretAccessKey, "200", []string{"-H", "Content-Type: application/json", "--data-binary", "@" + body, at.API + "/iam/upload"}},
		"wrong secret":  {at.SecretAccessKey + "x", "403", []string{at.API + "/iam/whoami"}},
		"wrong service": {at.SecretAccessKey, "403", []string{"--aws-sigv4", "aws:amz:us-east-1:s3", at.API + "/iam/whoami"}},
		"wrong region":  {at.SecretAccessKey, "403", []string{"--aws-sigv4", "aws:amz:eu-west-1:execute-api", at.API + "/iam/whoami"}},
		"changed path":  {at.SecretAccessKey, "403", []string{"--request-target", "/iam/whoami?a=1", at.API + "/iam/whoami"}},
	} {
		if got := run(tt.secret, tt.args...); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// botocoreSigned signs with botocore, in the header and in the query, and prints the
// status of the request as it was signed, and then of every way of changing it.
const botocoreSigned = `
import json, os, sys, urllib.request, urllib.error
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

api, key, secret = sys.argv[1:]
credentials = Credentials(key, secret)

def send(method, url, headers, body):
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as e:
        return e.code

def signed(method, path, body=None):
    request = AWSRequest(method=method, url=api + path, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
    return request.method, request.url, dict(request.headers), body

def flipped(text, at):
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1:]

out = {}
method, url, headers, body = signed("POST", "/iam/upload?b=2&a=%2F%20x&a=1&c=", b'{"k":"v"}')
out["header"] = send(method, url, headers, body)
out["path"] = send(*signed("GET", "/iam/whoami?x=%E2%82%AC&y=a%2Bb"))
out["changed body"] = send(method, url, headers, b'{"k":"w"}')
out["changed query"] = send(method, url + "1", headers, body)
out["changed type"] = send(method, url, dict(headers, **{"Content-Type": "text/plain"}), body)
authorization = headers["Authorization"]
for name, at in (("signature", len(authorization) - 1), ("credential", authorization.index("Credential=") + 12)):
    out["changed " + name] = send(method, url, dict(headers, Authorization=flipped(authorization, at)), body)
request = AWSRequest(method="GET", url=api + "/iam/whoami?a=1")
SigV4QueryAuth(credentials, "execute-api", "us-east-1", expires=60).add_auth(request)
out["presigned"] = send("GET", request.url, {}, None)
out["changed presigned"] = send("GET", request.url.replace("a=1", "a=2"), {}, None)
print(json.dumps(out))
`

// TestBotocoreSigned: what botocore signs is accepted, and nothing that was changed.
func TestBotocoreSigned(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import botocore").Run(); err != nil {
		if os.Getenv("COGCTL_REQUIRE_AWSCLI") != "" {
			t.Fatal("python3-botocore is missing")
		}
		t.Skip("there is no botocore: apt-get install python3-botocore")
	}
	at := startSandbox(t)
	cmd := exec.CommandContext(t.Context(), python, "-c", botocoreSigned, at.API, at.AccessKeyID, at.SecretAccessKey)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=*", "no_proxy=*"}
	out, err := cmd.Output()
	var got map[string]int
	if err != nil || json.Unmarshal(out, &got) != nil || len(got) != 9 {
		t.Fatalf("%v %s", err, out)
	}
	for name, status := range got {
		want := 200
		if strings.HasPrefix(name, "changed") {
			want = 403
		}
		if status != want {
			t.Errorf("%s: %d, want %d", name, status, want)
		}
	}
}
