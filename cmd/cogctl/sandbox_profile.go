package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/sandbox"
)

// stack is a running sandbox as its users see it.
type stack struct {
	sandbox.Endpoints
	secrets map[string]string // of the app clients that have one, by their id; others each run
	residents
}

func newStack(at sandbox.Endpoints, seed sandbox.Seed) stack {
	return stack{at, clientSecrets(seed), residentsOf(seed)}
}

func clientSecrets(seed sandbox.Seed) map[string]string {
	secrets := map[string]string{}
	for _, client := range seed.Pools[0].Clients {
		if client.Secret != "" {
			secrets[client.ID] = client.Secret
		}
	}
	return secrets
}

// residents are those of a seed that the ready-made profiles name. A client that
// is not there is "".
type residents struct {
	pool          string
	public        string // an app client that people sign in to, without a secret if there is one
	backend       string // one with a secret
	machine       string // one that signs in with its secret alone
	machineScopes []string
	callbacks     []string // of the public client
	username      string   // the first user
	password      string   // that user's
	users         string   // all of them, for people

	identityPool string // the first one
	classicPool  string // the first that takes the classic flow
}

func residentsOf(seed sandbox.Seed) residents {
	pool := seed.Pools[0]
	r := residents{pool: pool.ID, users: "those of --config"}
	for _, c := range pool.Clients {
		switch {
		case slices.Contains(c.OAuthFlows, "client_credentials"):
			if r.machine == "" {
				r.machine, r.machineScopes = c.ID, c.OAuthScopes
			}
		case c.Secret == "" && r.public == "":
			r.public, r.callbacks = c.ID, c.CallbackURLs
		case c.Secret != "" && r.backend == "":
			r.backend = c.ID
		}
	}
	if len(pool.Users) > 0 {
		r.username, r.password = pool.Users[0].Username, pool.Users[0].Password
	}
	for _, p := range seed.IdentityPools {
		r.identityPool = cmp.Or(r.identityPool, p.ID)
		if p.AllowClassicFlow {
			r.classicPool = cmp.Or(r.classicPool, p.ID)
		}
	}
	if pool.ID == sandbox.DefaultPoolID && r.password == sandbox.DefaultPassword {
		r.users = fmt.Sprintf("ann (groups admin, readers), bob, new (%s), totp, sms, mail, ...; password %s", sandbox.TemporaryPassword, sandbox.DefaultPassword)
	}
	return r
}

// settings is the profile that reaches the sandbox by the public client.
func (s stack) settings() map[string]string {
	return map[string]string{
		"user_pool_id":        s.pool,
		"client_id":           s.public,
		"domain":              s.Cloud,
		"callback_urls":       strings.Join(s.callbacks, " "),
		"username":            s.username,
		"api_url":             s.API,
		"endpoints.user_pool": s.Cloud,

		"identity_pool_id":        s.identityPool,
		"endpoints.identity_pool": s.Cloud,
		"endpoints.sts":           s.Cloud,
	}
}

// configure writes the profiles below home: sandbox, and for the clients that
// have a secret backend and machine, with the secrets in files.
func (s stack) configure(home string) error {
	folder := filepath.Join(home, "config")
	path := filepath.Join(folder, "config.toml")
	backend, machine := s.settings(), s.settings()
	backend["client_id"], machine["client_id"] = s.backend, s.machine
	delete(machine, "username")
	delete(machine, "callback_urls")
	delete(machine, "identity_pool_id") // takes nobody's login but a user's
	machine["flow"], machine["api_auth"] = "client-credentials", "access"
	machine["scopes"] = strings.Join(s.machineScopes, " ")
	first := s.settings()
	switch { // a file of one's own need not have all three clients
	case s.public == "" && s.backend != "":
		first = backend
	case s.public == "" && s.machine != "":
		first = machine
	}
	if err := s.writeProfile(path, "sandbox", first); err != nil {
		return err
	}
	for name, settings := range map[string]map[string]string{"backend": backend, "machine": machine} {
		if settings["client_id"] == "" {
			continue
		}
		if err := s.writeProfile(path, name, settings); err != nil {
			return err
		}
	}
	return nil
}

// writeProfile adds a profile, with the secret of its client in a file beside it.
// The first one is the default.
func (s stack) writeProfile(path, name string, settings map[string]string) error {
	settings = given(settings)
	isFirst := name == "sandbox"
	secret := s.secrets[settings["client_id"]]
	if secret == "" {
		return config.Create(path, name, settings, isFirst)
	}
	secretFile := filepath.Join(filepath.Dir(path), name+"-secret")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(secretFile, []byte(secret), 0o600); err != nil {
		return err
	}
	settings["client_secret"] = "file:" + secretFile
	return config.Create(path, name, settings, isFirst)
}

// text is a ready profile, with the rest of what there is to know in comments.
func (s stack) text() string {
	p := s.settings()
	return fmt.Sprintf(`# user pool API, key sets, OAuth endpoints and sign-in pages: %s
# API:                        %s
# control:                    %s (X-Cogctl-Key: %s)
# users: %s
# client with a secret:       %s, %s
# client credentials:         %s, %s (scopes %s)
# an AWS access key:          %s, %s
# For ~/.config/cogctl/config.toml, then: cogctl login --profile sandbox
[profiles.sandbox]
user_pool_id = %q
client_id = %q
domain = %q
callback_urls = [%s]
username = %q
identity_pool_id = %q
[profiles.sandbox.api]
url = %q
[profiles.sandbox.endpoints]
user_pool = %q
identity_pool = %q
sts = %q`, s.Cloud, s.API, s.Control, s.ControlKey, s.users,
		s.backend, s.secrets[s.backend], s.machine, s.secrets[s.machine], strings.Join(s.machineScopes, ", "),
		s.AccessKeyID, s.SecretAccessKey,
		p["user_pool_id"], p["client_id"], p["domain"], `"`+strings.Join(s.callbacks, `", "`)+`"`,
		p["username"], p["identity_pool_id"], p["api_url"], p["endpoints.user_pool"], p["endpoints.identity_pool"], p["endpoints.sts"])
}

// given leaves out the settings that have no value.
func given(settings map[string]string) map[string]string {
	kept := maps.Clone(settings)
	maps.DeleteFunc(kept, func(_, value string) bool { return value == "" })
	return kept
}
