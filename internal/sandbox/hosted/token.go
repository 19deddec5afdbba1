package hosted

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// tokenAnswer is a good answer of the token endpoint.
type tokenAnswer struct {
	ID        string `json:"id_token,omitempty"` // only with the scope openid
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token,omitempty"` // a refresh has it only with rotation
	ExpiresIn int    `json:"expires_in"`              // seconds
	Type      string `json:"token_type"`
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// token is POST /oauth2/token (developer guide, "The token issuer endpoint").
func (h *Handler) token(w http.ResponseWriter, r *http.Request) {
	tokens, failed := h.exchange(r)
	if failed != nil {
		writeError(w, failed)
		return
	}
	writeJSON(w, http.StatusOK, tokenAnswer{
		ID: tokens.ID, Access: tokens.Access, Refresh: tokens.Refresh, ExpiresIn: int(tokens.ExpiresIn / time.Second), Type: "Bearer",
	})
}

// exchange: the form, the grant type, the client, the grant, in this order,
// which is UNCONFIRMED.
func (h *Handler) exchange(r *http.Request) (userpool.Tokens, *fault) {
	form, failed := readForm(r)
	grants := map[string]func(store.Client, url.Values) (userpool.Tokens, *fault){
		"authorization_code": h.redeem,
		"refresh_token":      h.refresh,
		"client_credentials": h.machine,
	}
	grant, known := grants[form.Get("grant_type")]
	if !known {
		h.count(r, "")
	} else {
		h.count(r, form.Get("grant_type"))
	}
	switch {
	case failed != nil:
		return userpool.Tokens{}, failed
	case form.Get("grant_type") == "":
		return userpool.Tokens{}, &fault{code: "invalid_request"}
	case !known:
		return userpool.Tokens{}, &fault{code: "unsupported_grant_type"}
	}
	client, failed := h.authenticate(r, form)
	if failed != nil {
		return userpool.Tokens{}, failed
	}
	return grant(client, form)
}

// redeem turns a code into tokens. The code is used up by the first client that
// shows it with good credentials, whatever comes of it: UNCONFIRMED. So is what
// AWS answers to a verifier for a code that had no challenge; here it is
// refused, because one of the two requests was tampered with.
func (h *Handler) redeem(client store.Client, form url.Values) (userpool.Tokens, *fault) {
	invalid := &fault{code: "invalid_grant"}
	switch {
	case !client.AllowsOAuth("code"):
		return userpool.Tokens{}, &fault{code: "unauthorized_client"}
	case form.Get("code") == "", form.Get("redirect_uri") == "":
		return userpool.Tokens{}, &fault{code: "invalid_request"}
	}
	code, err := h.Store.TakeAuthCode(form.Get("code"), h.Now())
	switch {
	case err != nil, code.ClientID != client.ID:
		return userpool.Tokens{}, invalid
	case code.RedirectURI != form.Get("redirect_uri"):
		return userpool.Tokens{}, &fault{code: "unauthorized_client"} // as reported from the field
	case !proves(code.Challenge, form.Get("code_verifier")):
		return userpool.Tokens{}, invalid
	}
	user, known := h.Store.Find(code.PoolID, code.Username)
	if !known || user.Username != code.Username || userpool.Welcome(user) != nil {
		return userpool.Tokens{}, invalid
	}
	tokens, err := h.Pool.SignInOAuth(client, user, userpool.Consent{
		Scopes: code.Scopes, Nonce: code.Nonce, Audience: code.Audience, AuthTime: code.AuthTime,
	})
	return tokens, serverFault(err)
}

// proves compares a code_verifier with the challenge (RFC 7636, section 4.6).
func proves(challenge, verifier string) bool {
	if challenge == "" || verifier == "" {
		return challenge == verifier
	}
	sum := sha256.Sum256([]byte(verifier))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	return len(verifier) >= 43 && len(verifier) <= 128 && isUnreserved(verifier) &&
		subtle.ConstantTimeCompare([]byte(want), []byte(challenge)) == 1
}

// refresh takes refresh tokens of the user pool API too, but not those that
// belong to a remembered device. The scopes stay those of the sign-in.
func (h *Handler) refresh(client store.Client, form url.Values) (userpool.Tokens, *fault) {
	if form.Get("refresh_token") == "" {
		return userpool.Tokens{}, &fault{code: "invalid_request"}
	}
	tokens, err := h.Pool.RefreshOAuth(client, form.Get("refresh_token"))
	if isRefusal(err) {
		return userpool.Tokens{}, &fault{code: "invalid_grant"}
	}
	return tokens, serverFault(err)
}

// machine is client_credentials: only scopes of resource servers, all of the
// client's when none is asked for.
func (h *Handler) machine(client store.Client, form url.Values) (userpool.Tokens, *fault) {
	metadata, audience := form.Get("aws_client_metadata"), form.Get("resource")
	var object map[string]any
	switch {
	case !client.AllowsOAuth("client_credentials"), client.Secret == "":
		return userpool.Tokens{}, &fault{code: "unauthorized_client"}
	case metadata != "" && json.Unmarshal([]byte(metadata), &object) != nil:
		return userpool.Tokens{}, &fault{code: "invalid_request"} // UNCONFIRMED
	case audience != "" && !isResource(audience):
		return userpool.Tokens{}, &fault{code: "invalid_target"} // UNCONFIRMED
	}
	var custom, scopes []string
	for _, scope := range client.OAuthScopes {
		if strings.Contains(scope, "/") { // identifier/name: no scope of Cognito's own has one
			custom = append(custom, scope)
		}
	}
	asked := strings.Fields(form.Get("scope"))
	if len(asked) == 0 {
		asked = custom
	}
	for _, scope := range asked {
		if !slices.Contains(custom, scope) {
			return userpool.Tokens{}, &fault{code: "invalid_scope"}
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 {
		return userpool.Tokens{}, &fault{code: "invalid_scope"} // UNCONFIRMED
	}
	tokens, err := h.Pool.Issuer.Machine(client, scopes, audience, h.Now())
	return tokens, serverFault(err)
}

func serverFault(err error) *fault {
	if err == nil {
		return nil
	}
	return &fault{status: http.StatusInternalServerError, code: "server_error"}
}
