package auth

import "time"

// Drift is a wrong local clock, as token answers showed it.
type Drift struct {
	Ahead     time.Duration `json:"ahead_ns"` // of the server's; negative when the local clock is behind
	Confirmed bool          `json:"confirmed,omitempty"`
}

const (
	// worthNoting is the largest drift that is ignored. Up to it nothing that we send is
	// refused because of its time, and nothing that we keep ends much too late.
	worthNoting = 5 * time.Minute
	// sameDrift is how far two measurements of the same drift may differ: the Date of an
	// answer is in seconds, and answers take their time.
	sameDrift = 2 * time.Minute
	// trustAhead is how long tokens are trusted that arrived while the local clock was
	// ahead, see GoodFor.
	trustAhead = shortestLifetime
)

// noted returns the drift after the answer t, nil when t shows none. A single answer may
// be wrong itself, for example because a cache on the way gave an old one; a second answer
// with a drift in the same direction confirms it. As long as the amount is about the same
// it stays that of the first answer, so that a warning about it keeps its text.
func (d *Drift) noted(t Tokens) *Drift {
	if t.ServerTime.IsZero() {
		return d
	}
	ahead := t.Received.Sub(t.ServerTime).Round(time.Second)
	switch {
	case ahead.Abs() <= worthNoting:
		return nil
	case d == nil, (d.Ahead > 0) != (ahead > 0): // the first of its direction
		return &Drift{Ahead: ahead}
	case (d.Ahead - ahead).Abs() <= sameDrift:
		ahead = d.Ahead
	}
	return &Drift{Ahead: ahead, Confirmed: true}
}
