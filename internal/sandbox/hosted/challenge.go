package hosted

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/sandbox/userpool"
)

const (
	newPassword = "NEW_PASSWORD_REQUIRED"
	selectMFA   = "SELECT_MFA_TYPE"
	setUpMFA    = "MFA_SETUP"
)

// with is a query with one more value.
func with(q url.Values, name, value string) string {
	q = maps.Clone(q)
	q.Set(name, value)
	return q.Encode()
}

// challengeState is a challenge on a page. What it needs for the next try is in
// hidden fields: the Session is good for this sign-in only and is of no use at
// the API.
type challengeState struct {
	step    userpool.Step
	problem string
}

// answer is POST /mfa and /changePassword: the answer to a challenge. The paths
// of these pages are from memory: UNCONFIRMED.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) {
	req, ok := h.open(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodGet {
		redirect(w, "/login?"+req.query.Encode()) // reloaded, or bookmarked
		return
	}
	form := r.PostForm
	step := userpool.Step{
		Username: form.Get("username"), Challenge: form.Get("challenge"), Session: form.Get("session"),
		Destination: form.Get("destination"), Required: form["required"],
	}
	pages := h.Pool.Pages(req.client)
	var next userpool.Step
	var err error
	switch code := digits(form.Get("code")); step.Challenge {
	case newPassword:
		if form.Get("new_password") != form.Get("confirm_password") {
			h.showChallenge(w, r, req, challengeState{step, "The two passwords are not the same."})
			return
		}
		next, err = pages.Answer(step, newPasswordAnswer(form))
	case selectMFA:
		next, err = pages.Answer(step, map[string]string{"ANSWER": form.Get("answer")})
	case setUpMFA:
		next, err = pages.FinishSetup(r.Context(), step, code)
	default:
		next, err = pages.Answer(step, map[string]string{step.Challenge + "_CODE": code})
	}
	if err == nil {
		h.proceed(w, r, req, next)
		return
	}
	session, gone := h.Store.SessionOf(step.Session, step.Challenge, h.Now())
	if gone != nil {
		h.showLogin(w, r, req, loginState{username: step.Username, problem: said(err)})
		return
	}
	step.Choices = session.Choices
	h.showChallenge(w, r, req, challengeState{step, said(err)})
}

// digits is a code as it was meant: people copy it with spaces.
func digits(s string) string { return strings.Join(strings.Fields(s), "") }

func newPasswordAnswer(form url.Values) map[string]string {
	answer := map[string]string{"NEW_PASSWORD": form.Get("new_password")}
	for name := range form {
		if strings.HasPrefix(name, "userAttributes.") {
			answer[name] = form.Get(name)
		}
	}
	return answer
}

func (h *Handler) showChallenge(w http.ResponseWriter, r *http.Request, req request, s challengeState) {
	var title, path string
	var content []node
	switch s.step.Challenge {
	case newPassword:
		title, path, content = "Choose a new password", "/changePassword", newPasswordFields(s, h.policyOf(req))
	case selectMFA:
		title, path, content = "Choose how to get a code", "/mfa", choiceFields(s)
	case setUpMFA:
		title, path = "Set up an authenticator app", "/mfa"
		var err error
		if content, err = h.setUpFields(r, req, &s); err != nil {
			h.showLogin(w, r, req, loginState{username: s.step.Username, problem: said(err)})
			return
		}
	default:
		title, path, content = "Enter the code", "/mfa", codeFields(s)
	}
	content = append(content, hidden("username", s.step.Username), hidden("challenge", s.step.Challenge),
		hidden("session", s.step.Session), hidden("destination", s.step.Destination), submit("Continue"))
	page{title: title, problem: s.problem, leadsTo: req.redirectURI, body: []node{
		h.form(w, r, path, req.query, content...),
		el("nav", nil, link("/login", req.query.Encode(), "Start again")),
	}}.write(w)
}

func newPasswordFields(s challengeState, policy string) []node {
	content := []node{
		p("The password you have is temporary. Choose one of your own."),
		field{name: "new_password", label: "New password", kind: "password", autocomplete: "new-password", first: true, wrong: s.problem != "", hint: policy}.node(),
		field{name: "confirm_password", label: "New password again", kind: "password", autocomplete: "new-password", wrong: s.problem != ""}.node(),
	}
	for _, name := range s.step.Required {
		content = append(content, hidden("required", name),
			field{name: name, label: attributeLabel(strings.TrimPrefix(name, "userAttributes."))}.node())
	}
	return content
}

func choiceFields(s challengeState) []node {
	labels := map[string]string{
		store.SMSMFA: "A text message", store.TOTPMFA: "An authenticator app", store.EmailMFA: "An e-mail",
	}
	choices := []node{el("legend", nil, text("Where should the code come from?"))}
	for i, choice := range s.step.Choices {
		a := attrs{"type", "radio", "name", "answer", "value", choice, "required", ""}
		if i == 0 {
			a = append(a, "autofocus", "")
		}
		choices = append(choices, el("label", nil, el("input", a), text(" "+labels[choice])))
	}
	return []node{el("fieldset", nil, choices...)}
}

func codeFields(s challengeState) []node {
	words := "Enter the code that your authenticator app shows."
	if s.step.Challenge != store.TOTPMFA {
		words = "Enter the code that was sent to " + shorten(s.step.Destination) + "."
	}
	return []node{p(words), codeField(s.problem)}
}

func codeField(problem string) node {
	return field{name: "code", label: "Code", autocomplete: "one-time-code", code: true, first: true, wrong: problem != ""}.node()
}

// setUpFields shows the secret: a new one the first time, that of the session
// after a wrong code.
func (h *Handler) setUpFields(r *http.Request, req request, s *challengeState) ([]node, error) {
	session, err := h.Store.SessionOf(s.step.Session, setUpMFA, h.Now())
	if err != nil {
		return nil, err
	}
	secret := userpool.TOTPText(session.TOTP)
	if len(session.TOTP) == 0 {
		if secret, s.step, err = h.Pool.Pages(req.client).BeginSetup(r.Context(), s.step); err != nil {
			return nil, err
		}
	}
	uri := url.URL{Scheme: "otpauth", Host: "totp", Path: "/cogctl sandbox:" + s.step.Username,
		RawQuery: url.Values{"secret": {secret}, "issuer": {"cogctl sandbox"}}.Encode()}
	return []node{
		p("This user pool wants a second factor. Add this key to an authenticator app, then enter the code that it shows."),
		el("p", nil, text("Key: "), el("code", attrs{"id", "secret"}, text(strings.Join(slices.Collect(quartets(secret)), " ")))),
		el("p", nil, el("a", attrs{"href", uri.String()}, text("Open in an authenticator app on this device"))),
		codeField(s.problem),
	}, nil
}

// quartets makes a key easier to copy by eye.
func quartets(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(s) > 4 {
			if !yield(s[:4]) {
				return
			}
			s = s[4:]
		}
		yield(s)
	}
}

// attributeLabel is a standard attribute for people.
func attributeLabel(name string) string {
	switch name {
	case "email":
		return "E-mail address"
	case "phone_number":
		return "Phone number, such as +15555550100"
	}
	name = strings.TrimPrefix(name, "custom:")
	return strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "_", " ")
}
