package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogctl/cogctl/internal/auth"
)

func newEndpoints(a *app) *cobra.Command {
	var out jsonOutput
	cmd := &cobra.Command{
		Use:   "endpoints",
		Short: "Show issuer, audience and the sign-in addresses, ready to copy",
		Long: `Show what applications and authorizers are set up with: the issuer and the
audience, which is the app client's id; where the discovery document and the keys
are; and the addresses of the hosted sign-in pages.

Nothing is sent for a user pool, whose addresses follow from its id and its domain.
Those of another issuer come from its discovery document, kept for a day.

jwt_authorizer is the pair that the JWT authorizer of an HTTP API takes:
aws apigatewayv2 create-authorizer --jwt-configuration. It compares the audience
with aud or, in a token without one such as Cognito's access tokens, client_id.`,
		Example: "  cogctl endpoints\n  cogctl endpoints --json\n  cogctl endpoints --jq .issuer",
		Args:    operands(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runEndpoints(cmd.Context(), a, &out) },
	}
	out.flags(cmd, "print JSON")
	return cmd
}

// endpoints is the JSON of the command; its members are stable.
type endpoints struct {
	Issuer     string   `json:"issuer,omitempty"` // not known of a domain alone
	Audience   string   `json:"audience"`
	Discovery  string   `json:"discovery,omitempty"`
	JWKS       string   `json:"jwks,omitempty"`
	Authorize  string   `json:"authorize,omitempty"`
	Token      string   `json:"token,omitempty"`
	Revoke     string   `json:"revoke,omitempty"`
	UserInfo   string   `json:"user_info,omitempty"`
	Login      string   `json:"login,omitempty"` // as a browser opens it
	SignUp     string   `json:"signup,omitempty"`
	Logout     string   `json:"logout,omitempty"`
	Callbacks  []string `json:"callback_urls"`
	Authorizer *struct {
		Issuer   string   `json:"Issuer"`
		Audience []string `json:"Audience"`
	} `json:"jwt_authorizer,omitempty"` // as API Gateway spells it
}

func runEndpoints(ctx context.Context, a *app, out *jsonOutput) error {
	p, err := a.profile()
	if err != nil {
		return err
	}
	s, err := a.pool(p)
	if err != nil {
		return err
	}
	var at auth.Provider
	if s.Domain != "" || s.Foreign {
		if at, err = a.provider(ctx, s); err != nil {
			return err
		}
	}
	e := newEndpointList(s, at, pages{p.List("callback_urls"), p.List("scopes")})
	switch {
	case s.UserPoolID == "" && !s.Foreign:
		a.warn("of a domain alone nobody can tell the issuer: set user_pool_id (COGCTL_USER_POOL_ID)")
	case s.Domain == "" && !s.Foreign:
		a.warn("without the domain of the user pool's hosted pages their addresses are not known: set domain (COGCTL_DOMAIN)")
	}
	if out.wanted() {
		return a.printAnswer(ctx, out, e)
	}
	return a.table(e.rows())
}

// pages are what the addresses of sign-in pages are made with.
type pages struct{ callbacks, scopes []string }

func newEndpointList(s poolSettings, at auth.Provider, with pages) endpoints {
	e := endpoints{
		Audience: s.ClientID, JWKS: s.JWKS,
		Authorize: at.Authorization, Token: at.Token, Revoke: at.Revocation, UserInfo: at.UserInfo, Logout: at.EndSession,
		Callbacks: append([]string{}, with.callbacks...),
	}
	if s.UserPoolID != "" || s.Foreign {
		e.Issuer, e.Discovery = s.Issuer, auth.DiscoveryURL(s.Issuer)
		e.Authorizer = &struct {
			Issuer   string   `json:"Issuer"`
			Audience []string `json:"Audience"`
		}{s.Issuer, []string{s.ClientID}}
	}
	if e.JWKS == "" && e.Issuer != "" {
		e.JWKS = at.JWKS
	}
	switch {
	case at.Cognito:
		e.Login = with.page(s.Domain+"/login", s.ClientID)
		e.SignUp = with.page(s.Domain+"/signup", s.ClientID)
		e.Logout = with.logout(at, s.ClientID)
	case at.Authorization != "":
		e.Login = with.page(at.Authorization, s.ClientID)
	}
	return e
}

// page is a sign-in page's address with what it wants to know.
func (w pages) page(address, clientID string) string {
	query := url.Values{"client_id": {clientID}, "response_type": {"code"}}
	if len(w.callbacks) > 0 {
		query.Set("redirect_uri", w.callbacks[0])
	}
	if len(w.scopes) > 0 {
		query.Set("scope", strings.Join(w.scopes, " "))
	}
	full, err := withQuery(address, query)
	if err != nil {
		return address
	}
	return full
}

func (w pages) logout(at auth.Provider, clientID string) string {
	if len(w.callbacks) > 0 {
		if full, err := endSessionURL(at, clientID, "", w.callbacks[0]); err == nil {
			return full
		}
	}
	return at.EndSession + "?" + url.Values{"client_id": {clientID}}.Encode()
}

func (e endpoints) rows() [][2]string {
	rows := [][2]string{
		{"issuer", e.Issuer}, {"audience", e.Audience}, {"discovery", e.Discovery}, {"keys", e.JWKS},
		{"authorize", e.Authorize}, {"token", e.Token}, {"revoke", e.Revoke}, {"user info", e.UserInfo},
		{"login", e.Login}, {"sign up", e.SignUp}, {"logout", e.Logout},
	}
	for _, callback := range e.Callbacks {
		rows = append(rows, [2]string{"callback", callback})
	}
	if e.Authorizer != nil {
		rows = append(rows, [2]string{"jwt authorizer", "--jwt-configuration Issuer=" + e.Issuer + ",Audience=" + e.Audience})
	}
	kept := rows[:0]
	for _, row := range rows {
		if row[1] != "" {
			kept = append(kept, row)
		}
	}
	return kept
}
