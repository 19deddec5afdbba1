package identity

import (
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// role chooses the role of an identity ("Role-based access control", Amazon
// Cognito Developer Guide): a guest's, what the mapping of the login's provider
// says, or the authenticated one. Where several logins have a mapping, that of
// the first counts; which one AWS takes is UNCONFIRMED.
func (c caller) role(custom string) (arn string, err error) {
	if len(c.logins) == 0 {
		if custom != "" {
			return "", errCustomRole
		}
		return orRefused(c.pool.UnauthenticatedRole)
	}
	for _, l := range c.logins {
		if mapping, ok := c.pool.RoleMappings[l.mapping]; ok {
			return c.mapped(mapping, l.claims, custom)
		}
	}
	if custom != "" {
		return "", errCustomRole
	}
	return orRefused(c.pool.AuthenticatedRole)
}

func orRefused(arn string) (string, error) {
	if arn == "" {
		return "", errRoles
	}
	return arn, nil
}

// mapped chooses by a mapping. A custom role must be among those that the token
// or the rules give.
func (c caller) mapped(m store.RoleMapping, claims jwt.Claims, custom string) (string, error) {
	roles, preferred := claims.Strings("cognito:roles"), claims.String("cognito:preferred_role")
	if m.Type == store.MapByRules {
		roles = matching(m.Rules, claims)
		preferred = ""
		if len(roles) > 0 {
			preferred = roles[0]
		}
	}
	switch {
	case custom != "" && !slices.Contains(roles, custom):
		return "", errCustomRole
	case custom != "":
		return custom, nil
	case preferred != "":
		return preferred, nil
	case m.Ambiguous == store.AmbiguousDeny:
		return "", errNoRole
	}
	return orRefused(c.pool.AuthenticatedRole)
}

// matching are the roles of the rules that fit, the first one first. A claim
// that is not there fits no rule, not even NotEqual.
func matching(rules []store.RoleRule, claims jwt.Claims) (roles []string) {
	for _, rule := range rules {
		value, there := claimText(claims, rule.Claim)
		if !there {
			continue
		}
		fits := false
		switch rule.Match {
		case "Equals":
			fits = value == rule.Value
		case "NotEqual":
			fits = value != rule.Value
		case "StartsWith":
			fits = strings.HasPrefix(value, rule.Value)
		case "Contains":
			fits = strings.Contains(value, rule.Value)
		}
		if fits {
			roles = append(roles, rule.RoleARN)
		}
	}
	return roles
}

// claimText is a claim as rules and tags see it. That an array's items are
// joined with a comma is UNCONFIRMED.
func claimText(claims jwt.Claims, name string) (string, bool) {
	switch v := claims[name].(type) {
	case nil:
		return "", false
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	case interface{ String() string }: // json.Number
		return v.String(), true
	}
	list := claims.Strings(name)
	return strings.Join(list, ","), list != nil
}

// maxTag is how many bytes the value of a session tag may have.
const maxTag = 256

// tags are the principal tags that the pool makes of the logins' claims.
func (c caller) tags() map[string]string {
	tags := map[string]string{}
	for _, l := range c.logins {
		wanted, on := c.pool.PrincipalTags[l.provider]
		if on && len(wanted) == 0 {
			wanted = map[string]string{"client": "aud", "username": "sub"}
		}
		for tag, claim := range wanted {
			if value, there := claimText(l.claims, claim); there && value != "" && len(value) <= maxTag {
				tags[tag] = value
			}
		}
	}
	return tags
}
