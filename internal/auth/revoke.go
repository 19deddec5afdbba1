package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"github.com/cogctl/cogctl/internal/jwt"
)

// LastEnd is when the last of the session's ID and access token ends, by the local
// clock, as Expires is when the first does: what was handed out works until then
// wherever nobody asks Cognito. An access token that cannot be read ends, as far as is
// known here, with the session.
func (s Session) LastEnd() time.Time {
	var first, last time.Time
	end := s.Expires
	for _, raw := range []string{s.ID, s.Access} {
		token, err := jwt.Parse(raw)
		if err != nil {
			continue
		}
		exp, ok := token.Claims.Time("exp")
		if !ok {
			continue
		}
		if first.IsZero() || exp.Before(first) {
			first = exp
		}
		if exp.After(last) {
			last = exp
		}
		if iat, ok := token.Claims.Time("iat"); ok {
			end = later(end, s.endByItself(iat, exp))
		}
	}
	return later(end, s.Expires.Add(last.Sub(first)))
}

// endByItself is when a token ends by the local clock, by its own claims alone: Expires
// is earlier where the answer said less. Nobody noted how wrong the clock is by less
// than worthNoting, but a token lasts no longer than its life since it came.
func (s Session) endByItself(iat, exp time.Time) time.Time {
	longest := s.Saved.Add(exp.Sub(iat))
	if s.Drift != nil {
		exp = exp.Add(s.Drift.Ahead)
	}
	if longest.Before(exp) {
		return longest
	}
	return exp
}

func later(one, other time.Time) time.Time {
	if one.After(other) {
		return one
	}
	return other
}

// Revoke ends the session's refresh token at Cognito, and with it the access to
// Cognito of the tokens made from it. API Gateway knows nothing of that.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RevokeToken.html
func (c *Client) Revoke(ctx context.Context, s Session) error {
	input := &cip.RevokeTokenInput{ClientId: aws.String(c.config.ClientID), Token: aws.String(s.Refresh)}
	if c.config.ClientSecret != "" {
		input.ClientSecret = aws.String(c.config.ClientSecret)
	}
	op := fmt.Sprintf("revoke the refresh token of %s at %s", s.Typed, c.config.UserPoolID)
	return c.repeat(ctx, freely, func(ctx context.Context) error {
		_, err := c.api.RevokeToken(ctx, input)
		return apiError(op, err)
	})
}

// SignOutEverywhere ends every session of the session's user at Cognito, on other
// machines and of other app clients too. It needs an access token that is good and
// has the scope aws.cognito.signin.user.admin. API Gateway knows nothing of that.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GlobalSignOut.html
func (c *Client) SignOutEverywhere(ctx context.Context, s Session) error {
	op := fmt.Sprintf("sign out %s everywhere at %s", s.Typed, c.config.UserPoolID)
	return c.repeat(ctx, freely, func(ctx context.Context) error {
		_, err := c.api.GlobalSignOut(ctx, &cip.GlobalSignOutInput{AccessToken: aws.String(s.Access)})
		return apiError(op, err)
	})
}

// Unheard tells an error that leaves open whether what was asked was done: the answer
// is missing, or is a server's fault.
func Unheard(err error) bool { return err != nil && fateOf(err) == lost }
