package jwt

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// algorithmKey is a key pair for an algorithm.
func algorithmKey(t testing.TB, algorithm string) (private crypto.Signer, public crypto.PublicKey) {
	t.Helper()
	curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[algorithm]
	switch {
	case curve != nil:
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key, &key.PublicKey
	case algorithm == "EdDSA":
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return private, public
	}
	return signerOne().Key, &signerOne().Key.PublicKey
}

func joseSign(t testing.TB, algorithm string, key crypto.Signer, payload []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: jose.JSONWebKey{Key: key, KeyID: "a"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// joseSet is a JWK set with the key a, as go-jose writes it.
func joseSet(t testing.TB, public crypto.PublicKey, algorithm string) StaticKeys {
	t.Helper()
	keys, dropped, err := ParseKeys(set(t, jose.JSONWebKey{Key: public, KeyID: "a", Algorithm: algorithm, Use: "sig"}), "f")
	if err != nil || len(dropped) > 0 {
		t.Fatal(err, dropped)
	}
	return keys
}

// TestAlgorithms: what go-jose signs is accepted under its own algorithm and key
// only, and go-jose refuses what is refused here.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, algorithm := range Algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			private, public := algorithmKey(t, algorithm)
			raw := joseSign(t, algorithm, private, mustJSON(t, idClaims()))
			bare, pinned := joseSet(t, public, ""), joseSet(t, public, algorithm)
			p := idPolicy()
			p.Algorithms = []string{algorithm}
			for _, keys := range []KeySet{bare, pinned} {
				if r := Verify(context.Background(), raw, keys, p); !r.OK() {
					t.Fatal(r.Err())
				}
			}
			p.Algorithms = nil
			if ok := Verify(context.Background(), raw, bare, p).OK(); ok != (algorithm == "RS256") {
				t.Errorf("accepted by default: %v", ok)
			}
			for _, other := range Algorithms() {
				_, key := algorithmKey(t, other)
				if other[:2] != algorithm[:2] && strings.TrimLeft(other[:2], "RP") != strings.TrimLeft(algorithm[:2], "RP") && accepts(raw, NewStaticKeys("f", Key{ID: "a", Public: key}), algorithm) {
					t.Errorf("accepted with a key for %s", other)
				}
				renamed := b64(`{"alg":"`+other+`","kid":"a"}`) + raw[strings.IndexByte(raw, '.'):]
				if other != algorithm && accepts(renamed, bare, Algorithms()...) {
					t.Errorf("accepted when called %s", other)
				}
			}
			dot := strings.LastIndexByte(raw, '.')
			signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
			if err != nil {
				t.Fatal(err)
			}
			for name, changed := range changedSignatures(signature) {
				forged := raw[:dot+1] + b64(string(changed))
				object, err := jose.ParseSignedCompact(forged, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
				theirs := err == nil
				if theirs {
					_, err = object.Verify(public)
					theirs = err == nil
				}
				if ours := accepts(forged, bare, algorithm); ours || theirs {
					t.Errorf("%s: accepted %v, by go-jose %v", name, ours, theirs)
				}
			}
		})
	}
}

func changedSignatures(s []byte) map[string][]byte {
	flip := func(i int) []byte {
		out := append([]byte(nil), s...)
		out[i] ^= 1
		return out
	}
	half := len(s) / 2
	return map[string][]byte{
		"first bit": flip(0), "last bit": flip(len(s) - 1), "middle bit": flip(half),
		"empty": nil, "short": s[:len(s)-1], "long": append(append([]byte(nil), s...), 0),
		"leading zero":     append([]byte{0}, s...),
		"zeros":            make([]byte, len(s)),
		"halves the other": append(append([]byte(nil), s[half:]...), s[:half]...),
		"padded halves":    append(append(append([]byte{0}, s[:half]...), 0), s[half:]...),
	}
}

func TestAlgorithmsNever(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "none", "None", "HS256", "HS384", "HS512", "rs256", "RS1", "RS256 ", "ES256K", "ES521", "Ed448", "RSA-OAEP", "PS", "RS"} {
		if _, known := verifierFor(name); known || KnownAlgorithm(name) {
			t.Errorf("%q is known", name)
		}
	}
	for _, name := range Algorithms() {
		if _, known := verifierFor(name); !known || !KnownAlgorithm(name) {
			t.Errorf("%q is not known", name)
		}
	}
	// Not even when a policy lists it: HMAC keyed with what is public.
	if accepts(joseSignHMAC(t), testKeys(), "HS256", "none") {
		t.Error("HS256 is accepted")
	}
}

func joseSignHMAC(t *testing.T) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: pemOf(t, &signerOne().Key.PublicKey, "PUBLIC KEY"), KeyID: signerOne().KeyID}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign(mustJSON(t, idClaims()))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestCurvePinned: ES256 is SHA-256 and P-256, not SHA-256 with the curve that
// the key happens to be on (RFC 7518 section 3.4).
func TestCurvePinned(t *testing.T) {
	t.Parallel()
	for algorithm, want := range map[string]bool{"ES384": true, "ES256": false, "ES512": false} {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		hash := map[string]crypto.Hash{"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512}[algorithm].New()
		hash.Write([]byte("signed"))
		r, s, err := ecdsa.Sign(rand.Reader, key, hash.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		verify, _ := verifierFor(algorithm)
		err = verify(&key.PublicKey, []byte("signed"), append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...))
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "this one is on P-384") {
			t.Errorf("%s with a key on P-384: %v", algorithm, err)
		}
	}
}

func TestFitKeys(t *testing.T) {
	t.Parallel()
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := balancerKey().PublicKey
	//lint:ignore SA1019 no other way makes a point that is off its curve
	off := ecdsa.PublicKey{Curve: good.Curve, X: good.X, Y: new(big.Int).Add(good.Y, big.NewInt(1))}
	for name, key := range map[string]crypto.PublicKey{
		"P-224": &p224.PublicKey, "off the curve": &off, "no curve": &ecdsa.PublicKey{}, "nil": (*ecdsa.PublicKey)(nil),
		"short Ed25519": ed25519.PublicKey("short"), "private": balancerKey(), "bytes": []byte("secret"), "nothing": nil,
	} {
		if ids := NewStaticKeys("f", Key{ID: "a", Public: key}).IDs(); len(ids) > 0 {
			t.Errorf("%s is kept", name)
		}
		for _, algorithm := range Algorithms() {
			verify, _ := verifierFor(algorithm)
			if verify(key, []byte("x"), make([]byte, 64)) == nil {
				t.Errorf("%s verifies with %s", name, algorithm)
			}
		}
	}
	if len(NewStaticKeys("f", Key{ID: "a", Public: &good}).IDs()) != 1 {
		t.Error("positive control")
	}
}
