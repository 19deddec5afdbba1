package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// judge is an API that takes requests signed for its scope, at its time, with the
// credentials that it knows, and says what it got.
type judge struct {
	*httptest.Server
	verifier sigv4.Verifier
	ahead    time.Duration // of its clock
	secret   string
	expired  string // the session token that has
	refused  int
}

func newJudge(t *testing.T) *judge {
	j := &judge{secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", verifier: sigv4.Verifier{Scope: sigv4.Scope{Region: "eu-west-1", Service: "execute-api"}}}
	j.Server = httptest.NewServer(j)
	t.Cleanup(j.Close)
	return j
}

// ServeHTTP answers as API Gateway does. A path /CODE/… redirects to the rest.
func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	now := time.Now().Add(j.ahead)
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	token := r.Header.Get("X-Amz-Security-Token") + r.URL.Query().Get("X-Amz-Security-Token")
	_, err := j.verifier.Verify(r, sigv4.PayloadHash(body), func(id string) (sigv4.Credentials, bool) {
		return sigv4.Credentials{AccessKeyID: id, SecretAccessKey: j.secret, SessionToken: token}, id == "AKIAIOSFODNN7EXAMPLE"
	}, now)
	if err == nil && token != "" && token == j.expired {
		err = &sigv4.VerifyError{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
	}
	var refusal *sigv4.VerifyError
	if errors.As(err, &refusal) {
		j.refused++
		w.Header().Set("X-Amzn-Errortype", refusal.Code)
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": refusal.Message})
		return
	}
	code := 0
	if _, err := fmt.Sscanf(r.URL.Path, "/%d/", &code); err == nil {
		w.Header().Set("Location", r.URL.Path[len("/307"):])
		w.WriteHeader(code)
		return
	}
	fmt.Fprintf(w, "%s %s %d %s", r.Method, r.RequestURI, r.ContentLength, sigv4.PayloadHash(body)[:8])
}

// caller is somebody with AWS credentials of their own.
type caller struct {
	t     *testing.T
	judge *judge
	home  string
	input string
}

func newCaller(t *testing.T) caller {
	c := caller{t: t, judge: newJudge(t), home: t.TempDir()}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": c.judge.secret, "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": filepath.Join(c.home, "config"), "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	return c
}

// run runs cogctl in this process; {} in an argument is the API's address.
func (c caller) run(args ...string) ran {
	c.t.Helper()
	environ := map[string]string{
		"COGCTL_CONFIG_DIR": c.home, "COGCTL_CACHE_DIR": c.home, "COGCTL_API_URL": c.judge.URL, "COGCTL_API_AUTH": "sigv4", "COGCTL_REGION": "eu-west-1",
	}
	a := newApp()
	a.getenv, a.environ = func(name string) string { return environ[name] }, nil
	stdout, stderr := tempFile(c.t), tempFile(c.t)
	a.stdin, a.stdout, a.stderr, a.terminal.stderr = strings.NewReader(c.input), stdout, stderr, stderr
	end := ran{code: a.exit(execute(c.t.Context(), a, args)), stdout: readBack(c.t, stdout)}
	end.message, end.hint, _ = strings.Cut(readBack(c.t, stderr), "\n        ")
	if all := fmt.Sprint(end); strings.Contains(all, c.judge.secret) {
		c.t.Errorf("%q shows the secret key", args)
	}
	return end
}

func TestCallSigned(t *testing.T) {
	c := newCaller(t)
	file := filepath.Join(t.TempDir(), "f.pdf")
	large := strings.Repeat("0123456789abcdef", 100<<10)
	if err := os.WriteFile(file, []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	hash := func(text string) string { return sigv4.PayloadHash([]byte(text))[:8] }
	for _, tt := range []struct {
		args  string
		input string
		want  string
	}{
		{"GET /x", "", "GET /x 0 " + hash("")},
		{"GET /a%20b/c%2Fd//e?z=1&a=%2Fx&b=&a=1&c", "", "GET /a%20b/c%2Fd//e?z=1&a=%2Fx&b=&a=1&c 0 " + hash("")},
		{"/x;y=1/@:*()!?q=a;b+c", "", "GET /x;y=1/@:*()!?q=a;b+c 0 " + hash("")},
		{"/é", "", "GET /%C3%A9 0 " + hash("")},
		{"POST /x -d a=b -H X-Amz-Meta:1 -H X-Amz-Meta:2", "", "POST /x 3 " + hash("a=b")},
		{"/x --json {}", "", "POST /x 2 " + hash("{}")},
		{"/x --data-binary @-", "piped", "POST /x 5 " + hash("piped")},
		{"/x --data-binary @-", large, fmt.Sprintf("POST /x %d %s", len(large), hash(large))},
		{"/x --data-binary @" + file, "", fmt.Sprintf("POST /x %d %s", len(large), hash(large))},
		{"/up/ -T " + file, "", fmt.Sprintf("PUT /up/f.pdf %d %s", len(large), hash(large))},
		{"/x -T -", "piped", "PUT /x 5 " + hash("piped")},
		{"/302/x -L -d body", "", "GET /x 0 " + hash("")},
		{"/307/x -L -T -", "piped", "PUT /x 5 " + hash("piped")},
		{"/308/301/x -L --data-binary @" + file, "", "GET /x 0 " + hash("")},
		{"/x --path-style s3", "", "GET /x 0 " + hash("")},
		{"/x -d a -H X-Amz-Content-Sha256:" + sigv4.PayloadHash([]byte("a")), "", "POST /x 1 " + hash("a")},
	} {
		c.input = tt.input
		if end := c.run(append([]string{"call"}, strings.Fields(tt.args)...)...); end.code != exitOK || end.stdout != tt.want || end.message != "" {
			t.Errorf("%s: %+v, want %s", tt.args, end, tt.want)
		}
	}
	if c.judge.refused > 0 {
		t.Errorf("%d requests were refused on the way", c.judge.refused)
	}
	c.judge.secret += "x"
	if end := c.run("call", "/x"); end.code != exitHTTP || !strings.Contains(end.message, "sent with a signature by your own AWS credentials: HTTP 403") {
		t.Errorf("with a wrong secret: %+v", end)
	}
	if c.judge.refused != 1 {
		t.Errorf("what nothing can be learnt from was sent %d times", c.judge.refused)
	}
	if end := c.run("call", "/x?a=%zz"); end.code != exitUsage || !strings.Contains(end.message, "%25") {
		t.Errorf("what cannot be signed: %+v", end)
	}
}

// TestSignatureHeeds: what a refusal says of clock, scope or expiry is taken once, and
// told.
func TestSignatureHeeds(t *testing.T) {
	c := newCaller(t)
	for _, tt := range []struct {
		name    string
		ahead   time.Duration
		scope   sigv4.Scope
		args    string
		code    int
		told    string
		refused int
	}{
		{"clock behind", 7 * time.Minute, sigv4.Scope{}, "", exitOK, "clock of this machine is about 7m behind", 1},
		{"clock ahead", -3 * time.Hour, sigv4.Scope{}, "-d body", exitOK, "clock of this machine is about 3h0m ahead", 1},
		{"a time that was given", 0, sigv4.Scope{}, "-H X-Amz-Date:20240115T120000Z", exitHTTP, "an X-Amz-Date that was given", 1},
		{"the service", 0, sigv4.Scope{Service: "lambda"}, "-d body", exitOK, "is of the service lambda, not execute-api", 1},
		{"the service, on -s", 0, sigv4.Scope{Service: "lambda"}, "-s", exitOK, "", 1},
		{"the service that was given", 0, sigv4.Scope{Service: "lambda"}, "--service s4", exitHTTP, "--service lambda", 1},
		{"the region", 0, sigv4.Scope{Region: "eu-west-2"}, "", exitHTTP, "--region names", 1},
		{"clock and service", time.Hour, sigv4.Scope{Service: "lambda"}, "-d body", exitOK, "service lambda", 2},
		{"the region that was given", 0, sigv4.Scope{Region: "eu-west-2"}, "--region eu-west-2", exitOK, "", 0},
	} {
		c.judge.ahead, c.judge.verifier.Scope, c.judge.refused = tt.ahead, tt.scope, 0
		end := c.run(append([]string{"call", "/x"}, strings.Fields(tt.args)...)...)
		if all := end.message + end.hint; end.code != tt.code || !strings.Contains(all, tt.told) || tt.told == "" && all != "" || c.judge.refused != tt.refused {
			t.Errorf("%s: %+v, refused %d times", tt.name, end, c.judge.refused)
		}
	}
}

// TestCredentialsRenewed: a credential that the server finds expired is looked for
// once more.
func TestCredentialsRenewed(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh for a credential_process")
	}
	c := newCaller(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	script := filepath.Join(c.home, "process")
	text := fmt.Sprintf(`cd %s; echo x >>asked; if [ -e second ]; then n=two; else n=one; touch second; fi
printf '{"Version":1,"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"%%s","SessionToken":"%%s"}' '%s' "$n"`, c.home, c.judge.secret)
	for name, data := range map[string]string{"process": text, "config": "[default]\ncredential_process = sh " + script + "\n"} {
		if err := os.WriteFile(filepath.Join(c.home, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.judge.expired = "one"
	if end := c.run("call", "/x", "-d", "body"); end.code != exitOK || c.judge.refused != 1 {
		t.Errorf("%+v, refused %d times", end, c.judge.refused)
	}
	c.judge.expired, c.judge.refused = "two", 0
	end := c.run("call", "/x")
	if end.code != exitHTTP || c.judge.refused != 1 || !strings.Contains(end.hint, "have expired") {
		t.Errorf("credentials that stay expired: %+v, refused %d times", end, c.judge.refused)
	}
	asked, _ := os.ReadFile(filepath.Join(c.home, "asked"))
	if n := strings.Count(string(asked), "x"); n != 4 {
		t.Errorf("the credentials were asked for %d times, want 4", n)
	}
}

// TestSign: what sign prints is accepted, as it stands, by way of another program.
func TestSign(t *testing.T) {
	c := newCaller(t)
	t.Setenv("AWS_SESSION_TOKEN", "a-session-token")
	nasty := `{"k":"it's $(touch ran) ` + "`touch ran`" + ` \"quoted\" \\ !x é"}`
	line := c.run("sign", "/it's/$(touch ran)/[1-3]?q={a,b}&r='$HOME'", "-d", nasty, "-H", "X-Amz-Note: it's; $(touch ran)", "-H", "X-Empty;", "--format", "curl")
	if line.code != exitOK || line.message != "" {
		t.Fatalf("%+v", line)
	}
	for _, shell := range []string{"sh", "bash"} {
		program, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		cmd := exec.Command(program, "-c", strings.Replace(line.stdout, "curl ", "curl -q -sS --noproxy '*' ", 1))
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		want := "POST /it's/$(touch%20ran)/[1-3]?q={a,b}&r='$HOME' " + fmt.Sprint(len(nasty)) + " " + sigv4.PayloadHash([]byte(nasty))[:8]
		if err != nil || string(out) != want {
			t.Errorf("%s: %s %v\n%s\nwant %s", shell, out, err, line.stdout, want)
		}
		if left, _ := os.ReadDir(cmd.Dir); len(left) > 0 {
			t.Errorf("%s ran something: %v", shell, left)
		}
	}
	link := c.run("sign", "/x?a=1", "--format", "url", "--expires", "2m")
	response, err := http.Get(strings.TrimSpace(link.stdout))
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(link.stdout, "X-Amz-Expires=120&") {
		t.Errorf("%+v: %v, %v", link, response, err)
	}
	response.Body.Close()
	headers := c.run("sign", "PUT", "/x", "-d", "body", "-H", "X-Amz-Two: 1", "-H", "X-Amz-Two: 2")
	r, _ := http.NewRequest("PUT", c.judge.URL+"/x", strings.NewReader("body"))
	for header := range strings.Lines(headers.stdout) {
		name, value, _ := strings.Cut(strings.TrimSuffix(header, "\n"), ": ")
		r.Header.Add(name, value)
	}
	if response, err = http.DefaultClient.Do(r); err != nil || response.StatusCode != http.StatusOK || r.Header.Get("User-Agent") != "" {
		t.Errorf("%+v: %v, %v", headers, response, err)
	}
	response.Body.Close()
	if c.judge.refused > 0 {
		t.Errorf("%d requests were refused", c.judge.refused)
	}
}

// TestShWord has shells read words of all characters that mean something to one.
func TestShWord(t *testing.T) {
	t.Parallel()
	words := []string{"", "plain", "-n", "~", "*", "a b", "it's", `a\`, `\'`, `'\`, "$(x)", "`x`", "$HOME", "!x", "{a,b}", "#", "é\u202e", "\x7f", "\t", "=", "a=b", "^", "%", "(", "<&|;>"}
	random := rand.New(rand.NewPCG(1, 2))
	const nasty = "'\\\"$`!*?[]{}()<>|&;#~^%= \taZ0\x01é"
	letters := []rune(nasty)
	for range 500 {
		word := ""
		for range 1 + random.IntN(12) {
			word += string(letters[random.IntN(len(letters))])
		}
		words = append(words, word)
	}
	line := "printf '%s\n'"
	for _, word := range words {
		line += " " + shWord(word)
	}
	for _, shell := range []string{"sh", "bash", "fish"} {
		program, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("no %s here", shell)
			continue
		}
		cmd := exec.Command(program, "-c", line)
		cmd.Dir = t.TempDir()
		cmd.Env = []string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
		out, err := cmd.CombinedOutput()
		if read := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); err != nil || !slices.Equal(read, words) {
			t.Errorf("%s: %v: read other words than were written", shell, err)
			for i := range min(len(read), len(words)) {
				if read[i] != words[i] {
					t.Errorf("%q as %s is %q", words[i], shWord(words[i]), read[i])
					break
				}
			}
		}
	}
}

// TestSignFormats holds the output to the signatures that botocore, aws4 and curl give
// for this request.
func TestSignFormats(t *testing.T) {
	c := newCaller(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	line := []string{"sign", "POST", "http://127.0.0.1:9999/prod/items?a=1&b=2", "--json", `{"k":"v"}`, "-H", "Accept: */*", "-H", "X-Amz-Date: 20240115T120000Z", "--region", "us-east-1"}
	const signature = "77eaa8a144f84744f6d4e93f59332203ab068c94e5a5d605f65cb2a976a3f967"
	authorization := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240115/us-east-1/execute-api/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=" + signature
	for format, want := range map[string]string{
		"headers": "Authorization: " + authorization + "\nContent-Type: application/json\nX-Amz-Date: 20240115T120000Z\n",
		"curl": "curl 'http://127.0.0.1:9999/prod/items?a=1&b=2' -H 'Authorization: " + authorization +
			"' -H 'Content-Type: application/json' -H 'X-Amz-Date: 20240115T120000Z' --data-raw '{\"k\":\"v\"}'\n",
		"canonical": "POST\n/prod/items\na=1&b=2\ncontent-type:application/json\nhost:127.0.0.1:9999\nx-amz-date:20240115T120000Z\n\ncontent-type;host;x-amz-date\n" +
			sigv4.PayloadHash([]byte(`{"k":"v"}`)) + "\n\nAWS4-HMAC-SHA256\n20240115T120000Z\n20240115/us-east-1/execute-api/aws4_request\n" +
			"5f507c375a655f4694c5fed97e97d48d6b0a090f485628aea65c27cb24b185fd\n",
	} {
		if end := c.run(append(line, "--format", format)...); end.code != exitOK || end.stdout != want || end.message != "" {
			t.Errorf("%s: %+v\nwant %s", format, end, want)
		}
	}
	var shown struct {
		Headers              map[string]string
		Signature, Time, URL string
	}
	end := c.run(append(line, "--format", "json")...)
	if err := json.Unmarshal([]byte(end.stdout), &shown); err != nil || shown.Signature != signature || shown.Headers["Authorization"] != authorization || shown.Time != "2024-01-15T12:00:00Z" {
		t.Errorf("json: %+v, %v", end, err)
	}
	end = c.run(append(line, "--format", "url")...)
	if !strings.Contains(end.message, "the URL is good only with: content-type: application/json") || !strings.Contains(end.stdout, "X-Amz-Expires=900&X-Amz-Signature=") {
		t.Errorf("url: %+v", end)
	}
	for args, part := range map[string]string{
		"--format nothing":                          "is not one of headers, curl, url, canonical, json",
		"--expires 5m":                              "is for --format url",
		"--expires 200h --format url":               "1 second to 7 days",
		"-H X-Amz-Date:yesterday":                   "20060102T150405Z",
		"--path-style p":                            "aws, s3",
		"-u a:secret-word":                          "-u is curl's",
		"--oauth2-bearer secret-word":               "COGCTL_TOKEN",
		"--aws-sigv4 aws:amz:us-east-1:execute-api": "--auth sigv4",
	} {
		end := c.run(append([]string{"sign", "/x"}, strings.Fields(args)...)...)
		if all := end.message + end.hint; end.code != exitUsage || !strings.Contains(all, part) || strings.Contains(all, "secret-word") {
			t.Errorf("%s: %+v", args, end)
		}
	}
	if end := c.run("sign", "/x", "-d", "two\nlines", "--format", "curl"); end.code != exitUsage || !strings.Contains(end.hint, "--data-binary @FILE") {
		t.Errorf("a body of two lines: %+v", end)
	}
}
