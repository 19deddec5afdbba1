//go:build unix

package cache

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// seeded makes a directory whose value is "old".
func seeded(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sessions")
	d := Open[token](Options{Path: dir, Now: time.Now})
	if _, err := d.Update(t.Context(), "aa", give(long("old"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// childEnv is the environment of the test binary in another role. With the race
// detector, a program sleeps a second at its end unless told otherwise.
func childEnv(role, dir string, more ...string) []string {
	return append(append(os.Environ(), "COGCTL_CACHE_CHILD="+role, "COGCTL_CACHE_DIR="+dir, "GORACE=atexit_sleep_ms=0"), more...)
}

// startHolder starts a child that stops at a named point, and waits until it
// is there.
func startHolder(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = childEnv(role, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	return cmd
}
