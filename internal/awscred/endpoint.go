package awscred

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// Endpoint serves credentials to the SDKs of a program on this machine, as a
// container's are served: the program finds its URL in
// AWS_CONTAINER_CREDENTIALS_FULL_URI, and the token in the file that
// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
//
// A page in a browser can send requests to it, but neither with the token nor under
// its Host, and what a browser adds to a request by itself is refused.
type Endpoint struct {
	Host   string // the one that requests must name: 127.0.0.1:PORT
	Path   string // the one path: /RANDOM
	Token  string // what Authorization must be
	Source Source
	Tell   func(error) string // what is said of an error to the program
}

// refusal is an answer without credentials. SDKs show code and message where the
// content type is application/json, to the letter.
type refusal struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ServeHTTP answers GET of the one path.
func (e Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Origin")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if no := e.judge(r); no != nil {
		no.write(w)
		return
	}
	c, err := e.Source(r.Context())
	if err == nil {
		err = c.Check()
	}
	if err != nil {
		failed(err, e.Tell(err)).write(w)
		return
	}
	answer := struct {
		AccessKeyId, SecretAccessKey string
		Token                        string `json:",omitempty"`
		Expiration                   string `json:",omitempty"`
		AccountId                    string `json:",omitempty"`
	}{AccessKeyId: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, Token: c.SessionToken, AccountId: c.AccountID}
	if !c.Expires.IsZero() {
		answer.Expiration = c.Expires.UTC().Format(time.RFC3339)
	}
	_ = json.NewEncoder(w).Encode(answer) // who hangs up misses it
}

// judge says why a request gets no credentials; nil when it does.
func (e Endpoint) judge(r *http.Request) *refusal {
	switch {
	case r.Host != e.Host:
		return &refusal{http.StatusMisdirectedRequest, "WrongHost", "this server does not answer to that Host"}
	case fromBrowser(r.Header):
		return &refusal{http.StatusForbidden, "Forbidden", "requests of browsers are refused"}
	case r.URL.Path != e.Path || r.URL.RawQuery != "":
		return &refusal{http.StatusNotFound, "NotFound", "there is nothing here"}
	case r.Method != http.MethodGet:
		return &refusal{http.StatusMethodNotAllowed, "MethodNotAllowed", "only GET is answered"}
	case len(r.Header["Authorization"]) != 1 || !equal(r.Header.Get("Authorization"), e.Token):
		return &refusal{http.StatusForbidden, "AccessDenied",
			"Authorization must be what is in the file that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names"}
	}
	return nil
}

// fromBrowser tells a request with a header that browsers set and scripts cannot
// leave out: Origin, or one of Fetch Metadata.
func fromBrowser(h http.Header) bool {
	for name := range h {
		if name == "Origin" || strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return false
}

// equal compares in a time that says nothing about the token, nor about its length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// failed says that there are no credentials. SDKs ask again after a server's fault,
// and not after a definite no.
func failed(err error, message string) *refusal {
	var service *ServiceError
	switch {
	case Passing(err):
		return &refusal{http.StatusServiceUnavailable, "TemporarilyUnavailable", message}
	case errors.As(err, &service) && service.Code != "":
		return &refusal{http.StatusBadRequest, service.Code, message}
	}
	return &refusal{http.StatusBadRequest, "NoCredentials", message}
}

func (no *refusal) write(w http.ResponseWriter) {
	w.WriteHeader(no.status)
	_ = json.NewEncoder(w).Encode(no)
}
