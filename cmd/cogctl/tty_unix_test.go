//go:build unix

package main

import (
	"context"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// screen is a person's side of a terminal.
type screen struct {
	t      *testing.T
	master *os.File
	slave  *os.File // keeps what is shown when the prompt closes its own
	term   terminal
	chunks chan string // what the terminal shows
	shown  string      // and was not awaited yet
}

func newScreen(t *testing.T) *screen {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close(); master.Close() })
	open := func() (console, error) {
		tty, err := os.OpenFile(slave.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
		return console{tty, tty}, err
	}
	s := &screen{t: t, master: master, slave: slave, term: terminal{open: open}, chunks: make(chan string, 100)}
	go func() {
		for chunk := make([]byte, 256); ; {
			n, err := master.Read(chunk)
			if err != nil {
				return
			}
			s.chunks <- string(chunk[:n])
		}
	}()
	return s
}

// await waits until the terminal shows text, after what it was asked for before.
func (s *screen) await(text string) {
	s.t.Helper()
	timeout := time.After(time.Minute)
	for {
		if _, after, found := strings.Cut(s.shown, text); found {
			s.shown = after
			return
		}
		select {
		case chunk := <-s.chunks:
			s.shown += chunk
		case <-timeout:
			s.t.Fatalf("%q is not shown, only %q", text, s.shown)
		}
	}
}

// press types keys; what stands between bars should arrive apart.
func (s *screen) press(keys string) {
	s.t.Helper()
	for i, part := range strings.Split(keys, "|") {
		time.Sleep(time.Duration(i) * 30 * time.Millisecond)
		if _, err := s.master.WriteString(part); err != nil {
			s.t.Fatal(err)
		}
	}
}

// mode is how the terminal is set.
func (s *screen) mode() *term.State {
	s.t.Helper()
	mode, err := term.GetState(int(s.slave.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	return mode
}

type said struct {
	answer string
	err    error
}

// TestKeysAtAPrompt: each key has an end, and what is said next begins a line.
func TestKeysAtAPrompt(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		secret bool
		keys   string
		answer string
		wanted string // in the error
		code   int
	}{
		{"a password", true, "Passw0rd!\r", "Passw0rd!", "", 0},
		{"a password of several bytes a character", true, "Pässwörd€1\r", "Pässwörd€1", "", 0},
		{"a character in two pieces", true, "P\xc3|\xa4ssword\r", "Pässword", "", 0},
		{"Ctrl-Z in a password", true, "Pass\x1aw0rd!\r", "Passw0rd!", "", 0},
		{"no password", true, "\r", "", "no answer was given", exitNeeded},
		{"another character set", true, "caf\xe9 1\r", "", "is not UTF-8", exitUsage},
		{"half a character", true, "caf\xc3\r", "", "is not UTF-8", exitUsage},
		{"a replaced character", true, "caf\uFFFD\r", "", "is not UTF-8", exitUsage},
		{"Ctrl-D for a password", true, "\x04", "", "no answer was given", exitNeeded},
		{"Ctrl-C for a password", true, "\x03", "", "interrupt", exitInterrupted},
		{"Ctrl-\\ for a password", true, "abc\x1c", "", "quit", 131},
		{"an answer", false, "123456\r", "123456", "", 0},
		{"an answer with space around it", false, "  123 456 \r", "123 456", "", 0},
		{"an answer and its end", false, "123456\x04|\x04", "123456", "", 0},
		{"nothing", false, "\r", "", "no answer was given", exitNeeded},
		{"Ctrl-D for an answer", false, "\x04", "", "no answer was given", exitNeeded},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newScreen(t)
			ask := s.term.ask
			if row.secret {
				ask = s.term.askSecret
			}
			over := make(chan said, 1)
			go func() {
				answer, err := ask(t.Context(), "What: ")
				over <- said{answer, err}
			}()
			s.await("What: ")
			s.press(row.keys)
			select {
			case got := <-over:
				if got.answer != row.answer || exitCode(got.err) != row.code {
					t.Errorf("%q, %v (exit %d)", got.answer, got.err, exitCode(got.err))
				}
				if row.wanted != "" && (got.err == nil || !strings.Contains(got.err.Error(), row.wanted)) {
					t.Errorf("the error %v says not %q", got.err, row.wanted)
				}
			case <-time.After(time.Minute):
				t.Fatal("the prompt waits on")
			}
			if row.name != "an answer and its end" { // which leaves the cursor where it is
				s.await("\n")
			}
		})
	}
}

// TestStoppedAtAPrompt: whoever is stopped there finds the terminal as it was, and what
// is said next begins a line.
func TestStoppedAtAPrompt(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	before := s.mode()
	ctx, stop := context.WithCancelCause(t.Context())
	over := make(chan said, 1)
	go func() {
		answer, err := s.term.askSecret(ctx, "What: ")
		over <- said{answer, err}
	}()
	s.await("What: ")
	stop(interrupted{syscall.SIGTERM})
	if got := <-over; got.answer != "" || exitCode(got.err) != exitTerminated {
		t.Errorf("%q, %v", got.answer, got.err)
	}
	s.await("\n")
	if !reflect.DeepEqual(s.mode(), before) {
		t.Error("the terminal is not left as it was found")
	}
}

// TestPromptAfterAStop: the shell that a stopped program gives way to makes the
// terminal show what is typed; the password that is typed then must not be seen.
func TestPromptAfterAStop(t *testing.T) {
	s := newScreen(t)
	before := s.mode()
	over := make(chan said, 1)
	go func() {
		answer, err := s.term.askSecret(t.Context(), "What: ")
		over <- said{answer, err}
	}()
	s.await("What: ")
	hidden := s.mode()
	if reflect.DeepEqual(before, hidden) {
		t.Fatal("a password is shown")
	}
	if err := term.Restore(int(s.slave.Fd()), before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.await("What: ")
	if !reflect.DeepEqual(s.mode(), hidden) {
		t.Error("after a stop a password is shown")
	}
	_, _ = s.master.WriteString("Passw0rd!\r")
	if got := <-over; got.answer != "Passw0rd!" || got.err != nil {
		t.Errorf("%q, %v", got.answer, got.err)
	}
	if !reflect.DeepEqual(s.mode(), before) {
		t.Error("the terminal is not left as it was found")
	}
	// A question whose answer is shown is put anew as well.
	go func() {
		answer, err := s.term.ask(t.Context(), "Which: ")
		over <- said{answer, err}
	}()
	s.await("Which: ")
	if err := syscall.Kill(os.Getpid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.await("Which: ")
	_, _ = s.master.WriteString("this\r")
	if got := <-over; got.answer != "this" || got.err != nil {
		t.Errorf("%q, %v", got.answer, got.err)
	}
}
