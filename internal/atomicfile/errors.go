package atomicfile

import (
	"fmt"
	"io/fs"
)

// UnsafeDirError says that users other than the owner can put files into a
// directory: they could replace a session or a lock.
type UnsafeDirError struct {
	Path string
	Mode fs.FileMode // permission bits; zero on Windows
	Who  string      // who can write, on Windows: "Everyone"; empty elsewhere
}

func (e *UnsafeDirError) Error() string {
	if e.Who != "" {
		return fmt.Sprintf("directory %s can be written by %s; remove that right: icacls %q /remove:g %q",
			e.Path, e.Who, e.Path, e.Who)
	}
	return fmt.Sprintf("directory %s can be written by other users (mode %#o); run: chmod go-w %q",
		e.Path, e.Mode.Perm(), e.Path)
}

// OwnerError says that a directory belongs to another user than the one the
// program runs as.
type OwnerError struct {
	Path  string
	Owner string // a uid, on Windows a SID
	User  string // the same for the running program
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("directory %s belongs to user %s and this program runs as %s: it writes only its own user's directories",
		e.Path, e.Owner, e.User)
}

// TooLargeError says that a file is larger than the reader wants to hold.
type TooLargeError struct {
	Path      string
	Size, Max int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("file %s is larger (%d bytes) than the limit of %d bytes", e.Path, e.Size, e.Max)
}

// NotRegularError says that a name is a symbolic link, a directory, a pipe, a
// socket or a device, or was swapped while it was being opened.
type NotRegularError struct {
	Path string
	Mode fs.FileMode
}

func (e *NotRegularError) Error() string {
	if e.Mode.IsRegular() {
		return e.Path + " was swapped while it was opened"
	}
	return fmt.Sprintf("%s is %s, not a regular file", e.Path, kind(e.Mode))
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeDir != 0:
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}
