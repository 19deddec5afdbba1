package awscred

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// ServiceError is an answer of an identity pool or of STS that is not what was asked
// for: a refusal, a mistake in the request, or a server's fault.
type ServiceError struct {
	Op      string // GetId, GetCredentialsForIdentity, GetOpenIdToken, AssumeRoleWithWebIdentity
	At      string // what was asked: "identity pool us-east-1:…", "role arn:aws:iam::…"
	Code    string // the AWS error type without its name space: NotAuthorizedException
	Message string // AWS's own words; may be empty
	Status  int    // of HTTP
}

func (e *ServiceError) Error() string {
	text := fmt.Sprintf("%s: %s: ", e.At, e.Op)
	switch {
	case e.Code == "":
		return text + fmt.Sprintf("HTTP status %d", e.Status)
	case e.Message == "":
		return text + e.Code
	}
	return fmt.Sprintf("%s%s (%s)", text, strings.TrimSuffix(e.Message, "."), e.Code)
}

// Throttled tells a request that came too early, and had no effect.
// https://docs.aws.amazon.com/general/latest/gr/api-retries.html
func (e *ServiceError) Throttled() bool {
	switch e.Code {
	case "TooManyRequestsException", "ThrottlingException", "ThrottledException", "Throttling", "RequestLimitExceeded", "SlowDown":
		return true
	}
	return e.Status == http.StatusTooManyRequests
}

// NoAnswerError says that a service was not reached, or broke off.
type NoAnswerError struct {
	Op, At string
	Err    error
}

func (e *NoAnswerError) Error() string { return fmt.Sprintf("%s: %s: %v", e.At, e.Op, plain(e.Err)) }
func (e *NoAnswerError) Unwrap() error { return e.Err }

// plain takes away what net/http wraps around the cause: the method and the URL.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// AnswerError is an answer with success that cannot be what it says: no credentials
// in it, or some that AWS does not make. It quotes nothing of it.
type AnswerError struct {
	Op, At string
	Err    error
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s: %s: the answer is not one of AWS's: %v", e.At, e.Op, e.Err)
}
func (e *AnswerError) Unwrap() error { return e.Err }

// Passing tells trouble that may be over a moment later, and says nothing about
// whether credentials are due.
func Passing(err error) bool {
	var service *ServiceError
	var none *NoAnswerError
	switch {
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &service):
		return service.Throttled() || service.Status >= http.StatusInternalServerError
	}
	return errors.As(err, &none)
}

// unsent tells a request that had no effect and that may have one a moment later. A
// port where nobody listens and a name that is none stay so for that long.
func unsent(err error) bool {
	var service *ServiceError
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &service):
		return service.Throttled()
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.As(err, &op):
		return op.Op == "dial" && !strings.Contains(op.Error(), "refused")
	}
	return false
}
