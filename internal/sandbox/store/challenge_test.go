package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/srp"
)

func TestSessionsAreUsedOnce(t *testing.T) {
	t.Parallel()
	s := New()
	put := func(id string) {
		s.PutSession(id, Session{Challenge: "C", ClientID: "web", Username: "ann"}, start, start.Add(3*time.Minute))
	}
	put("a")
	for _, try := range []struct {
		challenge, client string
	}{{"C", "other"}, {"D", "web"}} {
		if _, err := s.TakeSession("a", try.challenge, try.client, start); !errors.Is(err, ErrUnknown) {
			t.Errorf("session taken as %v: %v", try, err)
		}
	}
	if got, err := s.Session("a", "C", "web", start.Add(3*time.Minute)); err != nil || got.Username != "ann" {
		t.Errorf("look at the last moment: %+v, %v", got, err)
	}
	if _, err := s.TakeSession("a", "C", "web", start.Add(3*time.Minute+1)); !errors.Is(err, ErrExpired) {
		t.Errorf("after expiry: %v", err)
	}
	if _, err := s.TakeSession("a", "C", "web", start.Add(3*time.Minute+remembered+1)); !errors.Is(err, ErrUnknown) {
		t.Errorf("long after expiry: %v", err)
	}
	var wins, losses int
	var mu sync.Mutex
	var work sync.WaitGroup
	for range 20 {
		work.Go(func() {
			_, err := s.TakeSession("a", "C", "web", start)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins++
			} else if errors.Is(err, ErrUsed) {
				losses++
			}
		})
	}
	work.Wait()
	if wins != 1 || losses != 19 {
		t.Errorf("%d took it, %d were told it was used; want 1 and 19", wins, losses)
	}
}

func TestHandshakes(t *testing.T) {
	t.Parallel()
	s := New()
	s.PutHandshake([]byte("a"), Handshake{Username: "ann"}, start, start.Add(time.Minute))
	s.PutHandshake([]byte("b"), Handshake{Username: "bob"}, start, start.Add(time.Minute))
	if h, err := s.TakeHandshake([]byte("a"), start); err != nil || h.Username != "ann" {
		t.Errorf("first: %+v, %v", h, err)
	}
	if _, err := s.TakeHandshake([]byte("a"), start); err == nil {
		t.Error("taken twice")
	}
	if _, err := s.TakeHandshake([]byte("b"), start.Add(time.Minute+1)); err == nil {
		t.Error("taken after expiry")
	}
	later := start.Add(time.Hour)
	for i := range 600 {
		s.PutHandshake(fmt.Appendf(nil, "k%d", i), Handshake{}, start, start.Add(time.Minute))
	}
	for i := range 256 {
		s.PutHandshake(fmt.Appendf(nil, "l%d", i), Handshake{}, later, later.Add(time.Minute))
	}
	if n := len(s.handshakes.entries); n > 400 {
		t.Errorf("%d handshakes are kept, most of them long expired", n)
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	grace := 10 * time.Second
	s := New()
	s.AddGrant(Grant{EventID: "o", Username: "ann", Expires: start.Add(time.Hour)}, "first", start)
	want := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	_, err := s.Grant("none", 0, start)
	want("unknown", err, ErrUnknown)
	_, err = s.Grant("first", 0, start.Add(time.Hour))
	want("last moment", err, nil)
	g, err := s.Grant("first", 0, start.Add(time.Hour+1))
	want("expired", err, ErrExpired)
	if g.Username != "ann" {
		t.Error("an expired grant does not say whose it was")
	}

	_, err = s.Rotate("first", "second", grace, start)
	want("rotate", err, nil)
	_, err = s.Grant("first", grace, start.Add(grace))
	want("old token in its grace period", err, nil)
	_, err = s.Rotate("first", "third", grace, start.Add(grace))
	want("retry in the grace period", err, nil)
	_, err = s.Grant("first", grace, start.Add(grace+1))
	want("old token after its grace period, which a retry does not extend", err, ErrReused)
	_, err = s.Rotate("second", "fourth", 0, start)
	want("rotate the successor", err, nil)
	_, err = s.Rotate("second", "fifth", 0, start)
	want("again in the same instant without grace", err, ErrReused)
	_, err = s.Grant("fifth", 0, start)
	want("replacement of a refused rotation", err, ErrUnknown)
	g, _ = s.Grant("fourth", 0, start)
	if !g.Expires.Equal(start.Add(time.Hour)) {
		t.Errorf("a rotated token lives until %v, want what was left of the first", g.Expires)
	}

	if s.Revoked("o") || s.Revoked("") {
		t.Error("revoked before")
	}
	s.Revoke("third")
	s.Revoke("none")
	_, err = s.Grant("fourth", 0, start)
	want("a token of the same sign-in", err, ErrRevoked)
	if !s.Revoked("o") {
		t.Error("the sign-in does not count as revoked")
	}
	if strings.Contains(fmt.Sprintf("%+v", s.refresh), "fourth") {
		t.Error("a refresh token is kept as it is")
	}
}

func TestLockout(t *testing.T) {
	t.Parallel()
	s := New()
	now := start
	fail := func(n int) {
		for range n {
			s.Failed(poolID, "ann", now)
		}
	}
	fail(4)
	if s.Locked(poolID, "ann", now) {
		t.Error("locked after four")
	}
	// The fifth locks for a second, each one after a lock twice as long.
	for i, lock := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
		fail(1)
		end := now.Add(lock * time.Second)
		if !s.Locked(poolID, "ANN", end.Add(-1)) {
			t.Errorf("failure %d: free before %d s", i+5, lock)
		}
		if s.Locked(poolID, "ann", end) {
			t.Errorf("failure %d: locked at %d s", i+5, lock)
		}
		now = end
	}
	if s.Locked(poolID, "bob", start) || s.Locked("us-east-1_Other", "ann", start) {
		t.Error("somebody else is locked")
	}
	s.Succeeded(poolID, "Ann")
	fail(4)
	if s.Locked(poolID, "ann", now) {
		t.Error("a good sign-in does not reset")
	}
	now = now.Add(idleReset + 1)
	fail(4)
	if s.Locked(poolID, "ann", now) {
		t.Error("15 idle minutes do not reset")
	}
	for i := range 3000 {
		s.Failed(poolID, fmt.Sprint("guess", i), now.Add(time.Duration(i)*time.Second))
	}
	if n := len(s.attempts); n > 1100 {
		t.Errorf("%d counters are kept", n)
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	s := New()
	code := Code{PoolID: poolID, Username: "ann", Kind: "SignUp", Value: "123456", Expires: start.Add(time.Hour)}
	typed := func(v string) Code { c := code; c.Username, c.Value = "ANN", v; return c }
	if err := s.CheckCode(typed("123456"), start); !errors.Is(err, ErrExpired) {
		t.Errorf("none sent: %v", err)
	}
	s.PutCode(code)
	if err := s.CheckCode(typed("000000"), start); !errors.Is(err, ErrMismatch) {
		t.Errorf("wrong: %v", err)
	}
	if err := s.CheckCode(typed("123456"), start.Add(time.Hour+1)); !errors.Is(err, ErrExpired) {
		t.Errorf("late: %v", err)
	}
	for range 2 {
		if err := s.CheckCode(typed("123456"), start.Add(time.Hour)); err != nil {
			t.Errorf("right: %v", err)
		}
	}
	for range tries {
		s.CheckCode(typed("000000"), start)
	}
	s.PutCode(code)
	for at, want := range map[time.Duration]error{0: ErrTooManyTries, time.Hour - 1: ErrTooManyTries, time.Hour: nil} {
		if err := s.CheckCode(typed("123456"), start.Add(at)); !errors.Is(err, want) {
			t.Errorf("%v after too many, with a new code: %v", at, err)
		}
	}
	other := typed("123456")
	other.Kind = "ForgotPassword"
	s.PutCode(other)
	if err := s.CheckCode(other, start); err != nil {
		t.Errorf("a code of another kind: %v", err)
	}
	if s.DropCode(typed("000000")) || s.CheckCode(typed("123456"), start.Add(time.Hour)) != nil {
		t.Error("another code has taken its place and is dropped")
	}
	if !s.DropCode(typed("123456")) || s.DropCode(typed("123456")) {
		t.Error("a code is dropped once")
	}
	if err := s.CheckCode(typed("123456"), start); !errors.Is(err, ErrExpired) {
		t.Errorf("after it served: %v", err)
	}

	for i := range mailboxSize + 5 {
		s.Post(Message{Code: fmt.Sprint(i)})
	}
	if m := s.Messages(); len(m) != mailboxSize || m[0].Code != "5" || m[len(m)-1].Code != fmt.Sprint(mailboxSize+4) {
		t.Errorf("mailbox of %d, from %s to %s", len(m), m[0].Code, m[len(m)-1].Code)
	}
}

// TestCheckPassword covers salts that are shorter and longer than 16 bytes once
// they are in the form that the verifier keeps.
func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for _, first := range []byte{0x00, 0x01, 0x7f, 0x80, 0xff} {
		salt := strings.NewReader(string([]byte{first}) + "fifteen bytes..")
		v, err := NewVerifier(salt, poolID, "ann", "Passw0rd!")
		if err != nil {
			t.Fatal(err)
		}
		if !CheckPassword(v, poolID, "ann", "Passw0rd!") {
			t.Errorf("salt %x…: the right password is refused", first)
		}
		if CheckPassword(v, poolID, "ann", "passw0rd!") || CheckPassword(v, poolID, "bob", "Passw0rd!") {
			t.Errorf("salt %x…: another password or user is accepted", first)
		}
	}
	if CheckPassword(srp.Verifier{}, poolID, "ann", "") || CheckPassword(srp.Verifier{Salt: make([]byte, 40)}, poolID, "ann", "x") {
		t.Error("no verifier, but a password fits")
	}
	if _, err := NewVerifier(rand.Reader, "nopool", "ann", "x"); err == nil {
		t.Error("a pool id without a name was accepted")
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	id, err := NewID(rand.Reader)
	if err != nil || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("NewID = %q, %v", id, err)
	}
	if _, err := NewID(strings.NewReader("short")); err == nil {
		t.Error("no error from a source that ends")
	}
}
