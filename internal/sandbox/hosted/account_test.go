package hosted

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/srp"
)

func TestRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := w.call("/oauth2/token", "", redeeming(w.codeOf(asking("web")))).ok(t)
	backend := w.call("/oauth2/token", "backend:"+secret, redeeming(w.codeOf(asking("backend")), "client_id", "")).ok(t)
	keeping := w.call("/oauth2/token", "", redeeming(w.codeOf(asking("keeping")), "client_id", "keeping")).ok(t)
	for _, tt := range []struct {
		name, basic, client, token string
		status                     int
		code                       string
	}{
		{"an access token", "", "web", tokens.text("access_token"), 400, "unsupported_token_type"},
		{"an ID token", "", "web", tokens.text("id_token"), 400, "unsupported_token_type"},
		{"no token", "", "web", "", 400, "invalid_request"},
		{"no client", "", "", tokens.text("refresh_token"), 400, "invalid_request"},
		{"unknown client", "", "nobody", tokens.text("refresh_token"), 401, "invalid_client"},
		{"no secret", "", "backend", backend.text("refresh_token"), 401, "invalid_client"},
		{"wrong secret", "backend:wrong", "", backend.text("refresh_token"), 401, "invalid_client"},
		{"another client", "", "bare", tokens.text("refresh_token"), 400, "invalid_grant"},
		{"revocation switched off", "", "keeping", keeping.text("refresh_token"), 400, "invalid_request"},
		{"a token of nobody's", "", "web", "x", 200, ""},
	} {
		form := changed(url.Values{}, "client_id", tt.client, "token", tt.token)
		if got := w.call("/oauth2/revoke", tt.basic, form); got.status != tt.status || got.text("error") != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, got.status, got.raw, tt.status, tt.code)
		}
	}
	refreshing := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {backend.text("refresh_token")}}
	w.call("/oauth2/token", "backend:"+secret, refreshing).ok(t)
	for range 2 { // a second time is as good
		if got := w.call("/oauth2/revoke", "backend:"+secret, url.Values{"token": {backend.text("refresh_token")}}); got.status != 200 {
			t.Errorf("revoke: %d %s", got.status, got.raw)
		}
	}
	w.call("/oauth2/token", "backend:"+secret, refreshing).refused(t, "after revocation", "invalid_grant")
}

func (w *world) userInfo(header string) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.server.URL+"/oauth2/userInfo", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	return w.send(r)
}

// tokensOf are those of ann with a scope.
func (w *world) tokensOf(scope string) answer {
	w.t.Helper()
	return w.call("/oauth2/token", "", redeeming(w.codeOf(asking("web", "scope", scope)))).ok(w.t)
}

// TestUserInfo: what the scopes allow, as text, and who is refused.
func TestUserInfo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	email := map[string]any{"email": "ann@example.com", "email_verified": "true"}
	phone := map[string]any{"phone_number": "+15555550101"}
	name := map[string]any{"name": "ANN"}
	for scope, parts := range map[string][]map[string]any{
		"openid": {email, phone, name}, "openid profile": {email, phone, name}, "openid email": {email}, "openid phone": {phone},
		"openid email phone content/read": {email, phone}, "openid content/read": {email, phone, name},
	} {
		tokens := w.tokensOf(scope)
		got := w.userInfo("Bearer " + tokens.text("access_token")).ok(t)
		want := map[string]any{"sub": "sub-of-ann", "username": "ann"}
		for _, part := range parts {
			maps.Copy(want, part)
		}
		if diff := cmp.Diff(want, got.body); diff != "" || got.header.Get("Content-Type") != "application/json;charset=UTF-8" {
			t.Errorf("%s: %v (-want +got):\n%s", scope, got.header, diff)
		}
		id := claims(t, tokens.text("id_token"))
		for _, attribute := range []string{"email", "phone_number", "name"} {
			if (id[attribute] != nil) != (want[attribute] != nil) {
				t.Errorf("%s: the ID token has %s: %v", scope, attribute, id[attribute])
			}
		}
	}
}

// TestUserInfoRefuses: who is refused, and in what words.
func TestUserInfoRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.tokensOf("openid")
	api := w.api("InitiateAuth", map[string]any{
		"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "web", "AuthParameters": map[string]string{"USERNAME": "ann", "PASSWORD": password},
	})
	result, _ := api.ok(t).body["AuthenticationResult"].(map[string]any)
	machine := w.call("/oauth2/token", "machine:"+secret, url.Values{"grant_type": {"client_credentials"}}).ok(t)
	refuse := func(name, header string, status int, challenge string) {
		if got := w.userInfo(header); got.status != status || got.header.Get("WWW-Authenticate") != challenge {
			t.Errorf("%s: %d %q", name, got.status, got.header.Get("WWW-Authenticate"))
		}
	}
	const (
		bad     = `error="invalid_request", error_description="Bad OAuth2 request at UserInfo Endpoint"`
		invalid = `error="invalid_token", error_description="Access token is expired, disabled, or deleted, or the user has globally signed out."`
	)
	refuse("no header", "", 400, bad)
	refuse("another scheme", "Basic "+good.text("access_token"), 400, bad)
	refuse("no token", "Bearer ", 400, bad)
	refuse("rubbish", "Bearer x.y.z", 401, invalid)
	refuse("an ID token", "Bearer "+good.text("id_token"), 401, invalid)
	refuse("without openid", "Bearer "+w.tokensOf("content/read").text("access_token"), 401, invalid)
	refuse("of the API", "Bearer "+fmt.Sprint(result["AccessToken"]), 401, invalid)
	refuse("of a machine", "Bearer "+machine.text("access_token"), 401, invalid)
	revoked := w.tokensOf("openid")
	w.call("/oauth2/revoke", "", url.Values{"token": {revoked.text("refresh_token")}, "client_id": {"web"}})
	refuse("revoked", "Bearer "+revoked.text("access_token"), 401, invalid)
	w.userInfo("Bearer " + good.text("access_token")).ok(t)
	w.wait(time.Hour + time.Second)
	refuse("expired", "Bearer "+good.text("access_token"), 401, invalid)
}

// TestSelfService: only the scope aws.cognito.signin.user.admin opens the user
// pool API.
func TestSelfService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	with := w.call("/oauth2/token", "", redeeming(w.codeOf(asking("web", "scope", "aws.cognito.signin.user.admin")))).ok(t)
	without := w.call("/oauth2/token", "", redeeming(w.codeOf(asking("web")))).ok(t)
	w.api("GetUser", map[string]string{"AccessToken": with.text("access_token")}).ok(t)
	got := w.api("GetUser", map[string]string{"AccessToken": without.text("access_token")})
	if got.status != 400 || got.text("__type") != "NotAuthorizedException" {
		t.Errorf("without the scope: %d %s", got.status, got.raw)
	}
	hash := srp.SecretHash("ann", "backend", secret)
	backend := w.call("/oauth2/token", "backend:"+secret, redeeming(w.codeOf(asking("backend")), "client_id", "")).ok(t)
	w.api("InitiateAuth", map[string]any{"AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": "backend",
		"AuthParameters": map[string]string{"REFRESH_TOKEN": backend.text("refresh_token"), "SECRET_HASH": hash}}).ok(t)
}
