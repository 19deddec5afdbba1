package cache

import (
	"context"
	"fmt"
)

// checkpointKey is the key under which the context of a change has the function that saves
// in the middle of it, job.checkpoint.
type checkpointKey struct{}

// Checkpoint stores value in the middle of a change, whose context ctx is, as
// safely as its result will be. It is for a note of what the change is about to
// do: whoever comes after a crash reads that it was begun. The change goes on
// under the same lock, with the room for its result still prepared, and its
// result, if it has one, replaces the note.
//
// After an error what was stored before still stands, and what the note is about must not
// be done. The error is a [ConflictError] when someone without the lock stored a newer
// value, and another one when the note could not be saved. Outside of a change, and in a
// change of values of another type, Checkpoint does nothing and returns nil.
func Checkpoint[T any](ctx context.Context, value T) error {
	if save, ok := ctx.Value(checkpointKey{}).(func(T) error); ok {
		return save(value)
	}
	return nil
}

// checkpoint saves a note as the next generation. The record is marked (Begun), so that those
// who wait for the result of the change do not take the note for it.
func (j *job[T]) checkpoint(value T) error {
	path := j.shelf.path(fileName(j.key))
	now := j.lookAgain()
	if now.generation > j.old.generation {
		return j.conflict(now, nil)
	}
	if j.old.found && !now.found {
		return fmt.Errorf("save %s: %w", path, errRemoved)
	}
	data, err := encode(envelope[T]{Generation: j.old.generation + 1, Begun: true, Value: value})
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	note, err := j.shelf.prepare(fileName(j.key), 0)
	if err != nil {
		return fmt.Errorf("prepare to save %s: %w", path, err)
	}
	if err := note.Commit(data); err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	j.old = entry[T]{value: value, generation: j.old.generation + 1, found: true, size: len(data), begun: true}
	return nil
}
