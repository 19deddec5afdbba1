//go:build conformance

package conformance

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	cognitosrp "github.com/alexrudd/cognito-srp/v4"
)

// TestSRPServerCatches shows that the SRP server can say no: a Go library that
// writes the hour on a 12-hour clock passes there in the morning and is caught
// in the afternoon.
func TestSRPServerCatches(t *testing.T) {
	tests := []struct {
		at, password string
		want         string // reason, "" when the proof is good
	}{
		{morning, "Passw0rd!", ""},
		{morning, "Wr0ng-password!", "signature"},
		{afternoon, "Passw0rd!", "timestamp more than five minutes"},
	}
	for _, tt := range tests {
		server := startSRPServer(t, tt.at)
		library, err := cognitosrp.NewCognitoSRP("ann", tt.password, server.Pool, server.ClientID, nil)
		if err != nil {
			t.Fatal(err)
		}
		challenge, now := server.initiate(t, library.GetAuthParams())
		answers, err := library.PasswordVerifierChallenge(challenge, now)
		if err != nil {
			t.Fatal(err)
		}
		server.call(t, "RespondToAuthChallenge", map[string]any{
			"ClientId": server.ClientID, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": answers,
		})
		v := server.verdict(t)
		if v.OK != (tt.want == "") || !strings.HasPrefix(v.Reason, tt.want) {
			t.Errorf("at %s with %q the server found %+v, want %q", tt.at, tt.password, v, tt.want)
		}
	}
}

// initiate begins a sign-in and returns the challenge and the server's time.
func (s srpServer) initiate(t *testing.T, parameters map[string]string) (map[string]string, time.Time) {
	t.Helper()
	resp := s.call(t, "InitiateAuth", map[string]any{
		"ClientId": s.ClientID, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": parameters,
	})
	at, err := http.ParseTime(resp.date)
	if err != nil {
		t.Fatal(err)
	}
	return resp.ChallengeParameters, at
}

type srpAnswer struct {
	ChallengeParameters map[string]string
	date                string
}

func (s srpServer) call(t *testing.T, operation string, in any) srpAnswer {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := srpAnswer{date: resp.Header.Get("Date")}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}
