//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// scriptPerson runs a command as a person does: standard error and the
// controlling terminal are a terminal, standard output is captured. With -stdout
// it is the terminal too, and what is shown counts as both.
func scriptPerson(ts *testscript.TestScript, neg bool, args []string) {
	all := len(args) > 0 && args[0] == "-stdout"
	if all {
		args = args[1:]
	}
	if neg || len(args) < 3 {
		ts.Fatalf("usage: person [-stdout] CODE FILE CMD [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	master, slave, err := pty.Open()
	ts.Check(err)
	defer master.Close()
	var stdout bytes.Buffer
	cmd := exec.Command(lookPath(ts, args[2]), args[3:]...)
	cmd.Env = scriptEnviron(ts)
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, &stdout, slave
	if all {
		cmd.Stdout = slave
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	slave.Close()
	talk := converse(master, ts.ReadFile(args[1]), func() string { return lastCode(ts) })
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		ts.Fatalf("the program waits; the terminal shows:\n%s", talk.shown())
	}
	transcript := talk.end()
	if all {
		stdout.WriteString(transcript)
	}
	_, _ = ts.Stdout().Write(stdout.Bytes())
	_, _ = ts.Stderr().Write([]byte(transcript))
	if got := exitStatus(err); got != want {
		ts.Fatalf("exit code %d, want %d; the terminal showed:\n%s", got, want, transcript)
	}
	if talk.left != "" {
		ts.Fatalf("never shown: %q; the terminal showed:\n%s", talk.left, transcript)
	}
}

// talk is the other side of a terminal.
type talk struct {
	screen chan string // what was shown, handed out once at the end
	left   string      // the first thing waited for that never came
	look   chan chan string
	code   func() string
}

// converse plays the person's part: for each line "expect TEXT" it waits until
// the terminal shows TEXT after what was matched before, for "type TEXT" it
// types TEXT and return, for "code" what the sandbox sent last.
func converse(master *os.File, part string, code func() string) *talk {
	t := &talk{screen: make(chan string, 1), look: make(chan chan string), code: code}
	chunks := make(chan []byte)
	go func() {
		defer close(chunks)
		for {
			buffer := make([]byte, 4096)
			n, err := master.Read(buffer)
			if n > 0 {
				chunks <- buffer[:n]
			}
			if err != nil {
				return // the last holder of the terminal closed it
			}
		}
	}()
	go t.play(master, strings.Split(strings.TrimSpace(part), "\n"), chunks)
	return t
}

func (t *talk) play(master *os.File, lines []string, chunks <-chan []byte) {
	var shown strings.Builder
	seen := 0
	step := func() bool { // does the next line, if its time has come
		verb, text, _ := strings.Cut(lines[0], " ")
		switch verb {
		case "type":
			_, _ = master.WriteString(text + "\n")
		case "code":
			_, _ = master.WriteString(t.code() + "\n")
		case "press":
			_, _ = master.WriteString(map[string]string{"ctrl-c": "\x03", "ctrl-d": "\x04"}[text])
		case "expect":
			at := strings.Index(shown.String()[seen:], text)
			if at < 0 {
				return false
			}
			seen += at + len(text)
		}
		lines = lines[1:]
		return true
	}
	for {
		for len(lines) > 0 && lines[0] != "" && step() {
		}
		select {
		case chunk, open := <-chunks:
			if !open {
				if len(lines) > 0 && lines[0] != "" {
					t.left = lines[0]
				}
				t.screen <- shown.String()
				return
			}
			shown.Write(chunk)
		case reply := <-t.look:
			reply <- shown.String()
		}
	}
}

func (t *talk) shown() string {
	reply := make(chan string, 1)
	t.look <- reply
	return <-reply
}

// end waits until the terminal is closed and returns all that it showed.
func (t *talk) end() string { return <-t.screen }
