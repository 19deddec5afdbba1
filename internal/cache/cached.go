package cache

import (
	"context"
	"errors"
	"time"
)

// Source gives a value that is good now.
type Source[T any] func(context.Context) (T, error)

// Expiring is a value that is good for a time.
type Expiring interface {
	// GoodFor reports whether the value is good at now, by the local clock, and will be
	// for left more. The value is asked, instead of for a time at which it ends, because
	// clocks are set: a clock that is behind the arrival of the value says nothing about
	// its end.
	GoodFor(now time.Time, left time.Duration) bool
}

// Cached returns a source of the value of key in d that renews it, once for
// all goroutines and processes, when less than margin of its time is left.
//
// A value that others renewed while this caller waited is taken as long as it is good at
// all, also when less than margin is left: where a server gives values that live shorter
// than the margin, the waiters would otherwise renew one after the other.
//
// When the lock cannot be had in time, a stored value that is still good is used, and
// without one a [LockError] returned. A value that could not be saved is returned all the
// same, and where someone stored a newer one without the lock, that one is; both are told
// to Options.Warn.
func Cached[T Expiring](d *Dir[T], key string, margin time.Duration,
	renew func(ctx context.Context, old T, found bool) (T, error)) Source[T] {
	return func(ctx context.Context) (T, error) {
		before, err := d.read(key)
		if err != nil {
			return before.value, err
		}
		good := func(e entry[T]) bool {
			left := margin
			if e.generation != before.generation && !e.begun {
				left = 0 // somebody has just renewed it
			}
			return e.found && e.value.GoodFor(d.options.Now(), left)
		}
		if good(before) {
			return before.value, nil
		}
		value, err := d.update(ctx, key, good, renew)
		return settle(d, key, value, err)
	}
}

// settle decides what to return after an update with an error: where there is a value that
// can be used, that value, and a warning instead of the error.
func settle[T Expiring](d *Dir[T], key string, value T, err error) (T, error) {
	if lock, ok := errors.AsType[*LockError](err); ok && lock.Err == nil {
		if stored, ok := valid(d, key); ok {
			return stored, nil
		}
		return value, err
	}
	// A type assertion, not errors.As: joined to an error of renew there is no new value.
	if save, ok := err.(*SaveError); ok {
		d.options.Warn(save.Error())
		return value, nil
	}
	if conflict, ok := errors.AsType[*ConflictError](err); ok {
		if stored, ok := valid(d, key); ok {
			d.options.Warn(conflict.Error())
			return stored, nil
		}
	}
	return value, err
}

// valid returns the stored value if it is good now.
func valid[T Expiring](d *Dir[T], key string) (value T, ok bool) {
	value, found, err := d.Read(key)
	return value, err == nil && found && value.GoodFor(d.options.Now(), 0)
}
