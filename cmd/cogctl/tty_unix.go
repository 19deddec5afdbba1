//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// The controlling terminal.
const ttyInput, ttyOutput = "/dev/tty", "/dev/tty"

// signalCode is the shell's way of saying which signal ended a program.
func signalCode(s os.Signal) int {
	if s == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}

// signalled is the number of the signal that ended a program, 0 when none did.
func signalled(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return int(status.Signal())
	}
	return 0
}

// forward passes on to a child the signal that ended ctx.
func forward(ctx context.Context, child *os.Process) error {
	var stopped interrupted
	if errors.As(context.Cause(ctx), &stopped) {
		return child.Signal(stopped.signal)
	}
	return child.Signal(syscall.SIGTERM)
}
