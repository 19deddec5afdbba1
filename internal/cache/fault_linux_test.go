package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/atomicfile"
)

// checkAftermath judges what a stopped save left behind: the value is want,
// whole; another process gets the lock at once; no temp file outlives a sweep.
func checkAftermath(t *testing.T, dir, want string) {
	t.Helper()
	later := func() time.Time { return time.Now().Add(2 * time.Hour) }
	d := Open[token](Options{Path: dir, Now: later, Warn: func(s string) { t.Errorf("warning: %s", s) }})
	value, found, err := d.Read("aa")
	if err != nil || found != (want != "") || (found && value != long(want)) {
		t.Errorf("after the fault the value is %.10q, %v, %v, want all of %q", value.Text, found, err, want)
	}
	start := time.Now()
	if _, err := d.Update(context.Background(), "aa", give(long("next"))); err != nil {
		t.Errorf("the next update: %v", err)
	}
	if took := time.Since(start); took > 9*time.Second { // a lock that stayed is waited for for ten
		t.Errorf("the next update took %v", took)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, name := range names {
		if _, temp := atomicfile.TempOf(name.Name()); temp {
			t.Errorf("%s is left after a sweep", name.Name())
		}
	}
}

// wantAfter says which value must be there, by the renames in the log.
func (r traced) wantAfter(old string) string {
	versions := []string{old, "new"}
	if r.role == "checkpoint" {
		versions = []string{old, "note", "new"}
	}
	for _, call := range r.calls {
		if strings.HasPrefix(callName(call), "rename") && strings.HasSuffix(call, "= 0") {
			versions = versions[1:]
		}
	}
	return versions[0]
}

// sentAt is where in the log what the note is about was done; -1 when it was not.
func (r traced) sentAt(calls []string) int {
	return slices.IndexFunc(calls, func(call string) bool { return strings.Contains(call, "/cogctl-mark-sent") })
}

// succeeded returns the calls that did what they were asked to.
func (r traced) succeeded() []string {
	var calls []string
	for _, call := range r.calls {
		if call != r.hit {
			calls = append(calls, call)
		}
	}
	return calls
}

func TestOrderOfSave(t *testing.T) {
	t.Parallel()
	needStrace(t)
	for name, dir := range map[string]string{"replace": seeded(t), "first": filepath.Join(t.TempDir(), "made", "here")} {
		r := trace(t, "save", dir, "")
		if r.exit != childSaved {
			t.Fatalf("%s: exit %d: %s", name, r.exit, r.stderr)
		}
		if err := checkOrder(r.calls, dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		checkAftermath(t, dir, "new")
		checkOpened(t, r.calls)
		checkMade(t, r.calls)
	}
}

// TestOrderOfCheckpoint: when what the note is about is done, the note is safe on
// the disk, and so is the room for the result; which then replaces it as safely.
func TestOrderOfCheckpoint(t *testing.T) {
	t.Parallel()
	needStrace(t)
	dir := seeded(t)
	r := trace(t, "checkpoint", dir, "")
	sent := r.sentAt(r.calls)
	if r.exit != childSaved || sent < 0 {
		t.Fatalf("exit %d, done at %d: %s", r.exit, sent, r.stderr)
	}
	for part, calls := range map[string][]string{"note": r.calls[:sent], "result": r.calls[sent:]} {
		if err := checkOrder(calls, dir); err != nil {
			t.Errorf("%s: %v", part, err)
		}
	}
	var temps []string
	for _, call := range r.calls[:sent] {
		if callName(call) == "fsync" && strings.Contains(call, ".tmp>") && !slices.Contains(temps, between(call)) {
			temps = append(temps, between(call))
		}
	}
	if len(temps) != 2 {
		t.Errorf("synced before it: %q, want the room for the result and the note", temps)
	}
	checkOpened(t, r.calls)
	checkAftermath(t, dir, "new")
}

// between is the file of a call.
func between(call string) string {
	_, rest, _ := strings.Cut(call, "<")
	path, _, _ := strings.Cut(rest, ">")
	return path
}

// checkOpened wants the temp file to be new and every name free of links.
func checkOpened(t *testing.T, calls []string) {
	t.Helper()
	for _, call := range calls {
		if strings.Contains(call, "O_CREAT") && strings.Contains(call, ".tmp\"") && !strings.Contains(call, "O_EXCL") {
			t.Errorf("the temp file may have been there: %s", call)
		}
		if strings.HasPrefix(call, "openat(") && strings.Contains(call, `"aa.`) && !strings.Contains(call, "O_NOFOLLOW") {
			t.Errorf("a link is followed: %s", call)
		}
	}
}

// checkMade wants each directory that was made to be synced into its parent.
func checkMade(t *testing.T, calls []string) {
	t.Helper()
	for i, call := range calls {
		if !strings.HasPrefix(call, "mkdir") || !strings.HasSuffix(call, "= 0") {
			continue
		}
		parent := filepath.Dir(strings.Split(call, `"`)[1])
		synced := func(c string) bool { return callName(c) == "fsync" && strings.Contains(c, "<"+parent+">") }
		if !slices.ContainsFunc(calls[i:], synced) {
			t.Errorf("%s may be lost in a power cut", call)
		}
	}
}

// TestFaultsInSave kills the saver at, and lets fail, the system calls of a
// save one by one: the Nth call of each name until there is no Nth. Without
// COGCTL_REQUIRE_STRACE=1 only those that change something are hit.
func TestFaultsInSave(t *testing.T) {
	t.Parallel()
	needStrace(t)
	calls := []string{"openat", "pwrite64", "fsync", "ftruncate", "renameat,renameat2"}
	scenarios := []string{"replace", "checkpoint"}
	if exhaustive() {
		calls = append(calls, "write", "read,pread64", "newfstatat", "fstat", "close", "flock", "fcntl", "getdents64", "mkdirat,mkdir")
		scenarios = append(scenarios, "first")
	}
	for _, scenario := range scenarios {
		for _, call := range calls {
			for _, fault := range []string{"signal=SIGKILL", "error=ENOSPC", "error=EIO"} {
				t.Run(scenario+"/"+call+"/"+fault, func(t *testing.T) {
					t.Parallel()
					faultEach(t, scenario, call, fault)
				})
			}
		}
	}
}

// place makes a fresh directory for a scenario and says what it holds.
func place(t *testing.T, scenario string) (dir, old string) {
	if scenario == "first" {
		return filepath.Join(t.TempDir(), "made", "here"), ""
	}
	return seeded(t), "old"
}

func roleOf(scenario string) string {
	if scenario == "checkpoint" {
		return "checkpoint"
	}
	return "save"
}

// faultEach wants to have hit as many calls as a sound save makes. On a busy
// machine the run time makes some of its own calls in other threads in one run
// and not in the next, and the count ends early; then it is counted again.
func faultEach(t *testing.T, scenario, call, fault string) {
	var hits, want int
	for range 4 {
		hits, want = faultEachOnce(t, scenario, call, fault)
		// The run time's own calls come and go, by one or two.
		if hits >= want-2 && (want == 0 || hits > 0) {
			return
		}
	}
	t.Errorf("%d calls were hit, the log of a sound save has %d", hits, want)
}

func faultEachOnce(t *testing.T, scenario, call, fault string) (hits, want int) {
	dir, _ := place(t, scenario)
	plain := trace(t, roleOf(scenario), dir, "")
	first := 1
	for _, c := range plain.before {
		if !exhaustive() && matches(c, call) {
			first++
		}
	}
	for _, c := range plain.calls {
		if matches(c, call) {
			want++
		}
	}
	for n := first; ; n++ {
		dir, old := place(t, scenario)
		r := trace(t, roleOf(scenario), dir, fmt.Sprintf("%s:%s:when=%d", call, fault, n))
		if r.hit == "" {
			if r.exit != childSaved {
				t.Errorf("call %d was not hit, yet exit %d: %s", n, r.exit, r.stderr)
			}
			return hits, want
		}
		if len(r.calls) > 0 {
			hits++
		}
		checkFault(t, r, dir, old)
		if t.Failed() {
			t.Fatalf("call %d: %s\nexit %d: %s", n, r.hit, r.exit, r.stderr)
		}
		if n > first+200 {
			t.Fatal("there is no end of calls")
		}
	}
}

func matches(call, names string) bool {
	for name := range strings.SplitSeq(names, ",") {
		if callName(call) == name {
			return true
		}
	}
	return false
}

// checkFault judges one run that was hit.
func checkFault(t *testing.T, r traced, dir, old string) {
	t.Helper()
	switch {
	case r.killed, len(r.calls) == 0, strings.Contains(r.hit, "anon_inode"):
		// dead by the signal, or by a fault in the Go run time's own calls
	case r.exit == childSaved:
		if err := checkOrder(r.succeeded(), dir); err != nil {
			t.Errorf("success was reported, but %v", err)
		}
		if r.wantAfter(old) != "new" {
			t.Error("success was reported, but nothing was renamed")
		}
		if strings.Contains(r.hit, ".tmp>") && callName(r.hit) != "fcntl" {
			t.Error("success was reported, but the temp file may not hold everything") // a close can tell of a failed write
		}
	case r.exit != childNotSaved && r.exit != childFailed:
		t.Errorf("exit %d", r.exit)
	case !strings.Contains(r.stderr, filepath.Dir(filepath.Dir(dir))): // a fault may hit a parent
		t.Error("the error names no path")
	}
	if calls := r.succeeded(); r.sentAt(calls) >= 0 && len(r.calls) > 0 {
		if err := checkOrder(calls[:r.sentAt(calls)], dir); err != nil {
			t.Errorf("what the note is about was done, but %v", err)
		}
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) && old == "" {
		return // stopped before the directory was made
	}
	if temps, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(temps) > 0 && !r.killed && r.exit != 2 {
		t.Errorf("%s is left by a process that was not killed", temps)
	}
	checkAftermath(t, dir, r.wantAfter(old))
}

// TestLockNotSupported shows a file system without locks, which is loud.
func TestLockNotSupported(t *testing.T) {
	t.Parallel()
	needStrace(t)
	for _, errno := range []string{"ENOLCK", "EOPNOTSUPP", "ENOSYS"} {
		dir := seeded(t)
		r := trace(t, "save", dir, "flock:error="+errno+":when=1+")
		if r.exit != childFailed || !strings.Contains(r.stderr, `storage = "none"`) || !strings.Contains(r.stderr, dir) {
			t.Errorf("%s: exit %d: %s", errno, r.exit, r.stderr)
		}
		checkAftermath(t, dir, "old")
	}
}

func TestCheckOrder(t *testing.T) {
	t.Parallel()
	const (
		fill     = `pwrite64(7</d/aa.json.0.tmp>, "\n", 1, 0) = 1`
		write    = `pwrite64(7</d/aa.json.0.tmp>, "{", 1, 0) = 1`
		syncTemp = `fsync(7</d/aa.json.0.tmp>) = 0`
		rename   = `renameat(5</d>, "aa.json.0.tmp", 5</d>, "aa.json") = 0`
		syncDir  = `fsync(6</d>) = 0`
	)
	for name, test := range map[string]struct {
		calls []string
		ok    bool
	}{
		"good":               {[]string{fill, syncTemp, write, syncTemp, rename, syncDir}, true},
		"no sync":            {[]string{fill, write, rename, syncDir}, false},
		"only the early one": {[]string{fill, syncTemp, write, rename, syncDir}, false},
		"sync too late":      {[]string{write, rename, syncTemp, syncDir}, false},
		"no directory sync":  {[]string{write, syncTemp, rename}, false},
		"directory too soon": {[]string{write, syncTemp, syncDir, rename}, false},
		"in place":           {[]string{`pwrite64(7</d/aa.json>, "{", 1, 0) = 1`, `fsync(7</d/aa.json>) = 0`, syncDir}, false},
	} {
		if err := checkOrder(test.calls, "/d"); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
