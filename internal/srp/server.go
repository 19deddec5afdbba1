package srp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"time"
)

// Verifier is what a server stores instead of a password. Both numbers are
// big-endian in PAD form. Whoever has it can try passwords offline: it is to be
// kept like a password hash. The user id is part of it, so a user cannot be
// renamed without the password.
type Verifier struct {
	Salt []byte `json:"salt"`
	V    []byte `json:"verifier"` // g^x mod N
}

// NewVerifier makes the verifier of id with a new 16-byte salt.
func NewVerifier(random io.Reader, id Identity) (Verifier, error) {
	if err := id.check(); err != nil {
		return Verifier{}, err
	}
	salt, err := drawInt(random, saltBytes)
	if err != nil {
		return Verifier{}, err
	}
	p := params()
	return Verifier{Salt: pad(salt), V: pad(p.exp(p.g, id.x(salt)))}, nil
}

// FakeVerifier returns a verifier that no password fits, for a user who does
// not exist: the same one whenever seed and user are the same, so that asking
// twice gives nothing away (Cognito's PreventUserExistenceErrors). seed must be
// secret and should be at least 16 random bytes.
func FakeVerifier(seed []byte, user string) Verifier {
	p := params()
	salt := new(big.Int).SetBytes(stretch(seed, "salt", user)[:saltBytes])
	// A square is what g^x is too (g = 2 is a square modulo this N), so the
	// number cannot be told from a real one. 32 bytes more than N has keep the
	// reduction from favouring small numbers.
	root := new(big.Int).SetBytes(stretch(seed, "verifier", user))
	return Verifier{Salt: pad(salt), V: pad(p.exp(root, big.NewInt(2)))}
}

// stretch returns 416 bytes that only the holder of seed can compute.
func stretch(seed []byte, label, user string) []byte {
	const blocks = 13
	out := make([]byte, 0, blocks*sha256.Size)
	for i := range uint32(blocks) {
		mac := hmac.New(sha256.New, seed)
		mac.Write(binary.BigEndian.AppendUint32(nil, i))
		io.WriteString(mac, label)
		mac.Write([]byte{0})
		io.WriteString(mac, user)
		out = mac.Sum(out)
	}
	return out
}

// numbers reads a stored verifier back, with the bounds of what a peer sends.
func (v Verifier) numbers() (salt, verifier *big.Int, err error) {
	if len(v.Salt) == 0 || len(v.Salt) > maxSaltDigits/2 {
		return nil, nil, fmt.Errorf("SRP verifier: a salt of %d bytes, want 1 to %d", len(v.Salt), maxSaltDigits/2)
	}
	if len(v.V) > maxPublicDigits/2 {
		return nil, nil, fmt.Errorf("SRP verifier: %d bytes, more than %d", len(v.V), maxPublicDigits/2)
	}
	verifier = new(big.Int).SetBytes(v.V)
	if err := checkResidue(verifier); err != nil {
		return nil, nil, fmt.Errorf("SRP verifier: it %w", err)
	}
	return new(big.Int).SetBytes(v.Salt), verifier, nil
}

// Server is the side that knows the verifier, for one handshake: one SRP_A and
// one answer to it. Whoever keeps it must drop it after the first Verify, else
// one challenge serves many guesses. It is safe for concurrent use.
type Server struct {
	salt, verifier *big.Int
	secret         *big.Int // b
	a, b, u        *big.Int // A, B and the scrambler
}

// NewServer begins a handshake with the client's SRP_A, drawing 128 bytes from
// random. An error that wraps ErrPublicValue is the client's fault: SRP_A is not
// hexadecimal, too long, 0 modulo N or beyond N. Others are a failing random
// source or a damaged verifier.
func NewServer(random io.Reader, v Verifier, clientA string) (*Server, error) {
	a, err := parsePublic("SRP_A", clientA)
	if err != nil {
		return nil, err
	}
	salt, verifier, err := v.numbers()
	if err != nil {
		return nil, err
	}
	secret, err := drawInt(random, secretBytes)
	if err != nil {
		return nil, err
	}
	s := &Server{salt: salt, verifier: verifier, secret: secret, a: a}
	if err := s.publish(); err != nil {
		return nil, err
	}
	return s, nil
}

// publish computes B = k*v + g^b mod N, and u.
func (s *Server) publish() error {
	p := params()
	b := new(big.Int).Mul(p.k, s.verifier)
	b.Add(b, p.exp(p.g, s.secret))
	b.Mod(b, p.n)
	if err := checkResidue(b); err != nil {
		return fmt.Errorf("SRP_B %w: start the sign-in again", err)
	}
	u, err := scrambler(s.a, b)
	if err != nil {
		return err
	}
	s.b, s.u = b, u
	return nil
}

// B returns SRP_B: lowercase hex without leading zeros.
func (s *Server) B() string { return s.b.Text(16) }

// Salt returns SALT: lowercase hex without leading zeros.
func (s *Server) Salt() string { return s.salt.Text(16) }

// Verify says whether signature proves the password for user in pool, over the
// decoded secret block and the time that TIMESTAMP stands for.
//
// The signature is taken over FormatTimestamp(timestamp), not over the text the
// client sent: measured on Cognito, an answer whose day is written "05" or whose
// weekday is wrong is refused as a wrong password, so it signs its own rendering.
// How far timestamp may be from the server's clock is for the caller to check.
func (s *Server) Verify(pool, user string, secretBlock []byte, timestamp time.Time, signature string) bool {
	key, err := s.key()
	if err != nil {
		return false
	}
	signed := claim{pool: pool, user: user, secretBlock: secretBlock, timestamp: FormatTimestamp(timestamp)}
	return subtle.ConstantTimeCompare([]byte(signed.sign(key)), []byte(signature)) == 1
}

// key derives the session key from S = (A * v^u)^b mod N.
func (s *Server) key() ([]byte, error) {
	p := params()
	base := p.exp(s.verifier, s.u)
	base.Mul(base, s.a)
	return sessionKey(p.exp(base, s.secret), s.u)
}
