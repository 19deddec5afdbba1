package auth

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/redact"
)

// MisfitError says that the authorization endpoint refuses the request as such,
// whoever would sign in: the app client and what is asked of it do not fit.
type MisfitError struct {
	Code     string // as the provider says it, or one of the Misfit codes
	Message  string // the provider's words, if it has more of them
	ClientID string
	Redirect string // redirect_uri as it was sent
	Scope    string // scope as it was sent; empty for all that the app client allows
}

// Codes of a MisfitError that this package has words of its own for.
const (
	MisfitRedirect = "redirect_mismatch"
	MisfitClient   = "unknown_client"
	MisfitScope    = "invalid_scope"
	MisfitGrant    = "unauthorized_client" // the code grant is not allowed
)

func (e *MisfitError) Error() string {
	var text string
	switch e.Code {
	case MisfitRedirect:
		text = fmt.Sprintf("the callback URL %s is not registered for the app client %s", e.Redirect, e.ClientID)
	case MisfitClient:
		text = fmt.Sprintf("the app client %s is not known there", e.ClientID)
	case MisfitScope:
		text = fmt.Sprintf("the app client %s does not allow the scopes %q", e.ClientID, e.Scope)
		if e.Scope == "" {
			text = fmt.Sprintf("the app client %s allows no scope", e.ClientID)
		}
	case MisfitGrant:
		text = fmt.Sprintf("the app client %s does not allow the authorization code grant", e.ClientID)
	default:
		text = "the sign-in page refuses the request: " + e.Code
	}
	if e.Message != "" {
		text += " (" + strings.TrimSuffix(e.Message, ".") + ")"
	}
	return text
}

// Preflight asks the authorization endpoint for a sign-in that nobody will finish,
// and looks at the first answer only. It returns a *MisfitError for what the endpoint
// would tell the person's browser and nobody else: a redirect URL that is not
// registered never calls back. Whatever else happens says nothing, and is nil.
func (f CodeFlow) Preflight(ctx context.Context) error {
	// Another state, nonce and verifier than those that will count.
	address, pending, err := f.Begin()
	if err != nil {
		return nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil
	}
	r.Header.Set("Accept", "text/html")
	within := *f.Client.config.HTTP
	within.Jar = nil
	within.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := within.Do(r)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	code, message := f.misfit(answer, pending)
	if code == "" {
		return nil
	}
	return &MisfitError{Code: redact.Cut(code), Message: redact.Cut(message), ClientID: f.Client.config.ClientID, Redirect: f.Redirect, Scope: f.scope()}
}

// misfit finds the refusal in the first answer: in a redirect to us or to a page of
// errors, or in such a page itself.
func (f CodeFlow) misfit(answer *http.Response, p Pending) (code, message string) {
	if to, err := answer.Location(); err == nil && answer.StatusCode >= 300 && answer.StatusCode < 400 {
		query := to.Query()
		code, message = query.Get("error"), query.Get("error_description")
		ours := strings.HasPrefix(to.String(), p.Redirect) && query.Get("state") == p.State
		// Cognito's own page is /error; elsewhere an error that is not sent to us may be
		// one that the next page settles.
		if code == "" || !ours && !strings.HasSuffix(to.Path, "/error") || passing(code) {
			return "", ""
		}
		if f.Provider.Cognito && !ours && code == "invalid_request" {
			return MisfitClient, message // of a whole request, nothing else is told there
		}
		return known(code, message)
	}
	if answer.StatusCode < 400 || answer.StatusCode >= 500 {
		return "", ""
	}
	page, _ := io.ReadAll(io.LimitReader(answer.Body, maxRefusalPage))
	return onPage(string(page))
}

// maxRefusalPage bounds how much of a page is searched, in bytes.
const maxRefusalPage = 256 << 10

// passing tells the errors that a person in a browser may not meet: they come of
// nobody being signed in, or of trouble that passes.
func passing(code string) bool {
	return slices.Contains([]string{
		"login_required", "interaction_required", "consent_required", "account_selection_required",
		"server_error", "temporarily_unavailable", "access_denied",
	}, code)
}

// known gives an error the code that this package knows it by. What Cognito says of
// an unknown app client is UNCONFIRMED, so any words for it count.
func known(code, message string) (string, string) {
	words := strings.ToLower(code + " " + message)
	switch {
	case strings.Contains(words, "redirect_mismatch"), strings.Contains(words, "redirect_uri"):
		return MisfitRedirect, message
	case strings.Contains(words, "client") && strings.Contains(words, "not exist"), code == "invalid_client":
		return MisfitClient, message
	}
	return code, message
}

// onPage finds in the text of a page what servers are known to write there.
func onPage(page string) (code, message string) {
	words := strings.ToLower(page)
	for _, sign := range []struct{ code, text string }{
		{MisfitRedirect, "redirect_mismatch"}, {MisfitRedirect, "redirect_uri_mismatch"},
		{MisfitRedirect, "redirect_uri did not match"}, {MisfitRedirect, "invalid parameter: redirect_uri"},
		{MisfitRedirect, "redirect_uri not registered"}, {MisfitClient, "invalid client_id"}, // cognito-local
		{MisfitClient, "unknown client"}, {MisfitClient, "client is invalid"}, {MisfitClient, "client not found"},
		{MisfitClient, "invalid_client"}, {MisfitScope, "invalid_scope"}, {MisfitGrant, "unauthorized_client"},
	} {
		if strings.Contains(words, sign.text) {
			return sign.code, ""
		}
	}
	if _, after, found := strings.Cut(words, "client "); found && strings.Contains(after[:min(len(after), 200)], "does not exist") {
		return MisfitClient, ""
	}
	return "", ""
}
