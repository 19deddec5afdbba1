package hosted

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// forgotPassword is /forgotPassword: it sends a code.
func (h *Handler) forgotPassword(w http.ResponseWriter, r *http.Request) {
	req, ok := h.open(w, r)
	if !ok {
		return
	}
	username, problem := req.hint, ""
	if r.Method == http.MethodPost {
		username = r.PostForm.Get("username")
		destination, err := h.Pool.Pages(req.client).Forgot(r.Context(), username)
		if err == nil {
			h.showReset(w, r, req, resetState{username: username, destination: destination})
			return
		}
		problem = said(err)
	}
	page{title: "Forgot your password?", problem: problem, leadsTo: req.redirectURI, body: []node{
		p("Tell who you are. A code to set a new password is sent to you."),
		h.form(w, r, "/forgotPassword", req.query,
			field{name: "username", label: h.usernameLabel(req), value: username, autocomplete: "username", first: true, wrong: problem != ""}.node(),
			submit("Send the code")),
		el("nav", nil, link("/login", req.query.Encode(), "Back to sign-in")),
	}}.write(w)
}

type resetState struct {
	username, destination string
	trouble               trouble
}

func (h *Handler) showReset(w http.ResponseWriter, r *http.Request, req request, s resetState) {
	wrong, wrongCode := s.trouble.field == "password", ""
	if s.trouble.field == "code" {
		wrongCode = s.trouble.text
	}
	page{title: "Set a new password", problem: s.trouble.text, leadsTo: req.redirectURI, body: []node{
		p("Enter the code that was sent to " + shorten(s.destination) + "."),
		h.form(w, r, "/confirmForgotPassword", req.query,
			hidden("username", s.username), hidden("destination", s.destination), codeField(wrongCode),
			field{name: "password", label: "New password", kind: "password", autocomplete: "new-password", wrong: wrong,
				hint: h.policyOf(req)}.node(),
			field{name: "confirm_password", label: "New password again", kind: "password", autocomplete: "new-password", wrong: wrong}.node(),
			submit("Set the password")),
		el("nav", nil, link("/forgotPassword", req.query.Encode(), "Send another code")),
	}}.write(w)
}

// confirmForgotPassword is POST /confirmForgotPassword, and then the new
// password is asked for. That AWS asks is UNCONFIRMED.
func (h *Handler) confirmForgotPassword(w http.ResponseWriter, r *http.Request) {
	req, ok := h.open(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodGet {
		redirect(w, "/forgotPassword?"+req.query.Encode())
		return
	}
	form := r.PostForm
	s := resetState{username: form.Get("username"), destination: form.Get("destination")}
	if form.Get("password") != form.Get("confirm_password") {
		s.trouble = differ()
		h.showReset(w, r, req, s)
		return
	}
	if err := h.Pool.Pages(req.client).Reset(r.Context(), s.username, digits(form.Get("code")), form.Get("password")); err != nil {
		s.trouble = troubleOf(err)
		h.showReset(w, r, req, s)
		return
	}
	h.showLogin(w, r, req, loginState{username: s.username, notice: "Your password is changed. Sign in with the new one."})
}

func (h *Handler) policyOf(req request) string {
	pool, _ := h.Store.Pool(req.client.PoolID)
	return policyText(pool.Policy)
}

// policyText says what a password needs.
func policyText(policy store.PasswordPolicy) string {
	var with []string
	for _, rule := range []struct {
		off  bool
		text string
	}{
		{policy.NoUppercase, "an upper-case letter"}, {policy.NoLowercase, "a lower-case letter"},
		{policy.NoNumbers, "a digit"}, {policy.NoSymbols, "a symbol"},
	} {
		if !rule.off {
			with = append(with, rule.text)
		}
	}
	words := fmt.Sprintf("At least %d characters", policy.Length())
	if with != nil {
		words += ", with " + strings.Join(with, ", ")
	}
	return words + "."
}
