package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/gateway"
	"github.com/cogctl/cogctl/internal/jwt"
	"github.com/cogctl/cogctl/internal/loopback"
	"github.com/cogctl/cogctl/internal/request"
)

// question is a request that an authorizer is asked about.
type question struct {
	app     *app
	options canIOptions
	profile *config.Profile
	request *http.Request // as a server sees it: the path is what follows the stage
	host    string
	path    string // of the request with its query, before a token was put into it

	deployment gateway.Deployment
	unsaid     []string // what of it nobody said
	assumed    []string // what else nobody said

	signer string // whose AWS credentials signed, for people

	token tokenView // that was put into the request; empty when none was
	other tokenView // the session's other token, if there is one
}

// question puts operands, flags and profile together.
func (a *app) question(ctx context.Context, o canIOptions, args []string) (*question, error) {
	q := &question{app: a, options: o}
	method, target, err := request.ParseOperands(args)
	if err != nil {
		return nil, err
	}
	if q.profile, err = a.profile(); err != nil {
		return nil, err
	}
	api, err := q.profile.API(o.api)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	spec := request.Spec{Method: method, Target: target, Headers: o.headers, UserAgent: "cogctl/" + version}
	base := api.URL.Text
	if base == "" {
		base = "https://" + exampleHost + "/"
	}
	sent, err := spec.Build(ctx, base, nil)
	if err != nil {
		return nil, err
	}
	if err := q.locate(sent, api.URL.Text); err != nil {
		return nil, err
	}
	return q, q.authorize(ctx, api)
}

// exampleHost stands for the API of a profile that names none.
const exampleHost = "example.execute-api.us-east-1.amazonaws.com"

// locate finds out which stage of which API the request is for, and leaves of its
// path what follows the stage. A URL of another API than the profile's speaks for
// itself; at execute-api the path of a REST API begins with the stage.
func (q *question) locate(sent *http.Request, base string) error {
	q.host = sent.URL.Host
	if sent.Host != "" {
		q.host = sent.Host
	}
	path := sent.URL.EscapedPath()
	baseURL, err := url.Parse(base)
	if err != nil {
		return usagef("api.url %q is no URL", base)
	}
	host, prefix := baseURL.Hostname(), strings.Trim(baseURL.EscapedPath(), "/")
	if said := sent.URL.Host; said != baseURL.Host && (base != "" || said != exampleHost) {
		host, prefix = sent.URL.Hostname(), ""
		if isExecuteAPI(host) && q.options.apiKind() == gateway.REST {
			prefix, _, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		}
	}
	if rest, found := strings.CutPrefix(path, "/"+prefix); found && prefix != "" && (rest == "" || rest[0] == '/') {
		path = cmp.Or(rest, "/")
	}
	q.deployment = q.deploymentOf(host, prefix)
	if arn := q.options.methodARN; arn != "" {
		d, method, of, err := gateway.ParseMethodARN(arn)
		if err != nil {
			return usagef("--method-arn: %v", err)
		}
		q.deployment, q.unsaid = d, nil
		if want := d.MethodARN(sent.Method, path); want != arn && of != "/*" && method != "*" {
			return hinted(usagef("--method-arn is of %s %s, and the request is %s %s", method, of, sent.Method, path), "its ARN is %s", want)
		}
	}
	if !slices.Contains(gatewayMethods(), sent.Method) {
		return usagef("API Gateway has no method %s: there are DELETE, GET, HEAD, OPTIONS, PATCH, POST and PUT", sent.Method)
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return usagef("the path %q is none", path)
	}
	inner := &url.URL{Path: decoded, RawPath: path, RawQuery: sent.URL.RawQuery} // two slashes would parse as a host
	sent.URL, sent.Host, sent.RequestURI = inner, q.host, inner.RequestURI()
	sent.RemoteAddr = "127.0.0.1:49152"
	q.request, q.path = sent, inner.RequestURI()
	return nil
}

// gatewayMethods are those that routes have; ANY stands for them and is none.
func gatewayMethods() []string {
	return []string{
		http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut,
	}
}

// isExecuteAPI tells the names that API Gateway gives to APIs, id.execute-api.region...
func isExecuteAPI(host string) bool {
	labels := strings.Split(host, ".")
	return len(labels) >= 5 && labels[1] == "execute-api"
}

// deploymentOf reads region, API and stage off the host of api.url, and assumes the
// rest. A sandbox's are those that it has unless its file says otherwise.
func (q *question) deploymentOf(host, prefix string) gateway.Deployment {
	d := gateway.Deployment{Region: q.profile.Get("region").Text}
	stage, _, _ := strings.Cut(prefix, "/")
	labels := strings.Split(host, ".")
	switch {
	case isExecuteAPI(host):
		id, _, _ := strings.Cut(labels[0], "-") // behind it that of a VPC endpoint
		d.APIID, d.Region, d.Stage = id, labels[2], stage
	case loopback.IsLoopback(host):
		d.APIID, d.Stage = "sandboxapi", "dev"
	}
	if d.Stage == "" && q.options.apiKind() == gateway.HTTP {
		d.Stage = "$default"
	}
	for _, missing := range []struct {
		field         *string
		name, instead string
	}{
		{&d.Region, "region", "us-east-1"}, {&d.AccountID, "account", "123456789012"}, {&d.APIID, "API id", "abcdef1234"}, {&d.Stage, "stage", "prod"},
	} {
		if *missing.field == "" {
			*missing.field = missing.instead
			q.unsaid = append(q.unsaid, missing.name+" "+missing.instead)
		}
	}
	return d
}

// assumptions are what the verdict rests on and nobody said. Authorizers that go by
// the token alone do not look at ARNs.
func (q *question) assumptions() []string {
	if q.options.isLambda() || q.options.authorizer == byIAM {
		return append(q.unsaid, q.assumed...)
	}
	return q.assumed
}

// authorize puts the token where the authorizer looks for it, unless the request
// has something there.
func (q *question) authorize(ctx context.Context, api config.API) (err error) {
	place := q.tokenPlace()
	switch {
	case q.options.authorizer == byIAM:
		return nil
	case q.options.kind == "none":
		return nil
	case q.options.tokenStdin && q.request.Header.Get(place.header) != "" && place.header != "":
		return usagef("there is a token on standard input and %s by -H: leave one of them out", place.header)
	case q.request.Header.Get(place.header) != "" && place.header != "", place.query != "" && q.request.URL.Query().Has(place.query):
		q.app.redactor.Add(q.request.Header.Values(place.header)...)
		return nil
	case dropped(q.options.headers, "Authorization"):
		return nil
	case q.options.tokenStdin:
		q.token, err = q.pasted(ctx)
	default:
		kind := q.options.kind
		if kind == "" && slices.Contains([]string{"none", "sigv4"}, api.Auth.Text) {
			return nil
		}
		q.token, q.other, err = q.ofSession(ctx, kind, q.app.defaultKind(api.Auth.Text))
	}
	if err != nil {
		return err
	}
	q.request = place.put(q.request, q.token.Raw)
	return nil
}

// pasted is the token on standard input.
func (q *question) pasted(ctx context.Context) (tokenView, error) {
	data, err := io.ReadAll(io.LimitReader(q.app.input(ctx), maxPaste+1))
	switch {
	case err != nil:
		return tokenView{}, fmt.Errorf("read the token from standard input: %w", err)
	case len(data) > maxPaste:
		return tokenView{}, fmt.Errorf("standard input holds more than %d bytes: that is no token", maxPaste)
	}
	q.app.redactor.Add(strings.TrimSpace(string(data)))
	raw, err := jwt.ExtractKind(string(data), q.options.kind)
	if err != nil {
		return tokenView{}, withCode(exitUsage, err)
	}
	q.app.redactor.Add(raw)
	view := tokenView{Raw: raw, From: "standard input", Kind: "given"}
	if parsed, err := jwt.Parse(raw); err == nil && parsed.Claims.String("token_use") != "" {
		view.Kind = parsed.Claims.String("token_use")
	}
	return view, nil
}

// ofSession is the token that call would send, and the session's other one.
func (q *question) ofSession(ctx context.Context, kind, fallback string) (token, other tokenView, err error) {
	token, err = q.app.token(ctx, wanted{kind: kind, fallback: fallback, min: margin})
	if err != nil || q.app.getenv("COGCTL_TOKEN") != "" {
		return token, other, err
	}
	another := map[string]string{"id": "access", "access": "id"}[token.Kind]
	if another == "" {
		return token, other, nil
	}
	// Without it there is nothing to compare with: a machine's session has no ID token.
	other, _ = q.app.token(ctx, wanted{kind: another})
	return token, other, nil
}

// place is where a token goes.
type place struct{ header, query string }

// tokenPlace is the first identity source of authorizers that go by one, and the
// Authorization header of the others.
func (q *question) tokenPlace() place {
	source := ""
	if len(q.options.sources) > 0 && q.options.authorizer != byLambdaRequest {
		source = q.options.sources[0]
	}
	for _, prefix := range []string{"method.request.header.", "$request.header."} {
		if name, found := strings.CutPrefix(source, prefix); found {
			return place{header: http.CanonicalHeaderKey(name)}
		}
	}
	if name, found := strings.CutPrefix(source, "$request.querystring."); found {
		return place{query: name}
	}
	return place{header: "Authorization"}
}

// put returns the request with the token: as call sends it in the Authorization
// header, and bare elsewhere.
func (p place) put(r *http.Request, token string) *http.Request {
	r = r.Clone(r.Context())
	switch {
	case p.query != "":
		query := r.URL.Query()
		query.Set(p.query, token)
		r.URL.RawQuery = query.Encode()
		r.RequestURI = r.URL.RequestURI()
	case p.header == "Authorization":
		r.Header.Set(p.header, "Bearer "+token)
	default:
		r.Header.Set(p.header, token)
	}
	return r
}
