// Command cogctl signs people, scripts and CI jobs in to Amazon Cognito, keeps
// their tokens, and calls the APIs that the tokens protect.
//
// This package is the only one that knows the command line, the standard
// streams, the environment, the clock and the network as the process has them.
// main.go starts and ends the process; app.go builds every object from the
// outside world; each command has a file with its flags, its help and a function
// runX that does the work. CONTRIBUTING.md follows one command from here to its
// output.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// version is set by the release build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() { os.Exit(newApp().run(os.Args[1:])) }

// run is main with an exit code, so that deferred work is done before the end.
func (a *app) run(args []string) (code int) {
	defer func() {
		if cause := recover(); cause != nil {
			fmt.Fprint(os.Stderr, crash())
			code = exitFailed
		}
	}()
	undumped, start := disableCoreDumps(), a.startChild
	a.startChild = func(child func() error) error {
		return start(func() error { return undumped(child) })
	}
	ctx, stop := a.signalContext()
	defer stop()
	return a.exit(execute(ctx, a, args))
}

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return "stopped by the signal " + i.signal.String() }

// untilSignal is a context that ends, with an interrupted cause, at the first
// SIGINT, SIGTERM, SIGHUP or SIGQUIT. It begins to listen when somebody first waits for its
// end. A run that waits for nothing, such as cogctl token with a good session,
// dies of a signal as any program does, and saves the thread that listening costs:
// a fifth of a millisecond, as much as all else it does.
type untilSignal struct {
	context.Context
	listen func()
}

func (c untilSignal) Done() <-chan struct{} {
	c.listen()
	return c.Context.Done()
}

func (a *app) signalContext() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	listen := sync.OnceFunc(func() {
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
		go a.obey(signals, cancel)
	})
	return untilSignal{ctx, listen}, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// lastResort is when a run that a signal should have ended is ended by force: a
// save has had its time, and what still waits is a write that nobody reads.
const lastResort = 12 * time.Second

// obey cancels at the first signal. A second one ends the process at once, but
// not while the answer to a refresh is on its way into its file: the refresh
// token that was sent may be used up. A program that runs for the user, as in
// sandbox -- CMD, ends as it likes, and we with it.
func (a *app) obey(signals <-chan os.Signal, cancel context.CancelCauseFunc) {
	first := <-signals
	cancel(interrupted{first})
	timeout := time.NewTimer(lastResort)
	defer timeout.Stop()
	for {
		select {
		case s := <-signals:
			if a.saving.Load() == 0 && !a.patient.Load() {
				dieOf(s)
			}
		case <-timeout.C:
			if !a.patient.Load() {
				dieOf(first)
			}
		}
	}
}

// crash tells where a panic came from. It prints no values: they may be secret.
func crash() string {
	text := "cogctl: internal error; please report these lines (they hold no data of yours):\n"
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		frame, more := frames.Next()
		text += fmt.Sprintf("  %s:%d\n", frame.Function, frame.Line)
		if !more {
			return text
		}
	}
}
