package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// Phase is how far a request got.
type Phase int32

// The phases, in their order.
const (
	PhaseConnect   Phase = iota // looking up and dialling, the server or its proxy
	PhaseTunnel                 // connected; asking a proxy for a tunnel
	PhaseHandshake              // TLS
	PhaseExchange               // sending the request, waiting for the headers
	PhaseBody                   // reading the body
)

// PhaseError is an error of a request with how far it got. net/http reports a
// connection closed during the TLS handshake and one closed instead of an
// answer by the same io.EOF; only the phase tells them apart.
type PhaseError struct {
	Phase Phase
	Host  string // of the URL
	Err   error
}

func (e *PhaseError) Error() string {
	var record tls.RecordHeaderError
	switch {
	case e.Phase == PhaseExchange && errors.Is(e.Err, io.EOF):
		return e.Host + " closed the connection without an answer"
	case e.Phase == PhaseHandshake && errors.As(e.Err, &record) && string(record.RecordHeader[:]) == "HTTP/":
		return e.Host + " speaks plain HTTP there, not TLS"
	case e.Phase == PhaseHandshake:
		return fmt.Sprintf("TLS handshake with %s: %v", e.Host, e.Err)
	case e.Phase == PhaseTunnel && !isTimeout(e.Err) && !errors.Is(e.Err, context.Canceled):
		return fmt.Sprintf("no tunnel to %s through the proxy: %v", e.Host, e.Err)
	}
	return e.Err.Error()
}

func (e *PhaseError) Unwrap() error { return e.Err }

// Timeout passes on what the error says, for net.Error.
func (e *PhaseError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// Temporary completes net.Error.
func (e *PhaseError) Temporary() bool { return false }

// Phases makes every network error of Base, also one while reading the body, a
// *PhaseError. It belongs directly around the *http.Transport, so that no
// other RoundTripper's error is taken for a network's.
type Phases struct{ Base http.RoundTripper }

// RoundTrip sends r unchanged.
func (p Phases) RoundTrip(r *http.Request) (*http.Response, error) {
	var at progress
	ctx := httptrace.WithClientTrace(r.Context(), at.hooks())
	resp, err := p.Base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, &PhaseError{Phase: at.phase(), Host: r.URL.Host, Err: err}
	}
	resp.Request = r
	if resp.StatusCode != http.StatusSwitchingProtocols { // that body is also written to
		resp.Body = &phaseBody{ReadCloser: resp.Body, host: r.URL.Host}
	}
	return resp, nil
}

// progress follows one request. The hooks run on several goroutines.
type progress struct{ v atomic.Int32 }

func (p *progress) phase() Phase { return Phase(p.v.Load()) }

// to moves from one phase to another, and does nothing in a third: a dial that
// lost the race against an idle connection goes on in the background and must
// not take the request back from its exchange.
func (p *progress) to(from, at Phase) { p.v.CompareAndSwap(int32(from), int32(at)) }

func (p *progress) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { p.v.Store(int32(PhaseConnect)) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				p.to(PhaseConnect, PhaseTunnel)
			}
		},
		TLSHandshakeStart: func() {
			p.to(PhaseConnect, PhaseHandshake) // a dialler that does not report
			p.to(PhaseTunnel, PhaseHandshake)
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil { // with an https proxy the tunnel comes after a first handshake
				p.to(PhaseHandshake, PhaseTunnel)
			}
		},
		GotConn: func(httptrace.GotConnInfo) { p.v.Store(int32(PhaseExchange)) },
	}
}

type phaseBody struct {
	io.ReadCloser
	host string
}

func (b *phaseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = &PhaseError{Phase: PhaseBody, Host: b.host, Err: err}
	}
	return n, err
}
