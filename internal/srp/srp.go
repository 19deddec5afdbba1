// Package srp is the Secure Remote Password exchange that Amazon Cognito calls
// USER_SRP_AUTH and DEVICE_SRP_AUTH: the password never crosses the wire, and
// the server keeps only a verifier from which it cannot be read back.
//
// Both halves live here, so that each proves the other: [Client] signs in,
// [Server] checks a sign-in, [Verifier] is what a pool stores for a user and
// [DeviceSecret] what a remembered device keeps for itself. The package does no
// I/O; randomness and time come in as parameters.
//
// The scheme is SRP-6a (RFC 5054, section 2.6) with choices of Cognito's own:
//
//   - N is the 3072-bit group of RFC 3526, section 4, and g = 2.
//   - PAD(n) is the shortest two's complement form, as Java's
//     BigInteger.toByteArray writes it: one leading 00 when the top bit is set,
//     and not the fixed width of N that RFC 5054 asks for.
//   - x = SHA256(PAD(salt) | SHA256(pool | user | ":" | password)).
//   - The session key is HKDF-SHA256 (RFC 5869) of PAD(S), salted with PAD(u),
//     info "Caldera Derived Key", 16 bytes.
//   - The proof is an HMAC over pool, user, the server's secret block and a
//     timestamp; RFC 5054's M1 and M2 are not used, so the server never proves
//     itself to the client. TLS has to.
//
// math/big does not work in constant time. Every exponent but x is fresh for
// each handshake, which leaves an observer one measurement of it; x is raised
// only where the password itself is at hand. Secrets are compared in constant
// time.
package srp

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
)

const (
	secretBytes = 128 // the random exponents a and b
	saltBytes   = 16
	keyBytes    = 16
	keyInfo     = "Caldera Derived Key"
)

// modulus is the 3072-bit MODP prime of RFC 3526, section 4.
const modulus = `
	FFFFFFFF FFFFFFFF C90FDAA2 2168C234 C4C6628B 80DC1CD1 29024E08 8A67CC74
	020BBEA6 3B139B22 514A0879 8E3404DD EF9519B3 CD3A431B 302B0A6D F25F1437
	4FE1356D 6D51C245 E485B576 625E7EC6 F44C42E9 A637ED6B 0BFF5CB6 F406B7ED
	EE386BFB 5A899FA5 AE9F2411 7C4B1FE6 49286651 ECE45B3D C2007CB8 A163BF05
	98DA4836 1C55D39A 69163FA8 FD24CF5F 83655D23 DCA3AD96 1C62F356 208552BB
	9ED52907 7096966D 670C354E 4ABC9804 F1746C08 CA18217C 32905E46 2E36CE3B
	E39E772C 180E8603 9B2783A2 EC07A28F B5C55DF0 6F4C52C9 DE2BCBF6 95581718
	3995497C EA956AE5 15D22618 98FA0510 15728E5A 8AAAC42D AD33170D 04507A33
	A85521AB DF1CBA64 ECFB8504 58DBEF0A 8AEA7157 5D060C7D B3970F85 A6E1E4C7
	ABF5AE8C DB0933D7 1E8C94E0 4A25619D CEE3D226 1AD2EE6B F12FFA06 D98A0864
	D8760273 3EC86A64 521F2B18 177B200C BBE11757 7A615D6C 770988C0 BAD946E2
	08E24FA0 74E5AB31 43DB5BFC E0FD108E 4B82D120 A93AD2CA FFFFFFFF FFFFFFFF`

// group holds the numbers both halves start from. They are never written to.
type group struct {
	n, g, k *big.Int
}

// params is computed on first use: a run that signs nobody in pays nothing.
var params = sync.OnceValue(func() group {
	n, ok := new(big.Int).SetString(strings.Join(strings.Fields(modulus), ""), 16)
	if !ok {
		panic("srp: the modulus in the source is not hexadecimal")
	}
	g := big.NewInt(2)
	return group{n: n, g: g, k: hash(pad(n), pad(g))}
})

// exp returns base^e mod N, where base may be negative or beyond N.
func (p group) exp(base, e *big.Int) *big.Int {
	return new(big.Int).Exp(new(big.Int).Mod(base, p.n), e, p.n)
}

// Identity is whose password is proved. Formatting it shows no password.
type Identity struct {
	Pool     string // the user pool id after its first "_" (see PoolName), or a DeviceGroupKey
	User     string // USER_ID_FOR_SRP, which need not be what the person typed, or a DeviceKey
	Password string
}

// String names the identity without its password.
func (id Identity) String() string { return fmt.Sprintf("%s in %s", id.User, id.Pool) }

// GoString is String, so that %#v shows no password either.
func (id Identity) GoString() string { return id.String() }

func (id Identity) check() error {
	switch {
	case id.Pool == "":
		return fmt.Errorf("SRP for user %q: the pool name is empty", id.User)
	case id.User == "":
		return fmt.Errorf("SRP in pool %q: the user id (USER_ID_FOR_SRP) is empty", id.Pool)
	}
	return nil
}

// x is the private key that salt and password give. Nothing separates pool from
// user in what is hashed: that is Cognito's doing.
func (id Identity) x(salt *big.Int) *big.Int {
	inner := sha256.Sum256([]byte(id.Pool + id.User + ":" + id.Password))
	return hash(pad(salt), inner[:])
}

// PoolName returns the part of a user pool id that SRP hashes: "Ab12Cd34E" of
// "us-east-1_Ab12Cd34E". Everything after the first "_" counts. An id without
// both parts, or with a character that no pool id has, is an error: signing in
// with it would end as "Incorrect username or password".
func PoolName(userPoolID string) (string, error) {
	region, name, found := strings.Cut(userPoolID, "_")
	odd := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
	}
	if !found || region == "" || name == "" || strings.ContainsFunc(userPoolID, odd) {
		return "", fmt.Errorf("user pool id %q: want REGION_NAME, such as us-east-1_Ab12Cd34E", userPoolID)
	}
	return name, nil
}

// pad returns n >= 0 big-endian in the fewest bytes that leave the top bit for
// a sign: 00 for 0, 7f for 127, 00 80 for 128.
func pad(n *big.Int) []byte {
	return n.FillBytes(make([]byte, n.BitLen()/8+1))
}

// hash returns the SHA-256 of the parts, one after another, as a number.
func hash(parts ...[]byte) *big.Int {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
	}
	return new(big.Int).SetBytes(h.Sum(nil))
}

// scrambler returns u = SHA256(PAD(A) | PAD(B)).
func scrambler(a, b *big.Int) (*big.Int, error) {
	u := hash(pad(a), pad(b))
	return u, checkScrambler(u)
}

// checkScrambler refuses u = 0, which would take the password out of the
// client's exponent and the verifier out of the server's base.
func checkScrambler(u *big.Int) error {
	if u.Sign() == 0 {
		return errors.New("SRP_A and SRP_B hash to 0: start the sign-in again")
	}
	return nil
}

// sessionKey derives the 16-byte MAC key from the shared number S. The counter
// byte 01 that other implementations append to the info is HKDF-Expand's own.
func sessionKey(s, u *big.Int) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, pad(s), pad(u), keyInfo, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive the SRP session key: %w", err)
	}
	return key, nil
}

// claim is what the password claim signature signs.
type claim struct {
	pool, user  string
	secretBlock []byte
	timestamp   string
}

// sign returns PASSWORD_CLAIM_SIGNATURE: standard base64 of an HMAC-SHA256.
func (c claim) sign(key []byte) string {
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, c.pool)
	io.WriteString(mac, c.user)
	mac.Write(c.secretBlock)
	io.WriteString(mac, c.timestamp)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// drawBytes reads n random bytes, and refuses a source that gives only zeros:
// an exponent of 0 would make the shared number known to everyone.
func drawBytes(random io.Reader, n int) ([]byte, error) {
	drawn := make([]byte, n)
	if _, err := io.ReadFull(random, drawn); err != nil {
		return nil, fmt.Errorf("read %d random bytes for SRP: %w", n, err)
	}
	for _, b := range drawn {
		if b != 0 {
			return drawn, nil
		}
	}
	return nil, fmt.Errorf("read %d random bytes for SRP: all of them are zero", n)
}

// drawInt reads n random bytes as a number that is not 0.
func drawInt(random io.Reader, n int) (*big.Int, error) {
	drawn, err := drawBytes(random, n)
	if err != nil {
		return nil, err
	}
	return new(big.Int).SetBytes(drawn), nil
}
