package userpool

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

const (
	poolID   = "us-east-1_Sandbox01"
	password = "Passw0rd!"
	secret   = "0123456789abcdefghijklmnopqrstuv"
	scope    = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261105/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=00"
)

var start = time.Date(2026, 11, 5, 15, 4, 5, 0, time.UTC)

// Keys and verifiers are costly, so all worlds share them.
var (
	sharedKeys = sync.OnceValue(func() Keys {
		id, err := jwt.NewSigner(rand.Reader)
		access, err2 := jwt.NewSigner(rand.Reader)
		if err != nil || err2 != nil {
			panic(fmt.Sprint(err, err2))
		}
		return Keys{ID: id, Access: access}
	})
	sharedVerifiers = sync.OnceValue(func() map[string]srp.Verifier {
		verifiers := map[string]srp.Verifier{}
		for _, name := range []string{"ann", "new", "off", "reset", "fresh", "late"} {
			v, err := store.NewVerifier(rand.Reader, poolID, name, password)
			if err != nil {
				panic(err)
			}
			verifiers[name] = v
		}
		return verifiers
	})
)

// world is a handler with a clock, users for every state and clients for every
// setting.
type world struct {
	t *testing.T
	h *Handler

	mu    sync.Mutex
	now   time.Time
	calls []string
}

func newWorld(t *testing.T, settings ...func(*store.Pool)) *world {
	t.Helper()
	w := &world{t: t, now: start}
	st := store.New()
	pool := store.Pool{ID: poolID, AliasAttributes: []string{"email"}, AutoVerified: []string{"email", "phone_number"}}
	for _, set := range settings {
		set(&pool)
	}
	flows := []string{"ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH", "ALLOW_CUSTOM_AUTH"}
	none := []string{"ALLOW_ADMIN_USER_PASSWORD_AUTH"}
	clients := []store.Client{
		{ID: "web", ExplicitAuthFlows: flows},
		{ID: "legacy", ExplicitAuthFlows: flows, PreventUserExistenceErrors: "LEGACY"},
		{ID: "backend", ExplicitAuthFlows: flows, Secret: secret},
		{ID: "none", ExplicitAuthFlows: none},
		{ID: "rotating", ExplicitAuthFlows: flows[:2], RotateRefreshTokens: true, RetryGrace: 10 * time.Second},
		{ID: "keeping", ExplicitAuthFlows: flows, NoTokenRevocation: true},
		{ID: "brief", ExplicitAuthFlows: flows, AccessTokenValidity: 5 * time.Minute, IDTokenValidity: 10 * time.Minute, RefreshTokenValidity: time.Hour},
	}
	one := 1
	groups := []store.Group{{Name: "readers"}, {Name: "admin", Precedence: &one, RoleARN: "arn:aws:iam::1:role/admin"}}
	if err := st.AddPool(pool, clients, groups); err != nil {
		t.Fatal(err)
	}
	w.plant(st)
	w.h = &Handler{
		Store: st, Now: w.clock, Random: rand.Reader, FakeSeed: []byte("sixteen bytes or more"),
		Count: func(_ context.Context, call string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.calls = append(w.calls, call)
		},
		Issuer: Issuer{
			Store: st, Random: rand.Reader, Keys: map[string]Keys{poolID: sharedKeys()},
			URL: func(id string) string { return "http://127.0.0.1:9400/" + id },
		},
	}
	return w
}

func (w *world) plant(st *store.Store) {
	w.t.Helper()
	for name, status := range map[string]store.Status{
		"ann": store.Confirmed, "new": store.ForceChangePassword, "late": store.ForceChangePassword,
		"off": store.Confirmed, "reset": store.ResetRequired, "fresh": store.Unconfirmed, "nopass": store.Confirmed,
	} {
		u := store.User{
			Username: name, Sub: "sub-of-" + name, Status: status, Disabled: name == "off", Verifier: sharedVerifiers()[name],
			Attributes:     map[string]string{"email": name + "@example.com", "email_verified": "true"},
			TemporaryUntil: start.Add(7 * 24 * time.Hour), Created: start, Modified: start,
		}
		switch name {
		case "ann":
			u.Groups = []string{"readers", "admin"}
		case "late":
			u.TemporaryUntil = start.Add(-1)
		}
		if err := st.Create(poolID, u, false); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// p are the members of a request or of one of its maps.
type p = map[string]any

type reply struct {
	Status int
	Header http.Header
	Body   map[string]any
	Raw    string
}

// call sends one request; the operations that need credentials come with them.
func (w *world) call(op string, in any) reply {
	w.t.Helper()
	header := http.Header{"X-Amz-Target": {targetPrefix + op}}
	if strings.HasPrefix(op, "Admin") || strings.HasPrefix(op, "Describe") || strings.HasPrefix(op, "ListUser") {
		header.Set("Authorization", scope)
	}
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send(header, string(body))
}

func (w *world) send(header http.Header, body string) reply {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header = header
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	got := reply{Status: rec.Code, Header: rec.Header(), Raw: rec.Body.String()}
	if err := json.Unmarshal(rec.Body.Bytes(), &got.Body); err != nil {
		w.t.Fatalf("the answer is not JSON: %v", err)
	}
	return got
}

// refused checks a refusal: type, text, status and header.
func (r reply) refused(t *testing.T, code, message string) {
	t.Helper()
	want := http.StatusBadRequest
	switch code {
	case "InternalErrorException":
		want = http.StatusInternalServerError
	case "RequestEntityTooLargeException":
		want = http.StatusRequestEntityTooLarge
	}
	if r.Body["__type"] != code || r.Body["message"] != message || r.Status != want {
		t.Errorf("answered %d %v: %v\nwant %d %s: %s", r.Status, r.Body["__type"], r.Body["message"], want, code, message)
	}
	if got := r.Header.Get("X-Amzn-Errortype"); got != code+":" {
		t.Errorf("x-amzn-errortype %q", got)
	}
}

func (r reply) ok(t *testing.T) reply {
	t.Helper()
	if r.Status != http.StatusOK {
		t.Fatalf("answered %d %v: %v", r.Status, r.Body["__type"], r.Body["message"])
	}
	return r
}

// result is a member of AuthenticationResult.
func (r reply) result(name string) string {
	result, _ := r.Body["AuthenticationResult"].(map[string]any)
	s, _ := result[name].(string)
	return s
}

func (r reply) parameter(name string) string {
	parameters, _ := r.Body["ChallengeParameters"].(map[string]any)
	s, _ := parameters[name].(string)
	return s
}

// login signs in by password.
func (w *world) login(client, user, pass string) reply {
	w.t.Helper()
	parameters := p{"USERNAME": user, "PASSWORD": pass}
	if client == "backend" {
		parameters["SECRET_HASH"] = srp.SecretHash(user, client, secret)
	}
	return w.call("InitiateAuth", p{"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client, "AuthParameters": parameters})
}

// handshake is the first leg of SRP, and what the second needs.
type handshake struct {
	client *srp.Client
	reply  reply
}

func (w *world) handshake(client, user string) handshake {
	w.t.Helper()
	c, err := srp.NewClient(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	parameters := p{"USERNAME": user, "SRP_A": c.A()}
	if client == "backend" {
		parameters["SECRET_HASH"] = srp.SecretHash(user, client, secret)
	}
	return handshake{c, w.call("InitiateAuth", p{"AuthFlow": "USER_SRP_AUTH", "ClientId": client, "AuthParameters": parameters})}
}

// proof is the second leg: the responses for a password, at a time.
func (w *world) proof(h handshake, pass string, at time.Time) p {
	w.t.Helper()
	user := h.reply.parameter("USER_ID_FOR_SRP")
	pool, err := srp.PoolName(poolID)
	if err != nil {
		w.t.Fatal(err)
	}
	proof, err := h.client.Prove(srp.Identity{Pool: pool, User: user, Password: pass},
		srp.Challenge{Salt: h.reply.parameter("SALT"), B: h.reply.parameter("SRP_B"), SecretBlock: h.reply.parameter("SECRET_BLOCK")}, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return p{
		"USERNAME": user, "PASSWORD_CLAIM_SIGNATURE": proof.Signature,
		"PASSWORD_CLAIM_SECRET_BLOCK": proof.SecretBlock, "TIMESTAMP": proof.Timestamp,
	}
}

func (w *world) respond(client, challenge string, responses p) reply {
	w.t.Helper()
	if client == "backend" {
		responses["SECRET_HASH"] = srp.SecretHash(responses["USERNAME"].(string), client, secret)
	}
	return w.call("RespondToAuthChallenge", p{"ClientId": client, "ChallengeName": challenge, "ChallengeResponses": responses})
}
