package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

func TestJQ(t *testing.T) {
	t.Setenv("COGCTL_PASSWORD", "hunter22")
	value := map[string]any{"a": []any{1, "two", nil}, "big": int64(9007199254740993), "n": map[string]any{"x": true}}
	for _, tt := range []struct{ expr, want, fails string }{
		{".", "{\n  \"a\": [\n    1,\n    \"two\",\n    null\n  ],\n  \"big\": 9007199254740993,\n  \"n\": {\n    \"x\": true\n  }\n}", ""},
		{".a[1]", "two", ""},
		{".a[]", "1\ntwo\nnull", ""},
		{".big", "9007199254740993", ""},
		{".n.x", "true", ""},
		{".missing", "null", ""},
		{"empty", "", ""},
		{"1, halt, 2", "1", ""},
		{".a | length", "3", ""},
		{"1, error(\"no\")", "1", "no"},
		{".a.b", "", "expected an object"},
		// What reaches beyond the value.
		{"env", "{}", ""},
		{"$ENV", "{}", ""},
		{"$ENV.COGCTL_PASSWORD", "null", ""},
	} {
		var f jqFilter
		if err := f.Set(tt.expr); err != nil {
			t.Errorf("%s: %v", tt.expr, err)
			continue
		}
		results, err := f.apply(t.Context(), value)
		if got := strings.Join(results, "\n"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.expr, got, tt.want)
		}
		if tt.fails == "" && err != nil || tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
			t.Errorf("%s: error %v, want %q", tt.expr, err, tt.fails)
		}
	}
	for _, expr := range []string{"", ".[", "nothing", "input", "inputs", "debug", "stderr", "input_filename", "$x", `import "a" as a; .`, `include "a"; .`, "get_search_list", "input_line_number"} {
		var f jqFilter
		if err := f.Set(expr); err == nil {
			results, err := f.apply(t.Context(), value)
			t.Errorf("%q is taken: %q %v", expr, results, err)
		}
	}
}

func TestJQEnds(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{"def f: f; f", "last(repeat(1))", "[range(1e18)] | length"} {
		var f jqFilter
		if err := f.Set(expr); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if results, err := f.apply(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %q %v", expr, results, err)
		}
	}
}

// TestJQBound runs by itself, as TestJQMemory does: the memory of other tests counts.
func TestJQBound(t *testing.T) {
	var f jqFilter
	if err := f.Set(`repeat("0123456789abcdef" * 65536)`); err != nil {
		t.Fatal(err)
	}
	if results, err := f.apply(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "more than 16777216 bytes") {
		t.Errorf("%d results, %v", len(results), err)
	}
}

// TestJQMemory: an expression that asks for all the memory there is ends while there
// still is some.
func TestJQMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("with the race detector, for which -short stands, time may be over before memory is")
	}
	var f jqFilter
	// It asks fast, in a twentieth of the time that it has, so that memory is over before
	// time is; on a machine with much else to do not always at the first try.
	if err := f.Set(`[range(1e9) | tostring + "0123456789abcdef" * 65536]`); err != nil {
		t.Fatal(err)
	}
	results, err := f.apply(t.Context(), nil)
	for again := 0; again < 3 && err != nil && strings.Contains(err.Error(), "did not come to an end"); again++ {
		results, err = f.apply(t.Context(), nil)
	}
	if err == nil || !strings.Contains(err.Error(), "takes more than 512 MiB") {
		t.Errorf("%q %v", results, err)
	}
}

// TestJQDeadline lets an expression run out of its time, which is not waited for.
func TestJQDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), maxFilter)
		defer cancel()
		<-ctx.Done()
		var f jqFilter
		if err := f.Set("repeat(1)"); err != nil {
			t.Fatal(err)
		}
		if _, err := f.apply(ctx, nil); err == nil || !strings.Contains(err.Error(), "did not come to an end within 10s") {
			t.Errorf("%v", err)
		}
	})
}
