package auth_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

// TestForeignVerified: users' tokens of an issuer that is none of Cognito's, judged
// as OpenID Connect has it, beside what only Cognito's must be.
func TestForeignVerified(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	id := func(changes map[string]any) string {
		claims := map[string]any{"iss": issuerName, "sub": "248289761001", "aud": "abc", "iat": now, "exp": now + 3600, "email": "jane@example.com"}
		maps.Copy(claims, changes)
		token, err := signer().Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	known := auth.Session{Typed: "jane", Username: "jane", Subject: "248289761001", TokenIssuer: issuerName}
	for label, row := range map[string]struct {
		cognito bool
		old     auth.Session
		id      string
		want    string // of the error
	}{
		"good":                         {false, auth.Session{}, id(nil), ""},
		"for several":                  {false, auth.Session{}, id(map[string]any{"aud": []string{"abc", "xyz"}, "azp": "abc"}), ""},
		"for another":                  {false, auth.Session{}, id(map[string]any{"aud": "xyz"}), "aud"},
		"made for another":             {false, auth.Session{}, id(map[string]any{"aud": []string{"abc", "xyz"}, "azp": "xyz"}), `the client "xyz" (azp)`},
		"of another issuer":            {false, auth.Session{}, id(map[string]any{"iss": "https://evil.example"}), "iss"},
		"expired":                      {false, auth.Session{}, id(map[string]any{"exp": now - 60}), "exp"},
		"none":                         {false, auth.Session{}, "", "no ID token"},
		"none at a refresh":            {false, known, "", ""},
		"none at a refresh at Cognito": {true, known, "", "no ID token"},
		"another user at a refresh":    {false, known, id(map[string]any{"sub": "other"}), `sub "other"`},
		"the same at a refresh":        {false, known, id(nil), ""},
		"without token_use at Cognito": {true, auth.Session{}, id(nil), "token_use"},
	} {
		v := auth.Verifier{Keys: keySet(t), Issuers: []string{issuerName}, ClientID: "abc", Foreign: !row.cognito}
		s, err := v.Begin(t.Context(), row.old, auth.Tokens{ID: row.id, Access: "opaque", Received: time.Now(), Scope: "openid email"})
		switch {
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%s: %v, want %q", label, err, row.want)
		case row.want == "" && (err != nil || s.Access != "opaque" || s.Unverified || len(s.Scopes) != 2):
			t.Errorf("%s: %+v: %v", label, s, err)
		case row.want == "" && row.old.Typed == "" && s.Username != "jane@example.com":
			t.Errorf("%s: called %q", label, s.Username)
		}
	}
}
