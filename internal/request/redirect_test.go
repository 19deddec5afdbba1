package request

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestRedirectedAgainstCurl sends curl -L and our request down the same redirect and
// compares what arrives at its end.
func TestRedirectedAgainstCurl(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl on PATH to compare with")
	}
	type arrival struct{ method, uri, body string }
	arrived := make(chan arrival, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if status, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/go/")); err == nil {
			w.Header().Set("Location", r.URL.Query().Get("to"))
			w.WriteHeader(status)
			return
		}
		arrived <- arrival{r.Method, r.RequestURI, string(body)}
	}))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, words := range []string{"", "-d a", "-X POST -d a", "-X POST", "-X PUT -d a", "-X DELETE"} {
		for _, status := range []string{"300", "301", "302", "303", "307", "308"} {
			for _, to := range []string{"/end?a=1", "end", "//" + strings.TrimPrefix(server.URL, "http://") + "/x%2Fy", "/a b"} {
				target := server.URL + "/go/" + status + "?to=" + strings.NewReplacer(" ", "%20", "?", "%3F", "%", "%25").Replace(to)
				args := append([]string{"-q", "-sS", "-L"}, strings.Fields(words)...)
				cmd := exec.Command(curl, append(args, target)...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %v %s", cmd.Args, err, out)
				}
				theirs := <-arrived
				s := specOf(t, strings.Fields(words))
				s.Custom, s.Target = s.Method != "", target
				r, err := s.Build(t.Context(), "", nil)
				for err == nil && r != nil {
					var response *http.Response
					if response, err = client.Transport.RoundTrip(r); err != nil {
						break
					}
					response.Body.Close()
					r, err = s.Redirected(r, response)
				}
				if err != nil {
					t.Fatalf("%s %s %s: %v", words, status, to, err)
				}
				if ours := <-arrived; ours != theirs {
					t.Errorf("%s %s to %s: %+v, curl %+v", words, status, to, ours, theirs)
				}
			}
		}
	}
}

type redirectCase struct {
	name     string
	spec     Spec
	status   int
	location string
	want     string // method, URL, Host and length of the body; "" for none
	fails    string
}

func redirectCases() []redirectCase {
	upload := Spec{Target: "https://a.example/x", Upload: "-"}
	return []redirectCase{
		{"an operand is no -X", Spec{Method: "POST", Data: []Data{{Form, "b"}}}, 302, "/y", "GET https://a.example/y a.example 0", ""},
		{"PUT stays", Spec{Method: "PUT", Data: []Data{{Form, "b"}}}, 302, "/y", "PUT https://a.example/y a.example 1", ""},
		{"but not after 303", Spec{Method: "PUT", Data: []Data{{Form, "b"}}}, 303, "/y", "GET https://a.example/y a.example 0", ""},
		{"HEAD stays", Spec{Method: "HEAD"}, 303, "/y", "HEAD https://a.example/y a.example 0", ""},
		{"307", Spec{Method: "POST", Data: []Data{{Form, "b"}}}, 307, "/y", "POST https://a.example/y a.example 1", ""},
		{"another host", Spec{Headers: []string{"Host: virtual.example"}}, 302, "https://b.example:8443/", "GET https://b.example:8443/ b.example:8443 0", ""},
		{"another scheme", Spec{Headers: []string{"Host: virtual.example"}}, 302, "http://a.example/", "GET http://a.example/ a.example 0", ""},
		{"the same host", Spec{Headers: []string{"Host: virtual.example"}}, 302, "/y", "GET https://a.example/y virtual.example 0", ""},
		{"no Location", Spec{}, 302, "", "", ""},
		{"not modified", Spec{}, 304, "/y", "", ""},
		{"no redirect", Spec{}, 201, "/y", "", ""},
		{"-T FILE has PUT", Spec{Upload: "f"}, 301, "/y", "PUT https://a.example/y a.example 3", ""},
		{"a pipe after 303", upload, 303, "/y", "GET https://a.example/y a.example 0", ""},
		{"a pipe after 307", upload, 307, "/y", "", "cannot be sent again"},
		{"a user", Spec{}, 302, "https://u:secret-word@b.example/", "", "user name"},
		{"a user by reference", Spec{}, 302, "//u:secret-word@b.example/", "", "user name"},
		{"another protocol", Spec{}, 302, "file:///etc/passwd", "", "not an http"},
		{"another protocol", Spec{}, 302, "javascript:alert(1)", "", "not an http"},
		{"nowhere", Spec{}, 302, "http:///x", "", "no host"},
		{"a dot that is escaped", Spec{}, 302, "/a/%2e%2e/b", "", "segment"},
		{"a line", Spec{}, 302, "/a\x01b", "", "no URL"},
	}
}

func TestRedirected(t *testing.T) {
	t.Parallel()
	for _, tt := range redirectCases() {
		if tt.spec.Target == "" {
			tt.spec.Target = "https://a.example/x"
		}
		r, err := tt.spec.Build(t.Context(), "", files(map[string]string{"f": "abc", "-": "abc"}))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		next, err := tt.spec.Redirected(r, &http.Response{StatusCode: tt.status, Header: http.Header{"Location": {tt.location}}})
		switch {
		case tt.fails != "":
			if err == nil || !strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), "secret-word") {
				t.Errorf("%s: %v", tt.name, err)
			}
			_, usage := errors.AsType[*UsageError](err)
			if usage {
				t.Errorf("%s: an answer of a server is no mistake in the command line", tt.name)
			}
			continue
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case next != nil:
			body := ""
			if next.Body != nil {
				data, _ := io.ReadAll(next.Body)
				body = string(data)
			}
			got = next.Method + " " + next.URL.String() + " " + next.Host + " " + string(rune('0'+len(body)))
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
