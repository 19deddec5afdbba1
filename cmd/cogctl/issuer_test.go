package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cogctl/cogctl/internal/jwt"
)

// The app client that the script's issuers know. Its secret changes when it is
// form-encoded.
const (
	machineClient = "machine-1"
	machineSecret = "s3cr+t/of=machine 1"
)

// scriptIssuer starts an authorization server and sets ISSUER to its URL, MACHINE
// and MACHINE_SECRET to the app client it knows. Issuers are at ISSUER/basic and
// ISSUER/post, by the way a client proves itself, and at ISSUER/opaque, whose
// access tokens nobody can read; at ISSUER/dead nobody listens for tokens. ISSUER itself is a user pool's domain and its
// issuer. Requests for tokens and revocations go into the file issuer.log. Behind
// /content is an API that wants content/read of a GET and content/write of a POST.
func scriptIssuer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: issuer")
	}
	signer, err := jwt.NewSigner(nil)
	ts.Check(err)
	i := &testIssuer{signer: signer, log: ts.MkAbs("issuer.log"), refresh: map[string]int{"r-0": 0, "r-post": 0}}
	ts.Check(os.WriteFile(i.log, nil, 0o600))
	server := httptest.NewUnstartedServer(i)
	i.url = "http://" + server.Listener.Addr().String()
	server.Start()
	ts.Defer(server.Close)
	ts.Setenv("ISSUER", server.URL)
	ts.Setenv("MACHINE", machineClient)
	ts.Setenv("MACHINE_SECRET", machineSecret)
	w := watched(ts)
	w.known = append(w.known, canary{aClientSecret, machineSecret})
}

type testIssuer struct {
	url, log string
	signer   *jwt.Signer

	mu      sync.Mutex
	refresh map[string]int // the good refresh tokens
	next    int
}

func (i *testIssuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mode, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !slices.Contains([]string{"basic", "post", "opaque", "dead", "oauth2"}, mode) {
		mode, path = "", strings.TrimPrefix(r.URL.Path, "/")
	}
	switch path {
	case ".well-known/openid-configuration":
		writeAnswer(w, 200, i.document(mode))
	case ".well-known/jwks.json":
		set, _ := jwt.MarshalKeys(i.signer.Public())
		_, _ = w.Write(set)
	case "token":
		status, answer := i.grant(mode, r)
		writeAnswer(w, status, answer)
	case "revoke":
		_ = r.ParseForm()
		i.note("revoke %s", r.PostForm.Get("token_type_hint"))
	case "content":
		i.content(w, r)
	default:
		http.NotFound(w, r)
	}
}

func writeAnswer(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func (i *testIssuer) document(mode string) map[string]any {
	at := i.url + "/" + mode
	method := "client_secret_basic"
	if mode == "post" {
		method = "client_secret_post"
	}
	tokens := at + "/token"
	if mode == "dead" {
		tokens = "http://127.0.0.1:1/token"
	}
	return map[string]any{
		"issuer": at, "jwks_uri": at + "/.well-known/jwks.json",
		"authorization_endpoint": at + "/authorize", "token_endpoint": tokens, "revocation_endpoint": at + "/revoke",
		"end_session_endpoint": at + "/end?x=1", "token_endpoint_auth_methods_supported": []string{method},
	}
}

// note writes a line into the log.
func (i *testIssuer) note(format string, args ...any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	file, err := os.OpenFile(i.log, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer file.Close()
	fmt.Fprintf(file, format+"\n", args...)
}

// oauthFault is an error answer of RFC 6749, section 5.2.
func oauthFault(code, description string) (int, map[string]any) {
	status := 400
	if code == "invalid_client" {
		status = 401
	}
	answer := map[string]any{"error": code}
	if description != "" {
		answer["error_description"] = description
	}
	return status, answer
}

// grant answers a request for tokens.
func (i *testIssuer) grant(mode string, r *http.Request) (int, map[string]any) {
	_ = r.ParseForm()
	form := r.PostForm
	id, secret, method := form.Get("client_id"), form.Get("client_secret"), "post"
	if user, password, basic := r.BasicAuth(); basic {
		if form.Has("client_id") || form.Has("client_secret") {
			return oauthFault("invalid_request", "two ways of client authentication")
		}
		method = "basic"
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(password)
	}
	i.note("%s by %s scope=%q resource=%q", form.Get("grant_type"), method, form.Get("scope"), strings.Join(form["resource"], ","))
	switch {
	case (mode == "post") != (method == "post"):
		return oauthFault("invalid_client", "the wrong way of client authentication")
	case id != machineClient || secret != machineSecret:
		return oauthFault("invalid_client", "\x1b]0;owned\x07 no")
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		return i.machine(mode, form)
	case "refresh_token":
		return i.rotate(mode, form)
	}
	return oauthFault("unsupported_grant_type", "")
}

func (i *testIssuer) machine(mode string, form url.Values) (int, map[string]any) {
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 {
		scopes = []string{"content/read", "content/write"}
	}
	for _, scope := range scopes {
		switch scope {
		case "content/read", "content/write", "content/liar":
		case "content/extra": // silently left out
			scopes = slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == scope })
		case "not/allowed":
			return oauthFault("unauthorized_client", "")
		case "none/left":
			return oauthFault("invalid_grant", "")
		default:
			return oauthFault("invalid_scope", "")
		}
	}
	return 200, map[string]any{
		"access_token": i.access(mode, scopes), "token_type": "bearer", "expires_in": 3600, "scope": strings.Join(scopes, " "),
	}
}

func (i *testIssuer) access(mode string, scopes []string) string {
	if mode == "opaque" {
		return "opaque-" + fmt.Sprint(time.Now().UnixNano())
	}
	now := time.Now().Unix()
	claims := map[string]any{
		"sub": machineClient, "client_id": machineClient, "scope": strings.Join(scopes, " "), "iss": i.url + "/" + mode,
		"iat": now, "exp": now + 3600, "jti": fmt.Sprint(time.Now().UnixNano()), "version": 2,
	}
	if mode == "oauth2" {
		claims["token_use"], claims["iss"] = "access", i.url
		if slices.Contains(scopes, "content/liar") {
			claims["iss"] = "https://liar.example"
		}
	} else {
		claims["aud"] = "https://api.example.com"
	}
	token, _ := i.signer.Sign(claims)
	return token
}

// rotate takes a refresh token once and gives the next.
func (i *testIssuer) rotate(mode string, form url.Values) (int, map[string]any) {
	i.mu.Lock()
	_, good := i.refresh[form.Get("refresh_token")]
	delete(i.refresh, form.Get("refresh_token"))
	i.next++
	token := fmt.Sprintf("r-%d", i.next)
	i.refresh[token] = i.next
	i.mu.Unlock()
	if !good {
		return oauthFault("invalid_grant", "grant request is invalid")
	}
	now := time.Now().Unix()
	id, _ := i.signer.Sign(map[string]any{
		"iss": i.url + "/" + mode, "sub": "248289761001", "aud": machineClient, "azp": machineClient, "email": "jane@example.com",
		"iat": now, "exp": now + 3600,
	})
	return 200, map[string]any{
		"id_token": id, "access_token": "at-" + token, "refresh_token": token, "token_type": "Bearer", "expires_in": "3600",
	}
}

// content is the API.
func (i *testIssuer) content(w http.ResponseWriter, r *http.Request) {
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token, err := jwt.Parse(raw)
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	want := map[string]string{"GET": "content/read", "POST": "content/write"}[r.Method]
	if !slices.Contains(strings.Fields(token.Claims.String("scope")), want) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	writeAnswer(w, 200, map[string]string{"did": want})
}
