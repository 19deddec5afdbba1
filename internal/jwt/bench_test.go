package jwt

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func BenchmarkVerify(b *testing.B) {
	raw, keys, p := sign(b, accessClaims()), testKeys(), idPolicy()
	p.Use = "access"
	if err := verify(raw, p).Err(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := Verify(context.Background(), raw, keys, p); !r.OK() {
			b.Fatal(r.Err())
		}
	}
}

// BenchmarkVerifyPKCS1v15 is the floor: the RSA operation alone.
func BenchmarkVerifyPKCS1v15(b *testing.B) {
	token, err := Parse(sign(b, accessClaims()))
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(token.signed)
	b.ReportAllocs()
	for b.Loop() {
		if err := rsa.VerifyPKCS1v15(&signerOne().Key.PublicKey, crypto.SHA256, digest[:], token.Signature); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkShareOfRSA takes turns between the two, so that other load on the
// machine hits both alike, and says which part of a verification is RSA. The
// median of many short turns counts.
func BenchmarkShareOfRSA(b *testing.B) {
	raw, keys, p := sign(b, accessClaims()), testKeys(), idPolicy()
	p.Use = "access"
	token, err := Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(token.signed)
	turn := func(f func() bool) float64 {
		start := time.Now()
		for range 100 {
			if !f() {
				b.Fatal("refused")
			}
		}
		return float64(time.Since(start))
	}
	var shares []float64
	for b.Loop() {
		whole := turn(func() bool { return Verify(context.Background(), raw, keys, p).OK() })
		bare := turn(func() bool {
			return rsa.VerifyPKCS1v15(&signerOne().Key.PublicKey, crypto.SHA256, digest[:], token.Signature) == nil
		})
		shares = append(shares, bare/whole)
	}
	slices.Sort(shares)
	b.ReportMetric(shares[len(shares)/2], "share")
}

// BenchmarkGoJose does less than Verify (the signature and the reading of the
// claims, no check on them) and is the usual way to do that much.
func BenchmarkGoJose(b *testing.B) {
	raw := sign(b, accessClaims())
	b.ReportAllocs()
	for b.Loop() {
		token, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			b.Fatal(err)
		}
		payload, err := token.Verify(&signerOne().Key.PublicKey)
		if err != nil {
			b.Fatal(err)
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	raw := sign(b, accessClaims())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}
