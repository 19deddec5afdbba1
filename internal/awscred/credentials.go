package awscred

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Credentials are what requests to AWS are signed with.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string    // empty for a user's lasting keys
	Expires         time.Time // by the local clock; zero for never
	AccountID       string    // 12 digits; empty when nobody said
	IdentityID      string    // of the identity pool; empty for the caller's own
	ARN             string    // of the assumed role; empty when nobody said
}

// Source gives credentials that are good now. It is what cmd hands to whoever signs.
type Source = func(context.Context) (Credentials, error)

// GoodFor tells whether the credentials are good at now, by the local clock, and for
// left more.
func (c Credentials) GoodFor(now time.Time, left time.Duration) bool {
	return c.AccessKeyID != "" && (c.Expires.IsZero() || now.Add(left).Before(c.Expires))
}

// The longest of each part. AWS says 128 characters of an access key id
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html), and of
// the others no more than that the session token may grow.
const (
	shortestKeyID = 16
	longestKeyID  = 128
	longestSecret = 512
	longestToken  = 32 << 10
)

// Check refuses credentials that hold anything but the characters that AWS makes them
// of: an access key id of 16 to 128 of A-Z 0-9, the rest of A-Z a-z 0-9 + / = _ -.
// What passes means nothing to any shell, INI file, JSON text or HTTP header. The
// error quotes no value.
func (c Credentials) Check() error {
	switch {
	case c.AccessKeyID == "" || c.SecretAccessKey == "":
		return errors.New("the access key id or the secret access key is missing")
	case len(c.AccessKeyID) < shortestKeyID || len(c.AccessKeyID) > longestKeyID || !only(c.AccessKeyID, upper+digits):
		return fmt.Errorf("the access key id is not %d to %d of A-Z 0-9", shortestKeyID, longestKeyID)
	case len(c.SecretAccessKey) > longestSecret || !only(c.SecretAccessKey, tokenLetters):
		return errors.New("the secret access key holds other characters than A-Z a-z 0-9 + / = _ -, or too many")
	case len(c.SessionToken) > longestToken || !only(c.SessionToken, tokenLetters):
		return errors.New("the session token holds other characters than A-Z a-z 0-9 + / = _ -, or too many")
	case !only(c.AccountID, digits):
		return errors.New("the account id is no number")
	}
	return nil
}

const (
	upper        = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits       = "0123456789"
	tokenLetters = upper + "abcdefghijklmnopqrstuvwxyz" + digits + "+/=_-"
)

// only reports whether text holds nothing but the given characters.
func only(text, characters string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(characters, r) })
}
