package sandbox

import (
	"fmt"

	"github.com/cogctl/cogctl/internal/gateway"
)

// UsagePlan lets API keys call the routes that require one, up to limits that
// count for each key by itself.
type UsagePlan struct {
	Name   string   `toml:"name"`
	Keys   []string `toml:"keys"`   // of 20 to 128 characters each, as at AWS
	Rate   float64  `toml:"rate"`   // requests a second; 0 is no limit
	Burst  int      `toml:"burst"`  // 0 is one second's worth
	Quota  int      `toml:"quota"`  // requests in a period; 0 is no limit
	Period string   `toml:"period"` // DAY (also ""), WEEK, MONTH
}

// The API keys of the default seed, for GET /keyed.
const (
	DefaultAPIKey   = "sandbox-api-key-0123456789"
	QuotaAPIKey     = "sandbox-quota-key-0123456789"    // two requests a day
	ThrottledAPIKey = "sandbox-throttled-key-012345678" // one request, and the next in an hour
)

func defaultUsagePlans() []UsagePlan {
	return []UsagePlan{
		{Name: "sandbox", Keys: []string{DefaultAPIKey}},
		{Name: "quota", Keys: []string{QuotaAPIKey}, Quota: 2},
		{Name: "throttled", Keys: []string{ThrottledAPIKey}, Rate: 1.0 / 3600, Burst: 1},
	}
}

// check looks for what AWS would not take. It shows no key: it is a credential.
func (p UsagePlan) check() error {
	for i, key := range p.Keys {
		if len(key) < 20 || len(key) > 128 {
			return fmt.Errorf("key %d has %d characters: API keys have 20 to 128", i+1, len(key))
		}
	}
	switch p.Period {
	case "", string(gateway.Day), string(gateway.Week), string(gateway.Month):
	default:
		return fmt.Errorf("period %q is not DAY, WEEK or MONTH", p.Period)
	}
	if p.Rate < 0 || p.Burst < 0 || p.Quota < 0 {
		return fmt.Errorf("rate, burst and quota are not negative")
	}
	return nil
}

func gatewayPlans(plans []UsagePlan) []gateway.UsagePlan {
	var made []gateway.UsagePlan
	for _, p := range plans {
		plan := gateway.UsagePlan{Name: p.Name, Rate: p.Rate, Burst: p.Burst, Quota: p.Quota, Period: gateway.Period(p.Period)}
		for i, key := range p.Keys {
			plan.Keys = append(plan.Keys, gateway.APIKey{ID: fmt.Sprintf("%s-%d", p.Name, i+1), Value: key})
		}
		made = append(made, plan)
	}
	return made
}
