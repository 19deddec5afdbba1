package main

import (
	"context"
	"os"
)

// The console of this process.
const ttyInput, ttyOutput = "CONIN$", "CONOUT$"

func signalCode(os.Signal) int { return exitInterrupted }

// signalled is 0: programs on Windows end with a code only.
func signalled(*os.ProcessState) int { return 0 }

// forward ends the child. Ctrl-C has reached it already, through the console.
func forward(_ context.Context, child *os.Process) error { return child.Kill() }
