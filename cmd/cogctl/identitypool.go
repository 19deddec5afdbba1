package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/awscred"
	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/loopback"
)

// identity is who asks an identity pool for credentials: a profile, with what the
// command line says.
type identity struct {
	app     *app
	profile *config.Profile
	pool    awscred.IdentityPool
	region  string
	guest   bool
	offline bool // sign nobody in
	dir     *cache.Dir[awscred.Held]
}

// identity reads the profile's identity pool. Nothing is sent.
func (a *app) identity(p *config.Profile, o awsOptions) (identity, error) {
	i := identity{app: a, profile: p, guest: o.guest || p.Get("identity_pool.guest").Bool()}
	id := p.Get("identity_pool_id").Text
	i.region, _, _ = strings.Cut(id, ":")
	i.pool = awscred.IdentityPool{
		ID:       id,
		Endpoint: cmp.Or(p.Get(fieldIdentityPool).Text, auth.ServiceEndpoint("cognito-identity", i.region)),
		STS:      cmp.Or(p.Get(fieldSTS).Text, auth.ServiceEndpoint("sts", i.region)),
		RoleARN:  cmp.Or(o.role, p.Get("identity_pool.role").Text),
		Basic:    p.Get("identity_pool.flow").Text == "basic",
		HTTP:     a.http(), Now: a.now, Pause: a.pause,
	}
	if o.role != "" {
		if err := config.Check("identity_pool.role", o.role); err != nil {
			return i, usagef("--role: %v", cmp.Or(errors.Unwrap(err), err)) // without the setting's name
		}
	}
	if i.pool.Basic && i.pool.RoleARN == "" {
		return i, hinted(usagef("the basic flow of the identity pool %s needs the role to assume", id),
			"give --role ARN, or set role below [profiles.%s.identity_pool]", cmp.Or(p.Name(), "NAME"))
	}
	if i.pool.Basic {
		if err := i.mayGo("the identity pool's token", i.pool.Endpoint, fieldSTS); err != nil {
			return i, err
		}
	}
	dir, err := a.awsCredentials(p)
	i.dir = dir
	return i, err
}

// from says for people whose credentials these are.
func (i identity) from() string {
	if i.isGuest() {
		return "identity pool " + i.pool.ID + " (guest)"
	}
	return "identity pool " + i.pool.ID
}

// isGuest tells that there is nobody to log in, or that nobody shall be.
func (i identity) isGuest() bool {
	p := i.profile
	return i.guest || len(p.Logins()) == 0 && i.app.getenv("COGCTL_TOKEN") == "" &&
		!p.Get("user_pool_id").Set() && !p.Get("issuer").Set() && !p.Get("domain").Set()
}

// credentials is a source: those that are kept, otherwise new ones.
func (i identity) credentials(ctx context.Context) (awscred.Credentials, error) {
	login, err := i.login(ctx)
	if err != nil {
		return awscred.Credentials{}, err
	}
	pool := i.pool
	pool.Logins, pool.SessionName, pool.Owner = login.tokens, login.name, login.who
	found, err := pool.Source(i.dir, i.key(login), awsMargin, i.warnOld)(ctx)
	if err != nil {
		return awscred.Credentials{}, err
	}
	return i.app.seenAWS(found), nil
}

// held is what is kept of the identity, without anything being sent.
func (i identity) held(login identityLogin) (awscred.Held, bool, error) {
	return i.dir.Read(i.key(login))
}

// key is what the credentials are filed under: everything that makes them others.
func (i identity) key(login identityLogin) string {
	sts := ""
	if i.pool.Basic {
		sts = i.pool.STS
	}
	named, err := json.Marshal([]string{i.pool.ID, i.pool.Endpoint, sts, i.pool.RoleARN, login.who})
	if err != nil {
		panic(err) // strings can be marshalled
	}
	sum := sha256.Sum256(named)
	return hex.EncodeToString(sum[:])
}

func (i identity) warnOld(err error) {
	i.app.warn(fmt.Sprintf("the AWS credentials that end soon are used, because new ones were not had: %v", err))
}

// mayGo decides whether what was had at one place may be sent to the profile's
// endpoint of a service: to AWS's own names of it, unless it came from this machine
// (an emulator's token is none of AWS's); to an emulator on this machine, if it came
// from one; anywhere else only where the user's own file says so, because a variable
// may be left over from other work.
func (i identity) mayGo(what, from, field string) error {
	service, override := "cognito-identity", i.profile.Get(field)
	if field == fieldSTS {
		service = "sts"
	}
	to := cmp.Or(override.Text, auth.ServiceEndpoint(service, i.region))
	switch fromHere, toHere := isHere(from), isHere(to); {
	case override.Origin.Kind == config.KindFile && override.Set():
		return nil
	case !override.Set() && fromHere:
		return hinted(usagef("%s is from %s, and does not go to AWS (%s)", what, from, to), "set %s in the profile", field)
	case !override.Set(), fromHere && toHere, !fromHere && i.isAWS(to, service):
		return nil
	}
	return hinted(usagef("%s does not go to %s (%s)", what, to, override.Origin.Text),
		"if it shall, set %s in the profile, in config.toml", field)
}

// The settings that replace AWS's own endpoints.
const (
	fieldIdentityPool = "endpoints.identity_pool"
	fieldSTS          = "endpoints.sts"
)

// isHere tells a URL of this machine.
func isHere(address string) bool {
	u, err := url.Parse(address)
	return err == nil && loopback.IsLoopback(u.Hostname())
}

// isAWS tells AWS's own names of a service in the identity pool's region: the usual
// one, FIPS, dual stack, and a VPC's endpoint.
// https://docs.aws.amazon.com/general/latest/gr/cognito_identity.html
func (i identity) isAWS(address, service string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Port() != "" && u.Port() != "443" {
		return false
	}
	own, err := url.Parse(auth.ServiceEndpoint(service, i.region))
	if err != nil {
		return false
	}
	domain := strings.TrimPrefix(own.Host, service) // .us-east-1.amazonaws.com
	host := strings.ToLower(u.Hostname())
	return host == own.Host || host == service+"-fips"+domain ||
		host == service+"."+i.region+".api.aws" || host == service+"-fips."+i.region+".api.aws" ||
		strings.HasSuffix(host, "."+service+"."+i.region+".vpce.amazonaws.com")
}
