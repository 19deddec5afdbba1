package cache

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// needStrace skips a test that injects faults into system calls, or fails it
// where COGCTL_REQUIRE_STRACE=1 says that it must run.
func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		if exhaustive() {
			t.Fatalf("COGCTL_REQUIRE_STRACE=1, and strace cannot be run: %v", err)
		}
		t.Skipf("no faults are injected into system calls: %v", err)
	}
}

// exhaustive says that every call of a save is to be hit, which takes minutes.
func exhaustive() bool { return os.Getenv("COGCTL_REQUIRE_STRACE") == "1" }

// saveCalls are the system calls that a save can make; others of the Go
// runtime are left out, as a fault there shows nothing about this package.
const saveCalls = "openat,newfstatat,fstat,write,pwrite64,read,pread64,fsync,fdatasync,renameat,renameat2," +
	"ftruncate,close,unlinkat,mkdirat,mkdir,flock,fcntl,getdents64,readlinkat"

// traced is one run of a child under strace.
type traced struct {
	role   string
	calls  []string // between the child's marks, in order, as "name(args) = result"
	before []string // the calls before the first mark, by the thread that saves
	hit    string   // the call that got the fault; "" when none did
	killed bool
	exit   int
	stderr string
}

// trace runs a child under strace; inject is an expression of strace -e or "".
func trace(t *testing.T, role, dir, inject string) traced {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	args := []string{"-f", "-y", "-s", "64", "-e", "signal=none", "-o", log, "-e", "trace=" + saveCalls}
	if inject != "" {
		args = append(args, "-e", "inject="+inject)
	}
	if !strings.Contains(inject, "signal=") { // faster, but then strace 6.1 sends no signals
		args = append(args, "--seccomp-bpf")
	}
	cmd := exec.Command("strace", append(args, testBinary(t))...)
	cmd.Env = childEnv(role, dir, "GOMAXPROCS=2", "GOGC=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run()
	r := traced{role: role, stderr: stderr.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status := exit.Sys().(syscall.WaitStatus)
		r.killed, r.exit = status.Signaled(), status.ExitStatus()
	} else if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatalf("strace %s: %v\n%s", inject, err, r.stderr)
	}
	r.read(string(data))
	return r
}

// read sorts the lines of a strace log. A call that another thread's interrupts
// is put together again, at the place where it ended.
func (r *traced) read(log string) {
	unfinished := map[string]string{}
	all := map[string][]string{}
	saver := ""
	for line := range strings.Lines(log) {
		thread, call, ok := strings.Cut(strings.TrimSpace(line), " ")
		call = strings.TrimSpace(call)
		if !ok || strings.HasPrefix(call, "---") {
			continue
		}
		if start, ok := strings.CutSuffix(call, "<unfinished ...>"); ok {
			unfinished[thread] = start
			continue
		}
		if _, end, ok := strings.Cut(call, " resumed>"); ok && strings.HasPrefix(call, "<...") {
			call = unfinished[thread] + end
			delete(unfinished, thread)
		}
		switch {
		case strings.HasPrefix(call, "+++"):
			continue
		case strings.Contains(call, "(INJECTED)"), strings.HasSuffix(call, "= ?"):
			r.hit = call // the end of a killed thread's last call is not known
		case strings.Contains(call, "/cogctl-mark-begin"):
			saver, r.before = thread, all[thread]
			continue
		case strings.Contains(call, "/cogctl-mark-end"):
			saver = "-"
		}
		all[thread] = append(all[thread], call)
		if thread == saver {
			r.calls = append(r.calls, call)
		}
	}
}

func testBinary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func callName(call string) string {
	name, _, _ := strings.Cut(call, "(")
	return name
}

// checkOrder says what is wrong with the order of a save's system calls: the
// temp file is synced after its last write and before the rename, and the
// directory is synced after the rename.
func checkOrder(calls []string, dir string) error {
	var (
		temp     = regexp.MustCompile(`<[^<>]*\.tmp>`)
		lastSize = -1 // the last call that changed the temp file
		synced   = -1
		renamed  = -1
		dirSync  = -1
	)
	for i, call := range calls {
		onTemp := temp.MatchString(call)
		switch name := callName(call); {
		case onTemp && (name == "write" || name == "pwrite64" || name == "ftruncate"):
			lastSize = i
		case onTemp && (name == "fsync" || name == "fdatasync"):
			synced = i
		case strings.HasPrefix(name, "rename") && strings.Contains(call, ".tmp"):
			renamed = i
		case name == "fsync" && strings.Contains(call, "<"+dir+">"):
			dirSync = i
		}
	}
	switch {
	case lastSize < 0 || renamed < 0:
		return fmt.Errorf("the content is not written to a temp file that is renamed:\n%s", strings.Join(calls, "\n"))
	case synced < lastSize || synced > renamed:
		return fmt.Errorf("the temp file is not synced between its last write and the rename:\n%s", strings.Join(calls, "\n"))
	case dirSync < renamed:
		return fmt.Errorf("the directory is not synced after the rename:\n%s", strings.Join(calls, "\n"))
	}
	return nil
}
