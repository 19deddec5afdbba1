package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdentityPool(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"us-east-1:11112222-3333-4444-5555-666677778888", "us-gov-west-1:1b6e", "local:pool_1"} {
		if err := Check("identity_pool_id", id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for id, hint := range map[string]string{
		"us-east-1_Ab12Cd34E": "a user pool's", "us-east-1:": "one looks like", ":1b6e": "one looks like",
		"us-east-1:1b/6e": "one looks like", "us.evil.com:1b6e": "one looks like", "a:b:c": "one looks like",
		"us-east-1:" + strings.Repeat("a", 46):                                        "one looks like",
		"arn:aws:cognito-identity:us-east-1:123456789012:identitypool/us-east-1:1b6e": "wanted: us-east-1:1b6e",
	} {
		if err := Check("identity_pool_id", id); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: %v, want %q", id, err, hint)
		}
	}
	for _, arn := range []string{"arn:aws:iam::123456789012:role/Reader", "arn:aws-cn:iam::123456789012:role/path/to/a+b=c,d.e@f-g_h"} {
		if err := Check("identity_pool.role", arn); err != nil {
			t.Errorf("%s: %v", arn, err)
		}
	}
	for _, arn := range []string{
		"Reader", "arn:aws:iam::123456789012:user/ann", "arn:aws:iam::12345678901:role/R", "arn:aws:iam::123456789012:role/a b",
		"arn:aws:iam:us-east-1:123456789012:role/R", "arn:aws:iam::12345678901x:role/R", "arn:aws:sts::123456789012:role/R", "arn:aws:iam::123456789012:role/a\n",
	} {
		if err := Check("identity_pool.role", arn); err == nil {
			t.Errorf("%q is taken for a role", arn)
		}
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	f := mustRead(t, `[profiles.a]
identity_pool_id = "us-east-1:1b6e"
inherits = "b"
[profiles.a.logins]
"accounts.google.com" = "cmd:token google"
"login.example.com/x" = "profile:b"
[profiles.b.logins]
"accounts.google.com" = "env:NEARER_COUNTS"
"graph.facebook.com" = "written-out"
`)
	p, warnings, err := f.Resolve(Inputs{Flags: map[string]string{"profile": "a"}, Getenv: nothing})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, v := range p.Logins() {
		got[name] = v.Text
	}
	want := map[string]string{"accounts.google.com": "cmd:token google", "login.example.com/x": "profile:b", "graph.facebook.com": "written-out"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if text := strings.Join(warnings, "\n"); len(warnings) != 1 || !strings.Contains(text, "graph.facebook.com") || strings.Contains(text, "written-out") {
		t.Errorf("warnings: %q", warnings)
	}
	for text, want := range map[string]string{
		"[profiles.a.logins]\naccounts.google.com = 'env:X'\n":     `stands in quotes: "accounts.google.com"`,
		"[profiles.a.logins]\n'accounts.google.com' = 'profile:b'": `no profile "b"`,
		"[profiles.a.logins]\n'accounts.google.com' = 1":           "takes a string",
		"[profiles.a.logins]\n'accounts.google.com' = ''":          "nothing is given",
	} {
		_, _, err := mustRead(t, text).Resolve(Inputs{Flags: map[string]string{"profile": "a"}, Getenv: nothing})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if !IsSecret([]string{"logins", "accounts.google.com"}, "eyJ…") || IsSecret([]string{"logins", "accounts.google.com"}, "profile:b") {
		t.Error("which login is a secret")
	}
}

func nothing(string) string { return "" }
