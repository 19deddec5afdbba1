package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
)

// cloudHandler serves the user pool API, the documents of each pool, and the
// domain.
func (s *Sandbox) cloudHandler(base string) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("POST /{$}", s.cloudAPI())
	mux.HandleFunc("GET "+identityPath+"/.well-known/jwks_uri", s.identityKeys)
	s.domain.Register(mux)
	for id, keys := range s.pool.Issuer.Keys {
		set, err := jwt.MarshalKeys(keys.Public()...)
		if err != nil {
			return nil, fmt.Errorf("keys of user pool %s: %w", id, err)
		}
		discovery, err := discoveryDocument(base+"/"+id, base)
		if err != nil {
			return nil, err
		}
		mux.Handle("GET /"+id+"/.well-known/jwks.json", document(set))
		mux.Handle("GET /"+id+"/.well-known/openid-configuration", document(discovery))
	}
	return mux, nil
}

// discoveryDocument has the members of Cognito's, PKCE's not among them. That
// the last two endpoints are there is from memory: UNCONFIRMED.
func discoveryDocument(issuer, domain string) ([]byte, error) {
	return json.Marshal(map[string]any{
		"issuer":                                issuer,
		"jwks_uri":                              issuer + "/.well-known/jwks.json",
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code", "token"},
		"scopes_supported":                      []string{"openid", "email", "phone", "profile"},
		"subject_types_supported":               []string{"public"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"authorization_endpoint":                domain + "/oauth2/authorize",
		"token_endpoint":                        domain + "/oauth2/token",
		"userinfo_endpoint":                     domain + "/oauth2/userInfo",
		"revocation_endpoint":                   domain + "/oauth2/revoke",
		"end_session_endpoint":                  domain + "/logout",
	})
}

func document(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	})
}

type eventKey struct{}

// observe sets the Date of our clock, keeps panics from the server, and tells
// Log what was answered.
func (s *Sandbox) observe(listener string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event := &Event{Listener: listener, Method: r.Method, Path: r.URL.Path}
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		record := &recorder{ResponseWriter: w}
		defer func() {
			broken := recover() != nil
			if broken && record.status == 0 {
				writeJSON(record, http.StatusInternalServerError, message("Internal server error"))
				broken = false
			}
			if s.options.Log != nil {
				event.Status, event.Error = record.status, errorType(w.Header())
				s.options.Log(*event)
			}
			if broken {
				// Part of an answer is out: the client must not take it for all.
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(record, r.WithContext(context.WithValue(r.Context(), eventKey{}, event)))
	})
}

// errorType is the value of x-amzn-errortype, in whatever spelling the header
// was set, without what may follow a colon.
func errorType(h http.Header) string {
	for name, values := range h {
		if strings.EqualFold(name, "x-amzn-errortype") && len(values) > 0 {
			t, _, _ := strings.Cut(values[0], ":")
			return t
		}
	}
	return ""
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func message(text string) map[string]string { return map[string]string{"message": text} }

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// An error here means that the client has gone.
	_ = encoder.Encode(value)
}

// onlyGroup is a backend that does its own authorization, by cognito:groups.
func onlyGroup(group string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(groups(r), group) {
			writeJSON(w, http.StatusForbidden, message(fmt.Sprintf("only members of the group %s may do this", group)))
			return
		}
		next.ServeHTTP(w, r)
	})
}
