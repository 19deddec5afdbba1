package identity

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// TestLogins judges tokens. The good ones show that it is the change that is
// refused.
func TestLogins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *store.IdentityPool) { p.CognitoProviders[0].ServerSideTokenCheck = true })
	const unsupported = "NotAuthorizedException: Token is not from a supported provider of this identity pool."
	expired := start.Add(-time.Second).Unix()
	for _, tt := range []struct {
		name, provider, signer string
		change                 map[string]any
		want                   string
	}{
		{"user pool", userPool, "pool", nil, ""},
		{"by the local issuer", strings.TrimPrefix(poolIssuer, "http://"), "pool", nil, ""},
		{"google", google, "google", nil, ""},
		{"another client", userPool, "pool", map[string]any{"aud": "other"}, unsupported},
		{"access token", userPool, "pool", map[string]any{"aud": nil, "client_id": clientID, "token_use": "access"}, unsupported},
		{"no use", userPool, "pool", map[string]any{"token_use": nil}, unsupported},
		{"another pool's name", "cognito-idp.us-east-1.amazonaws.com/us-east-1_Other", "pool", nil, unsupported},
		{"another region's name", "cognito-idp.eu-west-1.amazonaws.com/" + poolID, "pool", nil, unsupported},
		{"not configured", "graph.facebook.com", "google", nil, unsupported},
		{"issuer", userPool, "pool", map[string]any{"iss": "http://127.0.0.1:1/us-east-1_Other"}, "NotAuthorizedException: Invalid login token. Issuer doesn't match providerName"},
		{"google's for the pool", userPool, "google", nil, "NotAuthorizedException: Invalid login token. Issuer doesn't match providerName"},
		{"a stranger's key", userPool, "stranger", nil, "NotAuthorizedException: Invalid login token. Couldn't verify signed token."},
		{"a stranger's key at google", google, "stranger", map[string]any{"iss": googleISS, "aud": googleID}, "NotAuthorizedException: Invalid login token. Couldn't verify signed token."},
		{"expired", userPool, "pool", map[string]any{"exp": expired}, fmt.Sprintf("NotAuthorizedException: Invalid login token. Token expired: %d >= %d", expired, start.Unix())},
		{"expired at google", google, "google", map[string]any{"exp": expired}, "NotAuthorizedException: Invalid login token. Token is expired."},
		{"google, another client", google, "google", map[string]any{"aud": "other"}, "NotAuthorizedException: Invalid login token. Incorrect token audience."},
		{"google, two clients", google, "google", map[string]any{"aud": []string{googleID, "other"}}, "NotAuthorizedException: Invalid login token. Incorrect token audience."},
		{"nobody", userPool, "pool", map[string]any{"sub": nil}, "NotAuthorizedException: Invalid login token. Not a valid OpenId Connect identity token."},
		{"no expiry", userPool, "pool", map[string]any{"exp": nil}, "NotAuthorizedException: Invalid login token. Not a valid OpenId Connect identity token."},
		{"gone", userPool, "pool", map[string]any{"sub": "sub-gone"}, "NotAuthorizedException: Token is inactive"},
	} {
		logins := map[string]string{tt.provider: token(t, tt.signer, tt.change)}
		if _, refusal := w.ask(t, "GetId", map[string]any{"IdentityPoolId": identities, "Logins": logins}); refusal != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, refusal, tt.want)
		}
	}
	if _, refusal := w.ask(t, "GetId", map[string]any{"IdentityPoolId": identities, "Logins": map[string]string{userPool: "x"}}); refusal != "NotAuthorizedException: "+errNotOpenID.Message {
		t.Error(refusal)
	}
}

// TestServerSideTokenCheck asks the pool about the user, where that is on.
func TestServerSideTokenCheck(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		w := newWorld(t, func(p *store.IdentityPool) { p.CognitoProviders[0].ServerSideTokenCheck = on })
		login := map[string]string{userPool: token(t, "pool", nil)}
		id := w.id(t, login)
		_, err := w.Store.Update(poolID, "ann", false, func(u *store.User) error { u.Disabled = true; return nil })
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if on {
			want = "NotAuthorizedException: Token is inactive"
		}
		if _, refusal := w.credentials(t, id, login, ""); refusal != want {
			t.Errorf("checked %v: %q", on, refusal)
		}
	}
}

// TestIdentities follows who belongs to which identity.
func TestIdentities(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ann := map[string]string{userPool: token(t, "pool", nil)}
	gina := map[string]string{google: token(t, "google", nil)}
	both := map[string]string{userPool: ann[userPool], google: gina[google]}
	id := w.id(t, ann)
	if !strings.HasPrefix(id, "us-east-1:") || w.id(t, ann) != id {
		t.Errorf("identity %s, then %s", id, w.id(t, ann))
	}
	if w.id(t, both) != id || w.id(t, gina) != id {
		t.Error("a linked login has another identity")
	}
	bob := map[string]string{userPool: token(t, "pool", map[string]any{"sub": "sub-bob"})}
	other := w.id(t, bob)
	if other == id {
		t.Error("two users, one identity")
	}
	for _, tt := range []struct {
		name   string
		id     string
		logins map[string]string
		want   string
	}{
		{"its own", id, ann, ""},
		{"no login", id, nil, "NotAuthorizedException: Access to Identity '" + id + "' is forbidden."},
		{"another's login", id, bob, "NotAuthorizedException: Logins don't match. Please include at least one valid login for this identity or identity pool."},
		{"a login of another", other, map[string]string{userPool: bob[userPool], google: gina[google]}, "ResourceConflictException: Logins are already associated with another identity."},
		{"nobody", "us-east-1:00000000-0000-4000-8000-00000000dead", ann, "ResourceNotFoundException: Identity 'us-east-1:00000000-0000-4000-8000-00000000dead' not found."},
		{"no id", "", ann, errMissing("identityId").Error()},
		{"no such id", "ann", ann, errPattern("identityId").Error()},
	} {
		if _, refusal := w.credentials(t, tt.id, tt.logins, ""); refusal != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, refusal, tt.want)
		}
	}
	// A member in another spelling is none: AWS passes over what it does not know.
	if _, refusal := w.ask(t, "GetId", map[string]any{"identityPoolId": identities}); !strings.HasPrefix(refusal, "ValidationException: ") {
		t.Errorf("a member in another spelling: %q", refusal)
	}
	if _, refusal := w.ask(t, "GetId", map[string]any{"IdentityPoolId": "us-east-1:00"}); refusal != "ResourceNotFoundException: IdentityPool 'us-east-1:00' not found." {
		t.Error(refusal)
	}
}

// TestGuest becomes somebody: the guest's identity is kept where the login is
// new, and given up where the login has one.
func TestGuest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first, ann := w.id(t, nil), map[string]string{userPool: token(t, "pool", nil)}
	if key, refusal := w.credentials(t, first, nil, ""); refusal != "" || key.Role != guest || key.AMR[0] != "unauthenticated" {
		t.Fatalf("%+v %s", key, refusal)
	}
	if key, refusal := w.credentials(t, first, ann, ""); refusal != "" || key.Role != member || key.IdentityID != first {
		t.Fatalf("%+v %s", key, refusal)
	}
	second := w.id(t, nil)
	if key, refusal := w.credentials(t, second, ann, ""); refusal != "" || key.IdentityID != first {
		t.Fatalf("%+v %s", key, refusal)
	}
	if _, refusal := w.credentials(t, second, nil, ""); refusal != errNoIdentity(second).Error() {
		t.Errorf("the guest is still there: %q", refusal)
	}
	third := w.id(t, nil)
	if err := w.Store.UpdateIdentityPool(identities, func(p *store.IdentityPool) error { p.AllowUnauthenticated = false; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, refusal := range []string{refusalOfGuest(t, w), second3(w.credentials(t, third, nil, ""))} {
		if refusal != "NotAuthorizedException: Unauthenticated access is not supported for this identity pool." {
			t.Error(refusal)
		}
	}
}

func refusalOfGuest(t *testing.T, w *world) string {
	t.Helper()
	_, refusal := w.ask(t, "GetId", map[string]any{"IdentityPoolId": identities})
	return refusal
}

func second3(_ store.Key, refusal string) string { return refusal }

// TestRoles chooses the role.
func TestRoles(t *testing.T) {
	t.Parallel()
	byToken := func(ambiguous string) func(*store.IdentityPool) {
		return func(p *store.IdentityPool) {
			p.RoleMappings = map[string]store.RoleMapping{userPool + ":" + clientID: {Type: store.MapByToken, Ambiguous: ambiguous}}
		}
	}
	byRules := func(rules ...store.RoleRule) func(*store.IdentityPool) {
		return func(p *store.IdentityPool) {
			p.RoleMappings = map[string]store.RoleMapping{userPool + ":" + clientID: {Type: store.MapByRules, Ambiguous: store.AmbiguousDeny, Rules: rules}}
		}
	}
	roles := map[string]any{"cognito:roles": []string{boss, special}, "cognito:preferred_role": boss}
	none := map[string]any{"cognito:roles": []string{boss, special}}
	const refused = "NotAuthorizedException: The custom role is not one of the roles of the token."
	const denied = "NotAuthorizedException: No role could be chosen for the token, and the role mapping denies access then."
	department := map[string]any{"custom:department": "sales east", "level": 7, "email_verified": true}
	for _, tt := range []struct {
		name   string
		pool   func(*store.IdentityPool)
		claims map[string]any
		custom string
		want   string // role or refusal
	}{
		{"no mapping", nil, roles, "", member},
		{"no mapping, custom", nil, roles, boss, refused},
		{"preferred", byToken(""), roles, "", boss},
		{"custom", byToken(""), roles, special, special},
		{"custom, not in the token", byToken(""), roles, member, refused},
		{"ambiguous", byToken(store.AmbiguousAuthenticated), none, "", member},
		{"ambiguous, denied", byToken(store.AmbiguousDeny), none, "", denied},
		{"no roles, denied", byToken(store.AmbiguousDeny), nil, "", denied},
		{"rule Equals", byRules(store.RoleRule{Claim: "level", Match: "Equals", Value: "7", RoleARN: boss}), department, "", boss},
		{"rule of a boolean", byRules(store.RoleRule{Claim: "email_verified", Match: "Equals", Value: "true", RoleARN: boss}), department, "", boss},
		{"rule StartsWith", byRules(store.RoleRule{Claim: "custom:department", Match: "StartsWith", Value: "sales", RoleARN: boss}), department, "", boss},
		{"rule Contains", byRules(store.RoleRule{Claim: "custom:department", Match: "Contains", Value: "s e", RoleARN: boss}), department, "", boss},
		{"rule NotEqual", byRules(store.RoleRule{Claim: "custom:department", Match: "NotEqual", Value: "it", RoleARN: boss}), department, "", boss},
		{"rule NotEqual, absent", byRules(store.RoleRule{Claim: "custom:department", Match: "NotEqual", Value: "it", RoleARN: boss}), nil, "", denied},
		{"rule that does not fit", byRules(store.RoleRule{Claim: "custom:department", Match: "Equals", Value: "sales", RoleARN: boss}), department, "", denied},
		{"first rule", byRules(store.RoleRule{Claim: "level", Match: "Equals", Value: "7", RoleARN: special}, store.RoleRule{Claim: "level", Match: "Equals", Value: "7", RoleARN: boss}), department, "", special},
		{"custom among the rules", byRules(store.RoleRule{Claim: "level", Match: "Equals", Value: "7", RoleARN: special}, store.RoleRule{Claim: "level", Match: "Equals", Value: "7", RoleARN: boss}), department, boss, boss},
		{"rules do not heed the token's roles", byRules(store.RoleRule{Claim: "level", Match: "Equals", Value: "7", RoleARN: special}), roles, "", denied},
		{"role that is not there", func(p *store.IdentityPool) { p.AuthenticatedRole = role + "gone" }, nil, "", errRoles.Error()},
		{"no role", func(p *store.IdentityPool) { p.AuthenticatedRole = "" }, nil, "", errRoles.Error()},
		{"role that does not trust", func(p *store.IdentityPool) { p.AuthenticatedRole = guest }, nil, "", errRoles.Error()},
	} {
		w := newWorld(t, tt.pool)
		login := map[string]string{userPool: token(t, "pool", tt.claims)}
		key, refusal := w.credentials(t, w.id(t, login), login, tt.custom)
		if got := key.Role + refusal; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestTags makes session tags of claims, which the role must allow.
func TestTags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		wanted map[string]string
		want   string
	}{
		{map[string]string{}, "map[client:client1 username:sub-ann]"},
		{map[string]string{"who": "cognito:username", "gone": "custom:gone"}, "map[who:ann]"},
	} {
		w := newWorld(t, func(p *store.IdentityPool) { p.PrincipalTags = map[string]map[string]string{userPool: tt.wanted} })
		login := map[string]string{userPool: token(t, "pool", nil)}
		id := w.id(t, login)
		if key, refusal := w.credentials(t, id, login, ""); refusal != "" || fmt.Sprint(key.Tags) != tt.want {
			t.Errorf("%v %s, want %s", key.Tags, refusal, tt.want)
		}
		w.Store.PutRole(store.Role{ARN: member, Trust: strings.Replace(TrustFor("authenticated", identities), `,"sts:TagSession"`, "", 1)})
		if _, refusal := w.credentials(t, id, login, ""); refusal != errRoles.Error() {
			t.Errorf("untagged role: %q", refusal)
		}
	}
}

// TestOpenIDToken is refused where the classic flow is off.
func TestOpenIDToken(t *testing.T) {
	t.Parallel()
	mappings := map[string]store.RoleMapping{google: {Type: store.MapByToken}}
	for _, tt := range []struct {
		classic  bool
		mappings map[string]store.RoleMapping
		want     string
	}{
		{true, nil, ""},
		{false, nil, "InvalidParameterException: Basic (classic) flow is not enabled, please use enhanced flow."},
		{true, mappings, "InvalidParameterException: Basic (classic) flow is not supported with RoleMappings, please use enhanced flow."},
	} {
		w := newWorld(t, func(p *store.IdentityPool) { p.AllowClassicFlow, p.RoleMappings = tt.classic, tt.mappings })
		login := map[string]string{userPool: token(t, "pool", nil)}
		if _, refusal := w.ask(t, "GetOpenIdToken", map[string]any{"IdentityId": w.id(t, login), "Logins": login}); refusal != tt.want {
			t.Errorf("%q, want %q", refusal, tt.want)
		}
	}
	w := newWorld(t, nil)
	if _, refusal := w.ask(t, "DeleteEverything", nil); refusal != "UnknownOperationException: " {
		t.Error(refusal)
	}
	if err := (&Error{Type: "A", Message: "b"}); err.Error() != "A: b" || !errors.Is(err, err) {
		t.Error(err)
	}
}
