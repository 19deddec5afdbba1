package auth_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

// TestExpiresIn: how long a token of a token endpoint counts as good, by what the
// endpoint says of it and by what it says itself.
func TestExpiresIn(t *testing.T) {
	t.Parallel()
	const said, none = time.Hour, 5 * time.Minute // by exp - iat, and where nothing tells
	for _, row := range []struct {
		expiresIn   string // JSON; empty for no such member
		jwt, opaque time.Duration
	}{
		{`3600`, said, time.Hour},
		{`3600.0`, said, time.Hour},
		{`3.6e3`, said, time.Hour},
		{`"3600"`, said, time.Hour},
		{`600`, 10 * time.Minute, 10 * time.Minute},
		{`599.9`, 599 * time.Second, 599 * time.Second},
		{`0.1`, time.Second, time.Second},
		{`86401`, said, 24 * time.Hour},
		{`1e400`, said, none}, // no number of this world
		{`99999999999999999999`, said, 24 * time.Hour},
		{``, said, none},
		{`null`, said, none},
		{`0`, said, none},
		{`-1`, said, none},
		{`-99999999999999999999`, said, none},
		{`""`, said, none},
		{`"abc"`, said, none},
		{`"NaN"`, said, none},
		{`"3600 s"`, said, none},
		{`true`, said, none},
		{`[3600]`, said, none},
		{`{"seconds":3600}`, said, none},
	} {
		member := ""
		if row.expiresIn != "" {
			member = `,"expires_in":` + row.expiresIn
		}
		for token, want := range map[string]time.Duration{machineToken(t, nil): row.jwt, "opaque": row.opaque} {
			p, _ := tokenServer(t, 200, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer"%s}`, token, member))
			w := newWorld("http://127.0.0.1:1", issuerName, "abc", "hush-hush", time.Now)
			tokens, err := auth.ClientCredentials{Client: w.client, Provider: p}.Login(t.Context())
			if err != nil {
				t.Errorf("%s: %v", row.expiresIn, err)
				continue
			}
			v := auth.Verifier{Keys: keySet(t), Issuers: []string{issuerName}, ClientID: "abc", Foreign: true}
			s, err := v.Begin(t.Context(), auth.Session{Machine: true, Typed: "abc"}, tokens)
			if got := s.Expires.Sub(s.Saved); err != nil || got != want {
				t.Errorf("%s, %.6s: good for %v (%v), want %v", row.expiresIn, token, got, err, want)
			}
		}
	}
}

// TestGrantedScopes: a scope that is no string is no reason to throw tokens away.
func TestGrantedScopes(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{
		`"openid email"`: "openid email", `["openid","email"]`: "openid email",
		`null`: "", `""`: "", `[]`: "", `7`: "", `[["openid"]]`: "", `{"openid":true}`: "",
	} {
		p, _ := tokenServer(t, 200, `{"access_token":"opaque","scope":`+scope+`}`)
		w := newWorld("http://127.0.0.1:1", issuerName, "abc", "hush-hush", time.Now)
		tokens, err := auth.ClientCredentials{Client: w.client, Provider: p}.Login(t.Context())
		if err != nil || tokens.Scope != want {
			t.Errorf("%s: %q (%v), want %q", scope, tokens.Scope, err, want)
		}
	}
}
