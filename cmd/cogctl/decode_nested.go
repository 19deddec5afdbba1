package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maxNested is how many times JSON within a string of JSON is opened.
const maxNested = 4

// withNestedJSON is a JSON document in which each string that is the text of an
// object or an array has become one. Cognito's attributes are strings, so what is
// structured comes as text. The order of members and the digits of numbers stay. A
// document that cannot be read so is returned as it is.
func withNestedJSON(document []byte) []byte {
	var out bytes.Buffer
	if err := expand(&out, document, maxNested); err != nil {
		return document
	}
	return out.Bytes()
}

// expand copies one JSON document to out, opening strings at most depth times.
func expand(out *bytes.Buffer, document []byte, depth int) error {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	c := copier{in: decoder, out: out, depth: depth}
	if err := c.value(); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one document")
	}
	return nil
}

// copier walks over a document's tokens and writes them on.
type copier struct {
	in    *json.Decoder
	out   *bytes.Buffer
	depth int
}

func (c copier) value() error {
	token, err := c.in.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Delim:
		return c.group(token)
	case string:
		return c.text(token)
	}
	return c.write(token)
}

// group goes on behind an opening bracket, with [ and ] or { and }.
func (c copier) group(open json.Delim) error {
	c.out.WriteByte(byte(open))
	for i := 0; c.in.More(); i++ {
		if i > 0 {
			c.out.WriteByte(',')
		}
		if open == '{' {
			name, err := c.in.Token()
			if err != nil {
				return err
			}
			if err := c.write(name); err != nil {
				return err
			}
			c.out.WriteByte(':')
		}
		if err := c.value(); err != nil {
			return err
		}
	}
	end, err := c.in.Token()
	if err != nil {
		return err
	}
	return c.out.WriteByte(byte(end.(json.Delim)))
}

// text writes a string, or what it is the text of.
func (c copier) text(s string) error {
	if c.depth > 0 && holdsJSON(s) {
		at := c.out.Len()
		if expand(c.out, []byte(s), c.depth-1) == nil {
			return nil
		}
		c.out.Truncate(at)
	}
	return c.write(s)
}

func (c copier) write(v any) error {
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	c.out.Truncate(c.out.Len() - 1) // the line break
	return err
}

// holdsJSON says whether a string is the text of an object or an array. Text such
// as "12" or "true" stays text: which of them was meant as JSON nobody can tell.
func holdsJSON(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && (s[0] == '{' || s[0] == '[') && json.Valid([]byte(s))
}

// claimAt finds a claim by its path: names and, in arrays, places from 0, joined by
// dots. A name may hold dots itself; the longest one that is there is meant. The
// way leads through claims whose text is JSON too.
func claimAt(value any, path string) (any, bool) {
	if path == "" {
		return value, true
	}
	switch value := value.(type) {
	case map[string]any:
		for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
			inner, there := value[path[:end]]
			if !there {
				continue
			}
			if found, ok := claimAt(inner, strings.TrimPrefix(path[end:], ".")); ok {
				return found, true
			}
		}
	case []any:
		first, rest, _ := strings.Cut(path, ".")
		if i, err := strconv.Atoi(first); err == nil && 0 <= i && i < len(value) {
			return claimAt(value[i], rest)
		}
	case string:
		if holdsJSON(value) {
			if inner, err := plainJSON(json.RawMessage(value)); err == nil {
				return claimAt(inner, path)
			}
		}
	}
	return nil, false
}
