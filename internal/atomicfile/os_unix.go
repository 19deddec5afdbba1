//go:build unix

package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// openGuard makes opening a pipe that someone swapped in return at once
// instead of waiting for a writer, and never follows a link.
const openGuard = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// inspect judges the opened directory. The refusal is for writing only, the
// error for any use.
func inspect(handle *os.File, path string) (refusal, err error) {
	info, err := handle.Stat()
	if err != nil {
		return nil, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, fmt.Errorf("directory %s: the system does not tell its owner", path)
	}
	// The effective uid counts: it is the one that files get.
	return judge(path, info.Mode(), int(stat.Uid), os.Geteuid())
}

func judge(path string, mode fs.FileMode, owner, user int) (refusal, err error) {
	foreign := &OwnerError{Path: path, Owner: strconv.Itoa(owner), User: strconv.Itoa(user)}
	switch {
	case owner != user && owner != 0:
		return nil, foreign
	case mode.Perm()&0o022 != 0:
		// The sticky bit would not help: it lets others create, and so claim
		// the names of files that do not exist yet.
		return nil, &UnsafeDirError{Path: path, Mode: mode.Perm()}
	case owner != user:
		return foreign, nil
	}
	return nil, nil
}

func makeDir(path string) error { return os.Mkdir(path, 0o700) }

// protectFile has nothing to do: files are created with mode 0600.
func protectFile(string) error { return nil }

// retrySharing runs f once: a file in use by another process stands in
// nobody's way here.
func retrySharing(f func() error) error { return f() }

// syncDir makes a rename durable. File systems that know no sync of a
// directory (some network and user-space ones) answer EINVAL or ENOTSUP; they
// have nothing better to offer, so this counts as done.
func syncDir(handle *os.File) error {
	err := handle.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
