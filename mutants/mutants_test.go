//go:build mutants && linux

// Package mutants makes one mistake after another in the sources and expects the
// tests to notice. The mistakes are those that cost a user their session, or an
// outsider nothing.
package mutants

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutant is one mistake that the tests must notice. It is a change of the
// text of one source file, so the sources themselves need no switch for it.
type mutant struct {
	name, file string // the file is relative to internal/
	old, new   string // old occurs exactly once
	test       string // -run expression of quick tests, one of which must fail
	in         string // the room whose tests those are, from internal; "" is cache and atomicfile
	strace     bool   // the tests look at system calls
}

var mutants = []mutant{
	{
		name: "no lock", file: "cache/disk.go",
		old: "ok, err = lock.TryLock()", new: "ok, err = true, nil",
		test: "^TestOneRenewalForThirtyProcesses$",
	},
	{
		name: "no re-read under the lock", file: "cache/update.go",
		old: `	release, ready, err := d.acquire(ctx, s, key, good)
	if ready != nil || err != nil {
		return valueOf(ready), err
	}
	defer release()
	old, err := d.loadLocked(s, key, &warnings)
	if err != nil {
		return none, err
	}
`,
		new: `	old, err := d.loadLocked(s, key, &warnings)
	if err != nil {
		return none, err
	}
	release, ready, err := d.acquire(ctx, s, key, nil)
	if ready != nil || err != nil {
		return valueOf(ready), err
	}
	defer release()
`,
		test: "^TestOneRenewalForFiftyGoroutines$|^TestNoUpdateIsLost$",
	},
	{
		name: "re-read but not used", file: "cache/update.go",
		old: "if good != nil && good(old) {", new: "if false {",
		test: "^TestOneRenewalForFiftyGoroutines$",
	},
	{
		name: "no re-read while waiting", file: "cache/lock.go",
		old: "if good == nil {", new: "if true {",
		test: "^TestWaiterReturnsWithoutTheLock$",
	},
	{
		name: "no fsync of the content", file: "atomicfile/pending.go",
		old: `	if err := p.file.Sync(); err != nil {
		return err
	}
	// Closed`,
		new:  "\t// Closed",
		test: "^TestOrderOfSave$", strace: true,
	},
	{
		name: "no fsync of the directory", file: "atomicfile/pending.go",
		old: "p.done = true\n\treturn syncDir(p.dir.handle)", new: "p.done = true\n\treturn nil",
		test: "^TestOrderOfSave$", strace: true,
	},
	{
		name: "no fsync of the reserved room", file: "atomicfile/pending.go",
		old: "return p.file.Sync()", new: "return nil",
		test: "^TestThirdSyncIsTheDirectory$", strace: true,
	},
	{
		name: "write in place", file: "atomicfile/pending.go",
		old:  "if err := p.dir.rename(p.temp, p.name); err != nil {",
		new:  "if err := errors.Join(p.dir.root.WriteFile(p.name, data, 0o600), p.dir.remove(p.temp)); err != nil {",
		test: "^TestReadersSeeOneVersion$",
	},
	{
		name: "write in place, seen in the system calls", file: "atomicfile/pending.go",
		old:  "if err := p.dir.rename(p.temp, p.name); err != nil {",
		new:  "if err := errors.Join(p.dir.root.WriteFile(p.name, data, 0o600), p.dir.remove(p.temp)); err != nil {",
		test: "^TestOrderOfSave$", strace: true,
	},
	{
		name: "margin 0", file: "cache/cached.go",
		old: "left := margin", new: "left := 0 * margin",
		test: "^TestCachedMargin$",
	},
	{
		name: "no room prepared", file: "cache/update.go",
		old: "max(minRoom, 2*j.old.size)", new: "0*max(minRoom, 2*j.old.size)",
		test: "^TestPreparedBeforeTheChange$",
	},
	{
		name: "generation not compared", file: "cache/update.go",
		old: `	if now.generation > j.old.generation {
		return now.value, j.conflict(now, reported)
	}
	data, err`,
		new:  "\tdata, err",
		test: "^TestNewerGenerationIsKept$",
	},
	{
		name: "cancelled while it runs", file: "cache/update.go",
		old: "context.WithCancelCause(context.WithoutCancel(context.WithValue(ctx, callerKey{}, ctx)))", new: "context.WithCancelCause(context.WithValue(ctx, callerKey{}, ctx))",
		test: "^TestChangeOutlivesItsCaller$",
	},
	{
		name: "a directory of others", file: "atomicfile/os_unix.go",
		old: "mode.Perm()&0o022 != 0", new: "mode.Perm()&0o022 == 0o1000",
		test: "^TestDirectoriesThatAreUnsafe$|^TestUnsafeDirectory$",
	},
	{
		name: "links followed", file: "atomicfile/atomicfile.go",
		old: "!mode.IsRegular() {", new: "mode.IsDir() {",
		test: "^TestFilesThatAreNoFiles$",
	},
	{
		name: "used before it is saved", file: "cache/update.go",
		old: "err = j.draft.Commit(data)", new: "go j.draft.Commit(data)",
		test: "^TestChangeOutlivesItsCaller$|^TestNoUpdateIsLost$",
	},
	{
		name: "session deleted on a server's fault", file: "auth/errors.go", in: "auth",
		old: "if !errors.As(err, &refused) {\n\t\treturn false", new: "if !errors.As(err, &refused) {\n\t\treturn true",
		test: "^TestEveryAnswer$",
	},
	{
		name: "session deleted on a wrong secret hash", file: "auth/errors.go", in: "auth",
		old: "message == row.text", new: "message != \"\"",
		test: "^TestEveryAnswer$",
	},
	{
		name: "saved before it is verified", file: "auth/verify.go", in: "auth",
		old: "return report.Token, report.Err()", new: "return report.Token, nil",
		test: "^TestRefreshedTokensMustBeTheSameUsers$",
	},
	{
		name: "somebody else's tokens", file: "auth/verify.go", in: "auth",
		old: `if s.Subject != "" && (s.Subject != subject`, new: `if s.Subject == "-" && (s.Subject != subject`,
		test: "^TestRefreshedTokensMustBeTheSameUsers$",
	},
	{
		name: "refresh token sent elsewhere", file: "auth/refresh.go", in: "auth",
		old: "if was != now {", new: "if false {",
		test: "^TestRefreshTokenGoesNowhereElse$",
	},
	{
		name: "a refresh that may use its token up is sent without a note", file: "auth/refresh.go", in: "auth",
		old: "cache.Checkpoint(ctx, s)", new: "cache.Checkpoint(ctx, struct{}{})",
		test: "^TestNotedBeforeItIsSent$|^TestNotSentWithoutANote$",
	},
	{
		name: "a given refresh token sent without a note", file: "auth/adopt.go", in: "auth",
		old: "return r.refresh(ctx, s)", new: "return r.refresh(context.Background(), s)",
		test: "^TestAdoptLeavesANote$",
	},
	{
		name: "a lost refresh told as any other end", file: "auth/refresh.go", in: "auth",
		old: "(earlier != nil || losses > 0)", new: "false",
		test: "^TestAnswersToARotatingRefresh$",
	},
	{
		name: "a new refresh token thrown away with tokens that nobody could verify", file: "auth/refresh.go", in: "auth",
		old: "if rotated && errors.As(err, &keys) {", new: "if errors.As(err, &keys) && false {",
		test: "^TestKeysThatCannotBeHad$",
	},
	{
		name: "a lost refresh not sent again", file: "auth/refresh.go", in: "auth",
		old: "refreshed(ctx, s, atOnceIfLost)", new: "refreshed(ctx, s, ifUnsent)",
		test: "^TestAnswersToARotatingRefresh$",
	},
	{
		name: "a lost refresh sent again when the grace period may be over", file: "auth/refresh.go", in: "auth",
		old: "refreshed(ctx, s, atOnceIfLost)", new: "refreshed(ctx, s, freely)",
		test: "^TestUnheardToTheEnd$",
	},
	{
		name: "no lock, and a hundred processes", file: "cache/disk.go", in: "../cmd/cogctl",
		old: "ok, err = lock.TryLock()", new: "ok, err = true, nil",
		test: "^TestHundredAtOnce$",
	},
	{
		name: "no note, and the process is killed", file: "auth/refresh.go", in: "../cmd/cogctl",
		old: "cache.Checkpoint(ctx, s)", new: "cache.Checkpoint(ctx, struct{}{})",
		test: "^TestKilledWhileHeld$",
	},
	{
		name: "a clock that was put back", file: "auth/session.go", in: "auth",
		old: "now.Before(s.Saved.Add(-leeway))", new: "false",
		test: "^TestGoodFor$",
	},
	{
		name: "a clock that was ahead and was put right", file: "auth/session.go", in: "auth",
		old: "!now.Before(s.Saved.Add(trustAhead))", new: "false",
		test: "^TestGoodFor$",
	},
	{
		name: "the note of a change taken for its result", file: "cache/cached.go",
		old: "&& !e.begun {", new: "{",
		test: "^TestCheckpointIsNoResult$",
	},
	{
		name: "the note saved in place of the prepared result", file: "cache/checkpoint.go",
		old: "note, err := j.shelf.prepare(fileName(j.key), 0)", new: "note, err := j.draft, error(nil)",
		test: "^TestCheckpoint$|^TestOrderOfCheckpoint$", strace: true,
	},
	{
		name: "refused password forgotten", file: "auth/renew.go", in: "auth",
		old: "return old, cache.Remember(err)", new: "return old, err",
		test: "^TestRefusedPasswordIsRemembered$",
	},
	{
		name: "the token to any origin", file: "transport/authorize.go", in: "transport",
		old: "if err := a.Check(r); err != nil {", new: "if err := a.Check(r); false {",
		test: "^TestAuthorize",
	},
	{
		name: "secret hash over the typed name", file: "auth/attempt.go", in: "auth",
		old: "responses = a.client.secretHash(responses, a.username)", new: "responses = a.client.secretHash(responses, \"alias@example.com\")",
		test: "^TestSecretHash$",
	},
	{
		name: "the local clock in the proof", file: "auth/challenge.go", in: "auth",
		old: "if at.IsZero() {", new: "if true {",
		test: "^TestSignInWithAWrongClock$",
	},
}

func TestMutants(t *testing.T) {
	tests := map[string][]string{}
	for _, m := range mutants {
		tests[m.in] = append(tests[m.in], m.test)
	}
	for in, list := range tests {
		if out, err := runTests(in, "", strings.Join(list, "|")); err != nil {
			t.Fatalf("the sources as they are do not pass: %v\n%s", err, out)
		}
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath("strace"); err != nil && m.strace {
				t.Fatal("the tests that notice this one need strace")
			}
			out, err := runTests(m.in, m.overlay(t), m.test)
			if err == nil {
				t.Errorf("%s passes with %q instead of %q in %s", m.test, m.new, m.old, m.file)
			} else if !strings.Contains(out, "--- FAIL: ") {
				t.Errorf("the mutant is not found by a test, but does not build or hangs: %v\n%s", err, out)
			}
		})
	}
}

// overlay writes the mutated source and the file that puts it in place.
func (m mutant) overlay(t *testing.T) string {
	t.Helper()
	original, err := filepath.Abs("../internal/" + m.file)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s has %d places like this, want 1; bring the mutant up to date:\n%s", m.file, n, m.old)
	}
	dir := t.TempDir()
	mutated := filepath.Join(dir, filepath.Base(original))
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func runTests(in, overlay, run string) (string, error) {
	args := []string{"test", "-count=1", "-vet=off", "-timeout=5m", "-run", run}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if in == "" {
		args = append(args, "../internal/cache", "../internal/atomicfile")
	} else {
		args = append(args, "../internal/"+in)
	}
	out, err := exec.Command("go", args...).CombinedOutput()
	return string(out), err
}
