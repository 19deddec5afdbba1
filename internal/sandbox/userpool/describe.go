package userpool

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

type describeUserPoolInput struct {
	UserPoolID string `json:"UserPoolId"`
}

type describeUserPoolOutput struct{ UserPool userPoolType }

// userPoolType is UserPoolType, as far as the store knows a pool.
type userPoolType struct {
	ID                     string `json:"Id"`
	Name                   string
	Arn                    string
	Policies               policies
	AutoVerifiedAttributes []string `json:",omitempty"`
	AliasAttributes        []string `json:",omitempty"`
	UsernameAttributes     []string `json:",omitempty"`
	MfaConfiguration       string
	EstimatedNumberOfUsers int
	DeviceConfiguration    *deviceConfiguration `json:",omitempty"`
	AdminCreateUserConfig  adminCreateUserConfig
	SchemaAttributes       []schemaAttribute
}

type policies struct {
	PasswordPolicy passwordPolicy
	SignInPolicy   signInPolicy
}

type passwordPolicy struct {
	MinimumLength                                                      int
	RequireUppercase, RequireLowercase, RequireNumbers, RequireSymbols bool
	TemporaryPasswordValidityDays                                      int
}

type signInPolicy struct{ AllowedFirstAuthFactors []string }

type deviceConfiguration struct {
	ChallengeRequiredOnNewDevice     bool
	DeviceOnlyRememberedOnUserPrompt bool
}

type adminCreateUserConfig struct {
	AllowAdminCreateUserOnly  bool
	UnusedAccountValidityDays int
}

type schemaAttribute struct {
	Name              string
	AttributeDataType string
	Mutable, Required bool
}

// describeUserPool answers what the store keeps of a pool. The sandbox's pools
// have no name of their own and no domain at AWS.
func (h *Handler) describeUserPool(_ context.Context, in describeUserPoolInput) (describeUserPoolOutput, error) {
	pool, err := h.poolOf(in.UserPoolID)
	if err != nil {
		return describeUserPoolOutput{}, err
	}
	region, name, _ := strings.Cut(pool.ID, "_")
	days := int(pool.TemporaryFor().Hours() / 24)
	p := userPoolType{
		ID: pool.ID, Name: name, Arn: "arn:aws:cognito-idp:" + region + ":123456789012:userpool/" + pool.ID,
		Policies: policies{
			PasswordPolicy: passwordPolicy{
				MinimumLength: pool.Policy.Length(), TemporaryPasswordValidityDays: days,
				RequireUppercase: !pool.Policy.NoUppercase, RequireLowercase: !pool.Policy.NoLowercase,
				RequireNumbers: !pool.Policy.NoNumbers, RequireSymbols: !pool.Policy.NoSymbols,
			},
			SignInPolicy: signInPolicy{AllowedFirstAuthFactors: pool.FirstFactors},
		},
		AutoVerifiedAttributes: pool.AutoVerified, AliasAttributes: pool.AliasAttributes, UsernameAttributes: pool.UsernameAttributes,
		MfaConfiguration: cmp.Or(pool.MFA, "OFF"), EstimatedNumberOfUsers: len(h.Store.Users(pool.ID)),
		AdminCreateUserConfig: adminCreateUserConfig{AllowAdminCreateUserOnly: pool.AdminCreateOnly, UnusedAccountValidityDays: days},
		SchemaAttributes:      schema(pool),
	}
	if len(pool.FirstFactors) == 0 {
		p.Policies.SignInPolicy.AllowedFirstAuthFactors = []string{"PASSWORD"}
	}
	if tracking := pool.DeviceTracking; tracking == store.TrackAlways || tracking == store.TrackOptIn {
		p.DeviceConfiguration = &deviceConfiguration{
			ChallengeRequiredOnNewDevice: !pool.DevicesKeepMFA, DeviceOnlyRememberedOnUserPrompt: tracking == store.TrackOptIn,
		}
	}
	return describeUserPoolOutput{p}, nil
}

// schema lists the attributes that users of the pool can have.
func schema(pool store.Pool) []schemaAttribute {
	list := []schemaAttribute{{Name: "sub", AttributeDataType: "String", Required: true}}
	for _, name := range append(strings.Fields(standardAttributes), pool.CustomAttributes...) {
		kind := "String"
		switch {
		case strings.HasSuffix(name, "_verified"):
			kind = "Boolean"
		case name == "updated_at":
			kind = "Number"
		}
		list = append(list, schemaAttribute{Name: name, AttributeDataType: kind, Mutable: true, Required: slices.Contains(pool.RequiredAttributes, name)})
	}
	return list
}

// poolOf finds the pool that a request names.
func (h *Handler) poolOf(id string) (store.Pool, error) {
	if err := validate(userPoolID(id)); err != nil {
		return store.Pool{}, err
	}
	pool, ok := h.Store.Pool(id)
	if !ok {
		return store.Pool{}, errNoPool(id)
	}
	return pool, nil
}

type listUserPoolClientsInput struct {
	UserPoolID string `json:"UserPoolId"`
	MaxResults *int
	NextToken  string
}

type listUserPoolClientsOutput struct {
	UserPoolClients []clientSummary
	NextToken       string `json:",omitempty"`
}

type clientSummary struct {
	ClientID   string `json:"ClientId"`
	ClientName string
	UserPoolID string `json:"UserPoolId"`
}

// listUserPoolClients goes page by page, 60 clients at most. The sandbox's
// clients are called by their ids.
func (h *Handler) listUserPoolClients(_ context.Context, in listUserPoolClientsInput) (listUserPoolClientsOutput, error) {
	if err := validate(userPoolID(in.UserPoolID), between("maxResults", in.MaxResults, 1, 60)); err != nil {
		return listUserPoolClientsOutput{}, err
	}
	pool, err := h.poolOf(in.UserPoolID)
	if err != nil {
		return listUserPoolClientsOutput{}, err
	}
	scope := "clients " + pool.ID
	after, err := fromToken(in.NextToken, scope)
	if err != nil {
		return listUserPoolClientsOutput{}, err
	}
	page, next := pageOf(h.Store.Clients(pool.ID), func(c store.Client) string { return c.ID }, after, in.MaxResults)
	out := listUserPoolClientsOutput{UserPoolClients: []clientSummary{}, NextToken: toToken(scope, next)}
	for _, c := range page {
		out.UserPoolClients = append(out.UserPoolClients, clientSummary{ClientID: c.ID, ClientName: c.ID, UserPoolID: pool.ID})
	}
	return out, nil
}

type describeUserPoolClientInput struct {
	UserPoolID string `json:"UserPoolId"`
	ClientID   string `json:"ClientId"`
}

type describeUserPoolClientOutput struct{ UserPoolClient userPoolClientType }

// userPoolClientType is UserPoolClientType, as far as the store knows a client. The
// validities of tokens are in seconds, as TokenValidityUnits says.
type userPoolClientType struct {
	clientSummary
	ClientSecret               string `json:",omitempty"`
	ExplicitAuthFlows          []string
	PreventUserExistenceErrors string
	AccessTokenValidity        int
	IDTokenValidity            int `json:"IdTokenValidity"`
	RefreshTokenValidity       int
	AuthSessionValidity        int // minutes, rounded up
	TokenValidityUnits         map[string]string
	EnableTokenRevocation      bool

	CallbackURLs                    []string `json:",omitempty"`
	LogoutURLs                      []string `json:",omitempty"`
	AllowedOAuthFlows               []string `json:",omitempty"`
	AllowedOAuthScopes              []string `json:",omitempty"`
	AllowedOAuthFlowsUserPoolClient bool

	RefreshTokenRotation *refreshTokenRotation `json:",omitempty"`
}

type refreshTokenRotation struct {
	Feature                 string
	RetryGracePeriodSeconds int
}

func (h *Handler) describeUserPoolClient(_ context.Context, in describeUserPoolClientInput) (describeUserPoolClientOutput, error) {
	if err := validate(userPoolID(in.UserPoolID), clientID(in.ClientID)); err != nil {
		return describeUserPoolClientOutput{}, err
	}
	c, err := h.clientOf(in.UserPoolID, in.ClientID)
	if err != nil {
		return describeUserPoolClientOutput{}, err
	}
	out := userPoolClientType{
		clientSummary: clientSummary{ClientID: c.ID, ClientName: c.ID, UserPoolID: c.PoolID},
		ClientSecret:  c.Secret, ExplicitAuthFlows: c.ExplicitAuthFlows,
		PreventUserExistenceErrors: cmp.Or(c.PreventUserExistenceErrors, "ENABLED"),
		AccessTokenValidity:        int(c.AccessFor().Seconds()),
		IDTokenValidity:            int(c.IDFor().Seconds()),
		RefreshTokenValidity:       int(c.RefreshFor().Seconds()),
		AuthSessionValidity:        int((c.SessionFor().Seconds() + 59) / 60),
		TokenValidityUnits:         map[string]string{"AccessToken": "seconds", "IdToken": "seconds", "RefreshToken": "seconds"},
		EnableTokenRevocation:      !c.NoTokenRevocation,
		CallbackURLs:               c.CallbackURLs, LogoutURLs: c.LogoutURLs,
		AllowedOAuthFlows: c.OAuthFlows, AllowedOAuthScopes: c.OAuthScopes, AllowedOAuthFlowsUserPoolClient: len(c.OAuthFlows) > 0,
	}
	if c.RotateRefreshTokens {
		out.RefreshTokenRotation = &refreshTokenRotation{Feature: "ENABLED", RetryGracePeriodSeconds: int(c.RetryGrace.Seconds())}
	}
	return describeUserPoolClientOutput{out}, nil
}

// between is the range of a number that may be left out.
func between(member string, value *int, least, most int) string {
	switch {
	case value == nil || *value >= least && *value <= most:
		return ""
	case *value < least:
		return fmt.Sprintf("Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to %d", *value, member, least)
	}
	return fmt.Sprintf("Value '%d' at '%s' failed to satisfy constraint: Member must have value less than or equal to %d", *value, member, most)
}

// pageOf is what follows the item named after, in a list sorted by name, and the
// name to go on after, or "".
func pageOf[T any](list []T, name func(T) string, after string, limit *int) (page []T, next string) {
	list = slices.DeleteFunc(list, func(item T) bool { return after != "" && name(item) <= after })
	most := 60
	if limit != nil && *limit > 0 {
		most = *limit
	}
	if len(list) <= most {
		return list, ""
	}
	return list[:most], name(list[most-1])
}

// toToken makes a page's token of the last name on it. scope is what was asked
// for: a token is good for the same request only.
func toToken(scope, last string) string {
	if last == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(scope + "\x00" + last))
}

func fromToken(token, scope string) (after string, err error) {
	if token == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	after, found := strings.CutPrefix(string(text), scope+"\x00")
	if err != nil || !found {
		return "", errParameter("Invalid pagination token.") // text UNCONFIRMED
	}
	return after, nil
}
