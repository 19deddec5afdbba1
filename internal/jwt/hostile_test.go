package jwt

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// talker is a server on the other end of a pipe: it says what it likes to each
// request, in a bubble of fake time.
type talker struct {
	asked int
	say   func(w io.Writer)
}

func (s *talker) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			s.asked++
			go func() {
				defer theirs.Close()
				if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
					s.say(theirs)
				}
			}()
			return ours, nil
		},
	}}
}

func hang(d time.Duration) func(io.Writer) { return func(io.Writer) { time.Sleep(d) } }

// drip says first, then again and again more, with pauses, until nobody listens.
func drip(first, more string, pause time.Duration) func(io.Writer) {
	return func(w io.Writer) {
		_, err := io.WriteString(w, first)
		for err == nil {
			time.Sleep(pause)
			_, err = io.WriteString(w, more)
		}
	}
}

const okHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

// TestHostileSlow: whatever the server drags out, the caller waits ten seconds,
// once, hears why, and keys that are at hand serve.
func TestHostileSlow(t *testing.T) {
	t.Parallel()
	keys := oneKey(t)
	for name, say := range map[string]func(io.Writer){
		"silent":           hang(time.Hour),
		"endless headers":  drip("HTTP/1.1 200 OK\r\n", "X-More: "+strings.Repeat("x", 50)+"\r\n", time.Second),
		"headers at once":  drip("HTTP/1.1 200 OK\r\n", "X-More: "+strings.Repeat("x", 50_000)+"\r\n", 0),
		"dripping body":    drip(okHead+"Content-Length: 100000\r\n\r\n", " ", time.Second),
		"dripping chunks":  drip(okHead+"Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", time.Second),
		"endless chunks":   drip(okHead+"Transfer-Encoding: chunked\r\n\r\n", "1000\r\n"+strings.Repeat(" ", 4096)+"\r\n", 0),
		"interim answers":  drip("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", time.Second),
		"hangs up":         func(io.Writer) {},
		"hangs up mid-way": func(w io.Writer) { _, _ = io.WriteString(w, okHead+"Content-Length: 5000\r\n\r\n{") },
		"no HTTP":          func(w io.Writer) { _, _ = io.WriteString(w, "SSH-2.0-OpenSSH_9.9\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &talker{say: say}
				raw := sign(t, idClaims())
				start := time.Now()
				clock := func() time.Time { return testNow.Add(time.Since(start)) }
				fresh := &RemoteKeys{URL: testSource, Client: server.client(), Now: clock}
				for range 100 { // a batch of tokens
					r := Verify(t.Context(), raw, fresh, idPolicy())
					if outcome(r) != "kid:keys_unavailable signature:unjudged" || strings.Count(check(t, r, CheckKeyID).Detail, testSource) != 1 {
						t.Fatal(r.Err())
					}
				}
				if waited := time.Since(start); waited > fetchTimeout+time.Second || server.asked > 1 {
					t.Errorf("waited %v, asked %d times", waited, server.asked)
				}
				stored := Stored{Data: keys, Fetched: clock().Add(-2 * time.Hour)}
				stale := &RemoteKeys{URL: testSource, Client: server.client(), Now: clock, Load: func(string) (Stored, bool) { return stored, true }}
				start2 := time.Now()
				for range 100 {
					if r := Verify(t.Context(), raw, stale, idPolicy()); !r.OK() {
						t.Fatal(r.Err())
					}
				}
				if waited := time.Since(start2); waited > fetchTimeout+time.Second || server.asked > 2 {
					t.Errorf("with keys at hand: waited %v, asked %d times", waited, server.asked)
				}
				time.Sleep(2 * time.Hour) // whoever still talks is done
			})
		})
	}
}

// bomb is a gzip stream of n spaces, made as it is read.
func bomb(n int64) io.Reader {
	r, w := io.Pipe()
	go func() {
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		_, err := io.CopyN(z, &endless{}, n)
		_ = w.CloseWithError(errors.Join(err, z.Close()))
	}()
	return r
}

// TestHostileMemory is not parallel: it measures what the process allocates.
func TestHostileMemory(t *testing.T) {
	manyKeys := func(n int, key func(i int) string) []byte {
		var b strings.Builder
		b.WriteString(`{"keys":[` + strings.TrimSuffix(strings.TrimPrefix(string(oneKey(t)), `{"keys":[`), `]}`))
		for i := range n {
			b.WriteString("," + key(i))
		}
		b.WriteString("]}")
		return []byte(b.String())
	}
	modulus, same := signerTwo().Public(), string(firstJWK(t))
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		found  bool // the good key among the bad ones
		detail string
	}{
		{"gzip bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.Copy(w, bomb(1<<30))
		}, false, "more than 1048576 bytes"},
		{"bomb in a bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.Copy(z, io.LimitReader(bomb(4<<20), 1<<20))
			_ = z.Close()
		}, false, "not a JWK set"},
		{"unasked encoding", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = w.Write([]byte{0x8b, 0x02, 0x80, 0x7b, 0x7d, 0x03})
		}, false, "not a JWK set"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, &endless{}, 1<<30) }, false, "more than 1048576 bytes"},
		{"100,000 nothings", serve(manyKeys(100_000, func(int) string { return "{}" })), true, ""},
		{"100,000 numbers", serve(manyKeys(100_000, func(int) string { return "0" })), true, ""},
		{"40,000 ids", serve(manyKeys(40_000, func(i int) string { return fmt.Sprintf(`{"kid":"%d"}`, i) })), true, ""},
		{"20,000 stubs", serve(manyKeys(20_000, func(i int) string { return fmt.Sprintf(`{"kid":"%d","kty":"RSA","n":"","e":""}`, i) })), true, ""},
		{"2,000 keys", serve(manyKeys(2_000, func(i int) string {
			modulus.ID = fmt.Sprint(i)
			return strings.TrimSuffix(strings.TrimPrefix(string(jwks(t, modulus)), `{"keys":[`), `]}`)
		})), true, ""},
		{"100,000 keys", func(w http.ResponseWriter, _ *http.Request) {
			_, err := io.WriteString(w, `{"keys":[`+same)
			for i := 0; err == nil && i < 100_000; i++ {
				_, err = io.WriteString(w, ","+same)
			}
		}, false, "more than 1048576 bytes"},
		{"deep", serve([]byte(`{"keys":` + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + "}")), false, "nests deeper than 32 levels"},
		{"one long string", serve([]byte(`{"keys":[{"kid":"` + strings.Repeat("x", 1_000_000) + `"}]}`)), false, "holds no usable key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newIssuer(t, tt.answer)
			raw := sign(t, idClaims())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			r := Verify(context.Background(), raw, s.keys, idPolicy())
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if r.OK() != tt.found {
				t.Errorf("%v", r.Err())
			}
			if got := check(t, r, CheckKeyID).Detail; !strings.Contains(got, tt.detail) || len(got) > 2000 {
				t.Errorf("detail is %.300s, want %s", got, tt.detail)
			}
			allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%v, %d MiB allocated", took, allocated)
			if allocated > 128 || took > 20*time.Second {
				t.Errorf("took %v and allocated %d MiB", took, allocated)
			}
		})
	}
}

// TestHostileFlapping: a server that gives another set each time gets nobody in,
// and is asked twice in ten seconds at most.
func TestHostileFlapping(t *testing.T) {
	t.Parallel()
	mine, other := serve(oneKey(t)), serve(jwks(t, signerTwo().Public()))
	broken := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	for name, answers := range map[string][]http.HandlerFunc{
		"two sets": {mine, other}, "two sets and trouble": {mine, other, broken, serve([]byte("<html>"))}, "on and off": {mine, broken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turn := 0
			s := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
				turn++
				answers[(turn-1)%len(answers)](w, r)
			})
			good, forged := sign(t, idClaims()), signParts(t, `{"kid":"second","alg":"RS256"}`, string(mustJSON(t, idClaims())))
			passed := 0
			for second := range 200 {
				if Verify(context.Background(), good, s.keys, idPolicy()).OK() {
					passed++
				}
				if Verify(context.Background(), forged, s.keys, idPolicy()).OK() {
					t.Fatal("a forged token passes")
				}
				if got, most := int(s.fetches.Load()), 3+2*(second/10); got > most {
					t.Fatalf("after %d seconds: %d fetches", second, got)
				}
				s.pass(time.Second)
			}
			if passed == 0 || name == "on and off" && passed != 200 {
				t.Errorf("the good token passes %d times of 200", passed)
			}
		})
	}
}
