package identity

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/store"
)

const (
	poolID     = "us-east-1_Test00001"
	clientID   = "client1"
	userPool   = "cognito-idp.us-east-1.amazonaws.com/" + poolID
	poolIssuer = "http://127.0.0.1:1/" + poolID
	google     = "accounts.google.com"
	googleID   = "app.apps.googleusercontent.com"
	googleISS  = "http://127.0.0.1:1/standin/Google"
	identities = "us-east-1:00000000-0000-4000-8000-000000000001"

	member, guest, boss, special = role + "member", role + "guest", role + "boss", role + "special"

	role = "arn:aws:iam::123456789012:role/"
)

var start = time.Date(2026, 11, 5, 15, 4, 5, 0, time.UTC)

// signers are the keys of all tests: a user pool's, Google's, a stranger's, and
// that of the OpenID tokens.
var signers = sync.OnceValue(func() map[string]*jwt.Signer {
	made := map[string]*jwt.Signer{}
	for _, name := range []string{"pool", "google", "stranger", "openid"} {
		s, err := jwt.NewSigner(rand.Reader)
		if err != nil {
			panic(err)
		}
		made[name] = s
	}
	return made
})

// world is an identity pool with its roles, at a time that can be moved.
type world struct {
	*Handler
	now time.Time
}

func newWorld(t *testing.T, change func(*store.IdentityPool)) *world {
	t.Helper()
	w := &world{now: start}
	s := store.New()
	err := s.AddPool(store.Pool{ID: poolID}, []store.Client{{ID: clientID}}, nil)
	if err == nil {
		err = s.Create(poolID, store.User{Username: "ann", Sub: "sub-ann", Status: store.Confirmed}, false)
	}
	pool := store.IdentityPool{
		ID: identities, AllowUnauthenticated: true, AuthenticatedRole: member, UnauthenticatedRole: guest,
		CognitoProviders: []store.CognitoProvider{{PoolID: poolID, ClientID: clientID}},
		LoginProviders:   map[string]string{google: googleID},
	}
	if change != nil {
		change(&pool)
	}
	if err == nil {
		err = s.AddIdentityPool(pool)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range []string{member, boss, special} {
		s.PutRole(store.Role{ARN: arn, Trust: TrustFor("authenticated", identities)})
	}
	s.PutRole(store.Role{ARN: guest, Trust: TrustFor("unauthenticated", identities)})
	w.Handler = &Handler{
		Store: s, Region: "us-east-1", AccountID: "123456789012", Now: func() time.Time { return w.now }, Random: rand.Reader,
		Issuer:    func() string { return "http://127.0.0.1:1/cognito-identity" },
		OpenIDKey: func() (*jwt.Signer, error) { return signers()["openid"], nil },
		UserPool: func(id string) (Provider, bool) {
			return Provider{poolIssuer, jwt.NewStaticKeys(poolIssuer, signers()["pool"].Public())}, id == poolID
		},
		Social: func(name string) (Provider, bool) {
			return Provider{googleISS, jwt.NewStaticKeys(googleISS, signers()["google"].Public())}, name == google
		},
	}
	return w
}

// token is an ID token of a signer, ann's of the user pool unless it is changed;
// a nil value removes a claim.
func token(t *testing.T, signer string, change map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": poolIssuer, "aud": clientID, "sub": "sub-ann", "token_use": "id", "cognito:username": "ann",
		"iat": start.Unix(), "exp": start.Add(time.Hour).Unix(),
	}
	if signer == "google" {
		claims = map[string]any{"iss": googleISS, "aud": googleID, "sub": "1000", "email": "ann@example.org", "email_verified": true,
			"iat": start.Unix(), "exp": start.Add(time.Hour).Unix()}
	}
	maps.Copy(claims, change)
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	text, err := signers()[signer].Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ask calls an operation. The error is "Type: message".
func (w *world) ask(t *testing.T, operation string, in map[string]any) (answer map[string]any, refusal string) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
	r.Header.Set("X-Amz-Target", TargetPrefix+operation)
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	if err := json.Unmarshal(out.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v in %s", operation, err, out.Body)
	}
	if out.Code != http.StatusOK {
		message, _ := answer["message"].(string)
		if kind := out.Header().Get("X-Amzn-Errortype"); kind != answer["__type"].(string)+":" {
			t.Errorf("header %q, body %v", kind, answer)
		}
		return nil, answer["__type"].(string) + ": " + message
	}
	return answer, ""
}

func (w *world) id(t *testing.T, logins map[string]string) string {
	t.Helper()
	answer, refusal := w.ask(t, "GetId", map[string]any{"IdentityPoolId": identities, "Logins": logins})
	if refusal != "" {
		t.Fatal(refusal)
	}
	return answer["IdentityId"].(string)
}

// credentials are those of the enhanced flow, as the store has them.
func (w *world) credentials(t *testing.T, id string, logins map[string]string, custom string) (store.Key, string) {
	t.Helper()
	in := map[string]any{"IdentityId": id, "Logins": logins}
	if custom != "" {
		in["CustomRoleArn"] = custom
	}
	answer, refusal := w.ask(t, "GetCredentialsForIdentity", in)
	if refusal != "" {
		return store.Key{}, refusal
	}
	key, known := w.Store.Key(answer["Credentials"].(map[string]any)["AccessKeyId"].(string))
	if !known {
		t.Fatal("the credentials are not kept")
	}
	return key, ""
}
