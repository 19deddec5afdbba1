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
	// ifUnsent is for what must not have effect twice.
	ifUnsent policy = iota
	// atOnceIfLost is for what a first sending may have used up: where that is so,
	// the next one tells, and there is nothing left to lose by it. Where the server
	// grants a moment for it, that moment runs.
	atOnceIfLost
	// freely is for what has the same effect twice as once.
	freely
)

// fate is what became of a request that failed.
type fate int

const (
	settled fate = iota // there is a definite answer
	unsent              // it had no effect: it never arrived, or was throttled
	lost                // nobody knows: the answer is missing, or is a server's fault
)

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
	case errors.As(err, &answer): // of an answer with 200 the rest may have been cut off
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

// throttled recognises the names that AWS has for a request too many. They are
// told before anything is done.
func (e *ServiceError) throttled() bool {
	switch e.Code {
	case "TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded", "SlowDown":
		return true
	}
	return e.Status == http.StatusTooManyRequests
}

// hopeful tells whether asking again a moment later may help.
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

// broken recognises a connection that ended before the answer did. A server that
// is too slow is not among them: its time is over already.
func broken(err error) bool {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return true
	}
	// net/http has no types for these.
	text := err.Error()
	return strings.Contains(text, "server closed") || strings.Contains(text, "http2:") || strings.Contains(text, "connection lost")
}

// Passing tells trouble that says nothing about a session, and that may be over
// a moment later: no answer, a server's fault, a throttle, a key set that cannot
// be had. A run that was stopped is none.
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

// repeat calls send until it succeeds, or sending again would help nobody: by the
// policy, by the kind of the error, or because the time is over. It pauses between
// half and one and a half of the planned time, so that jobs that were throttled
// together do not come back together, and no longer than whoever wants the result
// does. The time runs since the result was wanted: where others tried in vain while
// their lock was waited for, what is left of it may be for one sending only.
func (c *Client) repeat(ctx context.Context, p policy, send func(context.Context) error) error {
	caller, limit := cache.Caller(ctx), max(0, c.patience()-cache.Waited(ctx))
	patient, cancel := context.WithTimeout(caller, limit) // sending takes its time too
	defer cancel()
	replayed, waited := false, time.Duration(0)
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
