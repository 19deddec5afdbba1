package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
)

// lostReply is the key, among hints, of an answer that never came.
const lostReply = "no answer"

// noAddress is for accounts to which no code can be sent.
const noAddress = "Cognito has no address for a code: an administrator has to confirm the account"

// refusedTypes are AWS error types that are a no to this user or this input
// beyond those that a sign-in knows.
var refusedTypes = []string{
	"UsernameExistsException", "AliasExistsException", "LimitExceededException", "TooManyFailedAttemptsException",
	"PasswordHistoryPolicyViolationException", "EnableSoftwareTokenMFAException", "SoftwareTokenMFANotFoundException",
}

// serverWord is the AWS error type and text of an answer; empty when err is
// another kind of trouble.
func serverWord(err error) (code, message string) {
	var refused *auth.RefusedError
	var service *auth.ServiceError
	switch {
	case errors.As(err, &refused):
		return refused.Code, refused.Message
	case errors.As(err, &service):
		return service.Code, service.Message
	}
	return "", ""
}

// told gives an error of an account operation its exit code and what to do next.
// hints are the command's own, by AWS error type, and win over those for all.
func (s signIn) told(err error, hints map[string]string) error {
	if err == nil || hintFor(err) != "" && !isRefusal(err) {
		return err
	}
	code, message := serverWord(err)
	var unknown *auth.UnknownOutcomeError
	if errors.As(err, &unknown) {
		code = lostReply
	}
	hint := hints[code]
	if hint == "" {
		hint = s.commonHint(code, strings.ToLower(message))
	}
	if hint != "" {
		err = hinted(err, "%s", hint)
	}
	switch {
	case code == "NotAuthorizedException" && strings.Contains(strings.ToLower(message), "required scopes"):
		return withCode(exitNeeded, err)
	case slices.Contains(refusedTypes, code):
		return withCode(exitRefused, err)
	}
	return err
}

func isRefusal(err error) bool {
	var refused *auth.RefusedError
	return errors.As(err, &refused)
}

// wrongPassword is a refusal of a password.
func wrongPassword(err error) (*auth.RefusedError, bool) {
	var refused *auth.RefusedError
	return refused, errors.As(err, &refused) && refused.WrongPassword()
}

// commonHint is what helps with an answer whatever the command.
func (s signIn) commonHint(code, message string) string {
	has := func(part string) bool { return strings.Contains(message, part) }
	signIn := s.next("login", "--username", s.user)
	switch code {
	case "NotAuthorizedException":
		return s.notAuthorizedHint(message)
	case "TooManyRequestsException", "ThrottlingException":
		return "nothing was done: Cognito has too many requests of this kind; try again in a minute"
	case "LimitExceededException", "TooManyFailedAttemptsException":
		return "Cognito allows a few tries an hour: wait before the next one"
	case "PasswordHistoryPolicyViolationException":
		return "choose a password that this account has not had before: COGCTL_NEW_PASSWORD"
	case "UserNotConfirmedException":
		return s.next("account", "confirm", s.user, "CODE") + "\n" + s.next("account", "resend", s.user) + " sends a new code"
	case "PasswordResetRequiredException":
		return s.next("account", "forgot-password", s.user) + " sends a code and sets a new password"
	case "UserNotFoundException":
		return "check the name, and the user pool: " + s.next("profile", "show")
	case "InvalidParameterException":
		switch {
		case has("already confirmed"):
			return signIn
		case has("registered/verified"):
			return "there is no verified address for a code: an administrator must set a password"
		case has("phone number"):
			return "phone numbers begin with + and the country's code, without spaces: phone_number=+12065550100"
		case has("auto verification not turned on"):
			return noAddress
		case has("custom:") && has("does not exist in schema"):
			return "the user pool has no such attribute: its administrator can add it"
		case has("does not exist in schema"), has("not defined in schema"):
			return "attributes that a pool adds of its own are named custom:NAME"
		}
	}
	return ""
}

// notAuthorizedHint goes by the text: the type alone says nothing.
func (s signIn) notAuthorizedHint(message string) string {
	signIn := s.next("login", "--username", s.user)
	for _, row := range []struct{ part, hint string }{
		{"signup is not permitted", "only an administrator makes users in this user pool"},
		{"current status is confirmed", "it is confirmed already: " + signIn},
		{"secret", "check client_secret: " + s.next("profile", "show")},
		{"unauthorized attribute", "the app client may not write it, or only Cognito does: an address is verified by " + s.next("account", "verify", "email")},
		{"cannot be reset", "the account waits for its first sign-in with the temporary password, which an administrator can send again: " + signIn},
		{"auto verification not turned on", noAddress},
		{"required scopes", "sign in with the scope " + auth.SelfServiceScope + ": " + signIn},
		{"invalid access token", signIn},
		{"user is disabled", "an administrator disabled the account, and only one can enable it"},
	} {
		if strings.Contains(message, row.part) {
			return row.hint
		}
	}
	return ""
}
