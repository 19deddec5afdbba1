package main

import "os"

// The console of this process.
const ttyInput, ttyOutput = "CONIN$", "CONOUT$"

func signalCode(os.Signal) int { return exitInterrupted }

// dieOf ends the process.
func dieOf(os.Signal) {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
}

// onResume does nothing: no shell stops programs on Windows.
func onResume(func()) (stop func()) { return func() {} }

// signalled is 0: programs on Windows end with a code only.
func signalled(*os.ProcessState) int { return 0 }

// passedOn are the signals that must not end us before the program that we run.
func passedOn() []os.Signal { return []os.Signal{os.Interrupt} }

// passOn does nothing: Ctrl-C has reached the child already, by the console.
func (a *app) passOn(os.Signal, *os.Process) {}
