package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func get(t *testing.T, rt http.RoundTripper, url string, header http.Header) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	resp, err := rt.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, data, err
}

func wantLimit(t *testing.T, err error, url string, bound Bound) {
	t.Helper()
	le, ok := errors.AsType[*LimitError](err)
	if !ok || le.Bound != bound {
		t.Fatalf("%v (%T), want the bound %q", err, err, bound)
	}
	if _, host, _ := strings.Cut(url, "://"); le.Host != host || !strings.Contains(err.Error(), host) {
		t.Errorf("%q names host %q, want %q", err, le.Host, host)
	}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func TestLimitBody(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscan(r.URL.Query().Get("n"), &n)
		data := bytes.Repeat([]byte("x"), n)
		if r.Method == "HEAD" {
			w.Header().Set("Content-Length", fmt.Sprint(n))
		}
		if r.URL.Query().Has("chunked") {
			w.(http.Flusher).Flush()
		}
		if r.URL.Query().Has("gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			data = zipped(data)
		}
		_, _ = w.Write(data)
	})
	limit := Limit{Base: srv.Client().Transport, MaxBody: 1000}
	for _, mode := range []string{"", "&chunked", "&gzip"} {
		for _, accept := range []string{"", "gzip"} {
			var header http.Header
			if accept != "" {
				header = http.Header{"Accept-Encoding": {accept}} // then net/http leaves the body encoded
			}
			_, data, err := get(t, limit, srv.URL+"?n=1000"+mode, header)
			if err != nil || len(data) != 1000 || data[0] != 'x' {
				t.Errorf("%q %q: %d bytes, %v", mode, accept, len(data), err)
			}
			_, data, err = get(t, limit, srv.URL+"?n=1001"+mode, header)
			wantLimit(t, err, srv.URL, BoundBody)
			if len(data) > 1000 {
				t.Errorf("%q %q: %d bytes came through", mode, accept, len(data))
			}
		}
	}
	r, _ := http.NewRequest("HEAD", srv.URL+"?n=5000", nil)
	if resp, err := limit.RoundTrip(r); err != nil || resp.ContentLength != 5000 {
		t.Errorf("HEAD: %v", err)
	}
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, _ = zw.Write(data)
	_ = zw.Close()
	return b.Bytes()
}

// A bomb of 10 GB, a member of 1 MiB of zeros ten thousand times over, must end
// at the limit and hold little memory, whoever does the decoding.
func TestLimitGzipBomb(t *testing.T) {
	member := zipped(make([]byte, 1<<20))
	var sent atomic.Int64
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		for range 10_000 {
			n, err := w.Write(member)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	client := Client(srv.Client().Transport)
	for _, accept := range []string{"", "gzip"} {
		header := http.Header{}
		if accept != "" {
			header.Set("Accept-Encoding", accept)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, data, err := get(t, client.Transport, srv.URL, header)
		runtime.ReadMemStats(&after)
		wantLimit(t, err, srv.URL, BoundBody)
		if len(data) > DefaultMaxBody {
			t.Errorf("%d bytes came through", len(data))
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
			t.Errorf("%d MiB were allocated", used>>20)
		}
	}
	if total := 10_000 * int64(len(member)) * 2; sent.Load() >= total {
		t.Errorf("all %d bytes of the bombs were fetched", total)
	}
}

func TestLimitHeaders(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscan(r.URL.Query().Get("n"), &n)
		for i := range n {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("a", 1000))
		}
	})
	h1 := httptest.NewServer(handler)
	defer h1.Close()
	h2 := httptest.NewUnstartedServer(handler)
	h2.EnableHTTP2 = true
	h2.StartTLS()
	defer h2.Close()
	tests := map[string]struct {
		rt    http.RoundTripper
		url   string
		proto int
		early bool // net/http stopped, before it held them all
	}{
		"stopped by the transport, HTTP/1.1": {Client(h1.Client().Transport).Transport, h1.URL, 1, true},
		"stopped by the transport, HTTP/2":   {Client(h2.Client().Transport).Transport, h2.URL, 2, true},
		"counted afterwards":                 {Limit{Base: h1.Client().Transport}, h1.URL, 1, false},
	}
	for name, tt := range tests {
		resp, _, err := get(t, tt.rt, tt.url+"?n=40", nil)
		if err != nil || resp.ProtoMajor != tt.proto {
			t.Errorf("%s: 40 KB: %v", name, err)
		}
		_, _, err = get(t, tt.rt, tt.url+"?n=70", nil)
		t.Run(name, func(t *testing.T) { wantLimit(t, err, tt.url, BoundHeader) })
		if early := errors.Unwrap(err) != nil; early != tt.early {
			t.Errorf("%s: stopped by net/http: %v", name, early)
		}
	}
}

func TestLimitTime(t *testing.T) {
	t.Parallel()
	member := zipped(nil)
	done := make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RawQuery {
		case "head":
			<-done
		case "body":
			w.(http.Flusher).Flush()
			<-done
		case "empty": // members that decode to nothing, without end
			w.Header().Set("Content-Encoding", "gzip")
			for {
				if _, err := w.Write(member); err != nil {
					return
				}
			}
		}
	})
	t.Cleanup(func() { close(done) }) // before the server's Close
	limit := Limit{Base: srv.Client().Transport, Timeout: 150 * time.Millisecond}
	for _, where := range []string{"head", "body", "empty"} {
		_, _, err := get(t, limit, srv.URL+"?"+where, nil)
		t.Run(where, func(t *testing.T) { wantLimit(t, err, srv.URL, BoundTime) })
		if !errors.Is(err, context.DeadlineExceeded) || CurlCode(err) != CurlTimeout {
			t.Errorf("%s: %v is no timeout", where, err)
		}
	}
	limit.Timeout = time.Minute
	if _, _, err := get(t, limit, srv.URL, nil); err != nil {
		t.Errorf("a quick answer: %v", err)
	}
	// The caller's own deadline is not ours.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"?head", nil)
	_, err := limit.RoundTrip(r)
	if _, ours := errors.AsType[*LimitError](err); ours || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's deadline: %v", err)
	}
}

// Not every transport reports why a body was cut off.
func TestLimitTimeNamedForAnyTransport(t *testing.T) {
	t.Parallel()
	limit := Limit{Timeout: 30 * time.Millisecond, Base: roundTrip(func(r *http.Request) (*http.Response, error) {
		pr, pw := io.Pipe()
		context.AfterFunc(r.Context(), func() { pw.CloseWithError(errors.New("stream gone")) })
		return &http.Response{StatusCode: 200, Body: pr}, nil
	})}
	_, _, err := get(t, limit, "https://idp.example", nil)
	wantLimit(t, err, "https://idp.example", BoundTime)
}

// A body that is read to its end or closed must not keep the timer.
func TestLimitEndsItsContext(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"read", "close"} {
		var ctx context.Context
		limit := Limit{Base: roundTrip(func(r *http.Request) (*http.Response, error) {
			ctx = r.Context()
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("abc"))}, nil
		})}
		r, _ := http.NewRequest("GET", "https://idp.example", nil)
		resp, err := limit.RoundTrip(r)
		if err != nil || ctx.Err() != nil {
			t.Fatal(err, ctx.Err())
		}
		if end == "read" {
			data, err := io.ReadAll(resp.Body)
			if string(data) != "abc" || err != nil {
				t.Errorf("%q, %v", data, err)
			}
		} else {
			_ = resp.Body.Close()
		}
		if ctx.Err() == nil {
			t.Errorf("%s: the context goes on", end)
		}
	}
}

func TestLimitRefusesPlainHTTP(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://idp.example/":           true,
		"http://127.0.0.1:9400/":         true,
		"http://localhost:9400/":         true,
		"http://[::1]:9400/":             true,
		"http://idp.example/":            false,
		"http://169.254.169.254/":        false,
		"http://localhost.evil.example/": false,
		"HTTP://idp.example/":            false,
		"ftp://idp.example/":             false,
	} {
		sent := 0
		limit := Limit{Base: roundTrip(func(*http.Request) (*http.Response, error) {
			sent++
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})}
		body := &closeCounter{Reader: strings.NewReader("x")}
		r, err := http.NewRequest("POST", url, body)
		if err != nil {
			t.Fatal(err)
		}
		_, err = limit.RoundTrip(r)
		_, refused := errors.AsType[*PlainHTTPError](err)
		if ok && (err != nil || sent != 1) || !ok && (!refused || sent != 0 || body.n.Load() != 1) {
			t.Errorf("%s: %v, sent %d", url, err, sent)
		}
	}
}

func TestLimitRefusesForeignEncodings(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", r.URL.RawQuery)
		_, _ = io.WriteString(w, "data")
	})
	limit := Limit{Base: srv.Client().Transport}
	for encoding, ok := range map[string]bool{"": true, "identity": true, "br": false, "gzip,gzip": false, "zstd": false} {
		_, _, err := get(t, limit, srv.URL+"?"+encoding, nil)
		_, refused := errors.AsType[*EncodingError](err)
		if ok != (err == nil) || !ok && !refused {
			t.Errorf("%q: %v", encoding, err)
		}
	}
}

func TestClientFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		}
	})
	resp, err := Client(srv.Client().Transport).Post(srv.URL, "text/plain", strings.NewReader("password"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || n.Load() != 1 {
		t.Errorf("status %d after %d requests", resp.StatusCode, n.Load())
	}
	if resp, err := http.Post(srv.URL, "text/plain", strings.NewReader("password")); err != nil || n.Load() != 3 {
		t.Errorf("Go's own client no longer replays the body, so this test shows nothing: %v", err)
	} else {
		resp.Body.Close()
	}
}
