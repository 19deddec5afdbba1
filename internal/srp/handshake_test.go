package srp

import (
	"bytes"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var (
	handshakes = flag.Int("srp.handshakes", 40,
		"how many random handshakes TestHandshakes runs; one takes about 12 ms: go test ./internal/srp -run Handshakes -srp.handshakes=3000")
	handshakeSeed = flag.Uint64("srp.seed", 0,
		"the seed of TestHandshakes, to repeat a failure it reported; 0 draws one")
)

var goldenTime = time.Date(2026, time.November, 5, 15, 4, 5, 0, time.UTC)

// The golden vector was computed with amazon-cognito-identity-js as client and,
// independently, as server. salt, A, B and u all have the top bit set.
const (
	goldenSalt      = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
	goldenASHA256   = "244733b9ccc4d789997ca36868525797a339344c1305d24b75e372be5920deb3"
	goldenX         = "ac463e59e9847720df23815ff55d48d090cc6ec585555b1ba281ef8690c8710a"
	goldenU         = "98e5055a2db31ce48f81ed66b1b39580438efcb1b102cff24cb25afd3d18a27f"
	goldenKey       = "8d8a000b04987db7233d5372d2e5058a"
	goldenBlock     = "c2VjcmV0LWJsb2NrLWJ5dGVz"
	goldenTimestamp = "Thu Nov 5 15:04:05 UTC 2026"
	goldenSignature = "+aF5fKJSWjKF/Y1lFMFsjZvsb0ggH08nQpuMxlwtTWs="
)

var goldenID = Identity{Pool: "TESTPOOL1", User: "alice", Password: "Passw0rd!"}

// fixed returns a random source that gives the number of hex digits, as n bytes.
func fixed(t testing.TB, digits string, n int) io.Reader {
	t.Helper()
	b, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(append(make([]byte, n-len(b)), b...))
}

// golden returns both halves of the golden vector.
func golden(t testing.TB) (*Client, *Server) {
	t.Helper()
	client, err := NewClient(fixed(t, "1234567890abcdef", secretBytes))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := NewVerifier(fixed(t, goldenSalt, saltBytes), goldenID)
	if err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(fixed(t, "fedcba0987654321", secretBytes), stored, client.A())
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestGolden(t *testing.T) {
	t.Parallel()
	client, server := golden(t)
	wantEqual(t, "length of A", len(client.A()), 768)
	wantEqual(t, "A begins", client.A()[:32], "adb1387b0c2dae5615150e8fe837d983")
	wantEqual(t, "SHA256 of A's text", fmt.Sprintf("%x", sha256.Sum256([]byte(client.A()))), goldenASHA256)
	wantEqual(t, "x", goldenID.x(server.salt).Text(16), goldenX)
	wantEqual(t, "salt", server.Salt(), goldenSalt)
	wantEqual(t, "length of B", len(server.B()), 768)
	wantEqual(t, "B begins", server.B()[:32], "a484ddb33e1bfdb40749524dbb40bbd3")
	wantEqual(t, "B ends", server.B()[752:], "611e5ab8f7e068f4")
	wantEqual(t, "u", server.u.Text(16), goldenU)
	serverKey, err := server.key()
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "key", hex.EncodeToString(serverKey), goldenKey)

	proof, err := client.Prove(goldenID, Challenge{Salt: server.Salt(), B: server.B(), SecretBlock: goldenBlock}, goldenTime)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "proof", proof, Proof{Signature: goldenSignature, SecretBlock: goldenBlock, Timestamp: goldenTimestamp})
	if !server.Verify("TESTPOOL1", "alice", []byte("secret-block-bytes"), goldenTime, goldenSignature) {
		t.Error("the golden signature does not verify")
	}
}

// TestVerifyRefuses changes one thing at a time in what verifies.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	_, server := golden(t)
	key, err := server.key()
	if err != nil {
		t.Fatal(err)
	}
	// As a client signs that writes the day with a leading zero.
	leadingZero := claim{pool: "TESTPOOL1", user: "alice", secretBlock: []byte("secret-block-bytes"),
		timestamp: "Thu Nov 05 15:04:05 UTC 2026"}.sign(key)
	type answer struct {
		pool, user, block string
		at                time.Time
		signature         string
	}
	right := answer{"TESTPOOL1", "alice", "secret-block-bytes", goldenTime, goldenSignature}
	tests := []struct {
		name   string
		change func(*answer)
		want   bool
	}{
		{"control", func(*answer) {}, true},
		{"same instant elsewhere", func(a *answer) { a.at = a.at.In(time.FixedZone("", 7200)) }, true},
		{"fraction of a second", func(a *answer) { a.at = a.at.Add(time.Second - 1) }, true},
		{"other pool", func(a *answer) { a.pool = "TESTPOOL2" }, false},
		{"other user", func(a *answer) { a.user = "Alice" }, false},
		{"other block", func(a *answer) { a.block = "secret-block-byteS" }, false},
		{"no block", func(a *answer) { a.block = "" }, false},
		{"a second later", func(a *answer) { a.at = a.at.Add(time.Second) }, false},
		{"twelve hours earlier", func(a *answer) { a.at = a.at.Add(-12 * time.Hour) }, false},
		{"day signed with a leading zero", func(a *answer) { a.signature = leadingZero }, false},
		{"no signature", func(a *answer) { a.signature = "" }, false},
		{"cut signature", func(a *answer) { a.signature = a.signature[:43] }, false},
		{"longer signature", func(a *answer) { a.signature += "=" }, false},
		{"first character", func(a *answer) { a.signature = "-" + a.signature[1:] }, false},
		{"spare bits of base64", func(a *answer) { a.signature = a.signature[:42] + "t=" }, false},
	}
	for _, tt := range tests {
		a := right
		tt.change(&a)
		if got := server.Verify(a.pool, a.user, []byte(a.block), a.at, a.signature); got != tt.want {
			t.Errorf("%s: Verify = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// newSource returns a repeatable random source.
func newSource(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// handshake signs id in against v, with its password and with a wrong one.
func handshake(source *rand.ChaCha8, id Identity, v Verifier) error {
	for _, wrong := range []bool{false, true} {
		// A wrong password costs a second handshake, so most go without.
		if wrong && source.Uint64()%8 != 0 {
			continue
		}
		attempt := id
		if wrong {
			attempt.Password += " "
		}
		verified, err := attemptSignIn(source, attempt, v)
		if err != nil {
			return err
		}
		if verified == wrong {
			return fmt.Errorf("%s: wrong password %v, verified %v", id, wrong, verified)
		}
	}
	return nil
}

// attemptSignIn passes between client and server what goes over the wire.
func attemptSignIn(source io.Reader, id Identity, v Verifier) (bool, error) {
	client, err := NewClient(source)
	if err != nil {
		return false, err
	}
	server, err := NewServer(source, v, client.A())
	if err != nil {
		return false, err
	}
	block := make([]byte, 48)
	if _, err := io.ReadFull(source, block); err != nil {
		return false, err
	}
	at := time.Unix(int64(binary.BigEndian.Uint32(block)), 0)
	ch := Challenge{Salt: server.Salt(), B: server.B(), SecretBlock: base64.StdEncoding.EncodeToString(block)}
	proof, err := client.Prove(id, ch, at)
	if err != nil {
		return false, err
	}
	claimed, err := ParseTimestamp(proof.Timestamp)
	if err != nil {
		return false, err
	}
	if !claimed.Equal(at) {
		return false, fmt.Errorf("TIMESTAMP %q for %s", proof.Timestamp, at)
	}
	return server.Verify(id.Pool, id.User, block, claimed, proof.Signature), nil
}

// randomIdentity returns a user or, half the time, a device.
func randomIdentity(source *rand.ChaCha8) (Identity, Verifier, error) {
	if source.Uint64()%2 == 0 {
		id := Identity{Pool: fmt.Sprintf("-%x", source.Uint64()), User: fmt.Sprintf("us-east-1_%x", source.Uint64())}
		secret, err := NewDeviceSecret(source, id.Pool, id.User)
		if err != nil {
			return id, Verifier{}, err
		}
		id.Password = secret.Password
		v, err := ParseDeviceVerifier(secret.Salt, secret.Verifier)
		return id, v, err
	}
	letters := []rune("abcXYZ019 :_@.!äß日本😀\x00\u0301")
	word := func(most uint64) string {
		var b strings.Builder
		for range 1 + source.Uint64()%most {
			b.WriteRune(letters[source.Uint64()%uint64(len(letters))])
		}
		return b.String()
	}
	id := Identity{Pool: word(12), User: word(40), Password: word(99)}
	v, err := NewVerifier(source, id)
	return id, v, err
}

// TestHandshakes runs client against server with random users, devices and
// passwords. Numbers with leading zeros, where padding goes wrong, come once in
// a few hundred: -srp.handshakes=3000 meets them.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	seed := *handshakeSeed
	if seed == 0 {
		var drawn [8]byte
		cryptorand.Read(drawn[:])
		seed = binary.BigEndian.Uint64(drawn[:])
	}
	const workers = 4
	for w := range workers {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			t.Parallel()
			for i := w; i < *handshakes; i += workers {
				source := newSource(seed + uint64(i))
				id, v, err := randomIdentity(source)
				if err == nil {
					err = handshake(source, id, v)
				}
				if err != nil {
					t.Fatalf("handshake %d: %v (repeat with -srp.seed=%d)", i, err, seed)
				}
			}
		})
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	v, err := NewVerifier(newSource(2), goldenID)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		id   Identity
		want bool
	}{
		{"right", goldenID, true},
		{"other case", Identity{"TESTPOOL1", "alice", "passw0rd!"}, false},
		{"empty", Identity{"TESTPOOL1", "alice", ""}, false},
		{"space after it", Identity{"TESTPOOL1", "alice", "Passw0rd! "}, false},
		{"other user", Identity{"TESTPOOL1", "bob", "Passw0rd!"}, false},
		{"other pool", Identity{"TESTPOOL2", "alice", "Passw0rd!"}, false},
	}
	for _, tt := range tests {
		got, err := attemptSignIn(newSource(3), tt.id, v)
		if err != nil || got != tt.want {
			t.Errorf("%s: verified %v (%v), want %v", tt.name, got, err, tt.want)
		}
	}
}

// TestClientIsReadOnly proves twice at once with one client and one server.
func TestClientIsReadOnly(t *testing.T) {
	t.Parallel()
	client, server := golden(t)
	ch := Challenge{Salt: server.Salt(), B: server.B(), SecretBlock: goldenBlock}
	done := make(chan error)
	for range 2 {
		go func() {
			proof, err := client.Prove(goldenID, ch, goldenTime)
			if err == nil && !server.Verify("TESTPOOL1", "alice", []byte("secret-block-bytes"), goldenTime, proof.Signature) {
				err = errors.New("a concurrent proof does not verify")
			}
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkClientProve(b *testing.B) {
	client, server := golden(b)
	ch := Challenge{Salt: server.Salt(), B: server.B(), SecretBlock: goldenBlock}
	for b.Loop() {
		if _, err := client.Prove(goldenID, ch, goldenTime); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkServer(b *testing.B) {
	client, _ := golden(b)
	stored, err := NewVerifier(newSource(4), goldenID)
	if err != nil {
		b.Fatal(err)
	}
	a := client.A()
	for b.Loop() {
		server, err := NewServer(cryptorand.Reader, stored, a)
		if err != nil {
			b.Fatal(err)
		}
		if server.Verify("TESTPOOL1", "alice", []byte("secret-block-bytes"), goldenTime, goldenSignature) {
			b.Fatal("a signature over another B verifies")
		}
	}
}
