package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/jwt"
)

const (
	unauthorizedBody = `{"message":"Unauthorized"}`
	expiredBody      = `{"message":"The incoming token has expired"}`
)

func TestCognitoAuthorizer(t *testing.T) {
	t.Parallel()
	open := CognitoAuthorizer{Keys: poolKeys(t), Issuers: []string{issuer}, Now: clockAt}
	scoped := open
	scoped.Scopes = []string{"content/read", "content/write"}
	validated := open
	validated.Validation = "2iqdo.*|other"
	otherHeader := open
	otherHeader.Header = "X-Auth"

	id := sign(t, poolKey(), idClaims())
	access := sign(t, poolKey(), accessClaims())
	changed := func(changes claims) http.Header {
		return bearer(sign(t, poolKey(), with(idClaims(), changes)))
	}
	changedAccess := func(changes claims) http.Header {
		return bearer(sign(t, poolKey(), with(accessClaims(), changes)))
	}
	expired := claims{"exp": now.Unix(), "iat": now.Add(-time.Hour).Unix()}
	head, signature := id[:strings.LastIndex(id, ".")], id[strings.LastIndex(id, ".")+1:]

	for _, tt := range []struct {
		name   string
		a      CognitoAuthorizer
		header http.Header
		body   string // "" = allowed
		failed string
	}{
		{"ID token", open, bearer(id), "", ""},
		{"ID token, bare", open, http.Header{"Authorization": {id}}, "", ""},
		{"no header", open, http.Header{}, unauthorizedBody, "identity_source:token_missing"},
		{"empty header", open, http.Header{"Authorization": {""}}, unauthorizedBody, "identity_source:token_missing"},
		{"two headers", open, http.Header{"Authorization": {id, id}}, unauthorizedBody, "identity_source:token_ambiguous"},
		{"token in another header", open, http.Header{"X-Auth": {id}}, unauthorizedBody, "identity_source:token_missing"},
		{"another header is the source", otherHeader, http.Header{"X-Auth": {id}}, "", ""},
		{"the source is another header", otherHeader, bearer(id), unauthorizedBody, "identity_source:token_missing"},
		{"bearer in lower case", open, http.Header{"Authorization": {"bearer " + id}}, unauthorizedBody, "* form:malformed identity_source:scheme_spelling"},
		{"two spaces", open, http.Header{"Authorization": {"Bearer  " + id}}, unauthorizedBody, "* form:malformed"},
		{"no JWT", open, bearer("opaque"), unauthorizedBody, "* form:malformed"},
		{"only the scheme", open, http.Header{"Authorization": {"Bearer"}}, unauthorizedBody, "* form:malformed"},

		{"expired", open, changed(expired), expiredBody, "exp:expired"},
		{"expired, access", scoped, changedAccess(expired), expiredBody, "exp:expired"},
		{"a second to live", open, changed(claims{"exp": now.Add(time.Second).Unix()}), "", ""},
		{"expired and of another pool", open, changed(with(expired, claims{"iss": issuer + "x"})), unauthorizedBody, "exp:expired iss:issuer_mismatch"},
		{"expired and of the wrong use", open, changedAccess(expired), unauthorizedBody, "exp:expired token_use:token_use_mismatch"},
		{"expired and forged", open, bearer(sign(t, &jwt.Signer{KeyID: poolKey().KeyID, Key: foreignKey().Key}, with(idClaims(), expired))), unauthorizedBody, "exp:expired signature:signature_invalid"},
		{"no exp", open, bearer(sign(t, poolKey(), with(idClaims(), claims{"exp": nil}))), unauthorizedBody, "exp:claim_missing"},

		{"signed by a stranger under the pool's kid", open, bearer(sign(t, &jwt.Signer{KeyID: poolKey().KeyID, Key: foreignKey().Key}, idClaims())), unauthorizedBody, "signature:signature_invalid"},
		{"signed by a stranger", open, bearer(sign(t, foreignKey(), idClaims())), unauthorizedBody, "kid:unknown_key signature:unjudged"},
		{"no signature", open, bearer(head + "."), unauthorizedBody, "signature:signature_invalid"},
		{"other claims under the signature", open, bearer(sign(t, poolKey(), with(idClaims(), claims{"sub": "x"}))[:20] + "." + signature), unauthorizedBody, "* form:malformed"},
		{"of another pool", open, changed(claims{"iss": issuer + "2"}), unauthorizedBody, "iss:issuer_mismatch"},
		{"issuer with a slash", open, changed(claims{"iss": issuer + "/"}), unauthorizedBody, "iss:issuer_mismatch"},
		{"not yet valid", open, changed(claims{"nbf": now.Add(time.Minute).Unix()}), unauthorizedBody, "nbf:not_yet_valid"},
		{"of any client of the pool", open, changed(claims{"aud": "another"}), "", ""},

		{"access token on a method without scopes", open, bearer(access), unauthorizedBody, "token_use:token_use_mismatch"},
		{"access token on a method with scopes", scoped, bearer(access), "", ""},
		{"access token with the other scope", scoped, changedAccess(claims{"scope": "content/write"}), "", ""},
		{"ID token on a method with scopes", scoped, bearer(id), unauthorizedBody, "scope:scope_mismatch token_use:token_use_mismatch"},
		{"ID token with the scope", scoped, changed(claims{"scope": "content/read"}), unauthorizedBody, "token_use:token_use_mismatch"},
		{"scope not granted", scoped, changedAccess(claims{"scope": "openid content/readall"}), unauthorizedBody, "scope:scope_mismatch"},
		{"no scope", scoped, changedAccess(claims{"scope": nil}), unauthorizedBody, "scope:scope_mismatch"},
		{"scp is not scope", scoped, changedAccess(claims{"scope": nil, "scp": "content/read"}), unauthorizedBody, "scope:scope_mismatch"},
		{"no token_use", open, changed(claims{"token_use": nil}), unauthorizedBody, "token_use:token_use_mismatch"},

		{"aud matches", validated, bearer(id), "", ""},
		{"aud matches the alternative", validated, changed(claims{"aud": "other"}), "", ""},
		{"aud matches in part", validated, changed(claims{"aud": "an" + clientID}), unauthorizedBody, "audience:client_mismatch"},
		{"aud matches the alternative in part", validated, changed(claims{"aud": "others"}), unauthorizedBody, "audience:client_mismatch"},
		{"aud matches the alternative at its end", validated, changed(claims{"aud": "another"}), unauthorizedBody, "audience:client_mismatch"},
		{"aud does not match", validated, changed(claims{"aud": "x"}), unauthorizedBody, "audience:client_mismatch"},
		{"no aud", validated, changed(claims{"aud": nil}), unauthorizedBody, "audience:client_mismatch"},
		{"no token to have an aud", validated, bearer("a.b.c"), unauthorizedBody, "* audience:unjudged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, tt.a, tt.header)
			if string(d.Body) != tt.body {
				t.Errorf("body %s, want %s", d.Body, tt.body)
			}
			compareFailures(t, d, tt.failed)
			if tt.body == "" {
				return
			}
			want := http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {"UnauthorizedException"}}
			if diff := cmp.Diff(want, d.Headers); d.Status != 401 || diff != "" {
				t.Errorf("status %d, headers %s", d.Status, diff)
			}
		})
	}
}

// compareFailures takes "* …" for: these among others.
func compareFailures(t *testing.T, d Decision, want string) {
	t.Helper()
	got := failures(d)
	if some, ok := strings.CutPrefix(want, "* "); ok {
		for _, f := range strings.Fields(some) {
			if !strings.Contains(" "+got+" ", " "+f+" ") {
				t.Errorf("failed checks %q, want %q among them", got, f)
			}
		}
		return
	}
	if got != want {
		t.Errorf("failed checks %q, want %q", got, want)
	}
}

// TestCognitoScopesWithValidation: the two together let nothing pass, as the
// Developer Guide warns.
func TestCognitoScopesWithValidation(t *testing.T) {
	t.Parallel()
	a := CognitoAuthorizer{Keys: poolKeys(t), Issuers: []string{issuer}, Now: clockAt, Scopes: []string{"content/read"}}
	access := bearer(sign(t, poolKey(), accessClaims()))
	if d := decide(t, a, access); !d.Allow {
		t.Errorf("without the expression: %s", failures(d))
	}
	a.Validation = ".*"
	if d := decide(t, a, access); d.Allow || failures(d) != "audience:client_mismatch" {
		t.Errorf("with it: allow %v, %s", d.Allow, failures(d))
	}
}

func TestCognitoMisconfigured(t *testing.T) {
	t.Parallel()
	good := CognitoAuthorizer{Keys: poolKeys(t), Issuers: []string{issuer}, Now: clockAt}
	id := bearer(sign(t, poolKey(), idClaims()))
	if d := decide(t, good, id); !d.Allow {
		t.Fatalf("the positive control fails: %s", failures(d))
	}
	for name, spoil := range map[string]func(*CognitoAuthorizer){
		"no keys":        func(a *CognitoAuthorizer) { a.Keys = nil },
		"no issuer":      func(a *CognitoAuthorizer) { a.Issuers = nil },
		"no clock":       func(a *CognitoAuthorizer) { a.Now = nil },
		"bad expression": func(a *CognitoAuthorizer) { a.Validation = "(" },
	} {
		a := good
		spoil(&a)
		d := decide(t, a, id)
		if d.Allow || d.Status != 500 || string(d.Body) != `{"message":"Authorizer configuration error"}` ||
			d.Headers.Get("x-amzn-ErrorType") != "AuthorizerConfigurationException" {
			t.Errorf("%s: allow %v, %d %s", name, d.Allow, d.Status, d.Body)
		}
	}
}

func TestCognitoKeysUnavailable(t *testing.T) {
	t.Parallel()
	a := CognitoAuthorizer{Keys: brokenKeys{}, Issuers: []string{issuer}, Now: clockAt}
	d := decide(t, a, bearer(sign(t, poolKey(), idClaims())))
	if string(d.Body) != unauthorizedBody || failures(d) != "kid:keys_unavailable signature:unjudged" {
		t.Errorf("%s, %s", d.Body, failures(d))
	}
}

func TestCognitoContext(t *testing.T) {
	t.Parallel()
	a := CognitoAuthorizer{Keys: poolKeys(t), Issuers: []string{issuer}, Now: clockAt}
	c := with(idClaims(), claims{
		"identities":  []any{claims{"userId": "7", "primary": true}},
		"custom:plan": "a<b",
		"numbers":     []any{1, 2.5},
		"none":        []any{},
	})
	d := decide(t, a, bearer(sign(t, poolKey(), c)))
	want := map[string]any{"claims": map[string]string{
		"sub": "0a1b2c3d", "iss": issuer, "aud": clientID, "token_use": "id", "email": "ann@example.com",
		"email_verified": "true", "cognito:groups": "admin,readers", "cognito:username": "ann",
		"auth_time": "1781499540", "iat": "Mon Jun 15 04:59:00 UTC 2026", "exp": "Mon Jun 15 06:00:00 UTC 2026",
		"identities": `{"primary":true,"userId":"7"}`, "custom:plan": "a<b", "numbers": "1,2.5", "none": "",
	}}
	if diff := cmp.Diff(want, d.Context); diff != "" {
		t.Error(diff)
	}
}
