package jwt

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may nest, the outermost counted.
const maxDepth = 32

// DecodeJSON reads exactly one JSON value (RFC 8259), numbers as [json.Number],
// more strictly than encoding/json, which takes the last of two members with one
// name, replaces invalid UTF-8 and lone surrogates, and would need a second pass
// over the tokens to notice any of it. Objects and arrays nest at most 32 deep; how
// long data may be is for the caller to say. Errors are clauses that follow a
// subject: "is not JSON: …", "holds "exp" twice".
func DecodeJSON(data []byte) (any, error) {
	d, err := newDecoder(data)
	if err != nil {
		return nil, err
	}
	return d.document()
}

// decodeObject is [DecodeJSON] for a document that has to be an object.
func decodeObject(data []byte) (map[string]any, error) {
	d, err := newDecoder(data)
	if err != nil {
		return nil, err
	}
	if d.peek() != '{' {
		return nil, errors.New("is not a JSON object")
	}
	v, err := d.document()
	object, _ := v.(map[string]any)
	return object, err
}

// decoder walks over one document. Strings without escapes are substrings of
// it, not copies.
type decoder struct {
	s string
	i int
}

// newDecoder stands at the first byte that is not white space.
func newDecoder(data []byte) (decoder, error) {
	if !utf8.Valid(data) {
		return decoder{}, errors.New("is not UTF-8")
	}
	d := decoder{s: string(data)}
	d.space()
	return d, nil
}

// document is one value with nothing behind it.
func (d *decoder) document() (any, error) {
	v, err := d.value(1)
	if err != nil {
		return nil, err
	}
	if d.space(); d.i != len(d.s) {
		return nil, d.unexpected("the end")
	}
	return v, nil
}

func (d *decoder) space() {
	for d.i < len(d.s) {
		switch d.s[d.i] {
		case ' ', '\t', '\n', '\r':
			d.i++
		default:
			return
		}
	}
}

// peek returns the byte at hand, 0 at the end (a NUL fits nowhere in JSON).
func (d *decoder) peek() byte {
	if d.i < len(d.s) {
		return d.s[d.i]
	}
	return 0
}

func (d *decoder) unexpected(want string) error {
	if d.i >= len(d.s) {
		return errors.New("is not JSON: it ends where " + want + " should be")
	}
	_, n := utf8.DecodeRuneInString(d.s[d.i:])
	return errors.New("is not JSON: " + strconv.Quote(d.s[d.i:d.i+n]) + " at byte " + strconv.Itoa(d.i+1) + ", want " + want)
}

func (d *decoder) value(depth int) (any, error) {
	switch c := d.peek(); {
	case c == '"':
		return d.text()
	case c == '{':
		return d.object(depth)
	case c == '[':
		return d.array(depth)
	case c == '-' || '0' <= c && c <= '9':
		return d.number()
	}
	rest := d.s[d.i:]
	switch {
	case strings.HasPrefix(rest, "true"):
		d.i += 4
		return true, nil
	case strings.HasPrefix(rest, "false"):
		d.i += 5
		return false, nil
	case strings.HasPrefix(rest, "null"):
		d.i += 4
		return nil, nil
	}
	return nil, d.unexpected("a value")
}

// object is called at its opening brace.
func (d *decoder) object(depth int) (map[string]any, error) {
	if depth > maxDepth {
		return nil, errors.New("nests deeper than " + strconv.Itoa(maxDepth) + " levels")
	}
	d.i++
	room := 0
	if depth == 1 { // spares the claims of a token from growing step by step
		room = min(len(d.s)/32, 24)
	}
	object := make(map[string]any, room)
	if d.space(); d.peek() == '}' {
		d.i++
		return object, nil
	}
	for {
		if err := d.member(object, depth); err != nil {
			return nil, err
		}
		switch d.space(); d.peek() {
		case ',':
			d.i++
			d.space()
		case '}':
			d.i++
			return object, nil
		default:
			return nil, d.unexpected("a comma or }")
		}
	}
}

func (d *decoder) member(object map[string]any, depth int) error {
	if d.peek() != '"' {
		return d.unexpected("a member name")
	}
	name, err := d.text()
	if err != nil {
		return err
	}
	if d.space(); d.peek() != ':' {
		return d.unexpected("a colon")
	}
	d.i++
	d.space()
	v, err := d.value(depth + 1)
	if err != nil {
		return err
	}
	// One look-up instead of two: a member that was there leaves the size alone.
	before := len(object)
	if object[name] = v; len(object) == before {
		return errors.New("holds " + quote(name) + " twice")
	}
	return nil
}

// array is called at its opening bracket.
func (d *decoder) array(depth int) ([]any, error) {
	if depth > maxDepth {
		return nil, errors.New("nests deeper than " + strconv.Itoa(maxDepth) + " levels")
	}
	d.i++
	array := []any{}
	if d.space(); d.peek() == ']' {
		d.i++
		return array, nil
	}
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
		switch d.space(); d.peek() {
		case ',':
			d.i++
			d.space()
		case ']':
			d.i++
			return array, nil
		default:
			return nil, d.unexpected("a comma or ]")
		}
	}
}

// number takes the grammar of RFC 8259 section 6 and keeps the text.
func (d *decoder) number() (json.Number, error) {
	start := d.i
	if d.peek() == '-' {
		d.i++
	}
	if d.peek() == '0' {
		d.i++
	} else if !d.digits() {
		return "", d.unexpected("a digit")
	}
	if d.peek() == '.' {
		if d.i++; !d.digits() {
			return "", d.unexpected("a digit")
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.i++
		if c := d.peek(); c == '+' || c == '-' {
			d.i++
		}
		if !d.digits() {
			return "", d.unexpected("a digit")
		}
	}
	return json.Number(d.s[start:d.i]), nil
}

func (d *decoder) digits() bool {
	start := d.i
	for c := d.peek(); '0' <= c && c <= '9'; c = d.peek() {
		d.i++
	}
	return d.i > start
}

// text is called at its opening quote.
func (d *decoder) text() (string, error) {
	d.i++
	start := d.i
	for ; d.i < len(d.s); d.i++ {
		switch c := d.s[d.i]; {
		case c == '"':
			s := d.s[start:d.i]
			d.i++
			return s, nil
		case c == '\\':
			return d.escapedText(start)
		case c < 0x20:
			return "", d.unexpected("no control character in a string")
		}
	}
	return "", d.unexpected("a closing quote")
}

// escapedText goes on at the first backslash of a string that began at start.
func (d *decoder) escapedText(start int) (string, error) {
	b := append(make([]byte, 0, 64), d.s[start:d.i]...)
	for d.i < len(d.s) {
		switch c := d.s[d.i]; {
		case c == '"':
			d.i++
			return string(b), nil
		case c == '\\':
			d.i++
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
		case c < 0x20:
			return "", d.unexpected("no control character in a string")
		default:
			b = append(b, c)
			d.i++
		}
	}
	return "", d.unexpected("a closing quote")
}

// escape is called behind a backslash.
func (d *decoder) escape() (rune, error) {
	c := d.peek()
	if c == 'u' {
		return d.unicodeEscape()
	}
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		d.i++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	return 0, d.unexpected("an escape")
}

// unicodeEscape is called at the u. A surrogate without its other half is
// refused (RFC 7493 section 2.1): readers replace it in different ways.
func (d *decoder) unicodeEscape() (rune, error) {
	r, err := d.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if strings.HasPrefix(d.s[d.i:], `\u`) {
		d.i++
		low, err := d.hex4()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, nil
		}
	}
	return 0, errors.New("has half a surrogate pair in a string")
}

// hex4 reads uXXXX.
func (d *decoder) hex4() (rune, error) {
	d.i++
	if len(d.s)-d.i < 4 {
		d.i = len(d.s)
		return 0, d.unexpected("four hex digits")
	}
	var r rune
	for end := d.i + 4; d.i < end; d.i++ {
		switch c := d.s[d.i]; {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, d.unexpected("four hex digits")
		}
	}
	return r, nil
}
