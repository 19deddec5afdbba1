package auth_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/transport"
)

// fakeProvider is an authorization server that lies as a test wants it to.
type fakeProvider struct {
	*httptest.Server

	mu       sync.Mutex
	asked    url.Values                                // the last authorization request
	redeemed []url.Values                              // what the token endpoint got
	claims   func(id, access map[string]any)           // changes the tokens
	atToken  func(w http.ResponseWriter) (served bool) // answers instead
	atStart  http.HandlerFunc                          // answers the authorization request instead
}

const fakeClient = "client1"

// fakeSigner signs for every fakeProvider: a key takes long to make.
var fakeSigner = sync.OnceValue(func() *jwt.Signer {
	signer, err := jwt.NewSigner(nil)
	if err != nil {
		panic(err)
	}
	return signer
})

func newFakeProvider(t *testing.T) *fakeProvider {
	p := &fakeProvider{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth2/authorize", p.authorize)
	mux.HandleFunc("POST /oauth2/token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *fakeProvider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = r.URL.Query()
	special := p.atStart
	p.mu.Unlock()
	if special != nil {
		special(w, r)
		return
	}
	http.Redirect(w, r, "/login?"+r.URL.RawQuery, http.StatusFound)
}

func (p *fakeProvider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redeemed = append(p.redeemed, maps.Clone(r.PostForm))
	if p.atToken != nil && p.atToken(w) {
		return
	}
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if base64.RawURLEncoding.EncodeToString(sum[:]) != p.asked.Get("code_challenge") || len(p.redeemed) > 1 {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	id, access := p.tokens()
	_ = json.NewEncoder(w).Encode(map[string]any{"id_token": id, "access_token": access, "refresh_token": "refresh-1", "token_type": "Bearer", "expires_in": 3600})
}

// redemptions are what the token endpoint got so far.
func (p *fakeProvider) redemptions() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.redeemed)
}

func (p *fakeProvider) tokens() (id, access string) {
	now := time.Now().Unix()
	common := map[string]any{"iss": p.URL, "sub": "sub-1", "iat": now, "exp": now + 3600}
	accessClaims := maps.Clone(common)
	maps.Copy(accessClaims, map[string]any{"token_use": "access", "client_id": fakeClient, "username": "ann"})
	idClaims := maps.Clone(common)
	maps.Copy(idClaims, map[string]any{"token_use": "id", "aud": fakeClient, "cognito:username": "ann", "nonce": p.asked.Get("nonce")})
	access = p.sign(accessClaims)
	half := sha256.Sum256([]byte(access))
	idClaims["at_hash"] = base64.RawURLEncoding.EncodeToString(half[:16])
	if p.claims != nil {
		p.claims(idClaims, accessClaims)
	}
	return p.sign(idClaims), access
}

func (p *fakeProvider) sign(claims map[string]any) string {
	token, err := fakeSigner().Sign(claims)
	if err != nil {
		panic(err)
	}
	return token
}

func (p *fakeProvider) flow() auth.CodeFlow {
	client := auth.NewClient(auth.ClientConfig{
		Region: "us-east-1", ClientID: fakeClient, HTTP: transport.Client(http.DefaultTransport), Now: time.Now, Random: rand.Reader,
		Patience: 200 * time.Millisecond,
	})
	return auth.CodeFlow{Client: client, Provider: auth.DomainProvider(p.URL, p.URL), Redirect: "http://localhost:17170/callback"}
}

func (p *fakeProvider) verifier() auth.Verifier {
	return auth.Verifier{Keys: jwt.NewStaticKeys("the provider", fakeSigner().Public()), Issuers: []string{p.URL}, ClientID: fakeClient}
}

// begun begins a sign-in, and lets the provider know what was asked.
func (p *fakeProvider) begun(t *testing.T, f auth.CodeFlow) (auth.Pending, url.Values) {
	t.Helper()
	address, pending, err := f.Begin()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = u.Query()
	return pending, p.asked
}

func TestBegin(t *testing.T) {
	t.Parallel()
	p := newFakeProvider(t)
	f := p.flow()
	f.Provider.Authorization += "?tenant=a+b"
	f.Extra = url.Values{"prompt": {"login"}, "state": {"theirs"}, "redirect_uri": {"https://evil.example/"}}
	address, pending, err := f.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(address, "+") {
		t.Errorf("a + in %s, which some servers read as itself", address)
	}
	u, _ := url.Parse(address)
	asked := u.Query()
	sum := sha256.Sum256([]byte(pending.Verifier))
	for name, want := range map[string]string{
		"tenant": "a b", "prompt": "login", "state": pending.State, "nonce": pending.Nonce, "redirect_uri": f.Redirect,
		"response_type": "code", "client_id": fakeClient, "code_challenge_method": "S256",
		"code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]),
	} {
		if got := asked[name]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(address, pending.Verifier) {
		t.Error("the address holds the code verifier")
	}
	if len(pending.Verifier) != 43 || pending.State == pending.Nonce || pending.State == pending.Verifier {
		t.Errorf("%+v", pending)
	}
	for _, c := range []struct {
		cognito bool
		scopes  []string
		want    string
	}{{true, nil, ""}, {false, nil, "openid"}, {true, []string{"email"}, "openid email"}, {false, []string{"email", "openid"}, "email openid"}} {
		f.Provider.Cognito, f.Scopes = c.cognito, c.scopes
		_, asked := p.begun(t, f)
		if got := asked.Get("scope"); got != c.want {
			t.Errorf("scopes %q, Cognito %t: asked for %q, want %q", c.scopes, c.cognito, got, c.want)
		}
	}
}

func TestFinish(t *testing.T) {
	t.Parallel()
	with := func(p auth.Pending, more url.Values) url.Values {
		answer := url.Values{"state": {p.State}, "code": {"c0de-1"}}
		maps.Copy(answer, more)
		return answer
	}
	var stray *auth.StrayAnswerError
	var mixed *auth.MixUpError
	var no *auth.AuthorizationError
	for name, c := range map[string]struct {
		answer func(p auth.Pending) url.Values
		want   any // nil: it is redeemed
	}{
		"good":           {func(p auth.Pending) url.Values { return with(p, nil) }, nil},
		"our own iss":    {func(p auth.Pending) url.Values { return with(p, url.Values{"iss": {"https://pool.example"}}) }, nil},
		"no state":       {func(p auth.Pending) url.Values { return url.Values{"code": {"c0de-1"}} }, &stray},
		"wrong state":    {func(p auth.Pending) url.Values { return with(p, url.Values{"state": {p.State[1:] + "x"}}) }, &stray},
		"two states":     {func(p auth.Pending) url.Values { return with(p, url.Values{"state": {p.State, p.State}}) }, &stray},
		"two codes":      {func(p auth.Pending) url.Values { return with(p, url.Values{"code": {"a", "b"}}) }, &stray},
		"code and error": {func(p auth.Pending) url.Values { return with(p, url.Values{"error": {"access_denied"}}) }, &stray},
		"neither":        {func(p auth.Pending) url.Values { return url.Values{"state": {p.State}} }, &stray},
		"empty code":     {func(p auth.Pending) url.Values { return with(p, url.Values{"code": {""}}) }, &stray},
		"another iss":    {func(p auth.Pending) url.Values { return with(p, url.Values{"iss": {"https://evil.example"}}) }, &mixed},
		"two iss": {func(p auth.Pending) url.Values {
			return with(p, url.Values{"iss": {"https://pool.example", "https://pool.example"}})
		}, &mixed},
		"error of another": {func(p auth.Pending) url.Values {
			return url.Values{"state": {p.State}, "error": {"x"}, "iss": {"https://evil.example"}}
		}, &mixed},
		"error": {func(p auth.Pending) url.Values {
			return url.Values{"state": {p.State}, "error": {"access_denied"}, "error_description": {"You said no."}}
		}, &no},
		"error without state": {func(p auth.Pending) url.Values { return url.Values{"error": {"access_denied"}} }, &stray},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newFakeProvider(t)
			f := p.flow()
			f.Issuers = []string{"https://pool.example"}
			pending, _ := p.begun(t, f)
			tokens, err := f.Finish(t.Context(), pending, c.answer(pending))
			if c.want == nil {
				if err != nil || tokens.Refresh != "refresh-1" {
					t.Fatalf("%+v, %v", tokens, err)
				}
				if got := p.redemptions()[0]; got.Get("redirect_uri") != f.Redirect || got.Get("client_id") != fakeClient || got.Get("grant_type") != "authorization_code" || got.Get("code") != "c0de-1" {
					t.Errorf("redeemed with %v", got)
				}
				return
			}
			if !errors.As(err, reflect.New(reflect.TypeOf(c.want).Elem()).Interface()) {
				t.Errorf("error %v, want a %T", err, c.want)
			}
			if len(p.redemptions()) > 0 {
				t.Errorf("a code was redeemed all the same")
			}
		})
	}
	if got := (&auth.AuthorizationError{Provider: "https://p", Code: "access_denied", Description: "You said no."}).Error(); got != "sign in at https://p: You said no (access_denied)" {
		t.Error(got)
	}
}

// A code is sent once, also where the answer is lost: the server may have taken it.
func TestCodeIsRedeemedOnce(t *testing.T) {
	t.Parallel()
	for name, breakOff := range map[string]func(http.ResponseWriter) bool{
		"lost answer":    func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) },
		"server's fault": func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusBadGateway); return true },
		"refused": func(w http.ResponseWriter) bool {
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
			return true
		},
		"redirect": func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "/oauth2/token")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return true
		},
		"no ID token": func(w http.ResponseWriter) bool { _, _ = w.Write([]byte(`{"access_token":"opaque"}`)); return true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newFakeProvider(t)
			p.atToken = breakOff
			pending, _ := p.begun(t, p.flow())
			_, err := p.flow().Finish(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c0de-1"}})
			if err == nil || len(p.redemptions()) != 1 {
				t.Errorf("redeemed %d times: %v", len(p.redemptions()), err)
			}
			if strings.Contains(err.Error(), "c0de-1") || strings.Contains(err.Error(), pending.Verifier) {
				t.Errorf("the error shows the code or its verifier: %v", err)
			}
		})
	}
}

func TestBrowserTokensAreVerified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(id, access map[string]any)
		want   string // in the error; empty: accepted
	}{
		"good":               {func(id, _ map[string]any) {}, ""},
		"no at_hash":         {func(id, _ map[string]any) { delete(id, "at_hash") }, ""},
		"wrong nonce":        {func(id, _ map[string]any) { id["nonce"] = "another" }, "nonce"},
		"no nonce":           {func(id, _ map[string]any) { delete(id, "nonce") }, "nonce"},
		"nonce of a number":  {func(id, _ map[string]any) { id["nonce"] = 7 }, "nonce"},
		"wrong at_hash":      {func(id, _ map[string]any) { id["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }, "at_hash"},
		"at_hash of a list":  {func(id, _ map[string]any) { id["at_hash"] = []string{"x"} }, "at_hash"},
		"wrong iss":          {func(id, _ map[string]any) { id["iss"] = "https://evil.example" }, "iss"},
		"for another client": {func(id, _ map[string]any) { id["aud"] = "client2" }, "aud"},
		"access as ID token": {func(id, _ map[string]any) { id["token_use"] = "access" }, "token_use"},
		"ended":              {func(id, _ map[string]any) { id["exp"] = time.Now().Add(-time.Hour).Unix() }, "exp"},
	} {
		for _, skip := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := newFakeProvider(t)
				p.claims = c.change
				f := p.flow()
				pending, _ := p.begun(t, f)
				tokens, err := f.Finish(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c0de-1"}})
				if err != nil {
					t.Fatal(err)
				}
				v := p.verifier()
				v.Skip = skip
				session, err := v.Begin(t.Context(), auth.Session{Typed: "ann", By: auth.ByOAuth, TokenURL: f.Provider.Token}, tokens)
				// Without a key set nothing is verified but what needs none.
				expected := c.want != "" && (!skip || c.want == "nonce" || c.want == "at_hash")
				switch {
				case expected && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Errorf("skip %t: error %v, want one about %s", skip, err, c.want)
				case !expected && (err != nil || session.Access != tokens.Access || session.By != auth.ByOAuth):
					t.Errorf("skip %t: %+v, %v", skip, session, err)
				}
			})
		}
	}
}

func TestPasted(t *testing.T) {
	t.Parallel()
	p := auth.Pending{State: "s-t_ate.1", Redirect: "https://app.example.com/cb"}
	for text, want := range map[string]string{ // the code, or "!" and a part of the error
		"https://app.example.com/cb?code=c0de-1&state=s-t_ate.1":                  "c0de-1",
		" \"https://app.example.com/cb?state=s-t_ate.1&code=c0de%2F1#x\" ":        "c0de/1",
		"http://localhost:17170/callback?code=c0de-1&state=s-t_ate.1":             "c0de-1",
		"code=c0de-1&state=s-t_ate.1":                                             "c0de-1",
		"c0de-1":                                                                  "c0de-1",
		"https://app.example.com/cb?error=access_denied&state=s-t_ate.1":          "",
		"https://app.example.com/cb?code=c0de-1&state=other":                      "!another sign-in",
		"https://app.example.com/cb?code=c0de-1":                                  "!no state",
		"https://app.example.com/cb":                                              "!no code",
		"https://p/oauth2/authorize?state=s-t_ate.1&code_challenge=x&client_id=y": "!address to open",
		"https://p/login?state=s-t_ate.1&client_id=y":                             "!no code",
		"https://app.example.com/cb?code=a&code=b&state=s-t_ate.1":                "!another sign-in",
		"https://app.example.com/cb?code=%zz&state=s-t_ate.1":                     "!cannot be read",
		"s-t_ate.1":               "!the state",
		"two words":               "!neither",
		"":                        "!nothing",
		"abc":                     "!neither",
		strings.Repeat("a", 9000): "!neither",
	} {
		answer, err := p.Pasted(text)
		if part, wrong := strings.CutPrefix(want, "!"); wrong {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v, want %q", text, err, part)
			}
			continue
		}
		if err != nil || answer.Get("code") != want || !p.Answered(answer) {
			t.Errorf("%q: %v, %v", text, answer, err)
		}
	}
}
