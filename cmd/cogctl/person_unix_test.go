//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/pquerna/otp/totp"
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
	talk := converse(master, ts.ReadFile(args[1]), func(verb, text string) string { return played(ts, verb, text) })
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-time.After(2 * time.Minute):
		_ = cmd.Process.Kill()
		ts.Fatalf("the program waits; the terminal shows:\n%s", talk.shown())
	}
	transcript := talk.end()
	ts.Check(watched(ts).transcript(args[3:], transcript, all))
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

// played does the lines of a person's part that need the sandbox.
func played(ts *testscript.TestScript, verb, text string) string {
	base, key := ts.Getenv("COGCTL_SANDBOX_CONTROL_URL"), ts.Getenv("COGCTL_SANDBOX_CONTROL_KEY")
	switch verb {
	case "code":
		code := lastCode(ts)
		if text == "spaced" && len(code) > 3 {
			code = code[:3] + " " + code[3:]
		}
		return code
	case "totp":
		_, body, _ := control(base, key, "GET", "/users/"+text+"/totp", "")
		var authenticator struct{ Code string }
		_ = json.Unmarshal(body, &authenticator)
		return authenticator.Code
	}
	words := strings.SplitN(text, " ", 3)
	_, body, err := control(base, key, words[0], words[1], words[2])
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// firstCode is what an authenticator app shows that scanned what the terminal
// shows.
func firstCode(shown string) string {
	_, after, _ := strings.Cut(shown, "&secret=")
	secret, _, _ := strings.Cut(after, "\r")
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		return err.Error()
	}
	return code
}

// talk is the other side of a terminal.
type talk struct {
	screen chan string // what was shown, handed out once at the end
	left   string      // the first thing waited for that never came
	look   chan chan string
	play   func(verb, text string) string // what else a line types or does
}

// converse plays the person's part: for each line "expect TEXT" it waits until
// the terminal shows TEXT after what was matched before, for "type TEXT" it
// types TEXT and return, for "code" what the sandbox sent last ("code spaced": with a space in it), for "totp USER" the next code of the
// user's authenticator, for "first-code" that of the secret on the screen; "paste WHAT" what pasted
// says; "control METHOD PATH JSON" asks the sandbox's control.
func converse(master *os.File, part string, play func(verb, text string) string) *talk {
	t := &talk{screen: make(chan string, 1), look: make(chan chan string), play: play}
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
	go t.run(master, strings.Split(strings.TrimSpace(part), "\n"), chunks)
	return t
}

func (t *talk) run(master *os.File, lines []string, chunks <-chan []byte) {
	var shown strings.Builder
	seen := 0
	step := func() bool { // does the next line, if its time has come
		verb, text, _ := strings.Cut(lines[0], " ")
		switch verb {
		case "type":
			_, _ = master.WriteString(text + "\n")
		case "first-code":
			_, _ = master.WriteString(firstCode(shown.String()) + "\n")
		case "code", "totp":
			_, _ = master.WriteString(t.play(verb, text) + "\n")
		case "paste":
			_, _ = master.WriteString(pasted(shown.String(), text) + "\n")
		case "control":
			t.play(verb, text)
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
