package request

import (
	"crypto/rand"
	"os"
	"path/filepath"
)

// deleteOnClose is CreateFile's FILE_FLAG_DELETE_ON_CLOSE (fileapi.h); os.OpenFile
// hands the upper bits of its flag on.
const deleteOnClose = 0x04000000

// createUnnamed makes a file that Windows deletes when it is closed, also by the
// end of the process.
func createUnnamed(dir string) (*os.File, error) {
	name := filepath.Join(dir, "cogctl-body-"+rand.Text())
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|deleteOnClose, 0o600)
}
