package jwt

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math"
	"strconv"
)

// Bounds for RSA keys: 2048 bits at least (RFC 7518 section 3.3), and no more
// than TLS takes, because one verification with a giant key takes seconds.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// errSignature is the one answer to every signature that does not fit.
var errSignature = errors.New("the signature does not fit: the token was changed, or another key signed it")

// verifierFor returns how signatures of one JWS algorithm (RFC 7518 section 3.1)
// are verified: with a key, over the signed bytes. Errors are clauses for
// people. The algorithm comes from the token only after the policy allowed it.
func verifierFor(algorithm string) (func(key crypto.PublicKey, signed, signature []byte) error, bool) {
	switch algorithm {
	case "RS256":
		return verifyRS256, true
	}
	return nil, false
}

func verifyRS256(key crypto.PublicKey, signed, signature []byte) error {
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return errors.New("RS256 needs an RSA key, this one is " + keyKind(key))
	}
	if err := fitRSA(public); err != nil {
		return err
	}
	digest := sha256.Sum256(signed)
	if rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) != nil {
		return errSignature
	}
	return nil
}

// fitRSA refuses keys with which a signature proves nothing: a short modulus,
// or an exponent under which anybody can sign (1) or that is no RSA key at all.
func fitRSA(key *rsa.PublicKey) error {
	if key == nil || key.N == nil {
		return errors.New("the RSA key has no modulus")
	}
	switch bits := key.N.BitLen(); {
	case bits < minRSABits:
		return errors.New("RSA of " + strconv.Itoa(bits) + " bits, want at least " + strconv.Itoa(minRSABits))
	case bits > maxRSABits:
		return errors.New("RSA of " + strconv.Itoa(bits) + " bits, want at most " + strconv.Itoa(maxRSABits))
	case key.N.Bit(0) == 0:
		return errors.New("RSA with an even modulus")
	case key.E < 3 || key.E%2 == 0:
		return errors.New("RSA with the public exponent " + strconv.Itoa(key.E) + ", want an odd one from 3")
	case int64(key.E) > math.MaxInt32: // the bound of crypto/rsa
		return errors.New("RSA with a public exponent over 31 bits")
	}
	return nil
}
