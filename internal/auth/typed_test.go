package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/auth"
)

// TestTypedName: people are asked and told by the name that was typed. The server is
// answered by the one that it gave, which may be a UUID, or words of its choice.
func TestTypedName(t *testing.T) {
	t.Parallel()
	const real = "5f66c9b4-aaaa-4bbb-8ccc-0123456789ab"
	with := func(name string, more map[string]string) *played {
		parameters := map[string]string{"USER_ID_FOR_SRP": real}
		for key, value := range more {
			parameters[key] = value
		}
		first := challenge(name, "s", parameters)
		first["AvailableChallenges"] = []string{"PASSWORD", "EMAIL_OTP"}
		return &played{first: first}
	}
	for name, more := range map[string]map[string]string{
		"NEW_PASSWORD_REQUIRED": {"requiredAttributes": `["userAttributes.given_name"]`},
		"SOFTWARE_TOKEN_MFA":    nil, "SMS_MFA": nil, "EMAIL_OTP": nil, "SMS_OTP": nil, "CUSTOM_CHALLENGE": nil, "SELECT_CHALLENGE": nil,
		"SELECT_MFA_TYPE": {"MFAS_CAN_CHOOSE": `["EMAIL_OTP","PASSWORD"]`},
	} {
		p := with(name, more)
		asked := 0
		u, _ := p.user(t, func(_ context.Context, q auth.Question) (string, error) {
			if asked++; q.Username != "ann@example.com" {
				t.Errorf("%s: asked of %q", name, q.Username)
			}
			return "EMAIL_OTP", nil
		})
		u.Username = "ann@example.com"
		var flow auth.Flow = auth.Choice{SignIn: u}
		if name == "CUSTOM_CHALLENGE" {
			flow = auth.Custom(u)
		}
		if _, err := flow.Login(t.Context()); err != nil || asked == 0 || len(p.bodies) != 1 {
			t.Errorf("%s: %v, asked %d times, answered %d times", name, err, asked, len(p.bodies))
			continue
		}
		if sent, _ := p.bodies[0]["ChallengeResponses"].(map[string]any); sent["USERNAME"] != real {
			t.Errorf("%s: answered as %v", name, sent["USERNAME"])
		}
	}
	for name, more := range map[string]map[string]string{
		"WEB_AUTHN": nil, "RETINA_SCAN": nil, "PASSWORD_VERIFIER": nil, "DEVICE_PASSWORD_VERIFIER": nil, "PASSWORD_SRP": nil,
		"MFA_SETUP": {"MFAS_CAN_SETUP": `["SMS_MFA"]`},
	} {
		u, _ := with(name, more).user(t, nobody)
		u.Username, u.Password = "ann@example.com", "p"
		if _, err := auth.Password(u).Login(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "sign in ann@example.com: ") || strings.Contains(err.Error(), real) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOddAttributes: what is wrong with the attributes that a server asks for is told with
// whose sign-in it was, and however many they are, in a few words.
func TestOddAttributes(t *testing.T) {
	t.Parallel()
	list := func(n int, name string) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprint(name, i)
		}
		text, _ := json.Marshal(names)
		return string(text)
	}
	for _, row := range []struct{ required, known, want string }{
		{"{", "", "the server's requiredAttributes is not a JSON array: "},
		{"[]", "[", "the server's userAttributes is not a JSON object: "},
		{list(5000, "a"), "", "the server requires 5000 attributes of the user, which is more than a user pool has"},
		{list(1, strings.Repeat("a", 1e5)), "", "the server requires an attribute with a name of more than 32 characters: "},
		{list(70, "custom:"), "", ""}, // as many as a user pool can have
	} {
		p := &played{first: challenge("NEW_PASSWORD_REQUIRED", "s", map[string]string{"requiredAttributes": row.required, "userAttributes": row.known})}
		asked := 0
		u, _ := p.user(t, func(context.Context, auth.Question) (string, error) { asked++; return "x", nil })
		u.Password = "p"
		_, err := auth.Password(u).Login(t.Context())
		switch {
		case row.want == "" && (err != nil || asked != 71):
			t.Errorf("asked %d times: %v", asked, err)
		case row.want != "" && (err == nil || asked > 0 || len(err.Error()) > 1000 || !strings.HasPrefix(err.Error(), "sign in ann at us-east-1_Sandbox01: "+row.want)):
			t.Errorf("asked %d times: %.200v", asked, err)
		}
	}
}
