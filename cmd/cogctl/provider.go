package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/jwt"
)

// provider is where the profile's OAuth requests go: to the domain, else to where
// the issuer's discovery document says. A user pool's document names its domain.
func (a *app) provider(ctx context.Context, s poolSettings) (auth.Provider, error) {
	if s.Domain != "" {
		p := auth.DomainProvider(s.Domain, s.Issuer)
		p.JWKS = s.JWKS
		return p, nil
	}
	p, err := a.discovery().Provider(ctx, s.Issuer)
	if err != nil {
		return p, discoveryHint(err, s)
	}
	if s.JWKS != "" {
		p.JWKS = s.JWKS
	}
	if p.Token == "" {
		return p, hinted(usagef("the issuer %s names no token endpoint", s.Issuer), "%s", domainHint(s))
	}
	if domain, found := strings.CutSuffix(p.Authorization, "/oauth2/authorize"); found && s.UserPoolID != "" {
		jwks := p.JWKS
		p = auth.DomainProvider(domain, s.Issuer)
		p.JWKS = jwks
	}
	return p, nil
}

// discovery finds endpoints, from a copy on disk that is not older than a day.
func (a *app) discovery() auth.Discovery {
	disk := a.discoveryFiles()
	return auth.Discovery{Client: a.http(), Now: a.now, Load: disk.load, Store: disk.store}
}

func discoveryHint(err error, s poolSettings) error {
	if s.UserPoolID != "" {
		return hinted(err, "%s", domainHint(s))
	}
	return hinted(err, "issuer must be exactly what the issuer calls itself, a final slash included: cogctl profile show tells where it comes from")
}

func domainHint(s poolSettings) string {
	if s.Foreign {
		return "check issuer: cogctl profile show tells where it comes from"
	}
	return "set the domain of the user pool's hosted pages: domain in the profile, or COGCTL_DOMAIN"
}

// home is where the session's OAuth requests go, as far as a sign-in must know it
// before anything is sent: a user pool without a domain is reached by its API.
func (s signIn) home(ctx context.Context) (auth.Provider, error) {
	if s.pool.Domain == "" && !s.pool.Foreign {
		return auth.Provider{}, nil
	}
	return s.app.provider(ctx, s.pool)
}

// learnKeys gives the key set of an issuer that a token from the domain names.
func (a *app) learnKeys(s poolSettings) func(iss string) (jwt.KeySet, error) {
	return func(iss string) (jwt.KeySet, error) {
		if s.Domain == "" || !auth.PoolOfDomain(s.Domain, iss) {
			return nil, fmt.Errorf("its issuer %q is none that the domain %s may have: set user_pool_id (COGCTL_USER_POOL_ID)", iss, s.Domain)
		}
		return a.keys(iss + "/.well-known/jwks.json"), nil
	}
}
