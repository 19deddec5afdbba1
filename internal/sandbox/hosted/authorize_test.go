package hosted

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// askedRow is a request and where it leads.
type askedRow struct {
	name    string
	query   url.Values
	page    string // "/login" is good, "/error" stays here
	code    string // the error
	without bool   // the answer has no state
}

// trustRows is whom the answer may be sent to.
func trustRows() []askedRow {
	return []askedRow{
		{name: "good", query: asking("web"), page: "/login"},
		{name: "without PKCE", query: asking("web", "code_challenge", "", "code_challenge_method", ""), page: "/login"},
		{name: "without scope", query: asking("web", "scope", ""), page: "/login"},
		{name: "a URL with a query", query: asking("web", "redirect_uri", "https://app.example/cb?x=1"), page: "/login"},
		{name: "a parameter of nobody's", query: asking("web", "utm", "1"), page: "/login"},
		{name: "unknown client", query: asking("nobody"), page: "/error", code: "invalid_request"},
		{name: "no client", query: asking(""), page: "/error", code: "invalid_request"},
		{name: "no redirect_uri", query: asking("web", "redirect_uri", ""), page: "/error", code: "invalid_request"},
		{name: "another redirect_uri", query: asking("web", "redirect_uri", "https://evil.example/"), page: "/error", code: "redirect_mismatch"},
		{name: "a slash more", query: asking("web", "redirect_uri", "myapp://signed-in/"), page: "/error", code: "redirect_mismatch"},
		{name: "another port", query: asking("web", "redirect_uri", "http://localhost:17172/callback"), page: "/error", code: "redirect_mismatch"},
		{name: "another case", query: asking("web", "redirect_uri", "http://localhost:17170/Callback"), page: "/error", code: "redirect_mismatch"},
		{name: "a query more", query: asking("web", "redirect_uri", callback+"?a=b"), page: "/error", code: "redirect_mismatch"},
		{name: "a fragment more", query: asking("web", "redirect_uri", callback+"#a"), page: "/error", code: "redirect_mismatch"},
		{name: "userinfo", query: asking("web", "redirect_uri", "http://x@localhost:17170/callback"), page: "/error", code: "redirect_mismatch"},
		{name: "a client without callback URLs", query: asking("machine"), page: "/error", code: "redirect_mismatch"},
		{name: "redirect_uri twice", query: url.Values{"client_id": {"web"}, "redirect_uri": {callback, callback}}, page: "/error", code: "invalid_request"},
		{name: "state twice", query: url.Values{"client_id": {"web"}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"a", "b"}},
			code: "invalid_request", without: true},
	}
}

// parameterRows is what is told to the application.
func parameterRows() []askedRow {
	return []askedRow{
		{name: "no response_type", query: asking("web", "response_type", ""), code: "invalid_request"},
		{name: "hybrid", query: asking("web", "response_type", "code token"), code: "invalid_request"},
		{name: "implicit, not allowed", query: asking("web", "response_type", "token"), code: "unauthorized_client"},
		{name: "implicit, allowed", query: asking("implicit", "response_type", "token"), page: "/login"},
		{name: "challenge without method", query: asking("web", "code_challenge_method", ""), code: "invalid_request"},
		{name: "method without challenge", query: asking("web", "code_challenge", ""), code: "invalid_request"},
		{name: "plain", query: asking("web", "code_challenge_method", "plain"), code: "invalid_request"},
		{name: "a short challenge", query: asking("web", "code_challenge", "abc"), code: "invalid_request"},
		{name: "a challenge of another alphabet", query: asking("web", "code_challenge", strings.Repeat("+", 43)), code: "invalid_request"},
		{name: "a scope of nobody's", query: asking("web", "scope", "openid content/write"), code: "invalid_scope"},
		{name: "email without openid", query: asking("web", "scope", "email"), code: "invalid_scope"},
		{name: "profile without openid", query: asking("web", "scope", "profile content/read"), code: "invalid_scope"},
		{name: "without openid", query: asking("web", "scope", "content/read"), page: "/login"},
		{name: "prompt", query: asking("web", "prompt", "create"), code: "invalid_request"},
		{name: "prompt=none and something", query: asking("web", "prompt", "none login"), code: "invalid_request"},
		{name: "prompt=none, nobody there", query: asking("web", "prompt", "none"), code: "login_required"},
		{name: "prompt=consent", query: asking("web", "prompt", "consent"), page: "/login"},
		{name: "the pool itself", query: asking("web", "identity_provider", "COGNITO"), page: "/login"},
		{name: "a provider", query: asking("web", "identity_provider", "Google"), page: "/standin/Google"},
		{name: "the only provider", query: asking("googleonly"), page: "/standin/Google"},
		{name: "a provider that is not there", query: asking("web", "identity_provider", "Facebook"), code: "invalid_request"},
		{name: "a provider that the client has not", query: asking("bare", "identity_provider", "Google"), code: "invalid_request"},
		{name: "the pool, for a client without it", query: asking("googleonly", "identity_provider", "COGNITO"), code: "invalid_request"},
		{name: "idp_identifier", query: asking("web", "idp_identifier", "example.com"), code: "invalid_request"},
		{name: "state that is JSON", query: asking("web", "state", `{"a": 1}`), code: "invalid_request", without: true},
		{name: "state with a brace", query: asking("web", "state", `{a`), page: "/login"},
		{name: "resource", query: asking("web", "resource", "https://api.example/x"), page: "/login"},
		{name: "resource with a fragment", query: asking("web", "resource", "https://api.example/#x"), code: "invalid_target"},
		{name: "resource that is a word", query: asking("web", "resource", "api"), code: "invalid_target"},
	}
}

// TestAuthorizeRequest: one rule a row, beside what is good.
func TestAuthorizeRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const here = "/error?"
	for _, tt := range slices.Concat(trustRows(), parameterRows()) {
		v := w.browser().open("/oauth2/authorize?" + tt.query.Encode())
		if tt.page != "" {
			if v.path != tt.page || v.location != nil || strings.Contains(v.body, "error: ") != (tt.code != "") || !strings.Contains(v.body, tt.code) {
				t.Errorf("%s: shows %d %s, leads to %v, want %s %s", tt.name, v.status, v.path, v.location, tt.page, tt.code)
			}
			if tt.page == "/error" && v.status != http.StatusBadRequest {
				t.Errorf("%s: the error page has status %d", tt.name, v.status)
			}
			continue
		}
		if v.location == nil {
			t.Errorf("%s: stays at %s, want an error at the application", tt.name, v.path)
			continue
		}
		got := v.location.Query()
		if tt.query.Get("response_type") == "token" {
			var err error
			if got, err = url.ParseQuery(v.location.EscapedFragment()); err != nil {
				t.Fatal(err)
			}
		}
		state := tt.query.Get("state")
		if tt.without {
			state = got.Get("state")
		}
		if !strings.HasPrefix(v.location.String(), callback) || got.Get("error") != tt.code || got.Get("state") != state {
			t.Errorf("%s: leads to %s, want error %s and state %q", tt.name, v.location, tt.code, state)
		}
	}
	// The first answer to a bad redirect_uri, before the page.
	r, err := http.NewRequest(http.MethodGet, w.server.URL+"/oauth2/authorize?"+asking("web", "redirect_uri", "x:y").Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.send(r); got.status != http.StatusFound || got.header.Get("Location") != here+"client_id=web&error=redirect_mismatch" {
		t.Errorf("a bad redirect_uri is answered %d %s", got.status, got.header.Get("Location"))
	}
}

// TestCallback: where the code goes, to the letter.
func TestCallback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct{ uri, prefix string }{
		{callback, callback + "?code="},
		{"http://localhost:17170/callback/", callback + "/?code="},
		{"https://app.example/cb?x=1", "https://app.example/cb?x=1&code="},
		{"myapp://signed-in", "myapp://signed-in?code="},
	} {
		v := w.browser().signIn(asking("web", "redirect_uri", tt.uri), "ann", password)
		if got := v.header.Get("Location"); !strings.HasPrefix(got, tt.prefix) || !strings.HasSuffix(got, "&state=s+t%2Fa%2Bte") {
			t.Errorf("%s: leads to %s", tt.uri, got)
		}
	}
	v := w.browser().signIn(asking("web", "state", ""), "ann", password)
	if v.location.Query().Has("state") {
		t.Errorf("a state from nowhere: %s", v.location)
	}
}

// TestImplicit: tokens in the fragment, an ID token with openid only, and never
// a refresh token.
func TestImplicit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		scope string
		names string
	}{
		{"openid", "id_token access_token token_type expires_in state"},
		{"content/read", "access_token token_type expires_in state"},
	} {
		v := w.browser().signIn(asking("implicit", "response_type", "token", "scope", tt.scope), "ann", password)
		if v.location == nil || v.location.RawQuery != "" {
			t.Fatalf("%s: leads to %v", tt.scope, v.location)
		}
		var names []string
		for pair := range strings.SplitSeq(v.location.EscapedFragment(), "&") {
			name, _, _ := strings.Cut(pair, "=")
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != tt.names {
			t.Errorf("%s: the fragment has %s, want %s", tt.scope, got, tt.names)
		}
		_, fragment, _ := strings.Cut(v.header.Get("Location"), "#")
		got, err := url.ParseQuery(fragment)
		if err != nil {
			t.Fatal(err)
		}
		if got.Get("token_type") != "bearer" || got.Get("expires_in") != "3600" || claims(t, got.Get("access_token")).String("scope") != tt.scope {
			t.Errorf("%s: %v", tt.scope, got)
		}
		if id := got.Get("id_token"); id != "" && claims(t, id).String("nonce") != "n-1" {
			t.Errorf("the ID token has the nonce %q", claims(t, id).String("nonce"))
		}
	}
}

// TestSingleSignOn: a browser that has signed in is asked no more, for an hour
// and not longer.
func TestSingleSignOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	first := b.signIn(asking("web"), "ann", password)
	first.code(t)
	cookie := first.header.Get("Set-Cookie")
	for _, part := range []string{"cognito=", "Path=/", "Max-Age=3600", "HttpOnly", "SameSite=Lax"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the session cookie %q has no %s", cookie, part)
		}
	}
	authorize := func(query url.Values) view { return b.open("/oauth2/authorize?" + query.Encode()) }
	w.wait(50 * time.Minute)
	authorize(asking("web")).code(t)
	authorize(asking("backend")).code(t)
	authorize(asking("web", "identity_provider", "COGNITO")).code(t)
	if got := claims(t, w.call("/oauth2/token", "", redeeming(authorize(asking("web", "prompt", "none")).code(t))).ok(t).text("id_token")); fmt.Sprint(got["auth_time"]) != fmt.Sprint(start.Unix()) {
		t.Errorf("auth_time is %v, not that of the sign-in", got["auth_time"])
	}
	for name, query := range map[string]url.Values{
		"prompt=login": asking("web", "prompt", "login"), "a client without the pool": asking("googleonly"),
		"another pool": asking("other", "scope", "openid"), "a provider": asking("web", "identity_provider", "Google"),
	} {
		if v := authorize(query); v.location != nil {
			t.Errorf("%s: leads to %s unasked", name, v.location)
		}
	}
	if v := w.browser().open("/oauth2/authorize?" + asking("web").Encode()); v.path != "/login" {
		t.Errorf("another browser is at %s", v.path)
	}
	w.wait(10*time.Minute + time.Second)
	if v := authorize(asking("web")); v.path != "/login" || v.location != nil {
		t.Errorf("after an hour: %s %v", v.path, v.location)
	}

	b.signIn(asking("web"), "ann", password).code(t)
	if _, err := w.h.Store.Update(poolID, "ann", false, func(u *store.User) error { u.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if v := authorize(asking("web")); v.path != "/login" || v.location != nil {
		t.Errorf("a disabled user: %s %v", v.path, v.location)
	}
}

// TestLogout: the session is over where the request is good, and then only.
func TestLogout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name, query string
		path        string // "" = out of the domain
		ends        bool
	}{
		{"logout_uri", "client_id=web&logout_uri=http%3A%2F%2Flocalhost%3A17170%2Fbye", "", true},
		{"redirect_uri", "client_id=web&response_type=code&redirect_uri=" + url.QueryEscape(callback), "/login", true},
		{"a logout_uri that is not there", "client_id=web&logout_uri=https%3A%2F%2Fevil.example%2F", "/error", false},
		{"a callback URL as logout_uri", "client_id=web&logout_uri=" + url.QueryEscape(callback), "/error", false},
		{"a logout URL as redirect_uri", "client_id=web&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A17170%2Fbye", "/error", false},
		{"redirect_uri without response_type", "client_id=web&redirect_uri=" + url.QueryEscape(callback), "", false},
		{"neither", "client_id=web", "/error", false},
		{"no client", "logout_uri=http%3A%2F%2Flocalhost%3A17170%2Fbye", "/error", false},
	} {
		b := w.browser()
		in := b.signIn(asking("web"), "ann", password)
		code := in.code(t)
		tokens := w.call("/oauth2/token", "", redeeming(code)).ok(t)
		v := b.open("/logout?" + tt.query)
		if tt.path == "" && v.location == nil || tt.path != "" && v.path != tt.path {
			t.Errorf("%s: at %s, to %v", tt.name, v.path, v.location)
		}
		// Also for whoever kept the cookie.
		b.client.Jar.SetCookies(b.site(), (&http.Response{Header: in.header}).Cookies())
		after := b.open("/oauth2/authorize?" + asking("web").Encode())
		if ended := after.location == nil; ended != tt.ends {
			t.Errorf("%s: ended %v, want %v", tt.name, ended, tt.ends)
		}
		w.call("/oauth2/token", "", url.Values{"grant_type": {"refresh_token"}, "client_id": {"web"}, "refresh_token": {tokens.text("refresh_token")}}).ok(t)
	}
}
