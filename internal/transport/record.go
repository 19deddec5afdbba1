package transport

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/redact"
)

// Event is what --debug may say of one request: these fields and no others. No
// other header of the request is here, no cookie, no body, no value of the query.
type Event struct {
	Method, Scheme, Host string
	Operation            string   // the last part of X-Amz-Target, where it has the form of an AWS operation
	Path                 string   // as sent, escaped, without the query
	Query                []string // names only; a bare word is "…", for it may be a value
	Status               int      // 0 when no answer came
	Failure              int      // CurlCode of the error, 0 when none fits
	Failed               bool     // no answer came
	Duration             time.Duration
	RequestID            string // x-amzn-requestid, of HTTP APIs apigw-requestid
	ErrorType            string // x-amzn-errortype
	ContentType          string
	ContentLength        int64 // -1 when unknown
}

// Record reports every request to a function. The report comes when the
// headers of the answer have been read, before its body.
type Record struct {
	Base     http.RoundTripper
	Report   func(Event)
	Now      func() time.Time
	Redactor *redact.Redactor // replaces known secrets in a path or a header; may be nil
}

// RoundTrip sends r unchanged.
func (d Record) RoundTrip(r *http.Request) (*http.Response, error) {
	start := d.Now()
	resp, err := d.Base.RoundTrip(r)
	e := Event{
		Method:        r.Method,
		Scheme:        r.URL.Scheme,
		Host:          r.URL.Host,
		Path:          d.clean(r.URL.EscapedPath()),
		Operation:     operation(r.Header.Get("X-Amz-Target")),
		Query:         d.queryNames(r.URL),
		Duration:      d.Now().Sub(start),
		ContentLength: -1,
	}
	if e.Method == "" {
		e.Method = http.MethodGet
	}
	if err != nil {
		e.Failed, e.Failure = true, CurlCode(err)
	} else {
		d.describe(&e, resp)
	}
	d.Report(e)
	return resp, err
}

func (d Record) describe(e *Event, resp *http.Response) {
	e.Status = resp.StatusCode
	e.RequestID = d.clean(resp.Header.Get("X-Amzn-Requestid"))
	if e.RequestID == "" {
		e.RequestID = d.clean(resp.Header.Get("Apigw-Requestid"))
	}
	e.ErrorType = d.clean(resp.Header.Get("X-Amzn-Errortype"))
	e.ContentType = d.clean(resp.Header.Get("Content-Type"))
	e.ContentLength = resp.ContentLength
}

// operation is what an AWS JSON request asks for: "InitiateAuth" of
// "AWSCognitoIdentityProviderService.InitiateAuth".
func operation(target string) string {
	name := target[strings.LastIndex(target, ".")+1:]
	if len(name) > 64 || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return name
}

func (d Record) queryNames(u *url.URL) []string {
	if u.RawQuery == "" {
		return nil
	}
	var names []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, named := strings.Cut(pair, "=")
		if !named {
			name = "…"
		}
		names = append(names, d.clean(name))
	}
	return names
}

func (d Record) clean(s string) string {
	if d.Redactor == nil {
		return s
	}
	return d.Redactor.String(s)
}

// String is one line for a terminal; foreign text in it is made visible.
func (e Event) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s://%s%s", e.Method, e.Scheme, e.Host, e.Path)
	sep := "?"
	for _, name := range e.Query {
		b.WriteString(sep + name)
		sep = "&"
		if name != "…" {
			b.WriteString("=…")
		}
	}
	if e.Operation != "" {
		b.WriteString(" " + e.Operation)
	}
	switch {
	case e.Failed:
		b.WriteString(" no answer")
		if e.Failure != 0 {
			fmt.Fprintf(&b, " (curl %d)", e.Failure)
		}
	default:
		fmt.Fprintf(&b, " %d", e.Status)
	}
	fmt.Fprintf(&b, " %v", e.Duration.Round(time.Millisecond))
	for _, f := range []Fact{
		{"x-amzn-requestid", e.RequestID},
		{"x-amzn-errortype", e.ErrorType},
		{"content-type", e.ContentType},
	} {
		if f.Value != "" {
			fmt.Fprintf(&b, " %s=%q", f.Name, f.Value)
		}
	}
	if e.ContentLength >= 0 {
		fmt.Fprintf(&b, " content-length=%d", e.ContentLength)
	}
	return redact.Visible(b.String())
}
