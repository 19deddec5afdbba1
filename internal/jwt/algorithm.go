package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // SHA-384 and SHA-512 for crypto.Hash
	"errors"
	"math"
	"math/big"
	"slices"
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

// Algorithms returns the JWS algorithms (RFC 7518 section 3.1, RFC 8037 for
// EdDSA with Ed25519) that a Policy can allow. Neither "none" nor the
// symmetric HS256, HS384 and HS512 are among them: who can verify those can
// sign them, and a published key would be their secret.
func Algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// KnownAlgorithm says whether an algorithm is one of Algorithms.
func KnownAlgorithm(name string) bool { return slices.Contains(Algorithms(), name) }

// verifierFor returns how signatures of one JWS algorithm are verified: with a
// key, over the signed bytes. Errors are clauses for people. The algorithm
// comes from the token only after the policy allowed it.
func verifierFor(algorithm string) (verify func(key crypto.PublicKey, signed, signature []byte) error, known bool) {
	switch algorithm {
	case "RS256":
		return verifyRS256, true
	case "EdDSA":
		return verifyEd25519, true
	}
	if !KnownAlgorithm(algorithm) {
		return nil, false
	}
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[algorithm[2:]]
	return func(key crypto.PublicKey, signed, signature []byte) error {
		h := hash.New()
		h.Write(signed)
		digest := h.Sum(nil)
		if algorithm[:2] == "ES" {
			return verifyECDSA(key, algorithm, digest, signature)
		}
		public, err := rsaKey(key, algorithm)
		if err != nil {
			return err
		}
		if algorithm[:2] == "PS" {
			// The salt is as long as the hash: RFC 7518 section 3.5.
			err = rsa.VerifyPSS(public, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			err = rsa.VerifyPKCS1v15(public, hash, digest, signature)
		}
		if err != nil {
			return errSignature
		}
		return nil
	}, true
}

func verifyRS256(key crypto.PublicKey, signed, signature []byte) error {
	public, err := rsaKey(key, "RS256")
	if err != nil {
		return err
	}
	digest := sha256.Sum256(signed)
	if rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) != nil {
		return errSignature
	}
	return nil
}

func rsaKey(key crypto.PublicKey, algorithm string) (*rsa.PublicKey, error) {
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New(algorithm + " needs an RSA key, this one is " + keyKind(key))
	}
	return public, fitRSA(public)
}

// verifyECDSA: the signature is r and s side by side, each as long as the
// curve's order (RFC 7518 section 3.4); any other length is refused, since it
// would be a second way to write one signature.
func verifyECDSA(key crypto.PublicKey, algorithm string, digest, signature []byte) error {
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return errors.New(algorithm + " needs an elliptic-curve key, this one is " + keyKind(key))
	}
	if err := fitECDSA(public); err != nil {
		return err
	}
	curve := map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[algorithm]
	parameters := public.Curve.Params()
	if parameters.Name != curve {
		return errors.New(algorithm + " needs a key on the curve " + curve + ", this one is on " + parameters.Name)
	}
	size := (parameters.BitSize + 7) / 8
	if len(signature) != 2*size {
		return errSignature
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	if !ecdsa.Verify(public, digest, r, s) {
		return errSignature
	}
	return nil
}

func verifyEd25519(key crypto.PublicKey, signed, signature []byte) error {
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return errors.New("EdDSA needs an Ed25519 key, this one is " + keyKind(key))
	}
	if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, signed, signature) {
		return errSignature
	}
	return nil
}

// fitECDSA refuses what is no point of a curve that JWS has (RFC 7518 section
// 6.2.1.1).
func fitECDSA(key *ecdsa.PublicKey) error {
	if key == nil || key.Curve == nil {
		return errors.New("the elliptic-curve key names no curve")
	}
	switch curve := key.Curve.Params().Name; curve {
	case "P-256", "P-384", "P-521":
	default:
		return errors.New("an elliptic-curve key on " + curve + ", want P-256, P-384 or P-521")
	}
	if _, err := key.Bytes(); err != nil {
		return errors.New("the elliptic-curve key is no point on its curve")
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
