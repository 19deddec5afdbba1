package importer

import (
	"net/url"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/loopback"
)

// exported reads what cogctl profile export --json prints: one profile.
func (f *finder) exported() (Found, error) {
	f.found.Format = "a profile of cogctl's"
	profiles := f.root.get("profiles")
	if profiles.kind != object || len(profiles.keys) != 1 || profiles.items[0].kind != object {
		return f.found, placed(f.source, f.data, profiles.at, "want an object with one profile")
	}
	d := config.Draft{Name: profiles.keys[0]}
	if err := config.CheckName(d.Name); err != nil {
		return f.found, placed(f.source, f.data, profiles.at, "profile "+err.Error())
	}
	f.settings(&d, nil, profiles.items[0])
	if f.err == nil {
		f.found.Profile = &d
	}
	return f.found, f.err
}

// settings puts the members of an object into the draft.
func (f *finder) settings(d *config.Draft, path []string, n *node) {
	for i, item := range n.items {
		at := append(slices.Clone(path), n.keys[i])
		key := strings.Join(at, ".")
		if item.kind == object {
			f.settings(d, at, item)
			continue
		}
		if key == "from" || at[0] == "map" || config.IsSecret(at, item.text) {
			f.secret(item)
			d.Omitted = append(d.Omitted, config.Omission{Key: key, Why: "a secret, or a reference to one, is not taken from a file"})
			continue
		}
		values := []string{item.text}
		switch item.kind {
		case text, boolean:
		case array:
			var ok bool
			if values, ok = f.strings(item, key); !ok {
				return
			}
		default:
			f.failAt(item, "%s is %s", shorten(key), item.kind)
			return
		}
		for _, v := range values {
			if unprintable(v) || len(v) > maxValue {
				f.failAt(item, "%s: a value with characters that cannot be seen, or too long", shorten(key))
				return
			}
		}
		if err := d.Set(at, values...); err != nil {
			f.failAt(item, "%v", err)
			return
		}
	}
}

// discovery reads a discovery document that was saved to a file.
func (f *finder) discovery() {
	f.found.Format = "OpenID Connect discovery"
	issuer, page := f.root.get("issuer"), f.root.get("authorization_endpoint")
	if issuer.kind != text {
		f.failAt(issuer, "issuer is %s, want a string", issuer.kind)
		return
	}
	authorization := ""
	if page != nil {
		authorization = page.text
	}
	for key, value := range fieldsOf(issuer.text, authorization) {
		f.add(key, issuer, "issuer", []string{value})
	}
}

// OfIssuer is what an issuer comes to whose discovery document was fetched and
// checked: a user pool where it has the form of one, else the issuer itself.
// authorization is its authorization endpoint, or "": at a user pool, it is on
// the pool's domain.
func OfIssuer(issuer, authorization string) (Found, error) {
	found := Found{Format: "OpenID Connect discovery", Fields: map[string][]Candidate{}}
	for key, value := range fieldsOf(issuer, authorization) {
		if err := checkValue(key, value); err != nil {
			return found, err
		}
		found.Fields[key] = []Candidate{{Values: []string{value}, From: "the issuer's document"}}
	}
	return found, nil
}

// fieldsOf tells a user pool by the host, or on this machine, where an emulator
// is, by the last part of the path.
func fieldsOf(issuer, authorization string) map[string]string {
	u, err := url.Parse(issuer)
	if err != nil {
		return map[string]string{"issuer": issuer}
	}
	id := strings.TrimPrefix(u.Path, "/")
	region, _, _ := strings.Cut(id, "_")
	local := loopback.IsLoopback(u.Hostname())
	pool := !strings.Contains(id, "/") && isRegion(region) && config.Check("user_pool_id", id) == nil
	if !pool || !local && !isCognito(u.Host, region) {
		return map[string]string{"issuer": issuer}
	}
	fields := map[string]string{"user_pool_id": id}
	if local {
		fields["endpoints.user_pool"] = u.Scheme + "://" + u.Host
	}
	if domain, found := strings.CutSuffix(authorization, "/oauth2/authorize"); found {
		fields["domain"] = domain
	}
	return fields
}

// isCognito tells the hosts of the user pool API of a region.
func isCognito(host, region string) bool {
	return host == "cognito-idp."+region+".amazonaws.com" || host == "cognito-idp."+region+".amazonaws.com.cn" ||
		host == "cognito-idp-fips."+region+".amazonaws.com"
}

// nameOf is the name of the field of a key.
func nameOf(key string) string {
	for _, field := range config.Fields() {
		if field.Key == key {
			return field.Name
		}
	}
	return key
}
