package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/awscred"
)

// hostileTexts would run touch, or end the value, in one reader or another.
func hostileTexts() []string {
	texts := []string{
		"$(touch ran)", "`touch ran`", "'; touch ran; '", `"; touch ran; "`, "; touch ran", "\ntouch ran\n", "\rtouch ran", "a\x00b",
		"${IFS}touch${IFS}ran", "(touch ran)", "$((touch ran))", "& touch ran", "| touch ran", "> ran", "< ran", "a b", "a\tb", "*", "?", "[a]", "{a,b}",
		"~", "!!", "#", "\\", "%PATH%", "%(x)s", "^", "$Env:PATH", "\"$(touch ran)\"", "\u2028touch ran", "\u00a0", "\u202e", "é", "\x7f", "\x1b[2J",
		"\n[default]\ncredential_process = touch ran", "\\n", "a,b", "a:b", "a@b", "<a>", "a&b", "\xff",
	}
	return texts
}

// TestFormatsRefuse: a value that is none of AWS's goes into no output at all.
func TestFormatsRefuse(t *testing.T) {
	t.Parallel()
	good := awscred.Credentials{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "a/b+c=", SessionToken: "d/e+f=_-", AccountID: "123456789012"}
	for _, format := range credentialFormats() {
		if text, err := formatCredentials(good, format); err != nil || !strings.Contains(text, "d/e+f=_-") {
			t.Errorf("%s refuses what is good: %v", format, err)
		}
		for _, hostile := range hostileTexts() {
			for _, spoil := range []func(*awscred.Credentials){
				func(c *awscred.Credentials) { c.AccessKeyID += hostile },
				func(c *awscred.Credentials) { c.SecretAccessKey = hostile + c.SecretAccessKey },
				func(c *awscred.Credentials) { c.SessionToken = hostile },
				func(c *awscred.Credentials) { c.AccountID = hostile },
			} {
				bad := good
				spoil(&bad)
				if text, err := formatCredentials(bad, format); err == nil || text != "" || strings.Contains(err.Error(), hostile) && len(hostile) > 3 {
					t.Errorf("%s of %+q: %q, %v", format, hostile, text, err)
				}
			}
		}
	}
}

// reader is a real program that takes an output in and prints the three values.
type reader struct {
	format  string
	program string
	args    func(text string) []string
}

func readers() []reader {
	const show = `printf '%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN"`
	evaluated := func(text string) []string { return []string{"-c", `eval "$1"; ` + show, "-", text} }
	sourced := func(text string) []string { return []string{"-c", text + show} }
	return []reader{
		{"env", "sh", evaluated}, {"env", "bash", evaluated}, {"env-no-export", "sh", sourced}, {"env-no-export", "bash", sourced},
		{"env", "bash", func(text string) []string {
			return []string{"-c", text + "printenv AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"}
		}},
		{"fish", "fish", func(text string) []string {
			return []string{"--no-config", "-c", "echo $argv[1] | source; " + show, text}
		}},
		{"process", "python3", func(text string) []string {
			return []string{"-c", "import json,sys\nd=json.loads(sys.argv[1])\nassert d['Version']==1\nfor n in ('AccessKeyId','SecretAccessKey','SessionToken'): print(d[n])", text}
		}},
		{"env-no-export", "python3", func(text string) []string {
			return []string{"-c", "import configparser,sys\nc=configparser.RawConfigParser()\nc.read_string('[default]\\n'+sys.argv[1])\nfor n in ('aws_access_key_id','aws_secret_access_key','aws_session_token'): print(c['default'][n])", text}
		}},
	}
}

// TestFormatsRead: what may be printed is read by the real readers as it was, and
// nothing runs.
func TestFormatsRead(t *testing.T) {
	t.Parallel()
	for _, c := range []awscred.Credentials{
		{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY=", SessionToken: "-n/e+=_-=", Expires: time.Unix(2e9, 0)},
		{AccessKeyID: "0123456789012345", SecretAccessKey: "-e", SessionToken: strings.Repeat("Az09+/=_-", 200)},
	} {
		for _, r := range readers() {
			path, err := exec.LookPath(r.program)
			if err != nil {
				t.Logf("no %s here", r.program)
				continue
			}
			text, err := formatCredentials(c, r.format)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, r.args(text)...)
			cmd.Dir = t.TempDir()
			cmd.Env = []string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH")}
			out, err := cmd.CombinedOutput()
			want := strings.Join([]string{c.AccessKeyID, c.SecretAccessKey, c.SessionToken, ""}, "\n")
			if err != nil || string(out) != want {
				t.Errorf("%s of %s: %v\n%s", r.format, r.program, err, cmp.Diff(want, string(out)))
			}
		}
	}
}

// TestConfigLine: the words of the line come out of the shell, and out of an INI
// reader with the AWS CLI's splitting, as they went in; or it is refused.
func TestConfigLine(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the readers are sh's")
	}
	folder := t.TempDir()
	var want, commands, file string
	written := 0
	for n, hostile := range append(hostileTexts(), "plain", "with space", "$HOME", "a\"b", "=", "-") {
		if strings.ContainsAny(hostile, "/\x00") {
			continue
		}
		program := filepath.Join(folder, "cogctl "+hostile)
		words := []string{program, "credentials", "--profile", "dev.x_1-y", "--role", "arn:aws:iam::123456789012:role/a+b=c,d.e@f"}
		line, err := configLine(words, false)
		if err != nil {
			if strings.Trim(hostile, "abcdefghijklmnopqrstuvwxyz ") == "" {
				t.Errorf("%q is refused: %v", hostile, err)
			}
			continue
		}
		written++
		if err := os.WriteFile(program, []byte("#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		want += strings.Join(words, "\n") + "\n"
		commands += strings.TrimPrefix(line, "credential_process = ") + "\n"
		file += fmt.Sprintf("[profile p%d]\nregion = us-east-1\n%s\noutput = json\n", n, line)
	}
	if written < 10 {
		t.Errorf("only %d lines were written", written)
	}
	const split = `import configparser,shlex,sys
c=configparser.RawConfigParser()
c.read_string(sys.argv[1])
for s in c.sections():
  for w in shlex.split(c[s]['credential_process']): print(w)`
	for _, args := range [][]string{{"sh", "-c", commands}, {"bash", "-c", commands}, {"python3", "-X", "utf8", "-c", split, file}} {
		if _, err := exec.LookPath(args[0]); err != nil {
			t.Logf("no %s here", args[0])
			continue
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%s: %v\n%s", args[0], err, cmp.Diff(want, string(out)))
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "ran")); err == nil {
		t.Error("something ran")
	}
	if line, err := configLine([]string{`C:\Program Files\cogctl.exe`, "credentials"}, true); err != nil || line != `credential_process = "C:\Program Files\cogctl.exe" credentials` {
		t.Errorf("Windows: %s, %v", line, err)
	}
	if _, err := configLine([]string{`C:\100%\cogctl.exe`}, true); err == nil {
		t.Error("Windows: a percent sign")
	}
}

func TestDefaultHasCredentials(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                                    false,
		"[default]\nregion = us-east-1":       false,
		"[default]\naws_access_key_id = AKIA": true,
		"[profile default]\r\ncredential_process = x\r\n":                          true,
		" [ default ] # comment\n  ROLE_ARN=x":                                     true,
		"[default]\n# role_arn = x":                                                false,
		"[default]\nregion = x\n[profile dev]\nrole_arn = x":                       false,
		"[dev]\naws_access_key_id = AKIA\n[default]\noutput = json":                false,
		"[sso-session default]\nsso_region = x":                                    false,
		"[default]\nsso_session = x":                                               true,
		"[default]\noutput = json\n[dev]\nregion=x\n[default]\nsource_profile = y": true,
	} {
		if got := defaultHasCredentials(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestWithoutAWS: no way to other credentials is left, and nothing else is lost.
func TestWithoutAWS(t *testing.T) {
	t.Parallel()
	keep := []string{"PATH=/bin", "AWS_REGION=eu-west-1", "AWS_CONFIG_FILE=/x", "AWS_SHARED_CREDENTIALS_FILE=/y", "AWS_CA_BUNDLE=/z", "AWS_PROFILES=x",
		"AWS_ENDPOINT_URL=http://localhost:1", "AWS_EC2_METADATA_DISABLED=true", "X=AWS_PROFILE=1"}
	drop := []string{"AWS_ACCESS_KEY_ID=x", "AWS_ACCESS_KEY=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_SECRET_KEY=x", "AWS_SESSION_TOKEN=x", "AWS_SECURITY_TOKEN=x",
		"AWS_PROFILE=x", "AWS_DEFAULT_PROFILE=x", "AWS_ROLE_ARN=x", "AWS_ROLE_SESSION_NAME=x", "AWS_WEB_IDENTITY_TOKEN_FILE=x", "aws_profile=x",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=x", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=x", "AWS_CONTAINER_AUTHORIZATION_TOKEN=x",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=x", "AWS_CREDENTIAL_EXPIRATION=x", "AWS_ACCOUNT_ID=x", "AWS_CREDENTIAL_FILE=x",
		"AWS_BEARER_TOKEN_BEDROCK=x", "AWS_SESSION_EXPIRATION=x"}
	if diff := cmp.Diff(keep, withoutAWS(append(append([]string{}, drop...), append(keep, drop...)...))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
