// Package store is the state of the sandbox: user pools with their app clients,
// groups and users, and everything that lives between two requests — SRP
// handshakes, challenge sessions, refresh tokens, verification codes, and the
// count of wrong passwords.
//
// It knows no wire format and no error text. One mutex guards all of it, and
// every method is one step: what must not be torn apart (take a single-use
// session, rotate a refresh token) is one call. Values go in and come out as
// copies, so a caller can work on a User without holding anything, and the
// costly arithmetic (an SRP verifier takes milliseconds) is done outside the
// lock by the caller. Time is a parameter, never read here.
//
// Of a user's password only the SRP verifier is kept, of a refresh token only its SHA-256.
// The mailbox keeps codes and temporary passwords as they were sent: it is there for tests
// to read.
package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Errors of the store. The caller words them for the wire.
var (
	ErrNoPool         = errors.New("no such user pool")
	ErrNoClient       = errors.New("no such app client")
	ErrNoUser         = errors.New("no such user")
	ErrUsernameExists = errors.New("username is taken")
	ErrAliasExists    = errors.New("alias belongs to another user")
)

// Store holds every pool. Make one with New; it is safe for concurrent use.
type Store struct {
	mu         sync.Mutex
	pools      map[string]*poolState
	clients    map[string]Client // by client id, which is unique in the store
	handshakes singles[Handshake]
	sessions   singles[Session]
	grants     map[string]*grantState   // by event_id
	refresh    map[[32]byte]*tokenState // by SHA-256 of the refresh token

	ahead, earliest, back time.Duration // of the clock: see ClockMoves

	tokensAdded int // for sweeping refresh
	attempts    map[attemptKey]*attempts
	spent       map[spentKey][]time.Time
	codes       map[codeKey]*Code
	mailbox     []Message
	authCodes   singles[AuthCode]
	browsers    singles[Browser]
	waits       singles[Federation]
	assertions  singles[Assertion]
	aws         aws
}

type poolState struct {
	Pool
	groups map[string]Group
	users  map[string]*User // by folded username
}

// New returns an empty store.
func New() *Store {
	return &Store{
		pools:    map[string]*poolState{},
		clients:  map[string]Client{},
		grants:   map[string]*grantState{},
		refresh:  map[[32]byte]*tokenState{},
		attempts: map[attemptKey]*attempts{},
		spent:    map[spentKey][]time.Time{},
		codes:    map[codeKey]*Code{},
	}
}

// ClockMoves tells, before it happens, that the time of the calls that follow is moved
// by d. What ran out at a time that was moved on is good again once it is moved back, so
// it is kept: sweeping goes by the earliest clock that there was.
func (s *Store) ClockMoves(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
	s.earliest = min(s.earliest, s.ahead)
	s.back = max(s.back, s.ahead-s.earliest)
}

// over is the time before which nothing is needed any more.
func (s *Store) over(now time.Time) time.Time { return now.Add(-s.back) }

// AddPool adds a pool with its clients and groups. Pool ids and client ids are
// unique in the store: a client id alone names its pool, as at AWS.
func (s *Store) AddPool(p Pool, clients []Client, groups []Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.ID == "" {
		return errors.New("a user pool needs an id")
	}
	if s.pools[p.ID] != nil {
		return fmt.Errorf("user pool %q is there twice", p.ID)
	}
	state := &poolState{Pool: p, groups: map[string]Group{}, users: map[string]*User{}}
	for _, g := range groups {
		if _, twice := state.groups[g.Name]; twice || g.Name == "" {
			return fmt.Errorf("user pool %q: group %q is there twice or has no name", p.ID, g.Name)
		}
		state.groups[g.Name] = g
	}
	for i, c := range clients {
		_, taken := s.clients[c.ID]
		again := slices.ContainsFunc(clients[:i], func(o Client) bool { return o.ID == c.ID })
		if c.ID == "" || taken || again {
			return fmt.Errorf("user pool %q: app client %q is there twice or has no id", p.ID, c.ID)
		}
	}
	for _, c := range clients {
		c.PoolID = p.ID
		s.clients[c.ID] = c
	}
	s.pools[p.ID] = state
	return nil
}

// Pool returns the settings of one pool.
func (s *Store) Pool(id string) (Pool, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[id]
	if p == nil {
		return Pool{}, false
	}
	return p.Pool, true
}

// PoolIDs lists the pools, sorted.
func (s *Store) PoolIDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.pools))
}

// Client finds an app client of any pool; its PoolID says which.
func (s *Store) Client(id string) (Client, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[id]
	return c, ok
}

// UpdatePool changes the settings of a pool, but not its id.
func (s *Store) UpdatePool(id string, change func(*Pool) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[id]
	if p == nil {
		return ErrNoPool
	}
	next := p.Pool
	if err := change(&next); err != nil {
		return err
	}
	next.ID = id
	p.Pool = next
	return nil
}

// UpdateClient changes the settings of an app client, but not its id and pool.
func (s *Store) UpdateClient(id string, change func(*Client) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[id]
	if !ok {
		return ErrNoClient
	}
	next := c
	if err := change(&next); err != nil {
		return err
	}
	next.ID, next.PoolID = c.ID, c.PoolID
	s.clients[id] = next
	return nil
}

// Find looks a user up by what a person types: the username, or an alias the
// pool signs in with (a verified one where it is a mere alias). The sub is not
// such a name: AWS answers UserNotFoundException for it (measured).
func (s *Store) Find(poolID, name string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[poolID]
	if p == nil || name == "" {
		return User{}, false
	}
	if u := p.users[fold(name)]; u != nil {
		return u.clone(), true
	}
	for _, u := range p.users {
		if p.answersTo(u, name) {
			return u.clone(), true
		}
	}
	return User{}, false
}

// BySub looks a user up by the sub claim, which a token carries.
func (s *Store) BySub(poolID, sub string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[poolID]
	if p == nil || sub == "" {
		return User{}, false
	}
	for _, u := range p.users {
		if u.Sub == sub {
			return u.clone(), true
		}
	}
	return User{}, false
}

// Groups returns the groups of a user, the most important (lowest precedence)
// first, those without a precedence last, by name where equal.
func (s *Store) Groups(poolID, username string) []Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[poolID]
	if p == nil || p.users[fold(username)] == nil {
		return nil
	}
	var groups []Group
	for _, name := range p.users[fold(username)].Groups {
		groups = append(groups, p.groups[name])
	}
	slices.SortFunc(groups, Group.compare)
	return groups
}

// AddGroup adds a group that is not there yet.
func (s *Store) AddGroup(poolID string, g Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[poolID]
	if p == nil {
		return ErrNoPool
	}
	if _, there := p.groups[g.Name]; !there {
		p.groups[g.Name] = g
	}
	return nil
}

// Create adds a user. The errors are ErrNoPool, ErrUsernameExists (the name, or
// in a pool whose usernames are e-mail addresses the address, is taken) and
// ErrAliasExists; with force a verified alias moves over from its owner.
func (s *Store) Create(poolID string, u User, force bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[poolID]
	if p == nil {
		return ErrNoPool
	}
	if p.users[fold(u.Username)] != nil {
		return ErrUsernameExists
	}
	for _, g := range u.Groups {
		if _, ok := p.groups[g]; !ok {
			return fmt.Errorf("user %q is in group %q, which pool %q does not have", u.Username, g, poolID)
		}
	}
	for _, other := range p.users {
		if p.sameName(&u, other) {
			return ErrUsernameExists
		}
	}
	if err := p.claimAliases(&u, force); err != nil {
		return err
	}
	c := u.clone()
	p.users[fold(u.Username)] = &c
	return nil
}

// Update changes a user in one step: change works on a copy under the lock, so
// it must be quick; when it returns an error nothing is changed and the error
// comes back as it is. The username and the sub cannot change.
func (s *Store) Update(poolID, username string, force bool, change func(*User) error) (User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[poolID]
	if p == nil {
		return User{}, ErrNoPool
	}
	old := p.users[fold(username)]
	if old == nil {
		return User{}, ErrNoUser
	}
	u := old.clone()
	if err := change(&u); err != nil {
		return User{}, err
	}
	u.Username, u.Sub = old.Username, old.Sub
	if err := p.claimAliases(&u, force); err != nil {
		return User{}, err
	}
	*old = u
	return u.clone(), nil
}

// Delete removes a user; his sign-ins, and the challenges and codes that wait for
// him, end with him: the next user of that name has nothing to do with them.
func (s *Store) Delete(poolID, username string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[poolID]
	if p == nil || p.users[fold(username)] == nil {
		return ErrNoUser
	}
	delete(p.users, fold(username))
	his := func(pool, name string) bool { return pool == poolID && fold(name) == fold(username) }
	for _, g := range s.grants {
		g.revoked = g.revoked || his(g.PoolID, g.Username)
	}
	maps.DeleteFunc(s.codes, func(k codeKey, _ *Code) bool { return his(k.pool, k.name) })
	maps.DeleteFunc(s.sessions.entries, func(_ string, e *single[Session]) bool { return his(e.value.PoolID, e.value.Username) })
	maps.DeleteFunc(s.handshakes.entries, func(_ string, e *single[Handshake]) bool { return his(e.value.PoolID, e.value.Username) })
	return nil
}

// Users lists the users of a pool by name.
func (s *Store) Users(poolID string) []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[poolID]
	if p == nil {
		return nil
	}
	var users []User
	for _, name := range slices.Sorted(maps.Keys(p.users)) {
		users = append(users, p.users[name].clone())
	}
	return users
}
