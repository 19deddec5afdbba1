package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// contract is what users were promised, written down a second time.
var contract = struct{ globals, env, keys []string }{
	globals: strings.Fields(`profile region user-pool-id client-id domain issuer identity-pool-id username api-url debug no-input color`),
	env: strings.Fields(`PROFILE CONFIG_DIR CACHE_DIR REGION USER_POOL_ID CLIENT_ID CLIENT_SECRET DOMAIN ISSUER
		IDENTITY_POOL_ID USERNAME PASSWORD NEW_PASSWORD MFA_CODE TOTP_SECRET FLOW SCOPES API_URL API_AUTH API_KEY TOKEN FROM
		NO_INPUT ENDPOINT_USER_POOL ENDPOINT_IDENTITY_POOL ENDPOINT_STS ENDPOINT_JWKS ENDPOINT_LAMBDA DEBUG COLOR`),
	keys: strings.Fields(`region user_pool_id client_id client_secret domain issuer identity_pool_id username password flow scopes
		callback_urls from storage totp_secret new_password mfa_code api.url api.auth api.also api.key endpoints.user_pool endpoints.identity_pool endpoints.sts
		endpoints.jwks endpoints.lambda endpoints.secretsmanager endpoints.ssm identity_pool.flow identity_pool.role identity_pool.guest endpoints.from_aws_env debug no_input color`),
}

func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	var globals, env, keys, names, flags []string
	for _, f := range Fields() {
		names = append(names, f.Name)
		if f.Usage == "" || f.Flag == "" && f.Env == "" && f.Key == "" {
			t.Errorf("%s has no usage, or no way to be given", f.Name)
		}
		if f.Flag != "" {
			flags = append(flags, f.Flag)
		}
		if f.Global {
			globals = append(globals, f.Flag)
			if f.Env == "" || f.Key == "" && f.Name != "profile" {
				t.Errorf("%s: a global flag needs a variable and a key", f.Name)
			}
		}
		if f.Env != "" {
			env = append(env, strings.TrimPrefix(f.Env, "COGCTL_"))
		}
		if f.Key != "" {
			keys = append(keys, f.Key)
		}
		if f.Secret && (f.Flag != "" || f.Default != "") {
			t.Errorf("%s: a secret must have neither a flag nor a default", f.Name)
		}
		if _, err := f.normal(f.Default); err != nil {
			t.Errorf("%s: its own default: %v", f.Name, err)
		}
	}
	for what, got := range map[string][]string{"name": names, "flag": flags, "variable": env, "key": keys} {
		slices.Sort(got)
		if len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("a %s stands twice: %q", what, got)
		}
	}
	for _, c := range []struct {
		what      string
		got, want []string
	}{{"global flags", globals, contract.globals}, {"variables", env, contract.env}, {"keys", keys, contract.keys}} {
		slices.Sort(c.got)
		want := slices.Sorted(slices.Values(c.want))
		if diff := cmp.Diff(want, c.got); diff != "" {
			t.Errorf("%s (-promised +table):\n%s", c.what, diff)
		}
	}
}

func TestTableNamesAgree(t *testing.T) {
	t.Parallel()
	envOf := map[string]string{
		"endpoints.user_pool": "COGCTL_ENDPOINT_USER_POOL", "endpoints.identity_pool": "COGCTL_ENDPOINT_IDENTITY_POOL",
		"endpoints.sts": "COGCTL_ENDPOINT_STS", "endpoints.jwks": "COGCTL_ENDPOINT_JWKS", "endpoints.lambda": "COGCTL_ENDPOINT_LAMBDA",
	}
	flagOf := map[string]string{"scopes": "scope", "callback_urls": "callback-url", "api_auth": "auth"}
	keyOf := map[string]string{"api_url": "api.url", "api_auth": "api.auth", "api_also": "api.also", "api_key": "api.key", "from_aws_env": "endpoints.from_aws_env"}
	or := func(exceptions map[string]string, name, rule string) string {
		if e, ok := exceptions[name]; ok {
			return e
		}
		return rule
	}
	for _, f := range Fields() {
		if want := or(envOf, f.Name, "COGCTL_"+strings.ToUpper(f.Name)); f.Env != "" && f.Env != want {
			t.Errorf("%s: variable %s, want %s", f.Name, f.Env, want)
		}
		if want := or(flagOf, f.Name, strings.ReplaceAll(f.Name, "_", "-")); f.Flag != "" && f.Flag != want {
			t.Errorf("%s: flag %s, want %s", f.Name, f.Flag, want)
		}
		if want := or(keyOf, f.Name, f.Name); f.Key != "" && f.Key != want {
			t.Errorf("%s: key %s, want %s", f.Name, f.Key, want)
		}
	}
	fields := Fields()
	fields[0].Name = "changed"
	if Fields()[0].Name == "changed" {
		t.Error("a caller can change the table")
	}
}

func TestChildEnv(t *testing.T) {
	t.Parallel()
	drop := []string{
		"COGCTL_CLIENT_SECRET=x", "COGCTL_PASSWORD=x", "COGCTL_NEW_PASSWORD=x", "COGCTL_TOKEN=x", "COGCTL_MFA_CODE=x",
		"COGCTL_TOTP_SECRET=x", "COGCTL_API_KEY=x", "COGCTL_ANSWER_PET=x", "Cogctl_Password=x", "COGCTL_TOKEN=",
		"COGCTL_SANDBOX_CONTROL_KEY=x", "COGCTL_SANDBOX_AWS_SECRET_ACCESS_KEY=x",
	}
	keep := []string{
		"PATH=/bin", "COGCTL_PROFILE=dev", "COGCTL_USERNAME=ann", "COGCTL_TOKENS=x", "PASSWORD=x", "X=COGCTL_TOKEN=1",
		`=C:=C:\dir`, "EMPTY=", "COGCTL_ENDPOINT_STS=http://localhost:1",
	}
	if diff := cmp.Diff(keep, ChildEnv(slices.Concat(drop, keep, drop))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestIsReference(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"env:A": true, "file:/x": true, "cmd:x": true, "keyring:x": true, "secretsmanager:x#y": true, "ssm:/x": true,
		"ENV:A": false, "env": false, "https://x": false, "": false, ":": false, "vault:x": false, "cmd": false,
	} {
		if got := IsReference(s); got != want {
			t.Errorf("IsReference(%q) = %v, want %v", s, got, want)
		}
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 65)
	for name, c := range map[string]struct {
		check     func(string) error
		good, bad []string
	}{
		"name":   {CheckName, []string{"dev", "a.b-c_D9", long[:64], "."}, []string{"", long, "a b", "a/b", "ä", "a\n"}},
		"region": {checkRegion, []string{"us-east-1", "local", "us-gov-west-1"}, []string{"us east", "evil.com/", "US-EAST-1", "-x", "a.b", "a@b", strings.Repeat("a", 33)}},
		"pool": {checkPoolID, []string{"us-east-1_Ab12Cd34E", "local_1", "us_east_X9", "us-east-1_Sandbox01"},
			[]string{"us-east-1", "us-east-1_", "_Ab12", "us-east-1_Ab-12", "us-east-1:1b6e", "us east_1", "us-east-1_é", "us-east-1_" + long[:46]}},
		"url": {checkURL, []string{"https://a.example", "https://a.example:8443/v1/", "http://127.0.0.1:9400", "http://localhost:1", "http://[::1]:80/x", "http://x.localhost"},
			[]string{"http://a.example", "https://", "a.example", "ftp://a.example", "https://u:p@a.example", "https://a.example/?q", "https://a.example/#f",
				"https://a.example:0", "https://a.example:99999", "https://a b", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://evillocalhost", "//a.example", "https:a.example", "http://u@localhost", "\x00"}},
		"callback": {checkCallback, []string{"http://localhost:17170/callback", "https://a.example/cb", "myapp://signed-in", "myapp:/x"}, []string{"localhost", "localhost:17170/callback", "http://u@localhost/", "http://localhost/#f", "/x"}},
		"auth":     {oneOf("id", "none"), []string{"id", "none"}, []string{"ID", "idd", ""}},
		"storage":  {checkStorage, []string{"file", "none"}, []string{"keyring", "File", "x"}},
		"word":     {checkWord, []string{"2iqdo52jkqg0q2cqbe76qah08", "1-a.apps.googleusercontent.com"}, []string{"a b", "a\n", "\x7f"}},
	} {
		for _, s := range c.good {
			if err := c.check(s); err != nil {
				t.Errorf("%s refuses %q: %v", name, s, err)
			}
		}
		for _, s := range c.bad {
			if err := c.check(s); err == nil {
				t.Errorf("%s accepts %q", name, s)
			}
		}
	}
}

func TestMessagesHelp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{checkPoolID("us-east-1"), `"us-east-1" is not a user pool id: one looks like us-east-1_Ab12Cd34E`},
		{checkPoolID("arn:aws:cognito-idp:us-east-1:1:userpool/us-east-1_X"), "wanted: us-east-1_X"},
		{checkPoolID("us-east-1:1b6e"), "identity pool id"},
		{checkURL("acme.auth.us-east-1.amazoncognito.com"), "lacks the scheme: https://acme.auth"},
		{checkURL("http://a.example"), "plain http"},
		{checkUsername(" \t"), `" \t" is blank`},
		{checkUsername("ann\r"), `"ann\r" begins or ends with white space`},
		{checkUsername("\u00a0ann"), `begins or ends with white space`},
		{checkUsername("a\nb"), `"a\nb" has control characters`},
		{checkUsername("a\u009bb"), `"a\u009bb" has control characters`},
		{checkStorage("keyring"), "this version has file and none"},
		{oneOf("srp", "password")("pasword"), `did you mean "password"?`},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v lacks %q", c.err, c.want)
		}
	}
	for _, url := range []string{"https://u:hunter2@a.example", "u:hunter2@a.example", "https://u:hunter2@a b.example"} {
		if err := checkURL(url); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// writeFile makes a directory for the user alone, with a config.toml of text.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cogctl")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustRead(t *testing.T, text string) *File {
	t.Helper()
	f, err := Read(writeFile(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// given makes inputs from "NAME=value" (environment, without COGCTL_) and
// "--name=value" (flag by field name).
func given(settings ...string) Inputs {
	in := Inputs{Flags: map[string]string{}}
	env := map[string]string{}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		if flag, ok := strings.CutPrefix(name, "--"); ok {
			in.Flags[flag] = value
		} else {
			env["COGCTL_"+name] = value
		}
	}
	in.Getenv = func(name string) string { return env[name] }
	return in
}
