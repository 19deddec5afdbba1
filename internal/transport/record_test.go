package transport

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/redact"
)

func clock() func() time.Time {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time { at = at.Add(25 * time.Millisecond); return at }
}

const planted = "pl4nted-secret"

func recorded(t *testing.T, red *redact.Redactor) Event {
	t.Helper()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		h := w.Header()
		h.Set("Set-Cookie", "s="+planted)
		h.Set("X-Other", planted)
		h.Set("X-Amzn-RequestId", "req-1")
		h.Set("X-Amzn-ErrorType", "UnauthorizedException")
		h.Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"message":"`+planted+`"}`)
	})
	var got []Event
	rt := Record{Base: srv.Client().Transport, Report: func(e Event) { got = append(got, e) }, Now: clock(), Redactor: red}
	r, _ := http.NewRequest("POST", srv.URL+"/reset/"+planted+"/x?code="+planted+"&"+planted+"&state=", strings.NewReader(planted))
	r.Header.Set("Authorization", "Bearer "+planted)
	r.Header.Set("Cookie", "c="+planted)
	r.Header.Set("X-Amz-Security-Token", planted)
	r.Header.Set("X-Amz-Target", "Service.InitiateAuth")
	resp, err := rt.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if len(got) != 1 {
		t.Fatalf("%d events", len(got))
	}
	return got[0]
}

func TestRecordReportsAllowedFieldsOnly(t *testing.T) {
	t.Parallel()
	var red redact.Redactor
	red.Add(planted)
	e := recorded(t, &red)
	if text := fmt.Sprintf("%+v %v", e, e); strings.Contains(text, planted) {
		t.Errorf("a secret came through: %s", text)
	}
	// The control: without the redactor, the path alone shows it, once in the
	// fields and once in the line.
	bare := recorded(t, nil)
	if n := strings.Count(bare.Path+bare.String(), planted); n != 2 {
		t.Errorf("the planted path shows %d times", n)
	}
	bare.Path = ""
	if text := fmt.Sprintf("%+v %v", bare, bare); strings.Contains(text, planted) {
		t.Errorf("a secret came through without the redactor: %s", text)
	}
	want := Event{
		Method: "POST", Scheme: "http", Host: e.Host, Path: "/reset/[redacted]/x", Operation: "InitiateAuth", Query: []string{"code", "…", "state"},
		Status: 401, Duration: 25 * time.Millisecond, RequestID: "req-1", ErrorType: "UnauthorizedException",
		ContentType: "application/json", ContentLength: e.ContentLength,
	}
	if got, want := fmt.Sprintf("%#v", e), fmt.Sprintf("%#v", want); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	line := fmt.Sprintf(`POST http://%s/reset/[redacted]/x?code=…&…&state=… InitiateAuth 401 25ms x-amzn-requestid="req-1" x-amzn-errortype="UnauthorizedException" content-type="application/json" content-length=%d`, e.Host, e.ContentLength)
	if e.String() != line {
		t.Errorf("got  %s\nwant %s", e, line)
	}
}

func TestRecordFailure(t *testing.T) {
	t.Parallel()
	var got Event
	broken := errors.New("refused, with " + planted)
	rt := Record{
		Base:   Phases{Base: roundTrip(func(*http.Request) (*http.Response, error) { return nil, broken })},
		Report: func(e Event) { got = e },
		Now:    clock(),
	}
	_, err := rt.RoundTrip(&http.Request{URL: mustURL(t, "https://api.example.com/x")})
	if !errors.Is(err, broken) || !got.Failed || got.Failure != CurlConnect || got.Method != "GET" {
		t.Errorf("%v, %+v", err, got)
	}
	if text := fmt.Sprintf("%+v %v", got, got); strings.Contains(text, planted) || !strings.Contains(text, "no answer (curl 7)") {
		t.Error(text)
	}
}

func TestEventMakesForeignTextVisible(t *testing.T) {
	t.Parallel()
	e := Event{Method: "GET", Scheme: "https", Host: "h", Path: "/\u202e", ErrorType: "a\x1b[31m\u009b"}
	if line := e.String(); strings.ContainsAny(line, "\x1b\u202e\u009b") {
		t.Errorf("%q", line)
	}
}

// TestOperation: what has not the form of an operation's name is not shown.
func TestOperation(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"AWSCognitoIdentityProviderService.InitiateAuth": "InitiateAuth", "DynamoDB_20120810.ListTables": "ListTables",
		"": "", "x." + planted: "", "a.b c": "", "x." + strings.Repeat("a", 65): "",
	} {
		if got := operation(target); got != want {
			t.Errorf("%q: %q, want %q", target, got, want)
		}
	}
}
