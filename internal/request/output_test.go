package request

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func reply(status int, body string) *http.Response {
	return &http.Response{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, StatusCode: status,
		Header: http.Header{"X-B": {"2", "3"}, "X-A": {"1"}},
		Body:   io.NopCloser(strings.NewReader(body)),
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	one := reply(200, "")
	reason := reply(404, "")
	reason.Status = "404 Nothing Here"
	two := reply(403, "")
	two.Proto, two.ProtoMajor, two.ProtoMinor, two.Status = "HTTP/2.0", 2, 0, "403 Forbidden"
	chunked := reply(200, "")
	chunked.TransferEncoding = []string{"chunked"}
	split := reply(200, "")
	split.Status, split.Header = "200 OK\r\nEvil: 1", http.Header{"X": {"a\r\nEvil: 1\nb\xff"}}
	for _, tt := range []struct {
		resp *http.Response
		want string
	}{
		{one, "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\n"},
		{reason, "HTTP/1.1 404 Nothing Here\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\n"},
		{two, "HTTP/2 403 \r\nx-a: 1\r\nx-b: 2\r\nx-b: 3\r\n\r\n"},
		{chunked, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\n"},
		{split, "HTTP/1.1 200 OK  Evil: 1\r\nX: a  Evil: 1 b\xff\r\n\r\n"},
	} {
		var b strings.Builder
		if err := writeHead(&b, tt.resp, "\r\n"); err != nil || b.String() != tt.want {
			t.Errorf("%q, %v\nwant %q", b.String(), err, tt.want)
		}
	}
	if len(chunked.Header["Transfer-Encoding"]) != 0 {
		t.Error("the answer was changed")
	}
	if read, err := http.ReadResponse(bufioReader("HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n"), nil); err != nil || read.Header.Get("X-A") != "1" {
		t.Errorf("the head does not read back: %v", err)
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	expect := func(s string) Expect {
		e, err := ParseExpect(s)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	const head = "HTTP/1.1 404 Not Found\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\n"
	for name, tt := range map[string]struct {
		o      Output
		status int
		want   string
		exit   int
	}{
		"plain":                 {Output{}, 200, "body", 0},
		"redirect":              {Output{}, 302, "body", 0},
		"error":                 {Output{}, 404, "body", 22},
		"-f":                    {Output{Fail: true}, 404, "", 22},
		"-f, fine":              {Output{Fail: true}, 200, "body", 0},
		"-f -i":                 {Output{Fail: true, Include: true}, 404, head, 22},
		"-i":                    {Output{Include: true}, 404, head + "body", 22},
		"-i on a terminal":      {Output{Include: true, Newline: "\n"}, 404, strings.ReplaceAll(head, "\r", "") + "body", 22},
		"--no-fail":             {Output{NoFail: true}, 404, "body", 0},
		"--expect":              {Output{Expect: expect("404")}, 404, "body", 0},
		"--expect, missed":      {Output{Expect: expect("401")}, 200, "body", 22},
		"--expect --no-fail":    {Output{Expect: expect("401"), NoFail: true}, 404, "body", 22},
		"--expect -f, met":      {Output{Expect: expect("4xx"), Fail: true}, 404, "body", 0},
		"--expect -f, missed":   {Output{Expect: expect("401"), Fail: true}, 404, "", 22},
		"--expect -f, too good": {Output{Expect: expect("401"), Fail: true}, 200, "body", 22},
	} {
		var b strings.Builder
		err := tt.o.Write(&b, reply(tt.status, "body"))
		if err != nil || b.String() != tt.want || tt.o.ExitCode(tt.status) != tt.exit {
			t.Errorf("%s: %q, %v, exit %d", name, b.String(), err, tt.o.ExitCode(tt.status))
		}
	}
	if (Output{}).Quiet() || !(Output{Silent: true}).Quiet() || (Output{Silent: true, ShowError: true}).Quiet() {
		t.Error("Quiet")
	}
}

type file struct {
	bytes.Buffer
	writeErr, closeErr error
	closed             bool
}

func (f *file) Write(p []byte) (int, error) {
	if f.writeErr != nil {
		return 0, f.writeErr
	}
	return f.Buffer.Write(p)
}

func (f *file) Close() error { f.closed = true; return f.closeErr }

func TestDeliver(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	reset := errors.New("connection reset")
	for name, tt := range map[string]struct {
		o                  Output
		status             int
		f                  *file
		createErr, readErr error
		stdout, inFile     string
		created, writeErr  bool
	}{
		"stdout":        {o: Output{}, status: 200, stdout: "body"},
		"dash":          {o: Output{File: "-"}, status: 200, stdout: "body"},
		"file":          {o: Output{File: "out"}, status: 200, f: &file{}, inFile: "body", created: true},
		"error":         {o: Output{File: "out"}, status: 404, f: &file{}, inFile: "body", created: true},
		"hidden":        {o: Output{File: "out", Fail: true}, status: 404, f: &file{}},
		"hidden, -i":    {o: Output{File: "out", Fail: true, Include: true}, status: 404, f: &file{}, created: true, inFile: "HTTP/1.1 404 Not Found\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\n"},
		"no permission": {o: Output{File: "out"}, status: 200, f: &file{}, createErr: full, created: true, writeErr: true},
		"disk full":     {o: Output{File: "out"}, status: 200, f: &file{writeErr: full}, created: true, writeErr: true},
		"late failure":  {o: Output{File: "out"}, status: 200, f: &file{closeErr: full}, created: true, inFile: "body", writeErr: true},
		"network":       {o: Output{File: "out"}, status: 200, f: &file{}, created: true, readErr: reset, inFile: "body"},
	} {
		var stdout strings.Builder
		created := false
		resp := reply(tt.status, "body")
		if tt.readErr != nil {
			resp.Body = io.NopCloser(io.MultiReader(resp.Body, errorReader{tt.readErr}))
		}
		err := tt.o.Deliver(resp, &stdout, func(name string) (io.WriteCloser, error) {
			created = name == "out"
			if tt.createErr != nil {
				return nil, tt.createErr
			}
			return tt.f, nil
		})
		if _, ok := errors.AsType[*WriteError](err); ok != tt.writeErr || tt.readErr != nil && !errors.Is(err, tt.readErr) ||
			tt.writeErr && !errors.Is(err, full) || !tt.writeErr && tt.readErr == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if created != tt.created || stdout.String() != tt.stdout {
			t.Errorf("%s: created %v, stdout %q", name, created, stdout.String())
		}
		if tt.f != nil && (tt.f.String() != tt.inFile || tt.f.closed != (created && tt.createErr == nil)) {
			t.Errorf("%s: file %q, closed %v", name, tt.f.String(), tt.f.closed)
		}
	}
	if err := writeHead(&writer{w: &file{writeErr: full}}, reply(200, ""), "\r\n"); !errors.Is(err, full) {
		t.Errorf("the head: %v", err)
	}
}
