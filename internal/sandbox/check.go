package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// What AWS takes for the settings of a pool, an app client and a user. A file and
// the control listener go by the same: a name that means nothing would silently
// switch something off.

func checkPool(p store.Pool) error {
	mfa, tracking := cmp.Or(p.MFA, "OFF"), cmp.Or(p.DeviceTracking, store.TrackNowhere)
	if err := among("mfa", &mfa, "OFF", "OPTIONAL", "ON"); err != nil {
		return err
	}
	if err := among("device_tracking", &tracking, store.TrackNowhere, store.TrackAlways, store.TrackOptIn); err != nil {
		return err
	}
	if len(p.AliasAttributes) > 0 && len(p.UsernameAttributes) > 0 {
		return fmt.Errorf("alias_attributes and username_attributes exclude each other")
	}
	if p.TemporaryPasswordValidity < 0 {
		return fmt.Errorf("temporary_password_validity: %v is negative", p.TemporaryPasswordValidity)
	}
	for _, set := range []struct {
		name    string
		values  []string
		allowed []string
	}{
		{"mfa_types", p.MFATypes, []string{store.SMSMFA, store.TOTPMFA, store.EmailMFA}},
		{"first_factors", p.FirstFactors, []string{"PASSWORD", store.EmailMFA, "SMS_OTP", "WEB_AUTHN"}},
		{"alias_attributes", p.AliasAttributes, []string{"email", "phone_number", "preferred_username"}},
		{"username_attributes", p.UsernameAttributes, []string{"email", "phone_number"}},
		{"auto_verified", p.AutoVerified, []string{"email", "phone_number"}},
		{"identity_providers", p.IdentityProviders, []string{"Google", "Facebook", "LoginWithAmazon", "SignInWithApple"}},
	} {
		if err := allAmong(set.name, set.values, set.allowed); err != nil {
			return err
		}
	}
	for _, name := range p.CustomAttributes {
		if !strings.HasPrefix(name, "custom:") {
			return fmt.Errorf("custom_attributes: %q is not a name such as custom:tenant", name)
		}
	}
	return nil
}

// among wants the value, if there is one, to be one of a set.
func among(name string, value *string, allowed ...string) error {
	if value == nil || slices.Contains(allowed, *value) {
		return nil
	}
	return fmt.Errorf("%s: %q is not one of %q", name, *value, allowed)
}

func allAmong(name string, values, allowed []string) error {
	for _, value := range values {
		if err := among(name, &value, allowed...); err != nil {
			return err
		}
	}
	return nil
}

// checkClient has the limits of CreateUserPoolClient.
func checkClient(c store.Client) error {
	existence := cmp.Or(c.PreventUserExistenceErrors, "ENABLED")
	if err := among("prevent_user_existence_errors", &existence, "ENABLED", "LEGACY"); err != nil {
		return err
	}
	if err := allAmong("allowed_oauth_flows", c.OAuthFlows, []string{"code", "implicit", "client_credentials"}); err != nil {
		return err
	}
	if err := checkAuthFlows(c.ExplicitAuthFlows); err != nil {
		return err
	}
	for _, life := range []struct {
		name        string
		is          time.Duration
		least, most time.Duration
	}{
		{"access_token_validity", c.AccessFor(), 5 * time.Minute, 24 * time.Hour},
		{"id_token_validity", c.IDFor(), 5 * time.Minute, 24 * time.Hour},
		{"refresh_token_validity", c.RefreshFor(), time.Hour, 10 * 365 * 24 * time.Hour},
		{"auth_session_validity", c.SessionFor(), 3 * time.Minute, 15 * time.Minute},
		{"retry_grace", c.RetryGrace, 0, time.Minute},
	} {
		if life.is < life.least || life.is > life.most {
			return fmt.Errorf("%s: %v is not between %v and %v", life.name, life.is, life.least, life.most)
		}
	}
	return nil
}

// checkAuthFlows: ALLOW_ names and the older ones exclude each other.
func checkAuthFlows(flows []string) error {
	older := []string{"ADMIN_NO_SRP_AUTH", "CUSTOM_AUTH_FLOW_ONLY", "USER_PASSWORD_AUTH"}
	allowed := append([]string{
		"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_CUSTOM_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH",
		"ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH",
	}, older...)
	if err := allAmong("explicit_auth_flows", flows, allowed); err != nil {
		return err
	}
	isOlder := func(flow string) bool { return slices.Contains(older, flow) }
	if slices.ContainsFunc(flows, isOlder) && slices.ContainsFunc(flows, func(flow string) bool { return !isOlder(flow) }) {
		return fmt.Errorf("explicit_auth_flows: ALLOW_ names do not go with older ones such as %s", older[0])
	}
	return nil
}

// checkFactors are the second factors of a user.
func checkFactors(mfa []string, preferred, tracking string) error {
	if err := allAmong("mfa", mfa, []string{store.SMSMFA, store.TOTPMFA, store.EmailMFA}); err != nil {
		return err
	}
	if preferred != "" && !slices.Contains(mfa, preferred) {
		return fmt.Errorf("preferred_mfa: %q is not one of the user's mfa", preferred)
	}
	return among("device_tracking", &tracking, "", store.TrackNowhere, store.TrackAlways, store.TrackOptIn)
}

// check names the client or user that something is wrong with.
func (p Pool) check() error {
	if err := checkPool(p.Pool); err != nil {
		return err
	}
	for _, c := range p.Clients {
		if err := checkClient(c); err != nil {
			return fmt.Errorf("app client %s: %w", c.ID, err)
		}
	}
	for _, u := range p.Users {
		if err := checkFactors(u.MFA, u.PreferredMFA, u.DeviceTracking); err != nil {
			return fmt.Errorf("user %s: %w", u.Username, err)
		}
	}
	return nil
}
