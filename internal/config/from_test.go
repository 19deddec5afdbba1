package config

import (
	"strings"
	"testing"
)

func resolved(t *testing.T, file, profile string) (*Profile, error) {
	t.Helper()
	f := mustRead(t, file)
	p, _, err := f.Resolve(Inputs{Flags: map[string]string{"profile": profile}, Getenv: nothing})
	return p, err
}

func TestFilling(t *testing.T) {
	t.Parallel()
	const file = `
[profiles.app]
region = "us-east-1"
from = "secretsmanager:app"
map = { client_id = "app_id" }
username = ""
[profiles.child]
inherits = "app"
map = { client_secret = "s" }
client_id = "given"
`
	p, err := resolved(t, file, "app")
	if err != nil {
		t.Fatal(err)
	}
	f, wanted := p.Filling()
	if !wanted || f.From.Text != "secretsmanager:app" || f.Keys["client_id"] != "app_id" ||
		strings.Join(f.Settings, " ") != "user_pool_id client_id client_secret domain issuer password new_password totp_secret" {
		t.Errorf("%+v", f)
	}
	origin := Origin{KindDerived, `key "app_id" of secretsmanager:app`}
	if err := p.Fill("client_id", " abc\n", origin); err != nil || p.Get("client_id") != (Value{"abc", origin}) {
		t.Errorf("%v %+v", err, p.Get("client_id"))
	}
	if err := p.Fill("user_pool_id", "hush hush", origin); err == nil || strings.Contains(err.Error(), "hush") {
		t.Error(err)
	}
	if err := p.Fill("api_url", "https://evil.example", origin); err == nil {
		t.Error("where requests go came from a secret")
	}
	child, err := resolved(t, file, "child")
	if err != nil {
		t.Fatal(err)
	}
	if f, _ = child.Filling(); f.Keys["client_id"] != "app_id" || f.Keys["client_secret"] != "s" || strings.Contains(strings.Join(f.Settings, " "), "client_id") {
		t.Errorf("%+v", f)
	}
	bare, err := resolved(t, "[profiles.x]\nfrom = \"env:X\"\n", "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := bare.Fill("user_pool_id", "eu-west-1_Ab12Cd34E", origin); err != nil || bare.Get("region").Text != "eu-west-1" {
		t.Errorf("%v, region %q", err, bare.Get("region").Text)
	}
	for _, wrong := range []string{`from = "app_secrets"`, "map = { api_url = \"u\" }", "map = { client_id = \"\" }", "map = { nothing = \"x\" }"} {
		if _, err := resolved(t, "[profiles.x]\n"+wrong+"\n", "x"); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// TestFromVariable is a job without a file: its settings are in one secret of AWS.
func TestFromVariable(t *testing.T) {
	t.Parallel()
	for from, ok := range map[string]bool{
		"secretsmanager:app": true, "ssm:/app/settings": true,
		"cmd:cat /etc/passwd": false, "file:/etc/passwd": false, "env:HOME": false, "keyring:a/b": false, "app": false,
	} {
		p, _, err := mustRead(t, "").Resolve(Inputs{Getenv: func(name string) string {
			return map[string]string{"COGCTL_FROM": from}[name]
		}})
		if ok != (err == nil) {
			t.Errorf("%s: %v", from, err)
			continue
		}
		if ok {
			if f, wanted := p.Filling(); !wanted || f.From.Text != from {
				t.Errorf("%s: %+v", from, f)
			}
		}
	}
}
