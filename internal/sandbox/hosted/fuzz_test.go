package hosted

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// serve answers one request without a network.
func (w *world) serve(r *http.Request) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	w.h.Register(mux)
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, r)
	return rec
}

// FuzzAuthorize: whatever is asked, nobody is sent anywhere but to a callback
// URL of the client that was named, or to a page of ours, and nobody gets a code
// who has not signed in.
func FuzzAuthorize(f *testing.F) {
	w := newWorld(f)
	for _, q := range []url.Values{
		asking("web"), asking("implicit", "response_type", "token"), asking("web", "redirect_uri", "https://evil.example"), asking("nobody"),
		asking("web", "identity_provider", "Google"), asking("web", "prompt", "none"), asking("web", "state", "\r\nX: y"), {"client_id": {"web", "bare"}},
	} {
		f.Add(q.Encode())
	}
	f.Add("client_id=web&redirect_uri=http://localhost:17170/callback;x&response_type=code")
	f.Add("%zz")
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/oauth2/authorize", "/login", "/logout", "/error"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL.Path, r.URL.RawQuery = path, query
			rec := w.serve(r)
			to := rec.Header().Get("Location")
			if rec.Code != http.StatusFound {
				if to != "" || rec.Code >= 500 || strings.ContainsAny(rec.Header().Get("Content-Security-Policy"), "\r\n,") {
					t.Errorf("%s: %d %v", path, rec.Code, rec.Header())
				}
				continue
			}
			inside := strings.HasPrefix(to, "/login?") || strings.HasPrefix(to, "/error?") || strings.HasPrefix(to, "/standin/Google?state=")
			values, _ := url.ParseQuery(query)
			client, _ := w.h.Store.Client(values.Get("client_id"))
			known := slices.ContainsFunc(slices.Concat(client.CallbackURLs, client.LogoutURLs), func(u string) bool {
				rest, found := strings.CutPrefix(to, u)
				return found && (rest == "" || strings.ContainsRune("?&#", rune(rest[0])))
			})
			if !inside && !known || strings.Contains(to, "code=") && !strings.Contains(to, "error=") && !inside {
				t.Errorf("%s?%s leads to %s", path, query, to)
			}
			if u, err := url.Parse(to); err != nil || strings.ContainsAny(to, "\r\n") || inside && u.Host != "" {
				t.Errorf("%s?%s leads to %q", path, query, to)
			}
		}
	})
}

// FuzzTokenForm: without a code, a refresh token or the secret there is no
// token, and every answer is an error of OAuth.
func FuzzTokenForm(f *testing.F) {
	w := newWorld(f)
	for _, form := range []url.Values{
		redeeming("x"), {"grant_type": {"client_credentials"}, "client_id": {"machine"}, "client_secret": {"x"}},
		{"grant_type": {"refresh_token"}, "client_id": {"web"}, "refresh_token": {"x"}}, {"grant_type": {"password"}},
	} {
		f.Add(form.Encode(), "")
		f.Add(form.Encode(), "Basic bWFjaGluZTo=")
		f.Add(form.Encode(), "Basic")
	}
	codes := []string{
		"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target",
		"unsupported_token_type",
	}
	f.Fuzz(func(t *testing.T, form, authorization string) {
		if strings.Contains(form+authorization, secret) {
			t.Skip()
		}
		for _, path := range []string{"/oauth2/token", "/oauth2/revoke"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if authorization != "" {
				r.Header["Authorization"] = []string{authorization}
			}
			rec := w.serve(r)
			quiet := path == "/oauth2/revoke" && rec.Code == http.StatusOK && rec.Body.Len() == 0
			known := slices.ContainsFunc(codes, func(code string) bool { return rec.Body.String() == `{"error":"`+code+`"}`+"\n" })
			if !quiet && (!known || rec.Code < 400 || rec.Code > 401) {
				t.Errorf("%s %q %q: %d %s", path, form, authorization, rec.Code, rec.Body)
			}
		}
	})
}
