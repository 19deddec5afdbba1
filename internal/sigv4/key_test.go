package sigv4

import (
	"fmt"
	"testing"
)

// TestKeyCacheIsBounded: a server that names ever new regions fills no memory.
func TestKeyCacheIsBounded(t *testing.T) {
	t.Parallel()
	var k keyCache
	for i := range 10 * maxKeys {
		sc := Scope{Region: fmt.Sprint("r-", i), Service: "s"}
		if got := k.derive("secret", "20240115", sc); got != derive("secret", "20240115", sc) {
			t.Fatalf("key %d is wrong", i)
		}
		if len(k.keys) > maxKeys {
			t.Fatalf("%d keys are kept, want at most %d", len(k.keys), maxKeys)
		}
	}
}
