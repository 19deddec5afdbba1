package auth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/auth"
)

// An issuer that says that it names itself in every answer (RFC 9207, section 2.4)
// is held to it: an answer without iss is another's.
func TestAnswerMustNameItsIssuer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		promised bool
		iss      string
		want     bool // it is redeemed
	}{
		"promised and kept": {true, "own", true}, "promised and left out": {true, "", false},
		"promised, another's": {true, "https://evil.example", false}, "not promised": {false, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newFakeProvider(t)
			f := p.flow()
			f.Provider.NamesItself = c.promised
			pending, _ := p.begun(t, f)
			answer := url.Values{"state": {pending.State}, "code": {"c0de-1"}}
			if c.iss != "" {
				answer.Set("iss", strings.Replace(c.iss, "own", p.URL, 1))
			}
			_, err := f.Finish(t.Context(), pending, answer)
			var mixed *auth.MixUpError
			if c.want != (err == nil) || !c.want && !errors.As(err, &mixed) || c.want != (len(p.redemptions()) == 1) {
				t.Errorf("redeemed %d times: %v", len(p.redemptions()), err)
			}
		})
	}
}

// Two issuers, of which one is hostile: it sends the browser on to the honest one,
// for a code of the honest one's under the state of the sign-in at itself. The code
// reaches the hostile token endpoint never, where the honest issuer names itself; and
// what the hostile one makes of its own is no token of the honest one's.
func TestMixUpOfTwoIssuers(t *testing.T) {
	t.Parallel()
	honest, hostile := newFakeProvider(t), newFakeProvider(t)
	at := func(p *fakeProvider) auth.CodeFlow {
		f := p.flow()
		f.Issuers = []string{p.URL}
		return f
	}
	pending, _ := hostile.begun(t, at(hostile))
	answer := url.Values{"state": {pending.State}, "code": {"c0de-of-honest"}, "iss": {honest.URL}}
	var mixed *auth.MixUpError
	if _, err := at(hostile).Finish(t.Context(), pending, answer); !errors.As(err, &mixed) || len(hostile.redemptions()) > 0 {
		t.Errorf("the code of one went to the other, %d times: %v", len(hostile.redemptions()), err)
	}
	// The state of one sign-in is none of the other's.
	other, _ := honest.begun(t, at(honest))
	var stray *auth.StrayAnswerError
	if _, err := at(honest).Finish(t.Context(), other, answer); !errors.As(err, &stray) || len(honest.redemptions()) > 0 {
		t.Errorf("an answer to the other sign-in: %v", err)
	}
	// Tokens that one issuer made do not pass for the other's.
	tokens, err := at(honest).Finish(t.Context(), other, url.Values{"state": {other.State}, "code": {"c0de-1"}, "iss": {honest.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hostile.verifier().Begin(t.Context(), auth.Session{Typed: "ann"}, tokens); err == nil || !strings.Contains(err.Error(), "iss") {
		t.Errorf("tokens of another issuer: %v", err)
	}
	if _, err := honest.verifier().Begin(t.Context(), auth.Session{Typed: "ann"}, tokens); err != nil {
		t.Errorf("its own: %v", err)
	}
}

// A code that was got for another sign-in, pasted bare or brought with our state, is
// refused by the verifier, which is ours alone.
func TestCodeWithAnotherVerifier(t *testing.T) {
	t.Parallel()
	for name, foreign := range map[string]bool{"our sign-in": false, "another sign-in": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newFakeProvider(t)
			ours, _ := p.begun(t, p.flow())
			if foreign {
				p.begun(t, p.flow()) // whose code it is
			}
			answer, err := ours.Pasted("c0de-1")
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.flow().Finish(t.Context(), ours, answer)
			var no *auth.OAuthError
			if foreign != (err != nil) || foreign && (!errors.As(err, &no) || no.Code != "invalid_grant") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A refresh token is revoked where it was issued and nowhere else, whatever the
// discovery document says by then.
func TestRevocationStaysHome(t *testing.T) {
	t.Parallel()
	const home = "https://login.example.com"
	for revocation, good := range map[string]bool{
		home + "/revoke":                     true,
		"https://LOGIN.example.com:443/r":    true,
		"https://evil.example/revoke":        false,
		"https://login.example.com.evil/r":   false,
		"https://login.example.com:8443/r":   false,
		"http://login.example.com/revoke":    false,
		"https://login.example.com@evil.x/r": false,
	} {
		var sent []string
		client := auth.NewClient(auth.ClientConfig{Region: "us-east-1", ClientID: "abc", ClientSecret: "hush", HTTP: &http.Client{
			Transport: web(func(r *http.Request) (int, http.Header, string) { sent = append(sent, r.URL.Host); return 200, nil, "" }),
		}, Now: time.Now})
		s := auth.Session{Typed: "ann", Refresh: "r-1", By: auth.ByOAuth, TokenURL: home + "/token"}
		err := client.RevokeByOAuth(t.Context(), auth.Provider{Token: s.TokenURL, Revocation: revocation}, s)
		var elsewhere *auth.ElsewhereError
		if good != (err == nil) || !good && !errors.As(err, &elsewhere) || good != (len(sent) == 1) {
			t.Errorf("%s: sent to %q, %v", revocation, sent, err)
		}
	}
}
