package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cogctl/cogctl/internal/cache"
	"github.com/cogctl/cogctl/internal/redact"
)

// Means is how a session is refreshed.
type Means string

// The means of a refresh.
const (
	// ByFlow is InitiateAuth with REFRESH_TOKEN_AUTH.
	ByFlow Means = ""
	// ByGetTokens is GetTokensFromRefreshToken, which app clients with refresh token
	// rotation want. It takes the client secret itself, and so no username.
	// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GetTokensFromRefreshToken.html
	ByGetTokens Means = "GetTokensFromRefreshToken"
	// ByOAuth is grant_type=refresh_token at the session's TokenURL (RFC 6749,
	// section 6).
	ByOAuth Means = "oauth"
)

// InFlight notes a refresh that was sent and whose answer has not been saved.
type InFlight struct {
	Token string    `json:"token"` // SHA-256 of the refresh token, in hex
	Sent  time.Time `json:"sent"`  // by the local clock; the first of several
}

// usesUp reports whether a refresh may use the refresh token up. REFRESH_TOKEN_AUTH does
// not, as long as it never gave a new refresh token. Of the two other means nobody here
// knows: an administrator may switch rotation on and off without our seeing it.
func (s Session) usesUp() bool { return s.By != ByFlow || s.Rotates }

// fingerprint is the SHA-256 of a refresh token in hex, to recognise it by without
// storing it a second time.
func fingerprint(refreshToken string) string {
	sum := sha256.Sum256([]byte(refreshToken))
	return hex.EncodeToString(sum[:])
}

// interrupted is the note that an earlier refresh with this very token left and whose
// answer was never saved; nil if there is none.
func (s Session) interrupted() *InFlight {
	if s.InFlight != nil && s.InFlight.Token == fingerprint(s.Refresh) {
		return s.InFlight
	}
	return nil
}

// refresh refreshes old by the means that it names (Session.By). Where the app client
// refuses REFRESH_TOKEN_AUTH because it rotates refresh tokens, GetTokensFromRefreshToken
// is used from now on. Where Cognito does not know the device any more, the refresh is
// sent once more without it.
func (r Renewer) refresh(ctx context.Context, old Session) (Session, error) {
	if err := r.atHome(old); err != nil {
		return old, err
	}
	s, err := r.attempt(ctx, old)
	if old.By == ByFlow && refusesFlow(err) {
		old.By = ByGetTokens
		s, err = r.attempt(ctx, old)
	}
	if s.DeviceKey != "" && forgotDevice(err) {
		s.DeviceKey = ""
		s, err = r.attempt(ctx, s)
	}
	return s, err
}

// atHome refuses to send a refresh token anywhere but to where it came from.
func (r Renewer) atHome(s Session) error {
	was, now := s.Endpoint, r.Base.Endpoint
	if s.By == ByOAuth && r.Base.TokenURL != "" {
		was, now = s.TokenURL, r.Base.TokenURL
	}
	if was != now {
		return &ElsewhereError{Username: s.Typed, Was: was, Now: now}
	}
	return nil
}

// refusesFlow recognises the answer to REFRESH_TOKEN_AUTH of an app client that wants
// GetTokensFromRefreshToken. How Cognito words it is UNCONFIRMED, so every text for a flow
// that is not allowed counts: to ask in the other way costs nothing.
func refusesFlow(err error) bool {
	var disabled *FlowDisabledError
	var service *ServiceError
	var refused *RefusedError
	switch {
	case errors.As(err, &disabled):
		return true
	case errors.As(err, &service):
		return strings.Contains(strings.ToLower(service.Message), "rotation") || service.Code == "UnsupportedOperationException"
	case errors.As(err, &refused):
		return refused.Code != reused && strings.Contains(strings.ToLower(refused.Message), "rotation")
	}
	return false
}

// forgotDevice recognises the refusal of a device that Cognito does not know any more, by
// the word "device" in its text, as AWS's own JavaScript client does.
func forgotDevice(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused) && refused.Code == "ResourceNotFoundException" &&
		strings.Contains(strings.ToLower(refused.Message), "device")
}

// attempt sends one refresh. A refresh that may use the refresh token up is noted in the
// session's record before it is sent.
func (r Renewer) attempt(ctx context.Context, s Session) (Session, error) {
	if !s.usesUp() {
		tokens, _, err := r.Client.refreshed(ctx, s, freely)
		if err != nil {
			return s, err
		}
		return r.take(ctx, s, tokens)
	}
	earlier := s.interrupted()
	if earlier == nil {
		s.InFlight = &InFlight{Token: fingerprint(s.Refresh), Sent: r.Client.config.Now()}
	}
	if err := cache.Checkpoint(ctx, s); err != nil {
		err = fmt.Errorf("not sent, because it could not be noted before: %w", err)
		return s, &NoAnswerError{Op: "refresh the session of " + s.Typed, Err: err}
	}
	// The token is sent even when an earlier sending may have used it up, by a process
	// that was killed or whose answer was lost. That costs nothing: within the grace period
	// of rotation it works, and after it the session was lost already. How long the period
	// is, no operation that is open to users tells.
	tokens, losses, err := r.Client.refreshed(ctx, s, atOnceIfLost)
	if err == nil {
		return r.take(ctx, s, tokens)
	}
	var refused *RefusedError
	if errors.As(err, &refused) && refused.Code == reused && (earlier != nil || losses > 0) {
		return s, &LostRefreshError{Username: s.Typed, Sent: s.InFlight.Sent, Refused: refused}
	}
	if earlier == nil && losses == 0 && !s.Ended(err) {
		s.InFlight = nil // no answer got lost, so nothing was used up
	}
	return s, err
}

// take verifies the tokens of a refresh and puts them into the session. When the key set
// cannot be had, the session keeps its ID and access token but takes the new refresh
// token: the old one may be worth nothing now, and the new one goes nowhere but to the
// server that gave it.
func (r Renewer) take(ctx context.Context, s Session, t Tokens) (Session, error) {
	rotated := t.Refresh != "" && t.Refresh != s.Refresh
	renewed, err := r.Verifier.verify(ctx, s, t)
	if err == nil {
		renewed.InFlight, renewed.Rotates = nil, rotated
		return renewed, nil
	}
	s.InFlight = nil // the answer came
	var keys *KeysError
	if rotated && errors.As(err, &keys) {
		s.Refresh, s.Rotates = t.Refresh, true
	}
	return s, err
}

// refreshed sends a refresh by the session's means. losses is how often it was sent and
// the answer got lost.
func (c *Client) refreshed(ctx context.Context, s Session, p policy) (t Tokens, losses int, err error) {
	whose := "session of " + s.Typed
	if s.Typed == "" {
		whose = "given session" // the answer will tell whose it is
	}
	op := fmt.Sprintf("refresh the %s at %s", whose, c.config.UserPoolID)
	send := map[Means]func(context.Context, Session, string) (Tokens, error){
		ByFlow: c.refreshByFlow, ByGetTokens: c.refreshByGetTokens, ByOAuth: c.refreshByOAuth,
	}[s.By]
	if send == nil {
		return t, 0, fmt.Errorf("%s: the session is refreshed by %q, which this version of cogctl cannot do", op, s.By)
	}
	c.secret(s.ID, s.Access, s.Refresh)
	err = c.repeat(ctx, p, func(ctx context.Context) error {
		t, err = send(ctx, s, op)
		if fateOf(err) == lost {
			losses++
		}
		return err
	})
	return t, losses, err
}

// refreshByFlow calls InitiateAuth with REFRESH_TOKEN_AUTH. SECRET_HASH is over the user's
// real name in the pool, not over the typed one.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
func (c *Client) refreshByFlow(ctx context.Context, s Session, op string) (Tokens, error) {
	parameters := c.secretHash(map[string]string{"REFRESH_TOKEN": s.Refresh}, s.Username)
	if s.DeviceKey != "" {
		parameters["DEVICE_KEY"] = s.DeviceKey
	}
	out, err := c.api.InitiateAuth(ctx, &cip.InitiateAuthInput{
		AuthFlow:       types.AuthFlowTypeRefreshTokenAuth,
		ClientId:       aws.String(c.config.ClientID),
		AuthParameters: parameters,
	})
	if err != nil {
		return Tokens{}, c.disabled(types.AuthFlowTypeRefreshTokenAuth, apiError(op, err))
	}
	if out.AuthenticationResult == nil && out.ChallengeName != "" {
		return Tokens{}, fmt.Errorf("%s: the server asks for the challenge %s", op, redact.Cut(string(out.ChallengeName)))
	}
	if out.AuthenticationResult == nil {
		out.AuthenticationResult = &types.AuthenticationResultType{}
	}
	return c.stamp(step{result: out.AuthenticationResult}, out.ResultMetadata).refreshTokens(op)
}

// refreshByGetTokens calls GetTokensFromRefreshToken.
func (c *Client) refreshByGetTokens(ctx context.Context, s Session, op string) (Tokens, error) {
	input := &cip.GetTokensFromRefreshTokenInput{ClientId: aws.String(c.config.ClientID), RefreshToken: aws.String(s.Refresh)}
	if c.config.ClientSecret != "" {
		input.ClientSecret = aws.String(c.config.ClientSecret)
	}
	if s.DeviceKey != "" {
		input.DeviceKey = aws.String(s.DeviceKey)
	}
	out, err := c.api.GetTokensFromRefreshToken(ctx, input)
	if err != nil {
		return Tokens{}, apiError(op, err)
	}
	if out.AuthenticationResult == nil {
		out.AuthenticationResult = &types.AuthenticationResultType{}
	}
	return c.stamp(step{result: out.AuthenticationResult}, out.ResultMetadata).refreshTokens(op)
}

// refreshTokens reads the tokens of a refresh. An answer without tokens is of as little use
// as none, so it is a *NoAnswerError.
func (s step) refreshTokens(op string) (Tokens, error) {
	t, err := s.tokens("")
	if err != nil {
		return t, &NoAnswerError{Op: op, Err: err}
	}
	return t, nil
}

// LostRefreshError says that a refresh token was used up by a refresh whose answer
// never arrived, and that Cognito does not take it again. The session is over.
type LostRefreshError struct {
	Username string
	Sent     time.Time // when the one that got lost was sent, by the local clock
	Refused  *RefusedError
}

func (e *LostRefreshError) Error() string {
	whose := e.Username
	if whose == "" {
		whose = "the given session"
	}
	return fmt.Sprintf("a refresh for %s sent at %s got lost together with its answer, and the app client's "+
		"refresh token rotation has no (or a shorter) grace period: sign in again (%s)",
		whose, e.Sent.Local().Format(time.DateTime), e.Refused.Code)
}

func (e *LostRefreshError) Unwrap() error { return e.Refused }
