package importer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// asJSON writes a tree again.
func asJSON(n *node) string {
	quoted := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b)
	}
	var parts []string
	switch n.kind {
	case object:
		for i, item := range n.items {
			parts = append(parts, quoted(n.keys[i])+":"+asJSON(item))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case array:
		for _, item := range n.items {
			parts = append(parts, asJSON(item))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case text:
		return quoted(n.text)
	case null:
		return "null"
	}
	return n.text
}

// FuzzJSON holds our reader to the standard library's: what we take, it takes,
// and means the same; what it takes, we refuse only for a reason of our own.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+7,true,null,"\u00e9\ud83d\ude00\n"]}`, `[]`, `{"a":{"b":{}}} `, `"x`, `01`, `{"a":1,"a":2}`, "\"\x7f\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 || !isUTF8(text) {
			return
		}
		n, err := readJSON("x", text)
		if err != nil {
			own := []string{"comes twice", "changes an object", "cannot be seen", "deep", "more than", "surrogate"}
			if json.Valid([]byte(text)) && !has(err.Error(), own...) {
				t.Fatalf("%q is JSON: %v", text, err)
			}
			return
		}
		var ours, theirs bytes.Buffer
		if err := json.Compact(&theirs, []byte(text)); err != nil {
			t.Fatalf("%q is not JSON: %v", text, err)
		}
		var a, b any
		if json.Unmarshal([]byte(asJSON(n)), &a) != nil {
			return // a number beyond float64
		}
		_ = json.Unmarshal([]byte(text), &b)
		ja, _ := json.Marshal(a)
		jb, _ := json.Marshal(b)
		ours.Write(ja)
		if !bytes.Equal(ja, jb) {
			t.Fatalf("%q: %s, want %s", text, ja, jb)
		}
	})
}

func isUTF8(s string) bool { return strings.ToValidUTF8(s, "") == s }
