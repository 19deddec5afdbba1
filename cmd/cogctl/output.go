package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/transport"
)

// The rule of output: the answer goes to standard output and nothing else does.
// Prompts, progress, hints and warnings go to standard error, so that
// $(cogctl token) is clean. Success is silent.

// warn prints a warning. Warnings may quote foreign text.
func (a *app) warn(text string) {
	fmt.Fprintf(a.redactedStderr(), "cogctl: warning: %s\n", redact.Visible(text))
}

// note tells a person what was done; a script is told by the exit code alone.
func (a *app) note(format string, args ...any) {
	if isTerminal(a.stderr) {
		fmt.Fprintf(a.redactedStderr(), "cogctl: %s\n", redact.Visible(fmt.Sprintf(format, args...)))
	}
}

// redactedStderr is standard error without the secrets this run knows.
func (a *app) redactedStderr() io.Writer { return a.redacted(a.stderr) }

// redacted adds to the secrets that were used those that only lie in the
// environment: an address on the command line may hold one.
func (a *app) redacted(w io.Writer) io.Writer {
	for _, field := range config.Fields() {
		if field.Secret && field.Env != "" {
			a.redactor.Add(a.getenv(field.Env))
		}
	}
	return redacting{w, a.redactor}
}

type redacting struct {
	w io.Writer
	r *redact.Redactor
}

func (w redacting) Write(p []byte) (int, error) {
	_, err := io.WriteString(w.w, w.r.String(string(p)))
	return len(p), err
}

// printJSON writes v, indented. Foreign text in it cannot steer a terminal.
func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.foreign())
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return writeFailed(encoder.Encode(v))
}

// foreign is standard output for text that others wrote: as it is into a pipe
// or a file, with its control characters shown on a terminal.
func (a *app) foreign() io.Writer {
	if isTerminal(a.stdout) {
		return redact.NewVisibleWriter(a.stdout)
	}
	return a.stdout
}

// println writes one line of answer.
func (a *app) println(line string) error {
	_, err := fmt.Fprintln(a.stdout, line)
	return writeFailed(err)
}

// table writes rows of two columns.
func (a *app) table(rows [][2]string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\n", cell(row[0]), cell(row[1]))
	}
	return writeFailed(w.Flush())
}

// cell is foreign text that keeps to its row.
func cell(text string) string {
	return strings.NewReplacer("\n", `\u000a`, "\t", `\u0009`).Replace(redact.Visible(text))
}

// writeFailed says where a failed write was going: a full disk behind a
// redirected standard output otherwise reads as a riddle.
func writeFailed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write the answer to standard output: %w", err)
}

// until renders a moment and how far it is: "15:04:05 (in 59m12s)".
func until(t, now time.Time) string {
	left := t.Sub(now).Round(time.Second)
	stamp := t.Local().Format(time.DateTime)
	if left <= 0 {
		return fmt.Sprintf("%s (%s ago)", stamp, -left)
	}
	return fmt.Sprintf("%s (in %s)", stamp, left)
}

// notes hold what there is to say until no lock is held: whoever reads standard
// error may be slow, or gone.
type notes struct {
	mu    sync.Mutex
	lines []string
}

// later notes a line to be printed when no lock is held.
func (a *app) later(format string, args ...any) {
	a.held.mu.Lock()
	defer a.held.mu.Unlock()
	a.held.lines = append(a.held.lines, fmt.Sprintf(format, args...))
}

// debugEvent notes one exchange with a server. The event holds allow-listed fields
// only; the redactor is the second net.
func (a *app) debugEvent(e transport.Event) { a.debugLine(e.String()) }

// debugLine notes something for --debug, without secrets.
func (a *app) debugLine(text string) {
	if a.debugging() {
		a.later("debug: %s", text)
	}
	if a.trace != nil {
		fmt.Fprintf(a.redacted(a.trace), "cogctl: debug: %s\n", redact.Visible(text))
	}
}

// debugging tells whether --debug was asked for.
func (a *app) debugging() bool {
	return a.profiled != nil && a.profiled.Get("debug").Text == "true"
}

// flush prints what was noted.
func (a *app) flush() {
	a.held.mu.Lock()
	lines := a.held.lines
	a.held.lines = nil
	a.held.mu.Unlock()
	for _, line := range lines {
		fmt.Fprintf(a.redactedStderr(), "cogctl: %s\n", redact.Visible(line))
	}
}
