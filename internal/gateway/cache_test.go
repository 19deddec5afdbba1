package gateway

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestKeptAnswers: an answer is kept for its identity and for as long as asked,
// and its policy is applied to methods that it was not made for.
func TestKeptAnswers(t *testing.T) {
	t.Parallel()
	at, calls := now, 0
	l := &LambdaAuthorizer{
		TTL: DefaultTTL, Deployment: deployment, Now: func() time.Time { return at },
		Invoke: func(context.Context, []byte) ([]byte, error) {
			calls++
			return []byte(policyAnswer("Allow", "GET/a", "")), nil
		},
	}
	do := func(method, path, token string) Decision {
		d := l.Decide(t.Context(), request(method, path, "Authorization", token))
		verifyDecision(t, d)
		return d
	}
	first := do("GET", "/a", "ann")
	if !first.Allow || first.Cached || calls != 1 {
		t.Fatalf("%+v", first)
	}
	if c := first.Checks[len(first.Checks)-1]; c.Name != "cache" || !c.OK || !strings.Contains(c.Detail, "used for all of them") {
		t.Errorf("nothing warns of the trap: %+v", c)
	}
	if second := do("GET", "/a", "ann"); !second.Allow || !second.Cached || calls != 1 {
		t.Errorf("%d calls, %+v", calls, second)
	}
	trapped := do("POST", "/b", "ann")
	detail := trapped.Checks[len(trapped.Checks)-1].Detail
	if string(trapped.Body) != nothingBody || !trapped.Cached || calls != 1 ||
		!strings.Contains(detail, "the cached policy of GET /a does not cover POST /b") {
		t.Errorf("%d calls, %s, %s", calls, trapped.Body, detail)
	}
	if other := do("POST", "/b", "bob"); other.Cached || calls != 2 || strings.Contains(other.Checks[len(other.Checks)-1].Detail, "cached") {
		t.Errorf("%d calls, %+v", calls, other)
	}
	at = at.Add(DefaultTTL - 1)
	if do("GET", "/a", "ann"); calls != 2 {
		t.Errorf("called again before the time")
	}
	at = at.Add(1)
	if again := do("GET", "/a", "ann"); again.Cached || calls != 3 {
		t.Errorf("%d calls, %+v", calls, again)
	}
}

// TestNotKept: errors are never kept, and nothing is where TTL is 0.
func TestNotKept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ttl    time.Duration
		invoke Function
		calls  int32
	}{
		{0, answering(policyAnswer("Allow", "*", "")), 3},
		{time.Minute, answering(policyAnswer("Allow", "*", "")), 1},
		{time.Minute, answering(policyAnswer("Deny", "*", "")), 1},
		{time.Minute, failing(raised("Unauthorized")), 3},
		{time.Minute, answering(`{}`), 3},
	} {
		var calls atomic.Int32
		l := &LambdaAuthorizer{TTL: tt.ttl, Deployment: deployment, Now: clockAt, Invoke: func(ctx context.Context, event []byte) ([]byte, error) {
			calls.Add(1)
			return tt.invoke(ctx, event)
		}}
		for range 3 {
			l.Decide(t.Context(), request("GET", "/a", "Authorization", "t"))
		}
		if calls.Load() != tt.calls {
			t.Errorf("TTL %v: %d calls, want %d", tt.ttl, calls.Load(), tt.calls)
		}
	}
}

// TestKeptByIdentity: no two identities share an answer.
func TestKeptByIdentity(t *testing.T) {
	t.Parallel()
	l := &LambdaAuthorizer{
		Type: TypeRequest, TTL: time.Minute, Deployment: deployment, Now: clockAt,
		IdentitySources: []string{"method.request.header.A", "method.request.header.B"},
	}
	l.Invoke = answering(policyAnswer("Allow", "*", ""))
	for _, pair := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"bc", "a"}, {"a,b", "c"}} {
		if d := l.Decide(t.Context(), request("GET", "/a", "A", pair[0], "B", pair[1])); d.Cached || !d.Allow {
			t.Errorf("%q: %+v", pair, d)
		}
	}
	if d := l.Decide(t.Context(), request("GET", "/a", "A", "a", "B", "bc")); !d.Cached {
		t.Error("the positive control is not kept")
	}
}

// TestKeptTogether: many callers at once, more of them than are kept.
func TestKeptTogether(t *testing.T) {
	t.Parallel()
	l := &LambdaAuthorizer{TTL: time.Minute, Deployment: deployment, Now: clockAt}
	l.Invoke = func(_ context.Context, event []byte) ([]byte, error) {
		_, token, _ := strings.Cut(string(event), `"authorizationToken":"`)
		return []byte(strings.Replace(policyAnswer("Allow", "*", ""), "ann", strings.TrimSuffix(token, `"}`), 1)), nil
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range maxKept {
				token := fmt.Sprint("caller-", (i*7+worker)%(maxKept+50))
				d := l.Decide(t.Context(), request("GET", "/a", "Authorization", token))
				if d.Principal != token || !d.Allow {
					t.Errorf("%s got the answer of %s", token, d.Principal)
				}
			}
		})
	}
	wg.Wait()
	if n := l.kept.order.Len(); n > maxKept || n != len(l.kept.byKey) {
		t.Errorf("%d answers kept in order, %d by key", n, len(l.kept.byKey))
	}
}

// TestKeptOnce: an answer that comes twice, as when two callers asked at once,
// takes one place.
func TestKeptOnce(t *testing.T) {
	t.Parallel()
	var a answers
	for _, principal := range []string{"first", "second"} {
		a.put(keyOf([]string{"x"}), lambdaAnswer{principal: principal}, now, time.Minute)
	}
	answer, ok := a.get(keyOf([]string{"x"}), now)
	if !ok || answer.principal != "second" || a.order.Len() != 1 {
		t.Errorf("%v %q, %d in order", ok, answer.principal, a.order.Len())
	}
}
