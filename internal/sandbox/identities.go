package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/hosted"
	"github.com/cogctl/cogctl/internal/sandbox/identity"
	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// The names of the default identity pools and of their roles.
const (
	Region    = "us-east-1"
	AccountID = "123456789012"

	// DefaultIdentityPoolID is the identity pool of the default user pool and of
	// the stand-in for Google. Its roles come by rules and by the token.
	DefaultIdentityPoolID = Region + identityPoolName + "1"
	// ClassicIdentityPoolID has the same logins and the classic flow, which AWS
	// has only for pools without role mappings.
	ClassicIdentityPoolID = Region + identityPoolName + "2"

	AuthenticatedRole = rolePrefix + "authenticated"
	GuestRole         = rolePrefix + "guest"
	AdminRole         = rolePrefix + "admin"  // of the group admin
	GoogleRole        = rolePrefix + "google" // of those who come from the stand-in for Google

	// GoogleLogin is the stand-in's name in Logins, and GoogleClientID the client
	// its tokens are for.
	GoogleLogin    = "accounts.google.com"
	GoogleClientID = "123456789012-sandbox.apps.googleusercontent.com"

	identityPoolName = ":5a4db0c5-0000-4000-8000-00000000000" // but for the last digit

	rolePrefix = "arn:aws:iam::" + AccountID + ":role/"
)

// loginProviders are the social providers whose logins are ID tokens, by the
// name that Logins has, with the name that the stand-in has.
func loginProviders() map[string]string {
	return map[string]string{GoogleLogin: "Google", "appleid.apple.com": "SignInWithApple"}
}

// identitiesOf are the identity pools that go with a user pool, and their roles:
// those of the default seed when it is the default pool.
func identitiesOf(users Pool) ([]store.IdentityPool, []store.Role) {
	region, _, _ := strings.Cut(users.ID, "_")
	login := "cognito-idp." + region + ".amazonaws.com/" + users.ID
	pool := store.IdentityPool{
		ID: region + identityPoolName + "1", Name: "sandbox", AllowUnauthenticated: true,
		AuthenticatedRole: AuthenticatedRole, UnauthenticatedRole: GuestRole,
		LoginProviders: map[string]string{GoogleLogin: GoogleClientID},
		RoleMappings: map[string]store.RoleMapping{
			GoogleLogin: {Type: store.MapByRules, Ambiguous: store.AmbiguousDeny, Rules: []store.RoleRule{
				{Claim: "email_verified", Match: "Equals", Value: "true", RoleARN: GoogleRole},
			}},
		},
		PrincipalTags: map[string]map[string]string{login: {"username": "cognito:username", "client": "aud"}},
	}
	for _, client := range users.Clients {
		if client.AllowsOAuth("client_credentials") {
			continue // has no users
		}
		pool.CognitoProviders = append(pool.CognitoProviders, store.CognitoProvider{PoolID: users.ID, ClientID: client.ID, ServerSideTokenCheck: true})
		pool.RoleMappings[login+":"+client.ID] = store.RoleMapping{Type: store.MapByToken, Ambiguous: store.AmbiguousAuthenticated}
	}
	classic := pool
	classic.ID, classic.Name, classic.AllowClassicFlow, classic.RoleMappings = region+identityPoolName+"2", "sandbox-classic", true, nil
	return []store.IdentityPool{pool, classic}, rolesFor(pool.ID, classic.ID)
}

// rolesFor are the roles of identity pools: what each may call, besides what all
// may. The names of API and stage are left open.
func rolesFor(pools ...string) []store.Role {
	role := func(arn, amr string, routes ...string) store.Role {
		resources := []string{}
		for _, route := range routes {
			resources = append(resources, fmt.Sprintf("%q", "arn:aws:execute-api:*:*:"+route))
		}
		policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":[` + strings.Join(resources, ",") + `]}]}`
		return store.Role{ARN: arn, Policy: policy, Trust: identity.TrustFor(amr, pools...), MaxSession: 2 * time.Hour}
	}
	const whoami, upload, guest, google, http = "*/*/GET/iam/whoami", "*/*/POST/iam/upload", "*/*/GET/iam/guest", "*/*/GET/iam/google", "*/*/GET/iam/http"
	return []store.Role{
		role(AuthenticatedRole, "authenticated", whoami, upload, guest, http),
		role(GuestRole, "unauthenticated", guest),
		role(GoogleRole, "authenticated", whoami, upload, guest, google, http),
		{
			// Everything but what is for those who come from Google's stand-in.
			ARN: AdminRole, Trust: identity.TrustFor("authenticated", pools...), MaxSession: 2 * time.Hour,
			Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","NotResource":"arn:aws:execute-api:*:*:` + google + `"}]}`,
		},
	}
}

// plantIdentities puts identity pools and roles into the store.
func (s Seed) plantIdentities(into *store.Store) error {
	for _, role := range s.Roles {
		if err := identity.CheckRole(role); err != nil {
			return fmt.Errorf("role %q: %w", role.ARN, err)
		}
		into.PutRole(role)
	}
	for _, pool := range s.IdentityPools {
		for name := range pool.LoginProviders {
			if loginProviders()[name] == "" {
				return fmt.Errorf("identity pool %q: the sandbox stands in for the logins of %s, not of %q", pool.ID, strings.Join([]string{GoogleLogin, "appleid.apple.com"}, " and "), name)
			}
		}
		if err := into.AddIdentityPool(pool); err != nil {
			return err
		}
	}
	return s.plantSecrets(into)
}

// newIdentities makes the handler of identity pools and STS, and the keys of the
// OpenID tokens and of the stand-in: most runs want neither, and a key takes a
// while to make.
func (s *Sandbox) newIdentities() {
	openID := sync.OnceValues(func() (*jwt.Signer, error) { return jwt.NewSigner(rand.Reader) })
	s.domain.URL = func() string { return s.Endpoints().Cloud }
	s.domain.SocialSigner = sync.OnceValues(func() (*jwt.Signer, error) { return jwt.NewSigner(rand.Reader) })
	s.pool.Authorize = s.authorizeAdmin
	region, _, _ := strings.Cut(s.options.Seed.Pools[0].ID, "_")
	s.identities = &identity.Handler{
		Store: s.store, Region: region, AccountID: AccountID, Now: s.now, Random: rand.Reader, Count: s.count,
		Issuer: func() string { return s.Endpoints().Cloud + identityPath }, OpenIDKey: openID,
		UserPool: s.userPoolProvider, Social: s.socialProvider,
	}
}

// identityPath is the path of the issuer of OpenID tokens on the cloud listener.
const identityPath = "/cognito-identity"

func (s *Sandbox) userPoolProvider(poolID string) (identity.Provider, bool) {
	keys, ok := s.pool.Issuer.Keys[poolID]
	if !ok {
		return identity.Provider{}, false
	}
	issuer := s.issuer(poolID)
	// An access token is signed by the other key, but is told apart by its claims.
	return identity.Provider{Issuer: issuer, Keys: jwt.NewStaticKeys(issuer, keys.Public()...)}, true
}

func (s *Sandbox) socialProvider(name string) (identity.Provider, bool) {
	standIn := loginProviders()[name]
	signer, err := s.domain.SocialSigner()
	if standIn == "" || err != nil {
		return identity.Provider{}, false
	}
	issuer := s.domain.SocialIssuer(standIn)
	return identity.Provider{Issuer: issuer, Keys: jwt.NewStaticKeys(issuer, signer.Public())}, true
}

// cloudAPI is POST /: the APIs of all services, told apart by what a request
// names.
func (s *Sandbox) cloudAPI() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if identity.Handles(r) {
			s.identities.ServeHTTP(w, r)
			return
		}
		s.pool.ServeHTTP(w, r)
	})
}

// identityKeys is the key set of the OpenID tokens of identity pools.
func (s *Sandbox) identityKeys(w http.ResponseWriter, _ *http.Request) {
	signer, err := s.identities.OpenIDKey()
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, message("Internal server error"))
		return
	}
	set, err := jwt.MarshalKeys(signer.Public())
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, message("Internal server error"))
		return
	}
	document(set).ServeHTTP(w, nil)
}

// identityPoolSettings are those of an identity pool, as poolSettings.
type identityPoolSettings struct {
	AllowUnauthenticated *bool `json:"allow_unauthenticated"`
	AllowClassicFlow     *bool `json:"allow_classic_flow"`
}

func (s *Sandbox) showIdentityPool(r *http.Request) (any, error) {
	p, ok := s.store.IdentityPool(r.PathValue("id"))
	if !ok {
		return nil, fmt.Errorf("identity pool %q %w", r.PathValue("id"), errNotThere)
	}
	return identityPoolSettings{&p.AllowUnauthenticated, &p.AllowClassicFlow}, nil
}

func (s *Sandbox) changeIdentityPool(r *http.Request) (any, error) {
	var in identityPoolSettings
	if err := readBody(r, &in); err != nil {
		return nil, err
	}
	err := s.store.UpdateIdentityPool(r.PathValue("id"), func(p *store.IdentityPool) error {
		set(&p.AllowUnauthenticated, in.AllowUnauthenticated)
		set(&p.AllowClassicFlow, in.AllowClassicFlow)
		return nil
	})
	if errors.Is(err, store.ErrUnknown) {
		return nil, fmt.Errorf("identity pool %q %w", r.PathValue("id"), errNotThere)
	}
	if err != nil {
		return nil, err
	}
	return s.showIdentityPool(r)
}

// socialToken gives an ID token of the stand-in for a social provider, as if
// somebody had signed in there: ?email= says who.
func (s *Sandbox) socialToken(r *http.Request) (any, error) {
	provider := r.PathValue("provider")
	email := r.URL.Query().Get("email")
	if email == "" {
		email = "gina@example.org"
	}
	who, ok := hosted.Somebody(provider, email)
	if !ok {
		return nil, fmt.Errorf("%q is no e-mail address", email)
	}
	for name, standIn := range loginProviders() {
		if standIn == provider {
			token, err := s.domain.SocialToken(who, s.socialClient(name), url.Values{})
			return map[string]string{"id_token": token}, err
		}
	}
	return nil, fmt.Errorf("an ID token of %q %w", provider, errNotThere)
}

// socialClient is the client id that the first identity pool has at a provider.
func (s *Sandbox) socialClient(name string) string {
	for _, pool := range s.options.Seed.IdentityPools {
		if id := pool.LoginProviders[name]; id != "" {
			return id
		}
	}
	return GoogleClientID
}
