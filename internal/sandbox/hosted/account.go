package hosted

import (
	"net/http"
	"slices"
	"strings"
)

// revoke is POST /oauth2/revoke (developer guide, "The token revocation
// endpoint"): 200 without a body, for a token that nobody knows too.
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) {
	h.count(r, "")
	form, failed := readForm(r)
	if failed != nil {
		writeError(w, failed)
		return
	}
	client, failed := h.authenticate(r, form)
	if failed != nil {
		if failed.code == "invalid_client" {
			failed.status = http.StatusUnauthorized
		}
		writeError(w, failed)
		return
	}
	if form.Get("token") == "" {
		writeError(w, &fault{code: "invalid_request"})
		return
	}
	err := h.Pool.RevokeOAuth(r.Context(), client, form.Get("token"))
	switch {
	case err == nil:
		w.WriteHeader(http.StatusOK)
	case isType(err, "UnsupportedTokenTypeException"):
		writeError(w, &fault{code: "unsupported_token_type"})
	case isType(err, "UnsupportedOperationException"): // the client has revocation switched off
		writeError(w, &fault{code: "invalid_request"})
	case isType(err, "UnauthorizedException"): // another client's token; the code is UNCONFIRMED
		writeError(w, &fault{code: "invalid_grant"})
	default:
		writeError(w, serverFault(err))
	}
}

// userInfo is GET and POST /oauth2/userInfo (developer guide, "The userInfo
// endpoint"). The challenge has no scheme in it, as documented. That the body
// repeats it is UNCONFIRMED.
func (h *Handler) userInfo(w http.ResponseWriter, r *http.Request) {
	h.count(r, "")
	refuse := func(status int, code, text string) {
		w.Header().Set("WWW-Authenticate", `error="`+code+`", error_description="`+text+`"`)
		writeJSON(w, status, map[string]string{"error": code, "error_description": text})
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		refuse(http.StatusBadRequest, "invalid_request", "Bad OAuth2 request at UserInfo Endpoint")
		return
	}
	info, err := h.Pool.Issuer.UserInfo(r.Context(), token, h.Now())
	if err != nil {
		refuse(http.StatusUnauthorized, "invalid_token",
			"Access token is expired, disabled, or deleted, or the user has globally signed out.")
		return
	}
	writeJSON(w, http.StatusOK, info)
}

// logout is GET /logout (developer guide, "The managed login sign-out
// endpoint"): it ends the browser's sign-in, revokes nothing, and goes to a
// logout URL of the client or on to the sign-in page. A bad request ends
// nothing; what AWS answers to one is UNCONFIRMED.
func (h *Handler) logout(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	client, known := h.Store.Client(q.Get("client_id"))
	to := q.Get("logout_uri")
	switch {
	case !known, len(q["client_id"]) > 1, len(q["logout_uri"]) > 1:
		h.refuse(w, request{query: q}, &refusal{code: "invalid_request", here: true})
		return
	case to != "" && !slices.Contains(client.LogoutURLs, to):
		h.refuse(w, request{query: q}, &refusal{code: "redirect_mismatch", here: true})
		return
	case to == "":
		req, refused := h.read(r.URL.RawQuery)
		if refused != nil {
			h.refuse(w, req, refused)
			return
		}
		to = "/login?" + req.query.Encode()
	}
	h.forget(r)
	setCookie(w, sessionCookie, "", -1)
	redirect(w, to)
}
