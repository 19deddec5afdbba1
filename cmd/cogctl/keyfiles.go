package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/cogctl/cogctl/internal/atomicfile"
	"github.com/cogctl/cogctl/internal/jwt"
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

// maxKeySet bounds a stored key set, in bytes: what is fetched at most, and the
// line before it.
const maxKeySet = 1<<20 + 1<<10

func (k keyFiles) load(url string) ([]byte, time.Time, bool) {
	stored, ok := k.loadKeys(url)
	return stored.Data, stored.Fetched, ok
}

func (k keyFiles) store(url string, data []byte) {
	k.storeKeys(url, jwt.Stored{Data: data, Fetched: k.now()})
}

// A file is a line about the document, then the document as it came. The line
// has, between tabs, when it was fetched, when it was last asked for in vain (or
// nothing), and its ETag (or nothing).

func (k keyFiles) loadKeys(url string) (jwt.Stored, bool) {
	if k.path == "" {
		return jwt.Stored{}, false
	}
	dir, err := atomicfile.OpenExisting(k.path)
	if err != nil {
		return jwt.Stored{}, false
	}
	defer dir.Close()
	data, err := dir.Read(k.name(url), maxKeySet)
	line, rest, ok := strings.Cut(string(data), "\n")
	if err != nil || !ok {
		return jwt.Stored{}, false
	}
	about := append(strings.Split(line, "\t"), "", "")
	stored := jwt.Stored{Data: []byte(rest), ETag: about[2]}
	if stored.Fetched, err = time.Parse(time.RFC3339Nano, about[0]); err != nil {
		return jwt.Stored{}, false
	}
	if about[1] != "" {
		stored.Paused, err = time.Parse(time.RFC3339Nano, about[1])
	}
	return stored, err == nil
}

func (k keyFiles) storeKeys(url string, s jwt.Stored) {
	if k.path == "" {
		return
	}
	dir, err := atomicfile.OpenDir(k.path)
	if err != nil {
		return
	}
	defer dir.Close()
	paused := ""
	if !s.Paused.IsZero() {
		paused = s.Paused.UTC().Format(time.RFC3339Nano)
	}
	line := s.Fetched.UTC().Format(time.RFC3339Nano) + "\t" + paused + "\t" + s.ETag + "\n"
	_ = dir.Write(k.name(url), append([]byte(line), s.Data...))
}

// lockPoll is how often a lock that another process holds is tried.
const lockPoll = 20 * time.Millisecond

// lock keeps other processes from fetching the document too. The lock file stays:
// one that was removed keeps nobody out.
func (k keyFiles) lock(ctx context.Context, url string) (unlock func(), err error) {
	if k.path == "" {
		return nil, errors.New("there is no cache directory")
	}
	dir, err := atomicfile.OpenDir(k.path) // makes it, and refuses one where others can write
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	file, err := dir.OpenInPlace(k.lockName(url)) // makes it, and refuses what is no plain file
	if err != nil {
		return nil, err
	}
	defer file.Close()
	l := flock.New(filepath.Join(k.path, k.lockName(url)))
	if ok, err := l.TryLockContext(ctx, lockPoll); !ok {
		return nil, cmp.Or(err, errors.New("another process holds the lock"))
	}
	return func() { _ = l.Unlock() }, nil
}

func (k keyFiles) lockName(url string) string {
	return strings.TrimSuffix(k.name(url), k.suffix) + ".lock"
}

func (k keyFiles) name(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16]) + k.suffix
}
