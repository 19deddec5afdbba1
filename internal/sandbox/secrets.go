package sandbox

import (
	"encoding/json"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// The names of the default secrets and parameters.
const (
	// AppSecret is one secret with all that an app signs in by: app_id and
	// app_secret of the client for client credentials.
	AppSecret = "app_secrets"
	// PlainSecret is text that is no JSON, and BinarySecret no text.
	PlainSecret  = "sandbox/plain"
	BinarySecret = "sandbox/binary"
	// SecretParameter is a SecureString with the secret of the backend's client.
	SecretParameter = "/sandbox/backend/client_secret"
)

// secretsOf are the secrets that go with a user pool. They are made of the
// clients' secrets, which are others each run in the default pool.
func secretsOf(users Pool) (secrets []store.Secret, parameters []store.Parameter) {
	machine, backend := false, false
	for _, c := range users.Clients {
		switch {
		case c.Secret == "":
		case c.AllowsOAuth("client_credentials") && !machine:
			machine = true
			text, _ := json.Marshal(map[string]string{"app_id": c.ID, "app_secret": c.Secret}) // a map of strings always marshals
			secrets = append(secrets, store.Secret{Name: AppSecret, Text: string(text)})
		case !c.AllowsOAuth("client_credentials") && !backend:
			backend = true
			secrets = append(secrets, store.Secret{Name: PlainSecret, Text: c.Secret})
			parameters = append(parameters, store.Parameter{Name: SecretParameter, Value: c.Secret, Secure: true})
		}
	}
	return append(secrets, store.Secret{Name: BinarySecret, Binary: []byte{0, 1, 2, 3}}), parameters
}

// plantSecrets puts secrets and parameters into the store.
func (s Seed) plantSecrets(into *store.Store) error {
	for _, secret := range s.Secrets {
		if err := into.AddSecret(secret); err != nil {
			return err
		}
	}
	for _, p := range s.Parameters {
		if err := into.AddParameter(p); err != nil {
			return err
		}
	}
	return nil
}
