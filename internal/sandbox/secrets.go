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

// defaultSecrets are made of the clients' secrets, which are others each run.
func defaultSecrets(clients []Client) ([]store.Secret, []store.Parameter) {
	secretOf := map[string]string{}
	for _, c := range clients {
		secretOf[c.ID] = c.Secret
	}
	app, _ := json.Marshal(map[string]string{ // a map of strings always marshals
		"app_id": MachineClientID, "app_secret": secretOf[MachineClientID],
	})
	return []store.Secret{
			{Name: AppSecret, Text: string(app)},
			{Name: PlainSecret, Text: secretOf[SecretClientID]},
			{Name: BinarySecret, Binary: []byte{0, 1, 2, 3}},
		}, []store.Parameter{
			{Name: SecretParameter, Value: secretOf[SecretClientID], Secure: true},
		}
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
