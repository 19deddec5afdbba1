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
	"github.com/cogctl/cogctl/internal/sandbox"
)

var good = map[string]any{"AuthenticationResult": map[string]any{"IdToken": "x.y.z", "AccessToken": "x.y.z", "RefreshToken": "r"}}

// played is a server that answers RespondToAuthChallenge call by call, and
// InitiateAuth always with the first challenge.
type played struct {
	first   map[string]any
	replies []any // map[string]any, map[string]string for a fault, or nil for a lost reply
	bodies  []map[string]any
	opened  []map[string]any
}

func (p *played) answer(op string, body map[string]any) (int, any) {
	if op == "InitiateAuth" {
		p.opened = append(p.opened, body)
		return 200, p.first
	}
	p.bodies = append(p.bodies, body)
	n := len(p.bodies) - 1
	if n >= len(p.replies) {
		return 200, good
	}
	switch reply := p.replies[n].(type) {
	case nil:
		return 0, nil
	case map[string]string:
		return 400, reply
	default:
		return 200, reply
	}
}

func challenge(name, session string, parameters map[string]string) map[string]any {
	return map[string]any{"ChallengeName": name, "Session": session, "ChallengeParameters": parameters}
}

func (p *played) user(t *testing.T, ask auth.Ask) (auth.SignIn, *[]string) {
	server := newWrongServer(t, p.answer)
	told := new([]string)
	return auth.SignIn{
		Client: newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client, Username: "ann", Ask: ask,
		Tell: func(text string) { *told = append(*told, text) },
	}, told
}

func answering(by map[string]string) auth.Ask {
	return func(_ context.Context, q auth.Question) (string, error) {
		for _, name := range []string{q.Name, string(q.Item)} {
			if answer, found := by[name]; found {
				return answer, nil
			}
		}
		return "", &auth.InputError{Item: q.Item, Subject: q.Name}
	}
}

var (
	expired = fault("NotAuthorizedException", "Invalid session for the user, session is expired.")
	wrong   = fault("NotAuthorizedException", "Incorrect username or password.")
)

// TestRestart: what came too late, or lost its reply, starts the flow again, once.
// A new password that may have been set is no reason to send the old one again.
func TestRestart(t *testing.T) {
	t.Parallel()
	sms := challenge("SMS_MFA", "s", nil)
	fresh := challenge("NEW_PASSWORD_REQUIRED", "s", nil)
	for label, row := range map[string]struct {
		first   map[string]any
		replies []any
		starts  int
		told    int
		ok      bool
	}{
		"expired once":      {sms, []any{expired}, 2, 1, true},
		"expired twice":     {sms, []any{expired, expired}, 2, 1, false},
		"lost once":         {sms, []any{nil}, 2, 1, true},
		"lost twice":        {sms, []any{nil, nil}, 2, 1, false},
		"new password late": {fresh, []any{expired}, 2, 1, true},
		"new password lost": {fresh, []any{nil}, 1, 0, false},
		"set-up lost": {challenge("MFA_SETUP", "s", nil), []any{map[string]any{"SecretCode": "JBSWY3DPEHPK3PXP", "Session": "s2"},
			map[string]any{"Status": "SUCCESS", "Session": "s3"}, nil}, 1, 0, false},
		"refused":             {sms, []any{wrong}, 1, 0, false},
		"a code too old":      {sms, []any{fault("ExpiredCodeException", "Invalid code provided, please request a code again.")}, 1, 0, false},
		"used, not too late":  {sms, []any{fault("NotAuthorizedException", "Invalid session for the user.")}, 1, 0, false},
		"nothing in the way":  {sms, nil, 1, 0, true},
		"expired, then wrong": {sms, []any{expired, wrong}, 2, 1, false},
	} {
		p := &played{first: row.first, replies: row.replies}
		asked := map[string]int{}
		ask := func(_ context.Context, q auth.Question) (string, error) {
			asked[string(q.Item)]++
			return "answer", nil
		}
		u, told := p.user(t, ask)
		_, err := auth.Password(u).Login(t.Context())
		if (err == nil) != row.ok || len(p.opened) != row.starts || len(*told) != row.told {
			t.Errorf("%s: %v, %d starts, told %q", label, err, len(p.opened), *told)
		}
		if asked["password"] != 1 || asked["new password"] > 1 {
			t.Errorf("%s: asked %v: what was typed counts for the second start too", label, asked)
		}
		if codes := asked[string(auth.ItemSMSCode)]; codes != 0 && codes != row.starts {
			t.Errorf("%s: asked %d times for a code, of which each start sends another", label, codes)
		}
	}
}

// TestDeviceRefused: the pool says no to the device, by not knowing it or by
// refusing its proof. The sign-in goes on without it, and it is forgotten; the
// user's password is not to blame.
func TestDeviceRefused(t *testing.T) {
	t.Parallel()
	srpChallenge := map[string]string{"SALT": "abcdef", "SRP_B": strings.Repeat("7", 700), "SECRET_BLOCK": "AAAA", "DEVICE_KEY": "k"}
	for label, replies := range map[string][]any{
		"unknown":          {fault("ResourceNotFoundException", "Device does not exist.")},
		"unknown at proof": {challenge("DEVICE_SRP_AUTH", "s2", nil), fault("ResourceNotFoundException", "Device does not exist.")},
		"proof refused":    {challenge("DEVICE_SRP_AUTH", "s2", nil), challenge("DEVICE_PASSWORD_VERIFIER", "s3", srpChallenge), wrong},
	} {
		p := &played{first: challenge("SMS_MFA", "s", nil), replies: replies}
		u, _ := p.user(t, answering(map[string]string{"SMS_MFA": "123456"}))
		u.Password = "p"
		u.Device = auth.RememberedDevice{Key: "k", GroupKey: "g", Password: "d"}
		var kept []auth.RememberedDevice
		u.Keep = func(_ context.Context, d auth.RememberedDevice) { kept = append(kept, d) }
		if _, err := auth.Password(u).Login(t.Context()); err != nil {
			t.Errorf("%s: %v", label, err)
		}
		last := p.bodies[len(p.bodies)-1]["ChallengeResponses"].(map[string]any)
		if len(p.opened) != 2 || last["DEVICE_KEY"] != nil || len(kept) != 1 || kept[0].Key != "" {
			t.Errorf("%s: %d starts, last answer %v, kept %v", label, len(p.opened), last, kept)
		}
	}
	// Without a device in play the same answers are what they say.
	p := &played{first: challenge("SMS_MFA", "s", nil), replies: []any{fault("ResourceNotFoundException", "Device does not exist.")}}
	u, _ := p.user(t, answering(map[string]string{"SMS_MFA": "123456"}))
	u.Password = "p"
	if _, err := auth.Password(u).Login(t.Context()); err == nil || len(p.opened) != 1 {
		t.Errorf("no device: %v after %d starts", err, len(p.opened))
	}
	// A proof that came too late says nothing about the device.
	p = &played{first: challenge("DEVICE_SRP_AUTH", "s", nil), replies: []any{expired}}
	u, told := p.user(t, nobody)
	u.Password, u.Device = "p", auth.RememberedDevice{Key: "k", GroupKey: "g", Password: "d"}
	u.Keep = func(_ context.Context, d auth.RememberedDevice) { t.Errorf("too late: kept %v", d) }
	if tokens, err := auth.Password(u).Login(t.Context()); err != nil || tokens.DeviceKey != "k" || len(p.opened) != 2 || !strings.Contains(fmt.Sprint(*told), "starts again") {
		t.Errorf("too late: %v, device %q, %d starts, told %q", err, tokens.DeviceKey, len(p.opened), *told)
	}
	// A device that the pool asks for and nobody kept.
	p = &played{first: challenge("DEVICE_SRP_AUTH", "s", nil)}
	u, _ = p.user(t, nobody)
	u.Password = "p"
	if _, err := auth.Password(u).Login(t.Context()); err == nil || !strings.Contains(err.Error(), "not kept here") {
		t.Errorf("a device nobody has: %v", err)
	}
}

// TestDeviceProof: the answer to DEVICE_SRP_AUTH goes along with the key.
func TestDeviceProof(t *testing.T) {
	t.Parallel()
	p := &played{first: challenge("DEVICE_SRP_AUTH", "s1", map[string]string{"USERNAME": "real"}), replies: []any{good}}
	u, _ := p.user(t, nobody)
	u.Password, u.Device = "p", auth.RememberedDevice{Key: "k", GroupKey: "g", Password: "d"}
	tokens, err := auth.Password(u).Login(t.Context())
	if err != nil || tokens.DeviceKey != "k" {
		t.Fatalf("%v, device %q: a refresh needs the key", err, tokens.DeviceKey)
	}
	sent := p.bodies[0]["ChallengeResponses"].(map[string]any)
	if p.bodies[0]["Session"] != "s1" || sent["DEVICE_KEY"] != "k" || sent["USERNAME"] != "real" || len(fmt.Sprint(sent["SRP_A"])) < 700 {
		t.Errorf("sent %v", p.bodies[0])
	}
	if opened := p.opened[0]["AuthParameters"].(map[string]any); opened["DEVICE_KEY"] != "k" {
		t.Errorf("InitiateAuth had %v", opened)
	}
}

// TestCustomRounds: each round is a question of its own name, in the pool's words,
// and carries the newest session. What is asked has as many lines as it has parameters.
func TestCustomRounds(t *testing.T) {
	t.Parallel()
	p := &played{
		first:   challenge("CUSTOM_CHALLENGE", "s1", map[string]string{"USERNAME": "ann", "USER_ID_FOR_SRP": "ann", "question": "one?\nhint: due", "hint": "uno"}),
		replies: []any{challenge("CUSTOM_CHALLENGE", "s2", map[string]string{"question": "two?"}), challenge("CUSTOM_CHALLENGE", "s3", nil)},
	}
	var asked []auth.Question
	u, _ := p.user(t, func(_ context.Context, q auth.Question) (string, error) {
		asked = append(asked, q)
		return fmt.Sprint("a", len(asked)), nil
	})
	if _, err := auth.Custom(u).Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names, details, sent []string
	for i, q := range asked {
		names, details = append(names, q.Name), append(details, q.Details)
		sent = append(sent, fmt.Sprint(p.bodies[i]["Session"], " ", p.bodies[i]["ChallengeResponses"].(map[string]any)["ANSWER"]))
	}
	if !slices.Equal(names, []string{"CUSTOM_CHALLENGE", "CUSTOM_CHALLENGE_2", "CUSTOM_CHALLENGE_3"}) ||
		!slices.Equal(details, []string{"hint: uno\nquestion: one? hint: due", "question: two?", ""}) ||
		!slices.Equal(sent, []string{"s1 a1", "s2 a2", "s3 a3"}) {
		t.Errorf("asked %q %q, sent %q", names, details, sent)
	}
	endless := &played{first: challenge("CUSTOM_CHALLENGE", "s", nil)}
	for range 40 {
		endless.replies = append(endless.replies, challenge("CUSTOM_CHALLENGE", "s", nil))
	}
	u, _ = endless.user(t, func(context.Context, auth.Question) (string, error) { return "a", nil })
	if _, err := auth.Custom(u).Login(t.Context()); err == nil || len(endless.bodies) > 20 {
		t.Errorf("a server that asks for ever: %v after %d answers", err, len(endless.bodies))
	}
}

// TestSelectChallenge: what may be chosen is what is offered, less passkeys.
func TestSelectChallenge(t *testing.T) {
	t.Parallel()
	for label, row := range map[string]struct {
		offered []string
		choice  string
		sent    string
		ok      bool
	}{
		"one, no question": {[]string{"WEB_AUTHN", "EMAIL_OTP"}, "", "EMAIL_OTP", true},
		"chosen":           {[]string{"EMAIL_OTP", "SMS_OTP"}, "SMS_OTP", "SMS_OTP", true},
		"not offered":      {[]string{"EMAIL_OTP", "PASSWORD"}, "SMS_OTP", "", false},
		"a passkey only":   {[]string{"WEB_AUTHN"}, "WEB_AUTHN", "", false},
		"nothing":          {nil, "", "", false},
	} {
		first := challenge("SELECT_CHALLENGE", "s", nil)
		first["AvailableChallenges"] = row.offered
		p := &played{first: first}
		u, _ := p.user(t, answering(map[string]string{"SELECT_CHALLENGE": row.choice}))
		_, err := auth.Choice{SignIn: u}.Login(t.Context())
		sent := ""
		if len(p.bodies) > 0 {
			sent = fmt.Sprint(p.bodies[0]["ChallengeResponses"].(map[string]any)["ANSWER"])
		}
		if (err == nil) != row.ok || sent != row.sent {
			t.Errorf("%s: %v, sent %q", label, err, sent)
		}
		var unsupported *auth.UnsupportedChallengeError
		if label == "a passkey only" && !errors.As(err, &unsupported) {
			t.Errorf("%s: %v", label, err)
		}
	}
}

// TestChoiceParameters: what is preferred goes along, with its proof.
func TestChoiceParameters(t *testing.T) {
	t.Parallel()
	for label, row := range map[string]struct {
		preferred, password string
		want                []string // names of AuthParameters
	}{
		"a password at hand": {"", "p", []string{"PREFERRED_CHALLENGE", "SRP_A", "USERNAME"}},
		"nothing":            {"", "", []string{"USERNAME"}},
		"the password":       {"PASSWORD", "p", []string{"PASSWORD", "PREFERRED_CHALLENGE", "USERNAME"}},
		"a code":             {"EMAIL_OTP", "p", []string{"PREFERRED_CHALLENGE", "USERNAME"}},
	} {
		p := &played{first: good}
		u, _ := p.user(t, nobody)
		u.Password = row.password
		if _, err := (auth.Choice{SignIn: u, Preferred: row.preferred}).Login(t.Context()); err != nil {
			t.Errorf("%s: %v", label, err)
			continue
		}
		var names []string
		for name := range p.opened[0]["AuthParameters"].(map[string]any) {
			names = append(names, name)
		}
		slices.Sort(names)
		if !slices.Equal(names, row.want) || p.opened[0]["AuthFlow"] != "USER_AUTH" {
			t.Errorf("%s: sent %q", label, names)
		}
	}
}

// TestFlowsAtTheSandbox: each flow, to tokens that verify.
func TestFlowsAtTheSandbox(t *testing.T) {
	t.Parallel()
	w := sandboxWorld(time.Now)
	words := answering(map[string]string{"CUSTOM_CHALLENGE": "open", "CUSTOM_CHALLENGE_2": "sesame"})
	ann := auth.SignIn{Client: w.client, Username: "ann", Password: sandbox.DefaultPassword, Ask: nobody}
	custom := auth.SignIn{Client: w.client, Username: "custom", Password: sandbox.DefaultPassword, Ask: words}
	for label, flow := range map[string]auth.Flow{
		"SRP": auth.SRP(ann), "password": auth.Password(ann), "choice": auth.Choice{SignIn: ann},
		"choice by password": auth.Choice{SignIn: ann, Preferred: "PASSWORD"},
		"custom":             auth.Custom(custom), "custom after SRP": auth.CustomSRP(custom),
	} {
		tokens, err := flow.Login(t.Context())
		if err != nil {
			t.Errorf("%s: %v", label, err)
			continue
		}
		if _, err := w.verifier.Begin(t.Context(), w.base, tokens); err != nil {
			t.Errorf("%s: %v", label, err)
		}
	}
}

// TestFutureChallenge: one that nobody knows yet is told with the names of what came
// with it, and without a value: nobody knows which are secrets.
func TestFutureChallenge(t *testing.T) {
	t.Parallel()
	p := &played{first: challenge("RETINA_SCAN", "s", map[string]string{"USERNAME": "ann", "TICKET": "ticket-1"})}
	u, _ := p.user(t, nobody)
	u.Password = "p"
	_, err := auth.Password(u).Login(t.Context())
	var unknown *auth.UnsupportedChallengeError
	if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "RETINA_SCAN (with TICKET, USERNAME)") || strings.Contains(err.Error(), "ticket-1") {
		t.Error(err)
	}
}
