package nettest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// FreePort returns a TCP port of the loopback addresses that nobody holds, for whatever
// can only be told its number. It is none of those that systems give to whoever asks for
// any (from 32768 on Linux, 49152 elsewhere): the server of another test that starts a
// moment later does not take one of these.
func FreePort() (int, error) {
	addresses := []string{"127.0.0.1"}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		l.Close()
		addresses = append(addresses, "[::1]")
	}
	for range 100 {
		port := 10000 + rand.IntN(22000)
		if free(port, addresses) {
			return port, nil
		}
	}
	return 0, errors.New("a hundred ports between 10000 and 32000 are taken")
}

func free(port int, addresses []string) bool {
	for _, address := range addresses {
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address, port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}
