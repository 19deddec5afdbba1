package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// tcp runs handle for each connection to a loopback port.
func tcp(t *testing.T, handle func(*net.TCPConn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

// answer reads the start of the request, says text, and closes the connection.
func answer(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, text)
	}
}

// reset answers, and ends with a TCP reset instead of an end of file.
func reset(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		answer(text)(c)
		if text != "" {
			time.Sleep(50 * time.Millisecond) // a reset discards what was not read yet
		}
		_ = c.SetLinger(0)
	}
}

func hang(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }

// nowhere is a loopback port on which nothing listens: tcpmux, long dead. A
// port that was free a moment ago may be a neighbour test's by now.
const nowhere = "127.0.0.1:1"

// noSuchHost is a dialler whose name server, on loopback, answers NXDOMAIN.
func noSuchHost(t *testing.T) *net.Dialer {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			buf[2], buf[3] = 0x81, 0x83 // an answer, name error (RFC 1035 section 4.1.1)
			_, _ = pc.WriteTo(buf[:n], from)
		}
	}()
	return &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}}
}

func proxied(t *testing.T, proxy string) *http.Transport {
	return &http.Transport{Proxy: http.ProxyURL(mustURL(t, proxy))}
}

func tlsServer(t *testing.T, config *tls.Config) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.TLS = config
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

type codeCase struct {
	name      string
	transport *http.Transport // nil is a plain one
	url       string
	body      io.Reader
	timeout   time.Duration // of the client
	phased    int           // the code with Phases
	bare      int           // the code without
}

func answerCases(t *testing.T) []codeCase {
	at := func(h func(*net.TCPConn)) string { return "http://" + tcp(t, h) }
	stall := func(*net.TCPConn) { <-t.Context().Done() } // does not even notice our end of file
	return []codeCase{
		{name: "no server", url: "http://" + nowhere, phased: 7, bare: 7},
		{name: "no such host", url: "http://api.example.test", transport: &http.Transport{DialContext: noSuchHost(t).DialContext}, phased: 6, bare: 6},
		{name: "empty reply", url: at(answer("")), phased: 52, bare: 52},
		{name: "reset before the answer", url: at(reset("")), phased: 56, bare: 56},
		{name: "status line cut", url: at(answer("HTTP/1.1 2")), phased: 56, bare: 0},
		{name: "headers cut", url: at(answer("HTTP/1.1 200 OK\r\nConte")), phased: 56, bare: 0},
		{name: "not HTTP", url: at(answer("hello there you\r\n\r\n")), phased: 56, bare: 0},
		{name: "body cut", url: at(answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")), phased: 18, bare: 18},
		{name: "chunks cut", url: at(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc")), phased: 18, bare: 18},
		{name: "broken chunks", url: at(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")), phased: 56, bare: 0},
		{name: "reset in the body", url: at(reset("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")), phased: 56, bare: 56},
		{name: "hanging server", url: at(hang), timeout: 100 * time.Millisecond, phased: 28, bare: 28},
		{name: "hanging body", url: at(func(c *net.TCPConn) { answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")(c); hang(c) }), timeout: 100 * time.Millisecond, phased: 28, bare: 28},
		{name: "slow headers", url: at(hang), transport: &http.Transport{ResponseHeaderTimeout: 50 * time.Millisecond}, phased: 28, bare: 28},
		{name: "cannot send", url: at(stall), transport: &http.Transport{DialContext: dialHalfClosed}, phased: 55, bare: 55},
		{name: "cannot send a body", url: at(stall), body: bytes.NewReader(make([]byte, 1<<20)), transport: &http.Transport{DialContext: dialHalfClosed}, phased: 55, bare: 55},
		{name: "fine", url: at(answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"))},
	}
}

// dialHalfClosed gives connections that cannot be written to.
func dialHalfClosed(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err == nil {
		err = c.(*net.TCPConn).CloseWrite()
	}
	return c, err
}

func tlsCases(t *testing.T) []codeCase {
	at := func(h func(*net.TCPConn)) string { return "https://" + tcp(t, h) }
	good := tlsServer(t, nil)
	trusting := func() *http.Transport { return good.Client().Transport.(*http.Transport).Clone() }
	otherName := trusting()
	otherName.TLSClientConfig.ServerName = "other.test"
	expired := trusting()
	expired.TLSClientConfig.Time = func() time.Time { return time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC) }
	old := trusting()
	old.TLSClientConfig.MaxVersion = tls.VersionTLS12
	modern := tlsServer(t, &tls.Config{MinVersion: tls.VersionTLS13})
	// A server that hangs up inside TLS, after the handshake: not the same as
	// one that hangs up during it, though net/http says EOF for both.
	rude := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		_ = c.Close()
	}))
	t.Cleanup(rude.Close)
	return []codeCase{
		{name: "fine TLS", url: good.URL, transport: trusting()},
		{name: "unknown authority", url: good.URL, phased: 60, bare: 60},
		{name: "another name", url: good.URL, transport: otherName, phased: 60, bare: 60},
		{name: "expired", url: good.URL, transport: expired, phased: 60, bare: 60},
		{name: "no common version", url: modern.URL, transport: old, phased: 35, bare: 35},
		{name: "plain HTTP on a TLS port", url: at(answer("HTTP/1.1 400 Bad Request\r\n\r\n")), phased: 35, bare: 35},
		{name: "no TLS at all", url: at(answer("hello there you\r\n\r\n")), phased: 35, bare: 35},
		{name: "alert", url: at(answer("\x15\x03\x01\x00\x02\x02\x28")), phased: 35, bare: 35},
		{name: "closed in the handshake", url: at(answer("")), phased: 35, bare: 52},
		{name: "reset in the handshake", url: at(reset("")), phased: 35, bare: 56},
		{name: "hanging handshake", url: at(hang), transport: &http.Transport{TLSHandshakeTimeout: 50 * time.Millisecond}, phased: 28, bare: 28},
		{name: "empty reply over TLS", url: rude.URL, transport: rude.Client().Transport.(*http.Transport).Clone(), phased: 52, bare: 52},
	}
}

func proxyCases(t *testing.T) []codeCase {
	unresolved := proxied(t, "http://proxy.example.test:3128")
	unresolved.DialContext = noSuchHost(t).DialContext
	secure := tlsServer(t, nil)
	forbids := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(forbids.Close)
	viaTLS := forbids.Client().Transport.(*http.Transport).Clone()
	viaTLS.Proxy = http.ProxyURL(mustURL(t, forbids.URL))
	const target = "https://api.example.test"
	return []codeCase{
		{name: "proxy: no server", url: target, transport: proxied(t, "http://"+nowhere), phased: 7, bare: 7},
		{name: "proxy: no server, plain", url: "http://api.example.test", transport: proxied(t, "http://"+nowhere), phased: 7, bare: 7},
		{name: "proxy: no such host", url: target, transport: unresolved, phased: 6, bare: 6},
		{name: "proxy: 403", url: target, transport: proxied(t, "http://"+tcp(t, answer("HTTP/1.1 403 Forbidden\r\n\r\n"))), phased: 56, bare: 0},
		{name: "proxy: 407", url: target, transport: proxied(t, "http://"+tcp(t, answer("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"))), phased: 56, bare: 0},
		{name: "proxy: hangs up", url: target, transport: proxied(t, "http://"+tcp(t, answer(""))), phased: 56, bare: 18},
		{name: "proxy: hangs", url: target, timeout: 100 * time.Millisecond, transport: proxied(t, "http://"+tcp(t, hang)), phased: 28, bare: 28},
		{name: "proxy: empty reply, plain", url: "http://api.example.test", transport: proxied(t, "http://"+tcp(t, answer(""))), phased: 52, bare: 52},
		{name: "proxy: its certificate", url: target, transport: proxied(t, secure.URL), phased: 60, bare: 60},
		{name: "proxy: no TLS", url: target, transport: proxied(t, "https://"+tcp(t, answer("HTTP/1.1 400 Bad Request\r\n\r\n"))), phased: 35, bare: 35},
		{name: "proxy: alert", url: target, transport: proxied(t, "https://"+tcp(t, answer("\x15\x03\x01\x00\x02\x02\x28"))), phased: 35, bare: 35},
		{name: "proxy: 403 within TLS", url: target, transport: viaTLS, phased: 56, bare: 0},
		{name: "socks: no server", url: target, transport: proxied(t, "socks5://"+nowhere), phased: 7, bare: 7},
		{name: "socks: refuses", url: target, transport: proxied(t, "socks5://"+tcp(t, answer("\x05\xff"))), phased: 7, bare: 7},
	}
}

func TestCurlCode(t *testing.T) {
	t.Parallel()
	for _, c := range append(append(answerCases(t), tlsCases(t)...), proxyCases(t)...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.transport == nil {
				c.transport = &http.Transport{}
			}
			if c.timeout == 0 {
				c.timeout = time.Minute // a safety net
			}
			for _, phased := range []bool{true, false} {
				if seeker, ok := c.body.(io.Seeker); ok {
					_, _ = seeker.Seek(0, io.SeekStart)
				}
				var rt http.RoundTripper = c.transport
				want := c.bare
				if phased {
					rt, want = Phases{Base: c.transport}, c.phased
				}
				err := fetch(&http.Client{Transport: rt, Timeout: c.timeout}, c.url, c.body)
				if got := CurlCode(err); got != want || (err == nil) != (c.phased == 0) {
					t.Errorf("phased %v: code %d, want %d: %v", phased, got, want, err)
				}
			}
		})
	}
}

func fetch(client *http.Client, url string, body io.Reader) error {
	defer client.CloseIdleConnections()
	method := "GET"
	if body != nil {
		method, body = "POST", io.NopCloser(body)
	}
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		return err
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

func TestCurlCodeOfOtherErrors(t *testing.T) {
	t.Parallel()
	cancelled := func() error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://"+nowhere, nil)
		_, err := (&http.Client{Transport: Phases{Base: &http.Transport{}}}).Do(r)
		return err
	}
	for name, tt := range map[string]struct {
		err  error
		want int
	}{
		"nil":          {nil, 0},
		"another":      {errors.New("boom"), 0},
		"interruption": {cancelled(), 0},
		"origin":       {&url.Error{Err: &OriginError{Origin: "https://x"}}, 0},
		"file":         {&url.Error{Err: &fs.PathError{Op: "read", Path: "x", Err: fs.ErrPermission}}, 26},
		"redirects":    {&url.Error{Err: &RedirectError{Limit: 50}}, 47},
		"limit, time":  {&LimitError{Bound: BoundTime}, 28},
		"limit, body":  {&LimitError{Bound: BoundBody}, 0},
		"idle close":   {&PhaseError{Phase: PhaseExchange, Err: errors.New("http: server closed idle connection")}, 52},
		"idle, bare":   {fmt.Errorf("x: %w", errors.New("http: server closed idle connection")), 52},
	} {
		if got := CurlCode(tt.err); got != tt.want {
			t.Errorf("%s: %d, want %d (%v)", name, got, tt.want, tt.err)
		}
	}
}

func TestPhaseErrorTexts(t *testing.T) {
	t.Parallel()
	client := func(rt *http.Transport) *http.Client { return &http.Client{Transport: Phases{Base: rt}} }
	empty, plain := tcp(t, answer("")), tcp(t, answer("HTTP/1.1 400 Bad Request\r\n\r\n"))
	for _, tt := range []struct {
		rt        *http.Transport
		url, want string
	}{
		{&http.Transport{}, "http://" + empty, empty + " closed the connection without an answer"},
		{&http.Transport{}, "https://" + empty, "TLS handshake with " + empty + ": EOF"},
		{&http.Transport{}, "https://" + plain, plain + " speaks plain HTTP there, not TLS"},
		{proxied(t, "http://"+tcp(t, answer("HTTP/1.1 403 Forbidden\r\n\r\n"))), "https://api.example.test",
			"no tunnel to api.example.test through the proxy: Forbidden"},
	} {
		if err := fetch(client(tt.rt), tt.url, nil); err == nil || !strings.HasSuffix(err.Error(), ": "+tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// A protocol switch hands the connection over in the body, which must stay
// writable.
func TestPhasesLeavesUpgradesAlone(t *testing.T) {
	t.Parallel()
	body := struct{ io.ReadWriteCloser }{}
	for status, wrapped := range map[int]bool{101: false, 200: true} {
		rt := Phases{Base: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: body}, nil
		})}
		resp, err := rt.RoundTrip(&http.Request{URL: mustURL(t, "http://localhost")})
		if err != nil {
			t.Fatal(err)
		}
		if _, writable := resp.Body.(io.Writer); writable == wrapped {
			t.Errorf("%d: writable %v", status, writable)
		}
	}
}
