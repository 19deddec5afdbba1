package jwt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	defaultTTL   = time.Hour
	graceTTL     = 24 * time.Hour   // how long past their time keys serve while no newer ones can be had
	penalty      = 10 * time.Second // between fetches that brought nothing
	fetchTimeout = 10 * time.Second
	clockSlip    = 5 * time.Minute // a copy dated later than this from now is not believed
)

// RemoteKeys is the JWK set at a URL: the jwks_uri of an issuer, for Cognito
// https://cognito-idp.REGION.amazonaws.com/POOL/.well-known/jwks.json. It is
// safe for concurrent use and must not be copied once used.
//
// The set is fetched at the first need and again after TTL. A kid it does not
// have makes it fetched once more, since issuers rotate their keys; then an
// unknown kid is refused for ten seconds without asking, so that forged tokens
// cannot be used to hammer the issuer (aws-jwt-verify behaves the same way). At
// any time one fetch is under way at most, and all who wait share its answer.
//
// While the issuer cannot be reached, keys serve until 24 hours past their time.
type RemoteKeys struct {
	URL    string           // https, or http to a loopback host
	Client *http.Client     // its redirect policy is replaced: at most 2, to the same origin
	Now    func() time.Time // the local clock

	// Load and Store, when set, keep a copy across processes. Load returns the
	// last stored bytes and when they were fetched; it is called once. Store is
	// called after each fetch, before its keys are handed out. What Load returns
	// is trusted like a fetched set, so the copy must be the user's own.
	Load  func(url string) (data []byte, fetched time.Time, ok bool)
	Store func(url string, data []byte)

	TTL time.Duration // how long a set is good without a look at the issuer; 0 means one hour

	mu      sync.Mutex
	loaded  bool
	held    *heldKeys // the last good set, nil before the first
	flight  *flight   // the fetch under way, or nil
	pause   time.Time // until then no fetch, as long as held can serve
	failure error     // why the last fetch failed; nil after a good one
}

// heldKeys is a set and when it was fetched.
type heldKeys struct {
	set     StaticKeys
	fetched time.Time
}

// younger says whether the set is there and was fetched less than d ago.
func (h *heldKeys) younger(d time.Duration, now time.Time) bool {
	if h == nil {
		return false
	}
	age := now.Sub(h.fetched)
	return -clockSlip <= age && age < d
}

// flight is one fetch that any number of callers wait for.
type flight struct {
	wanted []string // the kids they look for
	done   chan struct{}
	keys   *heldKeys // what to serve from afterwards; nil: nothing, see err
	err    error     // the fetch's failure
	wait   time.Duration
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
	return f.keys.answer(kid, f.wait, f.err)
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
	// The pause counts only on this side of the clock's jumps.
	if wait := r.pause.Sub(now); 0 < wait && wait <= penalty && r.held.younger(ttl+graceTTL, now) {
		key, err := r.held.answer(kid, wait, r.failure)
		return key, nil, err
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
func (h *heldKeys) answer(kid string, wait time.Duration, failure error) (Key, error) {
	if key, ok := h.set.keys[kid]; ok {
		return key, nil
	}
	unknown := h.set.unknown(kid)
	if failure != nil {
		// Not an UnknownKeyError: whether the issuer has the key is not known.
		return Key{}, fmt.Errorf("%s as of %s, and newer keys could not be had: %w", unknown.Error(), instant(h.fetched), failure)
	}
	unknown.Wait = wait
	return Key{}, unknown
}

// loadOnce takes over the stored copy; one that cannot be read is as good as
// none.
func (r *RemoteKeys) loadOnce() {
	if r.loaded || r.Load == nil {
		return
	}
	r.loaded = true
	if _, err := keysURL(r.URL); err != nil {
		return // the fetch will say so
	}
	data, fetched, ok := r.Load(r.URL)
	if !ok {
		return
	}
	if set, _, err := ParseKeys(data, r.URL); err == nil {
		r.held = &heldKeys{set: set, fetched: fetched}
	}
}

// fly fetches and lands. It is not the caller's work alone, so it goes on when
// that caller gives up.
func (r *RemoteKeys) fly(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	data, err := Fetch(ctx, r.Client, "keys", r.URL)
	var set StaticKeys
	if err == nil {
		set, _, err = ParseKeys(data, r.URL)
		var format *FormatError
		if errors.As(err, &format) {
			format.Status = http.StatusOK
		}
	}
	if err == nil && r.Store != nil {
		r.Store(r.URL, data) // before anybody goes on: the process may end right after
	}
	r.land(f, set, err)
}

func (r *RemoteKeys) land(f *flight, set StaticKeys, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	r.flight, r.failure, f.err = nil, err, err
	brought := err == nil
	if err == nil {
		r.held = &heldKeys{set: set, fetched: now}
		for _, kid := range f.wanted {
			if _, ok := set.keys[kid]; !ok {
				brought = false
			}
		}
	}
	if !brought {
		r.pause, f.wait = now.Add(penalty), penalty
	}
	if r.held.younger(r.ttl()+graceTTL, now) {
		f.keys = r.held
	}
	close(f.done)
}

func (r *RemoteKeys) ttl() time.Duration {
	if r.TTL > 0 {
		return r.TTL
	}
	return defaultTTL
}
