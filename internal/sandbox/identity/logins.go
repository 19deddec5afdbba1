package identity

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// login is a token of a provider that was found good.
type login struct {
	provider string // accounts.google.com, cognito-idp.REGION.amazonaws.com/POOL
	mapping  string // its key in RoleMappings
	subject  string
	name     string // what the amr of the identity calls it
	claims   jwt.Claims
}

// userPoolPrefix begins the provider name of a user pool.
const userPoolPrefix = "cognito-idp."

// judge checks all logins of a request. They are in the order of their
// providers. The first one that is refused is the answer.
func (h *Handler) judge(ctx context.Context, pool store.IdentityPool, logins map[string]string) ([]login, error) {
	var good []login
	for _, name := range slices.Sorted(maps.Keys(logins)) {
		l, err := h.judgeOne(ctx, pool, name, logins[name])
		if err != nil {
			return nil, err
		}
		good = append(good, l)
	}
	return good, nil
}

// subjects are the logins as the store keeps them.
func subjects(logins []login) map[string]string {
	found := map[string]string{}
	for _, l := range logins {
		found[l.provider] = l.subject
	}
	return found
}

func (h *Handler) judgeOne(ctx context.Context, pool store.IdentityPool, name, token string) (login, error) {
	if clientID, ok := pool.LoginProviders[name]; ok {
		return h.judgeSocial(ctx, name, clientID, token)
	}
	poolID, ok := h.userPoolOf(name)
	if !ok {
		return login{}, errUnsupported
	}
	return h.judgeUserPool(ctx, pool, poolID, token)
}

// userPoolOf reads the provider name of a user pool. Some clients, Amplify among
// them, take it from the token's iss without the scheme: at AWS that is the same
// text, here it is the sandbox's own address.
func (h *Handler) userPoolOf(name string) (poolID string, ok bool) {
	host, poolID, found := strings.Cut(name, "/")
	if !found {
		return "", false
	}
	provider, known := h.UserPool(poolID)
	if !known {
		return "", false
	}
	_, local, _ := strings.Cut(provider.Issuer, "://")
	region, _, _ := strings.Cut(poolID, "_")
	return poolID, name == local || host == userPoolPrefix+region+".amazonaws.com"
}

// judgeUserPool checks an ID token of a user pool. An access token is not from
// a supported provider, because it has no aud.
func (h *Handler) judgeUserPool(ctx context.Context, pool store.IdentityPool, poolID, token string) (login, error) {
	provider, _ := h.UserPool(poolID)
	now := h.Now()
	report := jwt.Verify(ctx, token, provider.Keys, jwt.Policy{Issuers: []string{provider.Issuer}, Use: "id", Now: now})
	claims := report.Token.Claims
	clientID := claims.String("aud")
	i := slices.IndexFunc(pool.CognitoProviders, func(c store.CognitoProvider) bool {
		return c.PoolID == poolID && c.ClientID == clientID
	})
	var expired error
	if exp, ok := claims.Time("exp"); ok {
		expired = errUserPoolExpired(exp.Unix(), now.Unix())
	}
	if err := refusalOf(report, i >= 0, expired); err != nil {
		return login{}, err
	}
	if pool.CognitoProviders[i].ServerSideTokenCheck {
		if err := h.checkActive(poolID, claims); err != nil {
			return login{}, err
		}
	}
	region, _, _ := strings.Cut(poolID, "_")
	name := userPoolPrefix + region + ".amazonaws.com/" + poolID
	return login{
		provider: name, mapping: name + ":" + clientID, subject: claims.String("sub"),
		name: name + ":CognitoSignIn:" + claims.String("sub"), claims: claims,
	}, nil
}

// checkActive is the server-side token check: is the user still there, enabled
// and signed in?
func (h *Handler) checkActive(poolID string, claims jwt.Claims) error {
	user, known := h.Store.BySub(poolID, claims.String("sub"))
	if !known || user.Disabled || h.Store.Revoked(claims.String("event_id")) {
		return errInactive
	}
	return nil
}

// judgeSocial checks an ID token of a social provider. That its name in the amr
// has the client's id in it is UNCONFIRMED.
func (h *Handler) judgeSocial(ctx context.Context, name, clientID, token string) (login, error) {
	provider, known := h.Social(name)
	if !known {
		return login{}, errUnsupported
	}
	report := jwt.Verify(ctx, token, provider.Keys, jwt.Policy{Issuers: []string{provider.Issuer}, Now: h.Now()})
	claims := report.Token.Claims
	if err := refusalOf(report, true, errLoginExpired); err != nil {
		return login{}, err
	}
	if !slices.Equal(claims.Strings("aud"), []string{clientID}) {
		return login{}, errNoAudience
	}
	return login{
		provider: name, mapping: name, subject: claims.String("sub"),
		name: name + ":" + clientID + ":" + claims.String("sub"), claims: claims,
	}, nil
}

// refusalOf words what is wrong with a token; the order where several things
// are is UNCONFIRMED.
func refusalOf(report jwt.Report, supported bool, expired error) error {
	failed := map[string]bool{}
	for _, check := range report.Failed() {
		failed[check.Code] = true
		failed["check "+check.Name] = true
	}
	switch {
	case failed[jwt.CodeMalformed], failed[jwt.CodeEncrypted], failed[jwt.CodeClaimType], failed[jwt.CodeCritical]:
		return errNotOpenID
	case failed[jwt.CodeIssuerMismatch], failed["check "+jwt.CheckIssuer]:
		return errForeignIssuer
	case failed["check "+jwt.CheckSignature]:
		return errUnsigned
	case !supported, failed["check "+jwt.CheckTokenUse]:
		return errUnsupported
	case failed[jwt.CodeExpired]:
		return expired
	case !report.OK(), report.Token.Claims.String("sub") == "":
		return errNotOpenID
	}
	return nil
}
