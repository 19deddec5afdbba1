package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// poolSettings are those of a pool that the control listener can change. A
// request names some of them; an answer has all.
type poolSettings struct {
	MFA                *string   `json:"mfa"`             // OFF, OPTIONAL, ON
	MFATypes           *[]string `json:"mfa_types"`       // empty: all
	DeviceTracking     *string   `json:"device_tracking"` // off, always, opt-in
	DevicesKeepMFA     *bool     `json:"devices_keep_mfa"`
	FirstFactors       *[]string `json:"first_factors"`
	CustomAuth         *bool     `json:"custom_auth"`
	RequiredAttributes *[]string `json:"required_attributes"`
	AdminCreateOnly    *bool     `json:"admin_create_only"`
	IdentityProviders  *[]string `json:"identity_providers"` // social ones, each a stand-in
}

func (s *Sandbox) showPool(r *http.Request) (any, error) {
	p, ok := s.store.Pool(r.PathValue("id"))
	if !ok {
		return nil, notThere("user pool", r.PathValue("id"), store.ErrNoPool)
	}
	return poolSettings{
		MFA: &p.MFA, MFATypes: &p.MFATypes, DeviceTracking: &p.DeviceTracking, DevicesKeepMFA: &p.DevicesKeepMFA,
		FirstFactors: &p.FirstFactors, CustomAuth: &p.CustomAuth, RequiredAttributes: &p.RequiredAttributes, AdminCreateOnly: &p.AdminCreateOnly,
		IdentityProviders: &p.IdentityProviders,
	}, nil
}

func (s *Sandbox) changePool(r *http.Request) (any, error) {
	var in poolSettings
	if err := readBody(r, &in); err != nil {
		return nil, err
	}
	err := s.store.UpdatePool(r.PathValue("id"), func(p *store.Pool) error {
		set(&p.MFA, in.MFA)
		set(&p.MFATypes, in.MFATypes)
		set(&p.DeviceTracking, in.DeviceTracking)
		set(&p.DevicesKeepMFA, in.DevicesKeepMFA)
		set(&p.FirstFactors, in.FirstFactors)
		set(&p.CustomAuth, in.CustomAuth)
		set(&p.RequiredAttributes, in.RequiredAttributes)
		set(&p.AdminCreateOnly, in.AdminCreateOnly)
		set(&p.IdentityProviders, in.IdentityProviders)
		return checkPool(*p)
	})
	if err != nil {
		return nil, notThere("user pool", r.PathValue("id"), err)
	}
	return s.showPool(r)
}

// clientSettings are those of an app client, as poolSettings.
type clientSettings struct {
	RotateRefreshTokens        *bool     `json:"rotate_refresh_tokens"`
	RetryGrace                 *period   `json:"retry_grace"`
	AccessTokenValidity        *period   `json:"access_token_validity"`
	IDTokenValidity            *period   `json:"id_token_validity"`
	RefreshTokenValidity       *period   `json:"refresh_token_validity"`
	AuthSessionValidity        *period   `json:"auth_session_validity"`
	PreventUserExistenceErrors *string   `json:"prevent_user_existence_errors"` // ENABLED, LEGACY
	ExplicitAuthFlows          *[]string `json:"explicit_auth_flows"`
	NoTokenRevocation          *bool     `json:"no_token_revocation"`
	CallbackURLs               *[]string `json:"callback_urls"`
	LogoutURLs                 *[]string `json:"logout_urls"`
	OAuthFlows                 *[]string `json:"allowed_oauth_flows"` // code, implicit, client_credentials
	OAuthScopes                *[]string `json:"allowed_oauth_scopes"`
	IdentityProviders          *[]string `json:"identity_providers"` // COGNITO and some of the pool's
}

func (s *Sandbox) showClient(r *http.Request) (any, error) {
	c, ok := s.store.Client(r.PathValue("id"))
	if !ok {
		return nil, notThere("app client", r.PathValue("id"), store.ErrNoClient)
	}
	of := func(d time.Duration) *period { return (*period)(&d) }
	return clientSettings{
		RotateRefreshTokens: &c.RotateRefreshTokens, RetryGrace: of(c.RetryGrace),
		AccessTokenValidity: of(c.AccessFor()), IDTokenValidity: of(c.IDFor()), RefreshTokenValidity: of(c.RefreshFor()),
		AuthSessionValidity: of(c.SessionFor()), PreventUserExistenceErrors: &c.PreventUserExistenceErrors,
		ExplicitAuthFlows: &c.ExplicitAuthFlows, NoTokenRevocation: &c.NoTokenRevocation,
		CallbackURLs: &c.CallbackURLs, LogoutURLs: &c.LogoutURLs, OAuthFlows: &c.OAuthFlows, OAuthScopes: &c.OAuthScopes,
		IdentityProviders: &c.IdentityProviders,
	}, nil
}

func (s *Sandbox) changeClient(r *http.Request) (any, error) {
	var in clientSettings
	if err := readBody(r, &in); err != nil {
		return nil, err
	}
	err := s.store.UpdateClient(r.PathValue("id"), func(c *store.Client) error {
		set(&c.RotateRefreshTokens, in.RotateRefreshTokens)
		set(&c.RetryGrace, (*time.Duration)(in.RetryGrace))
		set(&c.AccessTokenValidity, (*time.Duration)(in.AccessTokenValidity))
		set(&c.IDTokenValidity, (*time.Duration)(in.IDTokenValidity))
		set(&c.RefreshTokenValidity, (*time.Duration)(in.RefreshTokenValidity))
		set(&c.AuthSessionValidity, (*time.Duration)(in.AuthSessionValidity))
		set(&c.PreventUserExistenceErrors, in.PreventUserExistenceErrors)
		set(&c.ExplicitAuthFlows, in.ExplicitAuthFlows)
		set(&c.NoTokenRevocation, in.NoTokenRevocation)
		set(&c.CallbackURLs, in.CallbackURLs)
		set(&c.LogoutURLs, in.LogoutURLs)
		set(&c.OAuthFlows, in.OAuthFlows)
		set(&c.OAuthScopes, in.OAuthScopes)
		set(&c.IdentityProviders, in.IdentityProviders)
		return checkClient(*c)
	})
	if err != nil {
		return nil, notThere("app client", r.PathValue("id"), err)
	}
	return s.showClient(r)
}

// userSettings are those of a user, as poolSettings.
type userSettings struct {
	Username       string            `json:"username,omitempty"` // not to be changed
	Sub            string            `json:"sub,omitempty"`      // not to be changed
	Status         *store.Status     `json:"status"`
	Disabled       *bool             `json:"disabled"`
	Attributes     map[string]string `json:"attributes"` // "" removes one; those that are left out stay
	MFA            *[]string         `json:"mfa"`
	PreferredMFA   *string           `json:"preferred_mfa"`
	DeviceTracking *string           `json:"device_tracking"` // "", off, always, opt-in
	Passkey        *bool             `json:"passkey"`
	Questions      *[]question       `json:"questions"`
	Devices        []string          `json:"devices,omitempty"` // keys of the confirmed ones; those that a change leaves out are forgotten
}

type question struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

func (s *Sandbox) findUser(r *http.Request) (store.User, error) {
	user, ok := s.store.Find(s.poolOf(r), r.PathValue("name"))
	if !ok {
		return store.User{}, notThere("user", r.PathValue("name"), store.ErrNoUser)
	}
	return user, nil
}

func (s *Sandbox) showUser(r *http.Request) (any, error) {
	u, err := s.findUser(r)
	if err != nil {
		return nil, err
	}
	questions, devices := []question{}, []string{}
	for _, q := range u.Questions {
		questions = append(questions, question(q))
	}
	for _, d := range u.Devices {
		if d.Confirmed {
			devices = append(devices, d.Key)
		}
	}
	return userSettings{
		Username: u.Username, Sub: u.Sub, Status: &u.Status, Disabled: &u.Disabled, Attributes: u.Attributes, MFA: &u.MFA,
		PreferredMFA: &u.PreferredMFA, DeviceTracking: &u.DeviceTracking, Passkey: &u.Passkey, Questions: &questions, Devices: devices,
	}, nil
}

func (s *Sandbox) changeUser(r *http.Request) (any, error) {
	var in userSettings
	if err := readBody(r, &in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	user, err := s.findUser(r)
	if err != nil {
		return nil, err
	}
	now := s.now()
	pool, _ := s.store.Pool(s.poolOf(r))
	_, err = s.store.Update(pool.ID, user.Username, false, func(u *store.User) error {
		set(&u.Status, in.Status)
		set(&u.Disabled, in.Disabled)
		set(&u.MFA, in.MFA)
		if in.MFA != nil && !slices.Contains(*in.MFA, u.PreferredMFA) {
			u.PreferredMFA = ""
		}
		set(&u.PreferredMFA, in.PreferredMFA)
		set(&u.DeviceTracking, in.DeviceTracking)
		set(&u.Passkey, in.Passkey)
		if in.Questions != nil {
			u.Questions = nil
			for _, q := range *in.Questions {
				u.Questions = append(u.Questions, store.Question(q))
			}
		}
		if in.Devices != nil {
			u.Devices = slices.DeleteFunc(u.Devices, func(d store.Device) bool { return !slices.Contains(in.Devices, d.Key) })
		}
		for name, value := range in.Attributes {
			u.Attributes[name] = value
			if value == "" {
				delete(u.Attributes, name)
			}
		}
		u.Modified = now
		if u.Status == store.ForceChangePassword {
			u.TemporaryUntil = now.Add(pool.TemporaryFor())
		}
		return checkFactors(u.MFA, u.PreferredMFA, u.DeviceTracking)
	})
	if err != nil {
		return nil, err
	}
	if in.Disabled != nil && *in.Disabled {
		s.store.RevokeUser(pool.ID, user.Username) // as AdminDisableUser
	}
	return s.showUser(r)
}

func (u userSettings) check() error {
	if u.Username != "" || u.Sub != "" {
		return fmt.Errorf("username and sub cannot be changed")
	}
	return among("status", (*string)(u.Status), string(store.Confirmed), string(store.Unconfirmed), string(store.ResetRequired), string(store.ForceChangePassword))
}

// totp is an authenticator as its owner has it.
type totp struct {
	Secret string `json:"secret"` // base32
	Code   string `json:"code"`   // of now
	Next   string `json:"next"`   // of the next 30 seconds, good already: no code is good twice
}

func (s *Sandbox) showTOTP(r *http.Request) (any, error) {
	u, err := s.findUser(r)
	if err != nil {
		return nil, err
	}
	if len(u.TOTP.Secret) == 0 {
		return nil, fmt.Errorf("an authenticator of user %q %w", u.Username, errNotThere)
	}
	step := userpool.TOTPStep(s.now())
	return totp{
		Secret: userpool.TOTPText(u.TOTP.Secret), Code: userpool.TOTPCode(u.TOTP.Secret, step), Next: userpool.TOTPCode(u.TOTP.Secret, step+1),
	}, nil
}
