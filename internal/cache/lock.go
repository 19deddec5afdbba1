package cache

import (
	"context"
	"math/rand/v2"
	"time"
)

// The first pauses between two tries for the lock are short, because most
// holders only read a file; the later ones spare the disk, because the holder
// waits for a server.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = 100 * time.Millisecond
)

// acquire takes the lock of key. Within the process the gate comes first, so
// that of fifty goroutines only one asks the kernel. After each failed try the
// value is read again: when good likes it, it is returned and the lock is not
// needed any more.
func (d *Dir[T]) acquire(ctx context.Context, s shelf, key string, good func(entry[T]) bool) (release func(), ready *entry[T], err error) {
	gate := d.gate(key)
	admitted := false
	defer func() {
		if admitted && release == nil {
			<-gate
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	deadline := time.NewTimer(d.options.Wait)
	defer deadline.Stop()
	turns := &turns{}
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		if !admitted {
			select {
			case gate <- struct{}{}:
				admitted = true
			default:
			}
		}
		if admitted {
			unlock, ok, err := s.tryLock(lockName(key))
			if err != nil {
				return nil, nil, &LockError{Path: s.path(lockName(key)), Err: err}
			}
			if ok {
				return func() { unlock(); <-gate }, nil, nil
			}
		}
		if ready := peek(s, key, good); ready != nil {
			return nil, ready, nil
		}
		if err := d.pause(ctx, s, key, waiting{deadline.C, pause, turns}); err != nil {
			return nil, nil, err
		}
	}
}

type waiting struct {
	deadline <-chan time.Time
	pause    time.Duration
	turns    *turns
}

// turns counts those who had the lock one after the other, as far as their notes were
// seen. When it is not had in time, one who holds it for long is another trouble than
// many who try in vain.
type turns struct {
	count int
	pid   int
	since time.Time
}

func (t *turns) note(pid int, since time.Time) {
	if pid != 0 && (pid != t.pid || !since.Equal(t.since)) {
		t.count++
		t.pid, t.since = pid, since
	}
}

// pause sleeps between half and one and a half of the pause, so that the
// processes that a script started at once do not stay in step.
func (d *Dir[T]) pause(ctx context.Context, s shelf, key string, w waiting) error {
	pid, since := s.holder(lockName(key))
	w.turns.note(pid, since)
	timer := time.NewTimer(w.pause/2 + rand.N(w.pause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.deadline:
		pid, since := s.holder(lockName(key))
		w.turns.note(pid, since)
		return &LockError{Path: s.path(lockName(key)), PID: pid, Since: since, Turns: w.turns.count, Waited: d.options.Wait}
	}
}

// peek returns the stored value if good likes it. It is silent about anything
// else: who gets the lock will see it and tell.
func peek[T any](s shelf, key string, good func(entry[T]) bool) *entry[T] {
	if good == nil {
		return nil
	}
	e, err := load[T](s, key)
	if err != nil || !good(e) {
		return nil
	}
	return &e
}
