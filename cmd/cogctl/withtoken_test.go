package main

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/auth"
)

func TestGivenTokens(t *testing.T) {
	t.Parallel()
	id := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"token_use":"id"}`)) + ".AAAA"
	access := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"token_use":"access"}`)) + ".AAAA"
	for text, want := range map[string]struct {
		given auth.Given
		code  int
	}{
		"r-1\n":   {auth.Given{Refresh: "r-1"}, 0},
		`"r-1"`:   {auth.Given{Refresh: "r-1"}, 0},
		"\ufeffr": {auth.Given{Refresh: "r"}, 0},
		`{"id_token":"i","refresh_token":"r","access_token":"a"}`:               {auth.Given{ID: "i", Access: "a", Refresh: "r"}, 0},
		`{"IdToken":"i","RefreshToken":"r"}`:                                    {auth.Given{ID: "i", Refresh: "r"}, 0},
		`{"tokens":{"idToken":"i","refreshToken":"r","accessToken":"a"},"x":1}`: {auth.Given{ID: "i", Access: "a", Refresh: "r"}, 0},
		`{"AuthenticationResult":{"IdToken":"i"},"ChallengeParameters":{}}`:     {auth.Given{ID: "i"}, 0},
		"": {auth.Given{}, exitNeeded}, " \n": {auth.Given{}, exitNeeded}, `''`: {auth.Given{}, exitNeeded},
		"two words": {auth.Given{}, exitUsage}, "{": {auth.Given{}, exitUsage}, "{}": {auth.Given{}, exitUsage},
		`{"access_token":"a"}`: {auth.Given{}, exitUsage}, `{"id_token":7}`: {auth.Given{}, exitUsage},
		id: {auth.Given{}, exitUsage}, access: {auth.Given{}, exitUsage}, strings.Repeat("x", maxGiven+1): {auth.Given{}, exitUsage},
	} {
		got, err := givenTokens([]byte(text))
		if exitCode(err) != want.code || err == nil && got != want.given {
			t.Errorf("%.60q: %+v, %v", text, got, err)
		}
	}
}

// TestSameName: the given tokens are those of whoever was named, by any name to sign in
// with, and by no other claim.
func TestSameName(t *testing.T) {
	t.Parallel()
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	id := part(`{"alg":"RS256"}`) + "." + part(`{"sub":"5-6","email":"Ann@example.com","phone_number":"+15550100","preferred_username":"annie","name":"Anna"}`) + ".AAAA"
	for name, same := range map[string]bool{
		"": true, "ann": true, "ANN": true, "5-6": true, "ann@example.com": true, "+15550100": true, "Annie": true, "Anna": false, "bob": false,
	} {
		l := login{signIn: signIn{user: name}}
		if err := l.sameName(auth.Session{Username: "ann", ID: id}); (err == nil) != same || err != nil && exitCode(err) != exitRefused {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestWholeLines: a line as long as a terminal's longest may have lost its end there.
func TestWholeLines(t *testing.T) {
	t.Parallel()
	for length, whole := range map[int]bool{0: true, 1022: true, 1023: false, 1024: true, 4094: true, 4095: false, 4096: true} {
		for _, end := range []string{"", "\n", "\nmore\n"} {
			if err := wholeLines([]byte("more\n" + strings.Repeat("x", length) + end)); (err == nil) != whole {
				t.Errorf("%d characters, then %q: %v", length, end, err)
			}
		}
	}
}

// TestGivenTwice: what could be read in two ways is refused, by the names of the members
// and without their values; the same said twice is not.
func TestGivenTwice(t *testing.T) {
	t.Parallel()
	for text, named := range map[string]string{
		`{"id_token":"secret1","id_token":"secret2","refresh_token":"r"}`:                    `"id_token" twice`,
		`{"refresh_token":"secret1","refresh_token":"secret1"}`:                              `"refresh_token" twice`,
		`{"id_token":"secret1","IdToken":"secret2"}`:                                         "more than one id_token, and they differ: IdToken, id_token",
		`{"tokens":{"idToken":"secret1"},"AuthenticationResult":{"IdToken":"secret2"}}`:      "AuthenticationResult.IdToken, tokens.idToken",
		`{"tokens":{"accessToken":"secret1","id_token":"i"},"access_token":"secret2"}`:       "access_token, tokens.accessToken",
		`{"tokens":{"refreshToken":"r","refreshToken":"secret1"}}`:                           `"refreshToken" twice`,
		`{"tokens":{"refreshToken":["secret1"]}}`:                                            "tokens.refreshToken is not a string",
		`{"id_token":"secret1"} {"id_token":"secret2"}`:                                      "is not JSON",
		`{"id_token":"secret1",}`:                                                            "is not JSON",
		`{"id_token":"same","tokens":{"IdToken":"same"},"IdToken":null,"access_token":""}`:   "",
		`{"tokens":{"idToken":"i"},"refresh_token":"r","AuthenticationResult":"no wrapper"}`: "",
	} {
		for range 20 { // the order of a map is another each time
			given, err := givenTokens([]byte(text))
			if named == "" {
				if err != nil || given.ID == "" {
					t.Errorf("%s: %+v, %v", text, given, err)
				}
				continue
			}
			if exitCode(err) != exitUsage || !strings.Contains(err.Error(), named) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %+v, %v", text, given, err)
			}
		}
	}
	refresh := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"token_use":"refresh"}`)) + ".AAAA"
	if given, err := givenTokens([]byte(refresh)); err != nil || given.Refresh != refresh {
		t.Errorf("a refresh token that can be read: %v", err)
	}
}

func FuzzGivenTokens(f *testing.F) {
	f.Add([]byte(`{"tokens":{"id_token":"i"}}`))
	f.Add([]byte("r"))
	f.Add([]byte(`{"tokens":{"id_token":"i"},"IdToken":"j","refresh_token":"r","RefreshToken":"r"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		given, err := givenTokens(data)
		if err == nil && given.ID == "" && given.Refresh == "" {
			t.Error("nothing was given, and it is no error")
		}
		if again, twice := givenTokens(data); again != given || (twice == nil) != (err == nil) {
			t.Errorf("read as %+v, then as %+v", given, again)
		}
		if err != nil && len(data) > 8 && strings.Contains(err.Error(), string(data)) {
			t.Errorf("the error quotes what was given: %v", err)
		}
	})
}
