package main

import (
	"errors"
	"strings"

	"github.com/cogctl/cogctl/internal/awscred"
)

// awsAdvices are looked through in this order, for what identity pools and STS say no
// with. The type alone says little: nearly all of it is a NotAuthorizedException.
func awsAdvices() []advice {
	const (
		refused = "NotAuthorizedException"
		missing = "ResourceNotFoundException"
		invalid = "InvalidParameterException"
		trust   = "the role's trust policy must allow sts:AssumeRoleWithWebIdentity to cognito-identity.amazonaws.com, " +
			"with this identity pool's id as cognito-identity.amazonaws.com:aud"
	)
	return []advice{
		{refused, "unauthenticated access is not supported", "this identity pool has no guests: sign in (cogctl login), or allow guest access in its settings", exitRefused, ""},
		{refused, "not from a supported provider", "the identity pool must list the user pool with this app client, or the OpenID Connect provider with this audience; it takes ID tokens only", exitRefused, ""},
		{refused, "doesn't match providername", "the name below [profiles.NAME.logins] must be the token's issuer, without https://", exitUsage, ""},
		{refused, "token expired", "the token has run out, or this machine's clock is wrong: cogctl token refresh, or a new token where one was given", exitNeeded, ""},
		{refused, "token is expired", "the token has run out, or this machine's clock is wrong: cogctl token refresh, or a new token where one was given", exitNeeded, ""},
		{refused, "token is inactive", "the user was signed out everywhere, or is gone: sign in again with cogctl login", exitNeeded, ""},
		{refused, "invalid login token", "the token is not one that the identity pool can read: cogctl token decode shows what is in it", exitRefused, ""},
		{refused, "logins don't match", "this login belongs to an identity that was linked with other logins: give those, too, below [profiles.NAME.logins]", exitRefused, ""},
		{refused, "access to identity", "the identity is another's, or has logins that were not given", exitRefused, ""},
		{refused, "role", "the role is not one that the identity pool has for you: --role, or identity_pool.role in the profile", exitRefused, ""},
		{refused, "", "check the identity pool's providers and roles", exitRefused, ""},
		{"InvalidIdentityPoolConfigurationException", "", "the identity pool has no role for you, or one that does not trust it: " + trust, exitRefused, ""},
		{missing, "identitypool", "check identity_pool_id and its region: cogctl profile show", exitUsage, ""},
		{missing, "", "check identity_pool_id: cogctl profile show", exitUsage, ""},
		{invalid, "classic", "the identity pool allows no basic flow: leave identity_pool.flow out of the profile, or allow it in the pool's settings", exitUsage, ""},
		{invalid, "", "check identity_pool_id, the role and the logins: cogctl profile show", exitUsage, ""},
		{"AccessDenied", "", trust, exitRefused, ""},
		{"InvalidIdentityToken", "", trust, exitRefused, ""},
		{"ExpiredTokenException", "", "this machine's clock may be wrong; or try again", 0, ""},
		{"LimitExceededException", "", "the identity pool has as many identities as it may", exitRefused, ""},
		{"ExternalServiceException", "", "the identity pool could not ask the login's provider: try again in a moment", 0, ""},
	}
}

// awsAdviceFor finds the advice for an answer of an identity pool, or of STS, in err.
func awsAdviceFor(err error) advice {
	var service *awscred.ServiceError
	if !errors.As(err, &service) {
		return advice{}
	}
	if service.Throttled() {
		return advice{hint: "too many requests at once: try again in a moment"}
	}
	message := strings.ToLower(service.Message)
	for _, a := range awsAdvices() {
		if a.code == service.Code && strings.Contains(message, a.text) {
			return a
		}
	}
	return advice{}
}
