//go:build conformance

package conformance

import (
	"fmt"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// TestCognitoLocalTOTP signs in with an authenticator app's secret to a server
// whose idea of the codes is its own (npm's otpauth within cognito-local).
func TestCognitoLocalTOTP(t *testing.T) {
	server := startCognitoLocal(t, "")
	server.post(t, "UpdateUserPool", map[string]any{"UserPoolId": server.Pool, "MfaConfiguration": "OPTIONAL"}, nil)
	c := server.cogctl(t, ann, "Passw0rd!")
	c.ok(t, "login", "--flow", "password")
	access := c.ok(t, "token", "print", "--type", "access")
	var associated struct{ SecretCode string }
	server.post(t, "AssociateSoftwareToken", map[string]any{"AccessToken": access}, &associated)
	code, err := totp.GenerateCode(associated.SecretCode, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server.post(t, "VerifySoftwareToken", map[string]any{"AccessToken": access, "UserCode": code}, nil)
	server.post(t, "SetUserMFAPreference", map[string]any{
		"AccessToken": access, "SoftwareTokenMfaSettings": map[string]any{"Enabled": true, "PreferredMfa": true},
	}, nil)

	login := []string{"login", "--flow", "password"}
	t.Run("nobody to ask", func(t *testing.T) {
		server.cogctl(t, ann, "Passw0rd!").refused(t, 4, login...)
	})
	t.Run("by the secret", func(t *testing.T) {
		c := server.cogctl(t, ann, "Passw0rd!").with("COGCTL_TOTP_SECRET=" + associated.SecretCode)
		c.ok(t, login...)
		// cognito-local forgets the refresh tokens that it hands out after a
		// challenge. What was signed in stays good all the same.
		c.refused(t, 3, "token", "refresh")
		if id := claims(t, c.ok(t, "token", "print", "--type", "id")); id["email"] != ann {
			t.Errorf("email is %v, want %s", id["email"], ann)
		}
	})
	t.Run("by a code", func(t *testing.T) {
		code, err := totp.GenerateCode(associated.SecretCode, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		server.cogctl(t, ann, "Passw0rd!").with("COGCTL_MFA_CODE="+code).ok(t, login...)
	})
	t.Run("wrong code", func(t *testing.T) {
		right, err := totp.GenerateCode(associated.SecretCode, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		wrong := fmt.Sprintf("%06d", (int(right[0]-'0')+5)%10*100000)
		server.cogctl(t, ann, "Passw0rd!").with("COGCTL_MFA_CODE="+wrong).refused(t, 3, login...)
	})
}
