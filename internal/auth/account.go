package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/srp"
)

// This file is what people do for themselves before they are signed in: sign up, confirm,
// and get back in when the password is forgotten. Each request is sent once; where its
// answer is lost the error is an *UnknownOutcomeError.

// SignUp is a new account. Password is empty for an account without one, which
// the pool must allow (choice-based sign-in by code or passkey).
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SignUp.html
type SignUp struct {
	Username   string
	Password   string
	Attributes []Attribute
	Validation []Attribute       // ValidationData, for the pool's pre sign-up trigger
	Metadata   map[string]string // ClientMetadata, for all of its triggers
}

// SignedUp is what became of a sign-up. Its JSON members are stable.
type SignedUp struct {
	Confirmed bool      `json:"user_confirmed"`
	Subject   string    `json:"sub"`
	Sent      *Delivery `json:"code_sent,omitempty"` // nil when no code went out
}

// Delivery tells where a code went, in the server's words. Its JSON members are
// stable.
type Delivery struct {
	Attribute   string `json:"attribute"`   // email or phone_number
	Medium      string `json:"medium"`      // EMAIL or SMS
	Destination string `json:"destination"` // masked by the server: d***@e***
}

// SignUp makes an account. It is not usable before it is confirmed, unless SignedUp says
// that it is.
func (c *Client) SignUp(ctx context.Context, s SignUp) (SignedUp, error) {
	input := &cip.SignUpInput{
		ClientId:       aws.String(c.config.ClientID),
		Username:       aws.String(s.Username),
		SecretHash:     c.hashOf(s.Username),
		UserAttributes: attributeTypes(s.Attributes),
		ValidationData: attributeTypes(s.Validation),
		ClientMetadata: s.Metadata,
	}
	if s.Password != "" {
		input.Password = aws.String(s.Password)
	}
	out, err := once(ctx, c.op("sign up", s.Username), c.api.SignUp, input)
	if err != nil {
		return SignedUp{}, err
	}
	return SignedUp{Confirmed: out.UserConfirmed, Subject: aws.ToString(out.UserSub), Sent: delivery(out.CodeDeliveryDetails)}, nil
}

// Confirmation is what ConfirmSignUp and ResetPassword need: the code that the user was
// sent, and what goes with it.
type Confirmation struct {
	Username string
	Code     string
	Password string            // the new one, of ResetPassword
	Force    bool              // ConfirmSignUp: take an alias over from the account that has it
	Metadata map[string]string // ClientMetadata
}

// ConfirmSignUp ends a sign-up with the code that was sent.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmSignUp.html
func (c *Client) ConfirmSignUp(ctx context.Context, in Confirmation) error {
	_, err := once(ctx, c.op("confirm the sign-up of", in.Username), c.api.ConfirmSignUp, &cip.ConfirmSignUpInput{
		ClientId:           aws.String(c.config.ClientID),
		Username:           aws.String(in.Username),
		ConfirmationCode:   aws.String(in.Code),
		ForceAliasCreation: in.Force,
		SecretHash:         c.hashOf(in.Username),
		ClientMetadata:     in.Metadata,
	})
	return err
}

// ResendCode sends the code of a sign-up again; the one before is void. Where
// the app client hides which users exist, it answers for any name.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ResendConfirmationCode.html
func (c *Client) ResendCode(ctx context.Context, username string, metadata map[string]string) (*Delivery, error) {
	out, err := once(ctx, c.op("resend the code of", username), c.api.ResendConfirmationCode, &cip.ResendConfirmationCodeInput{
		ClientId: aws.String(c.config.ClientID), Username: aws.String(username),
		SecretHash: c.hashOf(username), ClientMetadata: metadata,
	})
	if err != nil {
		return nil, err
	}
	return delivery(out.CodeDeliveryDetails), nil
}

// ForgotPassword sends a code that ResetPassword takes. Where the app client
// hides which users exist, it answers for any name.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ForgotPassword.html
func (c *Client) ForgotPassword(ctx context.Context, username string, metadata map[string]string) (*Delivery, error) {
	out, err := once(ctx, c.op("send a password code to", username), c.api.ForgotPassword, &cip.ForgotPasswordInput{
		ClientId: aws.String(c.config.ClientID), Username: aws.String(username),
		SecretHash: c.hashOf(username), ClientMetadata: metadata,
	})
	if err != nil {
		return nil, err
	}
	return delivery(out.CodeDeliveryDetails), nil
}

// ResetPassword sets a new password with the code that ForgotPassword, or an
// administrator's reset, sent.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ConfirmForgotPassword.html
func (c *Client) ResetPassword(ctx context.Context, in Confirmation) error {
	_, err := once(ctx, c.op("reset the password of", in.Username), c.api.ConfirmForgotPassword, &cip.ConfirmForgotPasswordInput{
		ClientId:         aws.String(c.config.ClientID),
		Username:         aws.String(in.Username),
		ConfirmationCode: aws.String(in.Code),
		Password:         aws.String(in.Password),
		SecretHash:       c.hashOf(in.Username),
		ClientMetadata:   in.Metadata,
	})
	return err
}

// op describes an operation on one user, for errors: "sign up ann at us-east-1_Ab12Cd34E".
func (c *Client) op(what, username string) string {
	return fmt.Sprintf("%s %s at %s", what, username, c.config.UserPoolID)
}

// hashOf is the SecretHash member of operations that have one; nil for a public
// client. It is over the username of the same request.
func (c *Client) hashOf(username string) *string {
	if c.config.ClientSecret == "" {
		return nil
	}
	hash := srp.SecretHash(username, c.config.ClientID, c.config.ClientSecret)
	c.secret(hash)
	return aws.String(hash)
}

func attributeTypes(list []Attribute) []types.AttributeType {
	var out []types.AttributeType
	for _, a := range list {
		out = append(out, types.AttributeType{Name: aws.String(a.Name), Value: aws.String(a.Value)})
	}
	return out
}

func delivery(d *types.CodeDeliveryDetailsType) *Delivery {
	if d == nil {
		return nil
	}
	return &Delivery{Attribute: aws.ToString(d.AttributeName), Medium: string(d.DeliveryMedium), Destination: aws.ToString(d.Destination)}
}

// operation is a method of the SDK's client.
type operation[In, Out any] func(context.Context, *In, ...func(*cip.Options)) (*Out, error)

// once sends a request that must not be sent twice (the SDK's own retries are off). Where
// it was sent and no definite answer came, the error is an *UnknownOutcomeError.
func once[In, Out any](ctx context.Context, op string, call operation[In, Out], input *In) (*Out, error) {
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
	out, err := call(httptrace.WithClientTrace(ctx, trace), input)
	switch {
	case err == nil:
		return out, nil
	case sent.Load() && !definite(err):
		why := reason(err)
		if ctx.Err() != nil {
			why = context.Cause(ctx) // whoever asked was stopped, not the server
		}
		return nil, &UnknownOutcomeError{Op: op, Err: why}
	}
	return nil, apiError(op, err)
}

// errand is a client and what it is asked to do, for errors.
type errand struct {
	client *Client
	op     string
}

// repeatable sends a request that only reads, or that leaves the same state however often
// it is sent. It is repeated on passing trouble, see Client.repeat.
func repeatable[In, Out any](ctx context.Context, e errand, call operation[In, Out], input *In) (out *Out, err error) {
	err = e.client.repeat(ctx, freely, func(ctx context.Context) error {
		var err error
		out, err = call(ctx, input)
		return apiError(e.op, err)
	})
	return out, err
}

// definite reports whether err is an answer that says no (HTTP 3xx and 4xx). Any other error
// leaves open what was done: a server that breaks down may have done it before, and the
// answer may come from something in between.
func definite(err error) bool {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && answer.HTTPStatusCode() >= 300 && answer.HTTPStatusCode() < 500
}

// reason is the message of a server that broke down or, without one, what went wrong on the
// way.
func reason(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "UnknownError" {
		return fmt.Errorf("%s (%s)", redact.Cut(strings.TrimSuffix(api.ErrorMessage(), ".")), redact.Cut(api.ErrorCode()))
	}
	return plain(err)
}

// UnknownOutcomeError says that a request went out which must not be repeated,
// and that no answer tells whether it took effect.
type UnknownOutcomeError struct {
	Op  string
	Err error
}

func (e *UnknownOutcomeError) Error() string {
	return fmt.Sprintf("%s: %v; nobody knows whether it took effect", e.Op, e.Err)
}

func (e *UnknownOutcomeError) Unwrap() error { return e.Err }
