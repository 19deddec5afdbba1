package auth_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/transport"
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

// TestPausesVary: jobs that failed together do not come back together, and each pause
// is about twice as long as the one before.
func TestPausesVary(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 20 {
		planned := 100 * time.Millisecond
		r := newRefresher(t, auth.Session{}, refused(400, "TooManyRequestsException", "Rate exceeded"))
		r.renewer.Client = auth.NewClient(auth.ClientConfig{
			Region: "us-east-1", UserPoolID: "us-east-1_Sandbox01", ClientID: "abc", Endpoint: r.server.URL, HTTP: transport.Client(http.DefaultTransport), Now: time.Now,
			Pause: func(_ context.Context, wait time.Duration) error {
				if seen[wait] = true; wait < planned/2 || wait >= planned*3/2 {
					t.Errorf("a pause of %v, planned were %v", wait, planned)
				}
				planned = min(2*planned, time.Second)
				return nil
			},
		})
		if _, err := r.renew(); !auth.Passing(err) {
			t.Error(err)
		}
	}
	if len(seen) < 50 {
		t.Errorf("%d different pauses", len(seen))
	}
}
