package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/jwt"
)

// identityLogin is by what an identity is known to its pool.
type identityLogin struct {
	who    string // names the identity among those that may have credentials here
	name   string // for AWS's logs
	tokens func(context.Context) (map[string]string, error)
}

// login finds out who asks. It reads what is stored and, where nobody is signed in,
// signs in if that needs nobody: credentials go with a sign-in, and are not handed
// out after a logout. The tokens themselves are had when they are wanted.
func (i identity) login(ctx context.Context) (identityLogin, error) {
	switch given := i.app.getenv("COGCTL_TOKEN"); {
	case i.isGuest():
		return identityLogin{who: "guest", name: "guest"}, nil
	case len(i.profile.Logins()) > 0:
		return i.fromTable(ctx)
	case given != "":
		return i.fromToken(given)
	}
	provider, one, err := i.signedIn(ctx, i.profile)
	if err != nil {
		return identityLogin{}, err
	}
	return identityLogin{who: one.who, name: one.name, tokens: func(ctx context.Context) (map[string]string, error) {
		token, err := one.token(ctx)
		return map[string]string{provider: token}, err
	}}, nil
}

// proof is one provider's token, to be had.
type proof struct {
	who, name string
	token     func(context.Context) (string, error)
}

// signedIn is the ID token of a profile's sign-in, and the name that the identity
// pool has for the provider.
func (i identity) signedIn(ctx context.Context, p *config.Profile) (provider string, one proof, err error) {
	s, dir, err := i.app.whoseOf(p)
	if err != nil {
		return "", one, err
	}
	if s.machine != nil {
		return "", one, hinted(usagef("the app client %s signs in by itself and has no ID token, which the identity pool wants", s.pool.ClientID),
			"sign a user in, or be a guest: --guest")
	}
	session, exact, err := s.find(dir)
	switch {
	case err != nil:
		return "", one, err
	case !session.Live() && i.offline:
		return "", one, s.needed()
	case (!session.Live() || !exact) && !i.offline:
		if session, err = s.current(ctx, dir, margin); err != nil {
			return "", one, err
		}
	}
	if err := i.mayGo("the ID token of "+session.Username, session.Endpoint, fieldIdentityPool); err != nil {
		return "", one, err
	}
	one = proof{who: s.as(session).key() + " " + session.Subject, name: session.Username, token: func(ctx context.Context) (string, error) {
		return freshID(ctx, s, dir, session)
	}}
	return s.pool.provider(), one, nil
}

// freshID is the session's ID token, refreshed where that is due.
func freshID(ctx context.Context, s signIn, dir *cache.Dir[auth.Session], session auth.Session) (string, error) {
	if !session.GoodFor(s.app.now(), margin) {
		var err error
		if session, err = s.current(ctx, dir, margin); err != nil {
			return "", err
		}
	}
	token, err := sessionToken(session, "id")
	return token.Raw, err
}

// provider is what identity pools call this user pool or issuer: host and path,
// without the scheme. UNCONFIRMED for an issuer with a slash at its end; the table
// logins says any name exactly.
// https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html
func (s poolSettings) provider() string {
	if s.UserPoolID == "" {
		return providerOf(s.Issuer)
	}
	return providerOf(auth.Endpoint(s.Region)) + "/" + s.UserPoolID
}

func providerOf(issuer string) string {
	_, rest, found := strings.Cut(issuer, "://")
	if !found {
		rest = issuer // Google's tokens may say accounts.google.com
	}
	return strings.TrimRight(rest, "/")
}

// fromToken takes COGCTL_TOKEN for the login.
func (i identity) fromToken(given string) (identityLogin, error) {
	view, err := i.app.givenToken(given, "id")
	if err != nil {
		return identityLogin{}, err
	}
	token, err := jwt.Parse(view.Raw)
	if err != nil {
		return identityLogin{}, usagef("COGCTL_TOKEN holds no ID token, which the identity pool wants: %v", err)
	}
	issuer := token.Claims.String("iss")
	provider := providerOf(issuer)
	if s, err := pool(i.profile); err == nil && slices.Contains(s.Issuers, issuer) {
		provider = s.provider()
	}
	// Who gave the token gave the variables, too: an endpoint among them is meant.
	if i.profile.Get(fieldIdentityPool).Origin.Kind != config.KindEnv {
		if err := i.mayGo("COGCTL_TOKEN", issuer, fieldIdentityPool); err != nil {
			return identityLogin{}, err
		}
	}
	return identityLogin{who: subjectOf(view.Raw), name: token.Claims.String("sub"), tokens: func(context.Context) (map[string]string, error) {
		return map[string]string{provider: view.Raw}, nil
	}}, nil
}

// fromTable takes the logins that the profile names.
func (i identity) fromTable(ctx context.Context) (identityLogin, error) {
	proofs := map[string]proof{}
	var login identityLogin
	values := i.profile.Logins()
	for _, provider := range slices.Sorted(maps.Keys(values)) {
		one, err := i.named(ctx, values[provider])
		if err != nil {
			return login, fmt.Errorf("login for %s: %w", provider, err)
		}
		proofs[provider] = one
		login.who += fmt.Sprintf("%q %q ", provider, one.who)
		login.name = one.name
	}
	login.tokens = func(ctx context.Context) (map[string]string, error) {
		tokens := map[string]string{}
		for provider, one := range proofs {
			token, err := one.token(ctx)
			if err != nil {
				return nil, fmt.Errorf("login for %s: %w", provider, err)
			}
			tokens[provider] = token
		}
		return tokens, nil
	}
	return login, nil
}

// named is one value of the table logins. What costs little is looked up at once, so
// that credentials are never those of whom the token was of before; a program is
// asked when credentials are wanted.
func (i identity) named(ctx context.Context, v config.Value) (proof, error) {
	if name, other := strings.CutPrefix(v.Text, config.LoginProfile); other {
		p, err := i.app.otherProfile(name)
		if err != nil {
			return proof{}, err
		}
		_, one, err := i.signedIn(ctx, p)
		return one, err
	}
	resolve := func(ctx context.Context) (string, error) {
		token, err := i.app.resolve(ctx, i.profile, v)
		if err == nil {
			err = i.mayGo("the token of "+v.Origin.Text, issuerOf(token), fieldIdentityPool)
		}
		return token, err
	}
	if config.IsReference(v.Text) && !strings.HasPrefix(v.Text, "env:") && !strings.HasPrefix(v.Text, "file:") {
		return proof{who: v.Text, token: resolve}, nil
	}
	token, err := resolve(ctx)
	if err != nil {
		return proof{}, err
	}
	return proof{who: subjectOf(token), token: func(context.Context) (string, error) { return token, nil }}, nil
}

// issuerOf is where a token says that it comes from; "" when it says nothing.
func issuerOf(raw string) string {
	token, err := jwt.Parse(raw)
	if err != nil {
		return ""
	}
	return token.Claims.String("iss")
}

// subjectOf names whose token it is: issuer, audience and subject or, of a token that
// does not say, the token itself, hashed.
func subjectOf(raw string) string {
	if token, err := jwt.Parse(raw); err == nil && token.Claims.String("sub") != "" {
		return fmt.Sprintf("%q %q %q", token.Claims.String("iss"), token.Claims.Strings("aud"), token.Claims.String("sub"))
	}
	sum := sha256.Sum256([]byte(raw))
	return hex.EncodeToString(sum[:])
}
