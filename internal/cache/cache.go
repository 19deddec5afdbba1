// Package cache keeps values that are renewed, such as sessions, credentials
// and key sets, in files that many processes share: fifty jobs that find an
// expired token send one refresh, and a killed one leaves the old value or the
// new one, never half of it.
//
// Reading takes no lock. A change of a value goes in these steps: lock, read again (the
// holder before may have done the work), prepare room on the disk, change, compare the
// generation, replace. The order matters where a refresh token is used up by being sent:
// when there is no room for the answer, it is not sent; once it is sent, a cancelled
// context no longer stops the save. A change that is about to use something up notes that
// first ([Checkpoint]), so that whoever comes after a crash knows.
//
// The lock is the kernel's, on a file beside the value that is never removed,
// so it ends with the process that holds it, however that ends. The file says
// who holds it. Nothing is reported while it is held, as the program that
// reads our warnings may be slow.
//
// Files of one key: KEY.json, KEY.lock, KEY.ended (a value that was forgotten
// because the server refused it, kept a day for the curious), and
// KEY.json.corrupt-UNIXTIME (a file that could not be read).
package cache

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxSize is the largest file that is read, in bytes: 1 MiB, far above the
// 4 to 20 KiB of a session.
const MaxSize = 1 << 20

const (
	defaultWait  = 10 * time.Second
	defaultGrace = 10 * time.Second
	tempAge      = time.Hour      // after which a temp file has no living writer
	endedAge     = 24 * time.Hour // for which a forgotten value is kept
)

// Options say where values are kept and give access to the outside world.
type Options struct {
	Path  string           // the directory; "" keeps values in this process only (storage = "none")
	Now   func() time.Time // the local clock; required
	Warn  func(string)     // is told, without the lock, what went wrong but stopped nothing; nil drops it
	Wait  time.Duration    // how long to wait for the lock; 0 means 10 s
	Busy  func() func()    // is called when a change begins, and what it returns when the change is over; may be nil
	Grace time.Duration    // how long a change may go on when its caller has gone; 0 means 10 s
}

// Dir is a directory of values of one type. It may be used from several
// goroutines at once.
type Dir[T any] struct {
	options Options
	memory  *memoryShelf // nil when there is a path

	mutex sync.Mutex
	gates map[string]chan struct{} // one a key, full while a goroutine of this process has or wants the file lock
	swept time.Time                // when old files were last removed, see sweep
}

// Record is a key and its value.
type Record[T any] struct {
	Key   string
	Value T
}

// Open returns a Dir. Nothing touches the disk before the first use, and every
// use opens the directory anew, so one that was removed and made again while
// the program runs does no harm.
func Open[T any](o Options) *Dir[T] {
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.Busy == nil {
		o.Busy = func() func() { return func() {} }
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	d := &Dir[T]{options: o, gates: map[string]chan struct{}{}}
	if o.Path == "" {
		d.memory = newMemoryShelf()
	}
	return d
}

// Read returns the value of key without waiting for anybody. A file that
// cannot be understood counts as not found: it is set aside under another name
// with a warning. A symbolic link or an unsafe directory is an error.
func (d *Dir[T]) Read(key string) (value T, found bool, err error) {
	e, err := d.read(key)
	return e.value, e.found, err
}

// read is Read, and tells the generation of the value too.
func (d *Dir[T]) read(key string) (entry[T], error) {
	var warnings notes
	defer warnings.flush(d.options.Warn)
	if err := checkKey(key); err != nil {
		return entry[T]{}, err
	}
	s, err := d.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return entry[T]{}, nil
	}
	if err != nil {
		return entry[T]{}, err
	}
	defer s.close()
	e, err := load[T](s, key)
	if corrupt, ok := errors.AsType[*corruptError](err); ok {
		return d.readCorrupt(s, key, corrupt, &warnings)
	}
	return e, err
}

// readCorrupt sets a corrupt file aside if nobody holds the lock. Under the
// lock it is read once more: another process may have replaced it by a good
// one since, and that must stay.
func (d *Dir[T]) readCorrupt(s shelf, key string, corrupt *corruptError, warnings *notes) (entry[T], error) {
	gate := d.gate(key)
	select {
	case gate <- struct{}{}:
		defer func() { <-gate }()
	default:
		return entry[T]{}, nil // the one who is changing the value sees to it
	}
	unlock, ok, err := s.tryLock(lockName(key))
	if err != nil {
		warnings.add("%v; it counts as absent", corrupt)
		return entry[T]{}, nil
	}
	if !ok {
		return entry[T]{}, nil
	}
	defer unlock()
	return d.loadLocked(s, key, warnings)
}

// loadLocked reads a value under the lock and sets a corrupt file aside.
func (d *Dir[T]) loadLocked(s shelf, key string, warnings *notes) (entry[T], error) {
	e, err := load[T](s, key)
	corrupt, ok := errors.AsType[*corruptError](err)
	if !ok {
		return e, err
	}
	aside := asideName(key, d.options.Now())
	if err := s.rename(fileName(key), aside); err != nil {
		warnings.add("%v; it counts as absent, and could not be set aside: %v", corrupt, err)
	} else {
		warnings.add("%v; it counts as absent and was set aside as %s", corrupt, s.path(aside))
	}
	return entry[T]{}, nil
}

// List returns all values, ordered by key. With what cannot be read comes an error
// beside the values that can; a corrupt file is set aside with a warning.
func (d *Dir[T]) List() ([]Record[T], error) {
	s, err := d.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names, err := s.names()
	s.close()
	if err != nil {
		return nil, err
	}
	var records []Record[T]
	var failures []error
	for _, name := range names {
		key, ok := keyOf(name)
		if !ok {
			continue
		}
		value, found, err := d.Read(key)
		if err != nil {
			failures = append(failures, err)
		}
		if found {
			records = append(records, Record[T]{Key: key, Value: value})
		}
	}
	slices.SortFunc(records, func(a, b Record[T]) int { return strings.Compare(a.Key, b.Key) })
	return records, errors.Join(failures...)
}

// End forgets the value of key on purpose: under the lock, the file and
// everything of the key that may hold the same secrets is removed. It is no
// error when there is nothing.
func (d *Dir[T]) End(ctx context.Context, key string) error {
	_, _, err := d.EndIf(ctx, key, func(T) bool { return true })
	return err
}

// EndIf is End for a value that same accepts. Another value stays where it is: it is
// returned as other, and stays is true. A file that cannot be read is removed.
func (d *Dir[T]) EndIf(ctx context.Context, key string, same func(T) bool) (other T, stays bool, err error) {
	if err := checkKey(key); err != nil {
		return other, false, err
	}
	s, err := d.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return other, false, nil
	}
	if err != nil {
		return other, false, err
	}
	defer s.close()
	release, _, err := d.acquire(ctx, s, key, nil)
	if err != nil {
		return other, false, err
	}
	defer release()
	if now, err := load[T](s, key); err == nil && now.found && !same(now.value) {
		return now.value, true, nil
	}
	return other, false, s.clear(key)
}

// open opens the directory, and creates it for a change.
func (d *Dir[T]) open(create bool) (shelf, error) {
	if d.memory != nil {
		return d.memory, nil
	}
	return openDisk(d.options.Path, create, d.options.Now)
}

// gate is the lock of key between the goroutines of this process.
func (d *Dir[T]) gate(key string) chan struct{} {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	gate := d.gates[key]
	if gate == nil {
		gate = make(chan struct{}, 1)
		d.gates[key] = gate
	}
	return gate
}

// sweep removes, once an hour, what killed writers left behind.
func (d *Dir[T]) sweep(s shelf, warnings *notes) {
	now := d.options.Now()
	d.mutex.Lock()
	due := d.swept.IsZero() || now.Sub(d.swept) >= tempAge
	if due {
		d.swept = now
	}
	d.mutex.Unlock()
	if !due {
		return
	}
	if err := s.sweep(now); err != nil {
		warnings.add("sweep %s: %v", s.path(""), err)
	}
}
