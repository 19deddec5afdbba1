package main

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"time"

	"github.com/cogctl/cogctl/internal/atomicfile"
)

// warnDaily prints a warning that would be the same at each run at most once a
// day: a job that runs every minute has a log to keep readable. Where the day
// cannot be noted it is printed each time.
func (a *app) warnDaily(text string) {
	cacheDir, err := a.cacheDir()
	if err != nil {
		a.warn(text)
		return
	}
	dir, err := atomicfile.OpenDir(filepath.Join(cacheDir, "warned"))
	if err != nil {
		a.warn(text)
		return
	}
	defer dir.Close()
	sum := sha256.Sum256([]byte(text))
	name := hex.EncodeToString(sum[:8])
	if data, err := dir.Read(name, 64); err == nil {
		last, err := time.Parse(time.RFC3339, string(data))
		if age := a.now().Sub(last); err == nil && age >= 0 && age < 24*time.Hour {
			return
		}
	}
	a.warn(text)
	_ = dir.Write(name, []byte(a.now().UTC().Format(time.RFC3339)))
}
