package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve starts the API on a real server; errors that net/http logs for aborted
// connections are expected.
func serve(tb testing.TB, a *API) *httptest.Server {
	tb.Helper()
	srv := httptest.NewUnstartedServer(a)
	srv.Config.ErrorLog = nil
	srv.Start()
	tb.Cleanup(srv.Close)
	return srv
}

// raw sends one request as it stands and returns status line, the header lines
// as they came (without Date and Connection), and the body.
func raw(tb testing.TB, srv *httptest.Server, request string) (status string, lines []string, body string) {
	tb.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		tb.Fatal(err)
	}
	br := bufio.NewReader(conn)
	status, err = br.ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			tb.Fatal(err)
		}
		line = strings.TrimSpace(line)
		if line == "" {
			break
		}
		if !strings.HasPrefix(line, "Date:") && !strings.HasPrefix(line, "Connection:") {
			lines = append(lines, line)
		}
	}
	rest, err := io.ReadAll(br)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(status), lines, string(rest)
}

func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) })
}

// failureAPI has a route for each kind with each authorizer.
func failureAPI(tb testing.TB, kind Kind) *API {
	tb.Helper()
	keys := poolKeys(tb)
	scopes := []string{"content/read", "content/write"}
	cognito := CognitoAuthorizer{Keys: keys, Issuers: []string{issuer}, Now: clockAt}
	token := JWTAuthorizer{Keys: keys, Issuer: issuer, Audience: []string{clientID}, Now: clockAt}
	scopedToken := token
	scopedToken.Scopes = scopes
	return &API{Kind: kind, NewRequestID: func() string { return "ID" }, Routes: []Route{
		{Name: "rest", Method: "GET", Path: "/rest", Kind: REST, Authorizer: cognito, Backend: text("rest")},
		{Name: "http", Method: "GET", Path: "/http", Kind: HTTP, Authorizer: token, Backend: text("http")},
		{Name: "scoped", Method: "GET", Path: "/scoped", Kind: HTTP, Authorizer: scopedToken, Backend: text("scoped")},
		{Name: "panic", Path: "/panic", Kind: kind, Backend: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret value") })},
	}}
}

// TestAnswersOnTheWire compares whole answers, header spelling included, with
// what captures of API Gateway show.
func TestAnswersOnTheWire(t *testing.T) {
	t.Parallel()
	expiredID := sign(t, poolKey(), with(idClaims(), claims{"exp": now.Unix()}))
	id := sign(t, poolKey(), idClaims())
	access := sign(t, poolKey(), accessClaims())
	noScope := sign(t, poolKey(), with(accessClaims(), claims{"scope": "openid"}))
	stranger := sign(t, poolKey(), with(idClaims(), claims{"aud": "stranger"}))

	const missing = "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
	const noDate = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	const hashedIs = "(Hashed with SHA-256 and encoded with Base64) Authorization="
	rest := func(errorType string, length int) []string {
		return []string{"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", length),
			"x-amz-apigw-id: EXT", "x-amzn-ErrorType: " + errorType, "x-amzn-RequestId: ID"}
	}
	httpLines := func(length int, challenge string) []string {
		lines := []string{"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", length), "apigw-requestid: ID"}
		if challenge != "" {
			lines = append(lines, "www-authenticate: "+challenge)
		}
		return lines
	}
	for _, tt := range []struct {
		name    string
		kind    Kind // of the table
		request string
		auth    []string
		status  string
		lines   []string
		body    string
	}{
		{"REST allowed", REST, "GET /rest", []string{id}, "200 OK",
			[]string{"Content-Length: 4", "Content-Type: text/plain; charset=utf-8", "x-amz-apigw-id: EXT", "x-amzn-RequestId: ID"}, "rest"},
		{"REST no token", REST, "GET /rest", nil, "401 Unauthorized", rest("UnauthorizedException", 26), `{"message":"Unauthorized"}`},
		{"REST access token", REST, "GET /rest", []string{"Bearer " + access}, "401 Unauthorized", rest("UnauthorizedException", 26), `{"message":"Unauthorized"}`},
		{"REST expired", REST, "GET /rest", []string{expiredID}, "401 Unauthorized", rest("UnauthorizedException", 44), `{"message":"The incoming token has expired"}`},
		{"REST in a table of HTTP routes", HTTP, "GET /rest", nil, "401 Unauthorized", rest("UnauthorizedException", 26), `{"message":"Unauthorized"}`},
		{"REST no route", REST, "GET /nowhere", nil, "403 Forbidden", rest("MissingAuthenticationTokenException", 42), `{"message":"Missing Authentication Token"}`},
		{"REST wrong method", REST, "POST /rest", nil, "403 Forbidden", rest("MissingAuthenticationTokenException", 42), `{"message":"Missing Authentication Token"}`},
		{"REST wrong method in a table of HTTP routes", HTTP, "POST /rest", nil, "403 Forbidden", rest("MissingAuthenticationTokenException", 42), `{"message":"Missing Authentication Token"}`},
		{"REST OPTIONS", REST, "OPTIONS /rest", nil, "403 Forbidden", rest("MissingAuthenticationTokenException", 42), `{"message":"Missing Authentication Token"}`},
		{"REST no route, trailing slash", REST, "GET /rest/", nil, "403 Forbidden", rest("MissingAuthenticationTokenException", 42), `{"message":"Missing Authentication Token"}`},
		{"REST no route, bearer", REST, "GET /nowhere", []string{"Bearer x"}, "403 Forbidden", rest("IncompleteSignatureException", 176),
			`{"message":"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): 'uTem/WB082UJMN2ajD6lH6UChGpTAddMJSx2iu923No='."}`},
		{"REST no route, bare token", REST, "GET /nowhere", []string{"x"}, "403 Forbidden", rest("IncompleteSignatureException", 367),
			`{"message":"` + missing + noDate + hashedIs + `LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="}`},
		{"REST no route, empty header", REST, "GET /nowhere", []string{""}, "403 Forbidden", rest("IncompleteSignatureException", 367),
			`{"message":"` + missing + noDate + hashedIs + `47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}`},
		{"REST no route, Basic with padding", REST, "GET /nowhere", []string{"Basic YQ=="}, "403 Forbidden", rest("IncompleteSignatureException", 367),
			`{"message":"` + missing + noDate + hashedIs + `jNQVU2Q/x6/ACu/hQxGLx2pz8UXMQ6Ne4xxcnRGfW8s="}`},

		{"HTTP allowed", HTTP, "GET /http", []string{"Bearer " + access}, "200 OK",
			[]string{"Content-Length: 4", "Content-Type: text/plain; charset=utf-8", "apigw-requestid: ID"}, "http"},
		{"HTTP no token", HTTP, "GET /http", nil, "401 Unauthorized", httpLines(26, "Bearer"), `{"message":"Unauthorized"}`},
		{"HTTP no JWT", HTTP, "GET /http", []string{"Bearer opaque"}, "401 Unauthorized",
			httpLines(26, `Bearer scope="" error="invalid_token" error_description="token contains an invalid number of segments"`), `{"message":"Unauthorized"}`},
		{"HTTP expired", HTTP, "GET /scoped", []string{"Bearer " + expiredID}, "401 Unauthorized",
			httpLines(26, `Bearer scope="content/read content/write" error="invalid_token" error_description="the token has expired"`), `{"message":"Unauthorized"}`},
		{"HTTP audience", HTTP, "GET /http", []string{"Bearer " + stranger}, "401 Unauthorized",
			httpLines(26, `Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience"`), `{"message":"Unauthorized"}`},
		{"HTTP scope", HTTP, "GET /scoped", []string{"Bearer " + noScope}, "403 Forbidden",
			httpLines(23, `Bearer scope="content/read content/write" error="insufficient_scope" error_description="the token does not have a valid scope"`), `{"message":"Forbidden"}`},
		{"HTTP no route", HTTP, "GET /nowhere", nil, "404 Not Found", httpLines(23, ""), `{"message":"Not Found"}`},
		{"HTTP no route, bearer", HTTP, "GET /nowhere", []string{"Bearer x"}, "404 Not Found", httpLines(23, ""), `{"message":"Not Found"}`},
		{"HTTP wrong method", REST, "POST /http", nil, "404 Not Found", httpLines(23, ""), `{"message":"Not Found"}`},

		{"REST backend panics", REST, "GET /panic", nil, "500 Internal Server Error", rest("InternalServerErrorException", 36), `{"message": "Internal server error"}`},
		{"HTTP backend panics", HTTP, "GET /panic", nil, "500 Internal Server Error", httpLines(35, ""), `{"message":"Internal Server Error"}`},
		{"no path", REST, "OPTIONS *", nil, "403 Forbidden", rest("MissingAuthenticationTokenException", 42), `{"message":"Missing Authentication Token"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			request := tt.request + " HTTP/1.1\nHost: api.example\nConnection: close\n"
			for _, v := range tt.auth {
				request += "Authorization: " + v + "\n"
			}
			api := failureAPI(t, tt.kind)
			if tt.request == "OPTIONS *" {
				// net/http answers OPTIONS * by itself before any handler.
				rec := httptest.NewRecorder()
				r := httptest.NewRequest("OPTIONS", "/", nil)
				r.URL.Path, r.RequestURI = "*", "*"
				api.ServeHTTP(rec, r)
				if rec.Code != 403 || rec.Body.String() != tt.body {
					t.Errorf("%d %s", rec.Code, rec.Body)
				}
				return
			}
			status, lines, body := raw(t, serve(t, api), request+"\n")
			if status != "HTTP/1.1 "+tt.status || body != tt.body {
				t.Errorf("%s\n%s\nwant %s\n%s", status, body, tt.status, tt.body)
			}
			for i, line := range lines {
				if extended.MatchString(line) {
					lines[i] = "x-amz-apigw-id: EXT"
				}
			}
			if diff := cmp.Diff(sorted(tt.lines), sorted(lines)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var extended = regexp.MustCompile(`^x-amz-apigw-id: [A-Za-z0-9_-]{15}=$`)

func sorted(lines []string) map[string]bool {
	set := make(map[string]bool)
	for _, l := range lines {
		set[l] = true
	}
	return set
}

// TestUnsigned covers the combinations of a header that is nearly a signature.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	const all = "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c"
	for _, tt := range []struct {
		value, date string
		want        string
		errorType   string
	}{
		{all, "", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed", incompleteSignature},
		{all, "X-Amz-Date", "Missing Authentication Token", missingAuthenticationToken},
		{all, "Date", "Missing Authentication Token", missingAuthenticationToken},
		{strings.ReplaceAll(all, ", ", ","), "Date", "Missing Authentication Token", missingAuthenticationToken},
		{"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host", "Date", "Authorization header requires 'Signature' parameter. (Hashed", incompleteSignature},
		{all + ", oops", "Date", "Invalid key=value pair (missing equal-sign)", incompleteSignature},
		{"Bearer", "Date", "Authorization header requires 'Credential' parameter. ", incompleteSignature},
		{"Bearer a b", "Date", "Invalid key=value pair", incompleteSignature},
		{"Bearer a=b", "Date", "Authorization header requires 'Credential' parameter. ", incompleteSignature},
	} {
		h := http.Header{"Authorization": {tt.value}}
		if tt.date != "" {
			h.Set(tt.date, "x")
		}
		message, errorType := unsigned(h)
		if !strings.HasPrefix(message, tt.want) || errorType != tt.errorType {
			t.Errorf("%q with %q: %q, %s", tt.value, tt.date, message, errorType)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	short := regexp.MustCompile(`^[A-Za-z0-9_-]{15}=$`)
	seen := make(map[string]bool)
	for range 100 {
		for k, form := range map[Kind]*regexp.Regexp{REST: uuid, HTTP: short} {
			id := newID(k)
			if !form.MatchString(id) || seen[id] {
				t.Fatalf("%s id %q: wrong form, or twice", k, id)
			}
			seen[id] = true
		}
	}
}

func TestMessageBody(t *testing.T) {
	t.Parallel()
	const want = `{"message":"<a href='b'>&\"\n"}`
	if got := string(messageBody("<a href='b'>&\"\n")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
