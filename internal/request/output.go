package request

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// ExitHTTP is the exit code for an unwanted HTTP status, curl's for -f.
const ExitHTTP = 22

// Output is what to do with an answer: curl's -i -s -S -f -o, and what is ours.
type Output struct {
	Include   bool   // -i: the status line and the headers before the body
	Silent    bool   // -s: no progress and no error messages
	ShowError bool   // -S: with -s, error messages nevertheless
	Fail      bool   // -f: no body where the status is 400 or more and not wanted
	NoFail    bool   // --no-fail: every status is wanted
	File      string // -o: where the answer goes; "" and "-" are standard output
	Expect    Expect // --expect: these statuses are wanted, and no others
	Newline   string // ends the lines of -i; "" is CRLF, as on the wire; "\n" suits a terminal

	Passed []*http.Response // answers that were followed to this one; -i shows their heads too
}

// Accepts reports whether status is wanted: by Expect where there is one, else
// by NoFail, else everything below 400.
func (o Output) Accepts(status int) bool {
	switch {
	case !o.Expect.IsZero():
		return o.Expect.Match(status)
	case o.NoFail:
		return true
	}
	return status < http.StatusBadRequest
}

// ExitCode is 0 for a status that Accepts wants, else ExitHTTP.
func (o Output) ExitCode(status int) int {
	if o.Accepts(status) {
		return 0
	}
	return ExitHTTP
}

// Quiet reports whether error messages are to be swallowed.
func (o Output) Quiet() bool { return o.Silent && !o.ShowError }

// Write writes the answer to w: the head for Include, and the body unless Fail
// hides it. It does not close the body. What w refuses is a *WriteError;
// another error comes from reading the body.
func (o Output) Write(w io.Writer, resp *http.Response) error {
	out := &writer{w: w}
	if o.Include {
		newline := o.Newline
		if newline == "" {
			newline = "\r\n"
		}
		for _, head := range append(o.Passed[:len(o.Passed):len(o.Passed)], resp) {
			if err := writeHead(out, head, newline); err != nil {
				return err
			}
		}
	}
	if o.hidden(resp.StatusCode) {
		return nil
	}
	_, err := io.Copy(out, resp.Body)
	return err
}

// hidden reports whether -f keeps the body back.
func (o Output) hidden(status int) bool {
	return o.Fail && status >= http.StatusBadRequest && !o.Accepts(status)
}

// Deliver writes the answer to File, or to stdout where there is none. create
// is called late, when there is something to write: a refused call leaves an
// older file alone, as in curl.
func (o Output) Deliver(resp *http.Response, stdout io.Writer, create func(name string) (io.WriteCloser, error)) error {
	if o.File == "" || o.File == "-" {
		return o.Write(stdout, resp)
	}
	if o.hidden(resp.StatusCode) && !o.Include {
		return nil
	}
	f, err := create(o.File)
	if err != nil {
		return &WriteError{Err: err}
	}
	err = o.Write(f, resp)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = &WriteError{Err: closeErr}
	}
	return err
}

// writeHead writes the status line, the headers sorted by name, and an empty
// line, as curl -i does; for HTTP/2 and later without a reason phrase and with
// lower-case names.
func writeHead(w io.Writer, resp *http.Response, newline string) error {
	var b strings.Builder
	b.WriteString(statusLine(resp) + newline)
	header := resp.Header
	if len(resp.TransferEncoding) > 0 { // net/http moves it out of the map
		header = header.Clone()
		header["Transfer-Encoding"] = resp.TransferEncoding
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		shown := name
		if resp.ProtoMajor >= 2 {
			shown = strings.ToLower(name)
		}
		for _, value := range header[name] {
			b.WriteString(shown + ": " + oneLine(value) + newline)
		}
	}
	b.WriteString(newline)
	_, err := io.WriteString(w, b.String())
	return err
}

func statusLine(resp *http.Response) string {
	if resp.ProtoMajor >= 2 {
		return fmt.Sprintf("HTTP/%d %d ", resp.ProtoMajor, resp.StatusCode) // the space is curl's
	}
	status := resp.Status
	if status == "" {
		status = fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return fmt.Sprintf("HTTP/%d.%d %s", resp.ProtoMajor, resp.ProtoMinor, oneLine(status))
}

// oneLine keeps a value from ending the line it stands on. No answer read by
// net/http has such values; those made by programs might.
func oneLine(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r", " "), "\n", " ")
}

// WriteError is output that could not be written (curl's exit code 23).
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return "write the answer: " + e.Err.Error() }

func (e *WriteError) Unwrap() error { return e.Err }

// writer marks the errors of w, which io.Copy mixes with those of its source.
type writer struct{ w io.Writer }

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err == nil && n < len(p) {
		err = errors.New("short write")
	}
	if err != nil {
		err = &WriteError{Err: err}
	}
	return n, err
}
