package hosted

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// standInPath is where the social providers are that the sandbox stands in for.
const standInPath = "/standin/"

// federationFor is how long a sign-in may be away at a provider, and
// assertionFor how long what comes back is good.
const (
	federationFor = 5 * time.Minute
	assertionFor  = time.Minute
)

// leave sends the browser to a provider, with a state that brings it back to
// this request and belongs to this browser.
func (h *Handler) leave(w http.ResponseWriter, r *http.Request, req request, provider string) {
	browser, err := h.browserID(w, r)
	if err != nil {
		h.refuse(w, req, &refusal{code: "server_error"})
		return
	}
	state, err := h.randomText(32)
	if err != nil {
		h.refuse(w, req, &refusal{code: "server_error"})
		return
	}
	now := h.Now()
	h.Store.PutFederation(state, store.Federation{
		PoolID: req.client.PoolID, ClientID: req.client.ID, Provider: provider, Browser: browser, Query: req.query.Encode(),
	}, now, now.Add(federationFor))
	redirect(w, standInPath+url.PathEscape(provider)+"?"+url.Values{"state": {state}}.Encode())
}

// idpResponse is GET /oauth2/idpresponse, where a provider sends the browser
// back to. A state that this domain did not give this browser goes nowhere, and
// is not used up by the attempt.
func (h *Handler) idpResponse(w http.ResponseWriter, r *http.Request) {
	h.count(r, "")
	q := r.URL.Query()
	lost := &refusal{code: "invalid_request", here: true}
	away, err := h.Store.Federation(q.Get("state"), h.Now())
	cookie, noCookie := r.Cookie(formCookie)
	if err != nil || noCookie != nil || cookie.Value != away.Browser {
		h.refuse(w, request{query: url.Values{}}, lost)
		return
	}
	if away, err = h.Store.TakeFederation(q.Get("state"), h.Now()); err != nil {
		h.refuse(w, request{query: url.Values{}}, lost)
		return
	}
	// The client's settings may have changed meanwhile.
	req, refused := h.read(away.Query)
	switch {
	case refused != nil:
		h.refuse(w, req, refused)
		return
	case q.Get("error") != "":
		// Code and words are UNCONFIRMED.
		h.refuse(w, req, &refusal{code: "access_denied", description: "User cancelled the sign-in at " + away.Provider + "."})
		return
	}
	who, err := h.Store.TakeAssertion(q.Get("code"), h.Now())
	if err != nil || who.Provider != away.Provider {
		h.refuse(w, req, &refusal{code: "invalid_request", description: away.Provider + " Error - 400 Bad Request error getting token"})
		return
	}
	user, err := h.Pool.Pages(req.client).Federate(who)
	if err != nil {
		h.refuse(w, req, &refusal{code: "invalid_request", description: said(err)})
		return
	}
	h.enter(w, r, req, user, away.Provider)
}

// people are who one can be at a stand-in.
func people() []store.Assertion {
	return []store.Assertion{
		{Subject: "100000000000000000001", Name: "Gina Example", Email: "gina@example.org"},
		{Subject: "100000000000000000002", Name: "Hugo Example", Email: "hugo@example.org"},
	}
}

// standIn is the sign-in page of a social provider: one says who one is. Like a
// real one it knows nothing of the user pool, and gives the state back as it
// came.
func (h *Handler) standIn(w http.ResponseWriter, r *http.Request) {
	provider, q := r.PathValue("provider"), r.URL.Query()
	if !h.isProvider(provider) {
		page{status: http.StatusNotFound, title: "No such provider"}.write(w)
		return
	}
	if r.Method == http.MethodGet {
		h.showStandIn(w, r, provider, "")
		return
	}
	if !h.isOurForm(r) {
		notOurs(w)
		return
	}
	if r.PostForm.Get("cancel") != "" {
		redirect(w, "/oauth2/idpresponse?"+url.Values{"error": {"access_denied"}, "state": {q.Get("state")}}.Encode())
		return
	}
	who, ok := chosen(r.PostForm)
	if !ok {
		h.showStandIn(w, r, provider, "Choose somebody, or enter an e-mail address.")
		return
	}
	code, err := h.randomText(32)
	if err != nil {
		h.showStandIn(w, r, provider, said(err))
		return
	}
	who.Provider = provider
	now := h.Now()
	h.Store.PutAssertion(code, who, now, now.Add(assertionFor))
	redirect(w, "/oauth2/idpresponse?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode())
}

func (h *Handler) isProvider(name string) bool {
	return slices.ContainsFunc(h.Store.PoolIDs(), func(id string) bool {
		pool, _ := h.Store.Pool(id)
		return slices.Contains(pool.IdentityProviders, name)
	})
}

// chosen is who was picked, or a stranger by his address, who is the same one
// each time.
func chosen(form url.Values) (store.Assertion, bool) {
	email := strings.TrimSpace(form.Get("email"))
	for _, who := range people() {
		if who.Subject == form.Get("person") || strings.EqualFold(who.Email, email) {
			return who, true
		}
	}
	local, domain, found := strings.Cut(email, "@")
	if !found || local == "" || domain == "" || len(email) > 254 || strings.ContainsAny(email, " \t\r\n") {
		return store.Assertion{}, false
	}
	sum := sha256.Sum256([]byte(strings.ToLower(email)))
	return store.Assertion{
		Subject: fmt.Sprintf("1%020d", binary.BigEndian.Uint64(sum[:])), Name: local, Email: email,
	}, true
}

func (h *Handler) showStandIn(w http.ResponseWriter, r *http.Request, provider, problem string) {
	choices := []node{el("legend", nil, text("Who are you?"))}
	for i, who := range people() {
		a := attrs{"type", "radio", "name", "person", "value", who.Subject}
		if i == 0 {
			a = append(a, "autofocus", "")
		}
		choices = append(choices, el("label", nil, el("input", a), text(" "+who.Name+", "+who.Email)))
	}
	query := url.Values{"state": {r.URL.Query().Get("state")}}
	page{title: provider + " (a stand-in)", problem: problem, body: []node{
		p("This page of the sandbox takes the place of " + provider + ". No password is asked: whoever you say you are, you are."),
		h.form(w, r, standInPath+url.PathEscape(provider), query,
			el("fieldset", nil, choices...),
			field{name: "email", label: "Or somebody else, by e-mail address", kind: "email", autocomplete: "email", optional: true, wrong: problem != ""}.node(),
			submit("Continue"),
			el("button", attrs{"type", "submit", "name", "cancel", "value", "yes", "class", "plain", "formnovalidate", ""}, text("Cancel"))),
	}, leadsTo: h.returnsTo(r)}.write(w)
}

// returnsTo is the callback URL that the browser's redirects will end at, which
// the page's policy must allow. A real provider has no need of it: its form does
// not lead on, or its policy does not say where to.
func (h *Handler) returnsTo(r *http.Request) string {
	away, err := h.Store.Federation(r.URL.Query().Get("state"), h.Now())
	if err != nil {
		return ""
	}
	req, _ := h.read(away.Query)
	return req.redirectURI
}
