package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
)

// keyCache keeps derived keys. A derived key signs for one day, region and
// service; deriving it takes four times what signing with it does.
type keyCache struct {
	mu   sync.Mutex
	keys map[[sha256.Size]byte][sha256.Size]byte
}

// maxKeys bounds the cache. A process has one or two keys in use; what is
// thrown away is derived again.
const maxKeys = 32

// derive returns the signing key for date (YYYYMMDD), from the cache if it is
// there. The cache's own key is a hash, so the secret is not kept.
func (k *keyCache) derive(secret, date string, sc Scope) [sha256.Size]byte {
	var space [256]byte
	id := append(space[:0], date...)
	id = append(id, sc.Region...)
	id = append(id, '/')
	id = append(id, sc.Service...)
	id = append(id, '/')
	id = append(id, secret...)
	hash := sha256.Sum256(id)

	k.mu.Lock()
	key, found := k.keys[hash]
	k.mu.Unlock()
	if found {
		return key
	}
	key = derive(secret, date, sc)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.keys) >= maxKeys {
		clear(k.keys)
	}
	if k.keys == nil {
		k.keys = make(map[[sha256.Size]byte][sha256.Size]byte)
	}
	k.keys[hash] = key
	return key
}

func derive(secret, date string, sc Scope) [sha256.Size]byte {
	key := mac([]byte("AWS4"+secret), []byte(date))
	key = mac(key[:], []byte(sc.Region))
	key = mac(key[:], []byte(sc.Service))
	return mac(key[:], []byte(terminator))
}

func mac(key, message []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	h.Sum(sum[:0])
	return sum
}
