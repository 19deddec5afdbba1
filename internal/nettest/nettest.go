// Package nettest is for tests that start servers.
package nettest

import (
	"net/http"
	"testing"
)

// Tests runs a package's tests with the connections of each kept from the others.
// httptest.Server.Close also closes the idle connections of http.DefaultTransport,
// which all tests share that name no transport of their own; where they run side by
// side, a request of another test now and then ends with "use of closed network
// connection". Here it does not find them. A server closes what it holds itself.
type Tests struct{ M *testing.M }

// Run is M.Run. Its result is the exit code of the test binary.
func (t Tests) Run() int {
	http.DefaultTransport = apart(http.DefaultTransport)
	return t.M.Run()
}

// apart hides all methods of transport but RoundTrip.
func apart(transport http.RoundTripper) http.RoundTripper {
	return struct{ http.RoundTripper }{transport}
}
