//go:build conformance

package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

var jane = person{typed: map[string]string{"login": "jane", "password": "any"}}

// callbackURL is one on a port that nobody holds now.
func callbackURL(t *testing.T) string {
	return fmt.Sprintf("http://localhost:%d/callback", freePort(t))
}

// web is a cogctl that signs people in there: as a client with a secret, or without.
func (p *oidcProvider) web(t *testing.T, method string) cogctl {
	c := newCogctl(t, "COGCTL_ISSUER="+p.Issuer, "COGCTL_CLIENT_ID=conformance", "COGCTL_SCOPES=openid email offline_access")
	if method != "none" {
		c = c.with("COGCTL_CLIENT_SECRET=" + oidcSecret)
	}
	return c
}

// TestOIDCProviderWeb signs a person in at another's issuer through a browser, by code
// and PKCE, refreshes with rotation, and signs out.
func TestOIDCProviderWeb(t *testing.T) {
	for _, method := range []string{"client_secret_basic", "client_secret_post", "none"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			callback := callbackURL(t)
			p := startOIDCProvider(t, method, callback)
			c := p.web(t, method)
			l := c.waitFor(t, callback, "--prompt", "consent")
			asked := l.address.Query()
			if asked.Get("code_challenge_method") != "S256" || asked.Get("response_type") != "code" || asked.Has("client_secret") {
				t.Errorf("asked with %s", l.address)
			}
			back := jane.at(t, l.address, callback)
			if got := back.Query(); got.Get("iss") != p.Issuer || got.Get("state") != asked.Get("state") {
				t.Fatalf("the issuer sends back %v: neither iss nor state can be put to the test", got)
			}
			visit(t, back, http.StatusOK, "Signed in")
			l.ends(t, 0, "")
			p.gave(t, "authorization_code", 1)
			id := p.signedIn(t, c, asked.Get("nonce"))
			sum := sha256.Sum256([]byte(c.ok(t, "token", "--type", "access")))
			if want := base64.RawURLEncoding.EncodeToString(sum[:16]); method != "none" && id["at_hash"] != want {
				t.Errorf("at_hash is %v, that of the access token %s", id["at_hash"], want)
			}

			first := c.ok(t, "token", "--type", "refresh")
			c.ok(t, "token", "refresh")
			kept := c.ok(t, "token", "--type", "refresh")
			if first == kept {
				t.Error("the refresh token does not rotate")
			}
			p.gave(t, "refresh_token", 1)
			c.ok(t, "logout")
			p.gave(t, "revocation", 1)
			c.refused(t, 4, "token")
			if r := p.web(t, method).feed(t, kept, "login", "--with-token"); r.code != 3 || !strings.Contains(r.stderr, "invalid_grant") {
				t.Errorf("the refresh token after the logout: exit %d: %s", r.code, r.stderr)
			}
		})
	}
}

// signedIn looks at the session, and at its ID token without cogctl's help.
func (p *oidcProvider) signedIn(t *testing.T, c cogctl, nonce string) map[string]any {
	t.Helper()
	var status struct {
		Sub, Email string
		By         string `json:"refresh_by"`
		Verified   bool   `json:"id_token_verified"`
	}
	if err := json.Unmarshal([]byte(c.ok(t, "status", "--json")), &status); err != nil || status.Sub != "jane" ||
		status.Email != "jane@example.com" || status.By != "oauth" || !status.Verified {
		t.Errorf("status: %+v, %v", status, err)
	}
	id := claims(t, c.ok(t, "token", "--type", "id"))
	if nonce == "" || id["nonce"] != nonce || id["iss"] != p.Issuer || id["aud"] != "conformance" {
		t.Errorf("the ID token %v answers another request than the one with the nonce %q", id, nonce)
	}
	return id
}

// TestOIDCProviderWebRefused: what an answer must not be. The answer that was left
// alone is taken, here and in TestOIDCProviderWeb.
func TestOIDCProviderWebRefused(t *testing.T) {
	callback := callbackURL(t)
	p := startOIDCProvider(t, "client_secret_basic", callback)
	c := p.web(t, "client_secret_basic")
	t.Run("cancelled", func(t *testing.T) {
		l := c.waitFor(t, callback)
		back := person{cancel: true}.at(t, l.address, callback)
		if back.Query().Get("error") != "access_denied" || back.Query().Get("iss") != p.Issuer {
			t.Fatalf("cancelled with %s", back)
		}
		visit(t, back, http.StatusOK, "Not signed in")
		l.ends(t, 3, "End-User aborted interaction (access_denied)")
		c.refused(t, 4, "status")
	})
	t.Run("another state", func(t *testing.T) {
		l := c.waitFor(t, callback)
		back := jane.at(t, l.address, callback)
		visit(t, with(back, "state", strings.Repeat("A", 43)), http.StatusBadRequest, "")
		visit(t, with(back, "state", ""), http.StatusBadRequest, "")
		l.waiting(t)
		p.gave(t, "authorization_code", 0)
		visit(t, back, http.StatusOK, "Signed in")
		l.ends(t, 0, "")
		p.gave(t, "authorization_code", 1)
		c.ok(t, "logout")
	})
	t.Run("another issuer", func(t *testing.T) {
		l := c.waitFor(t, callback)
		visit(t, with(jane.at(t, l.address, callback), "iss", "https://login.example.com"), http.StatusOK, "Not signed in")
		l.ends(t, 5, "https://login.example.com")
		p.gave(t, "authorization_code", 1) // the code was not redeemed
		c.refused(t, 4, "status")
	})
	t.Run("not registered", func(t *testing.T) {
		_, r := c.loginWeb(t, callback+"/")
		if r == nil || r.code != 2 || !strings.Contains(r.stderr, "is not registered for the app client conformance") {
			t.Errorf("with a final slash: %+v", r)
		}
	})
}

// TestOIDCProviderTokensRefused: what the tokens, and the code they are bought with,
// must not be.
func TestOIDCProviderTokensRefused(t *testing.T) {
	callback := callbackURL(t)
	p := startOIDCProvider(t, "client_secret_basic", callback)
	c := p.web(t, "client_secret_basic")
	t.Run("another nonce", func(t *testing.T) {
		l := c.waitFor(t, callback)
		visit(t, jane.at(t, with(l.address, "nonce", "of-another-sign-in"), callback), http.StatusOK, "Not signed in")
		l.ends(t, 5, "nonce")
		c.refused(t, 4, "status")
	})
	t.Run("another's access token", func(t *testing.T) {
		l := c.waitFor(t, callback)
		swapped := person{typed: map[string]string{"login": "swapped", "password": "any"}}
		visit(t, swapped.at(t, l.address, callback), http.StatusOK, "Not signed in")
		l.ends(t, 5, "at_hash")
		c.refused(t, 4, "status")
	})
	t.Run("the code of another sign-in", func(t *testing.T) {
		l := c.waitFor(t, callback)
		unused := jane.at(t, l.address, callback)
		visit(t, with(with(unused, "code", ""), "error", "access_denied"), http.StatusOK, "Not signed in")
		l.ends(t, 3, "access_denied")
		l = c.waitFor(t, callback)
		visit(t, with(jane.at(t, l.address, callback), "code", unused.Query().Get("code")), http.StatusOK, "Not signed in")
		l.ends(t, 3, "invalid_grant")
		p.refused(t, "code_verifier does not match")
		c.refused(t, 4, "status")
	})
	t.Run("a code twice", func(t *testing.T) {
		l := c.waitFor(t, callback, "--prompt", "consent")
		visit(t, person{typed: map[string]string{"login": "replayed", "password": "any"}}.at(t, l.address, callback), http.StatusOK, "Signed in")
		l.ends(t, 0, "")
		p.refused(t, "authorization code already consumed")
		if said := c.refused(t, 4, "token", "refresh"); !strings.Contains(said, "the session is over") {
			t.Errorf("after the replay: %s", said)
		}
	})
}
