package cache

import (
	"fmt"
	"strings"
	"testing"
)

// kills is how often the lock holder is killed at each named point.
const kills = 20

// TestKilledHolder kills the process that holds the lock at named points.
func TestKilledHolder(t *testing.T) {
	t.Parallel()
	for point, at := range map[string]struct{ role, want string }{
		"lock had, before the change":        {"hold-before-change", "old"},
		"after the note, before the result":  {"hold-after-checkpoint", "note"},
		"after the change, before the write": {"hold-before-write", "old"},
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			for range kills {
				dir := seeded(t)
				holder := startHolder(t, at.role, dir)
				if err := holder.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = holder.Wait()
				checkAftermath(t, dir, at.want)
			}
		})
	}
	// The two later points lie between system calls, so strace does the killing.
	for point, where := range map[string]struct{ call, want string }{
		"after the temp file is written, before the rename": {"renameat,renameat2:signal=SIGKILL:when=1", "old"},
		"after the rename, before the directory is synced":  {"fsync:signal=SIGKILL:when=3", "new"},
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			needStrace(t)
			times := 5
			if exhaustive() {
				times = kills
			}
			for range times {
				dir := seeded(t)
				r := trace(t, "save", dir, where.call)
				if !r.killed || r.wantAfter("old") != where.want {
					t.Fatalf("the child was not killed there: killed %v at %s", r.killed, r.hit)
				}
				checkAftermath(t, dir, where.want)
			}
		})
	}
}

// The third fsync of a save is the directory's, which the kill above counts on.
func TestThirdSyncIsTheDirectory(t *testing.T) {
	t.Parallel()
	needStrace(t)
	dir := seeded(t)
	var syncs []string
	for _, call := range trace(t, "save", dir, "").calls {
		if callName(call) == "fsync" {
			syncs = append(syncs, call)
		}
	}
	if len(syncs) != 3 || !strings.Contains(syncs[2], fmt.Sprintf("<%s>", dir)) {
		t.Errorf("the syncs of a save are\n%s", strings.Join(syncs, "\n"))
	}
}
