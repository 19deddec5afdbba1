package auth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/auth"
)

func TestPreflight(t *testing.T) {
	t.Parallel()
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Set-Cookie", "XSRF-TOKEN=1")
			http.Redirect(w, r, strings.ReplaceAll(to, "STATE", url.QueryEscape(r.URL.Query().Get("state"))), http.StatusFound)
		}
	}
	page := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	const ours = "http://localhost:17170/callback?state=STATE&"
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"sign-in page":          {redirect("/login?client_id=x"), ""},
		"page at once":          {page(200, "redirect_mismatch invalid_scope"), ""},
		"Cognito's mismatch":    {redirect("/error?error=redirect_mismatch&client_id=client1"), auth.MisfitRedirect},
		"Cognito's page":        {page(400, "<p>redirect_mismatch</p>"), auth.MisfitRedirect},
		"Google's":              {page(400, "Error 400: redirect_uri_mismatch"), auth.MisfitRedirect},
		"unknown client":        {redirect("/error?error=Client+client1+does+not+exist."), auth.MisfitClient},
		"unknown client, bare":  {redirect("/error?error=invalid_request&client_id=client1"), auth.MisfitClient},
		"unknown client's page": {page(400, "Client client1 does not exist."), auth.MisfitClient},
		"cognito-local's":       {page(400, `{"error":"invalid_request","error_description":"redirect_uri not registered for this client"}`), auth.MisfitRedirect},
		"its unknown client":    {page(400, `{"error":"invalid_request","error_description":"Invalid client_id"}`), auth.MisfitClient},
		"scope":                 {redirect(ours + "error=invalid_scope&error_description=no"), auth.MisfitScope},
		"grant":                 {redirect(ours + "error=unauthorized_client"), auth.MisfitGrant},
		"provider":              {redirect(ours + "error=invalid_request&error_description=no+such+provider"), "invalid_request"},
		"another's state":       {redirect("http://localhost:17170/callback?state=x&error=invalid_scope"), ""},
		"nobody signed in":      {redirect(ours + "error=login_required"), ""},
		"trouble":               {page(503, "redirect_mismatch"), ""},
		"elsewhere":             {redirect("https://idp.example/x?error=invalid_scope"), ""},
		"another 404":           {page(404, "nothing here"), ""},
		"broken":                {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newFakeProvider(t)
			p.atStart = c.answer
			err := p.flow().Preflight(t.Context())
			var misfit *auth.MisfitError
			switch {
			case c.want == "" && err != nil:
				t.Errorf("it says %v, of what is no refusal", err)
			case c.want != "" && (!errors.As(err, &misfit) || misfit.Code != c.want):
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}
