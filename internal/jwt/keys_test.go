package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// jwk returns the members of a good key with pairs of name and value changed.
func jwk(t testing.TB, signer *Signer, pairs ...any) map[string]any {
	t.Helper()
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(jwks(t, signer.Public()), &set); err != nil {
		t.Fatal(err)
	}
	return with(set.Keys[0], pairs...)
}

func set(t testing.TB, keys ...any) []byte { return mustJSON(t, map[string]any{"keys": keys}) }

func TestParseKeysDrops(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	private := mustJSON(t, jose.JSONWebKey{Key: signerTwo().Key, KeyID: "bad", Use: "sig"})
	one, two := signerOne(), signerTwo()
	n := b64(string(two.Key.N.Bytes()))
	for _, tt := range []struct {
		name string
		key  any
		want string
	}{
		{"weak", json.RawMessage(strings.TrimSuffix(strings.TrimPrefix(string(jwks(t, Key{ID: "bad", Public: &weak.PublicKey})), `{"keys":[`), `]}`)), `key "bad": RSA of 1024 bits, want at least 2048`},
		{"giant", jwk(t, two, "kid", "bad", "n", b64("\xff"+strings.Repeat("\xff", 1024))), `key "bad"`},
		{"even modulus", jwk(t, two, "kid", "bad", "n", b64(string(two.Key.N.Bytes()[:255])+"\x02")), "even modulus"},
		{"exponent 1", jwk(t, two, "kid", "bad", "e", "AQ"), `key "bad"`},
		{"exponent even", jwk(t, two, "kid", "bad", "e", "AQAA"), "public exponent 65536"},
		{"exponent huge", jwk(t, two, "kid", "bad", "e", b64("\x01\x00\x00\x00\x01")), "31 bits"},
		{"private", json.RawMessage(private), "secret key material (member d)"},
		{"symmetric", map[string]any{"kty": "oct", "k": n, "kid": "bad"}, "secret key material (member k)"},
		{"encryption", jwk(t, two, "kid", "bad", "use", "enc"), `its use is "enc"`},
		{"use array", jwk(t, two, "kid", "bad", "use", []string{"sig"}), "use is an array of 1"},
		{"key_ops", jwk(t, two, "kid", "bad", "key_ops", []string{"encrypt"}), "key_ops"},
		{"key_ops no array", jwk(t, two, "kid", "bad", "key_ops", 5), "key_ops"},
		{"no kid", jwk(t, two, "kid", nil), "key 2: no kid"},
		{"no kid", jwk(t, two, "kid", 5), "key 2: kid is the number 5"},
		{"alg no string", jwk(t, two, "kid", "bad", "alg", true), "alg is true"},
		{"no modulus", jwk(t, two, "kid", "bad", "n", nil), `cannot be read as "RSA" key`},
		{"no exponent", jwk(t, two, "kid", "bad", "e", nil), `cannot be read as "RSA" key`},
		{"EC without crv", map[string]any{"kty": "EC", "kid": "bad", "x": b64(strings.Repeat("x", 32)), "y": b64(strings.Repeat("y", 32))}, `cannot be read as "EC" key`},
		{"EC without x", map[string]any{"kty": "EC", "kid": "bad", "crv": "P-256", "y": b64(strings.Repeat("y", 32))}, `cannot be read as "EC" key`},
		{"EC without y", map[string]any{"kty": "EC", "kid": "bad", "crv": "P-256", "x": b64(strings.Repeat("x", 32))}, `cannot be read as "EC" key`},
		{"EC off the curve", map[string]any{"kty": "EC", "kid": "bad", "crv": "P-256", "x": b64(strings.Repeat("x", 32)), "y": b64(strings.Repeat("y", 32))}, `cannot be read as "EC" key`},
		{"OKP without crv", map[string]any{"kty": "OKP", "kid": "bad", "x": b64(strings.Repeat("x", 32))}, `key "bad"`},
		{"OKP without x", map[string]any{"kty": "OKP", "kid": "bad", "crv": "Ed25519"}, `key "bad"`},
		{"Ed448", map[string]any{"kty": "OKP", "kid": "bad", "crv": "Ed448", "x": b64(strings.Repeat("x", 57))}, `key "bad"`},
		{"empty", map[string]any{}, "key 2: no kid"},
		{"no kty", jwk(t, two, "kid", "bad", "kty", nil), "cannot be read"},
		{"unknown kty", jwk(t, two, "kid", "bad", "kty", "XYZ"), `keys of type "XYZ" are not supported`},
		{"no object", "bad", `it is "bad", not an object`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			keys, dropped, err := ParseKeys(set(t, jwk(t, one), tt.key), "f.json")
			if err != nil {
				t.Fatal(err)
			}
			if len(dropped) == 0 {
				t.Fatal("nothing dropped")
			}
			if got := errors.Join(dropped...).Error(); !strings.Contains(got, tt.want) || strings.Contains(got, n[:40]) {
				t.Errorf("dropped: %s, want %s", got, tt.want)
			}
			if !slices.Equal(keys.IDs(), []string{one.KeyID}) {
				t.Errorf("kept %q", keys.IDs())
			}
			if _, err := keys.Key(context.Background(), "bad"); err == nil || !strings.Contains(err.Error(), "not usable: key ") {
				t.Errorf("the unknown key's error does not say why: %v", err)
			}
		})
	}
}

func TestParseKeysClash(t *testing.T) {
	t.Parallel()
	one, two := signerOne(), signerTwo()
	keys, dropped, err := ParseKeys(set(t, jwk(t, one, "kid", "a"), jwk(t, two, "kid", "a"), jwk(t, one, "kid", "a"), jwk(t, one), jwk(t, one)), "f")
	if err != nil || !slices.Equal(keys.IDs(), []string{one.KeyID}) {
		t.Errorf("kept %q, %v", keys.IDs(), err)
	}
	if len(dropped) != 1 || !strings.Contains(dropped[0].Error(), `key "a": two different keys have this id`) {
		t.Errorf("dropped %v", dropped)
	}
}

func TestParseKeysOneKeyTwoAlgorithms(t *testing.T) {
	t.Parallel()
	keys, dropped, err := ParseKeys(set(t, jwk(t, signerOne()), jwk(t, signerOne(), "alg", "RS512")), "f")
	if err != nil || len(keys.IDs()) != 0 || len(dropped) != 1 {
		t.Errorf("kept %q, dropped %v, %v", keys.IDs(), dropped, err)
	}
}

// TestFitExponent: go-jose would not read some of these, other key sets might.
func TestFitExponent(t *testing.T) {
	t.Parallel()
	for e, want := range map[int]bool{-1: false, 0: false, 1: false, 2: false, 3: true, 4: false, 65537: true, 1<<31 - 1: true} {
		key := Key{ID: "a", Public: &rsa.PublicKey{N: signerOne().Key.N, E: e}}
		if got := len(NewStaticKeys("f", key).IDs()) == 1; got != want {
			t.Errorf("exponent %d: kept %v", e, got)
		}
	}
}

func TestParseKeysKinds(t *testing.T) {
	t.Parallel()
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	data := set(t, jwk(t, signerOne(), "use", nil, "alg", nil, "key_ops", []string{"verify"}, "extra", map[string]any{"a": 1.5}),
		jose.JSONWebKey{Key: &elliptical.PublicKey, KeyID: "ec", Algorithm: "ES256"}, jose.JSONWebKey{Key: edwards, KeyID: "ed"})
	keys, dropped, err := ParseKeys(append([]byte("\xef\xbb\xbf"), data...), "f")
	if err != nil || len(dropped) != 0 {
		t.Fatalf("%v %v", dropped, err)
	}
	key, err := keys.Key(context.Background(), signerOne().KeyID)
	if err != nil || key.Algorithm != "" || !signerOne().Key.PublicKey.Equal(key.Public) {
		t.Errorf("%+v %v", key, err)
	}
	if key, err = keys.Key(context.Background(), "ec"); err != nil || key.Algorithm != "ES256" || !elliptical.PublicKey.Equal(key.Public) {
		t.Errorf("%+v %v", key, err)
	}
	var unknown *UnknownKeyError
	if _, err = keys.Key(context.Background(), "x"); !errors.As(err, &unknown) || unknown.Source != "f" || len(unknown.Have) != 3 {
		t.Errorf("%v", err)
	}
	if empty, dropped, err := ParseKeys([]byte(`{"keys":[]}`), "f"); err != nil || len(dropped) != 0 || len(empty.IDs()) != 0 {
		t.Errorf("an empty set: %v %v", dropped, err)
	}
}

func TestParseKeysFormat(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"":                             "f holds nothing, not a JWK set",
		"  \n":                         "f holds nothing",
		"<!DOCTYPE html><p>":           "f holds HTML, not a JWK set",
		"\n <html lang=en>":            "f holds HTML",
		`<?xml version="1.0"?><Error>`: "f holds XML",
		"-----BEGIN PUBLIC KEY-----":   "f holds PEM",
		"[]":                           "f holds a JSON array",
		"hello":                        "f holds text",
		`{"keys":`:                     "f holds a document that is not JSON",
		`{"keys":[],"keys":[]}`:        `holds "keys" twice`,
		`{"keys":{}}`:                  "JSON whose keys are an object",
		`{"Keys":[]}`:                  `JSON without "keys"`,
		`{"keys":null}`:                `JSON without "keys"`,
		`{"kty":"RSA"}`:                `a single JWK (write {"keys":[…]} around it)`,
		`{"jwks_uri":"https://a/b"}`:   `an OpenID discovery document (its jwks_uri is "https://a/b")`,
		strings.Repeat(" ", maxKeys+1): "more than 1048576 bytes",
	} {
		_, _, err := ParseKeys([]byte(data), "f")
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %s", data, err, want)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add(jwks(f, signerOne().Public(), signerTwo().Public()))
	f.Add(set(f, jwk(f, signerOne(), "e", "AQ"), jwk(f, signerOne(), "use", "enc")))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA","kid":"a"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"b"},{"kty":"OKP","crv":"Ed25519","x":"AA","kid":"c"}]}`))
	f.Add([]byte("<html>"))
	f.Add(pemOf(f, &balancerKey().PublicKey, "PUBLIC KEY"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if set, err := parsePEM(data, "a", "f"); err == nil && len(set.IDs())+len(set.Dropped()) != 1 {
			t.Fatalf("PEM with %q, dropped %q", set.IDs(), set.Dropped())
		}
		keys, dropped, err := ParseKeys(data, "f")
		if err != nil && (len(keys.IDs()) > 0 || len(dropped) > 0) {
			t.Fatal("keys beside an error")
		}
		for _, id := range keys.IDs() {
			key, err := keys.Key(context.Background(), id)
			if err != nil || key.ID != id || fit(key) != nil {
				t.Fatalf("%q: %v %v", id, err, fit(key))
			}
		}
		if err == nil {
			_ = keys.unknown("x").Error()
		}
	})
}

func TestSignerRoundTrip(t *testing.T) {
	t.Parallel()
	fresh, err := NewSigner(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if len(fresh.KeyID) != 44 || !strings.HasSuffix(fresh.KeyID, "=") || fresh.Key.N.BitLen() != 2048 {
		t.Errorf("kid %q, %d bits", fresh.KeyID, fresh.Key.N.BitLen())
	}
	data := jwks(t, fresh.Public(), signerOne().Public())
	keys, dropped, err := ParseKeys(data, "f")
	if err != nil || len(dropped) > 0 {
		t.Fatal(dropped, err)
	}
	claims := with(idClaims(), "name", "Zoë <&> \u2028 \"")
	raw, err := fresh.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	r := Verify(context.Background(), raw, keys, idPolicy())
	if !r.OK() || r.Token.Claims.String("name") != claims["name"] {
		t.Errorf("%v %q", r.Err(), r.Token.Claims.String("name"))
	}
	if want := `{"kid":"` + fresh.KeyID + `","alg":"RS256"}`; string(r.Token.HeaderJSON) != want {
		t.Errorf("header is %s, want %s", r.Token.HeaderJSON, want)
	}
	if !strings.HasPrefix(string(data), `{"keys":[{"alg":"RS256","e":"AQAB","kid":"`+fresh.KeyID+`","kty":"RSA","n":"`) {
		t.Errorf("JWK set is %.120s", data)
	}
}

func TestSignerRefuses(t *testing.T) {
	t.Parallel()
	for _, claims := range []any{nil, "text", []string{"a"}, 5, func() {}} {
		if raw, err := signerOne().Sign(claims); err == nil {
			t.Errorf("%v gives %s", claims, raw)
		}
	}
	if _, err := (&Signer{}).Sign(idClaims()); err == nil {
		t.Error("signed without a key")
	}
	if (&Signer{}).Public().Public != nil {
		t.Error("a public key out of nothing")
	}
	if _, err := MarshalKeys(Key{ID: "a", Public: []byte("secret")}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("wrote a symmetric key: %v", err)
	}
	if got := string(jwks(t)); got != `{"keys":[]}` {
		t.Errorf("an empty set is %s", got)
	}
	if !maps.Equal(NewStaticKeys("f", Key{ID: "a"}, Key{}).keys, map[string]Key{}) {
		t.Error("a key set kept what is no key")
	}
}
