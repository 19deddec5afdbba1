package transport_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/transport"
)

// closedEarly is the body of a request as AWS's SDK has it: closed by the caller when
// the headers of the answer are there, and from then on an error to whoever still
// looks at it.
type closedEarly struct {
	io.Reader
	once   sync.Once
	closed chan struct{}
}

func (b *closedEarly) WriteTo(io.Writer) (int64, error) {
	select {
	case <-b.closed:
	case <-time.After(30 * time.Second):
	}
	return 0, io.EOF
}

func (b *closedEarly) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// TestBodyClosedBeforeTheAnswerIsRead is a caller who closes the request's body between
// the headers and the rest of the answer.
func TestBodyClosedBeforeTheAnswerIsRead(t *testing.T) {
	t.Parallel()
	rest := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.WriteString(w, "first ")
		w.(http.Flusher).Flush()
		<-rest
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sent := strings.Repeat("x", 100<<10)
	body := &closedEarly{Reader: strings.NewReader(sent), closed: make(chan struct{})}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len(sent))
	response, err := transport.Client(http.DefaultTransport).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_ = body.Close()
	time.Sleep(50 * time.Millisecond) // for the connection to be closed, if it will be
	close(rest)
	got, err := io.ReadAll(response.Body)
	if err != nil || string(got) != "first "+sent {
		t.Errorf("the answer has %d bytes, %v", len(got), err)
	}
}
