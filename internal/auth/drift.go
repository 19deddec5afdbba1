package auth

import "time"

// Drift is a wrong local clock, as token answers showed it.
type Drift struct {
	Ahead     time.Duration `json:"ahead_ns"` // of the server's; negative when the local clock is behind
	Confirmed bool          `json:"confirmed,omitempty"`
}

const (
	// worthNoting is the drift from which on it is noted. Below it nothing that we
	// send is refused, and nothing that we keep ends much too late.
	worthNoting = 5 * time.Minute
	// sameDrift is how far two measurements of one drift may differ: the Date of an
	// answer is in seconds, and answers take their time.
	sameDrift = 2 * time.Minute
	// trustAhead is how long tokens count as good that came by a clock that was
	// ahead, see GoodFor.
	trustAhead = shortestLifetime
)

// noted adds what the answer t shows. One answer may be wrong itself, out of a cache
// on the way for example: a second that shows the same confirms it. The amount stays
// that of the first, so that what is said about it stays the same.
func (d *Drift) noted(t Tokens) *Drift {
	if t.ServerTime.IsZero() {
		return d
	}
	ahead := t.Received.Sub(t.ServerTime).Round(time.Second)
	switch {
	case ahead.Abs() <= worthNoting:
		return nil
	case d == nil, (d.Ahead > 0) != (ahead > 0):
		return &Drift{Ahead: ahead}
	case (d.Ahead - ahead).Abs() <= sameDrift:
		ahead = d.Ahead
	}
	return &Drift{Ahead: ahead, Confirmed: true}
}
