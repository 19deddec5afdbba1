package main

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestAuthenticatorFits: whatever the user is called, the QR code fits a terminal of
// 80 columns, beyond which its lines would break; the link below it is whole.
func TestAuthenticatorFits(t *testing.T) {
	t.Parallel()
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSW"
	for _, name := range []string{
		"ann", "ann.with.a.long.name.and.many.dots@a-company-with-a-long-name.example.com",
		strings.Repeat("ы", 60), strings.Repeat("界", 128), strings.Repeat("🙂", 128), strings.Repeat(" ", 128), strings.Repeat("a", 128),
	} {
		said, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { said.Close() })
		s := signIn{app: newApp(), pool: poolSettings{UserPoolID: "ap-southeast-1_Sandbox01"}}
		s.app.stderr = said
		s.showAuthenticator(name, secret)
		data, err := os.ReadFile(said.Name())
		if err != nil {
			t.Fatal(err)
		}
		code, _, found := strings.Cut(string(data), "\n  secret  "+secret)
		if link := s.otpauth(name, secret); !found || !strings.Contains(string(data), "\n  link    "+link+"\n") {
			t.Errorf("%.9s: no secret, or no whole link", name)
		}
		for line := range strings.Lines(code) {
			if width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 80 {
				t.Errorf("%.9s: a line of %d columns", name, width)
				break
			}
		}
	}
}

// TestScannedLink: only where it must be, what is scanned calls the user by less than the
// whole name; issuer and secret stay.
func TestScannedLink(t *testing.T) {
	t.Parallel()
	s := signIn{pool: poolSettings{UserPoolID: "us-east-1_Sandbox01"}}
	if got := s.scanned("ann", "SECRET"); got != s.otpauth("ann", "SECRET") {
		t.Errorf("ann: %s", got)
	}
	name := strings.Repeat("界", 128)
	link, err := url.Parse(s.scanned(name, "SECRET"))
	if err != nil {
		t.Fatal(err)
	}
	user, cut := strings.CutSuffix(strings.TrimPrefix(link.Path, "/Cognito us-east-1_Sandbox01:"), "…")
	if !cut || user == "" || !strings.HasPrefix(name, user) || link.Query().Get("secret") != "SECRET" || link.Query().Get("issuer") != "Cognito us-east-1_Sandbox01" {
		t.Errorf("%s: called %q", link, user)
	}
}
