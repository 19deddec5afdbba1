package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// closingPage is what a browser shows at the end of a sign-in. Nothing on it comes
// from elsewhere but an error code that plainWord admitted: all that is foreign is
// shown at the terminal.
type closingPage struct{ mark, title, text, code string }

// strayPage is for what is no answer to the sign-in.
var strayPage = closingPage{
	mark: "!", title: "Nothing to do here",
	text: "This address does not belong to the sign-in that cogctl waits for. Begin again with cogctl login, or use the newest tab.",
}

// outcomePages are the pages of each Outcome.
var outcomePages = [...]closingPage{
	Failed:   {mark: "!", title: "Something went wrong", text: "The sign-in could not be completed. The terminal says why. You can close this window."},
	Refused:  {mark: "×", title: "Not signed in", text: "The sign-in was refused. The terminal says why. You can close this window."},
	SignedIn: {mark: "✓", title: "Signed in", text: "cogctl has what it needs. You can close this window and go back to the terminal."},
}

const pageStyle = `:root{color-scheme:light dark}` +
	`body{margin:0;min-height:100vh;display:grid;place-items:center;font:1.0625rem/1.5 system-ui,sans-serif;background:#f6f7f9;color:#16191f}` +
	`main{max-width:26rem;margin:1rem;padding:2rem;border-radius:.75rem;background:#fff;border:1px solid #d5dbe3}` +
	`h1{margin:0 0 .5rem;font-size:1.5rem}` +
	`p{margin:0}` +
	`code{display:inline-block;margin-top:1rem;font:.9375rem ui-monospace,monospace}` +
	`@media (prefers-color-scheme:dark){body{background:#12151a;color:#e8ebf0}main{background:#1b2028;border-color:#39414d}}`

// pageHeaders keep the page and its address to this browser window: nothing is
// loaded, framed, stored or told to another site.
func pageHeaders(h http.Header) {
	sum := sha256.Sum256([]byte(pageStyle))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func writePage(w http.ResponseWriter, status int, p closingPage) {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="en"><head><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width, initial-scale=1"><title>`)
	b.WriteString(p.title + ` · cogctl</title><style>` + pageStyle + `</style></head><body><main><h1><span aria-hidden="true">` + p.mark + `</span> ` + p.title + `</h1>`)
	b.WriteString(`<p>` + p.text + `</p>`)
	if p.code != "" {
		b.WriteString(`<code>` + p.code + `</code>`)
	}
	b.WriteString("</main></body></html>\n")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String())) // who went away needs no page
}
