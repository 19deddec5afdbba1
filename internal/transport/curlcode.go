package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
)

// The exit codes of curl (curl(1), "EXIT CODES") that CurlCode knows.
const (
	CurlResolve     = 6  // could not resolve host
	CurlConnect     = 7  // could not connect
	CurlPartial     = 18 // the body ended early
	CurlReadFile    = 26 // a file to send could not be read
	CurlTimeout     = 28
	CurlTLS         = 35 // TLS handshake
	CurlRedirects   = 47 // too many redirects
	CurlEmptyReply  = 52 // connection closed without an answer
	CurlSend        = 55
	CurlReceive     = 56
	CurlCertificate = 60
	CurlRewind      = 65 // a body that cannot be sent again
)

// CurlCode gives the number with which curl would have exited for err, or 0
// when none fits: err is nil, an interruption, or no error of the network.
// Errors of Phases are told more precisely than bare ones of net/http.
//
// A proxy that cannot be resolved is 6 as well. curl has 5 for it, which
// elsewhere in cogctl means that an authorization was refused.
func CurlCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[*RedirectError](err); ok {
		return CurlRedirects
	}
	if isTimeout(err) {
		return CurlTimeout
	}
	if errors.Is(err, context.Canceled) {
		return 0
	}
	if isCertificate(err) {
		return CurlCertificate
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return CurlReadFile
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return CurlResolve
	}
	if pe, ok := errors.AsType[*PhaseError](err); ok {
		return phaseCode(pe)
	}
	return bareCode(err)
}

// isTimeout tells a time limit of ours, or of a connection. A resolver that
// gave no answer is not one: curl calls that "could not resolve".
func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return false
	}
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func isCertificate(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
		roots        x509.SystemRootsError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) ||
		errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &roots)
}

func phaseCode(pe *PhaseError) int {
	switch pe.Phase {
	case PhaseConnect:
		return CurlConnect
	case PhaseTunnel:
		if hasOp(pe.Err, "socks connect") {
			return CurlConnect
		}
	case PhaseHandshake:
		return CurlTLS
	case PhaseBody:
		if errors.Is(pe.Err, io.ErrUnexpectedEOF) {
			return CurlPartial
		}
	case PhaseExchange:
		if errors.Is(pe.Err, io.EOF) || isIdleClose(pe.Err) {
			return CurlEmptyReply
		}
		if isSend(pe.Err) {
			return CurlSend
		}
	}
	return CurlReceive
}

// bareCode judges an error that does not say how far the request got.
func bareCode(err error) int {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch),
		hasOp(err, "remote error", "local error"): // crypto/tls, alerts received and sent
		return CurlTLS
	case hasOp(err, "dial", "proxyconnect", "socks connect"):
		return CurlConnect
	case isSend(err):
		return CurlSend
	case hasOp(err, "read"):
		return CurlReceive
	case errors.Is(err, io.ErrUnexpectedEOF):
		return CurlPartial
	case errors.Is(err, io.EOF), isIdleClose(err):
		return CurlEmptyReply
	}
	return 0
}

// isSend knows the operations by which package net writes, the copying system
// calls included.
func isSend(err error) bool { return hasOp(err, "write", "writev", "readfrom", "sendfile", "splice") }

// isIdleClose recognises the error for a kept connection that the server closed
// in the meantime. net/http has no type for it.
func isIdleClose(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err.Error() == "http: server closed idle connection" {
			return true
		}
	}
	return false
}

// hasOp reports whether err or an error inside it is a *net.OpError of one of
// the operations. They nest: "proxyconnect" holds a "dial".
func hasOp(err error, ops ...string) bool {
	for {
		oe, ok := errors.AsType[*net.OpError](err)
		if !ok {
			return false
		}
		for _, op := range ops {
			if oe.Op == op {
				return true
			}
		}
		err = oe.Err
	}
}
