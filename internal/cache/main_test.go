package cache

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// token is the value of most tests.
type token struct {
	Text  string
	Until time.Time
}

func (t token) GoodFor(now time.Time, left time.Duration) bool { return now.Add(left).Before(t.Until) }

// long makes the value as big as a real session, so that half of it could be
// written.
func long(text string) token { return token{Text: text + strings.Repeat(".", 6000)} }

// What a child process did, as its exit status: output can be what a fault hits.
const (
	childSaved    = 0
	childNotSaved = 3 // SaveError
	childFailed   = 4 // any other error
)

// TestMain lets the test binary be run again as another process, see child.
func TestMain(m *testing.M) {
	if role := os.Getenv("COGCTL_CACHE_CHILD"); role != "" {
		runtime.LockOSThread() // injected faults are counted by thread
		os.Exit(child(role, os.Getenv("COGCTL_CACHE_DIR")))
	}
	os.Exit(m.Run())
}

func child(role, path string) int {
	switch role {
	case "renew":
		return childRenew(path)
	case "save":
		d := Open[token](Options{Path: path, Now: time.Now})
		return childUpdate(d, func(context.Context, token, bool) (token, error) { return long("new"), nil })
	case "checkpoint":
		d := Open[token](Options{Path: path, Now: time.Now})
		return childUpdate(d, func(ctx context.Context, _ token, _ bool) (token, error) {
			if err := Checkpoint(ctx, long("note")); err != nil {
				return token{}, err
			}
			mark("sent")
			return long("new"), nil
		})
	case "hold-after-checkpoint":
		d := Open[token](Options{Path: path, Now: time.Now})
		return childUpdate(d, func(ctx context.Context, _ token, _ bool) (token, error) {
			if err := Checkpoint(ctx, long("note")); err != nil {
				return token{}, err
			}
			hold()
			return long("new"), nil
		})
	case "hold-before-change":
		d := Open[token](Options{Path: path, Now: time.Now})
		return childUpdate(d, func(context.Context, token, bool) (token, error) { hold(); return long("new"), nil })
	case "hold-before-write":
		d := Open[holdingToken](Options{Path: path, Now: time.Now})
		return childUpdate(d, func(context.Context, holdingToken, bool) (holdingToken, error) {
			return holdingToken(long("new")), nil
		})
	}
	return 9
}

func childUpdate[T any](d *Dir[T], change func(context.Context, T, bool) (T, error)) int {
	mark("begin")
	_, err := d.Update(context.Background(), "aa", change)
	mark("end")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if _, ok := errors.AsType[*SaveError](err); ok {
		return childNotSaved
	}
	if err != nil {
		return childFailed
	}
	return childSaved
}

// mark shows up in a log of system calls, as one that no fault is injected into.
func mark(what string) { _, _ = os.Readlink("/cogctl-mark-" + what) }

// hold tells the parent that the named point is reached and stays there.
func hold() {
	fmt.Println("held")
	time.Sleep(time.Hour) // select{} would end in "all goroutines are asleep"
}

// holdingToken stops between the change and the write: when it is encoded.
type holdingToken token

func (t holdingToken) MarshalJSON() ([]byte, error) {
	hold()
	return json.Marshal(token(t))
}

// childRenew waits for its stdin to close, so that all start at once, and
// renews by appending a line to a file.
func childRenew(path string) int {
	now, err := time.Parse(time.RFC3339, os.Getenv("COGCTL_CACHE_NOW"))
	if err != nil {
		return 9
	}
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	d := Open[token](Options{Path: path, Now: func() time.Time { return now }})
	source := Cached(d, "aa", time.Minute, func(context.Context, token, bool) (token, error) {
		return renewInto(filepath.Join(filepath.Dir(path), "renewals"), now)
	})
	value, err := source(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return childFailed
	}
	fmt.Println(value.Text)
	return childSaved
}

// renewInto counts a renewal in a file and makes a value that is good for an hour.
func renewInto(count string, now time.Time) (token, error) {
	file, err := os.OpenFile(count, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return token{}, err
	}
	defer file.Close()
	fmt.Fprintf(file, "%d\n", os.Getpid())
	time.Sleep(30 * time.Millisecond) // the others must be able to come in between
	return token{Text: fmt.Sprintf("by %d at %s", os.Getpid(), now.Format(time.RFC3339)), Until: now.Add(time.Hour)}, nil
}
