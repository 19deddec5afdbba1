package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/srp"
)

// Client is one app client of one user pool. Its fields are fixed after NewClient.
type Client struct {
	api    *cip.Client
	config ClientConfig
}

// ClientConfig says which app client, and how it is reached.
type ClientConfig struct {
	Region       string // of the pool: us-east-1
	UserPoolID   string // us-east-1_Ab12Cd34E
	ClientID     string
	ClientSecret string // empty for a public client
	Endpoint     string // of the user pool API; empty for AWS's own of the region

	// HTTP must not follow redirects, because bodies carry passwords, and must let go of
	// a request's body once that is sent, because the SDK closes it before the answer is
	// read: net/http may then close the connection. transport.Client does both.
	HTTP   *http.Client
	Now    func() time.Time
	Random io.Reader
	// Patience is for how long an operation that may be sent again is sent again; zero
	// means 5 s.
	Patience time.Duration
	// Pause waits between two sendings; nil means the function Pause.
	Pause func(ctx context.Context, d time.Duration) error
	// Redactor is told the secrets that come into being in this package and that no text
	// may show: hashes, proofs, session strings, codes, tokens, and the client's id and
	// secret as a Basic header joins them. A server may quote what it was sent in its
	// messages. nil when nothing is redacted.
	Redactor *redact.Redactor
}

// NewClient returns a Client. It reads no environment and no AWS configuration
// file: a stray AWS_ENDPOINT_URL must not send a password elsewhere.
func NewClient(c ClientConfig) *Client {
	options := cip.Options{
		Region:     c.Region,
		HTTPClient: c.HTTP,
		Retryer:    aws.NopRetryer{},
		AppID:      "cogctl",
	}
	if c.Pause == nil {
		c.Pause = Pause
	}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	return &Client{api: cip.New(options), config: c}
}

// refusedDial reports whether a dial failed because nobody listens at the port. Unlike a
// network that hiccups, that does not change within the seconds that a retry waits.
func refusedDial(op *net.OpError) bool {
	return strings.Contains(op.Error(), "connection refused") || strings.Contains(op.Error(), "actively refused")
}

// secretHash adds SECRET_HASH over username where the client has a secret. The
// username must be the one of the same request, not the one once typed:
// https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash
func (c *Client) secretHash(parameters map[string]string, username string) map[string]string {
	if c.config.ClientSecret != "" {
		parameters["SECRET_HASH"] = srp.SecretHash(username, c.config.ClientID, c.config.ClientSecret)
		c.secret(parameters["SECRET_HASH"])
	}
	return parameters
}

// secret tells the redactor values that no text may show.
func (c *Client) secret(values ...string) {
	if c.config.Redactor != nil {
		c.config.Redactor.Add(values...)
	}
}

// hidden is a server's text without secrets, as it may be stored: servers may quote what
// they were sent.
func (c *Client) hidden(text string) string {
	if c.config.Redactor == nil {
		return text
	}
	return c.config.Redactor.String(text)
}

// shortestSession is the length of the shortest Session that Cognito gives. A server
// that gives a shorter one would have any word it likes taken for a secret.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
const shortestSession = 20

// secretSession is secret for a session string.
func (c *Client) secretSession(session string) {
	if len(session) >= shortestSession {
		c.secret(session)
	}
}

// step is one answer of the server within a sign-in: tokens, or a challenge.
type step struct {
	result     *types.AuthenticationResultType
	challenge  types.ChallengeNameType
	parameters map[string]string
	session    string
	available  []types.ChallengeNameType // what SELECT_CHALLENGE may choose
	serverTime time.Time
	received   time.Time
}

// initiate calls InitiateAuth, again where it was not received.
func (c *Client) initiate(ctx context.Context, flow types.AuthFlowType, parameters map[string]string, op string) (step, error) {
	var out *cip.InitiateAuthOutput
	err := c.repeat(ctx, ifUnsent, func(ctx context.Context) (err error) {
		out, err = c.api.InitiateAuth(ctx, &cip.InitiateAuthInput{
			AuthFlow:       flow,
			ClientId:       aws.String(c.config.ClientID),
			AuthParameters: parameters,
		})
		return apiError(op, err)
	})
	if err != nil {
		return step{}, c.disabled(flow, refusedAtOnce(err))
	}
	s := step{
		result: out.AuthenticationResult, challenge: out.ChallengeName, parameters: out.ChallengeParameters,
		session: aws.ToString(out.Session), available: out.AvailableChallenges,
	}
	return c.stamp(s, out.ResultMetadata), nil
}

// refusedAtOnce takes an InvalidPasswordException for a refusal: at this step no
// new password was sent that a policy could dislike. Cognito does not say it
// here; the emulator cognito-local does, of a wrong password.
func refusedAtOnce(err error) error {
	var service *ServiceError
	if errors.As(err, &service) && service.Code == "InvalidPasswordException" {
		return &RefusedError{Op: service.Op, Code: service.Code, Message: service.Message}
	}
	return err
}

// respond calls RespondToAuthChallenge, once: a challenge is used up by its
// answer, so a second sending could only fail and hide what the first one did.
func (c *Client) respond(ctx context.Context, s step, responses map[string]string, op string) (step, error) {
	input := &cip.RespondToAuthChallengeInput{
		ChallengeName:      s.challenge,
		ClientId:           aws.String(c.config.ClientID),
		ChallengeResponses: responses,
	}
	if s.session != "" {
		input.Session = aws.String(s.session)
	}
	out, err := c.api.RespondToAuthChallenge(ctx, input)
	if err != nil {
		return step{}, replyLost(ctx, s, apiError(op, err))
	}
	next := step{
		result: out.AuthenticationResult, challenge: out.ChallengeName, parameters: out.ChallengeParameters,
		session: aws.ToString(out.Session),
	}
	return c.stamp(next, out.ResultMetadata), nil
}

// replyLost turns err into a *LostReplyError where nobody knows whether the answer to
// the challenge of s was taken. An answer that something else than Cognito gave
// (*AnswerError), and a run that was stopped, stay as they are.
func replyLost(ctx context.Context, s step, err error) error {
	var none *NoAnswerError
	var answer *AnswerError
	if ctx.Err() == nil && errors.As(err, &none) && !errors.As(err, &answer) && fateOf(err) == lost {
		return &LostReplyError{Challenge: string(s.challenge), Err: none.Err}
	}
	return err
}

// stamp adds to a step when it arrived, by both clocks, and makes its secrets known.
func (c *Client) stamp(s step, metadata middleware.Metadata) step {
	s.received = c.config.Now()
	s.serverTime, _ = awsmiddleware.GetServerTime(metadata)
	c.secretSession(s.session)
	if r := s.result; r != nil {
		c.secret(aws.ToString(r.IdToken), aws.ToString(r.AccessToken), aws.ToString(r.RefreshToken))
	}
	return s
}

// disabled recognises a flow that the app client does not allow, and names the
// flows to try. Cognito says it as "USER_PASSWORD_AUTH flow not enabled for this
// client", "USER_SRP_AUTH is not enabled for the client." (both
// InvalidParameterException) or "Auth flow not enabled for this client".
func (c *Client) disabled(flow types.AuthFlowType, err error) error {
	var message string
	var service *ServiceError
	var refused *RefusedError
	switch {
	case errors.As(err, &service):
		message = service.Message
	case errors.As(err, &refused):
		message = refused.Message
	}
	message = strings.ToLower(message)
	if !strings.Contains(message, "not enabled for this client") && !strings.Contains(message, "not enabled for the client") {
		return err
	}
	names := map[types.AuthFlowType]string{
		types.AuthFlowTypeUserSrpAuth: "srp", types.AuthFlowTypeUserPasswordAuth: "password", types.AuthFlowTypeUserAuth: "choice",
		types.AuthFlowTypeCustomAuth: "custom", types.AuthFlowTypeAdminUserPasswordAuth: "admin",
	}
	disabled := &FlowDisabledError{Flow: string(flow), ClientID: c.config.ClientID}
	if names[flow] != "" { // a refresh has no name: no other flow takes its place
		others := []string{"srp", "password", "choice", "custom", "admin"} // the likeliest first
		disabled.Try = slices.DeleteFunc(others, func(name string) bool { return name == names[flow] })
	}
	return disabled
}

// tokens reads an AuthenticationResult.
func (s step) tokens(username string) (Tokens, error) {
	t := Tokens{
		ID:         aws.ToString(s.result.IdToken),
		Access:     aws.ToString(s.result.AccessToken),
		Refresh:    aws.ToString(s.result.RefreshToken),
		ExpiresIn:  time.Duration(s.result.ExpiresIn) * time.Second,
		Received:   s.received,
		ServerTime: s.serverTime,
		Username:   username,
	}
	if device := s.result.NewDeviceMetadata; device != nil {
		t.DeviceKey, t.deviceGroup = aws.ToString(device.DeviceKey), aws.ToString(device.DeviceGroupKey)
	}
	if t.Access == "" && t.ID == "" {
		return Tokens{}, fmt.Errorf("the server's AuthenticationResult holds neither an ID token nor an access token")
	}
	for name, token := range map[string]string{"ID": t.ID, "access": t.Access, "refresh": t.Refresh} {
		if strings.ContainsFunc(token, notOfToken) {
			return Tokens{}, fmt.Errorf("the server's %s token has characters that no token has", name)
		}
	}
	return t, nil
}

// notOfToken reports the characters that no token has: those outside RFC 6750's b64token
// (section 2.1) but the exclamation mark, which Salesforce has in its access tokens.
// Tokens are printed, put into headers and assigned in shells: a server must not get a
// line break or a quote into one.
func notOfToken(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._~+/=!", r)
}
