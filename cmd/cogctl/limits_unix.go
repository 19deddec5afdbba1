//go:build unix

package main

import "syscall"

// disableCoreDumps keeps tokens and passwords in memory from landing in a core
// file. What it returns puts the user's own limit back, for the moment in which
// a program of the user's is started, and takes it away again.
func disableCoreDumps() (around func(start func() error) error) {
	var before syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &before) != nil {
		return func(start func() error) error { return start() }
	}
	none := before
	none.Cur = 0
	// A refusal leaves the limit as it was, which is no reason not to work.
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &none)
	return func(start func() error) error {
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &before)
		defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &none) }()
		return start()
	}
}
