package hosted

import (
	"net/http"

	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

// open begins a page of the pool: it judges the request in the query and, of a
// POST, where the form comes from. When ok is false it has answered.
func (h *Handler) open(w http.ResponseWriter, r *http.Request) (req request, ok bool) {
	req, refused := h.read(r.URL.RawQuery)
	if refused != nil {
		h.refuse(w, req, refused)
		return req, false
	}
	if r.Method == http.MethodPost && !h.isOurForm(r) {
		notOurs(w)
		return req, false
	}
	return req, true
}

// login is /login. The names in its form are Cognito's.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	req, ok := h.open(w, r)
	switch {
	case !ok:
		return
	case !req.client.AllowsProvider(cognito) && r.Method == http.MethodPost:
		notOurs(w)
		return
	case r.Method == http.MethodGet:
		h.showLogin(w, r, req, loginState{username: req.hint})
		return
	}
	username := r.PostForm.Get("username")
	step, err := h.Pool.Pages(req.client).SignIn(username, r.PostForm.Get("password"))
	switch {
	case isType(err, "UserNotConfirmedException"):
		h.showConfirm(w, r, req, confirmState{username: username, problem: said(err)})
	case err != nil:
		h.showLogin(w, r, req, loginState{username: username, problem: said(err)})
	default:
		h.proceed(w, r, req, step)
	}
}

// proceed goes on after a good answer: to the next challenge, or in.
func (h *Handler) proceed(w http.ResponseWriter, r *http.Request, req request, step userpool.Step) {
	if step.Challenge != "" {
		h.showChallenge(w, r, req, challengeState{step: step})
		return
	}
	user, known := h.Store.Find(req.client.PoolID, step.Username)
	if !known {
		h.showLogin(w, r, req, loginState{problem: said(nil)})
		return
	}
	h.enter(w, r, req, user, cognito)
}

type loginState struct{ username, problem, notice string }

func (h *Handler) showLogin(w http.ResponseWriter, r *http.Request, req request, s loginState) {
	query := req.query.Encode()
	var body []node
	if req.query.Get("identity_provider") == "" {
		for _, name := range h.providers(req.client) {
			body = append(body, el("p", nil, link("/oauth2/authorize", with(req.query, "identity_provider", name), "Continue with "+name)))
		}
	}
	if req.client.AllowsProvider(cognito) {
		body = append(body,
			h.form(w, r, "/login", req.query,
				field{name: "username", label: h.usernameLabel(req), value: s.username, autocomplete: "username",
					first: s.username == "", wrong: s.problem != ""}.node(),
				field{name: "password", label: "Password", kind: "password", autocomplete: "current-password",
					first: s.username != "", wrong: s.problem != ""}.node(),
				el("button", attrs{"type", "submit", "name", "signInSubmitButton", "value", "Sign in"}, text("Sign in")),
			),
			el("nav", attrs{"aria-label", "Other ways"},
				link("/forgotPassword", query, "Forgot your password?"), h.signUpLink(req)),
		)
	}
	page{title: "Sign in", problem: s.problem, notice: s.notice, body: body, leadsTo: req.redirectURI}.write(w)
}

func (h *Handler) signUpLink(req request) node {
	if pool, _ := h.Store.Pool(req.client.PoolID); pool.AdminCreateOnly {
		return nil
	}
	return link("/signup", req.query.Encode(), "Sign up")
}

// usernameLabel is what the pool's users are called by.
func (h *Handler) usernameLabel(req request) string {
	pool, _ := h.Store.Pool(req.client.PoolID)
	switch names := pool.UsernameAttributes; {
	case len(names) == 1 && names[0] == "email":
		return "E-mail address"
	case len(names) == 1 && names[0] == "phone_number":
		return "Phone number"
	case len(names) > 1:
		return "E-mail address or phone number"
	}
	return "Username"
}
