package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/gateway"
	"github.com/cogctl/cogctl/internal/jwt"
)

// APISettings are what the ARNs of the API's methods are made of.
type APISettings struct {
	Region    string `toml:"region"`     // "" is that of the first pool
	AccountID string `toml:"account_id"` // 12 digits
	ID        string `toml:"id"`
	Stage     string `toml:"stage"`

	StageVariables map[string]string `toml:"stage_variables"`
}

// deployment of the API, the first pool being that one.
func (a APISettings) deployment(poolID string) gateway.Deployment {
	region, _, _ := strings.Cut(poolID, "_")
	return gateway.Deployment{Region: cmp.Or(a.Region, region), AccountID: a.AccountID, APIID: a.ID, Stage: a.Stage}
}

func defaultAPI() APISettings {
	return APISettings{AccountID: "123456789012", ID: "sandboxapi", Stage: "dev"}
}

// defaultRoutes has a route for each thing that can be tried. Whether a user may
// do a thing is for the backend to say, not for the gateway: /admin lets everybody
// with a token in, and its backend looks at the groups.
func defaultRoutes() []Route {
	routes := []Route{
		{Name: "open", Method: "ANY", Path: "/open"},
		{Name: "token", Method: http.MethodPost, Path: "/oauth/token", backend: (*Sandbox).tokenEndpoint},
		{Name: "upload", Method: http.MethodPost, Path: "/upload", Authorizer: Cognito, backend: (*Sandbox).upload},
		{Name: "read content", Method: http.MethodGet, Path: "/content", Authorizer: JWT, Scopes: []string{ReadScope}},
		{Name: "write content", Method: http.MethodPost, Path: "/content", Authorizer: JWT, Scopes: []string{WriteScope}},
		{Name: "scoped", Method: http.MethodGet, Path: "/scoped", Authorizer: Cognito, Scopes: []string{ReadScope}},
		{Name: "keyed", Method: http.MethodGet, Path: "/keyed", APIKeyRequired: true},
		{Name: "Lambda TOKEN", Method: "ANY", Path: "/lambda/token", Authorizer: LambdaToken},
		{Name: "Lambda REQUEST", Method: "ANY", Path: "/lambda/request", Authorizer: LambdaRequest},
		{Name: "Lambda of an HTTP API", Method: "ANY", Path: "/lambda/http", Authorizer: HTTPLambda, Simple: true},
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		routes = append(routes,
			Route{Name: "myendpoint", Method: method, Path: "/myendpoint", Authorizer: Cognito},
			Route{Name: "profile", Method: method, Path: "/profile", Authorizer: JWT},
			Route{Name: "admin", Method: method, Path: "/admin", Authorizer: Cognito, Group: "admin"},
		)
	}
	return append(routes, iamRoutes()...)
}

// apiHandler is the API behind the gateway.
func (s *Sandbox) apiHandler(at Endpoints) (http.Handler, error) {
	seed := s.options.Seed
	b := &builder{sandbox: s, at: at, made: map[string]gateway.Authorizer{}}
	api := &gateway.API{
		Deployment: seed.API.deployment(seed.Pools[0].ID), StageVariables: seed.API.StageVariables, Now: s.now,
		UsagePlans: gatewayPlans(seed.UsagePlans),
	}
	for i, r := range seed.Routes {
		route := gateway.Route{Name: r.Name, Method: r.Method, Path: r.Path, Kind: r.kind(), APIKeyRequired: r.APIKeyRequired}
		var err error
		if route.Authorizer, err = b.shared(r); err == nil {
			route.Backend, err = b.backend(r)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.title(i), err)
		}
		api.Routes = append(api.Routes, route)
	}
	return api, nil
}

// builder makes authorizers and backends of routes. The sandbox is locked while it
// starts, so that it is told the endpoints.
type builder struct {
	sandbox *Sandbox
	at      Endpoints
	made    map[string]gateway.Authorizer // by their settings
}

func (b *builder) issuer(poolID string) string { return b.at.Cloud + "/" + poolID }

// shared is the authorizer of a route: one for all whose settings are the same,
// so that they share what it keeps.
func (b *builder) shared(r Route) (gateway.Authorizer, error) {
	key := r
	key.Name, key.Method, key.Path, key.Kind, key.Group, key.Upstream, key.APIKeyRequired, key.backend = "", "", "", "", "", "", false, nil
	key.TTL = nil
	name := fmt.Sprintf("%#v %s %s", key, r.kind(), r.ttl())
	if a, found := b.made[name]; found {
		return a, nil
	}
	a, err := b.authorizer(r)
	b.made[name] = a
	return a, err
}

// authorizer makes one; nil for an open route.
func (b *builder) authorizer(r Route) (gateway.Authorizer, error) {
	s := b.sandbox
	pool := s.poolNamed(r.Pool)
	keys := func() jwt.KeySet {
		return jwt.NewStaticKeys(b.issuer(pool.ID), s.pool.Issuer.Keys[pool.ID].Public()...)
	}
	switch r.Authorizer {
	case "", NoAuthorizer:
		return nil, nil
	case Cognito:
		return &gateway.CognitoAuthorizer{
			Keys: keys(), Issuers: []string{b.issuer(pool.ID)}, Header: r.header(), Scopes: r.Scopes, Validation: r.Validation, Now: s.now,
		}, nil
	case JWT:
		audience := r.Audience
		for _, c := range pool.Clients {
			if len(r.Audience) == 0 {
				audience = append(audience, c.ID)
			}
		}
		return &gateway.JWTAuthorizer{
			Keys: keys(), Issuer: b.issuer(pool.ID), IdentitySource: r.firstSource(), Audience: audience, Scopes: r.Scopes, Now: s.now,
		}, nil
	case LambdaToken, LambdaRequest, HTTPLambda:
		return b.lambda(r), nil
	case IAM:
		return b.iam(r), nil
	}
	return nil, fmt.Errorf("authorizer %q is not one of %s", r.Authorizer, strings.Join(Authorizers(), ", "))
}

func (b *builder) lambda(r Route) *gateway.LambdaAuthorizer {
	l := &gateway.LambdaAuthorizer{
		Kind: r.kind(), Type: gateway.TypeRequest, PayloadVersion: r.PayloadVersion, Simple: r.Simple, IdentitySources: r.sources(),
		Validation: r.Validation, TTL: r.ttl(), Invoke: Example, Now: b.sandbox.now,
	}
	if r.Authorizer == LambdaToken {
		l.Type = gateway.TypeToken
	}
	if r.Handler.set() {
		l.Invoke = b.handler(r.Handler)
	}
	return l
}

// handler is a function of the user's.
func (b *builder) handler(h Handler) gateway.Function {
	s := b.sandbox
	runner := h.runner()
	runner.Start = s.options.StartChild
	runner.Environ = append(slices.Clone(s.options.Environ), "COGCTL_SANDBOX_CLOUD_URL="+b.at.Cloud, "COGCTL_SANDBOX_ISSUER="+b.at.Issuer)
	if s.options.Network != nil {
		runner.Client = &http.Client{Transport: s.options.Network}
	}
	if s.options.Said != nil {
		runner.Said = func(text []byte) { s.options.Said(runner.String(), text) }
	}
	return func(ctx context.Context, event []byte) ([]byte, error) {
		answer, err := runner.Invoke(ctx, event)
		if err != nil && s.options.Said != nil {
			s.options.Said(runner.String(), []byte(strings.TrimPrefix(err.Error(), runner.String()+": ")+"\n"))
		}
		return answer, err
	}
}

// ttl is how long the authorizer keeps answers: REST APIs keep them for five
// minutes where nobody says, HTTP APIs do not keep any.
func (r Route) ttl() time.Duration {
	switch {
	case r.TTL != nil:
		return *r.TTL
	case r.Authorizer == LambdaToken, r.Authorizer == LambdaRequest:
		return gateway.DefaultTTL
	}
	return 0
}

// sources of a Lambda authorizer: the Authorization header where nobody says. An
// empty list is none.
func (r Route) sources() []string {
	switch {
	case r.IdentitySources != nil:
		return r.IdentitySources
	case r.kind() == gateway.HTTP:
		return []string{"$request.header.Authorization"}
	}
	return []string{"method.request.header.Authorization"}
}

func (r Route) firstSource() string {
	if len(r.IdentitySources) == 0 {
		return ""
	}
	return r.IdentitySources[0]
}

// header is the token source of a Cognito authorizer.
func (r Route) header() string { return strings.TrimPrefix(r.firstSource(), "method.request.header.") }

// backend of a route: the user's own, one of ours, or the echo.
func (b *builder) backend(r Route) (http.Handler, error) {
	switch {
	case r.Upstream != "":
		target, err := url.Parse(r.Upstream)
		if err != nil {
			return nil, err
		}
		if b.sandbox.options.Network == nil {
			return nil, errors.New("there is no network to reach the upstream by")
		}
		return upstream(target, r.kind(), b.sandbox.options.Network), nil
	case r.backend != nil:
		return http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) { r.backend(b.sandbox, w, in) }), nil
	case r.Group != "":
		return onlyGroup(r.Group, http.HandlerFunc(echo)), nil
	}
	return http.HandlerFunc(echo), nil
}

// poolNamed is a pool of the seed, the first for "".
func (s *Sandbox) poolNamed(id string) Pool {
	for _, p := range s.options.Seed.Pools {
		if p.ID == id {
			return p
		}
	}
	return s.options.Seed.Pools[0]
}

func (s *Sandbox) upload(w http.ResponseWriter, r *http.Request) { upload(w, r) }
