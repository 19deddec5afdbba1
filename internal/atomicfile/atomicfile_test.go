package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func openTemp(t *testing.T) *Dir {
	t.Helper()
	d, err := OpenDir(filepath.Join(t.TempDir(), "made", "here"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func wantContent(t *testing.T, d *Dir, name, want string) {
	t.Helper()
	got, err := d.Read(name, 1<<20)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %.40q, %v, want %.40q", name, got, err, want)
	}
}

func wantNames(t *testing.T, d *Dir, want ...string) {
	t.Helper()
	if names, err := d.Names(); err != nil || !slices.Equal(names, want) {
		t.Errorf("the directory holds %v, %v, want %v", names, err, want)
	}
}

func TestOpenDirMakesIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "made", "here")
	if _, err := OpenExisting(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenExisting: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenExisting made something: %v", err)
	}
	for range 2 {
		d, err := OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		if d.Path() != path {
			t.Errorf("path %s", d.Path())
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	d, err := OpenExisting(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Write("a", []byte("x")); err != nil {
		t.Error(err)
	}
}

func TestOpenDirOnAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		for what, open := range map[string]func(string) (*Dir, error){"OpenDir": OpenDir, "OpenExisting": OpenExisting} {
			if d, err := open(path); err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("%s(%s): %v, %v", what, path, d, err)
			}
		}
	}
}

func TestOpenDirInParallel(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "c")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			d, err := OpenDir(path)
			if err != nil {
				t.Error(err)
				return
			}
			d.Close()
		})
	}
	all.Wait()
}

func TestWriteAndRead(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	if _, err := d.Read("a", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	for _, content := range []string{"first", "", strings.Repeat("long", 5000), "short"} {
		if err := d.Write("a", []byte(content)); err != nil {
			t.Fatal(err)
		}
		wantContent(t, d, "a", content)
	}
	wantNames(t, d, "a")
}

func TestReadLimit(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	if err := d.Write("a", []byte("1234567890")); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Read("a", 10); err != nil || string(got) != "1234567890" {
		t.Errorf("at the limit: %q, %v", got, err)
	}
	_, err := d.Read("a", 4)
	if large, ok := errors.AsType[*TooLargeError](err); !ok || large.Size != 10 || large.Max != 4 || !strings.Contains(err.Error(), d.Path()) {
		t.Errorf("beyond the limit: %v", err)
	}
}

func TestCreateReservesAndAbortRemoves(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	if err := d.Write("a", []byte("old")); err != nil {
		t.Fatal(err)
	}
	p, err := d.Create("a", 5000)
	if err != nil {
		t.Fatal(err)
	}
	names, err := d.Names()
	if err != nil || len(names) != 2 {
		t.Fatalf("%v, %v", names, err)
	}
	if name, ok := TempOf(names[1]); name != "a" || !ok {
		t.Errorf("temp file %s is one of %q, %v", names[1], name, ok)
	}
	info, err := os.Stat(filepath.Join(d.Path(), names[1]))
	if err != nil || info.Size() != 5000 {
		t.Errorf("reserved: %v, %v", info, err)
	}
	p.Abort()
	p.Abort()
	wantNames(t, d, "a")
	wantContent(t, d, "a", "old")
	if err := p.Commit([]byte("new")); err == nil {
		t.Error("an aborted save was committed")
	}
	wantContent(t, d, "a", "old")
}

func TestCommit(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	for _, size := range []int{0, 3, 1000} { // less, as much, and more room than needed
		p, err := d.Create("a", size)
		if err != nil {
			t.Fatal(err)
		}
		content := fmt.Sprintf("size %d", size)
		if err := p.Commit([]byte(content)); err != nil {
			t.Fatal(err)
		}
		p.Abort()
		if err := p.Commit([]byte("twice")); err == nil {
			t.Error("a save was committed twice")
		}
		wantContent(t, d, "a", content)
		wantNames(t, d, "a")
	}
}

func TestCommitFails(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	if err := d.Write("full/name", nil); err == nil {
		t.Error("a path was taken for a name")
	}
	if err := os.MkdirAll(filepath.Join(d.Path(), "taken", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("taken", []byte("x")); err == nil || !strings.Contains(err.Error(), d.Path()) {
		t.Errorf("a directory was replaced: %v", err)
	}
	wantNames(t, d, "taken")
}

func TestNamesThatAreNone(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	outside := filepath.Join(filepath.Dir(d.Path()), "outside")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "../outside", "a/b", "/etc/passwd", outside, "./a"} {
		_, readErr := d.Read(name, 10)
		_, createErr := d.Create(name, 0)
		_, placeErr := d.OpenInPlace(name)
		for what, err := range map[string]error{
			"Read": readErr, "Create": createErr, "OpenInPlace": placeErr, "Rename from": d.Rename(name, "x"),
			"Rename to": d.Rename("x", name), "Remove": d.Remove(name), "Touch": d.Touch(name, time.Now()),
		} {
			if err == nil || !strings.Contains(err.Error(), "plain file name") {
				t.Errorf("%s(%q): %v", what, name, err)
			}
		}
	}
	wantNames(t, d)
}

func TestOpenInPlace(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	for i, text := range []string{"one", "two"} {
		f, err := d.OpenInPlace("lock")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte(text), int64(3*i)); err != nil {
			t.Error(err)
		}
		f.Close()
	}
	wantContent(t, d, "lock", "onetwo")
}

func TestRenameAndRemove(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	for _, name := range []string{"a", "b"} {
		if err := d.Write(name, []byte("content of "+name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Rename("a", "b"); err != nil {
		t.Error(err)
	}
	wantNames(t, d, "b")
	wantContent(t, d, "b", "content of a")
	if err := d.Rename("a", "c"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), d.Path()) {
		t.Errorf("Rename of nothing: %v", err)
	}
	if err := d.Remove("b"); err != nil {
		t.Error(err)
	}
	if err := d.Remove("b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove of nothing: %v", err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	now := time.Now()
	const temp, fresh = "a.json.0123456789abcdef.tmp", "a.json.fedcba9876543210.tmp"
	foreign := []string{"a.json", "a.lock", "b.0123456789abcdeg.tmp", "b.01234567.tmp", "b.tmp", ".0123456789abcdef.tmp", "0123456789abcdef.tmp"}
	for _, name := range append([]string{temp, fresh, "a.ended"}, foreign...) {
		if err := d.Write(name, []byte("x")); err != nil {
			t.Fatal(err)
		}
		age := 61 * time.Minute
		if name == fresh {
			age = 59 * time.Minute
		}
		if err := d.Touch(name, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Sweep(now, time.Hour); err != nil {
		t.Error(err)
	}
	kept := append([]string{fresh, "a.ended"}, foreign...)
	slices.Sort(kept)
	wantNames(t, d, kept...)
	if err := d.Sweep(now, time.Hour, ".ended", ""); err != nil {
		t.Error(err)
	}
	kept = slices.DeleteFunc(kept, func(name string) bool { return name == "a.ended" })
	wantNames(t, d, kept...)
}

// TestReadersSeeOneVersion has writers replace a file under readers, who must
// see one writer's content whole.
func TestReadersSeeOneVersion(t *testing.T) {
	t.Parallel()
	d := openTemp(t)
	version := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 1000*(i+1)) }
	if err := d.Write("a", version(0)); err != nil {
		t.Fatal(err)
	}
	// A busy machine gives them longer: a third of a second may be over with few reads.
	var reads atomic.Int64
	began := time.Now()
	over := func() bool {
		took := time.Since(began)
		return t.Failed() || took > 300*time.Millisecond && reads.Load() > 500 || took > 20*time.Second
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for !over() {
				if err := d.Write("a", version(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		all.Go(func() {
			for !over() {
				got, err := d.Read("a", 1<<20)
				reads.Add(1)
				if err != nil || len(got) == 0 || !bytes.Equal(got, version(int(got[0]-'a'))) {
					t.Errorf("read %d bytes that begin with %.3q, %v", len(got), got, err)
					return
				}
			}
		})
	}
	all.Wait()
	wantNames(t, d, "a")
}

func FuzzTempOf(f *testing.F) {
	f.Add("a.json.0123456789abcdef.tmp")
	f.Add("a.tmp")
	f.Fuzz(func(t *testing.T, temp string) {
		name, ok := TempOf(temp)
		if ok && (len(temp) != len(name)+len(".0123456789abcdef.tmp") || !strings.HasPrefix(temp, name+".") || name == "") {
			t.Errorf("%q is taken for a temp file of %q", temp, name)
		}
	})
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		`directory /d can be written by other users (mode 0777); run: chmod go-w "/d"`: &UnsafeDirError{Path: "/d", Mode: 0o777},
		`directory C:/d can be written by *S-1-1-0; remove that right: icacls "C:/d" /remove:g "*S-1-1-0"`: &UnsafeDirError{
			Path: "C:/d", Who: "*S-1-1-0"},
		"directory /d belongs to user 1000 and this program runs as 0: it writes only its own user's directories": &OwnerError{
			Path: "/d", Owner: "1000", User: "0"},
		"file /d/a is larger (5 bytes) than the limit of 4 bytes": &TooLargeError{Path: "/d/a", Size: 5, Max: 4},
		"/d/a is a socket, not a regular file":                    &NotRegularError{Path: "/d/a", Mode: fs.ModeSocket},
		"/d/a is a device, not a regular file":                    &NotRegularError{Path: "/d/a", Mode: fs.ModeDevice},
		"/d/a was swapped while it was opened":                    &NotRegularError{Path: "/d/a", Mode: 0o600},
	} {
		if err.Error() != want {
			t.Errorf("%T: %q, want %q", err, err.Error(), want)
		}
	}
}
