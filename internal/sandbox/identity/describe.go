package identity

import (
	"context"
	"net/http"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// signed adapts a typed operation that needs AWS credentials: in is about one
// identity pool, or about all.
func signed[In interface{ pool() string }, Out any](name string, f func(*Handler, context.Context, In) (Out, error)) operation {
	return func(h *Handler, r *http.Request, body []byte) (any, error) {
		var in In
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		resource := "arn:aws:cognito-identity:" + h.Region + ":" + h.AccountID + ":identitypool/"
		if in.pool() == "" {
			resource = "*"
		}
		d := Demand{Service: "cognito-identity", Action: "cognito-identity:" + name, Resource: resource + in.pool()}
		if err := h.Require(r, body, d); err != nil {
			return nil, err
		}
		return f(h, r.Context(), in)
	}
}

type listInput struct{ MaxResults int }

func (listInput) pool() string { return "" }

type poolName struct {
	IdentityPoolID   string `json:"IdentityPoolId"`
	IdentityPoolName string
}

type listOutput struct{ IdentityPools []poolName }

func (h *Handler) listIdentityPools(_ context.Context, in listInput) (listOutput, error) {
	if in.MaxResults < 1 || in.MaxResults > 60 {
		return listOutput{}, &Error{Type: invalidParameter, Message: "MaxResults must be from 1 to 60."} // text UNCONFIRMED
	}
	out := listOutput{IdentityPools: []poolName{}}
	for _, p := range h.Store.IdentityPools() {
		out.IdentityPools = append(out.IdentityPools, poolName{p.ID, p.Name})
	}
	return out, nil
}

type poolInput struct {
	IdentityPoolID string `json:"IdentityPoolId"`
}

func (i poolInput) pool() string { return i.IdentityPoolID }

func (h *Handler) findPool(in poolInput) (store.IdentityPool, error) {
	if err := checkID("identityPoolId", in.IdentityPoolID); err != nil {
		return store.IdentityPool{}, err
	}
	pool, known := h.Store.IdentityPool(in.IdentityPoolID)
	if !known {
		return store.IdentityPool{}, errNoPool(in.IdentityPoolID)
	}
	return pool, nil
}

type cognitoProvider struct {
	ProviderName         string
	ClientID             string `json:"ClientId"`
	ServerSideTokenCheck bool
}

type describeOutput struct {
	IdentityPoolID                 string `json:"IdentityPoolId"`
	IdentityPoolName               string
	AllowUnauthenticatedIdentities bool
	AllowClassicFlow               bool
	SupportedLoginProviders        map[string]string `json:",omitempty"`
	CognitoIdentityProviders       []cognitoProvider `json:",omitempty"`
}

func (h *Handler) describeIdentityPool(_ context.Context, in poolInput) (describeOutput, error) {
	p, err := h.findPool(in)
	if err != nil {
		return describeOutput{}, err
	}
	out := describeOutput{
		IdentityPoolID: p.ID, IdentityPoolName: p.Name, SupportedLoginProviders: p.LoginProviders,
		AllowUnauthenticatedIdentities: p.AllowUnauthenticated, AllowClassicFlow: p.AllowClassicFlow,
	}
	for _, c := range p.CognitoProviders {
		out.CognitoIdentityProviders = append(out.CognitoIdentityProviders, cognitoProvider{providerOf(c.PoolID), c.ClientID, c.ServerSideTokenCheck})
	}
	return out, nil
}

// providerOf is the name that a user pool has in Logins.
func providerOf(poolID string) string {
	region, _, _ := strings.Cut(poolID, "_")
	return userPoolPrefix + region + ".amazonaws.com/" + poolID
}

type mappingRule struct {
	Claim, MatchType, Value string
	RoleARN                 string
}

type roleMapping struct {
	Type                    string
	AmbiguousRoleResolution string
	RulesConfiguration      *struct{ Rules []mappingRule } `json:",omitempty"`
}

type rolesOutput struct {
	IdentityPoolID string                 `json:"IdentityPoolId"`
	Roles          map[string]string      // authenticated, unauthenticated
	RoleMappings   map[string]roleMapping `json:",omitempty"`
}

func (h *Handler) getIdentityPoolRoles(_ context.Context, in poolInput) (rolesOutput, error) {
	p, err := h.findPool(in)
	if err != nil {
		return rolesOutput{}, err
	}
	out := rolesOutput{IdentityPoolID: p.ID, Roles: map[string]string{}, RoleMappings: map[string]roleMapping{}}
	for kind, arn := range map[string]string{"authenticated": p.AuthenticatedRole, "unauthenticated": p.UnauthenticatedRole} {
		if arn != "" {
			out.Roles[kind] = arn
		}
	}
	for name, m := range p.RoleMappings {
		mapping := roleMapping{Type: m.Type, AmbiguousRoleResolution: m.Ambiguous}
		if m.Ambiguous == "" {
			mapping.AmbiguousRoleResolution = store.AmbiguousAuthenticated
		}
		if m.Type == store.MapByRules {
			mapping.RulesConfiguration = &struct{ Rules []mappingRule }{}
			for _, r := range m.Rules {
				mapping.RulesConfiguration.Rules = append(mapping.RulesConfiguration.Rules, mappingRule{r.Claim, r.Match, r.Value, r.RoleARN})
			}
		}
		out.RoleMappings[name] = mapping
	}
	return out, nil
}
