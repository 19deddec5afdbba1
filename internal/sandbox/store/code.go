package store

import (
	"crypto/subtle"
	"errors"
	"slices"
	"time"
)

// Errors of verification codes beside ErrExpired.
var (
	ErrMismatch     = errors.New("not the code that was sent")
	ErrTooManyTries = errors.New("too many wrong codes")
)

// tries is how often a user may type a code of a kind wrong in an hour, however
// many he is sent: ConfirmSignUp allows 15 (quotas page).
const tries = 15

// mailboxSize is how many messages the mailbox keeps.
const mailboxSize = 1000

// Code is a verification code that a user was sent.
type Code struct {
	PoolID   string
	Username string
	Kind     string // what it is for, such as SignUp
	Value    string
	Expires  time.Time
}

type codeKey struct{ pool, name, kind string }

// Message is what the sandbox would have sent by e-mail or SMS. It can be read
// where tests read it; nothing is ever sent.
type Message struct {
	PoolID      string
	Username    string
	Kind        string // the operation or challenge: SignUp, AdminCreateUser, SMS_MFA
	Destination string // in full
	Code        string // a verification code, or a temporary password
	Sent        time.Time
}

// PutCode replaces the code of this user and kind.
func (s *Store) PutCode(c Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[c.key()] = &c
}

// CheckCode says whether a code is right, and counts when it is not. The errors
// are ErrMismatch, ErrExpired (also when there is none) and ErrTooManyTries. The
// code stays good until DropCode, so that a caller who then cannot do what it
// was for leaves the user with a code for the next try.
func (s *Store) CheckCode(c Code, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.codes[c.key()]
	wrong := spentKey{c.PoolID, fold(c.Username), "wrong code of " + c.Kind}
	switch {
	case sent == nil || now.After(sent.Expires):
		return ErrExpired
	case len(s.recent(wrong, now)) >= tries:
		return ErrTooManyTries
	case subtle.ConstantTimeCompare([]byte(sent.Value), []byte(c.Value)) != 1:
		s.spend(wrong, now)
		return ErrMismatch
	}
	return nil
}

// DropCode forgets a code that has served. It says whether it was there still: of those
// who come with it at the same time one has it.
func (s *Store) DropCode(c Code) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.codes[c.key()]
	if sent == nil || sent.Value != c.Value {
		return false
	}
	delete(s.codes, c.key())
	return true
}

func (c Code) key() codeKey { return codeKey{c.PoolID, fold(c.Username), c.Kind} }

// Post puts a message into the mailbox.
func (s *Store) Post(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mailbox) >= mailboxSize {
		s.mailbox = slices.Delete(s.mailbox, 0, len(s.mailbox)-mailboxSize+1)
	}
	s.mailbox = append(s.mailbox, m)
}

// Messages returns the mailbox, the oldest message first.
func (s *Store) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mailbox)
}
