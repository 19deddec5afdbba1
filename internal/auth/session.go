package auth

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// Session is what is kept of a sign-in. It is stored as JSON by internal/cache.
type Session struct {
	// Issuer, ClientID and Typed are what the session is filed under: the pool,
	// the app client, and the name as it was typed.
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
	Typed    string `json:"typed"`

	// Endpoint is where the user pool API was reached, AWS's own included. The
	// refresh token is sent to no other place.
	Endpoint string `json:"endpoint"`

	Username string `json:"username"`      // the pool's own name for the user
	Subject  string `json:"sub,omitempty"` // empty when the ID token was not read
	// TokenIssuer is the ID token's iss. It differs from Issuer for pools whose
	// tokens carry the multi-region form.
	TokenIssuer string `json:"iss,omitempty"`
	// Unverified tells that the ID token was taken on trust, on request.
	Unverified bool `json:"unverified,omitempty"`

	ID      string `json:"id_token,omitempty"`
	Access  string `json:"access_token,omitempty"`
	Refresh string `json:"refresh_token,omitempty"`

	// By is how the session is refreshed, TokenURL where, when that is ByOAuth.
	By       Means  `json:"refresh_by,omitempty"`
	TokenURL string `json:"token_url,omitempty"`
	// PostAuth tells that TokenURL takes the client secret in the form only.
	PostAuth bool `json:"post_auth,omitempty"`
	// Rotates tells that the last refresh replaced the refresh token.
	Rotates bool `json:"rotates,omitempty"`
	// InFlight is a refresh on its way, or one whose answer got lost.
	InFlight *InFlight `json:"in_flight,omitempty"`
	// Given is set while a session of given tokens is not filed under its user yet (see
	// Renewer.Adopt): the SHA-256, in hex, of the refresh token that was given.
	Given string `json:"given,omitempty"`

	// DeviceKey is the device that the pool tracks for this session. A refresh
	// without it is refused in the words of a session that is over.
	DeviceKey string `json:"device_key,omitempty"`

	SignedIn time.Time `json:"signed_in"` // when the user signed in
	Saved    time.Time `json:"saved"`     // when these tokens arrived
	Expires  time.Time `json:"expires"`   // when the first of them ends, by the local clock

	// Drift is how wrong the local clock was when the tokens came; nil when it was
	// right, or nobody can tell.
	Drift *Drift `json:"drift,omitempty"`

	// Machine tells that an app client signed in by itself: Typed says which and
	// for what, Username is its id, and there are no ID and refresh tokens.
	Machine bool `json:"machine,omitempty"`
	// Scopes are those that a token endpoint granted; none when it did not say.
	Scopes []string `json:"scopes,omitempty"`

	// Refused remembers a password that Cognito said no to.
	Refused *Refusal `json:"refused,omitempty"`
}

// GoodFor reports whether ID and access token are both good at now, by the local clock,
// and will be for left more.
//
// Expires is by the local clock as it was when the tokens came. A clock that was set since
// must not make them last longer:
//
//   - A clock that is behind Saved was put back, so the tokens count as expired.
//   - A clock that was ahead when the tokens came may have been put right and have reached
//     Saved once more; by then the tokens ended long ago. Nothing tells that from a clock
//     that is still ahead, so such tokens are trusted for five minutes (trustAhead) only,
//     and refreshed more often.
func (s Session) GoodFor(now time.Time, left time.Duration) bool {
	if !s.Live() || now.Before(s.Saved.Add(-leeway)) {
		return false
	}
	if s.Drift != nil && s.Drift.Ahead > 0 && !now.Before(s.Saved.Add(trustAhead)) {
		return false
	}
	return now.Add(left).Before(s.Expires)
}

// Live reports whether the session has tokens. A record without is a bare note of a
// refused password, or of a given refresh token.
func (s Session) Live() bool { return s.ID != "" || s.Access != "" }

// SessionKey is the key that a session is filed under: the SHA-256, in hex, of issuer, app
// client and the name as it was typed.
func SessionKey(issuer, clientID, typed string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{issuer, clientID, typed}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// take returns the session with the tokens of an answer. An answer without a refresh token
// leaves the old one in place, as REFRESH_TOKEN_AUTH without rotation means it.
func (s Session) take(t Tokens) Session {
	if s.Access == "" && t.DeviceKey == "" {
		t.DeviceKey = deviceKeyIn(t.Access) // the session began elsewhere and was given
	}
	s.ID, s.Access = t.ID, t.Access
	if t.Refresh != "" {
		s.Refresh = t.Refresh
	}
	if t.DeviceKey != "" {
		s.DeviceKey = t.DeviceKey
	}
	if t.Scope != "" {
		s.Scopes = strings.Fields(t.Scope)
	}
	if !s.Unverified {
		s.Drift = s.Drift.noted(t)
	}
	s.Saved = t.Received
	s.Expires = t.Received.Add(lifetime(t))
	s.Refused = nil
	return s
}

// deviceKeyIn is the key of the device that an access token was made for; "" for none.
// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
func deviceKeyIn(access string) string {
	token, err := jwt.Parse(access)
	if err != nil {
		return ""
	}
	return token.Claims.String("device_key")
}

// Lifetimes of ID and access tokens at Cognito: 5 minutes to 1 day.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_TokenValidityUnitsType.html
const (
	shortestLifetime = 5 * time.Minute
	longestLifetime  = 24 * time.Hour
)

// lifetime is how long the shorter-lived of the two tokens lasts from its arrival: the
// least of exp minus iat of each and of expires_in (RFC 6749, section 5.1), which is all
// there is for opaque tokens. exp and iat are both by the server's clock, so the result
// does not depend on the local clock being right. It is at most a day, and five minutes
// where nothing is known.
func lifetime(t Tokens) time.Duration {
	shortest := max(0, t.ExpiresIn)
	for _, raw := range []string{t.ID, t.Access} {
		token, err := jwt.Parse(raw)
		if err != nil {
			continue
		}
		exp, hasExp := token.Claims.Time("exp")
		iat, hasIat := token.Claims.Time("iat")
		if life := exp.Sub(iat); hasExp && hasIat && life > 0 && (shortest == 0 || life < shortest) {
			shortest = life
		}
	}
	if shortest == 0 { // opaque tokens and no word about their life
		shortest = shortestLifetime
	}
	return min(shortest, longestLifetime)
}

// Refusal is a note of a password, answer or code that was refused. It lets jobs that
// start together with the same wrong password make one attempt and not lock the account.
// The password itself is not kept.
type Refusal struct {
	Mark    []byte    `json:"mark"` // of what was refused, see Session.Mark
	At      time.Time `json:"at"`
	Code    string    `json:"code"`
	Message string    `json:"message"`
	// For is how long the note counts, in nanoseconds in the file; zero means RefusalLasts.
	For time.Duration `json:"for_ns,omitempty"`
}

// until is the time from which what was refused may be tried again.
func (r Refusal) until() time.Time {
	if r.For == 0 {
		return r.At.Add(RefusalLasts)
	}
	return r.At.Add(r.For)
}

// RefusalLasts is how long a refused password is not tried again.
const RefusalLasts = 5 * time.Minute

// markRounds makes guessing a password from its mark cost some ten milliseconds a
// guess, about what an SRP handshake costs.
const markRounds = 50_000

// Mark is what a refused password is recognised by: its PBKDF2-SHA256, 32 bytes, salted by
// the account (issuer, app client, typed name). The salt is not random so that the mark
// can be computed before the session's lock is taken: with a salt from the record, jobs
// that wait for the lock would compute it one after the other.
func (s Session) Mark(password string) ([]byte, error) {
	// Hashed first, because HMAC pads keys with zeros: "p" and "p\x00" would have one mark.
	sum := sha256.Sum256([]byte(password))
	salt := "cogctl refused password " + SessionKey(s.Issuer, s.ClientID, s.Typed)
	return pbkdf2.Key(sha256.New, string(sum[:]), []byte(salt), markRounds, sha256.Size)
}

// matches reports whether the note is about the password of this mark, and still counts.
func (r *Refusal) matches(mark []byte, now time.Time) bool {
	if r == nil || now.Before(r.At) || !now.Before(r.until()) {
		return false
	}
	return subtle.ConstantTimeCompare(mark, r.Mark) == 1
}
