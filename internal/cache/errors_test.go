package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	denied := &fs.PathError{Op: "open", Path: "/d/aa.lock", Err: fs.ErrPermission}
	for want, err := range map[string]error{
		"lock /d/aa.lock: still held after 10s, by process 42 since 2026-05-04T12:00:00Z": &LockError{
			Path: "/d/aa.lock", PID: 42, Since: noon, Waited: 10 * time.Second},
		"lock /d/aa.lock: still held after 10s, by a process that left no note": &LockError{
			Path: "/d/aa.lock", Waited: 10 * time.Second},
		"lock /d/aa.lock: still held after 10s, by process 42 since 2026-05-04T12:00:00Z, the last of 3 that had it in turn": &LockError{
			Path: "/d/aa.lock", PID: 42, Since: noon, Turns: 3, Waited: 10 * time.Second},
		"lock /d/aa.lock: still held after 10s, by a process that left no note, the last of 2 that had it in turn": &LockError{
			Path: "/d/aa.lock", Turns: 2, Waited: 10 * time.Second},
		"take the lock: open /d/aa.lock: permission denied": &LockError{Path: "/d/aa.lock", Err: denied},
		"lock /d/aa.lock: it is odd":                        &LockError{Path: "/d/aa.lock", Err: errors.New("it is odd")},
		"save /d/aa.json: disk is full":                     &SaveError{Path: "/d/aa.json", Err: errors.New("disk is full")},
		"save /d/aa.json: someone changed it without the lock (generation 1 became 2); the newer value is kept: refused": &ConflictError{
			Path: "/d/aa.json", Read: 1, Found: 2, Err: errors.New("refused")},
		"refused":                Remember(errors.New("refused")),
		"the value is forgotten": Forget(nil),
	} {
		if err.Error() != want {
			t.Errorf("%T: %q, want %q", err, err.Error(), want)
		}
	}
	refused := errors.New("refused")
	for _, err := range []error{Remember(refused), Forget(refused), &SaveError{Err: refused}, &LockError{Err: refused}, &ConflictError{Err: refused}} {
		if !errors.Is(err, refused) {
			t.Errorf("%T hides its cause", err)
		}
	}
}

func TestUnsupported(t *testing.T) {
	t.Parallel()
	for _, err := range []error{syscall.ENOLCK, errors.ErrUnsupported, fmt.Errorf("flock: %w", syscall.ENOLCK)} {
		if !unsupported(err) {
			t.Errorf("%v counts as supported", err)
		}
	}
	for _, err := range []error{syscall.EIO, fs.ErrPermission, fs.ErrNotExist} {
		if unsupported(err) {
			t.Errorf("%v counts as unsupported", err)
		}
	}
}

// A change may wrap the marked error once more; then all of it is returned.
func TestWrappedMark(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		d := Open[string](o)
		refused := errors.New("refused")
		if _, err := d.Update(t.Context(), "aa", fail("noted", fmt.Errorf("refresh: %w", Remember(refused)))); err == nil || err.Error() != "refresh: refused" {
			t.Errorf("%v", err)
		}
		wantStored(t, d, "aa", "noted")
	})
}

func TestCachedTakesTheNewerValue(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		left time.Duration // of the value that someone else stored
		want string
	}{"valid": {time.Second, "theirs"}, "expired": {-time.Second, ""}} {
		var warned warnings
		o := Options{Path: filepath.Join(t.TempDir(), "sessions"), Now: at(noon), Warn: warned.add}
		value, err := Cached(Open[token](o), "aa", time.Minute, func(context.Context, token, bool) (token, error) {
			writeRecord(t, o.Path, "aa", 5, token{Text: "theirs", Until: noon.Add(test.left)})
			return token{Text: "ours", Until: noon.Add(time.Hour)}, nil
		})(t.Context())
		_, conflict := errors.AsType[*ConflictError](err)
		if (test.want == "") != conflict || (test.want != "" && (value.Text != test.want || warned.String() == "")) {
			t.Errorf("%s: %v, %v, warned %q", name, value, err, warned.String())
		}
	}
}

// TestTurns: a note is a turn when process or time are others; a blank one is none.
func TestTurns(t *testing.T) {
	t.Parallel()
	var seen turns
	for i, c := range []struct {
		pid   int
		since time.Time
		want  int
	}{{0, time.Time{}, 0}, {7, noon, 1}, {7, noon, 1}, {0, time.Time{}, 1}, {7, noon, 1}, {7, noon.Add(time.Second), 2}, {8, noon.Add(time.Second), 3}} {
		if seen.note(c.pid, c.since); seen.count != c.want {
			t.Errorf("%d: %d turns, want %d", i, seen.count, c.want)
		}
	}
}
