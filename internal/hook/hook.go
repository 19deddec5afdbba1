// Package hook hands an event to a function of the user's, as Lambda hands one
// to a deployed function, and brings back its answer. The function is a local
// program (event on standard input, answer on standard output), a function in a
// Python or Node file, or a server on loopback.
//
// A [Runner] starts programs without a shell, with an environment that its
// caller chose, bounds their time and their answer, and leaves none of their
// processes running. What runs has all the rights of the user who asked for it:
// it is not contained, so who names the function must be the user.
package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// MaxAnswer is the most bytes an answer may have. Lambda's own limit is 6 MB
	// ("Lambda quotas"), far above what an authorizer or trigger has to say.
	MaxAnswer = 1 << 20

	// DefaultTimeout is how long a function may take where nobody says.
	DefaultTimeout = 10 * time.Second

	// MaxTimeout is API Gateway's limit for a Lambda authorizer, 30 seconds
	// ("Amazon API Gateway quotas").
	MaxTimeout = 30 * time.Second
)

// Runner says which function it is. Exactly one of Command, Python, Node and URL
// must be set. It is safe for concurrent use: each event gets a process of its own.
type Runner struct {
	// Command is a program with its arguments. It reads the event and writes the
	// answer, or, when it fails, what Lambda would: {"errorMessage": "…",
	// "errorType": "…"}.
	Command []string

	// Python and Node are FILE:FUNCTION. The function is called with the event
	// and a context like Lambda's; Node's also with a callback. Dots in FUNCTION
	// lead into objects.
	Python, Node string

	// URL is an http or https address on loopback that the event is posted to,
	// such as Lambda's runtime interface emulator.
	URL string

	// Dir is the folder that FILE and a Command with a slash are relative to; ""
	// is the working directory.
	Dir string

	// Environ is the whole environment of the program. Nil means empty.
	Environ []string

	// Timeout is DefaultTimeout when zero.
	Timeout time.Duration

	// Said gets what the program wrote to standard error, and a Python or Node
	// function to standard output, once it has ended: at most 64 KiB, foreign
	// text. It may be nil.
	Said func(text []byte)

	// Start starts a program in the way the process starts programs of the
	// user's; nil just starts it.
	Start func(start func() error) error

	// Client posts to URL. Nil refuses every URL.
	Client *http.Client
}

// FunctionError is an error that the function itself raised: it ran, and this is
// how it ended. Any other error of Invoke means that there is no answer of the
// function's.
type FunctionError struct {
	Message string   // errorMessage of Lambda's answer; foreign text
	Type    string   // errorType: the exception's class, or the runtime's own "Runtime.…"
	Trace   []string // the lines of its stack trace, if any; foreign text
}

func (e *FunctionError) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("the function raised %q", e.Message)
	}
	return fmt.Sprintf("the function raised %s: %q", e.Type, e.Message)
}

// FunctionError is the message by itself. API Gateway compares it with
// "Unauthorized".
func (e *FunctionError) FunctionError() string { return e.Message }

// TimeoutError says that there was no answer in time.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer within %s", e.After) }

// String names the function for people.
func (r Runner) String() string {
	switch {
	case len(r.Command) > 0:
		return "the command " + r.Command[0]
	case r.Python != "":
		return "the Python function " + r.Python
	case r.Node != "":
		return "the Node function " + r.Node
	case r.URL != "":
		return "the function at " + r.URL
	}
	return "no function"
}

// Check finds what can be found to be wrong without running anything.
func (r Runner) Check() error {
	ways := 0
	for _, set := range []bool{len(r.Command) > 0, r.Python != "", r.Node != "", r.URL != ""} {
		if set {
			ways++
		}
	}
	switch {
	case ways != 1:
		return fmt.Errorf("a function is a command, a Python or Node function, or a URL: %d of them are given", ways)
	case r.Timeout < 0 || r.Timeout > MaxTimeout:
		return fmt.Errorf("%s: a timeout of %s: API Gateway waits %s at most", r, r.Timeout, MaxTimeout)
	case len(r.Command) > 0:
		return r.checkCommand()
	case r.URL != "":
		return checkURL(r.URL)
	}
	file, _, err := r.source()
	if err != nil {
		return err
	}
	switch info, err := os.Stat(file); {
	case err != nil:
		return fmt.Errorf("%s: %w", r, err)
	case info.IsDir():
		return fmt.Errorf("%s: %s is a folder", r, file)
	}
	return nil
}

// checkCommand refuses words that no program can get.
func (r Runner) checkCommand() error {
	for _, word := range r.Command {
		if strings.ContainsRune(word, 0) {
			return errors.New("a NUL byte in the command")
		}
	}
	if r.Command[0] == "" {
		return errors.New("the command names no program")
	}
	return nil
}

// Invoke runs the function once. event is JSON, and so is the answer. The error
// is a *FunctionError where the function raised one, a *TimeoutError where it did
// not end, and the cause of ctx where that is over.
func (r Runner) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	timed, cancel := context.WithTimeout(ctx, r.timeout())
	defer cancel()
	answer, err := r.invoke(timed, event)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && timed.Err() != nil:
		err = &TimeoutError{r.timeout()}
	}
	if raised := (*FunctionError)(nil); err != nil && !errors.As(err, &raised) {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	return answer, err
}

func (r Runner) invoke(ctx context.Context, event []byte) ([]byte, error) {
	switch {
	case len(r.Command) > 0:
		return r.runCommand(ctx, event)
	case r.URL != "":
		return r.post(ctx, event)
	}
	return r.runFunction(ctx, event)
}

func (r Runner) timeout() time.Duration {
	if r.Timeout > 0 {
		return r.Timeout
	}
	return DefaultTimeout
}

// source takes FILE:FUNCTION apart at its last colon, so that C:\f.py:handler
// works, and makes FILE whole.
func (r Runner) source() (file, function string, err error) {
	given := r.Python + r.Node
	colon := strings.LastIndexByte(given, ':')
	// The colon of C:\handler.py belongs to the drive.
	if colon < 1 || colon == len(given)-1 || strings.ContainsAny(given[colon+1:], `/\ `) {
		return "", "", fmt.Errorf("%q is not FILE:FUNCTION, such as authorizer.py:handler", given)
	}
	file, function = given[:colon], given[colon+1:]
	if !filepath.IsAbs(file) {
		file = filepath.Join(r.Dir, file)
	}
	file, err = filepath.Abs(file)
	return file, function, err
}

// judge tells an answer from an error in the form in which Lambda's Invoke and
// its emulator return one: an object of these members and no others.
func judge(answer []byte) ([]byte, error) {
	if len(answer) > MaxAnswer {
		return nil, errTooLong()
	}
	if !json.Valid(answer) {
		return nil, fmt.Errorf("its answer is not JSON: %s", excerpt(answer))
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(answer, &members) != nil || members["errorMessage"] == nil {
		return answer, nil
	}
	for name := range members {
		switch name {
		case "errorMessage", "errorType", "stackTrace", "trace", "requestId", "cause":
		default:
			return answer, nil
		}
	}
	if raised := ReadError(answer); raised != nil {
		return nil, raised
	}
	return answer, nil
}

// ReadError reads what Lambda answers for a function that failed, {"errorMessage":
// "…", "errorType": "…", "stackTrace": […]} of Python, with "trace" of Node; nil when
// that is none.
func ReadError(answer []byte) *FunctionError {
	var raised struct {
		Message    *string  `json:"errorMessage"`
		Type       string   `json:"errorType"`
		StackTrace []string `json:"stackTrace"`
		Trace      []string `json:"trace"`
	}
	if json.Unmarshal(answer, &raised) != nil || raised.Message == nil {
		return nil
	}
	return &FunctionError{Message: *raised.Message, Type: raised.Type, Trace: append(raised.StackTrace, raised.Trace...)}
}

func errTooLong() error { return fmt.Errorf("its answer is longer than %d bytes", MaxAnswer) }

// excerpt is the begin of foreign text, quoted.
func excerpt(text []byte) string {
	const most = 120
	if len(text) == 0 {
		return "it is empty"
	}
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
