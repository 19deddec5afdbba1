package hosted

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// TestRoundTrip goes the whole way once: pages, code with PKCE, tokens, userInfo,
// refresh, revocation.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.codeOf(asking("web", "scope", "openid email aws.cognito.signin.user.admin", "resource", "https://api.example"))
	got := w.call("/oauth2/token", "", redeeming(code)).ok(t)
	if names := slices.Sorted(maps.Keys(got.body)); !slices.Equal(names, []string{"access_token", "expires_in", "id_token", "refresh_token", "token_type"}) {
		t.Errorf("the answer has %v", names)
	}
	if got.text("token_type") != "Bearer" || fmt.Sprint(got.body["expires_in"]) != "3600" ||
		got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/json;charset=UTF-8" {
		t.Errorf("%v %v", got.header, got.raw)
	}
	verifies(t, w, got)
	id, access := claims(t, got.text("id_token")), claims(t, got.text("access_token"))
	sum := sha256.Sum256([]byte(got.text("access_token")))
	wantID := map[string]string{
		"sub": "sub-of-ann", "aud": "web", "nonce": "n-1", "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]), "cognito:username": "ann",
		"email": "ann@example.com", "email_verified": "true", "auth_time": fmt.Sprint(start.Unix()), "cognito:groups": "[admin]",
		"phone_number": "<nil>", "name": "<nil>", "version": "<nil>",
	}
	wantAccess := map[string]string{
		"sub": "sub-of-ann", "client_id": "web", "username": "ann", "scope": "openid email aws.cognito.signin.user.admin", "version": "2",
		"auth_time": fmt.Sprint(start.Unix()), "aud": "https://api.example", "nonce": "<nil>", "cognito:groups": "[admin]",
	}
	check := func(kind string, got jwt.Claims, want map[string]string) {
		for name, value := range want {
			if fmt.Sprint(got[name]) != value {
				t.Errorf("%s token: %s is %v, want %s", kind, name, got[name], value)
			}
		}
	}
	check("ID", id, wantID)
	check("access", access, wantAccess)
	if id.String("origin_jti") == "" || id.String("origin_jti") != access.String("origin_jti") || id.String("jti") == access.String("jti") {
		t.Errorf("origin_jti and jti: %v, %v", id, access)
	}

	w.wait(time.Minute)
	refreshing := url.Values{"grant_type": {"refresh_token"}, "client_id": {"web"}, "refresh_token": {got.text("refresh_token")}}
	again := w.call("/oauth2/token", "", refreshing).ok(t)
	if _, there := again.body["refresh_token"]; there {
		t.Error("a refresh token without rotation")
	}
	wantID["nonce"], wantID["origin_jti"] = "<nil>", id.String("origin_jti")
	delete(wantID, "at_hash")
	check("refreshed ID", claims(t, again.text("id_token")), wantID)
	check("refreshed access", claims(t, again.text("access_token")), wantAccess)

	revoked := w.call("/oauth2/revoke", "", url.Values{"token": {got.text("refresh_token")}, "client_id": {"web"}})
	if revoked.status != http.StatusOK || revoked.raw != "" {
		t.Errorf("revoke: %d %q", revoked.status, revoked.raw)
	}
	w.call("/oauth2/token", "", refreshing).refused(t, "refresh after revocation", "invalid_grant")
	want := []string{"GET /oauth2/authorize", "POST /oauth2/token authorization_code", "POST /oauth2/token refresh_token", "POST /oauth2/revoke", "POST /oauth2/token refresh_token"}
	if diff := cmp.Diff(want, w.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// verifies checks the signatures of an answer's tokens, and what is not a matter
// of the sign-in.
func verifies(t *testing.T, w *world, got answer) {
	t.Helper()
	keys := jwt.NewStaticKeys(w.server.URL+"/"+poolID, sharedKeys().Public()...)
	for use, raw := range map[string]string{"id": got.text("id_token"), "access": got.text("access_token")} {
		report := jwt.Verify(t.Context(), raw, keys, jwt.Policy{Algorithms: []string{"RS256"}, Issuers: []string{w.server.URL + "/" + poolID}, Use: use, Now: start})
		if failed := report.Failed(); len(failed) > 0 {
			t.Errorf("%s token: %v", use, failed)
		}
	}
}

// TestRedeem: what a code is bound to. The control is TestRoundTrip's.
func TestRedeem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name    string
		basic   string
		changes []string
		wait    time.Duration
		code    string // "" = good
	}{
		{name: "good"},
		{name: "at the end of five minutes", wait: 5 * time.Minute},
		{name: "after five minutes", wait: 5*time.Minute + time.Second, code: "invalid_grant"},
		{name: "another verifier", changes: []string{"code_verifier", "X" + verifier[1:]}, code: "invalid_grant"},
		{name: "no verifier", changes: []string{"code_verifier", ""}, code: "invalid_grant"},
		{name: "a short verifier", changes: []string{"code_verifier", verifier[:42]}, code: "invalid_grant"},
		{name: "no code", changes: []string{"code", ""}, code: "invalid_request"},
		{name: "another code", changes: []string{"code", "00000000-0000-4000-8000-000000000000"}, code: "invalid_grant"},
		{name: "no redirect_uri", changes: []string{"redirect_uri", ""}, code: "invalid_request"},
		{name: "another redirect_uri of the client", changes: []string{"redirect_uri", callback + "/"}, code: "unauthorized_client"},
		{name: "another public client", changes: []string{"client_id", "bare"}, code: "invalid_grant"},
		{name: "another client", basic: "backend:" + secret, changes: []string{"client_id", ""}, code: "invalid_grant"},
		{name: "a client without the flow", basic: "machine:" + secret, changes: []string{"client_id", ""}, code: "unauthorized_client"},
		{name: "no client", changes: []string{"client_id", ""}, code: "invalid_request"},
		{name: "no grant_type", changes: []string{"grant_type", ""}, code: "invalid_request"},
		{name: "another grant_type", changes: []string{"grant_type", "password"}, code: "unsupported_grant_type"},
	} {
		code := w.codeOf(asking("web"))
		w.wait(tt.wait)
		got := w.call("/oauth2/token", tt.basic, redeeming(code, tt.changes...))
		if tt.code != "" {
			got.refused(t, tt.name, tt.code)
			continue
		}
		got.ok(t)
		w.call("/oauth2/token", "", redeeming(code)).refused(t, tt.name+", a second time", "invalid_grant")
	}
	code := w.codeOf(asking("web", "code_challenge", "", "code_challenge_method", ""))
	w.call("/oauth2/token", "", redeeming(code)).refused(t, "a verifier for no challenge", "invalid_grant")
	code = w.codeOf(asking("web", "code_challenge", "", "code_challenge_method", ""))
	w.call("/oauth2/token", "", redeeming(code, "code_verifier", "")).ok(t)
	// A verifier that is too short is no proof, even of its own challenge.
	sum := sha256.Sum256([]byte(verifier[:42]))
	code = w.codeOf(asking("web", "code_challenge", base64.RawURLEncoding.EncodeToString(sum[:])))
	w.call("/oauth2/token", "", redeeming(code, "code_verifier", verifier[:42])).refused(t, "a short pair", "invalid_grant")
	code = w.codeOf(asking("web"))
	if _, err := w.h.Store.Update(poolID, "ann", false, func(u *store.User) error { u.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	w.call("/oauth2/token", "", redeeming(code)).refused(t, "a user disabled meanwhile", "invalid_grant")
}

// TestTokenForm: how the request itself must look.
func TestTokenForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := redeeming("x").Encode()
	for _, tt := range []struct {
		name, method, kind, query, body string
		status                          int
		code                            string
	}{
		{"control", "POST", "application/x-www-form-urlencoded; charset=utf-8", "", form, 400, "invalid_grant"},
		{"GET", "GET", "application/x-www-form-urlencoded", form, "", 405, "invalid_request"},
		{"in the query", "POST", "application/x-www-form-urlencoded", form, "", 400, "invalid_request"},
		{"JSON", "POST", "application/json", "", `{"grant_type":"client_credentials"}`, 400, "invalid_request"},
		{"no type", "POST", "", "", form, 400, "invalid_request"},
		{"twice", "POST", "application/x-www-form-urlencoded", "", form + "&code=y", 400, "invalid_request"},
		{"a bad escape", "POST", "application/x-www-form-urlencoded", "", form + "&x=%zz", 400, "invalid_request"},
		{"too large", "POST", "application/x-www-form-urlencoded", "", form + "&x=" + strings.Repeat("y", maxForm), 400, "invalid_request"},
	} {
		r, err := http.NewRequest(tt.method, w.server.URL+"/oauth2/token?"+tt.query, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", tt.kind)
		if got := w.send(r); got.status != tt.status || got.text("error") != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, got.status, got.raw, tt.status, tt.code)
		}
	}
}

// TestClientAuthentication: each way to show who the client is, right and wrong.
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name, client, basic string
		changes             []string
		code                string
	}{
		{"public, in the form", "web", "", nil, ""},
		{"public with a secret", "web", "", []string{"client_secret", "x"}, "invalid_client"},
		{"public, by Basic", "web", "web:", nil, "invalid_client"},
		{"Basic", "backend", "backend:" + secret, []string{"client_id", ""}, ""},
		{"Basic, and its name in the form", "backend", "backend:" + secret, []string{"client_id", "backend"}, ""},
		{"Basic, and another name in the form", "backend", "backend:" + secret, []string{"client_id", "web"}, "invalid_client"},
		{"Basic, wrong secret", "backend", "backend:wrong", []string{"client_id", ""}, "invalid_client"},
		{"Basic, unknown client", "backend", "nobody:" + secret, []string{"client_id", ""}, "invalid_client"},
		{"form", "backend", "", []string{"client_id", "backend", "client_secret", secret}, ""},
		{"form, wrong secret", "backend", "", []string{"client_id", "backend", "client_secret", "wrong"}, "invalid_client"},
		{"form, no secret", "backend", "", []string{"client_id", "backend"}, "invalid_client"},
		{"both", "backend", "backend:" + secret, []string{"client_id", "", "client_secret", secret}, "invalid_request"},
	} {
		code := w.codeOf(asking(tt.client))
		got := w.call("/oauth2/token", tt.basic, redeeming(code, tt.changes...))
		if tt.code == "" {
			got.ok(t)
			continue
		}
		got.refused(t, tt.name, tt.code)
		basic, form := "", redeeming(code) // the refusal has not used the code up
		if tt.client == "backend" {
			basic, form = "backend:"+secret, redeeming(code, "client_id", "")
		}
		w.call("/oauth2/token", basic, form).ok(t)
	}
	for header, ok := range map[string]bool{
		"Basic " + base64.StdEncoding.EncodeToString([]byte("back%65nd:"+secret)): true,
		"basic " + base64.StdEncoding.EncodeToString([]byte("backend:"+secret)):   true,
		"Basic " + base64.StdEncoding.EncodeToString([]byte("backend"+secret)):    false,
		"Basic backend:" + secret: false,
		"Bearer " + base64.StdEncoding.EncodeToString([]byte("backend:"+secret)): false,
	} {
		form := redeeming(w.codeOf(asking("backend")), "client_id", "").Encode()
		r, err := http.NewRequest(http.MethodPost, w.server.URL+"/oauth2/token", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", header)
		if got := w.send(r); (got.status == http.StatusOK) != ok {
			t.Errorf("%s: %d %s", header, got.status, got.raw)
		}
	}
}

// TestMachine is client_credentials.
func TestMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name, basic string
		changes     []string
		code, scope string
	}{
		{name: "all scopes", basic: "machine:" + secret, scope: "content/read content/write"},
		{name: "one", basic: "machine:" + secret, changes: []string{"scope", "content/write"}, scope: "content/write"},
		{name: "one twice", basic: "machine:" + secret, changes: []string{"scope", "content/read content/read"}, scope: "content/read"},
		{name: "in the form", changes: []string{"client_id", "machine", "client_secret", secret}, scope: "content/read content/write"},
		{name: "metadata", basic: "machine:" + secret, changes: []string{"aws_client_metadata", `{"a":"b"}`}, scope: "content/read content/write"},
		{name: "metadata that is none", basic: "machine:" + secret, changes: []string{"aws_client_metadata", "a=b"}, code: "invalid_request"},
		{name: "a scope of nobody's", basic: "machine:" + secret, changes: []string{"scope", "content/delete"}, code: "invalid_scope"},
		{name: "openid", basic: "machine:" + secret, changes: []string{"scope", "openid"}, code: "invalid_scope"},
		{name: "resource", basic: "machine:" + secret, changes: []string{"resource", "https://api.example"}, scope: "content/read content/write"},
		{name: "a bad resource", basic: "machine:" + secret, changes: []string{"resource", "api"}, code: "invalid_target"},
		{name: "wrong secret", basic: "machine:wrong", code: "invalid_client"},
		{name: "a client for people", basic: "backend:" + secret, code: "unauthorized_client"},
		{name: "a public client", changes: []string{"client_id", "web"}, code: "unauthorized_client"},
	} {
		form := changed(url.Values{"grant_type": {"client_credentials"}}, tt.changes...)
		got := w.call("/oauth2/token", tt.basic, form)
		if tt.code != "" {
			got.refused(t, tt.name, tt.code)
			continue
		}
		if names := slices.Sorted(maps.Keys(got.ok(t).body)); !slices.Equal(names, []string{"access_token", "expires_in", "token_type"}) {
			t.Errorf("%s: the answer has %v", tt.name, names)
		}
		c := claims(t, got.text("access_token"))
		delete(c, "jti")
		want := map[string]any{
			"sub": "machine", "token_use": "access", "client_id": "machine", "scope": tt.scope, "version": 2, "iss": w.server.URL + "/" + poolID,
			"auth_time": start.Unix(), "iat": start.Unix(), "exp": start.Add(time.Hour).Unix(),
		}
		if form.Has("resource") {
			want["aud"] = form.Get("resource")
		}
		if diff := cmp.Diff(asText(t, want), asText(t, c)); diff != "" {
			t.Errorf("%s: claims (-want +got):\n%s", tt.name, diff)
		}
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRefresh: rotation, whose token it is, and tokens of the user pool API.
func TestRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := func(client, token string) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {token}}
	}
	first := w.call("/oauth2/token", "", redeeming(w.codeOf(asking("rotating")), "client_id", "rotating")).ok(t).text("refresh_token")
	second := w.call("/oauth2/token", "", form("rotating", first)).ok(t).text("refresh_token")
	if second == "" || second == first {
		t.Errorf("rotation gave %q", second)
	}
	w.call("/oauth2/token", "", form("rotating", first)).refused(t, "rotated away", "invalid_grant")
	w.call("/oauth2/token", "", form("rotating", second)).ok(t)

	token := w.call("/oauth2/token", "", redeeming(w.codeOf(asking("web")))).ok(t).text("refresh_token")
	w.call("/oauth2/token", "", form("bare", token)).refused(t, "another client", "invalid_grant")
	w.call("/oauth2/token", "", form("web", "")).refused(t, "no token", "invalid_request")
	w.call("/oauth2/token", "", form("web", "x")).refused(t, "no token of ours", "invalid_grant")
	w.call("/oauth2/token", "", form("web", token)).ok(t)
	w.wait(30*24*time.Hour + time.Second)
	w.call("/oauth2/token", "", form("web", token)).refused(t, "after 30 days", "invalid_grant")

	api := w.api("InitiateAuth", map[string]any{
		"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "web", "AuthParameters": map[string]string{"USERNAME": "ann", "PASSWORD": password},
	})
	result, _ := api.ok(t).body["AuthenticationResult"].(map[string]any)
	got := w.call("/oauth2/token", "", form("web", fmt.Sprint(result["RefreshToken"]))).ok(t)
	if c := claims(t, got.text("access_token")); c.String("scope") != "aws.cognito.signin.user.admin" || c["version"] != nil {
		t.Errorf("the API's token became %v", c)
	}

	// The other way round: the scopes stay, and without openid so does the ID token away.
	noID := w.call("/oauth2/token", "", redeeming(w.codeOf(asking("web", "scope", "content/read")))).ok(t)
	api = w.api("InitiateAuth", map[string]any{
		"AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": "web", "AuthParameters": map[string]string{"REFRESH_TOKEN": noID.text("refresh_token")},
	})
	result, _ = api.ok(t).body["AuthenticationResult"].(map[string]any)
	if _, there := result["IdToken"]; there || claims(t, fmt.Sprint(result["AccessToken"])).String("scope") != "content/read" || noID.text("id_token") != "" {
		t.Errorf("without openid: %v", result)
	}
}

// api calls the user pool API.
func (w *world) api(operation string, in any) answer {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, w.server.URL+"/", strings.NewReader(string(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	return w.send(r)
}
