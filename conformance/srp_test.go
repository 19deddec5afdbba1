//go:build conformance

package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
)

// srpServer is js/srp-server.mjs: an SRP pool of another hand.
type srpServer struct {
	URL      string `json:"url"`
	Pool     string `json:"pool"`
	ClientID string `json:"clientId"`
	Code     string `json:"code"` // of SMS_MFA, always
	verdicts <-chan verdict
}

// verdict is what the server found when something came in that it judges: a
// "proof" of the password, a "device" to confirm, or a "device proof".
type verdict struct {
	Event     string `json:"event"`
	OK        bool   `json:"ok"`
	User      string `json:"user"`
	Reason    string `json:"reason"`
	Timestamp string `json:"timestamp"`
}

func startSRPServer(t *testing.T, args ...string) srpServer {
	t.Helper()
	cmd := node(t, "srp-server.mjs", args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
	})
	lines := bufio.NewReader(stdout)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatalf("srp-server.mjs: %v", err)
	}
	var server srpServer
	if err := json.Unmarshal(first, &server); err != nil {
		t.Fatalf("srp-server.mjs said %q: %v", first, err)
	}
	server.verdicts = readVerdicts(lines)
	return server
}

func readVerdicts(r io.Reader) <-chan verdict {
	found := make(chan verdict, 100)
	go func() {
		defer close(found)
		for in := json.NewDecoder(r); ; {
			var v verdict
			if in.Decode(&v) != nil {
				return
			}
			found <- v
		}
	}()
	return found
}

// verdict waits for what the server made of the last proof: an exit code alone
// would not show that the proof was looked at.
func (s srpServer) verdict(t *testing.T) verdict {
	t.Helper()
	select {
	case v, open := <-s.verdicts:
		if !open {
			t.Fatal("srp-server.mjs ended")
		}
		return v
	case <-time.After(time.Minute):
		t.Fatal("the server saw no proof")
	}
	return verdict{}
}

// login is cogctl with nothing but the variables a first sign-in needs.
func (s srpServer) login(t *testing.T, user, password string) cogctl {
	t.Helper()
	return newCogctl(t,
		"COGCTL_ENDPOINT_USER_POOL="+s.URL,
		"COGCTL_USER_POOL_ID="+s.Pool,
		"COGCTL_CLIENT_ID="+s.ClientID,
		"COGCTL_USERNAME="+user,
		"COGCTL_PASSWORD="+password,
	)
}

// This server publishes no keys, so the tokens cannot be verified. Nothing else is
// said: the flow has to be found.
var srpLogin = []string{"login", "--no-verify-id-token"}

func TestSRPServer(t *testing.T) {
	server := startSRPServer(t)

	// Salts with the top bit set, with leading zeros and of an odd length, and
	// three sign-ins each because B comes in three shapes too.
	users := map[string]string{"ann": "Passw0rd!", "bob": "Passw0rd!", "eve": "Pässwörd 1!"}
	for user, password := range users {
		t.Run(user, func(t *testing.T) {
			for range 3 {
				c := server.login(t, user, password)
				c.ok(t, srpLogin...)
				if v := server.verdict(t); !v.OK || v.User != user {
					t.Fatalf("the server found %+v, want a good proof of %s", v, user)
				}
				if sub := claims(t, c.ok(t, "token", "print", "--type", "id"))["cognito:username"]; sub != user {
					t.Errorf("cognito:username is %v, want %s", sub, user)
				}
			}
		})
	}

	t.Run("wrong password", func(t *testing.T) {
		stderr := server.login(t, "ann", "Wr0ng-password!").refused(t, 3, srpLogin...)
		if v := server.verdict(t); v.OK || v.Reason != "signature" {
			t.Errorf("the server found %+v, want a wrong signature", v)
		}
		if strings.Contains(stderr, "Wr0ng-password!") {
			t.Error("the password is in the error")
		}
	})

	t.Run("unknown user", func(t *testing.T) {
		server.login(t, "nobody", "Passw0rd!").refused(t, 3, srpLogin...)
	})

	t.Run("new password", func(t *testing.T) {
		c := server.login(t, "new", "Temp0rary!")
		c.refused(t, 4, srpLogin...)
		server.verdict(t)
		c.with("COGCTL_NEW_PASSWORD=Brand-new-0!").ok(t, srpLogin...)
		server.verdict(t)
		server.login(t, "new", "Brand-new-0!").ok(t, srpLogin...)
		if v := server.verdict(t); !v.OK {
			t.Errorf("the server found %+v, want a good proof with the new password", v)
		}
	})

	t.Run("keys are asked for", func(t *testing.T) {
		c := server.login(t, "ann", "Passw0rd!")
		if r := c.run(t, "login"); r.code == 0 {
			t.Error("tokens that nobody can verify were taken without --no-verify-id-token")
		}
		server.verdict(t)
		if r := c.run(t, "token", "print"); r.code == 0 {
			t.Error("the unverified tokens were kept")
		}
	})
}

// Days of one digit and of two, in the morning, in the afternoon and at midnight.
const (
	morning   = "2026-11-25T09:59:30Z"
	afternoon = "2026-11-05T15:04:05Z"
	midnight  = "2027-01-01T00:00:05Z"
)

// TestSRPClock signs in to servers whose clocks stand elsewhere: TIMESTAMP
// follows the server's time, on a 24-hour clock and with no zero before the
// day, whatever the machine's own clock says.
func TestSRPClock(t *testing.T) {
	for _, at := range []string{morning, afternoon, midnight} {
		t.Run(at, func(t *testing.T) {
			server := startSRPServer(t, at)
			r := server.login(t, "ann", "Passw0rd!").run(t, srpLogin...)
			if v := server.verdict(t); !v.OK || r.code != 0 {
				t.Fatalf("the server found %+v, want a good proof (cogctl: exit %d, %s)", v, r.code, r.stderr)
			}
		})
	}
}
