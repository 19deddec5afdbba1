package main

import (
	"context"
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
	policy jwt.Policy // without the time
	rules  []string   // policy.Claims as they were written
	use    string     // as it was asked for
	keys   jwt.KeySet
	source string // where the keys come from, for people
	named  bool   // --jwks names them
	now    func() time.Time
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
	v := &verification{rules: o.claims, use: o.use, now: a.now, policy: jwt.Policy{
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
	if o.use == "any" && s.UserPoolID != "" {
		v.policy.Use = "either" // every token of a user pool is one of the two
	}
	return v, a.keysFor(v, s, o)
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
		s.UserPoolID, s.Issuer, s.Issuers = "", issuer.Text, []string{issuer.Text}
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

// keysFor chooses the key set. It is read when a token first needs it.
func (a *app) keysFor(v *verification, s poolSettings, o *judgeOptions) error {
	v.named = o.jwks != ""
	if strings.Contains(o.jwks, "://") {
		if err := jwt.CheckKeysURL(o.jwks); err != nil {
			return usagef("--jwks: %v; a file is named by its path alone", err)
		}
	}
	if o.alb != "" {
		return a.balancerKeys(v, o)
	}
	open := func(context.Context) (jwt.KeySet, error) { return a.keys(v.source), nil }
	switch {
	case strings.Contains(o.jwks, "://"):
		v.source = o.jwks
	case o.jwks != "":
		v.source = "the file " + o.jwks
		open = func(context.Context) (jwt.KeySet, error) { return keyFile(o.jwks) }
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

// balancerKeys are those of the balancer's region, or below the address that was
// given instead.
func (a *app) balancerKeys(v *verification, o *judgeOptions) error {
	endpoint, err := jwt.ALBKeyEndpoint(o.alb)
	switch {
	case o.jwks != "" && !strings.Contains(o.jwks, "://"):
		return usagef("--jwks %q: with --alb it is the URL below which the keys are, each under its id", o.jwks)
	case o.jwks != "":
		endpoint = strings.TrimRight(o.jwks, "/")
	case err != nil:
		return hinted(usagef("--alb: %w", err), "--jwks names the URL below which the keys are")
	}
	disk := a.keyFiles()
	v.source = endpoint
	v.keys = &jwt.ALBKeys{Endpoint: endpoint, Client: a.http(), Now: a.now, Load: disk.loadKeys, Store: disk.storeKeys, Lock: disk.lock}
	return nil
}

// maxKeyFile bounds a file of keys, in bytes.
const maxKeyFile = 1 << 20

// fileKeys is a key set from a file.
type fileKeys struct {
	jwt.StaticKeys
	dropped []string
}

// Dropped says why keys of the file are not used, as jwt.RemoteKeys does.
func (k fileKeys) Dropped() []string { return k.dropped }

func keyFile(path string) (jwt.KeySet, error) {
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
	if err != nil {
		return nil, err
	}
	keys := fileKeys{StaticKeys: set}
	for _, reason := range dropped {
		keys.dropped = append(keys.dropped, reason.Error())
	}
	return keys, nil
}

// keysLater opens a key set when a key is first asked for: a token that cannot be
// read needs none. After a failure it is not tried again for ten seconds, or each
// line of a batch would wait for a server that is not there.
type keysLater struct {
	open func(context.Context) (jwt.KeySet, error)
	now  func() time.Time

	mu     sync.Mutex
	set    jwt.KeySet
	failed error
	until  time.Time
}

const keysPause = 10 * time.Second

// Key is jwt.KeySet's.
func (k *keysLater) Key(ctx context.Context, kid string) (jwt.Key, error) {
	set, err := k.opened(ctx)
	if err != nil {
		return jwt.Key{}, err
	}
	return set.Key(ctx, kid)
}

func (k *keysLater) opened(ctx context.Context) (jwt.KeySet, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.set != nil:
		return k.set, nil
	case k.failed != nil && k.now().Before(k.until):
		return nil, k.failed
	}
	set, err := k.open(ctx)
	if err != nil {
		k.failed, k.until = err, k.now().Add(keysPause)
		return nil, err
	}
	k.set = set
	return set, nil
}

// unfit says why keys of the set, if it was opened, are not used.
func (v *verification) unfit() []string {
	set := v.keys
	if later, ok := set.(*keysLater); ok {
		later.mu.Lock()
		defer later.mu.Unlock()
		set = later.set
	}
	if set, ok := set.(interface{ Dropped() []string }); ok {
		return set.Dropped()
	}
	return nil
}
