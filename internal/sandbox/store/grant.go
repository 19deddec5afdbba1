package store

import (
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"time"
)

// Errors of refresh tokens beside ErrUnknown and ErrExpired.
var (
	ErrRevoked = errors.New("revoked")
	ErrReused  = errors.New("rotated away before") // RefreshTokenReuseException
)

// Grant is one sign-in: what all its tokens share through every refresh. It is
// named by the event_id claim, which tokens have also where the client has no
// token revocation and so no origin_jti.
type Grant struct {
	EventID   string
	OriginJTI string
	PoolID    string
	ClientID  string
	Username  string
	AuthTime  time.Time
	Expires   time.Time // of the refresh token; a rotated one gets no more than the rest of it
	Device    string    // the key of the device it belongs to, or ""
	Nonce     string    // for the ID token that is issued next; a stored grant has none
	OAuth     bool      // made by the OAuth endpoints: Scopes count
	Scopes    []string  // must not be changed
	Audience  string    // the aud of its access tokens, or ""
}

// Reveals says whether an attribute of the user may be told under this grant.
// The scopes email and phone bring their attribute and whether it is verified;
// profile, or openid with none of the three, brings all that the client can
// read (developer guide, "Scopes, M2M, and resource servers"; that profile is
// not limited to OpenID Connect's own claims is UNCONFIRMED).
func (g Grant) Reveals(attribute string) bool {
	has := func(scope string) bool { return slices.Contains(g.Scopes, scope) }
	switch {
	case !g.OAuth:
		return true
	case !has("openid"):
		return false
	case has("profile"), !has("email") && !has("phone"):
		return true
	case attribute == "email", attribute == "email_verified":
		return has("email")
	case attribute == "phone_number", attribute == "phone_number_verified":
		return has("phone")
	}
	// Who somebody is at his provider belongs to sub and username.
	return attribute == "identities"
}

type grantState struct {
	Grant
	revoked bool
}

type tokenState struct {
	grant   *grantState
	rotated time.Time // zero: never
}

// outlived is how long a sign-in is remembered after its refresh token's time: an
// access token lives a day at most, and may be asked about until then.
const outlived = 24 * time.Hour

// AddGrant records a sign-in and its refresh token.
func (s *Store) AddGrant(g Grant, refreshToken string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := &grantState{Grant: g}
	s.grants[g.EventID] = state
	s.addToken(refreshToken, state, now)
}

// addToken also forgets, once in a while, the sign-ins that nobody can ask about
// any more, with their tokens.
func (s *Store) addToken(refreshToken string, g *grantState, now time.Time) {
	s.refresh[sha256.Sum256([]byte(refreshToken))] = &tokenState{grant: g}
	if s.tokensAdded++; s.tokensAdded%256 != 0 {
		return
	}
	gone := func(g *grantState) bool { return s.over(now).After(g.Expires.Add(outlived)) }
	maps.DeleteFunc(s.grants, func(_ string, g *grantState) bool { return gone(g) })
	maps.DeleteFunc(s.refresh, func(_ [32]byte, t *tokenState) bool { return gone(t.grant) })
}

// Grant returns the sign-in a refresh token belongs to. With ErrExpired,
// ErrRevoked and ErrReused the grant comes along; ErrUnknown has none. grace
// is how long a token works after it was rotated away.
func (s *Store) Grant(refreshToken string, grace time.Duration, now time.Time) (Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[sha256.Sum256([]byte(refreshToken))]
	if t == nil {
		return Grant{}, ErrUnknown
	}
	return t.grant.Grant, t.usable(grace, now)
}

// Rotate is Grant, and puts replacement in the place of the token. A token
// rotated before and still in its grace period may be rotated again: that is
// the retry the period is for. Its end does not move.
func (s *Store) Rotate(refreshToken, replacement string, grace time.Duration, now time.Time) (Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[sha256.Sum256([]byte(refreshToken))]
	if t == nil {
		return Grant{}, ErrUnknown
	}
	if err := t.usable(grace, now); err != nil {
		return t.grant.Grant, err
	}
	if t.rotated.IsZero() {
		t.rotated = now
	}
	s.addToken(replacement, t.grant, now)
	return t.grant.Grant, nil
}

// Revoke ends the sign-in a refresh token belongs to: the token, those it was
// rotated from and to, and the access tokens of the same sign-in.
func (s *Store) Revoke(refreshToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.refresh[sha256.Sum256([]byte(refreshToken))]; t != nil {
		t.grant.revoked = true
	}
}

// RevokeUser ends every sign-in of a user.
func (s *Store) RevokeUser(poolID, username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grants {
		if g.PoolID == poolID && fold(g.Username) == fold(username) {
			g.revoked = true
		}
	}
}

// Revoked says whether the sign-in named by an event_id claim was ended.
func (s *Store) Revoked(eventID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grants[eventID]
	return g != nil && g.revoked
}

func (t *tokenState) usable(grace time.Duration, now time.Time) error {
	switch {
	case t.grant.revoked:
		return ErrRevoked
	case now.After(t.grant.Expires):
		return ErrExpired
	// With no grace at all the second use is too late even in the same instant.
	case !t.rotated.IsZero() && (grace <= 0 || now.After(t.rotated.Add(grace))):
		return ErrReused
	}
	return nil
}
