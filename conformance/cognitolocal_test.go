//go:build conformance

package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/nettest"
)

// cognitoLocal is the npm package of that name, the emulator people already
// use. Its ways are not Cognito's, and a client has to live with all of them:
//
//   - its pools are named local_…, their users by UUIDs, its issuer is plain http;
//   - answers have neither ExpiresIn nor TokenType, ID tokens of its pages no nonce;
//   - a wrong password is InvalidPasswordException, a revoked refresh token is
//     NotAuthorizedException with a text that is not Cognito's;
//   - it checks no SECRET_HASH and no signature of AWS credentials;
//   - a code of an authenticator is good as often as one likes, and the refresh
//     token of a sign-in that had a challenge is refused at once;
//   - what notThere lists, and what its pages lack (see lacks).
type cognitoLocal struct {
	URL, Pool, ClientID string
}

// Its pools take an e-mail address for a name; the username behind it is a UUID.
const (
	ann      = "ann@example.com"
	newcomer = "new@example.com" // has a temporary password
)

// startCognitoLocal runs one in a folder of its own. With issuerDomain "" its
// tokens come from its own address, as it is by default.
func startCognitoLocal(t *testing.T, issuerDomain string) *cognitoLocal {
	t.Helper()
	dir := t.TempDir()
	if issuerDomain != "" {
		writeConfig(t, dir, issuerDomain)
	}
	port := freePort(t)
	cmd := node(t, "node_modules/cognito-local/lib/bin/start.js")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOST=127.0.0.1", fmt.Sprint("PORT=", port))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("cognito-local:\n%s", log.String())
		}
	})
	server := &cognitoLocal{URL: fmt.Sprintf("http://127.0.0.1:%d", port)}
	server.awaitHealth(t)
	server.seed(t)
	return server
}

func writeConfig(t *testing.T, dir, issuerDomain string) {
	t.Helper()
	config := fmt.Sprintf(`{"TokenConfig": {"IssuerDomain": %q}}`, issuerDomain)
	if err := os.Mkdir(filepath.Join(dir, ".cognito"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".cognito", "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freePort is a port nobody holds now; its issuer is written from PORT, so it
// cannot be left to choose.
func freePort(t *testing.T) int {
	t.Helper()
	port, err := nettest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (s *cognitoLocal) awaitHealth(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		resp, err := http.Get(s.URL + "/health")
		if err == nil {
			resp.Body.Close()
			return
		}
	}
	t.Fatal("cognito-local did not start within a minute")
}

func (s *cognitoLocal) seed(t *testing.T) {
	t.Helper()
	var pool struct{ UserPool struct{ Id string } }
	s.post(t, "CreateUserPool", map[string]any{"PoolName": "conformance"}, &pool)
	s.Pool = pool.UserPool.Id
	var client struct{ UserPoolClient struct{ ClientId string } }
	s.post(t, "CreateUserPoolClient", map[string]any{
		"UserPoolId":        s.Pool,
		"ClientName":        "conformance",
		"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
	}, &client)
	s.ClientID = client.UserPoolClient.ClientId
	for _, email := range []string{ann, newcomer} {
		s.post(t, "AdminCreateUser", map[string]any{
			"UserPoolId": s.Pool, "Username": email, "TemporaryPassword": "Temp0rary!", "MessageAction": "SUPPRESS",
		}, nil)
	}
	s.post(t, "AdminSetUserPassword", map[string]any{
		"UserPoolId": s.Pool, "Username": ann, "Password": "Passw0rd!", "Permanent": true,
	}, nil)
}

func (s *cognitoLocal) post(t *testing.T, operation string, in, out any) {
	t.Helper()
	status, answer := s.send(t, operation, in)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", operation, status, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s: %v", operation, err)
		}
	}
}

func (s *cognitoLocal) send(t *testing.T, operation string, in any) (status int, answer []byte) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
	return resp.StatusCode, answer
}

// refreshes says whether the server takes a refresh token, asked without cogctl.
func (s *cognitoLocal) refreshes(t *testing.T, token string) bool {
	t.Helper()
	status, _ := s.send(t, "InitiateAuth", map[string]any{
		"ClientId": s.ClientID, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": map[string]string{"REFRESH_TOKEN": token},
	})
	return status == http.StatusOK
}

func (s *cognitoLocal) cogctl(t *testing.T, user, password string) cogctl {
	t.Helper()
	return newCogctl(t,
		"COGCTL_ENDPOINT_USER_POOL="+s.URL,
		"COGCTL_USER_POOL_ID="+s.Pool,
		"COGCTL_CLIENT_ID="+s.ClientID,
		"COGCTL_USERNAME="+user,
		"COGCTL_PASSWORD="+password,
	)
}

func TestCognitoLocal(t *testing.T) {
	server := startCognitoLocal(t, "")

	t.Run("password, verified", func(t *testing.T) {
		c := server.cogctl(t, ann, "Passw0rd!")
		c.ok(t, "login", "--flow", "password")
		id := claims(t, c.ok(t, "token", "print", "--type", "id"))
		if want := server.URL + "/" + server.Pool; id["iss"] != want {
			t.Errorf("iss is %v, want %s", id["iss"], want)
		}
		if id["email"] != ann || id["cognito:username"] != id["sub"] || id["aud"] != server.ClientID {
			t.Errorf("the ID token is for %v (%v, sub %v) at %v", id["email"], id["cognito:username"], id["sub"], id["aud"])
		}
		if access := claims(t, c.ok(t, "token", "print", "--type", "access")); access["client_id"] != server.ClientID {
			t.Errorf("client_id is %v, want %s", access["client_id"], server.ClientID)
		}
	})

	t.Run("refresh", func(t *testing.T) {
		c := server.cogctl(t, ann, "Passw0rd!")
		c.ok(t, "login", "--flow", "password")
		before := c.ok(t, "token", "print", "--type", "access")
		c.ok(t, "token", "refresh")
		after := c.ok(t, "token", "print", "--type", "access")
		if before == after {
			t.Error("the refresh left the old access token")
		}
		if a, b := claims(t, before), claims(t, after); a["sub"] != b["sub"] || a["jti"] == b["jti"] {
			t.Errorf("sub %v then %v, jti %v then %v: want one sub and two jti", a["sub"], b["sub"], a["jti"], b["jti"])
		}
	})

	t.Run("logout revokes", func(t *testing.T) {
		c, other := server.cogctl(t, ann, "Passw0rd!"), server.cogctl(t, ann, "Passw0rd!")
		for _, c := range []cogctl{c, other} {
			c.ok(t, "login", "--flow", "password")
		}
		token := c.ok(t, "token", "print", "--type", "refresh")
		if !server.refreshes(t, token) {
			t.Fatal("the server refuses the refresh token before it is revoked")
		}
		c.ok(t, "logout")
		if server.refreshes(t, token) {
			t.Error("the server takes the refresh token after the logout")
		}
		c.refused(t, 4, "token", "refresh")
		other.ok(t, "token", "refresh")
	})

	t.Run("revoked elsewhere", func(t *testing.T) {
		c := server.cogctl(t, ann, "Passw0rd!")
		c.ok(t, "login", "--flow", "password")
		token := c.ok(t, "token", "print", "--type", "refresh")
		server.post(t, "RevokeToken", map[string]any{"ClientId": server.ClientID, "Token": token}, nil)
		// The refusal has a text of its own, which says nothing for certain about
		// the refresh token: so the session stays, until the logout.
		c.refused(t, 3, "token", "refresh")
		if kept := c.ok(t, "token", "print", "--type", "refresh"); kept != token {
			t.Error("the session was given up for a refusal that nobody knows")
		}
		c.refused(t, 3, "logout")
		c.refused(t, 4, "token", "refresh")
	})

	t.Run("wrong password", func(t *testing.T) {
		c := server.cogctl(t, ann, "Wr0ng-password!")
		c.refused(t, 3, "login", "--flow", "password")
		if r := c.run(t, "token", "print"); r.code == 0 {
			t.Error("there is a token after a refused sign-in")
		}
	})

	t.Run("new password", func(t *testing.T) {
		c := server.cogctl(t, newcomer, "Temp0rary!")
		c.refused(t, 4, "login", "--flow", "password")
		c.with("COGCTL_NEW_PASSWORD=Brand-new-0!").ok(t, "login", "--flow", "password")
		if id := claims(t, c.ok(t, "token", "print", "--type", "id")); id["email"] != newcomer {
			t.Errorf("email is %v, want %s", id["email"], newcomer)
		}
		server.cogctl(t, newcomer, "Brand-new-0!").ok(t, "login", "--flow", "password")
	})

	t.Run("no SRP there", func(t *testing.T) {
		c := server.cogctl(t, ann, "Passw0rd!")
		if r := c.run(t, "login", "--flow", "srp"); r.code == 0 {
			t.Error("an SRP sign-in to a server without SRP succeeded")
		}
	})

	t.Run("as an administrator", func(t *testing.T) {
		key := []string{"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret"}
		server.cogctl(t, ann, "Wr0ng-password!").with(key...).refused(t, 3, "login", "--flow", "admin")
		c := server.cogctl(t, ann, "Passw0rd!").with(key...)
		c.ok(t, "login", "--flow", "admin")
		c.ok(t, "token", "refresh")
		if id := claims(t, c.ok(t, "token", "print", "--type", "id")); id["email"] != ann {
			t.Errorf("email is %v, want %s", id["email"], ann)
		}
	})

	t.Run("what is not there", server.notThere)

	t.Run("keys from elsewhere", func(t *testing.T) {
		keys := server.URL + "/" + server.Pool + "/.well-known/jwks.json"
		server.cogctl(t, ann, "Passw0rd!").with("COGCTL_ENDPOINT_JWKS="+keys).ok(t, "login", "--flow", "password")
		nothing := server.URL + "/no/such/keys"
		if r := server.cogctl(t, ann, "Passw0rd!").with("COGCTL_ENDPOINT_JWKS="+nothing).run(t, "login", "--flow", "password"); r.code == 0 {
			t.Error("tokens were taken that no key could verify")
		}
	})
}

// notThere is what cognito-local 5.3.0 does not know, so that nothing here can be tried
// with it: should one of these fail, there is more to test.
func (s *cognitoLocal) notThere(t *testing.T) {
	operations := []string{
		"GetTokensFromRefreshToken", "GlobalSignOut", "AdminUserGlobalSignOut", "ConfirmDevice", "ListDevices", "ForgetDevice",
		"UpdateDeviceStatus", "ResendConfirmationCode", "GetUserAuthFactors", "AdminRespondToAuthChallenge", "AdminResetUserPassword",
	}
	for _, operation := range operations {
		if status, answer := s.send(t, operation, map[string]any{}); status != http.StatusInternalServerError || !bytes.Contains(answer, []byte("Unsupported")) {
			t.Errorf("%s: %d %s", operation, status, answer)
		}
	}
	for _, flow := range []string{"USER_SRP_AUTH", "CUSTOM_AUTH", "USER_AUTH"} {
		auth := map[string]string{"USERNAME": ann, "SRP_A": "2"}
		status, answer := s.send(t, "InitiateAuth", map[string]any{"ClientId": s.ClientID, "AuthFlow": flow, "AuthParameters": auth})
		if status != http.StatusInternalServerError || !bytes.Contains(answer, []byte("Unsupported")) {
			t.Errorf("%s: %d %s", flow, status, answer)
		}
	}
}

// TestCognitoLocalIssuer meets tokens whose issuer is not the endpoint's: they
// are refused until COGCTL_ISSUER says that this is the issuer meant.
func TestCognitoLocalIssuer(t *testing.T) {
	const domain = "http://127.0.0.1:9"
	server := startCognitoLocal(t, domain)
	keys := "COGCTL_ENDPOINT_JWKS=" + server.URL + "/" + server.Pool + "/.well-known/jwks.json"
	login := []string{"login", "--flow", "password"}

	if r := server.cogctl(t, ann, "Passw0rd!").with(keys).run(t, login...); r.code == 0 {
		t.Errorf("tokens of %s were taken from %s", domain, server.URL)
	}
	issuer := domain + "/" + server.Pool
	c := server.cogctl(t, ann, "Passw0rd!").with(keys, "COGCTL_ISSUER="+issuer)
	c.ok(t, login...)
	if id := claims(t, c.ok(t, "token", "print", "--type", "id")); id["iss"] != issuer {
		t.Errorf("iss is %v, want %s", id["iss"], issuer)
	}
}

// claims reads a token's payload without cogctl's help.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token has three parts, this has %d", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var found map[string]any
	if err := json.Unmarshal(payload, &found); err != nil {
		t.Fatal(err)
	}
	return found
}
