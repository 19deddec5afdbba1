package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// roundTrip is a RoundTripper made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAuthorizeChecksBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, url, host string
		ok              bool
	}{
		{"the right origin", "https://api.example.com/x", "", true},
		{"the same host by Host", "https://api.example.com/x", "API.example.com:443", true},
		{"another origin", "https://evil.example/x", "", false},
		{"plain http", "http://api.example.com/x", "", false},
		{"user information", "https://u:p@api.example.com/x", "", false},
		{"a foreign Host behind the same front end", "https://api.example.com/x", "evil.example", false},
		{"a Host that is none", "https://api.example.com/x", "api.example.com/@evil", false},
		{"a Host with user information", "https://api.example.com/x", "u@api.example.com", false},
		{"any Host on loopback", "http://127.0.0.1:9400/x", "abc.execute-api.us-east-1.amazonaws.com", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sent, asked int
			a := Authorize{
				Origins: mustOrigins(t, "https://api.example.com/v1", "http://127.0.0.1:9400"),
				Base: roundTrip(func(r *http.Request) (*http.Response, error) {
					sent++
					if got := r.Header.Get("Authorization"); got != "Bearer tok" {
						t.Errorf("Authorization %q", got)
					}
					return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
				}),
				Authorizer: Bearer(func(context.Context) (string, error) { asked++; return "tok", nil }),
			}
			body := &closeCounter{Reader: strings.NewReader("data")}
			r, err := http.NewRequest("POST", tt.url, body)
			if err != nil {
				t.Fatal(err)
			}
			if tt.host != "" {
				r.Host = tt.host
			}
			_, err = a.RoundTrip(r)
			_, refused := errors.AsType[*OriginError](err)
			if tt.ok && (err != nil || sent != 1 || asked != 1) {
				t.Errorf("err %v, sent %d, asked %d", err, sent, asked)
			}
			if !tt.ok && (!refused || sent != 0 || asked != 0 || body.n.Load() != 1) {
				t.Errorf("err %v, sent %d, asked %d, body closed %d times", err, sent, asked, body.n.Load())
			}
			if r.Header.Get("Authorization") != "" {
				t.Error("the caller's request was changed")
			}
		})
	}
}

// The first bytes must reach the server while the rest of the body does not
// exist yet.
func TestAuthorizeStreams(t *testing.T) {
	t.Parallel()
	first := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 5)
		_, _ = io.ReadFull(r.Body, buf)
		close(first)
		rest, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Header.Get("Authorization")+" "+string(buf)+string(rest))
	}))
	defer srv.Close()
	pr, pw := io.Pipe()
	go func() {
		_, _ = io.WriteString(pw, "first")
		<-first
		_, _ = io.WriteString(pw, " rest")
		_ = pw.Close()
	}()
	client := &http.Client{Transport: Authorize{
		Base: srv.Client().Transport, Origins: mustOrigins(t, srv.URL), Authorizer: Bearer(fixedToken("tok")),
	}}
	resp, err := client.Post(srv.URL, "text/plain", pr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, _ := io.ReadAll(resp.Body); string(got) != "Bearer tok first rest" {
		t.Errorf("got %q", got)
	}
}

func TestAuthorizeErrors(t *testing.T) {
	t.Parallel()
	stop := errors.New("sign in first")
	ok := func(context.Context, *http.Request, string) (Trace, error) { return Trace{}, nil }
	tests := map[string]Authorize{
		"authorizer": {Authorizer: func(context.Context, *http.Request, string) (Trace, error) { return Trace{}, stop }},
		"hash":       {Authorizer: ok, PayloadHash: func(*http.Request) (string, error) { return "", stop }},
	}
	for name, a := range tests {
		var sent atomic.Int32
		a.Origins = mustOrigins(t, "https://api.example.com")
		a.Base = roundTrip(func(*http.Request) (*http.Response, error) { sent.Add(1); return nil, nil })
		body := &closeCounter{Reader: strings.NewReader("x")}
		r, _ := http.NewRequest("POST", "https://api.example.com", body)
		if _, err := a.RoundTrip(r); !errors.Is(err, stop) || sent.Load() != 0 || body.n.Load() != 1 {
			t.Errorf("%s: %v, sent %d, closed %d", name, err, sent.Load(), body.n.Load())
		}
	}
}

func TestAuthorizeHandsOverHashAndTrace(t *testing.T) {
	t.Parallel()
	var gotHash string
	var gotTrace Trace
	a := Authorize{
		Origins:     mustOrigins(t, "https://api.example.com"),
		PayloadHash: func(*http.Request) (string, error) { return "abc", nil },
		Authorizer: func(_ context.Context, _ *http.Request, hash string) (Trace, error) {
			gotHash = hash
			return Trace{Scheme: "X"}, nil
		},
		Traced: func(tr Trace) { gotTrace = tr },
		Base:   roundTrip(func(*http.Request) (*http.Response, error) { return &http.Response{}, nil }),
	}
	if _, err := a.RoundTrip(&http.Request{URL: mustURL(t, "https://api.example.com/")}); err != nil {
		t.Fatal(err)
	}
	if gotHash != "abc" || gotTrace.Scheme != "X" {
		t.Errorf("hash %q, trace %+v", gotHash, gotTrace)
	}
	a.Authorizer = nil // attaches nothing, goes anywhere
	if _, err := a.RoundTrip(&http.Request{URL: mustURL(t, "https://elsewhere.example/")}); err != nil {
		t.Error(err)
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for token, ok := range map[string]bool{
		"eyJ.abc-_.~+/==": true, "opaque": true,
		"": false, "=": false, "two words": false, "line\nX-Evil: 1": false, "line\r": false, "a=b": false, "é": false, `"q"`: false,
	} {
		r := &http.Request{Header: http.Header{}}
		trace, err := Bearer(fixedToken(token))(t.Context(), r, "")
		if (err == nil) != ok {
			t.Errorf("%q: %v", token, err)
		}
		if ok && (r.Header.Get("Authorization") != "Bearer "+token || trace.Scheme != "Bearer") {
			t.Errorf("%q: %v, %+v", token, r.Header, trace)
		}
		if err != nil && token != "" && token != "=" && strings.Contains(err.Error(), token) {
			t.Errorf("the error shows the token: %v", err)
		}
	}
	r := &http.Request{Header: http.Header{"Authorization": {"mine"}}}
	asked := false
	_, err := Bearer(func(context.Context) (string, error) { asked = true; return "tok", nil })(t.Context(), r, "")
	if err != nil || asked || r.Header.Get("Authorization") != "mine" {
		t.Errorf("the caller's header: %v, asked %v, %v", r.Header, asked, err)
	}
}
