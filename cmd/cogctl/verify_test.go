package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/jwt"
)

func TestWithNestedJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{`{"a":"{\"b\":1}","c":"x"}`, `{"a":{"b":1},"c":"x"}`},
		{`{"z":"[1, \"2\"]","a":[" {\"k\":\"[]\"} "]}`, `{"z":[1,"2"],"a":[{"k":[]}]}`},
		{`{"n":9007199254740993,"f":1.50,"t":true,"u":null,"h":"<&>"}`, `{"n":9007199254740993,"f":1.50,"t":true,"u":null,"h":"<&>"}`},
		{`{"s":"12","b":"true","o":"{broken","m":"{} {}","e":""}`, `{"s":"12","b":"true","o":"{broken","m":"{} {}","e":""}`},
		{`{broken`, `{broken`},
		{`{} {}`, `{} {}`},
	} {
		if got := string(withNestedJSON([]byte(tt.in))); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func FuzzNestedJSON(f *testing.F) {
	for _, s := range []string{`{"a":"{\"b\":1}"}`, `[{"a":"[\"[]\"]"}]`, `{"a":1e400}`, `"\ud800"`, `{}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		if got := withNestedJSON(document); json.Valid(document) != json.Valid(got) {
			t.Fatalf("%q becomes %q", document, got)
		}
	})
}

func TestClaimAt(t *testing.T) {
	t.Parallel()
	claims := map[string]any{
		"a": map[string]any{"b": "c", "b.d": "e"}, "a.b": map[string]any{"x": "y"}, "list": []any{"p", map[string]any{"q": "r"}},
		"text": `{"in":[7]}`, "https://example.com/role": "admin",
	}
	for path, want := range map[string]any{
		"a.b.d": "e", "a.b.x": "y", "list.0": "p", "list.1.q": "r", "text.in.0": json.Number("7"), "https://example.com/role": "admin",
		"list.2": nil, "list.-1": nil, "list.x": nil, "a.c": nil, "text.out": nil, "a.b.c": nil, ".": nil,
	} {
		if got, found := claimAt(claims, path); got != want || found != (want != nil) {
			t.Errorf("%s: %v %v, want %v", path, got, found, want)
		}
	}
}

// TestBatchLine: the verdict on a good token is written by hand, and must read as
// the others do.
func TestBatchLine(t *testing.T) {
	t.Parallel()
	b := &batch{o: &judgeOptions{}, verification: &verification{}}
	var p portion
	if err := b.write(t.Context(), &p, 41, jwt.Report{Checks: []jwt.Check{{Name: "form", OK: true}}}); err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(lineVerdict{Line: 41, Valid: true})
	if err != nil || p.out.String() != string(want)+"\n" {
		t.Errorf("%s, want %s (%v)", p.out.String(), want, err)
	}
}

// TestBatchLines cuts what comes in pieces of any size into the same lines.
func TestBatchLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine)
	input := "one\n\ntwo\r\n" + long + "\n" + long + "yy\nlast"
	for _, step := range []int{1, 7, 4096, 1 << 20} {
		b := &batch{free: make(chan *portion, 100)}
		for range cap(b.free) {
			b.free <- &portion{}
		}
		var got []string
		var first int
		err := b.cut(t.Context(), bites{strings.NewReader(input), step}, func(p *portion) {
			if first++; p.first != first {
				t.Errorf("step %d: a portion begins at line %d, want %d", step, p.first, first)
			}
			first += len(p.ends) - 1
			start := 0
			for i, end := range p.ends {
				got = append(got, string(p.text[start:end]))
				start = end
				if want := map[int]int{4: maxLine + 1, 5: maxLine + 3}[p.first+i]; p.long[i] != want {
					t.Errorf("step %d: line %d: length %d, want %d", step, p.first+i, p.long[i], want)
				}
			}
			b.free <- p
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"one\n", "\n", "two\r\n", "", "", "last"}; !slices.Equal(got, want) {
			t.Errorf("step %d: the lines are %q", step, got)
		}
	}
}

// bites reads a few bytes at a time.
type bites struct {
	from io.Reader
	step int
}

func (p bites) Read(b []byte) (int, error) { return p.from.Read(b[:min(len(b), p.step)]) }

// TestKeysLater: a key set that cannot be opened is not tried for each token.
func TestKeysLater(t *testing.T) {
	t.Parallel()
	now, opened := time.Unix(0, 0), 0
	down := errors.New("down")
	k := &keysLater{now: func() time.Time { return now }, open: func(context.Context) (jwt.KeySet, error) {
		if opened++; opened < 3 {
			return nil, down
		}
		return jwt.NewStaticKeys("there"), nil
	}}
	for i, want := range []int{1, 1, 2, 2, 3, 3, 3} {
		if i == 2 || i == 4 {
			now = now.Add(keysPause)
		}
		_, err := k.Key(t.Context(), "x")
		if opened != want || errors.Is(err, down) != (want < 3) {
			t.Errorf("step %d: opened %d times, want %d; %v", i, opened, want, err)
		}
	}
}

// TestBatchOrder: verdicts keep the order of the lines, whichever is judged first.
func TestBatchOrder(t *testing.T) {
	t.Parallel()
	b := &batch{free: make(chan *portion, 3)}
	order := make(chan *portion, 3)
	for i := range 3 {
		p := &portion{judged: make(chan struct{}, 1)}
		order <- p
		go func() {
			time.Sleep(time.Duration(3-i) * 5 * time.Millisecond)
			p.out.WriteString(string(rune('a' + i)))
			p.tokens, p.refused = 1, i%2
			p.judged <- struct{}{}
		}()
	}
	close(order)
	var out bytes.Buffer
	sum, err := b.deliver(order, &out)
	if err != nil || out.String() != "abc" || sum.tokens != 3 || sum.refused != 1 {
		t.Errorf("%q %+v %v", out.String(), sum, err)
	}
}
