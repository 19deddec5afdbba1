package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// scriptControl asks the control listener of the script's sandbox; its answer
// becomes the standard output.
func scriptControl(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: control METHOD PATH [JSON]")
	}
	status, body, err := control(ts.Getenv("COGCTL_SANDBOX_CONTROL_URL"), ts.Getenv("COGCTL_SANDBOX_CONTROL_KEY"), args[0], args[1], strings.Join(args[2:], " "))
	ts.Check(err)
	if status != http.StatusOK {
		ts.Fatalf("%s: %d %s", strings.Join(args, " "), status, body)
	}
	_, _ = ts.Stdout().Write(body)
}

// control sends one request to a sandbox's control listener.
func control(base, key, method, path, body string) (int, []byte, error) {
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set(sandbox.KeyHeader, key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, bytes.TrimSpace(data), err
}
