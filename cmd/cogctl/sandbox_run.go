package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// runInSandbox runs CMD with a home of its own and reports its exit code.
func (a *app) runInSandbox(ctx context.Context, s stack, path string, command []string) error {
	home, err := os.MkdirTemp("", "cogctl-sandbox-")
	if err != nil {
		return fmt.Errorf("make a folder for the sandbox: %w", err)
	}
	defer os.RemoveAll(home)
	if err := s.configure(home); err != nil {
		return err
	}
	bin, err := placeOwnBinary(home)
	if err != nil {
		return err
	}
	child := exec.Command(path)
	child.Args = command
	child.Env = s.environ(a.environ, home, bin)
	return a.runChild(ctx, child, command[0])
}

// placeOwnBinary makes a folder that holds cogctl and nothing else.
func placeOwnBinary(home string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the cogctl program: %w", err)
	}
	bin := filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return "", err
	}
	if runtime.GOOS != "windows" {
		return bin, os.Symlink(self, filepath.Join(bin, "cogctl"))
	}
	// Links need a privilege on Windows.
	program, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	return bin, os.WriteFile(filepath.Join(bin, "cogctl.exe"), program, 0o700)
}

// environ is CMD's environment: no COGCTL_* and no AWS_* of the caller's,
// so that nothing of it reaches a real account. No username is set: after
// cogctl login --username bob, bob it must be.
func (s stack) environ(environ []string, home, bin string) []string {
	kept := []string{}
	searchPath := bin
	for _, entry := range withoutAccounts(environ) {
		name, value, _ := strings.Cut(entry, "=")
		if strings.ToUpper(name) == "PATH" {
			searchPath += string(os.PathListSeparator) + value
			continue
		}
		kept = append(kept, entry)
	}
	return append(kept,
		"PATH="+searchPath,
		"COGCTL_CONFIG_DIR="+filepath.Join(home, "config"),
		"COGCTL_CACHE_DIR="+filepath.Join(home, "cache"),
		"COGCTL_PROFILE=sandbox",
		"COGCTL_PASSWORD="+s.password,
		"COGCTL_SANDBOX_CLOUD_URL="+s.Cloud,
		"COGCTL_SANDBOX_ISSUER="+s.Issuer,
		"COGCTL_SANDBOX_API_URL="+s.API,
		"COGCTL_SANDBOX_CONTROL_URL="+s.Control,
		"COGCTL_SANDBOX_CONTROL_KEY="+s.ControlKey,
		"COGCTL_SANDBOX_AWS_ACCESS_KEY_ID="+s.AccessKeyID,
		"COGCTL_SANDBOX_AWS_SECRET_ACCESS_KEY="+s.SecretAccessKey,
	)
}
