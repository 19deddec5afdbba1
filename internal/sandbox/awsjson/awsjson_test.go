package awsjson

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func service() Service {
	return Service{
		MaxBody:       4,
		TooLarge:      &Error{Type: "TooLarge", Status: http.StatusRequestEntityTooLarge},
		Internal:      &Error{Type: "Internal", Message: "sorry", Status: http.StatusInternalServerError},
		MessageHeader: true,
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	gives := func(out any, err error) func() (any, error) { return func() (any, error) { return out, err } }
	const internal = `{"__type":"Internal","message":"sorry"}`
	for _, tt := range []struct {
		name              string
		run               func() (any, error)
		status            int
		body, kind, words string
	}{
		{"answer", gives(map[string]int{"A": 1}, nil), 200, `{"A":1}`, "", ""},
		{"refusal", gives(nil, fmt.Errorf("in: %w", &Error{Type: "No", Message: "not you"})), 400, `{"__type":"No","message":"not you"}`, "No:", "not you"},
		{"message that no header can hold", gives(nil, &Error{Type: "No", Message: "a\nb"}), 400, `{"__type":"No","message":"a\nb"}`, "No:", ""},
		{"error of ours", gives(nil, errors.New("the disk of ann")), 500, internal, "Internal:", "sorry"},
		{"panic", func() (any, error) { panic("the disk of ann") }, 500, internal, "Internal:", "sorry"},
		{"answer that cannot be written", gives(func() {}, nil), 500, internal, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			service().Serve(w, tt.run)
			h := w.Header()
			if w.Code != tt.status || w.Body.String() != tt.body || h.Get("X-Amzn-Errortype") != tt.kind || h.Get("X-Amzn-Errormessage") != tt.words {
				t.Errorf("%d %s, %v", w.Code, w.Body, h)
			}
			if h.Get("Content-Type") != contentType || h.Get("Cache-Control") != "no-store" {
				t.Errorf("%v", h)
			}
		})
	}
	quiet := service()
	quiet.MessageHeader = false
	w := httptest.NewRecorder()
	quiet.Serve(w, gives(nil, &Error{Type: "No", Message: "not you"}))
	if _, there := w.Header()["X-Amzn-Errormessage"]; there {
		t.Error("the message is in a header that was not asked for")
	}
}

func TestReadBody(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "abcd": "", "abcde": "TooLarge: "} {
		body, err := service().ReadBody(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(text)))
		if want == "" && (err != nil || string(body) != text) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %q, %v", text, body, err)
		}
	}
	_, err := service().ReadBody(httptest.NewRecorder(), httptest.NewRequest("POST", "/", iotest.ErrReader(errors.New("gone"))))
	if refusal, ok := errors.AsType[*Error](err); !ok || refusal.Type != "SerializationException" {
		t.Errorf("a body that ended early: %v", err)
	}
}

// TestUnmarshal: a member is known by its exact name, at every depth.
func TestUnmarshal(t *testing.T) {
	t.Parallel()
	type inner struct{ Name, Value string }
	type base struct{ Username string }
	type input struct {
		base
		ClientID string `json:"ClientId"`
		List     []inner
		One      *inner
		Map      map[string]string
	}
	for body, want := range map[string]input{
		`{"Username":"a","ClientId":"b","Map":{"x":"1","X":"2"}}`:        {base: base{"a"}, ClientID: "b", Map: map[string]string{"x": "1", "X": "2"}},
		`{"username":"a","clientId":"b","ClientID":"c","map":{"x":"1"}}`: {},
		`{"Username":"a","username":1,"USERNAME":"b"}`:                   {base: base{"a"}},
		`{"List":[{"Name":"n","value":"v"},{"name":"m"}],"One":{"name":"x","Value":"v"}}`: {
			List: []inner{{Name: "n"}, {}}, One: &inner{Value: "v"},
		},
		`{"List":null,"One":null,"Username":null}`: {},
		`null`: {},
	} {
		var got input
		if err := Unmarshal([]byte(body), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	for _, body := range []string{`{"List":{}}`, `{"One":[]}`, `{"Username":1}`, `{"Map":{"x":1}}`, `[]`, `{`, `{} {}`, ``} {
		if err := Unmarshal([]byte(body), &input{}); err == nil {
			t.Errorf("%s passes", body)
		}
	}
}
