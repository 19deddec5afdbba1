//go:build !windows

package hook

import (
	"os/exec"
	"syscall"
)

// group is the process group of a program: what it started, as long as that does
// not leave by itself.
type group struct{}

func (group) prepare(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func (group) adopt(*exec.Cmd) error { return nil }

// kill ends the group, and finds nobody where none of it lives any more.
func (group) kill(c *exec.Cmd) error {
	if c.Process == nil {
		return nil
	}
	return syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
}
