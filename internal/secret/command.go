package secret

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/redact"
)

const (
	defaultTimeout = 30 * time.Second
	// grace is how long a program that was told to stop, or one that left a
	// child holding its output open, is still waited for.
	grace = time.Second
	// maxComplaint is how much of a program's standard error is kept, of which
	// the first line is shown.
	maxComplaint = 4 << 10
	maxShown     = 300
)

// cmd runs a program without a shell: nothing in the reference is expanded,
// and no character but space, quotes and backslash means anything. The program
// gets no input, the resolver's environment, and a deadline.
func (r Resolver) cmd(ctx context.Context, line string) (string, error) {
	argv, err := split(line)
	if err != nil {
		return "", fmt.Errorf("cmd: %w", err)
	}
	if len(argv) == 0 || argv[0] == "" {
		return "", errors.New("cmd: no program is named")
	}
	if argv[0], err = r.program(argv[0]); err != nil {
		return "", fmt.Errorf("%s: %w", title(argv), err)
	}
	text, err := r.run(ctx, argv)
	if err != nil {
		return "", fmt.Errorf("%s: %w", title(argv), err)
	}
	return text, nil
}

// program is the program of a command: a name on the PATH or a whole path. A path
// that begins in the working directory would let whoever owns that directory say
// what runs.
func (r Resolver) program(name string) (string, error) {
	if rest, home := strings.CutPrefix(name, "~/"); home && r.Home != "" {
		return filepath.Join(r.Home, rest), nil
	}
	if filepath.Base(name) != name && !filepath.IsAbs(name) {
		return name, errors.New("a path must be whole, or begin with ~/: it would depend on the working directory")
	}
	return name, nil
}

// title names a command in errors by its program alone: people do put
// credentials into arguments.
func title(argv []string) string {
	name := "cmd:" + redact.Visible(argv[0])
	if len(argv) > 1 {
		return name + " …"
	}
	return name
}

func (r Resolver) run(parent context.Context, argv []string) (string, error) {
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()

	output := &capped{max: MaxSize, strict: true}
	complaint := &capped{max: maxComplaint}
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Env = append([]string{}, r.Environ...) // nil would mean our own environment
	c.Stdin = nil                            // the null device
	c.Stdout, c.Stderr = output, complaint
	c.WaitDelay = grace
	err := r.start(c)
	if err == nil {
		err = c.Wait()
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well, but left a child (an agent) that holds its output open
	}

	switch {
	case err != nil && parent.Err() != nil:
		return "", context.Cause(parent)
	case output.over:
		return "", fmt.Errorf("its output is %w", errTooLong)
	case err != nil && ctx.Err() != nil:
		return "", fmt.Errorf("no answer within %s%s", timeout, quoted(complaint))
	case errors.Is(err, exec.ErrDot):
		return "", errors.New("found only in the working directory, where programs are not run from; give the whole path")
	case errors.Is(err, exec.ErrNotFound):
		return "", errors.New("no such program on PATH")
	case err != nil:
		return "", fmt.Errorf("%w%s", cause(err), quoted(complaint))
	}
	text, err := clean(output.String())
	if err != nil {
		return "", fmt.Errorf("its output is unfit: %w%s", err, quoted(complaint))
	}
	return text, nil
}

func (r Resolver) start(c *exec.Cmd) error {
	if r.Start == nil {
		return c.Start()
	}
	return r.Start(c.Start)
}

// quoted returns the first line of what a program wrote to its standard error,
// fit for a terminal, or nothing.
func quoted(c *capped) string {
	line, _, _ := strings.Cut(strings.TrimSpace(c.String()), "\n")
	line = strings.TrimSpace(line)
	if line == "" {
		return ""
	}
	if len(line) > maxShown {
		line = strings.ToValidUTF8(line[:maxShown], "") + "…"
	}
	return ": " + redact.Visible(line)
}

// capped keeps the first max bytes. A strict one fails the write that goes
// beyond, which ends the program; the other swallows the rest.
type capped struct {
	strings.Builder
	max    int
	strict bool
	over   bool
}

func (c *capped) Write(p []byte) (int, error) {
	room := c.max - c.Len()
	if len(p) <= room {
		return c.Builder.Write(p)
	}
	c.over = true
	if c.strict {
		return 0, errTooLong
	}
	c.Builder.Write(p[:room])
	return len(p), nil
}

// Split cuts a command line into its words, as cmd: does: for other programs that
// a setting names with their arguments, and that are started without a shell.
func Split(line string) ([]string, error) { return split(line) }

// split cuts a command line into its words. Words are separated by spaces,
// tabs and newlines. Single quotes take everything up to the next one as it is;
// inside double quotes a backslash escapes only a double quote or a backslash.
// Outside quotes it escapes only white space, a quote or a backslash, and
// otherwise stands for itself, so C:\tools\op.exe needs no quotes.
// Errors give the position but never the text, which may hold a secret.
func split(line string) ([]string, error) {
	var s splitter
	for i := range len(line) {
		s.take(line[i], i)
	}
	switch {
	case strings.IndexByte(line, 0) >= 0:
		return nil, errors.New("a NUL byte in the command")
	case s.quote != 0:
		return nil, fmt.Errorf("the %c at byte %d is never closed", s.quote, s.opened+1)
	case s.escaped:
		s.word = append(s.word, '\\')
	}
	s.end()
	return s.words, nil
}

type splitter struct {
	words   []string
	word    []byte
	inWord  bool // also true for a word of nothing but empty quotes
	quote   byte // the open quote, or 0
	opened  int  // where it was opened
	escaped bool // the byte before was a backslash that may escape this one
}

func (s *splitter) take(c byte, at int) {
	switch {
	case s.escaped:
		s.escaped = false
		if !escapable(c, s.quote) {
			s.word = append(s.word, '\\')
			s.take(c, at) // it may open or close a quote, or end the word
			return
		}
		s.word = append(s.word, c)
	case c == '\\' && s.quote != '\'':
		s.escaped, s.inWord = true, true
	case s.quote != 0 && c == s.quote:
		s.quote = 0
	case s.quote != 0:
		s.word = append(s.word, c)
	case c == '\'' || c == '"':
		s.quote, s.opened, s.inWord = c, at, true
	case isSpace(c):
		s.end()
	default:
		s.word, s.inWord = append(s.word, c), true
	}
}

func (s *splitter) end() {
	if s.inWord {
		s.words = append(s.words, string(s.word))
	}
	s.word, s.inWord = s.word[:0], false
}

func escapable(c, quote byte) bool {
	if quote == '"' {
		return c == '"' || c == '\\'
	}
	return c == '\'' || c == '"' || c == '\\' || isSpace(c)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
