package main

import (
	"testing"

	"github.com/cogctl/cogctl/internal/auth"
)

// TestEndSessionURL: what ends a browser session at Cognito and at other issuers.
func TestEndSessionURL(t *testing.T) {
	t.Parallel()
	const bye, back = "https://app.example.com/bye?a=1&b=2", "http://localhost:17170/callback"
	cognito := auth.DomainProvider("https://acme.auth.us-east-1.amazoncognito.com", "https://issuer.example")
	other := auth.Provider{Issuer: "https://issuer.example", EndSession: "https://issuer.example/end?tenant=1"}
	for label, row := range map[string]struct {
		p              auth.Provider
		returnTo, back string
		want           string // empty: a usage error
	}{
		"a sign-out URL":             {cognito, bye, back, "https://acme.auth.us-east-1.amazoncognito.com/logout?client_id=abc&logout_uri=https%3A%2F%2Fapp.example.com%2Fbye%3Fa%3D1%26b%3D2"},
		"a callback URL":             {cognito, "", back, "https://acme.auth.us-east-1.amazoncognito.com/logout?client_id=abc&redirect_uri=http%3A%2F%2Flocalhost%3A17170%2Fcallback&response_type=code"},
		"neither":                    {cognito, "", "", ""},
		"another issuer":             {other, "", back, "https://issuer.example/end?client_id=abc&tenant=1"},
		"another issuer, and back":   {other, bye, "", "https://issuer.example/end?client_id=abc&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2Fbye%3Fa%3D1%26b%3D2&tenant=1"},
		"an issuer that has no such": {auth.Provider{Issuer: "https://issuer.example"}, bye, back, ""},
	} {
		got, err := endSessionURL(row.p, "abc", row.returnTo, row.back)
		if got != row.want || (err == nil) != (row.want != "") || err != nil && exitCode(err) != exitUsage {
			t.Errorf("%s: %q, %v", label, got, err)
		}
	}
}
