// Package atomicfile keeps small files that hold secrets: a reader finds the
// old content or the new one whole, whatever stops the writer, and nobody else
// can read it, replace it, or lead the program to another file.
//
// A save goes temp file, fsync, rename, fsync of the directory, in this order:
// without the first fsync a crash can leave the new name with no content
// behind it, without the second the rename itself can be lost. The temp file
// is created, filled and synced BEFORE the content is known (Create, then
// Commit), so that a full disk shows while the old content is still good: a
// refresh token that the server rotates must not be asked for when there is
// nowhere to put it.
//
// A [Dir] is one directory, opened once and reached by its handle (os.Root):
// what was checked is what is used, even if the path is moved meanwhile. It
// is refused when someone else could put files into it. File names are plain
// names without a separator, and a name that turns out to be a symbolic link,
// a pipe or a device is refused.
package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is one directory that only its owner can write. Its methods may be used
// from several goroutines at once.
type Dir struct {
	path    string   // absolute, for messages and for locks that go by path
	root    *os.Root // every access goes through it
	handle  *os.File // the directory itself: checked with fstat, synced after a rename
	refusal error    // why nothing may be written here, nil when we own it
}

// OpenDir opens the directory at path for reading and writing and creates it
// and its missing parents for the owner alone (mode 0700; on Windows a DACL
// of the user and SYSTEM). It is refused with an [UnsafeDirError] when others
// can write it and with an [OwnerError] when it belongs to another user: root
// that runs with somebody's HOME leaves no root-owned files there.
func OpenDir(path string) (*Dir, error) {
	d, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDirs(filepath.Clean(path)); err != nil {
			return nil, err
		}
		d, err = open(path)
	}
	if err != nil {
		return nil, err
	}
	if d.refusal != nil {
		d.Close()
		return nil, d.refusal
	}
	return d, nil
}

// OpenExisting opens the directory at path without creating anything; the
// error is fs.ErrNotExist when there is none. The rules are those of [OpenDir]
// but for one: a directory of the system administrator (root, on Windows
// Administrators or SYSTEM) may be read, as /etc/cogctl is; writing there gives
// the [OwnerError].
func OpenExisting(path string) (*Dir, error) { return open(path) }

func open(path string) (*Dir, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open directory %s: %w", path, err)
	}
	root, err := os.OpenRoot(absolute)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: absolute, root: root}
	if d.handle, err = root.Open("."); err != nil {
		root.Close()
		return nil, d.locate(err)
	}
	if d.refusal, err = inspect(d.handle, absolute); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// makeDirs creates path and its missing parents, each readable by the owner
// alone and each written through to the disk with the directory that holds it.
func makeDirs(path string) error {
	err := makeDir(path)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := makeDirs(parent); err != nil {
			return err
		}
		err = makeDir(path)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // made by another process just now, or not a directory: opening it will tell
	}
	if err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(path))
	if errors.Is(err, fs.ErrPermission) {
		return nil // a parent that we may enter but not list cannot be synced
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	return syncDir(parent)
}

// Path is the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Close releases the handles. Files written through d stay as they are.
func (d *Dir) Close() error {
	return errors.Join(d.handle.Close(), d.root.Close())
}

// Read returns the content of a file of at most max bytes. The error is
// fs.ErrNotExist when there is none, a [NotRegularError] for a symbolic link,
// directory, pipe, socket or device, and a [TooLargeError] beyond max.
func (d *Dir) Read(name string, max int64) ([]byte, error) {
	file, info, err := d.openRegular(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > max {
		return nil, &TooLargeError{Path: d.join(name), Size: info.Size(), Max: max}
	}
	// The size may grow between fstat and read: the limit holds either way.
	var data bytes.Buffer
	data.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := data.ReadFrom(io.LimitReader(file, max+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) > max {
		return nil, &TooLargeError{Path: d.join(name), Size: int64(data.Len()), Max: max}
	}
	return data.Bytes(), nil
}

// OpenInPlace opens a regular file for reading and writing where it stands and
// creates it (mode 0600, empty) when it is absent. It is meant for lock files,
// which must keep their identity and so can never be replaced by a rename.
func (d *Dir) OpenInPlace(name string) (*os.File, error) {
	if d.refusal != nil {
		return nil, d.refusal
	}
	file, _, err := d.openRegular(name, os.O_RDWR)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	file, err = d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was quicker
		file, _, err = d.openRegular(name, os.O_RDWR)
	}
	return file, d.locate(err)
}

// openRegular opens an existing regular file. os.Root follows links that stay
// inside the directory, so the name is looked at first, and the opened file
// must be the very one that was seen. Another process may rename a new version
// into place between the two; then both are done again.
func (d *Dir) openRegular(name string, flag int) (*os.File, fs.FileInfo, error) {
	if err := checkName(name); err != nil {
		return nil, nil, err
	}
	var mode fs.FileMode
	for range 20 {
		seen, err := d.root.Lstat(name)
		if err != nil {
			return nil, nil, d.locate(err)
		}
		if mode = seen.Mode(); !mode.IsRegular() {
			break
		}
		var file *os.File
		err = retrySharing(func() (err error) {
			file, err = d.root.OpenFile(name, flag|openGuard, 0)
			return err
		})
		if err != nil {
			return nil, nil, d.locate(err)
		}
		info, err := file.Stat()
		if err == nil && os.SameFile(seen, info) {
			return file, info, nil
		}
		file.Close()
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, &NotRegularError{Path: d.join(name), Mode: mode}
}

func (d *Dir) join(name string) string { return filepath.Join(d.path, name) }

// locate puts the absolute path into an error of os.Root, which knows only the
// name in the directory.
func (d *Dir) locate(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		if !filepath.IsAbs(e.Path) {
			return &fs.PathError{Op: e.Op, Path: d.join(e.Path), Err: e.Err}
		}
	case *os.LinkError:
		if !filepath.IsAbs(e.Old) {
			return &os.LinkError{Op: e.Op, Old: d.join(e.Old), New: d.join(e.New), Err: e.Err}
		}
	}
	return err
}

// checkName admits one plain file name: nothing that could mean another
// directory on any system.
func checkName(name string) error {
	if name == "" || name == "." || !filepath.IsLocal(name) || filepath.Base(name) != name {
		return fmt.Errorf("%q is not a plain file name", name)
	}
	return nil
}
