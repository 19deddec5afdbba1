package auth

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go"

	"github.com/cogctl/cogctl/internal/redact"
)

// caller is whoever signs a request with AWS credentials, and what for.
type caller struct {
	op          string // what is tried, for errors
	credentials func(context.Context) (aws.Credentials, error)
}

// signed makes a request carry the caller's signature.
func (c caller) signed(o *cip.Options) { o.Credentials = aws.CredentialsProviderFunc(c.credentials) }

// adminInitiate is initiate, but calls AdminInitiateAuth.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminInitiateAuth.html
func (c *Client) adminInitiate(ctx context.Context, flow types.AuthFlowType, parameters map[string]string, by caller) (step, error) {
	var out *cip.AdminInitiateAuthOutput
	err := c.repeat(ctx, ifUnsent, func(ctx context.Context) (err error) {
		out, err = c.api.AdminInitiateAuth(ctx, &cip.AdminInitiateAuthInput{
			AuthFlow:       flow,
			ClientId:       aws.String(c.config.ClientID),
			UserPoolId:     aws.String(c.config.UserPoolID),
			AuthParameters: parameters,
		}, by.signed)
		return adminError(by.op, err)
	})
	if err != nil {
		return step{}, c.disabled(flow, refusedAtOnce(err))
	}
	s := step{result: out.AuthenticationResult, challenge: out.ChallengeName, parameters: out.ChallengeParameters, session: aws.ToString(out.Session)}
	return c.stamp(s, out.ResultMetadata), nil
}

// adminRespond is respond, but calls AdminRespondToAuthChallenge.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminRespondToAuthChallenge.html
func (c *Client) adminRespond(ctx context.Context, s step, responses map[string]string, by caller) (step, error) {
	input := &cip.AdminRespondToAuthChallengeInput{
		ChallengeName:      s.challenge,
		ClientId:           aws.String(c.config.ClientID),
		UserPoolId:         aws.String(c.config.UserPoolID),
		ChallengeResponses: responses,
	}
	if s.session != "" {
		input.Session = aws.String(s.session)
	}
	out, err := c.api.AdminRespondToAuthChallenge(ctx, input, by.signed)
	if err != nil {
		return step{}, replyLost(ctx, s, adminError(by.op, err))
	}
	next := step{
		result: out.AuthenticationResult, challenge: out.ChallengeName, parameters: out.ChallengeParameters,
		session: aws.ToString(out.Session),
	}
	return c.stamp(next, out.ResultMetadata), nil
}

// adminError is apiError, but makes a *CallerError of what AWS says about the caller's
// credentials, so that it is not taken for a word on the user.
func adminError(op string, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && aboutCaller(api.ErrorCode()) {
		return &CallerError{Op: op, Code: redact.Cut(api.ErrorCode()), Message: redact.Cut(api.ErrorMessage())}
	}
	return apiError(op, err)
}

// aboutCaller reports whether an error type is about the signature of the request and
// whoever made it.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/CommonErrors.html
func aboutCaller(code string) bool {
	switch code {
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException",
		"IncompleteSignature", "IncompleteSignatureException", "InvalidSignatureException", "SignatureDoesNotMatch",
		"MissingAuthenticationToken", "MissingAuthenticationTokenException", "OptInRequired", "RequestExpired":
		return true
	}
	return false
}

// CallerError says that AWS did not take the caller's own credentials, or does not let
// them do this (AccessDeniedException). It says nothing about the user who was to sign in.
type CallerError struct{ Op, Code, Message string }

func (e *CallerError) Error() string {
	return (&ServiceError{Op: e.Op + " with your AWS credentials", Code: e.Code, Message: e.Message}).Error()
}
