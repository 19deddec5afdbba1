package jwt

import (
	"strings"
	"testing"
)

// TestSkipped: what a report does not have, Skipped names, and nothing else.
func TestSkipped(t *testing.T) {
	t.Parallel()
	shown := func(p Policy, raw string) (string, Report) {
		r := verify(raw, p)
		var all []string
		for _, s := range p.Skipped(r.Token) {
			all = append(all, s.Name)
			if s.Detail == "" {
				t.Errorf("%s: no reason", s.Name)
			}
		}
		return strings.Join(all, " "), r
	}
	full := idPolicy()
	full.Scopes, full.Groups = []string{"a"}, []string{"admin"}
	for _, tt := range []struct {
		name, raw, want string
		policy          Policy
	}{
		{"nothing asked", sign(t, with(idClaims(), "iat", nil, "token_use", nil)), "nbf iat iss audience token_use scope group", Policy{Now: testNow}},
		{"any use", sign(t, idClaims()), "nbf iss audience scope group", Policy{Now: testNow, Use: "any"}},
		{"everything", sign(t, with(idClaims(), "nbf", 1)), "", full},
		{"unreadable", "garbage", "nbf iat scope group", idPolicy()},
	} {
		got, r := shown(tt.policy, tt.raw)
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if all := len(strings.Fields(got)) + len(r.Checks); all != 12 { // form to group, without signer and nonce
			t.Errorf("%s: %s and %s are %d checks", tt.name, names(r), got, all)
		}
	}
	if s := idPolicy().Skipped(Token{}); s[0].Detail != "the claims cannot be read" {
		t.Errorf("%+v", s[0])
	}
}

// TestPassedOver: an address or a key in the header is told, and not used.
func TestPassedOver(t *testing.T) {
	t.Parallel()
	payload := string(mustJSON(t, idClaims()))
	raw := signParts(t, `{"kid":"first/key+one=","alg":"RS256","jku":"https://evil.example","x5c":[]}`, payload)
	r := verify(raw, idPolicy())
	if got := check(t, r, CheckKeyID).Detail; !r.OK() || got != `the key set has the key "first/key+one="; the header's own jku, x5c was passed over` {
		t.Errorf("%s: %v", got, r.Err())
	}
	r = verify(signParts(t, `{"kid":"x","alg":"RS256","x5u":"https://evil.example","jwk":`+string(firstJWK(t))+`}`, payload), idPolicy())
	if got := check(t, r, CheckKeyID).Detail; outcome(r) != "kid:unknown_key signature:unjudged" || !strings.HasSuffix(got, "; the header's own jwk, x5u was passed over") {
		t.Errorf("%s: %s", got, outcome(r))
	}
	if got := check(t, verify(sign(t, idClaims()), idPolicy()), CheckKeyID).Detail; strings.Contains(got, "passed over") {
		t.Error(got)
	}
}
