package loopback

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isTaken reports whether err means that another socket holds the port.
// WSAEACCES is what Windows says about a port inside a range that Hyper-V
// reserved, or that another socket holds exclusively.
func isTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}

// isAbsent reports whether err means that this machine does not have the
// address, for instance because IPv6 is switched off.
func isAbsent(err error) bool {
	return errors.Is(err, windows.WSAEADDRNOTAVAIL) ||
		errors.Is(err, windows.WSAEAFNOSUPPORT) ||
		errors.Is(err, windows.WSAEPROTONOSUPPORT)
}
