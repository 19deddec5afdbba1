package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

// challenged is a server that asks for challenge after the password, and takes
// the one answer that is right.
func challenged(t *testing.T, challenge string, parameters map[string]string, key, right string) (*wrongServer, *[]string) {
	var answers []string
	server := newWrongServer(t, func(op string, body map[string]any) (int, any) {
		if op == "InitiateAuth" {
			return 200, map[string]any{"ChallengeName": challenge, "Session": "s-1", "ChallengeParameters": parameters}
		}
		responses, _ := body["ChallengeResponses"].(map[string]any)
		answers = append(answers, fmt.Sprint(responses[key]))
		switch {
		case body["Session"] != "s-1":
			return 400, fault("NotAuthorizedException", "Invalid session for the user.")
		case responses[key] != right:
			return 400, fault("CodeMismatchException", "Invalid code or auth state for the user.")
		}
		return 200, map[string]any{"AuthenticationResult": map[string]any{"IdToken": "x.y.z", "AccessToken": "x.y.z", "RefreshToken": "r"}}
	})
	return server, &answers
}

// TestCodes: each code challenge is answered under its own name; a wrong code may
// be typed again.
func TestCodes(t *testing.T) {
	t.Parallel()
	for challenge, row := range map[string]struct {
		key  string
		item auth.Item
	}{
		"SOFTWARE_TOKEN_MFA": {"SOFTWARE_TOKEN_MFA_CODE", auth.ItemTOTP},
		"SMS_MFA":            {"SMS_MFA_CODE", auth.ItemSMSCode},
		"EMAIL_OTP":          {"EMAIL_OTP_CODE", auth.ItemEmailCode},
		"SMS_OTP":            {"SMS_OTP_CODE", auth.ItemSMSCode},
	} {
		server, answers := challenged(t, challenge, map[string]string{"USER_ID_FOR_SRP": "ann", "CODE_DELIVERY_DESTINATION": "j***@g***"}, row.key, "123456")
		w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
		var asked []auth.Question
		ask := func(_ context.Context, q auth.Question) (string, error) {
			asked = append(asked, q)
			return []string{"000000", "123456"}[min(len(asked), 2)-1], nil
		}
		_, err := auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: ask}.Login(t.Context())
		if err != nil || !slices.Equal(*answers, []string{"000000", "123456"}) {
			t.Errorf("%s: %v, sent %q", challenge, err, *answers)
		}
		if len(asked) != 2 || asked[0].Item != row.item || asked[0].SentTo != "j***@g***" || asked[0].Retry != "" || asked[1].Retry == "" {
			t.Errorf("%s: asked %+v", challenge, asked)
		}
	}
}

// TestStoredCodeIsSentOnce: where there is no other code than the wrong one, the
// refusal is what is told. A person may type the same again, three times in all.
func TestStoredCodeIsSentOnce(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]int{"the same again": 3, "no other": 1} {
		ask := func(_ context.Context, q auth.Question) (string, error) {
			if q.Retry != "" && want == 1 {
				return "", auth.ErrNoOther
			}
			return "000000", nil
		}
		server, answers := challenged(t, "SOFTWARE_TOKEN_MFA", nil, "SOFTWARE_TOKEN_MFA_CODE", "123456")
		w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
		_, err := auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: ask}.Login(t.Context())
		var refused *auth.RefusedError
		if !errors.As(err, &refused) || refused.Code != "CodeMismatchException" || len(*answers) != want {
			t.Errorf("%s: %v, sent %q", label, err, *answers)
		}
	}
}

// TestSelectMFA: one kind needs no question, several do, and only those that the
// server names may be sent.
func TestSelectMFA(t *testing.T) {
	t.Parallel()
	for label, row := range map[string]struct {
		parameters map[string]string
		choice     string
		sent       []string
		asked      bool
	}{
		"one":       {map[string]string{"MFAS_CAN_CHOOSE": `["SMS_MFA"]`}, "", []string{"SMS_MFA"}, false},
		"two":       {map[string]string{"MFAS_CAN_CHOOSE": `["SMS_MFA","SOFTWARE_TOKEN_MFA"]`}, "SOFTWARE_TOKEN_MFA", []string{"SOFTWARE_TOKEN_MFA"}, true},
		"other key": {map[string]string{"MFAS_CAN_SELECT": `["EMAIL_OTP"]`}, "", []string{"EMAIL_OTP"}, false},
		"foreign":   {map[string]string{"MFAS_CAN_CHOOSE": `["SMS_MFA","EMAIL_OTP"]`}, "SOFTWARE_TOKEN_MFA", nil, true},
		"none":      {map[string]string{}, "", nil, false},
		"not JSON":  {map[string]string{"MFAS_CAN_CHOOSE": `SMS_MFA`}, "", nil, false},
	} {
		right := "-"
		if len(row.sent) > 0 {
			right = row.sent[0]
		}
		server, answers := challenged(t, "SELECT_MFA_TYPE", row.parameters, "ANSWER", right)
		w := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now)
		asked := false
		ask := func(context.Context, auth.Question) (string, error) { asked = true; return row.choice, nil }
		_, err := auth.Password{Client: w.client, Username: "ann", Password: "p", Ask: ask}.Login(t.Context())
		if (err == nil) != (len(row.sent) > 0) || !slices.Equal(*answers, row.sent) || asked != row.asked {
			t.Errorf("%s: %v, sent %q, asked %v", label, err, *answers, asked)
		}
	}
}
