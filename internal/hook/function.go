package hook

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed" // the programs around a Python and a Node function
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

var (
	//go:embed shim.py
	pythonShim string
	//go:embed shim.js
	nodeShim string
)

// job is what a shim reads from standard input.
type job struct {
	Mark     string          `json:"mark"` // goes before the answer
	File     string          `json:"file"`
	Function string          `json:"function"`
	Event    json.RawMessage `json:"event"`
	Millis   int64           `json:"millis"` // that are left
	Name     string          `json:"name"`   // of the Lambda function
	Request  string          `json:"request"`
}

// runFunction calls a function of a Python or Node file in a process that its
// shim leads. The function runs in the folder of its file, as it does at Lambda.
func (r Runner) runFunction(ctx context.Context, event []byte) ([]byte, error) {
	file, function, err := r.source()
	if err != nil {
		return nil, err
	}
	if !json.Valid(event) {
		return nil, errors.New("the event is not JSON")
	}
	base := filepath.Base(file)
	j := job{
		Mark: rand.Text(), File: file, Function: function, Event: event,
		Millis: r.timeout().Milliseconds(), Name: strings.TrimSuffix(base, filepath.Ext(base)), Request: requestID(),
	}
	input, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, "node", "-e", nodeShim)
	if r.Python != "" {
		// Without -B a __pycache__ would appear beside the file.
		c = exec.CommandContext(ctx, python(), "-B", "-c", pythonShim)
	}
	c.Dir = filepath.Dir(file)
	output, err := r.run(c, input)
	// What the function wrote past its language's own streams stands before the mark.
	at := bytes.LastIndex(output, []byte(j.Mark))
	if at < 0 {
		if err == nil {
			err = errors.New("it ended without an answer")
		}
		return nil, err
	}
	return open(output[at+len(j.Mark):])
}

// open takes a shim's answer apart.
func open(envelope []byte) ([]byte, error) {
	var e struct {
		OK    json.RawMessage `json:"ok"`
		Error *struct {
			Message string   `json:"errorMessage"`
			Type    string   `json:"errorType"`
			Trace   []string `json:"trace"`
		} `json:"error"`
	}
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, fmt.Errorf("its answer is not JSON: %w", err)
	}
	if e.Error != nil {
		return nil, &FunctionError{Message: e.Error.Message, Type: e.Error.Type, Trace: e.Error.Trace}
	}
	if e.OK == nil {
		return []byte("null"), nil
	}
	if len(e.OK) > MaxAnswer {
		return nil, errTooLong()
	}
	return e.OK, nil
}

// python is the interpreter's name: on Windows it is python where python.org's
// installer put it.
func python() string {
	if _, err := exec.LookPath("python3"); err != nil {
		if _, err := exec.LookPath("python"); err == nil {
			return "python"
		}
	}
	return "python3"
}

// requestID has the form of Lambda's, a random UUID.
func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40 // version 4 (RFC 9562, section 5.4)
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
