//go:build conformance

package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// signatureServer answers 200 to a request with a good signature and 403 to any
// other, and keeps each request as it came over the wire.
type signatureServer struct {
	url  string
	mu   sync.Mutex
	came []arrival
}

type arrival struct {
	wire []byte
	at   time.Time
	err  error
}

func newSignatureServer(t *testing.T) *signatureServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &signatureServer{url: "http://" + listener.Addr().String()}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	return s
}

// serve takes one request of a connection.
func (s *signatureServer) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	var wire bytes.Buffer
	a := arrival{at: time.Now()}
	_, a.err = verifyRequest(bufio.NewReader(io.TeeReader(conn, &wire)), a.at)
	a.wire = wire.Bytes()
	s.mu.Lock()
	s.came = append(s.came, a)
	s.mu.Unlock()
	status, body := "200 OK", ""
	if a.err != nil {
		status, body = "403 Forbidden", a.err.Error()
	}
	fmt.Fprintf(conn, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

func verifyRequest(from *bufio.Reader, now time.Time) (*http.Request, error) {
	r, err := http.ReadRequest(from)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	find := func(id string) (sigv4.Credentials, bool) {
		return sigv4.Credentials{AccessKeyID: id, SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
			SessionToken: r.Header.Get("X-Amz-Security-Token")}, id == "AKIDEXAMPLE"
	}
	verifier := sigv4.Verifier{Scope: sigv4.Scope{Region: "us-east-1", Service: "execute-api"}}
	_, err = verifier.Verify(r, sigv4.PayloadHash(body), find, now)
	return r, err
}

// TestForeignSignatures: what curl and botocore sign and send is accepted, and
// with any bit of it turned round it is not, unless that bit says nothing.
func TestForeignSignatures(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, s *signatureServer)
		came int
	}{
		{"curl", curlCalls, 4},
		{"botocore", botocoreCalls, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSignatureServer(t)
			tt.run(t, s)
			if len(s.came) != tt.came {
				t.Fatalf("%d requests came, want %d", len(s.came), tt.came)
			}
			for _, a := range s.came {
				if a.err != nil {
					t.Errorf("%v\nof\n%s", a.err, a.wire)
					continue
				}
				turnBits(t, a)
			}
		})
	}
}

// curlCalls stay with URLs in canonical form: curl 7.88 neither escapes the path
// again nor sorts the query. Given an X-Amz-Date, it sends that twice.
func curlCalls(t *testing.T, s *signatureServer) {
	for _, args := range [][]string{
		{s.url + "/prod/items?a=1&b=2"},
		{s.url + "/prod/items", "-d", `{"k":"v"}`, "-H", "Content-Type: application/json"},
		{s.url + "/prod/items", "-H", "X-Amz-Security-Token: SESSIONTOKEN"},
		{s.url + "/prod/items", "-H", "X-Amz-Date: " + time.Now().UTC().Format("20060102T150405Z")},
	} {
		args = append([]string{"-qsS", "--fail-with-body", "--max-time", "20", "--aws-sigv4", "aws:amz:us-east-1:execute-api",
			"--user", "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, args...)
		if out, err := exec.CommandContext(t.Context(), "curl", args...).CombinedOutput(); err != nil {
			t.Errorf("curl %v: %v\n%s", args[len(args)-2:], err, out)
		}
	}
}

func botocoreCalls(t *testing.T, s *signatureServer) {
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "py/send.py", s.url).CombinedOutput()
	if want := "200\n200\n200\n"; err != nil || string(out) != want {
		t.Errorf("botocore (apt-get install python3-botocore): %v\n%s", err, out)
	}
}

// turnBits turns each bit of an accepted request round. What is still accepted
// must be the same message to net/http in all that is signed.
func turnBits(t *testing.T, a arrival) {
	t.Helper()
	original, err := verifyRequest(bufio.NewReader(bytes.NewReader(a.wire)), a.at)
	if err != nil {
		t.Errorf("not accepted twice: %v", err)
		return
	}
	refused := 0
	for i := range a.wire {
		for bit := range 8 {
			changed := bytes.Clone(a.wire)
			changed[i] ^= 1 << bit
			got, err := verifyRequest(bufio.NewReader(bytes.NewReader(changed)), a.at)
			var refusal *sigv4.VerifyError
			switch {
			case errors.As(err, &refusal):
				refused++
			case err == nil && !signedAlike(original, got):
				t.Errorf("bit %d of byte %d turned round, and accepted:\n%s", bit, i, changed)
			}
		}
	}
	if refused < 4*len(a.wire) {
		t.Errorf("%d of %d changes refused for their signature", refused, 8*len(a.wire))
	}
}

func signedAlike(a, b *http.Request) bool {
	_, list, _ := strings.Cut(a.Header.Get("Authorization"), "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	for name := range strings.SplitSeq(list, ";") {
		if name == "x-amz-date" { // curl sends it twice
			if a.Header.Get(name) != b.Header.Get(name) {
				return false
			}
		} else if !reflect.DeepEqual(a.Header.Values(name), b.Header.Values(name)) {
			return false
		}
	}
	return a.Method == b.Method && a.Host == b.Host && a.URL.EscapedPath() == b.URL.EscapedPath() &&
		reflect.DeepEqual(a.URL.Query(), b.URL.Query()) && a.Header.Get("Authorization") == b.Header.Get("Authorization")
}
