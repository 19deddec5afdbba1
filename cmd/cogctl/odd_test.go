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
		if status, text := oddAnswer(mode); status != 0 {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			return
		}
		switch mode {
		case "redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "close":
			panic(http.ErrAbortHandler)
		case "headers":
			for name, values := range r.Header {
				w.Header()["X-Got-"+name] = values
			}
		case "echo", "policy", "question", "device":
			oddRefusal(w, r, mode)
		default:
			hostile(w, r, mode)
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv("ODD", server.URL)
}

// oddAnswer is the same for every request; status 0 is none.
func oddAnswer(mode string) (status int, text string) {
	switch mode {
	case "html":
		return http.StatusBadGateway, "<html>Bad gateway</html>"
	case "html200":
		return http.StatusOK, "<html>Welcome</html>"
	case "empty":
		return http.StatusOK, ""
	case "object":
		return http.StatusOK, "{}"
	case "null":
		return http.StatusOK, "null"
	case "fault":
		return http.StatusInternalServerError, ""
	case "escape":
		return http.StatusBadRequest, `{"__type":"NotAuthorizedException","message":"\u001b]0;owned\u0007\u009b2J\u202Etxt"}`
	case "future": // a challenge that nobody knows yet
		return http.StatusOK, `{"ChallengeName":"RETINA_SCAN","Session":"s","ChallengeParameters":{"USERNAME":"ann","SCAN_HINT":"look-left","TICKET\u001b[2J":"ticket-1"}}`
	case "body":
		return http.StatusOK, "\x1b]0;owned\x07 \u009b2J \u202Etxt"
	}
	return 0, ""
}

// oddRefusal refuses requests: for the members it dislikes in texts that show them, or
// a device that it does not know.
func oddRefusal(w http.ResponseWriter, r *http.Request, mode string) {
	body, _ := io.ReadAll(r.Body)
	challenge := map[string]string{"policy": "NEW_PASSWORD_REQUIRED", "question": "CUSTOM_CHALLENGE"}[mode]
	if challenge != "" && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".InitiateAuth") {
		_, _ = io.WriteString(w, `{"ChallengeName":"`+challenge+`","Session":"s"}`)
		return
	}
	sent := func(member string) string {
		_, value, _ := strings.Cut(string(body), `"`+member+`":"`)
		value, _, _ = strings.Cut(value, `"`)
		return value
	}
	code, message := "InvalidParameterException", "no device came"
	switch {
	case mode == "echo":
		message = "the password " + sent("PASSWORD") + " is odd"
	case mode == "policy": // dislikes each new password
		code, message = "InvalidPasswordException", "the password "+sent("NEW_PASSWORD")+" is odd"
	case mode == "question":
		code, message = "UserLambdaValidationException", "the answer "+sent("ANSWER")+" is odd"
	case strings.Contains(string(body), "DEVICE_KEY"):
		code, message = "ResourceNotFoundException", "Device does not exist."
	}
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"__type":"`+code+`","message":"`+message+`"}`)
}
