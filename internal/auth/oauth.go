package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// maxOAuthAnswer bounds an answer of a token endpoint, in bytes.
const maxOAuthAnswer = 1 << 20

// oauthAnswer is what a token endpoint answers (RFC 6749, sections 5.1 and 5.2).
type oauthAnswer struct {
	IDToken          string `json:"id_token"`
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token"`
	ExpiresIn        int32  `json:"expires_in"` // seconds
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
}

// refreshByOAuth sends grant_type=refresh_token to the session's token endpoint,
// with the client secret, if there is one, as HTTP Basic. A scope is not sent: the
// tokens keep what they have.
// https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
func (c *Client) refreshByOAuth(ctx context.Context, s Session, op string) (Tokens, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.Refresh}, "client_id": {c.config.ClientID}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return Tokens{}, fmt.Errorf("%s: %w", op, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if c.config.ClientSecret != "" {
		r.SetBasicAuth(url.QueryEscape(c.config.ClientID), url.QueryEscape(c.config.ClientSecret))
	}
	answer, err := c.config.HTTP.Do(r)
	if err != nil {
		return Tokens{}, &NoAnswerError{Op: op, Err: plain(err)}
	}
	defer answer.Body.Close()
	received := c.config.Now()
	var body oauthAnswer
	err = json.NewDecoder(io.LimitReader(answer.Body, maxOAuthAnswer)).Decode(&body)
	if answer.StatusCode != http.StatusOK || err != nil {
		return Tokens{}, oauthError(op, answer, body, err)
	}
	t := step{received: received, result: &types.AuthenticationResultType{
		IdToken: aws.String(body.IDToken), AccessToken: aws.String(body.AccessToken), RefreshToken: aws.String(body.RefreshToken), ExpiresIn: body.ExpiresIn,
	}}
	t.serverTime, _ = http.ParseTime(answer.Header.Get("Date"))
	return t.refreshTokens(op)
}

// oauthError is an answer without tokens: an error of RFC 6749, section 5.2, which
// are all the client's own, or none of a token endpoint's.
func oauthError(op string, answer *http.Response, body oauthAnswer, unreadable error) error {
	switch {
	case answer.StatusCode == http.StatusTooManyRequests, answer.StatusCode >= http.StatusInternalServerError && body.Error != "":
		return &ServiceError{Op: op, Code: strings.TrimSpace(answer.Status), Message: cut(body.Error), Status: answer.StatusCode}
	case unreadable != nil || body.Error == "":
		if unreadable == nil {
			unreadable = io.EOF
		}
		return &NoAnswerError{Op: op, Err: &AnswerError{Status: answer.StatusCode, From: answer.Request.URL.Redacted(), Err: unreadable}}
	}
	message := body.ErrorDescription
	if message == "" {
		message = "the token endpoint says no more than that"
	}
	return &RefusedError{Op: op, Code: cut(body.Error), Message: cut(message)}
}
