package cache

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// LockError says that the lock of a value was not had.
type LockError struct {
	Path   string        // the lock file
	PID    int           // the holder; 0 when it left no note
	Since  time.Time     // when the holder got it; zero when it left no note
	Turns  int           // how many were seen to have it, one after the other, the holder among them
	Waited time.Duration // how long it was waited for
	Err    error         // why it cannot be had at all; nil when it is just held
}

func (e *LockError) Error() string {
	switch {
	case e.Err != nil && unsupported(e.Err):
		return fmt.Sprintf(`lock %s: %v: this file system cannot lock files, so two processes could spoil each other's session; `+
			`move the directory, or set storage = "none" to keep sessions in memory`, e.Path, e.Err)
	case e.Err != nil && strings.Contains(e.Err.Error(), e.Path):
		return fmt.Sprintf("take the lock: %v", e.Err)
	case e.Err != nil:
		return fmt.Sprintf("lock %s: %v", e.Path, e.Err)
	}
	by := "a process that left no note"
	if e.PID != 0 {
		by = fmt.Sprintf("process %d since %s", e.PID, e.Since.Format(time.RFC3339))
	}
	if e.Turns > 1 {
		by += fmt.Sprintf(", the last of %d that had it in turn", e.Turns)
	}
	return fmt.Sprintf("lock %s: still held after %v, by %s", e.Path, e.Waited, by)
}

func (e *LockError) Unwrap() error { return e.Err }

// NewerError says that a file is sound but of a format that this program does not
// know yet. It is left alone.
type NewerError struct{ Version int }

func (e *NewerError) Error() string {
	return fmt.Sprintf("its format is version %d and this program knows %d: a newer one wrote it", e.Version, formatVersion)
}

// unsupported recognises what network and user-space file systems answer:
// ENOTSUP, EOPNOTSUPP and ENOSYS (errors.ErrUnsupported covers them), ENOLCK.
func unsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK)
}

// SaveError says that a value was had but may not be found by the next
// process. The value comes with it and is good for now.
type SaveError struct {
	Path string
	Err  error
}

func (e *SaveError) Error() string { return fmt.Sprintf("save %s: %v", e.Path, e.Err) }
func (e *SaveError) Unwrap() error { return e.Err }

var errRemoved = errors.New("the file was removed while its value was being renewed, so it was not written again")

// ConflictError says that someone who does not take the lock stored a value
// while ours was being made. Theirs is kept and returned.
type ConflictError struct {
	Path        string
	Read, Found uint64 // generations: when the change began, and now in the file
	Err         error  // what the change itself reported, or nil
}

func (e *ConflictError) Error() string {
	s := fmt.Sprintf("save %s: someone changed it without the lock (generation %d became %d); the newer value is kept",
		e.Path, e.Read, e.Found)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *ConflictError) Unwrap() error { return e.Err }

// outcome is an error of a change that says what becomes of the stored value.
type outcome struct {
	err    error
	forget bool
}

func (o *outcome) Error() string {
	if o.err == nil {
		return "the value is forgotten"
	}
	return o.err.Error()
}

func (o *outcome) Unwrap() error { return o.err }

// Remember wraps the error of a change whose value is to be saved all the
// same: a refused password, for example, is noted so that nobody tries it
// again. Update saves the value and returns err itself.
func Remember(err error) error {
	if err == nil {
		return nil // a change without an error is saved anyway
	}
	return &outcome{err: err}
}

// Forget wraps the error of a change that showed the stored value to be worth
// nothing any more. Update renames the file to KEY.ended, where it stays for a
// day, and returns err itself, which may be nil.
func Forget(err error) error { return &outcome{err: err, forget: true} }
