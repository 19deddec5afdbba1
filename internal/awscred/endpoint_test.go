package awscred_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/awscred"
)

// TestEndpoint: only the program that holds the token gets credentials, and no page of
// a browser.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	given := awscred.Credentials{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "s", SessionToken: "t", AccountID: "123456789012",
		Expires: time.Date(2030, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))}
	asked := 0
	e := awscred.Endpoint{Host: "127.0.0.1:4000", Path: "/random", Token: "token", Tell: error.Error,
		Source: func(context.Context) (awscred.Credentials, error) { asked++; return given, nil }}
	ask := func(change func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:4000/random", nil)
		r.Header.Set("Authorization", "token")
		change(r)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w
	}
	w := ask(func(*http.Request) {})
	const want = `{"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-02T02:04:05Z","AccountId":"123456789012"}` + "\n"
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	asked = 0
	for name, row := range map[string]struct {
		status int
		change func(*http.Request)
	}{
		"another Host":         {421, func(r *http.Request) { r.Host = "evil.example:4000" }},
		"localhost":            {421, func(r *http.Request) { r.Host = "localhost:4000" }},
		"another port":         {421, func(r *http.Request) { r.Host = "127.0.0.1:4001" }},
		"an Origin":            {403, func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:4000") }},
		"an empty Origin":      {403, func(r *http.Request) { r.Header.Set("Origin", "") }},
		"Sec-Fetch-Site":       {403, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }},
		"Sec-Fetch-Mode":       {403, func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") }},
		"no token":             {403, func(r *http.Request) { r.Header.Del("Authorization") }},
		"another token":        {403, func(r *http.Request) { r.Header.Set("Authorization", "tokem") }},
		"a part of it":         {403, func(r *http.Request) { r.Header.Set("Authorization", "toke") }},
		"a bearer":             {403, func(r *http.Request) { r.Header.Set("Authorization", "Bearer token") }},
		"two tokens":           {403, func(r *http.Request) { r.Header.Add("Authorization", "token") }},
		"another path":         {404, func(r *http.Request) { r.URL.Path = "/" }},
		"a longer path":        {404, func(r *http.Request) { r.URL.Path = "/random/" }},
		"a query":              {404, func(r *http.Request) { r.URL.RawQuery = "x" }},
		"POST":                 {405, func(r *http.Request) { r.Method = http.MethodPost }},
		"HEAD":                 {405, func(r *http.Request) { r.Method = http.MethodHead }},
		"OPTIONS of a page":    {403, func(r *http.Request) { r.Method = http.MethodOptions; r.Header.Set("Origin", "https://evil.example") }},
		"a rebound name":       {421, func(r *http.Request) { r.Host = "rebound.example"; r.Header.Set("Sec-Fetch-Site", "same-origin") }},
		"the token in a query": {404, func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "Authorization=token" }},
	} {
		w := ask(row.change)
		var said struct{ Code, Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != row.status || said.Code == "" || said.Message == "" ||
			strings.Contains(w.Body.String(), "ASIA") || w.Header().Get("Access-Control-Allow-Origin") != "" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s %v", name, w.Code, w.Body, w.Header())
		}
	}
	if asked != 0 {
		t.Errorf("credentials were looked up %d times for requests that get none", asked)
	}
}

// TestEndpointFails: what went wrong is told as SDKs read it.
func TestEndpointFails(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		err    error
		status int
		code   string
	}{
		{errors.New("no"), 400, "NoCredentials"},
		{&awscred.ServiceError{Code: "NotAuthorizedException", Status: 400}, 400, "NotAuthorizedException"},
		{&awscred.ServiceError{Code: "InternalErrorException", Status: 500}, 503, "TemporarilyUnavailable"},
		{&awscred.NoAnswerError{Err: errors.New("no")}, 503, "TemporarilyUnavailable"},
		{nil, 400, "NoCredentials"}, // with credentials that are none
	} {
		e := awscred.Endpoint{Host: "example.com", Path: "/", Token: "t", Tell: func(error) string { return "told" },
			Source: func(context.Context) (awscred.Credentials, error) {
				return awscred.Credentials{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "a\nb"}, row.err
			}}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "t")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != row.status || w.Body.String() != `{"code":"`+row.code+`","message":"told"}`+"\n" {
			t.Errorf("%v: %d %s", row.err, w.Code, w.Body)
		}
	}
}
