package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKilledAtSystemCalls kills the one that refreshes at points that lie between two
// system calls of its own.
func TestKilledAtSystemCalls(t *testing.T) {
	t.Parallel()
	needStrace(t)
	at := func(call string) func(*testing.T, int) func() {
		return func(t *testing.T, pid int) func() { return inject(t, pid, call+":signal=KILL") }
	}
	testKillings(t, []killing{
		{name: "before it is sent", start: killedAtConnect},
		{name: "after the answer, before the write", hold: "after", at: at("pwrite64")},
		{name: "after the write, before the rename", hold: "after", at: at("renameat,renameat2")},
		{name: "after the rename", hold: "after", at: at("flock"), saved: true},
	})
}

// killedAtConnect is the program under strace, which kills it when it connects.
func killedAtConnect(h household, args ...string) *exec.Cmd {
	tracing := []string{"-f", "-o", "/dev/null", "-e", "trace=connect", "-e", "inject=connect:signal=KILL", h.path}
	cmd := exec.Command("strace", append(tracing, args...)...)
	cmd.Env = h.environ
	return cmd
}

// inject lets strace do something to a process that runs, at its next system call,
// as in "pwrite64:error=EIO", or a later one of them, as in "pwrite64:error=EIO:when=2",
// and returns what ends that.
func inject(t *testing.T, pid int, what string) func() {
	t.Helper()
	call, _, _ := strings.Cut(what, ":")
	if !strings.Contains(what, ":when=") {
		what += ":when=1"
	}
	cmd := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+what, "-p", strconv.Itoa(pid))
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tracers := fmt.Sprintf("TracerPid:\t%d\n", cmd.Process.Pid)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if traced(pid, tracers) {
			return func() { _ = cmd.Wait() }
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	t.Fatalf("strace did not attach: %s", said.String())
	return nil
}

// traced tells whether all threads of a process have that tracer.
func traced(pid int, tracer string) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		return false
	}
	for _, path := range threads {
		status, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(status), tracer) {
			return false
		}
	}
	return true
}

// needStrace skips a test that needs strace, or fails it where
// COGCTL_REQUIRE_STRACE=1 says that it must run.
func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err == nil {
		return
	}
	if os.Getenv("COGCTL_REQUIRE_STRACE") == "1" {
		t.Fatal("COGCTL_REQUIRE_STRACE=1, and there is no strace")
	}
	t.Skip("there is no strace")
}
