//go:build acceptance

package acceptance

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// account is another user of the pool, named by ACCEPT_<NAME>_USERNAME and
// ACCEPT_<NAME>_PASSWORD; without them the test skips.
func (c cogctl) account(name string) cogctl {
	c.t.Helper()
	user, password := os.Getenv("ACCEPT_"+name+"_USERNAME"), os.Getenv("ACCEPT_"+name+"_PASSWORD")
	if user == "" || password == "" {
		c.t.Skipf("ACCEPT_%s_USERNAME and ACCEPT_%s_PASSWORD are not set: see acceptance/README.md", name, name)
	}
	return c.with("COGCTL_USERNAME=" + user).with("COGCTL_PASSWORD=" + password)
}

// TestTOTP switches an authenticator on, signs in with it twice in a row, and
// switches it off again. The pool must have MFA optional, with authenticator apps.
func TestTOTP(t *testing.T) {
	c := newCogctl(t).account("TOTP")
	c.run(0, "login")
	out, _ := c.run(0, "account", "mfa", "enable", "totp", "--preferred", "--print-secret")
	t.Cleanup(func() { c.run(0, "account", "mfa", "disable", "totp") })
	c = c.with("COGCTL_TOTP_SECRET=" + strings.TrimSpace(out))
	c.run(0, "login")
	c.run(0, "login") // waits for the next code: each is taken once
	_, stderr := c.with("COGCTL_TOTP_SECRET=").with("COGCTL_MFA_CODE=000000").run(3, "login")
	t.Logf("FACT a wrong code is told as: %s", stderr)
}

// TestDevice signs in twice at a pool that always remembers devices.
func TestDevice(t *testing.T) {
	c := newCogctl(t).account("DEVICE")
	c.run(0, "login")
	before := devices(c)
	c.run(0, "token", "refresh")
	_, stderr := c.run(0, "login", "--debug")
	t.Logf("FACT the second sign-in answers %d challenges: the password, then two of the device", strings.Count(stderr, " RespondToAuthChallenge "))
	if after := devices(c); len(after) != len(before) {
		t.Errorf("%d devices became %d: the second sign-in is another device", len(before), len(after))
	}
	t.Logf("FACT devices have keys such as %v", before)
	c.run(0, "account", "device", "forget", "--this")
	c.run(0, "token", "refresh")
}

func devices(c cogctl) (keys []string) {
	c.t.Helper()
	out, _ := c.run(0, "account", "device", "list", "--json")
	var list []struct {
		Key string `json:"device_key"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		c.t.Fatal(err)
	}
	for _, d := range list {
		keys = append(keys, d.Key)
	}
	return keys
}

// TestRotation refreshes a session of an app client with refresh token rotation.
func TestRotation(t *testing.T) {
	client := os.Getenv("ACCEPT_ROTATING_CLIENT_ID")
	if client == "" {
		t.Skip("ACCEPT_ROTATING_CLIENT_ID is not set: see acceptance/README.md")
	}
	c := newCogctl(t).with("COGCTL_CLIENT_ID=" + client)
	c.run(0, "login")
	first, _ := c.run(0, "token", "--type", "refresh")
	_, stderr := c.run(0, "token", "refresh", "--debug")
	t.Logf("FACT REFRESH_TOKEN_AUTH of a rotating client: %s", stderr)
	second, _ := c.run(0, "token", "--type", "refresh")
	if first == second {
		t.Error("the refresh token stayed the same")
	}
	time.Sleep(70 * time.Second) // beyond the longest grace period
	stale := c.with("COGCTL_CONFIG_DIR=" + t.TempDir() + "/config")
	stale.stdin = first
	_, stderr = stale.run(3, "login", "--with-token")
	t.Logf("FACT a refresh token that was rotated away is told as: %s", stderr)
	c.run(0, "token", "refresh") // if this fails, Cognito ends the whole family on reuse: that is a fact too
}

// TestChoice signs in by USER_AUTH, where the app client allows it.
func TestChoice(t *testing.T) {
	if os.Getenv("ACCEPT_CHOICE") == "" {
		t.Skip("ACCEPT_CHOICE is not set: see acceptance/README.md")
	}
	c := newCogctl(t)
	c.run(0, "login", "--flow", "choice")
	c.with("COGCTL_ANSWER_SELECT_CHALLENGE=PASSWORD").run(0, "login", "--flow", "choice")
}

// TestAdmin signs in with AWS credentials that may call AdminInitiateAuth.
func TestAdmin(t *testing.T) {
	if os.Getenv("ACCEPT_ADMIN") == "" {
		t.Skip("ACCEPT_ADMIN is not set: see acceptance/README.md")
	}
	newCogctl(t).run(0, "login", "--flow", "admin")
}

// TestGlobalSignOut ends every session of the user.
func TestGlobalSignOut(t *testing.T) {
	c := newCogctl(t)
	c.run(0, "login")
	elsewhere := c.with("COGCTL_CONFIG_DIR=" + t.TempDir() + "/config")
	elsewhere.run(0, "login")
	c.run(0, "logout", "--global")
	_, stderr := elsewhere.with("COGCTL_PASSWORD=").run(4, "token", "refresh")
	t.Logf("FACT after a global sign-out a refresh is told as: %s", stderr)
}
