package identity

import (
	"fmt"
	"net/http"

	"github.com/cogctl/cogctl/internal/sandbox/awsjson"
)

// Error is a refusal as AWS words it. Its text never holds a secret.
type Error = awsjson.Error

const (
	notAuthorized    = "NotAuthorizedException"
	invalidParameter = "InvalidParameterException"
	notFound         = "ResourceNotFoundException"
)

// Texts that AWS was seen to say, unless the comment says UNCONFIRMED.
var (
	errNoGuests        = &Error{Type: notAuthorized, Message: "Unauthenticated access is not supported for this identity pool."}
	errUnsupported     = &Error{Type: notAuthorized, Message: "Token is not from a supported provider of this identity pool."}
	errLoginsMismatch  = &Error{Type: notAuthorized, Message: "Logins don't match. Please include at least one valid login for this identity or identity pool."}
	errInactive        = &Error{Type: notAuthorized, Message: "Token is inactive"}
	errForeignIssuer   = &Error{Type: notAuthorized, Message: "Invalid login token. Issuer doesn't match providerName"}
	errUnsigned        = &Error{Type: notAuthorized, Message: "Invalid login token. Couldn't verify signed token."}
	errNoAudience      = &Error{Type: notAuthorized, Message: "Invalid login token. Incorrect token audience."}                  // UNCONFIRMED
	errNotOpenID       = &Error{Type: notAuthorized, Message: "Invalid login token. Not a valid OpenId Connect identity token."} // UNCONFIRMED
	errLoginExpired    = &Error{Type: notAuthorized, Message: "Invalid login token. Token is expired."}                          // of social providers
	errRoles           = &Error{Type: "InvalidIdentityPoolConfigurationException", Message: "Invalid identity pool configuration. Check assigned IAM roles for this pool."}
	errLoginTaken      = &Error{Type: "ResourceConflictException", Message: "Logins are already associated with another identity."} // text UNCONFIRMED
	errClassicOff      = &Error{Type: invalidParameter, Message: "Basic (classic) flow is not enabled, please use enhanced flow."}
	errClassicMappings = &Error{Type: invalidParameter, Message: "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow."}
	errNoRole          = &Error{Type: notAuthorized, Message: "No role could be chosen for the token, and the role mapping denies access then."} // text UNCONFIRMED
	errCustomRole      = &Error{Type: notAuthorized, Message: "The custom role is not one of the roles of the token."}                           // text UNCONFIRMED
	errInternal        = &Error{Type: "InternalErrorException", Status: http.StatusInternalServerError}
	errTooLarge        = &Error{Type: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge} // UNCONFIRMED
)

// errUserPoolExpired has AWS's own order of the two numbers, seconds since 1970.
func errUserPoolExpired(exp, now int64) error {
	return &Error{Type: notAuthorized, Message: fmt.Sprintf("Invalid login token. Token expired: %d >= %d", exp, now)}
}

func errNoPool(id string) error {
	return &Error{Type: notFound, Message: fmt.Sprintf("IdentityPool '%s' not found.", id)}
}

func errNoIdentity(id string) error {
	return &Error{Type: notFound, Message: fmt.Sprintf("Identity '%s' not found.", id)}
}

func errForbidden(id string) error {
	return &Error{Type: notAuthorized, Message: fmt.Sprintf("Access to Identity '%s' is forbidden.", id)}
}

// errMissing is AWS's common text for a parameter that is not there; that
// identity pools have this type for it is UNCONFIRMED.
func errMissing(parameter string) error {
	return &Error{Type: "ValidationException", Message: "1 validation error detected: Value null at '" + parameter + "' failed to satisfy constraint: Member must not be null"}
}

func errPattern(parameter string) error {
	return &Error{Type: "ValidationException", Message: "1 validation error detected: Value at '" + parameter +
		"' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w-]+:[0-9a-f-]+"}
}
