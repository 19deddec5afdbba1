package cache

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFileFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions")
	d := Open[token](Options{Path: path, Now: at(noon)})
	for range 2 {
		if _, err := d.Update(t.Context(), "aa", give(token{Text: "x", Until: noon})); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(filepath.Join(path, "aa.json"))
	const want = `{"version":1,"generation":2,"value":{"Text":"x","Until":"2026-05-04T12:00:00Z"}}` + "\n"
	if err != nil || string(data) != want {
		t.Errorf("%s, %v, want %s", data, err, want)
	}
}

const whole = `{"version":1,"generation":3,"value":{"Text":"s3cret-t0ken","Until":"2026-05-04T13:00:00Z"}}`

func TestCorruptFiles(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty":              "",
		"half":               whole[:len(whole)/2],
		"one byte short":     whole[:len(whole)-1],
		"zeros":              strings.Repeat("\x00", 500),
		"two records":        whole + whole,
		"no version":         `{"generation":3,"value":{"Text":"s3cret-t0ken"}}`,
		"version 0":          `{"version":0,"generation":3,"value":{}}`,
		"generation 0":       `{"version":1,"generation":0,"value":{}}`,
		"generation below 0": `{"version":1,"generation":-1,"value":{}}`,
		"no value":           `{"version":1,"generation":3}`,
		"other value":        `{"version":1,"generation":3,"value":["s3cret-t0ken"]}`,
		"other member":       `{"version":1,"generation":3,"value":{"Text":{"s3cret-t0ken":1}}}`,
		"too large":          whole + strings.Repeat(" ", MaxSize),
		"not an object":      `"s3cret-t0ken"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, how := range []string{"read", "update", "list"} {
				var warned warnings
				path := filepath.Join(t.TempDir(), "sessions")
				d := Open[token](Options{Path: path, Now: at(noon), Warn: warned.add})
				if _, err := d.Update(t.Context(), "aa", give(token{})); err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(path, "aa.json")
				if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				checkCorrupt(t, d, how)
				aside, err := os.ReadFile(file + ".corrupt-1777896000")
				if err != nil || string(aside) != content {
					t.Errorf("%s: set aside: %d bytes, %v", how, len(aside), err)
				}
				if w := warned.String(); !strings.Contains(w, file) || strings.Contains(w, "s3cret") || strings.Count(w, "\n") != 0 {
					t.Errorf("%s: warned %q", how, w)
				}
			}
		})
	}
}

func checkCorrupt(t *testing.T, d *Dir[token], how string) {
	t.Helper()
	switch how {
	case "read":
		if value, found, err := d.Read("aa"); found || err != nil || value != (token{}) {
			t.Errorf("Read: %v, %v, %v", value, found, err)
		}
	case "list":
		if list, err := d.List(); len(list) != 0 || err != nil {
			t.Errorf("List: %v, %v", list, err)
		}
	case "update":
		_, err := d.Update(t.Context(), "aa", give(token{Text: "new"}))
		if err != nil {
			t.Errorf("Update: %v", err)
		}
		wantStored(t, d, "aa", token{Text: "new"})
	}
}

func TestWholeFileIsRead(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"as written": whole, "spaced": " " + whole + "\n\n", "more members": `{"later":1,` + whole[1:]} {
		if err := os.WriteFile(filepath.Join(path, "aa.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		d := Open[token](Options{Path: path, Now: at(noon), Warn: func(s string) { t.Errorf("%s: %s", name, s) }})
		wantStored(t, d, "aa", token{Text: "s3cret-t0ken", Until: noon.Add(time.Hour)})
	}
}

// A file of a later version is somebody's good session: it is left alone.
func TestNewerFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions")
	d := Open[token](Options{Path: path, Now: at(noon)})
	if _, err := d.Update(t.Context(), "aa", give(token{})); err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(whole, `"version":1`, `"version":2`, 1)
	if err := os.WriteFile(filepath.Join(path, "aa.json"), []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, readErr := d.Read("aa")
	_, updateErr := d.Update(t.Context(), "aa", give(token{}))
	for _, err := range []error{readErr, updateErr} {
		if err == nil || !strings.Contains(err.Error(), "version 2") {
			t.Errorf("%v", err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(path, "aa.json")); err != nil || string(data) != newer {
		t.Errorf("the file is now %s, %v", data, err)
	}
}

// A lock-free reader that saw a corrupt file leaves it to the one who holds
// the lock: by the time it renamed it, the file could be a good one.
func TestCorruptFileWhileLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions")
	holder := Open[token](Options{Path: path, Now: at(noon)})
	reader := Open[token](Options{Path: path, Now: at(noon)}) // a gate of its own, as another process has
	hog(t, holder, "aa")
	file := filepath.Join(path, "aa.json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*Dir[token]{holder, reader} {
		if _, found, err := d.Read("aa"); found || err != nil {
			t.Errorf("%v, %v", found, err)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "{" {
		t.Errorf("the file was moved: %v", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for key, base := range map[string]string{
		"0123456789abcdef": "0123456789abcdef",
		"ABC":              "x-414243",
		"x-41":             "x-782d3431",
		"../../etc/passwd": "x-2e2e2f2e2e2f6574632f706173737764",
		"CON":              "x-434f4e",
		"\x00":             "x-00",
	} {
		if got := baseName(key); got != base {
			t.Errorf("%q is named %q, want %q", key, got, base)
		}
	}
	for _, name := range []string{"", ".json", "aa", "aa.lock", "x-.json", "x-4.json", "x-zz.json", "x-6161.json", "x-4A.json", "AA.json",
		"aa.json.0123456789abcdef.tmp", "aa.json.corrupt-1", strings.Repeat("a", maxKey+1) + ".json"} {
		if key, ok := keyOf(name); ok {
			t.Errorf("%q is taken for the file of %q", name, key)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("aa", "x-41.json")
	f.Add("Ann@example.com", "aa.json")
	f.Fuzz(func(t *testing.T, key, name string) {
		if checkKey(key) == nil {
			if back, ok := keyOf(fileName(key)); !ok || back != key {
				t.Errorf("%q came back as %q, %v", key, back, ok)
			}
			longest := asideName(key, noon)
			if len(longest) > 255 || strings.ContainsAny(longest, `/\:*?"<>|`+"\x00") || strings.ToLower(longest) != longest {
				t.Errorf("%q is no file name everywhere", longest)
			}
		}
		if key, ok := keyOf(name); ok && fileName(key) != name {
			t.Errorf("%q and %q are both the file of %q", name, fileName(key), key)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(whole[:40]))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, reason, err := decode[token](data)
		if e.found != (reason == "" && err == nil) {
			t.Fatalf("found %v, %q, %v", e.found, reason, err)
		}
		if !e.found {
			if e != (entry[token]{}) {
				t.Errorf("a value without being found: %v", e)
			}
			return
		}
		again, err := encode(envelope[token]{Generation: e.generation, Begun: e.begun, Value: e.value})
		if err != nil {
			return // a time of a year that JSON cannot write
		}
		back, reason, err := decode[token](again)
		if back.generation != e.generation || back.value.Text != e.value.Text || reason != "" || err != nil {
			t.Errorf("%v came back as %v, %q, %v", e, back, reason, err)
		}
	})
}

func FuzzNote(f *testing.F) {
	f.Add(string(formatNote(123, noon)))
	f.Add("pid -1 since 2026-05-04T12:00:00Z")
	f.Fuzz(func(t *testing.T, text string) {
		pid, since := parseNote(text)
		if (pid == 0) != since.IsZero() && pid == 0 {
			t.Errorf("a time without a holder: %v", since)
		}
		if pid < 0 {
			t.Errorf("pid %d", pid)
		}
	})
}

func TestNote(t *testing.T) {
	t.Parallel()
	for _, pid := range []int{1, 123, 2147483647} {
		text := formatNote(pid, noon.Add(300*time.Millisecond))
		if len(text) != noteSize {
			t.Errorf("%q takes %d bytes, want %d", text, len(text), noteSize)
		}
		if back, since := parseNote(string(text)); back != pid || !since.Equal(noon) {
			t.Errorf("%q is read as %d, %v", text, back, since)
		}
	}
	for _, text := range []string{"pid 1 until 2026-05-04T12:00:00Z", "ppid 1 since 2026-05-04T12:00:00Z", "pid 1 since noon", "pid one since 2026-05-04T12:00:00Z", "pid 1 since"} {
		if pid, since := parseNote(text); pid != 0 || !since.IsZero() {
			t.Errorf("%q is read as %d, %v", text, pid, since)
		}
	}
	if blank := formatNote(0, noon); len(blank) != noteSize || strings.TrimSpace(string(blank)) != "" {
		t.Errorf("blank note %q", blank)
	}
}
