package gateway

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// maxKept is how many answers an authorizer keeps; the oldest goes first.
const maxKept = 1024

// answers are the answers of an authorizer by identity. The zero value is
// empty. It is safe for concurrent use.
type answers struct {
	mu    sync.Mutex
	byKey map[answerKey]*list.Element
	order list.List // of *kept, the oldest in front
}

// answerKey stands for the values of identity sources without keeping tokens.
type answerKey [sha256.Size]byte

type kept struct {
	key     answerKey
	answer  lambdaAnswer
	expires time.Time
}

// keyOf writes the length before each value: "a", "bc" is another identity than
// "ab", "c".
func keyOf(values []string) answerKey {
	var b []byte
	for _, v := range values {
		b = binary.AppendUvarint(b, uint64(len(v)))
		b = append(b, v...)
	}
	return sha256.Sum256(b)
}

func (a *answers) get(key answerKey, now time.Time) (lambdaAnswer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, ok := a.byKey[key]
	if !ok {
		return lambdaAnswer{}, false
	}
	k := e.Value.(*kept)
	if !now.Before(k.expires) {
		a.drop(e)
		return lambdaAnswer{}, false
	}
	return k.answer, true
}

func (a *answers) put(key answerKey, answer lambdaAnswer, now time.Time, ttl time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byKey == nil {
		a.byKey = make(map[answerKey]*list.Element)
	}
	if e, ok := a.byKey[key]; ok {
		a.drop(e)
	}
	for a.order.Len() >= maxKept {
		a.drop(a.order.Front())
	}
	a.byKey[key] = a.order.PushBack(&kept{key, answer, now.Add(ttl)})
}

func (a *answers) drop(e *list.Element) {
	a.order.Remove(e)
	delete(a.byKey, e.Value.(*kept).key)
}
