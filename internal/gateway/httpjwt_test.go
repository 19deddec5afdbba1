package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/jwt"
)

// challenge is what HTTP APIs put into www-authenticate.
func challenge(scope, code, description string) string {
	return `Bearer scope="` + scope + `" error="` + code + `" error_description="` + description + `"`
}

func invalid(description string) string { return challenge("", "invalid_token", description) }

func TestJWTAuthorizer(t *testing.T) {
	t.Parallel()
	open := JWTAuthorizer{Keys: poolKeys(t), Issuer: issuer, Audience: []string{"another", clientID}, Now: clockAt}
	scoped := open
	scoped.Scopes = []string{"content/read", "content/write"}
	nobody := open
	nobody.Audience = nil
	slash := open
	slash.Issuer += "/"
	broken := open
	broken.Keys = brokenKeys{}

	id := sign(t, poolKey(), idClaims())
	access := sign(t, poolKey(), accessClaims())
	changed := func(changes claims) http.Header {
		return bearer(sign(t, poolKey(), with(idClaims(), changes)))
	}
	changedAccess := func(changes claims) http.Header {
		return bearer(sign(t, poolKey(), with(accessClaims(), changes)))
	}
	scopedInvalid := func(description string) string {
		return challenge("content/read content/write", "invalid_token", description)
	}
	forged := &jwt.Signer{KeyID: poolKey().KeyID, Key: foreignKey().Key}

	for _, tt := range []struct {
		name      string
		a         JWTAuthorizer
		header    http.Header
		status    int
		challenge string // "" = allowed
		failed    string
	}{
		{"ID token", open, bearer(id), 200, "", ""},
		{"ID token, bare", open, http.Header{"Authorization": {id}}, 200, "", ""},
		{"access token", open, bearer(access), 200, "", ""},
		{"token of another issuer's making", open, changed(claims{"token_use": "whatever"}), 200, "", ""},
		{"no token_use", open, changed(claims{"token_use": nil}), 200, "", ""},

		// Captured: a bare challenge without a token.
		{"no header", open, http.Header{}, 401, "Bearer", "identity_source:token_missing"},
		{"no header, route with scopes", scoped, http.Header{}, 401, "Bearer", "identity_source:token_missing"},
		{"empty header", open, http.Header{"Authorization": {""}}, 401, "Bearer", "identity_source:token_missing"},
		{"two headers", open, http.Header{"Authorization": {id, id}}, 401, "Bearer", "identity_source:token_ambiguous"},
		{"another header", open, http.Header{"X-Auth": {id}}, 401, "Bearer", "identity_source:token_missing"},

		// Captured: the number of segments.
		{"opaque", open, bearer("opaque"), 401, invalid("token contains an invalid number of segments"), "* form:malformed"},
		{"refresh token", open, bearer("a.b.c.d.e"), 401, invalid("token contains an invalid number of segments"), "* form:malformed audience:unjudged"},
		{"only the scheme", open, http.Header{"Authorization": {"Bearer"}}, 401, invalid("token contains an invalid number of segments"), "* form:malformed"},
		{"opaque, route with scopes", scoped, bearer("opaque"), 401, scopedInvalid("token contains an invalid number of segments"), "* form:malformed scope:unjudged"},
		{"three bad segments", open, bearer("a.b.c"), 401, invalid("the token is malformed"), "* form:malformed"},
		{"bearer in lower case", open, http.Header{"Authorization": {"bearer " + id}}, 401, invalid("the token is malformed"), "* identity_source:scheme_spelling"},

		// Captured: expiry, with the scopes of the route.
		{"expired", open, changed(claims{"exp": now.Unix()}), 401, invalid("the token has expired"), "exp:expired"},
		{"expired, route with scopes", scoped, changedAccess(claims{"exp": now.Unix()}), 401, scopedInvalid("the token has expired"), "exp:expired"},
		{"a second to live", open, changed(claims{"exp": now.Add(time.Second).Unix()}), 200, "", ""},

		// Captured: the audience.
		{"aud of another client", open, changed(claims{"aud": "stranger"}), 401, invalid("the token does not have a valid audience"), "audience:client_mismatch"},
		{"client_id of another client", open, changedAccess(claims{"client_id": "stranger"}), 401, invalid("the token does not have a valid audience"), "audience:client_mismatch"},
		{"client_id counts without aud only", open, changedAccess(claims{"aud": "stranger"}), 401, invalid("the token does not have a valid audience"), "audience:client_mismatch"},
		{"aud hides client_id", open, changedAccess(claims{"aud": clientID, "client_id": "stranger"}), 200, "", ""},
		{"aud of several", open, changed(claims{"aud": []string{"stranger", clientID}}), 200, "", ""},
		{"aud of none", open, changed(claims{"aud": []string{}}), 401, invalid("the token does not have a valid audience"), "audience:client_mismatch"},
		{"aud of none hides client_id", open, changedAccess(claims{"aud": []string{}}), 401, invalid("the token does not have a valid audience"), "audience:client_mismatch"},
		{"neither aud nor client_id", open, changed(claims{"aud": nil}), 401, invalid("the token does not have a valid audience"), "audience:client_mismatch"},
		{"no audience configured", nobody, bearer(id), 401, invalid("the token does not have a valid audience"), "audience:client_mismatch"},

		// Texts unconfirmed from here on; status, body and code are not.
		{"issuer with a slash", open, changed(claims{"iss": issuer + "/"}), 401, invalid("the token does not have a valid issuer"), "iss:issuer_mismatch"},
		{"configured with a slash", slash, bearer(id), 401, invalid("the token does not have a valid issuer"), "iss:issuer_mismatch"},
		{"configured with a slash, and so issued", slash, changed(claims{"iss": issuer + "/"}), 200, "", ""},
		{"forged", open, bearer(sign(t, forged, idClaims())), 401, invalid("the token does not have a valid signature"), "signature:signature_invalid"},
		{"unknown key", open, bearer(sign(t, foreignKey(), idClaims())), 401, invalid("the token does not have a valid key id"), "kid:unknown_key signature:unjudged"},
		{"alg none", open, bearer("eyJhbGciOiJub25lIn0.e30."), 401, invalid("the token does not have a valid algorithm"), "* algorithm:algorithm_refused"},
		{"alg HS256", open, bearer("eyJhbGciOiJIUzI1NiIsImtpZCI6ImEifQ.e30.AAAA"), 401, invalid("the token does not have a valid algorithm"), "* algorithm:algorithm_refused"},
		{"not yet valid", open, changed(claims{"nbf": now.Add(time.Minute).Unix()}), 401, invalid("the token is not valid yet"), "nbf:not_yet_valid"},
		{"issued in the future", open, changed(claims{"iat": now.Add(time.Minute).Unix()}), 401, invalid("the token is used before it was issued"), "iat:issued_in_future"},
		{"keys out of reach", broken, bearer(id), 401, invalid("JWKS communication error"), "kid:keys_unavailable signature:unjudged"},

		{"scope", scoped, bearer(access), 200, "", ""},
		{"scope, the other one", scoped, changedAccess(claims{"scope": "content/write"}), 200, "", ""},
		{"scp as text", scoped, changedAccess(claims{"scope": nil, "scp": "x content/read"}), 200, "", ""},
		{"scp as array", scoped, changedAccess(claims{"scope": nil, "scp": []string{"x", "content/read"}}), 200, "", ""},
		{"scp beside scope", scoped, changedAccess(claims{"scope": "openid", "scp": []string{"content/read"}}), 200, "", ""},
		{"scope missing", scoped, changedAccess(claims{"scope": "openid"}), 403, challenge("content/read content/write", "insufficient_scope", "the token does not have a valid scope"), "scope:scope_mismatch"},
		{"ID token has no scope", scoped, bearer(id), 403, challenge("content/read content/write", "insufficient_scope", "the token does not have a valid scope"), "scope:scope_mismatch"},
		{"part of a scope", scoped, changedAccess(claims{"scope": "content/readall content"}), 403, challenge("content/read content/write", "insufficient_scope", "the token does not have a valid scope"), "scope:scope_mismatch"},
		{"scope missing and expired", scoped, changedAccess(claims{"scope": "openid", "exp": now.Unix()}), 401, scopedInvalid("the token has expired"), "exp:expired scope:scope_mismatch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, tt.a, tt.header)
			compareFailures(t, d, tt.failed)
			if d.Status != tt.status {
				t.Errorf("status %d, want %d", d.Status, tt.status)
			}
			if tt.status == 200 {
				return
			}
			body := map[int]string{401: `{"message":"Unauthorized"}`, 403: `{"message":"Forbidden"}`}[tt.status]
			want := http.Header{"Content-Type": {"application/json"}, "Www-Authenticate": {tt.challenge}}
			if diff := cmp.Diff(want, d.Headers); diff != "" || string(d.Body) != body {
				t.Errorf("body %s, headers %s", d.Body, diff)
			}
		})
	}
}

func TestJWTMisconfigured(t *testing.T) {
	t.Parallel()
	good := JWTAuthorizer{Keys: poolKeys(t), Issuer: issuer, Audience: []string{clientID}, Now: clockAt}
	id := bearer(sign(t, poolKey(), idClaims()))
	if d := decide(t, good, id); !d.Allow {
		t.Fatalf("the positive control fails: %s", failures(d))
	}
	for name, spoil := range map[string]func(*JWTAuthorizer){
		"no keys":   func(a *JWTAuthorizer) { a.Keys = nil },
		"no issuer": func(a *JWTAuthorizer) { a.Issuer = "" },
		"no clock":  func(a *JWTAuthorizer) { a.Now = nil },
	} {
		a := good
		spoil(&a)
		if d := decide(t, a, id); d.Allow || d.Status != 500 || string(d.Body) != `{"message":"Internal Server Error"}` {
			t.Errorf("%s: allow %v, %d %s", name, d.Allow, d.Status, d.Body)
		}
	}
}

// TestJWTIdentitySource: the token is where the authorizer looks, and nowhere
// else.
func TestJWTIdentitySource(t *testing.T) {
	t.Parallel()
	access := sign(t, poolKey(), accessClaims())
	for _, tt := range []struct {
		source, query string
		header        http.Header
		status        int
		failed        string
	}{
		{"", "", bearer(access), 200, ""},
		{"$request.header.Authorization", "", bearer(access), 200, ""},
		{"$request.header.x-token", "", http.Header{"X-Token": {access}}, 200, ""},
		{"$request.header.x-token", "", bearer(access), 401, "identity_source:token_missing"},
		{"$request.querystring.token", "?token=" + access, nil, 200, ""},
		{"$request.querystring.token", "?token=Bearer%20" + access, nil, 200, ""},
		{"$request.querystring.token", "?token=" + access + "&token=" + access, nil, 401, "identity_source:token_ambiguous"},
		{"$request.querystring.token", "?token=", bearer(access), 401, "identity_source:token_missing"},
		{"$request.querystring.token", "?Token=" + access, bearer(access), 401, "identity_source:token_missing"},
		{"$context.routeKey", "", bearer(access), 500, "configuration:policy_invalid"},
		{"method.request.header.Authorization", "", bearer(access), 500, "configuration:policy_invalid"},
	} {
		a := JWTAuthorizer{Keys: poolKeys(t), Issuer: issuer, Audience: []string{clientID}, IdentitySource: tt.source, Now: clockAt}
		r := request("GET", "/a"+tt.query)
		r.Header = tt.header
		d := a.Decide(t.Context(), r)
		verifyDecision(t, d)
		compareFailures(t, d, tt.failed)
		if d.Status != tt.status || tt.status == 401 && d.Headers.Get("www-authenticate") != "Bearer" {
			t.Errorf("%s %.40s: %d %v", tt.source, tt.query, d.Status, d.Headers)
		}
	}
}

func TestJWTContext(t *testing.T) {
	t.Parallel()
	a := JWTAuthorizer{Keys: poolKeys(t), Issuer: issuer, Audience: []string{clientID}, Now: clockAt}
	c := with(accessClaims(), claims{
		"cognito:groups": []string{"admin", "readers"}, "device": claims{"b": 1, "a": "x"}, "new": true, "one": []string{"x"},
	})
	token := bearer(sign(t, poolKey(), c))
	rendered := map[string]string{
		"sub": "0a1b2c3d", "iss": issuer, "client_id": clientID, "token_use": "access", "username": "ann",
		"scope": "openid content/read", "iat": "1781499540", "exp": "1781503200",
		"cognito:groups": "[admin readers]", "device": "map[a:x b:1]", "new": "true", "one": "[x]",
	}
	want := map[string]any{"jwt": map[string]any{"claims": rendered, "scopes": nil}}
	if diff := cmp.Diff(want, decide(t, a, token).Context); diff != "" {
		t.Errorf("route without scopes: %s", diff)
	}
	a.Scopes = []string{"content/write", "content/read"}
	want = map[string]any{"jwt": map[string]any{"claims": rendered, "scopes": []string{"content/read"}}}
	if diff := cmp.Diff(want, decide(t, a, token).Context); diff != "" {
		t.Errorf("route with scopes: %s", diff)
	}
}

// FuzzAuthorization: whatever stands in the header, both authorizers answer,
// none lets anything through that is not the one good token, and neither the
// answer nor the checks repeat what was sent. TOKEN in an input stands for the
// good token, which is another one in each process.
func FuzzAuthorization(f *testing.F) {
	keys := poolKeys(f)
	id := sign(f, poolKey(), idClaims())
	for _, s := range []string{"", "Bearer", "Bearer ", "TOKEN", "Bearer TOKEN", "bearer TOKEN", "a.b.c", "a.b.c.d.e", "Basic YTpi", "\x00", "TOKEN=", "Bearer Bearer TOKEN", " TOKEN", "TOKENTOKEN", "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(s)
	}
	authorizers := []Authorizer{
		CognitoAuthorizer{Keys: keys, Issuers: []string{issuer}, Validation: ".*", Now: clockAt},
		JWTAuthorizer{Keys: keys, Issuer: issuer, Audience: []string{clientID}, Now: clockAt},
	}
	f.Fuzz(func(t *testing.T, input string) {
		value := strings.ReplaceAll(input, "TOKEN", id)
		for _, a := range authorizers {
			d := decide(t, a, http.Header{"Authorization": {value}})
			if want := strings.TrimPrefix(strings.Trim(value, " \t"), "Bearer ") == id; d.Allow != want {
				t.Errorf("%T on %q: allow %v", a, input, d.Allow)
			}
			for _, c := range d.Checks {
				if strings.Contains(c.Detail, id) {
					t.Errorf("the detail of %q repeats the token", c.Name)
				}
			}
		}
		for _, k := range []Kind{REST, HTTP} {
			if d := noRoute(k, http.Header{"Authorization": {value}}); len(value) > 90 && strings.Contains(string(d.Body), value) {
				t.Errorf("%s: the answer repeats the header", k)
			}
		}
	})
}
