package store

import "time"

// AuthCode is what an authorization code stands for.
type AuthCode struct {
	PoolID      string
	ClientID    string
	Username    string
	RedirectURI string
	Scopes      []string // must not be changed
	Nonce       string
	Challenge   string // code_challenge of method S256, or ""
	Audience    string // of the parameter resource, or ""
	AuthTime    time.Time
}

// Browser is somebody who has signed in on the pages, found by his cookie.
type Browser struct {
	PoolID   string
	Username string
	Provider string // COGNITO, or where he came from
	AuthTime time.Time
}

// Federation is a sign-in that is away at an identity provider, found by the
// state it was sent with.
type Federation struct {
	PoolID   string
	ClientID string
	Provider string
	Browser  string // what ties it to the browser that went
	Query    string // of the authorization request
}

// Assertion is what a provider's code stands for: who has signed in there.
type Assertion struct {
	Provider string
	Subject  string
	Name     string
	Email    string
}

// PutAuthCode keeps c until it is taken or until expires.
func (s *Store) PutAuthCode(code string, c AuthCode, now, expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.authCodes.put(code, c, s.over(now), until[AuthCode](expires))
}

// TakeAuthCode returns what a code stands for, once. The errors are ErrUnknown,
// ErrUsed and ErrExpired.
func (s *Store) TakeAuthCode(code string, now time.Time) (AuthCode, error) {
	return takeSingle(s, &s.authCodes, code, now)
}

// PutBrowser keeps a browser's sign-in until expires.
func (s *Store) PutBrowser(cookie string, b Browser, now, expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.browsers.put(cookie, b, s.over(now), until[Browser](expires))
}

// Browser returns who has signed in with this browser.
func (s *Store) Browser(cookie string, now time.Time) (Browser, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.browsers.look(cookie, now)
	if err != nil {
		return Browser{}, false
	}
	return e.value, true
}

// DropBrowser ends a browser's sign-in.
func (s *Store) DropBrowser(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.browsers.entries, cookie)
}

// PutFederation keeps f until it is taken or until expires.
func (s *Store) PutFederation(state string, f Federation, now, expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits.put(state, f, s.over(now), until[Federation](expires))
}

// Federation looks at the sign-in of a state without using it up.
func (s *Store) Federation(state string, now time.Time) (Federation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.waits.look(state, now)
	if err != nil {
		return Federation{}, err
	}
	return e.value, nil
}

// TakeFederation returns the sign-in of a state, once.
func (s *Store) TakeFederation(state string, now time.Time) (Federation, error) {
	return takeSingle(s, &s.waits, state, now)
}

// PutAssertion keeps a until it is taken or until expires.
func (s *Store) PutAssertion(code string, a Assertion, now, expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assertions.put(code, a, s.over(now), until[Assertion](expires))
}

// TakeAssertion returns what a provider's code stands for, once.
func (s *Store) TakeAssertion(code string, now time.Time) (Assertion, error) {
	return takeSingle(s, &s.assertions, code, now)
}

// until is an entry that is remembered for a while after it has expired.
func until[T any](expires time.Time) single[T] {
	return single[T]{expires: expires, forget: expires.Add(remembered)}
}

func takeSingle[T any](s *Store, t *singles[T], key string, now time.Time) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := t.look(key, now)
	if err != nil {
		var none T
		return none, err
	}
	e.used = true
	return e.value, nil
}
