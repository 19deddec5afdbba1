package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoRoomForTheAnswer gives a refresh that may use its token up a disk that is
// read-only, or has ever less room. It is sent only when there is a place for its
// note and its answer; else the error says why not, and the session is as it was.
func TestNoRoomForTheAnswer(t *testing.T) {
	t.Parallel()
	needNamespaces(t)
	r := rotations[2]
	h := signedIn(t, r)
	h.ok("token", "refresh") // from here on by the operation that rotates

	readOnly := `mount --bind "$S" "$S" && mount -o remount,bind,ro "$S"`
	if reason := h.cramped(r, readOnly); !strings.Contains(reason, "read-only file system") {
		t.Errorf("a read-only disk is told as %q", reason)
	}
	seen := map[string]int{}
	for pages := range 16 {
		reason := h.cramped(r, fmt.Sprintf(`cp -p "$S"/* "$H" && mount -t tmpfs -o mode=700 none "$S" && cp -p "$H"/* "$S" &&
			mount -o remount,size=$(($(df --output=used -k "$S" | tail -n1) + 4*%d))k "$S"`, pages))
		switch {
		case reason == "":
			seen["sent"]++
		case !strings.Contains(reason, "no space left on device"):
			t.Errorf("%d pages left: %s", pages, reason)
		case strings.Contains(reason, "could not be noted"):
			seen["no room for the note"]++
		case strings.Contains(reason, "prepare to save"):
			seen["no room for the answer"]++
		}
	}
	t.Logf("of 16 disks: %v", seen)
	if seen["sent"] == 0 || seen["no room for the note"] == 0 || seen["no room for the answer"] == 0 {
		t.Error("not every way was seen")
	}
}

// cramped refreshes expired tokens in a mount namespace of its own, whose set-up finds
// the folder of the sessions in $S and an empty one in $H. It returns why that did not
// work, and wants nothing to be sent and nothing to be lost then.
func (h household) cramped(r rotation, setup string) (reason string) {
	h.t.Helper()
	h.expire()
	sessions, hold := filepath.Join(h.home, "config", "sessions"), h.t.TempDir()
	before, sent := contents(h.t, sessions), h.arrived(r.operation())
	script := setup + ` || exit 99; "$@"; code=$?; cp -p "$S"/*.json "$H" || exit 98; exit $code`
	var stdout, stderr strings.Builder
	cmd := exec.Command("unshare", "-rm", "sh", "-c", script, "sh", h.path, "token")
	cmd.Env = append(h.environ, "S="+sessions, "H="+hold)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	code := exitStatus(cmd.Run())
	refreshes := h.arrived(r.operation()) - sent
	switch {
	case code == exitOK && refreshes == 1 && strings.HasPrefix(stdout.String(), "eyJ"):
		// What was saved is in the namespace's disk; take it over.
		copyFiles(h.t, hold, sessions)
	case code != exitFailed || refreshes != 0 || stdout.String() != "":
		h.t.Errorf("exit code %d, %d refreshes: %s", code, refreshes, stderr.String())
	case contents(h.t, sessions) != before:
		h.t.Error("the session was changed")
	default:
		reason = stderr.String()
	}
	if token := h.run("token"); token.code != exitOK { // with room
		h.t.Errorf("afterwards: exit code %d: %s", token.code, token.stderr)
	}
	return reason
}

// contents are those of the sessions in a folder.
func contents(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(dir + "/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no session in %s: %v", dir, err)
	}
	all := ""
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all += string(data)
	}
	return all
}

// TestSaveThatFails lets the save of an answer fail, when its refresh token is used
// up. The token goes out, the loss is told, and the next one says what happened.
func TestSaveThatFails(t *testing.T) {
	t.Parallel()
	needStrace(t)
	for _, r := range rotations {
		for _, call := range []string{"pwrite64:error=EIO", "renameat,renameat2:error=ENOSPC"} {
			t.Run(r.name+"/"+call, func(t *testing.T) {
				t.Parallel()
				h := signedIn(t, r)
				h.expire()
				h.hold(r, "after")
				done := make(chan run)
				pid := make(chan int)
				go func() { done <- h.runAs(pid, "token") }()
				holder := <-pid
				h.awaitHeld(true)
				detached := inject(t, holder, call)
				h.control("DELETE", "/faults", nil, nil)
				first := <-done
				detached()
				if first.code != exitOK || !strings.HasPrefix(first.stdout, "eyJ") || !strings.Contains(first.stderr, "warning: save ") {
					t.Errorf("exit code %d: %.5q %s", first.code, first.stdout, first.stderr)
				}
				next := h.run("token")
				if r.loses() && (next.code != exitNeeded || !strings.Contains(next.stderr, "got lost together with its answer")) || !r.loses() && next.code != exitOK {
					t.Errorf("the next one ends with %d: %s", next.code, next.stderr)
				}
			})
		}
	}
}

// needNamespaces skips a test that needs mounts of its own, or fails it where
// COGCTL_REQUIRE_STRACE=1 says that nothing may be left out.
func needNamespaces(t *testing.T) {
	t.Helper()
	out, err := exec.Command("unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt").CombinedOutput()
	switch {
	case err == nil:
	case os.Getenv("COGCTL_REQUIRE_STRACE") == "1":
		t.Fatalf("COGCTL_REQUIRE_STRACE=1, and there are no mount namespaces: %v: %s", err, out)
	default:
		t.Skipf("NOT TESTED: no mount namespaces here: %v: %s", err, out)
	}
}
