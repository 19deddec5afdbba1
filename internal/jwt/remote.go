package jwt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	defaultTTL   = time.Hour
	graceTTL     = 24 * time.Hour   // how long past their time keys serve while no newer ones can be had
	penalty      = 10 * time.Second // between fetches that brought nothing
	fetchTimeout = 10 * time.Second
	lockWait     = 5 * time.Second // for a process that fetches the same set
	clockSlip    = 5 * time.Minute // a copy dated later than this from now is not believed
)

// RemoteKeys is the JWK set at a URL: the jwks_uri of an issuer, for Cognito
// https://cognito-idp.REGION.amazonaws.com/POOL/.well-known/jwks.json. It is
// safe for concurrent use and must not be copied once used.
//
// The set is fetched at the first need and again after TTL. A kid it does not
// have makes it fetched once more, since issuers rotate their keys; then an
// unknown kid is refused for ten seconds without asking, so that forged tokens
// cannot be used to hammer the issuer (aws-jwt-verify behaves the same way), and
// so it is when two fetches within ten seconds brought two sets, each without the
// other's key. At any time one fetch is under way at most, and all who wait share its answer.
//
// While the issuer cannot be reached, keys serve until 24 hours past their time,
// and it is asked every ten seconds at most.
// What a server says about time (Date, Age, Expires, Cache-Control) counts for
// nothing: the local clock and TTL alone decide.
type RemoteKeys struct {
	URL    string           // https, or http to a loopback host
	Client *http.Client     // its redirect policy is replaced: at most 2, to the same origin
	Now    func() time.Time // the local clock

	// Load, Store and Lock, when set, share the set and the ten seconds' pause
	// between processes. Load returns what Store was last given; it is trusted like
	// a fetched set, so the copy must be the user's own. Store is called after each
	// fetch, before its keys are handed out. Lock makes one process at a time fetch;
	// it must give up when ctx ends, five seconds later at most, and when it fails
	// the set is fetched without it.
	Load  func(url string) (Stored, bool)
	Store func(url string, s Stored)
	Lock  func(ctx context.Context, url string) (unlock func(), err error)

	TTL time.Duration // how long a set is good without a look at the issuer; 0 means one hour

	read func(data []byte) (StaticKeys, error) // nil: a JWK set

	mu     sync.Mutex
	loaded bool
	held   *heldKeys // the last good set, nil before the first
	flight *flight   // the fetch under way, or nil
	failed heldKeys  // when and why a fetch failed that left nothing to serve from
	turned time.Time // when an unknown kid last made a set be replaced before its time
}

// Stored is the document of an issuer as it is kept between processes.
type Stored struct {
	Data    []byte
	Fetched time.Time // when the issuer last gave or confirmed it
	ETag    string    // what the issuer called this version (RFC 9110 section 8.8.3); may be empty
	// Paused is when the issuer was last asked in vain, zero for never. It equals
	// Fetched when the answer lacked the key that was looked for, and is later when
	// there was no answer.
	Paused time.Time
}

// heldKeys is a set and where it came from; it does not change.
type heldKeys struct {
	Stored
	set     StaticKeys
	failure error // why the last fetch failed; nil after a good one
}

var errElsewhere = errors.New("another process asked a moment ago and could not get them")

func newHeld(s Stored, set StaticKeys) *heldKeys {
	h := &heldKeys{Stored: s, set: set}
	if s.Paused.After(s.Fetched) {
		h.failure = errElsewhere
	}
	return h
}

// younger says whether the set is there and was fetched less than d ago.
func (h *heldKeys) younger(d time.Duration, now time.Time) bool {
	if h == nil {
		return false
	}
	age := now.Sub(h.Fetched)
	return -clockSlip <= age && age < d
}

// pause is how long the issuer is still not asked. It counts only on this side
// of the clock's jumps.
func (h *heldKeys) pause(now time.Time) time.Duration {
	if wait := h.Paused.Add(penalty).Sub(now); 0 < wait && wait <= penalty {
		return wait
	}
	return 0
}

// has says whether the set has all of the keys.
func (h *heldKeys) has(kids ...string) bool {
	return !slices.ContainsFunc(kids, func(kid string) bool {
		_, ok := h.set.keys[kid]
		return !ok
	})
}

// Key returns the key with the id kid. The error is an *UnknownKeyError when an
// up-to-date set does not have it; a *FormatError or another one when no
// set could be had.
func (r *RemoteKeys) Key(ctx context.Context, kid string) (Key, error) {
	if r.Client == nil || r.Now == nil {
		return Key{}, errors.New("remote keys need an HTTP client and a clock")
	}
	key, f, err := r.atHand(ctx, kid)
	if f == nil {
		return key, err
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		if u, err := keysURL(r.URL); err == nil {
			return Key{}, fmt.Errorf("waiting for the keys of %s: %w", u, ctx.Err())
		}
		return Key{}, ctx.Err()
	}
	if f.keys == nil {
		return Key{}, f.err
	}
	return f.keys.answer(kid, f.wait)
}

// Dropped says why keys of the set at hand are not usable; nil before the first
// use.
func (r *RemoteKeys) Dropped() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		return nil
	}
	return r.held.set.dropped
}

// atHand answers from the set held, or returns the fetch to wait for.
func (r *RemoteKeys) atHand(ctx context.Context, kid string) (Key, *flight, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	r.loadOnce()
	ttl := r.ttl()
	if r.held.younger(ttl, now) {
		if key, ok := r.held.set.keys[kid]; ok {
			return key, nil, nil
		}
	}
	if r.held.younger(ttl+graceTTL, now) {
		if wait := r.held.pause(now); wait > 0 {
			key, err := r.held.answer(kid, wait)
			return key, nil, err
		}
	}
	if r.failed.pause(now) > 0 {
		return Key{}, nil, r.failed.failure
	}
	if r.flight == nil {
		r.flight = &flight{done: make(chan struct{})}
		go r.fly(ctx, r.flight)
	}
	r.flight.wanted = append(r.flight.wanted, kid)
	return Key{}, r.flight, nil
}

// answer looks kid up in a set behind which no newer one can be had now, be it
// because it is new (failure nil) or because the last fetch failed.
func (h *heldKeys) answer(kid string, wait time.Duration) (Key, error) {
	if key, ok := h.set.keys[kid]; ok {
		return key, nil
	}
	unknown := h.set.unknown(kid)
	if h.failure != nil {
		// Not an UnknownKeyError: whether the issuer has the key is not known.
		return Key{}, fmt.Errorf("%s as of %s, and newer keys could not be had: %w", unknown.Error(), instant(h.Fetched), h.failure)
	}
	unknown.Wait = wait
	return Key{}, unknown
}

// loadOnce takes over the stored copy; one that cannot be read is as good as
// none.
func (r *RemoteKeys) loadOnce() {
	if r.loaded {
		return
	}
	r.loaded = true
	if stored := r.stored(); stored != nil {
		r.held = stored
	}
}

// stored reads the copy, nil when there is none.
func (r *RemoteKeys) stored() *heldKeys {
	if r.Load == nil {
		return nil
	}
	if _, err := keysURL(r.URL); err != nil {
		return nil // the fetch will say so
	}
	s, ok := r.Load(r.URL)
	if !ok {
		return nil
	}
	set, err := r.parse(s.Data)
	if err != nil {
		return nil
	}
	return newHeld(s, set)
}

func (r *RemoteKeys) parse(data []byte) (StaticKeys, error) {
	if r.read != nil {
		return r.read(data)
	}
	set, _, err := ParseKeys(data, r.URL)
	return set, err
}

func (r *RemoteKeys) ttl() time.Duration {
	if r.TTL > 0 {
		return r.TTL
	}
	return defaultTTL
}
