package jwt

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

type wycheproof struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Public, Private json.RawMessage
		Tests           []struct {
			ID      int `json:"tcId"`
			Comment string
			JWS     json.RawMessage `json:"jws"`
			Result  string
		}
	}
}

// accepts says whether a compact JWS is good as such. Its payload need not be
// JSON, so the checks on claims do not count.
func accepts(raw string, keys KeySet) bool {
	accepted := true
	for _, c := range Verify(context.Background(), raw, keys, Policy{Algorithms: []string{"RS256"}, Now: testNow}).Checks {
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
	folder := os.Getenv("COGCTL_VECTORS")
	if folder == "" {
		t.Skip("COGCTL_VECTORS does not name the folder of foreign test vectors")
	}
	data, err := os.ReadFile(filepath.Join(folder, "jose/wycheproof/json_web_signature_test.json"))
	if err != nil {
		t.Fatal(err)
	}
	var suite wycheproof
	if err := json.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	all, pinned, valid := 0, 0, 0
	for _, g := range suite.TestGroups {
		var key struct{ Alg string }
		material := g.Public
		if len(material) == 0 || string(material) == "null" {
			material = g.Private
		}
		if err := json.Unmarshal(material, &key); err != nil {
			t.Fatal(err)
		}
		keys, _, err := ParseKeys([]byte(`{"keys":[`+string(material)+`]}`), g.Comment)
		if err != nil {
			t.Fatalf("%s: %v", g.Comment, err)
		}
		for _, tt := range g.Tests {
			var raw string
			if err := json.Unmarshal(tt.JWS, &raw); err != nil {
				raw = string(tt.JWS) // the JSON serialization, which is no compact token
			}
			all++
			want := key.Alg == "RS256" && tt.Result == "valid"
			if key.Alg == "RS256" {
				pinned++
			}
			if want {
				valid++
			}
			if got := accepts(raw, keys); got != want {
				t.Errorf("%d %s %s (%s): accepted %v, want %v", tt.ID, g.Comment, tt.Comment, tt.Result, got, want)
			}
		}
	}
	if all != suite.NumberOfTests || pinned != 233 || valid != 8 {
		t.Errorf("%d tests, %d with RS256, %d of them valid: want %d, 233, 8", all, pinned, valid, suite.NumberOfTests)
	}
}

// TestAgreesWithJose mutates valid tokens one character at a time and compares
// with go-jose: nothing is accepted that go-jose refuses, and what only go-jose
// accepts is refused for its form.
func TestAgreesWithJose(t *testing.T) {
	t.Parallel()
	keys := testKeys()
	public := signerOne().Public().Public
	jose256 := func(raw string) (payload string, ok bool) {
		signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			return "", false
		}
		out, err := signed.Verify(public)
		return string(out), err == nil
	}
	theirs, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: signerOne().Key, KeyID: signerOne().KeyID}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	object, err := theirs.Sign(mustJSON(t, idClaims()))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{foreign, sign(t, idClaims())} {
		payload, ok := jose256(raw)
		if r := verify(raw, idPolicy()); !ok || !r.OK() || payload != string(r.Token.ClaimsJSON) {
			t.Fatalf("go-jose %v, ours %v", ok, r.Err())
		}
	}
	accepted, stricter := 0, 0
	for i := range foreign {
		for _, put := range []string{"", "A", "B", "_", ".", "\n", "=", "x" + foreign[i:i+1], foreign[i:i+1] + "\r"} {
			raw := foreign[:i] + put + foreign[i+1:]
			if i%3 != 0 && put != "\n" && put != "B" {
				continue // the full product takes seconds
			}
			_, theirOK := jose256(raw)
			ours := accepts(raw, keys)
			switch {
			case ours && !theirOK:
				t.Errorf("accepted, go-jose refuses: byte %d put %q", i, put)
			case ours && raw != foreign:
				t.Errorf("a changed token is accepted: byte %d put %q", i, put)
			case ours:
				accepted++
			case theirOK:
				var parse *ParseError
				if _, err := Parse(raw); !errors.As(err, &parse) {
					t.Errorf("refused, go-jose accepts, and not for the form: byte %d put %q", i, put)
				}
				stricter++
			}
		}
	}
	if accepted == 0 || stricter == 0 {
		t.Errorf("the comparison is empty: %d accepted, %d stricter", accepted, stricter)
	}
}

// TestHeaderConfusion: tricks with the header that libraries fell for.
func TestHeaderConfusion(t *testing.T) {
	t.Parallel()
	payload := string(mustJSON(t, idClaims()))
	for _, header := range []string{
		`{"kid":"first/key+one=","alg":"RS256","alg":"RS256"}`,
		`{"kid":"second","kid":"first/key+one=","alg":"RS256"}`,
		`{"kid":"first/key+one=","alg":["RS256"]}`,
		`{"kid":"first/key+one=","Alg":"RS256"}`,
		`{"kid":"first/key+one=","alg":"RS256\u0000"}`,
		`{"kid":["first/key+one="],"alg":"RS256"}`,
		`{"kid":"first/key+one= ","alg":"RS256"}`,
		`{"kid":"first/key+one=","alg":"RS256"} ` + "\x00",
		`{"kid":"first/key+one=","alg":"PS256"}`,
		`{"kid":"first/key+one=","alg":"HS256"}`,
		`{"kid":"first/key+one=","alg":"RS256","b64":false,"crit":["b64"]}`,
	} {
		if r := verify(signParts(t, header, payload), idPolicy()); r.OK() {
			t.Errorf("accepted with the header %s", header)
		}
	}
	if r := verify(signParts(t, `{ "alg" : "RS256",`+"\n\t"+`"typ":"JWT", "kid":"first\/key+on\u0065=","x":1}`, payload), idPolicy()); !r.OK() {
		t.Errorf("positive control: %v", r.Err())
	}
	if strings.Contains(payload, "\n") {
		t.Error("the payload is not compact")
	}
}
