package config

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `default_profile = "dev"
[profiles.base]
region = "us-east-1"
scopes = ["openid"]
[profiles.dev]
inherits = "base"
from = "secretsmanager:app_secrets"
map = { client_id = "app_id" }
user_pool_id = "us-east-1_Ab12Cd34E"
client_id = "2iqdo52jkqg0q2cqbe76qah08"
client_secret = "env:DEV_SECRET"
domain = "https://acme-dev.auth.us-east-1.amazoncognito.com"
identity_pool_id = "us-east-1:1b6e0000-aaaa-4bbb-8ccc-0123456789ab"
username = "ann@example.com"
scopes = ["openid", "email"]
callback_urls = ["http://localhost:17170/callback", "http://localhost:17171/callback"]
[profiles.dev.api]
url = "https://abc123.execute-api.us-east-1.amazonaws.com/v1"
auth = "id"
[profiles.dev.apis.orders]
url = "https://orders.example/v2"
also = ["https://files.example"]
[profiles.dev.endpoints]
user_pool = "http://127.0.0.1:9400"
from_aws_env = true
`

// An API key belongs to one API: the variable's to the unnamed one, as its URL does.
func TestAPIKeys(t *testing.T) {
	t.Parallel()
	f := mustRead(t, `[profiles.dev.api]
key = "env:KEY"
[profiles.dev.apis.orders]
url = "https://orders.example"
key = "a literal"
[profiles.dev.apis.files]
url = "https://files.example"
`)
	p, warnings, err := f.Resolve(given("API_KEY=from-env", "--profile=dev"))
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "apis.orders.key stands in the file itself") {
		t.Fatal(err, warnings)
	}
	for name, want := range map[string]Value{
		"":       {"from-env", Origin{KindEnv, "COGCTL_API_KEY"}},
		"orders": {"a literal", Origin{KindFile, "config.toml:5 (profile dev)"}},
		"files":  {},
	} {
		if api, err := p.API(name); err != nil || api.Key != want {
			t.Errorf("%q: %+v, %v, want %+v", name, api.Key, err, want)
		}
	}
}

func TestResolveSample(t *testing.T) {
	t.Parallel()
	f := mustRead(t, sample)
	p, warnings, err := f.Resolve(given())
	if err != nil || len(warnings) != 0 {
		t.Fatal(err, warnings)
	}
	for name, want := range map[string]Value{
		"profile":             {"dev", Origin{KindFile, "config.toml:1"}},
		"region":              {"us-east-1", Origin{KindFile, "config.toml:3 (profile base)"}},
		"user_pool_id":        {"us-east-1_Ab12Cd34E", Origin{KindFile, "config.toml:9 (profile dev)"}},
		"client_secret":       {"env:DEV_SECRET", Origin{KindFile, "config.toml:11 (profile dev)"}},
		"scopes":              {"openid email", Origin{KindFile, "config.toml:15 (profile dev)"}},
		"api_url":             {"https://abc123.execute-api.us-east-1.amazonaws.com/v1", Origin{KindFile, "config.toml:18 (profile dev)"}},
		"endpoints.user_pool": {"http://127.0.0.1:9400", Origin{KindFile, "config.toml:24 (profile dev)"}},
		"from_aws_env":        {"true", Origin{KindFile, "config.toml:25 (profile dev)"}},
		"flow":                {"auto", Origin{KindDefault, "default"}},
		"password":            {},
		"no such field":       {},
	} {
		if got := p.Get(name); got != want {
			t.Errorf("%s = %+v, want %+v", name, got, want)
		}
	}
	if diff := cmp.Diff([]string{"http://localhost:17170/callback", "http://localhost:17171/callback"}, p.List("callback_urls")); diff != "" {
		t.Error(diff)
	}
	if p.Name() != "dev" || f.Default() != "dev" || !f.Has("base") || f.Has("nope") || !slices.Equal(f.Names(), []string{"base", "dev"}) {
		t.Errorf("names: %q %q %q", p.Name(), f.Default(), f.Names())
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	f := mustRead(t, sample)
	for _, c := range []struct {
		in   Inputs
		name string
		want Value
	}{
		{given("CLIENT_ID=e"), "client_id", Value{"e", Origin{KindEnv, "COGCTL_CLIENT_ID"}}},
		{given("CLIENT_ID=e", "--client_id=f"), "client_id", Value{"f", Origin{KindFlag, "--client-id"}}},
		{given("--client_id=f"), "client_id", Value{"f", Origin{KindFlag, "--client-id"}}},
		{given("CLIENT_ID=", "--domain="), "client_id", Value{"2iqdo52jkqg0q2cqbe76qah08", Origin{KindFile, "config.toml:10 (profile dev)"}}},
		{given("--domain="), "domain", Value{"", Origin{KindFlag, "--domain"}}},
		{given("FLOW=srp"), "flow", Value{"srp", Origin{KindEnv, "COGCTL_FLOW"}}},
		{given("SCOPES=a,b  c/d"), "scopes", Value{"a b c/d", Origin{KindEnv, "COGCTL_SCOPES"}}},
		{given("NO_INPUT=1"), "no_input", Value{"true", Origin{KindEnv, "COGCTL_NO_INPUT"}}},
		{given("NO_INPUT=off"), "no_input", Value{"false", Origin{KindEnv, "COGCTL_NO_INPUT"}}},
		{given("CLIENT_SECRET=cmd:evil"), "client_secret", Value{"cmd:evil", Origin{KindEnv, "COGCTL_CLIENT_SECRET"}}},
		{given("--api_auth=none"), "api_auth", Value{"none", Origin{KindFlag, "--auth"}}},
		{given("PROFILE=base"), "profile", Value{"base", Origin{KindEnv, "COGCTL_PROFILE"}}},
		{given("PROFILE=base", "--profile=dev"), "profile", Value{"dev", Origin{KindFlag, "--profile"}}},
		{given("PROFILE=base"), "client_id", Value{}},
	} {
		p, _, err := f.Resolve(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := p.Get(c.name); got != c.want || got.Set() != (c.want.Text != "") {
			t.Errorf("%s = %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	f, err := Read(t.TempDir() + "/absent/config.toml")
	if err != nil {
		t.Fatal(err)
	}
	p, warnings, err := f.Resolve(given("USER_POOL_ID=eu-west-1_X1", "CLIENT_ID=abc", "API_URL=http://localhost:1/v1"))
	if err != nil || len(warnings) != 0 || p.Name() != "" || len(f.Names()) != 0 {
		t.Fatal(err, warnings, p)
	}
	if got := p.Get("region"); got != (Value{"eu-west-1", Origin{KindDerived, "the user pool id, COGCTL_USER_POOL_ID"}}) {
		t.Errorf("region = %+v", got)
	}
	if api, err := p.API(""); err != nil || api.URL.Text != "http://localhost:1/v1" || api.Auth.Set() {
		t.Errorf("%+v, %v", api, err)
	}
}

func TestRegion(t *testing.T) {
	t.Parallel()
	f := mustRead(t, "")
	for _, c := range []struct {
		in           Inputs
		region, warn string
	}{
		{given("USER_POOL_ID=eu-west-1_X1", "REGION=us-east-1"), "us-east-1", "the user pool id eu-west-1_X1 (COGCTL_USER_POOL_ID) is of eu-west-1"},
		{given("USER_POOL_ID=local_X1", "REGION=us-east-1"), "us-east-1", ""},
		{given("USER_POOL_ID=local_X1"), "local", ""},
		{given("USER_POOL_ID=Local_X1"), "", ""},
		{given("IDENTITY_POOL_ID=us-west-2:1b6e"), "us-west-2", ""},
		{given("IDENTITY_POOL_ID=us-west-2:1b6e", "USER_POOL_ID=eu-west-1_X1"), "eu-west-1", ""},
		{given(), "", ""},
	} {
		p, warnings, err := f.Resolve(c.in)
		if err != nil || p.Get("region").Text != c.region || !strings.Contains(strings.Join(warnings, "\n"), c.warn) || (c.warn == "") != (len(warnings) == 0) {
			t.Errorf("%q, %q, %v; want %q, %q", p.Get("region").Text, warnings, err, c.region, c.warn)
		}
	}
}

func TestWhichProfile(t *testing.T) {
	t.Parallel()
	two := "[profiles.a]\nusername='x'\n[profiles.b]\n"
	for _, c := range []struct {
		file         string
		in           Inputs
		name, wanted string // wanted is in the error or the warnings
	}{
		{"[profiles.only]\n", given(), "only", ""},
		{two, given(), "", "choose with --profile one of a, b"},
		{two, given("USER_POOL_ID=us-east-1_A"), "", ""},
		{two, given("--profile=b"), "b", ""},
		{two, given("--profile=B"), "", `no profile "B" (--profile) in `},
		{two, given("PROFILE=zz"), "", "it has a, b"},
		{two, given("--profile="), "", "--profile is given without a name"},
		{"default_profile='c'\n" + two, given(), "", `no profile "c" (config.toml:1)`},
		{"default_profile='c'\n" + two, given("--profile=a"), "a", ""},
		{"default_profile=''\n" + two, given("PROFILE=a"), "a", ""},
		{"", given("--profile=a"), "", "it has no profiles"},
	} {
		p, warnings, err := mustRead(t, c.file).Resolve(c.in)
		all := strings.Join(warnings, "\n")
		name := ""
		if err != nil {
			all += err.Error()
		} else {
			name = p.Name()
		}
		if name != c.name || !strings.Contains(all, c.wanted) || (c.wanted == "") != (all == "") {
			t.Errorf("%q: profile %q, %q; want %q, %q", c.file, name, all, c.name, c.wanted)
		}
	}
	_, _, err := mustRead(t, two).Resolve(given("PROFILE=zz"))
	var unknown *UnknownProfileError
	if !errors.As(err, &unknown) || !slices.Equal(unknown.Names, []string{"a", "b"}) {
		t.Errorf("%#v", err)
	}
}

// Each case is a profile "dev" in use; the same text under a profile that is
// not in use must only warn.
func TestMistakesInTheFile(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`regin = "x"`:                 `:2:1: unknown key "regin" in profile "dev" (did you mean "region"?)`,
		"\n  user-pool-id = 'x'":      `:3:3: unknown key "user-pool-id" in profile "dev" (did you mean "user_pool_id"?)`,
		`auth = "id"`:                 `did you mean "api.auth"?`,
		`api_url = "x"`:               `did you mean "api.url"?`,
		`"api.url" = "https://x.y"`:   `unknown key "api.url"`,
		`frobnicate = 1`:              `unknown key "frobnicate" in profile "dev"`,
		`region = 5`:                  `:2:1: region takes a string, not a number`,
		`debug = "yes"`:               `debug takes true or false, not a string`,
		`scopes = "openid"`:           `scopes takes a list of strings, not a string`,
		`scopes = ["a", 1]`:           `scopes takes a list of strings, not a number, a date or a mixed list`,
		`region.name = "x"`:           `:2:1: region takes one value, not a table`,
		`[profiles.dev.region]`:       `region takes a string, not a table`,
		`api = "https://x.example"`:   `api takes a table, not a string`,
		`[[profiles.dev.apis]]`:       `apis takes a table, not a list of tables`,
		`[profiles.dev.eu]`:           `write [profiles."dev.eu"]`,
		`endpoints.userpool = "x"`:    `did you mean "endpoints.user_pool"?`,
		`apis."a b".url = "x"`:        `"a b" is not a name`,
		`apis.x.uri = "x"`:            `unknown key "apis.x.uri"`,
		`inherits = 3`:                `inherits takes a string`,
		`map = "x"`:                   `map takes a table`,
		`default_profile = "x"`:       `unknown key "default_profile"`,
		`token = "x"`:                 `unknown key "token"`,
		`a.b.c.d.e.f.g.h.i.j.k.l = 1`: `unknown key "a.b.c.d.e.f`,
	} {
		f := mustRead(t, "[profiles.dev]\n"+body+"\n[profiles.fine]\n")
		_, _, err := f.Resolve(given("--profile=dev"))
		if err == nil || !strings.Contains(err.Error(), f.Path()+":") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v lacks %q", body, err, want)
		}
		p, warnings, err := f.Resolve(given("--profile=fine"))
		if err != nil || p.Name() != "fine" || !strings.Contains(strings.Join(warnings, "\n"), want) {
			t.Errorf("%s, elsewhere: %q, %v", body, warnings, err)
		}
	}
}

func TestMistakesAreToldOnce(t *testing.T) {
	t.Parallel()
	_, _, err := mustRead(t, "[profiles.dev]\nregion.a = 1\nregion.b = 2\n[[profiles.dev.apis]]\nurl = 'x'\nauth = 'y'\n").Resolve(given())
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want two lines, one for region and one for apis: %v", err)
	}
}

func TestMistakesAtTheTop(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"default_profil = 'x'\n":    `:1:1: unknown key "default_profil" (did you mean "default_profile"?)`,
		"[profile.dev]\n":           `:1:2: unknown key "profile.dev" (did you mean "profiles"?)`,
		"default_profile = 1\n":     "default_profile takes a string, not a number",
		"profiles = 1\n":            "profiles takes a table, not a number",
		"profiles.dev = 'x'\n":      "profiles.dev takes a table, not a string",
		"[[profiles]]\nname = 'x'":  "profiles takes a table, not a list of tables",
		"[[profiles.x]]\nname = ''": "profiles.x takes a table, not a list of tables",
	} {
		if _, _, err := mustRead(t, text).Resolve(given()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v lacks %q", text, err, want)
		}
	}
}

func TestBadValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file string
		in   Inputs
		want []string
	}{
		{"user_pool_id = 'nope'", given(), []string{":2:1: user_pool_id: ", `"nope" is not a user pool id`}},
		{"", given("USER_POOL_ID=nope"), []string{`COGCTL_USER_POOL_ID: user_pool_id: "nope"`}},
		{"", given("--user_pool_id=nope"), []string{`--user-pool-id: user_pool_id: "nope"`}},
		{"flow = 'spr'", given(), []string{`flow: "spr" is none of auto, srp`, `did you mean "srp"?`}},
		{"storage = 'keyring'", given(), []string{"this version has file and none"}},
		{"[profiles.dev.api]\nauth = 'x'", given(), []string{":3:1: api_auth: "}},
		{"[profiles.dev.apis.orders]\nurl = 'http://x.example'", given(), []string{":3:1: apis.orders.url: ", "plain http"}},
		{"[profiles.dev.apis.orders]\nalso = ['https://ok.example', 'x']", given(), []string{":3:1: apis.orders.also: "}},
		{"callback_urls = ['http://localhost:1/cb', 'x']", given(), []string{"callback_urls", `"x" is not a callback URL`}},
		{"client_id = 'env:CLIENT'", given(), []string{"client_id: takes no reference"}},
		{"color = 'x'\nflow = 'y'", given("DEBUG=maybe"), []string{":2:1: color", ":3:1: flow", `COGCTL_DEBUG: debug: "maybe"`}},
		{"inherits = 'bas'\n[profiles.base]", given("--profile=dev"), []string{`:2:1: profile "dev" inherits "bas", which does not exist (did you mean "base"?)`}},
		{"inherits = 'b'\n[profiles.b]\ninherits='c'\n[profiles.c]\ninherits='b'", given("--profile=dev"), []string{`:6:1: profile "c" inherits "b", which inherits it in turn`}},
		{"inherits = 'dev'", given(), []string{`profile "dev" inherits "dev"`}},
		{"", given("--api=orders"), []string{`no API "orders" in profile "dev"`}},
		{"[profiles.dev.apis.orders]\n[profiles.dev.apis.files]", given("--api=order"), []string{"it has orders, files", `did you mean "orders"?`}},
		{"[profiles.dev.apis.orders]\n", given("--api=orders"), []string{`"orders" of profile "dev" has no url`}},
	} {
		_, _, err := mustRead(t, "[profiles.dev]\n"+c.file+"\n").Resolve(c.in)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v lacks %q", c.file, err, want)
			}
		}
	}
	_, _, err := mustRead(t, "").Resolve(given("--region=x y"))
	var value *ValueError
	if !errors.As(err, &value) || value.Field != "region" || value.Origin.Kind != KindFlag {
		t.Errorf("%#v", err)
	}
}

func TestInheritance(t *testing.T) {
	t.Parallel()
	f := mustRead(t, `[profiles.a]
inherits = "b"
username = "from-a"
domain = ""
[profiles.a.apis.orders]
url = "https://a.example"
[profiles.b]
inherits = "c"
username = "from-b"
client_id = "from-b"
domain = "https://b.example"
[profiles.b.apis.orders]
url = "https://b.example"
auth = "access"
also = ["https://c.example"]
[profiles.c]
client_id = "from-c"
issuer = "https://c.example"
`)
	p, _, err := f.Resolve(given("--profile=a"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"username": "from-a", "client_id": "from-b", "issuer": "https://c.example", "domain": ""} {
		if got := p.Get(name).Text; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	api, err := p.API("orders")
	if err != nil || api.URL.Text != "https://a.example" || api.Auth.Text != "access" || !slices.Equal(api.Also, []string{"https://c.example"}) {
		t.Errorf("%+v, %v", api, err)
	}
}

func TestAPIs(t *testing.T) {
	t.Parallel()
	f := mustRead(t, sample)
	for _, c := range []struct {
		in              Inputs
		name, url, auth string
	}{
		{given(), "", "https://abc123.execute-api.us-east-1.amazonaws.com/v1", "id"},
		{given("--api=orders"), "orders", "https://orders.example/v2", ""},
		{given("--api=orders", "API_URL=https://env.example", "API_AUTH=none"), "orders", "https://orders.example/v2", ""},
		{given("API_URL=https://env.example", "API_AUTH=none"), "", "https://env.example", "none"},
		{given("--api=orders", "--api_url=http://localhost:1", "--api_auth=access"), "orders", "http://localhost:1", "access"},
	} {
		p, _, err := f.Resolve(c.in)
		if err != nil {
			t.Fatal(err)
		}
		api, err := p.API("")
		if err != nil || api.Name != c.name || api.URL.Text != c.url || api.Auth.Text != c.auth {
			t.Errorf("%+v, %v; want %+v", api, err, c)
		}
	}
	p, _, err := f.Resolve(given())
	if err != nil || !slices.Equal(p.APIs(), []string{"orders"}) {
		t.Errorf("%q, %v", p.APIs(), err)
	}
	if _, err := p.API("nope"); err == nil {
		t.Error("an API that does not exist was found")
	}
}

func TestSecretsInTheFile(t *testing.T) {
	t.Parallel()
	f := mustRead(t, "[profiles.dev]\nclient_secret = 'hunter2-literal'\npassword = 'cmd:pass show dev'\n")
	p, warnings, err := f.Resolve(given())
	if err != nil || p.Get("client_secret").Text != "hunter2-literal" || p.Get("password").Origin.Kind != KindFile {
		t.Fatal(err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], ":2:1: client_secret") || strings.Contains(warnings[0], "hunter2") {
		t.Errorf("%q", warnings)
	}
	if _, warnings, _ := f.Resolve(given("CLIENT_SECRET=hunter2")); len(warnings) != 0 {
		t.Errorf("a secret from the environment: %q", warnings)
	}
	for _, body := range []string{"client_secret = ['hunter2']", "secret = 'hunter2'", "password.hunter = 'hunter2'", "flow = 'x'\npassword='hunter2'"} {
		if _, _, err := mustRead(t, "[profiles.dev]\n"+body+"\n").Resolve(given()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
