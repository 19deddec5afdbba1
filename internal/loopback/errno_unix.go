//go:build !windows

package loopback

import (
	"errors"

	"golang.org/x/sys/unix"
)

// isTaken reports whether err means that another socket holds the port.
func isTaken(err error) bool { return errors.Is(err, unix.EADDRINUSE) }

// isAbsent reports whether err means that this machine does not have the
// address: IPv6 is compiled out, switched off, or off for the loopback
// interface, as in many containers.
func isAbsent(err error) bool {
	return errors.Is(err, unix.EADDRNOTAVAIL) ||
		errors.Is(err, unix.EAFNOSUPPORT) ||
		errors.Is(err, unix.EPROTONOSUPPORT)
}
