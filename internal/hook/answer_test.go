package hook

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestURL(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Content-Type") == "application/json" && json.Valid(body) {
			w.Write(body)
		}
	})
	mux.HandleFunc("POST /raised", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"errorMessage":"Unauthorized","errorType":"Error","trace":["here"]}`)
	})
	mux.HandleFunc("POST /broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oh no", http.StatusBadGateway) })
	mux.HandleFunc("POST /away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("POST /endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("POST /slow", func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	check(t, Runner{URL: server.URL + "/echo", Client: server.Client()}, outcome{answer: `{"a":{"b":["ü",1]}}`})
	check(t, Runner{URL: server.URL + "/raised", Client: server.Client()}, outcome{message: "Unauthorized", kind: "Error"})
	for path, want := range map[string]string{
		"/broken": `HTTP 502: "oh no"`, "/away": "HTTP 307", "/endless": "its answer is longer than", "/slow": "no answer within 200ms", "/none": "HTTP 404",
	} {
		limit := 30 * time.Second
		if path == "/slow" {
			limit = 200 * time.Millisecond
		}
		_, err := Runner{URL: server.URL + path, Client: server.Client(), Timeout: limit}.Invoke(t.Context(), []byte("{}"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if _, err := (Runner{URL: server.URL + "/echo"}).Invoke(t.Context(), []byte("{}")); err == nil {
		t.Error("posted without a client")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"f.py": ""})
	for _, tt := range []struct {
		r    Runner
		want string // "" for a good one
	}{
		{Runner{Python: "f.py:g", Dir: dir}, ""},
		{Runner{Python: filepath.Join(dir, "f.py") + ":g.h"}, ""},
		{Runner{URL: "http://127.0.0.1:9001/x"}, ""},
		{Runner{URL: "http://localhost:9001"}, ""},
		{Runner{URL: "https://[::1]:9001"}, ""},
		{Runner{Command: []string{"x"}, Timeout: MaxTimeout}, ""},
		{Runner{}, "0 of them"},
		{Runner{Python: "f.py:g", Node: "f.js:g"}, "2 of them"},
		{Runner{Python: "f.py", Dir: dir}, "is not FILE:FUNCTION"},
		{Runner{Python: "f.py:", Dir: dir}, "is not FILE:FUNCTION"},
		{Runner{Python: ":g", Dir: dir}, "is not FILE:FUNCTION"},
		{Runner{Node: `C:\f.js`}, "is not FILE:FUNCTION"},
		{Runner{Python: "g.py:g", Dir: dir}, "g.py"},
		{Runner{Python: dir + ":g"}, "is a folder"},
		{Runner{Command: []string{""}}, "names no program"},
		{Runner{Command: []string{"a\x00b"}}, "NUL"},
		{Runner{Command: []string{"x"}, Timeout: 31 * time.Second}, "30s at most"},
		{Runner{Command: []string{"x"}, Timeout: -1}, "30s at most"},
		{Runner{URL: "http://example.com/"}, "not on this machine"},
		{Runner{URL: "http://127.0.0.1.example.com/"}, "not on this machine"},
		{Runner{URL: "http://169.254.169.254/"}, "not on this machine"},
		{Runner{URL: "http://u:p@127.0.0.1/"}, "user name or password"},
		{Runner{URL: "file:///etc/passwd"}, "no http address"},
		{Runner{URL: "127.0.0.1:9"}, "no URL"},
	} {
		err := tt.r.Check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.r, err, tt.want)
		}
	}
}

// FuzzAnswer: whatever a function answers becomes JSON of bounded size, an error of
// the function's, or an error; never two of them.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"principalId":"a"}`))
	f.Add([]byte(`{"errorMessage":"Unauthorized","errorType":"Error","trace":["a"]}`))
	f.Add([]byte(`{"ok":{"isAuthorized":true}}`))
	f.Add([]byte(`{"error":{"errorMessage":"a"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, read := range map[string]func([]byte) ([]byte, error){"judge": judge, "open": open} {
			answer, err := read(data)
			var raised *FunctionError
			switch {
			case err == nil && (!json.Valid(answer) || len(answer) > MaxAnswer):
				t.Fatalf("%s let %q through", name, answer)
			case err != nil && answer != nil:
				t.Fatalf("%s: an answer and an error: %q, %v", name, answer, err)
			case errors.As(err, &raised) && raised.FunctionError() != raised.Message:
				t.Fatalf("%s: %v", name, raised)
			}
		}
	})
}
