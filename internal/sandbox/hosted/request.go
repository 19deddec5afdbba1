package hosted

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// request is an authorization request (developer guide, "The redirect and
// authorization endpoint"; RFC 6749, section 4.1.1; RFC 7636). Where it is bad,
// the fields up to what is wrong with it are filled in.
type request struct {
	client       store.Client
	redirectURI  string
	responseType string // code, token
	state        string
	scopes       []string
	nonce        string
	challenge    string // code_challenge, of the method S256
	prompt       string // "", none, login, select_account, consent
	provider     string // identity_provider, or ""
	hint         string // login_hint
	audience     string // resource
	query        url.Values
}

// refusal is why an authorization request is refused. One that is not
// trustworthy enough to be sent back to the application goes to the error page
// instead.
type refusal struct {
	code        string // as in RFC 6749, section 4.1.2.1
	description string // "" mostly
	here        bool   // to the error page
}

// names are the parameters that a request may have once (RFC 6749, section
// 3.1). Others are none of ours and are not looked at.
func names() []string {
	return []string{
		"response_type", "client_id", "redirect_uri", "state", "scope", "identity_provider", "idp_identifier", "nonce",
		"code_challenge", "code_challenge_method", "login_hint", "prompt", "lang", "resource",
	}
}

// read judges a request. client_id and redirect_uri come first: until they are
// known to belong together nothing may be sent to the redirect_uri.
func (h *Handler) read(rawQuery string) (request, *refusal) {
	q, err := url.ParseQuery(rawQuery)
	req := request{query: q, state: q.Get("state"), responseType: q.Get("response_type")}
	client, known := h.Store.Client(q.Get("client_id"))
	uri := q.Get("redirect_uri")
	switch {
	case err != nil, len(q["client_id"]) > 1, len(q["redirect_uri"]) > 1:
		return req, &refusal{code: "invalid_request", here: true}
	case !known:
		return req, &refusal{code: "invalid_request", description: "Client does not exist.", here: true} // UNCONFIRMED
	case uri == "":
		return req, &refusal{code: "invalid_request", description: "Required parameter redirect_uri is missing.", here: true} // UNCONFIRMED
	case !slices.Contains(client.CallbackURLs, uri):
		return req, &refusal{code: "redirect_mismatch", here: true}
	}
	req.client, req.redirectURI = client, uri
	for _, name := range names() {
		if len(q[name]) > 1 {
			return req, &refusal{code: "invalid_request"} // UNCONFIRMED
		}
	}
	for _, check := range []func(*request) *refusal{(*request).readType, (*request).readPKCE, (*request).readScopes, (*request).readPrompt, h.readProvider} {
		if refused := check(&req); refused != nil {
			return req, refused
		}
	}
	req.nonce, req.hint, req.audience = q.Get("nonce"), q.Get("login_hint"), q.Get("resource")
	if req.audience != "" && !isResource(req.audience) {
		return req, &refusal{code: "invalid_target"} // RFC 8707, section 2; UNCONFIRMED
	}
	return req, nil
}

// readType also refuses a state that is JSON, which the developer guide says
// cannot be sent; what AWS answers to it is UNCONFIRMED.
func (req *request) readType() *refusal {
	flows := map[string]string{"code": "code", "token": "implicit"}
	flow, known := flows[req.responseType]
	switch {
	case !known:
		return &refusal{code: "invalid_request"}
	case !req.client.AllowsOAuth(flow):
		return &refusal{code: "unauthorized_client"}
	case strings.HasPrefix(strings.TrimSpace(req.state), "{") && json.Valid([]byte(req.state)):
		req.state = ""
		return &refusal{code: "invalid_request"}
	}
	return nil
}

// readPKCE: a challenge needs its method, the method is S256, and its value has
// 43 characters (RFC 7636, section 4.2).
func (req *request) readPKCE() *refusal {
	challenge, method := req.query.Get("code_challenge"), req.query.Get("code_challenge_method")
	switch {
	case challenge == "" && method == "":
		return nil
	case method != "S256", len(challenge) != 43, !isUnreserved(challenge):
		return &refusal{code: "invalid_request"}
	}
	req.challenge = challenge
	return nil
}

// isUnreserved is the alphabet of PKCE (RFC 7636, section 4.1).
func isUnreserved(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
	})
}

// readScopes: none means all that the client has; one that it has not is
// invalid_scope, although a page of the developer guide says that such are
// ignored (UNCONFIRMED). email, phone and profile need openid.
func (req *request) readScopes() *refusal {
	asked := strings.Fields(req.query.Get("scope"))
	if len(asked) == 0 {
		asked = req.client.OAuthScopes
	}
	for _, scope := range asked {
		needsOpenID := scope == "email" || scope == "phone" || scope == "profile"
		if !slices.Contains(req.client.OAuthScopes, scope) || needsOpenID && !slices.Contains(asked, "openid") {
			return &refusal{code: "invalid_scope"}
		}
		if !slices.Contains(req.scopes, scope) {
			req.scopes = append(req.scopes, scope)
		}
	}
	if len(req.scopes) == 0 {
		return &refusal{code: "invalid_scope"} // UNCONFIRMED
	}
	return nil
}

// readPrompt: none stands alone (OpenID Connect Core, section 3.1.2.1).
func (req *request) readPrompt() *refusal {
	req.prompt = req.query.Get("prompt")
	if slices.Contains([]string{"", "none", "login", "select_account", "consent"}, req.prompt) {
		return nil
	}
	return &refusal{code: "invalid_request"} // UNCONFIRMED
}

// readProvider: what AWS answers to a provider that the client does not have is
// UNCONFIRMED. No provider of the sandbox has an idp_identifier.
func (h *Handler) readProvider(req *request) *refusal {
	req.provider = req.query.Get("identity_provider")
	switch {
	case req.query.Get("idp_identifier") != "":
		return &refusal{code: "invalid_request", description: "Identity provider does not exist."}
	case req.provider == "":
		// Where there is nothing to choose from, nobody is asked.
		if providers := h.providers(req.client); len(providers) == 1 && !req.client.AllowsProvider("COGNITO") {
			req.provider = providers[0]
		}
	case req.provider == "COGNITO" && req.client.AllowsProvider("COGNITO"):
	case !slices.Contains(h.providers(req.client), req.provider):
		return &refusal{code: "invalid_request", description: "Identity provider does not exist."}
	}
	return nil
}

// providers are the social providers that a client's users may come from.
func (h *Handler) providers(client store.Client) []string {
	pool, _ := h.Store.Pool(client.PoolID)
	var names []string
	for _, name := range pool.IdentityProviders {
		if client.AllowsProvider(name) {
			names = append(names, name)
		}
	}
	return names
}

// isResource: an absolute URI without fragment (RFC 8707, section 2).
func isResource(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && !strings.Contains(s, "#")
}
