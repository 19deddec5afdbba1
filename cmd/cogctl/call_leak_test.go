package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A recorder is a server that writes down what it gets.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen []recordedRequest
}

type recordedRequest struct {
	uri    string
	header http.Header
	body   string
}

func newRecorder(t *testing.T, secure bool) *recorder {
	r := new(recorder)
	r.Server = httptest.NewUnstartedServer(r)
	if secure {
		r.Config.ErrorLog = nil
		r.StartTLS()
	} else {
		r.Start()
	}
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP sends a request for /CODE?to=URL there.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.seen = append(r.seen, recordedRequest{req.RequestURI, req.Header.Clone(), string(body)})
	r.mu.Unlock()
	code := 0
	if _, err := fmt.Sscanf(req.URL.Path, "/%d", &code); err == nil && code >= 300 {
		w.Header().Set("Location", req.URL.Query().Get("to"))
		w.WriteHeader(code)
	}
}

// take returns what came since the last time.
func (r *recorder) take() []recordedRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// credentials names what there is of credentials in a request.
func (r recordedRequest) credentials() (found []string) {
	for name := range r.header {
		if slices.Contains([]string{"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key"}, name) || strings.HasPrefix(name, "X-Amz-") {
			found = append(found, name)
		}
	}
	all := fmt.Sprint(r.uri, r.header, r.body)
	for _, secret := range []string{leakToken, leakKey, leakSecret, leakSession, leakCookie} {
		if strings.Contains(all, secret) || strings.Contains(all, url.QueryEscape(secret)) {
			found = append(found, "the text of a secret")
		}
	}
	slices.Sort(found)
	return found
}

const (
	leakToken   = "opaque-bearer-of-the-leak-test"
	leakKey     = "api-key-of-the-leak-test"
	leakSecret  = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	leakSession = "session-token-of-the-leak-test"
	leakCookie  = "cookie-of-the-leak-test"
)

// leakTest has the API whose credentials they are, and servers that must not see them.
type leakTest struct {
	t                 *testing.T
	home, evil, again *recorder // again speaks TLS
	environ           map[string]string
}

// run runs cogctl in this process. Names that are not this machine's lead to the
// second server, and its certificate is good: nothing but cogctl stands in the way.
func (l leakTest) run(args ...string) int {
	a := newApp()
	quiet, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	defer quiet.Close()
	a.stdin, a.stdout, a.stderr = strings.NewReader("piped"), quiet, quiet
	a.getenv = func(name string) string { return l.environ[name] }
	a.environ = nil
	a.network.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "example.com"}
	a.network.TLSClientConfig.RootCAs.AddCert(l.again.Certificate())
	a.network.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		if host != "127.0.0.1" && host != "localhost" {
			address = l.evil.Listener.Addr().String()
		}
		return dial(ctx, network, address)
	}
	defer a.network.CloseIdleConnections()
	err = execute(l.t.Context(), a, append([]string{"call"}, args...))
	return exitCode(err)
}

// modes are the ways to authorize, with the headers by which the first server sees
// that they work.
func leakModes() map[string]struct{ args, sees []string } {
	return map[string]struct{ args, sees []string }{
		"bearer": {[]string{"--auth", "id"}, []string{"Authorization", "X-Api-Key"}},
		"sigv4":  {[]string{"--auth", "sigv4", "--aws", "--region", "us-east-1"}, []string{"Authorization", "X-Api-Key", "X-Amz-Date", "X-Amz-Security-Token"}},
		"key":    {[]string{"--auth", "none"}, []string{"X-Api-Key"}},
	}
}

// TestCredentialsStay: whatever is typed and wherever the API redirects to, a second
// server never sees a credential of the first one's.
func TestCredentialsStay(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": leakSecret, "AWS_SESSION_TOKEN": leakSession,
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	l := leakTest{t: t, home: newRecorder(t, false), evil: newRecorder(t, false), again: newRecorder(t, true)}
	l.environ = map[string]string{
		"COGCTL_TOKEN": leakToken, "COGCTL_API_KEY": leakKey, "COGCTL_API_URL": l.home.URL + "/v1", "COGCTL_CONFIG_DIR": t.TempDir(), "COGCTL_CACHE_DIR": t.TempDir(),
	}
	for mode, m := range leakModes() {
		t.Run(mode+" typed", func(t *testing.T) { l.typed(t, m.args, m.sees) })
		t.Run(mode+" redirected", func(t *testing.T) { l.redirected(t, m.args, m.sees) })
	}
}

// foreign checks what servers got that must see no credential, and returns how many
// requests there were.
func (l leakTest) foreign(t *testing.T, what string, others ...*recorder) (count int) {
	t.Helper()
	for _, other := range others {
		for _, r := range other.take() {
			count++
			if found := r.credentials(); len(found) > 0 {
				t.Errorf("%s: the second server sees %v: %s", what, found, r.uri)
			}
		}
	}
	return count
}

// sees is the control: the recorder notices credentials, and the API gets them.
func sees(t *testing.T, what string, requests []recordedRequest, headers []string) {
	t.Helper()
	if len(requests) == 0 {
		t.Errorf("%s: the API got no request", what)
	}
	for _, r := range requests {
		found := r.credentials()
		for _, name := range headers {
			if !slices.Contains(found, name) {
				t.Errorf("%s: the API does not see %s, but %v", what, name, found)
			}
		}
	}
}

func (l leakTest) typed(t *testing.T, args, headers []string) {
	host, evil := l.home.Listener.Addr().String(), l.evil.Listener.Addr().String()
	for _, target := range []string{
		l.evil.URL + "/x", l.again.URL + "/x", "HTTP://" + evil, "http://evil.example/", "https://evil.example/x",
		"http://" + host + ".evil.example/", "http://localhost:" + strings.Split(evil, ":")[1] + "/",
		"http://localhost:" + strings.Split(host, ":")[1] + "/", "https://" + host + "/", "http://" + evil + "/?u=" + host,
		"http://" + evil + "#@" + host, "http://" + evil + "/@" + host + "/v1", "http://" + evil + "?@" + host,
		"http://" + host + "@" + evil + "/", "http://u:p@" + host + "/", "http:///" + evil,
	} {
		l.run(append(args, target)...)
		l.foreign(t, target, l.evil, l.again)
		l.foreign(t, target, l.home) // an origin by another name, or a refused URL
	}
	for _, path := range []string{"x", "/x", "//" + evil + "/x", "@" + evil + "/x", "/@" + evil, "\\\\" + evil + "\\x", "/\\" + evil, ".evil.example/", ":80@" + evil + "/", "?http://" + evil, "#@" + evil,
		"http:" + evil, "http:\\\\" + evil + "\\x"} {
		if code := l.run(append(args, path)...); code == exitOK {
			sees(t, path, l.home.take(), headers)
		}
		l.foreign(t, path, l.evil, l.again)
	}
	// A URL of the API in full, and whichever other way to name a host.
	if code := l.run(append(args, l.home.URL+"/x", "-H", "Host: evil.example")...); code != exitOK {
		t.Errorf("the API by its URL: exit code %d", code)
	}
	sees(t, "the API by its URL", l.home.take(), headers)
	for _, base := range []string{"http://" + host + "@" + evil, "http://" + evil + "#" + host, "//" + evil} {
		other := l
		other.environ = map[string]string{}
		for name, value := range l.environ {
			other.environ[name] = value
		}
		other.environ["COGCTL_API_URL"] = base
		if code := other.run(append(args, "/x")...); code != exitUsage {
			t.Errorf("COGCTL_API_URL=%s: exit code %d", base, code)
		}
		l.foreign(t, base, l.evil, l.again, l.home)
	}
}

func (l leakTest) redirected(t *testing.T, args, headers []string) {
	evil, port := l.evil.Listener.Addr().String(), strings.Split(l.home.Listener.Addr().String(), ":")[1]
	back := l.evil.URL + "/302?to=" + url.QueryEscape(l.home.URL+"/back")
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{
			l.evil.URL + "/x", "//" + evil + "/x", "http://evil.example/", l.again.URL + "/x", "http://localhost:" + port + "/other",
			l.evil.URL + "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=theirs&X-Amz-Signature=theirs", back,
			fmt.Sprintf("/%d?to=%s", code, url.QueryEscape(l.evil.URL)),
		} {
			from := fmt.Sprintf("/%d?to=%s", code, url.QueryEscape(to))
			for _, follow := range []bool{false, true} {
				line := append(slices.Clone(args), l.home.URL+from, "-H", "Cookie: "+leakCookie, "-H", "X-Amz-Target: Mine", "-d", "body")
				if follow {
					line = append(line, "-L")
				}
				what := strings.Join(line, " ")
				if got := l.run(line...); got != exitOK {
					t.Errorf("%s: exit code %d", what, got)
				}
				if count := l.foreign(t, what, l.evil, l.again); !follow && count > 0 || follow && count == 0 && !strings.Contains(to, "localhost") {
					t.Errorf("%s: %d requests elsewhere", what, count)
				}
				requests := l.home.take()
				for len(requests) > 0 && (strings.HasPrefix(requests[len(requests)-1].uri, "/back") || strings.HasPrefix(requests[len(requests)-1].uri, "/other")) {
					if found := requests[len(requests)-1].credentials(); len(found) > 0 {
						t.Errorf("%s: credentials come back: %v", what, found)
					}
					requests = requests[:len(requests)-1]
				}
				sees(t, what, requests, append(headers, "Cookie"))
			}
		}
	}
}
