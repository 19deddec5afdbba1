package request

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const api = "https://api.example.com/v1"

// files opens from a map; what is absent does not exist.
func files(m map[string]string) Opener {
	return func(name string) (io.ReadCloser, error) {
		text, ok := m[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

func build(t *testing.T, s Spec, m map[string]string) *http.Request {
	t.Helper()
	if s.Target == "" {
		s.Target = "/x"
	}
	r, err := s.Build(t.Context(), api, files(m))
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return r
}

func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	if r.Body == nil {
		return ""
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.GetBody == nil {
		t.Fatal("a body without GetBody")
	}
	again, err := r.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	second, err := io.ReadAll(again)
	if err != nil || string(second) != string(data) {
		t.Errorf("the second body is %q after %q, %v", second, data, err)
	}
	if r.ContentLength != int64(len(data)) {
		t.Errorf("Content-Length %d for %d bytes", r.ContentLength, len(data))
	}
	return string(data)
}

func TestBuildDefaults(t *testing.T) {
	t.Parallel()
	r := build(t, Spec{}, nil)
	if r.Method != "GET" || r.URL.String() != api+"/x" || r.Host != "api.example.com" || r.Body != nil {
		t.Errorf("%+v", r)
	}
	if r.Header.Get("User-Agent") != "cogctl" || r.Header.Get("Accept") != "*/*" || len(r.Header) != 2 {
		t.Errorf("%v", r.Header)
	}
	if r := build(t, Spec{UserAgent: "cogctl/1.2"}, nil); r.UserAgent() != "cogctl/1.2" {
		t.Errorf("%v", r.Header)
	}
}

func TestBuildMethod(t *testing.T) {
	t.Parallel()
	data := []Data{{Form, "a=b"}}
	for _, tt := range []struct {
		method string
		data   []Data
		want   string
	}{
		{"", nil, "GET"}, {"", data, "POST"}, {"", []Data{{Form, ""}}, "POST"}, {"", []Data{{JSON, "{}"}}, "POST"},
		{"GET", data, "GET"}, {"PUT", nil, "PUT"}, {"patch", data, "patch"}, {"X-Y", nil, "X-Y"},
	} {
		r := build(t, Spec{Method: tt.method, Data: tt.data}, nil)
		if r.Method != tt.want || (tt.data != nil) != (r.Body != nil) {
			t.Errorf("%q: %q, %v", tt.method, r.Method, r.Body)
		}
	}
	for _, bad := range []string{"GET /evil", "GE\r\nT", "G:T", "GÉT", " "} {
		if _, err := (Spec{Method: bad, Target: "/x"}).Build(t.Context(), api, nil); err == nil || !strings.HasPrefix(err.Error(), "the method") {
			t.Errorf("the method %q: %v", bad, err)
		}
	}
}

func TestBuildData(t *testing.T) {
	t.Parallel()
	m := map[string]string{"f": "a\r\nb\x00c\nd\xff", "-": "from stdin\n", "empty": ""}
	const form, js = "application/x-www-form-urlencoded", "application/json"
	for _, tt := range []struct {
		data  []Data
		want  string
		ctype string
	}{
		{[]Data{{Form, "a=1"}, {Form, "b=2"}}, "a=1&b=2", form},
		{[]Data{{Form, ""}, {Form, "b"}}, "&b", form},
		{[]Data{{Form, "a\nb"}}, "a\nb", form}, // only a file loses its lines
		{[]Data{{Form, "@f"}}, "abcd\xff", form},
		{[]Data{{Form, "x"}, {Form, "@f"}}, "x&abcd\xff", form},
		{[]Data{{Form, "@-"}}, "from stdin", form},
		{[]Data{{Raw, "@f"}}, "@f", form},
		{[]Data{{Raw, "a"}, {Form, "b"}, {Binary, "@f"}}, "a&b&a\r\nb\x00c\nd\xff", form},
		{[]Data{{Binary, "@f"}}, "a\r\nb\x00c\nd\xff", form},
		{[]Data{{Binary, "@-"}}, "from stdin\n", form},
		{[]Data{{Binary, "x@f"}}, "x@f", form},
		{[]Data{{Binary, "@empty"}}, "", form},
		{[]Data{{JSON, `{"a":1}`}}, `{"a":1}`, js},
		{[]Data{{JSON, `{"a":`}, {JSON, `1}`}}, `{"a":1}`, js},
		{[]Data{{JSON, "@f"}}, "a\r\nb\x00c\nd\xff", js},
		{[]Data{{Form, "a"}, {JSON, "b"}}, "ab", js},
		{[]Data{{JSON, "a"}, {Form, "b"}}, "a&b", js},
	} {
		r := build(t, Spec{Data: tt.data}, m)
		if got := bodyOf(t, r); got != tt.want || r.Header.Get("Content-Type") != tt.ctype {
			t.Errorf("%+v: %q %q, want %q %q", tt.data, got, r.Header.Get("Content-Type"), tt.want, tt.ctype)
		}
		if accept := r.Header.Get("Accept"); (tt.ctype == js) != (accept == js) {
			t.Errorf("%+v: Accept %q", tt.data, accept)
		}
	}
}

func TestBuildDataErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	open := func(name string) (io.ReadCloser, error) {
		if name == "broken" {
			return io.NopCloser(io.MultiReader(strings.NewReader("a"), errorReader{broken})), nil
		}
		if name == "huge" {
			return io.NopCloser(io.LimitReader(zeros{}, maxHeaders+1)), nil
		}
		return files(nil)(name)
	}
	for _, kind := range []DataKind{Form, Binary, JSON} {
		for value, text := range map[string]string{
			"@missing": "read missing: file does not exist",
			"@broken":  "read broken: disk on fire",
		} {
			_, err := Spec{Target: "/x", Data: []Data{{kind, value}}}.Build(t.Context(), api, open)
			if fe, ok := errors.AsType[*FileError](err); !ok || !strings.HasPrefix(fe.Error(), text) {
				t.Errorf("%v %s: %v", kind, value, err)
			}
		}
		_, err := Spec{Target: "/x", Data: []Data{{kind, "@"}}}.Build(t.Context(), api, open)
		if _, ok := errors.AsType[*UsageError](err); !ok {
			t.Errorf("@ alone: %v", err)
		}
	}
	_, err := Spec{Target: "/x", Headers: []string{"@huge"}}.Build(t.Context(), api, open)
	if fe, ok := errors.AsType[*FileError](err); !ok || !strings.HasPrefix(fe.Error(), "read huge: more than 1 MiB of headers") {
		t.Errorf("@huge: %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A single file streams: it is open, unread, when Build returns, and its length
// is known. Joined with other data it is read.
func TestBuildStreamsFiles(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "f.pdf")
	if err := os.WriteFile(name, []byte("%PDF\r\n\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(n string) (io.ReadCloser, error) { return os.Open(n) }
	for streams, data := range map[bool][]Data{
		true:  {{Binary, "@" + name}},
		false: {{Binary, "@" + name}, {Raw, "x"}},
	} {
		r, err := Spec{Target: "/x", Data: data}.Build(t.Context(), api, open)
		if err != nil {
			t.Fatal(err)
		}
		if _, isFile := r.Body.(*os.File); isFile != streams {
			t.Errorf("body is %T", r.Body)
		}
		if got := bodyOf(t, r); !strings.HasPrefix(got, "%PDF\r\n\x00") {
			t.Errorf("%q", got)
		}
		r.Body.Close()
	}
	// No length to promise: /proc has such files, and they are not empty.
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Spec{Target: "/x", Data: []Data{{Binary, "@" + empty}}}.Build(t.Context(), api, open)
	if err != nil || r.Body != http.NoBody {
		t.Errorf("an empty file: %T, %v", r.Body, err)
	}
	// An error after the file was opened must close it.
	var opened *os.File
	_, err = Spec{Target: "/x", Data: []Data{{Binary, "@" + name}}, Headers: []string{"Host:"}}.Build(t.Context(), api,
		func(n string) (f io.ReadCloser, err error) { opened, err = os.Open(n); return opened, err })
	if err == nil || opened == nil {
		t.Fatal(err, opened)
	}
	if _, err := opened.Stat(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the file was left open: %v", err)
	}
}

func TestBuildHeaders(t *testing.T) {
	t.Parallel()
	m := map[string]string{"h": "X-F: 1\r\n\nX-G;\nAccept:", "-": "Authorization: Bearer abc\n"}
	tests := []struct {
		typed []string
		name  string
		want  []string // nil = not sent
	}{
		{[]string{"X-A: 1"}, "X-A", []string{"1"}},
		{[]string{"x-a:1"}, "X-A", []string{"1"}},
		{[]string{"X-A: \t 1 2 \t"}, "X-A", []string{"1 2"}},
		{[]string{"X-A: b: c; d"}, "X-A", []string{"b: c; d"}},
		{[]string{"X-A: 1", "X-A: 2"}, "X-A", []string{"1", "2"}},
		{[]string{"X-A;"}, "X-A", []string{""}},
		{[]string{"X-A:"}, "X-A", nil},
		{[]string{"X-A:  "}, "X-A", nil},
		{[]string{"X-A: é"}, "X-A", []string{"é"}},
		{[]string{"Accept: text/html"}, "Accept", []string{"text/html"}},
		{[]string{"accept:"}, "Accept", nil},
		{[]string{"Accept;"}, "Accept", []string{""}},
		{[]string{"Accept: a", "Accept:"}, "Accept", []string{"a"}},
		{[]string{"Accept:", "Accept: a"}, "Accept", []string{"a"}},
		{[]string{"Content-Type: text/csv"}, "Content-Type", []string{"text/csv"}},
		{[]string{"Content-Type:"}, "Content-Type", nil},
		{[]string{"User-Agent: me"}, "User-Agent", []string{"me"}},
		{[]string{"User-Agent:"}, "User-Agent", []string{""}}, // to net/http, this means none
		{[]string{"Content-Length: 3"}, "Content-Length", nil},
		{[]string{"@h"}, "X-F", []string{"1"}},
		{[]string{"@h"}, "X-G", []string{""}},
		{[]string{"@h"}, "Accept", nil},
		{[]string{"@-", "X-A: 1"}, "Authorization", []string{"Bearer abc"}},
		{[]string{"!#$%&'*+-.^_`|~09aZ: 1"}, "!#$%&'*+-.^_`|~09az", []string{"1"}},
	}
	for _, tt := range tests {
		r := build(t, Spec{Headers: tt.typed, Data: []Data{{Form, "a=b"}}}, m)
		if got := r.Header.Values(tt.name); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %s is %q, want %q", tt.typed, tt.name, got, tt.want)
		}
	}
}

func TestBuildHeadersRefuses(t *testing.T) {
	t.Parallel()
	m := map[string]string{"h": "X-A: 1\nsecret-word\n", "fold": "X-A: 1\n X-B: 2\n"}
	for _, bad := range []string{
		"secret-word", "", ":secret-word", " X: secret-word", "X : secret-word", "X Y: secret-word", "Ünï: secret-word", ";",
		"X; secret-word", "X: a\r\nEvil: secret-word", "X: a\nb", "X: secret-word\x00", "X: \x7f", "X\r\n: b", "X: a\rb", "X: \x1b[31m",
		":path: /x", "X(: 1", "@h", "@fold", "@missing", "@",
		"Host:", "Host;", "Host: a b", "Host: u@h", "Host: h/x", "Host: h?x", "Host: h#x", "Host: http://h", "Host: h\\x", "Host: :80",
		"Content-Length: 4", "Content-Length:", "Content-Length: x", "Transfer-Encoding: chunked",
	} {
		_, err := Spec{Target: "/x", Headers: []string{"X-Good: 1", bad}, Data: []Data{{Form, "a=b"}}}.Build(t.Context(), api, files(m))
		_, usage := errors.AsType[*UsageError](err)
		_, file := errors.AsType[*FileError](err)
		if !usage && !file {
			t.Errorf("%q: %v", bad, err)
		} else if strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%q: the error shows the value: %v", bad, err)
		} else if usage && strings.HasPrefix(bad, "X: ") && !strings.HasPrefix(err.Error(), "-H number 2") {
			t.Errorf("%q: the error does not say which: %v", bad, err)
		}
	}
}

func TestBuildHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		target string
		typed  []string
		want   string
	}{
		{"https://h.example/x", nil, "h.example"},
		{"https://h.example:443/x", nil, "h.example"},
		{"https://h.example:/x", nil, "h.example"},
		{"https://h.example:80/x", nil, "h.example:80"},
		{"http://h.example:80/x", nil, "h.example"},
		{"http://h.example:8080/x", nil, "h.example:8080"},
		{"http://[::1]:80/x", nil, "[::1]"},
		{"http://[::1]/x", nil, "[::1]"},
		{"http://127.0.0.1:9400/x", []string{"Host: api.example.com"}, "api.example.com"},
		{"http://127.0.0.1:9400/x", []string{"host: api.example.com:8443"}, "api.example.com:8443"},
	} {
		r := build(t, Spec{Target: tt.target, Headers: tt.typed}, nil)
		if r.Host != tt.want || r.URL.String() != tt.target || r.Header.Get("Host") != "" {
			t.Errorf("%s %q: Host %q, want %q (%v)", tt.target, tt.typed, r.Host, tt.want, r.Header)
		}
	}
}

func TestDataFlagKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var s Spec
	d, j := DataFlag{Form, &s.Data}, DataFlag{JSON, &s.Data}
	for _, set := range []func(string) error{d.Set, j.Set, d.Set} {
		if err := set("v"); err != nil {
			t.Fatal(err)
		}
	}
	if want := []Data{{Form, "v"}, {JSON, "v"}, {Form, "v"}}; !slices.Equal(s.Data, want) {
		t.Errorf("%+v", s.Data)
	}
	if d.String() != "" || d.Type() == "" {
		t.Error("help text")
	}
}

// Whatever is typed, what is accepted has a name that is a token and a value
// on one line, and goes through the rules of net/http on the way out.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{"X-A: 1", "X-A;", "X-A:", "X-A", "", ":", ";", "X: a\r\nY: b", "Host: x", "@f", "Content-Length: 0", "X:\x00", "é: é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Spec{Target: "/x", Headers: []string{text}}.Build(t.Context(), api, files(map[string]string{"f": text[:len(text)/2]}))
		if err != nil {
			return
		}
		var wire strings.Builder
		if err := r.Write(&wire); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if n := strings.Count(wire.String(), "\n"); n != strings.Count(wire.String(), "\r\n") || n > 6+len(text)/2 {
			t.Fatalf("%q: %q", text, wire.String())
		}
		if text != "" && text[0] != '@' && strings.Count(wire.String(), "\r\n") > 6 {
			t.Fatalf("%q gives more than one header: %q", text, wire.String())
		}
	})
}
