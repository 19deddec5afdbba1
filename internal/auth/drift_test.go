package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/sandbox"
)

// TestGoodFor: tokens that serve an hour from noon, judged by clocks that were set.
func TestGoodFor(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for label, row := range map[string]struct {
		wrong time.Duration // the clock when they came
		now   time.Duration // since noon, by the clock as it is now
		left  time.Duration
		good  bool
	}{
		"at once":                        {0, 0, 0, true},
		"soon":                           {0, hour / 2, time.Minute, true},
		"at the end":                     {0, hour - 30*time.Second, time.Minute, false},
		"at the end, without a margin":   {0, hour - 30*time.Second, 0, true},
		"after":                          {0, hour, 0, false},
		"put back by an hour":            {0, -hour, 0, false},
		"put back by a little":           {0, -10 * time.Second, 0, true},
		"put back, and much is asked":    {0, -2 * hour, 2*hour + hour/2, false},
		"ahead, and so still":            {3 * hour, 3*hour + time.Minute, 0, true},
		"ahead, still, and later":        {3 * hour, 3*hour + 6*time.Minute, 0, false},
		"ahead, then right":              {3 * hour, hour / 2, 0, false},
		"ahead, then right, then over":   {3 * hour, 2 * hour, 0, false},
		"ahead, right, Saved is reached": {3 * hour, 3*hour + hour/2, 0, false},
		"behind, and so still":           {-3 * hour, -3*hour + hour/2, 0, true},
		"behind, then right":             {-3 * hour, time.Minute, 0, false},
		"a little ahead":                 {4 * time.Minute, 4*time.Minute + hour/2, 0, true},
	} {
		s := auth.Session{ID: "x", Access: "y", Saved: noon.Add(row.wrong), Expires: noon.Add(row.wrong + hour)}
		if row.wrong.Abs() > 5*time.Minute {
			s.Drift = &auth.Drift{Ahead: row.wrong}
		}
		if got := s.GoodFor(noon.Add(row.now), row.left); got != row.good {
			t.Errorf("%s: good %v", label, got)
		}
	}
	if (auth.Session{Expires: noon}).GoodFor(noon.Add(-hour), 0) {
		t.Error("good without tokens")
	}
}

// TestDriftIsConfirmed: what a row of refreshes by these clocks comes to.
func TestDriftIsConfirmed(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	for label, row := range map[string]struct {
		clocks    []time.Duration
		noted     bool
		confirmed bool
		ahead     time.Duration
	}{
		"right":                {[]time.Duration{0, 0}, false, false, 0},
		"nearly right":         {[]time.Duration{4 * minute, -4 * minute}, false, false, 0},
		"once":                 {[]time.Duration{7 * minute}, true, false, 7 * minute},
		"twice":                {[]time.Duration{7 * minute, 7*minute + 20*time.Second}, true, true, 7 * minute},
		"behind, twice":        {[]time.Duration{-3 * time.Hour, -3 * time.Hour}, true, true, -3 * time.Hour},
		"both ways":            {[]time.Duration{7 * minute, -7 * minute}, true, false, -7 * minute},
		"more and more":        {[]time.Duration{7 * minute, 3 * time.Hour}, true, true, 3 * time.Hour},
		"put right":            {[]time.Duration{7 * minute, 7 * minute, 0}, false, false, 0},
		"put right, and wrong": {[]time.Duration{7 * minute, 0, 7 * minute}, true, false, 7 * minute},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			var wrong time.Duration
			w := sandboxWorld(func() time.Time { return time.Now().Add(wrong) })
			var s auth.Session
			for i := range row.clocks {
				wrong = row.clocks[i]
				var err error
				if i == 0 {
					s, err = signInAt(t.Context(), w)
				} else {
					s, err = auth.Renewer{Client: w.client, Verifier: w.verifier, Base: w.base}.Renew(t.Context(), s, true)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			switch d := s.Drift; {
			case (d != nil) != row.noted:
				t.Errorf("noted %v", d)
			case d != nil && (d.Confirmed != row.confirmed || (d.Ahead-row.ahead).Abs() > 15*time.Second):
				t.Errorf("%+v", *d)
			}
		})
	}
}

func signInAt(ctx context.Context, w world) (auth.Session, error) {
	tokens, err := auth.SRP{Client: w.client, Username: "ann", Password: sandbox.DefaultPassword, Ask: nobody}.Login(ctx)
	if err != nil {
		return auth.Session{}, err
	}
	return w.verifier.Begin(ctx, w.base, tokens)
}

// TestHowLongTokensServe: the session ends with the first of its tokens, by whatever
// says so; an opaque one says nothing itself.
func TestHowLongTokensServe(t *testing.T) {
	t.Parallel()
	token := func(life time.Duration) string {
		raw, err := signer().Sign(map[string]any{"sub": "s-1", "iat": 1_800_000_000, "exp": 1_800_000_000 + int64(life.Seconds())})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	const hour = time.Hour
	for label, row := range map[string]struct {
		id, access string
		says, want time.Duration
	}{
		"Cognito's":                     {token(hour), token(hour), hour, hour},
		"a short ID token":              {token(5 * time.Minute), token(hour), hour, 5 * time.Minute},
		"a short access token":          {token(hour), token(5 * time.Minute), 5 * time.Minute, 5 * time.Minute},
		"a short opaque access token":   {token(hour), "opaque", 5 * time.Minute, 5 * time.Minute},
		"made before they were sent":    {token(65 * time.Minute), token(65 * time.Minute), hour, hour},
		"nothing is said":               {token(hour), token(hour), 0, hour},
		"opaque, and nothing is said":   {"opaque", "opaque", 0, 5 * time.Minute},
		"opaque":                        {"opaque", "opaque", 2 * hour, 2 * hour},
		"for ever":                      {token(1000 * hour), token(1000 * hour), 1000 * hour, 24 * hour},
		"ends before it begins":         {token(-hour), token(hour), hour, hour},
		"ends before it begins, no say": {token(-hour), token(-hour), 0, 5 * time.Minute},
	} {
		received := time.Now()
		s, err := auth.Verifier{Skip: true}.Begin(t.Context(), auth.Session{Typed: "ann"}, auth.Tokens{ID: row.id, Access: row.access, ExpiresIn: row.says, Received: received})
		if err != nil {
			t.Errorf("%s: %v", label, err)
			continue
		}
		if got := s.Expires.Sub(received); got != row.want {
			t.Errorf("%s: serves %v, want %v", label, got, row.want)
		}
	}
}
