package hosted

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser is somebody's browser: it keeps cookies, follows redirects inside the
// domain, and stops where one leads out of it.
type browser struct {
	w      *world
	client *http.Client
}

// view is what a browser shows.
type view struct {
	status   int
	path     string
	location *url.URL // where the redirect out of the domain leads, or nil
	header   http.Header
	body     string
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	host := strings.TrimPrefix(w.server.URL, "http://")
	return &browser{w, &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host != host {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

func (b *browser) do(r *http.Request) view {
	b.w.t.Helper()
	res, err := b.client.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	v := view{status: res.StatusCode, path: res.Request.URL.Path, header: res.Header, body: string(body)}
	if to := res.Header.Get("Location"); to != "" {
		if v.location, err = url.Parse(to); err != nil {
			b.w.t.Fatal(err)
		}
	}
	return v
}

// site is the address that cookies belong to.
func (b *browser) site() *url.URL {
	u, err := url.Parse(b.w.server.URL)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return u
}

func (b *browser) open(path string) view {
	b.w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.w.server.URL+path, nil)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return b.do(r)
}

var (
	formPattern   = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)">(.*?)</form>`)
	hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// fill is the first form of a page to an address that begins with action, with
// what it has in hidden fields and what is typed: names and values in turn.
func (v view) fill(t testing.TB, action string, typed ...string) (path string, form url.Values) {
	t.Helper()
	for _, found := range formPattern.FindAllStringSubmatch(v.body, -1) {
		path := html.UnescapeString(found[1])
		if !strings.HasPrefix(path, action) {
			continue
		}
		form := url.Values{}
		for _, field := range hiddenPattern.FindAllStringSubmatch(found[2], -1) {
			form.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
		}
		for i := 0; i+1 < len(typed); i += 2 {
			if !strings.Contains(found[2], `name="`+html.EscapeString(typed[i])+`"`) {
				t.Fatalf("the form has no field %s:\n%s", typed[i], found[2])
			}
			form.Set(typed[i], typed[i+1])
		}
		return path, form
	}
	t.Fatalf("%d %s has no form for %s:\n%s", v.status, v.path, action, v.body)
	return "", nil
}

func (b *browser) post(path string, form url.Values) view {
	b.w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.w.server.URL)
	return b.do(r)
}

// submit fills a form of the page in and sends it.
func (b *browser) submit(v view, action string, typed ...string) view {
	b.w.t.Helper()
	path, form := v.fill(b.w.t, action, typed...)
	return b.post(path, form)
}

// signIn types a name and a password into the page of a request.
func (b *browser) signIn(query url.Values, username, password string) view {
	b.w.t.Helper()
	return b.submit(b.open("/oauth2/authorize?"+query.Encode()), "/login", "username", username, "password", password)
}
