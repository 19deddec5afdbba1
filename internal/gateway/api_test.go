package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestBackendSees: the backend learns what the authorizer found, the ids, and
// the path parameters, and its answer carries the same id.
func TestBackendSees(t *testing.T) {
	t.Parallel()
	var decided []string
	a := &API{
		Decided: func(_ *http.Request, route Route, d Decision) {
			decided = append(decided, fmt.Sprint(route.Name, " ", d.Allow))
		},
		Routes: []Route{
			{Name: "groups", Path: "/{a}/{rest+}", Authorizer: CognitoAuthorizer{Keys: poolKeys(t), Issuers: []string{issuer}, Now: clockAt},
				Backend: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					c := AuthorizerContext(r)["claims"].(map[string]string)
					fmt.Fprint(w, c["cognito:groups"], " ", callOf(r).route.Name, " ", r.PathValue("a"), " ", r.PathValue("rest"), " ", callOf(r).id)
				})},
			{Name: "open", Path: "/open", Kind: HTTP, Backend: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, AuthorizerContext(r) == nil, " ", callOf(r).id)
			})},
		},
	}
	id := sign(t, poolKey(), idClaims())
	for _, tt := range []struct{ path, auth, header, want string }{
		{"/x%2Fy/1/2%20", id, "x-amzn-RequestId", "admin,readers groups x/y 1/2  "},
		{"/x/1", "", "x-amzn-RequestId", unauthorizedBody},
		{"/open", "", "apigw-requestid", "true "},
	} {
		srv := serve(t, a)
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.auth != "" {
			req.Header.Set("Authorization", tt.auth)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		want := tt.want
		if resp.StatusCode == 200 {
			want += resp.Header.Get(tt.header)
		}
		if string(body) != want || resp.Header.Get(tt.header) == "" {
			t.Errorf("%s: %q, want %q", tt.path, body, want)
		}
	}
	if diff := cmp.Diff([]string{"groups true", "groups false"}, decided); diff != "" {
		t.Error(diff)
	}
	r := httptest.NewRequest("GET", "/", nil)
	if AuthorizerContext(r) != nil || callOf(r).id != "" || callOf(r).route.Name != "" {
		t.Error("a request outside a backend has a context")
	}
}

// TestBodyLimit: what is within the limit streams through, what is not gets a
// 413 as long as the answer has not begun, and a torn connection after that.
func TestBodyLimit(t *testing.T) {
	t.Parallel()
	const limit = 1000
	reads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Backend", "x")
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, "the body broke", http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, n)
	})
	ignores := text("ignored")
	echoes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		io.Copy(w, r.Body)
	})
	a := &API{MaxBody: limit, Routes: []Route{
		{Path: "/rest", Backend: reads}, {Path: "/http", Kind: HTTP, Backend: reads},
		{Path: "/ignores", Backend: ignores}, {Path: "/echoes", Backend: echoes},
	}}
	srv := serve(t, a)
	const restText, httpText = "HTTP content length exceeded 1000 bytes.", `{"message":"Request Entity Too Large"}`
	for _, tt := range []struct {
		path   string
		size   int
		status int
		body   string // "torn" = the connection breaks
	}{
		{"/rest", limit, 200, "1000"},
		{"/rest", limit + 1, 413, restText},
		{"/http", limit, 200, "1000"},
		{"/http", limit + 1, 413, httpText},
		{"/ignores", limit, 200, "ignored"},
		{"/echoes", limit, 200, strings.Repeat("x", limit)},
		{"/echoes", limit + 1, 200, "torn"},
		{"/nowhere", limit + 1, 413, restText},
	} {
		for _, chunked := range []bool{false, true} {
			status, body := tt.status, tt.body
			switch {
			case !chunked && tt.body == "torn":
				status, body = 413, restText
			case chunked && tt.path == "/nowhere":
				status, body = 403, `{"message":"Missing Authentication Token"}`
			}
			var send io.Reader = strings.NewReader(strings.Repeat("x", tt.size))
			if chunked {
				send = io.MultiReader(send)
			}
			resp, err := srv.Client().Post(srv.URL+tt.path, "text/plain", send)
			if err != nil {
				t.Errorf("%s, %d bytes, chunked %v: %v", tt.path, tt.size, chunked, err)
				continue
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if body == "torn" {
				if err == nil {
					t.Errorf("%s, %d bytes: the answer looks complete", tt.path, tt.size)
				}
				continue
			}
			if resp.StatusCode != status || string(got) != body || err != nil {
				t.Errorf("%s, %d bytes, chunked %v: %d %q %v, want %d %q", tt.path, tt.size, chunked, resp.StatusCode, got, err, status, body)
			}
			if left := resp.Header.Get("X-Backend"); (left != "") != (resp.StatusCode == 200 && body == "1000") {
				t.Errorf("%s, %d bytes: the backend's header is %q", tt.path, tt.size, left)
			}
		}
	}
}

func TestDefaultLimit(t *testing.T) {
	t.Parallel()
	a := &API{Routes: []Route{{Path: "/", Backend: text("reached")}}}
	for length, want := range map[int64]int{10 << 20: 200, 10<<20 + 1: 413} {
		r := httptest.NewRequest("POST", "/", http.NoBody)
		r.ContentLength = length
		rec := httptest.NewRecorder()
		a.ServeHTTP(rec, r)
		if rec.Code != want {
			t.Errorf("%d bytes: %d, want %d", length, rec.Code, want)
		}
	}
}

// TestStreaming: the backend has the first bytes before the last are sent.
func TestStreaming(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	a := &API{Routes: []Route{{Path: "/", Backend: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 5)
		io.ReadFull(r.Body, first)
		got <- string(first)
		rest, _ := io.ReadAll(r.Body)
		w.Write(rest)
	})}}}
	srv := serve(t, a)
	pr, pw := io.Pipe()
	go func() {
		io.WriteString(pw, "first")
		select {
		case s := <-got:
			io.WriteString(pw, "second, after "+s)
			pw.Close()
		case <-time.After(time.Minute):
			pw.CloseWithError(errors.New("the backend saw nothing before the end"))
		}
	}()
	resp, err := srv.Client().Post(srv.URL, "text/plain", pr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "second, after first" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex // a torn connection orders nothing between server and client
	var stack []byte
	boom := func(before func(http.ResponseWriter), value any) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			before(w)
			panic(value)
		})
	}
	sets := func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "gzip") }
	writes := func(w http.ResponseWriter) { io.WriteString(w, "half") }
	flushes := func(w http.ResponseWriter) { http.NewResponseController(w).Flush() }
	a := &API{
		Panicked: func(_ *http.Request, route Route, s []byte) {
			mu.Lock()
			defer mu.Unlock()
			stack = append([]byte(route.Name+"\n"), s...)
		},
		Routes: []Route{
			{Name: "early", Path: "/early", Backend: boom(sets, "hunter2-secret")},
			{Name: "late", Path: "/late", Backend: boom(writes, "hunter2-secret")},
			{Name: "flushed", Path: "/flushed", Backend: boom(flushes, "hunter2-secret")},
			{Name: "abort", Path: "/abort", Backend: boom(sets, http.ErrAbortHandler)},
			{Name: "authorizer", Path: "/authorizer", Authorizer: brokenAuthorizer{}, Backend: text("reached")},
			{Name: "none", Path: "/none"},
			{Name: "fine", Path: "/fine", Backend: text("fine")},
		},
	}
	srv := serve(t, a)
	for _, tt := range []struct {
		path string
		want int // 0 = the connection breaks
		told bool
	}{{"early", 500, true}, {"late", 0, true}, {"flushed", 0, true}, {"abort", 0, false}, {"authorizer", 500, true}, {"none", 500, true}, {"fine", 200, false}} {
		mu.Lock()
		stack = nil
		mu.Unlock()
		resp, err := srv.Client().Get(srv.URL + "/" + tt.path)
		status := 0
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			if err == nil {
				status = resp.StatusCode
			}
			if resp.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: a header of the backend was kept", tt.path)
			}
		}
		if status != tt.want {
			t.Errorf("%s: %d (%v), want %d", tt.path, status, err, tt.want)
		}
		mu.Lock()
		if told := bytes.HasPrefix(stack, []byte(tt.path+"\n")); told != tt.told || bytes.Contains(stack, []byte("hunter2")) {
			t.Errorf("%s: told %v, stack %s", tt.path, told, stack)
		}
		mu.Unlock()
	}
}

type brokenAuthorizer struct{ Authorizer }
