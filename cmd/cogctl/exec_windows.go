package main

import (
	"context"
	"os/exec"
)

// replace runs a program and waits for it: Windows has no way to put one in our place.
func (a *app) replace(ctx context.Context, path string, command, environ []string) error {
	a.flush()
	child := exec.Command(path)
	child.Args, child.Env = command, environ
	return a.runChild(ctx, child, command[0])
}
