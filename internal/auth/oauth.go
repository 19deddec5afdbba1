package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/redact"
)

// maxOAuthAnswer bounds an answer of a token endpoint, in bytes.
const maxOAuthAnswer = 1 << 20

// oauthAnswer is what a token endpoint answers (RFC 6749, sections 5.1 and 5.2).
type oauthAnswer struct {
	IDToken          string    `json:"id_token"`
	AccessToken      string    `json:"access_token"`
	RefreshToken     string    `json:"refresh_token"`
	TokenType        string    `json:"token_type"`
	Scope            scopes    `json:"scope"`
	ExpiresIn        expiresIn `json:"expires_in"`
	Error            string    `json:"error"`
	ErrorDescription string    `json:"error_description"`
}

// expiresIn is how long the access token lasts, in seconds, within the day that any
// token is trusted for; 0 where the server does not say. That is what any value counts
// as which is no positive number, or one in a string: the member is RECOMMENDED only
// (RFC 6749, section 5.1), and an answer that may have used a refresh token up is not
// thrown away for it.
type expiresIn int32

// UnmarshalJSON implements json.Unmarshaler, without an error.
func (e *expiresIn) UnmarshalJSON(data []byte) error {
	var number json.Number
	*e = 0
	if json.Unmarshal(data, &number) != nil {
		return nil
	}
	if seconds, err := number.Float64(); err == nil && seconds > 0 {
		*e = expiresIn(max(1, min(seconds, longestLifetime.Seconds())))
	}
	return nil
}

// scopes are those that were granted, separated by spaces. Some servers answer with an
// array; anything else counts as none said (RFC 6749, section 5.1: OPTIONAL).
type scopes string

// UnmarshalJSON implements json.Unmarshaler, without an error.
func (s *scopes) UnmarshalJSON(data []byte) error {
	var one string
	var several []string
	*s = ""
	if json.Unmarshal(data, &one) == nil {
		*s = scopes(one)
	} else if json.Unmarshal(data, &several) == nil {
		*s = scopes(strings.Join(several, " "))
	}
	return nil
}

// OAuthError is a token or revocation endpoint's definite no (RFC 6749, section
// 5.2). It is a *RefusedError too, for errors.As.
type OAuthError struct {
	Op          string // what was tried
	Code        string // such as invalid_client
	Description string // error_description, the server's words; may be empty
	Status      int    // of HTTP
}

func (e *OAuthError) Error() string { return e.refused().Error() }
func (e *OAuthError) Unwrap() error { return e.refused() }

func (e *OAuthError) refused() *RefusedError {
	message := e.Description
	if message == "" {
		message = "the server says no more than that"
	}
	return &RefusedError{Op: e.Op, Code: e.Code, Message: message}
}

// tokenRequest sends a grant to p's token endpoint, once, with the client's
// authentication (RFC 6749, sections 2.3.1 and 3.2), and reads the tokens. Which
// of them there must be depends on the grant: at least an ID or an access token.
// The error is an *OAuthError, or a *ServiceError or *NoAnswerError when it says
// nothing about the grant.
func (c *Client) tokenRequest(ctx context.Context, p Provider, form url.Values, op string) (Tokens, error) {
	if p.Token == "" {
		return Tokens{}, fmt.Errorf("%s: the issuer %s names no token endpoint", op, p.Issuer)
	}
	answer, err := c.post(ctx, p.Token, p.PostAuth, form)
	if err != nil {
		return Tokens{}, &NoAnswerError{Op: op, Err: plain(err)}
	}
	defer answer.Body.Close()
	received := c.config.Now()
	var body oauthAnswer
	err = json.NewDecoder(io.LimitReader(answer.Body, maxOAuthAnswer)).Decode(&body)
	if answer.StatusCode != http.StatusOK || err != nil || body.Error != "" {
		return Tokens{}, oauthError(op, answer, body, err)
	}
	// A token of another type is of no use as a bearer's (RFC 6749, section 7.1).
	if body.TokenType != "" && !strings.EqualFold(body.TokenType, "Bearer") {
		return Tokens{}, fmt.Errorf("%s: the token is of the type %q, and only Bearer is understood here", op, redact.Cut(body.TokenType))
	}
	t := step{received: received, result: &types.AuthenticationResultType{
		IdToken: aws.String(body.IDToken), AccessToken: aws.String(body.AccessToken), RefreshToken: aws.String(body.RefreshToken), ExpiresIn: int32(body.ExpiresIn),
	}}
	t.serverTime, _ = http.ParseTime(answer.Header.Get("Date"))
	tokens, err := t.refreshTokens(op)
	tokens.Scope = string(body.Scope)
	return tokens, err
}

// post sends a form to an endpoint of an authorization server. A client that has a
// secret proves it in the header, both parts form-encoded first, or, where the
// server takes nothing else, in the form; one without says only who it is. Never
// in two ways at once, which servers refuse. No redirect is followed: the form
// would go along.
func (c *Client) post(ctx context.Context, endpoint string, inForm bool, form url.Values) (*http.Response, error) {
	form = maps.Clone(form)
	basic := c.config.ClientSecret != "" && !inForm
	if !basic {
		form.Set("client_id", c.config.ClientID)
	}
	if c.config.ClientSecret != "" && inForm {
		form.Set("client_secret", c.config.ClientSecret)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if basic {
		id, secret := url.QueryEscape(c.config.ClientID), url.QueryEscape(c.config.ClientSecret)
		c.secret(id + ":" + secret) // whose base64 is not that of the secret alone
		r.SetBasicAuth(id, secret)
	}
	within := *c.config.HTTP
	within.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return within.Do(r)
}

// refreshByOAuth sends grant_type=refresh_token to the session's token endpoint. A
// scope is not sent: the tokens keep what they have.
// https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
func (c *Client) refreshByOAuth(ctx context.Context, s Session, op string) (Tokens, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.Refresh}}
	return c.tokenRequest(ctx, Provider{Issuer: s.Issuer, Token: s.TokenURL, PostAuth: s.PostAuth}, form, op)
}

// RevokeByOAuth ends the session's refresh token at p's revocation endpoint (RFC
// 7009): a token that is worth nothing any more is revoked, too. It goes to the origin
// that issued it only, else the error is an *ElsewhereError: a discovery document may
// name another by now.
// https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html
func (c *Client) RevokeByOAuth(ctx context.Context, p Provider, s Session) error {
	if !sameOrigin(s.TokenURL, p.Revocation) {
		return &ElsewhereError{Username: s.Typed, Was: s.TokenURL, Now: p.Revocation}
	}
	op := fmt.Sprintf("revoke the refresh token of %s at %s", s.Typed, p.Revocation)
	form := url.Values{"token": {s.Refresh}, "token_type_hint": {"refresh_token"}}
	return c.repeat(ctx, freely, func(ctx context.Context) error {
		answer, err := c.post(ctx, p.Revocation, p.PostAuth, form)
		if err != nil {
			return &NoAnswerError{Op: op, Err: plain(err)}
		}
		defer answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
		var body oauthAnswer
		err = json.NewDecoder(io.LimitReader(answer.Body, maxOAuthAnswer)).Decode(&body)
		return oauthError(op, answer, body, err)
	})
}

// sameOrigin compares scheme, host and port, the default port spelt out or not.
func sameOrigin(one, other string) bool {
	var origins [2]string
	for i, text := range []string{one, other} {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.User != nil {
			return false
		}
		port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		origins[i] = strings.ToLower(u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port))
	}
	return origins[0] == origins[1]
}

// onTheWay tells the statuses of a server that broke down or redirects, of a proxy that
// wants a password of its own, and of whoever gave up waiting. Token endpoints refuse
// with 400 or 401, and some with other statuses.
func onTheWay(status int) bool {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooEarly:
		return true
	}
	return status >= http.StatusInternalServerError || status >= http.StatusMultipleChoices && status < http.StatusBadRequest
}

// oauthError is an answer without tokens: an error of RFC 6749, section 5.2, which
// are all the client's own, or none of a token endpoint's.
func oauthError(op string, answer *http.Response, body oauthAnswer, unreadable error) error {
	switch {
	case answer.StatusCode == http.StatusTooManyRequests, body.Error != "" && onTheWay(answer.StatusCode):
		return &ServiceError{Op: op, Code: strings.TrimSpace(answer.Status), Message: redact.Cut(body.Error), Status: answer.StatusCode}
	case unreadable != nil || body.Error == "":
		if unreadable == nil {
			unreadable = io.EOF
		}
		return &NoAnswerError{Op: op, Err: &AnswerError{Status: answer.StatusCode, From: answer.Request.URL.Redacted(), Of: "OAuth", Err: unreadable}}
	}
	return &OAuthError{Op: op, Code: redact.Cut(body.Error), Description: redact.Cut(body.ErrorDescription), Status: answer.StatusCode}
}
