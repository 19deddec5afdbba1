package main

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/atomicfile"
)

// keyFiles keeps key sets on disk between runs. It is only a cache: whatever
// goes wrong with it costs a fetch and nothing else.
type keyFiles struct {
	path string
	now  func() time.Time
}

func (a *app) keyFiles() keyFiles {
	dir, err := a.cacheDir()
	if err != nil {
		return keyFiles{}
	}
	return keyFiles{path: filepath.Join(dir, "jwks"), now: a.now}
}

// maxKeySet bounds a stored key set, in bytes.
const maxKeySet = 1 << 20

func (k keyFiles) load(url string) ([]byte, time.Time, bool) {
	if k.path == "" {
		return nil, time.Time{}, false
	}
	dir, err := atomicfile.OpenExisting(k.path)
	if err != nil {
		return nil, time.Time{}, false
	}
	defer dir.Close()
	data, err := dir.Read(fileName(url), maxKeySet)
	stamp, rest, ok := strings.Cut(string(data), "\n")
	fetched, malformed := time.Parse(time.RFC3339, stamp)
	if err != nil || !ok || malformed != nil {
		return nil, time.Time{}, false
	}
	return []byte(rest), fetched, true
}

func (k keyFiles) store(url string, data []byte) {
	if k.path == "" {
		return
	}
	dir, err := atomicfile.OpenDir(k.path)
	if err != nil {
		return
	}
	defer dir.Close()
	_ = dir.Write(fileName(url), append([]byte(k.now().UTC().Format(time.RFC3339)+"\n"), data...))
}

func fileName(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16]) + ".jwks"
}
