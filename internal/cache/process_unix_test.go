//go:build unix

package cache

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// renewers runs children that all ask for a good value at once, and returns
// what they print.
func renewers(t *testing.T, count int, dir string, now time.Time) []string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmds, starts, outs := make([]*exec.Cmd, count), make([]io.Closer, count), make([]strings.Builder, count)
	for i := range cmds {
		cmds[i] = exec.Command(path)
		cmds[i].Env = childEnv("renew", dir, "COGCTL_CACHE_NOW="+now.Format(time.RFC3339))
		cmds[i].Stdout, cmds[i].Stderr = &outs[i], &outs[i]
		if starts[i], err = cmds[i].StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, start := range starts {
		start.Close()
	}
	said := make([]string, count)
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("child %d: %v: %s", i, err, outs[i].String())
		}
		said[i] = outs[i].String()
	}
	return said
}

func TestOneRenewalForThirtyProcesses(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "sessions") // made by the children, all at once
	for round, children := range []int{30, 10} {
		now := noon.Add(time.Duration(round) * time.Hour) // the value of the round before has expired
		said := renewers(t, children, dir, now)
		for i := range said {
			if said[i] != said[0] || !strings.Contains(said[i], now.Format(time.RFC3339)) {
				t.Errorf("round %d: child %d got %q, child 0 %q", round, i, said[i], said[0])
			}
		}
		data, err := os.ReadFile(filepath.Join(parent, "renewals"))
		if renewals := strings.Count(string(data), "\n"); renewals != round+1 || err != nil {
			t.Errorf("after round %d there were %d renewals, %v, want %d", round, renewals, err, round+1)
		}
	}
}

func TestLockErrorNamesTheHolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sessions")
	before := time.Now().Truncate(time.Second)
	seed := Open[token](Options{Path: dir, Now: at(noon)})
	if _, err := seed.Update(t.Context(), "aa", give(token{Text: "stored", Until: noon.Add(30 * time.Second)})); err != nil {
		t.Fatal(err)
	}
	holder := startHolder(t, "hold-before-change", dir)
	d := Open[token](Options{Path: dir, Now: at(noon), Wait: 100 * time.Millisecond})
	_, err := d.Update(t.Context(), "aa", give(token{}))
	lock, ok := errors.AsType[*LockError](err)
	if !ok {
		t.Fatalf("%v", err)
	}
	if lock.Turns != 1 || lock.PID != holder.Process.Pid || lock.Since.Before(before) || lock.Since.After(time.Now()) || lock.Path != filepath.Join(dir, "aa.lock") {
		t.Errorf("%+v, want holder %d since about %v", lock, holder.Process.Pid, before)
	}
	if value, err := Cached(d, "aa", time.Minute, fail(token{}, errors.New("no")))(t.Context()); err != nil || value.Text != "stored" {
		t.Errorf("a value inside the margin: %v, %v", value, err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	if _, err := d.Update(t.Context(), "aa", give(token{})); err != nil {
		t.Errorf("after the holder's end: %v", err)
	}
	// The lock file stays, and says that nobody holds it.
	note, err := os.ReadFile(filepath.Join(dir, "aa.lock"))
	if err != nil || len(note) != noteOffset+noteSize || strings.TrimSpace(string(note[noteOffset:])) != "" {
		t.Errorf("lock file: %q, %v", note, err)
	}
}

// Who waits in vain is told how many were at it in turn: it is not one that hangs. Each
// look of the waiter at the value here changes who the lock file says has it.
func TestLockErrorCountsTheTurns(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sessions")
	seed := Open[token](Options{Path: dir, Now: at(noon)})
	if _, err := seed.Update(t.Context(), "aa", give(token{Text: "stored", Until: noon})); err != nil {
		t.Fatal(err)
	}
	startHolder(t, "hold-before-change", dir)
	file, err := os.OpenFile(filepath.Join(dir, "aa.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	pid := 1
	looks := func(entry[token]) bool {
		pid++
		_, err := file.WriteAt(formatNote(pid, noon), noteOffset)
		return err != nil
	}
	d := Open[token](Options{Path: dir, Now: at(noon), Wait: 300 * time.Millisecond})
	_, err = d.update(t.Context(), "aa", looks, give(token{}))
	lock, ok := errors.AsType[*LockError](err)
	if !ok || lock.PID != pid || lock.Turns != pid-1 {
		t.Errorf("%v: %+v, want %d turns", err, lock, pid-1)
	}
}

// A lock file that was removed while it was held makes a second lock possible;
// the generation number catches what follows from it.
func TestRemovedLockFile(t *testing.T) {
	t.Parallel()
	dir := seeded(t)
	holder := startHolder(t, "hold-before-change", dir)
	defer holder.Process.Kill()
	if err := os.Remove(filepath.Join(dir, "aa.lock")); err != nil {
		t.Fatal(err)
	}
	d := Open[token](Options{Path: dir, Now: time.Now})
	if _, err := d.Update(t.Context(), "aa", give(long("other"))); err != nil {
		t.Error(err)
	}
}

// Between opening and locking, someone may remove the lock file: what was
// locked then keeps nobody out.
func TestLockOfARemovedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "aa.lock")
	lock := flock.New(path, flock.SetFlag(lockFlags))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	defer lock.Close()
	note, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer note.Close()
	if ok, err := sameFile(lock, note); !ok || err != nil {
		t.Errorf("untouched: %v, %v", ok, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if ok, err := sameFile(lock, note); ok || err != nil {
		t.Errorf("removed: %v, %v", ok, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, err := sameFile(lock, note); ok || err != nil {
		t.Errorf("made again: %v, %v", ok, err)
	}
}

// checkRefused wants every use of dir to fail at once with a text in its error.
func checkRefused(t *testing.T, dir, text string) {
	t.Helper()
	d := Open[token](Options{Path: dir, Now: at(noon), Wait: time.Second})
	_, _, readErr := d.Read("aa")
	_, updateErr := d.Update(t.Context(), "aa", func(context.Context, token, bool) (token, error) {
		t.Error("the change ran")
		return token{}, nil
	})
	for what, err := range map[string]error{"Read": readErr, "Update": updateErr} {
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want %q", what, err, text)
		}
	}
}

func TestFilesThatAreNoFiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		make func(path string) error
		text string
	}{
		"link":     {func(path string) error { return os.Symlink("target", path) }, "symbolic link"},
		"dangling": {func(path string) error { return os.Symlink("nowhere", path) }, "symbolic link"},
		"outside":  {func(path string) error { return os.Symlink("/etc/passwd", path) }, "symbolic link"},
		"pipe":     {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "named pipe"},
		"dir":      {func(path string) error { return os.Mkdir(path, 0o700) }, "a directory"},
	} {
		for _, file := range []string{"aa.json", "aa.lock"} {
			t.Run(name+"/"+file, func(t *testing.T) {
				t.Parallel()
				dir := seeded(t)
				if err := os.Rename(filepath.Join(dir, file), filepath.Join(dir, "target")); err != nil {
					t.Fatal(err)
				}
				if err := test.make(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
				if file == "aa.json" {
					checkRefused(t, dir, test.text)
					return
				}
				d := Open[token](Options{Path: dir, Now: at(noon)})
				if _, err := d.Update(t.Context(), "aa", give(token{})); err == nil || !strings.Contains(err.Error(), test.text) {
					t.Errorf("locked all the same: %v", err)
				}
			})
		}
	}
}

func TestDirectoriesThatAreUnsafe(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o777, 0o770, 0o702, 0o777 | os.ModeSticky} {
		dir := seeded(t)
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		checkRefused(t, dir, "chmod go-w")
		d := Open[token](Options{Path: dir, Now: at(noon)})
		if err := d.End(t.Context(), "aa"); err == nil {
			t.Errorf("End worked in a directory of mode %v", mode)
		}
		if _, err := d.List(); err == nil {
			t.Errorf("List worked in a directory of mode %v", mode)
		}
		if err := os.Chmod(dir, 0o755); err != nil { // others may look: the files are 0600
			t.Fatal(err)
		}
		wantStored(t, d, "aa", long("old"))
	}
}

func TestUnwritableDirectory(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root writes everywhere; the fault tests cover this by injected errors")
	}
	dir := seeded(t)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700) // so that it can be removed
	d := Open[token](Options{Path: dir, Now: at(noon)})
	wantStored(t, d, "aa", long("old"))
	_, err := d.Update(t.Context(), "aa", func(context.Context, token, bool) (token, error) {
		t.Error("the change ran")
		return token{}, nil
	})
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}
