package userpool

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// selfService is the only scope of an access token that this API issues itself,
// and what the operations that take an access token ask for.
const selfService = "aws.cognito.signin.user.admin"

// Keys are the two signing keys of a pool. Cognito signs ID and access tokens
// with different ones, both published in the pool's JWK set.
type Keys struct {
	ID, Access *jwt.Signer
}

// Public returns the public halves, that of the ID tokens first.
func (k Keys) Public() []jwt.Key { return []jwt.Key{k.ID.Public(), k.Access.Public()} }

// Issuer mints the tokens of all pools, and checks its own.
type Issuer struct {
	Store  *store.Store
	Random io.Reader
	URL    func(poolID string) string // the iss claim
	Keys   map[string]Keys            // by pool id; never written to
}

// Tokens is what a sign-in or a refresh gives.
type Tokens struct {
	ID, Access string
	Refresh    string        // "" when it stays the same, or there is none
	ExpiresIn  time.Duration // of the access token
}

// Issue signs an ID and an access token for a grant, as of now. The claims are
// those of Cognito, named here in the order of the developer guide; auth_time,
// origin_jti and event_id belong to the grant and so outlive refreshes (for
// event_id UNCONFIRMED). What a grant of the OAuth endpoints changes in them is
// in oauth.go.
func (i Issuer) Issue(client store.Client, user store.User, g store.Grant, now time.Time) (Tokens, error) {
	keys, ok := i.Keys[g.PoolID]
	if !ok {
		return Tokens{}, fmt.Errorf("user pool %s has no signing keys", g.PoolID)
	}
	id, err := i.common(client, user, g, now)
	if err != nil {
		return Tokens{}, err
	}
	access, err := i.common(client, user, g, now)
	if err != nil {
		return Tokens{}, err
	}
	i.addIdentity(id, user, g)
	id["token_use"], id["aud"], id["exp"] = "id", client.ID, now.Add(client.IDFor()).Unix()
	access["token_use"], access["client_id"], access["exp"] = "access", client.ID, now.Add(client.AccessFor()).Unix()
	access["scope"], access["username"] = selfService, user.Username
	if g.Device != "" {
		access["device_key"] = g.Device
	}
	if g.OAuth {
		addOAuth(access, g)
	}

	tokens := Tokens{ExpiresIn: client.AccessFor()}
	if tokens.Access, err = keys.Access.Sign(access); err != nil {
		return Tokens{}, fmt.Errorf("sign the access token of %s: %w", user.Username, err)
	}
	if g.OAuth {
		if !slices.Contains(g.Scopes, scopeOpenID) {
			return tokens, nil
		}
		id["at_hash"] = accessTokenHash(tokens.Access)
		if g.Nonce != "" {
			id["nonce"] = g.Nonce
		}
	}
	if tokens.ID, err = keys.ID.Sign(id); err != nil {
		return Tokens{}, fmt.Errorf("sign the ID token of %s: %w", user.Username, err)
	}
	return tokens, nil
}

// common are the claims that both tokens have. Without token revocation there
// is no jti and no origin_jti.
func (i Issuer) common(client store.Client, user store.User, g store.Grant, now time.Time) (map[string]any, error) {
	claims := map[string]any{
		"sub":       user.Sub,
		"iss":       i.URL(g.PoolID),
		"event_id":  g.EventID,
		"auth_time": g.AuthTime.Unix(),
		"iat":       now.Unix(),
	}
	if !client.NoTokenRevocation {
		jti, err := store.NewID(i.Random)
		if err != nil {
			return nil, err
		}
		claims["jti"], claims["origin_jti"] = jti, g.OriginJTI
	}
	if len(user.Groups) > 0 {
		names := []string{}
		for _, group := range i.Store.Groups(g.PoolID, user.Username) {
			names = append(names, group.Name)
		}
		claims["cognito:groups"] = names
	}
	return claims, nil
}

// addIdentity adds what only the ID token has: who the user is, with every
// attribute that the grant allows, and the roles of his groups.
func (i Issuer) addIdentity(claims map[string]any, user store.User, g store.Grant) {
	claims["cognito:username"] = user.Username
	addRoles(claims, i.Store.Groups(g.PoolID, user.Username))
	for name, value := range maps.All(user.Attributes) {
		switch {
		case value == "" || !g.Reveals(name):
		case name == identities:
			claims[name] = json.RawMessage(value) // an array, as text in GetUser
		case strings.HasSuffix(name, "_verified"):
			claims[name] = value == "true" // a JSON boolean, unlike in GetUser
		default:
			claims[name] = value
		}
	}
}

// addRoles adds the roles of groups, which come with the most important first. The
// preferred one is that of the most important group with a role, unless another
// group of the same precedence has another role ("Role-based access control").
func addRoles(claims map[string]any, groups []store.Group) {
	groups = slices.DeleteFunc(groups, func(g store.Group) bool { return g.RoleARN == "" })
	if len(groups) == 0 {
		return
	}
	var roles []string
	tied := false
	for _, group := range groups {
		tied = tied || group.RoleARN != groups[0].RoleARN && group.SamePrecedence(groups[0])
		if !slices.Contains(roles, group.RoleARN) {
			roles = append(roles, group.RoleARN)
		}
	}
	claims["cognito:roles"] = roles
	if !tied {
		claims["cognito:preferred_role"] = roles[0]
	}
}

// refreshToken makes an opaque token that looks like Cognito's: a five-part
// compact JWE. Nobody can open it; the store knows what it stands for.
func (i Issuer) refreshToken() (string, error) {
	const header = `{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}`
	parts := []string{base64.RawURLEncoding.EncodeToString([]byte(header))}
	for _, size := range []int{256, 12, 830, 16} { // encrypted key, nonce, text, tag
		b := make([]byte, size)
		if _, err := io.ReadFull(i.Random, b); err != nil {
			return "", fmt.Errorf("read %d random bytes: %w", size, err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(b))
	}
	return strings.Join(parts, "."), nil
}

// Access checks an access token as the self-service operations do and returns
// its pool and user. An ID token, or one of another issuer, is an invalid
// access token.
func (i Issuer) Access(ctx context.Context, raw string, now time.Time) (poolID string, user store.User, err error) {
	poolID, user, _, err = i.access(ctx, raw, selfService, now)
	return poolID, user, err
}

// access is Access for a token with any one scope. It returns all that the
// token has.
func (i Issuer) access(ctx context.Context, raw, scope string, now time.Time) (poolID string, user store.User, scopes []string, err error) {
	token, err := jwt.Parse(raw)
	if err != nil {
		return "", store.User{}, nil, errAccessInvalid
	}
	scopes = strings.Fields(token.Claims.String("scope"))
	issuer := token.Claims.String("iss")
	poolID = issuer[strings.LastIndexByte(issuer, '/')+1:]
	keys, ok := i.Keys[poolID]
	if !ok || i.URL(poolID) != issuer {
		return "", store.User{}, nil, errAccessInvalid
	}
	report := jwt.Verify(ctx, raw, jwt.NewStaticKeys(issuer, keys.Access.Public()), jwt.Policy{
		Algorithms: []string{"RS256"}, Issuers: []string{issuer}, Use: "access", Now: now,
	})
	switch failed := report.Failed(); {
	case len(failed) == 1 && failed[0].Code == "expired":
		return "", store.User{}, nil, errAccessExpired
	case len(failed) > 0:
		return "", store.User{}, nil, errAccessInvalid
	case !slices.Contains(scopes, scope):
		return "", store.User{}, nil, errAccessScopes
	}
	user, known := i.Store.BySub(poolID, token.Claims.String("sub"))
	switch {
	case !known:
		return "", store.User{}, nil, errUserNotFound
	case user.Disabled: // which revokes his tokens, too
		return "", store.User{}, nil, errDisabled
	case i.Store.Revoked(token.Claims.String("event_id")):
		return "", store.User{}, nil, errAccessRevoked
	}
	return poolID, user, scopes, checkState(user)
}
