package sandbox

import (
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// Seed is what a sandbox starts with.
type Seed struct {
	Pools []Pool `toml:"pools"` // the API's authorizers trust the first
}

// Pool is a user pool with all that is in it. Its own settings are named as in
// CreateUserPool; the zero value of each is a usable default.
type Pool struct {
	store.Pool
	Clients []Client `toml:"clients"`
	Groups  []Group  `toml:"groups"`
	Users   []User   `toml:"users"`
}

// Client is an app client; Group is a group of users.
type (
	Client = store.Client
	Group  = store.Group
)

// User is a user to begin with.
type User struct {
	Username   string            `toml:"username"`
	Sub        string            `toml:"sub"`      // "" means a random one
	Password   string            `toml:"password"` // "" means none: nobody can sign in with one
	Status     store.Status      `toml:"status"`   // "" means CONFIRMED
	Disabled   bool              `toml:"disabled"`
	Attributes map[string]string `toml:"attributes"`
	Groups     []string          `toml:"groups"`
}

// The names of the default pool.
const (
	DefaultPoolID      = "us-east-1_Sandbox01"
	PublicClientID     = "sandboxweb"
	SecretClientID     = "sandboxbackend"
	DefaultPassword    = "Passw0rd!"
	TemporaryPassword  = "Temp0rary!" // of the user "new", who must change it
	clientSecretLength = 51
)

// DefaultSeed is the pool a sandbox has when nobody says otherwise. The secret
// of the client sandboxbackend is another one each time.
func DefaultSeed() Seed {
	flows := []string{"ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
	mail := func(name string) map[string]string {
		return map[string]string{"email": name + "@example.com", "email_verified": "true"}
	}
	first, second := 1, 2
	return Seed{Pools: []Pool{{
		Pool: store.Pool{ID: DefaultPoolID, AliasAttributes: []string{"email"}, AutoVerified: []string{"email"}},
		Clients: []Client{
			{ID: PublicClientID, ExplicitAuthFlows: flows},
			{ID: SecretClientID, ExplicitAuthFlows: flows, Secret: newClientSecret()},
		},
		Groups: []Group{{Name: "admin", Precedence: &first}, {Name: "readers", Precedence: &second}},
		Users: []User{
			{Username: "ann", Password: DefaultPassword, Attributes: mail("ann"), Groups: []string{"admin", "readers"}},
			{Username: "bob", Password: DefaultPassword, Attributes: mail("bob")},
			{Username: "new", Password: TemporaryPassword, Attributes: mail("new"), Status: store.ForceChangePassword},
		},
	}}}
}

// newClientSecret has the form of Cognito's: lower-case letters and digits.
func newClientSecret() string {
	const digits = "0123456789abcdefghijklmnopqrstuv" // 32, so that no digit is likelier
	b := make([]byte, clientSecretLength)
	rand.Read(b)
	for i := range b {
		b[i] = digits[b[i]%32]
	}
	return string(b)
}

// plant puts a seed into an empty store.
func (s Seed) plant(into *store.Store, random io.Reader, now time.Time) error {
	if len(s.Pools) == 0 {
		return fmt.Errorf("the seed of the sandbox has no user pool")
	}
	for _, p := range s.Pools {
		if err := into.AddPool(p.Pool, p.Clients, p.Groups); err != nil {
			return err
		}
		for _, u := range p.Users {
			user, err := u.build(p.Pool, random, now)
			if err != nil {
				return err
			}
			if err := into.Create(p.ID, user, false); err != nil {
				return fmt.Errorf("user %q of pool %s: %w", u.Username, p.ID, err)
			}
		}
	}
	return nil
}

func (u User) build(pool store.Pool, random io.Reader, now time.Time) (store.User, error) {
	user := store.User{
		Username: u.Username, Sub: u.Sub, Status: u.Status, Disabled: u.Disabled,
		Attributes: u.Attributes, Groups: u.Groups, Created: now, Modified: now,
	}
	switch user.Status {
	case "":
		user.Status = store.Confirmed
	case store.ForceChangePassword:
		user.TemporaryUntil = now.Add(pool.TemporaryFor())
	case store.Confirmed, store.Unconfirmed, store.ResetRequired:
	default:
		return store.User{}, fmt.Errorf("user %q of pool %s: no such status %q", u.Username, pool.ID, u.Status)
	}
	var err error
	if user.Sub == "" {
		if user.Sub, err = store.NewID(random); err != nil {
			return store.User{}, err
		}
	}
	if u.Password != "" {
		user.Verifier, err = store.NewVerifier(random, pool.ID, u.Username, u.Password)
	}
	return user, err
}
