package srp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
)

// Bounds on what a peer may send. They are checked before any arithmetic: a
// modular exponentiation of an unbounded number is a gift to whoever sends it.
const (
	maxPublicDigits = 2 + 768   // a number of the group in hex, with the 00 of PAD
	maxSaltDigits   = 2 + 2*64  // four times the 16 bytes in use, with the 00 of PAD
	maxBlockChars   = 64 * 1024 // a SECRET_BLOCK in base64; 1 to 2 KB in the wild
)

// ErrPublicValue is what every error about a public number A or B wraps: not
// hexadecimal, too long, 0, or not below N.
var ErrPublicValue = errors.New("not a public value of the 3072-bit SRP group")

// parsePublic reads A or B. SRP requires refusing multiples of N, with which a
// peer fixes the shared number without knowing the password (RFC 5054, sections
// 2.5.3 and 2.5.4). Anything at or beyond N is refused: an honest peer has
// reduced its number.
func parsePublic(name, digits string) (*big.Int, error) {
	n, err := parseHex(name, digits, maxPublicDigits)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPublicValue, err)
	}
	if err := checkResidue(n); err != nil {
		return nil, fmt.Errorf("%w: %s %w", ErrPublicValue, name, err)
	}
	return n, nil
}

// checkResidue wants 0 < n < N.
func checkResidue(n *big.Int) error {
	switch {
	case n.Sign() <= 0:
		return errors.New("is 0")
	case n.Cmp(params().n) >= 0:
		return errors.New("is not below N")
	}
	return nil
}

// parseHex reads up to limit hex digits, odd counts included, of either case.
// big.Int.SetString alone would also take a sign and any length.
func parseHex(name, digits string, limit int) (*big.Int, error) {
	if digits == "" {
		return nil, fmt.Errorf("%s is empty", name)
	}
	if len(digits) > limit {
		return nil, fmt.Errorf("%s has %d hex digits, more than %d", name, len(digits), limit)
	}
	for i := range len(digits) {
		if !isHex(digits[i]) {
			return nil, fmt.Errorf("%s has %q at position %d, where a hex digit belongs", name, digits[i:i+1], i+1)
		}
	}
	n, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		return nil, fmt.Errorf("%s is not hexadecimal", name)
	}
	return n, nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// parseBlock decodes SECRET_BLOCK, which is opaque to the client.
func parseBlock(block string) ([]byte, error) {
	if block == "" {
		return nil, errors.New("SECRET_BLOCK is empty")
	}
	if len(block) > maxBlockChars {
		return nil, fmt.Errorf("SECRET_BLOCK has %d characters, more than %d", len(block), maxBlockChars)
	}
	decoded, err := base64.StdEncoding.DecodeString(block)
	if err != nil {
		return nil, fmt.Errorf("SECRET_BLOCK is not base64: %w", err)
	}
	return decoded, nil
}
