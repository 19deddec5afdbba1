package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// aJWT has the parts of a token of Cognito's, with "/" and "+" where base64 has
// them.
func aJWT(use string) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"RS256","kid":"k"}`) + "." + part(`{"token_use":"`+use+`","sub":"`+strings.Repeat(use, 16)+`"}`) + "." + part(strings.Repeat(use+" signed?>", 30))
}

// TestCanariesAreFound is the search's positive control: a secret of each kind, in
// each encoding, planted between other text, is found, and without it nothing is.
func TestCanariesAreFound(t *testing.T) {
	t.Parallel()
	encodings := map[string]func(string) string{
		"raw":       func(s string) string { return s },
		"base64":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64url": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"Basic":     func(s string) string { return base64.StdEncoding.EncodeToString([]byte("client-1:" + s)) },
		"Basic 2":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("client-12:" + s)) },
		"Basic 3":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("client-123:" + s)) },
		"hex":       func(s string) string { return hex.EncodeToString([]byte(s)) },
		"query":     url.QueryEscape,
		"path":      url.PathEscape,
		"JSON":      func(s string) string { b, _ := json.Marshal(map[string]string{"m": s}); return string(b) },
	}
	canaries := []canary{
		{aPassword, "Passw0rd! <&\"ä"}, {aPassword, "sesame"}, {aClientSecret, "0123456789abcdefghijklmnopqrstuv"},
		{aTOTPSecret, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}, {aCode, "731946"}, {aCode, "73194682"},
		{anIDToken, aJWT("id")}, {anAccessToken, aJWT("access")}, {aRefreshToken, strings.Repeat("opaque+/", 40)},
		{aSession, strings.Repeat("AYABe", 60)}, {aProof, "c2VjcmV0IGhhc2ggb2Ygc29tZWJvZHk="}, {aDeviceSecret, "ZGV2aWNlIHBhc3N3b3JkIG9mIDQwIGJ5dGVz"},
		{aControlKey, "kJ8-_abcdefghijklmnopqrstuvwxyz0123456789AB"},
	}
	for _, c := range canaries {
		if found := leaks(canaries, []haystack{{where: "clean text", text: "cogctl: sign in ann at us-east-1_Ab12Cd34E: 0731946 of 7319467"}}); len(found) > 0 {
			t.Fatalf("found in clean text: %q", found)
		}
		for name, encode := range encodings {
			text := "cogctl: warning: " + encode(c.value) + " is odd\n"
			if found := leaks(canaries, []haystack{{where: "text", text: text}}); !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, c.kind) }) {
				t.Errorf("a %s as %s is not found in %q: %q", c.kind, name, text, found)
			} else if strings.Contains(strings.Join(found, ""), encode(c.value)) {
				t.Errorf("the finding holds the %s: %q", c.kind, found)
			}
			if found := leaks(canaries, []haystack{{where: "text", text: text, may: may(c.kind)}}); len(found) > 0 {
				t.Errorf("a %s that may be there, as %s: %q", c.kind, name, found)
			}
		}
	}
	for _, c := range []canary{{aPassword, "Passw0rd!"}, {aTOTPSecret, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}} {
		if found := leaks([]canary{c}, []haystack{{where: "text", text: "it was " + c.value[:len(c.value)-2] + "…"}}); len(found) == 0 {
			t.Errorf("a %s that was cut off is not found", c.kind)
		}
	}
	cut := aJWT("access")[:120]
	if found := leaks(canaries, []haystack{{where: "text", text: "it was " + cut + "…"}}); len(found) == 0 {
		t.Error("a token that was cut off is not found")
	}
}

// TestKeptSecrets: beside tokens that may be kept a password is found in every form, a
// code as it is, and not as base64, in which tokens tell times.
func TestKeptSecrets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"Secret-Passw0rd-9": 1, base64.StdEncoding.EncodeToString([]byte("Secret-Passw0rd-9")): 1,
		"code 731946 ": 1, base64.StdEncoding.EncodeToString([]byte("731946")): 0,
	} {
		kept := haystack{where: "a session", text: text, may: mayKeep}
		if found := leaks([]canary{{aPassword, "Secret-Passw0rd-9"}, {aCode, "731946"}}, []haystack{kept}); len(found) != want {
			t.Errorf("%q: found %q, want %d", text, found, want)
		}
	}
}
