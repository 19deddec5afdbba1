package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/cogctl/cogctl/internal/gateway"
	"github.com/cogctl/cogctl/internal/hook"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/secret"
)

// ask lets the authorizer decide, and where it refuses finds out if the session's
// other token would pass. A function of the user's is run once.
func (q *question) ask(ctx context.Context) (*canIVerdict, error) {
	authorizer, err := q.authorizer(ctx)
	if err != nil {
		return nil, err
	}
	d, err := q.decide(ctx, authorizer, q.request)
	if err != nil {
		return nil, err
	}
	v := q.verdict(d)
	if q.options.isLambda() {
		v.TokenChecks = q.crossCheck(ctx)
		return v, nil
	}
	if d.Allow {
		return v, nil
	}
	if other := q.other; other.Raw != "" {
		if second, err := q.decide(ctx, authorizer, q.tokenPlace().put(q.request, other.Raw)); err == nil && second.Allow {
			v.OtherPasses = other.Kind
			v.advice = fmt.Sprintf("the %s token of the session would pass: --type %s; in the profile, api.auth = %q", other.Kind, other.Kind, other.Kind)
		}
	}
	if v.advice == "" {
		v.advice = q.advice(d)
	}
	return v, nil
}

// decide asks about one request. That the keys or the function could not be reached
// from here says nothing about what API Gateway would find.
func (q *question) decide(ctx context.Context, authorizer gateway.Authorizer, r *http.Request) (gateway.Decision, error) {
	route, d := q.newAPI(authorizer).Decide(r.WithContext(ctx))
	if route.Path == "" {
		return d, usagef("--route %s does not fit the path %s", q.options.route, q.path)
	}
	if ctx.Err() != nil {
		return d, context.Cause(ctx)
	}
	for _, c := range d.Checks {
		switch c.Code {
		case jwt.CodeKeysUnavailable, "function_unavailable":
			return d, errors.New(c.Detail)
		case jwt.CodePolicy:
			return d, withCode(exitUsage, errors.New(c.Detail))
		}
	}
	return d, nil
}

// advice is what helps with a refusal, as far as that can be told from its checks.
func (q *question) advice(d gateway.Decision) string {
	failed := func(name, code string) bool {
		return slices.ContainsFunc(d.Checks, func(c jwt.Check) bool { return c.Name == name && c.Code == code })
	}
	switch {
	case failed(jwt.CheckTokenUse, jwt.CodeTokenUseMismatch) && len(q.options.scopes) == 0:
		return "a Cognito authorizer takes ID tokens where the method has no scopes (--scope), access tokens where it has"
	case failed(jwt.CheckTokenUse, jwt.CodeTokenUseMismatch):
		return "a Cognito authorizer takes access tokens where the method has scopes"
	case failed(jwt.CheckScope, jwt.CodeScopeMismatch):
		return "sign in for the scope: cogctl login --scope; tokens of sign-ins by password hold aws.cognito.signin.user.admin alone"
	case failed(jwt.CheckExpiry, jwt.CodeExpired) && q.token.From != "":
		return "cogctl token refresh"
	}
	return ""
}

// authorizer is the one that is asked.
func (q *question) authorizer(ctx context.Context) (gateway.Authorizer, error) {
	o := q.options
	switch o.authorizer {
	case byCognito, byJWT:
		return q.byToken(ctx)
	case byIAM:
		return q.bySignature(ctx)
	}
	run, err := q.function(ctx)
	if err != nil {
		return nil, err
	}
	return q.lambda(run), nil
}

// byToken is an authorizer that judges a token of the profile's user pool, or
// issuer, with its keys.
func (q *question) byToken(ctx context.Context) (gateway.Authorizer, error) {
	o := q.options
	s, err := poolFor(q.profile, false)
	if err != nil {
		return nil, err
	}
	if o.authorizer == byJWT && len(o.audience) == 0 && s.ClientID == "" {
		return nil, usagef("a JWT authorizer has an audience, and neither --audience nor the profile's client_id names it")
	}
	if s.JWKS == "" {
		provider, err := q.app.provider(ctx, s)
		if err != nil {
			return nil, err
		}
		s.JWKS = provider.JWKS
	}
	if len(s.Issuers) == 0 || s.JWKS == "" {
		return nil, hinted(usagef("an authorizer goes by the issuer of tokens, and of the domain %s alone nobody knows it", s.Domain),
			"set user_pool_id (COGCTL_USER_POOL_ID) or issuer")
	}
	keys := q.app.keys(s.JWKS)
	if o.authorizer == byCognito {
		if err := s.wantsPool("--authorizer cognito"); err != nil {
			return nil, err
		}
		header := q.tokenPlace().header
		if header == "" || len(o.sources) > 1 {
			return nil, usagef("a Cognito authorizer has one identity source, a header: method.request.header.NAME")
		}
		return &gateway.CognitoAuthorizer{Keys: keys, Issuers: s.Issuers, Header: header, Scopes: o.scopes, Validation: o.validation, Now: q.app.now}, nil
	}
	source := ""
	switch {
	case len(o.sources) > 1:
		return nil, usagef("a JWT authorizer has one identity source, not %d", len(o.sources))
	case len(o.sources) == 1:
		source = o.sources[0]
	}
	audience := o.audience
	if len(audience) == 0 {
		audience = []string{s.ClientID}
		q.assumed = append(q.assumed, "audience "+s.ClientID+" (the profile's client_id)")
	}
	return &gateway.JWTAuthorizer{
		Keys: keys, Issuer: q.issuer(s), IdentitySource: source, Audience: audience, Scopes: o.scopes, Now: q.app.now,
	}, nil
}

// issuer is what the authorizer of an HTTP API has been given: the profile's issuer,
// with its final slash, or the pool's.
func (q *question) issuer(s poolSettings) string {
	return cmp.Or(q.profile.Get("issuer").Text, s.Issuer)
}

// lambda is a Lambda authorizer around a function. It keeps no answers: it is asked
// once.
func (q *question) lambda(run gateway.Function) *gateway.LambdaAuthorizer {
	o := q.options
	l := &gateway.LambdaAuthorizer{
		Kind: o.apiKind(), Type: gateway.TypeRequest, PayloadVersion: o.payload, Simple: o.simple, IdentitySources: o.sources,
		Validation: o.validation, Invoke: run, Now: q.app.now,
	}
	if o.authorizer == byLambdaToken {
		l.Type = gateway.TypeToken
	}
	return l
}

// function is the user's.
func (q *question) function(ctx context.Context) (gateway.Function, error) {
	h := q.options.handler
	if h.lambda != "" {
		return q.deployed(ctx)
	}
	runner := hook.Runner{
		Python: h.python, Node: h.node, URL: h.url, Timeout: h.timeout,
		Environ: q.app.childEnviron(q.profile.Name()), Start: q.app.startChild, Client: q.app.http(), Said: q.app.functionSaid,
	}
	if h.command != "" {
		argv, err := secret.Split(h.command)
		if err != nil {
			return nil, usagef("--handler-command: %v", err)
		}
		runner.Command = argv
	}
	if err := runner.Check(); err != nil {
		return nil, withCode(exitUsage, err)
	}
	return runner.Invoke, nil
}

// dump prints what the function would get.
func (q *question) dump(ctx context.Context) error {
	var event []byte
	l := q.lambda(func(_ context.Context, e []byte) ([]byte, error) {
		event = e
		return nil, errors.New("not run")
	})
	route, d := q.newAPI(l).Decide(q.request.WithContext(ctx))
	switch {
	case route.Path == "":
		return usagef("--route %s does not fit the path %s", q.options.route, q.path)
	case event != nil:
		return q.app.printJSON(json.RawMessage(event))
	}
	for _, c := range d.Checks {
		if !c.OK && c.Code == jwt.CodePolicy {
			return withCode(exitUsage, errors.New(c.Detail))
		} else if !c.OK {
			return withCode(exitSaysNo, fmt.Errorf("the function would get nothing: %s", c.Detail))
		}
	}
	return fmt.Errorf("the function would get nothing: HTTP %d", d.Status)
}
