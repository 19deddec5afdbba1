package config

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readAll(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCreateInNewFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "cogctl", "config.toml")
	err := Create(path, "dev", map[string]string{
		"user_pool_id": "us-east-1_Ab12Cd34E", "client_id": "abc", "client_secret": `file:C:\new "x"` + "\n", "domain": "",
		"scopes": "openid email", "api_url": "https://a.example", "api_auth": "id", "no_input": "1", "from_aws_env": "no",
		"endpoints.user_pool": "http://localhost:9400",
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	want := `default_profile = "dev"

[profiles.dev]
user_pool_id = "us-east-1_Ab12Cd34E"
client_id = "abc"
client_secret = "file:C:\\new \"x\"\u000A"
scopes = ["openid", "email"]
no_input = true

[profiles.dev.api]
url = "https://a.example"
auth = "id"

[profiles.dev.endpoints]
user_pool = "http://localhost:9400"
from_aws_env = false
`
	if diff := cmp.Diff(want, readAll(t, path)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if runtime.GOOS != "windows" {
		for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v; want %#o", name, info.Mode(), err, mode)
			}
		}
	}
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	p, warnings, err := f.Resolve(given())
	if err != nil || len(warnings) != 0 || p.Get("client_secret").Text != `file:C:\new "x"`+"\n" || !p.Get("no_input").Bool() {
		t.Errorf("%v, %q, %+v", err, warnings, p)
	}
}

func TestCreateAndUseKeepTheRest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, created, used string }{
		{
			"# mine\ndefault_profile   =   'a' # keep\n\n[profiles.a] # first\n# inside\nregion='x'",
			"# mine\ndefault_profile   =   'a' # keep\n\n[profiles.a] # first\n# inside\nregion='x'\n\n[profiles.\"b.c\"]\nusername = \"ann\"\n",
			"# mine\ndefault_profile   =   \"b.c\" # keep\n\n[profiles.a] # first\n# inside\nregion='x'\n\n[profiles.\"b.c\"]\nusername = \"ann\"\n",
		},
		{
			"# about a\n[profiles.a]\n",
			"# about a\n[profiles.a]\n\n[profiles.\"b.c\"]\nusername = \"ann\"\n",
			"default_profile = \"b.c\"\n\n# about a\n[profiles.a]\n\n[profiles.\"b.c\"]\nusername = \"ann\"\n",
		},
		{
			"\r\n[profiles.a]\r\nregion = 'x' # no end",
			"\r\n[profiles.a]\r\nregion = 'x' # no end\r\n\r\n[profiles.\"b.c\"]\r\nusername = \"ann\"\r\n",
			"default_profile = \"b.c\"\r\n\r\n[profiles.a]\r\nregion = 'x' # no end\r\n\r\n[profiles.\"b.c\"]\r\nusername = \"ann\"\r\n",
		},
		{
			"'default_profile' = \"\"\"a\"\"\"\nprofiles.a.region = 'x'\n",
			"'default_profile' = \"\"\"a\"\"\"\nprofiles.a.region = 'x'\n\n[profiles.\"b.c\"]\nusername = \"ann\"\n",
			"'default_profile' = \"b.c\"\nprofiles.a.region = 'x'\n\n[profiles.\"b.c\"]\nusername = \"ann\"\n",
		},
	} {
		values := map[string]string{"username": "ann"}
		path := writeFile(t, c.before)
		if err := Create(path, "b.c", values, false); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.created, readAll(t, path)); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		if err := Use(path, "b.c"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.used, readAll(t, path)); diff != "" {
			t.Errorf("used (-want +got):\n%s", diff)
		}
		both := writeFile(t, c.before)
		if err := Create(both, "b.c", values, true); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.used, readAll(t, both)); diff != "" {
			t.Errorf("created as default (-want +got):\n%s", diff)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, name string
		values     map[string]string
		want       string
	}{
		{"[profiles.a]\n", "a", nil, `profile "a" is already there, at `},
		{"", "a b", nil, `"a b" is not a name`},
		{"", "", nil, "is not a name"},
		{"", "a", map[string]string{"token": "hunter2"}, `"token" is not a setting that a profile can hold`},
		{"", "a", map[string]string{"nope": "hunter2"}, `"nope" is not a setting`},
		{"", "a", map[string]string{"user_pool_id": "nope"}, `user_pool_id: "nope" is not a user pool id`},
		{"", "a", map[string]string{"storage": "keyring"}, "this version has file and none"},
		{"", "a", map[string]string{"client_id": "env:X"}, "client_id: takes no reference"},
		{"", "a", map[string]string{"client_secret": "hunter2\xff"}, "client_secret: the value is not UTF-8 text"},
		{"", "a", map[string]string{"debug": "maybe"}, "neither true nor false"},
		{"profiles = { b = {} }\n", "a", nil, "add [profiles.a] by hand"},
		{"not toml", "a", nil, ":1:5: "},
	} {
		path := writeFile(t, c.file)
		err := Create(path, c.name, c.values, true)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v lacks %q", c.file, err, c.want)
		}
		if got := readAll(t, path); got != c.file {
			t.Errorf("%q was changed to %q", c.file, got)
		}
	}
}

func TestUseRefuses(t *testing.T) {
	t.Parallel()
	path := writeFile(t, "default_profile = 1\n[profiles.dev]\n")
	var unknown *UnknownProfileError
	if err := Use(path, "nope"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "it has dev") {
		t.Errorf("%v", err)
	}
	if err := Use(path, "dev"); err == nil || !strings.Contains(err.Error(), `set default_profile = "dev" by hand`) {
		t.Errorf("%v", err)
	}
	if got := readAll(t, path); got != "default_profile = 1\n[profiles.dev]\n" {
		t.Errorf("changed to %q", got)
	}
	if err := Use(filepath.Join(t.TempDir(), "config.toml"), "dev"); !errors.As(err, &unknown) {
		t.Errorf("without a file: %v", err)
	}
}

func TestExtendedBy(t *testing.T) {
	t.Parallel()
	doc := func(text string) *document {
		d, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	before := doc("default_profile='a'\nx=1\n[profiles.a]\nregion='r'\n")
	for after, want := range map[string]bool{
		"default_profile='a'\nx=1\n[profiles.a]\nregion='r'\n[profiles.b]\n":                    true,
		"# moved\nx=1\ndefault_profile='a'\n[profiles.a]\nregion='r'\n[profiles.b]\ndebug=true": true,
		"default_profile='a'\nx=1\n[profiles.a]\nregion='r'\n":                                  false,
		"default_profile='a'\nx=1\n[profiles.a]\nregion='r'\n[profiles.c]\n":                    false,
		"default_profile='b'\nx=1\n[profiles.a]\nregion='r'\n[profiles.b]\n":                    false,
		"x=1\n[profiles.a]\nregion='r'\n[profiles.b]\n":                                         false,
		"default_profile='a'\n[profiles.a]\nregion='r'\n[profiles.b]\n":                         false,
		"default_profile='a'\nx=1\n[profiles.a]\nregion='s'\n[profiles.b]\n":                    false,
		"default_profile='a'\nx=1\n[profiles.a]\nregion=['r']\n[profiles.b]\n":                  false,
	} {
		if got := before.extendedBy(doc(after), "b"); got != want {
			t.Errorf("%q: %v, want %v", after, got, want)
		}
	}
}

// What was in the file means the same after a change, its bytes are all still
// there, and the change is what was asked for.
func FuzzSplice(f *testing.F) {
	f.Add(sample, "new.one", "ann", "env:X\\\"\n\x7f", true)
	f.Add("'default_profile' = \"\"\"\na\"\"\" # c\r\n[profiles.a] # x", "b", "", "", true)
	f.Add("profiles.a.b = 1\n[x]\ny = '''\n", "b", "é\u202e", "literal", false)
	f.Fuzz(func(t *testing.T, text, name, user, secret string, makeDefault bool) {
		if len(text) > 1<<13 {
			return
		}
		doc, err := parse([]byte(text))
		if err != nil {
			return
		}
		file := &File{path: "config.toml", data: []byte(text), doc: doc}
		d, err := newDraft(name, map[string]string{"username": user, "password": secret})
		if err != nil {
			return
		}
		data, err := file.withProfile(d, makeDefault)
		if err != nil {
			return
		}
		after, err := parse(data)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, data, err)
		}
		for i, s := range doc.sections {
			if !sameSection(s, after.sections[i]) {
				t.Fatalf("profile %q changed", s.name)
			}
		}
		added := after.byName[name]
		if len(after.sections) != len(doc.sections)+1 || added == nil || doc.byName[name] != nil {
			t.Fatalf("%q: profiles %q, then %q", name, doc.names(), after.names())
		}
		for key, want := range map[string]string{"username": user, "password": secret} {
			if e, ok := added.find(key); e.value != want || ok != (want != "") {
				t.Fatalf("%s = %q, want %q", key, e.value, want)
			}
		}
		chosen := ""
		if doc.chosen != nil {
			chosen = doc.chosen.value
		}
		if makeDefault {
			chosen = name
		}
		if got := after.chosen; got == nil && chosen != "" || got != nil && got.value != chosen {
			t.Fatalf("default %+v, want %q", got, chosen)
		}
		rest := text
		if c := doc.chosen; c != nil && makeDefault {
			if !strings.HasPrefix(string(data), text[:c.from]) {
				t.Fatalf("the bytes before default_profile changed: %q", data)
			}
			rest = text[c.to:]
		}
		if !strings.Contains(string(data), rest) {
			t.Fatalf("%q is not in %q any more", rest, data)
		}
	})
}
