package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ALBKeyEndpoint returns the address under which a load balancer's public keys
// are, one document a key id, from the balancer's ARN,
// arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
func ALBKeyEndpoint(arn string) (string, error) {
	wrong := func(why string) (string, error) {
		return "", fmt.Errorf("the load balancer's ARN %s %s: want arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID", quote(arn), why)
	}
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "elasticloadbalancing" {
		return wrong("is none of Elastic Load Balancing")
	}
	partition, region, account, resource := parts[1], parts[3], parts[4], parts[5]
	switch name := strings.Split(resource, "/"); {
	case !isRegion(region):
		return wrong("names no region")
	case len(account) != 12 || strings.Trim(account, "0123456789") != "":
		return wrong("names no account of 12 digits")
	case len(name) != 4 || name[0] != "loadbalancer" || name[1] != "app" || name[2] == "" || name[3] == "":
		return wrong("names no application load balancer")
	}
	switch partition {
	case "aws":
		return "https://public-keys.auth.elb." + region + ".amazonaws.com", nil
	case "aws-us-gov":
		return "https://s3-" + region + ".amazonaws.com/aws-elb-public-keys-prod-" + region, nil
	}
	return "", fmt.Errorf("where load balancers of the partition %s publish their keys is not documented: give the address yourself", quote(partition))
}

// isRegion keeps what goes into a host name to what regions are written with:
// us-east-1, us-gov-west-1.
func isRegion(s string) bool {
	return strings.Count(s, "-") >= 2 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-' && s[len(s)-1] != '-'
}

// ALBKeys are the public keys of the Application Load Balancers of a region,
// each a PEM document of its own at Endpoint/KID. They are looked up, kept and
// shared as RemoteKeys does it, and a key id that leads nowhere keeps all other
// unknown ones from being looked up for ten seconds. ALBKeys is safe for
// concurrent use and must not be copied once used.
type ALBKeys struct {
	Endpoint string // as ALBKeyEndpoint returns it, or http on a loopback host
	Client   *http.Client
	Now      func() time.Time
	Load     func(url string) (Stored, bool)
	Store    func(url string, s Stored)
	Lock     func(ctx context.Context, url string) (unlock func(), err error)

	once sync.Once
	gate chan struct{} // one unknown key id at a time

	mu     sync.Mutex
	known  map[string]*RemoteKeys // those that led to a key
	paused time.Time              // when an id last led nowhere
	why    error                  // nil: there was no such key, or another process found it so
}

// Key returns the key with the id kid, a UUID. The error is as RemoteKeys has it.
func (a *ALBKeys) Key(ctx context.Context, kid string) (Key, error) {
	if a.Client == nil || a.Now == nil {
		return Key{}, errors.New("remote keys need an HTTP client and a clock")
	}
	if !isUUID(kid) { // it becomes a part of the address
		return Key{}, &UnknownKeyError{KeyID: kid, Source: a.Endpoint, Reason: "the key ids of load balancers are UUIDs"}
	}
	if remote := a.have(kid); remote != nil {
		return remote.Key(ctx, kid)
	}
	a.once.Do(func() { a.gate = make(chan struct{}, 1) })
	select {
	case a.gate <- struct{}{}:
		defer func() { <-a.gate }()
	case <-ctx.Done():
		return Key{}, fmt.Errorf("waiting for the keys of %s: %w", a.Endpoint, ctx.Err())
	}
	if remote := a.have(kid); remote != nil { // somebody looked it up meanwhile
		return remote.Key(ctx, kid)
	}
	return a.lookUp(ctx, kid)
}

// have returns a key's place if it is known to hold the key, in this process or
// among the stored copies.
func (a *ALBKeys) have(kid string) *RemoteKeys {
	a.mu.Lock()
	defer a.mu.Unlock()
	if remote := a.known[kid]; remote != nil {
		return remote
	}
	remote := a.remote(kid)
	if !remote.holds(kid) {
		return nil
	}
	a.keep(kid, remote)
	return remote
}

// maxBalancerKeys bounds how many keys are held: a region has a few at a time.
const maxBalancerKeys = 64

func (a *ALBKeys) keep(kid string, remote *RemoteKeys) {
	if a.known == nil || len(a.known) >= maxBalancerKeys {
		a.known = make(map[string]*RemoteKeys)
	}
	a.known[kid] = remote
}

// lookUp asks for a key that was never seen, unless the last such one led
// nowhere.
func (a *ALBKeys) lookUp(ctx context.Context, kid string) (Key, error) {
	switch wait, why := a.pause(); {
	case wait > 0 && why != nil:
		return Key{}, why
	case wait > 0:
		return Key{}, &UnknownKeyError{KeyID: kid, Source: a.Endpoint, Reason: "another key id led nowhere", Wait: wait}
	}
	remote := a.remote(kid)
	key, err := remote.Key(ctx, kid)
	a.mu.Lock()
	defer a.mu.Unlock()
	// UNCONFIRMED: which of the two statuses an unknown id gets (S3, behind some
	// of the addresses, says 403 where listing is not allowed).
	var status *statusError
	switch {
	case err == nil:
		a.keep(kid, remote)
		return key, nil
	case ctx.Err() != nil:
		return Key{}, err
	case !errors.As(err, &status) || status.status != http.StatusNotFound && status.status != http.StatusForbidden:
		a.paused, a.why = a.Now(), err
		return Key{}, err
	}
	a.paused, a.why = a.Now(), nil
	if a.Store != nil {
		a.Store(a.Endpoint, Stored{Fetched: a.paused, Paused: a.paused})
	}
	return Key{}, &UnknownKeyError{KeyID: kid, Source: a.Endpoint, Reason: fmt.Sprintf("it answered %d %s", status.status, http.StatusText(status.status)), Wait: penalty}
}

// pause is how long no unknown key id is looked up, for the sake of this process
// or of another, and why when that is not because there was no such key.
func (a *ALBKeys) pause() (time.Duration, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	last, why := heldKeys{Stored: Stored{Paused: a.paused}}, a.why
	if a.Load != nil {
		if s, ok := a.Load(a.Endpoint); ok && s.Paused.After(last.Paused) {
			last.Paused, why = s.Paused, nil
		}
	}
	return last.pause(a.Now()), why
}

func (a *ALBKeys) remote(kid string) *RemoteKeys {
	address := strings.TrimSuffix(a.Endpoint, "/") + "/" + kid
	return &RemoteKeys{
		URL: address, Client: a.Client, Now: a.Now, Load: a.Load, Store: a.Store, Lock: a.Lock,
		read: func(data []byte) (StaticKeys, error) { return parsePEM(data, kid, address) },
	}
}

// holds says whether the key can be had from what is at hand, be it past its
// time.
func (r *RemoteKeys) holds(kid string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loadOnce()
	return r.held.younger(r.ttl()+graceTTL, r.Now()) && r.held.has(kid)
}

// parsePEM reads the one key of a document, a SubjectPublicKeyInfo (RFC 5280
// section 4.1.2.7), as the key kid for ES256.
func parsePEM(data []byte, kid, source string) (StaticKeys, error) {
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return StaticKeys{}, &FormatError{Source: source, Found: looksLike(data, errors.New("is no PEM")), Want: "a public key in PEM"}
	case block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "":
		return StaticKeys{}, &FormatError{Source: source, Found: "a PEM document of another kind", Want: "a public key in PEM"}
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return StaticKeys{}, &FormatError{Source: source, Found: "a PEM document that cannot be read", Want: "a public key in PEM"}
	}
	if _, ok := public.(*ecdsa.PublicKey); !ok {
		return StaticKeys{}, &FormatError{Source: source, Found: keyKind(public), Want: "a public key on P-256"}
	}
	return NewStaticKeys(source, Key{ID: kid, Algorithm: "ES256", Public: public}), nil
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		hex := '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !hex {
			return false
		}
	}
	return true
}
