package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

func pool(id string) store.Pool { return store.Pool{ID: id} }

// TestRoutes asks each route with each token.
func TestRoutes(t *testing.T) {
	t.Parallel()
	s, log := run(t, DefaultSeed())
	ann := signIn(t, s, Client{ID: PublicClientID}, User{Username: "ann", Password: DefaultPassword}).AuthenticationResult
	bob := signIn(t, s, Client{ID: PublicClientID}, User{Username: "bob", Password: DefaultPassword}).AuthenticationResult
	tests := []struct {
		name, method, path, token string
		status                    int
		body                      string // "" = the echo
	}{
		{"open", "GET", "/open", "", 200, ""},
		{"open, any method", "DELETE", "/open", "", 200, ""},
		{"REST with ID token", "GET", "/myendpoint", *bob.IdToken, 200, ""},
		{"REST with ID token, POST", "POST", "/myendpoint", "Bearer " + *bob.IdToken, 200, ""},
		{"REST with access token", "GET", "/myendpoint", *bob.AccessToken, 401, `{"message":"Unauthorized"}`},
		{"REST without", "GET", "/myendpoint", "", 401, `{"message":"Unauthorized"}`},
		{"REST, method not there", "PUT", "/myendpoint", "", 403, `{"message":"Missing Authentication Token"}`},
		{"HTTP with access token", "GET", "/profile", *bob.AccessToken, 200, ""},
		{"HTTP with ID token", "GET", "/profile", "Bearer " + *bob.IdToken, 200, ""},
		{"HTTP without", "GET", "/profile", "", 401, `{"message":"Unauthorized"}`},
		{"HTTP with refresh token", "GET", "/profile", *bob.RefreshToken, 401, `{"message":"Unauthorized"}`},
		{"admin in the group", "GET", "/admin", *ann.IdToken, 200, ""},
		{"admin, another", "GET", "/admin", *bob.IdToken, 403, `{"message":"only members of the group admin may do this"}`},
		{"admin without", "GET", "/admin", "", 401, `{"message":"Unauthorized"}`},
		{"nowhere", "GET", "/none", "", 403, `{"message":"Missing Authentication Token"}`},
	}
	for _, tt := range tests {
		header := map[string]string{}
		if tt.token != "" {
			header["Authorization"] = tt.token
		}
		res, body := get(t, tt.method, s.Endpoints().API+tt.path, header)
		if res.StatusCode != tt.status || tt.body != "" && strings.TrimSpace(body) != tt.body {
			t.Errorf("%s: %d %s, want %d %s", tt.name, res.StatusCode, body, tt.status, tt.body)
		}
		if tt.token != "" && strings.Contains(body, strings.TrimPrefix(tt.token, "Bearer ")) {
			t.Errorf("%s: the answer has the token in it", tt.name)
		}
		if tt.body == "" && !strings.Contains(body, `"path": "`+tt.path+`"`) {
			t.Errorf("%s: no echo: %s", tt.name, body)
		}
		if res.Header.Get("Date") != "Thu, 05 Nov 2026 15:04:05 GMT" {
			t.Errorf("%s: Date %q", tt.name, res.Header.Get("Date"))
		}
	}
	want := Event{Listener: "api", Method: "GET", Path: "/myendpoint", Status: 401, Error: "UnauthorizedException"}
	found := false
	for _, e := range log.all() {
		found = found || e == want
	}
	if !found {
		t.Errorf("no event %+v", want)
	}
}

// TestEcho sends credentials in every place a person might put them.
func TestEcho(t *testing.T) {
	t.Parallel()
	const token = "eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl"
	r := httptest.NewRequest("POST", "/a%20b/"+token+"?x=1&x=2&token="+token+"&"+token+"=y", strings.NewReader("<b>é</b> "+token))
	for name, value := range map[string]string{
		"Authorization": "Bearer " + token, "Proxy-Authorization": "Basic YTpi", "Cookie": "session=1234",
		"X-Api-Key": "0123456789", "X-Amz-Security-Token": "secret", "X-Token": token, "Accept": "text/html",
	} {
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	echo(rec, r)
	var got echoed
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := echoed{
		Method: "POST", Path: "/a b/<redacted>", Body: "<b>é</b> <redacted>",
		Query: map[string][]string{"x": {"1", "2"}, "token": {"<redacted>"}, "<redacted>": {"y"}},
		Headers: map[string]string{
			"Authorization": "Bearer <redacted>", "Proxy-Authorization": "<redacted>", "Cookie": "<redacted>", "X-Api-Key": "<redacted>",
			"X-Amz-Security-Token": "<redacted>", "X-Token": "<redacted>", "Accept": "text/html", "Host": "example.com",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("echo (-want +got):\n%s", diff)
	}
	if !strings.Contains(rec.Body.String(), `"authorizer": null`) || !strings.Contains(rec.Body.String(), "<b>") {
		t.Errorf("the form of the answer: %s", rec.Body)
	}

	for header, shown := range map[string]string{
		token: "<redacted>", "bearer " + token: "bearer <redacted>", "AWS4-HMAC-SHA256 Credential=x": "<redacted>", "": "<redacted>",
	} {
		if got := showHeader("Authorization", header); got != shown {
			t.Errorf("Authorization %q is shown as %q, want %q", header, got, shown)
		}
	}
	rec = httptest.NewRecorder()
	echo(rec, httptest.NewRequest("PUT", "/", bytes.NewReader([]byte{0xff, 0x00})))
	if body := rec.Body.String(); !strings.Contains(body, `"body": "/wA="`) || !strings.Contains(body, `"bodyEncoding": "base64"`) {
		t.Errorf("a body that is no text: %s", body)
	}
}

// TestEchoAuthorizer: what the backend is told about the caller.
func TestEchoAuthorizer(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	ann := signIn(t, s, Client{ID: PublicClientID}, User{Username: "ann", Password: DefaultPassword}).AuthenticationResult
	claim := func(path, token string, keys ...string) any {
		_, body := get(t, "GET", s.Endpoints().API+path, map[string]string{"Authorization": token})
		var answer any
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, key := range append([]string{"authorizer"}, keys...) {
			m, _ := answer.(map[string]any)
			answer = m[key]
		}
		return answer
	}
	if got := claim("/myendpoint", *ann.IdToken, "claims", "cognito:groups"); got != "admin,readers" {
		t.Errorf("REST: groups %v", got)
	}
	if got := claim("/profile", *ann.AccessToken, "jwt", "claims", "cognito:groups"); got != "[admin readers]" {
		t.Errorf("HTTP: groups %v", got)
	}
}

// TestObserve: a broken handler answers, or aborts when part of it is out.
func TestObserve(t *testing.T) {
	t.Parallel()
	log := &events{}
	s, err := New(Options{Seed: Seed{Pools: []Pool{{Pool: pool("us-east-1_x")}}}, Now: func() time.Time { return start }, Log: log.log})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.observe("api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
		}
		panic("secret")
	})))
	defer server.Close()
	res, body := get(t, "GET", server.URL+"/early?token=secret", nil)
	if res.StatusCode != 500 || strings.TrimSpace(body) != `{"message":"Internal server error"}` {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	late, err := http.Get(server.URL + "/late")
	if err == nil {
		defer late.Body.Close()
		_, err = io.ReadAll(late.Body)
	}
	if err == nil {
		t.Error("half an answer looks whole")
	}
	want := []Event{{Listener: "api", Method: "GET", Path: "/early", Status: 500}, {Listener: "api", Method: "GET", Path: "/late", Status: 200}}
	if diff := cmp.Diff(want, log.all()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
