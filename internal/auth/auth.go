// Package auth signs a user in to an Amazon Cognito user pool and keeps the
// session alive.
//
// The pieces, in the order a sign-in meets them:
//
//   - [Client] is one app client of one user pool, spoken to through AWS's own
//     SDK client. It adds SECRET_HASH, with the username that each step wants.
//   - [SRP], [Password], [Custom], [CustomSRP], [Choice] and [Admin] are the flows.
//     Each is made of a [SignIn], and its Login walks the challenges until Cognito
//     hands out [Tokens], or asks for something nobody here can answer.
//   - [CodeFlow] is the sign-in through a browser, [Callback] the place on this
//     machine that the browser comes back to.
//   - [Verifier] checks the ID token before anything is believed or saved.
//   - [Session] is what is kept: the tokens, who they are for, and where they
//     came from. A refresh token goes back to no other place.
//   - [Renewer] turns a session that ran out into one that is good, by refresh
//     or, where a password is at hand, by signing in again.
//   - [Account] is what users do for themselves once they are signed in; [Client.SignUp]
//     and its kin is what they do before.
//
// The package reads no configuration, prompts nobody and prints nothing. What a
// person must answer is asked through [Ask]; what is stored goes through
// internal/cache.
package auth

import (
	"context"
	"errors"
	"time"
)

// Tokens is what a sign-in or a refresh yields.
type Tokens struct {
	// ID, Access and Refresh are the tokens as received. Refresh is empty when
	// the answer carries none, which after REFRESH_TOKEN_AUTH means: keep the old.
	ID, Access, Refresh string
	// ExpiresIn is the lifetime the server states for ID and access token;
	// zero when it states none, as some emulators do.
	ExpiresIn time.Duration
	// Received is the local time at which the answer arrived.
	Received time.Time
	// ServerTime is the Date of that answer, zero when it had none.
	ServerTime time.Time
	// DeviceKey is the key of the device that the pool began to track with this
	// sign-in; empty when it tracks none.
	DeviceKey string
	// Scope lists what a token endpoint granted, separated by spaces; empty when it
	// did not say, which means what was asked for (RFC 6749, section 5.1).
	Scope string
	// Username is the user's real name in the pool as the challenges named it;
	// it differs from the typed one when an alias such as an e-mail was typed.
	Username string

	deviceGroup string // DeviceGroupKey, which comes with a new DeviceKey
	fromCode    bool   // they came from an authorization code, by a sign-in in a browser
	nonce       string // the nonce that the ID token of such a sign-in must hold; empty when none was sent
}

// Flow is one way to sign in.
type Flow interface {
	// Login runs the flow. Errors for a caller to tell apart are *RefusedError,
	// *InputError, *UnsupportedChallengeError, *FlowDisabledError, *LostReplyError and
	// *CallerError; all else is trouble on the way to the server.
	Login(ctx context.Context) (Tokens, error)
}

// Item names one thing that a challenge wants to know from a person.
type Item string

// The things a flow may ask for.
const (
	ItemPassword    Item = "password"
	ItemNewPassword Item = "new password"
	ItemAttribute   Item = "attribute"
	ItemTOTP        Item = "code of the authenticator app"
	ItemSMSCode     Item = "code sent by SMS"
	ItemEmailCode   Item = "code sent by e-mail"
	ItemMFAKind     Item = "choice of a second factor"
	ItemFirstFactor Item = "choice of a way to sign in"
	ItemAnswer      Item = "answer to the pool's own question"
	// ItemClientSecret is never asked for, only named as missing: whoever starts a
	// machine's job sets it.
	ItemClientSecret Item = "client secret"
	// ItemAuthenticator is the first code of an authenticator app that the person sets up
	// with Question.Secret.
	ItemAuthenticator Item = "first code of a new authenticator app"
)

// Question is one thing to be asked of a person, or of whatever stands in for
// one when nobody is there.
type Question struct {
	Item     Item
	Username string // of the user whom it is about, as typed
	Name     string // of the attribute ("email", "custom:team"), or else of the challenge
	Retry    string // why the last answer was refused; empty the first time
	Refused  int    // how many answers to this challenge were refused so far

	First      bool      // the code is the first factor, and not a second one
	SentTo     string    // where a code went, as the server masks it: "j***@g***"
	Options    []string  // what may be chosen
	Passkey    bool      // a passkey would do as well, in a browser
	Details    string    // the question itself, in the pool's words; may have several lines
	Secret     string    // of ItemAuthenticator: what the app is set up with, in base32
	ServerTime time.Time // the server's clock when it asked; zero when unknown
}

// Ask answers a Question. It returns an *InputError when nobody can, and
// ErrNoOther when an answer was refused and there is no other to give.
type Ask func(ctx context.Context, q Question) (string, error)

// ErrNoOther is returned by an Ask that has given all it has.
var ErrNoOther = errors.New("there is no other answer")
