package hosted

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/loopback"
	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sandbox/userpool"
	"github.com/cogctl/cogctl/internal/srp"
)

const (
	poolID   = "us-east-1_Sandbox01"
	password = "Passw0rd!"
	secret   = "0123456789abcdefghijklmnopqrstuv"
	callback = "http://localhost:17170/callback"
	verifier = "0123456789012345678901234567890123456789abc"
)

var start = time.Date(2026, 11, 5, 15, 4, 5, 0, time.UTC)

// Keys and verifiers are costly, so all worlds share them.
var (
	sharedKeys = sync.OnceValue(func() userpool.Keys {
		id, err := jwt.NewSigner(rand.Reader)
		access, err2 := jwt.NewSigner(rand.Reader)
		if err != nil || err2 != nil {
			panic(fmt.Sprint(err, err2))
		}
		return userpool.Keys{ID: id, Access: access}
	})
	sharedVerifiers = sync.OnceValue(func() map[string]srp.Verifier {
		verifiers := map[string]srp.Verifier{}
		for _, name := range userNames() {
			v, err := store.NewVerifier(rand.Reader, poolID, name, password)
			if err != nil {
				panic(err)
			}
			verifiers[name] = v
		}
		return verifiers
	})
)

func userNames() []string {
	return []string{"ann", "bob", "new", "sms", "mail", "totp", "both", "off", "fresh", "reset"}
}

// world is a domain on a real listener, with a clock that can be moved.
type world struct {
	t      testing.TB
	h      *Handler
	server *httptest.Server

	mu    sync.Mutex
	now   time.Time
	calls []string
}

func newWorld(t testing.TB, settings ...func(*store.Pool)) *world {
	t.Helper()
	w := &world{t: t, now: start}
	st := store.New()
	pool := store.Pool{
		ID: poolID, AliasAttributes: []string{"email"}, AutoVerified: []string{"email"}, MFA: "OPTIONAL",
		IdentityProviders: []string{"Google"},
	}
	for _, set := range settings {
		set(&pool)
	}
	if err := st.AddPool(pool, clients(), []store.Group{{Name: "admin"}}); err != nil {
		t.Fatal(err)
	}
	if err := st.AddPool(store.Pool{ID: "us-east-1_Other"}, []store.Client{
		{ID: "other", CallbackURLs: []string{callback}, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid"}},
	}, nil); err != nil {
		t.Fatal(err)
	}
	w.plant(st)
	mux := http.NewServeMux()
	w.server = httptest.NewServer(mux)
	t.Cleanup(w.server.Close)
	host := strings.TrimPrefix(w.server.URL, "http://")
	guarded := http.NewServeMux()
	mux.Handle("/", loopback.Guard{Hosts: []string{host}, Next: guarded})
	w.h = &Handler{
		Store: st, Now: w.clock, Random: rand.Reader, Key: []byte("sixteen bytes or more"),
		Count: func(_ context.Context, call, detail string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.calls = append(w.calls, strings.TrimSpace(call+" "+detail))
		},
		Pool: &userpool.Handler{
			Store: st, Now: w.clock, Random: rand.Reader, FakeSeed: []byte("sixteen bytes or more"),
			Issuer: userpool.Issuer{
				Store: st, Random: rand.Reader, Keys: map[string]userpool.Keys{poolID: sharedKeys(), "us-east-1_Other": sharedKeys()},
				URL: func(id string) string { return w.server.URL + "/" + id },
			},
		},
	}
	w.h.Register(guarded)
	guarded.Handle("POST /{$}", w.h.Pool)
	return w
}

func clients() []store.Client {
	scopes := []string{"openid", "email", "phone", "profile", "aws.cognito.signin.user.admin", "content/read"}
	page := func(c store.Client) store.Client {
		c.CallbackURLs = []string{callback, "http://localhost:17170/callback/", "https://app.example/cb?x=1", "myapp://signed-in"}
		c.LogoutURLs = []string{"http://localhost:17170/bye"}
		c.OAuthFlows, c.OAuthScopes = []string{"code"}, scopes
		c.IdentityProviders = []string{"COGNITO", "Google"}
		c.ExplicitAuthFlows = []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH"}
		return c
	}
	implicit := page(store.Client{ID: "implicit"})
	implicit.OAuthFlows = []string{"code", "implicit"}
	bare := page(store.Client{ID: "bare"}) // no social provider, and few scopes
	bare.IdentityProviders, bare.OAuthScopes = nil, []string{"openid", "email"}
	googleOnly := page(store.Client{ID: "googleonly"})
	googleOnly.IdentityProviders = []string{"Google"}
	return []store.Client{
		page(store.Client{ID: "web"}), page(store.Client{ID: "backend", Secret: secret}), implicit, bare, googleOnly,
		page(store.Client{ID: "rotating", RotateRefreshTokens: true}), page(store.Client{ID: "keeping", NoTokenRevocation: true}),
		{ID: "machine", Secret: secret, OAuthFlows: []string{"client_credentials"}, OAuthScopes: []string{"openid", "content/read", "content/write"}},
	}
}

func (w *world) plant(st *store.Store) {
	w.t.Helper()
	for _, name := range userNames() {
		u := store.User{
			Username: name, Sub: "sub-of-" + name, Status: store.Confirmed, Verifier: sharedVerifiers()[name], Created: start, Modified: start,
			Attributes: map[string]string{
				"email": name + "@example.com", "email_verified": "true", "phone_number": "+15555550101", "name": strings.ToUpper(name),
			},
			TemporaryUntil: start.Add(7 * 24 * time.Hour),
		}
		switch name {
		case "ann":
			u.Groups = []string{"admin"}
		case "new":
			u.Status = store.ForceChangePassword
		case "off":
			u.Disabled = true
		case "fresh":
			u.Status = store.Unconfirmed
		case "reset":
			u.Status = store.ResetRequired
		case "sms":
			u.MFA = []string{store.SMSMFA}
		case "mail":
			u.MFA = []string{store.EmailMFA}
		case "totp":
			u.MFA, u.TOTP.Secret = []string{store.TOTPMFA}, []byte("a secret of twenty bytes")
		case "both":
			u.MFA, u.TOTP.Secret = []string{store.SMSMFA, store.TOTPMFA}, []byte("a secret of twenty bytes")
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

// asking is a good request of a client, changed by names and values in turn; ""
// takes one out.
func asking(client string, changes ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {client}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {"openid email"}, "state": {"s t/a+te"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "nonce": {"n-1"},
	}
	return changed(q, changes...)
}

func changed(q url.Values, changes ...string) url.Values {
	for i := 0; i+1 < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			q.Del(changes[i])
		}
	}
	return q
}

// code is the code that a view leads back to the application with.
func (v view) code(t testing.TB) string {
	t.Helper()
	if v.status != http.StatusFound || v.location == nil || v.location.Query().Get("code") == "" {
		t.Fatalf("no code, but %d %s to %v:\n%s", v.status, v.path, v.location, v.body)
	}
	return v.location.Query().Get("code")
}

// codeOf signs ann in with a browser of her own.
func (w *world) codeOf(query url.Values) string {
	w.t.Helper()
	return w.browser().signIn(query, "ann", password).code(w.t)
}

type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

func (a answer) text(name string) string {
	s, _ := a.body[name].(string)
	return s
}

// call posts a form to an endpoint; basic is "id:secret" or "".
func (w *world) call(path, basic string, form url.Values) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id, secret, ok := strings.Cut(basic, ":"); ok {
		r.SetBasicAuth(id, secret)
	}
	return w.send(r)
}

func (w *world) send(r *http.Request) answer {
	w.t.Helper()
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(body)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/") {
		if err := json.Unmarshal(body, &a.body); err != nil {
			w.t.Fatalf("the answer is not JSON: %s", body)
		}
	}
	return a
}

// redeeming is a good code exchange of the public client.
func redeeming(code string, changes ...string) url.Values {
	return changed(url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "client_id": {"web"}, "code_verifier": {verifier},
	}, changes...)
}

func (a answer) ok(t testing.TB) answer {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("answered %d %s", a.status, a.raw)
	}
	return a
}

func (a answer) refused(t testing.TB, name, code string) {
	t.Helper()
	if a.status != http.StatusBadRequest || a.text("error") != code {
		t.Errorf("%s: answered %d %s, want 400 %s", name, a.status, a.raw, code)
	}
}

func claims(t testing.TB, raw string) jwt.Claims {
	t.Helper()
	token, err := jwt.Parse(raw)
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return token.Claims
}
