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

// TestLastEndBeyondExpires: the session may end before its tokens do, by what the
// answer said of the access token; what was handed out works on all the same.
func TestLastEndBeyondExpires(t *testing.T) {
	t.Parallel()
	server := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	token := func(made, life time.Duration) string {
		raw, err := signer().Sign(map[string]any{"iat": server.Add(made).Unix(), "exp": server.Add(made + life).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	hour, old := token(0, time.Hour), token(-50*time.Minute, time.Hour)
	for label, c := range map[string]struct {
		id, access string
		ahead      time.Duration // the local clock
		told       bool          // by the answer's Date
		expiresIn  time.Duration
		want       time.Duration // after the tokens came
	}{
		"as long as it says":               {hour, hour, 0, true, time.Hour, time.Hour},
		"said to be shorter":               {hour, hour, 0, true, 5 * time.Minute, time.Hour},
		"an opaque one is shorter":         {hour, "opaque", 0, true, 5 * time.Minute, time.Hour},
		"made before":                      {"", old, 0, true, 10 * time.Minute, 10 * time.Minute},
		"the clock is ahead":               {hour, hour, 3 * time.Hour, true, 5 * time.Minute, time.Hour},
		"the clock is behind":              {hour, hour, -3 * time.Hour, true, 5 * time.Minute, time.Hour},
		"made before, the clock is ahead":  {"", old, 3 * time.Hour, true, 10 * time.Minute, 10 * time.Minute},
		"made before, the clock is behind": {"", old, -3 * time.Hour, true, 10 * time.Minute, 10 * time.Minute},
		"ahead, and nobody tells":          {hour, hour, 3 * time.Hour, false, time.Hour, time.Hour},
		"behind, and nobody tells":         {hour, hour, -3 * time.Hour, false, 5 * time.Minute, time.Hour},
		"a little ahead":                   {hour, hour, 4 * time.Minute, true, time.Hour, time.Hour},
		"a little behind":                  {hour, hour, -4 * time.Minute, true, time.Hour, time.Hour},
	} {
		s := auth.Session{ID: c.id, Access: c.access, Saved: server.Add(c.ahead)}
		s.Expires = s.Saved.Add(c.expiresIn)
		if c.told && c.ahead.Abs() > 5*time.Minute {
			s.Drift = &auth.Drift{Ahead: c.ahead}
		}
		if got := s.LastEnd().Sub(s.Saved); got != c.want {
			t.Errorf("%s: %v after they came, want %v", label, got, c.want)
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
