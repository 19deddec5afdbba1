package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/auth"
)

// A refusal of the caller's AWS credentials names the permissions of the very
// operations; anything else is told as it is.
func TestPermitted(t *testing.T) {
	t.Parallel()
	denied := fmt.Errorf("x: %w", &auth.CallerError{Op: "describe user pool", Code: "AccessDeniedException", Message: "not you"})
	if err := permitted(denied); !strings.Contains(hintFor(err), "cognito-idp:DescribeUserPool,") || exitCode(err) != exitRefused {
		t.Errorf("hint %q, exit code %d", hintFor(err), exitCode(err))
	}
	expired := &auth.CallerError{Op: "describe user pool", Code: "ExpiredTokenException"}
	if err := permitted(expired); !errors.Is(err, expired) || !strings.Contains(hintFor(err), "aws sts get-caller-identity") || exitCode(err) != exitNeeded {
		t.Errorf("hint %q, exit code %d", hintFor(err), exitCode(err))
	}
}

// TestDiscoverSource: an issuer is what its document says it is, with the slash at
// its end or without, and redirects stay with it.
func TestDiscoverSource(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	document := func(path, issuer string) {
		mux.HandleFunc("GET "+path+wellKnown, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%s/keys","authorization_endpoint":"%s/authorize"}`, issuer, server.URL, server.URL)
		})
	}
	redirect := func(path, to string) {
		mux.Handle("GET "+path+wellKnown, http.RedirectHandler(to+wellKnown, http.StatusFound))
	}
	document("/plain", server.URL+"/plain")
	document("/slash", server.URL+"/slash/")
	document("/liar", "https://login.example.com")
	document("/two", server.URL+"/moved")
	redirect("/one", "/two")
	redirect("/moved", "/one")
	redirect("/far", "/moved")
	redirect("/away", elsewhere.URL)
	a := newApp()
	for path, want := range map[string]string{
		"/plain": "/plain", "/plain" + wellKnown: "/plain", "/slash": "/slash/", "/slash/": "/slash/", "/slash" + wellKnown: "/slash/", "/moved": "/moved",
	} {
		found, err := a.discoverSource(t.Context(), server.URL+path)
		if err != nil || len(found.Fields["issuer"]) != 1 || found.Fields["issuer"][0].Values[0] != server.URL+want {
			t.Errorf("%s: %v, %v", path, err, found.Fields)
		}
	}
	for path, want := range map[string]string{
		"/liar": "login.example.com", "/away": "another origin", "/far": "more than 2 times", "/none": "404",
	} {
		if found, err := a.discoverSource(t.Context(), server.URL+path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q (%v)", path, err, want, found.Fields)
		}
	}
}
