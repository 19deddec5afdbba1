package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Object is a secret that holds several values: a JSON object.
type Object map[string]any

// Members reads a secret that is a JSON object. The error does not quote it.
func Members(text string) (Object, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var o Object
	if err := decoder.Decode(&o); err != nil || o == nil || decoder.More() {
		return nil, errors.New("the secret is not a JSON object, so it has no keys")
	}
	return o, nil
}

// Text is the value under a key: text, a number as it is written, true or false.
func (o Object) Text(key string) (string, error) {
	value, there := o[key]
	if !there {
		return "", fmt.Errorf("the secret has no key %q; it has %s", key, o.keys())
	}
	switch v := value.(type) {
	case string:
		if v == "" {
			return "", fmt.Errorf("what the secret has under %q is empty", key)
		}
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("what the secret has under %q is not text", key)
}

// keys names the keys there are. They are names that somebody gave, and no
// secrets; a secret by mistake would be long.
func (o Object) keys() string {
	const most = 20
	var names []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if len(names) == most {
			names = append(names, "…")
			break
		}
		if len(name) > 40 {
			name = name[:10] + "…"
		}
		names = append(names, strconv.QuoteToASCII(name))
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}
