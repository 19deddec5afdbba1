package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// wire sends InitiateAuth over a connection of its own, so that nothing is sent again.
func wire(t *testing.T, s *Sandbox, body string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoints().Cloud, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.InitiateAuth")
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

// TestFaultsOnTheWire: what a client gets, byte for byte. An answer that was kept back
// is the one that the operation gave, once; a broken connection is a reset, not an end.
func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	const wrong = `{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"` + PublicClientID + `","AuthParameters":{"USERNAME":"ann","PASSWORD":"wrong"}}`
	const delay = 100 * time.Millisecond
	fault := func(text string) {
		t.Helper()
		control(t, s, "DELETE", "/faults", "", 200, nil)
		control(t, s, "POST", "/faults", text, 200, nil)
	}
	_, plain, err := wire(t, s, wrong)
	if err != nil || !strings.Contains(plain, "NotAuthorizedException") {
		t.Fatalf("without a fault: %v %s", err, plain)
	}
	for i, when := range []string{"before", "after"} {
		fault(`{"kind": "delay", "delay": "100ms", "when": "` + when + `"}`)
		begin := time.Now()
		res, text, err := wire(t, s, wrong)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < delay {
			t.Errorf("%s: answered after %v", when, took)
		}
		if res.StatusCode != 400 || res.Header.Get("X-Amzn-Errortype") != "NotAuthorizedException:" || text != plain {
			t.Errorf("%s: %d %s: %s", when, res.StatusCode, res.Header.Get("X-Amzn-Errortype"), text)
		}
		if got := s.Stats()["InitiateAuth USER_PASSWORD_AUTH"]; got != i+2 {
			t.Errorf("%s: the operation was run %d times, want %d", when, got, i+2)
		}
	}
	// What is read to tell the operation by is read again by the operation, and the rest.
	if res, text, err := wire(t, s, `{"x":"`+strings.Repeat("x", userpool.MaxBody)+`"}`); err != nil || res.StatusCode != 413 {
		t.Errorf("a body that is too large: %v %s", err, text)
	}
	for _, when := range []string{"before", "after"} {
		fault(`{"kind": "reset", "when": "` + when + `"}`)
		// Windows has another number for it.
		if _, _, err := wire(t, s, wrong); err == nil || !errors.Is(err, syscall.ECONNRESET) && runtime.GOOS != "windows" {
			t.Errorf("reset %s: %v", when, err)
		}
	}
	for kind, want := range map[string]struct {
		status int
		code   string
	}{
		`"status"`: {500, "InternalErrorException"}, `"status", "status": 418`: {418, "InternalErrorException"}, `"throttle"`: {400, "TooManyRequestsException"},
	} {
		fault(`{"kind": ` + kind + `}`)
		res, text, err := wire(t, s, wrong)
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			Type string `json:"__type"`
		}
		if err := json.Unmarshal([]byte(text), &body); err != nil || res.StatusCode != want.status || body.Type != want.code || res.Header.Get("X-Amzn-Errortype") != want.code+":" {
			t.Errorf("%s: %v, %d %v %s", kind, err, res.StatusCode, res.Header, text)
		}
	}
}
