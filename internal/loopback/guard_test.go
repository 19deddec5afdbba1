package loopback

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const ourHost = "localhost:9400"

func guarded(t *testing.T, g Guard, r *http.Request) *http.Response {
	t.Helper()
	g.Next = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "reached") })
	rec := httptest.NewRecorder()
	g.ServeHTTP(rec, r)
	resp := rec.Result()
	if got := resp.Header.Values("Vary"); len(got) == 0 || got[0] != "Origin" {
		t.Errorf("Vary is %q, want Origin", got)
	}
	return resp
}

func reached(resp *http.Response) bool {
	body, err := io.ReadAll(resp.Body)
	return err == nil && string(body) == "reached"
}

func TestGuardHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hosts string
		sent  string
		tls   bool
		want  int
	}{
		{"localhost:9400", "localhost:9400", false, 200},
		{"localhost:9400", "LOCALHOST:9400", false, 200},
		{"LocalHost:9400", "localhost:9400", false, 200},
		{"localhost:9400", "localhost:9401", false, 421},
		{"localhost:9400", "localhost", false, 421},
		{"localhost:9400", "localhost.:9400", false, 421},
		{"localhost:9400", "evil.example:9400", false, 421},
		{"localhost:9400", "localhost.evil.example:9400", false, 421},
		{"localhost:9400", "127.0.0.1:9400", false, 421},
		{"localhost:9400 127.0.0.1:9400", "127.0.0.1:9400", false, 200},
		{"localhost:80", "localhost", false, 200},
		{"localhost:443", "localhost", false, 421},
		{"localhost:443", "localhost", true, 200},
		{"localhost", "localhost:1", false, 200},
		{"localhost", "localhost", false, 200},
		{"localhost", "localhost:", false, 421},
		{"localhost", "evil.example", false, 421},
		{"[::1]:9400", "[::1]:9400", false, 200},
		{"[::1]:9400", "[::1]:9401", false, 421},
		{"[::1]", "[::1]:9400", false, 200},
		{"::1", "[::1]:9400", false, 200},
		{"::1", "[::1]", false, 200},
		{"::1", "[::2]", false, 421},
		{"localhost:9400", "", false, 421},
		{"localhost:9400", "localhost:9400@evil.example", false, 421},
		{"localhost", "[localhost", false, 421},
		{"", "localhost:9400", false, 421},
		{"", "", false, 421},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = tt.sent
		if tt.tls {
			r.TLS = new(tls.ConnectionState)
		}
		resp := guarded(t, Guard{Hosts: strings.Fields(tt.hosts)}, r)
		if resp.StatusCode != tt.want || reached(resp) != (tt.want == 200) {
			t.Errorf("Host %q, allowed %q: %d, want %d", tt.sent, tt.hosts, resp.StatusCode, tt.want)
		}
	}
}

func TestGuardOrigin(t *testing.T) {
	t.Parallel()
	listed := []string{"http://localhost:5173", "https://app.example", "null", "*", "https://*.example", "https://slash.example/", ""}
	for _, tt := range []struct {
		name string
		sent []string
		want int
		acao string
	}{
		{"none", nil, 200, ""},
		{"our own", []string{"http://" + ourHost}, 200, ""},
		{"listed", []string{"http://localhost:5173"}, 200, "http://localhost:5173"},
		{"listed, remote", []string{"https://app.example"}, 200, "https://app.example"},
		{"our own with the other scheme", []string{"https://" + ourHost}, 403, ""},
		{"another port of ours", []string{"http://localhost:9401"}, 403, ""},
		{"another name of ours", []string{"http://127.0.0.1:9400"}, 403, ""},
		{"foreign", []string{"https://evil.example"}, 403, ""},
		{"listed with another port", []string{"https://app.example:8443"}, 403, ""},
		{"listed with another scheme", []string{"http://app.example"}, 403, ""},
		{"listed, longer", []string{"https://app.example.evil.example"}, 403, ""},
		{"listed, in capitals", []string{"HTTPS://APP.EXAMPLE"}, 403, ""},
		{"null, even when listed", []string{"null"}, 403, ""},
		{"star, even when listed", []string{"*"}, 403, ""},
		{"pattern, even when listed", []string{"https://*.example"}, 403, ""},
		{"no origin, even when listed", []string{"https://slash.example/"}, 403, ""},
		{"empty, even when listed", []string{""}, 403, ""},
		{"two", []string{"http://" + ourHost, "https://evil.example"}, 403, ""},
		{"two listed", []string{"https://app.example", "https://app.example"}, 403, ""},
	} {
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, "/", nil)
			r.Host = ourHost
			r.Header["Origin"] = tt.sent
			resp := guarded(t, Guard{Hosts: []string{ourHost}, Origins: listed}, r)
			if resp.StatusCode != tt.want || reached(resp) != (tt.want == 200) {
				t.Errorf("%s: %s answers %d, want %d", tt.name, method, resp.StatusCode, tt.want)
			}
			if got := strings.Join(resp.Header.Values("Access-Control-Allow-Origin"), ","); got != tt.acao {
				t.Errorf("%s: Access-Control-Allow-Origin is %q, want %q", tt.name, got, tt.acao)
			}
			if got := resp.Header.Get("Access-Control-Expose-Headers"); (got != "") != (tt.acao != "") {
				t.Errorf("%s: Access-Control-Expose-Headers is %q", tt.name, got)
			}
			if got, ok := resp.Header["Access-Control-Allow-Credentials"]; ok {
				t.Errorf("%s: Access-Control-Allow-Credentials is %q", tt.name, got)
			}
		}
	}
}

func TestGuardPreflight(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, origin, method, want string
		origins                    []string
		status                     int
		reached                    bool
	}{
		{"listed", "https://app.example", "PUT", "https://app.example", []string{"https://app.example"}, 204, false},
		{"foreign", "https://evil.example", "PUT", "", []string{"https://app.example"}, 403, false},
		{"nothing listed", "https://app.example", "PUT", "", nil, 403, false},
		{"null listed", "null", "PUT", "", []string{"null"}, 403, false},
		{"plain OPTIONS", "https://app.example", "", "https://app.example", []string{"https://app.example"}, 200, true},
		{"no origin", "", "PUT", "", []string{"https://app.example"}, 200, true},
	} {
		r := httptest.NewRequest("OPTIONS", "/x", nil)
		r.Host = ourHost
		set := func(name, value string) {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		set("Origin", tt.origin)
		set("Access-Control-Request-Method", tt.method)
		set("Access-Control-Request-Headers", "authorization,x-evil")
		resp := guarded(t, Guard{Hosts: []string{ourHost}, Origins: tt.origins}, r)
		if resp.StatusCode != tt.status || reached(resp) != tt.reached {
			t.Errorf("%s: status %d, want %d", tt.name, resp.StatusCode, tt.status)
		}
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != tt.want {
			t.Errorf("%s: Access-Control-Allow-Origin is %q, want %q", tt.name, got, tt.want)
		}
		methods, headers := resp.Header.Get("Access-Control-Allow-Methods"), resp.Header.Get("Access-Control-Allow-Headers")
		if tt.status == 204 {
			if !strings.Contains(methods, tt.method) || headers != "*, Authorization" {
				t.Errorf("%s: allows methods %q, headers %q", tt.name, methods, headers)
			}
		} else if methods != "" || headers != "" {
			t.Errorf("%s: allows methods %q, headers %q", tt.name, methods, headers)
		}
		if got := resp.Header.Get("Access-Control-Allow-Private-Network"); got != "" {
			t.Errorf("%s: Access-Control-Allow-Private-Network is %q unasked", tt.name, got)
		}
	}
}

func TestGuardPrivateNetwork(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{"https://app.example": "true", "https://evil.example": ""} {
		r := httptest.NewRequest("OPTIONS", "/x", nil)
		r.Host = ourHost
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "GET")
		r.Header.Set("Access-Control-Request-Private-Network", "true")
		resp := guarded(t, Guard{Hosts: []string{ourHost}, Origins: []string{"https://app.example"}}, r)
		if got := resp.Header.Get("Access-Control-Allow-Private-Network"); got != want {
			t.Errorf("%s: Access-Control-Allow-Private-Network is %q, want %q", origin, got, want)
		}
	}
}

// TestGuardBehindListener is the positive control of the two together: every
// name a Listener reports passes, over a real connection, and others do not.
func TestGuardBehindListener(t *testing.T) {
	t.Parallel()
	l := mustListen(t, "localhost", 0)
	srv := &http.Server{Handler: Guard{
		Hosts: l.Hosts(),
		Next:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "reached") }),
	}}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	for host, want := range map[string]int{"evil.example": 421, "localhost": 421} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %q: %d, want %d", host, resp.StatusCode, want)
		}
	}
	for _, host := range l.Hosts() {
		if body, err := get(t, "http://"+host); err != nil || body != "reached" {
			t.Errorf("%s: %q, %v", host, body, err)
		}
	}
}

func FuzzGuardHost(f *testing.F) {
	for _, s := range []string{"localhost:9400", "[::1]:9400", "::1", "[", "]", "[]:", ":", "a:b:c", "localhost"} {
		f.Add(s)
	}
	allowed := []string{"localhost:9400", "[::1]:9400"}
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		rec := httptest.NewRecorder()
		Guard{Hosts: allowed, Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})}.ServeHTTP(rec, r)
		want := 421
		for _, a := range allowed {
			if strings.EqualFold(a, host) {
				want = 200
			}
		}
		if rec.Code != want {
			t.Errorf("Host %q: %d, want %d", host, rec.Code, want)
		}
	})
}
