package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/term"
)

// terminal is the person at the keyboard, if there is one. Prompts go to the
// controlling terminal itself, so that standard input and output stay free for
// data.
type terminal struct {
	stderr *os.File
	getenv func(string) string
	open   func() (console, error) // the controlling terminal
}

// openTTY opens the terminal this process is controlled by.
func openTTY() (console, error) {
	in, err := os.OpenFile(ttyInput, os.O_RDWR, 0)
	if err != nil || ttyInput == ttyOutput {
		return console{in, in}, err
	}
	out, err := os.OpenFile(ttyOutput, os.O_RDWR, 0)
	if err != nil {
		in.Close()
		return console{}, err
	}
	return console{in, out}, nil
}

// console joins the two halves of a terminal, which Windows names apart.
type console struct{ in, out *os.File }

func (c console) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c console) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c console) Close() error {
	if c.in == c.out {
		return c.in.Close()
	}
	return errors.Join(c.in.Close(), c.out.Close())
}

// person tells whether somebody is there to be asked: standard error is a
// terminal, the controlling terminal opens, no CI runs us, and nobody forbade
// questions.
func (t terminal) person(noInput bool) bool {
	if noInput || t.getenv("CI") != "" || !isTerminal(t.stderr) {
		return false
	}
	tty, err := t.open()
	if err != nil {
		return false
	}
	tty.Close()
	return true
}

func isTerminal(f *os.File) bool { return f != nil && term.IsTerminal(int(f.Fd())) }

// noAnswer is what an empty line, or the end of input, comes to.
func noAnswer(prompt string) error {
	return withCode(exitNeeded, fmt.Errorf("no answer was given to %q", strings.TrimRight(prompt, ": ")))
}

// ask puts one question and reads one line that is not empty.
func (t terminal) ask(ctx context.Context, prompt string) (string, error) {
	answer, err := t.askOptional(ctx, prompt)
	if err == nil && answer == "" {
		err = noAnswer(prompt)
	}
	return answer, err
}

// askAgain is ask, but an empty line is an answer only the second time: a slip of the
// finger, or a paste of nothing, does not end a sign-in.
func (t terminal) askAgain(ctx context.Context, prompt string) (string, error) {
	answer, err := t.askOptional(ctx, prompt)
	if err != nil || answer != "" {
		return answer, err
	}
	fmt.Fprintln(t.stderr, "Nothing was typed; another empty line ends the sign-in.")
	return t.ask(ctx, prompt)
}

// askOptional puts one question to which an empty line is an answer.
func (t terminal) askOptional(ctx context.Context, prompt string) (string, error) {
	show := func(tty console) { fmt.Fprint(tty, prompt) }
	return t.converse(ctx, show, func(tty console) (string, error) {
		show(tty)
		line, err := bufio.NewReader(tty).ReadString('\n')
		if err != nil && line == "" {
			fmt.Fprint(tty, "\r\n") // Ctrl-D shows nothing
			return "", noAnswer(prompt)
		}
		return strings.TrimSpace(line), nil
	})
}

// askSecret puts one question and reads the answer without showing it. The
// showing ends before the question appears: who types at once, or pastes, must
// not see the first letters.
func (t terminal) askSecret(ctx context.Context, prompt string) (string, error) {
	again := func(tty console) { // a shell has made the typing visible
		_, _ = term.MakeRaw(int(tty.in.Fd()))
		fmt.Fprint(tty, prompt)
	}
	return t.converse(ctx, again, func(tty console) (string, error) {
		if _, err := term.MakeRaw(int(tty.in.Fd())); err != nil {
			return "", err
		}
		line := term.NewTerminal(&keyboard{console: tty}, "")
		answer, err := line.ReadPassword(prompt)
		switch {
		case errors.As(err, new(interrupted)):
			fmt.Fprint(tty, "\r\n") // what is said next begins a line
			return "", err
		case errors.Is(err, errNoText):
			fmt.Fprint(tty, "\r\n")
			return "", hinted(usagef("the answer to %q: %w", strings.TrimRight(prompt, ": "), err), "let the terminal send UTF-8")
		case err != nil:
			fmt.Fprint(tty, "\r\n")
			return "", noAnswer(prompt)
		case answer == "":
			return "", noAnswer(prompt)
		}
		return answer, nil
	})
}

// keyboard is a terminal in raw mode, which makes no signals of Ctrl-C and Ctrl-\.
type keyboard struct {
	console
	line []byte // what was typed so far
}

// errNoText is what a terminal with another character set sends. x/term would wait
// for the rest of a character that never comes, and take no return for an end.
var errNoText = errors.New("what was typed is not UTF-8")

func (k *keyboard) Read(p []byte) (int, error) {
	n, err := k.console.Read(p)
	switch at := bytes.IndexAny(p[:n], string([]byte{ctrlC, ctrlBackslash})); {
	case at < 0:
	case p[at] == ctrlC:
		return 0, interrupted{os.Interrupt}
	default:
		return 0, interrupted{syscall.SIGQUIT}
	}
	k.line = append(k.line, p[:n]...)
	if bytes.ContainsAny(p[:n], "\r\n") {
		// This finds what is no UTF-8 as well as the replacement character, which is, but
		// x/term takes it for what it replaces.
		if bytes.ContainsRune(k.line, utf8.RuneError) {
			return 0, errNoText
		}
		k.line = nil
	}
	return n, err
}

const ctrlC, ctrlBackslash = 0x03, 0x1c

// converse talks on the terminal and gives up when ctx ends. Either way the
// terminal is left as it was found. After a stop, again puts the question anew: the
// shell in between has set the terminal to what suits itself.
func (t terminal) converse(ctx context.Context, again func(console), talk func(console) (string, error)) (string, error) {
	tty, err := t.open()
	if err != nil {
		return "", err
	}
	defer tty.Close()
	in := int(tty.in.Fd())
	mode, err := term.GetState(in)
	if err != nil {
		return "", err
	}
	defer term.Restore(in, mode)
	defer onResume(func() { again(tty) })()
	type reply struct {
		answer string
		err    error
	}
	replies := make(chan reply, 1)
	go func() {
		answer, err := talk(tty)
		replies <- reply{answer, err}
	}()
	select {
	case r := <-replies:
		return r.answer, r.err
	case <-ctx.Done():
		fmt.Fprint(tty, "\r\n")
		return "", context.Cause(ctx)
	}
}
