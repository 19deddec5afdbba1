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
		id: {auth.Given{}, exitUsage}, strings.Repeat("x", maxGiven+1): {auth.Given{}, exitUsage},
	} {
		got, err := givenTokens([]byte(text))
		if exitCode(err) != want.code || err == nil && got != want.given {
			t.Errorf("%.60q: %+v, %v", text, got, err)
		}
	}
}

func FuzzGivenTokens(f *testing.F) {
	f.Add([]byte(`{"tokens":{"id_token":"i"}}`))
	f.Add([]byte("r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		given, err := givenTokens(data)
		if err == nil && given.ID == "" && given.Refresh == "" {
			t.Error("nothing was given, and it is no error")
		}
		if err != nil && len(data) > 8 && strings.Contains(err.Error(), string(data)) {
			t.Errorf("the error quotes what was given: %v", err)
		}
	})
}
