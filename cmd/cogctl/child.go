package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// resolveCommand finds CMD on the caller's PATH, to which a sandbox adds only for CMD
// itself, and never in the working directory. cogctl itself needs no PATH.
func resolveCommand(name string) (string, error) {
	if name == "cogctl" {
		path, err := os.Executable()
		return path, withCode(exitNotFound, err)
	}
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EISDIR):
		return "", withCode(exitNotRunnable, fmt.Errorf("run %s: %w", name, err))
	}
	return "", withCode(exitNotFound, fmt.Errorf("run %s: %w", name, err))
}

// runChild runs a program of the user's to its end, with the standard streams, and
// makes its exit code ours. From here on it decides when this run ends: every signal
// that reaches us is passed on to it.
func (a *app) runChild(ctx context.Context, child *exec.Cmd, name string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	child.Stdin, child.Stdout, child.Stderr = a.stdin, a.stdout, a.stderr
	a.patient.Store(true)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, passedOn()...)
	defer signal.Stop(signals)
	if err := a.startChild(child.Start); err != nil {
		return withCode(exitNotRunnable, fmt.Errorf("run %s: %w", name, err))
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case s := <-signals:
				a.passOn(s, child.Process)
			case <-ended:
				return
			}
		}
	}()
	return childEnd(child.Wait(), child.ProcessState)
}

// childEnd turns the way CMD ended into our exit code, in silence: CMD has spoken.
func childEnd(err error, state *os.ProcessState) error {
	var exit *exec.ExitError
	switch {
	case state != nil && signalled(state) != 0:
		return silent{128 + signalled(state)}
	case state != nil && state.ExitCode() > 0:
		return silent{state.ExitCode()}
	case state != nil && state.Success(), err == nil, errors.As(err, &exit):
		return nil
	}
	return err
}
