package main

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox"
)

// words says whether text has a name as a word of its own.
func words(text string) map[string]bool {
	found := map[string]bool{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '/')
	}) {
		found[word] = true
	}
	return found
}

// TestSandboxControlTopic: the help names every setting that the control listener has.
func TestSandboxControlTopic(t *testing.T) {
	t.Parallel()
	box, err := sandbox.New(sandbox.Options{Seed: sandbox.DefaultSeed(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	at, told := box.Endpoints(), words(sandboxControlTopic)
	ask := func(method, path, body string) map[string]any {
		r, err := http.NewRequestWithContext(t.Context(), method, at.Control+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(sandbox.KeyHeader, at.ControlKey)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var names map[string]any
		if err := json.NewDecoder(res.Body).Decode(&names); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d, %v", method, path, res.StatusCode, err)
		}
		return names
	}
	given := map[string]bool{"username": true, "sub": true, "id": true, "hits": true}
	for _, names := range []map[string]any{
		ask("GET", "/pools/"+sandbox.DefaultPoolID, ""), ask("GET", "/clients/"+sandbox.PublicClientID, ""), ask("GET", "/users/ann", ""),
		ask("POST", "/faults", `{"kind": "status", "status": 500, "skip": 1, "count": 1, "percent": 1, "seed": 1}`),
		ask("POST", "/faults", `{"kind": "delay", "delay": "1s"}`),
	} {
		if len(names) < 5 {
			t.Errorf("only %d settings: %v", len(names), names)
		}
		for name := range names {
			if !told[name] && !given[name] {
				t.Errorf("cogctl help sandbox-control does not name %s", name)
			}
		}
	}
}

// TestSandboxFileTopic: the help names every key that a file can have of a pool.
func TestSandboxFileTopic(t *testing.T) {
	t.Parallel()
	told := words(sandboxFileTopic)
	for _, kind := range []reflect.Type{
		reflect.TypeFor[sandbox.Pool](), reflect.TypeFor[sandbox.Client](), reflect.TypeFor[sandbox.User](),
		reflect.TypeFor[sandbox.Pool]().Field(0).Type, reflect.TypeFor[sandbox.Route](), reflect.TypeFor[sandbox.UsagePlan](), reflect.TypeFor[sandbox.Group](),
	} {
		fields := reflect.VisibleFields(kind)
		for _, f := range fields {
			name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
			if name != "" && name != "-" && !told[name] {
				t.Errorf("cogctl help sandbox-file does not name %s of %s", name, kind)
			}
		}
	}
}
