package auth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// ClientCredentials is how a machine signs in: an app client with a secret gets an
// access token in its own name (RFC 6749, section 4.4). There is no user, no ID
// token and no refresh token; when the token runs out another is asked for.
type ClientCredentials struct {
	Client    *Client
	Provider  Provider
	Scopes    []string // none: at Cognito all custom scopes of the app client
	Resources []string // whom the token is for (RFC 8707), each an absolute URI
}

// Login implements Flow.
func (f ClientCredentials) Login(ctx context.Context) (Tokens, error) {
	c := f.Client.config
	if c.ClientSecret == "" {
		return Tokens{}, &InputError{Item: ItemClientSecret, Subject: "the app client " + c.ClientID, Answers: []string{"COGCTL_CLIENT_SECRET"}}
	}
	op := fmt.Sprintf("sign in the app client %s at %s", c.ClientID, f.Provider.Token)
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(f.Scopes) > 0 {
		form.Set("scope", strings.Join(f.Scopes, " "))
	}
	if len(f.Resources) > 0 {
		form["resource"] = f.Resources
	}
	var t Tokens
	err := f.Client.repeat(ctx, freely, func(ctx context.Context) (err error) {
		t, err = f.Client.tokenRequest(ctx, f.Provider, form, op)
		return err
	})
	if err == nil && t.Access == "" {
		err = &NoAnswerError{Op: op, Err: errors.New("the answer holds no access token")}
	}
	t.ID, t.Refresh = "", "" // section 4.4.3: asking again serves as well
	return t, err
}

// MachineKey is the name that a machine's session is filed under: one for each
// set of scopes and resources, whatever their order. The zero byte keeps it apart
// from any user's, whose name cannot have one.
func MachineKey(issuer, clientID string, scopes, resources []string) string {
	set := func(items []string) string {
		return strings.Join(slices.Compact(slices.Sorted(slices.Values(items))), " ")
	}
	return SessionKey(issuer, clientID, "\x00client_credentials\x00"+set(scopes)+"\x00"+set(resources))
}

// MachineRefusalLasts is how long a machine that was refused is not tried again
// with the same secret. Nothing locks it out, so it is only as long as keeps many
// jobs that start together from asking one after another.
const MachineRefusalLasts = 30 * time.Second

// machine verifies the access token of a machine, since there is no ID token that
// could be: signature, iss, client_id, token_use and exp.
//
// An access token of another issuer than Cognito may be opaque, or made for others
// to read; then it is kept as unverified. It came from the token endpoint itself.
func (v Verifier) machine(ctx context.Context, s Session, t Tokens) (Session, error) {
	s.Username, s.Unverified = v.ClientID, true
	token, err := jwt.Parse(t.Access)
	switch {
	case v.Skip:
		return s.take(t), nil
	case v.Foreign && (err != nil || !slices.Contains(v.Issuers, token.Claims.String("iss"))):
		return s.take(t), nil
	case err != nil:
		return s, fmt.Errorf("the access token: %w", err)
	}
	policy := jwt.Policy{Issuers: v.Issuers, ClientIDs: []string{v.ClientID}, Use: "access"}
	if v.Foreign {
		policy.Use, policy.ClientIDs = "", nil // aud is the API
		if id := token.Claims.String("client_id"); id != "" && id != v.ClientID {
			return s, fmt.Errorf("the access token is for client_id %q, not %q", id, v.ClientID)
		}
	}
	if token, err = v.judged(ctx, t.Access, t, policy); err != nil {
		return s, fmt.Errorf("the access token: %w", err)
	}
	s.Subject, s.TokenIssuer, s.Unverified = token.Claims.String("sub"), token.Claims.String("iss"), false
	if t.Scope == "" {
		t.Scope = token.Claims.String("scope")
	}
	return s.take(t), nil
}
