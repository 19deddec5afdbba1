package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// different is how many tokens are signed; the file repeats them. To sign costs
// thirty times what it costs to verify, and no program here remembers a token.
const different = 4000

// writeTokens writes keys and tokens as a user pool makes them: access tokens of
// many users, each of its own, in turn by two keys.
func (b *bench) writeTokens() error {
	var signers [2]*jwt.Signer
	for i := range signers {
		var err error
		if signers[i], err = jwt.NewSigner(nil); err != nil {
			return err
		}
	}
	set, err := jwt.MarshalKeys(signers[0].Public(), signers[1].Public())
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.keys, set, 0o600); err != nil {
		return err
	}
	var out bytes.Buffer
	now := time.Now()
	signed := make([]string, min(different, b.options.tokens))
	for i := range b.options.tokens {
		token := &signed[i%len(signed)]
		if *token == "" {
			if *token, err = signers[i%2].Sign(b.claims(i, now)); err != nil {
				return err
			}
		}
		out.WriteString(*token + "\n")
	}
	return os.WriteFile(b.tokens, out.Bytes(), 0o600)
}

func (b *bench) claims(i int, now time.Time) map[string]any {
	id := func(kind int) string { return fmt.Sprintf("%08x-7d0b-4a4c-9b6e-%012d", i, kind) }
	return map[string]any{
		"sub": id(1), "cognito:groups": []string{"admin", "readers"}, "iss": b.issuer, "client_id": b.client,
		"origin_jti": id(2), "event_id": id(3), "token_use": "access", "scope": "aws.cognito.signin.user.admin openid",
		"auth_time": now.Unix(), "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "jti": id(4), "username": id(1),
	}
}

// verifyRaw does what no verifier can do without: cut the token, decode its
// signature, hash the rest, and let crypto/rsa verify. The key is found by the
// header's text. Nothing that the token says is read.
func verifyRaw(path string, in io.Reader) error {
	keys, err := rawKeys(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	signature := make([]byte, 1024)
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		end := bytes.LastIndexByte(line, '.')
		size, err := base64.RawURLEncoding.Decode(signature, line[end+1:])
		if err != nil {
			return err
		}
		digest := sha256.Sum256(line[:end])
		key := keys[string(line[:bytes.IndexByte(line, '.')])]
		if key == nil {
			return fmt.Errorf("line %d: no key", n)
		}
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature[:size]); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		fmt.Fprintf(out, "{\"line\":%d,\"valid\":true}\n", n)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return out.Flush()
}

// rawKeys are the keys by the header that a token of theirs has.
func rawKeys(path string) (map[string]*rsa.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct{ Kid, N string }
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, err
	}
	keys := map[string]*rsa.PublicKey{}
	for _, key := range set.Keys {
		n, err := base64.RawURLEncoding.DecodeString(key.N)
		if err != nil {
			return nil, err
		}
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"kid":"` + key.Kid + `","alg":"RS256"}`))
		keys[header] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
	}
	return keys, nil
}
