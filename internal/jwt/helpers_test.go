package jwt

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testIssuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E"
	testClient = "2iqdo52jkqg0q2cqbe76qah08"
	testSource = testIssuer + "/.well-known/jwks.json"
)

var testNow = time.Date(2026, 11, 21, 5, 3, 2, 0, time.UTC)

// Keys are slow to make, so the tests share two.
var (
	signerOne = sync.OnceValue(func() *Signer { return mustSigner("first/key+one=") })
	signerTwo = sync.OnceValue(func() *Signer { return mustSigner("second") })
)

func mustSigner(id string) *Signer {
	s, err := NewSigner(rand.Reader)
	if err != nil {
		panic(err)
	}
	s.KeyID = id
	return s
}

func testKeys() StaticKeys {
	return NewStaticKeys(testSource, signerOne().Public(), signerTwo().Public())
}

// idClaims are the claims of an ID token as a user pool writes them.
func idClaims() map[string]any {
	return map[string]any{
		"sub":              "1f8e6a1c-7d0b-4a4c-9b6e-000000000001",
		"aud":              testClient,
		"cognito:groups":   []string{"admin", "readers"},
		"cognito:username": "ann",
		"email":            "ann@example.com",
		"email_verified":   true,
		"iss":              testIssuer,
		"origin_jti":       "0b0e8a9a-8a53-4a38-b0b6-000000000002",
		"event_id":         "6a4a9b3a-5ad7-44e9-a5d4-000000000003",
		"token_use":        "id",
		"auth_time":        testNow.Add(-time.Minute).Unix(),
		"iat":              testNow.Add(-time.Minute).Unix(),
		"exp":              testNow.Add(59 * time.Minute).Unix(),
		"jti":              "4b1d0b86-5a43-4e0b-a3e0-000000000004",
	}
}

func accessClaims() map[string]any {
	c := idClaims()
	delete(c, "aud")
	delete(c, "email")
	c["token_use"] = "access"
	c["client_id"] = testClient
	c["scope"] = "openid content/read"
	c["username"] = "ann"
	return c
}

// with returns claims with pairs of name and value set; a nil value removes.
func with(claims map[string]any, pairs ...any) map[string]any {
	out := maps.Clone(claims)
	for i := 0; i < len(pairs); i += 2 {
		if name := pairs[i].(string); pairs[i+1] == nil {
			delete(out, name)
		} else {
			out[name] = pairs[i+1]
		}
	}
	return out
}

func sign(t testing.TB, claims any) string {
	t.Helper()
	raw, err := signerOne().Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// signParts signs a header and payload given as text.
func signParts(t testing.TB, header, payload string) string {
	t.Helper()
	return resign(t, b64(header)+"."+b64(payload))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func idPolicy() Policy {
	return Policy{Issuers: []string{testIssuer}, ClientIDs: []string{testClient}, Use: "id", Now: testNow}
}

func verify(raw string, p Policy) Report {
	return Verify(context.Background(), raw, testKeys(), p)
}

// outcome is "exp:expired iss:issuer_mismatch" for a report, "ok" when it is.
func outcome(r Report) string {
	if r.OK() {
		return "ok"
	}
	var failed []string
	for _, c := range r.Failed() {
		failed = append(failed, c.Name+":"+c.Code)
	}
	return strings.Join(failed, " ")
}

func names(r Report) string {
	var out []string
	for _, c := range r.Checks {
		out = append(out, c.Name)
	}
	return strings.Join(out, " ")
}

func check(t *testing.T, r Report, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in %s", name, names(r))
	return Check{}
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func jwks(t testing.TB, keys ...Key) []byte {
	t.Helper()
	data, err := MarshalKeys(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func asParseError(t *testing.T, err error) string {
	t.Helper()
	var parse *ParseError
	if !errors.As(err, &parse) {
		t.Fatalf("error is %T %v, want a *ParseError", err, err)
	}
	return parse.Reason
}
