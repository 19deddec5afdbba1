package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cogctl/cogctl/internal/jwt"
)

// decodeStrict is [jwt.DecodeJSON] of at most limit bytes: what two readers could
// understand differently is refused. Errors are clauses that follow a subject.
func decodeStrict(data []byte, limit int) (any, error) {
	switch {
	case len(data) > limit:
		return nil, fmt.Errorf("has %d bytes, more than the %d looked at", len(data), limit)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("is empty")
	}
	return jwt.DecodeJSON(data)
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
