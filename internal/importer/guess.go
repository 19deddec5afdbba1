package importer

import (
	"net/url"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/config"
)

// judge takes of the pairs what name and value agree on. A domain whose name
// says that it is the user pool's outranks one that is only called a domain.
func (f *finder) judge() {
	var weak []pair
	for _, p := range f.pairs {
		if !f.strong(p) && p.isDomain(false) {
			weak = append(weak, p)
		}
	}
	if len(f.found.Fields["domain"]) == 0 {
		for _, p := range weak {
			f.domain(p)
		}
	}
	f.prefixes()
	f.pairs = nil
}

// strong takes a pair that can be one thing only.
func (f *finder) strong(p pair) bool {
	value := p.value()
	name := plain(p.name)
	switch pool := poolOf(value); {
	case unprintable(value) && ends(name, "clientid", "poolid", "domain", "region", "scopes", "issuer", "url", "uri", "endpoint"):
		f.failAt(p.node, "%s: a value with characters that cannot be seen", shorten(p.from))
	case has(name, "secret"):
		if has(name, "client") {
			f.secret(p.node)
		}
	case pool != "":
		f.add("user_pool_id", p.node, p.from, []string{pool})
	case isIdentityPool(value):
		f.add("identity_pool_id", p.node, p.from, []string{value})
	case ends(name, "userpoolid", "poolid") && !has(name, "identity") && config.Check("user_pool_id", value) == nil && value != "":
		f.add("user_pool_id", p.node, p.from, []string{value})
	case p.isClient():
		for i, id := range p.values() {
			from := p.from
			if i > 0 || len(p.values()) > 1 {
				from += " (" + shorten(id) + ")"
			}
			f.add("client_id", p.node, from, []string{id})
		}
	case ends(name, "region") && isRegion(value):
		f.add("region", p.node, p.from, []string{value})
	case ends(name, "scopes", "oauthscope", "scope"):
		f.member("scopes", p.node, p.from)
	case has(name, "callback", "redirectsignin", "redirecturi"):
		f.member("callback_urls", p.node, p.from)
	case p.isDomain(true):
		f.domain(p)
	case p.isAPI():
		f.api(nameOfAPI(p.name), p.node, p.from)
	case ends(name, "issuer", "issuerurl", "issueruri") && strings.HasPrefix(value, "https://"):
		f.add("issuer", p.node, p.from, []string{value})
	case has(name, "graphql"), strings.HasPrefix(value, "wss://"):
		f.leaveOut(p.node, p.from, "a GraphQL or WebSocket API")
	default:
		return false
	}
	return true
}

// values are the strings of a pair.
func (p pair) values() []string {
	if p.node.kind == text {
		return []string{p.node.text}
	}
	var list []string
	for _, item := range p.node.items {
		list = append(list, item.text)
	}
	return list
}

// value is the string of a pair, or "" of a list.
func (p pair) value() string {
	if p.node.kind == text {
		return p.node.text
	}
	return ""
}

// plain is a name in lower-case letters and digits.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, withoutHash(name))
}

// withoutHash takes off the eight hex digits that the CDK puts behind a name.
func withoutHash(name string) string {
	if n := len(name) - 8; n > 0 && strings.Trim(name[n:], "0123456789ABCDEF") == "" {
		return name[:n]
	}
	return name
}

func has(name string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
}

func ends(name string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.HasSuffix(name, part) })
}

// poolOf is the user pool id that a value is, or ends with as an ARN, an issuer
// or a provider name does.
func poolOf(value string) string {
	if i := strings.LastIndexByte(value, '/'); i >= 0 {
		if !strings.HasPrefix(value, "arn:") && !strings.Contains(value, "cognito-idp.") {
			return ""
		}
		value = value[i+1:]
	}
	region, id, found := strings.Cut(value, "_")
	if !found || id == "" || !isRegion(region) || config.Check("user_pool_id", value) != nil {
		return ""
	}
	return value
}

// isRegion tells us-east-1 and its kin.
func isRegion(value string) bool {
	parts := strings.Split(value, "-")
	last := parts[len(parts)-1]
	return len(parts) >= 3 && len(parts[0]) == 2 && len(last) == 1 && last >= "1" && last <= "9" && config.Check("region", value) == nil
}

// isIdentityPool tells a region, a colon and a UUID.
func isIdentityPool(value string) bool {
	region, id, found := strings.Cut(value, ":")
	return found && isRegion(region) && len(id) == 36 && strings.Count(id, "-") == 4 && strings.Trim(id, "0123456789abcdef-") == ""
}

// isClient tells an app client id: named so, and not another provider's.
func (p pair) isClient() bool {
	name := plain(p.name)
	if !ends(name, "clientid", "clientids", "appclient", "userpoolclient", "webclient") && !has(name, "clientid") ||
		has(name, "google", "facebook", "apple", "amazon", "github", "okta", "azure", "entra", "saml", "oidc", "salesforce") {
		return false
	}
	for _, id := range p.values() {
		if id == "" || len(id) > 128 || strings.Trim(strings.ToLower(id), "abcdefghijklmnopqrstuvwxyz0123456789_+") != "" {
			return false
		}
	}
	return true
}

// isDomain tells the user pool's domain: by its host, or by its name. sure asks
// for a name that says more than "domain".
func (p pair) isDomain(sure bool) bool {
	value, name := p.value(), plain(p.name)
	if value == "" || !strings.Contains(value, "://") && strings.ContainsAny(value, " :@") {
		return false
	}
	u, err := url.Parse(originOf(value))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https":
		return false
	case ends(u.Hostname(), ".amazoncognito.com"):
		return true
	case ends(u.Hostname(), ".cloudfront.net", ".amazonaws.com", ".amplifyapp.com"):
		return false
	}
	named := ends(name, "domain", "domainname", "domainurl", "hostedui", "hosteduiurl", "domainprefix")
	return named && (!sure || has(name, "cognito", "userpool", "auth", "hosted", "login", "signin"))
}

// domain takes a domain. A prefix alone waits for the region.
func (f *finder) domain(p pair) {
	f.member("domain", p.node, p.from)
}

// prefixes completes the domains that are only a prefix, as Terraform's
// aws_cognito_user_pool_domain.domain has it.
func (f *finder) prefixes() {
	region := ""
	for _, c := range f.found.Fields["user_pool_id"] {
		region, _, _ = strings.Cut(c.Values[0], "_")
	}
	if region == "" && len(f.found.Fields["region"]) > 0 {
		region = f.found.Fields["region"][0].Values[0]
	}
	kept := f.found.Fields["domain"][:0]
	for _, c := range f.found.Fields["domain"] {
		prefix := strings.TrimPrefix(c.Values[0], "https://")
		switch {
		case strings.ContainsAny(prefix, ".:"):
		case region == "":
			f.found.LeftOut = append(f.found.LeftOut, c.From+": a domain's prefix without a region")
			continue
		default:
			c.Values = []string{"https://" + prefix + ".auth." + region + ".amazoncognito.com"}
		}
		if !slices.ContainsFunc(kept, func(o Candidate) bool { return slices.Equal(o.Values, c.Values) }) {
			kept = append(kept, c)
		}
	}
	if f.found.Fields["domain"] = kept; len(kept) == 0 {
		delete(f.found.Fields, "domain")
	}
}

// isAPI tells the URL of a REST or HTTP API, by its host or by its name.
func (p pair) isAPI() bool {
	value, name := p.value(), plain(p.name)
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || config.Check("api_url", strings.TrimRight(value, "/")) != nil ||
		has(u.Host, "appsync", "amazoncognito", "cognito-idp") || has(name, "graphql") || strings.HasSuffix(u.Path, "/graphql") {
		return false
	}
	return has(u.Host, ".execute-api.", ".lambda-url.") || has(name, "api") && ends(name, "api", "url", "endpoint", "uri")
}

// nameOfAPI is what is left of the name of an output without the words that any
// API's has: OrdersApiUrl is orders.
func nameOfAPI(name string) string {
	name = withoutHash(name)
	if i := strings.LastIndexByte(name, '.'); i >= 0 && plain(name[i+1:]) != "" && !isCommon(strings.ToLower(name[i+1:])) {
		name = name[i+1:]
	}
	var kept []string
	for _, word := range words(name) {
		if !isCommon(word) {
			kept = append(kept, word)
		}
	}
	return strings.Join(kept, "-")
}

func isCommon(word string) bool {
	return slices.Contains([]string{"api", "apis", "url", "urls", "uri", "endpoint", "endpoints", "invoke", "base", "rest", "http", "gateway", "stage", "output", "value"}, word)
}

// words takes apart camelCase, snake_case and the like.
func words(name string) []string {
	var list []string
	start := 0
	cut := func(end int) {
		if end > start {
			list = append(list, strings.ToLower(name[start:end]))
		}
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_' || c == '-' || c == '.' || c == ' ':
			cut(i)
			start = i + 1
		case i > start && c >= 'A' && c <= 'Z' && (name[i-1] < 'A' || name[i-1] > 'Z' || i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z'):
			cut(i)
			start = i
		}
	}
	cut(len(name))
	return list
}
