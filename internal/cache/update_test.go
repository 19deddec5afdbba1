package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/atomicfile"
)

// writeRecord stores a value as someone does who knows nothing of locks.
func writeRecord[T any](t *testing.T, path, key string, generation uint64, value T) {
	t.Helper()
	data, err := encode(envelope[T]{Generation: generation, Value: value})
	if err != nil {
		t.Error(err)
		return
	}
	dir, err := atomicfile.OpenDir(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer dir.Close()
	if err := dir.Write(fileName(key), data); err != nil {
		t.Error(err)
	}
}

// loseTemp makes the next rename fail.
func loseTemp(t *testing.T, path string) {
	t.Helper()
	temps, err := filepath.Glob(filepath.Join(path, "*.tmp"))
	if err != nil || len(temps) != 1 {
		t.Errorf("while a change runs, the prepared files are %v, %v", temps, err)
		return
	}
	if err := os.Remove(temps[0]); err != nil {
		t.Error(err)
	}
}

func TestPreparedBeforeTheChange(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions")
	d := Open[string](Options{Path: path, Now: at(noon)})
	_, err := d.Update(t.Context(), "aa", func(context.Context, string, bool) (string, error) {
		temps, err := filepath.Glob(filepath.Join(path, "*.tmp"))
		if err != nil || len(temps) != 1 {
			t.Fatalf("%v, %v", temps, err)
		}
		if info, err := os.Stat(temps[0]); err != nil || info.Size() < minRoom {
			t.Errorf("prepared: %v, %v", info, err)
		}
		return "", errors.New("no")
	})
	if err == nil {
		t.Error("no error")
	}
	if temps, _ := filepath.Glob(filepath.Join(path, "*.tmp")); len(temps) != 0 {
		t.Errorf("left: %v", temps)
	}
}

// TestStoppedBeforeTheChange: who is stopped when the lock is there, and nothing was
// done yet, has nothing done.
func TestStoppedBeforeTheChange(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	asked := 0
	d := Open[string](Options{Path: filepath.Join(t.TempDir(), "sessions"), Now: func() time.Time {
		if asked++; asked > 1 { // the first time is before the lock
			stop()
		}
		return noon
	}})
	_, err := d.Update(ctx, "aa", func(context.Context, string, bool) (string, error) {
		t.Error("the change was made")
		return "", nil
	})
	if !errors.Is(err, context.Canceled) || asked < 2 {
		t.Errorf("%v, the clock was asked %d times", err, asked)
	}
}

// TestWaitedBySetClocks: who waited while the clock was put back did not wait for less than no time.
func TestWaitedBySetClocks(t *testing.T) {
	t.Parallel()
	for _, passed := range []time.Duration{3 * time.Second, -time.Hour, time.Hour} {
		asked := 0
		d := Open[string](Options{Wait: 10 * time.Second, Now: func() time.Time {
			if asked++; asked == 1 { // before the lock
				return noon
			}
			return noon.Add(passed)
		}})
		var waited time.Duration
		_, err := d.Update(t.Context(), "aa", func(ctx context.Context, _ string, _ bool) (string, error) {
			waited = Waited(ctx)
			return "", nil
		})
		if want := min(max(passed, 0), 10*time.Second); err != nil || waited != want {
			t.Errorf("%v passed: %v waited (%v), want %v", passed, waited, err, want)
		}
	}
}

func TestSaveError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions")
	d := Open[string](Options{Path: path, Now: at(noon)})
	value, err := d.Update(t.Context(), "aa", func(context.Context, string, bool) (string, error) {
		loseTemp(t, path)
		return "fresh", nil
	})
	save, ok := errors.AsType[*SaveError](err)
	if value != "fresh" || !ok || !strings.HasPrefix(save.Error(), "save "+filepath.Join(path, "aa.json")) {
		t.Errorf("%q, %v", value, err)
	}
	refused := errors.New("refused")
	_, err = d.Update(t.Context(), "aa", func(context.Context, string, bool) (string, error) {
		loseTemp(t, path)
		return "fresh", Remember(refused)
	})
	if _, ok := errors.AsType[*SaveError](err); !ok || !errors.Is(err, refused) {
		t.Errorf("with Remember: %v", err)
	}
	huge := strings.Repeat("x", MaxSize)
	if value, err := d.Update(t.Context(), "aa", give(huge)); err == nil || value != huge {
		t.Errorf("a value that nobody would read back was saved: %v", err)
	}
}

func TestNewerGenerationIsKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions")
	d := Open[string](Options{Path: path, Now: at(noon)})
	if _, err := d.Update(t.Context(), "aa", give("one")); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	for name, outcome := range map[string]error{"save": nil, "remember": Remember(refused), "forget": Forget(refused)} {
		value, err := d.Update(t.Context(), "aa", func(_ context.Context, old string, _ bool) (string, error) {
			e, _ := d.read("aa")
			writeRecord(t, path, "aa", e.generation+1, "theirs for "+name)
			return "ours", outcome
		})
		conflict, ok := errors.AsType[*ConflictError](err)
		if value != "theirs for "+name || !ok || conflict.Found != conflict.Read+1 {
			t.Errorf("%s: %q, %v", name, value, err)
		}
		if outcome != nil && !errors.Is(err, refused) {
			t.Errorf("%s: the change's own error is lost: %v", name, err)
		}
		wantStored(t, d, "aa", "theirs for "+name)
	}
	// An older generation, as from a backup, gives way.
	_, err := d.Update(t.Context(), "aa", func(context.Context, string, bool) (string, error) {
		writeRecord(t, path, "aa", 1, "restored")
		return "ours", nil
	})
	if err != nil {
		t.Error(err)
	}
	wantStored(t, d, "aa", "ours")
}

func TestRemovedFileStaysRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions")
	d := Open[string](Options{Path: path, Now: at(noon)})
	if _, err := d.Update(t.Context(), "aa", give("one")); err != nil {
		t.Fatal(err)
	}
	value, err := d.Update(t.Context(), "aa", func(context.Context, string, bool) (string, error) {
		return "two", os.Remove(filepath.Join(path, "aa.json"))
	})
	if _, ok := errors.AsType[*SaveError](err); !ok || value != "two" {
		t.Errorf("%q, %v", value, err)
	}
	if _, found, err := d.Read("aa"); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}

type contextKey struct{}

func TestChangeOutlivesItsCaller(t *testing.T) {
	everyStorageTimed(t, func(t *testing.T, o Options) {
		o.Grace = 100 * time.Millisecond
		d := Open[string](o)
		ctx, cancel := context.WithCancel(context.WithValue(context.Background(), contextKey{}, "kept"))
		_, err := d.Update(ctx, "aa", func(running context.Context, _ string, _ bool) (string, error) {
			cancel()
			if running.Err() != nil || running.Value(contextKey{}) != "kept" {
				t.Errorf("the change's context: %v, %v", running.Err(), running.Value(contextKey{}))
			}
			if Caller(running).Err() == nil {
				t.Error("the caller's context did not end with it")
			}
			time.Sleep(o.Grace / 4)
			if running.Err() != nil {
				t.Errorf("the change's context ended with its caller: %v", running.Err())
			}
			return "saved", nil
		})
		if err != nil {
			t.Error(err)
		}
		wantStored(t, d, "aa", "saved")
		_, err = d.Update(ctx, "aa", func(context.Context, string, bool) (string, error) {
			t.Error("a change was begun for a caller that is gone")
			return "", nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		start := time.Now()
		_, err = d.Update(ctx, "aa", func(running context.Context, _ string, _ bool) (string, error) {
			cancel()
			<-running.Done()
			return "", running.Err()
		})
		if waited := time.Since(start); !errors.Is(err, context.Canceled) || waited != o.Grace {
			t.Errorf("after %v: %v", waited, err)
		}
		// A caller that is still there is worth waiting for.
		_, err = d.Update(t.Context(), "aa", func(running context.Context, _ string, _ bool) (string, error) {
			time.Sleep(2 * o.Grace)
			return "slow", running.Err()
		})
		if err != nil {
			t.Errorf("a slow change whose caller waits: %v", err)
		}
	})
}

// The last look at the context comes after the lock and the preparations.
func TestCancelBeforeTheChange(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d := Open[string](Options{Path: filepath.Join(t.TempDir(), "sessions"), Now: func() time.Time {
		cancel() // the clock is read for the note in the lock file
		return noon
	}})
	_, err := d.Update(ctx, "aa", func(context.Context, string, bool) (string, error) {
		t.Error("a change was begun for a caller that is gone")
		return "", nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestCancelWhileWaiting(t *testing.T) {
	everyStorageTimed(t, func(t *testing.T, o Options) {
		d := Open[token](o)
		hog(t, d, "aa")
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := d.Update(ctx, "aa", give(token{})); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Update: %v", err)
		}
		if err := d.End(ctx, "aa"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("End: %v", err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("giving up took %v", took)
		}
		// Another key is not in the way.
		if _, err := d.Update(t.Context(), "bb", give(token{})); err != nil {
			t.Error(err)
		}
	})
}

// TestNoUpdateIsLost counts up in parallel: a lost update shows in the sum.
func TestNoUpdateIsLost(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		o.Wait = time.Minute // on a disk that is slow to sync, forty saves take their time
		d := Open[int](o)
		const workers, rounds = 8, 5
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for range rounds {
					_, err := d.Update(context.Background(), "aa", func(_ context.Context, old int, _ bool) (int, error) {
						return old + 1, nil
					})
					if err != nil {
						t.Error(err)
					}
					if _, _, err := d.Read("aa"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		wantStored(t, d, "aa", workers*rounds)
	})
}

// What is said while the lock is held waits until it is free.
func TestWarningsComeWithoutTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions")
	var warned int
	var d *Dir[token]
	d = Open[token](Options{Path: path, Now: at(noon), Wait: 50 * time.Millisecond, Warn: func(string) {
		warned++
		if _, err := d.Update(context.Background(), "aa", give(token{Text: "by the warned"})); err != nil {
			t.Errorf("the lock is held: %v", err)
		}
	}})
	if _, err := d.Update(t.Context(), "aa", give(token{})); err != nil {
		t.Fatal(err)
	}
	for _, act := range []func(){
		func() { _, _, _ = d.Read("aa") },
		func() { _, _ = d.Update(context.Background(), "aa", give(token{Text: "new"})) },
	} {
		if err := os.WriteFile(filepath.Join(path, "aa.json"), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		act()
	}
	if warned != 2 {
		t.Errorf("%d warnings, want 2", warned)
	}
}

// TestWaited: a change knows how long others had the lock before it.
func TestWaited(t *testing.T) {
	everyStorageTimed(t, func(t *testing.T, o Options) {
		o.Now = time.Now
		d := Open[string](o)
		const held = 50 * time.Millisecond
		var first, second time.Duration
		begun := make(chan struct{})
		done := make(chan error)
		go func() {
			_, err := d.Update(context.Background(), "aa", func(ctx context.Context, _ string, _ bool) (string, error) {
				close(begun)
				first = Waited(ctx)
				time.Sleep(held)
				return "", nil
			})
			done <- err
		}()
		<-begun
		_, err := d.Update(t.Context(), "aa", func(ctx context.Context, _ string, _ bool) (string, error) {
			second = Waited(ctx)
			return "", nil
		})
		if err := errors.Join(err, <-done); err != nil {
			t.Fatal(err)
		}
		if first != 0 || second < held || second > held+2*lastPause || Waited(t.Context()) != 0 {
			t.Errorf("waited %v, then %v", first, second)
		}
	})
}
