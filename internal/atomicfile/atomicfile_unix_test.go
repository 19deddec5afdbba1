//go:build unix

package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestModes(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	if err := d.Write("a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	f, err := d.OpenInPlace("lock")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for path, want := range map[string]os.FileMode{
		filepath.Dir(d.Path()): 0o700, d.Path(): 0o700,
		filepath.Join(d.Path(), "a"): 0o600, filepath.Join(d.Path(), "lock"): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %v", path, info, err, want)
		}
	}
}

// A file that was too open before becomes private with the next save.
func TestWriteTightensTheMode(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	path := filepath.Join(d.Path(), "a")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a", nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode        os.FileMode
		owner, user int
		refused     string // "", "write", "owner", "unsafe"
	}{
		"own":                          {0o700, 1000, 1000, ""},
		"own, others may look":         {0o755, 1000, 1000, ""},
		"root's own":                   {0o755, 0, 0, ""},
		"group writes":                 {0o770, 1000, 1000, "unsafe"},
		"others write":                 {0o702, 1000, 1000, "unsafe"},
		"sticky":                       {0o777 | os.ModeSticky, 1000, 1000, "unsafe"},
		"root in a user's directory":   {0o700, 1000, 0, "owner"},
		"another user":                 {0o755, 1001, 1000, "owner"},
		"another user, writable":       {0o777, 1001, 1000, "owner"},
		"the administrator's":          {0o755, 0, 1000, "write"},
		"the administrator's writable": {0o777, 0, 1000, "unsafe"},
	} {
		refusal, err := judge("/d", test.mode, test.owner, test.user)
		got := ""
		if _, ok := errors.AsType[*OwnerError](refusal); ok {
			got = "write"
		}
		if _, ok := errors.AsType[*OwnerError](err); ok {
			got = "owner"
		}
		if _, ok := errors.AsType[*UnsafeDirError](err); ok {
			got = "unsafe"
		}
		if got != test.refused || ((refusal != nil || err != nil) != (got != "")) {
			t.Errorf("%s: %q (%v, %v), want %q", name, got, refusal, err, test.refused)
		}
	}
}

func TestUnsafeDirectory(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o720, 0o702, 0o777, 0o777 | os.ModeSticky} {
		path := filepath.Join(t.TempDir(), "sessions")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		link := path + "-link" // the directory counts, not the name it was reached by
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		for _, open := range []func(string) (*Dir, error){OpenDir, OpenExisting} {
			for _, p := range []string{path, link} {
				d, err := open(p)
				if _, ok := errors.AsType[*UnsafeDirError](err); d != nil || !ok || !strings.Contains(err.Error(), `chmod go-w "`+p+`"`) {
					t.Errorf("mode %v: %v, %v", mode, d, err)
				}
			}
		}
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		d, err := OpenDir(link)
		if err != nil {
			t.Errorf("after chmod: %v", err)
			continue
		}
		d.Close()
	}
}

// TestForeignDirectory is root in a user's directory, or a user in root's.
func TestForeignDirectory(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		testAdministratorsDirectory(t, "/usr")
		return
	}
	path := filepath.Join(t.TempDir(), "sessions")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 1000, 1000); err != nil {
		t.Skip("cannot give a directory away:", err)
	}
	for _, open := range []func(string) (*Dir, error){OpenDir, OpenExisting} {
		_, err := open(path)
		if owner, ok := errors.AsType[*OwnerError](err); !ok || owner.Owner != "1000" || owner.User != "0" {
			t.Errorf("%v", err)
		}
	}
}

func testAdministratorsDirectory(t *testing.T, path string) {
	if _, err := OpenDir(path); err == nil {
		t.Errorf("OpenDir opened %s for writing", path)
	}
	d, err := OpenExisting(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Names(); err != nil {
		t.Error(err)
	}
	_, placeErr := d.OpenInPlace("x")
	for what, err := range map[string]error{
		"Write": d.Write("x", nil), "OpenInPlace": placeErr, "Rename": d.Rename("x", "y"), "Remove": d.Remove("x"),
		"Touch": d.Touch("x", time.Now()), "Sweep": d.Sweep(time.Now(), time.Hour),
	} {
		if _, ok := errors.AsType[*OwnerError](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFilesThatAreNoFiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		make func(path string) error
		text string
	}{
		"link":     {func(path string) error { return os.Symlink("target", path) }, "a symbolic link"},
		"dangling": {func(path string) error { return os.Symlink("nowhere", path) }, "a symbolic link"},
		"outside":  {func(path string) error { return os.Symlink("/etc/hostname", path) }, "a symbolic link"},
		"pipe":     {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "a named pipe"},
		"dir":      {func(path string) error { return os.Mkdir(path, 0o700) }, "a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := openTemp(t)
			if err := d.Write("target", []byte("x")); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(d.Path(), "odd")
			if err := test.make(path); err != nil {
				t.Fatal(err)
			}
			_, readErr := d.Read("odd", 10)
			_, placeErr := d.OpenInPlace("odd")
			for what, err := range map[string]error{"Read": readErr, "OpenInPlace": placeErr} {
				if _, ok := errors.AsType[*NotRegularError](err); !ok || !strings.Contains(err.Error(), path+" is "+test.text) {
					t.Errorf("%s: %v", what, err)
				}
			}
			wantContent(t, d, "target", "x")
		})
	}
}

// A link in the place of a file is replaced, not followed.
func TestWriteReplacesALink(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	if err := d.Write("target", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", filepath.Join(d.Path(), "a")); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a", []byte("new")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, d, "target", "x")
	wantContent(t, d, "a", "new")
}

// What was checked is what is used: a directory that is moved away after it
// was opened is still the one that is written.
func TestMovedDirectory(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	moved := d.Path() + "-moved"
	if err := os.Rename(d.Path(), moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), d.Path()); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(moved, "a")); err != nil {
		t.Error(err)
	}
}
