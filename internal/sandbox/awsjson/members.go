package awsjson

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Unmarshal is json.Unmarshal with members in the spelling of the model:
// encoding/json takes accessToken for AccessToken, where AWS sees a member that
// it does not know and passes over it.
func Unmarshal(data []byte, into any) error {
	return json.Unmarshal(spelled(data, reflect.TypeOf(into)), into)
}

// spelled is data without the members that no field of t is called by. What does
// not have the form of t comes back as it is, for the decoder to say so.
func spelled(data json.RawMessage, t reflect.Type) json.RawMessage {
	switch t.Kind() {
	case reflect.Pointer:
		return spelled(data, t.Elem())
	case reflect.Struct:
		var members map[string]json.RawMessage
		if json.Unmarshal(data, &members) != nil || members == nil {
			return data
		}
		fields := fieldsOf(t)
		for name, value := range members {
			field, known := fields[name]
			if !known {
				delete(members, name)
				continue
			}
			members[name] = spelled(value, field)
		}
		return written(members, data)
	case reflect.Slice:
		var items []json.RawMessage
		if json.Unmarshal(data, &items) != nil || items == nil {
			return data
		}
		for i := range items {
			items[i] = spelled(items[i], t.Elem())
		}
		return written(items, data)
	}
	return data
}

// written is a value that came out of JSON, as JSON.
func written(value any, otherwise json.RawMessage) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		return otherwise
	}
	return text
}

// fieldsOf are the members of a struct, those of embedded ones among them.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		fields[name] = f.Type
	}
	return fields
}
