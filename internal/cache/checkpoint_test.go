package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCheckpoint(t *testing.T) {
	everyStorage(t, func(t *testing.T, o Options) {
		d := Open[string](o)
		if err := Checkpoint(t.Context(), "nowhere"); err != nil {
			t.Errorf("outside of a change: %v", err)
		}
		if _, err := d.Update(t.Context(), "aa", give("old")); err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		for _, outcome := range []error{nil, refused, Remember(refused)} {
			value, err := d.Update(t.Context(), "aa", func(ctx context.Context, old string, _ bool) (string, error) {
				if err := Checkpoint(ctx, old+", begun"); err != nil {
					t.Error(err)
				}
				if err := Checkpoint(ctx, 7); err != nil { // of another type
					t.Error(err)
				}
				wantStored(t, d, "aa", old+", begun")
				return "new", outcome
			})
			if value != "new" || (err != nil) != (outcome != nil) {
				t.Errorf("%q, %v", value, err)
			}
			if outcome == refused {
				wantStored(t, d, "aa", "new, begun")
			} else {
				wantStored(t, d, "aa", "new")
			}
		}
		// The first value of a key may be a note as well; a forgotten one is gone.
		_, err := d.Update(t.Context(), "bb", func(ctx context.Context, _ string, _ bool) (string, error) {
			return "", Forget(Checkpoint(ctx, "begun"))
		})
		if _, found, readErr := d.Read("bb"); found || err != nil || readErr != nil {
			t.Errorf("%v, %v, %v", found, err, readErr)
		}
	})
}

// TestCheckpointConflict: what someone without the lock stored stays, and the
// change hears of it before it does what the note is about.
func TestCheckpointConflict(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions")
	d := Open[string](Options{Path: path, Now: at(noon)})
	if _, err := d.Update(t.Context(), "aa", give("one")); err != nil {
		t.Fatal(err)
	}
	_, err := d.Update(t.Context(), "aa", func(ctx context.Context, _ string, _ bool) (string, error) {
		writeRecord(t, path, "aa", 9, "theirs")
		err := Checkpoint(ctx, "begun")
		if _, ok := errors.AsType[*ConflictError](err); !ok {
			t.Errorf("%v", err)
		}
		return "", err
	})
	if _, ok := errors.AsType[*ConflictError](err); !ok {
		t.Errorf("%v", err)
	}
	wantStored(t, d, "aa", "theirs")
	// Someone who comes in after the note wins against the result.
	_, err = d.Update(t.Context(), "aa", func(ctx context.Context, _ string, _ bool) (string, error) {
		err := Checkpoint(ctx, "begun")
		writeRecord(t, path, "aa", 11, "theirs again")
		return "ours", err
	})
	if _, ok := errors.AsType[*ConflictError](err); !ok {
		t.Errorf("%v", err)
	}
	wantStored(t, d, "aa", "theirs again")
	// A file that was removed is not made again.
	_, err = d.Update(t.Context(), "aa", func(ctx context.Context, _ string, _ bool) (string, error) {
		if err := os.Remove(filepath.Join(path, "aa.json")); err != nil {
			t.Error(err)
		}
		return "", Checkpoint(ctx, "begun")
	})
	if _, found, _ := d.Read("aa"); found || !errors.Is(err, errRemoved) {
		t.Errorf("found %v, %v", found, err)
	}
	if _, ok := errors.AsType[*SaveError](err); ok {
		t.Error("a note that was not saved is told as a value that was had")
	}
}

// TestCheckpointIsNoResult: who waits with a margin does not take the note of a
// change for what the change comes to.
func TestCheckpointIsNoResult(t *testing.T) {
	everyStorageTimed(t, func(t *testing.T, o Options) {
		d := Open[token](o)
		ending := token{Text: "ending", Until: noon.Add(30 * time.Second)}
		if _, err := d.Update(t.Context(), "aa", give(ending)); err != nil {
			t.Fatal(err)
		}
		held, done := make(chan struct{}), make(chan struct{})
		source := Cached(d, "aa", time.Minute, func(ctx context.Context, old token, _ bool) (token, error) {
			close(held)
			time.Sleep(50 * time.Millisecond) // the waiter reads the old value and waits
			if err := Checkpoint(ctx, old); err != nil {
				t.Error(err)
			}
			time.Sleep(200 * time.Millisecond) // and sees the note
			return token{Text: "new", Until: noon.Add(time.Hour)}, nil
		})
		go func() {
			defer close(done)
			if _, err := source(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		<-held
		value, err := Cached(d, "aa", time.Minute, func(context.Context, token, bool) (token, error) {
			t.Error("renewed twice")
			return token{}, nil
		})(t.Context())
		if err != nil || value.Text != "new" {
			t.Errorf("%q, %v", value.Text, err)
		}
		<-done
	})
}
