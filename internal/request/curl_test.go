package request

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func bufioReader(s string) *bufio.Reader { return bufio.NewReader(strings.NewReader(s)) }

// seen is what a server got, without what differs by design.
type seen struct {
	Method, URI, Host string
	Header            http.Header
	Length            int64
	Body              string
}

// TestAgainstCurl sends the same words through curl and through Spec, and
// compares what the server sees.
func TestAgainstCurl(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl on PATH to compare with")
	}
	got := make(chan seen, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(r.UserAgent(), "curl/") || r.UserAgent() == "cogctl" {
			r.Header.Del("User-Agent")
		}
		if r.ContentLength == 0 { // net/http also says so for a PUT without a body
			r.Header.Del("Content-Length")
		}
		got <- seen{r.Method, r.RequestURI, r.Host, r.Header, r.ContentLength, string(body)}
	}))
	defer srv.Close()
	dir := t.TempDir()
	for name, text := range map[string]string{"f": "a\r\nb\nd\xff", "h": "X-F: 1\r\nX-G;\n\nAccept:\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	for _, line := range []string{
		"", "-X PUT", "-X patch", "-d a=1", "-d a=1 -d b=2", "-d @f", "--data-binary @f", "--data-raw @f", "-X GET -d x",
		"-d a --data-binary @f --data-raw @f", "--json {}", "--json {} --json {}", "-d a --json b", "--json a -d b", "--json @f",
		"-H X-A:1", "-H X-A:1 -H X-A:2", "-H X-A;", "-H X-A:", "-H Accept:", "-H accept:a", "-H Accept:a -H Accept:",
		"-d a -H Content-Type:", "-d a -H content-type:text/csv", "--json {} -H Accept:x/y", "-H @h", "-H User-Agent:me",
		"-H User-Agent:", "-H Host:h.example", "-H Cookie:a=b", "-d @f -d @f",
	} {
		words := strings.Fields(line)
		cmd := exec.Command(curl, append(append([]string{"-q", "-sS"}, words...), srv.URL+"/x/%2Fy//z?q=%zz&a;b")...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			if strings.Contains(string(out), "--json: is unknown") {
				continue // curl before 7.82
			}
			t.Fatalf("curl %s: %v %s", line, err, out)
		}
		theirs := <-got
		r, err := specOf(t, words).Build(t.Context(), srv.URL+"/x", func(name string) (io.ReadCloser, error) {
			return os.Open(filepath.Join(dir, name))
		})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		resp.Body.Close()
		if diff := cmp.Diff(theirs, <-got); diff != "" {
			t.Errorf("%s (-curl +cogctl):\n%s", line, diff)
		}
	}
}

func specOf(t *testing.T, words []string) Spec {
	t.Helper()
	s := Spec{Target: "/%2Fy//z?q=%zz&a;b"}
	kinds := map[string]DataKind{"-d": Form, "--data-raw": Raw, "--data-binary": Binary, "--json": JSON}
	for i := 0; i < len(words); i += 2 {
		switch flag, value := words[i], words[i+1]; flag {
		case "-X":
			s.Method = value
		case "-H":
			s.Headers = append(s.Headers, value)
		default:
			kind, ok := kinds[flag]
			if !ok {
				t.Fatalf("unknown flag %s", flag)
			}
			if err := (DataFlag{kind, &s.Data}).Set(value); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}
