package store

import "fmt"

// Secret is a secret of Secrets Manager, as its version AWSCURRENT. It has text
// or bytes.
type Secret struct {
	Name   string `toml:"name"`
	Text   string `toml:"text"`   // SecretString
	Binary []byte `toml:"binary"` // SecretBinary
}

// Parameter is a parameter of Systems Manager's Parameter Store.
type Parameter struct {
	Name   string `toml:"name"` // with its path: /app/client_secret
	Value  string `toml:"value"`
	Secure bool   `toml:"secure"` // SecureString: readable with decryption only
}

// AddSecret adds a secret whose name is not there yet.
func (s *Store) AddSecret(secret Secret) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.aws.secrets[secret.Name]; there || secret.Name == "" {
		return fmt.Errorf("secret %q is there twice or has no name", secret.Name)
	}
	put(&s.aws.secrets, secret.Name, secret)
	return nil
}

// Secret finds a secret by its name.
func (s *Store) Secret(name string) (Secret, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, ok := s.aws.secrets[name]
	return secret, ok
}

// AddParameter adds a parameter whose name is not there yet.
func (s *Store) AddParameter(p Parameter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.aws.parameters[p.Name]; there || p.Name == "" {
		return fmt.Errorf("parameter %q is there twice or has no name", p.Name)
	}
	put(&s.aws.parameters, p.Name, p)
	return nil
}

// Parameter finds a parameter by its name.
func (s *Store) Parameter(name string) (Parameter, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.aws.parameters[name]
	return p, ok
}
