package identity

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// session is what is asked of a role.
type session struct {
	name  string
	lasts time.Duration
	tags  map[string]string

	identityID, poolID string
	amr                []string
}

// assume makes credentials of a role and keeps them.
func (h *Handler) assume(role store.Role, s session) (store.Key, error) {
	account, name, err := roleName(role.ARN)
	if err != nil {
		return store.Key{}, fmt.Errorf("assume %s: %w", role.ARN, err)
	}
	key, err := NewKey(h.Random, "ASIA")
	if err != nil {
		return store.Key{}, err
	}
	token := make([]byte, 510)
	if _, err := io.ReadFull(h.Random, token); err != nil {
		return store.Key{}, fmt.Errorf("read a session token: %w", err)
	}
	now := h.Now()
	// AWS's tokens begin alike too.
	key.SessionToken = "IQoJb3JpZ2luX2Vj" + base64.StdEncoding.EncodeToString(token)
	key.Expires = now.Add(s.lasts).Truncate(time.Second)
	key.Role, key.ARN = role.ARN, "arn:aws:sts::"+account+":assumed-role/"+name+"/"+s.name
	key.UserID = UniqueID("AROA", role.ARN) + ":" + s.name
	key.IdentityID, key.IdentityPoolID, key.AMR, key.Tags = s.identityID, s.poolID, s.amr, s.tags
	h.Store.PutKey(key, now)
	return key, nil
}

// NewKey makes a random access key: AKIA begins those of users, ASIA those of
// sessions. Who it belongs to is for the caller to say.
func NewKey(random io.Reader, prefix string) (store.Key, error) {
	b := make([]byte, 10+30)
	if _, err := io.ReadFull(random, b); err != nil {
		return store.Key{}, fmt.Errorf("read an access key: %w", err)
	}
	return store.Key{
		AccessKeyID:     prefix + base32.StdEncoding.EncodeToString(b[:10]),
		SecretAccessKey: base64.StdEncoding.EncodeToString(b[10:]),
	}, nil
}

// UniqueID is the stable id of an IAM resource: AROA… of a role, AIDA… of a
// user.
func UniqueID(prefix, arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}
