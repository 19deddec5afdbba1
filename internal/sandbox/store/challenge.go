package store

import (
	"errors"
	"time"

	"github.com/cogctl/cogctl/internal/srp"
)

// Errors of single-use things. AWS words all three differently.
var (
	ErrUnknown = errors.New("never issued")
	ErrUsed    = errors.New("used before")
	ErrExpired = errors.New("expired")
)

// Handshake is a USER_SRP_AUTH that waits for its PASSWORD_VERIFIER answer. It
// is found by its SECRET_BLOCK: AWS sends no Session with that challenge
// (measured).
type Handshake struct {
	PoolID   string
	ClientID string
	Username string // USER_ID_FOR_SRP
	Known    bool   // false: the user does not exist, the answer fails whatever it is
	Custom   bool   // a CUSTOM_AUTH that begins with SRP
	Device   string // of DEVICE_PASSWORD_VERIFIER: the device that proves itself
	Server   *srp.Server
}

// Session is a challenge that waits for its answer, found by its Session value.
type Session struct {
	Challenge string // the ChallengeNameType it waits for, or the operation of the sign-up that gave it
	PoolID    string
	ClientID  string
	Username  string
	Unknown   bool     // the user does not exist, the answer fails whatever it is
	Typed     string   // of a user who does not exist: the name that was typed
	Pages     bool     // begun on the hosted pages
	Device    string   // the DEVICE_KEY of the sign-in
	Code      string   // that was sent
	Choices   []string // of SELECT_MFA_TYPE and SELECT_CHALLENGE, or what a sign-up proved; must not be changed
	TOTP      []byte   // of MFA_SETUP: the secret that is being set up
	TOTPName  string
	TOTPStep  int64 // the time step whose code proved it; 0: none did
	Asked     int   // of CUSTOM_CHALLENGE: the index of the question
	Wrong     int   // of CUSTOM_CHALLENGE: wrong answers so far
}

// PutHandshake keeps h until it is taken or until expires.
func (s *Store) PutHandshake(block []byte, h Handshake, now, expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handshakes.put(string(block), h, s.over(now), single[Handshake]{expires: expires, forget: expires})
}

// Handshake looks at the handshake of a SECRET_BLOCK without using it up.
func (s *Store) Handshake(block []byte, now time.Time) (Handshake, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.handshakes.look(string(block), now)
	if err != nil {
		return Handshake{}, err
	}
	return e.value, nil
}

// TakeHandshake returns the handshake of a SECRET_BLOCK, once. A second time it
// is ErrUnknown: AWS answers used, expired and invented blocks all as a wrong
// password (measured), so nothing is remembered of them.
func (s *Store) TakeHandshake(block []byte, now time.Time) (Handshake, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.handshakes.look(string(block), now)
	delete(s.handshakes.entries, string(block))
	if err != nil {
		return Handshake{}, err
	}
	return e.value, nil
}

// remembered is how long an expired session is still told from an unknown one.
const remembered = time.Hour

// PutSession keeps c until it is taken or until expires.
func (s *Store) PutSession(id string, c Session, now, expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.put(id, c, s.over(now), single[Session]{expires: expires, forget: expires.Add(remembered)})
}

// Session looks at a session without using it up. The errors are ErrUnknown
// (also when it belongs to another challenge or client), ErrUsed, ErrExpired.
func (s *Store) Session(id, challenge, clientID string, now time.Time) (Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.session(id, challenge, clientID, now)
	if err != nil {
		return Session{}, err
	}
	return e.value, nil
}

// TakeSession is Session, and uses it up.
func (s *Store) TakeSession(id, challenge, clientID string, now time.Time) (Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.session(id, challenge, clientID, now)
	if err != nil {
		return Session{}, err
	}
	e.used = true
	return e.value, nil
}

// SessionOf is Session for an operation that does not name the client.
func (s *Store) SessionOf(id, challenge string, now time.Time) (Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.sessions.look(id, now)
	if e != nil && e.value.Challenge != challenge {
		return Session{}, ErrUnknown
	}
	if err != nil {
		return Session{}, err
	}
	return e.value, nil
}

func (s *Store) session(id, challenge, clientID string, now time.Time) (*single[Session], error) {
	e, err := s.sessions.look(id, now)
	if e != nil && (e.value.Challenge != challenge || e.value.ClientID != clientID) {
		return nil, ErrUnknown
	}
	return e, err
}

// singles is a table of values that can be taken once.
type singles[T any] struct {
	entries map[string]*single[T]
	puts    int
}

type single[T any] struct {
	value   T
	expires time.Time
	forget  time.Time // from then on it is as if it had never been
	used    bool
}

// put keeps value. over is the time before which what is to be forgotten goes.
func (t *singles[T]) put(key string, value T, over time.Time, e single[T]) {
	if t.entries == nil {
		t.entries = map[string]*single[T]{}
	}
	// Sweeping once in a while keeps the table near the size of what is alive.
	if t.puts++; t.puts%256 == 0 {
		for k, old := range t.entries {
			if over.After(old.forget) {
				delete(t.entries, k)
			}
		}
	}
	e.value = value
	t.entries[key] = &e
}

// look returns the entry together with the reason why it cannot be taken.
func (t *singles[T]) look(key string, now time.Time) (*single[T], error) {
	e := t.entries[key]
	switch {
	case e == nil || now.After(e.forget):
		return nil, ErrUnknown
	case e.used:
		return e, ErrUsed
	case now.After(e.expires):
		return e, ErrExpired
	}
	return e, nil
}
