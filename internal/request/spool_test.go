package request

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// A body whose length is not known is kept: a small one in memory, a large one in a
// file that has no name. Either can be read again, from its beginning.
func TestSpool(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	line := bytes.Repeat([]byte("0123456789abcde\n"), 1<<12) // 64 KiB
	for _, tt := range []struct {
		kind DataKind
		size int
		want []byte
	}{
		{Binary, 1, line}, {Binary, 16, bytes.Repeat(line, 16)}, {Binary, 17, bytes.Repeat(line, 17)},
		{Form, 40, bytes.ReplaceAll(bytes.Repeat(line, 40), []byte("\n"), nil)},
	} {
		spec := Spec{Target: "/x", Data: []Data{{tt.kind, "@-"}}}
		r, err := spec.Build(t.Context(), api, func(string) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(bytes.Repeat(line, tt.size))), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := bodyOf(t, r); got != string(tt.want) {
			t.Errorf("%v: %d bytes came back, want %d", tt, len(got), len(tt.want))
		}
		if left, _ := os.ReadDir(folder); len(left) > 0 {
			t.Errorf("%s has a name", left[0].Name())
		}
	}
	t.Setenv("TMPDIR", folder+"/none")
	_, err := Spec{Target: "/x", Data: []Data{{Binary, "@-"}}}.Build(t.Context(), api, func(string) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, inMemory+1)), nil
	})
	if spoiled, ok := errors.AsType[*SpoolError](err); !ok || !strings.Contains(spoiled.Hint(), "TMPDIR") {
		t.Errorf("%v", err)
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	name := t.TempDir() + "/a b.pdf"
	if err := os.WriteFile(name, []byte("%PDF"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(n string) (io.ReadCloser, error) {
		if n == "-" {
			return io.NopCloser(strings.NewReader("piped")), nil
		}
		return os.Open(n)
	}
	for _, tt := range []struct {
		spec Spec
		want string
	}{
		{Spec{Target: "/x", Upload: name}, "PUT /v1/x 4 %PDF"},
		{Spec{Target: "/x/", Upload: name}, "PUT /v1/x/a%20b.pdf 4 %PDF"},
		{Spec{Target: "/x%2F/?q=1", Upload: name}, "PUT /v1/x%2F/a%20b.pdf?q=1 4 %PDF"},
		{Spec{Target: "https://h.example", Upload: name}, "PUT /a%20b.pdf 4 %PDF"},
		{Spec{Target: "/x", Upload: "-"}, "PUT /v1/x -1 piped"},
		{Spec{Target: "/x/", Upload: "."}, "PUT /v1/x/ -1 piped"},
		{Spec{Target: "/x", Upload: "-", Spooled: true}, "PUT /v1/x 5 piped"},
		{Spec{Target: "/x", Upload: "-", Method: "POST"}, "POST /v1/x -1 piped"},
	} {
		r, err := tt.spec.Build(t.Context(), api, open)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r.Body)
		got := strings.Join([]string{r.Method, r.URL.RequestURI(), lengthOf(r), string(data)}, " ")
		if err != nil || got != tt.want || r.Header.Get("Content-Type") != "" {
			t.Errorf("%+v: %q, want %q (%v, %v)", tt.spec, got, tt.want, r.Header, err)
		}
		if (r.GetBody == nil) != (r.ContentLength < 0) {
			t.Errorf("%+v: what can be sent again has a length", tt.spec)
		}
	}
	_, err := Spec{Target: "/x", Upload: name, Data: []Data{{Form, "a"}}}.Build(t.Context(), api, open)
	if _, ok := errors.AsType[*UsageError](err); !ok {
		t.Errorf("-T and -d: %v", err)
	}
	_, err = Spec{Target: "/x", Upload: "missing"}.Build(t.Context(), api, open)
	if _, ok := errors.AsType[*FileError](err); !ok {
		t.Errorf("a missing file: %v", err)
	}
}

func lengthOf(r *http.Request) string {
	if r.ContentLength < 0 {
		return "-1"
	}
	return string(rune('0' + r.ContentLength))
}
