package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// Verifier checks what Cognito handed out before it is believed or saved.
type Verifier struct {
	Keys     jwt.KeySet
	Issuers  []string // the values that the ID token's iss may have; see Learn for none
	ClientID string
	// Skip leaves the verification out (--no-verify-id-token). It is for servers without a
	// key set only.
	Skip bool
	// Foreign says that the issuer is none of Cognito's: its tokens have no
	// token_use, and its access tokens are for the API alone to read.
	Foreign bool
	// Learn is used where Issuers is empty: it gives the key set of the issuer that a token
	// names, or an error when the token must not come from that issuer.
	Learn func(iss string) (jwt.KeySet, error)
	// Emulated says that the server is not AWS's, so that it may have no key set. It only
	// changes what an error advises.
	Emulated bool
}

// verify checks the ID token (signature, iss, aud, token_use, exp) and that the
// access token belongs to the same user and client, and puts both into s. When s
// already has a subject, as at a refresh, the new tokens must be of that user.
//
// A session that was begun unverified, because its server has no key set, goes on
// unverified only as long as the key set cannot be had or the tokens are opaque.
func (v Verifier) verify(ctx context.Context, s Session, t Tokens) (Session, error) {
	if s.Machine {
		return v.machine(ctx, s, t)
	}
	if v.Skip {
		return v.trust(s, t)
	}
	verified, err := v.check(ctx, s, t)
	if s.Unverified && unverifiable(err) {
		return v.trust(s, t)
	}
	return verified, err
}

// unverifiable reports whether err means that tokens cannot be verified at all, because
// they are opaque or the key set cannot be had, and not that they were found to be bad.
func unverifiable(err error) bool {
	var keys *KeysError
	var opaque *jwt.ParseError
	return errors.As(err, &keys) || errors.As(err, &opaque)
}

// check is verify for a user's tokens that are not taken on trust.
func (v Verifier) check(ctx context.Context, old Session, t Tokens) (Session, error) {
	if v.Foreign && t.ID == "" && old.Subject != "" {
		return old.take(t), nil // a refresh need not bring one: OpenID Connect Core, section 12.2
	}
	s, err := v.identity(ctx, old, t)
	if err != nil {
		return old, err
	}
	if v.Foreign {
		return s.take(t), nil
	}
	access, err := jwt.Parse(t.Access)
	if err != nil {
		return old, fmt.Errorf("the access token: %w", err)
	}
	if err := v.sameAccess(access, s.Subject); err != nil {
		return old, err
	}
	return s.take(t), nil
}

// identity verifies the ID token and puts into s whose it is.
func (v Verifier) identity(ctx context.Context, s Session, t Tokens) (Session, error) {
	if t.ID == "" {
		return s, fmt.Errorf("the server's answer holds no ID token to verify")
	}
	id, err := v.idToken(ctx, t)
	if err != nil {
		return s, err
	}
	if err := t.bound(id); err != nil {
		return s, fmt.Errorf("the ID token: %w", err)
	}
	subject, issuer := id.Claims.String("sub"), id.Claims.String("iss")
	if subject == "" {
		return s, fmt.Errorf("the ID token names nobody: it has no sub")
	}
	if err := s.sameUser(subject, issuer); err != nil {
		return s, err
	}
	s.Subject, s.TokenIssuer, s.Unverified = subject, issuer, false
	if name := id.Claims.String("cognito:username"); name != "" {
		t.Username = name
	} else if v.Foreign && s.Username == "" {
		t.Username = cmp.Or(id.Claims.String("email"), id.Claims.String("preferred_username"), subject)
	}
	return s.named(t), nil
}

// leeway is how far the clocks of a token's maker and its judge may differ.
const leeway = 30 * time.Second

// idToken verifies the ID token of an answer. An error about the key set is returned as it
// is, a *KeysError.
func (v Verifier) idToken(ctx context.Context, t Tokens) (jwt.Token, error) {
	policy := jwt.Policy{Issuers: v.Issuers, ClientIDs: []string{v.ClientID}, Use: "id"}
	if v.Foreign {
		policy.Use = ""
	}
	token, err := v.judged(ctx, t.ID, t, policy)
	var keys *KeysError
	if err != nil && !errors.As(err, &keys) {
		return jwt.Token{}, fmt.Errorf("the ID token: %w", err)
	}
	// OpenID Connect Core, section 3.1.3.7, step 5.
	if party := token.Claims.String("azp"); err == nil && v.Foreign && party != "" && party != v.ClientID {
		return jwt.Token{}, fmt.Errorf("the ID token was made for the client %q (azp), not for %q", party, v.ClientID)
	}
	return token, err
}

// judged verifies one token of the answer t by the key set and the policy, to which it adds
// the time and, where it has none, the issuer.
func (v Verifier) judged(ctx context.Context, raw string, t Tokens, policy jwt.Policy) (jwt.Token, error) {
	token, err := jwt.Parse(raw)
	if err != nil {
		return jwt.Token{}, err
	}
	if len(policy.Issuers) == 0 {
		if v, err = v.learn(token.Claims.String("iss")); err != nil {
			return jwt.Token{}, err
		}
		policy.Issuers = v.Issuers
	}
	// Keys that cannot be had are trouble on the way, not a bad token.
	var unknown *jwt.UnknownKeyError
	if _, err := v.Keys.Key(ctx, token.KeyID); err != nil && !errors.As(err, &unknown) {
		return jwt.Token{}, &KeysError{Err: err, Emulated: v.Emulated}
	}
	// A session's own tokens are judged by the clock of the server that made
	// them a moment ago: a wrong local clock must not stop a sign-in.
	policy.Now, policy.Leeway = t.ServerTime, leeway
	if policy.Now.IsZero() {
		policy.Now = t.Received
	}
	report := jwt.Verify(ctx, raw, v.Keys, policy)
	return report.Token, report.Err()
}

// learn returns v with the issuer that a token names as the expected one, and its keys.
func (v Verifier) learn(iss string) (Verifier, error) {
	if v.Learn == nil {
		return v, fmt.Errorf("its issuer %q was not expected: nobody said which one it must be", iss)
	}
	keys, err := v.Learn(iss)
	v.Keys, v.Issuers = keys, []string{iss}
	return v, err
}

// sameAccess compares sub and client_id of the access token with the ID token's.
// The access token's signature is for the API to judge.
func (v Verifier) sameAccess(access jwt.Token, subject string) error {
	if got := access.Claims.String("sub"); got != subject {
		return fmt.Errorf("the access token is for sub %q, the ID token for %q", got, subject)
	}
	if got := access.Claims.String("client_id"); got != v.ClientID {
		return fmt.Errorf("the access token is for client_id %q, not %q", got, v.ClientID)
	}
	return nil
}

// trust takes tokens without verifying them, and reads from them what it can; they may be
// opaque. But a refresh must not turn tokens that could be read into opaque ones, nor into
// those of somebody else.
func (v Verifier) trust(s Session, t Tokens) (Session, error) {
	s.Unverified = true
	id, unreadable := jwt.Parse(t.ID)
	if unreadable != nil && s.Subject != "" {
		return s, fmt.Errorf("the refreshed ID token: %w", unreadable)
	}
	if unreadable == nil {
		if err := t.bound(id); err != nil {
			return s, fmt.Errorf("the ID token: %w", err)
		}
		subject, issuer := id.Claims.String("sub"), id.Claims.String("iss")
		if err := s.sameUser(subject, issuer); err != nil {
			return s, err
		}
		s.Subject, s.TokenIssuer = subject, issuer
		if name := id.Claims.String("cognito:username"); name != "" {
			t.Username = name
		}
	}
	if err := v.trustAccess(s, t.Access); err != nil {
		return s, err
	}
	return s.named(t).take(t), nil
}

// trustAccess is trust for the access token: s is the session so far, raw the new token.
func (v Verifier) trustAccess(s Session, raw string) error {
	access, unreadable := jwt.Parse(raw)
	if unreadable == nil && s.Subject != "" && access.Claims["sub"] != nil {
		return v.sameAccess(access, s.Subject)
	}
	if _, err := jwt.Parse(s.Access); err == nil && unreadable != nil {
		return fmt.Errorf("the refreshed access token: %w", unreadable)
	}
	return nil
}

// sameUser is an error when the session is another user's than subject at issuer.
func (s Session) sameUser(subject, issuer string) error {
	if s.Subject != "" && (s.Subject != subject || s.TokenIssuer != issuer) {
		return fmt.Errorf("the refreshed ID token is for sub %q of %q, the session is for %q of %q",
			subject, issuer, s.Subject, s.TokenIssuer)
	}
	return nil
}

// named returns the session with the user's real name in the pool. A refresh computes its
// SECRET_HASH over that name, not over the alias that was typed.
func (s Session) named(t Tokens) Session {
	if t.Username != "" {
		s.Username = t.Username
	}
	return s
}

// KeysError is a key set that could not be had, so that nothing was verified.
type KeysError struct {
	Err      error
	Emulated bool // the server is not AWS's
}

func (e *KeysError) Error() string { return fmt.Sprintf("verify the tokens: %v", e.Err) }
func (e *KeysError) Unwrap() error { return e.Err }

// Issuers lists what the iss of a pool's tokens may be: the classic form, the
// form of pools with multi-region replication, and, where the user pool API is
// reached elsewhere (an emulator), that endpoint's own.
// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
func Issuers(region, poolID, endpoint string) []string {
	suffix := dnsSuffix(region)
	issuers := []string{
		"https://cognito-idp." + region + "." + suffix + "/" + poolID,
		"https://issuer-cognito-idp." + region + "." + suffix + "/" + poolID,
	}
	if endpoint != "" {
		issuers = slices.Insert(issuers, 0, endpoint+"/"+poolID)
	}
	return issuers
}
