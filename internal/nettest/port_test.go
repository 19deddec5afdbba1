package nettest

import (
	"fmt"
	"net"
	"testing"
)

// TestFreePort: a port that is taken on either address is none, and who asks for any
// port gets no such one.
func TestFreePort(t *testing.T) {
	t.Parallel()
	port, err := FreePort()
	if err != nil || port < 10000 || port >= 32768 {
		t.Fatalf("%d, %v", port, err)
	}
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if free(port, []string{"127.0.0.1"}) {
		t.Errorf("%d is taken", port)
	}
}
