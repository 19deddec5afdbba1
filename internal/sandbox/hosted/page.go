package hosted

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// page is one page in the common frame.
type page struct {
	status  int    // 0 means 200, and with a problem 400
	title   string // also the heading
	problem string // what went wrong, or ""
	notice  string // what went well, or ""
	body    []node
	// leadsTo is a URL that its forms can end at, beside our own: browsers hold
	// form-action against redirects too.
	leadsTo string
}

// sheet follows the system's colours. Sizes are in rem, so that a larger font of
// the browser's holds; nothing is wider than a phone.
const sheet = `
:root{color-scheme:light dark;--ink:#1b1f24;--back:#f4f5f7;--card:#fff;--line:#80868f;--key:#0b57d0;--onkey:#fff;--bad:#a40e26;--good:#116329}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--back:#16181c;--card:#22252a;--line:#8b929c;--key:#9cc0ff;--onkey:#0a1a33;--bad:#ff9ea8;--good:#8fdba6}}
*{box-sizing:border-box}
body{margin:0;padding:1.5rem 1rem;background:var(--back);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{max-width:26rem;margin:0 auto;padding:1.5rem;background:var(--card);border:1px solid var(--line);border-radius:.5rem;overflow-wrap:anywhere}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}
form{margin:1rem 0 0}
label,legend{display:block;margin:.75rem 0 .25rem;font-weight:600}
fieldset{margin:0;padding:0;border:0}
legend{padding:0}
fieldset label{display:flex;gap:.75rem;font-weight:400;padding:.5rem 0;margin:0}
input[type=radio]{flex:none;width:1.25rem;height:1.25rem;margin:.125rem 0 0 .25rem;accent-color:var(--key)}
input:not([type=radio]){display:block;width:100%;min-height:2.75rem;padding:.5rem .75rem;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:.25rem}
input[aria-invalid=true]{border:2px solid var(--bad)}
button{display:block;width:100%;min-height:2.75rem;margin:1rem 0 0;padding:.5rem .75rem;font:inherit;font-weight:600;color:var(--onkey);background:var(--key);border:1px solid var(--key);border-radius:.25rem;cursor:pointer}
button.plain{color:var(--key);background:transparent}
:focus-visible{outline:3px solid var(--key);outline-offset:2px}
a{color:var(--key)}
nav a{display:inline-block;padding:.5rem 1rem .5rem 0}
.bad,.good{margin:0 0 1rem;padding:.5rem .75rem;border-left:.25rem solid;font-weight:600}
.bad{color:var(--bad)}
.good{color:var(--good)}
.hint{margin:.25rem 0 0;font-size:.9rem}
code{font-size:1.05rem;letter-spacing:.05em}
footer{max-width:26rem;margin:1rem auto 0;font-size:.85rem}
`

// policy allows the sheet, by its hash, and forms to ourselves: no script, and
// nothing from elsewhere.
var policy = sync.OnceValue(func() string {
	hash := sha256.Sum256([]byte(sheet))
	return "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(hash[:]) + "'; form-action 'self'"
})

// problemID is what a field that is wrong is described by.
const problemID = "problem"

func (p page) write(w http.ResponseWriter) {
	title, status := p.title, http.StatusOK
	if p.problem != "" {
		title, status = "Error: "+title, http.StatusBadRequest
	}
	if p.status != 0 {
		status = p.status
	}
	content := []node{el("h1", nil, text(p.title))}
	if p.problem != "" {
		content = append(content, el("p", attrs{"id", problemID, "class", "bad", "role", "alert"}, text(p.problem)))
	}
	if p.notice != "" {
		content = append(content, el("p", attrs{"class", "good", "role", "status"}, text(p.notice)))
	}
	document := el("html", attrs{"lang", "en"},
		el("head", nil,
			el("meta", attrs{"charset", "utf-8"}),
			el("meta", attrs{"name", "viewport", "content", "width=device-width, initial-scale=1"}),
			el("title", nil, text(title+" - cogctl sandbox")),
			style(sheet),
		),
		el("body", nil,
			el("main", nil, append(content, p.body...)...),
			el("footer", nil, text("cogctl sandbox, for development and tests. Never type a password here that you use elsewhere.")),
		),
	)
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n")
	document.write(&b)
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy()+formTarget(p.leadsTo))
	header.Set("X-Frame-Options", "DENY")
	// Not no-referrer: then a browser says "Origin: null" when it sends a form.
	header.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	io.WriteString(w, b.String())
}

// formTarget is the origin of a callback URL as a source of the policy, or its
// scheme where it has no host.
func formTarget(callback string) string {
	u, err := url.Parse(callback)
	switch {
	case err != nil || u.Scheme == "" || strings.ContainsAny(u.Host, " ;,'\""):
		return ""
	case u.Scheme == "http" || u.Scheme == "https":
		return " " + u.Scheme + "://" + u.Host
	}
	return " " + u.Scheme + ":"
}

// field is a labelled input.
type field struct {
	name, label  string
	value        string
	kind         string // type; "" means text
	autocomplete string
	hint         string
	optional     bool
	code         bool // digits
	wrong        bool // the problem is with this one
	first        bool // where typing begins
}

func (f field) node() node {
	kind := f.kind
	if kind == "" {
		kind = "text"
	}
	a := attrs{"type", kind, "id", f.name, "name", f.name, "autocapitalize", "none", "spellcheck", "false"}
	if f.value != "" {
		a = append(a, "value", f.value)
	}
	if f.autocomplete != "" {
		a = append(a, "autocomplete", f.autocomplete)
	}
	if f.code {
		a = append(a, "inputmode", "numeric")
	}
	if !f.optional {
		a = append(a, "required", "")
	}
	if f.first {
		a = append(a, "autofocus", "")
	}
	var described []string
	if f.wrong {
		a = append(a, "aria-invalid", "true")
		described = append(described, problemID)
	}
	var hint node
	if f.hint != "" {
		described = append(described, f.name+"-hint")
		hint = el("p", attrs{"class", "hint", "id", f.name + "-hint"}, text(f.hint))
	}
	if described != nil {
		a = append(a, "aria-describedby", strings.Join(described, " "))
	}
	return el("div", nil, el("label", attrs{"for", f.name}, text(f.label)), el("input", a), hint)
}

func hidden(name, value string) node {
	return el("input", attrs{"type", "hidden", "name", name, "value", value})
}

func submit(label string) node { return el("button", attrs{"type", "submit"}, text(label)) }

// link leads to a path of ours.
func link(path, query, label string) node {
	return el("a", attrs{"href", path + "?" + query}, text(label))
}

// form is a form of ours for this browser, which it names by a cookie.
func (h *Handler) form(w http.ResponseWriter, r *http.Request, action string, query url.Values, content ...node) node {
	browser, err := h.browserID(w, r)
	if err != nil {
		return p("Something went wrong here. Please try again.")
	}
	content = append(content, hidden("_csrf", h.tie(browser, action, query.Encode())))
	return el("form", attrs{"method", "post", "action", action + "?" + query.Encode()}, content...)
}

// notOurs answers a form that did not come from a page that this browser was
// given.
func notOurs(w http.ResponseWriter) {
	page{
		status: http.StatusForbidden, title: "This form cannot be taken",
		problem: "It was not made for this browser, or the browser does not keep cookies. Go back, reload the page, and try again.",
	}.write(w)
}

// errorPage is GET /error, where a request ends that cannot be sent back to its
// application.
func (h *Handler) errorPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	texts := map[string]string{
		"redirect_mismatch": "The URL to return to is not one of the app client's callback URLs (or, to sign out, logout URLs). " +
			"They must be the same to the last character: a slash at the end and the port count.",
		"invalid_request": "The request is not complete, or its app client does not exist.",
	}
	body := []node{p("An error was encountered with the requested page.")}
	if code := q.Get("error"); code != "" {
		body = append(body, p("error: "+shorten(code)))
		if known := texts[code]; known != "" {
			body = append(body, p(known))
		}
	}
	if id := q.Get("client_id"); id != "" {
		body = append(body, p("client_id: "+shorten(id)))
	}
	page{status: http.StatusBadRequest, title: "Something went wrong", body: body}.write(w)
}

// shorten keeps foreign text from filling a page.
func shorten(s string) string {
	const most = 200
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
