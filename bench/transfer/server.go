package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// What the calls are authorized by: made up, and good here only.
const (
	token  = "a-token-of-the-benchmark"
	keyID  = "AKIAIOSFODNN7EXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// server takes and gives data, and checks all of it.
type server struct {
	url  string
	http *http.Server

	mu    sync.Mutex
	size  int64
	ready chan struct{} // closed when the size is known
	read  func()
	err   error
}

func listen() (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{url: "http://" + listener.Addr().String(), ready: make(chan struct{})}
	s.http = &http.Server{Handler: s}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

func (s *server) Close() { _ = s.http.Close() }

// expect says what the next transfer is, and how to read the memory at its end.
func (s *server) expect(size int64, read func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size, s.read, s.err = size, read, errors.New("no request came")
	close(s.ready)
}

func (s *server) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	<-s.ready
	s.mu.Lock()
	size, read := s.size, s.read
	s.mu.Unlock()
	err := s.serve(w, r, size)
	read()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.ready = err, make(chan struct{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (s *server) serve(w http.ResponseWriter, r *http.Request, size int64) error {
	down := r.Header.Get("X-Down") != ""
	sum := sha256.New()
	want := &checked{left: size}
	into := io.Writer(want)
	if signed := strings.HasPrefix(r.Header.Get("Authorization"), sigv4.Algorithm); signed {
		into = io.MultiWriter(want, sum)
	}
	if _, err := io.CopyBuffer(into, r.Body, make([]byte, 256<<10)); err != nil {
		return err
	}
	if !down && want.left != 0 {
		return fmt.Errorf("%d bytes are missing", want.left)
	}
	if err := authorized(r, hex.EncodeToString(sum.Sum(nil))); err != nil || !down {
		return err
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	_, err := io.CopyN(w, &endless{}, size)
	return err
}

func authorized(r *http.Request, payloadHash string) error {
	if r.Header.Get("Authorization") == "Bearer "+token {
		return nil
	}
	_, err := sigv4.Verify(r, payloadHash, func(id string) (sigv4.Credentials, bool) {
		return sigv4.Credentials{AccessKeyID: id, SecretAccessKey: secret}, id == keyID
	}, time.Now())
	return err
}
