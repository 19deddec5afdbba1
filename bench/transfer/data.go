package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// block is what all data here is made of, again and again. It has none of the
// characters that -d drops.
var block = bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"), 4<<10)

// endless reads as blocks.
type endless struct{ at int }

// Read implements io.Reader.
func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, block[e.at:])
	e.at = (e.at + n) % len(block)
	return n, nil
}

// checked takes size bytes of blocks, and nothing else.
type checked struct {
	at   int
	left int64
}

var errOther = errors.New("other bytes than those that were sent")

// Write implements io.Writer.
func (c *checked) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), len(block)-c.at)
		if int64(n) > c.left || !bytes.Equal(rest[:n], block[c.at:c.at+n]) {
			return 0, errOther
		}
		c.at, c.left, rest = (c.at+n)%len(block), c.left-int64(n), rest[n:]
	}
	return len(p), nil
}

// file makes the file to upload.
func (b bench) file(size int64) error {
	f, err := os.Create(filepath.Join(b.dir, "body"))
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, &endless{}, size)
	return errors.Join(err, f.Close())
}

// pipe is the reading end of a pipe that brings size bytes.
func pipe(size int64) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		_, _ = io.CopyN(w, &endless{}, size) // a reader that goes ends it
		_ = w.Close()
	}()
	return r, nil
}

// memory follows the VmHWM of a process, in KiB.
type memory struct {
	pid   int
	most  atomic.Int64
	done  chan struct{}
	ended sync.WaitGroup
}

// watch reads it until it is stopped.
func watch(pid int) *memory {
	m := &memory{pid: pid, done: make(chan struct{})}
	m.ended.Go(func() {
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-m.done:
				return
			case <-tick.C:
				m.read()
			}
		}
	})
	return m
}

// read notes what the process has taken until now. Before it is the new program it is
// a copy of this one, which its command line tells.
func (m *memory) read() {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", m.pid))
	if err != nil || !bytes.Contains(line, []byte("\x00call\x00")) {
		return
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.pid))
	for text := range bytes.Lines(status) {
		var kib int64
		if _, err := fmt.Sscanf(string(text), "VmHWM: %d kB", &kib); err == nil && kib > m.most.Load() {
			m.most.Store(kib)
		}
	}
}

func (m *memory) stop() int {
	close(m.done)
	m.ended.Wait()
	return int(m.most.Load())
}
