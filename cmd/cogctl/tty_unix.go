//go:build unix

package main

import (
	"os"
	"os/signal"
	"sync"
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

// onResume calls again each time the process goes on after a stop (Ctrl-Z, kill
// -STOP), until stop is called, which waits for a call that is under way.
func onResume(again func()) (stop func()) {
	resumed, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(resumed, syscall.SIGCONT)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-resumed:
				again()
			case <-done:
				return
			}
		}
	})
	return func() {
		signal.Stop(resumed)
		close(done)
		running.Wait()
	}
}

// signalled is the number of the signal that ended a program, 0 when none did.
func signalled(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return int(status.Signal())
	}
	return 0
}

// passedOn are the signals that people and supervisors send to a program that runs
// for long. One that is ignored already, as SIGHUP below nohup, stays so for both.
func passedOn() []os.Signal {
	var listened []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2} {
		if !signal.Ignored(s) {
			listened = append(listened, s)
		}
	}
	return listened
}

// passOn passes a signal on to a child. What the keys of a terminal sent, they sent
// to the child as well.
func (a *app) passOn(s os.Signal, child *os.Process) {
	if (s == os.Interrupt || s == syscall.SIGQUIT) && a.inForeground() {
		return
	}
	_ = child.Signal(s) // an error means that it has ended
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
