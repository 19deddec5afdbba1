package secret

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sigv4"
)

var awsNow = time.Date(2026, 11, 5, 15, 4, 5, 0, time.UTC)

// awsWorld is a server that verifies signatures and answers what it is told.
type awsWorld struct {
	*AWS
	calls  atomic.Int32
	status int
	body   string
	seen   []string // the services and targets asked, with the body
}

func newAWSWorld(t *testing.T, status int, body string) *awsWorld {
	t.Helper()
	w := &awsWorld{status: status, body: body}
	key := sigv4.Credentials{AccessKeyID: "ASIAEXAMPLE000000001", SecretAccessKey: "hush", SessionToken: "token"}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.calls.Add(1)
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		trace, err := sigv4.Verify(r, sigv4.PayloadHash(data), func(id string) (sigv4.Credentials, bool) { return key, id == key.AccessKeyID }, awsNow)
		if err != nil {
			t.Errorf("signature: %v", err)
		}
		w.seen = append(w.seen, trace.Scope.Service+" "+trace.Scope.Region+" "+r.Header.Get("X-Amz-Target")+" "+string(data))
		out.WriteHeader(w.status)
		_, _ = io.WriteString(out, w.body)
	}))
	t.Cleanup(server.Close)
	w.AWS = &AWS{
		Credentials: func(context.Context) (sigv4.Credentials, error) { return key, nil },
		Region:      "eu-west-1", SecretsManager: server.URL, SSM: server.URL + "/", Client: server.Client(),
		Now: func() time.Time { return awsNow },
	}
	return w
}

func TestAWS(t *testing.T) {
	t.Parallel()
	secretString := func(text string) string {
		data, _ := json.Marshal(map[string]string{"SecretString": text})
		return string(data)
	}
	app := secretString(`{"app_id":"abc","port":8080,"on":true,"list":[1],"empty":""}`)
	for _, tt := range []struct {
		name, ref string
		status    int
		body      string
		want      string // value, or the error after the reference
		asked     string
	}{
		{"whole", "secretsmanager:plain", 200, secretString("value\n"), "value", `secretsmanager eu-west-1 secretsmanager.GetSecretValue {"SecretId":"plain"}`},
		{"key", "secretsmanager:app/x#app_id", 200, app, "abc", `secretsmanager eu-west-1 secretsmanager.GetSecretValue {"SecretId":"app/x"}`},
		{"number", "secretsmanager:app#port", 200, app, "8080", ""},
		{"boolean", "secretsmanager:app#on", 200, app, "true", ""},
		{"ARN", "secretsmanager:arn:aws:secretsmanager:ap-south-1:1:secret:app-AbCdEf#app_id", 200, app, "abc",
			`secretsmanager ap-south-1 secretsmanager.GetSecretValue {"SecretId":"arn:aws:secretsmanager:ap-south-1:1:secret:app-AbCdEf"}`},
		{"parameter", "ssm:/a/b", 200, `{"Parameter":{"Value":"v"}}`, "v", `ssm eu-west-1 AmazonSSM.GetParameter {"Name":"/a/b","WithDecryption":true}`},
		{"list", "secretsmanager:app#list", 200, app, `what the secret has under "list" is not text`, ""},
		{"empty key", "secretsmanager:app#empty", 200, app, `what the secret has under "empty" is empty`, ""},
		{"no such key", "secretsmanager:app#id", 200, app, `the secret has no key "id"; it has "app_id", "empty", "list", "on", "port"`, ""},
		{"no JSON", "secretsmanager:app#id", 200, secretString("hush hush"), "the secret is not a JSON object, so it has no keys", ""},
		{"binary", "secretsmanager:app", 200, `{"SecretBinary":"AAEC"}`, "the secret is binary (SecretBinary); only text (SecretString) can be read", ""},
		{"neither", "secretsmanager:app", 200, `{}`, "the answer holds no SecretString", ""},
		{"no parameter", "ssm:/a", 200, `{}`, "the answer holds no Parameter.Value", ""},
		{"empty", "secretsmanager:app", 200, secretString("\n"), "empty", ""},
		{"missing", "secretsmanager:app", 400, `{"__type":"com.amazonaws.secretsmanager#ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`, "there is none of that name at HOST", ""},
		{"missing parameter", "ssm:/a", 400, `{"__type":"ParameterNotFound"}`, "there is none of that name at HOST", ""},
		{"denied", "secretsmanager:app", 400, `{"__type":"AccessDeniedException","Message":"User: x is not authorized"}`, "HOST denies access: User: x is not authorized", ""},
		{"terminal", "secretsmanager:app", 400, `{"__type":"E","message":"a\u001b[31m\nb"}`, `HOST refuses: a\u001b[31m (E)`, ""},
		{"no words", "secretsmanager:app", 503, "<html>", "HOST answers 503", ""},
		{"odd type", "secretsmanager:app", 400, `{"__type":"a b"}`, "HOST answers 400", ""},
		{"not JSON", "secretsmanager:app", 200, "hush", "the answer of HOST is not the JSON object it should be", ""},
		{"no name", "secretsmanager:#x", 200, app, "name a secret, or one key of it: secretsmanager:NAME#KEY", ""},
		{"no key", "secretsmanager:app#", 200, app, "name a secret, or one key of it: secretsmanager:NAME#KEY", ""},
		{"space", "ssm:/a b", 200, app, "name a parameter: ssm:/path/name", ""},
		{"region", "secretsmanager:arn:aws:secretsmanager:evil.example/:1:secret:x", 200, app, `"evil.example/" is no region`, ""},
	} {
		w := newAWSWorld(t, tt.status, tt.body)
		got, isReference, err := Resolver{AWS: w.AWS}.Resolve(t.Context(), tt.ref)
		if err != nil {
			host := strings.TrimPrefix(w.SecretsManager, "http://")
			got = strings.ReplaceAll(strings.TrimPrefix(err.Error(), tt.ref+": "), host, "HOST")
		}
		if got != tt.want || !isReference {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if tt.asked != "" && (len(w.seen) != 1 || w.seen[0] != tt.asked) {
			t.Errorf("%s: asked %q", tt.name, w.seen)
		}
	}
}

// TestAWSOnce: one secret for many references and many readers is read once, and
// what went wrong is tried again.
func TestAWSOnce(t *testing.T) {
	t.Parallel()
	w := newAWSWorld(t, 400, `{"__type":"AccessDeniedException"}`)
	r := Resolver{AWS: w.AWS}
	if _, _, err := r.Resolve(t.Context(), "secretsmanager:app#a"); err == nil {
		t.Fatal("no error")
	}
	w.status, w.body = 200, `{"SecretString":"{\"a\":\"1\",\"b\":\"2\"}"}`
	var work sync.WaitGroup
	for i := range 20 {
		key, want := "a", "1"
		if i%2 == 1 {
			key, want = "b", "2"
		}
		work.Go(func() {
			if got, _, err := r.Resolve(t.Context(), "secretsmanager:app#"+key); got != want || err != nil {
				t.Errorf("%q %v", got, err)
			}
		})
	}
	work.Wait()
	if n := w.calls.Load(); n != 2 {
		t.Errorf("%d calls", n)
	}
}

func TestAWSAddress(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"us-east-1": "https://ssm.us-east-1.amazonaws.com/", "cn-north-1": "https://ssm.cn-north-1.amazonaws.com.cn/",
		"us-gov-west-1": "https://ssm.us-gov-west-1.amazonaws.com/", "eusc-de-east-1": "https://ssm.eusc-de-east-1.amazonaws.eu/",
		"": "", "a/b": "", "a.b": "",
	} {
		if got, err := (awsCall{service: "ssm", region: region}).url(); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", region, got, err)
		}
	}
	broken := errors.New("none")
	a := &AWS{Region: "us-east-1", Credentials: func(context.Context) (sigv4.Credentials, error) { return sigv4.Credentials{}, broken }}
	if _, _, err := (Resolver{AWS: a}).Resolve(t.Context(), "ssm:/a"); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestKeyring(t *testing.T) {
	t.Parallel()
	missing := errors.New("the keyring has no such password")
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	r := Resolver{Timeout: time.Minute, Keyring: func(service, name string) (string, error) {
		switch service + " " + name {
		case "cogctl dev/secret":
			return "hush\n", nil
		case "cogctl empty":
			return "", nil
		case "locked x":
			<-release
		}
		return "", missing
	}}
	for ref, want := range map[string]string{
		"keyring:cogctl/dev/secret": "hush",
		"keyring:cogctl/empty":      "keyring:cogctl/empty: empty",
		"keyring:cogctl/other":      "keyring:cogctl/other: the keyring has no such password",
		"keyring:locked/x":          "keyring:locked/x: no answer: context deadline exceeded",
		"keyring:/x":                "keyring:/x: write keyring:SERVICE/NAME",
		"keyring:x/":                "keyring:x/: write keyring:SERVICE/NAME",
	} {
		r := r
		if strings.Contains(ref, "locked") {
			r.Timeout = 50 * time.Millisecond
		}
		got, _, err := r.Resolve(t.Context(), ref)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}

// FuzzMembers: a secret that is no JSON object is never quoted, and every key of
// one that is gives a value or a reason.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{`{"a":"b"}`, `{"a":1e9,"b":{},"":null}`, `[]`, "x", `{"a":"b"} {}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := Members(text)
		if err != nil {
			if err.Error() != "the secret is not a JSON object, so it has no keys" {
				t.Error(err)
			}
			return
		}
		for key := range o {
			if value, err := o.Text(key); (value == "") == (err == nil) {
				t.Errorf("%q: %q %v", key, value, err)
			}
		}
		if _, err := o.Text("\x00 no such key"); err == nil && o["\x00 no such key"] == nil {
			t.Error("a key that is not there has a value")
		}
	})
}
