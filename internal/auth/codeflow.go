package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/redact"
)

// CodeFlow is the sign-in through a browser: OAuth's authorization code grant
// (RFC 6749, section 4.1) with PKCE (RFC 7636, S256) and the nonce of OpenID Connect.
//
// It comes in two halves, because between them a person is somewhere else: Begin
// makes the address that they open, Finish makes tokens of what their browser
// brings back.
type CodeFlow struct {
	Client   *Client
	Provider Provider
	Redirect string   // redirect_uri, letter for letter as it is registered
	Scopes   []string // empty: all that a Cognito app client allows, elsewhere openid
	// Extra are further parameters, such as identity_provider or prompt. Those that
	// ReservedParameter names are not taken from it.
	Extra url.Values
	// Issuers are what the iss of an answer may be besides Provider.Issuer: a user
	// pool has two forms of it.
	Issuers []string
	// NoNonce sends no nonce, for a provider whose ID tokens never hold it: some
	// stand-ins for Cognito. OpenID Connect leaves it to the client (Core, section
	// 3.1.2.1); that the code belongs to this sign-in is then for PKCE alone to show
	// (RFC 9700, section 2.1.1).
	NoNonce bool
}

// Pending is a sign-in that was begun and not finished. Whoever has it can redeem
// the code that belongs to it: it stays where it was made.
type Pending struct {
	State    string `json:"state"`         // comes back with the answer
	Nonce    string `json:"nonce"`         // comes back in the ID token; empty when none was sent
	Verifier string `json:"code_verifier"` // proves that who redeems the code asked for it
	Redirect string `json:"redirect_uri"`
}

// ReservedParameter tells the parameters of an authorization request that are
// CodeFlow's own, and those that would bring the answer in another form.
func ReservedParameter(name string) bool {
	return slices.Contains([]string{
		"response_type", "response_mode", "client_id", "client_secret", "redirect_uri", "scope", "state",
		"nonce", "code_challenge", "code_challenge_method", "code_verifier", "request", "request_uri",
	}, name)
}

// Begin returns the address that the person's browser is to open, and what Finish
// will want.
func (f CodeFlow) Begin() (authorize string, p Pending, err error) {
	p = Pending{Redirect: f.Redirect}
	for _, into := range []*string{&p.State, &p.Nonce, &p.Verifier} {
		if *into, err = f.Client.unguessable(); err != nil {
			return "", p, err
		}
	}
	at, err := url.Parse(f.Provider.Authorization)
	if err != nil || at.Host == "" {
		return "", p, fmt.Errorf("the authorization endpoint %q is not a URL", f.Provider.Authorization)
	}
	query := at.Query()
	for name, values := range f.Extra {
		if !ReservedParameter(name) {
			query[name] = values
		}
	}
	query.Set("response_type", "code")
	query.Set("client_id", f.Client.config.ClientID)
	query.Set("redirect_uri", f.Redirect)
	query.Set("state", p.State)
	if f.NoNonce {
		p.Nonce = ""
	} else {
		query.Set("nonce", p.Nonce)
	}
	query.Set("code_challenge_method", "S256")
	query.Set("code_challenge", challengeOf(p.Verifier))
	if scope := f.scope(); scope != "" {
		query.Set("scope", scope)
	}
	// Form encoding writes a space as "+", which not every server reads as one in a
	// URL's query; "%20" is one to all of them.
	at.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return at.String(), p, nil
}

// scope is what to ask for. Without openid there would be no ID token, and nobody
// would know who signed in.
func (f CodeFlow) scope() string {
	scopes := f.Scopes
	if len(scopes) == 0 && f.Provider.Cognito {
		return "" // all that the app client allows
	}
	if !slices.Contains(scopes, "openid") {
		scopes = append([]string{"openid"}, scopes...)
	}
	return strings.Join(scopes, " ")
}

// unguessable is 256 random bits in 43 characters, which is also what RFC 7636,
// section 4.1, recommends for a code verifier.
func (c *Client) unguessable() (string, error) {
	random := make([]byte, 32)
	if _, err := io.ReadFull(c.config.Random, random); err != nil {
		return "", fmt.Errorf("no random numbers for the sign-in: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(random), nil
}

// challengeOf is the S256 code challenge (RFC 7636, section 4.2).
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Answered tells whether the parameters of a redirect are the answer to this very
// request: our state, once, and with it either one code or one error. Anything else
// came from somewhere else and means nothing.
func (p Pending) Answered(answer url.Values) bool {
	state, code, failed := answer["state"], answer["code"], answer["error"]
	if p.State == "" || len(state) != 1 || subtle.ConstantTimeCompare([]byte(state[0]), []byte(p.State)) != 1 {
		return false
	}
	if len(failed) > 0 {
		return len(failed) == 1 && failed[0] != "" && len(code) == 0
	}
	return len(code) == 1 && code[0] != ""
}

// Finish redeems the code of an answer, once. Errors are *StrayAnswerError for what
// is no answer to p, *MixUpError, *AuthorizationError for the provider's own no,
// and those of the token endpoint. The tokens are to be verified by Verifier.Begin,
// which holds them against the nonce of p.
func (f CodeFlow) Finish(ctx context.Context, p Pending, answer url.Values) (Tokens, error) {
	if !p.Answered(answer) {
		return Tokens{}, &StrayAnswerError{}
	}
	// RFC 9207, section 2.4: an iss that came along is compared before anything else
	// of the answer is believed, and must come from who promised it.
	if from, present := answer["iss"]; present && (len(from) != 1 || !f.expects(from[0])) || !present && f.Provider.NamesItself {
		return Tokens{}, &MixUpError{Got: strings.Join(from, ", "), Want: f.Provider.Issuer}
	}
	if code := answer.Get("error"); code != "" {
		return Tokens{}, &AuthorizationError{Provider: f.Provider.Issuer, Code: redact.Cut(code), Description: redact.Cut(answer.Get("error_description"))}
	}
	return f.redeem(ctx, p, answer.Get("code"))
}

// expects tells whether an answer may come from that issuer. Of a user pool's domain
// alone nobody knows whose it is, only whose it may be.
func (f CodeFlow) expects(iss string) bool {
	if iss == f.Provider.Issuer || slices.Contains(f.Issuers, iss) {
		return true
	}
	return len(f.Issuers) == 0 && f.Provider.Cognito && PoolOfDomain(f.Provider.Authorization, iss)
}

// redeem exchanges the code for tokens (RFC 6749, section 4.1.3). A code is used up
// by the first request that arrives, so another is sent only where none did.
func (f CodeFlow) redeem(ctx context.Context, p Pending, code string) (Tokens, error) {
	op := "redeem the code of the browser sign-in at " + f.Provider.Token
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {p.Redirect}, "code_verifier": {p.Verifier},
	}
	var t Tokens
	err := f.Client.repeat(ctx, ifUnsent, func(ctx context.Context) (err error) {
		t, err = f.Client.tokenRequest(ctx, f.Provider, form, op)
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	if t.ID == "" {
		return Tokens{}, &NoIDTokenError{Op: op}
	}
	t.fromCode, t.nonce = true, p.Nonce
	return t, nil
}

// StrayAnswerError says that what came back answers no request of ours: its state
// is another's, or it holds neither one code nor one error.
type StrayAnswerError struct{}

func (*StrayAnswerError) Error() string {
	return "this is no answer to the sign-in that was begun here"
}

// MixUpError says that the answer names another issuer than the one that was asked:
// somebody may be passing the code of one provider to another.
type MixUpError struct{ Got, Want string }

func (e *MixUpError) Error() string {
	return fmt.Sprintf("the browser brought an answer of the issuer %q, and %q was asked: its code is not redeemed", redact.Cut(e.Got), e.Want)
}

// AuthorizationError is the no of an authorization endpoint, in its own words
// (RFC 6749, section 4.1.2.1; OpenID Connect Core, section 3.1.2.6).
type AuthorizationError struct{ Provider, Code, Description string }

func (e *AuthorizationError) Error() string {
	if e.Description == "" {
		return fmt.Sprintf("sign in at %s: %s", e.Provider, e.Code)
	}
	return fmt.Sprintf("sign in at %s: %s (%s)", e.Provider, strings.TrimSuffix(e.Description, "."), e.Code)
}

// NoIDTokenError says that the token endpoint gave tokens that name nobody.
type NoIDTokenError struct{ Op string }

func (e *NoIDTokenError) Error() string { return e.Op + ": the answer holds no ID token" }

// Pasted reads what a person copied from their browser: the whole address that the
// sign-in ended at, its query, or the code alone. An address must carry our state; a
// bare code has none, and PKCE alone ties it to this sign-in. Its errors are for the
// person to read and try again.
func (p Pending) Pasted(text string) (url.Values, error) {
	text = strings.Trim(strings.TrimSpace(text), `"'<>`)
	if text == "" {
		return nil, errors.New("nothing was pasted")
	}
	if !strings.ContainsAny(text, "/?&=:") {
		return p.bare(text)
	}
	query := text
	if before, after, found := strings.Cut(text, "?"); found {
		query = after
	} else if strings.ContainsAny(before, "/:") {
		return nil, errors.New("that address has no code in it: copy the one that the browser ends at, after the sign-in")
	}
	query, _, _ = strings.Cut(query, "#")
	answer, err := url.ParseQuery(query)
	switch {
	case err != nil:
		return nil, errors.New("that address cannot be read: copy it again, as a whole")
	case answer.Has("code_challenge"):
		return nil, errors.New("that is the address to open: copy the one that the browser ends at, after the sign-in")
	case p.Answered(answer):
		return answer, nil
	case !answer.Has("code") && !answer.Has("error"):
		return nil, errors.New("that address has no code in it: copy the one that the browser ends at, after the sign-in")
	case !answer.Has("state"):
		return nil, errors.New("that address has no state in it: copy it again, as a whole")
	}
	return nil, errors.New("that address belongs to another sign-in: its state is not the one of this")
}

// maxCode bounds a code in bytes. Cognito's have 36, the longest known some 2000.
const maxCode = 8 << 10

// bare takes a code by itself.
func (p Pending) bare(code string) (url.Values, error) {
	if len(code) < 6 || len(code) > maxCode || strings.ContainsFunc(code, notOfToken) {
		return nil, errors.New("that is neither the address that the browser ended at nor a code")
	}
	if subtle.ConstantTimeCompare([]byte(code), []byte(p.State)) == 1 {
		return nil, errors.New("that is the state: the code is what stands after code= in the address")
	}
	return url.Values{"code": {code}, "state": {p.State}}, nil
}
