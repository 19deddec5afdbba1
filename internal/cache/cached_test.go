package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// counted is a renewal that counts and gives a value good for a time.
func counted(count *atomic.Int64, text string, until time.Time) func(context.Context, token, bool) (token, error) {
	return func(context.Context, token, bool) (token, error) {
		count.Add(1)
		return token{Text: text, Until: until}, nil
	}
}

func TestCachedMargin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		left    time.Duration // of the stored value, beyond now
		renewed bool
	}{
		"long before":         {time.Hour, false},
		"just outside":        {time.Minute + time.Second, false},
		"exactly the margin":  {time.Minute, true},
		"inside":              {59 * time.Second, true},
		"expired":             {-time.Second, true},
		"never good":          {-1 << 62, true},
		"expires this moment": {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			everyStorage(t, func(t *testing.T, o Options) {
				d := Open[token](o)
				if _, err := d.Update(t.Context(), "aa", give(token{Text: "stored", Until: noon.Add(test.left)})); err != nil {
					t.Fatal(err)
				}
				var renewals atomic.Int64
				source := Cached(d, "aa", time.Minute, counted(&renewals, "renewed", noon.Add(time.Hour)))
				want := "stored"
				if test.renewed {
					want = "renewed"
				}
				for range 2 {
					if value, err := source(t.Context()); err != nil || value.Text != want {
						t.Errorf("%q, %v, want %q", value.Text, err, want)
					}
				}
				if (renewals.Load() == 1) != test.renewed {
					t.Errorf("%d renewals", renewals.Load())
				}
			})
		})
	}
}

func TestCachedWithNothingStored(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		d := Open[token](o)
		down := errors.New("server is down")
		value, err := Cached(d, "aa", time.Minute, fail(token{}, down))(t.Context())
		if err != down || value.Text != "" {
			t.Errorf("%v, %v", value, err)
		}
		if _, found, _ := d.Read("aa"); found {
			t.Error("a failed renewal was stored")
		}
	})
}

// TestOneRenewalForFiftyGoroutines uses two Dirs of one path, as two parts of
// one program may.
func TestOneRenewalForFiftyGoroutines(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		o.Wait = time.Minute
		dirs := []*Dir[token]{Open[token](o), Open[token](o)}
		if o.Path == "" {
			dirs = dirs[:1]
		}
		var renewals, inside atomic.Int64
		renew := func(context.Context, token, bool) (token, error) {
			if inside.Add(1) != 1 {
				t.Error("two renewals at once")
			}
			defer inside.Add(-1)
			time.Sleep(20 * time.Millisecond)
			renewals.Add(1)
			return token{Text: "renewed", Until: noon.Add(time.Hour)}, nil
		}
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				value, err := Cached(dirs[i%len(dirs)], "aa", time.Minute, renew)(context.Background())
				if err != nil || value.Text != "renewed" {
					t.Errorf("%v, %v", value, err)
				}
			})
		}
		all.Wait()
		if renewals.Load() != 1 {
			t.Errorf("%d renewals, want 1", renewals.Load())
		}
	})
}

// A server whose values live shorter than the margin would otherwise be asked
// once by every waiter.
func TestShortLivedValueIsSharedByWaiters(t *testing.T) {
	everyStorageTimed(t, func(t *testing.T, o Options) {
		d := Open[token](o)
		var renewals atomic.Int64
		waiting := make(chan struct{})
		renew := func(context.Context, token, bool) (token, error) {
			renewals.Add(1)
			<-waiting
			return token{Text: "short", Until: noon.Add(30 * time.Second)}, nil
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if value, err := Cached(d, "aa", time.Minute, renew)(context.Background()); err != nil || value.Text != "short" {
					t.Errorf("%v, %v", value, err)
				}
			})
		}
		time.Sleep(50 * time.Millisecond) // all have found nothing and wait
		close(waiting)
		all.Wait()
		if renewals.Load() != 1 {
			t.Errorf("%d renewals for 10 callers, want 1", renewals.Load())
		}
	})
}

// hog holds the lock of a key until the test ends.
func hog(t *testing.T, d *Dir[token], key string) {
	t.Helper()
	held, done := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_, _ = d.Update(context.Background(), key, func(_ context.Context, old token, _ bool) (token, error) {
			close(held)
			<-done
			return old, errors.New("nothing changed")
		})
	})
	t.Cleanup(func() { close(done); all.Wait() })
	<-held
}

func TestStuckHolder(t *testing.T) {
	everyStorageTimed(t, func(t *testing.T, o Options) {
		o.Wait = 50 * time.Millisecond
		d := Open[token](o)
		for key, left := range map[string]time.Duration{"aa": 30 * time.Second, "bb": -time.Second} {
			if _, err := d.Update(t.Context(), key, give(token{Text: "stored", Until: noon.Add(left)})); err != nil {
				t.Fatal(err)
			}
			hog(t, d, key)
		}
		var renewals atomic.Int64
		renew := counted(&renewals, "renewed", noon.Add(time.Hour))
		if value, err := Cached(d, "aa", time.Minute, renew)(t.Context()); err != nil || value.Text != "stored" {
			t.Errorf("inside the margin: %v, %v", value, err)
		}
		_, err := Cached(d, "bb", time.Minute, renew)(t.Context())
		if lock, ok := errors.AsType[*LockError](err); !ok || lock.Waited != o.Wait {
			t.Errorf("expired: %v", err)
		}
		if renewals.Load() != 0 {
			t.Error("renewed without the lock")
		}
	})
}

// A waiter that finds a good value returns although the lock is still held.
func TestWaiterReturnsWithoutTheLock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, waiterReturns)
}

func waiterReturns(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "sessions"), Now: at(noon), Wait: time.Minute}
	d := Open[token](o)
	if _, err := d.Update(t.Context(), "aa", give(token{Text: "expired", Until: noon})); err != nil {
		t.Fatal(err)
	}
	hog(t, d, "aa")
	go func() {
		time.Sleep(30 * time.Millisecond)
		writeRecord(t, o.Path, "aa", 7, token{Text: "stored by another", Until: noon.Add(time.Hour)})
	}()
	var renewals atomic.Int64
	start := time.Now()
	value, err := Cached(d, "aa", time.Minute, counted(&renewals, "renewed", noon.Add(time.Hour)))(t.Context())
	if err != nil || value.Text != "stored by another" || renewals.Load() != 0 {
		t.Errorf("%v, %v, %d renewals", value, err, renewals.Load())
	}
	if took := time.Since(start); took >= o.Wait {
		t.Errorf("it waited for the lock to the end, %v", took)
	}
}

func TestCachedDeliversWhatCouldNotBeSaved(t *testing.T) {
	t.Parallel()
	var warned warnings
	o := Options{Path: filepath.Join(t.TempDir(), "sessions"), Now: at(noon), Warn: warned.add}
	d := Open[token](o)
	source := Cached(d, "aa", time.Minute, func(context.Context, token, bool) (token, error) {
		loseTemp(t, o.Path)
		return token{Text: "renewed", Until: noon.Add(time.Hour)}, nil
	})
	if value, err := source(t.Context()); err != nil || value.Text != "renewed" {
		t.Errorf("%v, %v", value, err)
	}
	if warned.String() == "" {
		t.Error("the loss was not told")
	}
	refused := errors.New("refused")
	_, err := Cached(d, "aa", time.Minute, func(context.Context, token, bool) (token, error) {
		loseTemp(t, o.Path)
		return token{Text: "no good"}, Remember(refused)
	})(t.Context())
	if !errors.Is(err, refused) {
		t.Errorf("the renewal's own error is lost: %v", err)
	}
}

// TestValidValueDoesNotHideAFileSystem: what is still valid is used while another holds
// the lock, but not where there are no locks, or the trouble would never be told.
func TestValidValueDoesNotHideAFileSystem(t *testing.T) {
	t.Parallel()
	d := Open[token](Options{Path: filepath.Join(t.TempDir(), "s"), Now: at(noon)})
	if _, err := d.Update(t.Context(), "aa", give(token{Text: "stored", Until: noon.Add(30 * time.Second)})); err != nil {
		t.Fatal(err)
	}
	if value, err := settle(d, "aa", token{}, &LockError{Path: "x", Waited: time.Second}); err != nil || value.Text != "stored" {
		t.Errorf("held: %q, %v", value.Text, err)
	}
	if value, err := settle(d, "aa", token{}, &LockError{Path: "x", Err: syscall.ENOLCK}); err == nil {
		t.Errorf("no locks: %q", value.Text)
	}
}

// TestLimits are those that others rely on: who waits gives up after ten seconds, and
// who is stopped has ten for the save.
func TestLimits(t *testing.T) {
	t.Parallel()
	if d := Open[token](Options{Now: at(noon)}); d.options.Wait != 10*time.Second || d.options.Grace != 10*time.Second {
		t.Errorf("waits %v, grace %v", d.options.Wait, d.options.Grace)
	}
}

// TestSweepSparesTheLiving: a temp file of half an hour may have a writer.
func TestSweepSparesTheLiving(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, age := range []time.Duration{30 * time.Minute, 90 * time.Minute} {
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, "bb.json.0123456789abcdef.tmp")
		if err := os.WriteFile(name, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, noon.Add(-age), noon.Add(-age)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open[token](Options{Path: dir, Now: at(noon)}).Update(t.Context(), "aa", give(token{Text: "x"})); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(name); (err == nil) != (age < time.Hour) {
			t.Errorf("of %v: %v", age, err)
		}
	}
}
