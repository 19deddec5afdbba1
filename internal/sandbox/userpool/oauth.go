package userpool

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

const (
	scopeOpenID = "openid"
	// identities is the attribute that tells at which providers a user is
	// known. Its value is JSON.
	identities = "identities"
)

// addOAuth changes the claims of an access token to what the OAuth endpoints
// put there. That version is theirs alone is from memory: UNCONFIRMED.
func addOAuth(access map[string]any, g store.Grant) {
	access["scope"], access["version"] = strings.Join(g.Scopes, " "), 2
	if g.Audience != "" {
		access["aud"] = g.Audience
	}
}

// accessTokenHash is at_hash: the left half of the SHA-256 (OpenID Connect
// Core, section 3.1.3.6).
func accessTokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// Consent is what an authorization request was granted.
type Consent struct {
	Scopes   []string
	Nonce    string
	Audience string // "" for none
	AuthTime time.Time
}

// SignInOAuth makes the tokens of an authorization, all three: whoever hands out
// less keeps the refresh token to himself.
func (h *Handler) SignInOAuth(client store.Client, user store.User, c Consent) (Tokens, error) {
	g, refresh, err := h.named(store.Grant{
		PoolID: client.PoolID, ClientID: client.ID, Username: user.Username,
		AuthTime: c.AuthTime, Expires: h.Now().Add(client.RefreshFor()),
		OAuth: true, Scopes: c.Scopes, Audience: c.Audience, Nonce: c.Nonce,
	})
	if err != nil {
		return Tokens{}, err
	}
	tokens, err := h.Issuer.Issue(client, user, g, h.Now())
	if err != nil {
		return Tokens{}, err
	}
	g.Nonce = ""
	h.Store.AddGrant(g, refresh, h.Now())
	tokens.Refresh = refresh
	return tokens, nil
}

// RefreshOAuth makes new tokens for a refresh token, whichever endpoint gave it
// out, and with rotation a new refresh token. A refusal is an *Error.
func (h *Handler) RefreshOAuth(client store.Client, token string) (Tokens, error) {
	out, err := h.refresh(client, token, "")
	if err != nil {
		return Tokens{}, err
	}
	return out.tokens(), nil
}

func (o authOutput) tokens() Tokens {
	r := o.AuthenticationResult
	return Tokens{ID: r.IDToken, Access: r.AccessToken, Refresh: r.RefreshToken, ExpiresIn: time.Duration(r.ExpiresIn) * time.Second}
}

// RevokeOAuth ends the sign-in of a refresh token. A refusal is an *Error, of
// those that RevokeToken has.
func (h *Handler) RevokeOAuth(ctx context.Context, client store.Client, token string) error {
	_, err := h.revokeToken(ctx, revokeTokenInput{ClientID: client.ID, Token: token, ClientSecret: client.Secret})
	return err
}

// Machine signs the access token of a client that is its own user
// (client_credentials). The claims are from memory: UNCONFIRMED.
func (i Issuer) Machine(client store.Client, scopes []string, audience string, now time.Time) (Tokens, error) {
	keys, ok := i.Keys[client.PoolID]
	if !ok {
		return Tokens{}, fmt.Errorf("user pool %s has no signing keys", client.PoolID)
	}
	jti, err := store.NewID(i.Random)
	if err != nil {
		return Tokens{}, err
	}
	claims := map[string]any{
		"sub": client.ID, "token_use": "access", "client_id": client.ID, "jti": jti, "iss": i.URL(client.PoolID),
		"auth_time": now.Unix(), "iat": now.Unix(), "exp": now.Add(client.AccessFor()).Unix(),
	}
	addOAuth(claims, store.Grant{Scopes: scopes, Audience: audience})
	access, err := keys.Access.Sign(claims)
	if err != nil {
		return Tokens{}, fmt.Errorf("sign the access token of client %s: %w", client.ID, err)
	}
	return Tokens{Access: access, ExpiresIn: client.AccessFor()}, nil
}

// UserInfo are the claims that userInfo tells of the holder of an access token:
// all of them text, the *_verified ones too (from memory: UNCONFIRMED). The
// token must have the scope openid; a refusal is an *Error.
func (i Issuer) UserInfo(ctx context.Context, raw string, now time.Time) (map[string]string, error) {
	_, user, scopes, err := i.access(ctx, raw, scopeOpenID, now)
	if err != nil {
		return nil, err
	}
	info := map[string]string{"sub": user.Sub, "username": user.Username}
	allowed := store.Grant{OAuth: true, Scopes: scopes}
	for name, value := range user.Attributes {
		if value != "" && allowed.Reveals(name) {
			info[name] = value
		}
	}
	return info, nil
}
