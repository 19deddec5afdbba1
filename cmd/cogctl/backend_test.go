package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cogctl/cogctl/internal/sandbox"
	"github.com/cogctl/cogctl/internal/sigv4"
)

// scriptBackend starts a backend such as people put behind an API Gateway, which
// answers with the path and the request context that it was given. It has Lambda's
// Invoke, too, with the sandbox's example as the function named example, for the
// access key AKIDEXAMPLE000000000.
func scriptBackend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: backend")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", invokeExample)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"backend": r.Method + " " + r.URL.Path, "context": json.RawMessage(r.Header.Get("X-Amzn-Request-Context")),
		})
	})
	server := httptest.NewServer(mux)
	ts.Defer(server.Close)
	ts.Setenv("BACKEND", server.URL)
}

func invokeExample(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	known := sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE000000000", SecretAccessKey: "wJalrXUtnFEMI"}
	trace, err := sigv4.Verify(r, sigv4.PayloadHash(body), func(id string) (sigv4.Credentials, bool) { return known, id == known.AccessKeyID }, time.Now())
	switch {
	case err != nil || trace.Scope != sigv4.Scope{Region: "us-east-1", Service: "lambda"}:
		w.Header().Set("X-Amzn-Errortype", "InvalidSignatureException:http://internal.amazon.com/")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"message":"not signed as it must be for %s"}`, trace.Scope.Service)
		return
	case r.PathValue("name") != "example" && r.PathValue("name") != "arn:aws:lambda:us-east-1:123456789012:function:example":
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"Type":"User","Message":"Function not found"}`)
		return
	}
	answer, err := sandbox.Example(r.Context(), body)
	if err != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		answer, _ = json.Marshal(map[string]any{"errorMessage": err.Error(), "errorType": "Error", "trace": []string{"here"}})
	}
	w.Write(answer)
}
