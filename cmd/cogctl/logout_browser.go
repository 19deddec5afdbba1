package main

import (
	"context"
	"net/url"

	"github.com/cogctl/cogctl/internal/auth"
)

// endBrowser ends the session that the sign-in pages keep in the browser.
func (l logout) endBrowser(ctx context.Context, returnTo string) error {
	p, err := l.app.provider(ctx, l.pool)
	if err != nil {
		return err
	}
	var callback string
	if urls := l.profile.List("callback_urls"); len(urls) > 0 && l.machine == nil {
		callback = urls[0]
	}
	address, err := endSessionURL(p, l.pool.ClientID, returnTo, callback)
	if err != nil {
		return err
	}
	return l.app.openBrowser(ctx, address)
}

// endSessionURL is where a browser session is ended. Cognito's page wants either a
// sign-out URL to go on to, or what a new sign-in would want.
// https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
// At other issuers it is as in OpenID Connect RP-Initiated Logout 1.0, section 2,
// without id_token_hint: an address is no place for a token.
func endSessionURL(p auth.Provider, clientID, returnTo, callback string) (string, error) {
	query := url.Values{"client_id": {clientID}}
	switch {
	case p.EndSession == "":
		return "", usagef("the issuer %s names no address that ends a browser session", p.Issuer)
	case returnTo != "" && p.Cognito:
		query.Set("logout_uri", returnTo)
	case returnTo != "":
		query.Set("post_logout_redirect_uri", returnTo)
	case p.Cognito && callback != "":
		query.Set("redirect_uri", callback)
		query.Set("response_type", "code")
	case p.Cognito:
		return "", hinted(usagef("Cognito ends a browser session only on the way to a URL that the app client has registered"),
			"give one of its sign-out URLs: cogctl logout --browser --return-to URL")
	}
	return withQuery(p.EndSession, query)
}

// withQuery adds to what the address may have already.
func withQuery(address string, query url.Values) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", usagef("%q is not a URL", address)
	}
	all := u.Query()
	for name, values := range query {
		all[name] = values
	}
	u.RawQuery = all.Encode()
	return u.String(), nil
}
