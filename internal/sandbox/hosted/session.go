package hosted

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// cognito is the name of the user pool itself among identity providers.
const cognito = "COGNITO"

// The cookies have Cognito's names. They are not Secure, because this is plain
// http on loopback, where no client would send them back; and cookies know no
// ports, so that another server on this machine's loopback is sent them too.
const (
	sessionCookie = "cognito"
	formCookie    = "XSRF-TOKEN"
)

// sessionFor is how long a browser stays signed in. Using it does not make it
// longer.
const sessionFor = time.Hour

// signedIn is who has signed in to the client's pool with this browser, if he is
// still welcome.
func (h *Handler) signedIn(r *http.Request, req request) (store.Browser, store.User, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return store.Browser{}, store.User{}, false
	}
	browser, ok := h.Store.Browser(cookie.Value, h.Now())
	if !ok || browser.PoolID != req.client.PoolID || !req.client.AllowsProvider(browser.Provider) {
		return store.Browser{}, store.User{}, false
	}
	user, known := h.Store.Find(browser.PoolID, browser.Username)
	if !known || user.Username != browser.Username || userpool.Welcome(user) != nil {
		return store.Browser{}, store.User{}, false
	}
	return browser, user, true
}

// enter signs the browser in, under a new name, and goes back to the
// application.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request, req request, user store.User, provider string) {
	h.forget(r)
	id, err := h.randomText(32)
	if err != nil {
		h.refuse(w, req, &refusal{code: "server_error"})
		return
	}
	now := h.Now()
	h.Store.PutBrowser(id, store.Browser{
		PoolID: req.client.PoolID, Username: user.Username, Provider: provider, AuthTime: now,
	}, now, now.Add(sessionFor))
	setCookie(w, sessionCookie, id, int(sessionFor/time.Second))
	h.grant(w, req, user, now)
}

// forget ends the sign-in of the browser.
func (h *Handler) forget(r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		h.Store.DropBrowser(cookie.Value)
	}
}

// setCookie: Lax, because an application's page leads here by a link. age is in
// seconds; 0 is until the browser closes, -1 is gone.
func setCookie(w http.ResponseWriter, name, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// browserID is what forms and federated sign-ins are tied to: a random cookie,
// which the browser is given where it has none.
func (h *Handler) browserID(w http.ResponseWriter, r *http.Request) (string, error) {
	if cookie, err := r.Cookie(formCookie); err == nil && isBrowserID(cookie.Value) {
		return cookie.Value, nil
	}
	id, err := h.randomText(16)
	if err == nil {
		setCookie(w, formCookie, id, 0)
		r.AddCookie(&http.Cookie{Name: formCookie, Value: id}) // for the next form of the same page
	}
	return id, err
}

func isBrowserID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// tie is a proof that this domain gave words to this browser. Each form has its
// own, over its path and query.
func (h *Handler) tie(browser string, words ...string) string {
	mac := hmac.New(sha256.New, h.Key)
	for _, word := range append([]string{browser}, words...) {
		sum := sha256.Sum256([]byte(word)) // of one length, so that words do not run together
		mac.Write(sum[:])
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// tied checks a proof against the browser's cookie.
func (h *Handler) tied(r *http.Request, proof string, words ...string) bool {
	cookie, err := r.Cookie(formCookie)
	return err == nil && isBrowserID(cookie.Value) && hmac.Equal([]byte(proof), []byte(h.tie(cookie.Value, words...)))
}

// isOurForm says whether a POST comes from a form of ours that this browser was
// given.
func (h *Handler) isOurForm(r *http.Request) bool {
	return r.ParseForm() == nil && h.tied(r, r.PostForm.Get("_csrf"), r.URL.Path, r.URL.Query().Encode())
}
