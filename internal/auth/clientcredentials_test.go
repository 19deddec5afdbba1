package auth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/transport"
)

// machineToken is an access token of the machine abc at issuerName, with changes; a
// nil value removes a claim.
func machineToken(t *testing.T, changes map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	claims := map[string]any{
		"sub": "abc", "client_id": "abc", "token_use": "access", "scope": "content/read", "iss": issuerName, "iat": now, "exp": now + 3600,
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	token, err := signer().Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// tokenServer answers each request for a token with body, which may be a string.
func tokenServer(t *testing.T, status int, body any) (auth.Provider, func() []*http.Request) {
	t.Helper()
	var got []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = append(got, r)
		if to, redirects := strings.CutPrefix(fmt.Sprint(body), "redirect "); redirects {
			http.Redirect(w, r, to, status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if text, ok := body.(string); ok {
			_, _ = io.WriteString(w, text)
			return
		}
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(server.Close)
	p := auth.DomainProvider(server.URL, issuerName)
	return p, func() []*http.Request { return got }
}

// TestTokenEndpointAnswers: what a token endpoint may answer, and what of it is
// told.
func TestTokenEndpointAnswers(t *testing.T) {
	t.Parallel()
	good := func(changes map[string]any) map[string]any {
		answer := map[string]any{"access_token": machineToken(t, nil), "token_type": "Bearer", "expires_in": 3600}
		maps.Copy(answer, changes)
		return answer
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the form went on to %s", r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	for label, row := range map[string]struct {
		status int
		body   any
		want   string // of the error; empty for tokens
	}{
		"tokens":                      {200, good(nil), ""},
		"a lower-case type":           {200, good(map[string]any{"token_type": "bearer"}), ""},
		"no type":                     {200, good(map[string]any{"token_type": ""}), ""},
		"a lifetime as a string":      {200, good(map[string]any{"expires_in": "3600"}), ""},
		"a lifetime that is absurd":   {200, good(map[string]any{"expires_in": 1e18}), ""},
		"another type":                {200, good(map[string]any{"token_type": "DPoP"}), `the token is of the type "DPoP"`},
		"no token":                    {200, map[string]any{"token_type": "Bearer"}, "neither an ID token nor an access token"},
		"an ID token alone":           {200, map[string]any{"id_token": machineToken(t, nil)}, "holds no access token"},
		"a token with a line break":   {200, good(map[string]any{"access_token": "a\r\nX-Evil: 1"}), "characters that no token has"},
		"an error with 200":           {200, map[string]any{"error": "invalid_grant"}, "(invalid_grant)"},
		"created":                     {201, good(nil), "answered 201"},
		"a page":                      {200, "<html>", "something that is not of OAuth"},
		"nothing":                     {200, "", "something that is not of OAuth"},
		"huge":                        {200, `{"access_token":"` + strings.Repeat("x", 2<<20) + `"}`, "unexpected EOF"},
		"invalid_client":              {401, map[string]any{"error": "invalid_client", "error_description": "bad secret"}, "refused: bad secret (invalid_client)"},
		"an error without a word":     {400, map[string]any{"error": "invalid_scope"}, "the server says no more than that (invalid_scope)"},
		"a description of a megabyte": {400, map[string]any{"error": "invalid_scope", "error_description": strings.Repeat("x", 900_000)}, "xxx…"},
		"an error that is a list":     {400, map[string]any{"error": []int{1}}, "something that is not of OAuth"},
		"a bad gateway":               {502, "<html>", "answered 502"},
		"redirected":                  {302, "redirect " + elsewhere.URL, "a redirect, which is not followed"},
		"redirected with the form":    {307, "redirect " + elsewhere.URL, "a redirect, which is not followed"},
		"redirected for good":         {308, "redirect /elsewhere", "a redirect, which is not followed"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			p, _ := tokenServer(t, row.status, row.body)
			w := newWorld("http://127.0.0.1:1", issuerName, "abc", "hush-hush", time.Now) // a client that follows redirects
			tokens, err := auth.ClientCredentials{Client: w.client, Provider: p}.Login(t.Context())
			switch {
			case row.want == "" && (err != nil || tokens.Access == "" || tokens.ExpiresIn > 24*time.Hour):
				t.Errorf("%+v: %v", tokens, err)
			case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want) || len(err.Error()) > 1000):
				t.Errorf("%v, want %q", err, row.want)
			case err != nil && strings.Contains(err.Error(), "hush-hush"):
				t.Errorf("the secret in %v", err)
			}
			var refused *auth.OAuthError
			if oauth := errors.As(err, &refused); oauth != strings.Contains(row.want, "(invalid_") && label != "a description of a megabyte" {
				t.Errorf("an OAuthError: %v", oauth)
			}
		})
	}
}

// TestClientAuthentication: one way of proving the client at a time, and both parts
// of it form-encoded (RFC 6749, section 2.3.1).
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	for label, row := range map[string]struct {
		secret string
		post   bool
		basic  string
		form   url.Values
	}{
		"basic": {"p+s/w=d :%", false, url.QueryEscape("abc") + ":" + url.QueryEscape("p+s/w=d :%"), url.Values{}},
		"post":  {"p+s/w=d :%", true, "", url.Values{"client_id": {"abc"}, "client_secret": {"p+s/w=d :%"}}},
	} {
		p, got := tokenServer(t, 200, map[string]any{"access_token": machineToken(t, nil)})
		p.PostAuth = row.post
		w := newWorld("http://127.0.0.1:1", issuerName, "abc", row.secret, time.Now)
		flow := auth.ClientCredentials{Client: w.client, Provider: p, Scopes: []string{"b/c", "a/b"}, Resources: []string{"https://x.example", "urn:y"}}
		if _, err := flow.Login(t.Context()); err != nil {
			t.Error(label, err)
			continue
		}
		r := got()[0]
		user, password, _ := r.BasicAuth()
		want := url.Values{"grant_type": {"client_credentials"}, "scope": {"b/c a/b"}, "resource": {"https://x.example", "urn:y"}}
		maps.Copy(want, row.form)
		if sent := strings.Trim(user+":"+password, ":"); r.PostForm.Encode() != want.Encode() || sent != row.basic || r.Method != "POST" {
			t.Errorf("%s: %s with %q", label, r.PostForm.Encode(), sent)
		}
	}
	p, got := tokenServer(t, 200, nil)
	w := newWorld("http://127.0.0.1:1", issuerName, "abc", "", time.Now)
	var input *auth.InputError
	if _, err := (auth.ClientCredentials{Client: w.client, Provider: p}).Login(t.Context()); !errors.As(err, &input) || len(got()) != 0 {
		t.Errorf("a public client: %v after %d requests", err, len(got()))
	}
}

// TestBasicIsSecret: a server may put the header with the client's secret into its
// message, where base64 has joined the secret to the client's name.
func TestBasicIsSecret(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"abc", "abcd", "a b:c"} {
		p, got := tokenServer(t, 400, map[string]any{"error": "invalid_request"})
		var redactor redact.Redactor
		client := auth.NewClient(auth.ClientConfig{
			Region: "us-east-1", ClientID: id, ClientSecret: "p+s/w=d :%", HTTP: transport.Client(http.DefaultTransport), Now: time.Now,
			Redactor: &redactor,
		})
		var no *auth.OAuthError
		if _, err := (auth.ClientCredentials{Client: client, Provider: p}).Login(t.Context()); !errors.As(err, &no) {
			t.Fatal(err)
		}
		sent, _ := strings.CutPrefix(got()[0].Header.Get("Authorization"), "Basic ")
		if header, err := base64.StdEncoding.DecodeString(sent); err != nil || redactor.String(sent) != redact.Mark || redactor.String(string(header)) != redact.Mark {
			t.Errorf("%s: the header %q (%v) is not known as a secret", id, header, err)
		}
	}
}

// TestMachineVerified: the access token is all there is, so it is what is verified.
func TestMachineVerified(t *testing.T) {
	t.Parallel()
	other, err := jwt.NewSigner(nil)
	if err != nil {
		t.Fatal(err)
	}
	other.KeyID = signer().KeyID
	forged, _ := other.Sign(map[string]any{"iss": issuerName, "client_id": "abc", "token_use": "access", "exp": time.Now().Unix() + 3600})
	learn := func(iss string) (jwt.KeySet, error) {
		if iss != issuerName {
			return nil, errors.New("not that one")
		}
		return keySet(t), nil
	}
	cognito := auth.Verifier{Issuers: []string{issuerName}}
	foreign := auth.Verifier{Issuers: []string{issuerName}, Foreign: true}
	for label, row := range map[string]struct {
		v        auth.Verifier
		access   string
		want     string // of the error
		verified bool
	}{
		"good":                         {cognito, machineToken(t, nil), "", true},
		"another issuer":               {cognito, machineToken(t, map[string]any{"iss": "https://evil.example"}), "iss", false},
		"another client":               {cognito, machineToken(t, map[string]any{"client_id": "xyz"}), "client_id", false},
		"an ID token":                  {cognito, machineToken(t, map[string]any{"token_use": "id", "aud": "abc"}), "token_use", false},
		"of no use":                    {cognito, machineToken(t, map[string]any{"token_use": nil}), "token_use", false},
		"expired":                      {cognito, machineToken(t, map[string]any{"exp": time.Now().Unix() - 60}), "exp", false},
		"forged":                       {cognito, forged, "signature", false},
		"opaque":                       {cognito, "opaque", "the access token", false},
		"taken on trust":               {auth.Verifier{Skip: true}, "opaque", "", false},
		"learnt":                       {auth.Verifier{Learn: learn}, machineToken(t, nil), "", true},
		"learnt, and forged":           {auth.Verifier{Learn: learn}, forged, "signature", false},
		"learnt of another":            {auth.Verifier{Learn: learn}, machineToken(t, map[string]any{"iss": "https://evil.example"}), "not that one", false},
		"nothing to learn from":        {auth.Verifier{}, machineToken(t, nil), "was not expected", false},
		"foreign":                      {foreign, machineToken(t, map[string]any{"token_use": nil, "aud": "https://api.example"}), "", true},
		"foreign and forged":           {foreign, forged, "signature", false},
		"foreign, of another client":   {foreign, machineToken(t, map[string]any{"client_id": "xyz"}), "client_id", false},
		"foreign and opaque":           {foreign, "00D!AQ.opaque", "", false},
		"foreign, for others to read":  {foreign, machineToken(t, map[string]any{"iss": "https://sts.example"}), "", false},
		"foreign, expired":             {foreign, machineToken(t, map[string]any{"exp": time.Now().Unix() - 60}), "exp", false},
		"foreign, without a client_id": {foreign, machineToken(t, map[string]any{"client_id": nil}), "", true},
	} {
		row.v.ClientID = "abc"
		if row.v.Learn == nil {
			row.v.Keys = keySet(t)
		}
		base := auth.Session{Issuer: issuerName, ClientID: "abc", Typed: "abc (content/read)", Machine: true}
		s, err := row.v.Begin(t.Context(), base, auth.Tokens{Access: row.access, Received: time.Now()})
		switch {
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%s: %v, want %q", label, err, row.want)
		case row.want == "" && (err != nil || s.Access != row.access || s.Unverified == row.verified || s.Username != "abc"):
			t.Errorf("%s: %+v: %v", label, s, err)
		}
	}
}

// TestMachineRefused: one refusal serves all who come with the same secret within
// half a minute.
func TestMachineRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	clock := func() time.Time { return now }
	var calls atomic.Int32
	refuses := flowFunc(func(context.Context) (auth.Tokens, error) {
		calls.Add(1)
		return auth.Tokens{}, &auth.OAuthError{Op: "sign in", Code: "invalid_client", Status: 401}
	})
	w := newWorld("http://127.0.0.1:1", issuerName, "abc", "wrong", clock)
	dir := stored(t, t.TempDir(), auth.Session{})
	try := func(secret string) error {
		base := auth.Session{Issuer: issuerName, ClientID: "abc", Typed: "abc", Machine: true}
		mark, err := base.Mark(secret)
		if err != nil {
			t.Fatal(err)
		}
		r := auth.Renewer{Client: w.client, Base: base, SignIn: refuses, Mark: mark}
		_, err = dir.Update(t.Context(), "m", r.Renew)
		return err
	}
	var refused *auth.RefusedError
	var still *auth.StillRefusedError
	if err := try("wrong"); !errors.As(err, &refused) || refused.Code != "invalid_client" {
		t.Fatal(err)
	}
	now = now.Add(auth.MachineRefusalLasts - time.Second)
	if err := try("wrong"); !errors.As(err, &still) || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	if err := try("other"); errors.As(err, &still) || calls.Load() != 2 {
		t.Errorf("another secret: %v after %d calls", err, calls.Load())
	}
	now = now.Add(auth.MachineRefusalLasts)
	if err := try("other"); errors.As(err, &still) || calls.Load() != 3 {
		t.Errorf("later: %v after %d calls", err, calls.Load())
	}
}

type flowFunc func(context.Context) (auth.Tokens, error)

func (f flowFunc) Login(ctx context.Context) (auth.Tokens, error) { return f(ctx) }

// TestMachineKey: sets, not lists, and no user's name.
func TestMachineKey(t *testing.T) {
	t.Parallel()
	key := func(resources string, scopes ...string) string {
		return auth.MachineKey("i", "c", scopes, strings.Fields(resources))
	}
	if key("", "a", "b") != key("", "b", "a", "b") {
		t.Error("the order of scopes matters")
	}
	keys := []string{key(""), key("", "a"), key("", "a", "b"), key("a"), key("a", "b"), key("b", "a"), auth.SessionKey("i", "c", ""), auth.SessionKey("i", "c", "a")}
	slices.Sort(keys)
	if len(slices.Compact(keys)) != 8 {
		t.Error("two of them are one")
	}
}
