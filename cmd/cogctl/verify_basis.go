package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/jwt"
)

// verification is what tokens are judged by. It is safe for concurrent use.
type verification struct {
	policy  jwt.Policy // without the time
	rules   []string   // policy.Claims as they were written
	keys    jwt.KeySet
	source  string // where the keys come from, for people
	skipped []skippedCheck
	now     func() time.Time
}

// skippedCheck is one that is not made, because nobody said what to expect.
type skippedCheck struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

func (v *verification) judge(ctx context.Context, raw string) jwt.Report {
	policy := v.policy
	policy.Now = v.now()
	return jwt.Verify(ctx, raw, v.keys, policy)
}

// verification makes the basis of the verdict from flags and profile. Nothing is
// fetched or read yet but the profile.
func (a *app) verification(o *judgeOptions) (*verification, error) {
	if o.leeway < 0 {
		return nil, usagef("--leeway %s is negative", o.leeway)
	}
	v := &verification{rules: o.claims, now: a.now, policy: jwt.Policy{
		Algorithms: o.algorithms, Use: o.use, Leeway: o.leeway, Scopes: o.scopes, Groups: o.groups, Signer: o.alb,
	}}
	for _, alg := range o.algorithms {
		if err := oneOf("alg", alg, jwt.Algorithms()...); err != nil {
			return nil, err
		}
	}
	for _, text := range o.claims {
		rule, err := jwt.ParseClaimRule(text)
		if err != nil {
			return nil, usagef("--claim %q: %w", text, err)
		}
		v.policy.Claims = append(v.policy.Claims, rule)
	}
	p, err := a.profile()
	if err != nil {
		return nil, err
	}
	s, err := expected(p, o)
	if err != nil {
		return nil, err
	}
	v.policy.Issuers, v.policy.ClientIDs = s.Issuers, clientsOf(p, o)
	if err := a.keysFor(v, s, o); err != nil {
		return nil, err
	}
	v.noteSkipped()
	return v, nil
}

// expected is whose token it must be. An issuer on the command line stands for
// itself: a profile's user pool is then not meant.
func expected(p *config.Profile, o *judgeOptions) (poolSettings, error) {
	s := poolSettings{
		Region: p.Get("region").Text, UserPoolID: p.Get("user_pool_id").Text,
		Domain: strings.TrimRight(p.Get("domain").Text, "/"), JWKS: p.Get("endpoints.jwks").Text,
	}
	issuer := p.Get("issuer")
	if o.alb != "" { // the issuer is whoever the balancer signs people in with
		s.UserPoolID, s.JWKS = "", ""
		if issuer.Set() {
			s.Issuers = []string{issuer.Text}
		}
		return s, nil
	}
	named := issuer.Origin.Kind == config.KindFlag && p.Get("user_pool_id").Origin.Kind != config.KindFlag
	region, id, ofPool := auth.PoolOfIssuer(issuer.Text)
	switch {
	case ofPool && (named || s.UserPoolID == ""):
		// Both forms of the pool's issuer are the pool's.
		s.Region, s.UserPoolID = region, id
		s.Issuers, s.Issuer = auth.Issuers(region, id, ""), issuer.Text
		if s.JWKS == "" {
			s.JWKS = issuer.Text + "/.well-known/jwks.json"
		}
	case named, s.UserPoolID == "" && issuer.Set():
		s.Issuer, s.Issuers = issuer.Text, []string{issuer.Text}
	case s.UserPoolID != "":
		s = s.ofPool(p)
	case o.jwks == "" && s.JWKS == "":
		return s, hinted(usagef("nothing says by what to judge the token"),
			"name the user pool (--user-pool-id, --client-id), an issuer (--issuer), or a key set (--jwks)")
	}
	return s, nil
}

// clientsOf are the app clients whose tokens are taken.
func clientsOf(p *config.Profile, o *judgeOptions) []string {
	ids := slices.DeleteFunc(slices.Clone(o.clients), func(id string) bool { return id == "" })
	if len(ids) == 0 && p.Get("client_id").Set() {
		ids = []string{p.Get("client_id").Text}
	}
	return ids
}

// noteSkipped lists the checks that nobody said what to expect of.
func (v *verification) noteSkipped() {
	if len(v.policy.Issuers) == 0 {
		v.skipped = append(v.skipped, skippedCheck{jwt.CheckIssuer, "no issuer is named: --issuer or --user-pool-id"})
	}
	if len(v.policy.ClientIDs) == 0 {
		v.skipped = append(v.skipped, skippedCheck{jwt.CheckAudience, "no app client is named: --client-id"})
	}
}

// keysFor chooses the key set. It is read when a token first needs it.
func (a *app) keysFor(v *verification, s poolSettings, o *judgeOptions) error {
	open := func(context.Context) (jwt.KeySet, error) { return a.keys(v.source), nil }
	switch isURL := strings.Contains(o.jwks, "://"); {
	case o.alb != "":
		keys, at, err := a.balancerKeys(o.alb, o.jwks)
		if err != nil {
			return err
		}
		v.source = at
		open = func(context.Context) (jwt.KeySet, error) { return keys, nil }
	case o.jwks != "" && !isURL:
		v.source = "the file " + o.jwks
		open = func(context.Context) (jwt.KeySet, error) { return a.keyFile(o.jwks) }
	case o.jwks != "":
		v.source = o.jwks
	case s.JWKS != "":
		v.source = s.JWKS
	default:
		v.source = "the key set that " + s.Issuer + " names"
		open = func(ctx context.Context) (jwt.KeySet, error) {
			at, err := a.discovery().Provider(ctx, s.Issuer)
			if err != nil {
				return nil, err
			}
			return a.keys(at.JWKS), nil
		}
	}
	v.keys = &keysLater{open: open, now: a.now}
	return nil
}

// maxKeyFile bounds a file of keys, in bytes.
const maxKeyFile = 1 << 20

// keyFile reads a key set from a file and tells which of its keys are unfit.
func (a *app) keyFile(path string) (jwt.KeySet, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	set, dropped, err := jwt.ParseKeys(data, path)
	for _, reason := range dropped {
		a.warn(fmt.Sprintf("%s: not used: %v", path, reason))
	}
	return set, err
}

// keysLater opens a key set when a key is first asked for: a token that cannot be
// read needs none. A set that has never served is not asked again for ten seconds
// after a failure, or each line of a batch would wait for a server that is not there.
type keysLater struct {
	open func(context.Context) (jwt.KeySet, error)
	now  func() time.Time

	mu     sync.Mutex
	set    jwt.KeySet
	served bool
	failed error
	until  time.Time
}

const keysPause = 10 * time.Second

// Key is jwt.KeySet's.
func (k *keysLater) Key(ctx context.Context, kid string) (jwt.Key, error) {
	k.mu.Lock()
	set := k.set
	if served := k.served; served {
		k.mu.Unlock()
		return set.Key(ctx, kid)
	}
	defer k.mu.Unlock()
	if k.failed != nil && k.now().Before(k.until) {
		return jwt.Key{}, k.failed
	}
	if set == nil {
		opened, err := k.open(ctx)
		if err != nil {
			return jwt.Key{}, k.fail(ctx, err)
		}
		k.set, set = opened, opened
	}
	key, err := set.Key(ctx, kid)
	var unknown *jwt.UnknownKeyError
	if err != nil && !errors.As(err, &unknown) {
		return key, k.fail(ctx, err)
	}
	k.served = true
	return key, err
}

func (k *keysLater) fail(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		k.failed, k.until = err, k.now().Add(keysPause)
	}
	return err
}
