package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

var mismatch = fault("CodeMismatchException", "Invalid code or auth state for the user.")

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
// refusal is what is told. A person may type the same again; a server that refuses
// for ever is left in the end.
func TestStoredCodeIsSentOnce(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]int{"the same again": 20, "no other": 1} {
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
		if !errors.As(err, &refused) || refused.Message != "Invalid code or auth state for the user." || len(*answers) != want {
			t.Errorf("%s: %v, sent %q", label, err, *answers)
		}
	}
}

// TestTypedUntilTheSessionEnds: a person may type an answer anew as long as the server's
// session lives, and its definite word ends the asking.
func TestTypedUntilTheSessionEnds(t *testing.T) {
	t.Parallel()
	over := fault("NotAuthorizedException", "Invalid session for the user.")
	for name, refusals := range map[string][]any{
		"SMS_MFA":            slices.Repeat([]any{mismatch}, 6),
		"EMAIL_OTP":          slices.Repeat([]any{mismatch}, 6),
		"SMS_OTP":            slices.Repeat([]any{mismatch}, 6),
		"SOFTWARE_TOKEN_MFA": slices.Repeat([]any{mismatch, fault("ExpiredCodeException", "Your software token has already been used once.")}, 3),
		"MFA_SETUP":          slices.Repeat([]any{mismatch, fault("EnableSoftwareTokenMFAException", "Code mismatch")}, 3),
		"NEW_PASSWORD_REQUIRED": slices.Repeat([]any{fault("InvalidPasswordException", "Password not long enough"),
			fault("PasswordHistoryPolicyViolationException", "Password has been used before")}, 3),
	} {
		for _, end := range []any{nil, over} {
			refused, sent, asked := refusals, 0, 0
			server := newWrongServer(t, func(op string, _ map[string]any) (int, any) {
				switch op {
				case "InitiateAuth":
					return 200, challenge(name, "s", nil)
				case "AssociateSoftwareToken":
					return 200, map[string]any{"SecretCode": "JBSWY3DPEHPK3PXP"}
				}
				if sent++; sent <= len(refused) {
					return 400, refused[sent-1]
				}
				if end != nil {
					return 400, end
				}
				if op == "VerifySoftwareToken" {
					return 200, map[string]any{"Status": "SUCCESS"}
				}
				return 200, good
			})
			ask := func(_ context.Context, q auth.Question) (string, error) {
				if asked++; q.Refused != asked-1 || (q.Retry == "") != (asked == 1) {
					t.Errorf("%s: asked as %+v at %d", name, q, asked)
				}
				return fmt.Sprint("answer ", asked), nil
			}
			client := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client
			_, err := auth.Password{Client: client, Username: "ann", Password: "p", Ask: ask}.Login(t.Context())
			if asked != 7 || (err == nil) != (end == nil) || end != nil && !strings.Contains(err.Error(), "Invalid session") {
				t.Errorf("%s, then %v: asked %d times, %v", name, end, asked, err)
			}
		}
	}
}

// TestCodeAskedForAgain: a server that answers a code with the same challenge in a new
// session has taken none. A stored code is not sent to it again, a person is told, and
// what is sent carries the newest session.
func TestCodeAskedForAgain(t *testing.T) {
	t.Parallel()
	sms := func(session string) map[string]any { return challenge("SMS_MFA", session, nil) }
	for label, person := range map[string]bool{"stored": false, "a person": true} {
		p := &played{first: sms("s1"), replies: []any{sms("s2"), fault("CodeMismatchException", "Invalid code or auth state for the user."), sms("s3")}}
		var retries []string
		ask := func(_ context.Context, q auth.Question) (string, error) {
			retries = append(retries, q.Retry)
			if q.Retry != "" && !person {
				return "", auth.ErrNoOther
			}
			return fmt.Sprint("code ", len(retries)), nil
		}
		u, _ := p.user(t, ask)
		u.Password = "p"
		_, err := auth.Password(u).Login(t.Context())
		var sent []string
		for _, body := range p.bodies {
			sent = append(sent, fmt.Sprint(body["Session"], " ", body["ChallengeResponses"].(map[string]any)["SMS_MFA_CODE"]))
		}
		again := "the server asks for the code again"
		if person {
			if err != nil || !slices.Equal(sent, []string{"s1 code 1", "s2 code 2", "s2 code 3", "s3 code 4"}) ||
				!slices.Equal(retries, []string{"", again, "Invalid code or auth state for the user.", again}) {
				t.Errorf("%s: %v, sent %q, told %q", label, err, sent, retries)
			}
			continue
		}
		var refused *auth.RefusedError
		if !errors.As(err, &refused) || refused.Message != again || !slices.Equal(sent, []string{"s1 code 1"}) {
			t.Errorf("%s: %v, sent %q", label, err, sent)
		}
	}
}

// TestSetUpSessions: each step of a set-up carries the session string of the one
// before, also after a code that was not taken, however the server says that; where a
// server gives none, the one before stays.
func TestSetUpSessions(t *testing.T) {
	t.Parallel()
	for label, row := range map[string]struct {
		associated string
		verified   []any
		want       []string
	}{
		"at once":      {"a", []any{map[string]any{"Status": "SUCCESS", "Session": "v"}}, []string{"s", "a", "v"}},
		"status ERROR": {"a", []any{map[string]any{"Status": "ERROR", "Session": "e"}, map[string]any{"Status": "SUCCESS", "Session": "v"}}, []string{"s", "a", "e", "v"}},
		"refused": {"a", []any{fault("EnableSoftwareTokenMFAException", "Code mismatch"), map[string]any{"Status": "SUCCESS", "Session": "v"}},
			[]string{"s", "a", "a", "v"}},
		"no new ones": {"", []any{map[string]any{"Status": "SUCCESS"}}, []string{"s", "s", "s"}},
		"never accepted": {"a", []any{map[string]any{"Status": "ERROR"}, map[string]any{"Status": "ERROR"}, map[string]any{"Status": "ERROR"}, mismatch,
			fault("NotAuthorizedException", "Invalid session for the user.")}, []string{"s", "a", "a", "a", "a", "a"}},
	} {
		var sessions []string
		tried := 0
		server := newWrongServer(t, func(op string, body map[string]any) (int, any) {
			if op == "InitiateAuth" {
				return 200, challenge("MFA_SETUP", "s", nil)
			}
			sessions = append(sessions, fmt.Sprint(body["Session"]))
			switch op {
			case "AssociateSoftwareToken":
				return 200, map[string]any{"SecretCode": "JBSWY3DPEHPK3PXP", "Session": row.associated}
			case "VerifySoftwareToken":
				tried++
				if refusal, is := row.verified[tried-1].(map[string]string); is {
					return 400, refusal
				}
				return 200, row.verified[tried-1]
			}
			return 200, good
		})
		client := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client
		_, err := auth.Password{Client: client, Username: "ann", Password: "p", Ask: answering(map[string]string{"MFA_SETUP": "123456"})}.Login(t.Context())
		if !slices.Equal(sessions, row.want) || (err == nil) != (label != "never accepted") {
			t.Errorf("%s: %v, sessions %q, want %q", label, err, sessions, row.want)
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
		"empty":     {map[string]string{"MFAS_CAN_CHOOSE": `[]`}, "", nil, false},
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

// TestFirstOrSecond: a code that begins the sign-in is told from one that comes after a
// password, though the challenge EMAIL_OTP is the same.
func TestFirstOrSecond(t *testing.T) {
	t.Parallel()
	for preferred, first := range map[string]bool{"EMAIL_OTP": true, "PASSWORD": false} {
		p := &played{first: challenge("EMAIL_OTP", "s", nil)}
		var asked []auth.Question
		u, _ := p.user(t, func(_ context.Context, q auth.Question) (string, error) {
			asked = append(asked, q)
			return "123456", nil
		})
		u.Password = "p"
		if _, err := (auth.Choice{SignIn: u, Preferred: preferred}).Login(t.Context()); err != nil || len(asked) != 1 || asked[0].First != first {
			t.Errorf("%s: %v, asked %+v", preferred, err, asked)
		}
	}
}
