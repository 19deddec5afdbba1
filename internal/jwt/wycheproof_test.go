package jwt

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// wycheproof is a suite of signatures, most of them bad.
type wycheproof struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Public, Private json.RawMessage
		Tests           []wycheproofTest
	}
}

type wycheproofTest struct {
	ID      int `json:"tcId"`
	Comment string
	JWS     json.RawMessage `json:"jws"`
	Result  string

	group     string
	algorithm string // alg of the key
	keys      KeySet
}

func (w wycheproofTest) raw() string {
	var raw string
	if json.Unmarshal(w.JWS, &raw) != nil {
		return string(w.JWS) // the JSON serialization, which is no compact token
	}
	return raw
}

func vectors(t *testing.T, name string) []byte {
	t.Helper()
	folder := os.Getenv("COGCTL_VECTORS")
	if folder == "" {
		t.Skip("COGCTL_VECTORS does not name the folder of foreign test vectors")
	}
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func wycheproofTests(t *testing.T) (tests []wycheproofTest) {
	t.Helper()
	var suite wycheproof
	if err := json.Unmarshal(vectors(t, "jose/wycheproof/json_web_signature_test.json"), &suite); err != nil {
		t.Fatal(err)
	}
	for _, g := range suite.TestGroups {
		var key struct{ Alg string }
		material := g.Public
		if len(material) == 0 || string(material) == "null" {
			material = g.Private // HMAC
		}
		if err := json.Unmarshal(material, &key); err != nil {
			t.Fatal(err)
		}
		keys, _, err := ParseKeys([]byte(`{"keys":[`+string(material)+`]}`), g.Comment)
		if err != nil {
			t.Fatalf("%s: %v", g.Comment, err)
		}
		for _, tt := range g.Tests {
			tt.group, tt.algorithm, tt.keys = g.Comment, key.Alg, keys
			tests = append(tests, tt)
		}
	}
	if len(tests) != suite.NumberOfTests {
		t.Fatalf("read %d tests of %d", len(tests), suite.NumberOfTests)
	}
	return tests
}

// accepts says whether a compact JWS is good as such, under the algorithms
// given. Its payload need not be JSON, so the checks on claims do not count.
func accepts(raw string, keys KeySet, algorithms ...string) bool {
	accepted := true
	for _, c := range Verify(context.Background(), raw, keys, Policy{Algorithms: algorithms, Now: testNow}).Checks {
		switch c.Name {
		case CheckAlgorithm, CheckKeyID, CheckSignature:
			accepted = accepted && c.OK
		}
	}
	return accepted
}

// TestWycheproof pins RS256: its tests come out right, and nothing of another
// algorithm is accepted.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	pinned, valid := 0, 0
	for _, tt := range wycheproofTests(t) {
		want := tt.algorithm == "RS256" && tt.Result == "valid"
		if tt.algorithm == "RS256" {
			pinned++
		}
		if want {
			valid++
		}
		if got := accepts(tt.raw(), tt.keys); got != want {
			t.Errorf("%d %s %s (%s): accepted %v, want %v", tt.ID, tt.group, tt.Comment, tt.Result, got, want)
		}
	}
	if pinned != 233 || valid != 8 {
		t.Errorf("%d tests with RS256, %d of them valid: want 233, 8", pinned, valid)
	}
}

// wycheproofRefused are the tests whose tokens the suite calls valid and that
// are refused here, by their numbers.
func wycheproofRefused() map[int]string {
	refused := make(map[int]string)
	for reason, ids := range map[string][]int{
		"HMAC: a published key would be the secret":                  {1, 348, 352, 357, 358, 359, 376, 377},
		"HMAC, and a ? in the base64, which the suite wants skipped": {372, 373},
		"the key is for PS256, the header says PS384":                {346, 350},
		"the key is for ES521, which is no algorithm (ES512 is)":     {347, 351},
	} {
		for _, id := range ids {
			refused[id] = reason
		}
	}
	return refused
}

// TestWycheproofAll allows every algorithm there is, so that only the key's own
// alg pins it. Each test comes out as the suite has it, or is listed above.
func TestWycheproofAll(t *testing.T) {
	t.Parallel()
	refused := wycheproofRefused()
	accepted := 0
	for _, tt := range wycheproofTests(t) {
		got := accepts(tt.raw(), tt.keys, Algorithms()...)
		reason, listed := refused[tt.ID]
		delete(refused, tt.ID)
		switch want := tt.Result == "valid"; {
		case listed && (!want || got):
			t.Errorf("%d is listed as refused (%s): the suite says %s, accepted %v", tt.ID, reason, tt.Result, got)
		case !listed && got != want:
			t.Errorf("%d %s %s %s (%s): accepted %v", tt.ID, tt.group, tt.algorithm, tt.Comment, tt.Result, got)
		case got:
			accepted++
		}
	}
	if len(refused) > 0 {
		t.Errorf("listed, but not in the suite: %v", refused)
	}
	if accepted != 32 {
		t.Errorf("%d accepted, want 32", accepted)
	}
}
