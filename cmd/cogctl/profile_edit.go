package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/secret"
)

func newProfileEdit(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "edit",
		Short: "Open config.toml in your editor, and check it before it counts",
		Long: `Open a copy of config.toml in the editor that VISUAL or EDITOR names, and put it
in place when it is right. What is wrong is told, with line and column, and you may
edit again. The editor gets no secret from the environment.

Without a terminal it exits 4; cogctl profile import and create write without one.`,
		Example: "  cogctl profile edit || test $? -eq 4   # on a terminal",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runProfileEdit(cmd.Context(), a) },
	}
}

func runProfileEdit(ctx context.Context, a *app) error {
	if !a.present() {
		return withCode(exitNeeded, hinted(errors.New("edit config.toml: nobody is there to do it"), "cogctl profile create and import write without asking"))
	}
	editor, err := a.editor()
	if err != nil {
		return err
	}
	path, err := a.configPath()
	if err != nil {
		return err
	}
	loaded, err := config.Load(path)
	if err != nil {
		return withCode(exitUsage, err)
	}
	folder, err := os.MkdirTemp("", "cogctl-edit-")
	if err != nil {
		return fmt.Errorf("make a folder for the copy: %w", err)
	}
	copied := filepath.Join(folder, "config.toml")
	if err := os.WriteFile(copied, loaded, 0o600); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	err = a.editUntilGood(ctx, editor, edited{path, copied, loaded})
	if errors.Is(err, config.ErrChanged) {
		return hinted(err, "your version is in %s", copied)
	}
	return errors.Join(err, os.RemoveAll(folder))
}

// edited is a file, the copy of it that is edited, and what was in it.
type edited struct {
	path, copied string
	loaded       []byte
}

// editUntilGood runs the editor until the copy is in place, or the person gives
// up.
func (a *app) editUntilGood(ctx context.Context, editor []string, e edited) error {
	for {
		if err := a.runEditor(ctx, editor, e.copied); err != nil {
			return err
		}
		data, err := os.ReadFile(e.copied)
		if err != nil {
			return fmt.Errorf("read the copy that was edited: %w", err)
		}
		if bytes.Equal(data, e.loaded) {
			a.note("nothing was changed")
			return nil
		}
		wrong := config.Judge(e.path, data)
		if wrong == nil {
			err := config.Replace(e.path, e.loaded, data)
			if err == nil {
				a.note("changed %s", e.path)
			}
			return err
		}
		fmt.Fprintf(a.redactedStderr(), "%s\n", redact.Visible(wrong.Error()))
		if err := a.agree(ctx, "Edit again?", "config.toml was not changed"); err != nil {
			return withCode(exitUsage, err)
		}
	}
}

// editor is the command line of the person's editor, without a shell.
func (a *app) editor() ([]string, error) {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		line := a.getenv(name)
		if line == "" {
			continue
		}
		argv, err := secret.Split(line)
		if err != nil || len(argv) == 0 || argv[0] == "" {
			return nil, usagef("%s is not a command line: %v", name, err)
		}
		return argv, nil
	}
	if runtime.GOOS == "windows" {
		return []string{"notepad"}, nil
	}
	return []string{"vi"}, nil
}

// runEditor gives the terminal to the editor, whatever standard input and output
// are.
func (a *app) runEditor(ctx context.Context, editor []string, file string) error {
	tty, err := a.terminal.open()
	if err != nil {
		return err
	}
	defer tty.Close()
	child := exec.Command(editor[0], append(editor[1:len(editor):len(editor)], file)...)
	child.Stdin, child.Stdout, child.Stderr = tty.in, tty.out, a.stderr
	child.Env = a.childEnviron("")
	if err := a.startChild(child.Start); err != nil {
		return hinted(fmt.Errorf("run the editor: %w", err), "VISUAL or EDITOR names another one")
	}
	stop := context.AfterFunc(ctx, func() { _ = child.Process.Kill() })
	defer stop()
	err = child.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("nothing was changed: the editor %s: %w", redact.Visible(editor[0]), err)
	}
	return nil
}
