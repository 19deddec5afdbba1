package auth

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
)

// bound holds the ID token of a browser sign-in against that sign-in: nonce must be
// the one that was sent, and none where none was (OpenID Connect Core, section
// 3.1.3.7, step 11), and at_hash, which need not be there, the hash of the access
// token beside it (section 3.1.3.8). Tokens that came in another way have neither to
// compare.
func (t Tokens) bound(id jwt.Token) error {
	if !t.fromCode {
		return nil
	}
	var wrong []jwt.Check
	nonce, present := id.Claims["nonce"]
	text, _ := nonce.(string)
	switch {
	case t.nonce != "" && !present:
		wrong = append(wrong, jwt.Check{Name: jwt.CheckNonce, Code: jwt.CodeClaimMissing, Detail: "the one that was sent is not in the token, so nobody can tell which sign-in it answers"})
	case present && subtle.ConstantTimeCompare([]byte(text), []byte(t.nonce)) != 1, present && t.nonce == "":
		wrong = append(wrong, jwt.Check{Name: jwt.CheckNonce, Code: jwt.CodeNonceMismatch, Detail: "it is not the one that was sent: the token answers another sign-in"})
	}
	if hash, present := id.Claims["at_hash"]; present && hash != accessHash(id.Algorithm, t.Access) {
		wrong = append(wrong, jwt.Check{Name: "at_hash", Code: "at_hash_mismatch", Detail: "it is not that of the access token that came with it"})
	}
	if wrong == nil {
		return nil
	}
	return &jwt.VerifyError{Checks: wrong}
}

// accessHash is the left half of the access token's hash, by the hash of the ID
// token's signature.
func accessHash(algorithm, access string) string {
	var sum []byte
	switch {
	case strings.HasSuffix(algorithm, "384"):
		whole := sha512.Sum384([]byte(access))
		sum = whole[:]
	case strings.HasSuffix(algorithm, "512"):
		whole := sha512.Sum512([]byte(access))
		sum = whole[:]
	default:
		whole := sha256.Sum256([]byte(access))
		sum = whole[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
