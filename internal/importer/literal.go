package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of what is read. The files of real projects are far below.
const (
	maxDepth   = 32
	maxMembers = 20000 // values in one file
)

// SyntaxError says where a text is not what it should be.
type SyntaxError struct {
	Source       string // the file as its user named it
	Line, Column int    // counted from 1, columns in bytes
	Reason       string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Source, e.Line, e.Column, e.Reason)
}

// kind is what a value is.
type kind string

const (
	object  kind = "an object"
	array   kind = "a list"
	text    kind = "a string"
	number  kind = "a number"
	boolean kind = "true or false"
	null    kind = "null"
)

// node is one value with its place.
type node struct {
	kind  kind
	text  string   // of a string; of a number or a boolean as it is written
	keys  []string // of an object, in the order of the text
	items []*node  // of a list, or the values of an object
	at    int      // offset of its first byte
}

// get returns the member of an object, or nil.
func (n *node) get(path ...string) *node {
	for _, key := range path {
		if n == nil || n.kind != object {
			return nil
		}
		i := slices.Index(n.keys, key)
		if i < 0 {
			return nil
		}
		n = n.items[i]
	}
	return n
}

// reader reads literals: JSON (RFC 8259), and where script is set the object
// literals of JavaScript, with bare keys, single quotes, comments and trailing
// commas. Nothing is ever evaluated: what is no literal is refused. Keys may not
// come twice, as programs disagree about which one counts, and may not be names
// that change an object in JavaScript.
type reader struct {
	data   string
	at     int
	script bool
	depth  int
	count  int
}

// broken stops the reading; it is recovered where it began.
type broken struct {
	at     int
	reason string
}

func (r *reader) fail(at int, format string, args ...any) {
	panic(broken{at, fmt.Sprintf(format, args...)})
}

// guarded runs read and turns what stops it into an error with its place.
func (r *reader) guarded(source string, read func() *node) (n *node, err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			stop, ours := recovered.(broken)
			if !ours {
				panic(recovered)
			}
			n, err = nil, placed(source, r.data, stop.at, stop.reason)
		}
	}()
	return read(), nil
}

func placed(source, data string, at int, reason string) *SyntaxError {
	before := data[:min(at, len(data))]
	return &SyntaxError{
		Source: source, Line: strings.Count(before, "\n") + 1,
		Column: len(before) - strings.LastIndexByte(before, '\n'), Reason: reason,
	}
}

// readJSON reads one JSON value and nothing behind it.
func readJSON(source, data string) (*node, error) {
	r := &reader{data: data}
	return r.guarded(source, func() *node {
		n := r.value()
		if r.space(); r.at < len(r.data) {
			r.fail(r.at, "%s after the end of the JSON value", r.here())
		}
		return n
	})
}

// here names what stands at the current place.
func (r *reader) here() string {
	if r.at >= len(r.data) {
		return "the end of the text"
	}
	c, _ := utf8.DecodeRuneInString(r.data[r.at:])
	return strconv.QuoteRuneToASCII(c)
}

// space passes over white space, and in a script over comments.
func (r *reader) space() {
	for r.at < len(r.data) {
		switch c := r.data[r.at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			r.at++
		case r.script && strings.HasPrefix(r.data[r.at:], "//"):
			end := strings.IndexByte(r.data[r.at:], '\n')
			if end < 0 {
				end = len(r.data) - r.at
			}
			r.at += end
		case r.script && strings.HasPrefix(r.data[r.at:], "/*"):
			end := strings.Index(r.data[r.at+2:], "*/")
			if end < 0 {
				r.fail(r.at, "a comment that never ends")
			}
			r.at += end + 4
		default:
			return
		}
	}
}

// take passes over c, if it stands here.
func (r *reader) take(c byte) bool {
	r.space()
	if r.at < len(r.data) && r.data[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *reader) want(c byte, what string) {
	if !r.take(c) {
		r.fail(r.at, "%s, want %q %s", r.here(), c, what)
	}
}

func (r *reader) value() *node {
	r.space()
	start := r.at
	if r.count++; r.count > maxMembers {
		r.fail(start, "more than %d values", maxMembers)
	}
	if r.depth++; r.depth > maxDepth {
		r.fail(start, "nested more than %d deep", maxDepth)
	}
	defer func() { r.depth-- }()
	if r.at >= len(r.data) {
		r.fail(start, "the text ends where a value should be")
	}
	switch c := r.data[r.at]; {
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '"', r.script && c == '\'':
		return &node{kind: text, text: r.quoted(), at: start}
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	word := r.word()
	switch word {
	case "true", "false":
		return &node{kind: boolean, text: word, at: start}
	case "null":
		return &node{kind: null, at: start}
	}
	r.fail(start, "%s, want a literal: a string, a number, true, false, null, a list or an object", r.named(start))
	return nil
}

// named is the word at a place, shortened, or the character there.
func (r *reader) named(start int) string {
	if r.at > start {
		return strconv.QuoteToASCII(shorten(r.data[start:r.at]))
	}
	return r.here()
}

func (r *reader) word() string {
	start := r.at
	for r.at < len(r.data) && isWord(r.data[r.at], r.at > start) {
		r.at++
	}
	return r.data[start:r.at]
}

func isWord(c byte, later bool) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || later && c >= '0' && c <= '9'
}

func (r *reader) object() *node {
	n := &node{kind: object, at: r.at}
	seen := map[string]bool{}
	r.at++
	for !r.take('}') {
		if len(n.keys) > 0 {
			r.want(',', "or '}'")
			if r.script && r.take('}') {
				break
			}
		}
		r.space()
		start := r.at
		key := r.key()
		switch {
		case key == "__proto__" || key == "constructor" || key == "prototype":
			r.fail(start, "the key %q changes an object in JavaScript: refused", key)
		case seen[key]:
			r.fail(start, "the key %q comes twice", shorten(key))
		case unprintable(key):
			r.fail(start, "the key %s holds a character that cannot be seen", strconv.QuoteToASCII(shorten(key)))
		}
		seen[key] = true
		r.want(':', "behind the key")
		n.keys = append(n.keys, key)
		n.items = append(n.items, r.value())
	}
	return n
}

func (r *reader) key() string {
	switch {
	case r.at < len(r.data) && (r.data[r.at] == '"' || r.script && r.data[r.at] == '\''):
		return r.quoted()
	case r.script:
		if word := r.word(); word != "" {
			return word
		}
	}
	r.fail(r.at, "%s, want a key", r.here())
	return ""
}

func (r *reader) array() *node {
	n := &node{kind: array, at: r.at}
	r.at++
	for !r.take(']') {
		if len(n.items) > 0 {
			r.want(',', "or ']'")
			if r.script && r.take(']') {
				break
			}
		}
		n.items = append(n.items, r.value())
	}
	return n
}

// number reads a number of JSON; its size does not matter here.
func (r *reader) number() *node {
	start := r.at
	digits := func() bool {
		from := r.at
		for r.at < len(r.data) && r.data[r.at] >= '0' && r.data[r.at] <= '9' {
			r.at++
		}
		return r.at > from
	}
	skip := func(set string) bool {
		if r.at < len(r.data) && strings.IndexByte(set, r.data[r.at]) >= 0 {
			r.at++
			return true
		}
		return false
	}
	skip("-")
	good := skip("0") || digits()
	if good && skip(".") {
		good = digits()
	}
	if good && skip("eE") {
		skip("+-")
		good = digits()
	}
	if !good || r.at < len(r.data) && isWord(r.data[r.at], true) {
		r.fail(start, "a number that is none")
	}
	return &node{kind: number, text: r.data[start:r.at], at: start}
}

// quoted reads a string.
func (r *reader) quoted() string {
	start, quote := r.at, r.data[r.at]
	var b strings.Builder
	for r.at++; r.at < len(r.data); {
		switch c := r.data[r.at]; {
		case c == quote:
			r.at++
			return b.String()
		case c == '\\':
			b.WriteRune(r.escape())
		case c < ' ':
			r.fail(r.at, "a control character inside a string")
		default:
			_, size := utf8.DecodeRuneInString(r.data[r.at:])
			b.WriteString(r.data[r.at : r.at+size])
			r.at += size
		}
	}
	r.fail(start, "a string that never ends")
	return ""
}

// escape reads what follows a backslash.
func (r *reader) escape() rune {
	start := r.at
	if r.at += 2; r.at > len(r.data) {
		r.fail(start, "a string that never ends")
	}
	c := r.data[start+1]
	switch c {
	case '"', '\\', '/':
		return rune(c)
	case 'b', 'f', 'n', 'r', 't':
		return rune("\b\f\n\r\t"[strings.IndexByte("bfnrt", c)])
	case 'u':
		first := r.hex(start)
		if !utf16.IsSurrogate(first) {
			return first
		}
		if strings.HasPrefix(r.data[r.at:], `\u`) {
			r.at += 2
			if whole := utf16.DecodeRune(first, r.hex(start)); whole != utf8.RuneError {
				return whole
			}
		}
		r.fail(start, "half of a surrogate pair")
	case '\'':
		if r.script {
			return '\''
		}
	}
	r.fail(start, "an escape that is none")
	return 0
}

func (r *reader) hex(start int) rune {
	if r.at+4 > len(r.data) {
		r.fail(start, "a string that never ends")
	}
	code, err := strconv.ParseUint(r.data[r.at:r.at+4], 16, 32)
	if err != nil {
		r.fail(start, "an escape that is none")
	}
	r.at += 4
	return rune(code)
}

// unprintable reports whether text holds what a reader would not see, or see in
// another order: control, format and private characters.
func unprintable(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c != ' ' && !strconv.IsPrint(c) })
}

// shorten keeps foreign text in a message to a length that a line can take.
func shorten(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
