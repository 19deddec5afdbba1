package main

import (
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
)

// TestLockHint: who may not open the lock has no process to wait for, and an emulator's
// way out is no one else's.
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
		{&auth.KeysError{Err: io.EOF, Emulated: true}, "a server without a key set (an emulator) needs: cogctl login --no-verify-id-token"},
		{&cache.LockError{Path: path, Err: &fs.PathError{Op: "openat", Path: path, Err: fs.ErrPermission}}, "COGCTL_CONFIG_DIR may name another folder"},
	} {
		if hint := hintFor(a.placed(row.err)); !strings.HasPrefix(hint, row.hint) {
			t.Errorf("%v: the hint is %q, not %q", row.err, hint, row.hint)
		}
	}
	// Nobody is told to leave out what checks AWS's own tokens.
	if hint := hintFor(&auth.KeysError{Err: io.EOF}); hint != "" {
		t.Errorf("the hint about AWS's key set is %q", hint)
	}
}
