package auth_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

// TestLastEnd: the later of the two ends, on the local clock's scale, whatever the
// tokens' own clock says.
func TestLastEnd(t *testing.T) {
	t.Parallel()
	server := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	first := server.Add(3*time.Hour + 5*time.Minute) // the local clock is 3 h ahead
	token := func(life time.Duration) string {
		raw, err := signer().Sign(map[string]any{"iat": server.Unix(), "exp": server.Add(life).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	endless, err := signer().Sign(map[string]any{"iat": server.Unix()})
	if err != nil {
		t.Fatal(err)
	}
	short, long := token(5*time.Minute), token(time.Hour)
	for i, c := range []struct {
		id, access string
		want       time.Duration // after the first end
	}{
		{short, long, 55 * time.Minute}, {long, short, 55 * time.Minute},
		{short, short, 0}, {"", short, 0}, {short, "opaque", 0}, {"", "opaque", 0}, {short, endless, 0}, {"", "", 0},
	} {
		s := auth.Session{ID: c.id, Access: c.access, Expires: first}
		if got := s.LastEnd().Sub(first); got != c.want {
			t.Errorf("%d: %v after the first end, want %v", i, got, c.want)
		}
	}
}

// TestUnheard: what is known to have had no effect is not in doubt.
func TestUnheard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&auth.ServiceError{Code: "TooManyRequestsException", Status: 400}, false},
		{&auth.ServiceError{Code: "InternalErrorException", Status: 500}, true},
		{&auth.NoAnswerError{Op: "x", Err: fmt.Errorf("EOF")}, true},
		{&auth.RefusedError{Code: "NotAuthorizedException"}, false},
	} {
		if got := auth.Unheard(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
