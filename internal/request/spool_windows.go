package request

import (
	"crypto/rand"
	"os"
	"path/filepath"
)

// Flags of CreateFile (fileapi.h), which os.OpenFile hands on.
const (
	fileAttributeTemporary = 0x00000100
	fileFlagDeleteOnClose  = 0x04000000
)

// createUnnamed makes a file that Windows deletes when it is closed, also by the
// end of the process.
func createUnnamed(dir string) (*os.File, error) {
	name := filepath.Join(dir, "cogctl-body-"+rand.Text())
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|fileAttributeTemporary|fileFlagDeleteOnClose, 0o600)
}
