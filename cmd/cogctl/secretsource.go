package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/zalando/go-keyring"

	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/secret"
	"github.com/cogctl/cogctl/internal/sigv4"
)

// secretStore reads the secrets that AWS keeps for a profile, with the caller's own
// AWS credentials: the identity pool's are what the secret may be needed for. A
// profile has one, so that nothing is asked for twice.
func (a *app) secretStore(p *config.Profile) *secret.AWS {
	if store, made := a.awsSecrets[p.Name()]; made {
		return store
	}
	source := sync.OnceValues(func() (awscred.Source, error) {
		source, _, err := a.awsSource(p, awsOptions{caller: true})
		return source, err
	})
	store := &secret.AWS{
		Credentials: func(ctx context.Context) (sigv4.Credentials, error) {
			find, err := source()
			if err != nil {
				return sigv4.Credentials{}, err
			}
			found, err := find(ctx)
			return sigv4.Credentials{AccessKeyID: found.AccessKeyID, SecretAccessKey: found.SecretAccessKey, SessionToken: found.SessionToken}, err
		},
		Region:         cmp.Or(p.Get("region").Text, a.getenv("AWS_REGION"), a.getenv("AWS_DEFAULT_REGION")),
		SecretsManager: p.Get("endpoints.secretsmanager").Text, SSM: p.Get("endpoints.ssm").Text,
		Client: a.http(), Now: a.now,
	}
	if a.awsSecrets == nil {
		a.awsSecrets = map[string]*secret.AWS{}
	}
	a.awsSecrets[p.Name()] = store
	return store
}

// fromKeyring reads a password of the desktop's keyring.
func fromKeyring(service, name string) (string, error) {
	value, err := keyring.Get(service, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return "", errors.New("the keyring has no such password")
	}
	return value, err
}

// pool settles the user pool of a profile, whose settings may stand in a secret.
func (a *app) pool(p *config.Profile) (poolSettings, error) {
	if err := a.fill(p); err != nil {
		return poolSettings{}, err
	}
	return pool(p)
}

// fill reads the one secret that fills settings of a profile, the first time that
// they are wanted.
func (a *app) fill(p *config.Profile) error {
	filling, wanted := p.Filling()
	if !wanted || len(filling.Settings) == 0 {
		return nil
	}
	err, done := a.filled[p.Name()]
	if done {
		return err
	}
	if err = a.fillFrom(a.running, p, filling); err != nil {
		err = unresolved(fmt.Errorf("%s: %w", filling.From.Origin.Text, err))
	}
	if a.filled == nil {
		a.filled = map[string]error{}
	}
	a.filled[p.Name()] = err
	return err
}

// unresolved is a mistake in the configuration, unless the caller has no AWS
// credentials to read the secret with.
func unresolved(err error) error {
	if missing := (*awscred.MissingError)(nil); errors.As(err, &missing) {
		return err
	}
	return withCode(exitUsage, err)
}

func (a *app) fillFrom(ctx context.Context, p *config.Profile, filling config.Filling) error {
	ref := filling.From.Text
	text, _, err := a.secrets(p).Resolve(ctx, ref)
	if err != nil {
		return err
	}
	a.redactor.Add(text)
	members, err := secret.Members(text)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	for _, name := range filling.Settings {
		key, mapped := filling.Keys[name]
		if _, there := members[name]; !mapped && !there {
			continue
		}
		value, err := members.Text(cmp.Or(key, name))
		if err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		if isSecretSetting(name) {
			a.redactor.Add(value)
		}
		origin := config.Origin{Kind: config.KindDerived, Text: fmt.Sprintf("key %q of %s", cmp.Or(key, name), ref)}
		if err := p.Fill(name, value, origin); err != nil {
			return err
		}
	}
	return nil
}

func isSecretSetting(name string) bool { return config.IsSecret([]string{name}, "") }
