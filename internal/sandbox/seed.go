package sandbox

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// Seed is what a sandbox starts with.
type Seed struct {
	Pools  []Pool      `toml:"pools"` // the API's authorizers trust the first
	API    APISettings `toml:"api"`
	Routes []Route     `toml:"routes"`

	// UsagePlans are those of the stage that the API runs in.
	UsagePlans []UsagePlan `toml:"usage_plans"`

	IdentityPools []store.IdentityPool `toml:"identity_pools"`
	Roles         []store.Role         `toml:"roles"` // what identities may do

	Secrets    []store.Secret    `toml:"secrets"`    // of Secrets Manager
	Parameters []store.Parameter `toml:"parameters"` // of Parameter Store
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
	// MFA are the active second factors, SMS_MFA, SOFTWARE_TOKEN_MFA and
	// EMAIL_OTP; PreferredMFA is one of them or "".
	MFA            []string         `toml:"mfa"`
	PreferredMFA   string           `toml:"preferred_mfa"`
	TOTPSecret     string           `toml:"totp_secret"`     // base32; "" means a random one where MFA wants it
	DeviceTracking string           `toml:"device_tracking"` // off, always, opt-in; "" is as the pool says
	Passkey        bool             `toml:"passkey"`         // USER_AUTH offers WEB_AUTHN
	Questions      []store.Question `toml:"questions"`       // of CUSTOM_AUTH
}

// The names of the default pool.
const (
	DefaultPoolID      = "us-east-1_Sandbox01"
	PublicClientID     = "sandboxweb"
	SecretClientID     = "sandboxbackend"
	MachineClientID    = "sandboxmachine" // client_credentials only
	ReadScope          = "content/read"   // of GET /content
	WriteScope         = "content/write"  // of POST /content
	DefaultPassword    = "Passw0rd!"
	TemporaryPassword  = "Temp0rary!" // of the user "new", who must change it
	clientSecretLength = 51
)

// CallbackURLs are the callback URLs of the default pool's clients that people
// sign in to: two ports, so that one may be taken.
func CallbackURLs() []string {
	return []string{
		"http://localhost:17170/callback", "http://localhost:17171/callback",
		"http://127.0.0.1:17170/callback", "http://127.0.0.1:17171/callback",
	}
}

// logoutURLs are the same with /logout.
func logoutURLs() []string {
	urls := CallbackURLs()
	for i := range urls {
		urls[i] = strings.Replace(urls[i], "/callback", "/logout", 1)
	}
	return urls
}

// DefaultSeed is the pool a sandbox has when nobody says otherwise. The secrets
// of the clients sandboxbackend and sandboxmachine are others each time.
func DefaultSeed() Seed {
	flows := []string{
		"ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH",
		"ALLOW_USER_AUTH", "ALLOW_CUSTOM_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH",
	}
	scopes := []string{"openid", "email", "phone", "profile", "aws.cognito.signin.user.admin", ReadScope}
	const social = "Google"
	// onPages is a client whose users sign in on the pages too.
	onPages := func(c Client) Client {
		c.ExplicitAuthFlows, c.OAuthFlows, c.OAuthScopes = flows, []string{"code"}, slices.Clone(scopes)
		c.CallbackURLs, c.LogoutURLs, c.IdentityProviders = CallbackURLs(), logoutURLs(), []string{"COGNITO", social}
		return c
	}
	backend := onPages(Client{ID: SecretClientID, Secret: newClientSecret()})
	backend.OAuthScopes = append(backend.OAuthScopes, WriteScope)
	first, second := 1, 2
	seed := Seed{API: defaultAPI(), Routes: defaultRoutes(), UsagePlans: defaultUsagePlans(), Pools: []Pool{{
		Pool: store.Pool{
			ID: DefaultPoolID, AliasAttributes: []string{"email"}, AutoVerified: []string{"email"},
			MFA: "OPTIONAL", FirstFactors: []string{"PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"}, CustomAuth: true,
			IdentityProviders: []string{social},
		},
		Clients: []Client{
			onPages(Client{ID: PublicClientID}),
			backend,
			{
				ID: MachineClientID, Secret: newClientSecret(), ExplicitAuthFlows: []string{"ALLOW_REFRESH_TOKEN_AUTH"},
				OAuthFlows: []string{"client_credentials"}, OAuthScopes: []string{ReadScope, WriteScope},
			},
		},
		Groups: []Group{{Name: "admin", Precedence: &first, RoleARN: AdminRole}, {Name: "readers", Precedence: &second}},
		Users:  defaultUsers(),
	}}}
	seed.complete()
	return seed
}

// complete adds what goes with the first pool.
func (s *Seed) complete() {
	s.IdentityPools, s.Roles = identitiesOf(s.Pools[0])
	s.Secrets, s.Parameters = secretsOf(s.Pools[0])
}

// defaultUsers is one user for each case that a sign-in can meet.
func defaultUsers() []User {
	user := func(name string) User {
		return User{
			Username: name, Password: DefaultPassword,
			Attributes: map[string]string{"email": name + "@example.com", "email_verified": "true"},
		}
	}
	withPhone := func(u User, number string) User {
		u.Attributes["phone_number"], u.Attributes["phone_number_verified"] = number, "true"
		return u
	}
	ann, fresh := user("ann"), user("new")
	ann.Groups = []string{"admin", "readers"}
	fresh.Password, fresh.Status = TemporaryPassword, store.ForceChangePassword
	totp, mail := user("totp"), user("mail")
	totp.MFA, mail.MFA = []string{store.TOTPMFA}, []string{store.EmailMFA}
	sms, device := withPhone(user("sms"), "+15555550101"), withPhone(user("device"), "+15555550102")
	sms.MFA, device.MFA, device.DeviceTracking = []string{store.SMSMFA}, []string{store.SMSMFA}, store.TrackAlways
	custom := user("custom")
	custom.Questions = []store.Question{
		{Question: "What is the first word?", Answer: "open"}, {Question: "What is the second word?", Answer: "sesame"},
	}
	disabled, unconfirmed, reset := user("disabled"), user("unconfirmed"), user("reset")
	disabled.Disabled, unconfirmed.Status, reset.Status = true, store.Unconfirmed, store.ResetRequired
	unconfirmed.Attributes["email_verified"] = "false"
	return []User{ann, user("bob"), fresh, totp, sms, mail, device, custom, disabled, unconfirmed, reset}
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
		users, err := p.build(random, now)
		if err != nil {
			return err
		}
		for _, user := range users {
			if err := into.Create(p.ID, user, false); err != nil {
				return fmt.Errorf("user %q of pool %s: %w", user.Username, p.ID, err)
			}
		}
	}
	return s.plantIdentities(into)
}

// build makes the users all at the same time: each verifier costs some
// milliseconds.
func (p Pool) build(random io.Reader, now time.Time) ([]store.User, error) {
	users := make([]store.User, len(p.Users))
	errs := make([]error, len(p.Users))
	var work sync.WaitGroup
	for i, u := range p.Users {
		work.Go(func() { users[i], errs[i] = u.build(p.Pool, random, now) })
	}
	work.Wait()
	return users, errors.Join(errs...)
}

func (u User) build(pool store.Pool, random io.Reader, now time.Time) (store.User, error) {
	user := store.User{
		Username: u.Username, Sub: u.Sub, Status: u.Status, Disabled: u.Disabled,
		Attributes: u.Attributes, Groups: u.Groups, Created: now, Modified: now,
		MFA: u.MFA, PreferredMFA: u.PreferredMFA, DeviceTracking: u.DeviceTracking, Passkey: u.Passkey, Questions: u.Questions,
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
	if user.TOTP.Secret, err = u.totpSecret(random); err != nil {
		return store.User{}, err
	}
	if u.Password != "" {
		user.Verifier, err = store.NewVerifier(random, pool.ID, u.Username, u.Password)
	}
	return user, err
}

// totpSecret is the one that was given, or a random one for a user who needs
// one.
func (u User) totpSecret(random io.Reader) ([]byte, error) {
	if u.TOTPSecret != "" {
		secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.TOTPSecret)
		if err != nil {
			return nil, fmt.Errorf("user %q: the TOTP secret is not base32 without padding", u.Username)
		}
		return secret, nil
	}
	if !slices.Contains(u.MFA, store.TOTPMFA) {
		return nil, nil
	}
	secret := make([]byte, 32)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, fmt.Errorf("user %q: read a TOTP secret: %w", u.Username, err)
	}
	return secret, nil
}
