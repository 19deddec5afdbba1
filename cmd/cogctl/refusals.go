package main

import (
	"errors"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
)

// advice is what to do about an answer of the user pool.
type advice struct {
	code, text string // the AWS error type, and a part of its text, in lower case
	hint       string
	exit       int    // 0: whatever the type says
	at         string // the step that it helps at: atSignIn, atRefresh; empty for any
}

// Steps, as the errors of package auth begin.
const (
	atSignIn  = "sign in "
	atRefresh = "refresh the session "
)

// advices are looked through in this order. The type alone often says little:
// NotAuthorizedException is a wrong password, a wrong client secret and a sign-in
// that took too long.
func advices() []advice {
	const (
		refused = "NotAuthorizedException"
		invalid = "InvalidParameterException"
		flow    = "try another way to sign in: --flow srp or --flow password"
	)
	return []advice{
		{refused, "secret_hash was not received", "this app client has a secret: client_secret in the profile, or COGCTL_CLIENT_SECRET", exitUsage, ""},
		{refused, "secret", "client_secret is not the one of this app client: cogctl profile show tells where it comes from", exitUsage, ""},
		{"UnauthorizedException", "", "client_secret may not be the one of this app client: cogctl profile show tells where it comes from", exitUsage, ""},
		{"invalid_client", "", "client_secret may not be the one of this app client: cogctl profile show tells where it comes from", exitUsage, ""},
		{"unauthorized_client", "", "the app client's allowed OAuth flows lack this one", exitUsage, ""},
		{refused, "attempts exceeded", "wait before the next attempt: with each one more Cognito waits longer, up to 15 minutes", 0, ""},
		{refused, "user is disabled", "an administrator of the user pool can enable the account", exitRefused, ""},
		{refused, "invalid session", "the sign-in took too long, or was answered twice: begin anew with cogctl login", 0, atSignIn},
		{refused, "username or password", "check the name, the password and the user pool: cogctl profile show", 0, atSignIn},
		{"UserNotFoundException", "", "check the name and the user pool: cogctl profile show", 0, ""},
		{"CodeMismatchException", "", "the code is wrong or used up: take the newest one", 0, atSignIn},
		{"ExpiredCodeException", "already been used", "an authenticator's code counts once: wait half a minute for the next one;\nif several in a row are refused, other sign-ins use them, or the server's clock was set back", 0, atSignIn},
		{"ExpiredCodeException", "", "the code is too old or used up: ask for a new one; cogctl login does, for its own codes", 0, atSignIn},
		{"ResourceNotFoundException", "user pool", "check user_pool_id and client_id: cogctl profile show", exitUsage, ""},
		{"PasswordHistoryPolicyViolationException", "", "choose a password that this account has not had before: COGCTL_NEW_PASSWORD", exitRefused, atSignIn},
		{"LimitExceededException", "", "Cognito allows a few tries an hour: wait before the next one", exitRefused, ""},
		{"TooManyRequestsException", "", "the user pool gets more requests than it takes: try again in a moment", 0, ""},
		{invalid, "not enabled for", flow, exitUsage, atSignIn},
		{invalid, "not enabled for", "the app client allows no refresh: ALLOW_REFRESH_TOKEN_AUTH is missing in its authentication flows", exitUsage, atRefresh},
		{invalid, "missing required parameter", flow, 0, atSignIn},
		{invalid, "method not supported", flow, 0, atSignIn},
		{"Unsupported", "user_srp_auth", "an emulator may know no SRP: --flow password", 0, atSignIn}, // as cognito-local words it
		{invalid, "timestamp format", "cogctl is at fault here: please report it, with the output of --debug", 0, atSignIn},
	}
}

const sessionKept = "the session is kept: try again, or sign in anew with cogctl login"

// adviceFor finds the advice for an answer of the user pool in err.
func adviceFor(err error) advice {
	var refused *auth.RefusedError
	var service *auth.ServiceError
	var code, message, op string
	switch {
	case errors.As(err, &refused):
		code, message, op = refused.Code, strings.ToLower(refused.Message), refused.Op
	case errors.As(err, &service):
		code, message, op = service.Code, strings.ToLower(service.Message), service.Op
	}
	if refused != nil && refused.Answer {
		return advice{}
	}
	refresh := strings.HasPrefix(op, atRefresh)
	if refused == nil && !refresh && !strings.HasPrefix(op, atSignIn) {
		return advice{} // other commands know better what they asked for
	}
	for _, a := range advices() {
		if a.code == code && strings.Contains(message, a.text) && (a.at == "" || refresh == (a.at == atRefresh)) {
			return a
		}
	}
	var over *auth.OverError
	if refresh && !errors.As(err, &over) {
		return advice{hint: sessionKept}
	}
	return advice{}
}

// lines puts hints below one another.
func lines(hints ...string) string {
	var said []string
	for _, hint := range hints {
		if hint != "" {
			said = append(said, hint)
		}
	}
	return strings.Join(said, "\n")
}

// wrongCode tells whether a code was refused, now or by the record of it.
func wrongCode(err error) bool {
	var refused *auth.RefusedError
	var again *auth.StillRefusedError
	return errors.As(err, &refused) && refused.Code == "CodeMismatchException" || errors.As(err, &again) && guessed(again) == "code"
}

// codeExplained adds to a refused code where the secret is that codes are computed
// from. A secret that is not the user's makes wrong codes only, and the newest of them
// is no better.
func (s signIn) codeExplained(err error) error {
	secret := s.profile.Get("totp_secret")
	if !secret.Set() {
		return err
	}
	return hinted(err, "%s", lines(hintFor(err), "an authenticator's codes are computed from "+secret.Origin.Text+": it may be another user's, or void since a newer one was set up"))
}
