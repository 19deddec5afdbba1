package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/transport"
)

// TestFollowing: -L and what goes with it, by what a user sees of them.
func TestFollowing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := 0
		if _, err := fmt.Sscanf(r.URL.Path, "/%d/", &code); err == nil {
			if code >= 300 {
				w.Header().Set("Location", r.URL.Path[len("/302"):])
			}
			if code == 399 {
				w.Header().Set("Location", "ftp://h/x")
			}
			w.WriteHeader(code) // without a look at the body
		}
		fmt.Fprint(w, "the end")
	}))
	defer server.Close()
	for _, tt := range []struct {
		args string
		code int
		want string // of standard output and error together
	}{
		{"/302/x", exitOK, "the end"},
		{"/302/x -L -i", exitOK, "HTTP/1.1 302 Found\r\n*Location: /x\r\n*\r\nHTTP/1.1 200 OK\r\n*the end"},
		{"/302/302/x -L --max-redirs 2", exitOK, "the end"},
		{"/302/302/x -L --max-redirs 1", transport.CurlRedirects, "more than 1 redirects"},
		{"/302/302/x -L --max-redirs -1", exitOK, "the end"},
		{"/302/x -L --max-redirs 0", transport.CurlRedirects, "more than 0 redirects"},
		{"/302/404/ -L", exitHTTP, "the end*GET http*/404/, sent without a token: HTTP 404"},
		{"/302/404/ -L -f", exitHTTP, "HTTP 404"},
		{"/399/x -L", exitFailed, "HTTP 399 leads to no URL to follow*not an http"},
		{"/307/x -L -T -", transport.CurlRewind, "cannot be sent again*--data-binary @-"},
		{"/303/x -L -T -", exitOK, "the end"},
		{"/401/ -T -", exitHTTP, "HTTP 401"},
	} {
		a := newApp()
		a.getenv = func(name string) string {
			return map[string]string{"COGCTL_CONFIG_DIR": t.TempDir(), "COGCTL_API_URL": server.URL, "COGCTL_CACHE_DIR": t.TempDir()}[name]
		}
		all, endless := tempFile(t), endlessInput(t)
		a.stdin, a.stdout, a.stderr, a.terminal.stderr = endless, all, all, all
		code := a.exit(execute(t.Context(), a, append([]string{"call", "--auth", "none"}, strings.Fields(tt.args)...)))
		endless.Close()
		got := readBack(t, all)
		rest, fine := got, code == tt.code
		for part := range strings.SplitSeq(tt.want, "*") {
			_, after, found := strings.Cut(rest, part)
			rest, fine = after, fine && found
		}
		if !fine {
			t.Errorf("%s: exit code %d, %q; want %d, %q", tt.args, code, got, tt.code, tt.want)
		}
	}
}

// endlessInput is a pipe that has something until somebody closes it.
func endlessInput(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer w.Close()
		for line := []byte("and so on\n"); ; {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	}()
	return r
}
