package auth_test

import (
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

// TestThrottleIsRetried, and a server's fault is not: it may have had effect.
func TestThrottleIsRetried(t *testing.T) {
	t.Parallel()
	for code, calls := range map[string]int{"TooManyRequestsException": 2, "InternalErrorException": 1} {
		refusals := 2
		server := newWrongServer(t, func(string, map[string]any) (int, any) {
			if refusals--; refusals == 0 {
				return 400, fault("NotAuthorizedException", "x")
			}
			return map[string]int{"TooManyRequestsException": 400, "InternalErrorException": 500}[code], fault(code, "x")
		})
		w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
		_, err := auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
		if err == nil || len(server.sent()) != calls {
			t.Errorf("%s: err %v, %d calls, want %d", code, err, len(server.sent()), calls)
		}
	}
}
