//go:build !windows

package request

import (
	"errors"
	"os"
)

// createUnnamed makes a file for this user only, without a name.
func createUnnamed(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "cogctl-body-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
