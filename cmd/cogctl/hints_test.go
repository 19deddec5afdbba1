package main

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/cache"
)

// TestLockHint: who may not open the lock has no process to wait for.
func TestLockHint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newApp()
	a.getenv = func(name string) string { return map[string]string{"COGCTL_CONFIG_DIR": dir}[name] }
	path := filepath.Join(dir, "sessions", "x.lock")
	for _, row := range []struct {
		err  error
		hint string
	}{
		{&cache.LockError{Path: path, PID: 7, Since: time.Unix(0, 0), Waited: 10 * time.Second}, "wait for that process"},
		{&cache.LockError{Path: path, PID: 7, Since: time.Unix(0, 0), Turns: 1, Waited: 10 * time.Second}, "wait for that process"},
		{&cache.LockError{Path: path, PID: 7, Since: time.Unix(0, 0), Turns: 2, Waited: 10 * time.Second}, "others were at it in turn, and what they report"},
		{&cache.LockError{Path: path, Err: &fs.PathError{Op: "openat", Path: path, Err: fs.ErrPermission}}, "COGCTL_CONFIG_DIR may name another folder"},
	} {
		if hint := hintFor(a.placed(row.err)); !strings.HasPrefix(hint, row.hint) {
			t.Errorf("%v: the hint is %q, not %q", row.err, hint, row.hint)
		}
	}
}
