package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays of a foreign document may nest, the
// outermost counted.
const maxDepth = 32

// decodeStrict reads exactly one JSON value of at most limit bytes, with
// numbers as json.Number. It is stricter than encoding/json about what two
// readers could understand differently: a member that comes twice and invalid
// UTF-8 are refused. Errors are clauses that follow a subject.
func decodeStrict(data []byte, limit int) (any, error) {
	switch {
	case len(data) > limit:
		return nil, fmt.Errorf("has %d bytes, more than the %d looked at", len(data), limit)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("is empty")
	case !utf8.Valid(data):
		return nil, errors.New("is not UTF-8")
	case !json.Valid(data):
		return nil, errors.New("is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return strictValue(d, 1)
}

// strictValue walks over a document that json.Valid has seen.
func strictValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("is not JSON: %w", err)
	}
	delim, opens := token.(json.Delim)
	switch {
	case !opens:
		return token, nil
	case depth > maxDepth:
		return nil, fmt.Errorf("nests deeper than %d levels", maxDepth)
	case delim == '[':
		return strictArray(d, depth)
	}
	return strictObject(d, depth)
}

func strictArray(d *json.Decoder, depth int) ([]any, error) {
	array := []any{}
	for d.More() {
		v, err := strictValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := d.Token()
	return array, err
}

func strictObject(d *json.Decoder, depth int) (map[string]any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("is not JSON: %w", err)
		}
		name, _ := token.(string)
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("holds %s twice", quoted([]string{name}))
		}
		if object[name], err = strictValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

// kindOf names a JSON value for people, without showing it.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}
