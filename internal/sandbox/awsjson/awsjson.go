// Package awsjson answers in AWS JSON 1.1 over POST /, which several services of
// AWS share: how a body is read, a refusal worded and an answer written
// (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html). Which
// operations there are, and who may call them, is the services' own.
package awsjson

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

const contentType = "application/x-amz-json-1.1"

// Error is a refusal as AWS words it. Its text never holds a secret.
type Error struct {
	Type    string // the modelled name, such as NotAuthorizedException
	Message string
	Status  int // 0 means 400
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

func (e *Error) status() int {
	if e.Status != 0 {
		return e.Status
	}
	return http.StatusBadRequest
}

// Service is in what services differ. It is read only.
type Service struct {
	MaxBody  int64  // bytes of a request body
	TooLarge *Error // refuses a larger one
	Internal *Error // stands for a panic and for an error that is not an *Error
	// MessageHeader repeats a printable message in x-amzn-errormessage.
	MessageHeader bool
}

// Serve runs an operation and writes its answer. An error that is not an *Error
// is ours, not the client's, and stays unsaid. Every panic of run ends here.
func (s Service) Serve(w http.ResponseWriter, run func() (any, error)) {
	out, err := s.guard(run)
	if err != nil {
		s.refuse(w, err)
		return
	}
	s.write(w, http.StatusOK, out)
}

func (s Service) guard(run func() (any, error)) (out any, err error) {
	defer func() {
		if recover() != nil {
			out, err = nil, s.Internal
		}
	}()
	return run()
}

// ReadBody reads the body of a request. Its errors are *Error.
func (s Service) ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.MaxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, s.TooLarge
	}
	if err != nil {
		return nil, &Error{Type: "SerializationException", Message: "The request body ended early"}
	}
	return body, nil
}

// body is an error as clients read it.
type body struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

// refuse gives the type in the body and in x-amzn-errortype, where AWS puts a
// colon behind it.
func (s Service) refuse(w http.ResponseWriter, err error) {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		refusal = s.Internal
	}
	w.Header().Set("X-Amzn-Errortype", refusal.Type+":")
	if s.MessageHeader && isPrintable(refusal.Message) {
		w.Header().Set("X-Amzn-Errormessage", refusal.Message)
	}
	s.write(w, refusal.status(), body{refusal.Type, refusal.Message})
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func (s Service) write(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil { // an answer that cannot be written; two strings always can
		status = s.Internal.status()
		text, _ = json.Marshal(body{s.Internal.Type, s.Internal.Message})
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// An error here means that the client has gone.
	_, _ = w.Write(text)
}
