//go:build conformance

package conformance

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"
)

// domain is the way to cognito-local's pages and token endpoint; it counts what goes
// there, since the server itself does not say.
type domain struct {
	URL string

	mu    sync.Mutex
	calls map[string]int
}

func (s *cognitoLocal) domain(t *testing.T) *domain {
	t.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	d := &domain{calls: map[string]int{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	way := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.calls[r.Method+" "+r.URL.Path]++
		d.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(way.Close)
	d.URL = way.URL
	return d
}

func (d *domain) count(call string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls[call]
}

// webClient is an app client that people sign in to on the pages.
func (s *cognitoLocal) webClient(t *testing.T, callback string) string {
	t.Helper()
	var client struct{ UserPoolClient struct{ ClientId string } }
	s.post(t, "CreateUserPoolClient", map[string]any{
		"UserPoolId": s.Pool, "ClientName": "web", "CallbackURLs": []string{callback},
		"AllowedOAuthFlows": []string{"code"}, "AllowedOAuthScopes": []string{"openid", "email"}, "AllowedOAuthFlowsUserPoolClient": true,
	}, &client)
	return client.UserPoolClient.ClientId
}

// web is a cogctl that knows the domain and nothing of the user pool: what it does, it
// does there.
func (d *domain) web(t *testing.T, client string) cogctl {
	return newCogctl(t, "COGCTL_CLIENT_ID="+client, "COGCTL_DOMAIN="+d.URL)
}

func annAt(t *testing.T, address *url.URL, callback string) *url.URL {
	return person{typed: map[string]string{"username": ann, "password": "Passw0rd!"}}.at(t, address, callback)
}

// TestCognitoLocalWeb goes through the pages of cognito-local. Its ID tokens never hold
// the nonce that was sent, and without it nobody can tell whose sign-in they answer
// (OpenID Connect Core, section 3.1.3.7, step 11): cogctl redeems the code by PKCE and
// refuses the tokens. Told to send none it signs in by code and PKCE, and its session is
// refreshed at the token endpoint; so are tokens that x/oauth2 gets the same way.
func TestCognitoLocalWeb(t *testing.T) {
	server := startCognitoLocal(t, "")
	callback := callbackURL(t)
	client, d := server.webClient(t, callback), server.domain(t)
	c := d.web(t, client)

	t.Run("code and PKCE, no nonce there", func(t *testing.T) {
		l := c.waitFor(t, callback)
		back := annAt(t, l.address, callback)
		visit(t, with(back, "state", "another"), http.StatusBadRequest, "")
		l.waiting(t)
		visit(t, back, http.StatusOK, "Not signed in")
		l.ends(t, 5, "--no-nonce")
		if n := d.count("POST /oauth2/token"); n != 1 {
			t.Errorf("the code was redeemed %d times, want once", n)
		}
		c.refused(t, 4, "status")
	})
	t.Run("code and PKCE, refresh", func(t *testing.T) { d.web(t, client).withoutNonce(t, d, callback) })
	t.Run("wrong password", func(t *testing.T) { wrongThenRight(t, c, callback) })
	t.Run("not registered", func(t *testing.T) {
		_, r := c.loginWeb(t, callback+"/", "--timeout", "1s")
		if r == nil || r.code != 2 || !strings.Contains(r.stderr, "is not registered for the app client "+client) {
			t.Errorf("with a final slash: %+v", r)
		}
		_, r = c.with("COGCTL_CLIENT_ID=nobody").loginWeb(t, callback, "--timeout", "1s")
		if r == nil || r.code != 2 || !strings.Contains(r.stderr, "the app client nobody is not known there") {
			t.Errorf("with another app client: %+v", r)
		}
	})
	t.Run("refresh at the token endpoint", func(t *testing.T) { server.refreshesByOAuth(t, d, client, callback) })
	t.Run("what is not there", func(t *testing.T) { server.lacks(t) })
}

// withoutNonce signs ann in, and lets the session go on.
func (c cogctl) withoutNonce(t *testing.T, d *domain, callback string) {
	before := d.count("POST /oauth2/token")
	l := c.waitFor(t, callback, "--no-nonce")
	if q := l.address.Query(); q.Has("nonce") || q.Get("code_challenge_method") != "S256" {
		t.Errorf("the address to open: %s", l.address)
	}
	visit(t, annAt(t, l.address, callback), http.StatusOK, "Signed in")
	l.ends(t, 0, "")
	first := claims(t, c.ok(t, "token", "--type", "id"))
	c.ok(t, "token", "refresh")
	fresh := claims(t, c.ok(t, "token", "--type", "id"))
	if first["email"] != ann || fresh["email"] != ann || fresh["jti"] == first["jti"] {
		t.Errorf("signed in as %v, refreshed to %v", first, fresh)
	}
	if n := d.count("POST /oauth2/token") - before; n != 2 {
		t.Errorf("%d calls of the token endpoint for a code and a refresh", n)
	}
}

// wrongThenRight is a person who mistypes the password once, and whose code is then
// exchanged for another on the way.
func wrongThenRight(t *testing.T, c cogctl, callback string) {
	l := c.waitFor(t, callback)
	shown := 0
	wrong := person{typed: map[string]string{"username": ann, "password": "Wr0ng!"}}
	wrong.fillsIn = func(page string) {
		if strings.Contains(page, "Incorrect username or password") {
			shown++
			wrong.typed["password"] = "Passw0rd!"
		}
	}
	back := wrong.at(t, l.address, callback)
	if shown != 1 || !back.Query().Has("code") {
		t.Errorf("the page said %d times that the password is wrong, then %s", shown, back.Path)
	}
	visit(t, with(back, "code", "11111111-2222-3333-4444-555555555555"), http.StatusOK, "Not signed in")
	l.ends(t, 3, "invalid_grant")
}

// refreshesByOAuth gives cogctl the tokens that another client got.
func (s *cognitoLocal) refreshesByOAuth(t *testing.T, d *domain, client, callback string) {
	c := d.web(t, client)
	token := s.byXOAuth2(t, d, client, callback)
	id, _ := token.Extra("id_token").(string)
	given := `{"id_token": "` + id + `", "access_token": "` + token.AccessToken + `", "refresh_token": "` + token.RefreshToken + `"}`
	before := d.count("POST /oauth2/token")
	if r := c.feed(t, given, "login", "--with-token"); r.code != 0 {
		t.Fatalf("login --with-token: exit %d: %s", r.code, r.stderr)
	}
	c.ok(t, "token", "refresh")
	if n := d.count("POST /oauth2/token") - before; n != 1 {
		t.Errorf("%d calls of the token endpoint for one refresh", n)
	}
	if fresh := claims(t, c.ok(t, "token", "--type", "id")); fresh["email"] != ann || fresh["jti"] == claims(t, id)["jti"] {
		t.Errorf("after the refresh: %v", fresh)
	}
	if said := c.refused(t, 1, "logout"); d.count("POST /oauth2/revoke") != 1 {
		t.Errorf("logout asked %d times to revoke: %s", d.count("POST /oauth2/revoke"), said)
	}
	c.refused(t, 4, "token")
}

// byXOAuth2 signs ann in by code and PKCE, and sees the code refused twice over.
func (s *cognitoLocal) byXOAuth2(t *testing.T, d *domain, client, callback string) *oauth2.Token {
	t.Helper()
	o := oauth2.Config{
		ClientID: client, RedirectURL: callback, Scopes: []string{"openid"},
		Endpoint: oauth2.Endpoint{AuthURL: d.URL + "/oauth2/authorize", TokenURL: d.URL + "/oauth2/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	code := func(verifier string) string {
		address, err := url.Parse(o.AuthCodeURL("a state", oauth2.S256ChallengeOption(verifier)))
		if err != nil {
			t.Fatal(err)
		}
		return annAt(t, address, callback).Query().Get("code")
	}
	verifier := oauth2.GenerateVerifier()
	var refused *oauth2.RetrieveError
	if _, err := o.Exchange(t.Context(), code(verifier), oauth2.VerifierOption(oauth2.GenerateVerifier())); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("with another verifier: %v", err)
	}
	good := code(verifier)
	token, err := o.Exchange(t.Context(), good, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Exchange(t.Context(), good, oauth2.VerifierOption(verifier)); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("the code a second time: %v", err)
	}
	return token
}

// lacks is what the pages of cognito-local 5.3.0 do not have, so that nothing here can
// be tried with them: should one of these fail, there is more to test.
func (s *cognitoLocal) lacks(t *testing.T) {
	t.Helper()
	for call, want := range map[string]int{
		"POST /oauth2/revoke": http.StatusNotFound, "GET /oauth2/userInfo": http.StatusNotFound, "GET /logout": http.StatusNotFound,
		"GET /login": http.StatusNotFound, "POST /oauth2/token": http.StatusBadRequest, // client_credentials: unsupported_grant_type
	} {
		method, path, _ := strings.Cut(call, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader("grant_type=client_credentials&client_id=x&client_secret=y"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if page := readPage(t, res); res.StatusCode != want || want == http.StatusBadRequest && !strings.Contains(page, "unsupported_grant_type") {
			t.Errorf("%s: %s, want %d: %s", call, res.Status, want, page)
		}
	}
}
