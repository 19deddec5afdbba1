package transport

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// nextOf follows Location and nothing else.
func nextOf(r *http.Request, response *http.Response) (*http.Request, error) {
	location := response.Header.Get("Location")
	if location == "" {
		return nil, nil
	}
	u, err := r.URL.Parse(location)
	if err != nil {
		return nil, err
	}
	next := r.Clone(r.Context())
	next.URL, next.Host = u, u.Host
	return next, nil
}

// chain answers "/a>/b>…" with a redirect to the rest.
func chain(h *hits, away func() string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.count(r)
		if to := r.URL.Query().Get("to"); to != "" {
			first, rest, _ := strings.Cut(to, ">")
			w.Header().Set("Location", map[string]string{"home": "", "away": away()}[first]+"/x?to="+url.QueryEscape(rest))
			w.WriteHeader(http.StatusFound)
		}
		fmt.Fprint(w, r.Header.Get("Authorization"), "|", r.Header.Get("Cookie"), "|", r.Header.Get("X-Plain"))
	})
}

func TestFollow(t *testing.T) {
	t.Parallel()
	var here, there hits
	var home, foreign *httptest.Server
	home = httptest.NewServer(chain(&here, func() string { return foreign.URL }))
	defer home.Close()
	foreign = httptest.NewServer(chain(&there, func() string { return home.URL }))
	defer foreign.Close()
	var passed []int
	f := Follow{
		Base: Authorize{Base: home.Client().Transport, Origins: mustOrigins(t, home.URL), Authorizer: Bearer(fixedToken("tok"))},
		Bare: home.Client().Transport, Max: 3, Next: nextOf,
		Passed: func(r *http.Response) { passed = append(passed, r.StatusCode) },
	}
	for to, want := range map[string]string{
		"":               "Bearer tok|c=1|here", // the controls: credentials are seen where they belong
		"home":           "Bearer tok|c=1|here",
		"home>home":      "Bearer tok|c=1|here",
		"away":           "||here",
		"away>home":      "||here",
		"home>away":      "||here",
		"away>away":      "||here", // back at the first one
		"home>away>away": "||here",
	} {
		passed = nil
		r, _ := http.NewRequest("GET", home.URL+"/?to="+url.QueryEscape(to), nil)
		r.Header = http.Header{"Cookie": {"c=1"}, "X-Plain": {"here"}}
		response, err := f.RoundTrip(r)
		if err != nil {
			t.Fatalf("%q: %v", to, err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(body) != want {
			t.Errorf("%q ends with %q, want %q", to, body, want)
		}
		if hops := len(strings.FieldsFunc(to, func(r rune) bool { return r == '>' })); len(passed) != hops || response.Request.URL == r.URL && hops > 0 {
			t.Errorf("%q: passed %v, ended at %s", to, passed, response.Request.URL)
		}
		if r.Header.Get("Cookie") == "" {
			t.Errorf("%q: the caller's request was changed", to)
		}
	}
	for limit, fine := range map[int]bool{0: false, 2: false, 3: true, -1: true} {
		f.Max = limit
		r, _ := http.NewRequest("GET", home.URL+"/?to="+url.QueryEscape("home>home>home"), nil)
		response, err := f.RoundTrip(r)
		if _, ok := errors.AsType[*RedirectError](err); ok == fine || fine && err != nil || !fine && CurlCode(err) != CurlRedirects {
			t.Errorf("at most %d: %v", limit, err)
		}
		if response != nil {
			response.Body.Close()
		}
	}
	f.Next = func(*http.Request, *http.Response) (*http.Request, error) { return nil, errors.New("nowhere") }
	r, _ := http.NewRequest("GET", home.URL, nil)
	if _, err := f.RoundTrip(r); err == nil || err.Error() != "nowhere" {
		t.Errorf("an answer that leads nowhere: %v", err)
	}
}

func TestDropCredentials(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "X-Api-Key", "X-Amz-Date", "X-Amz-Security-Token",
		"X-Amz-Content-Sha256", "X-Auth-Token", "X-Csrf-Token", "X-Session-Id", "Dpop-Signature", "X-Client-Secret", "X-Cogctl-Key"} {
		h.Set(name, "v")
	}
	h["x-amz-lower"] = []string{"v"}
	for _, name := range []string{"Accept", "Content-Type", "User-Agent", "X-Request-Id", "Amz-Sdk-Request", "If-Match"} {
		h.Set(name, "v")
	}
	DropCredentials(h)
	var left []string
	for name := range h {
		left = append(left, name)
	}
	slices.Sort(left)
	if want := []string{"Accept", "Amz-Sdk-Request", "Content-Type", "If-Match", "User-Agent", "X-Request-Id"}; !slices.Equal(left, want) {
		t.Errorf("%v stay, want %v", left, want)
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"https://h/x", "https://h:443/y", true}, {"https://H/x", "https://h/y", true}, {"http://[::1]:80/", "http://[0:0::1]/", true},
		{"https://h/x", "http://h/x", false}, {"https://h/x", "https://h:444/x", false}, {"https://h/x", "https://h./x", false},
		{"https://h/x", "https://i/x", false}, {"https://h/x", "/x", false}, {"mailto:a", "mailto:a", false},
		{"http://h:80", "https://h:443", false}, {"http://h:443", "https://h", false},
	} {
		if got := SameOrigin(mustURL(t, tt.a), mustURL(t, tt.b)); got != tt.same {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
}
