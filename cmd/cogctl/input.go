package main

import (
	"context"
	"io"
)

// input is standard input as long as ctx lasts: a read that waits for somebody
// to type ends with it.
func (a *app) input(ctx context.Context) io.Reader { return &interruptible{ctx: ctx, from: a.stdin} }

type interruptible struct {
	ctx  context.Context
	from io.Reader
}

// Read reads in the background, into a buffer of its own: after the end of ctx
// nobody may write into the caller's any more.
func (r *interruptible) Read(p []byte) (int, error) {
	type result struct {
		data []byte
		err  error
	}
	results := make(chan result, 1)
	go func() {
		buffer := make([]byte, len(p))
		n, err := r.from.Read(buffer)
		results <- result{buffer[:n], err}
	}()
	select {
	case got := <-results:
		return copy(p, got.data), got.err
	case <-r.ctx.Done():
		return 0, context.Cause(r.ctx)
	}
}
