//go:build conformance

package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// oidcProvider is the npm package of that name: an issuer that is none of Cognito's.
type oidcProvider struct {
	Issuer  string
	Refresh string // a refresh token of the user jane

	mu    sync.Mutex
	lines []string
}

// oidcSecret is the client secret in js/oidc-provider.mjs: one that only a client
// that encodes it well can prove by basic.
const oidcSecret = "p+ss/w=rd & :%"

func startOIDCProvider(t *testing.T, args ...string) *oidcProvider {
	t.Helper()
	cmd := node(t, "oidc-provider.mjs", args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &oidcProvider{}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil || json.Unmarshal([]byte(first), p) != nil || p.Issuer == "" || p.Refresh == "" {
		_ = stdin.Close()
		_ = cmd.Wait()
		t.Fatalf("oidc-provider said %q: %v\n%s", first, err, log.String())
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(lines)
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		<-read
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("oidc-provider:\n%s%s", strings.Join(p.lines, ""), log.String())
		}
	})
	return p
}

func (p *oidcProvider) read(lines *bufio.Reader) {
	for {
		line, err := lines.ReadString('\n')
		p.mu.Lock()
		p.lines = append(p.lines, line)
		p.mu.Unlock()
		if err == io.EOF || err != nil {
			return
		}
	}
}

// gave counts the tokens that were given of a kind; it waits for want of them.
func (p *oidcProvider) gave(t *testing.T, kind string, want int) {
	t.Helper()
	if count := p.counts(`"gave":"`+kind+`"`, want); count != want {
		t.Errorf("oidc-provider gave %s %d times, want %d", kind, count, want)
	}
}

// refused waits for one refusal with this reason.
func (p *oidcProvider) refused(t *testing.T, why string) {
	t.Helper()
	if count := p.counts(why, 1); count != 1 {
		t.Errorf("oidc-provider refused for %q %d times, want 1", why, count)
	}
}

// counts counts a text in what was printed; it waits for want of them.
func (p *oidcProvider) counts(text string, want int) (count int) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		p.mu.Lock()
		count = strings.Count(strings.Join(p.lines, ""), text)
		p.mu.Unlock()
		if count == want {
			return count
		}
	}
	return count
}

func (p *oidcProvider) cogctl(t *testing.T) cogctl {
	return newCogctl(t, "COGCTL_ISSUER="+p.Issuer, "COGCTL_CLIENT_ID=conformance", "COGCTL_CLIENT_SECRET="+oidcSecret)
}

// TestOIDCProviderMachine: discovery and client credentials, by both ways of proving
// the client, with tokens that can be read and tokens that cannot.
func TestOIDCProviderMachine(t *testing.T) {
	for _, method := range []string{"client_secret_basic", "client_secret_post"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			p := startOIDCProvider(t, method)
			c := p.cogctl(t)
			var at struct{ Issuer, Token, JWKS string }
			if err := json.Unmarshal([]byte(c.ok(t, "endpoints", "--json")), &at); err != nil || at.Issuer != p.Issuer || at.Token != p.Issuer+"/token" {
				t.Errorf("endpoints: %+v, %v", at, err)
			}
			c = c.with("COGCTL_FLOW=client-credentials", "COGCTL_SCOPES=content/read")
			opaque := c.ok(t, "token")
			if strings.Count(opaque, ".") == 2 || c.ok(t, "token") != opaque {
				t.Errorf("the token %q is not the opaque one, kept", opaque)
			}
			p.gave(t, "client_credentials", 1)
			c.ok(t, "login", "--resource", "https://api.example.com")
			readable := claims(t, c.ok(t, "token"))
			if readable["aud"] != "https://api.example.com" || readable["scope"] != "content/read" || readable["client_id"] != "conformance" {
				t.Errorf("for a resource: %v", readable)
			}
			if status := c.ok(t, "status", "--json"); !strings.Contains(status, `"id_token_verified": true`) {
				t.Errorf("the readable token was not verified:\n%s", status)
			}
			p.gave(t, "client_credentials", 2)
			if said := c.refused(t, 2, "login", "--scope", "content/admin"); !strings.Contains(said, "invalid_scope") {
				t.Errorf("a scope of others: %s", said)
			}
			wrong := c.with("COGCTL_CLIENT_SECRET=p+ss")
			if said := wrong.refused(t, 2, "login", "--scope", "content/write"); !strings.Contains(said, "invalid_client") {
				t.Errorf("a wrong secret: %s", said)
			}
		})
	}
}

// TestOIDCProviderRefresh: a session that was given lives on by refresh with
// rotation, and is revoked; a replayed refresh token ends it for everybody.
func TestOIDCProviderRefresh(t *testing.T) {
	for _, method := range []string{"client_secret_basic", "client_secret_post"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			p := startOIDCProvider(t, method)
			c := p.cogctl(t)
			if r := c.feed(t, p.Refresh, "login", "--with-token"); r.code != 0 {
				t.Fatalf("login --with-token: exit %d: %s", r.code, r.stderr)
			}
			var status struct {
				Username, Sub, Email string
				Rotates              bool `json:"refresh_token_rotates"`
				Verified             bool `json:"id_token_verified"`
			}
			if err := json.Unmarshal([]byte(c.ok(t, "status", "--json")), &status); err != nil || status.Sub != "jane" || status.Email != "jane@example.com" ||
				!status.Rotates || !status.Verified {
				t.Errorf("status: %+v, %v", status, err)
			}
			first := c.ok(t, "token", "--type", "refresh")
			c.ok(t, "token", "refresh")
			second := c.ok(t, "token", "--type", "refresh")
			if first == p.Refresh || second == first || c.ok(t, "token") == "" {
				t.Error("the refresh token does not rotate")
			}
			p.gave(t, "refresh_token", 2)

			thief := p.cogctl(t)
			if r := thief.feed(t, first, "login", "--with-token"); r.code != 3 || !strings.Contains(r.stderr, "invalid_grant") {
				t.Errorf("a replayed refresh token: exit %d: %s", r.code, r.stderr)
			}
			if said := c.refused(t, 4, "token", "refresh"); !strings.Contains(said, "the session is over") {
				t.Errorf("after the replay: %s", said)
			}
		})
	}
}

// TestOIDCProviderLogout: logout revokes at the issuer.
func TestOIDCProviderLogout(t *testing.T) {
	p := startOIDCProvider(t, "client_secret_basic")
	c := p.cogctl(t)
	if r := c.feed(t, p.Refresh, "login", "--with-token"); r.code != 0 {
		t.Fatalf("login --with-token: exit %d: %s", r.code, r.stderr)
	}
	kept := c.ok(t, "token", "--type", "refresh")
	c.ok(t, "logout")
	p.gave(t, "revocation", 1)
	if r := c.feed(t, kept, "login", "--with-token"); r.code != 3 || !strings.Contains(r.stderr, "invalid_grant") {
		t.Errorf("a revoked refresh token: exit %d: %s", r.code, r.stderr)
	}
}
