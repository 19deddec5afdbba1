package cache

import (
	"io/fs"
	"slices"
	"sync"
	"time"
)

// shelf is where values are stored: a directory, or the memory of this process. Names are
// those of files, see record.go.
type shelf interface {
	read(name string) ([]byte, error) // fs.ErrNotExist when there is none
	prepare(name string, size int) (draft, error)
	rename(oldName, newName string) error
	end(key string) error   // the file becomes KEY.ended, kept from now on
	clear(key string) error // everything of the key is removed, except the lock file
	names() ([]string, error)
	tryLock(name string) (unlock func(), ok bool, err error)
	holder(name string) (pid int, since time.Time)
	sweep(now time.Time) error
	path(name string) string // for messages
	close() error
}

// draft is room for a new content, see atomicfile.Pending.
type draft interface {
	Commit(data []byte) error
	Abort()
}

// memoryShelf keeps encoded values in this process, so that they behave as
// those of a directory do: what a caller does to his copy changes nothing.
// The gates of Dir are the only locks it needs.
type memoryShelf struct {
	mutex sync.Mutex
	files map[string][]byte
}

func newMemoryShelf() *memoryShelf { return &memoryShelf{files: map[string][]byte{}} }

func (m *memoryShelf) read(name string) ([]byte, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	data, ok := m.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(data), nil
}

type memoryDraft struct {
	shelf *memoryShelf
	name  string
}

func (m *memoryShelf) prepare(name string, _ int) (draft, error) { return memoryDraft{m, name}, nil }

func (d memoryDraft) Commit(data []byte) error {
	d.shelf.mutex.Lock()
	defer d.shelf.mutex.Unlock()
	d.shelf.files[d.name] = slices.Clone(data)
	return nil
}

func (d memoryDraft) Abort() {}

func (m *memoryShelf) rename(oldName, newName string) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	data, ok := m.files[oldName]
	if !ok {
		return fs.ErrNotExist
	}
	delete(m.files, oldName)
	m.files[newName] = data
	return nil
}

// end drops the value: nobody could look at a kept one after this process.
func (m *memoryShelf) end(key string) error { return m.clear(key) }

func (m *memoryShelf) clear(key string) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for name := range m.files {
		if belongs(name, key) {
			delete(m.files, name)
		}
	}
	return nil
}

func (m *memoryShelf) names() ([]string, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var names []string
	for name := range m.files {
		names = append(names, name)
	}
	return names, nil
}

func (m *memoryShelf) tryLock(string) (unlock func(), ok bool, err error) {
	return func() {}, true, nil
}

func (m *memoryShelf) holder(string) (pid int, since time.Time) { return 0, time.Time{} }
func (m *memoryShelf) sweep(time.Time) error                    { return nil }
func (m *memoryShelf) path(name string) string                  { return "memory:" + name }
func (m *memoryShelf) close() error                             { return nil }
