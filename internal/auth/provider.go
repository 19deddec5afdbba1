package auth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/loopback"
)

// Provider is where an OAuth sign-in goes: the endpoints of a user pool's domain,
// or those of any OpenID Connect issuer.
type Provider struct {
	Issuer        string // what iss must be
	Authorization string // authorization endpoint
	Token         string // token endpoint
	Revocation    string // revocation endpoint (RFC 7009); "" when there is none
	EndSession    string // where a browser session is ended; Cognito: <domain>/logout, which is no OIDC end_session_endpoint
	UserInfo      string
	JWKS          string
	Cognito       bool // a user pool's own domain: its quirks hold
	PostAuth      bool // client authentication by client_secret_post, not basic
	NamesItself   bool // every answer of the authorization endpoint has iss (RFC 9207)
}

// DomainProvider is the provider at a user pool's domain, such as
// https://acme.auth.us-east-1.amazoncognito.com, whose tokens carry issuer as
// iss. Nothing is asked: the paths are the same for every pool, and the key set
// is the issuer's, which is another host than the domain.
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
func DomainProvider(domain, issuer string) Provider {
	domain = strings.TrimRight(domain, "/")
	return Provider{
		Issuer:        issuer,
		Authorization: domain + "/oauth2/authorize",
		Token:         domain + "/oauth2/token",
		Revocation:    domain + "/oauth2/revoke",
		EndSession:    domain + "/logout",
		UserInfo:      domain + "/oauth2/userInfo",
		JWKS:          strings.TrimRight(issuer, "/") + "/.well-known/jwks.json",
		Cognito:       true,
	}
}

// PoolOfDomain tells whether a token from a user pool's domain may carry iss. Which
// pool a domain belongs to no public document says. So it must be the form of a
// Cognito issuer, whose keys only AWS can publish, in the region that a domain
// under amazoncognito.com names; a domain on this machine has its issuer here too.
func PoolOfDomain(domain, iss string) bool {
	d, err := url.Parse(domain)
	if err != nil {
		return false
	}
	i, err := url.Parse(iss)
	if err != nil || i.User != nil || i.RawQuery != "" || i.Fragment != "" {
		return false
	}
	if loopback.IsLoopback(d.Hostname()) {
		return loopback.IsLoopback(i.Hostname())
	}
	region, _, ok := PoolOfIssuer(iss)
	if !ok {
		return false
	}
	at := strings.Split(strings.ToLower(d.Hostname()), ".")
	if n := len(at); n >= 4 && at[n-2] == "amazoncognito" && at[n-1] == "com" {
		return at[n-3] == region
	}
	return true // a domain of one's own
}

// PoolOfIssuer reads region and id of a user pool off an issuer of Cognito's form.
func PoolOfIssuer(iss string) (region, poolID string, ok bool) {
	u, err := url.Parse(iss)
	if err != nil {
		return "", "", false
	}
	labels := strings.Split(u.Host, ".")
	if len(labels) < 3 {
		return "", "", false
	}
	region, poolID = labels[1], strings.TrimPrefix(u.Path, "/")
	word := strings.TrimPrefix(poolID, region+"_")
	if word == "" || word == poolID || strings.ContainsAny(word, "/_") || !slices.Contains(Issuers(region, poolID, ""), iss) {
		return "", "", false
	}
	return region, poolID, true
}
