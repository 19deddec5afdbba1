package jwt

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

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
