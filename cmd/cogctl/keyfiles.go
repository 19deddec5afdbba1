package main

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/atomicfile"
)

// keyFiles keeps key sets, and other public documents of issuers, on disk between
// runs. It is only a cache: whatever goes wrong with it costs a fetch and nothing
// else.
type keyFiles struct {
	path   string
	suffix string // of the files' names
	now    func() time.Time
}

func (a *app) keyFiles() keyFiles {
	dir, err := a.cacheDir()
	if err != nil {
		return keyFiles{}
	}
	return keyFiles{path: filepath.Join(dir, "jwks"), suffix: ".jwks", now: a.now}
}

// discoveryFiles keeps discovery documents beside the key sets.
func (a *app) discoveryFiles() keyFiles {
	files := a.keyFiles()
	files.suffix = ".openid"
	return files
}

// forget drops a document that leads nowhere any more.
func (k keyFiles) forget(url string) {
	if k.path == "" {
		return
	}
	dir, err := atomicfile.OpenExisting(k.path)
	if err != nil {
		return
	}
	defer dir.Close()
	_ = dir.Remove(k.name(url))
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
	data, err := dir.Read(k.name(url), maxKeySet)
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
	_ = dir.Write(k.name(url), append([]byte(k.now().UTC().Format(time.RFC3339)+"\n"), data...))
}

func (k keyFiles) name(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16]) + k.suffix
}
