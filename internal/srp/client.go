package srp

import (
	"fmt"
	"io"
	"math/big"
	"time"
)

// Client is the side that knows the password, for one sign-in: a second attempt
// or a device takes a new one, since a reused A lets a server tie them together.
// It is safe for concurrent use.
type Client struct {
	secret, public *big.Int // a and A
}

// NewClient draws the secret exponent: 128 bytes from random, which should be
// crypto/rand.Reader. A failing or all-zero source is an error.
func NewClient(random io.Reader) (*Client, error) {
	secret, err := drawInt(random, secretBytes)
	if err != nil {
		return nil, err
	}
	return newClient(secret), nil
}

func newClient(secret *big.Int) *Client {
	p := params()
	// A power of g is never 0 modulo the prime N, so A needs no check.
	return &Client{secret: secret, public: p.exp(p.g, secret)}
}

// A returns SRP_A as Cognito's own clients send it: lowercase hex without
// leading zeros.
func (c *Client) A() string { return c.public.Text(16) }

// Challenge holds the ChallengeParameters of PASSWORD_VERIFIER or
// DEVICE_PASSWORD_VERIFIER that the proof needs.
type Challenge struct {
	Salt        string // SALT, hex
	B           string // SRP_B, hex
	SecretBlock string // SECRET_BLOCK, standard base64
}

// Proof is the answer to a Challenge.
type Proof struct {
	Signature   string // PASSWORD_CLAIM_SIGNATURE, standard base64
	SecretBlock string // PASSWORD_CLAIM_SECRET_BLOCK, the challenge's own text
	Timestamp   string // TIMESTAMP, in the form of FormatTimestamp
}

// Prove answers ch for id. The time goes into the signature; the server refuses
// one far from its own clock, so at should be server time where that is known.
//
// The challenge is untrusted: what is missing, malformed, oversized or unsafe in
// it is an error, which wraps ErrPublicValue when SRP_B is at fault. A wrong
// password is no error here: only the server can tell.
func (c *Client) Prove(id Identity, ch Challenge, at time.Time) (Proof, error) {
	if err := id.check(); err != nil {
		return Proof{}, err
	}
	salt, err := parseHex("SALT", ch.Salt, maxSaltDigits)
	if err != nil {
		return Proof{}, fmt.Errorf("SRP challenge: %w", err)
	}
	b, err := parsePublic("SRP_B", ch.B)
	if err != nil {
		return Proof{}, fmt.Errorf("SRP challenge: %w", err)
	}
	block, err := parseBlock(ch.SecretBlock)
	if err != nil {
		return Proof{}, fmt.Errorf("SRP challenge: %w", err)
	}
	key, err := c.key(id, salt, b)
	if err != nil {
		return Proof{}, err
	}
	timestamp := FormatTimestamp(at)
	signed := claim{pool: id.Pool, user: id.User, secretBlock: block, timestamp: timestamp}
	return Proof{Signature: signed.sign(key), SecretBlock: ch.SecretBlock, Timestamp: timestamp}, nil
}

// key derives the session key from S = (B - k*g^x)^(a + u*x) mod N.
func (c *Client) key(id Identity, salt, b *big.Int) ([]byte, error) {
	u, err := scrambler(c.public, b)
	if err != nil {
		return nil, err
	}
	p := params()
	x := id.x(salt)
	base := p.exp(p.g, x)
	base.Mul(base, p.k)
	base.Sub(b, base)
	exponent := new(big.Int).Mul(u, x)
	exponent.Add(exponent, c.secret)
	return sessionKey(p.exp(base, exponent), u)
}
