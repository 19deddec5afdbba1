package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// traceVariable names the folder in which each process of a script leaves a
// trace. It begins with no COGCTL_, so that sandbox -- CMD hands it on.
const traceVariable = "CANARY_TRACE"

// trace is the folder of one process. It holds what the process said and heard:
//
//	about.json     what it was started with
//	stdout stderr  what it wrote, unless that is a terminal
//	debug          the lines of --debug, asked for or not
//	sent-* got-*   the bytes of each connection
//	child-*.json   the programs that it started
//	files/         what it left in its folders, but for sessions
//	sessions/      the sessions
//
// A nil trace does nothing.
type trace struct {
	path    string
	streams sync.WaitGroup // of the copies of stdout and stderr
	writers []io.Closer    // that end them
	conns   atomic.Int32
}

// aboutProcess is what a process was started with.
type aboutProcess struct{ Args, Environ []string }

// startTrace begins a trace below folder; "" is for none. The standard streams are
// copied from here on.
func startTrace(folder string) *trace {
	if folder == "" {
		return nil
	}
	path, err := os.MkdirTemp(folder, "run-")
	if err != nil {
		panic(err)
	}
	t := &trace{path: path}
	t.writeJSON("about.json", aboutProcess{Args: os.Args[1:], Environ: os.Environ()})
	// The standard output of a CMD in a sandbox is its own affair.
	if len(os.Args) < 2 || os.Args[1] != "sandbox" || !slices.Contains(os.Args, "--") {
		os.Stdout = t.tee("stdout", os.Stdout)
	}
	os.Stderr = t.tee("stderr", os.Stderr)
	return t
}

// tee returns what to write to instead of f. Devices stay as they are: terminals
// for what they are, and others such as /dev/full for how they fail.
func (t *trace) tee(name string, f *os.File) *os.File {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice != 0 {
		return f
	}
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	t.writers = append(t.writers, w)
	t.streams.Go(func() {
		defer r.Close() // so that a write that failed here fails there
		_, _ = io.Copy(io.MultiWriter(t.create(name), f), r)
	})
	return w
}

// follow hooks the trace into the outside world of a.
func (t *trace) follow(a *app) {
	if t == nil {
		return
	}
	a.trace = t.create("debug")
	connect := a.network.DialContext
	a.network.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := connect(ctx, network, address)
		if err != nil {
			return nil, err
		}
		number := t.conns.Add(1)
		return &tracedConn{Conn: conn, sent: t.create(fmt.Sprint("sent-", number)), got: t.create(fmt.Sprint("got-", number))}, nil
	}
	a.startChild = func(start func() error) error {
		before := children()
		err := start()
		for _, child := range children() {
			if !slices.ContainsFunc(before, func(c childProcess) bool { return c.PID == child.PID }) {
				t.writeJSON(fmt.Sprintf("child-%d.json", child.PID), child)
			}
		}
		return err
	}
}

// childProcess is a program that cogctl started, as the system sees it.
type childProcess struct {
	PID     int
	Args    []string
	Environ []string
}

// tracedConn writes down what goes over a connection.
type tracedConn struct {
	net.Conn
	sent, got io.Writer
}

func (c *tracedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	_, _ = c.sent.Write(p[:n])
	return n, err
}

func (c *tracedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	_, _ = c.got.Write(p[:n])
	return n, err
}

// end completes the trace. A program that was left behind and holds a stream
// open is not waited for long.
func (t *trace) end(a *app) {
	if t == nil {
		return
	}
	for _, w := range t.writers {
		w.Close()
	}
	done := make(chan struct{})
	go func() { t.streams.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
	}
	if dir, err := a.cacheDir(); err == nil {
		t.keep(dir, "files/cache")
	}
	if os.Getenv("TMPDIR") != "" { // the script's own
		t.keep(os.TempDir(), "files/temp", "cogctl-sandbox-") // whose own runs are searched
	}
	if dir, err := os.UserHomeDir(); err == nil {
		t.keep(dir, "files/home", "cogctl")
	}
	if dir, err := a.configDir(); err == nil {
		t.keep(dir, "files/config")
	}
	if dir, err := a.stateDir(); err == nil {
		t.keep(filepath.Join(dir, "sessions"), "sessions")
		t.keep(filepath.Join(dir, "devices"), "sessions")
		t.keep(filepath.Join(dir, "credentials"), "sessions")
	}
}

// keep copies the files of a folder, but for those in folders whose names begin in
// some ways. Others may be at work in it.
func (t *trace) keep(folder, as string, but ...string) {
	but = append(but, "sessions", "devices", "credentials") // they may hold tokens
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case entry.IsDir():
			if path != folder && slices.ContainsFunc(but, func(name string) bool { return strings.HasPrefix(entry.Name(), name) }) {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular(): // a pipe is waited for until somebody writes
			return nil
		}
		if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
			relative, _ := filepath.Rel(folder, path)
			t.write(filepath.Join(as, strings.ReplaceAll(filepath.ToSlash(relative), "/", "+")), data)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
}

// create makes a file as soon as something is written to it.
func (t *trace) create(name string) io.Writer {
	return &traceFile{open: sync.OnceValue(func() *os.File {
		f, err := os.Create(filepath.Join(t.path, name))
		if err != nil {
			panic(err)
		}
		return f
	})}
}

type traceFile struct{ open func() *os.File }

func (f *traceFile) Write(p []byte) (int, error) { return f.open().Write(p) }

func (t *trace) write(name string, data []byte) {
	path := filepath.Join(t.path, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
		panic(err)
	}
}

func (t *trace) writeJSON(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	t.write(name, data)
}
