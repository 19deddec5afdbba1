package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testBalancer = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/front/50dc6c495c0c9188"
	testBalKid   = "0f2e7a3c-9c1d-4b55-8a6e-1234567890ab"
)

var balancerKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

// balancerHeaderClaims is the header an ALB writes.
func balancerHeaderClaims(pairs ...any) map[string]any {
	return with(map[string]any{
		"typ": "JWT", "kid": testBalKid, "alg": "ES256", "iss": testIssuer, "client": testClient,
		"signer": testBalancer, "exp": testNow.Add(2 * time.Minute).Unix(),
	}, pairs...)
}

func balancerClaims(pairs ...any) map[string]any {
	return with(map[string]any{
		"sub": "1f8e6a1c", "email": "ann@example.com", "email_verified": "true", "username": "ann",
		"exp": testNow.Add(2 * time.Minute).Unix(), "iss": testIssuer,
	}, pairs...)
}

// balancerToken signs as an ALB does: the parts padded, the padding signed.
func balancerToken(t testing.TB, encoding *base64.Encoding, header, claims map[string]any) string {
	t.Helper()
	signed := encoding.EncodeToString(mustJSON(t, header)) + "." + encoding.EncodeToString(mustJSON(t, claims))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, balancerKey(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + encoding.EncodeToString(signature)
}

func balancerPolicy() Policy {
	return Policy{Signer: testBalancer, Issuers: []string{testIssuer}, ClientIDs: []string{testClient}, Now: testNow}
}

func balancerSet() StaticKeys {
	return NewStaticKeys("the balancer", Key{ID: testBalKid, Algorithm: "ES256", Public: &balancerKey().PublicKey})
}

func TestALBGood(t *testing.T) {
	t.Parallel()
	for name, encoding := range map[string]*base64.Encoding{"padded": base64.URLEncoding, "unpadded": base64.RawURLEncoding} {
		for _, extra := range []string{"", "x", "xx"} { // every length of padding
			raw := balancerToken(t, encoding, balancerHeaderClaims("x", extra), balancerClaims("x", extra))
			r := Verify(context.Background(), raw, balancerSet(), balancerPolicy())
			if !r.OK() || names(r) != "form algorithm kid signature signer exp iss audience" {
				t.Errorf("%s: %s: %v", name, names(r), r.Err())
			}
			if token, err := ParseALB(raw); err != nil || token.Claims.String("username") != "ann" || token.Raw != raw {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	raw := balancerToken(t, base64.URLEncoding, balancerHeaderClaims(), balancerClaims())
	if !strings.Contains(raw, "=") {
		t.Fatal("the sample has no padding")
	}
	if _, err := Parse(raw); !strings.Contains(asParseError(t, err), "it has a = at byte") {
		t.Errorf("padding is accepted elsewhere: %v", err)
	}
	if got := outcome(Verify(context.Background(), raw, balancerSet(), Policy{Algorithms: []string{"ES256"}, Now: testNow})); !strings.HasPrefix(got, "form:malformed") {
		t.Errorf("padding is accepted without a signer: %s", got)
	}
}

func TestALBRefused(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) int64 { return testNow.Add(d).Unix() }
	for _, tt := range []struct {
		name           string
		header, claims map[string]any
		change         func(*Policy)
		want, detail   string
	}{
		{"another balancer", balancerHeaderClaims("signer", testBalancer+"0"), balancerClaims(), nil, "signer:signer_mismatch", `signer is "arn:aws:`},
		{"no signer", balancerHeaderClaims("signer", nil), balancerClaims(), nil, "signer:signer_mismatch", "signer is missing"},
		{"signer in the payload only", balancerHeaderClaims("signer", nil), balancerClaims("signer", testBalancer), nil, "signer:signer_mismatch", ""},
		{"signer an array", balancerHeaderClaims("signer", []string{testBalancer}), balancerClaims(), nil, "signer:claim_type", ""},
		{"expired by the header", balancerHeaderClaims("exp", at(-time.Minute)), balancerClaims(), nil, "exp:expired", "expired 1m00s ago"},
		{"expired by the payload", balancerHeaderClaims(), balancerClaims("exp", at(-time.Minute)), nil, "exp:expired", ""},
		{"exp in the payload only", balancerHeaderClaims("exp", nil), balancerClaims(), nil, "exp:claim_missing", ""},
		{"exp in the header only", balancerHeaderClaims(), balancerClaims("exp", nil), nil, "ok", ""},
		{"exp no number", balancerHeaderClaims("exp", "soon"), balancerClaims(), nil, "exp:claim_type", ""},
		{"exp no number in the payload", balancerHeaderClaims(), balancerClaims("exp", "soon"), nil, "exp:claim_type", ""},
		{"another issuer", balancerHeaderClaims("iss", "https://x"), balancerClaims("iss", nil), nil, "iss:issuer_mismatch", `iss is "https://x"`},
		{"two issuers", balancerHeaderClaims("iss", "https://x"), balancerClaims(), nil, "iss:issuer_mismatch", "in the payload, but"},
		{"iss in the payload only", balancerHeaderClaims("iss", nil), balancerClaims(), nil, "iss:issuer_mismatch", ""},
		{"iss twice an object", balancerHeaderClaims("iss", map[string]any{}), balancerClaims("iss", map[string]any{}), nil, "iss:issuer_mismatch", ""},
		{"iss in the header only", balancerHeaderClaims(), balancerClaims("iss", nil), nil, "ok", ""},
		{"iss not asked, no text", balancerHeaderClaims("iss", 5), balancerClaims(), func(p *Policy) { p.Issuers = nil }, "form:claim_type", "the header's iss is the number 5"},
		{"another client", balancerHeaderClaims("client", "x"), balancerClaims("aud", testClient, "client_id", testClient), nil, "audience:client_mismatch", `client is "x"`},
		{"no client", balancerHeaderClaims("client", nil), balancerClaims(), nil, "audience:client_mismatch", "client is missing"},
		{"client not asked", balancerHeaderClaims("client", "x"), balancerClaims(), func(p *Policy) { p.ClientIDs = nil }, "ok", ""},
		{"client not asked, no text", balancerHeaderClaims("client", true), balancerClaims(), func(p *Policy) { p.ClientIDs = nil }, "form:claim_type", ""},
		{"RS256", balancerHeaderClaims("alg", "RS256"), balancerClaims(), nil, "algorithm:algorithm_refused signature:unjudged", ""},
		{"another kid", balancerHeaderClaims("kid", "x"), balancerClaims(), nil, "kid:unknown_key signature:unjudged", ""},
		{"an ID token's aud of the wrong type", balancerHeaderClaims(), balancerClaims("aud", 5), nil, "form:claim_type", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := balancerPolicy()
			if tt.change != nil {
				tt.change(&p)
			}
			r := Verify(context.Background(), balancerToken(t, base64.URLEncoding, tt.header, tt.claims), balancerSet(), p)
			if got := outcome(r); got != tt.want {
				t.Fatalf("outcome is %s, want %s: %v", got, tt.want, r.Err())
			}
			if tt.detail != "" && !strings.Contains(r.Failed()[0].Detail, tt.detail) {
				t.Errorf("detail is %s", r.Failed()[0].Detail)
			}
		})
	}
}

// TestALBPadding: only the padding that belongs there is taken.
func TestALBPadding(t *testing.T) {
	t.Parallel()
	raw := balancerToken(t, base64.URLEncoding, balancerHeaderClaims(), balancerClaims())
	part := strings.Split(raw, ".")
	for _, changed := range []string{
		part[0] + "=." + part[1] + "." + part[2],
		part[0] + "====." + part[1] + "." + part[2],
		part[0] + "." + part[1] + "." + part[2] + "=",
		part[0] + "." + part[1] + ".=" + part[2],
		part[0] + "." + part[1] + "." + part[2][:4] + "==" + part[2][4:],
		part[0] + "." + part[1] + "." + strings.TrimSuffix(part[2], "="),
		part[0] + "." + part[1] + ".====",
	} {
		if _, err := ParseALB(changed); err == nil {
			t.Errorf("accepted: %s", changed)
		}
	}
	// The signature covers the padding of the other parts.
	stripped := strings.ReplaceAll(part[0], "=", "") + "." + strings.ReplaceAll(part[1], "=", "") + "." + part[2]
	if got := outcome(Verify(context.Background(), stripped, balancerSet(), balancerPolicy())); stripped != raw && got != "signature:signature_invalid" {
		t.Errorf("without the signed padding: %s", got)
	}
}

func TestALBKeyEndpoint(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		testBalancer: "https://public-keys.auth.elb.us-east-1.amazonaws.com",
		strings.ReplaceAll(testBalancer, "us-east-1", "eu-west-2"):                                   "https://public-keys.auth.elb.eu-west-2.amazonaws.com",
		strings.NewReplacer("aws", "aws-us-gov", "us-east-1", "us-gov-west-1").Replace(testBalancer): "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1",
		strings.NewReplacer("aws", "aws-us-gov", "us-east-1", "us-gov-east-1").Replace(testBalancer): "https://s3-us-gov-east-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-east-1",
	} {
		if got, err := ALBKeyEndpoint(arn); got != want {
			t.Errorf("%s: %s %v, want %s", arn, got, err, want)
		}
	}
	for _, arn := range []string{
		"", "arn", testBalancer[:40], testBalancer + ":x",
		strings.Replace(testBalancer, "us-east-1", "", 1),
		strings.Replace(testBalancer, "us-east-1", "evil.example/-us-", 1),
		strings.Replace(testBalancer, "us-east-1", "us-east-1#-", 1),
		strings.Replace(testBalancer, "us-east-1", "US-EAST-1", 1),
		strings.Replace(testBalancer, "us-east-1", "localhost", 1),
		strings.Replace(testBalancer, "arn:aws:", "arn:aws-cn:", 1),
		strings.Replace(testBalancer, "arn:aws:", "arn:x:", 1),
		strings.Replace(testBalancer, "/app/", "/net/", 1),
		strings.Replace(testBalancer, "elasticloadbalancing", "s3", 1),
		strings.Replace(testBalancer, "123456789012", "12345678901", 1),
		strings.Replace(testBalancer, "123456789012", "12345678901x", 1),
	} {
		if got, err := ALBKeyEndpoint(arn); err == nil {
			t.Errorf("%s: %s", arn, got)
		}
	}
}

func pemOf(t testing.TB, key any, kind string) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// balancerRegion is a key endpoint with one key.
func balancerRegion(t *testing.T) (*issuer, *ALBKeys) {
	good := pemOf(t, &balancerKey().PublicKey, "PUBLIC KEY")
	s := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/keys/"+testBalKid {
			http.Error(w, "<Error/>", http.StatusNotFound)
			return
		}
		serve(good)(w, r)
	})
	return s, &ALBKeys{Endpoint: s.URL + "/keys", Client: s.Client(), Now: s.keys.Now}
}

func TestALBKeys(t *testing.T) {
	t.Parallel()
	s, keys := balancerRegion(t)
	raw := balancerToken(t, base64.URLEncoding, balancerHeaderClaims(), balancerClaims())
	for range 3 {
		if r := Verify(context.Background(), raw, keys, balancerPolicy()); !r.OK() {
			t.Fatal(r.Err())
		}
	}
	if got := s.fetches.Load(); got != 1 {
		t.Errorf("%d fetches", got)
	}
	// What is no UUID never becomes a part of an address.
	for _, kid := range []string{"", "x", "../" + testBalKid, testBalKid + "/..", strings.Replace(testBalKid, "-", "/", 1), strings.Replace(testBalKid, "0", "%", 1), testBalKid + "0", strings.Replace(testBalKid, "a", "g", 1)} {
		var unknown *UnknownKeyError
		if _, err := keys.Key(context.Background(), kid); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "the key ids of load balancers are UUIDs") {
			t.Errorf("%q: %v", kid, err)
		}
	}
	if got := s.fetches.Load(); got != 1 {
		t.Errorf("%d fetches after ids that are none", got)
	}
	// Forged ids: one is looked up, the others wait, known keys serve.
	forged := func(i string) string { return strings.Repeat("0", 8) + testBalKid[8:35] + i }
	for i, want := range []string{"it answered 404 Not Found", "another key id led nowhere; fetched a moment ago, again in 10s"} {
		var unknown *UnknownKeyError
		if _, err := keys.Key(context.Background(), forged(string(rune('0'+i)))); !errors.As(err, &unknown) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := keys.Key(context.Background(), testBalKid); err != nil || s.fetches.Load() != 2 {
		t.Errorf("%v, %d fetches", err, s.fetches.Load())
	}
	s.pass(penalty)
	if _, err := keys.Key(context.Background(), forged("2")); err == nil || s.fetches.Load() != 3 {
		t.Errorf("%v, %d fetches", err, s.fetches.Load())
	}
	// The endpoint breaks: what is known serves, an outage is no verdict.
	s.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	s.pass(2 * time.Hour)
	if _, err := keys.Key(context.Background(), testBalKid); err != nil {
		t.Error(err)
	}
	for range 2 {
		var unknown *UnknownKeyError
		if _, err := keys.Key(context.Background(), forged("3")); err == nil || errors.As(err, &unknown) || !strings.Contains(err.Error(), "it answered 500") {
			t.Errorf("%v", err)
		}
	}
	if got := s.fetches.Load(); got != 5 {
		t.Errorf("%d fetches", got)
	}
}

// TestALBKeysStampede: fifty forged ids at once are one fetch.
func TestALBKeysStampede(t *testing.T) {
	t.Parallel()
	s, keys := balancerRegion(t)
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			kid := strings.Repeat(string(rune('0'+i/10)), 4) + strings.Repeat(string(rune('0'+i%10)), 4) + testBalKid[8:]
			if _, err := keys.Key(context.Background(), kid); err == nil {
				t.Errorf("%s is known", kid)
			}
		})
	}
	group.Wait()
	if got := s.fetches.Load(); got != 1 {
		t.Errorf("%d fetches", got)
	}
}

func TestParsePEM(t *testing.T) {
	t.Parallel()
	good := string(pemOf(t, &balancerKey().PublicKey, "PUBLIC KEY"))
	if set, err := parsePEM([]byte(good), "a", "f"); err != nil || set.keys["a"].Algorithm != "ES256" {
		t.Fatalf("positive control: %v", err)
	}
	for data, want := range map[string]string{
		"":                "f holds nothing, not a public key in PEM",
		"<html>":          "f holds HTML",
		`{"keys":[]}`:     "not a public key in PEM",
		good + "x":        "a PEM document of another kind",
		good + good:       "a PEM document of another kind",
		good[:60] + "\n-": "not a public key in PEM",
		string(pemOf(t, &balancerKey().PublicKey, "CERTIFICATE")):      "a PEM document of another kind",
		string(pemOf(t, &signerOne().Key.PublicKey, "PUBLIC KEY")):     "f holds an RSA key, not a public key on P-256",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n": "that cannot be read",
	} {
		var format *FormatError
		if _, err := parsePEM([]byte(data), "a", "f"); !errors.As(err, &format) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %s", data, err, want)
		}
	}
}

// FuzzJudge judges whatever it is given, as an issuer's token and as a
// balancer's, as if the signature were good: what passes then has what the policy
// asks for.
func FuzzJudge(f *testing.F) {
	id, header, claims := mustJSON(f, idClaims()), mustJSON(f, balancerHeaderClaims()), mustJSON(f, balancerClaims())
	f.Add(id, id)
	f.Add(header, claims)
	f.Add(mustJSON(f, with(balancerHeaderClaims(), "iss", map[string]any{})), mustJSON(f, with(idClaims(), "iss", map[string]any{}, "exp", 1e300)))
	f.Add(header, []byte(`{"exp":1795237382.5,"iss":["x"],"aud":[1],"cognito:groups":{}}`))
	rule, err := ParseClaimRule("cognito:groups~^adm")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header, payload []byte) {
		judged := func(header []byte, p Policy) (Token, bool) {
			token, err := parse(b64(string(header))+"."+b64(string(payload))+".", padded)
			if err != nil {
				return token, false
			}
			j := judge{policy: p, token: token}
			j.form(nil)
			j.claims()
			for _, s := range p.Skipped(token) {
				if s.Detail == "" {
					t.Fatal("skipped without a reason")
				}
			}
			return token, Report{Checks: j.checks}.OK()
		}
		p := idPolicy()
		p.Claims = []ClaimRule{rule}
		if token, ok := judged([]byte(`{"alg":"x"}`), p); ok {
			c := token.Claims
			if exp, ok := c.Time("exp"); !ok || !testNow.Before(exp) || c.String("iss") != testIssuer || c.String("token_use") != "id" || len(c.Strings("cognito:groups")) == 0 || c["aud"] == nil {
				t.Fatalf("passes: %s", payload)
			}
		}
		if token, ok := judged(header, balancerPolicy()); ok {
			h := token.Header
			if exp, ok := h.Time("exp"); !ok || !testNow.Before(exp) || h.String("iss") != testIssuer || h.String("client") != testClient || h.String("signer") != testBalancer {
				t.Fatalf("passes: %s", header)
			}
		}
	})
}
