package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/cogctl/cogctl/internal/atomicfile"
)

// diskShelf keeps values in a directory.
type diskShelf struct {
	dir *atomicfile.Dir
	now func() time.Time
}

func openDisk(path string, create bool, now func() time.Time) (*diskShelf, error) {
	open := atomicfile.OpenExisting
	if create {
		open = atomicfile.OpenDir
	}
	dir, err := open(path)
	if err != nil {
		return nil, err
	}
	return &diskShelf{dir, now}, nil
}

func (s *diskShelf) read(name string) ([]byte, error) { return s.dir.Read(name, MaxSize) }
func (s *diskShelf) names() ([]string, error)         { return s.dir.Names() }
func (s *diskShelf) path(name string) string          { return filepath.Join(s.dir.Path(), name) }
func (s *diskShelf) close() error                     { return s.dir.Close() }

func (s *diskShelf) prepare(name string, size int) (draft, error) {
	pending, err := s.dir.Create(name, size)
	if err != nil {
		return nil, err // not a nil pointer in an interface that is not nil
	}
	return pending, nil
}

func (s *diskShelf) rename(oldName, newName string) error { return s.dir.Rename(oldName, newName) }

func (s *diskShelf) end(key string) error {
	// The day for which it is kept begins now, not with the last save.
	if err := s.dir.Touch(fileName(key), s.now()); err != nil {
		return err
	}
	return s.dir.Rename(fileName(key), endedName(key))
}

func (s *diskShelf) clear(key string) error {
	names, err := s.dir.Names()
	if err != nil {
		return err
	}
	var failures []error
	for _, name := range names {
		if !belongs(name, key) {
			continue
		}
		if err := s.dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func (s *diskShelf) sweep(now time.Time) error {
	return errors.Join(s.dir.Sweep(now, tempAge), s.dir.Sweep(now, endedAge, endedSuffix))
}

// tryLock takes the kernel lock if nobody has it and notes in the file who has
// it now. Every try opens the file anew: a lock belongs to an open file, so two
// goroutines that shared one would both have it.
func (s *diskShelf) tryLock(name string) (unlock func(), ok bool, err error) {
	note, err := s.dir.OpenInPlace(name)
	if err != nil {
		return nil, false, err
	}
	lock := flock.New(s.path(name), flock.SetFlag(lockFlags), flock.SetPermissions(0o600))
	ok, err = lock.TryLock()
	if err == nil && ok {
		ok, err = sameFile(lock, note)
	}
	if err != nil || !ok {
		unlockKernel(lock)
		note.Close()
		if errors.Is(err, syscall.EINTR) {
			err = nil // a signal came: the same as not having it yet
		}
		return nil, false, err
	}
	// The note is a courtesy to those who wait. A disk too full for it is too
	// full for the temp file as well, and that is not overlooked.
	_, _ = note.WriteAt(formatNote(os.Getpid(), s.now()), noteOffset)
	return func() {
		_, _ = note.WriteAt(formatNote(0, time.Time{}), noteOffset)
		note.Close()
		unlockKernel(lock)
	}, true, nil
}

// sameFile reports whether the locked file is the one that the checked
// directory has under this name. If someone removed the lock file in between,
// the next try finds the new one.
func sameFile(lock *flock.Flock, note *os.File) (bool, error) {
	locked, err := lock.Stat()
	if err != nil {
		return false, err
	}
	checked, err := note.Stat()
	if err != nil {
		return false, err
	}
	current, err := os.Lstat(lock.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(locked, checked) && os.SameFile(locked, current), err
}

// unlockKernel gives the lock back. The library keeps the file open when the
// system refuses, so it is asked again: an interrupted call works then.
func unlockKernel(lock *flock.Flock) {
	for range 3 {
		if lock.Unlock() == nil {
			return
		}
	}
}

// noteOffset leaves the first byte of a lock file alone: it is the one that
// Windows locks, and a locked byte can be neither read nor written there.
const noteOffset = 1

const noteSize = len("pid 2147483647 since 2006-01-02T15:04:05Z\n")

// formatNote is the text in a lock file, always of the same length, so that
// writing it is one call and needs no room; pid 0 makes it blank.
func formatNote(pid int, since time.Time) []byte {
	text := ""
	if pid != 0 {
		text = fmt.Sprintf("pid %d since %s", pid, since.UTC().Format(time.RFC3339))
	}
	return fmt.Appendf(nil, "%-*s\n", noteSize-1, text)
}

// parseNote reads the text of formatNote; pid 0 means that there is none.
func parseNote(text string) (pid int, since time.Time) {
	fields := strings.Fields(text)
	if len(fields) != 4 || fields[0] != "pid" || fields[2] != "since" {
		return 0, time.Time{}
	}
	pid, err := strconv.Atoi(fields[1])
	if err != nil || pid <= 0 {
		return 0, time.Time{}
	}
	since, err = time.Parse(time.RFC3339, fields[3])
	if err != nil {
		return 0, time.Time{}
	}
	return pid, since
}

func (s *diskShelf) holder(name string) (pid int, since time.Time) {
	file, err := s.dir.OpenInPlace(name)
	if err != nil {
		return 0, time.Time{}
	}
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, noteOffset, int64(noteSize)))
	if err != nil {
		return 0, time.Time{}
	}
	return parseNote(string(text))
}
