package main

import (
	"strings"
	"testing"
)

// textRow is one answer of Cognito's, and what comes of it.
type textRow struct {
	code, text string
	survives   bool // the session, when a refresh gets it
	refresh    told
	initiate   told // a sign-in, at its first step
	verify     told // a sign-in, at PASSWORD_VERIFIER; told{} is as at the first step
}

// told is how a run ends: the exit code and a part of what to do next. That is empty
// where an answer makes no sense at that step.
type told struct {
	exit int
	hint string
}

func (row textRow) told(t *testing.T, when string, got ran, want told) {
	t.Helper()
	if got.code != want.exit {
		t.Errorf("%s: exit code %d, want %d: %s", when, got.code, want.exit, got.message)
	}
	if hint := strings.ReplaceAll(strings.TrimSpace(got.hint), "\n        ", "\n"); !strings.Contains(hint, want.hint) || want.hint == "" && hint != "" {
		t.Errorf("%s: the hint is %q, want %q", when, hint, want.hint)
	}
	// A flow that is not allowed is told in words of our own.
	said := strings.Contains(got.message, strings.TrimSuffix(row.text, ".")) && strings.Contains(got.message, row.code)
	if !said && !strings.Contains(got.message, "does not allow") {
		t.Errorf("%s: Cognito's words are missing: %s", when, got.message)
	}
	if got.stdout != "" || !strings.Contains(got.message, "sandboxweb") && !strings.Contains(got.message, "ann at us-east-1_Sandbox01") {
		t.Errorf("%s: printed %q, and told %q", when, got.stdout, got.message)
	}
}

// texts are the answers of Cognito that are known by their words, with those that
// make no sense at a refresh or a sign-in.
func texts() []textRow {
	const (
		kept   = "the session is kept: try again, or sign in anew with cogctl login"
		again  = "cogctl login --username ann\nor set COGCTL_PASSWORD"
		from   = "\nthe password came from COGCTL_PASSWORD"
		check  = "check the name, the password and the user pool: cogctl profile show" + from
		wait   = "wait before the next attempt: with each one more Cognito waits longer, up to 15 minutes"
		enable = "an administrator of the user pool can enable the account"
		secret = "client_secret is not the one of this app client: cogctl profile show tells where it comes from"
		missed = "this app client has a secret: client_secret in the profile, or COGCTL_CLIENT_SECRET"
		late   = "the sign-in took too long, or was answered twice: begin anew with cogctl login"
		newest = "the code is wrong or used up: take the newest one"
		flow   = "try another way to sign in: --flow srp or --flow password"
	)
	return []textRow{
		{"NotAuthorizedException", "Incorrect username or password.", true, told{exitRefused, kept}, told{exitRefused, check}, told{}},
		{"NotAuthorizedException", "User is disabled.", false, told{exitRefused, enable + "\n" + again}, told{exitRefused, enable}, told{}},
		{"NotAuthorizedException", "Password attempts exceeded", true, told{exitRefused, wait}, told{exitRefused, wait + from}, told{}},
		{"NotAuthorizedException", "Client sandboxweb is configured with secret but SECRET_HASH was not received", true, told{exitUsage, missed}, told{exitUsage, missed}, told{}},
		{"NotAuthorizedException", "Unable to verify secret hash for client sandboxweb", true, told{exitUsage, secret}, told{exitUsage, secret}, told{}},
		{"NotAuthorizedException", "SecretHash does not match for the client: sandboxweb", true, told{exitUsage, secret}, told{exitUsage, secret}, told{}},
		{"NotAuthorizedException", "Invalid Refresh Token", false, told{exitNeeded, again}, told{exitRefused, ""}, told{}},
		{"NotAuthorizedException", "Invalid Refresh Token.", false, told{exitNeeded, again}, told{exitRefused, ""}, told{}},
		{"NotAuthorizedException", "Refresh Token has been revoked", false, told{exitNeeded, again}, told{exitRefused, ""}, told{}},
		{"NotAuthorizedException", "Refresh Token has expired", false, told{exitNeeded, again}, told{exitRefused, ""}, told{}},
		{"NotAuthorizedException", "Access Token has expired", true, told{exitRefused, kept}, told{exitRefused, ""}, told{}},
		{"NotAuthorizedException", "Access Token has been revoked", true, told{exitRefused, kept}, told{exitRefused, ""}, told{}},
		{"NotAuthorizedException", "Invalid Access Token", true, told{exitRefused, kept}, told{exitRefused, ""}, told{}},
		{"NotAuthorizedException", "Invalid session for the user, session is expired.", true, told{exitRefused, kept}, told{exitRefused, late}, told{}},
		{"NotAuthorizedException", "Invalid session for the user, session can only be used once.", true, told{exitRefused, kept}, told{exitRefused, late}, told{}},
		{"NotAuthorizedException", "Invalid session for the user.", true, told{exitRefused, kept}, told{exitRefused, late}, told{}},
		{"CodeMismatchException", "Invalid code or auth state for the user.", true, told{exitRefused, kept}, told{exitRefused, newest}, told{}},
		{"CodeMismatchException", "Invalid verification code provided, please try again.", true, told{exitRefused, kept}, told{exitRefused, newest}, told{}},
		{"ExpiredCodeException", "Invalid code provided, please request a code again.", true, told{exitRefused, kept}, told{exitRefused, "the code is too old or used up: ask for a new one; cogctl login does, for its own codes"}, told{}},
		{"ExpiredCodeException", "Your software token has already been used once.", true, told{exitRefused, kept}, told{exitRefused, "an authenticator's code counts once: wait half a minute for the next one"}, told{}},
		{"UserNotFoundException", "User does not exist.", false, told{exitNeeded, "check the name and the user pool: cogctl profile show\ncogctl login --username ann\nor set COGCTL_PASSWORD"}, told{exitRefused, "check the name and the user pool: cogctl profile show\nthe password came from COGCTL_PASSWORD"}, told{}},
		{"UserNotConfirmedException", "User is not confirmed.", true, told{exitRefused, "the sign-up was never confirmed: "}, told{exitRefused, "the sign-up was never confirmed: "}, told{}},
		{"UsernameExistsException", "User already exists", true, told{exitFailed, kept}, told{exitFailed, ""}, told{}},
		{"PasswordResetRequiredException", "Password reset required for the user", true, told{exitRefused, "an administrator asked for a new password: "}, told{exitRefused, "an administrator asked for a new password: "}, told{}},
		{"ResourceNotFoundException", "User pool client sandboxweb does not exist.", true, told{exitUsage, "check user_pool_id and client_id: cogctl profile show"}, told{exitUsage, "check user_pool_id and client_id: cogctl profile show"}, told{}},
		{"LimitExceededException", "Attempt limit exceeded, please try after some time.", true, told{exitRefused, "Cognito allows a few tries an hour: wait before the next one"}, told{exitRefused, "Cognito allows a few tries an hour: wait before the next one"}, told{}},
		{"TooManyRequestsException", "Rate exceeded", true, told{exitFailed, "the user pool gets more requests than it takes: try again in a moment"}, told{exitFailed, "the user pool gets more requests than it takes: try again in a moment"}, told{}},
		{"InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client", true, told{exitUsage, "the app client allows no refresh: ALLOW_REFRESH_TOKEN_AUTH is missing"}, told{exitUsage, "try --flow password"}, told{exitUsage, flow}},
		{"InvalidParameterException", "Missing required parameter USERNAME", true, told{exitFailed, kept}, told{exitFailed, flow}, told{}},
		{"InvalidParameterException", "Missing required parameter PASSWORD", true, told{exitFailed, kept}, told{exitFailed, flow}, told{}},
		{"InvalidParameterException", "Missing required parameter SRP_A", true, told{exitFailed, kept}, told{exitFailed, flow}, told{}},
		{"InvalidParameterException", "Initiate Auth method not supported.", true, told{exitFailed, kept}, told{exitFailed, flow}, told{}},
		{"InvalidParameterException", "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.", true, told{exitFailed, kept}, told{exitFailed, "cogctl is at fault here: please report it, with the output of --debug"}, told{}},
		{"InvalidPasswordException", "Password did not conform with policy: Password not long enough", true, told{exitRefused, kept}, told{exitRefused, "the password came from COGCTL_PASSWORD"}, told{exitRefused, "choose a password that the user pool's policy allows: COGCTL_NEW_PASSWORD"}},
		{"InvalidPasswordException", "Password did not conform with policy: Password must have uppercase characters", true, told{exitRefused, kept}, told{exitRefused, "the password came from COGCTL_PASSWORD"}, told{exitRefused, "choose a password that the user pool's policy allows: COGCTL_NEW_PASSWORD"}},
		{"PasswordHistoryPolicyViolationException", "Password has been used before", true, told{exitFailed, kept}, told{exitRefused, "choose a password that this account has not had before: COGCTL_NEW_PASSWORD"}, told{exitRefused, "choose a password that this account has not had before: COGCTL_NEW_PASSWORD"}},
		{"UnauthorizedException", "Unable to verify the client secret", true, told{exitUsage, "client_secret may not be the one of this app client: cogctl profile show tells where it comes from"}, told{exitUsage, "client_secret may not be the one of this app client: cogctl profile show tells where it comes from"}, told{}},
		{"UnsupportedTokenTypeException", "Unsupported token type", true, told{exitFailed, kept}, told{exitFailed, ""}, told{}},
		{"Unsupported", "Cognito Local unsupported feature: InitAuth with AuthFlow=USER_SRP_AUTH", true, told{exitFailed, kept}, told{exitFailed, "an emulator may know no SRP: --flow password"}, told{}},
		{"RefreshTokenReuseException", "Refresh token has been invalidated by refresh token rotation.", false, told{exitNeeded, again}, told{exitRefused, ""}, told{}},
	}
}
