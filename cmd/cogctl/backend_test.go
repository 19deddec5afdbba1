package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptBackend starts a backend such as people put behind an API Gateway. It
// answers with the path and the request context that it was given.
func scriptBackend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: backend")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"backend": r.Method + " " + r.URL.Path, "context": json.RawMessage(r.Header.Get("X-Amzn-Request-Context")),
		})
	}))
	ts.Defer(server.Close)
	ts.Setenv("BACKEND", server.URL)
}
