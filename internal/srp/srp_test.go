package srp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestGroup checks that N is a safe prime of 3072 bits, so that a typing error
// in it cannot pass, and that g generates the large subgroup.
func TestGroup(t *testing.T) {
	t.Parallel()
	p := params()
	half := new(big.Int).Rsh(p.n, 1)
	wantEqual(t, "bits of N", p.n.BitLen(), 3072)
	wantEqual(t, "N is prime", p.n.ProbablyPrime(1), true)
	wantEqual(t, "(N-1)/2 is prime", half.ProbablyPrime(1), true)
	wantEqual(t, "g^((N-1)/2)", p.exp(p.g, half).Text(10), "1")
	wantEqual(t, "k", p.k.Text(16), "538282c4354742d7cbbde2359fcf67f9f5b3a6b08791e5011b43b8a5b66d9ee6")
}

func TestPad(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "00", 1: "01", 127: "7f", 128: "0080", 255: "00ff", 256: "0100", 32768: "008000"} {
		wantEqual(t, fmt.Sprintf("pad(%d)", n), fmt.Sprintf("%x", pad(big.NewInt(n))), want)
	}
	wantEqual(t, "length of pad(N)", len(pad(params().n)), 385)
}

// publicValues are texts in the place of SRP_A or SRP_B.
func publicValues() []struct {
	name, digits string
	ok           bool
} {
	n := params().n
	below := new(big.Int).Sub(n, big.NewInt(1)).Text(16)
	return []struct {
		name, digits string
		ok           bool
	}{
		{"1", "1", true},
		{"odd count", "abc", true},
		{"upper case", "ABC", true},
		{"leading zeros", "00abc", true},
		{"N-1", below, true},
		{"00 and N-1", "00" + below, true},
		{"missing", "", false},
		{"0", "0", false},
		{"00", "00", false},
		{"770 zeros", strings.Repeat("0", 770), false},
		{"N", n.Text(16), false},
		{"00 and N", "00" + n.Text(16), false},
		{"N+1", new(big.Int).Add(n, big.NewInt(1)).Text(16), false},
		{"2N", new(big.Int).Lsh(n, 1).Text(16), false},
		{"771 digits", "000" + below, false},
		{"a million digits", strings.Repeat("f", 1_000_000), false},
		{"minus", "-5", false},
		{"plus", "+5", false},
		{"0x", "0x5", false},
		{"underscore", "5_5", false},
		{"space", " 5", false},
		{"newline", "5\n", false},
		{"letter g", "5g", false},
		{"NUL", "5\x00", false},
		{"full-width digit", "\uff15", false},
		{"not UTF-8", "\xff", false},
	}
}

func TestProvePublicValue(t *testing.T) {
	t.Parallel()
	client, _ := golden(t)
	for _, tt := range publicValues() {
		_, err := client.Prove(goldenID, Challenge{Salt: goldenSalt, B: tt.digits, SecretBlock: goldenBlock}, goldenTime)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrPublicValue) {
			t.Errorf("SRP_B %s: error %v, want success %v", tt.name, err, tt.ok)
		}
		if err != nil && (len(err.Error()) > 200 || !strings.Contains(err.Error(), "SRP_B")) {
			t.Errorf("SRP_B %s: unhelpful error of %d bytes: %.200s", tt.name, len(err.Error()), err)
		}
	}
}

func TestNewServerPublicValue(t *testing.T) {
	t.Parallel()
	stored, err := NewVerifier(newSource(5), goldenID)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range publicValues() {
		server, err := NewServer(newSource(6), stored, tt.digits)
		if (err == nil) != tt.ok || (server != nil) != tt.ok || err != nil && !errors.Is(err, ErrPublicValue) {
			t.Errorf("SRP_A %s: server %v, error %v, want success %v", tt.name, server != nil, err, tt.ok)
		}
	}
}

func TestProveRefusesChallenge(t *testing.T) {
	t.Parallel()
	client, server := golden(t)
	id, good := goldenID, Challenge{Salt: goldenSalt, B: server.B(), SecretBlock: goldenBlock}
	tests := []struct {
		name   string
		change func(*Identity, *Challenge)
		want   string // in the error; "" = no error
	}{
		{"control", func(*Identity, *Challenge) {}, ""},
		{"salt 0", func(_ *Identity, c *Challenge) { c.Salt = "0" }, ""},
		{"salt of 130 digits", func(_ *Identity, c *Challenge) { c.Salt = strings.Repeat("a", 130) }, ""},
		{"empty password", func(id *Identity, _ *Challenge) { id.Password = "" }, ""},
		{"no salt", func(_ *Identity, c *Challenge) { c.Salt = "" }, "SALT is empty"},
		{"salt of 131 digits", func(_ *Identity, c *Challenge) { c.Salt = strings.Repeat("a", 131) }, "SALT has 131 hex digits"},
		{"signed salt", func(_ *Identity, c *Challenge) { c.Salt = "-a1" }, `SALT has "-" at position 1`},
		{"odd salt", func(_ *Identity, c *Challenge) { c.Salt = "a\x9b" }, `SALT has "\x9b" at position 2`},
		{"no B", func(_ *Identity, c *Challenge) { c.B = "" }, "SRP_B is empty"},
		{"no block", func(_ *Identity, c *Challenge) { c.SecretBlock = "" }, "SECRET_BLOCK is empty"},
		{"block not base64", func(_ *Identity, c *Challenge) { c.SecretBlock = "not base64 encoded" }, "SECRET_BLOCK is not base64"},
		{"huge block", func(_ *Identity, c *Challenge) { c.SecretBlock = strings.Repeat("A", 65540) }, "SECRET_BLOCK has 65540"},
		{"no user", func(id *Identity, _ *Challenge) { id.User = "" }, "USER_ID_FOR_SRP"},
		{"no pool", func(id *Identity, _ *Challenge) { id.Pool = "" }, "pool name is empty"},
		{"nothing at all", func(id *Identity, c *Challenge) { *c = Challenge{} }, "is empty"},
	}
	for _, tt := range tests {
		id, ch := id, good
		tt.change(&id, &ch)
		proof, err := client.Prove(id, ch, goldenTime)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
		if (proof == Proof{}) != (err != nil) {
			t.Errorf("%s: a proof together with error %v", tt.name, err)
		}
		if err != nil && strings.Contains(err.Error(), id.Password) {
			t.Errorf("%s: the error holds the password", tt.name)
		}
	}
}

// TestZeroNumbers reaches the zeros that no honest peer can.
func TestZeroNumbers(t *testing.T) {
	t.Parallel()
	if checkScrambler(new(big.Int)) == nil {
		t.Error("u = 0 is accepted")
	}
	if err := checkScrambler(big.NewInt(1)); err != nil {
		t.Errorf("control: u = 1: %v", err)
	}
	// v = -g^b / k makes B = k*v + g^b = 0.
	p, b := params(), big.NewInt(77)
	v := new(big.Int).ModInverse(p.k, p.n)
	v.Mul(v, p.exp(p.g, b)).Neg(v).Mod(v, p.n)
	random := func(n int64) io.Reader {
		return bytes.NewReader(big.NewInt(n).FillBytes(make([]byte, secretBytes)))
	}
	stored := Verifier{Salt: []byte{1}, V: pad(v)}
	if server, err := NewServer(random(77), stored, "2"); err == nil || server != nil {
		t.Error("B = 0 is sent")
	}
	if _, err := NewServer(random(78), stored, "2"); err != nil {
		t.Errorf("control: %v", err)
	}
}

func TestDamagedVerifier(t *testing.T) {
	t.Parallel()
	stored, err := NewVerifier(newSource(7), goldenID)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		v    Verifier
		ok   bool
	}{
		{"control", stored, true},
		{"nothing", Verifier{}, false},
		{"no salt", Verifier{V: stored.V}, false},
		{"salt of 66 bytes", Verifier{Salt: make([]byte, 66), V: stored.V}, false},
		{"no verifier", Verifier{Salt: stored.Salt}, false},
		{"verifier 0", Verifier{Salt: stored.Salt, V: make([]byte, 300)}, false},
		{"verifier N", Verifier{Salt: stored.Salt, V: pad(params().n)}, false},
		{"verifier of 386 bytes", Verifier{Salt: stored.Salt, V: append(make([]byte, 385), 1)}, false},
	}
	for _, tt := range tests {
		server, err := NewServer(newSource(8), tt.v, "2")
		if (err == nil) != tt.ok || (server != nil) != tt.ok || errors.Is(err, ErrPublicValue) {
			t.Errorf("%s: error %v, want success %v", tt.name, err, tt.ok)
		}
	}
}

// zeros is a broken random source.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRandomSource(t *testing.T) {
	t.Parallel()
	broken := errors.New("no entropy")
	stored, err := NewVerifier(newSource(9), goldenID)
	if err != nil {
		t.Fatal(err)
	}
	users := []struct {
		name string
		need int64 // bytes it reads
		draw func(io.Reader) error
	}{
		{"NewClient", 128, func(r io.Reader) error { _, err := NewClient(r); return err }},
		{"NewVerifier", 16, func(r io.Reader) error { _, err := NewVerifier(r, goldenID); return err }},
		{"NewServer", 128, func(r io.Reader) error { _, err := NewServer(r, stored, "2"); return err }},
		{"NewDeviceSecret", 56, func(r io.Reader) error { _, err := NewDeviceSecret(r, "-g", "d"); return err }},
	}
	for _, u := range users {
		if err := u.draw(io.LimitReader(newSource(10), u.need)); err != nil {
			t.Errorf("%s, control: %v", u.name, err)
		}
		if err := u.draw(io.LimitReader(newSource(10), u.need-1)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, one byte short: error %v", u.name, err)
		}
		if err := u.draw(iotest.ErrReader(broken)); !errors.Is(err, broken) {
			t.Errorf("%s, failing source: error %v", u.name, err)
		}
		if err := u.draw(zeros{}); err == nil {
			t.Errorf("%s takes zeros for random", u.name)
		}
		if err := u.draw(io.MultiReader(io.LimitReader(newSource(10), u.need-16), zeros{})); u.need == 56 && err == nil {
			t.Errorf("%s takes zeros for a salt", u.name)
		}
		if err := u.draw(iotest.OneByteReader(newSource(10))); err != nil {
			t.Errorf("%s, a byte at a time: %v", u.name, err)
		}
	}
}

func TestFakeVerifier(t *testing.T) {
	t.Parallel()
	seed := []byte("a seed of this pool")
	fake := FakeVerifier(seed, "nobody")
	same := func(a, b Verifier) bool { return bytes.Equal(a.Salt, b.Salt) && bytes.Equal(a.V, b.V) }
	wantEqual(t, "again the same", same(fake, FakeVerifier(seed, "nobody")), true)
	for _, other := range []Verifier{FakeVerifier(seed, "nobodx"), FakeVerifier([]byte("another seed"), "nobody")} {
		if bytes.Equal(fake.Salt, other.Salt) || bytes.Equal(fake.V, other.V) {
			t.Error("another user or seed gives the same salt or verifier")
		}
	}
	if b := stretch(seed, "verifier", "nobody"); bytes.Equal(b[:32], b[32:64]) {
		t.Error("stretch repeats itself")
	}
	for i := range 20 {
		v := FakeVerifier(seed, fmt.Sprint(i))
		salt, number, err := v.numbers()
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "v is a square", big.Jacobi(number, params().n), 1)
		wantEqual(t, "in PAD form", same(v, Verifier{Salt: pad(salt), V: pad(number)}), true)
		if salt.BitLen() > 128 || salt.BitLen() < 96 || number.BitLen() < 3040 {
			t.Errorf("user %d: a salt of %d and a verifier of %d bits", i, salt.BitLen(), number.BitLen())
		}
	}
	verified, err := attemptSignIn(newSource(11), goldenID, FakeVerifier(seed, "alice"))
	if err != nil || verified {
		t.Errorf("signing in as nobody: verified %v, error %v", verified, err)
	}
}

func TestVerifierJSON(t *testing.T) {
	t.Parallel()
	stored, err := NewVerifier(newSource(12), goldenID)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "v is a square", big.Jacobi(new(big.Int).SetBytes(stored.V), params().n), 1)
	data, err := json.Marshal(stored)
	if err != nil {
		t.Fatal(err)
	}
	var back Verifier
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Salt, stored.Salt) || !bytes.Equal(back.V, stored.V) {
		t.Errorf("%s reads back differently", data)
	}
}

func TestParseDeviceVerifier(t *testing.T) {
	t.Parallel()
	number := func(b ...byte) string { return base64.StdEncoding.EncodeToString(b) }
	tests := []struct {
		name, salt, verifier, want string
	}{
		{"control", number(1), number(2), ""},
		{"top bit without 00", number(0x80), number(0x80), ""},
		{"needless 00", number(0, 1), number(0, 2), ""},
		{"longest salt", number(make([]byte, 65)...), number(2), ""},
		{"no salt", "", number(2), "a salt of 0 bytes"},
		{"no verifier", number(1), "", "is 0"},
		{"salt not base64", "?", number(2), "Salt is not base64"},
		{"verifier in hex", number(1), "00f513d", "PasswordVerifier is not base64"},
		{"verifier 0", number(1), number(0), "is 0"},
		{"verifier N", number(1), number(pad(params().n)...), "is not below N"},
		{"huge salt", strings.Repeat("A", 1<<20), number(2), "Salt has 1048576 characters"},
		{"huge verifier", number(1), strings.Repeat("A", 1<<20), "PasswordVerifier has 1048576 characters"},
	}
	for _, tt := range tests {
		v, err := ParseDeviceVerifier(tt.salt, tt.verifier)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
			continue
		}
		if err == nil && (!bytes.Equal(v.V, pad(new(big.Int).SetBytes(v.V))) || !bytes.Equal(v.Salt, pad(new(big.Int).SetBytes(v.Salt)))) {
			t.Errorf("%s: not in PAD form: %x %x", tt.name, v.Salt, v.V)
		}
	}
}

func TestPoolName(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"us-east-1_Ab12Cd34E":    "Ab12Cd34E",
		"us-gov-west-1_x":        "x",
		"local_1a2b":             "1a2b",
		"us-east-1_a_b":          "a_b",
		"":                       "",
		"_":                      "",
		"us-east-1":              "",
		"us-east-1_":             "",
		"_Ab12Cd34E":             "",
		"us-east-1_Ab12 ":        "",
		"us-east-1_Ab12\n":       "",
		"us-east-1:1b6e_x":       "",
		"https://x/us-east-1_Ab": "",
		"us-east-1_Äb":           "",
	} {
		got, err := PoolName(id)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("PoolName(%q) = %q, %v; want %q", id, got, err, want)
		}
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	wantEqual(t, "afternoon elsewhere", FormatTimestamp(time.Date(2026, 11, 5, 17, 4, 5, 999, time.FixedZone("EET", 7200))), goldenTimestamp)
	wantEqual(t, "midnight", FormatTimestamp(time.Date(2026, 12, 31, 0, 0, 9, 0, time.UTC)), "Thu Dec 31 00:00:09 UTC 2026")
	tests := []struct {
		text string
		ok   bool // and then it means goldenTime
	}{
		{goldenTimestamp, true},
		{"Thu Nov 05 15:04:05 UTC 2026", true},
		{"Thu Nov  5 15:04:05 UTC 2026", true},
		{"Mon Nov 5 15:04:05 UTC 2026", true},
		{"", false},
		{"Thu Nov 5 15:04:05 2026", false},
		{"Thu Nov 5 15:04:05 GMT 2026", false},
		{"Thu Nov 5 15:04:05 CET 2026", false},
		{"Thu Nov 5 15:04:05 +0000 2026", false},
		{"Thu Nov 5 15:04:05.5 UTC 2026", false},
		{"Thu Nov 5 15:04:05,5 UTC 2026", false},
		{"Thu Nov 5 24:04:05 UTC 2026", false},
		{"Thu Nov 31 15:04:05 UTC 2026", false},
		{"Thu Nov 5 15:04:05 UTC 2026 ", false},
		{"Don Nov 5 15:04:05 UTC 2026", false},
		{"2026-11-05T15:04:05Z", false},
		{strings.Replace(goldenTimestamp, " ", strings.Repeat(" ", 100), 1), false},
	}
	for _, tt := range tests {
		got, err := ParseTimestamp(tt.text)
		if (err == nil) != tt.ok || tt.ok && !got.Equal(goldenTime) {
			t.Errorf("ParseTimestamp(%q) = %v, %v; want success %v", tt.text, got, err, tt.ok)
		}
	}
}

func TestNoPasswordInText(t *testing.T) {
	t.Parallel()
	secret := DeviceSecret{Password: "Passw0rd!"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{goldenID, &goldenID, secret, &secret, []Identity{goldenID}} {
			if text := fmt.Sprintf(format, value); strings.Contains(text, "Passw0rd!") {
				t.Errorf("%s of %T shows the password", format, value)
			}
		}
	}
	wantEqual(t, "text", fmt.Sprint(goldenID), "alice in TESTPOOL1")
}
