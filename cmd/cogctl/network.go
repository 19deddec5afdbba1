package main

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cogctl/cogctl/internal/loopback"
)

// proxyFor is the proxy of the environment, but never for this machine itself:
// plain http is allowed to loopback because it does not leave the machine, which
// must then be so.
func proxyFor(r *http.Request) (*url.URL, error) {
	if loopback.IsLoopback(r.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// dial connects. A name that means this machine is not looked up: a resolver that
// answers otherwise would get what plain http is trusted with.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	host, port, err := net.SplitHostPort(address)
	if err != nil || !loopback.IsLoopback(host) || net.ParseIP(host) != nil {
		return dialer.DialContext(ctx, network, address)
	}
	conn, err := dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		if six, failed := dialer.DialContext(ctx, network, net.JoinHostPort("::1", port)); failed == nil {
			return six, nil
		}
	}
	return conn, err
}
