package config

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func draftOf(t *testing.T, name string, settings ...string) Draft {
	t.Helper()
	d := Draft{Name: name}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		values := []string{value}
		if strings.HasPrefix(value, "[") {
			values = strings.Fields(strings.Trim(value, "[]"))
		}
		if err := d.Set(strings.Split(key, "."), values...); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, before string
		set, drop    []string
		after        string
	}{
		{
			"values in place, with the comments and the spaces around them",
			"# mine\n[profiles.a]  # first\nclient_id   =  'old'   # the web app\n# between\nusername = \"ann\"\n\n# about b\n[profiles.b]\nregion = 'x'\n",
			[]string{"client_id=new"}, nil,
			"# mine\n[profiles.a]  # first\nclient_id   =  \"new\"   # the web app\n# between\nusername = \"ann\"\n\n# about b\n[profiles.b]\nregion = 'x'\n",
		},
		{
			"what is the same stays as it is written",
			"[profiles.a]\nclient_id = 'same'\nscopes = [ 'a', # one\n  \"b\" ]\n",
			[]string{"client_id=same", "scopes=[a b]"}, nil,
			"[profiles.a]\nclient_id = 'same'\nscopes = [ 'a', # one\n  \"b\" ]\n",
		},
		{
			"a list over several lines, a boolean, a long string",
			"[profiles.a]\nscopes = [ 'a',\n  'b' ] # all\ndebug = true\nclient_id = '''\n[profiles.b]'''\n[profiles.c]\n",
			[]string{"scopes=[c]", "debug=no", "client_id=x"}, nil,
			"[profiles.a]\nscopes = [\"c\"] # all\ndebug = false\nclient_id = \"x\"\n[profiles.c]\n",
		},
		{
			"new keys behind the others of their table, new tables behind the profile",
			"[profiles.a]\nclient_id = 'x'\n# end of a\n\n[profiles.a.api]\nurl = 'https://a.example' # api\n\n[profiles.b]",
			[]string{"region=us-east-1", "api.auth=id", "endpoints.user_pool=http://localhost:1"}, nil,
			"[profiles.a]\nclient_id = 'x'\nregion = \"us-east-1\"\n# end of a\n\n[profiles.a.api]\nurl = 'https://a.example' # api\nauth = \"id\"\n\n[profiles.a.endpoints]\nuser_pool = \"http://localhost:1\"\n\n[profiles.b]",
		},
		{
			"the last line has no end, and Windows ends it otherwise",
			"[profiles.a]\r\nclient_id = 'x'",
			[]string{"region=us-east-1", "apis.orders.url=https://o.example"}, nil,
			"[profiles.a]\r\nclient_id = 'x'\r\nregion = \"us-east-1\"\r\n\r\n\r\n[profiles.a.apis.orders]\r\nurl = \"https://o.example\"\r\n",
		},
		{
			"keys go with their line",
			"[profiles.a]\nclient_id = 'x'\ndomain = 'https://d.example' # old\nscopes = [\n 'a' ]\n# stays\nusername = 'u'\n",
			[]string{"client_id=y"}, []string{"domain", "scopes", "issuer"},
			"[profiles.a]\nclient_id = \"y\"\n# stays\nusername = 'u'\n",
		},
		{
			"dotted keys and inline tables",
			"[profiles]\na.client_id = 'x'\n[profiles.b]\napi.url = 'https://b.example'\n[profiles.b.apis]\norders = { url = 'https://o.example', auth = 'id' }\n",
			[]string{"client_id=y"}, nil,
			"[profiles]\na.client_id = \"y\"\n[profiles.b]\napi.url = 'https://b.example'\n[profiles.b.apis]\norders = { url = 'https://o.example', auth = 'id' }\n",
		},
		{
			"a dotted key gets a neighbour",
			"[profiles.a]\napi.url = 'https://b.example'\n",
			[]string{"api.auth=id"}, nil,
			"[profiles.a]\napi.url = 'https://b.example'\napi.auth = \"id\"\n",
		},
	} {
		path := writeFile(t, c.before)
		if err := Update(path, draftOf(t, "a", c.set...), c.drop...); err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if diff := cmp.Diff(c.after, readAll(t, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	for before, want := range map[string]string{
		"[profiles.b]\n": `no profile "a"`,
		"profiles = { a = { client_id = 'x' } }\n":         "cannot be changed in place",
		"[profiles]\na = { client_id = 'x' }\n":            "cannot be changed in place",
		"[profiles.a]\napi = { url = 'https://a.example'}": "cannot be changed in place",
		"nothing": ":1:7: ",
	} {
		path := writeFile(t, before)
		err := Update(path, draftOf(t, "a", "region=us-east-1", "api.auth=id"))
		if err == nil || !strings.Contains(err.Error(), want) || readAll(t, path) != before {
			t.Errorf("%q: %v, want %q; the file is %q", before, err, want, readAll(t, path))
		}
	}
}

// What cannot be taken out is not left standing in silence.
func TestUpdateCannotDrop(t *testing.T) {
	t.Parallel()
	before := "[profiles]\na = { client_id = 'x', client_secret = 'env:OLD' }\n"
	path := writeFile(t, before)
	d := draftOf(t, "a", "client_id=y")
	if err := Update(path, d, "client_secret"); err == nil || !strings.Contains(err.Error(), "cannot be changed in place") || readAll(t, path) != before {
		t.Errorf("%v; the file is %q", err, readAll(t, path))
	}
	if err := Update(path, d); err != nil || !strings.Contains(readAll(t, path), `client_id = "y", client_secret = 'env:OLD'`) {
		t.Errorf("without that: %v; the file is %q", err, readAll(t, path))
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, before, after string }{
		{"the only one", "[profiles.a]\nregion = 'x'\n", ""},
		{
			"a comment goes with what it touches",
			"# the head of the file\n\n# about b\n[profiles.b]\nregion = 'x'\n\n# about a\n# more\n[profiles.a] # a\n# inside\n\n# inside too\nregion = 'y'\n# behind\n\n# on its own\n\n# about c\n[profiles.c]\n",
			"# the head of the file\n\n# about b\n[profiles.b]\nregion = 'x'\n\n# on its own\n\n# about c\n[profiles.c]\n",
		},
		{"the head of the file stays", "# my file\n[profiles.a]\n[profiles.b]\n", "# my file\n[profiles.b]\n"},
		{"a comment that touches the next profile is the next one's", "[profiles.a]\nregion = 'x'\n# about b\n[profiles.b]\n", "# about b\n[profiles.b]\n"},
		{
			"all its tables, wherever they stand; the default goes too",
			"default_profile = 'a' # mine\r\n\r\n[profiles.a]\r\n[profiles.b]\r\n[profiles.a.api]\r\nurl = '''\r\n# no comment\r\n'''\r\n[profiles.b.api]\r\n\r\n[profiles.a.endpoints]\r\n",
			"[profiles.b]\r\n[profiles.b.api]\r\n",
		},
		{"another default stays", "default_profile = 'b'\n\n[profiles.a]\n[profiles.b]", "default_profile = 'b'\n\n[profiles.b]"},
		{"dotted", "profiles.a.region = 'x'\nprofiles.b.region = 'y'\n[profiles.'c']\n", "profiles.b.region = 'y'\n[profiles.'c']\n"},
		{"inline", "[profiles]\na = { region = 'x' }\nb = {}\n", "[profiles]\nb = {}\n"},
	} {
		path := writeFile(t, c.before)
		if err := Delete(path, "a"); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if diff := cmp.Diff(c.after, readAll(t, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

func TestDeleteRefuses(t *testing.T) {
	t.Parallel()
	for before, want := range map[string]string{
		"[profiles.b]\n": `no profile "a"`,
		"[profiles.a]\n[profiles.b]\ninherits='a'\n[profiles.c]\ninherits='a'\n": `"a" is inherited by b, c: change these first`,
		"profiles = { a = {}, b = {} }\n":                                        "cannot be taken out",
	} {
		path := writeFile(t, before)
		if err := Delete(path, "a"); err == nil || !strings.Contains(err.Error(), want) || readAll(t, path) != before {
			t.Errorf("%q: %v, want %q", before, err, want)
		}
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	before, after := "[profiles.a]\n", "[profiles.a]\nregion = 'us-east-1'\n"
	path := writeFile(t, before)
	loaded, err := Load(path)
	if err != nil || string(loaded) != before {
		t.Fatalf("%q, %v", loaded, err)
	}
	for text, want := range map[string]string{
		"[profiles.a":                             ":1:11: ",
		"defalt_profile = 'a'\n":                  "unknown key \"defalt_profile\"",
		"default_profile = 'b'\n[profiles.a]":     `no profile "b"`,
		"[profiles.b]\n[profiles.a]\nregio = 'x'": `unknown key "regio"`,
		"[profiles.b]\n[profiles.a]\nuser_pool_id = 'x'\nclient_id = 'a b'\n": `user_pool_id: "x" is not a user pool id`,
		"[profiles.a]\ninherits = 'b'":                                        `inherits "b", which does not exist`,
	} {
		if err := Replace(path, loaded, []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if err := Replace(path, []byte("[profiles.a]\n# else\n"), []byte(after)); !errors.Is(err, ErrChanged) || readAll(t, path) != before {
		t.Errorf("a file that changed: %v", err)
	}
	if err := Replace(path, loaded, []byte(after)); err != nil || readAll(t, path) != after {
		t.Errorf("%v, %q", err, readAll(t, path))
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	f := mustRead(t, `[profiles.base]
region = "us-east-1"
client_id = "theirs"
password = "hunter2"
[profiles.base.apis.orders]
url = "https://o.example"
also = ["https://p.example"]
[profiles.dev]
inherits = "base"
client_id = "mine,own"
client_secret = "env:X"
scopes = ["openid", "a,b"]
debug = true
map = { client_id = "id" }
from = "secretsmanager:x"
[profiles.dev.api]
url = "https://a.example"
`)
	d, err := f.Export("dev")
	if err != nil {
		t.Fatal(err)
	}
	const want = `[profiles.dev]
# password: left out, the secret stands in the file itself
region = "us-east-1"
client_id = "mine,own"
client_secret = "env:X"
scopes = ["openid", "a,b"]
from = "secretsmanager:x"
debug = true

[profiles.dev.api]
url = "https://a.example"

[profiles.dev.apis.orders]
url = "https://o.example"
also = ["https://p.example"]

[profiles.dev.map]
client_id = "id"
`
	if diff := cmp.Diff(want, d.TOML()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	again, err := ReadDraft("dev.toml", []byte(want))
	if err != nil || again.Name != "dev" {
		t.Fatal(err)
	}
	var omitted []string
	for _, o := range again.Omitted {
		omitted = append(omitted, o.Key)
	}
	if diff := cmp.Diff([]string{"client_secret", "from", "map.client_id"}, omitted); diff != "" {
		t.Errorf("references taken from a file (-want +got):\n%s", diff)
	}
	if got, _ := again.Get("scopes"); !slices.Equal(got, []string{"openid", "a,b"}) || strings.Contains(again.TOML(), "env:X") {
		t.Errorf("%q, %s", got, again.TOML())
	}
	if _, err := f.Export("nope"); !errors.As(err, new(*UnknownProfileError)) {
		t.Errorf("%v", err)
	}
}

// Answers are secrets, but for the choices among them; and what is exported stays in
// the table that it was in.
func TestExportAnswers(t *testing.T) {
	t.Parallel()
	f := mustRead(t, "[profiles.a]\nclient_id = 'abc'\nuser_pool_id = 'us-east-1_Ab12Cd34E'\n[profiles.a.answers]\ncolor = 'hunter2'\nANIMAL = 'env:ANIMAL'\nselect_mfa_type = 'EMAIL_OTP'\n")
	d, err := f.Export("a")
	if err != nil {
		t.Fatal(err)
	}
	want := `[profiles.a]
# answers.color: left out, the secret stands in the file itself
user_pool_id = "us-east-1_Ab12Cd34E"
client_id = "abc"

[profiles.a.answers]
ANIMAL = "env:ANIMAL"
select_mfa_type = "EMAIL_OTP"
`
	if diff := cmp.Diff(want, d.TOML()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	again, err := ReadDraft("a.toml", []byte(want))
	if err != nil || len(again.Omitted) != 1 || again.Omitted[0].Key != "answers.ANIMAL" {
		t.Errorf("%v, %+v", err, again.Omitted)
	}
	if got, _ := again.Get("answers", "select_mfa_type"); !slices.Equal(got, []string{"EMAIL_OTP"}) {
		t.Errorf("the choice is %q", got)
	}
	if err := d.Set([]string{"api", "url"}, "cmd:x"); err == nil || !strings.Contains(err.Error(), "api_url") {
		t.Errorf("%v", err)
	}
	var wrong *ValueError
	if err := d.Set([]string{"map", "a"}, "cmd:x"); !errors.As(err, &wrong) || wrong.Field != "map.a" {
		t.Errorf("the error does not name the key: %v", err)
	}
}

func TestReadDraftRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "x.toml holds 0 profiles",
		"[profiles.a]\n[profiles.b]\n":          "x.toml holds 2 profiles (a, b)",
		"[profiles.a]\nclient_id = 'env:X'":     "takes no reference",
		"[profiles.a]\nnope = 'hunter2'":        `unknown key "nope"`,
		"[profiles.a]\nregion = ['x']":          "region takes a string, not a list",
		"[profiles.'a b']\n":                    `"a b" is not a name`,
		"[profiles.a]\ninherits = 'b'":          `inherits "b"`,
		"x = 1\n[profiles.a]":                   `unknown key "x"`,
		"[profiles.a]\nuser_pool_id = 'nope'\n": "is not a user pool id",
		"[profiles.a":                           "x.toml:1:11: ",
	} {
		if _, err := ReadDraft("x.toml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// What is not to change does not, whatever the file looks like: other profiles
// mean the same, and no comment of theirs is lost.
func FuzzChange(f *testing.F) {
	f.Add(sample, "dev", "x")
	f.Add("# a\n[profiles.a]\nregion='x' # b\n# c\n\n# d\n[profiles.b]\nregion='y'\n", "a", "z")
	f.Add("profiles.a.b = 1\n[x]\ny = '''\n# no'''\n[profiles]\nc = {}", "c", "z")
	f.Fuzz(func(t *testing.T, text, name, value string) {
		if len(text) > 1<<12 {
			return
		}
		doc, err := parse([]byte(text))
		if err != nil {
			return
		}
		file := &File{path: "config.toml", data: []byte(text), doc: doc}
		others := slices.DeleteFunc(slices.Clone(doc.sections), func(s *section) bool { return s.name == name })
		same := func(data []byte, what string) *document {
			after, err := parse(data)
			if err != nil {
				t.Fatalf("%s: %q became %q: %v", what, text, data, err)
			}
			rest := slices.DeleteFunc(slices.Clone(after.sections), func(s *section) bool { return s.name == name })
			if !slices.EqualFunc(others, rest, sameSection) {
				t.Fatalf("%s: %q became %q", what, text, data)
			}
			return after
		}
		if data, err := file.without(name); err == nil && same(data, "delete").byName[name] != nil {
			t.Fatalf("%q is still there: %q", name, data)
		}
		d := Draft{Name: name}
		if d.Set([]string{"username"}, value) != nil || d.Set([]string{"api", "url"}, "https://a.example") != nil {
			return
		}
		if data, err := file.withUpdate(d, []string{"region"}); err == nil {
			s := same(data, "update").byName[name]
			if e, ok := s.find("username"); !ok || e.value != value {
				t.Fatalf("username = %q, want %q", e.value, value)
			}
			if _, ok := s.find("region"); ok {
				t.Fatalf("the region is still there: %q", data)
			}
		}
	})
}
