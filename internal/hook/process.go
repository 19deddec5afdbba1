package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// grace is how long a program that was told to stop is still waited for.
	grace = time.Second
	// maxSaid bounds what is kept of standard error, in bytes.
	maxSaid = 64 << 10
)

// runCommand lets a program answer. It may end with any exit code once it has
// said, in Lambda's form, that it failed.
func (r Runner) runCommand(ctx context.Context, event []byte) ([]byte, error) {
	c := exec.CommandContext(ctx, r.program(), r.Command[1:]...)
	c.Dir = r.Dir
	output, ended := r.run(c, event)
	output = bytes.TrimSpace(output)
	answer, err := judge(output)
	if raised := (*FunctionError)(nil); errors.As(err, &raised) || ended == nil {
		return answer, err
	}
	return nil, ended
}

// program is what to start. A path is relative to Dir, where the program runs; a
// mere name is looked for on PATH, and never in a working directory.
func (r Runner) program() string {
	name := r.Command[0]
	if filepath.Base(name) == name || filepath.IsAbs(name) {
		return name
	}
	if whole, err := filepath.Abs(filepath.Join(r.Dir, name)); err == nil {
		return whole
	}
	return name
}

// run starts a program in a group of its own, and when it has ended, ends what
// is left of the group. Output that is too long ends it as well.
func (r Runner) run(c *exec.Cmd, input []byte) ([]byte, error) {
	output, said := &capped{max: MaxAnswer + 1<<10}, &capped{max: maxSaid}
	c.Env = append([]string{}, r.Environ...) // nil would mean our own environment
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(input), output, said
	c.WaitDelay = grace
	family := &group{}
	c.Cancel = func() error { return family.kill(c) }
	output.full = func() { _ = family.kill(c) }
	family.prepare(c)
	start := func() error {
		if err := c.Start(); err != nil {
			return err
		}
		return family.adopt(c)
	}
	err := r.started(start)
	if err == nil {
		err = c.Wait()
	}
	_ = family.kill(c) // what it started and left behind
	if r.Said != nil && len(said.kept) > 0 {
		r.Said(said.text())
	}
	switch {
	case output.over:
		return nil, errTooLong()
	case errors.Is(err, exec.ErrWaitDelay):
		return output.kept, nil // it ended well, but left a child that held its output open
	case errors.Is(err, exec.ErrDot):
		return nil, errors.New("found only in the working directory, where programs are not run from: write ./NAME")
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("no %s on PATH", filepath.Base(c.Args[0]))
	case err != nil:
		return output.kept, fmt.Errorf("%w%s", err, lastLine(said.kept))
	}
	return output.kept, nil
}

func (r Runner) started(start func() error) error {
	if r.Start == nil {
		return start()
	}
	return r.Start(start)
}

// lastLine is what a program said last before it failed.
func lastLine(said []byte) string {
	line := strings.TrimSpace(string(said))
	line = strings.TrimSpace(line[strings.LastIndexByte(line, '\n')+1:])
	if line == "" {
		return ""
	}
	const most = 300
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return ": " + line
}

// capped keeps the first max bytes of what is written to it. The rest is taken
// and dropped, and full, if there is one, called.
type capped struct {
	kept []byte // not an embedded bytes.Buffer: its ReadFrom would go past Write
	max  int
	over bool
	full func()
}

func (c *capped) Write(p []byte) (int, error) {
	room := c.max - len(c.kept)
	if len(p) <= room {
		c.kept = append(c.kept, p...)
		return len(p), nil
	}
	c.kept = append(c.kept, p[:room]...)
	if !c.over && c.full != nil {
		c.full()
	}
	c.over = true
	return len(p), nil
}

// text is what was kept, and a word about what was not.
func (c *capped) text() []byte {
	if !c.over {
		return c.kept
	}
	return append(c.kept, "\n(more was left out)\n"...)
}
