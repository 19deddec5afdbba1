// Package loopback listens where only this machine can connect, and keeps
// web pages of other sites away from what is served there.
//
// A loopback port is not private. Every page open in the user's browser can
// send requests to it: by its address, or, after DNS rebinding, under a name
// the page's author controls. [Guard] therefore checks the Host and the
// Origin of every request. Beyond that, "localhost" means two addresses:
// browsers and curl try ::1 first, other clients 127.0.0.1, and a port that is
// ours on one family and somebody else's on the other sends half of the
// clients to a stranger. [Listen] takes both or none.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// attempts bounds the search for a port that is free on both families. The
// kernel proposes a random free IPv4 port each time, so that a second try is
// already rare.
const attempts = 32

// Listener is a [net.Listener] on loopback, possibly on two addresses.
// Addr reports the first, the IPv4 one where there is one.
type Listener interface {
	net.Listener

	// Port is the port number, the same on every address.
	Port() int

	// URL is http://host:port, with the host as it was given to Listen.
	URL() string

	// Hosts are the host:port values a client may name this listener by, in
	// the form Guard.Hosts takes: the host given to Listen, localhost, and
	// the addresses listened on.
	Hosts() []string
}

// Listen opens a TCP port on loopback. The host is a literal loopback address,
// which is listened on alone, or "localhost" or a name under .localhost
// (RFC 6761, section 6.3), for which 127.0.0.1 and ::1 are taken on one port.
// A machine without ::1 is fine with 127.0.0.1 alone.
//
// Port 0 looks for a port that is free on every address. With any other port,
// an address where it is taken makes the whole call fail. The error wraps
// that of the operating system, and names the address.
//
// ctx bounds the call only; Close ends the listening.
func Listen(ctx context.Context, host string, port int) (Listener, error) {
	return listen(ctx, host, port, new(net.ListenConfig).Listen)
}

// bindFunc is the signature of [net.ListenConfig.Listen].
type bindFunc func(ctx context.Context, network, address string) (net.Listener, error)

func listen(ctx context.Context, host string, port int, bind bindFunc) (Listener, error) {
	if port < 0 || port > 65535 {
		return nil, fmt.Errorf("listen on %q: port %d is not in 0-65535", host, port)
	}
	first, second, err := addresses(host)
	if err != nil {
		return nil, err
	}
	var last error
	for range attempts {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("listen on %s: %w", host, err)
		}
		bound, err := bindAll(port, first, second, func(ip netip.Addr, port int) (net.Listener, error) { return bindOne(ctx, bind, ip, port) })
		if err == nil {
			return newListener(host, bound), nil
		}
		last = err
		if port != 0 || !isTaken(err) {
			break
		}
	}
	return nil, last
}

// addresses gives the address that must be there and, for a name, the one
// that may be absent.
func addresses(host string) (first, second netip.Addr, err error) {
	if !IsLoopback(host) {
		return first, second, fmt.Errorf("listen on %q: not a loopback address; use localhost, 127.0.0.1 or ::1", host)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap(), second, nil
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback(), nil
}

// bindAll takes the same port on both addresses, or none.
func bindAll(port int, first, second netip.Addr, bind func(netip.Addr, int) (net.Listener, error)) ([]net.Listener, error) {
	a, err := bind(first, port)
	if err != nil {
		return nil, err
	}
	if !second.IsValid() {
		return []net.Listener{a}, nil
	}
	b, err := bind(second, portOf(a.Addr()))
	switch {
	case err == nil:
		return []net.Listener{a, b}, nil
	case isAbsent(err):
		return []net.Listener{a}, nil
	}
	return nil, errors.Join(err, a.Close())
}

func bindOne(ctx context.Context, bind bindFunc, ip netip.Addr, port int) (net.Listener, error) {
	network := "tcp4"
	if ip.Is6() {
		// tcp6, so that no kernel setting widens ::1 to both families.
		network = "tcp6"
	}
	address := netip.AddrPortFrom(ip, uint16(port)).String()
	l, err := bind(ctx, network, address)
	if err != nil {
		return nil, bindError{address, err}
	}
	return l, nil
}

// bindError says the address once; the text of the [net.OpError] inside would
// repeat it.
type bindError struct {
	address string
	err     error
}

func (e bindError) Error() string {
	cause := e.err
	if op, ok := errors.AsType[*net.OpError](e.err); ok {
		cause = op.Err
	}
	return fmt.Sprintf("listen on %s: %v", e.address, cause)
}

func (e bindError) Unwrap() error { return e.err }

func portOf(a net.Addr) int {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return 0
	}
	return int(ap.Port())
}

// listener accepts from one or two sockets as if they were one.
type listener struct {
	host   string
	bound  []net.Listener
	conns  chan accepted
	done   chan struct{}
	close  func() error
	accept sync.WaitGroup
}

type accepted struct {
	conn net.Conn
	err  error
}

func newListener(host string, bound []net.Listener) *listener {
	l := &listener{
		host:  host,
		bound: bound,
		conns: make(chan accepted),
		done:  make(chan struct{}),
	}
	l.close = sync.OnceValue(l.shut)
	for _, b := range bound {
		l.accept.Go(func() { l.acceptFrom(b) })
	}
	return l
}

// acceptFrom passes on errors too: [net/http.Server] waits and tries again
// after a temporary one, such as too many open files.
func (l *listener) acceptFrom(b net.Listener) {
	for {
		conn, err := b.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case l.conns <- accepted{conn, err}:
		case <-l.done:
			if err == nil {
				conn.Close()
			}
			return
		}
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case a := <-l.conns:
		return a.conn, a.err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close returns when every socket is free again and no connection is held that
// a later Accept could hand out. It may be called twice.
func (l *listener) Close() error { return l.close() }

func (l *listener) shut() error {
	close(l.done)
	var errs []error
	for _, b := range l.bound {
		errs = append(errs, b.Close())
	}
	l.accept.Wait()
	return errors.Join(errs...)
}

func (l *listener) Addr() net.Addr { return l.bound[0].Addr() }

func (l *listener) Port() int { return portOf(l.Addr()) }

func (l *listener) URL() string {
	return "http://" + net.JoinHostPort(l.host, strconv.Itoa(l.Port()))
}

func (l *listener) Hosts() []string {
	port := strconv.Itoa(l.Port())
	hosts := []string{net.JoinHostPort(l.host, port), net.JoinHostPort("localhost", port)}
	for _, b := range l.bound {
		hosts = append(hosts, b.Addr().String())
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// IsLoopback reports whether the host, without port and brackets as
// [net/url.URL.Hostname] gives it, always means this machine: a literal
// loopback address, "localhost", or a name under .localhost, upper or lower
// case.
//
// It looks nothing up, and in doubt the answer is no. "127.0.0.1.evil.com" is
// a name in somebody's zone. "localhost." and an address with a zone are
// second spellings of what has one already, and would make two origins of one
// host. 127.1, 0x7f000001 and 2130706433 are addresses to some resolvers and
// names to others. 0.0.0.0 is every interface. ::ffff:127.0.0.1 is 127.0.0.1.
func IsLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == "" && ip.IsLoopback()
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !isLabel(label) {
			return false
		}
	}
	return len(host) <= 253 && strings.EqualFold(labels[len(labels)-1], "localhost")
}

// isLabel reports whether s can stand between two dots of a host name
// (RFC 1123, section 2.1; the underscore is what people use besides).
func isLabel(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}
