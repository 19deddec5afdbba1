//go:build conformance

package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cogctl/cogctl/internal/jwt"
)

// joseDiffers are the mutations on which go-jose, with encoding/json, and our reading
// do not agree. Where nothing else is said ours refuses what the other takes.
var joseDiffers = map[string]string{
	"aud twice": "encoding/json takes the last of two members", "exp twice": "encoding/json takes the last of two members",
	"exp twice by escapes": "encoding/json takes the last of two members", "payload with one claim twice": "encoding/json takes the last of two members",
	"payload with a claim twice within": "encoding/json takes the last of two members",
	"crit empty":                        "crit must not be empty (RFC 7515, section 4.1.11)",
	"header not UTF-8":                  "encoding/json replaces other bytes", "payload not UTF-8": "encoding/json replaces other bytes",
	"payload with an overlong byte": "encoding/json replaces other bytes", "payload with half a surrogate": "encoding/json replaces it",
	"loose bits in the signature": "decoded leniently", "loose bits in the header, signed without": "decoded leniently, and the signature is held against the form without them",
	"more than 64 KiB": "size is bounded here", "payload 40 deep": "nesting is bounded here", "payload 2000 deep": "nesting is bounded here",
	"typ a number": "typ is a string (RFC 7515, section 4.1.9)", "x5u and x5c": "go-jose reads the certificate, which is passed over here",
}

// compareJose holds our reading of a token and its signature against go-jose's.
func compareJose(t *testing.T, all []*ground, f *forger) {
	keys := jwt.NewStaticKeys("the key set", f.one.Public(), f.two.Public())
	differed, seen := map[string]bool{}, map[string]bool{}
	for _, g := range all {
		for _, tr := range g.trials {
			if seen[tr.token] {
				continue
			}
			seen[tr.token] = true
			our, ourFault := readOurs(t, keys, tr.token)
			their, theirFault := readJose(f, tr.token)
			kind := kindOf(tr, fmt.Sprint(ourFault))
			switch {
			case (ourFault == nil) != (theirFault == nil):
				if differed[kind] = true; joseDiffers[kind] == "" {
					t.Errorf("%s: we say %v, go-jose %v\n%s", tr.mutation, ourFault, theirFault, tr.token)
				}
			case ourFault == nil && !reflect.DeepEqual(our, their):
				t.Errorf("%s: we read %v, go-jose %v", tr.mutation, our, their)
			}
		}
	}
	stale(t, joseDiffers, differed)
	t.Logf("%d tokens, %d kinds of difference", len(seen), len(differed))
}

// readOurs is the payload of a token whose form and signature are right.
func readOurs(t *testing.T, keys jwt.KeySet, token string) (any, error) {
	r := jwt.Verify(t.Context(), token, keys, jwt.Policy{Now: time.Now()})
	for _, c := range r.Checks {
		claims := c.Name != jwt.CheckForm && c.Name != jwt.CheckAlgorithm && c.Name != jwt.CheckKeyID && c.Name != jwt.CheckSignature
		if !c.OK && !claims && c.Code != jwt.CodeClaimType {
			return nil, fmt.Errorf("%s: %s", c.Name, c.Detail)
		}
	}
	return map[string]any(r.Token.Claims), nil
}

// readJose is readOurs by go-jose, and by encoding/json, as its users do it.
func readJose(f *forger, token string) (any, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, err
	}
	key := map[string]*jwt.Signer{f.one.KeyID: f.one, f.two.KeyID: f.two}[signed.Signatures[0].Header.KeyID]
	if key == nil {
		return nil, fmt.Errorf("no key %q", signed.Signatures[0].Header.KeyID)
	}
	payload, err := signed.Verify(&key.Key.PublicKey)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil || claims == nil {
		return nil, fmt.Errorf("no object: %v", err)
	}
	if decoder.More() {
		return nil, fmt.Errorf("more than one document")
	}
	return claims, nil
}
