package cache

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// minRoom is the room prepared for a value, in bytes, when the old one does not
// ask for more: the three tokens of a session take 4 to 6 KiB.
const minRoom = 16 << 10

// notes collects warnings until no lock is held, since Options.Warn may be slow.
type notes []string

func (n *notes) add(format string, args ...any) { *n = append(*n, fmt.Sprintf(format, args...)) }

func (n *notes) flush(warn func(string)) {
	for _, note := range *n {
		warn(note)
	}
}

// Update replaces the value of key by what change makes of it, while no other
// process and no other goroutine does the same. The lock is waited for at most
// Options.Wait (then a [LockError]) or until ctx ends. When change runs, the
// place on the disk for its result is prepared; its context outlives ctx by
// Options.Grace, so that an answer that used something up can still be saved.
//
// An error of change leaves the stored value alone and is returned with
// change's value, unless it is wrapped by [Remember] or [Forget]. When change
// succeeded and only the save failed, its value is returned together with a
// [SaveError]; when someone without the lock stored a newer value, that one is
// returned with a [ConflictError].
func (d *Dir[T]) Update(ctx context.Context, key string, change func(ctx context.Context, old T, found bool) (T, error)) (T, error) {
	return d.update(ctx, key, nil, change)
}

// update is Update for callers who need no change where good, if it is not nil, accepts the
// stored value. It is asked at each poll for the lock and once more under the lock.
func (d *Dir[T]) update(ctx context.Context, key string, good func(entry[T]) bool,
	change func(ctx context.Context, old T, found bool) (T, error)) (T, error) {
	var none T
	if err := checkKey(key); err != nil {
		return none, err
	}
	var warnings notes
	defer warnings.flush(d.options.Warn) // deferred first, so it runs when the lock is free
	s, err := d.open(true)
	if err != nil {
		return none, err
	}
	defer s.close()
	defer d.sweep(s, &warnings)
	began := d.options.Now()
	release, ready, err := d.acquire(ctx, s, key, good)
	if ready != nil || err != nil {
		return valueOf(ready), err
	}
	defer release()
	old, err := d.loadLocked(s, key, &warnings)
	if err != nil {
		return none, err
	}
	if good != nil && good(old) {
		return old.value, nil
	}
	job := job[T]{dir: d, shelf: s, key: key, old: old}
	waited := min(max(0, d.options.Now().Sub(began)), d.options.Wait) // bounded, as the clock may have been set
	return job.run(context.WithValue(ctx, waitedKey{}, waited), change)
}

func valueOf[T any](e *entry[T]) (value T) {
	if e != nil {
		value = e.value
	}
	return value
}

// job is one change under the lock.
type job[T any] struct {
	dir   *Dir[T]
	shelf shelf
	key   string
	old   entry[T]
	draft draft
}

func (j *job[T]) run(ctx context.Context, change func(context.Context, T, bool) (T, error)) (T, error) {
	var none T
	path := j.shelf.path(fileName(j.key))
	var err error
	if j.draft, err = j.shelf.prepare(fileName(j.key), max(minRoom, 2*j.old.size)); err != nil {
		return none, fmt.Errorf("prepare to save %s: %w", path, err)
	}
	defer j.draft.Abort()
	if err := ctx.Err(); err != nil {
		return none, err // the last moment at which stopping costs nothing
	}
	defer j.dir.options.Busy()()
	running, cancel := outlive(ctx, j.dir.options.Grace)
	defer cancel()
	running = context.WithValue(running, checkpointKey{}, j.checkpoint)
	value, err := change(running, j.old.value, j.old.found)
	asked, wrapped := errors.AsType[*outcome](err) // by Remember or Forget
	switch {
	case err == nil:
		return j.save(value, nil)
	case !wrapped:
		return value, err
	}
	if err == error(asked) {
		err = asked.err // the caller gets the error without our wrapping
	}
	if asked.forget {
		return j.forget(value, err)
	}
	return j.save(value, err)
}

// callerKey is the key under which the context of a change has that of its caller.
type callerKey struct{}

// Caller returns, from the context that a change is given, the context that Update was
// given. It ends when the caller does, Options.Grace before the change's own. Work that
// uses nothing up may stop then. Outside of a change it is ctx itself.
func Caller(ctx context.Context) context.Context {
	if caller, ok := ctx.Value(callerKey{}).(context.Context); ok {
		return caller
	}
	return ctx
}

// waitedKey is the key under which the context of a change has how long its lock was waited
// for.
type waitedKey struct{}

// Waited returns, from the context that a change is given, how long the lock was waited
// for; 0 outside of a change. Whoever held the lock until then did not get a good value. A
// change that tries for a limited time should count this in: otherwise those who waited
// would each try for the whole time, one after the other.
func Waited(ctx context.Context) time.Duration {
	waited, _ := ctx.Value(waitedKey{}).(time.Duration)
	return waited
}

// outlive returns a context with the values of ctx that ends grace after it.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(context.WithValue(ctx, callerKey{}, ctx)))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		cancel(nil)
	}
}

// save stores value. reported is the error of the change, or nil; it is returned, joined to
// any error of the save.
func (j *job[T]) save(value T, reported error) (T, error) {
	now := j.lookAgain()
	if now.generation > j.old.generation {
		return now.value, j.conflict(now, reported)
	}
	data, err := encode(envelope[T]{Generation: j.old.generation + 1, Value: value})
	if err == nil && j.old.found && !now.found {
		err = errRemoved
	}
	if err == nil {
		err = j.draft.Commit(data)
	}
	if err != nil {
		return value, join(reported, &SaveError{Path: j.shelf.path(fileName(j.key)), Err: err})
	}
	return value, reported
}

// forget renames the file of the stored value to KEY.ended. reported is as with save.
func (j *job[T]) forget(value T, reported error) (T, error) {
	now := j.lookAgain()
	if now.generation > j.old.generation {
		return now.value, j.conflict(now, reported)
	}
	if !now.found {
		return value, reported
	}
	if err := j.shelf.end(j.key); err != nil {
		err = fmt.Errorf("rename %s to %s: %w", j.shelf.path(fileName(j.key)), endedName(j.key), err)
		return value, join(reported, err)
	}
	return value, reported
}

// lookAgain reads what is stored now: not everyone keeps to the lock (a backup
// that is restored, a file system that lost the lock with its server). A file
// that cannot be read now counts as unchanged: we do hold the lock, and an
// unreadable file is no reason to lose the new value.
func (j *job[T]) lookAgain() entry[T] {
	now, err := load[T](j.shelf, j.key)
	if err != nil {
		return j.old
	}
	return now
}

// conflict is the error for a newer value that was stored without the lock.
func (j *job[T]) conflict(now entry[T], reported error) error {
	return &ConflictError{Path: j.shelf.path(fileName(j.key)),
		Read: j.old.generation, Found: now.generation, Err: reported}
}

// join joins two errors of which the first may be nil.
func join(first, second error) error {
	if first == nil {
		return second
	}
	return errors.Join(first, second)
}
