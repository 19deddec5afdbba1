package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

// answers are what the user pool API may say to a refresh, and whether the session
// is over by it. Only what no later refresh could change ends it.
var answers = []struct {
	status        int
	code, message string
	over          bool
}{
	{400, "NotAuthorizedException", "Invalid Refresh Token", true},
	{400, "NotAuthorizedException", "Invalid Refresh Token.", true},
	{400, "NotAuthorizedException", "Refresh Token has been revoked", true},
	{400, "NotAuthorizedException", "Refresh Token has expired", true},
	{400, "NotAuthorizedException", "User is disabled.", true},
	{400, "RefreshTokenReuseException", "Refresh token has been invalidated by refresh token rotation.", true},
	{400, "UserNotFoundException", "User does not exist.", true},

	// The secret, the client, the pool, the endpoint: put right, the session goes on.
	{400, "NotAuthorizedException", "Client abc is configured with secret but SECRET_HASH was not received", false},
	{400, "NotAuthorizedException", "Unable to verify secret hash for client abc", false},
	{400, "NotAuthorizedException", "Unable to verify secret for client abc", false},
	{400, "NotAuthorizedException", "SecretHash does not match for the client: abc", false},
	{400, "UnauthorizedException", "Invalid client secret.", false},
	{400, "ResourceNotFoundException", "User pool client abc does not exist.", false},
	{400, "ResourceNotFoundException", "User pool us-east-1_Sandbox01 does not exist.", false},
	{400, "UnknownOperationException", "", false},
	{400, "SerializationException", "", false},
	{400, "InvalidParameterException", "Missing required parameter REFRESH_TOKEN", false},
	{400, "InvalidUserPoolConfigurationException", "x", false},
	{400, "UnrecognizedClientException", "The security token included in the request is invalid.", false},

	// No text of Cognito's: a part of one that ends a session is not one.
	{400, "NotAuthorizedException", "Unable to verify secret hash for client x: user is disabled", false},
	{400, "NotAuthorizedException", "User is disabled. SECRET_HASH was not received", false},
	{400, "NotAuthorizedException", "User is disabled for this client", false},
	{400, "NotAuthorizedException", "Client abc: Invalid Refresh Token", false},
	{400, "NotAuthorizedException", "Invalid Refresh Token or SecretHash does not match for the client: abc", false},
	{400, "NotAuthorizedException", "Invalid Refresh Token format expected", false},
	{400, "NotAuthorizedException", "Refresh Token has been revoked, or the client secret is wrong", false},
	{400, "NotAuthorizedException", "Unknown device, or Refresh Token has expired", false},
	{400, "NotAuthorizedException", "Refresh Token has been revoked.", true},
	{400, "NotAuthorizedException", "Refresh Token has expired at noon", true},
	{400, "NotAuthorizedException", "USER IS DISABLED", true},

	// The user: confirmed, reset or let in again, he has his session.
	{400, "UserNotConfirmedException", "User is not confirmed.", false},
	{400, "PasswordResetRequiredException", "Password reset required for the user", false},
	{400, "UserLambdaValidationException", "PreTokenGeneration failed with error no.", false},
	{400, "UnexpectedLambdaException", "x", false},
	{400, "InvalidLambdaResponseException", "x", false},

	// What Cognito says to other operations says nothing about a refresh token.
	{400, "NotAuthorizedException", "Incorrect username or password.", false},
	{400, "NotAuthorizedException", "Password attempts exceeded", false},
	{400, "NotAuthorizedException", "Access Token has expired", false},
	{400, "NotAuthorizedException", "Access Token has been revoked", false},
	{400, "NotAuthorizedException", "Invalid Access Token", false},
	{400, "NotAuthorizedException", "Invalid session for the user, session is expired.", false},
	{400, "NotAuthorizedException", "Invalid session for the user, session can only be used once.", false},
	{400, "CodeMismatchException", "Invalid code or auth state for the user.", false},
	{400, "ExpiredCodeException", "Invalid code provided, please request a code again.", false},
	{400, "NotAuthorizedException", "", false},

	// The words of a refusal, from a server that broke down or something on the way:
	// Cognito refuses with 400.
	{500, "NotAuthorizedException", "Invalid Refresh Token", false},
	{503, "RefreshTokenReuseException", "Refresh token has been invalidated by refresh token rotation.", false},
	{502, "UserNotFoundException", "User does not exist.", false},
	{302, "NotAuthorizedException", "Refresh Token has been revoked", false},
	{401, "NotAuthorizedException", "User is disabled.", false},
	{403, "NotAuthorizedException", "Invalid Refresh Token", false},
	{404, "UserNotFoundException", "User does not exist.", false},
	{407, "NotAuthorizedException", "Invalid Refresh Token", false},
	{408, "UserNotFoundException", "User does not exist.", false},
	{425, "RefreshTokenReuseException", "Refresh token has been invalidated by refresh token rotation.", false},
	{429, "NotAuthorizedException", "Refresh Token has expired", false},
	{403, "ForbiddenException", "Request not allowed due to WAF block.", false},

	// Trouble that passes.
	{400, "TooManyRequestsException", "Rate exceeded", false},
	{400, "LimitExceededException", "Attempt limit exceeded, please try after some time.", false},
	{400, "ForbiddenException", "Forbidden", false},
	{400, "OperationNotEnabledException", "x", false},
	{500, "InternalErrorException", "Something failed", false},
	{503, "ServiceUnavailable", "", false},
	{0, "", "", false}, // the connection broke
}

// TestEveryAnswer goes through the answers, by each operation: whether the session is
// kept, and that the person is told in Cognito's own words.
func TestEveryAnswer(t *testing.T) {
	t.Parallel()
	for _, by := range []auth.Means{auth.ByFlow, auth.ByGetTokens} {
		for _, row := range answers {
			t.Run(strings.TrimSpace(fmt.Sprintf("%s %s %s", by, row.code, row.message)), func(t *testing.T) {
				t.Parallel()
				r := newRefresher(t, auth.Session{By: by}, refused(row.status, row.code, row.message))
				_, err := r.renew()
				if err == nil {
					t.Fatal("a refresh that failed gave a session")
				}
				kept, found, readErr := r.dir.Read("k")
				if readErr != nil || found == row.over || found && kept.Refresh != "r-1" {
					t.Errorf("kept: %v (%v)", found, readErr)
				}
				var over *auth.OverError
				if errors.As(err, &over) != row.over {
					t.Errorf("told as %v", err)
				}
				if row.code != "" && !strings.Contains(err.Error(), strings.TrimSuffix(row.message, ".")) || !strings.Contains(err.Error(), row.code) {
					t.Errorf("not told in the server's words: %v", err)
				}
				for _, secret := range []string{"r-1", "SECRET_HASH\":"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("a secret in %v", err)
					}
				}
			})
		}
	}
}

// TestFirewall: what a firewall in front of the pool refuses is refused, with the status
// that firewalls have too. No other refusal comes with that one.
func TestFirewall(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]map[int]bool{
		"ForbiddenException":     {400: true, 403: true, 407: false, 500: false},
		"NotAuthorizedException": {400: true, 403: false, 407: false, 500: false},
	} {
		for status, refused := range want {
			server := newWrongServer(t, func(string, map[string]any) (int, any) { return status, fault(code, "Request not allowed") })
			client := newWorld(server.URL, "https://issuer.example", "abc", "", time.Now).client
			_, err := auth.Password{Client: client, Username: "ann", Password: "p", Ask: nobody}.Login(t.Context())
			var no *auth.RefusedError
			if errors.As(err, &no) != refused {
				t.Errorf("%s with %d: refused %v: %v", code, status, !refused, err)
			}
		}
	}
}

// TestEnded: what does not depend on an operation. Where the pool tracks a device,
// a refresh token that is not known may be a device that is not.
func TestEnded(t *testing.T) {
	t.Parallel()
	for label, row := range map[string]struct {
		session auth.Session
		err     error
		over    bool
	}{
		"invalid":                   {auth.Session{}, &auth.RefusedError{Code: "NotAuthorizedException", Message: "Invalid Refresh Token"}, true},
		"invalid, with a device":    {auth.Session{DeviceKey: "d"}, &auth.RefusedError{Code: "NotAuthorizedException", Message: "Invalid Refresh Token"}, false},
		"revoked, with a device":    {auth.Session{DeviceKey: "d"}, &auth.RefusedError{Code: "NotAuthorizedException", Message: "Refresh Token has been revoked"}, true},
		"the same, as another type": {auth.Session{}, &auth.RefusedError{Code: "ForbiddenException", Message: "Invalid Refresh Token"}, false},
		"invalid_grant":             {auth.Session{By: auth.ByOAuth}, &auth.RefusedError{Code: "invalid_grant", Message: "x"}, true},
		"invalid_client":            {auth.Session{By: auth.ByOAuth}, &auth.RefusedError{Code: "invalid_client", Message: "Invalid Refresh Token"}, false},
		"a service error":           {auth.Session{}, &auth.ServiceError{Code: "RefreshTokenReuseException"}, false},
		"no answer":                 {auth.Session{}, &auth.NoAnswerError{Err: errors.New("Invalid Refresh Token")}, false},
		"elsewhere":                 {auth.Session{}, &auth.ElsewhereError{}, false},
		"nothing":                   {auth.Session{}, nil, false},
	} {
		if row.session.Ended(row.err) != row.over {
			t.Errorf("%s: over %v", label, !row.over)
		}
	}
}
