//go:build conformance

package conformance

import (
	"os"
	"testing"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// TestOpenIDClient lets npm's openid-client, which is certified, use the sandbox's
// issuer from its discovery document on.
func TestOpenIDClient(t *testing.T) {
	d, secrets := oauthSandbox(t)
	cmd := node(t, "openid-client.mjs")
	cmd.Env = append(os.Environ(),
		"PEER_ISSUER="+d.Issuer, "PEER_SECRET="+secrets[sandbox.SecretClientID], "PEER_MACHINE_SECRET="+secrets[sandbox.MachineClientID])
	judge(t, cmd, []string{
		"code: public", "code: secret by basic", "code: secret by post",
		"refused: public", "refused: secret by basic", "refused: secret by post",
		"wrong secret by basic", "wrong secret by post",
		"client credentials: secret by basic", "client credentials: secret by post",
	})
}
