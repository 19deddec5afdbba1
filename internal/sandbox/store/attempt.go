package store

import (
	"slices"
	"time"
)

// The lockout as the developer guide tells it ("Authentication with user pools:
// lockout behavior for failed sign-in attempts"): five wrong passwords in a row
// lock for one second, each further one doubles it, up to about 15 minutes;
// attempts during a lockout are not counted; a good one, or 15 minutes without
// any, resets. The numbers are not measured: UNCONFIRMED.
const (
	freeAttempts = 5
	longestLock  = 15 * time.Minute
	idleReset    = 15 * time.Minute
)

type attemptKey struct{ pool, name string }

type attempts struct {
	failed int
	until  time.Time // locked until
	last   time.Time
}

// Locked says whether sign-ins with this name are refused unseen at now. The
// name need not be that of a user: counting unknown names too keeps the count
// from telling who exists.
func (s *Store) Locked(poolID, name string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.attempts[attemptKey{poolID, fold(name)}]
	return a != nil && now.Before(a.until)
}

// Failed counts a wrong password. Attempts that run at the same moment are all
// judged, and then all counted.
func (s *Store) Failed(poolID, name string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := attemptKey{poolID, fold(name)}
	a := s.attempts[key]
	if a == nil || a.stale(now) {
		if len(s.attempts) >= 1024 {
			for k, old := range s.attempts {
				if old.stale(s.over(now)) {
					delete(s.attempts, k)
				}
			}
		}
		a = &attempts{}
		s.attempts[key] = a
	}
	a.failed++
	a.last = now
	if n := a.failed - freeAttempts; n >= 0 {
		lock := longestLock
		if n < 10 {
			lock = min(longestLock, time.Second<<n)
		}
		a.until = now.Add(lock)
	}
}

// Succeeded forgets the wrong passwords of a name.
func (s *Store) Succeeded(poolID, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.attempts, attemptKey{poolID, fold(name)})
}

func (a *attempts) stale(now time.Time) bool {
	from := a.last
	if a.until.After(from) {
		from = a.until
	}
	return now.After(from.Add(idleReset))
}

type spentKey struct{ pool, name, what string }

// Allowance is how often somebody may do something.
type Allowance struct {
	PoolID, Username, What string
	PerHour                int
}

// Spend says whether a may be used once more, and counts it if so.
func (s *Store) Spend(a Allowance, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := spentKey{a.PoolID, fold(a.Username), a.What}
	if len(s.recent(key, now)) >= a.PerHour {
		return false
	}
	s.spend(key, now)
	return true
}

// recent is when a thing was done within the last hour.
func (s *Store) recent(key spentKey, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(s.spent[key]), func(at time.Time) bool { return now.Sub(at) >= time.Hour })
}

// spend counts a thing. Names that nobody has are counted as well, so what is an
// hour old is swept before the table grows.
func (s *Store) spend(key spentKey, now time.Time) {
	if len(s.spent) >= 1024 && s.spent[key] == nil {
		for k := range s.spent {
			if len(s.recent(k, s.over(now))) == 0 {
				delete(s.spent, k)
			}
		}
	}
	s.spent[key] = append(s.recent(key, s.over(now)), now)
}
