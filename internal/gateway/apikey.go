package gateway

import (
	"crypto/subtle"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

// apiKeyHeader is where callers put their API key.
const apiKeyHeader = "X-Api-Key"

// Where a REST API takes API keys from ("Choose an API key source").
const (
	KeySourceHeader     = "HEADER"     // x-api-key; also what the empty source means
	KeySourceAuthorizer = "AUTHORIZER" // usageIdentifierKey of a Lambda authorizer
)

// An APIKey tells callers of a REST API apart. It says nothing of who they are.
type APIKey struct {
	ID       string // for people and backends: requestContext.identity.apiKeyId
	Value    string // the key itself: 20 to 128 characters, and a credential
	Disabled bool
}

// A UsagePlan lets API keys call stages of a REST API, up to limits that count
// for each key by itself ("Usage plans and API keys for REST APIs").
type UsagePlan struct {
	Name   string   // for people
	Stages []string // of the API; empty means every stage
	Keys   []APIKey

	// Rate is how many requests a second are refilled into a bucket of Burst.
	// A Rate of 0 means no limit; a Burst of 0 means one second's worth.
	Rate  float64
	Burst int

	// Quota is how many requests a key has in a Period; 0 means no limit.
	Quota  int
	Period Period
}

// Period is the time after which a quota starts anew, in UTC.
type Period string

const (
	Day   Period = "DAY" // also what the empty Period means
	Week  Period = "WEEK"
	Month Period = "MONTH"
)

// start is when the period of t began. UNCONFIRMED: that weeks begin on Monday.
func (p Period) start(t time.Time) time.Time {
	t = t.UTC()
	switch p {
	case Week:
		return t.Truncate(7 * 24 * time.Hour) // the zero time was a Monday
	case Month:
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return t.Truncate(24 * time.Hour)
}

// meter counts what API keys have used. The zero value is ready.
type meter struct {
	mu   sync.Mutex
	used map[meterKey]*usage
}

// meterKey is a plan and the key in it, by their places in the configuration.
type meterKey struct{ plan, key int }

type usage struct {
	tokens float64 // of the throttle
	filled time.Time
	count  int // of the quota
	period time.Time
}

// overrun says which limit a request goes over.
type overrun int

const (
	withinLimits overrun = iota
	overRate
	overQuota
)

// take counts a request. One over a limit counts nowhere. UNCONFIRMED: that the
// rate is looked at first, and that a quota comes back all at once; somebody saw
// it come back bit by bit.
func (m *meter) take(at meterKey, plan UsagePlan, now time.Time) overrun {
	m.mu.Lock()
	defer m.mu.Unlock()
	burst := float64(plan.Burst)
	if plan.Burst == 0 {
		burst = math.Max(1, math.Ceil(plan.Rate))
	}
	u := m.used[at]
	if u == nil {
		if m.used == nil {
			m.used = make(map[meterKey]*usage)
		}
		u = &usage{tokens: burst, filled: now, period: plan.Period.start(now)}
		m.used[at] = u
	}
	if passed := now.Sub(u.filled).Seconds(); passed > 0 {
		u.tokens, u.filled = math.Min(burst, u.tokens+passed*plan.Rate), now
	}
	if start := plan.Period.start(now); start.After(u.period) {
		u.count, u.period = 0, start
	}
	switch {
	case plan.Rate > 0 && u.tokens < 1:
		return overRate
	case plan.Quota > 0 && u.count >= plan.Quota:
		return overQuota
	}
	u.tokens--
	u.count++
	return withinLimits
}

// admit asks for the API key of a request that the authorizer let through.
// UNCONFIRMED: that the authorizer comes first where keys come from the header.
func (a *API) admit(r *http.Request, route Route, d Decision) (Decision, APIKey) {
	if orREST(route.Kind) == HTTP {
		return d.turn(internalError(HTTP), misconfigured("HTTP APIs have no API keys")), APIKey{}
	}
	value, from := r.Header.Get(apiKeyHeader), "x-api-key header"
	if a.APIKeySource == KeySourceAuthorizer {
		value, from = d.UsageKey, "usageIdentifierKey of an authorizer"
	}
	check := jwt.Check{Name: "api_key"}
	if value == "" {
		check.Detail, check.Code = "the request has no API key: there is no "+from, "api_key_missing"
		return d.turn(refuseKey(), check), APIKey{}
	}
	at, key, problem := a.findKey(value)
	if problem != "" {
		check.Detail, check.Code = "the API key from the "+from+" "+problem, "api_key_refused"
		return d.turn(refuseKey(), check), APIKey{}
	}
	plan := a.UsagePlans[at.plan]
	switch a.meter.take(at, plan, clock(a.Now)) {
	case overRate:
		check.Detail, check.Code = "the usage plan "+quoted([]string{plan.Name})+" allows no more requests right now", "throttled"
		return d.turn(refuseREST(http.StatusTooManyRequests, "Too Many Requests", tooManyRequests, nil), check), key
	case overQuota:
		check.Detail, check.Code = "the quota of the usage plan "+quoted([]string{plan.Name})+" is used up", "quota_exceeded"
		return d.turn(refuseREST(http.StatusTooManyRequests, "Limit Exceeded", limitExceeded, nil), check), key
	}
	check.OK, check.Detail = true, "the API key "+quoted([]string{key.ID})+" is in the usage plan "+quoted([]string{plan.Name})
	d.Checks = append(slices.Clip(d.Checks), check)
	return d, key
}

func refuseKey() Decision {
	return refuseREST(http.StatusForbidden, "Forbidden", forbiddenException, nil)
}

// findKey looks for a key in the plans of the stage.
func (a *API) findKey(value string) (at meterKey, key APIKey, problem string) {
	problem = "is in no usage plan"
	for i, plan := range a.UsagePlans {
		for j, k := range plan.Keys {
			switch {
			case subtle.ConstantTimeCompare([]byte(k.Value), []byte(value)) != 1:
			case len(plan.Stages) > 0 && !slices.Contains(plan.Stages, a.Deployment.Stage):
				problem = "is in no usage plan of the stage " + quoted([]string{a.Deployment.Stage})
			case k.Disabled:
				problem = "is disabled"
			default:
				return meterKey{i, j}, k, ""
			}
		}
	}
	return meterKey{}, APIKey{}, problem
}

// turn makes a refusal of an allowing decision, and keeps what the authorizer
// found.
func (d Decision) turn(refusal Decision, check jwt.Check) Decision {
	d.Allow, d.Context, d.Identity = false, nil, nil
	d.Status, d.Message, d.Body, d.Headers = refusal.Status, refusal.Message, refusal.Body, refusal.Headers
	d.Checks = append(slices.Clip(d.Checks), check)
	return d
}
