package srp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
)

// SecretHash returns SECRET_HASH, by which an app client that has a secret
// proves it in user pool API calls: standard base64 of HMAC-SHA256 with the
// client secret as key over username and client id (Amazon Cognito Developer
// Guide, "Computing secret hash values").
//
// username is the one sent as USERNAME in that same request. In the second leg
// of SRP that is the one from ChallengeParameters, not the alias typed; in
// REFRESH_TOKEN_AUTH, which sends none, it is the user's real username.
//
// It returns "" when clientSecret is empty: a client without secret sends no
// SECRET_HASH, and Cognito refuses one from it.
func SecretHash(username, clientID, clientSecret string) string {
	if clientSecret == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(clientSecret))
	io.WriteString(mac, username)
	io.WriteString(mac, clientID)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
