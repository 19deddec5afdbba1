package hosted

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// codeFor is the life of an authorization code.
const codeFor = 5 * time.Minute

// authorize is GET /oauth2/authorize: on with whoever has signed in already, to
// a provider, or to the sign-in page.
func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) {
	h.count(r, "")
	req, refused := h.read(r.URL.RawQuery)
	if refused != nil {
		h.refuse(w, req, refused)
		return
	}
	browser, user, signedIn := h.signedIn(r, req)
	// Who asks for a provider gets the sign-in that came from there, no other:
	// UNCONFIRMED.
	fits := req.provider == "" || req.provider == browser.Provider
	switch {
	case signedIn && fits && req.prompt != "login":
		h.grant(w, req, user, browser.AuthTime)
	case req.prompt == "none":
		h.refuse(w, req, &refusal{code: "login_required"})
	case req.provider != "" && req.provider != cognito:
		h.leave(w, r, req, req.provider)
	default:
		redirect(w, "/login?"+req.query.Encode())
	}
}

// grant ends an authorization well: with a code, or with the tokens themselves.
func (h *Handler) grant(w http.ResponseWriter, req request, user store.User, authTime time.Time) {
	if req.responseType == "token" {
		h.grantTokens(w, req, user, authTime)
		return
	}
	code, err := store.NewID(h.Random)
	if err != nil {
		h.refuse(w, req, &refusal{code: "server_error"})
		return
	}
	now := h.Now()
	h.Store.PutAuthCode(code, store.AuthCode{
		PoolID: req.client.PoolID, ClientID: req.client.ID, Username: user.Username, RedirectURI: req.redirectURI,
		Scopes: req.scopes, Nonce: req.nonce, Challenge: req.challenge, Audience: req.audience, AuthTime: authTime,
	}, now, now.Add(codeFor))
	h.answerWith(w, req, "code", code)
}

// grantTokens is the implicit grant: no refresh token, and a token_type in lower
// case, unlike at the token endpoint.
func (h *Handler) grantTokens(w http.ResponseWriter, req request, user store.User, authTime time.Time) {
	tokens, err := h.Pool.SignInOAuth(req.client, user, userpool.Consent{
		Scopes: req.scopes, Nonce: req.nonce, Audience: req.audience, AuthTime: authTime,
	})
	if err != nil {
		h.refuse(w, req, &refusal{code: "server_error"})
		return
	}
	var answer []string
	if tokens.ID != "" {
		answer = append(answer, "id_token", tokens.ID)
	}
	h.answerWith(w, req, append(answer, "access_token", tokens.Access, "token_type", "bearer", "expires_in", seconds(tokens.ExpiresIn))...)
}

// refuse tells the application, or, where it cannot be trusted to be the
// application, the error page.
func (h *Handler) refuse(w http.ResponseWriter, req request, why *refusal) {
	var answer []string
	if why.description != "" {
		answer = append(answer, "error_description", why.description)
	}
	answer = append(answer, "error", why.code)
	if !why.here {
		h.answerWith(w, req, answer...)
		return
	}
	query := url.Values{"error": {why.code}, "client_id": {req.query.Get("client_id")}}
	redirect(w, "/error?"+query.Encode())
}

// answerWith goes back to the application with names and values, and the state
// as it came. The answer to response_type=token is in the fragment (RFC 6749,
// section 4.2.2); that errors are there too is UNCONFIRMED.
func (h *Handler) answerWith(w http.ResponseWriter, req request, answer ...string) {
	if req.state != "" {
		answer = append(answer, "state", req.state)
	}
	var pairs []string
	for i := 0; i+1 < len(answer); i += 2 {
		pairs = append(pairs, url.QueryEscape(answer[i])+"="+url.QueryEscape(answer[i+1]))
	}
	separator := "?"
	switch {
	case req.responseType == "token":
		separator = "#"
	case strings.Contains(req.redirectURI, "?"):
		separator = "&"
	}
	redirect(w, req.redirectURI+separator+strings.Join(pairs, "&"))
}

// redirect leaves the URL as it is: a callback URL need not be http, and must
// not be tidied.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}
