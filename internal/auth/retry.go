package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/cogctl/cogctl/internal/cache"
)

// policy says when an operation that failed is sent again. The SDK's own retries
// are off: it does not know what a second sending would cost.
type policy int

const (
	// ifUnsent sends again only what had no effect for sure. It is for operations that must
	// not have effect twice.
	ifUnsent policy = iota
	// atOnceIfLost also sends again when the answer was lost, the first time without a
	// pause. It is for refreshes that may have used their token up: a second sending can
	// lose nothing more, and the grace period in which it works may be short.
	atOnceIfLost
	// freely also sends again when the answer was lost, after a pause. It is for operations
	// that have the same effect twice as once.
	freely
)

// fate is what became of a request that failed.
type fate int

const (
	settled fate = iota // there is a definite answer
	unsent              // it had no effect: it never arrived, or was throttled
	lost                // nobody knows: the answer is missing, or is a server's fault
)

// fateOf reads from err, as apiError made it, what became of the request.
func fateOf(err error) fate {
	var service *ServiceError
	var answer *AnswerError
	var none *NoAnswerError
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &service) && service.throttled(), errors.As(err, &certificate):
		return unsent
	case errors.As(err, &service) && service.Status >= http.StatusInternalServerError:
		return lost
	case errors.As(err, &answer): // one with 200 was a success whose rest may have been cut off
		if answer.Status < 300 || answer.Status >= http.StatusInternalServerError {
			return lost
		}
	case errors.As(err, &op) && op.Op == "dial":
		return unsent
	case errors.As(err, &none):
		return lost
	}
	return settled
}

// throttled recognises the names that AWS has for too many requests. It refuses such a
// request before anything is done.
func (e *ServiceError) throttled() bool {
	switch e.Code {
	case "TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded", "SlowDown":
		return true
	}
	return e.Status == http.StatusTooManyRequests
}

// hopeful reports whether sending again a moment later may help.
func hopeful(err error) bool {
	var service *ServiceError
	var answer *AnswerError
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &service):
		return fateOf(err) != settled
	case errors.As(err, &answer) && answer.Status >= http.StatusInternalServerError:
		return true
	case errors.As(err, &answer) && fateOf(err) == settled: // whatever became of its body
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.As(err, &op) && op.Op == "dial":
		return !refusedDial(op)
	}
	return broken(err)
}

// broken recognises a connection that ended before the answer did. A server that is too
// slow is not meant: the time for it is over already.
func broken(err error) bool {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return true
	}
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	// net/http has no types for these.
	text := err.Error()
	return strings.Contains(text, "server closed") || strings.Contains(text, "http2:") || strings.Contains(text, "connection lost")
}

// Passing reports whether err is trouble that says nothing about a session and may be over
// a moment later: no answer, a server's fault, a throttle, a key set that cannot be had.
// That the run was stopped is no such trouble.
func Passing(err error) bool {
	var refused *RefusedError
	var service *ServiceError
	var none *NoAnswerError
	var keys *KeysError
	switch {
	case err == nil, errors.As(err, &refused), errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &service):
		return fateOf(err) != settled || service.Code == "LimitExceededException"
	}
	return errors.As(err, &none) || errors.As(err, &keys)
}

// The pauses between two sendings double from the first to the last. Patience is
// well below the 10 s for which others wait for the session's lock.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = time.Second
	patience   = 5 * time.Second
)

// repeat calls send until it succeeds, or until sending again is not allowed by the policy,
// cannot help (see hopeful), or the time is over: Patience since the result was wanted.
// The wait for the session's lock counts in, so where others tried in vain meanwhile there
// may be time for one sending only.
//
// Each pause is between half and one and a half of the planned one, so that jobs that were
// throttled together do not come back together. It ends with the caller, whose end send
// itself may outlive.
func (c *Client) repeat(ctx context.Context, p policy, send func(context.Context) error) error {
	caller, limit := cache.Caller(ctx), max(0, c.patience()-cache.Waited(ctx))
	patient, cancel := context.WithTimeout(caller, limit) // sending takes its time too
	defer cancel()
	replayed, waited := false, time.Duration(0) // waited: in pauses
	for pause := firstPause; ; {
		err := send(ctx)
		if err == nil || !hopeful(err) {
			return err
		}
		unheard := fateOf(err) == lost
		if unheard && p == ifUnsent {
			return err
		}
		if unheard && p == atOnceIfLost && !replayed {
			replayed = true
			continue
		}
		wait := pause/2 + rand.N(pause)
		if waited += wait; waited > limit {
			return err
		}
		if c.config.Pause(patient, wait) != nil {
			if caller.Err() != nil {
				return context.Cause(caller)
			}
			return err
		}
		pause = min(2*pause, lastPause)
	}
}

// patience is how long an operation is tried that may be sent again.
func (c *Client) patience() time.Duration {
	if c.config.Patience == 0 {
		return patience
	}
	return c.config.Patience
}

// Pause waits for d, or until ctx ends: then it returns the cause of that.
func Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
