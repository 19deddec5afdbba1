//go:build conformance

package conformance

import (
	"strings"
	"testing"
)

// verifyingPool makes a pool of cognito-local's that sends codes to e-mail
// addresses. With CODE in its environment it always sends that one.
func verifyingPool(t *testing.T, code string) *cognitoLocal {
	t.Helper()
	t.Setenv("CODE", code)
	server := startCognitoLocal(t, "")
	var pool struct{ UserPool struct{ Id string } }
	server.post(t, "CreateUserPool", map[string]any{"PoolName": "accounts", "AutoVerifiedAttributes": []string{"email"}}, &pool)
	server.Pool = pool.UserPool.Id
	var client struct{ UserPoolClient struct{ ClientId string } }
	server.post(t, "CreateUserPoolClient", map[string]any{
		"UserPoolId": server.Pool, "ClientName": "accounts",
		"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
	}, &client)
	server.ClientID = client.UserPoolClient.ClientId
	return server
}

// TestCognitoLocalAccount walks an account's life at an emulator of other hands:
// made, confirmed, recovered, changed, deleted.
func TestCognitoLocalAccount(t *testing.T) {
	const code, wrong, dora = "314159", "271828", "dora@example.com"
	server := verifyingPool(t, code)
	c := server.cogctl(t, dora, "Chosen-by-dora-1").with("COGCTL_NEW_PASSWORD=Chosen-by-dora-1")

	made := c.ok(t, "account", "signup", dora, "-a", "email="+dora, "-a", "given_name=Dora", "--json")
	if !strings.Contains(made, `"user_confirmed": false`) || !strings.Contains(made, `"medium": "EMAIL"`) {
		t.Errorf("sign-up: %s", made)
	}
	if said := c.refused(t, 3, "account", "signup", dora, "-a", "email="+dora); !strings.Contains(said, "UsernameExistsException") {
		t.Errorf("a second sign-up: %s", said)
	}
	c.refused(t, 3, "login", "--flow", "password")
	if said := c.refused(t, 3, "account", "confirm", dora, wrong); !strings.Contains(said, "CodeMismatchException") {
		t.Errorf("a wrong code: %s", said)
	}
	if r := c.feed(t, code+"\n", "account", "confirm", dora, "-"); r.code != 0 {
		t.Fatalf("confirm: exit %d: %s", r.code, r.stderr)
	}
	c.ok(t, "login", "--flow", "password")
	if got := c.ok(t, "account", "get"); !strings.Contains(got, "Dora") || !strings.Contains(got, dora) {
		t.Errorf("account get: %s", got)
	}
	c.ok(t, "account", "update", "-a", "family_name=Example")
	if got := c.ok(t, "account", "get", "--json"); !strings.Contains(got, `"family_name": "Example"`) {
		t.Errorf("after the update: %s", got)
	}

	c = c.with("COGCTL_NEW_PASSWORD=Chosen-by-dora-2")
	c.ok(t, "account", "change-password")
	c = c.with("COGCTL_PASSWORD=Chosen-by-dora-2", "COGCTL_NEW_PASSWORD=Chosen-by-dora-3")
	c.ok(t, "login", "--flow", "password")

	sent := c.ok(t, "account", "forgot-password", dora, "--json")
	if !strings.Contains(sent, `"code_sent"`) {
		t.Errorf("forgot-password: %s", sent)
	}
	c.refused(t, 3, "account", "reset-password", dora, wrong)
	c.ok(t, "account", "reset-password", dora, code)
	c = c.with("COGCTL_PASSWORD=Chosen-by-dora-3")
	c.ok(t, "login", "--flow", "password")

	c.ok(t, "account", "delete", "--yes")
	c.refused(t, 3, "login", "--flow", "password")
}
