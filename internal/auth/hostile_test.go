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

// TestPasswordStaysHere: SRP promises that the password never travels. A server that
// asks for it in a flow where nobody asks for it gets none; only in the choice flow
// is PASSWORD a challenge, and only who chose it sends it.
func TestPasswordStaysHere(t *testing.T) {
	t.Parallel()
	offer := challenge("SELECT_CHALLENGE", "s", nil)
	offer["AvailableChallenges"] = []string{"PASSWORD"}
	for name, first := range map[string]map[string]any{"PASSWORD": challenge("PASSWORD", "s", nil), "SELECT_CHALLENGE": offer} {
		for flow, sends := range map[string]bool{"srp": false, "custom": false, "custom-srp": false, "choice": false, "chosen": true} {
			p := &played{first: first}
			u, _ := p.user(t, answering(nil))
			u.Password = "Passw0rd!"
			if sends {
				u.Ask = answering(map[string]string{"SELECT_CHALLENGE": "PASSWORD"})
			}
			_, err := map[string]auth.Flow{
				"srp": auth.SRP(u), "custom": auth.Custom(u), "custom-srp": auth.CustomSRP(u), "choice": auth.Choice{SignIn: u}, "chosen": auth.Choice{SignIn: u},
			}[flow].Login(t.Context())
			if sent := strings.Contains(fmt.Sprint(p.bodies), "Passw0rd!"); sent != sends {
				t.Errorf("%s in the flow %s: sent %v, %v", name, flow, sent, err)
			}
			if unsupported := (*auth.UnsupportedChallengeError)(nil); !sends && flow != "choice" && !errors.As(err, &unsupported) {
				t.Errorf("%s in the flow %s: %v", name, flow, err)
			}
		}
	}
}

// TestChosenPassword: what was chosen to begin with is not asked for again when its
// challenge comes by itself.
func TestChosenPassword(t *testing.T) {
	t.Parallel()
	p := &played{first: challenge("PASSWORD", "s", nil)}
	u, _ := p.user(t, nobody)
	u.Password = "Passw0rd!"
	if _, err := (auth.Choice{SignIn: u, Preferred: "PASSWORD"}).Login(t.Context()); err != nil || !strings.Contains(fmt.Sprint(p.bodies), "Passw0rd!") {
		t.Errorf("%v, sent %v", err, p.bodies)
	}
}

// TestHostileAuthenticators: what an authenticator app is set up with is shown on a
// terminal and drawn as a QR code.
func TestHostileAuthenticators(t *testing.T) {
	t.Parallel()
	for secret, ok := range map[string]bool{
		"JBSWY3DPEHPK3PXP": true, "": false, "\u001b[2J": false, "JBSWY3DP\nx": false, strings.Repeat("A", 5000): false,
	} {
		asked := false
		server := newWrongServer(t, func(op string, _ map[string]any) (int, any) {
			switch op {
			case "InitiateAuth":
				return 200, challenge("MFA_SETUP", "s", nil)
			case "AssociateSoftwareToken":
				return 200, map[string]any{"SecretCode": secret, "Session": "s2"}
			case "VerifySoftwareToken":
				return 200, map[string]any{"Status": "SUCCESS", "Session": "s3"}
			}
			return 200, good
		})
		client := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client
		ask := answering(map[string]string{"MFA_SETUP": "123456"})
		_, err := auth.Password{Client: client, Username: "ann", Password: "p", Ask: ask}.Login(t.Context())
		for _, op := range server.sent() {
			asked = asked || op == "VerifySoftwareToken"
		}
		if (err == nil) != ok || asked != ok {
			t.Errorf("sign-in, %.20q: asked %v, %v", secret, asked, err)
		}
		if _, err := (auth.Account{Client: client, Token: "token"}).NewTOTP(t.Context()); (err == nil) != ok {
			t.Errorf("account, %.20q: %v", secret, err)
		}
	}
}

// TestDeviceThatHangs: a sign-in is done when its tokens are there. They are not saved
// yet and others wait for them, so a device that takes long to confirm is done without.
func TestDeviceThatHangs(t *testing.T) {
	t.Parallel()
	for _, slow := range []string{"ConfirmDevice", "UpdateDeviceStatus"} {
		release := make(chan struct{})
		server := newWrongServer(t, func(op string, _ map[string]any) (int, any) {
			if op == slow {
				<-release
			}
			if op != "InitiateAuth" {
				return 200, map[string]any{"UserConfirmationNecessary": true}
			}
			return 200, map[string]any{"AuthenticationResult": map[string]any{"IdToken": "x.y.z", "AccessToken": "x.y.z", "RefreshToken": "r",
				"NewDeviceMetadata": map[string]string{"DeviceKey": "k", "DeviceGroupKey": "g"}}}
		})
		t.Cleanup(func() { close(release) })
		var kept []auth.RememberedDevice
		told := 0
		u := auth.Password{Client: newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client, Username: "ann", Password: "p", Ask: nobody,
			RememberDevice: true, Tell: func(string) { told++ }, Keep: func(_ context.Context, d auth.RememberedDevice) { kept = append(kept, d) }}
		began := time.Now()
		tokens, err := u.Login(t.Context())
		if took := time.Since(began); err != nil || tokens.Refresh != "r" || took > 30*time.Second || told != 1 {
			t.Errorf("%s: %v after %v, told %d", slow, err, took, told)
		}
		if confirmed := slow != "ConfirmDevice"; (len(kept) == 1) != confirmed {
			t.Errorf("%s: kept %v", slow, kept)
		}
	}
}

// TestDeviceTrouble: what a server says of a device is told without the tokens, which
// nobody knows yet as secrets.
func TestDeviceTrouble(t *testing.T) {
	t.Parallel()
	server := newWrongServer(t, func(op string, body map[string]any) (int, any) {
		if op != "InitiateAuth" {
			return 400, fault("InvalidParameterException", fmt.Sprintf("Value '%v' at 'accessToken' is odd", body["AccessToken"]))
		}
		return 200, map[string]any{"AuthenticationResult": map[string]any{"IdToken": "x.y.z", "AccessToken": "canary.access.token",
			"NewDeviceMetadata": map[string]string{"DeviceKey": "k", "DeviceGroupKey": "g"}}}
	})
	var told []string
	u := auth.Password{Client: newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client, Username: "ann", Password: "p", Ask: nobody,
		Tell: func(text string) { told = append(told, text) }, Keep: func(context.Context, auth.RememberedDevice) {}}
	if _, err := u.Login(t.Context()); err != nil || len(told) != 1 || strings.Contains(told[0], "canary") || !strings.Contains(told[0], "is odd") {
		t.Errorf("%v, told %q", err, told)
	}
}

// TestLongTexts: what a server says is told, but not by the megabyte.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A", 100_000)
	for label, answer := range map[string]func() (int, any){
		"challenge": func() (int, any) { return 200, challenge(long, "s", nil) },
		"question":  func() (int, any) { return 200, challenge("CUSTOM_CHALLENGE", "s", map[string]string{"question": long}) },
		"set-up":    func() (int, any) { return 200, challenge("MFA_SETUP", "s", map[string]string{"MFAS_CAN_SETUP": long}) },
		"type":      func() (int, any) { return 400, fault(long, "message") },
		"message":   func() (int, any) { return 400, fault("NotAuthorizedException", long) },
	} {
		server := newWrongServer(t, func(string, map[string]any) (int, any) { return answer() })
		ask := func(_ context.Context, q auth.Question) (string, error) {
			return "", &auth.InputError{Item: q.Item, Subject: q.Details}
		}
		u := auth.Password{Client: newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client, Username: "ann", Password: "p", Ask: ask}
		if _, err := u.Login(t.Context()); err == nil || len(err.Error()) > 2000 {
			t.Errorf("%s: an error of %d bytes", label, len(fmt.Sprint(err)))
		}
	}
}

// TestOneLine: an error of ours is one line, and what to do next stands below it. A
// server gets no line of its own there.
func TestOneLine(t *testing.T) {
	t.Parallel()
	const evil = "no\r\n        cogctl login --to\thttp://evil.example"
	for label, answer := range map[string]func() (int, any){
		"message":   func() (int, any) { return 400, fault("NotAuthorizedException", evil) },
		"no type":   func() (int, any) { return 400, fault(evil, "message") },
		"challenge": func() (int, any) { return 200, challenge(evil, "s", map[string]string{evil: "x"}) },
		"named":     func() (int, any) { return 200, challenge("WEB_AUTHN", "s", map[string]string{"USERNAME": evil}) },
		"question": func() (int, any) {
			return 200, challenge("NEW_PASSWORD_REQUIRED", "s", map[string]string{"requiredAttributes": `["no\n        cogctl login --to http://evil.example"]`})
		},
		"set-up": func() (int, any) { return 200, challenge("MFA_SETUP", "s", map[string]string{"MFAS_CAN_SETUP": evil}) },
		"kinds": func() (int, any) {
			return 200, challenge("SELECT_MFA_TYPE", "s", map[string]string{"MFAS_CAN_CHOOSE": evil})
		},
	} {
		server := newWrongServer(t, func(string, map[string]any) (int, any) { return answer() })
		client := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client
		_, err := auth.Password{Client: client, Username: "ann", Password: "p", Ask: answering(nil)}.Login(t.Context())
		if text := fmt.Sprint(err); strings.ContainsAny(text, "\r\n\t") || !strings.Contains(text, "http://evil.example") && label != "no type" && label != "named" {
			t.Errorf("%s: %q", label, text)
		}
	}
	// What is said of a code is told before the next one is asked for.
	p := &played{first: challenge("SMS_MFA", "s", map[string]string{"CODE_DELIVERY_DESTINATION": evil}), replies: []any{fault("CodeMismatchException", evil)}}
	u, _ := p.user(t, func(_ context.Context, q auth.Question) (string, error) {
		if strings.ContainsAny(q.Retry+q.SentTo, "\r\n\t") {
			t.Errorf("asked as %+v", q)
		}
		return "1", nil
	})
	if _, err := auth.Password(u).Login(t.Context()); err != nil || len(p.bodies) != 2 {
		t.Error(err, p.bodies)
	}
}

// TestTheSameAgain: codes of an authenticator are half a minute apart, and a session's
// lock may be held meanwhile. A server that takes each and asks for the next gets one,
// also when it asks for something else in between; a person is bothered for a while.
func TestTheSameAgain(t *testing.T) {
	t.Parallel()
	again := func(name string) any { return challenge(name, "s", map[string]string{"MFAS_CAN_CHOOSE": `["A","B"]`}) }
	for name, stored := range map[string]int{"SOFTWARE_TOKEN_MFA": 1, "EMAIL_OTP": 1, "SELECT_MFA_TYPE": 20, "CUSTOM_CHALLENGE": 20, "EMAIL_OTP SMS_MFA": 2} {
		for person, most := range map[bool]int{true: 20, false: stored} {
			var round []any
			for _, one := range strings.Fields(name) {
				round = append(round, again(one))
			}
			p := &played{first: round[0].(map[string]any), replies: slices.Repeat(append(round[1:], round[0]), 30)}
			u, _ := p.user(t, func(_ context.Context, q auth.Question) (string, error) {
				if q.Retry != "" && !person {
					return "", auth.ErrNoOther
				}
				return "A", nil
			})
			_, err := map[bool]auth.Flow{true: auth.Custom(u), false: auth.Password(u)}[name == "CUSTOM_CHALLENGE"].Login(t.Context())
			if len(p.bodies) != most || err == nil || !strings.Contains(err.Error(), "the server ask") {
				t.Errorf("%s, person %v: answered %d times, not %d: %v", name, person, len(p.bodies), most, err)
			}
		}
	}
}
