package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/gateway"
	"github.com/cogctl/cogctl/internal/hook"
	"github.com/cogctl/cogctl/internal/loopback"
)

// The authorizers of a route.
const (
	NoAuthorizer  = "none"
	Cognito       = "cognito"        // of a REST API
	JWT           = "jwt"            // of an HTTP API
	LambdaToken   = "lambda-token"   // of a REST API
	LambdaRequest = "lambda-request" // of a REST API
	HTTPLambda    = "http-lambda"    // of an HTTP API
	IAM           = "iam"            // of either
)

// Authorizers lists them.
func Authorizers() []string {
	return []string{NoAuthorizer, Cognito, JWT, LambdaToken, LambdaRequest, HTTPLambda, IAM}
}

// Route leads requests to the echo or to a backend of the user's, past an
// authorizer. Routes whose authorizers are set alike share one, and with it what
// it has cached, as methods of an API share an authorizer.
type Route struct {
	Name   string `toml:"name"`
	Method string `toml:"method"` // "" means ANY
	Path   string `toml:"path"`   // as gateway.Route has it: /items/{id}, /files/{proxy+}

	// Kind is REST or HTTP; "" is the authorizer's, and REST where it has none.
	Kind string `toml:"kind"`

	// Authorizer is one of Authorizers; "" is none.
	Authorizer string `toml:"authorizer"`

	Pool     string   `toml:"pool"`     // whose tokens; "" is the first pool
	Scopes   []string `toml:"scopes"`   // one of them is wanted
	Audience []string `toml:"audience"` // of jwt; empty means all clients of the pool

	// Validation is a regular expression: of a Cognito authorizer on aud, of a
	// Lambda authorizer on the token.
	Validation string `toml:"validation"`

	// IdentitySources are where the token, or what a REQUEST authorizer is cached
	// by, stands: method.request.header.X, $request.header.X. Empty means the
	// Authorization header.
	IdentitySources []string `toml:"identity_sources"`

	TTL            *time.Duration `toml:"-"`               // of a Lambda authorizer's cache; nil is API Gateway's default
	Simple         bool           `toml:"simple"`          // http-lambda answers isAuthorized
	PayloadVersion string         `toml:"payload_version"` // of http-lambda: 1.0 or 2.0 (also "")
	Handler

	APIKeyRequired bool   `toml:"api_key_required"`
	Group          string `toml:"group"` // that the echo's caller must be in; no authorizer looks at it

	// Upstream is an http or https address on loopback that gets the requests in
	// place of the echo.
	Upstream string `toml:"upstream"`

	backend func(*Sandbox, http.ResponseWriter, *http.Request) // in place of the echo
}

// Handler is the function of a Lambda authorizer; without any it is [Example].
type Handler struct {
	Command []string      `toml:"handler_command"`
	Python  string        `toml:"handler_python"` // FILE:FUNCTION
	Node    string        `toml:"handler_node"`   // FILE:FUNCTION
	URL     string        `toml:"handler_url"`
	Timeout time.Duration `toml:"-"` // 0 means hook.DefaultTimeout
	Dir     string        `toml:"-"` // what FILE and a program with a slash are relative to
}

func (h Handler) set() bool {
	return len(h.Command) > 0 || h.Python != "" || h.Node != "" || h.URL != ""
}

func (h Handler) runner() hook.Runner {
	return hook.Runner{Command: h.Command, Python: h.Python, Node: h.Node, URL: h.URL, Timeout: h.Timeout, Dir: h.Dir}
}

// title names a route in an error.
func (r Route) title(index int) string {
	if r.Path == "" {
		return fmt.Sprintf("route %d", index+1)
	}
	return strings.TrimSpace(r.Method + " " + r.Path)
}

// kind is the kind of API that the route belongs to.
func (r Route) kind() gateway.Kind {
	switch {
	case strings.EqualFold(r.Kind, string(gateway.HTTP)), r.Kind == "" && (r.Authorizer == JWT || r.Authorizer == HTTPLambda):
		return gateway.HTTP
	}
	return gateway.REST
}

func (r Route) isLambda() bool {
	return r.Authorizer == LambdaToken || r.Authorizer == LambdaRequest || r.Authorizer == HTTPLambda
}

// check finds settings that contradict each other or that nothing would look at:
// a route that is less guarded than its file reads must not come up.
func (r Route) check() error {
	if !strings.HasPrefix(r.Path, "/") {
		return fmt.Errorf("the path %q does not begin with /", r.Path)
	}
	if err := r.checkPath(); err != nil {
		return err
	}
	if !slices.Contains(methods(), r.Method) && r.Method != "" {
		return fmt.Errorf("the method %q is none of %s", r.Method, strings.Join(methods(), ", "))
	}
	if r.Kind != "" && !strings.EqualFold(r.Kind, "REST") && !strings.EqualFold(r.Kind, "HTTP") {
		return fmt.Errorf("kind %q is not REST or HTTP", r.Kind)
	}
	if r.Authorizer != "" && !slices.Contains(Authorizers(), r.Authorizer) {
		return fmt.Errorf("authorizer %q is not one of %s", r.Authorizer, strings.Join(Authorizers(), ", "))
	}
	if err := r.checkKind(); err != nil {
		return err
	}
	if err := errors.Join(r.checkUnused(), r.checkSources()); err != nil {
		return err
	}
	if _, err := regexp.Compile(r.Validation); err != nil {
		return fmt.Errorf("validation %q is no regular expression", r.Validation)
	}
	if r.Handler.set() {
		if err := r.runner().Check(); err != nil {
			return err
		}
	}
	return r.checkUpstream()
}

// methods are those that a route can have.
func methods() []string {
	return []string{
		http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut, anyMethod,
	}
}

// anyMethod stands for all of them, as no method does.
const anyMethod = "ANY"

// checkPath finds what no request would match.
func (r Route) checkPath() error {
	if strings.Contains(r.Path, "?") {
		return fmt.Errorf("the path %q ends before the ? of a query", r.Path)
	}
	segments := strings.Split(r.Path[1:], "/")
	for i, s := range segments {
		name, opened := strings.CutPrefix(s, "{")
		name, closed := strings.CutSuffix(name, "}")
		name, greedy := strings.CutSuffix(name, "+")
		switch {
		case !strings.ContainsAny(s, "{}"):
		case !opened || !closed || name == "" || strings.ContainsAny(name, "{}+") || greedy && i < len(segments)-1:
			return fmt.Errorf("%q in the path is neither text nor {name} nor, at its end, {name+}", s)
		}
	}
	return nil
}

// same tells whether a request that matches one of the routes matches the other, and
// as well.
func (r Route) same(other Route) bool {
	return r.Path == other.Path && cmp.Or(r.Method, anyMethod) == cmp.Or(other.Method, anyMethod)
}

// checkKind keeps the authorizers of one kind of API from the other.
func (r Route) checkKind() error {
	only := map[string]gateway.Kind{
		Cognito: gateway.REST, LambdaToken: gateway.REST, LambdaRequest: gateway.REST, JWT: gateway.HTTP, HTTPLambda: gateway.HTTP,
	}
	if want, bound := only[r.Authorizer]; bound && want != r.kind() {
		return fmt.Errorf("the authorizer %s is one of %s APIs", r.Authorizer, want)
	}
	if r.APIKeyRequired && r.kind() == gateway.HTTP {
		return errors.New("api_key_required: HTTP APIs have no API keys")
	}
	if !slices.Contains([]string{"", "1.0", "2.0"}, r.PayloadVersion) {
		return fmt.Errorf("payload_version %q is not 1.0 or 2.0", r.PayloadVersion)
	}
	if r.Simple && r.PayloadVersion == "1.0" {
		return errors.New("simple answers go with payload_version 2.0 only")
	}
	return nil
}

// checkUnused refuses settings that the route's authorizer has no use for.
func (r Route) checkUnused() error {
	tokens := r.Authorizer == Cognito || r.Authorizer == JWT
	for _, s := range []struct {
		name     string
		set, use bool
	}{
		{"pool", r.Pool != "", tokens},
		{"scopes", len(r.Scopes) > 0, tokens},
		{"audience", len(r.Audience) > 0, r.Authorizer == JWT},
		{"validation", r.Validation != "", r.Authorizer == Cognito || r.Authorizer == LambdaToken},
		{"identity_sources", len(r.IdentitySources) > 0, tokens || r.isLambda()},
		{"ttl", r.TTL != nil, r.isLambda()},
		{"simple", r.Simple, r.Authorizer == HTTPLambda},
		{"payload_version", r.PayloadVersion != "", r.Authorizer == HTTPLambda},
		{"handler_command, handler_python, handler_node or handler_url", r.Handler.set(), r.isLambda()},
		{"timeout", r.Timeout != 0, r.Handler.set()},
		{"group", r.Group != "", tokens && r.Upstream == ""},
	} {
		if !s.set || s.use {
			continue
		}
		if s.name == "group" {
			return errors.New("group is looked at by the echo, behind the authorizers cognito and jwt: an upstream looks at groups itself")
		}
		authorizer := r.Authorizer
		if authorizer == "" {
			authorizer = NoAuthorizer
		}
		return fmt.Errorf("%s is of no use with the authorizer %s", s.name, authorizer)
	}
	if r.TTL != nil && (*r.TTL < 0 || *r.TTL > time.Hour) {
		return fmt.Errorf("ttl %s: API Gateway takes 0s to 1h", *r.TTL)
	}
	return nil
}

// checkSources looks at the names of identity sources, which differ between the
// kinds of API, and at what an authorizer that goes by a token can have.
func (r Route) checkSources() error {
	prefixes := []string{"method.request.header."}
	switch r.Authorizer {
	case JWT:
		prefixes = []string{"$request.header.", "$request.querystring."}
	case LambdaRequest:
		prefixes = append(prefixes, "method.request.querystring.", "stageVariables.", "context.")
	case HTTPLambda:
		prefixes = []string{"$request.header.", "$request.querystring.", "$stageVariables.", "$context."}
	}
	for _, source := range r.IdentitySources {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return len(source) > len(p) && strings.HasPrefix(source, p) }) {
			return fmt.Errorf("identity source %q: the authorizer %s takes %sNAME", source, r.Authorizer, strings.Join(prefixes, "NAME, "))
		}
	}
	one := r.Authorizer == Cognito || r.Authorizer == JWT || r.Authorizer == LambdaToken
	if one && r.IdentitySources != nil && len(r.IdentitySources) != 1 {
		return fmt.Errorf("the authorizer %s has one identity source, not %d", r.Authorizer, len(r.IdentitySources))
	}
	if r.isLambda() && len(r.sources()) == 0 && r.ttl() > 0 {
		return errors.New("answers are kept by identity source, and there is none: ttl = \"0s\" keeps none")
	}
	return nil
}

// checkUpstream keeps the requests, which hold tokens, on this machine.
func (r Route) checkUpstream() error {
	if r.Upstream == "" {
		return nil
	}
	u, err := url.Parse(r.Upstream)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return errors.New("upstream is no http address, such as http://127.0.0.1:3000")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return fmt.Errorf("upstream %s: an address and a path, and nothing else", u.Redacted())
	case !loopback.IsLoopback(u.Hostname()):
		return fmt.Errorf("upstream %s is not on this machine", u.Redacted())
	}
	return nil
}
