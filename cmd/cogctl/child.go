package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
)

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
