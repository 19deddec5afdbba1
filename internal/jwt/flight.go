package jwt

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// flight is one fetch that any number of callers wait for.
type flight struct {
	wanted []string // the kids they look for
	done   chan struct{}
	keys   *heldKeys // what to serve from afterwards; nil: nothing, see err
	err    error     // the fetch's failure
	wait   time.Duration
}

// fly fetches and lands. It is not the caller's work alone, so it goes on when
// that caller gives up.
func (r *RemoteKeys) fly(ctx context.Context, f *flight) {
	ctx = context.WithoutCancel(ctx)
	unlock := r.exclusive(ctx)
	defer unlock()
	if r.spared(f) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	r.land(f, r.fetch(ctx))
}

// exclusive keeps other processes from fetching the same set, if it can.
func (r *RemoteKeys) exclusive(ctx context.Context) (unlock func()) {
	nothing := func() {}
	if _, err := keysURL(r.URL); err != nil || r.Lock == nil {
		return nothing
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	unlock, err := r.Lock(ctx, r.URL)
	if err != nil {
		return nothing // it costs a fetch that another process makes as well
	}
	return unlock
}

// spared lands with what another process stored meanwhile, if that answers
// everybody who waits.
func (r *RemoteKeys) spared(f *flight) bool {
	stored := r.stored()
	if stored == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != nil && !stored.Fetched.After(r.held.Fetched) && !stored.Paused.After(r.held.Paused) {
		return false // our own
	}
	now := r.Now()
	good := stored.younger(r.ttl(), now) && stored.has(f.wanted...)
	if stored.younger(r.ttl()+graceTTL, now) {
		f.wait = stored.pause(now)
	}
	if !good && f.wait == 0 {
		return false
	}
	r.held, r.flight, f.keys = stored, nil, stored
	close(f.done)
	return true
}

// fetched is what a fetch brought: err, or data with the set in it, or the word
// that the set held is still right.
type fetched struct {
	document
	set StaticKeys
	err error
}

func (r *RemoteKeys) fetch(ctx context.Context) fetched {
	etag := ""
	r.mu.Lock()
	if r.held != nil {
		etag = r.held.ETag
	}
	r.mu.Unlock()
	var got fetched
	got.document, got.err = fetchDocument(ctx, r.Client, wanted{"keys", r.URL, etag})
	if got.err != nil || got.unchanged {
		return got
	}
	got.set, got.err = r.parse(got.data)
	var format *FormatError
	if errors.As(got.err, &format) {
		format.Status = http.StatusOK
	}
	return got
}

// land takes over what a fetch brought and stores it before anybody goes on: the
// process may end right after.
func (r *RemoteKeys) land(f *flight, got fetched) {
	r.mu.Lock()
	now := r.Now()
	early := r.held.younger(r.ttl(), now) // so it was an unknown kid that made us ask
	held := r.next(got, now)
	if held != nil && (got.err != nil || !held.has(f.wanted...) || early && now.Sub(r.turned) < penalty) {
		held.Paused, f.wait = now, penalty
	}
	if early {
		r.turned = now
	}
	if held.younger(r.ttl()+graceTTL, now) {
		f.keys = held
	} else if got.err != nil {
		r.failed = heldKeys{Stored: Stored{Paused: now}, failure: got.err}
	}
	r.held, r.flight, f.err = held, nil, got.err
	r.mu.Unlock()
	if held != nil && r.Store != nil {
		r.Store(r.URL, held.Stored)
	}
	close(f.done)
}

// next is what is held after a fetch.
func (r *RemoteKeys) next(got fetched, now time.Time) *heldKeys {
	switch {
	case got.err == nil && got.unchanged:
		return &heldKeys{Stored: Stored{Data: r.held.Data, Fetched: now, ETag: r.held.ETag}, set: r.held.set}
	case got.err == nil:
		return &heldKeys{Stored: Stored{Data: got.data, Fetched: now, ETag: got.etag}, set: got.set}
	case r.held == nil:
		return nil
	}
	return &heldKeys{Stored: r.held.Stored, set: r.held.set, failure: got.err}
}
