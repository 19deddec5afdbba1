//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// replace runs a program in our place: it has our process id, our terminal and our
// parent, and nothing stands between them.
func (a *app) replace(ctx context.Context, path string, command, environ []string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	a.flush()
	err := a.startChild(func() error { return syscall.Exec(path, command, environ) })
	code := exitNotRunnable
	if errors.Is(err, fs.ErrNotExist) { // of its interpreter
		code = exitNotFound
	}
	return withCode(code, fmt.Errorf("run %s: %w", command[0], err))
}
