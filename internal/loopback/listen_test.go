package loopback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	yes := []string{
		"localhost", "LocalHost", "a.localhost", "a-b.c_d.LOCALHOST", "127.0.0.1.localhost",
		"127.0.0.1", "127.0.0.2", "127.255.255.254",
		"::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1",
	}
	no := []string{
		"", ".", "localhost.", "a.localhost.", ".localhost", "a..localhost", "localhost.evil.com",
		"notlocalhost", "xlocalhost", "local.host", "evil/.localhost", "a b.localhost", "@.localhost",
		"a:b.localhost", "ä.localhost", strings.Repeat("a", 64) + ".localhost",
		strings.Repeat("a.", 125) + "localhost",
		"127.0.0.1.evil.com", "127.0.0.1.", "127.0.0.1:80", "127.1", "127.0.1", "127.0.0.01", "0177.0.0.1",
		"0x7f.0.0.1", "0x7f000001", "2130706433", "128.0.0.1", "10.0.0.1", "0.0.0.0", "0",
		"[::1]", "::", "::2", "::1%lo", "::127.0.0.1", "::ffff:128.0.0.1", "fe80::1", "fe80::1%lo",
		"64:ff9b::127.0.0.1", "localhost:80", "localhost\x00", " localhost", "localhost ",
		"ip6-localhost", "localhost6", "localhost.localdomain",
	}
	for _, host := range yes {
		if !IsLoopback(host) {
			t.Errorf("IsLoopback(%q) = false, want true", host)
		}
	}
	for _, host := range no {
		if IsLoopback(host) {
			t.Errorf("IsLoopback(%q) = true, want false", host)
		}
	}
}

// FuzzIsLoopback holds the answer against the resolver's own reading: what the
// net package takes for an address must be loopback in its eyes as well.
func FuzzIsLoopback(f *testing.F) {
	for _, s := range []string{"localhost", "127.0.0.1", "::1", "a.localhost", "::ffff:127.0.0.1", "127.1", "[::1]", "::1%lo"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if !IsLoopback(host) {
			return
		}
		if ip := net.ParseIP(host); ip != nil {
			if !ip.IsLoopback() {
				t.Errorf("IsLoopback(%q), which is %v", host, ip)
			}
			return
		}
		if !strings.HasSuffix(strings.ToLower(host), "localhost") || strings.ContainsAny(host, ":/@%[]?# \\") {
			t.Errorf("IsLoopback(%q)", host)
		}
	})
}

func mustListen(t *testing.T, host string, port int) Listener {
	t.Helper()
	l, err := Listen(t.Context(), host, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// hasIPv6 skips the test on a machine without ::1.
func hasIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no ::1: %v", err)
	}
	l.Close()
}

func serve(t *testing.T, l net.Listener) {
	t.Helper()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestListenLocalhostServesBothFamilies(t *testing.T) {
	t.Parallel()
	hasIPv6(t)
	l := mustListen(t, "localhost", 0)
	serve(t, l)
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		addr := fmt.Sprintf("%s:%d", host, l.Port())
		for range 3 {
			if got, err := get(t, "http://"+addr); err != nil || got != addr {
				t.Errorf("%s answered %q, %v", addr, got, err)
			}
		}
	}
	port := l.Port()
	if want := fmt.Sprintf("http://localhost:%d", port); l.URL() != want {
		t.Errorf("URL() = %q, want %q", l.URL(), want)
	}
	want := []string{fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("[::1]:%d", port), fmt.Sprintf("localhost:%d", port)}
	if got := l.Hosts(); !slices.Equal(got, want) {
		t.Errorf("Hosts() = %q, want %q", got, want)
	}
}

func TestListenLiteralTakesOneFamily(t *testing.T) {
	t.Parallel()
	hasIPv6(t)
	for host, other := range map[string]string{"127.0.0.1": "[::1]", "::1": "127.0.0.1"} {
		l := mustListen(t, host, 0)
		serve(t, l)
		if _, err := get(t, l.URL()); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if got, err := get(t, fmt.Sprintf("http://%s:%d", other, l.Port())); err == nil {
			t.Errorf("listening on %s, %s answered %q", host, other, got)
		}
	}
}

func TestListenFixedPortTakenOnEitherFamily(t *testing.T) {
	t.Parallel()
	hasIPv6(t)
	for network, host := range map[string]string{"tcp4": "127.0.0.1", "tcp6": "[::1]"} {
		squatter, err := net.Listen(network, host+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer squatter.Close()
		port := portOf(squatter.Addr())
		l, err := Listen(t.Context(), "localhost", port)
		if err == nil {
			l.Close()
			t.Fatalf("listening on port %d, which is taken on %s", port, host)
		}
		if !isTaken(err) || !strings.Contains(err.Error(), squatter.Addr().String()) {
			t.Errorf("%s taken: error %q does not say so", squatter.Addr(), err)
		}
		if strings.Count(err.Error(), squatter.Addr().String()) != 1 {
			t.Errorf("error repeats the address: %q", err)
		}
		// Nothing stays behind on the other family.
		squatter.Close()
		if l, err = Listen(t.Context(), "localhost", port); err != nil {
			t.Errorf("after the port came free: %v", err)
			continue
		}
		l.Close()
	}
}

// TestListenSearch drives the search for a free port through the ways in which
// binding ::1 can go wrong, which no real machine shows on demand.
func TestListenSearch(t *testing.T) {
	t.Parallel()
	fail := func(no syscall.Errno) error { return &net.OpError{Op: "listen", Err: no} }
	for _, tt := range []struct {
		name   string
		port   int
		six    []error // for each try on ::1, nil = bound
		tries  int
		listen int // sockets in the end, 0 = an error
	}{
		{"free", 0, []error{nil}, 1, 2},
		{"taken twice, then free", 0, []error{fail(syscall.EADDRINUSE), fail(syscall.EADDRINUSE), nil}, 3, 2},
		{"always taken", 0, slices.Repeat([]error{fail(syscall.EADDRINUSE)}, attempts), attempts, 0},
		{"fixed and taken", 4711, []error{fail(syscall.EADDRINUSE)}, 1, 0},
		{"no ::1", 0, []error{fail(syscall.EADDRNOTAVAIL)}, 1, 1},
		{"no IPv6", 0, []error{fail(syscall.EAFNOSUPPORT)}, 1, 1},
		{"no ::1, fixed", 4711, []error{fail(syscall.EADDRNOTAVAIL)}, 1, 1},
		{"forbidden", 0, []error{fail(syscall.EPERM)}, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var four, six []*socket
			bind := func(_ context.Context, network, address string) (net.Listener, error) {
				ap := netip.MustParseAddrPort(address)
				if network == "tcp4" {
					s := &socket{port: tt.port}
					if s.port == 0 {
						s.port = 50000 + len(four)
					}
					four = append(four, s)
					return s, nil
				}
				s := &socket{port: int(ap.Port())}
				if want := four[len(four)-1].port; s.port != want {
					t.Errorf("::1 asked for port %d beside %d", s.port, want)
				}
				six = append(six, s)
				if err := tt.six[len(six)-1]; err != nil {
					return nil, err
				}
				return s, nil
			}
			l, err := listen(t.Context(), "localhost", tt.port, bind)
			if len(six) != tt.tries {
				t.Errorf("tried ::1 %d times, want %d", len(six), tt.tries)
			}
			for i, s := range four {
				if keep := tt.listen > 0 && i == len(four)-1; s.closed == keep {
					t.Errorf("127.0.0.1 socket %d: closed is %v", i, s.closed)
				}
			}
			if tt.listen == 0 {
				if err == nil {
					t.Error("no error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if n := len(l.(*listener).bound); n != tt.listen {
				t.Errorf("%d sockets, want %d", n, tt.listen)
			}
			if l.Port() != four[len(four)-1].port {
				t.Errorf("Port() = %d", l.Port())
			}
		})
	}
}

// socket is bound and never gets a connection.
type socket struct {
	port   int
	closed bool
}

func (s *socket) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (s *socket) Close() error              { s.closed = true; return nil }
func (s *socket) Addr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.port} }

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		ctx  context.Context
		host string
		port int
		want string
	}{
		{t.Context(), "0.0.0.0", 0, "not a loopback address"},
		{t.Context(), "", 0, "not a loopback address"},
		{t.Context(), "::", 0, "not a loopback address"},
		{t.Context(), "example.com", 0, `"example.com"`},
		{t.Context(), "localhost", -1, "port -1"},
		{t.Context(), "localhost", 65536, "port 65536"},
		{cancelled, "localhost", 0, "context canceled"},
	} {
		l, err := Listen(tt.ctx, tt.host, tt.port)
		if err == nil {
			l.Close()
			t.Errorf("Listen(%q, %d) listens", tt.host, tt.port)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Listen(%q, %d): %q, want %q in it", tt.host, tt.port, err, tt.want)
		}
	}
}

func TestCloseEndsAcceptAndFreesThePort(t *testing.T) {
	t.Parallel()
	l := mustListen(t, "localhost", 0)
	taken, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted.Close()
	done := make(chan error, 1)
	go func() { _, err := l.Accept(); done <- err }()
	// Give Accept the time to wait; without it the test is weaker, not wrong.
	time.Sleep(10 * time.Millisecond)
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("another Accept after Close: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	again, err := Listen(t.Context(), "localhost", l.Port())
	if err != nil {
		t.Fatalf("the port is not free after Close: %v", err)
	}
	again.Close()
}

// slowSocket takes its time to notice that it was closed.
type slowSocket struct {
	socket
	closing chan struct{}
	ended   atomic.Bool
}

func (s *slowSocket) Close() error { close(s.closing); return nil }

func (s *slowSocket) Accept() (net.Conn, error) {
	<-s.closing
	time.Sleep(20 * time.Millisecond)
	s.ended.Store(true)
	return nil, net.ErrClosed
}

func TestCloseWaits(t *testing.T) {
	t.Parallel()
	s := &slowSocket{closing: make(chan struct{})}
	newListener("localhost", []net.Listener{s}).Close()
	if !s.ended.Load() {
		t.Error("Close returned before Accept ended")
	}
}

// TestCloseDropsWaitingConnections: a client that connected and was never
// accepted must see the end, not hang.
func TestCloseDropsWaitingConnections(t *testing.T) {
	t.Parallel()
	l := mustListen(t, "localhost", 0)
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	time.Sleep(10 * time.Millisecond)
	l.Close()
	for i, conn := range conns {
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		_, err := conn.Read(make([]byte, 1))
		if ne, ok := errors.AsType[net.Error](err); err == nil || ok && ne.Timeout() {
			t.Errorf("connection %d is still open: %v", i, err)
		}
	}
}
