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
	// GoodFor tells whether the value is good at now, by the local clock, and will
	// be for left more. It is asked instead of a time at which the value ends
	// because clocks are set: one that is behind the time at which the value came
	// says nothing about its end.
	GoodFor(now time.Time, left time.Duration) bool
}

// Cached returns a source of the value of key in d that renews it, once for
// all goroutines and processes, when less than margin of its time is left.
//
// A value that others renewed while this caller waited is taken even inside
// the margin, as long as it is valid: when a server gives values that live
// shorter than the margin, the waiters would otherwise renew one after the
// other. When the lock is not had in time, a value that is still valid is
// used; only without one the [LockError] is returned. A value that could not
// be saved, or that lost against a newer one, is delivered all the same and the
// loss is told to Options.Warn.
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
				left = 0
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

// settle decides whether an update's error stands in the way of using a value.
func settle[T Expiring](d *Dir[T], key string, value T, err error) (T, error) {
	if lock, ok := errors.AsType[*LockError](err); ok && lock.Err == nil {
		if stored, ok := valid(d, key); ok {
			return stored, nil
		}
		return value, err
	}
	if save, ok := err.(*SaveError); ok { // not when it is joined to an error of renew
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

// valid returns the stored value if it has any time left.
func valid[T Expiring](d *Dir[T], key string) (value T, ok bool) {
	value, found, err := d.Read(key)
	return value, err == nil && found && value.GoodFor(d.options.Now(), 0)
}
