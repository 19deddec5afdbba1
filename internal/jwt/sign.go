package jwt

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// A Signer issues tokens as a user pool does.
type Signer struct {
	KeyID string
	Key   *rsa.PrivateKey
}

// NewSigner makes a key of 2048 bits; random nil means crypto/rand. Its id looks like Cognito's: 32 bytes in
// standard base64 with padding, so that clients meet + / and = in a kid.
func NewSigner(random io.Reader) (*Signer, error) {
	if random == nil {
		random = rand.Reader
	}
	id := make([]byte, 32)
	if _, err := io.ReadFull(random, id); err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	key, err := rsa.GenerateKey(random, minRSABits)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	return &Signer{KeyID: base64.StdEncoding.EncodeToString(id), Key: key}, nil
}

// Sign returns a compact token with RS256 over the JSON of claims, which must
// be an object. The header is Cognito's: kid and alg, no typ.
func (s *Signer) Sign(claims any) (string, error) {
	if s.Key == nil {
		return "", errors.New("signing a token: no key")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	if len(payload) == 0 || payload[0] != '{' {
		return "", errors.New("signing a token: the claims are not a JSON object")
	}
	header, err := json.Marshal(struct {
		KeyID     string `json:"kid"`
		Algorithm string `json:"alg"`
	}{s.KeyID, "RS256"})
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	encoding := base64.RawURLEncoding
	token := make([]byte, 0, encoding.EncodedLen(len(header)+len(payload)+s.Key.Size())+8)
	token = append(encoding.AppendEncode(token, header), '.')
	token = encoding.AppendEncode(token, payload)
	digest := sha256.Sum256(token)
	signature, err := rsa.SignPKCS1v15(nil, s.Key, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return string(encoding.AppendEncode(append(token, '.'), signature)), nil
}

// Public returns the key that verifies the signer's tokens.
func (s *Signer) Public() Key {
	if s.Key == nil {
		return Key{ID: s.KeyID}
	}
	return Key{ID: s.KeyID, Algorithm: "RS256", Public: &s.Key.PublicKey}
}

// MarshalKeys writes RSA keys as a JWK set with the members Cognito publishes,
// in its order: alg, e, kid, kty, n, use.
func MarshalKeys(keys ...Key) ([]byte, error) {
	type jwk struct {
		Algorithm string `json:"alg,omitempty"`
		Exponent  string `json:"e"`
		ID        string `json:"kid"`
		Type      string `json:"kty"`
		Modulus   string `json:"n"`
		Use       string `json:"use"`
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	encode := base64.RawURLEncoding.EncodeToString
	for _, key := range keys {
		public, ok := key.Public.(*rsa.PublicKey)
		if !ok {
			return nil, errors.New("writing a JWK set: the key " + quote(key.ID) + " is " + keyKind(key.Public) + ", only RSA keys are written")
		}
		set.Keys = append(set.Keys, jwk{
			Algorithm: key.Algorithm,
			Exponent:  encode(big.NewInt(int64(public.E)).Bytes()),
			ID:        key.ID,
			Type:      "RSA",
			Modulus:   encode(public.N.Bytes()),
			Use:       "sig",
		})
	}
	return json.Marshal(set)
}
