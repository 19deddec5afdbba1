//go:build unix

package config

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwner refuses a file that another user owns or can change. One of root
// is accepted: root can read and change everything anyhow.
func checkOwner(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%s can be changed by other users (mode %#o), and it may name programs to run; run: chmod go-w %q", path, mode, path)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: the system does not tell its owner", path)
	}
	return judgeOwner(path, int(stat.Uid), os.Geteuid())
}

func judgeOwner(path string, owner, user int) error {
	if owner == user || owner == 0 {
		return nil
	}
	return fmt.Errorf("%s belongs to user %d, and this program runs as %d: it reads only its own user's settings", path, owner, user)
}
