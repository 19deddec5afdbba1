package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/itchyny/gojq"
	"github.com/spf13/cobra"
)

// jsonOutput is --json and --jq of a command whose answer can be JSON.
type jsonOutput struct {
	asJSON bool
	filter jqFilter
}

// flags adds both flags to cmd; usage is what help says of --json.
func (o *jsonOutput) flags(cmd *cobra.Command, usage string) {
	cmd.Flags().BoolVar(&o.asJSON, "json", false, usage)
	o.filter.flag(cmd)
}

// wanted says whether JSON was asked for; a filter asks for it too.
func (o *jsonOutput) wanted() bool { return o.asJSON || o.filter.given() }

// printAnswer writes v as JSON, or what the filter makes of it.
func (a *app) printAnswer(ctx context.Context, o *jsonOutput, v any) error {
	if !o.filter.given() {
		return a.printJSON(v)
	}
	results, err := o.filter.apply(ctx, v)
	for _, result := range results {
		if _, failed := fmt.Fprintf(a.foreign(), "%s\n", result); failed != nil {
			return writeFailed(failed)
		}
	}
	return err
}

// jqFilter is the flag --jq. It is compiled as it is parsed, so that a slip in it
// ends the run before anything is sent.
type jqFilter struct {
	text string
	code *gojq.Code
}

func (f *jqFilter) flag(cmd *cobra.Command) {
	cmd.Flags().Var(f, "jq", "print what this jq expression makes of the JSON, strings without quotes")
}

func (f *jqFilter) given() bool    { return f.code != nil }
func (f *jqFilter) String() string { return f.text }
func (f *jqFilter) Type() string   { return "expression" }

// Set compiles an expression. The language is jq's as gojq has it. Without an
// environment, an input iterator or a module loader it reaches nothing but the
// value that it is given: no variables, no standard input, no files.
func (f *jqFilter) Set(text string) error {
	query, err := gojq.Parse(text)
	if err != nil {
		return err
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return err
	}
	f.text, f.code = text, code
	return nil
}

// maxFilter is how long an expression may run: it can loop for ever.
const maxFilter = 10 * time.Second

// maxFilterMemory is how much memory an expression may leave this program with, in
// bytes: one of a few letters can ask for all that the machine has.
const maxFilterMemory = 512 << 20

var errFilterMemory = errors.New("too much memory")

// bounded is a context for an expression, which ends with the time and the memory that
// it may have.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, late := context.WithTimeout(ctx, maxFilter)
	ctx, large := context.WithCancelCause(ctx)
	var look func()
	look = func() {
		// Not by runtime/metrics, whose tables every start of the program would fill.
		var memory runtime.MemStats
		if runtime.ReadMemStats(&memory); memory.HeapAlloc > maxFilterMemory {
			large(errFilterMemory)
		}
		if ctx.Err() == nil {
			time.AfterFunc(20*time.Millisecond, look)
		}
	}
	first := time.AfterFunc(20*time.Millisecond, look) // most are done before
	return ctx, func() { first.Stop(); large(nil); late() }
}

// maxResults bounds what an expression may bring, in bytes of text.
const maxResults = 16 << 20

// apply returns the results as text, one element each: strings bare, everything
// else as JSON. What came before an error is returned with it. It is safe for
// concurrent use.
func (f *jqFilter) apply(ctx context.Context, v any) ([]string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	input, err := plainJSON(v)
	if err != nil {
		return nil, err
	}
	var results []string
	size := 0
	for found := f.code.RunWithContext(ctx, input); ; {
		result, more := found.Next()
		halt, halted := result.(*gojq.HaltError)
		if !more || halted && halt.Value() == nil {
			return results, nil
		}
		text, err := f.show(result)
		switch {
		case err != nil && errors.Is(context.Cause(ctx), errFilterMemory):
			return results, fmt.Errorf("--jq %q takes more than %d MiB of memory", f.text, maxFilterMemory>>20)
		case errors.Is(err, context.DeadlineExceeded):
			return results, fmt.Errorf("--jq %q did not come to an end within %s", f.text, maxFilter)
		case err != nil:
			return results, err
		}
		if size += len(text); size > maxResults {
			return results, fmt.Errorf("--jq %q makes more than %d bytes", f.text, maxResults)
		}
		results = append(results, text)
	}
}

// show renders one result; one that is an error ends the filter.
func (f *jqFilter) show(result any) (string, error) {
	switch result := result.(type) {
	case error:
		return "", fmt.Errorf("--jq %q: %w", f.text, result)
	case string:
		return result, nil
	}
	compact, err := gojq.Marshal(result)
	if err != nil {
		return "", fmt.Errorf("--jq %q: %w", f.text, err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		return "", fmt.Errorf("--jq %q: %w", f.text, err)
	}
	return indented.String(), nil
}

// plainJSON is v as maps, slices and json.Number, which keeps the digits of numbers
// that a float64 would lose.
func plainJSON(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var plain any
	err = decoder.Decode(&plain)
	return plain, err
}
