package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// tokenOf asks the token endpoint and returns one member of the answer.
func tokenOf(t *testing.T, s *Sandbox, member string, form url.Values) string {
	t.Helper()
	res, err := http.PostForm(s.Endpoints().Cloud+"/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%d %s: %v", res.StatusCode, body, err)
	}
	token, _ := answer[member].(string)
	return token
}

func machineSecret(s *Sandbox) string {
	c, _ := s.store.Client(MachineClientID)
	return c.Secret
}

// TestContent: GET /content and POST /content each want their own scope.
func TestContent(t *testing.T) {
	t.Parallel()
	s, log := run(t, DefaultSeed())
	machine := func(scope string) string {
		return tokenOf(t, s, "access_token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {MachineClientID}, "client_secret": {machineSecret(s)}, "scope": {scope},
		})
	}
	ann := signIn(t, s, Client{ID: PublicClientID}, User{Username: "ann", Password: DefaultPassword}).AuthenticationResult
	both, read, write := machine(""), machine(ReadScope), machine(WriteScope)
	for _, tt := range []struct {
		name, method, token string
		status              int
	}{
		{"read with both", "GET", both, 200},
		{"write with both", "POST", both, 200},
		{"read with read", "GET", read, 200},
		{"write with read", "POST", read, 403},
		{"read with write", "GET", write, 403},
		{"write with write", "POST", write, 200},
		{"read without", "GET", "", 401},
		{"write without", "POST", "", 401},
		{"read with a person's token of the API", "GET", *ann.AccessToken, 403},
		{"read with an ID token", "GET", *ann.IdToken, 403},
	} {
		header := map[string]string{}
		if tt.token != "" {
			header["Authorization"] = "Bearer " + tt.token
		}
		if res, body := get(t, tt.method, s.Endpoints().API+"/content", header); res.StatusCode != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, res.StatusCode, body, tt.status)
		}
	}
	// A machine is nobody where a user is wanted.
	if res, _ := get(t, "GET", s.Endpoints().API+"/myendpoint", map[string]string{"Authorization": both}); res.StatusCode != 401 {
		t.Errorf("a REST API without scopes took an access token: %d", res.StatusCode)
	}
	if n := s.Stats()["POST /oauth2/token client_credentials"]; n != 3 {
		t.Errorf("the statistics have %d token requests: %v", n, s.Stats())
	}
	want := Event{Listener: "cloud", Method: "POST", Path: "/oauth2/token", Operation: "client_credentials", Status: 200}
	found := false
	for _, e := range log.all() {
		found = found || e == want
	}
	if !found {
		t.Errorf("no event %+v in %+v", want, log.all())
	}
}

// TestDiscovery: every endpoint that the document names is there.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	res, body := get(t, "GET", s.Endpoints().Issuer+"/.well-known/openid-configuration", nil)
	var document map[string]any
	if err := json.Unmarshal([]byte(body), &document); err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s: %v", res.StatusCode, body, err)
	}
	if document["issuer"] != s.Endpoints().Issuer || document["code_challenge_methods_supported"] != nil {
		t.Errorf("issuer %v, PKCE %v", document["issuer"], document["code_challenge_methods_supported"])
	}
	for name, method := range map[string]string{
		"authorization_endpoint": "GET", "token_endpoint": "POST", "userinfo_endpoint": "GET", "revocation_endpoint": "POST",
		"end_session_endpoint": "GET", "jwks_uri": "GET",
	} {
		address, _ := document[name].(string)
		if !strings.HasPrefix(address, s.Endpoints().Cloud+"/") {
			t.Errorf("%s is %q", name, address)
			continue
		}
		res, _ := get(t, method, address, nil)
		if res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d", method, address, res.StatusCode)
		}
	}
}

// TestDomainGuard: the pages answer to our Host only, take a link from anywhere,
// and a form from nowhere else.
func TestDomainGuard(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	login := s.Endpoints().Cloud + "/login?" + url.Values{
		"client_id": {PublicClientID}, "response_type": {"code"}, "redirect_uri": {CallbackURLs()[0]},
	}.Encode()
	for _, tt := range []struct {
		name, method string
		header       map[string]string
		status       int
	}{
		{"a link elsewhere", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Referer": "https://evil.example/"}, 200},
		{"rebinding", "GET", map[string]string{"Host": "evil.example"}, 421},
		{"a script elsewhere", "GET", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a form elsewhere", "POST", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a form of another port", "POST", map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		{"a form without a token", "POST", map[string]string{"Origin": s.Endpoints().Cloud}, 403},
	} {
		if res, body := get(t, tt.method, login, tt.header); res.StatusCode != tt.status {
			t.Errorf("%s: %d %s", tt.name, res.StatusCode, body)
		}
	}
}

// TestOAuthSettings: what tests change of a client on the control listener.
func TestOAuthSettings(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	ask := func(name, value string) string {
		q := url.Values{"client_id": {PublicClientID}, "response_type": {"code"}, "redirect_uri": {CallbackURLs()[0]}}
		q.Set(name, value)
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.Endpoints().Cloud+"/oauth2/authorize?"+q.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		to, err := res.Location()
		if err != nil {
			t.Fatal(err)
		}
		return to.Path + " " + to.Query().Get("error")
	}
	const client = "/clients/" + PublicClientID
	for _, tt := range []struct{ name, value, path, change, before, after string }{
		{"redirect_uri", "https://app.example/cb", client, `{"callback_urls": ["https://app.example/cb"]}`, "/error redirect_mismatch", "/login "},
		{"redirect_uri", "https://app.example/cb", client, `{"allowed_oauth_flows": ["implicit"]}`, "/login ", "/cb unauthorized_client"},
		{"redirect_uri", "https://app.example/cb", client, `{"allowed_oauth_flows": ["code"]}`, "/cb unauthorized_client", "/login "},
		{"redirect_uri", "https://app.example/cb", client, `{"allowed_oauth_scopes": []}`, "/login ", "/cb invalid_scope"},
	} {
		if got := ask(tt.name, tt.value); got != tt.before {
			t.Errorf("before %s: %s, want %s", tt.change, got, tt.before)
		}
		control(t, s, "POST", tt.path, tt.change, 200, nil)
		if got := ask(tt.name, tt.value); got != tt.after {
			t.Errorf("after %s: %s, want %s", tt.change, got, tt.after)
		}
	}
	control(t, s, "POST", client, `{"allowed_oauth_flows": ["password"]}`, 400, nil)
	control(t, s, "POST", client, `{"identity_providers": ["Google"], "logout_urls": ["https://app.example/bye"]}`, 200, nil)
	control(t, s, "POST", "/pools/"+DefaultPoolID, `{"identity_providers": ["Facebook"]}`, 200, nil)
	c, _ := s.store.Client(PublicClientID)
	p, _ := s.store.Pool(DefaultPoolID)
	if c.AllowsProvider("COGNITO") || c.LogoutURLs[0] != "https://app.example/bye" || p.IdentityProviders[0] != "Facebook" {
		t.Errorf("%v %v", c, p)
	}
}
