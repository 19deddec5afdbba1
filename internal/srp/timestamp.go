package srp

import (
	"fmt"
	"strings"
	"time"
)

// timestampLayout is Java's "EEE MMM d HH:mm:ss 'UTC' yyyy": English names, a
// day without leading zero, a 24-hour clock.
const timestampLayout = "Mon Jan 2 15:04:05 UTC 2006"

// maxTimestampChars is well above the 28 of the longest canonical form.
const maxTimestampChars = 64

// FormatTimestamp returns t as the TIMESTAMP of an SRP answer, such as
// "Thu Nov 5 15:04:05 UTC 2026", in UTC whatever the zone of t, in whole
// seconds.
func FormatTimestamp(t time.Time) string {
	return t.UTC().Format(timestampLayout)
}

// ParseTimestamp reads a TIMESTAMP in UTC. It forgives what keeps its meaning
// clear: a leading zero of the day or a wrong weekday. Whether a signature over
// such a text holds is another question: see Server.Verify. A zone other than
// UTC, a fraction of a second or a day that does not exist is an error.
func ParseTimestamp(s string) (time.Time, error) {
	if len(s) > maxTimestampChars {
		return time.Time{}, fmt.Errorf("SRP timestamp of %d characters, more than %d", len(s), maxTimestampChars)
	}
	t, err := time.Parse(timestampLayout, s)
	// time.Parse takes a fraction after the seconds that the layout lacks.
	if err != nil || strings.ContainsAny(s, ".,") {
		return time.Time{}, fmt.Errorf("SRP timestamp %q: want the form %q", s, timestampLayout)
	}
	return t, nil
}
