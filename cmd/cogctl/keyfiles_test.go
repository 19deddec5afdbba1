package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

func newKeyFiles(t *testing.T) keyFiles {
	return keyFiles{path: filepath.Join(t.TempDir(), "jwks"), suffix: ".jwks", now: time.Now}
}

func TestKeyFilesRoundTrip(t *testing.T) {
	t.Parallel()
	files, url := newKeyFiles(t), "https://a.example/jwks.json"
	if _, ok := files.loadKeys(url); ok {
		t.Error("something out of nothing")
	}
	at := time.Date(2026, 11, 21, 5, 3, 2, 123456789, time.UTC)
	for _, want := range []jwt.Stored{
		{Data: []byte("{\n\t}\n"), Fetched: at},
		{Data: []byte("{}"), Fetched: at, ETag: `W/"a b"`},
		{Data: nil, Fetched: at, ETag: `"x"`, Paused: at.Add(3 * time.Nanosecond)},
		{Data: []byte("{}"), Fetched: at, Paused: at},
		{Data: []byte(strings.Repeat(" ", 1<<20)), Fetched: at, ETag: strings.Repeat("e", 256), Paused: at},
	} {
		files.storeKeys(url, want)
		got, ok := files.loadKeys(url)
		if !ok || string(got.Data) != string(want.Data) || !got.Fetched.Equal(want.Fetched) || got.ETag != want.ETag || !got.Paused.Equal(want.Paused) {
			t.Errorf("stored %.200v, loaded %.200v, %v", want, got, ok)
		}
	}
	name := filepath.Join(files.path, files.name(url))
	for text, want := range map[string]bool{
		"2026-11-21T05:03:02Z\n{}":          true, // as it was before there were ETags
		"2026-11-21T05:03:02Z\t\t\n{}":      true,
		"2026-11-21T05:03:02Z\tnever\t\n{}": false,
		"yesterday\t\t\n{}":                 false,
		"2026-11-21T05:03:02Z":              false,
		"":                                  false,
		strings.Repeat("x", 3<<20):          false,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := files.loadKeys(url); ok != want || ok && string(got.Data) != "{}" {
			t.Errorf("%.40q: %v %.40v", text, ok, got)
		}
	}
}

// TestKeyFilesShared: forty processes that start at once fetch a set once, and
// again once for all the kids that it does not have.
func TestKeyFilesShared(t *testing.T) {
	t.Parallel()
	signer, err := jwt.NewSigner(nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := jwt.MarshalKeys(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	var fetches atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		time.Sleep(50 * time.Millisecond)
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	files := newKeyFiles(t)
	rush := func(kid string, known bool) {
		var group sync.WaitGroup
		for range 40 {
			group.Go(func() {
				keys := &jwt.RemoteKeys{URL: server.URL, Client: server.Client(), Now: time.Now, Load: files.loadKeys, Store: files.storeKeys, Lock: files.lock}
				if _, err := keys.Key(t.Context(), kid); known != (err == nil) {
					t.Errorf("%s: %v", kid, err)
				}
			})
		}
		group.Wait()
	}
	rush(signer.KeyID, true)
	if got := fetches.Load(); got != 1 {
		t.Errorf("%d fetches", got)
	}
	rush("forged", false)
	if got := fetches.Load(); got != 2 {
		t.Errorf("%d fetches", got)
	}
}

func TestKeyFilesLock(t *testing.T) {
	t.Parallel()
	files, url := newKeyFiles(t), "https://a.example/jwks.json"
	unlock, err := files.lock(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := files.lock(ctx, url); err == nil {
		t.Error("two hold the lock")
	}
	other, err := files.lock(t.Context(), "https://b.example/jwks.json")
	if err != nil {
		t.Errorf("one issuer's lock is in the way of another's: %v", err)
	} else {
		other()
	}
	unlock()
	if again, err := files.lock(t.Context(), url); err != nil {
		t.Error(err)
	} else {
		again()
	}
	entries, err := os.ReadDir(files.path)
	if err != nil || len(entries) != 2 || !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == files.lockName(url) }) {
		t.Errorf("the lock files do not stay: %v %v", entries, err)
	}
	// No cache, or one that others can write, is no lock.
	if _, err := (keyFiles{}).lock(t.Context(), url); err == nil {
		t.Error("a lock without a directory")
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(files.path, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := files.lock(t.Context(), url); err == nil {
		t.Error("a lock where anybody can write")
	}
	files.storeKeys(url, jwt.Stored{Data: []byte("{}"), Fetched: time.Now()})
	if _, ok := files.loadKeys(url); ok {
		t.Error("keys from where anybody can write")
	}
}
