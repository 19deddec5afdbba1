package srp

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/iotest"
	"time"

	cognitosrp "github.com/alexrudd/cognito-srp/v4"
)

// The independent client github.com/alexrudd/cognito-srp is the oracle for what
// it does right. It is not the production path because of what it does wrong:
// each test named TestOracleDefect shows one fault, and that this package does
// not share it.

const oraclePoolID = "us-east-1_TESTPOOL1"

func newOracle(t *testing.T) *cognitosrp.CognitoSRP {
	t.Helper()
	oracle, err := cognitosrp.NewCognitoSRP(goldenID.User, goldenID.Password, oraclePoolID, "client", nil)
	if err != nil {
		t.Fatal(err)
	}
	return oracle
}

// oracleAnswer has the oracle answer a challenge of server.
func oracleAnswer(t *testing.T, oracle *cognitosrp.CognitoSRP, server *Server, at time.Time) map[string]string {
	t.Helper()
	answer, err := oracle.PasswordVerifierChallenge(map[string]string{
		"USERNAME":        goldenID.User,
		"USER_ID_FOR_SRP": goldenID.User,
		"SALT":            server.Salt(),
		"SRP_B":           server.B(),
		"SECRET_BLOCK":    goldenBlock,
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestOracleAgrees gives both clients the same a, salt and B and compares the
// whole answer, in the hours at which the oracle writes the time right; and has
// our server verify the oracle's answer.
func TestOracleAgrees(t *testing.T) {
	block, err := base64.StdEncoding.DecodeString(goldenBlock)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		seed := uint64(i + 1)
		cryptotest.SetGlobalRandom(t, seed)
		oracle := newOracle(t)
		cryptotest.SetGlobalRandom(t, seed)
		client, err := NewClient(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		a := oracle.GetAuthParams()["SRP_A"]
		wantEqual(t, "SRP_A", client.A(), a)

		stored, err := NewVerifier(rand.Reader, goldenID)
		if err != nil {
			t.Fatal(err)
		}
		server, err := NewServer(rand.Reader, stored, a)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, time.November, 1+2*i, 1+i, 4, 5, 0, time.UTC)
		theirs := oracleAnswer(t, oracle, server, at)
		ours, err := client.Prove(goldenID, Challenge{Salt: server.Salt(), B: server.B(), SecretBlock: goldenBlock}, at)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "proof", ours, Proof{
			Signature:   theirs["PASSWORD_CLAIM_SIGNATURE"],
			SecretBlock: theirs["PASSWORD_CLAIM_SECRET_BLOCK"],
			Timestamp:   theirs["TIMESTAMP"],
		})
		claimed, err := ParseTimestamp(theirs["TIMESTAMP"])
		if err != nil || !claimed.Equal(at) {
			t.Errorf("TIMESTAMP %q for %s: %v", theirs["TIMESTAMP"], at, err)
		}
		if !server.Verify("TESTPOOL1", "alice", block, claimed, theirs["PASSWORD_CLAIM_SIGNATURE"]) {
			t.Errorf("seed %d: our server refuses the oracle's answer", seed)
		}
	}
}

func TestOracleSecretHash(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"s", "a secret of some length", strings.Repeat("long", 40)} {
		oracle, err := cognitosrp.NewCognitoSRP("u", "p", oraclePoolID, "client", &secret)
		if err != nil {
			t.Fatal(err)
		}
		want, err := oracle.GetSecretHash("änn@example.com")
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "SECRET_HASH", SecretHash("änn@example.com", "client", secret), want)
	}
}

// Defect 1: the hour is written on a 12-hour clock.
func TestOracleDefectTwelveHourClock(t *testing.T) {
	t.Parallel()
	client, server := golden(t)
	ch := Challenge{Salt: server.Salt(), B: server.B(), SecretBlock: goldenBlock}
	oracle := newOracle(t)
	for hour := range 24 {
		at := time.Date(2026, time.November, 5, hour, 4, 5, 0, time.UTC)
		theirs, err := ParseTimestamp(oracleAnswer(t, oracle, server, at)["TIMESTAMP"])
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, fmt.Sprintf("oracle right at %d h", hour), theirs.Equal(at), hour >= 1 && hour <= 12)
		proof, err := client.Prove(goldenID, ch, at)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := ParseTimestamp(proof.Timestamp)
		if err != nil || !ours.Equal(at) {
			t.Errorf("our TIMESTAMP %q for %s: %v", proof.Timestamp, at, err)
		}
	}
	// What a server that compares TIMESTAMP with its clock sees of it:
	answer := oracleAnswer(t, oracle, server, goldenTime)
	wantEqual(t, "oracle's TIMESTAMP at 15:04:05", answer["TIMESTAMP"], "Thu Nov 5 03:04:05 UTC 2026")
}

// recovered runs f and returns what it panicked with, or nil.
func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// Defect 2: a missing or non-hex SALT or SRP_B is a panic.
func TestOracleDefectPanics(t *testing.T) {
	t.Parallel()
	oracle, client := newOracle(t), newClient(params().g)
	for _, ch := range []Challenge{
		{},
		{Salt: "a1", SecretBlock: goldenBlock},
		{B: "b2", SecretBlock: goldenBlock},
		{Salt: "salt", B: "b2", SecretBlock: goldenBlock},
		{Salt: "a1", B: "0x1", SecretBlock: goldenBlock},
	} {
		panicked := recovered(func() {
			_, _ = oracle.PasswordVerifierChallenge(map[string]string{"SALT": ch.Salt, "SRP_B": ch.B, "SECRET_BLOCK": ch.SecretBlock}, goldenTime)
		})
		if panicked == nil {
			t.Errorf("the oracle no longer panics on %+v", ch)
		}
		if _, err := client.Prove(goldenID, ch, goldenTime); err == nil {
			t.Errorf("we accept %+v", ch)
		}
	}
}

// Defect 3: B = 0 modulo N, signs and any length are accepted.
func TestOracleDefectUnsafeNumbers(t *testing.T) {
	t.Parallel()
	oracle, client := newOracle(t), newClient(params().g)
	n := params().n.Text(16)
	tests := []struct{ name, salt, b string }{
		{"B = 0", "a1", "0"},
		{"B = N", "a1", n},
		{"B = -N", "a1", "-" + n},
		{"negative B", "a1", "-5"},
		{"signed B", "a1", "+5"},
		{"negative salt", "-a1", "5"},
		{"B of 20000 digits", "a1", strings.Repeat("f", 20_000)},
		{"salt of 20000 digits", strings.Repeat("f", 20_000), "5"},
	}
	for _, tt := range tests {
		answer, err := oracle.PasswordVerifierChallenge(map[string]string{
			"USER_ID_FOR_SRP": "alice", "SALT": tt.salt, "SRP_B": tt.b, "SECRET_BLOCK": goldenBlock}, goldenTime)
		if err != nil || answer["PASSWORD_CLAIM_SIGNATURE"] == "" {
			t.Errorf("%s: the oracle refuses it now: %v", tt.name, err)
		}
		if _, err := client.Prove(goldenID, Challenge{Salt: tt.salt, B: tt.b, SecretBlock: goldenBlock}, goldenTime); err == nil {
			t.Errorf("%s: we accept it", tt.name)
		}
	}
}

// Defect 4: the error of the random source is not looked at, and what it read
// is not either: a source of zeros gives a = 0 and A = 1, and a failing one ends
// the process, since nothing but crypto/rand.Read can be given.
func TestOracleDefectRandom(t *testing.T) {
	const child = "COGCTL_TEST_ORACLE_CHILD"
	failing := iotest.ErrReader(errors.New("no entropy"))
	if os.Getenv(child) != "" {
		rand.Reader = failing
		_, err := cognitosrp.NewCognitoSRP("u", "p", oraclePoolID, "client", nil)
		fmt.Println("the oracle returned", err)
		os.Exit(0)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestOracleDefectRandom$")
	cmd.Env = append(os.Environ(), child+"=1")
	output, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "fatal error: crypto/rand") {
		t.Errorf("the oracle survives a failing random source: %v\n%s", err, output)
	}
	if _, err := NewClient(failing); err == nil || !strings.Contains(err.Error(), "no entropy") {
		t.Errorf("our error is %v", err)
	}

	a := withRandom(zeros{}, func() string { return newOracle(t).GetAuthParams()["SRP_A"] })
	wantEqual(t, "oracle's SRP_A from zeros", a, "1")
	if _, err := NewClient(zeros{}); err == nil {
		t.Error("we take zeros for random")
	}
}

// withRandom runs f while crypto/rand reads from source.
func withRandom(source io.Reader, f func() string) string {
	saved := rand.Reader
	rand.Reader = source
	defer func() { rand.Reader = saved }()
	return f()
}

// Defect 5: the pool id is cut at every "_", and an empty name is none too few.
func TestOracleDefectPoolName(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"us-east-1_a_b": "a", "_": "", "us-east-1_": ""} {
		oracle, err := cognitosrp.NewCognitoSRP("u", "p", id, "client", nil)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "oracle's pool name of "+id, oracle.GetUserPoolName(), want)
		ours, err := PoolName(id)
		if ours == want && err == nil {
			t.Errorf("our pool name of %q is %q as well", id, ours)
		}
	}
}

// Defect 6: an empty client secret still makes a SECRET_HASH.
func TestOracleDefectEmptySecret(t *testing.T) {
	t.Parallel()
	empty := ""
	oracle, err := cognitosrp.NewCognitoSRP("u", "p", oraclePoolID, "client", &empty)
	if err != nil {
		t.Fatal(err)
	}
	if oracle.GetAuthParams()["SECRET_HASH"] == "" {
		t.Error("the oracle makes no SECRET_HASH of an empty secret any more")
	}
	wantEqual(t, "our SECRET_HASH of an empty secret", SecretHash("u", "client", ""), "")
}
