package config

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[profiles.dev]\nregion \"us-east-1\"\n":               ":2:8: expected '=' after key\n    2 | region \"us-east-1\"",
		"region = 'x'\nregion = 'y'\n":                         ":2:1: key region is already defined\n    2 | region = 'y'",
		"[profiles.a]\n[profiles.a]\n":                         ":2:2: table a already exists\n    2 | [profiles.a]",
		"[profiles.dev\nregion = 'x'":                          ":1:14: ",
		"default_profile = dev\n":                              ":1:19: unexpected character U+0064 'd' at start of value\n    1 | default_profile = dev",
		"api.url = 'https://a.example":                         "    1 | api.url = 'https://a.example",
		"client_secret = \"hunter2\n":                          "    1 | client_secret …",
		"client_secret \"hunter2\n":                            "    1 | client_secret …",
		"client_secret = '''\nregional hunter2\n":              ":2:17: ",
		"client_secret = \"\"\"\nhunter2\\q\"\"\"\n":           ":2:8: invalid escape character",
		"password = \"\"\"\nregion hunter2\\q\"\"\"":           ":2:15: ",
		"secret_thing = hunter2":                               ":1:16: ",
		"[profiles.dev] client_secret = \"hunter2\"":           "    1 | [profiles.dev]",
		"[profiles.dev client_secret \"hunter2\"":              "    1 | [profiles.dev",
		"region = 'x' password = \"hunter2\"":                  "    1 | region = …",
		"domain = \"https://u:hunter2@x.example":               ":1:",
		"x = 1e999hunter2":                                     ":1:",
		"x = 1e999":                                            ":1:5: the number is out of range",
		"debug = tru":                                          ":1:9: ",
		"region = \"x\x00\"":                                   "",
		"region = '\xff'":                                      ":1:11: invalid UTF-8",
		strings.Repeat("[", 500):                               ":1:",
		"a = " + strings.Repeat("[", 20000):                    ":1:",
		"[profiles.dev]\r\nregion = 'x'\r\n\r\nregion = 'y'\r": ":4:",
	} {
		path := writeFile(t, text)
		_, err := Read(path)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1 || !strings.HasPrefix(err.Error(), path+":") {
			t.Errorf("%.60q: %v", text, err)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "1e999") {
			t.Errorf("%.60q: %q lacks %q, or tells too much", text, err, want)
		}
	}
}

func TestReadForms(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"\ufeffdefault_profile = 'dev'\n[profiles.dev]\nusername = 'ann'\n",
		"default_profile = 'dev'\r\n[profiles.dev]\r\nusername = 'ann'\r\n",
		"profiles.dev.username = 'ann'",
		"profiles = { dev = { username = 'ann' } }",
		"[profiles]\ndev.username = 'ann'",
		"[profiles.\"dev\"]\n'username' = \"\"\"\\\n   ann\"\"\"",
		"[profiles.dev]\nusername = \"\\u0061nn\"",
	} {
		p, warnings, err := mustRead(t, text).Resolve(given())
		if err != nil || len(warnings) != 0 || p.Name() != "dev" || p.Get("username").Text != "ann" {
			t.Errorf("%q: %v, %v, %q", text, p, err, warnings)
		}
	}
}

func TestReadLimits(t *testing.T) {
	t.Parallel()
	if _, err := Read(writeFile(t, "# "+strings.Repeat("x", maxFile))); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a huge file: %v", err)
	}
	if _, err := Read(filepath.Dir(writeFile(t, ""))); err == nil {
		t.Error("a directory was read as a config file")
	}
	// A key of very many parts must not cost more than its length.
	f := mustRead(t, "[profiles.dev]\n"+strings.Repeat("a.", 100_000)+"a = 1\nx = "+strings.Repeat("{a=", 5000)+"1"+strings.Repeat("}", 5000))
	if _, _, err := f.Resolve(given()); err == nil || len(err.Error()) > 2000 {
		t.Errorf("%.200v", err)
	}
}

func TestOthersMayNotWrite(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("permission bits are of unix; the directory's access list is tested where it is opened")
	}
	path := writeFile(t, sample)
	for mode, fine := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o400: true, 0o664: false, 0o602: false, 0o666: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path)
		if (err == nil) != fine {
			t.Errorf("mode %#o: %v", mode, err)
		}
		if !fine && !strings.Contains(err.Error(), "run: chmod go-w \""+path+"\"") {
			t.Errorf("mode %#o: %v does not say what to do", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("in an open directory: %v", err)
	}
	if err := Use(path, "dev"); err == nil {
		t.Error("written in an open directory")
	}
}

func TestSymlink(t *testing.T) {
	t.Parallel()
	target := writeFile(t, "[profiles.dev]\n")
	link := filepath.Join(filepath.Dir(writeFile(t, "")), "linked.toml")
	if err := os.Symlink(target, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	f, err := Read(link)
	if err != nil || !f.Has("dev") || f.Path() != link {
		t.Fatal(err)
	}
	if err := Create(link, "more", nil, true); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info, err)
	}
	if f, err := Read(target); err != nil || f.Default() != "more" {
		t.Errorf("the target was not changed: %v", err)
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(filepath.Dir(target), 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(link); err == nil {
			t.Error("a link into a directory of everybody's was followed")
		}
	}
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(link); err == nil || !strings.Contains(err.Error(), "leads nowhere") {
		t.Errorf("a dangling link: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample, "dev")
	f.Add("[profiles.a]\ninherits='a'\n[[profiles.a.b]]\nx={y={z=[1,'a']}}\n", "a")
	f.Add("\ufeff'profiles'.\"a\\u0062\" = {api={url='x'}}\r\n", "")
	f.Add("default_profile = 1979-05-27\nclient_secret = \"hunter", "x")
	f.Fuzz(func(t *testing.T, text, profile string) {
		if len(text) > 1<<14 {
			return
		}
		doc, err := parse([]byte(text))
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1 {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		file := &File{path: "config.toml", data: []byte(text), doc: doc}
		p, _, err := file.Resolve(given("--profile=" + profile))
		if err != nil {
			return
		}
		if p.Name() != profile || !slices.Contains(file.Names(), profile) || CheckName(profile) != nil {
			t.Fatalf("profile %q of %q", p.Name(), file.Names())
		}
		for _, field := range Fields() {
			if v := p.Get(field.Name); v.Set() && field.check != nil && !field.List && field.check(v.Text) != nil {
				t.Fatalf("%s = %q came through", field.Name, v.Text)
			}
		}
	})
}
