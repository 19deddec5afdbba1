//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// The controlling terminal.
const ttyInput, ttyOutput = "/dev/tty", "/dev/tty"

// signalCode is the shell's way of saying which signal ended a program.
func signalCode(s os.Signal) int {
	if number, ok := s.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return exitInterrupted
}

// dieOf ends the process by the signal, as if nobody had listened.
func dieOf(s os.Signal) {
	signal.Reset()
	if number, ok := s.(syscall.Signal); ok {
		_ = syscall.Kill(syscall.Getpid(), number)
	}
}

// signalled is the number of the signal that ended a program, 0 when none did.
func signalled(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return int(status.Signal())
	}
	return 0
}

// forward passes on to a child the signal that ended ctx. What a terminal sent,
// it sent to the child as well.
func (a *app) forward(ctx context.Context, child *os.Process) {
	var stopped interrupted
	if !errors.As(context.Cause(ctx), &stopped) || stopped.signal == os.Interrupt && a.inForeground() {
		return
	}
	_ = child.Signal(stopped.signal) // an error means that it has ended
}

// inForeground tells whether the keys of a terminal make signals for us.
func (a *app) inForeground() bool {
	tty, err := a.terminal.open()
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.in.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}
