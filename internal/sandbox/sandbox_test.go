package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/srp"
)

var start = time.Date(2026, 11, 5, 15, 4, 5, 0, time.UTC)

// events is a Log that can be read.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (e *events) log(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

func (e *events) all() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.list)
}

const page = "http://localhost:5173"

// run starts a sandbox whose clock stands still.
func run(t *testing.T, seed Seed) (*Sandbox, *events) {
	t.Helper()
	log := &events{}
	s, err := New(Options{Seed: seed, Now: func() time.Time { return start }, Origins: []string{page}, Log: log.log})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s, log
}

func sdk(s *Sandbox) *idp.Client {
	return idp.New(idp.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.Endpoints().Cloud), RetryMaxAttempts: 1, HTTPSignerV4: signerAt(s.now),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s.Endpoints().AccessKeyID, SecretAccessKey: s.Endpoints().SecretAccessKey}, nil
		}),
	})
}

// signIn signs in by SRP through the SDK.
func signIn(t *testing.T, s *Sandbox, client Client, who User) *idp.RespondToAuthChallengeOutput {
	t.Helper()
	api := sdk(s)
	c, err := srp.NewClient(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(m map[string]string) map[string]string {
		if client.Secret != "" {
			m["SECRET_HASH"] = srp.SecretHash(m["USERNAME"], client.ID, client.Secret)
		}
		return m
	}
	challenge, err := api.InitiateAuth(t.Context(), &idp.InitiateAuthInput{
		AuthFlow: types.AuthFlowTypeUserSrpAuth, ClientId: &client.ID,
		AuthParameters: hash(map[string]string{"USERNAME": who.Username, "SRP_A": c.A()}),
	})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := srp.PoolName(DefaultPoolID)
	if err != nil {
		t.Fatal(err)
	}
	given := challenge.ChallengeParameters
	proof, err := c.Prove(srp.Identity{Pool: pool, User: given["USER_ID_FOR_SRP"], Password: who.Password},
		srp.Challenge{Salt: given["SALT"], B: given["SRP_B"], SecretBlock: given["SECRET_BLOCK"]}, start)
	if err != nil {
		t.Fatal(err)
	}
	out, err := api.RespondToAuthChallenge(t.Context(), &idp.RespondToAuthChallengeInput{
		ChallengeName: challenge.ChallengeName, ClientId: &client.ID,
		ChallengeResponses: hash(map[string]string{
			"USERNAME": given["USERNAME"], "TIMESTAMP": proof.Timestamp,
			"PASSWORD_CLAIM_SIGNATURE": proof.Signature, "PASSWORD_CLAIM_SECRET_BLOCK": proof.SecretBlock,
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// get sends a request and returns the answer with its body.
func get(t *testing.T, method, url string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// TestWithAWSClient goes through the operations with AWS's own SDK.
func TestWithAWSClient(t *testing.T) {
	t.Parallel()
	seed := DefaultSeed()
	s, log := run(t, seed)
	api, ctx := sdk(s), t.Context()

	backend := seed.Pools[0].Clients[1]
	login := signIn(t, s, backend, User{Username: "ann@example.com", Password: DefaultPassword}).AuthenticationResult
	user, err := api.GetUser(ctx, &idp.GetUserInput{AccessToken: login.AccessToken})
	if err != nil || *user.Username != "ann" {
		t.Fatalf("GetUser: %v", err)
	}
	fresh, err := api.InitiateAuth(ctx, &idp.InitiateAuthInput{
		AuthFlow: types.AuthFlowTypeRefreshToken, ClientId: &backend.ID, AuthParameters: map[string]string{
			"REFRESH_TOKEN": *login.RefreshToken, "SECRET_HASH": srp.SecretHash("ann", backend.ID, backend.Secret),
		},
	})
	if err != nil || fresh.AuthenticationResult.RefreshToken != nil || fresh.AuthenticationResult.ExpiresIn != 3600 {
		t.Errorf("refresh: %v", err)
	}
	if _, err := api.GetTokensFromRefreshToken(ctx, &idp.GetTokensFromRefreshTokenInput{
		ClientId: &backend.ID, ClientSecret: &backend.Secret, RefreshToken: login.RefreshToken,
	}); err != nil {
		t.Errorf("GetTokensFromRefreshToken: %v", err)
	}
	administer(t, s, backend)
	if _, err := api.RevokeToken(ctx, &idp.RevokeTokenInput{ClientId: &backend.ID, ClientSecret: &backend.Secret, Token: login.RefreshToken}); err != nil {
		t.Errorf("RevokeToken: %v", err)
	}
	_, err = api.GetUser(ctx, &idp.GetUserInput{AccessToken: login.AccessToken})
	var refused *types.NotAuthorizedException
	if !errors.As(err, &refused) || *refused.Message != "Access Token has been revoked" {
		t.Errorf("GetUser after the revocation: %v", err)
	}
	_, err = api.ListUserPools(ctx, &idp.ListUserPoolsInput{MaxResults: aws.Int32(1)})
	var other smithy.APIError
	if !errors.As(err, &other) || other.ErrorCode() != "UnknownOperationException" {
		t.Errorf("an operation that is not there: %v", err)
	}
	want := map[string]int{
		"InitiateAuth USER_SRP_AUTH": 2, "RespondToAuthChallenge PASSWORD_VERIFIER": 2, "InitiateAuth REFRESH_TOKEN_AUTH": 1,
		"GetUser": 2, "GetTokensFromRefreshToken": 1, "AdminCreateUser": 1, "AdminSetUserPassword": 1, "RevokeToken": 1,
	}
	if diff := cmp.Diff(want, s.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	wantEvent := Event{Listener: "cloud", Method: "POST", Path: "/", Operation: "GetUser", Status: 400, Error: "NotAuthorizedException"}
	if !slices.Contains(log.all(), wantEvent) {
		t.Errorf("no event %+v in %+v", wantEvent, log.all())
	}
}

// administer makes a user and sets his password, as somebody with AWS
// credentials.
func administer(t *testing.T, s *Sandbox, client Client) {
	t.Helper()
	api, ctx := sdk(s), t.Context()
	created, err := api.AdminCreateUser(ctx, &idp.AdminCreateUserInput{
		UserPoolId: aws.String(DefaultPoolID), Username: aws.String("carl"), TemporaryPassword: aws.String(TemporaryPassword),
	})
	if err != nil || !created.User.UserCreateDate.Equal(start) || created.User.UserStatus != types.UserStatusTypeForceChangePassword {
		t.Errorf("AdminCreateUser: %v", err)
	}
	challenge := signIn(t, s, client, User{Username: "carl", Password: TemporaryPassword})
	if challenge.ChallengeName != types.ChallengeNameTypeNewPasswordRequired || challenge.Session == nil {
		t.Errorf("challenge %q", challenge.ChallengeName)
	}
	if _, err := api.AdminSetUserPassword(ctx, &idp.AdminSetUserPasswordInput{
		UserPoolId: aws.String(DefaultPoolID), Username: aws.String("carl"), Password: aws.String("An0ther!pw"), Permanent: true,
	}); err != nil {
		t.Errorf("AdminSetUserPassword: %v", err)
	}
}

func TestSignUpThroughTheMailbox(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	api := sdk(s)
	out, err := api.SignUp(t.Context(), &idp.SignUpInput{
		ClientId: aws.String(PublicClientID), Username: aws.String("dora"), Password: aws.String(DefaultPassword),
		UserAttributes: []types.AttributeType{{Name: aws.String("email"), Value: aws.String("dora@example.com")}},
	})
	if err != nil || *out.CodeDeliveryDetails.Destination != "d***@e***" {
		t.Fatalf("SignUp: %v", err)
	}
	key := map[string]string{KeyHeader: s.Endpoints().ControlKey}
	_, body := get(t, "GET", s.Endpoints().Control+"/codes", key)
	var codes []Code
	if err := json.Unmarshal([]byte(body), &codes); err != nil || len(codes) != 1 {
		t.Fatalf("codes: %v, %d of them", err, len(codes))
	}
	want := Code{Pool: DefaultPoolID, Username: "dora", Kind: "SignUp", Destination: "dora@example.com", Code: codes[0].Code, Sent: start}
	if codes[0] != want {
		t.Errorf("message %+v", codes[0])
	}
	if _, err := api.ConfirmSignUp(t.Context(), &idp.ConfirmSignUpInput{
		ClientId: aws.String(PublicClientID), Username: aws.String("dora"), ConfirmationCode: &codes[0].Code,
	}); err != nil {
		t.Fatalf("ConfirmSignUp: %v", err)
	}
	signIn(t, s, Client{ID: PublicClientID}, User{Username: "dora@example.com", Password: DefaultPassword})
}

// TestKeysAndDiscovery verifies tokens with what is published, as a client would.
func TestKeysAndDiscovery(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	issuer := s.Endpoints().Issuer
	if want := s.Endpoints().Cloud + "/us-east-1_Sandbox01"; issuer != want {
		t.Errorf("issuer %q, want %q", issuer, want)
	}
	_, body := get(t, "GET", issuer+"/.well-known/openid-configuration", nil)
	var discovery struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal([]byte(body), &discovery); err != nil || discovery.Issuer != issuer {
		t.Fatalf("discovery %s: %v", body, err)
	}
	_, body = get(t, "GET", discovery.JWKSURI, nil)
	keys, dropped, err := jwt.ParseKeys([]byte(body), discovery.JWKSURI)
	if err != nil || len(dropped) != 0 || len(keys.IDs()) != 2 {
		t.Fatalf("keys: %d, %v, %v", len(keys.IDs()), dropped, err)
	}
	login := signIn(t, s, Client{ID: PublicClientID}, User{Username: "ann", Password: DefaultPassword}).AuthenticationResult
	for use, raw := range map[string]string{"id": *login.IdToken, "access": *login.AccessToken} {
		report := jwt.Verify(t.Context(), raw, keys, jwt.Policy{
			Issuers: []string{issuer}, ClientIDs: []string{PublicClientID}, Use: use, Groups: []string{"admin"}, Now: start,
		})
		if err := report.Err(); err != nil {
			t.Errorf("%s token: %v", use, err)
		}
	}
	if res, _ := get(t, "GET", s.Endpoints().Cloud+"/us-east-1_None/.well-known/jwks.json", nil); res.StatusCode != 404 {
		t.Errorf("keys of a pool that is not there: %d", res.StatusCode)
	}
}

func TestControlNeedsTheKey(t *testing.T) {
	t.Parallel()
	s, log := run(t, DefaultSeed())
	control, key := s.Endpoints().Control, s.Endpoints().ControlKey
	tests := []struct {
		name, path string
		header     map[string]string
		want       int
	}{
		{"with the key", "/stats", map[string]string{KeyHeader: key}, 200},
		{"without", "/stats", nil, 403},
		{"wrong", "/stats", map[string]string{KeyHeader: key + "x"}, 403},
		{"empty", "/codes", map[string]string{KeyHeader: ""}, 403},
		{"in the query", "/stats?key=" + key, nil, 403},
		{"nothing there", "/none", map[string]string{KeyHeader: key}, 404},
		{"nothing there, no key", "/none", nil, 403},
		{"a listed page all the same", "/stats", map[string]string{KeyHeader: key, "Origin": page}, 403},
		{"another name for us", "/stats", map[string]string{KeyHeader: key, "Host": "evil.example"}, 421},
	}
	for _, tt := range tests {
		if res, body := get(t, "GET", control+tt.path, tt.header); res.StatusCode != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.name, res.StatusCode, body, tt.want)
		}
	}
	for _, e := range log.all() {
		if strings.Contains(e.Path, key) {
			t.Errorf("the key is in the event %+v", e)
		}
	}
	if len(key) < 43 {
		t.Errorf("a key of %d characters", len(key))
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	ask := map[string]string{
		"Access-Control-Request-Method":  "POST",
		"Access-Control-Request-Headers": "content-type,x-amz-target,x-amz-user-agent,cache-control,authorization,amz-sdk-request",
	}
	for _, base := range []string{s.Endpoints().Cloud + "/", s.Endpoints().API + "/open"} {
		for origin, want := range map[string]int{page: 204, "http://localhost:5174": 403, "null": 403} {
			ask["Origin"] = origin
			res, _ := get(t, "OPTIONS", base, ask)
			if res.StatusCode != want {
				t.Errorf("preflight of %s for %s: %d, want %d", base, origin, res.StatusCode, want)
			}
			allowed := res.Header.Get("Access-Control-Allow-Origin")
			if want == 204 && allowed != page || want != 204 && allowed != "" {
				t.Errorf("preflight of %s for %s: allowed %q", base, origin, allowed)
			}
		}
		if res, _ := get(t, "GET", base, map[string]string{"Host": "evil.example"}); res.StatusCode != 421 {
			t.Errorf("%s under another name: %d, want 421", base, res.StatusCode)
		}
	}
}

func TestStartAndClose(t *testing.T) {
	t.Parallel()
	seed := DefaultSeed()
	if _, err := New(Options{Seed: seed}); err == nil {
		t.Error("no clock, no error")
	}
	now := func() time.Time { return start }
	for name, broken := range map[string]Seed{
		"no pool":     {},
		"twice":       {Pools: []Pool{seed.Pools[0], seed.Pools[0]}},
		"no group":    {Pools: []Pool{{Pool: seed.Pools[0].Pool, Users: []User{{Username: "x", Groups: []string{"g"}}}}}},
		"odd status":  {Pools: []Pool{{Pool: seed.Pools[0].Pool, Users: []User{{Username: "x", Status: "FINE"}}}}},
		"pool id":     {Pools: []Pool{{Pool: pool("nounderscore"), Users: []User{{Username: "x", Password: "y"}}}}},
		"user exists": {Pools: []Pool{{Pool: seed.Pools[0].Pool, Users: []User{{Username: "x"}, {Username: "X"}}}}},
	} {
		if _, err := New(Options{Seed: broken, Now: now}); err == nil {
			t.Errorf("seed %q was accepted", name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := New(Options{Seed: seed, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if s.Endpoints() != (Endpoints{}) {
		t.Error("endpoints before the start")
	}
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if s.Start(ctx) == nil {
		t.Error("started twice")
	}
	cloud := s.Endpoints().Cloud
	get(t, "GET", cloud+"/", nil)
	cancel()
	for began := time.Now(); err == nil && time.Since(began) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		_, err = http.Get(cloud)
	}
	if err == nil {
		t.Error("it still answers after the context is done")
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestDefaultSeedSecretsDiffer(t *testing.T) {
	t.Parallel()
	a, b := DefaultSeed().Pools[0].Clients[1].Secret, DefaultSeed().Pools[0].Clients[1].Secret
	if len(a) != 51 || a == b {
		t.Error("the client secret is not a new one each time")
	}
}
