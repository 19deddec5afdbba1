package gateway

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"
)

const (
	forbiddenBody = `{"message":"Forbidden"}`
	tooManyBody   = `{"message":"Too Many Requests"}`
	limitBody     = `{"message":"Limit Exceeded"}`
)

// keyed is an API with one route that wants an API key.
func keyed(plans ...UsagePlan) *API {
	return &API{
		Deployment: deployment, UsagePlans: plans, Now: clockAt,
		Routes: []Route{{Path: "/a", APIKeyRequired: true, Backend: text("in")}},
	}
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	here := UsagePlan{Name: "here", Stages: []string{"v1"}, Keys: []APIKey{{ID: "k1", Value: "key-1"}, {ID: "k2", Value: "key-2", Disabled: true}}}
	elsewhere := UsagePlan{Name: "elsewhere", Stages: []string{"v2"}, Keys: []APIKey{{ID: "k3", Value: "key-3"}, {Value: ""}}}
	everywhere := UsagePlan{Name: "everywhere", Keys: []APIKey{{ID: "k4", Value: "key-4"}}}
	for _, tt := range []struct {
		key, code string
	}{
		{"key-1", ""},
		{"key-4", ""},
		{"", "api_key:api_key_missing"},
		{"key", "api_key:api_key_refused"},
		{"KEY-1", "api_key:api_key_refused"},
		{"key-11", "api_key:api_key_refused"},
		{"key-2", "api_key:api_key_refused"},
		{"key-3", "api_key:api_key_refused"},
	} {
		r := request("GET", "/a")
		if tt.key != "" {
			r.Header.Set("X-API-Key", tt.key)
		}
		a := keyed(here, elsewhere, everywhere)
		route, d := a.Decide(r)
		if route.Path != "/a" || d.Allow != (tt.code == "") || failures(d) != tt.code {
			t.Errorf("%q: allow %v, %s", tt.key, d.Allow, failures(d))
		}
		if !d.Allow && (d.Status != 403 || string(d.Body) != forbiddenBody || d.Headers.Get("x-amzn-ErrorType") != "ForbiddenException") {
			t.Errorf("%q: %d %s %v", tt.key, d.Status, d.Body, d.Headers)
		}
	}
}

// TestAPIKeyOfAuthorizer: with that source the header says nothing.
func TestAPIKeyOfAuthorizer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		source, more, header string
		allow                bool
	}{
		{KeySourceAuthorizer, `,"usageIdentifierKey":"key-1"`, "", true},
		{KeySourceAuthorizer, `,"usageIdentifierKey":"key-2"`, "key-1", false},
		{KeySourceAuthorizer, "", "key-1", false},
		{KeySourceHeader, `,"usageIdentifierKey":"key-2"`, "key-1", true},
		{"", `,"usageIdentifierKey":"key-1"`, "", false},
	} {
		a := keyed(UsagePlan{Keys: []APIKey{{Value: "key-1"}}})
		a.APIKeySource = tt.source
		a.Routes[0].Authorizer = &LambdaAuthorizer{Invoke: answering(policyAnswer("Allow", "*", tt.more)), Now: clockAt}
		r := request("GET", "/a", "Authorization", "t")
		if tt.header != "" {
			r.Header.Set("X-Api-Key", tt.header)
		}
		_, d := a.Decide(r)
		if d.Allow != tt.allow || d.Principal != "ann" || (d.Context != nil) != tt.allow {
			t.Errorf("%+v: %+v", tt, d)
		}
	}
}

// TestAPIKeyAfterAuthorizer: who the authorizer refuses uses up nothing.
func TestAPIKeyAfterAuthorizer(t *testing.T) {
	t.Parallel()
	a := keyed(UsagePlan{Quota: 1, Keys: []APIKey{{Value: "key-1"}}})
	a.Routes[0].Authorizer = CognitoAuthorizer{Keys: poolKeys(t), Issuers: []string{issuer}, Now: clockAt}
	for range 3 {
		if _, d := a.Decide(request("GET", "/a", "X-Api-Key", "key-1")); string(d.Body) != unauthorizedBody {
			t.Fatalf("%d %s", d.Status, d.Body)
		}
	}
	id := sign(t, poolKey(), idClaims())
	for _, want := range []int{200, 429} {
		_, d := a.Decide(request("GET", "/a", "X-Api-Key", "key-1", "Authorization", id))
		if d.Status != want {
			t.Errorf("%d %s, want %d", d.Status, d.Body, want)
		}
	}
}

// TestUsageLimits walks through time: each step waits, then asks.
func TestUsageLimits(t *testing.T) {
	t.Parallel()
	type step struct {
		wait time.Duration
		key  string
		want string // "" = in
	}
	in := func(wait time.Duration) step { return step{wait, "key-1", ""} }
	out := func(wait time.Duration, body string) step { return step{wait, "key-1", body} }
	keys := []APIKey{{Value: "key-1"}, {Value: "key-2"}}
	for _, tt := range []struct {
		name  string
		plan  UsagePlan
		steps []step
	}{
		{"no limit", UsagePlan{}, []step{in(0), in(0), in(0), in(0)}},
		{"burst", UsagePlan{Rate: 1, Burst: 3}, []step{in(0), in(0), in(0), out(0, tooManyBody), {0, "key-2", ""}, out(0, tooManyBody)}},
		{"refill", UsagePlan{Rate: 2, Burst: 2}, []step{in(0), in(0), out(0, tooManyBody), in(500 * time.Millisecond), out(0, tooManyBody), out(499*time.Millisecond, tooManyBody), in(time.Millisecond)}},
		{"refill is bounded", UsagePlan{Rate: 2, Burst: 2}, []step{in(0), in(time.Hour), in(0), out(0, tooManyBody)}},
		{"no burst", UsagePlan{Rate: 0.5}, []step{in(0), out(0, tooManyBody), out(time.Second, tooManyBody), in(time.Second)}},
		{"time goes back", UsagePlan{Rate: 1, Burst: 1}, []step{in(0), out(-time.Hour, tooManyBody), out(time.Hour-1, tooManyBody), in(time.Second + 1)}},
		{"quota", UsagePlan{Quota: 2}, []step{in(0), in(0), out(0, limitBody), {0, "key-2", ""}, out(18*time.Hour, limitBody), in(time.Hour)}},
		{"quota of a week", UsagePlan{Quota: 1, Period: Week}, []step{in(0), out(6*24*time.Hour, limitBody), in(24 * time.Hour)}},
		{"quota of a month", UsagePlan{Quota: 1, Period: Month}, []step{in(0), out(15*24*time.Hour, limitBody), in(24 * time.Hour)}},
		{"both", UsagePlan{Rate: 1, Burst: 1, Quota: 2}, []step{in(0), out(0, tooManyBody), in(time.Second), out(0, tooManyBody), out(time.Second, limitBody)}},
	} {
		at := now
		tt.plan.Keys = keys
		a := keyed(tt.plan)
		a.Now = func() time.Time { return at }
		for i, s := range tt.steps {
			at = at.Add(s.wait)
			_, d := a.Decide(request("GET", "/a", "X-Api-Key", s.key))
			if string(d.Body) != s.want || d.Allow != (s.want == "") {
				t.Errorf("%s, step %d: %d %s, want %s", tt.name, i, d.Status, d.Body, s.want)
			}
			errorType := map[string]string{tooManyBody: "TooManyRequestsException", limitBody: "LimitExceededException"}[s.want]
			if !d.Allow && (d.Status != 429 || d.Headers.Get("x-amzn-ErrorType") != errorType) {
				t.Errorf("%s, step %d: %d %v", tt.name, i, d.Status, d.Headers)
			}
		}
	}
}

// TestUsageTogether: a quota lets through exactly what it says.
func TestUsageTogether(t *testing.T) {
	t.Parallel()
	a := keyed(UsagePlan{Quota: 100, Keys: []APIKey{{Value: "key-1"}}})
	done := make(chan int)
	for range 4 {
		go func() {
			n := 0
			for range 50 {
				if _, d := a.Decide(request("GET", "/a", "X-Api-Key", "key-1")); d.Allow {
					n++
				}
			}
			done <- n
		}()
	}
	total := 0
	for range 4 {
		total += <-done
	}
	if total != 100 {
		t.Errorf("%d requests got in", total)
	}
}

// TestAPIKeyOfHTTPAPI: there are none, so that a route that asks for one is a
// mistake, and not open.
func TestAPIKeyOfHTTPAPI(t *testing.T) {
	t.Parallel()
	a := keyed(UsagePlan{Keys: []APIKey{{Value: "key-1"}}})
	a.Routes[0].Kind = HTTP
	_, d := a.Decide(request("GET", "/a", "X-Api-Key", "key-1"))
	if d.Allow || d.Status != 500 || string(d.Body) != brokenBody {
		t.Errorf("allow %v, %d %s", d.Allow, d.Status, d.Body)
	}
}

// TestDecide says the same as the API answers, without its backend.
func TestDecide(t *testing.T) {
	t.Parallel()
	var decided []string
	a := keyed(UsagePlan{Keys: []APIKey{{Value: "key-1"}}})
	a.Decided = func(_ *http.Request, _ Route, d Decision) { decided = append(decided, fmt.Sprint(d.Status)) }
	a.Routes = append(a.Routes, Route{Path: "/open", Backend: text("in")})
	if route, d := a.Decide(request("GET", "/nowhere")); route.Path != "" || d.Status != 403 || d.Allow {
		t.Errorf("%q, %+v", route.Path, d)
	}
	if route, d := a.Decide(request("GET", "/open").WithContext(context.Background())); route.Path != "/open" || !d.Allow {
		t.Errorf("%q, %+v", route.Path, d)
	}
	a.Decide(request("GET", "/a"))
	a.Decide(request("GET", "/a", "X-Api-Key", "key-1"))
	if fmt.Sprint(decided) != "[403 200]" {
		t.Errorf("decided %v", decided)
	}
}
