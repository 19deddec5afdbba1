//go:build conformance

package conformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// TestCognitoLocalTOTP sets an authenticator up, and signs in with its secret, at a
// server whose idea of the codes is its own (npm's otplib within cognito-local).
func TestCognitoLocalTOTP(t *testing.T) {
	server := startCognitoLocal(t, "")
	server.post(t, "UpdateUserPool", map[string]any{"UserPoolId": server.Pool, "MfaConfiguration": "OPTIONAL"}, nil)
	c := server.cogctl(t, ann, "Passw0rd!")
	c.ok(t, "login", "--flow", "password")
	if got := c.ok(t, "account", "get", "--json"); !strings.Contains(got, `"preferred_mfa": ""`) {
		t.Fatalf("before anything was set up: %s", got)
	}
	secret := c.ok(t, "account", "mfa", "enable", "totp", "--preferred", "--print-secret")
	if got := c.ok(t, "account", "get", "--json"); !strings.Contains(got, `"preferred_mfa": "totp"`) {
		t.Errorf("after the set-up: %s", got)
	}

	login := []string{"login", "--flow", "password"}
	t.Run("nobody to ask", func(t *testing.T) {
		server.cogctl(t, ann, "Passw0rd!").refused(t, 4, login...)
	})
	t.Run("by the secret", func(t *testing.T) {
		c := server.cogctl(t, ann, "Passw0rd!").with("COGCTL_TOTP_SECRET=" + secret)
		c.ok(t, login...)
		// cognito-local forgets the refresh tokens that it hands out after a
		// challenge. What was signed in stays good all the same.
		c.refused(t, 3, "token", "refresh")
		if id := claims(t, c.ok(t, "token", "print", "--type", "id")); id["email"] != ann {
			t.Errorf("email is %v, want %s", id["email"], ann)
		}
	})
	t.Run("by a code", func(t *testing.T) {
		code, err := totp.GenerateCode(secret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		server.cogctl(t, ann, "Passw0rd!").with("COGCTL_MFA_CODE="+code).ok(t, login...)
	})
	t.Run("wrong code", func(t *testing.T) {
		right, err := totp.GenerateCode(secret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		wrong := fmt.Sprintf("%06d", (int(right[0]-'0')+5)%10*100000)
		server.cogctl(t, ann, "Passw0rd!").with("COGCTL_MFA_CODE="+wrong).refused(t, 3, login...)
	})
}
