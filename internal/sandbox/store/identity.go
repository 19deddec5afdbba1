package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Errors of identities beside ErrUnknown.
var (
	ErrNoIdentity     = errors.New("no such identity")
	ErrLoginsNeeded   = errors.New("the identity has logins, and none was given")
	ErrLoginsMismatch = errors.New("none of the logins is one of the identity's")
	ErrLoginTaken     = errors.New("a login belongs to another identity")
)

// IdentityPool is the settings of an identity pool, named as in
// CreateIdentityPool and SetIdentityPoolRoles.
type IdentityPool struct {
	ID                   string            `toml:"id"` // region:uuid
	Name                 string            `toml:"name"`
	AllowUnauthenticated bool              `toml:"allow_unauthenticated"` // guests
	AllowClassicFlow     bool              `toml:"allow_classic_flow"`    // GetOpenIdToken, for AssumeRoleWithWebIdentity
	CognitoProviders     []CognitoProvider `toml:"cognito_providers"`
	// LoginProviders is SupportedLoginProviders: the app's client id at each
	// social provider, such as accounts.google.com.
	LoginProviders      map[string]string `toml:"login_providers"`
	AuthenticatedRole   string            `toml:"authenticated_role"`   // ARN; "" is none
	UnauthenticatedRole string            `toml:"unauthenticated_role"` // ARN; "" is none
	// RoleMappings choose another role by what a token says. The key is the
	// provider, of a user pool with the client: PROVIDER:CLIENT.
	RoleMappings map[string]RoleMapping `toml:"role_mappings"`
	// PrincipalTags are the session tags made of a provider's claims, tag name
	// to claim name; the key is the provider. An empty map means the defaults,
	// client (aud) and username (sub).
	PrincipalTags map[string]map[string]string `toml:"principal_tags"`
}

// CognitoProvider is an app client of a user pool whose ID tokens are logins.
type CognitoProvider struct {
	PoolID   string `toml:"pool_id"`
	ClientID string `toml:"client_id"`
	// ServerSideTokenCheck asks the user pool whether the user is still there,
	// enabled and signed in.
	ServerSideTokenCheck bool `toml:"server_side_token_check"`
}

// Kinds of role mappings, and what they do when no role is found.
const (
	MapByToken = "Token" // cognito:preferred_role
	MapByRules = "Rules"

	AmbiguousAuthenticated = "AuthenticatedRole"
	AmbiguousDeny          = "Deny"
)

// RoleMapping is RoleMapping of SetIdentityPoolRoles.
type RoleMapping struct {
	Type      string     `toml:"type"`      // Token, Rules
	Ambiguous string     `toml:"ambiguous"` // AuthenticatedRole (also ""), Deny
	Rules     []RoleRule `toml:"rules"`     // of Rules: the first that fits counts
}

// RoleRule gives a role to those whose token has a claim.
type RoleRule struct {
	Claim   string `toml:"claim"`
	Match   string `toml:"match"` // Equals, NotEqual, StartsWith, Contains
	Value   string `toml:"value"`
	RoleARN string `toml:"role_arn"`
}

// Role is an IAM role.
type Role struct {
	ARN string `toml:"arn"`
	// Policy is what the role may do, an IAM policy document; Trust is who may
	// assume it.
	Policy     string        `toml:"policy"`
	Trust      string        `toml:"trust"`
	MaxSession time.Duration `toml:"max_session"` // MaxSessionDuration; 0 means 1 hour
}

// Identity is somebody, or some device, that an identity pool knows.
type Identity struct {
	ID       string
	PoolID   string
	Logins   map[string]string // provider to subject; empty for a guest
	Created  time.Time
	Modified time.Time
}

// Key is an AWS access key: a user's, or one of an assumed role, which has a
// session token and ends.
type Key struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time // zero: never

	ARN    string // of the caller: a user, or an assumed role with its session
	UserID string // AIDA…, or AROA…:SESSION
	Role   string // ARN of the assumed role; "" for a user
	Policy string // of a user

	// Of an identity pool's identity; "" otherwise.
	IdentityID, IdentityPoolID string
	AMR                        []string          // authenticated or unauthenticated, the provider, the login; must not be changed
	Tags                       map[string]string // principal tags; must not be changed
}

// keptKeys is how many keys are kept before those that ended a day ago go.
const keptKeys = 10_000

// aws is the part of the store that is not about user pools.
type aws struct {
	identityPools map[string]IdentityPool
	roles         map[string]Role
	identities    map[string]*Identity
	keys          map[string]Key // by access key id
	secrets       map[string]Secret
	parameters    map[string]Parameter
}

// AddIdentityPool adds an identity pool whose id is not there yet.
func (s *Store) AddIdentityPool(p IdentityPool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.aws.identityPools[p.ID]; there || p.ID == "" {
		return fmt.Errorf("identity pool %q is there twice or has no id", p.ID)
	}
	put(&s.aws.identityPools, p.ID, p)
	return nil
}

// IdentityPool returns the settings of one identity pool.
func (s *Store) IdentityPool(id string) (IdentityPool, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.aws.identityPools[id]
	return p, ok
}

// IdentityPools lists the identity pools by id.
func (s *Store) IdentityPools() []IdentityPool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var pools []IdentityPool
	for _, id := range slices.Sorted(maps.Keys(s.aws.identityPools)) {
		pools = append(pools, s.aws.identityPools[id])
	}
	return pools
}

// UpdateIdentityPool changes the settings of an identity pool, but not its id.
func (s *Store) UpdateIdentityPool(id string, change func(*IdentityPool) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.aws.identityPools[id]
	if !ok {
		return ErrUnknown
	}
	if err := change(&p); err != nil {
		return err
	}
	p.ID = id
	s.aws.identityPools[id] = p
	return nil
}

// PutRole adds a role, or takes the place of the one with its ARN.
func (s *Store) PutRole(r Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	put(&s.aws.roles, r.ARN, r)
}

// Role finds a role by its ARN.
func (s *Store) Role(arn string) (Role, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.aws.roles[arn]
	return r, ok
}

// PutKey keeps an access key.
func (s *Store) PutKey(k Key, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.aws.keys) >= keptKeys {
		maps.DeleteFunc(s.aws.keys, func(_ string, old Key) bool {
			return !old.Expires.IsZero() && s.over(now).After(old.Expires.Add(24*time.Hour))
		})
	}
	put(&s.aws.keys, k.AccessKeyID, k)
}

// Key finds an access key, whether or not it has ended.
func (s *Store) Key(accessKeyID string) (Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.aws.keys[accessKeyID]
	return k, ok
}

// Identity returns one identity.
func (s *Store) Identity(id string) (Identity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.aws.identities[id]
	if i == nil {
		return Identity{}, false
	}
	return i.clone(), true
}

// FindIdentity returns the identity of a pool that some logins belong to, and
// makes one under newID where there is none: without logins, for a guest, each
// time. Logins that are new to the identity are linked to it. The error is
// ErrLoginTaken when two identities have one of the logins each.
func (s *Store) FindIdentity(poolID string, logins map[string]string, newID string, now time.Time) (Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owners := s.aws.owners(poolID, logins)
	switch len(owners) {
	case 0:
		made := &Identity{ID: newID, PoolID: poolID, Logins: maps.Clone(logins), Created: now, Modified: now}
		put(&s.aws.identities, newID, made)
		return made.clone(), nil
	case 1:
		return owners[0].link(logins, now)
	}
	return Identity{}, ErrLoginTaken
}

// UseIdentity returns an identity for somebody who has logins. Those that are
// new to it are linked. A guest's identity with logins that another identity of
// the pool has is given up for that one. The errors are ErrNoIdentity,
// ErrLoginsNeeded, ErrLoginsMismatch and ErrLoginTaken.
func (s *Store) UseIdentity(id string, logins map[string]string, now time.Time) (Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.aws.identities[id]
	switch {
	case i == nil:
		return Identity{}, ErrNoIdentity
	case len(i.Logins) > 0 && len(logins) == 0:
		return Identity{}, ErrLoginsNeeded
	case len(logins) == 0:
		return i.clone(), nil
	case len(i.Logins) > 0 && !i.has(logins):
		return Identity{}, ErrLoginsMismatch
	}
	owners := s.aws.owners(i.PoolID, logins)
	switch {
	case len(owners) == 0, len(owners) == 1 && owners[0] == i:
		return i.link(logins, now)
	case len(owners) == 1: // not i, which therefore has no logins
		delete(s.aws.identities, i.ID)
		return owners[0].link(logins, now)
	}
	return Identity{}, ErrLoginTaken
}

// owners are the identities of a pool that have one of the logins.
func (a *aws) owners(poolID string, logins map[string]string) []*Identity {
	var found []*Identity
	for _, i := range a.identities {
		if i.PoolID == poolID && i.has(logins) {
			found = append(found, i)
		}
	}
	return found
}

func (i *Identity) has(logins map[string]string) bool {
	for provider, subject := range logins {
		if s, linked := i.Logins[provider]; linked && s == subject {
			return true
		}
	}
	return false
}

// link adds logins. An identity has one of each provider.
func (i *Identity) link(logins map[string]string, now time.Time) (Identity, error) {
	for provider, subject := range logins {
		if s, linked := i.Logins[provider]; linked && s != subject {
			return Identity{}, ErrLoginTaken
		}
	}
	before := len(i.Logins)
	if i.Logins == nil {
		i.Logins = map[string]string{}
	}
	maps.Copy(i.Logins, logins)
	if len(i.Logins) != before {
		i.Modified = now
	}
	return i.clone(), nil
}

func (i *Identity) clone() Identity {
	c := *i
	c.Logins = maps.Clone(i.Logins)
	return c
}

// put writes to a map that may not be there yet.
func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}
