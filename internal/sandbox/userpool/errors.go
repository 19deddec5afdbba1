package userpool

import (
	"fmt"
	"net/http"

	"github.com/cogctl/cogctl/internal/sandbox/awsjson"
)

// Error is a refusal as AWS words it. Its text never holds a secret.
type Error = awsjson.Error

// Where AWS was not seen to say a text, the comment beside it says UNCONFIRMED.
const (
	notAuthorized    = "NotAuthorizedException"
	invalidParameter = "InvalidParameterException"
	invalidPassword  = "InvalidPasswordException"
	notFound         = "ResourceNotFoundException"
	serialization    = "SerializationException"
)

var (
	// Of signing in:

	errWrongPassword   = &Error{Type: notAuthorized, Message: "Incorrect username or password."}
	errDisabled        = &Error{Type: notAuthorized, Message: "User is disabled."}
	errLocked          = &Error{Type: notAuthorized, Message: "Password attempts exceeded"}
	errTemporaryOver   = &Error{Type: notAuthorized, Message: "Temporary password has expired and must be reset by an administrator."} // UNCONFIRMED
	errUserNotFound    = &Error{Type: "UserNotFoundException", Message: "User does not exist."}
	errNotConfirmed    = &Error{Type: "UserNotConfirmedException", Message: "User is not confirmed."}
	errResetRequired   = &Error{Type: "PasswordResetRequiredException", Message: "Password reset required for the user"}
	errMethod          = &Error{Type: invalidParameter, Message: "Initiate Auth method not supported."}
	errNoCustomTrigger = &Error{Type: invalidParameter, Message: "Custom auth lambda trigger is not configured for the user pool."} // UNCONFIRMED
	errTimestamp       = &Error{Type: invalidParameter, Message: "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."}
	errSecretBlock     = &Error{Type: invalidParameter, Message: "PASSWORD_CLAIM_SECRET_BLOCK is not valid base64."} // type and text UNCONFIRMED
	errPublicValue     = &Error{Type: invalidParameter, Message: "SRP_A is not a valid public value."}               // text UNCONFIRMED

	// Of Session strings, and answers to challenges:

	errSession        = &Error{Type: notAuthorized, Message: "Invalid session for the user."}
	errSessionUsed    = &Error{Type: notAuthorized, Message: "Invalid session for the user, session can only be used once."}
	errSessionExpired = &Error{Type: notAuthorized, Message: "Invalid session for the user, session is expired."}
	errWrongCode      = &Error{Type: "CodeMismatchException", Message: "Invalid code or auth state for the user."}
	errTOTPUsed       = &Error{Type: "ExpiredCodeException", Message: "Your software token has already been used once."}                            // UNCONFIRMED
	errSetupOpen      = &Error{Type: invalidParameter, Message: "No MFA has been set up in this session."}                                          // text UNCONFIRMED
	errChoice         = &Error{Type: invalidParameter, Message: "The ANSWER is not one of the available challenges."}                               // text UNCONFIRMED
	errNoDelivery     = &Error{Type: "CodeDeliveryFailureException", Message: "Unable to deliver a code: the user has no destination for it."}      // UNCONFIRMED
	errPasskey        = &Error{Type: notAuthorized, Message: "The passkey was not accepted: the sandbox has no authenticator to check it against."} // ours

	// Of refresh tokens, and their revocation:

	errRefreshUnknown = &Error{Type: notAuthorized, Message: "Invalid Refresh Token"}
	errRefreshRevoked = &Error{Type: notAuthorized, Message: "Refresh Token has been revoked"}                                               // UNCONFIRMED
	errRefreshExpired = &Error{Type: notAuthorized, Message: "Refresh Token has expired"}                                                    // UNCONFIRMED
	errRefreshReused  = &Error{Type: "RefreshTokenReuseException", Message: "Refresh token has been invalidated by refresh token rotation."} // text UNCONFIRMED
	errClientSecret   = &Error{Type: "UnauthorizedException", Message: "Invalid client secret."}                                             // text UNCONFIRMED
	errOtherClient    = &Error{Type: "UnauthorizedException", Message: "The token was not issued to this client."}                           // text UNCONFIRMED
	errTokenType      = &Error{Type: "UnsupportedTokenTypeException", Message: "Unsupported token type."}                                    // text UNCONFIRMED
	errNoRevocation   = &Error{Type: "UnsupportedOperationException", Message: "Token revocation is not enabled for this client."}           // text UNCONFIRMED

	// Of access tokens:

	errAccessInvalid = &Error{Type: notAuthorized, Message: "Invalid Access Token"} // UNCONFIRMED
	errAccessExpired = &Error{Type: notAuthorized, Message: "Access Token has expired"}
	errAccessRevoked = &Error{Type: notAuthorized, Message: "Access Token has been revoked"}
	errAccessScopes  = &Error{Type: notAuthorized, Message: "Access Token does not have required scopes"} // UNCONFIRMED

	// Of accounts: signing up, attributes, passwords:

	errSignUpClosed     = &Error{Type: notAuthorized, Message: "SignUp is not permitted for this user pool"}         // UNCONFIRMED
	errUnwritable       = &Error{Type: notAuthorized, Message: "A client attempted to write unauthorized attribute"} // UNCONFIRMED
	errUsernameExists   = &Error{Type: "UsernameExistsException", Message: "User already exists"}
	errAccountExists    = &Error{Type: "UsernameExistsException", Message: "User account already exists"} // what AdminCreateUser says: UNCONFIRMED
	errAliasExists      = &Error{Type: "AliasExistsException", Message: "An account with the given email already exists."}
	errAliasUsername    = &Error{Type: invalidParameter, Message: "Username cannot be of email format, since user pool is configured for email alias."}
	errEmailUsername    = &Error{Type: invalidParameter, Message: "Username should be an email."}
	errPhoneUsername    = &Error{Type: invalidParameter, Message: "Username should be either an email or a phone number."} // UNCONFIRMED
	errEmailFormat      = &Error{Type: invalidParameter, Message: "Invalid email address format."}
	errPhoneFormat      = &Error{Type: invalidParameter, Message: "Invalid phone number format."}
	errAlreadyConfirmed = &Error{Type: invalidParameter, Message: "User is already confirmed."}                                                                  // UNCONFIRMED
	errNoAutoVerify     = &Error{Type: invalidParameter, Message: "Cannot resend codes. Auto verification not turned on."}                                       // UNCONFIRMED
	errNotResettable    = &Error{Type: notAuthorized, Message: "User password cannot be reset in the current state."}                                            // UNCONFIRMED
	errNoRecovery       = &Error{Type: invalidParameter, Message: "Cannot reset password for the user as there is no registered/verified email or phone_number"} // UNCONFIRMED
	errCodeMismatch     = &Error{Type: "CodeMismatchException", Message: "Invalid verification code provided, please try again."}                                // UNCONFIRMED
	errCodeExpired      = &Error{Type: "ExpiredCodeException", Message: "Invalid code provided, please request a code again."}
	errAttempts         = &Error{Type: "LimitExceededException", Message: "Attempt limit exceeded, please try after some time."} // UNCONFIRMED

	// Of second factors:

	errTOTPSetup       = &Error{Type: "EnableSoftwareTokenMFAException", Message: "Code mismatch and fail enable Software Token MFA"}          // UNCONFIRMED
	errNoSoftwareToken = &Error{Type: "SoftwareTokenMFANotFoundException", Message: "Software Token MFA has not been associated."}             // text UNCONFIRMED
	errNoTOTP          = &Error{Type: "SoftwareTokenMFANotFoundException", Message: "Software Token MFA has not been enabled by the userPool"} // UNCONFIRMED
	errTOTPUnverified  = &Error{Type: invalidParameter, Message: "User has not verified software token mfa"}                                   // UNCONFIRMED
	errTwoPreferred    = &Error{Type: invalidParameter, Message: "Only one MFA type can be preferred."}                                        // text UNCONFIRMED
	errPreferredOff    = &Error{Type: invalidParameter, Message: "A MFA type that is not enabled cannot be preferred."}                        // text UNCONFIRMED

	// Of devices:

	errNoDevice     = &Error{Type: notFound, Message: "Device does not exist."}                   // that it names the device is known, the text UNCONFIRMED
	errDeviceExists = &Error{Type: "DeviceKeyExistsException", Message: "Device already exists."} // text UNCONFIRMED

	// Of requests:

	errInternal = &Error{Type: "InternalErrorException", Message: "Internal error", Status: http.StatusInternalServerError}
	errTooLarge = &Error{Type: "RequestEntityTooLargeException", Message: "The request body is larger than 131072 bytes.", Status: http.StatusRequestEntityTooLarge} // UNCONFIRMED
)

func errParameter(format string, args ...any) error {
	return &Error{Type: invalidParameter, Message: fmt.Sprintf(format, args...)}
}

func errMissing(parameter string) error {
	return errParameter("Missing required parameter %s", parameter)
}

func errNoClient(id string) error {
	return &Error{Type: notFound, Message: fmt.Sprintf("User pool client %s does not exist.", id)}
}

func errNoPool(id string) error {
	return &Error{Type: notFound, Message: fmt.Sprintf("User pool %s does not exist.", id)} // UNCONFIRMED
}

func errPolicy(what string) error {
	return &Error{Type: invalidPassword, Message: "Password did not conform with policy: " + what}
}

// errFlowDisabled has AWS's own inconsistency: SRP and custom are refused in
// other words than the password flow. The text for refresh is UNCONFIRMED.
func errFlowDisabled(flow string) error {
	switch flow {
	case "USER_SRP_AUTH", "CUSTOM_AUTH":
		return errParameter("%s is not enabled for the client.", flow)
	case "REFRESH_TOKEN_AUTH", adminPassword:
		return errParameter("Auth flow not enabled for this client")
	}
	return errParameter("%s flow not enabled for this client", flow)
}
