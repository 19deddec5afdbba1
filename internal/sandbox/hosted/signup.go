package hosted

import (
	"net/http"
	"slices"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// signUp is /signup. The names of the attribute fields are from memory:
// UNCONFIRMED.
func (h *Handler) signUp(w http.ResponseWriter, r *http.Request) {
	req, ok := h.open(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodGet {
		h.showSignUp(w, r, req, trouble{})
		return
	}
	pool, _ := h.Store.Pool(req.client.PoolID)
	attributes := map[string]string{}
	for _, a := range asked(pool) {
		if value := r.PostForm.Get(attributeField(a.name)); value != "" {
			attributes[a.name] = value
		}
	}
	username, password := r.PostForm.Get("username"), r.PostForm.Get("password")
	if password != r.PostForm.Get("confirm_password") {
		h.showSignUp(w, r, req, differ())
		return
	}
	destination, err := h.Pool.Pages(req.client).SignUp(r.Context(), username, password, attributes)
	if err != nil {
		h.showSignUp(w, r, req, troubleOf(err))
		return
	}
	s := confirmState{username: username, destination: destination}
	if cookie, err := r.Cookie(formCookie); err == nil {
		s.ticket = h.tie(cookie.Value, signedUp, req.client.PoolID, username)
	}
	h.showConfirm(w, r, req, s)
}

// signedUp begins what a ticket is a proof of: that this browser chose the
// password of the user, so that he need not type it again.
const signedUp = "signed up"

func attributeField(name string) string { return "requiredAttributes[" + name + "]" }

type askedAttribute struct {
	name     string
	optional bool
}

// asked are the attributes of the sign-up form: what the pool requires, and
// where its code can go.
func asked(pool store.Pool) []askedAttribute {
	var list []askedAttribute
	has := func(name string) bool {
		return slices.Contains(pool.UsernameAttributes, name) ||
			slices.ContainsFunc(list, func(a askedAttribute) bool { return a.name == name })
	}
	for _, name := range pool.RequiredAttributes {
		if !has(name) {
			list = append(list, askedAttribute{name, false})
		}
	}
	for i, name := range pool.AutoVerified {
		if !has(name) {
			list = append(list, askedAttribute{name, i > 0})
		}
	}
	return list
}

func (h *Handler) showSignUp(w http.ResponseWriter, r *http.Request, req request, t trouble) {
	pool, _ := h.Store.Pool(req.client.PoolID)
	wrong := t.field == "password"
	content := []node{field{
		name: "username", label: h.usernameLabel(req), value: r.PostForm.Get("username"), autocomplete: "username",
		first: !wrong, wrong: t.field == "username",
	}.node()}
	for _, a := range asked(pool) {
		f := field{name: attributeField(a.name), label: attributeLabel(a.name), optional: a.optional,
			value: r.PostForm.Get(attributeField(a.name))}
		switch a.name {
		case "email":
			f.kind, f.autocomplete = "email", "email"
		case "phone_number":
			f.kind, f.autocomplete = "tel", "tel"
		}
		if a.optional {
			f.hint = "Not required"
		}
		content = append(content, f.node())
	}
	content = append(content,
		field{name: "password", label: "Password", kind: "password", autocomplete: "new-password", first: wrong, wrong: wrong,
			hint: policyText(pool.Policy)}.node(),
		field{name: "confirm_password", label: "Password again", kind: "password", autocomplete: "new-password", wrong: wrong}.node(),
		submit("Sign up"))
	body := []node{p("Users of this pool are made by its administrator.")}
	if !pool.AdminCreateOnly {
		body = []node{h.form(w, r, "/signup", req.query, content...)}
	}
	body = append(body, el("nav", nil, link("/login", req.query.Encode(), "Sign in instead")))
	page{title: "Sign up", problem: t.text, body: body, leadsTo: req.redirectURI}.write(w)
}

// confirmState is a user who has signed up and must enter a code.
type confirmState struct{ username, destination, ticket, problem, notice string }

func (h *Handler) showConfirm(w http.ResponseWriter, r *http.Request, req request, s confirmState) {
	words := "Enter the code that was sent to you."
	if s.destination != "" {
		words = "Enter the code that was sent to " + shorten(s.destination) + "."
	}
	name := field{name: "username", label: h.usernameLabel(req), value: s.username, autocomplete: "username", first: true}.node()
	if s.username != "" {
		name = hidden("username", s.username)
	}
	again := func() []node {
		return []node{hidden("username", s.username), hidden("ticket", s.ticket), hidden("destination", s.destination)}
	}
	body := []node{p(words), h.form(w, r, "/confirmUser", req.query,
		name, hidden("ticket", s.ticket), hidden("destination", s.destination), codeField(s.problem), submit("Confirm"))}
	if s.username != "" {
		body = append(body, h.form(w, r, "/resendcode", req.query,
			append(again(), el("button", attrs{"type", "submit", "class", "plain"}, text("Send a new code")))...))
	}
	body = append(body, el("nav", nil, link("/login", req.query.Encode(), "Sign in instead")))
	page{title: "Confirm your account", problem: s.problem, notice: s.notice, body: body, leadsTo: req.redirectURI}.write(w)
}

// confirmUser is /confirmUser. Whoever has just signed up with this browser is
// signed in at once (that AWS does so is from memory: UNCONFIRMED).
func (h *Handler) confirmUser(w http.ResponseWriter, r *http.Request) {
	req, ok := h.open(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodGet {
		h.showConfirm(w, r, req, confirmState{})
		return
	}
	s := confirmState{username: r.PostForm.Get("username"), destination: r.PostForm.Get("destination"), ticket: r.PostForm.Get("ticket")}
	pages := h.Pool.Pages(req.client)
	if err := pages.Confirm(r.Context(), s.username, digits(r.PostForm.Get("code"))); err != nil {
		s.problem = said(err)
		h.showConfirm(w, r, req, s)
		return
	}
	if h.tied(r, s.ticket, signedUp, req.client.PoolID, s.username) {
		if step, err := pages.Continue(s.username); err == nil {
			h.proceed(w, r, req, step)
			return
		}
	}
	h.showLogin(w, r, req, loginState{username: s.username, notice: "Your account is confirmed. You can sign in now."})
}

// resendCode is POST /resendcode: the one before is void.
func (h *Handler) resendCode(w http.ResponseWriter, r *http.Request) {
	req, ok := h.open(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodGet {
		redirect(w, "/confirmUser?"+req.query.Encode())
		return
	}
	s := confirmState{username: r.PostForm.Get("username"), ticket: r.PostForm.Get("ticket")}
	destination, err := h.Pool.Pages(req.client).Resend(r.Context(), s.username)
	if err != nil {
		s.destination, s.problem = r.PostForm.Get("destination"), said(err)
	} else {
		s.destination, s.notice = destination, "A new code is on its way."
	}
	h.showConfirm(w, r, req, s)
}
