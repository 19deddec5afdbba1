package hosted

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// fault is an error of the endpoints that answer with JSON (RFC 6749, section
// 5.2).
type fault struct {
	status int // 0 means 400
	code   string
}

func writeError(w http.ResponseWriter, f *fault) {
	status := f.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	writeJSON(w, status, map[string]string{"error": f.code})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// An error here means that the client has gone.
	_ = encoder.Encode(value)
}

// readForm is a form in the body, each parameter once. What stands in the query
// does not count: URLs end up in logs.
func readForm(r *http.Request) (url.Values, *fault) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		return nil, &fault{code: "invalid_request"}
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			return nil, &fault{code: "invalid_request"}
		}
	}
	return r.PostForm, nil
}

// authenticate finds the client of a request: by Basic authorization, by
// client_id and client_secret in the form, or by client_id alone if it is
// public. Both ways at once are refused (RFC 6749, section 2.3), and so is a
// secret that a public client cannot have (from memory: UNCONFIRMED).
func (h *Handler) authenticate(r *http.Request, form url.Values) (store.Client, *fault) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if header := r.Header.Get("Authorization"); header != "" {
		basicID, basicSecret, ok := readBasic(header)
		switch {
		case !ok, id != "" && id != basicID, basicSecret == "":
			return store.Client{}, &fault{code: "invalid_client"}
		case secret != "":
			return store.Client{}, &fault{code: "invalid_request"}
		}
		id, secret = basicID, basicSecret
	}
	client, known := h.Store.Client(id)
	switch {
	case id == "":
		return store.Client{}, &fault{code: "invalid_request"} // UNCONFIRMED
	case !known, subtle.ConstantTimeCompare([]byte(client.Secret), []byte(secret)) != 1:
		return store.Client{}, &fault{code: "invalid_client"}
	}
	return client, nil
}

// readBasic takes a header apart whose name and password are encoded as in a
// form (RFC 6749, section 2.3.1).
func readBasic(header string) (id, secret string, ok bool) {
	scheme, value, _ := strings.Cut(header, " ")
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	id, secret, found := strings.Cut(string(text), ":")
	if !strings.EqualFold(scheme, "Basic") || err != nil || !found {
		return "", "", false
	}
	id, err = url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	return id, secret, err == nil && err2 == nil
}
