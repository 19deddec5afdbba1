package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestVerifyGood(t *testing.T) {
	t.Parallel()
	id := verify(sign(t, idClaims()), idPolicy())
	if got := outcome(id); got != "ok" || id.Err() != nil {
		t.Fatalf("ID token: %s %v", got, id.Err())
	}
	if got := names(id); got != "form algorithm kid signature exp iat iss audience token_use" {
		t.Errorf("checks are %s", got)
	}
	for name, want := range map[string]string{
		CheckExpiry:   "expires in 59m00s (exp 2026-11-21T06:02:02Z)",
		CheckIssuedAt: "issued 1m00s ago (iat 2026-11-21T05:02:02Z)",
		CheckAudience: `aud is "` + testClient + `"`,
		CheckTokenUse: `token_use is "id"`,
		CheckKeyID:    `the key set has the key "first/key+one="`,
	} {
		if got := check(t, id, name).Detail; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	p := Policy{
		Issuers: []string{"https://other.example", testIssuer}, ClientIDs: []string{"x", testClient}, Use: "access", Now: testNow,
		Scopes: []string{"content/write", "content/read"}, Groups: []string{"readers"},
	}
	access := verify(sign(t, with(accessClaims(), "nbf", testNow.Unix())), p)
	if got := outcome(access); got != "ok" {
		t.Errorf("access token: %s", got)
	}
	if got := names(access); got != "form algorithm kid signature exp nbf iat iss audience token_use scope group" {
		t.Errorf("checks are %s", got)
	}
	p = idPolicy()
	p.Nonce = "n-1"
	if got := outcome(verify(sign(t, with(idClaims(), "nonce", "n-1")), p)); got != "ok" {
		t.Errorf("nonce: %s", got)
	}
}

// TestVerifyClaims: each row changes one thing of a good token or policy.
func TestVerifyClaims(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) int64 { return testNow.Add(d).Unix() }
	for _, tt := range []struct {
		name   string
		claims map[string]any
		change func(*Policy)
		want   string // outcome
		detail string // of the first failure
	}{
		{"expired", with(idClaims(), "exp", at(-182*time.Second)), nil, "exp:expired", "expired 3m02s ago (exp 2026-11-21T05:00:00Z)"},
		{"expired this second", with(idClaims(), "exp", at(0)), nil, "exp:expired", "expired 0s ago"},
		{"one second left", with(idClaims(), "exp", at(time.Second)), nil, "ok", ""},
		{"expired within leeway", with(idClaims(), "exp", at(-4*time.Second)), func(p *Policy) { p.Leeway = 5 * time.Second }, "ok", ""},
		{"expired at leeway", with(idClaims(), "exp", at(-5*time.Second)), func(p *Policy) { p.Leeway = 5 * time.Second }, "exp:expired", ""},
		{"expired long ago", with(idClaims(), "exp", -99999999999), nil, "exp:expired", ""},
		{"expires in 7000 years", with(idClaims(), "exp", 250000000000), func(p *Policy) { p.Leeway = 5 * time.Second }, "ok", ""},
		{"exp fraction", with(idClaims(), "exp", float64(at(0))+0.5), nil, "ok", ""},
		{"exp missing", with(idClaims(), "exp", nil), nil, "exp:claim_missing", "exp is missing"},
		{"exp text", with(idClaims(), "exp", "soon"), nil, "exp:claim_type", `exp is "soon", want a number of seconds`},
		{"exp empty", with(idClaims(), "exp", ""), nil, "exp:claim_type", `exp is "", want`},
		{"exp beyond time", with(idClaims(), "exp", 1e300), nil, "exp:claim_type", ""},
		{"no clock", idClaims(), func(p *Policy) { p.Now = time.Time{} }, "exp:policy_invalid iat:policy_invalid", ""},
		{"not yet", with(idClaims(), "nbf", at(90*time.Second)), nil, "nbf:not_yet_valid", "valid only in 1m30s (nbf 2026-11-21T05:04:32Z)"},
		{"not yet within leeway", with(idClaims(), "nbf", at(5*time.Second)), func(p *Policy) { p.Leeway = 5 * time.Second }, "ok", ""},
		{"not yet beyond leeway", with(idClaims(), "nbf", at(6*time.Second)), func(p *Policy) { p.Leeway = 5 * time.Second }, "nbf:not_yet_valid", ""},
		{"nbf now", with(idClaims(), "nbf", at(0)), nil, "ok", ""},
		{"nbf text", with(idClaims(), "nbf", "now"), nil, "nbf:claim_type", ""},
		{"iat ahead", with(idClaims(), "iat", at(3*time.Hour)), nil, "iat:issued_in_future", "issued 3h00m in the future"},
		{"iat ahead within leeway", with(idClaims(), "iat", at(2*time.Second)), func(p *Policy) { p.Leeway = 5 * time.Second }, "ok", ""},
		{"iat missing", with(idClaims(), "iat", nil), nil, "ok", ""},
		{"iat bool", with(idClaims(), "iat", true), nil, "iat:claim_type", "iat is true"},
		{"iss other", with(idClaims(), "iss", testIssuer+"/"), nil, "iss:issuer_mismatch", `iss is "` + testIssuer + `/", want "` + testIssuer + `"`},
		{"iss missing", with(idClaims(), "iss", nil), nil, "iss:issuer_mismatch", "iss is missing, want"},
		{"iss array", with(idClaims(), "iss", []string{testIssuer}), nil, "iss:claim_type", "iss is an array of 1"},
		{"iss not asked", with(idClaims(), "iss", nil), func(p *Policy) { p.Issuers = nil }, "ok", ""},
		{"iss array not asked", with(idClaims(), "iss", []string{testIssuer}), func(p *Policy) { p.Issuers = nil }, "form:claim_type", "iss is an array of 1, want a string"},
		{"aud other", with(idClaims(), "aud", "a"), func(p *Policy) { p.ClientIDs = []string{"b"} }, "audience:client_mismatch", `aud is "a", want "b"`},
		{"aud other of two", with(idClaims(), "aud", "a"), func(p *Policy) { p.ClientIDs = []string{"b", "c"} }, "audience:client_mismatch", `aud is "a", want one of "b", "c"`},
		{"aud array", with(idClaims(), "aud", []string{"x", testClient}), nil, "ok", ""},
		{"aud array without", with(idClaims(), "aud", []string{"x", "y"}), nil, "audience:client_mismatch", `aud is "x", "y", want`},
		{"aud array mixed", with(idClaims(), "aud", []any{testClient, 5}), nil, "audience:claim_type", "aud is an array of 2, want a string or an array of strings"},
		{"aud empty", with(idClaims(), "aud", []string{}), nil, "audience:client_mismatch", "aud is empty"},
		{"aud missing, client_id there", with(idClaims(), "aud", nil, "client_id", testClient), nil, "audience:client_mismatch", "aud is missing"},
		{"aud object not asked", with(idClaims(), "aud", map[string]any{}), func(p *Policy) { p.ClientIDs = nil }, "form:claim_type", "aud is an object"},
		{"access for id", accessClaims(), nil, "token_use:token_use_mismatch", `token_use is "access", want "id"`},
		{"access client_id other, aud right", with(accessClaims(), "client_id", "a", "aud", testClient), func(p *Policy) { p.Use = "access" }, "audience:client_mismatch", `client_id is "a"`},
		{"id for access", idClaims(), func(p *Policy) { p.Use = "access" }, "token_use:token_use_mismatch", `token_use is "id", want "access"`},
		{"any takes access", accessClaims(), func(p *Policy) { p.Use = "any" }, "ok", ""},
		{"empty takes access", accessClaims(), func(p *Policy) { p.Use = "" }, "ok", ""},
		{"any, other issuer's aud", with(idClaims(), "token_use", nil), func(p *Policy) { p.Use = "any" }, "ok", ""},
		{"any, other issuer's client_id", with(accessClaims(), "token_use", nil), func(p *Policy) { p.Use = "any" }, "ok", ""},
		{"any, aud outranks client_id", with(accessClaims(), "token_use", nil, "aud", "a"), func(p *Policy) { p.Use = "any" }, "audience:client_mismatch", ""},
		{"token_use unknown", with(idClaims(), "token_use", "refresh"), func(p *Policy) { p.Use = "any" }, "token_use:token_use_mismatch", `want one of "id", "access"`},
		{"either, id", idClaims(), func(p *Policy) { p.Use = "either" }, "ok", ""},
		{"either, missing", with(idClaims(), "token_use", nil), func(p *Policy) { p.Use = "either" }, "token_use:token_use_mismatch", ""},
		{"token_use missing", with(idClaims(), "token_use", nil), nil, "token_use:token_use_mismatch", "token_use is missing"},
		{"token_use number", with(idClaims(), "token_use", 1), nil, "token_use:claim_type", ""},
		{"policy nonsense", idClaims(), func(p *Policy) { p.Use = "ID" }, "token_use:policy_invalid", ""},
		{"scope missing", idClaims(), func(p *Policy) { p.Scopes = []string{"a"} }, "scope:scope_mismatch", `scope is missing, want "a"`},
		{"scope other of two", accessClaims(), func(p *Policy) { p.Use = "any"; p.Scopes = []string{"a", "b"} }, "scope:scope_mismatch", `want one of "a", "b"`},
		{"scope part of a word", with(accessClaims(), "scope", "content/reader openid"), func(p *Policy) { p.Use = "any"; p.Scopes = []string{"content/read"} }, "scope:scope_mismatch", `scope is "content/reader", "openid", want "content/read"`},
		{"scope parted by a tab", with(accessClaims(), "scope", "openid\tcontent/read"), func(p *Policy) { p.Use = "any"; p.Scopes = []string{"content/read"} }, "scope:scope_mismatch", ""},
		{"scope array", with(idClaims(), "scope", []string{"a"}), func(p *Policy) { p.Scopes = []string{"a"} }, "scope:claim_type", ""},
		{"scope array not asked", with(idClaims(), "scope", []string{"a"}), nil, "form:claim_type", "scope is an array of 1, want a string"},
		{"group missing", with(idClaims(), "cognito:groups", nil), func(p *Policy) { p.Groups = []string{"admin"} }, "group:group_mismatch", ""},
		{"group other", idClaims(), func(p *Policy) { p.Groups = []string{"root"} }, "group:group_mismatch", `cognito:groups is "admin", "readers", want "root"`},
		{"groups no array", with(idClaims(), "cognito:groups", "admin"), nil, "form:claim_type", `cognito:groups is "admin", want an array of strings`},
		{"groups no array, asked", with(idClaims(), "cognito:groups", "admin"), func(p *Policy) { p.Groups = []string{"admin"} }, "group:claim_type", ""},
		{"groups mixed", with(idClaims(), "cognito:groups", []any{"admin", 1}), nil, "form:claim_type", ""},
		{"auth_time text", with(idClaims(), "auth_time", "now"), nil, "form:claim_type", "auth_time is \"now\", want a number of seconds"},
		{"client_id number", with(idClaims(), "client_id", 1), nil, "form:claim_type", ""},
		{"username array", with(idClaims(), "cognito:username", []string{"ann"}), nil, "form:claim_type", ""},
		{"several types", with(idClaims(), "sub", 1, "jti", 2, "auth_time", true), nil, "form:claim_type", "auth_time is true"},
		{"sub number", with(idClaims(), "sub", 7), nil, "form:claim_type", "sub is the number 7, want a string"},
		{"jti null", with(idClaims(), "jti", []any(nil)), nil, "form:claim_type", "jti is null"},
		{"nonce other", with(idClaims(), "nonce", "b"), func(p *Policy) { p.Nonce = "a" }, "nonce:nonce_mismatch", ""},
		{"nonce missing", idClaims(), func(p *Policy) { p.Nonce = "a" }, "nonce:nonce_mismatch", ""},
		{
			"several at once", with(idClaims(), "exp", at(-time.Hour), "iss", "x", "aud", "y", "token_use", "access"), nil,
			"exp:expired iss:issuer_mismatch audience:client_mismatch token_use:token_use_mismatch", "expired 1h00m ago",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := idPolicy()
			if tt.change != nil {
				tt.change(&p)
			}
			r := verify(sign(t, tt.claims), p)
			if got := outcome(r); got != tt.want {
				t.Fatalf("outcome is %s, want %s: %v", got, tt.want, r.Err())
			}
			if tt.detail != "" && !strings.Contains(r.Failed()[0].Detail, tt.detail) {
				t.Errorf("detail is %s, want %s", r.Failed()[0].Detail, tt.detail)
			}
		})
	}
}

// TestVerifyKeys: what is wrong with the header, the key or the signature.
func TestVerifyKeys(t *testing.T) {
	t.Parallel()
	good := sign(t, idClaims())
	payload := string(mustJSON(t, idClaims()))
	dot := strings.LastIndexByte(good, '.')
	two := signerTwo().Public()
	wrongAlg := func(alg string) KeySet {
		k := signerOne().Public()
		k.Algorithm = alg
		return NewStaticKeys("f", k)
	}
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, raw string
		keys      KeySet
		algs      []string
		want      string
		check     string
		detail    string
	}{
		{"key without alg", good, wrongAlg(""), nil, "ok", "", ""},
		{"signature cut", good[:dot+1], testKeys(), nil, "signature:signature_invalid", "signature", "the signature does not fit"},
		{"payload changed", good[:strings.IndexByte(good, '.')+1] + b64(strings.Replace(payload, "readers", "writers", 1)) + good[dot:], testKeys(), nil, "signature:signature_invalid", "", ""},
		{"another key signed", signParts(t, `{"kid":"second","alg":"RS256"}`, payload), testKeys(), nil, "signature:signature_invalid", "", ""},
		{"none", b64(`{"kid":"second","alg":"none"}`) + "." + b64(payload) + ".", testKeys(), nil, "algorithm:algorithm_refused signature:unjudged", "algorithm", `alg is "none", want "RS256"`},
		{"case matters", signParts(t, `{"kid":"first/key+one=","alg":"rs256"}`, payload), testKeys(), nil, "algorithm:algorithm_refused signature:unjudged", "", ""},
		{"allowed but unknown here", signParts(t, `{"kid":"first/key+one=","alg":"HS256"}`, payload), wrongAlg(""), []string{"RS256", "HS256"}, "signature:unjudged", "signature", `signatures with "HS256" cannot be checked here`},
		{"ES256 with an RSA key", signParts(t, `{"kid":"first/key+one=","alg":"ES256"}`, payload), wrongAlg(""), []string{"RS256", "ES256"}, "signature:signature_invalid", "signature", "ES256 needs an elliptic-curve key, this one is an RSA key"},
		{"none allowed by mistake", b64(`{"kid":"second","alg":"none"}`) + "." + b64(payload) + ".", NewStaticKeys("f", Key{ID: "second", Public: two.Public}), []string{"none"}, "signature:unjudged", "", ""},
		{"not in policy", good, testKeys(), []string{"RS512"}, "algorithm:algorithm_refused signature:unjudged", "", ""},
		{"key for another algorithm", good, wrongAlg("RS512"), nil, "algorithm:algorithm_mismatch signature:unjudged", "algorithm", `alg is "RS256", but the key "first/key+one=" is for "RS512"`},
		{"key of another type", good, NewStaticKeys("f", Key{ID: signerOne().KeyID, Public: &elliptical.PublicKey}), nil, "signature:signature_invalid", "signature", "RS256 needs an RSA key, this one is an elliptic-curve key"},
		{"weak key from a set that does not look", good, weakSet{}, nil, "signature:signature_invalid", "signature", "RSA of 1024 bits"},
		{"no kid", signParts(t, `{"alg":"RS256"}`, payload), testKeys(), nil, "kid:kid_missing signature:unjudged", "kid", "the header has no kid"},
		{
			"unknown kid", signParts(t, `{"kid":"x","alg":"RS256"}`, payload), testKeys(), nil, "kid:unknown_key signature:unjudged", "kid",
			`kid "x" is not among the 2 keys of ` + testSource + ` (first/key+one=, second)`,
		},
		{"one key", signParts(t, `{"kid":"x","alg":"RS256"}`, payload), NewStaticKeys("f.json", two), nil, "kid:unknown_key signature:unjudged", "kid", `kid "x" is not the one key of f.json (second)`},
		{"empty set", good, StaticKeys{}, nil, "kid:unknown_key signature:unjudged", "kid", "the key set holds no usable key"},
		{"no set", good, nil, nil, "kid:policy_invalid signature:unjudged", "signature", "there is no key to check it with"},
		{"set out of reach", good, brokenSet{}, nil, "kid:keys_unavailable signature:unjudged", "kid", "the network is down"},
		{"crit", signParts(t, `{"kid":"first/key+one=","alg":"RS256","crit":["exp"]}`, payload), testKeys(), nil, "form:critical_header signature:unjudged", "form", "crit is an array of 1"},
		{"crit null", signParts(t, `{"kid":"first/key+one=","alg":"RS256","crit":null}`, payload), testKeys(), nil, "form:critical_header signature:unjudged", "", ""},
		{"key in the header", signParts(t, `{"kid":"x","alg":"RS256","jwk":`+string(firstJWK(t))+`}`, payload), testKeys(), nil, "kid:unknown_key signature:unjudged", "", ""},
		{"payload no JSON", signParts(t, `{"kid":"first/key+one=","alg":"RS256"}`, `hello`), testKeys(), nil, "form:malformed exp:unjudged iss:unjudged audience:unjudged token_use:unjudged", "exp", "the payload cannot be read"},
		{"garbage", "garbage", testKeys(), nil, "form:malformed algorithm:unjudged kid:unjudged signature:unjudged exp:unjudged iss:unjudged audience:unjudged token_use:unjudged", "kid", "the token cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := idPolicy()
			p.Algorithms = tt.algs
			r := Verify(context.Background(), tt.raw, tt.keys, p)
			if got := outcome(r); got != tt.want {
				t.Fatalf("outcome is %s, want %s: %v", got, tt.want, r.Err())
			}
			if tt.check != "" {
				if got := check(t, r, tt.check).Detail; !strings.Contains(got, tt.detail) {
					t.Errorf("detail is %s, want %s", got, tt.detail)
				}
			}
			if r.Token.Raw != tt.raw {
				t.Error("the report does not say which token it is about")
			}
		})
	}
}

type weakSet struct{}

func (weakSet) Key(_ context.Context, kid string) (Key, error) {
	n := new(big.Int).Lsh(big.NewInt(1), 1023)
	return Key{ID: kid, Public: &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}}, nil
}

type brokenSet struct{}

func (brokenSet) Key(context.Context, string) (Key, error) {
	return Key{}, errors.New("the network is down")
}

func firstJWK(t *testing.T) []byte {
	set := string(jwks(t, signerOne().Public()))
	return []byte(strings.TrimSuffix(strings.TrimPrefix(set, `{"keys":[`), `]}`))
}

func TestVerifyShowsForeignTextSafely(t *testing.T) {
	t.Parallel()
	evil := "\x1b[31mx\u202e\u200b\r\n" + strings.Repeat("y", 4000)
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprint("aud-", i, evil[:20])
	}
	claims := with(idClaims(), "iss", evil, "aud", many, "token_use", evil, "scope", evil, "cognito:groups", many, "nonce", evil)
	p := idPolicy()
	p.Scopes, p.Groups, p.Nonce = []string{"a"}, []string{"b"}, "c"
	raw := resign(t, b64(string(mustJSON(t, map[string]any{"kid": evil, "alg": "RS256", "crit": evil})))+"."+b64(string(mustJSON(t, claims))))
	r := verify(raw, p)
	if len(r.Failed()) != 9 {
		t.Errorf("outcome is %s", outcome(r))
	}
	for _, c := range r.Checks {
		if len(c.Detail) > 1200 {
			t.Errorf("%s: detail has %d bytes", c.Name, len(c.Detail))
		}
		for _, r := range c.Detail {
			if !unicode.IsPrint(r) {
				t.Errorf("%s: detail has %U: %q", c.Name, r, c.Detail)
				break
			}
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain text", `a"b`, `a\b`, "\x1b[2J", "a\nb", "\x7f", "\x00", "é", "\u202e", "\xff", " ~"} {
		if got, want := quote(s), strconv.Quote(s); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := quote(strings.Repeat("é", 50)); got != `"`+strings.Repeat("é", 40)+`…"` {
		t.Errorf("cut to %s", got)
	}
	if got := quote("x" + strings.Repeat("é", 50)); got != `"x`+strings.Repeat("é", 39)+`…"` {
		t.Errorf("cut to %s", got)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	if (Report{}).OK() || (Report{}).Err() == nil {
		t.Error("an empty report is OK")
	}
	r := verify(sign(t, with(idClaims(), "exp", 0, "aud", "x")), idPolicy())
	var e *VerifyError
	if !errors.As(r.Err(), &e) || !e.Has("x", CodeExpired) || !e.Has(CodeClientMismatch) || e.Has(CodeSignatureInvalid) {
		t.Fatalf("error is %v", r.Err())
	}
	want := `the token is refused: exp: expired 20778d5h ago (exp 1970-01-01T00:00:00Z); audience: aud is "x", want "` + testClient + `"`
	if e.Error() != want {
		t.Errorf("error is %s, want %s", e, want)
	}
	if shown := string(mustJSON(t, r)); strings.Contains(shown, r.Token.Raw) || !strings.Contains(shown, `"code":"expired"`) {
		t.Errorf("JSON is %s", shown)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 59900 * time.Millisecond: "59s", 182 * time.Second: "3m02s", 5*time.Hour + 7*time.Minute: "5h07m",
		47 * time.Hour: "47h00m", 12*24*time.Hour + 4*time.Hour: "12d4h",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}
