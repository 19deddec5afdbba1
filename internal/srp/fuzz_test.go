package srp

import (
	"bytes"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"
)

// FuzzProve answers whatever a server may send: an error or a well-formed
// proof, never a panic, and no number that is unsafe or out of bounds accepted.
func FuzzProve(f *testing.F) {
	client, server := golden(f)
	f.Add(goldenSalt, server.B(), goldenBlock, goldenTime.Unix())
	f.Add("0", "0", "", int64(0))
	f.Add("-1", params().n.Text(16), "====", int64(-1))
	f.Add("", "", "\n", int64(1)<<40)
	f.Fuzz(func(t *testing.T, salt, b, block string, at int64) {
		proof, err := client.Prove(goldenID, Challenge{Salt: salt, B: b, SecretBlock: block}, time.Unix(at, 0))
		if err != nil {
			if proof != (Proof{}) {
				t.Fatal("a proof together with an error")
			}
			return
		}
		const hexDigits = "0123456789abcdefABCDEF"
		if strings.Trim(salt, hexDigits) != "" || strings.Trim(b, hexDigits) != "" || len(salt) > 130 || len(b) > 770 || block == "" {
			t.Fatalf("accepted: %d characters of SALT, %d of SRP_B, %d of SECRET_BLOCK", len(salt), len(b), len(block))
		}
		if n, ok := new(big.Int).SetString(b, 16); !ok || new(big.Int).Mod(n, params().n).Sign() == 0 {
			t.Fatal("SRP_B = 0 modulo N accepted")
		}
		if raw, err := base64.StdEncoding.DecodeString(proof.Signature); err != nil || len(raw) != 32 {
			t.Fatalf("signature %q", proof.Signature)
		}
		if proof.SecretBlock != block || proof.Timestamp != FormatTimestamp(time.Unix(at, 0)) {
			t.Fatal("the secret block or the time is not the one given")
		}
	})
}

// FuzzServer takes whatever a client may send. Without the password nothing
// verifies.
func FuzzServer(f *testing.F) {
	client, _ := golden(f)
	stored, err := NewVerifier(newSource(20), goldenID)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(client.A(), goldenSignature, []byte("secret-block-bytes"), goldenTime.Unix())
	f.Add("0", "", []byte(nil), int64(0))
	f.Add("1", "====", []byte{0}, int64(-1))
	f.Add(new(big.Int).Sub(params().n, big.NewInt(1)).Text(16), "+", []byte{0xff}, int64(1)<<40)
	f.Add("-2", "a", []byte("b"), int64(1))
	f.Fuzz(func(t *testing.T, a, signature string, block []byte, at int64) {
		server, err := NewServer(newSource(21), stored, a)
		if err != nil {
			if server != nil {
				t.Fatal("a server together with an error")
			}
			return
		}
		if n, ok := new(big.Int).SetString(a, 16); !ok || len(a) > 770 || new(big.Int).Mod(n, params().n).Sign() == 0 {
			t.Fatalf("SRP_A of %d characters accepted", len(a))
		}
		if _, err := parsePublic("SRP_B", server.B()); err != nil {
			t.Fatal(err)
		}
		if server.Verify("TESTPOOL1", "alice", block, time.Unix(at, 0), signature) {
			t.Fatal("a made-up signature verifies")
		}
	})
}

// FuzzParseTimestamp: what is accepted has one canonical form, which means the
// same.
func FuzzParseTimestamp(f *testing.F) {
	for _, s := range []string{goldenTimestamp, "Thu Nov 05 15:04:05 UTC 2026", "Mon Jan 1 0:0:0 UTC 0000", "Mon Feb 29 23:59:59.9 UTC 2025", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ParseTimestamp(s)
		if err != nil {
			return
		}
		if at.Location() != time.UTC || at.Nanosecond() != 0 {
			t.Fatalf("ParseTimestamp(%q) = %v", s, at)
		}
		again, err := ParseTimestamp(FormatTimestamp(at))
		if err != nil || !again.Equal(at) {
			t.Fatalf("%q -> %q -> %v, %v", s, FormatTimestamp(at), again, err)
		}
	})
}

// FuzzParseDeviceVerifier: what is accepted serves a handshake and keeps its
// form.
func FuzzParseDeviceVerifier(f *testing.F) {
	f.Add("AOs23e0l8jMbCH4pByts8EQ=", "Ag==")
	f.Add("", "AA==")
	f.Add("gA==", "gA==")
	f.Fuzz(func(t *testing.T, salt, verifier string) {
		v, err := ParseDeviceVerifier(salt, verifier)
		if err != nil {
			return
		}
		if _, _, err := v.numbers(); err != nil {
			t.Fatal(err)
		}
		encode := base64.StdEncoding.EncodeToString
		again, err := ParseDeviceVerifier(encode(v.Salt), encode(v.V))
		if err != nil || !bytes.Equal(again.Salt, v.Salt) || !bytes.Equal(again.V, v.V) {
			t.Fatalf("%x %x reads back as %x %x, %v", v.Salt, v.V, again.Salt, again.V, err)
		}
	})
}
