package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// openIDFor is how long an OpenID token is good, and credentialsFor how long
// the credentials of the enhanced flow are.
const (
	openIDFor      = 10 * time.Minute
	credentialsFor = time.Hour
)

type getIDInput struct {
	IdentityPoolID string `json:"IdentityPoolId"`
	Logins         map[string]string
	AccountID      string `json:"AccountId"` // not looked at
}

type identityOutput struct {
	IdentityID string `json:"IdentityId"`
}

func (h *Handler) getID(ctx context.Context, in getIDInput) (identityOutput, error) {
	if err := checkID("identityPoolId", in.IdentityPoolID); err != nil {
		return identityOutput{}, err
	}
	pool, known := h.Store.IdentityPool(in.IdentityPoolID)
	if !known {
		return identityOutput{}, errNoPool(in.IdentityPoolID)
	}
	logins, err := h.admit(ctx, pool, in.Logins)
	if err != nil {
		return identityOutput{}, err
	}
	id, err := store.NewID(h.Random)
	if err != nil {
		return identityOutput{}, err
	}
	region, _, _ := strings.Cut(pool.ID, ":")
	found, err := h.Store.FindIdentity(pool.ID, subjects(logins), region+":"+id, h.Now())
	if err != nil {
		return identityOutput{}, storeError(err, "")
	}
	return identityOutput{found.ID}, nil
}

// admit judges the logins; without any the pool must let guests in.
func (h *Handler) admit(ctx context.Context, pool store.IdentityPool, logins map[string]string) ([]login, error) {
	if len(logins) == 0 && !pool.AllowUnauthenticated {
		return nil, errNoGuests
	}
	return h.judge(ctx, pool, logins)
}

// checkID wants REGION:UUID.
func checkID(parameter, value string) error {
	if value == "" {
		return errMissing(parameter)
	}
	region, id, found := strings.Cut(value, ":")
	if !found || region == "" || id == "" || strings.Trim(id, "0123456789abcdef-") != "" || strings.ContainsFunc(region, isOddInRegion) {
		return errPattern(parameter)
	}
	return nil
}

func isOddInRegion(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

func storeError(err error, identityID string) error {
	switch {
	case errors.Is(err, store.ErrNoIdentity):
		return errNoIdentity(identityID)
	case errors.Is(err, store.ErrLoginsNeeded):
		return errForbidden(identityID)
	case errors.Is(err, store.ErrLoginsMismatch):
		return errLoginsMismatch
	case errors.Is(err, store.ErrLoginTaken):
		return errLoginTaken
	}
	return err
}

// caller is an identity that has shown its logins.
type caller struct {
	pool     store.IdentityPool
	identity store.Identity
	logins   []login
}

// enter finds the identity that a request is for.
func (h *Handler) enter(ctx context.Context, identityID string, given map[string]string) (caller, error) {
	if err := checkID("identityId", identityID); err != nil {
		return caller{}, err
	}
	found, known := h.Store.Identity(identityID)
	if !known {
		return caller{}, errNoIdentity(identityID)
	}
	pool, known := h.Store.IdentityPool(found.PoolID)
	if !known {
		return caller{}, errNoPool(found.PoolID)
	}
	if len(given) == 0 && len(found.Logins) > 0 {
		return caller{}, errForbidden(identityID)
	}
	logins, err := h.admit(ctx, pool, given)
	if err != nil {
		return caller{}, err
	}
	used, err := h.Store.UseIdentity(identityID, subjects(logins), h.Now())
	if err != nil {
		return caller{}, storeError(err, identityID)
	}
	return caller{pool: pool, identity: used, logins: logins}, nil
}

// amr says how the identity was authenticated.
func (c caller) amr() []string {
	if len(c.logins) == 0 {
		return []string{"unauthenticated"}
	}
	amr := []string{"authenticated"}
	for _, l := range c.logins {
		amr = append(amr, l.provider, l.name)
	}
	return amr
}

type credentialsInput struct {
	IdentityID    string `json:"IdentityId"`
	Logins        map[string]string
	CustomRoleARN string `json:"CustomRoleArn"`
}

type credentialsOutput struct {
	IdentityID  string `json:"IdentityId"`
	Credentials struct {
		AccessKeyID  string  `json:"AccessKeyId"`
		SecretKey    string  // not SecretAccessKey, as everywhere else
		SessionToken string  `json:"SessionToken"`
		Expiration   float64 // seconds since 1970
	}
}

// getCredentialsForIdentity is the enhanced flow. Its session has AWS's own
// name, CognitoIdentityCredentials.
func (h *Handler) getCredentialsForIdentity(ctx context.Context, in credentialsInput) (credentialsOutput, error) {
	c, err := h.enter(ctx, in.IdentityID, in.Logins)
	if err != nil {
		return credentialsOutput{}, err
	}
	arn, err := c.role(in.CustomRoleARN)
	if err != nil {
		return credentialsOutput{}, err
	}
	role, known := h.Store.Role(arn)
	tags := c.tags()
	if !known || !h.trusts(role, webIdentity{audience: c.pool.ID, subject: c.identity.ID, amr: c.amr()}, len(tags) > 0) {
		return credentialsOutput{}, errRoles
	}
	key, err := h.assume(role, session{
		name: "CognitoIdentityCredentials", lasts: credentialsFor, tags: tags,
		identityID: c.identity.ID, poolID: c.pool.ID, amr: c.amr(),
	})
	if err != nil {
		return credentialsOutput{}, err
	}
	out := credentialsOutput{IdentityID: c.identity.ID}
	out.Credentials.AccessKeyID, out.Credentials.SecretKey = key.AccessKeyID, key.SecretAccessKey
	out.Credentials.SessionToken, out.Credentials.Expiration = key.SessionToken, float64(key.Expires.Unix())
	return out, nil
}

type openIDInput struct {
	IdentityID string `json:"IdentityId"`
	Logins     map[string]string
}

type openIDOutput struct {
	IdentityID string `json:"IdentityId"`
	Token      string
}

// getOpenIDToken begins the classic flow.
func (h *Handler) getOpenIDToken(ctx context.Context, in openIDInput) (openIDOutput, error) {
	c, err := h.enter(ctx, in.IdentityID, in.Logins)
	switch {
	case err != nil:
		return openIDOutput{}, err
	case !c.pool.AllowClassicFlow:
		return openIDOutput{}, errClassicOff
	case len(c.pool.RoleMappings) > 0:
		return openIDOutput{}, errClassicMappings
	}
	signer, err := h.OpenIDKey()
	if err != nil {
		return openIDOutput{}, err
	}
	now := h.Now()
	token, err := signer.Sign(map[string]any{
		"iss": h.Issuer(), "aud": c.pool.ID, "sub": c.identity.ID, "amr": c.amr(),
		"iat": now.Unix(), "exp": now.Add(openIDFor).Unix(),
	})
	return openIDOutput{c.identity.ID, token}, err
}
