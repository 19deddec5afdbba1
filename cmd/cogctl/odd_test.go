package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptOdd starts a server that answers as no user pool does, and sets ODD to its
// URL. The first segment of the path says how.
func scriptOdd(ts *testscript.TestScript, _ bool, _ []string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mode, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch mode {
		case "html":
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html>Bad gateway</html>"))
		case "html200":
			_, _ = w.Write([]byte("<html>Welcome</html>"))
		case "empty":
		case "object":
			_, _ = w.Write([]byte("{}"))
		case "null":
			_, _ = w.Write([]byte("null"))
		case "fault":
			w.WriteHeader(http.StatusInternalServerError)
		case "redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "escape":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"NotAuthorizedException","message":"\u001b]0;owned\u0007\u009b2J\u202Etxt"}`))
		case "echo":
			body := make([]byte, 4096)
			n, _ := r.Body.Read(body)
			_, password, _ := strings.Cut(string(body[:n]), `"PASSWORD":"`)
			password, _, _ = strings.Cut(password, `"`)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"InvalidParameterException","message":"the password ` + password + ` is odd"}`))
		case "device":
			body := make([]byte, 4096)
			n, _ := r.Body.Read(body)
			w.WriteHeader(http.StatusBadRequest)
			if strings.Contains(string(body[:n]), "DEVICE_KEY") {
				_, _ = w.Write([]byte(`{"__type":"ResourceNotFoundException","message":"Device does not exist."}`))
			} else {
				_, _ = w.Write([]byte(`{"__type":"InvalidParameterException","message":"no device came"}`))
			}
		case "policy": // dislikes each new password, in a text that shows it
			body, _ := io.ReadAll(r.Body)
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".InitiateAuth") {
				_, _ = w.Write([]byte(`{"ChallengeName":"NEW_PASSWORD_REQUIRED","Session":"s"}`))
				return
			}
			_, password, _ := strings.Cut(string(body), `"NEW_PASSWORD":"`)
			password, _, _ = strings.Cut(password, `"`)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"InvalidPasswordException","message":"the password ` + password + ` is odd"}`))
		case "question": // refuses the answer in a text that shows it
			body, _ := io.ReadAll(r.Body)
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".InitiateAuth") {
				_, _ = w.Write([]byte(`{"ChallengeName":"CUSTOM_CHALLENGE","Session":"s"}`))
				return
			}
			_, answer, _ := strings.Cut(string(body), `"ANSWER":"`)
			answer, _, _ = strings.Cut(answer, `"`)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"UserLambdaValidationException","message":"the answer ` + answer + ` is odd"}`))
		case "future": // a challenge that nobody knows yet
			_, _ = w.Write([]byte(`{"ChallengeName":"RETINA_SCAN","Session":"s","ChallengeParameters":{"USERNAME":"ann","SCAN_HINT":"look-left","TICKET\u001b[2J":"ticket-1"}}`))
		case "close":
			panic(http.ErrAbortHandler)
		case "body":
			_, _ = w.Write([]byte("\x1b]0;owned\x07 \u009b2J \u202Etxt"))
		case "headers":
			for name, values := range r.Header {
				w.Header()["X-Got-"+name] = values
			}
		default:
			hostile(w, r, mode)
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv("ODD", server.URL)
}
