//go:build unix

package cache

import (
	"os"
	"syscall"
)

// lockFlags open the lock file for writing, which NFS wants for an exclusive
// lock, and never through a link or into the wait of a pipe.
const lockFlags = os.O_RDWR | os.O_CREATE | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
