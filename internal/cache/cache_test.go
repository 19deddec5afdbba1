package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func at(when time.Time) func() time.Time { return func() time.Time { return when } }

// give is a change that makes value of whatever is stored.
func give[T any](value T) func(context.Context, T, bool) (T, error) {
	return func(context.Context, T, bool) (T, error) { return value, nil }
}

// fail is a change that gives value with an error.
func fail[T any](value T, err error) func(context.Context, T, bool) (T, error) {
	return func(context.Context, T, bool) (T, error) { return value, err }
}

// warnings collects what a Dir warns of.
type warnings struct {
	mutex sync.Mutex
	all   []string
}

func (w *warnings) add(s string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.all = append(w.all, s)
}

func (w *warnings) String() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return strings.Join(w.all, "\n")
}

func wantStored[T comparable](t *testing.T, d *Dir[T], key string, want T) {
	t.Helper()
	value, found, err := d.Read(key)
	if err != nil || !found || value != want {
		t.Errorf("stored: %v, %v, %v, want %v", value, found, err, want)
	}
}

// everyStorage runs a test on a directory and in memory.
func everyStorage(t *testing.T, test func(t *testing.T, o Options)) {
	t.Parallel()
	t.Run("directory", func(t *testing.T) {
		t.Parallel()
		test(t, Options{Path: filepath.Join(t.TempDir(), "new", "sessions"), Now: at(noon)})
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, Options{Now: at(noon)})
	})
}

// everyStorageTimed is everyStorage by a clock that stands while anything runs and
// jumps when all wait: how busy the machine is makes no difference to what is
// measured and to who comes first.
func everyStorageTimed(t *testing.T, test func(t *testing.T, o Options)) {
	everyStorage(t, func(t *testing.T, o Options) {
		synctest.Test(t, func(t *testing.T) { test(t, o) })
	})
}

func TestReadAndUpdate(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		d := Open[string](o)
		if _, found, err := d.Read("aa"); found || err != nil {
			t.Fatalf("before the first value: %v, %v", found, err)
		}
		if list, err := d.List(); len(list) != 0 || err != nil {
			t.Fatalf("before the first value: %v, %v", list, err)
		}
		if err := d.End(t.Context(), "aa"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(o.Path); o.Path != "" && !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("reading made the directory: %v", err)
		}
		value, err := d.Update(t.Context(), "aa", func(_ context.Context, old string, found bool) (string, error) {
			if found || old != "" {
				t.Errorf("first change of %q, %v", old, found)
			}
			return "one", nil
		})
		if value != "one" || err != nil {
			t.Fatalf("%q, %v", value, err)
		}
		_, err = d.Update(t.Context(), "aa", func(_ context.Context, old string, found bool) (string, error) {
			if !found || old != "one" {
				t.Errorf("second change of %q, %v", old, found)
			}
			return "two", nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wantStored(t, d, "aa", "two")
	})
}

func TestErrorsOfChange(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		d := Open[string](o)
		refused := errors.New("refused")
		if _, err := d.Update(t.Context(), "aa", give("one")); err != nil {
			t.Fatal(err)
		}
		if value, err := d.Update(t.Context(), "aa", fail("two", refused)); value != "two" || err != refused {
			t.Errorf("plain error: %q, %v", value, err)
		}
		wantStored(t, d, "aa", "one")
		if value, err := d.Update(t.Context(), "aa", fail("two", Remember(refused))); value != "two" || err != refused {
			t.Errorf("Remember: %q, %v", value, err)
		}
		wantStored(t, d, "aa", "two")
		if _, err := d.Update(t.Context(), "aa", fail("three", Remember(nil))); err != nil {
			t.Errorf("Remember(nil): %v", err)
		}
		wantStored(t, d, "aa", "three")
		if _, err := d.Update(t.Context(), "aa", fail("four", Forget(refused))); err != refused {
			t.Errorf("Forget: %v", err)
		}
		if _, found, err := d.Read("aa"); found || err != nil {
			t.Errorf("after Forget: %v, %v", found, err)
		}
		if _, err := d.Update(t.Context(), "aa", fail("five", Forget(nil))); err != nil {
			t.Errorf("Forget(nil) of nothing: %v", err)
		}
	})
}

func TestEndedIsKeptForADay(t *testing.T) {
	t.Parallel()
	now := time.Now() // the files' own times are the system's
	clock := now
	dir := filepath.Join(t.TempDir(), "sessions")
	d := Open[string](Options{Path: dir, Now: func() time.Time { return clock }})
	if _, err := d.Update(t.Context(), "aa", give("one")); err != nil {
		t.Fatal(err)
	}
	clock = now.Add(100 * time.Hour) // the session was saved long before it ended
	if _, err := d.Update(t.Context(), "aa", fail("", Forget(errors.New("revoked")))); err == nil {
		t.Fatal("no error")
	}
	ended := filepath.Join(dir, "aa.ended")
	for _, step := range []struct {
		hours int
		kept  bool
	}{{0, true}, {23, true}, {25, false}} {
		clock = now.Add(time.Duration(100+step.hours) * time.Hour)
		if _, err := d.Update(t.Context(), "bb", give("other")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(ended); (err == nil) != step.kept {
			t.Errorf("%d hours after the end: %v", step.hours, err)
		}
	}
}

func TestEndRemovesEverySecret(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sessions")
	d := Open[string](Options{Path: dir, Now: at(noon)})
	for _, key := range []string{"aa", "ab"} {
		if _, err := d.Update(t.Context(), key, give("secret")); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"aa.ended", "aa.json.corrupt-1", "aa.json.0123456789abcdef.tmp", "ab.ended"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time there is nothing to remove
		if err := d.End(t.Context(), "aa"); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), "aa.lock ab.ended ab.json ab.lock"; got != want || err != nil {
		t.Errorf("left: %s, %v, want %s", got, err, want)
	}
}

// TestEndThatFails: a secret that stays is told, and keeps no other one there.
func TestEndThatFails(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sessions")
	d := Open[string](Options{Path: dir, Now: at(noon)})
	if _, err := d.Update(t.Context(), "aa", give("secret")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "aa.ended", "x"), 0o700); err != nil { // which is no file to remove
		t.Fatal(err)
	}
	if err := d.End(t.Context(), "aa"); err == nil {
		t.Error("what stays is not told")
	}
	if _, err := os.Stat(filepath.Join(dir, "aa.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the secret beside it: %v", err)
	}
}

func TestList(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		d := Open[string](o)
		for _, key := range []string{"cc", "aa", "Ann@example.com"} {
			if _, err := d.Update(t.Context(), key, give("value of "+key)); err != nil {
				t.Fatal(err)
			}
		}
		list, err := d.List()
		if err != nil || len(list) != 3 {
			t.Fatalf("%v, %v", list, err)
		}
		for i, key := range []string{"Ann@example.com", "aa", "cc"} {
			if list[i].Key != key || list[i].Value != "value of "+key {
				t.Errorf("record %d: %v", i, list[i])
			}
		}
	})
}

// TestListUnreadable: what cannot be read is told, and hides nothing that can.
func TestListUnreadable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sessions")
	d := Open[string](Options{Path: dir, Now: at(noon)})
	for _, key := range []string{"aa", "bb", "cc"} {
		if _, err := d.Update(t.Context(), key, give(key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bb.json"), []byte(`{"version":99,"generation":1,"value":"bb"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := d.List()
	var newer *NewerError
	if !errors.As(err, &newer) || len(list) != 2 || list[0].Value != "aa" || list[1].Value != "cc" {
		t.Errorf("%v, %v", list, err)
	}
}

// TestEndIf: only the value that is meant is ended; another one stays and is told. What
// cannot be read may be that value.
func TestEndIf(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		d := Open[string](o)
		if _, err := d.Update(t.Context(), "aa", give("new")); err != nil {
			t.Fatal(err)
		}
		is := func(meant string) func(string) bool { return func(now string) bool { return now == meant } }
		if other, stays, err := d.EndIf(t.Context(), "aa", is("old")); other != "new" || !stays || err != nil {
			t.Errorf("another value: %q, stays %v, %v", other, stays, err)
		}
		wantStored(t, d, "aa", "new")
		if o.Path != "" {
			if err := os.WriteFile(filepath.Join(o.Path, "aa.json"), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, stays, err := d.EndIf(t.Context(), "aa", is("new")); stays || err != nil {
			t.Errorf("the value that is meant: stays %v, %v", stays, err)
		}
		if _, found, err := d.Read("aa"); found || err != nil {
			t.Errorf("found %v, %v", found, err)
		}
		if o.Path == "" {
			return
		}
		if entries, err := os.ReadDir(o.Path); len(entries) != 1 || err != nil {
			t.Errorf("left: %v, %v", entries, err)
		}
	})
}

func TestMemoryIsNotShared(t *testing.T) {
	t.Parallel()
	a, b := Open[[]string](Options{Now: at(noon)}), Open[[]string](Options{Now: at(noon)})
	value, err := a.Update(t.Context(), "aa", give([]string{"one"}))
	if err != nil {
		t.Fatal(err)
	}
	value[0] = "changed by its user"
	if stored, _, _ := a.Read("aa"); stored[0] != "one" {
		t.Errorf("the stored value is %v", stored)
	}
	if _, found, _ := b.Read("aa"); found {
		t.Error("two memories are one")
	}
}

func TestBadKeys(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		d := Open[string](o)
		for _, key := range []string{"", strings.Repeat("a", maxKey+1)} {
			if _, err := d.Update(t.Context(), key, give("x")); err == nil {
				t.Errorf("Update took key %q", key)
			}
			if _, _, err := d.Read(key); err == nil {
				t.Errorf("Read took key %q", key)
			}
			if err := d.End(t.Context(), key); err == nil {
				t.Errorf("End took key %q", key)
			}
		}
	})
}
