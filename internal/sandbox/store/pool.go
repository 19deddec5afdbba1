package store

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Pool is the settings of a user pool, named as in CreateUserPool. The zero
// value of every field but ID is a usable default.
type Pool struct {
	ID                 string         `toml:"id"`                  // region_name, such as us-east-1_Sandbox01
	Policy             PasswordPolicy `toml:"password_policy"`     // zero: AWS's default, see PasswordPolicy
	AliasAttributes    []string       `toml:"alias_attributes"`    // email, phone_number, preferred_username: sign in once verified
	UsernameAttributes []string       `toml:"username_attributes"` // email, phone_number: they are the username; the internal one is a UUID
	AutoVerified       []string       `toml:"auto_verified"`       // email, phone_number: SignUp sends a code to the first that is there
	RequiredAttributes []string       `toml:"required_attributes"`
	CustomAttributes   []string       `toml:"custom_attributes"` // with their prefix: custom:tenant
	AdminCreateOnly    bool           `toml:"admin_create_only"` // SignUp is refused
	// TemporaryPasswordValidity is how long a password set by an administrator
	// lasts; 0 means 7 days.
	TemporaryPasswordValidity time.Duration `toml:"temporary_password_validity"`
	MFA                       string        `toml:"mfa"`       // OFF (also ""), OPTIONAL, ON
	MFATypes                  []string      `toml:"mfa_types"` // SMS_MFA, SOFTWARE_TOKEN_MFA, EMAIL_OTP; empty means all of them
	// DeviceTracking is DeviceConfiguration: "" is off, "always" remembers what
	// ConfirmDevice confirms, "opt-in" waits for UpdateDeviceStatus.
	DeviceTracking string `toml:"device_tracking"`
	// DevicesKeepMFA is ChallengeRequiredOnNewDevice=false: a remembered device
	// does not take the place of the second factor.
	DevicesKeepMFA bool `toml:"devices_keep_mfa"`
	// FirstFactors is SignInPolicy.AllowedFirstAuthFactors, what USER_AUTH
	// offers: PASSWORD, EMAIL_OTP, SMS_OTP, WEB_AUTHN; empty means PASSWORD.
	FirstFactors []string `toml:"first_factors"`
	// IdentityProviders are the social providers whose place the sandbox's
	// stand-in takes, by the names that identity_provider has: Google, Facebook,
	// LoginWithAmazon, SignInWithApple.
	IdentityProviders []string `toml:"identity_providers"`
	// CustomAuth stands for the three triggers of CUSTOM_AUTH: they ask each
	// user his own Questions.
	CustomAuth bool `toml:"custom_auth"`
}

// Second factors and device tracking, as they are written in Pool and User.
const (
	SMSMFA       = "SMS_MFA"
	TOTPMFA      = "SOFTWARE_TOKEN_MFA"
	EmailMFA     = "EMAIL_OTP"
	TrackAlways  = "always"
	TrackOptIn   = "opt-in"
	TrackNowhere = "off"
)

// MFAOffered says whether the pool has a kind of second factor.
func (p Pool) MFAOffered(kind string) bool {
	on := p.MFARequired() || p.MFA == "OPTIONAL"
	return on && (len(p.MFATypes) == 0 || slices.Contains(p.MFATypes, kind))
}

// MFARequired says whether nobody signs in without a second factor.
func (p Pool) MFARequired() bool { return p.MFA == "ON" }

// Tracks says how the pool remembers the devices of a user: "", always, opt-in.
func (p Pool) Tracks(u User) string {
	switch {
	case u.DeviceTracking == TrackNowhere:
		return ""
	case u.DeviceTracking != "":
		return u.DeviceTracking
	case p.DeviceTracking == TrackNowhere:
		return ""
	}
	return p.DeviceTracking
}

// FirstFactor says whether USER_AUTH may begin with a factor.
func (p Pool) FirstFactor(factor string) bool {
	return slices.Contains(p.FirstFactors, factor) || len(p.FirstFactors) == 0 && factor == "PASSWORD"
}

// TemporaryFor is how long a temporary password of this pool lasts.
func (p Pool) TemporaryFor() time.Duration {
	return cmp.Or(p.TemporaryPasswordValidity, 7*24*time.Hour)
}

// PasswordPolicy is PasswordPolicyType. The zero value is AWS's default: at
// least 8 characters with an upper-case letter, a lower-case letter, a digit
// and a symbol.
type PasswordPolicy struct {
	MinimumLength int  `toml:"minimum_length"` // characters; 0 means 8
	NoUppercase   bool `toml:"no_uppercase"`   // not required
	NoLowercase   bool `toml:"no_lowercase"`
	NoNumbers     bool `toml:"no_numbers"`
	NoSymbols     bool `toml:"no_symbols"`
}

// Length is how many characters a password needs at least.
func (p PasswordPolicy) Length() int { return cmp.Or(p.MinimumLength, 8) }

// Client is an app client, named as in CreateUserPoolClient. Its zero value is
// a public client with AWS's defaults, except that it hides whether a user
// exists: PreventUserExistenceErrors is ENABLED, as the console makes it.
type Client struct {
	ID     string `toml:"id"`
	PoolID string `toml:"-"`      // set by AddPool
	Secret string `toml:"secret"` // "" = a public client
	// ExplicitAuthFlows holds ALLOW_… names or the legacy ones; empty means
	// refresh, SRP and custom.
	ExplicitAuthFlows          []string      `toml:"explicit_auth_flows"`
	PreventUserExistenceErrors string        `toml:"prevent_user_existence_errors"` // ENABLED (also ""), LEGACY
	AccessTokenValidity        time.Duration `toml:"access_token_validity"`         // 0 means 1 hour
	IDTokenValidity            time.Duration `toml:"id_token_validity"`             // 0 means 1 hour
	RefreshTokenValidity       time.Duration `toml:"refresh_token_validity"`        // 0 means 30 days
	AuthSessionValidity        time.Duration `toml:"auth_session_validity"`         // 0 means 3 minutes
	// NoTokenRevocation is EnableTokenRevocation=false: no jti and origin_jti
	// in the tokens, and RevokeToken refuses.
	NoTokenRevocation bool `toml:"no_token_revocation"`
	// RotateRefreshTokens is RefreshTokenRotation.Feature=ENABLED; a rotated
	// token is good for RetryGrace more (0 to 60 s at AWS).
	RotateRefreshTokens bool          `toml:"rotate_refresh_tokens"`
	RetryGrace          time.Duration `toml:"retry_grace"`

	// What the pages and OAuth endpoints of the domain let the client do. A URL
	// must be given by a request exactly as it stands here.
	CallbackURLs      []string `toml:"callback_urls"`
	LogoutURLs        []string `toml:"logout_urls"`
	OAuthFlows        []string `toml:"allowed_oauth_flows"`  // code, implicit, client_credentials
	OAuthScopes       []string `toml:"allowed_oauth_scopes"` // openid, email, …, and identifier/name of resource servers
	IdentityProviders []string `toml:"identity_providers"`   // COGNITO and names of the pool's; empty means COGNITO
}

// AllowsOAuth says whether the client may use code, implicit or
// client_credentials.
func (c Client) AllowsOAuth(flow string) bool { return slices.Contains(c.OAuthFlows, flow) }

// AllowsProvider says whether the client's users may come from a provider;
// COGNITO is the pool itself.
func (c Client) AllowsProvider(name string) bool {
	return slices.Contains(c.IdentityProviders, name) || len(c.IdentityProviders) == 0 && name == "COGNITO"
}

// HidesUsers says whether an unknown user must look like a wrong password.
func (c Client) HidesUsers() bool { return c.PreventUserExistenceErrors != "LEGACY" }

// AccessFor is the life of an access token.
func (c Client) AccessFor() time.Duration { return cmp.Or(c.AccessTokenValidity, time.Hour) }

// IDFor is the life of an ID token.
func (c Client) IDFor() time.Duration { return cmp.Or(c.IDTokenValidity, time.Hour) }

// RefreshFor is the life of a refresh token.
func (c Client) RefreshFor() time.Duration { return cmp.Or(c.RefreshTokenValidity, 30*24*time.Hour) }

// SessionFor is how long a challenge may wait for its answer.
func (c Client) SessionFor() time.Duration { return cmp.Or(c.AuthSessionValidity, 3*time.Minute) }

// Allows says whether the client may use an AuthFlowType, given by its current
// name (USER_SRP_AUTH, USER_PASSWORD_AUTH, REFRESH_TOKEN_AUTH, CUSTOM_AUTH, …).
// A client with refresh token rotation never refreshes through InitiateAuth.
func (c Client) Allows(flow string) bool {
	if flow == "REFRESH_TOKEN_AUTH" && c.RotateRefreshTokens {
		return false
	}
	byDefault := flow == "USER_SRP_AUTH" || flow == "CUSTOM_AUTH"
	modern := slices.ContainsFunc(c.ExplicitAuthFlows, func(f string) bool { return strings.HasPrefix(f, "ALLOW_") })
	switch {
	case modern:
		return slices.Contains(c.ExplicitAuthFlows, "ALLOW_"+flow)
	case flow == "REFRESH_TOKEN_AUTH":
		return true
	case slices.Contains(c.ExplicitAuthFlows, "CUSTOM_AUTH_FLOW_ONLY"):
		return flow == "CUSTOM_AUTH"
	case flow == "ADMIN_USER_PASSWORD_AUTH":
		return slices.Contains(c.ExplicitAuthFlows, "ADMIN_NO_SRP_AUTH")
	}
	return byDefault || slices.Contains(c.ExplicitAuthFlows, flow)
}

// Group is a group of users, named as in CreateGroup.
type Group struct {
	Name       string `toml:"name"`
	RoleARN    string `toml:"role_arn"`
	Precedence *int   `toml:"precedence"` // lower is more important; nil is least
}

// SamePrecedence says whether neither group is more important than the other.
func (g Group) SamePrecedence(o Group) bool {
	if g.Precedence == nil || o.Precedence == nil {
		return g.Precedence == o.Precedence
	}
	return *g.Precedence == *o.Precedence
}

func (g Group) compare(o Group) int {
	switch {
	case g.Precedence != nil && o.Precedence != nil:
		if c := cmp.Compare(*g.Precedence, *o.Precedence); c != 0 {
			return c
		}
	case g.Precedence != nil:
		return -1
	case o.Precedence != nil:
		return 1
	}
	return cmp.Compare(g.Name, o.Name)
}
