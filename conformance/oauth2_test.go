//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// discovered is what a client reads from an issuer's discovery document.
type discovered struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	UserInfo      string `json:"userinfo_endpoint"`
	KeySet        string `json:"jwks_uri"`
}

// oauthSandbox is a sandbox, its discovery document, and the secrets of its
// clients.
func oauthSandbox(t *testing.T) (discovered, map[string]string) {
	t.Helper()
	seed := sandbox.DefaultSeed()
	s, err := sandbox.New(sandbox.Options{Seed: seed, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	secrets := map[string]string{}
	for _, c := range seed.Pools[0].Clients {
		secrets[c.ID] = c.Secret
	}
	var d discovered
	fetchJSON(t, http.DefaultClient, s.Endpoints().Issuer+"/.well-known/openid-configuration", &d)
	return d, secrets
}

func fetchJSON(t *testing.T, c *http.Client, address string, into any) {
	t.Helper()
	res, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", address, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
}

// signInByForm is a person: ann, with her password, at the page that address
// leads to. It returns the URL that the application is called back with.
func signInByForm(t *testing.T, address string) *url.URL {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/callback" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(res.Body)
	res.Body.Close()
	form := regexp.MustCompile(`(?s)action="([^"]*)".*name="_csrf" value="([^"]*)"`).FindSubmatch(page)
	if err != nil || form == nil {
		t.Fatalf("no sign-in form at %s: %v\n%s", res.Request.URL, err, page)
	}
	action, err := res.Request.URL.Parse(html.UnescapeString(string(form[1])))
	if err != nil {
		t.Fatal(err)
	}
	res, err = browser.PostForm(action.String(), url.Values{
		"_csrf": {string(form[2])}, "username": {"ann"}, "password": {sandbox.DefaultPassword},
	})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	to, err := res.Location()
	if err != nil {
		t.Fatalf("after the form: %s, %v", res.Status, err)
	}
	return to
}

// TestGoOAuth2Code lets golang.org/x/oauth2 sign in by code with PKCE, as a
// public client and as one with a secret in either place, refresh, and ask
// userInfo; go-jose verifies the ID token.
func TestGoOAuth2Code(t *testing.T) {
	d, secrets := oauthSandbox(t)
	for name, tt := range map[string]struct {
		client string
		style  oauth2.AuthStyle
	}{
		"public":        {sandbox.PublicClientID, oauth2.AuthStyleInParams},
		"secret, basic": {sandbox.SecretClientID, oauth2.AuthStyleInHeader},
		"secret, post":  {sandbox.SecretClientID, oauth2.AuthStyleInParams},
	} {
		t.Run(name, func(t *testing.T) {
			c := oauth2.Config{
				ClientID: tt.client, ClientSecret: secrets[tt.client], RedirectURL: sandbox.CallbackURLs()[0], Scopes: []string{"openid", "email"},
				Endpoint: oauth2.Endpoint{AuthURL: d.Authorization, TokenURL: d.Token, AuthStyle: tt.style},
			}
			verifier := oauth2.GenerateVerifier()
			back := signInByForm(t, c.AuthCodeURL("a state", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", "a nonce")))
			if back.Query().Get("state") != "a state" {
				t.Fatalf("called back with %s", back)
			}
			token, err := c.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := token.Extra("id_token").(string)
			verifyID(t, d, raw, tt.client)

			_, err = c.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
			if refused := (*oauth2.RetrieveError)(nil); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
				t.Errorf("the code a second time: %v", err)
			}
			stale := *token
			stale.Expiry = time.Now().Add(-time.Hour)
			renewed, err := c.TokenSource(t.Context(), &stale).Token()
			if err != nil || renewed.AccessToken == token.AccessToken || renewed.RefreshToken != token.RefreshToken {
				t.Fatalf("refreshed: %v", err)
			}
			var info map[string]string
			fetchJSON(t, c.Client(t.Context(), renewed), d.UserInfo, &info)
			if info["email"] != "ann@example.com" || info["username"] != "ann" {
				t.Errorf("userInfo: %v", info)
			}
		})
	}
}

func verifyID(t *testing.T, d discovered, raw, audience string) {
	t.Helper()
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var keys jose.JSONWebKeySet
	fetchJSON(t, http.DefaultClient, d.KeySet, &keys)
	var claims jwt.Claims
	var more struct {
		Nonce string `json:"nonce"`
	}
	if err := token.Claims(keys, &claims, &more); err != nil {
		t.Fatal(err)
	}
	if err := claims.Validate(jwt.Expected{Issuer: d.Issuer, AnyAudience: jwt.Audience{audience}, Time: time.Now()}); err != nil || more.Nonce != "a nonce" {
		t.Errorf("the ID token: %v, nonce %q", err, more.Nonce)
	}
}

// TestGoOAuth2Machine lets x/oauth2 use client credentials in either place.
func TestGoOAuth2Machine(t *testing.T) {
	d, secrets := oauthSandbox(t)
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams, oauth2.AuthStyleAutoDetect} {
		c := clientcredentials.Config{
			ClientID: sandbox.MachineClientID, ClientSecret: secrets[sandbox.MachineClientID], TokenURL: d.Token,
			Scopes: []string{sandbox.ReadScope}, AuthStyle: style,
		}
		token, err := c.Token(context.WithoutCancel(t.Context()))
		if err != nil || strings.Count(token.AccessToken, ".") != 2 || token.RefreshToken != "" {
			t.Errorf("style %d: %v", style, err)
		}
		c.Scopes = []string{"openid"}
		if _, err := c.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "invalid_scope") {
			t.Errorf("style %d with openid: %v", style, err)
		}
	}
}
