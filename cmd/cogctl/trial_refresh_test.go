package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// TestADayOfFaults lets a job ask for a token each minute of a day, while a quarter
// of what it sends goes wrong. The sandbox's log of what it did says in which minutes
// nobody could have had a token, and which refresh tokens were used up by an answer
// that never came. In those minutes the job must fail, and those sessions are lost;
// no other.
func TestADayOfFaults(t *testing.T) {
	t.Parallel()
	seed := 0
	for _, r := range rotations {
		for _, row := range []struct {
			password bool // at hand, so that signing in anew would be easy
			outages  bool // besides: minutes in which everything fails, so that some must
			rare     bool // left out of the usual run
		}{{rare: true}, {password: true}, {rare: true}, {outages: true}} {
			seed++
			full := os.Getenv("COGCTL_TRIALS") == "full"
			if row.rare && !full {
				continue
			}
			j := job{rotation: r, seed: seed, outages: row.outages, minutes: 8 * 60, kinds: map[string]int{}}
			switch {
			case full:
				j.minutes = 24 * 60
			case testing.Short():
				j.minutes = 2 * 60
			}
			t.Run(fmt.Sprintf("%s/seed %d", r.name, seed), func(t *testing.T) {
				t.Parallel()
				j.day = newDay(t)
				j.settings(map[string]any{"access_token_validity": "5m", "id_token_validity": "5m"})
				if r.on {
					j.settings(map[string]any{"rotate_refresh_tokens": true, "retry_grace": r.grace})
				}
				j.signIn()
				if row.password {
					j.environ["COGCTL_PASSWORD"] = sandbox.DefaultPassword
				}
				j.work()
				j.check()
			})
		}
	}
}

// job is a day's job, and what must come of it.
type job struct {
	*day
	rotation
	seed    int
	outages bool
	minutes int

	until   time.Time      // when the last token that was given out ends
	usedUp  time.Time      // when the server replaced the refresh token, and its answer got lost
	logged  int            // faults so far
	arrived int            // refreshes so far
	kinds   map[string]int // faults of refreshes, by what happened when

	failed, unavoidable []int // minutes
	losses              int
	anew                int // sign-ins that a loss explains
}

// work is the job's day.
func (j *job) work() {
	weather{fault: 5, lost: 5, reset: 5, lostReset: 5, throttle: 5}.begin(j.day, j.seed)
	j.until = j.now().Add(tokenLife)
	for minute := range j.minutes {
		j.moved.Store(int64(time.Duration(minute) * time.Minute))
		if j.outages && minute%400 == 100 {
			j.outage()
		}
		j.minute(minute)
	}
}

func (j *job) settings(settings map[string]any) {
	j.control("POST", "/clients/"+sandbox.PublicClientID, settings, nil)
}

// met is what the refreshes of one run met at the sandbox.
type met struct {
	hits    []sandbox.FaultHit // on refreshes
	signIn  []sandbox.FaultHit // on the operations of a sign-in
	served  bool               // the last refresh arrived unhurt and was answered
	began   time.Time
	ended   time.Time
	signIns int
}

func refreshing(operation string) bool {
	return operation == "GetTokensFromRefreshToken" || operation == "InitiateAuth REFRESH_TOKEN_AUTH"
}

// observe does something and reads off the sandbox what arrived there.
func (j *job) observe(do func()) met {
	count := func() int { return j.box.Stats()[j.operation()] }
	m := met{began: j.now()}
	calls, signIns := count(), j.signIns()
	do()
	answered := count() - calls
	for _, hit := range j.hits(j.logged) {
		j.logged++
		if !refreshing(hit.Operation) {
			m.signIn = append(m.signIn, hit)
			continue
		}
		m.hits = append(m.hits, hit)
		j.kinds[hit.Kind+" "+hit.When]++
		if hit.When == "after" && hit.Operation == j.operation() {
			answered--
		}
	}
	if answered > 1 || answered < 0 {
		j.t.Errorf("%d refreshes were answered in one run", answered)
	}
	m.ended, m.served, m.signIns = j.now(), answered == 1, j.signIns()-signIns
	j.arrived += len(m.hits) + answered
	return m
}

// minute runs the job once and judges it.
func (j *job) minute(minute int) {
	j.t.Helper()
	needed := !j.now().Add(margin).Before(j.until)
	var r run
	m := j.observe(func() { r = j.run([]string{"token", "--json"}) })
	lost := j.judge(m)
	if len(m.hits) > 0 != needed && !m.served || m.served && !needed {
		j.t.Errorf("minute %d: %d refreshes came to nothing, one was served: %v; needed: %v", minute, len(m.hits), m.served, needed)
	}
	if lost {
		j.loss(minute, r, m)
		return
	}
	if needed && !m.served {
		if took := m.ended.Sub(m.began); took > 10*time.Second {
			j.t.Errorf("minute %d: %v under the lock, for which others wait 10 s", minute, took)
		}
		if !m.patient() {
			j.t.Errorf("minute %d: the job gave up after %d refreshes and %v", minute, len(m.hits), m.ended.Sub(m.began))
		}
		if !m.ended.Add(lastMoments).Before(j.until) {
			j.unavoidable = append(j.unavoidable, minute)
		}
	}
	switch {
	case m.signIns > 0 || len(m.signIn) > 0:
		j.t.Errorf("minute %d: a needless sign-in", minute)
	case r.code == exitOK:
		j.good(r)
	case r.code == exitFailed && r.stdout == "" && strings.Contains(r.stderr, "refresh the session of ann"):
		j.failed = append(j.failed, minute)
	default:
		j.t.Errorf("minute %d: exit code %d: %q %s", minute, r.code, r.stdout, r.stderr)
	}
}

// judge follows what the server did with the refresh token. It tells whether the
// session is lost: the last refresh was answered, and that with a no.
func (j *job) judge(m met) (lost bool) {
	for _, hit := range m.hits {
		if j.on && hit.When == "after" && hit.Operation == j.operation() && j.usedUp.IsZero() {
			j.usedUp = hit.Time
		}
	}
	if !m.served {
		return false
	}
	if !j.usedUp.IsZero() && (j.loses() || m.ended.After(j.usedUp.Add(time.Minute))) {
		return true
	}
	j.usedUp, j.until = time.Time{}, m.ended.Add(tokenLife)
	return false
}

// patient tells whether a refresh that came to nothing was sent as often as it may
// be: for five seconds, of which the last pause may be left out.
func (m met) patient() bool {
	return m.ended.Sub(m.began) > 3*time.Second
}

// loss wants a lost session to be told as what it is, and a sign-in anew.
func (j *job) loss(minute int, r run, m met) {
	j.t.Helper()
	j.losses++
	if j.environ["COGCTL_PASSWORD"] == "" {
		if r.code != exitNeeded || r.stdout != "" || !strings.Contains(r.stderr, "got lost together with its answer") {
			j.t.Errorf("minute %d: a lost session is told with exit code %d: %s", minute, r.code, r.stderr)
		}
		m = j.observe(func() { j.signIn() })
		j.anew += m.signIns
		j.usedUp, j.until = time.Time{}, m.ended.Add(tokenLife)
		return
	}
	j.anew += m.signIns
	if r.code == exitOK {
		j.good(r)
		if ends := expiry(j.t, r.stdout); ends.After(j.until) {
			j.usedUp, j.until = time.Time{}, m.ended.Add(tokenLife)
			return
		}
	}
	// The sign-in came to nothing. The old session stays, and is asked again.
	if len(m.signIn) == 0 {
		j.t.Errorf("minute %d: no fault hit the sign-in, and no token was had: exit code %d: %s", minute, r.code, r.stderr)
	}
	if r.code != exitOK {
		j.failed = append(j.failed, minute)
	}
	if !m.ended.Add(lastMoments).Before(j.until) {
		j.unavoidable = append(j.unavoidable, minute)
	}
}

// check judges the day.
func (j *job) check() {
	j.t.Helper()
	if !slices.Equal(j.failed, j.unavoidable) {
		j.t.Errorf("failed in the minutes\n%v, but the faults explain\n%v", j.failed, j.unavoidable)
	}
	if j.outages && len(j.unavoidable) == 0 {
		j.t.Error("the outages were none")
	}
	j.checkWeather()
	if n := j.signIns(); n != 1+j.anew || j.losses == 0 && n != 1 {
		j.t.Errorf("%d sign-ins, of which %d are explained", n, 1+j.anew)
	}
	// An outage can be longer than the grace period.
	if j.losses > 0 != j.loses() && !(j.on && j.outages) {
		j.t.Errorf("%d sessions were lost", j.losses)
	}
	j.t.Logf("%d runs, %d refreshes arrived, %d faults, %d minutes without a token, %d times the session was lost, %d sign-ins",
		j.minutes, j.arrived, j.logged, len(j.failed), j.losses, j.signIns())
}

// checkWeather wants the faults to have been as many as were asked for: of each kind one
// in twenty, less what another kind hit first.
func (j *job) checkWeather() {
	j.t.Helper()
	all := 0
	for _, kind := range []string{"status before", "status after", "reset before", "reset after", "throttle before"} {
		n := j.kinds[kind]
		if all += n; j.minutes >= 24*60 && n*100 < j.arrived {
			j.t.Errorf("%d of %d refreshes met the fault %q", n, j.arrived, kind)
		}
	}
	if all*10 < j.arrived || !j.outages && all*5 > 2*j.arrived {
		j.t.Errorf("%d of %d refreshes met a fault: %v", all, j.arrived, j.kinds)
	}
}
