package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

const (
	issuer   = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Sandbox01"
	clientID = "2iqdo52jkqg0q2cqbe76qah08"
)

// now is the time by which every test judges.
var now = time.Date(2026, 6, 15, 5, 0, 0, 0, time.UTC)

func clockAt() time.Time { return now }

func newSigner() *jwt.Signer {
	s, err := jwt.NewSigner(rand.Reader)
	if err != nil {
		panic(err)
	}
	return s
}

// Two keys for the whole test binary: the pool's, and a stranger's.
var (
	poolKey    = sync.OnceValue(newSigner)
	foreignKey = sync.OnceValue(newSigner)
)

func poolKeys(tb testing.TB) jwt.KeySet {
	tb.Helper()
	data, err := jwt.MarshalKeys(poolKey().Public())
	if err != nil {
		tb.Fatal(err)
	}
	set, dropped, err := jwt.ParseKeys(data, "the pool")
	if err != nil || len(dropped) > 0 {
		tb.Fatal(err, dropped)
	}
	return set
}

// brokenKeys cannot be read, as when the network is down.
type brokenKeys struct{}

func (brokenKeys) Key(context.Context, string) (jwt.Key, error) {
	return jwt.Key{}, errors.New("connection refused")
}

type claims = map[string]any

func sign(tb testing.TB, s *jwt.Signer, c claims) string {
	tb.Helper()
	token, err := s.Sign(c)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// with returns the claims changed; a nil value takes one out.
func with(c claims, changes claims) claims {
	c = maps.Clone(c)
	for name, value := range changes {
		if value == nil {
			delete(c, name)
			continue
		}
		c[name] = value
	}
	return c
}

func idClaims() claims {
	return claims{
		"sub": "0a1b2c3d", "iss": issuer, "aud": clientID, "token_use": "id", "email": "ann@example.com",
		"email_verified": true, "cognito:groups": []string{"admin", "readers"}, "cognito:username": "ann",
		"auth_time": now.Add(-time.Minute).Unix(), "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

func accessClaims() claims {
	return claims{
		"sub": "0a1b2c3d", "iss": issuer, "client_id": clientID, "token_use": "access", "username": "ann",
		"scope": "openid content/read", "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// decide runs an authorizer on a request with the given header values.
func decide(tb testing.TB, a Authorizer, h http.Header) Decision {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), "GET", "http://api.example/x", nil)
	if err != nil {
		tb.Fatal(err)
	}
	r.Header = h
	d := a.Decide(tb.Context(), r)
	verifyDecision(tb, d)
	return d
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// verifyDecision holds what must be true of every decision.
func verifyDecision(tb testing.TB, d Decision) {
	tb.Helper()
	ok := len(d.Checks) > 0
	for _, c := range d.Checks {
		ok = ok && c.OK
		if c.Name == "" || c.Detail == "" || c.OK == (c.Code != "") {
			tb.Errorf("incomplete check %+v", c)
		}
	}
	if d.Allow != ok || d.Allow != (d.Status == 200) || d.Allow != (d.Context != nil) {
		tb.Errorf("allow %v, status %d, context %v, checks %+v", d.Allow, d.Status, d.Context, d.Checks)
	}
	if d.Allow {
		return
	}
	var body struct{ Message string }
	if err := json.Unmarshal(d.Body, &body); err != nil || body.Message != d.Message || d.Message == "" {
		tb.Errorf("message %q in body %q: %v", d.Message, d.Body, err)
	}
	for name := range d.Headers {
		if name != http.CanonicalHeaderKey(name) {
			tb.Errorf("header %q is not canonical", name)
		}
	}
}

// failures are the codes of the failed checks, sorted and once each.
func failures(d Decision) string {
	var codes []string
	for _, c := range d.Checks {
		if !c.OK {
			codes = append(codes, c.Name+":"+c.Code)
		}
	}
	slices.Sort(codes)
	return strings.Join(slices.Compact(codes), " ")
}
