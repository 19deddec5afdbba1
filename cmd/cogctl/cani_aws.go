package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/cogctl/cogctl/internal/auth"
	"github.com/cogctl/cogctl/internal/config"
	"github.com/cogctl/cogctl/internal/gateway"
	"github.com/cogctl/cogctl/internal/hook"
	"github.com/cogctl/cogctl/internal/loopback"
	"github.com/cogctl/cogctl/internal/sigv4"
)

// deployed asks a function where it is deployed, as the caller: the identity pool's
// roles have no business with the functions of an account.
func (q *question) deployed(ctx context.Context) (gateway.Function, error) {
	address, region, err := q.lambdaURL()
	if err != nil {
		return nil, err
	}
	own := q.options.aws
	own.caller = true
	source, from, err := q.app.awsSource(q.profile, own)
	if err != nil {
		return nil, err
	}
	credentials, err := source(ctx)
	if err != nil {
		return nil, err
	}
	f := deployedFunction{
		address: address, name: q.options.handler.lambda, from: from, app: q.app,
		credentials: signingKeys(credentials), scope: sigv4.Scope{Region: region, Service: "lambda"},
	}
	return func(ctx context.Context, event []byte) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, cmp.Or(q.options.handler.timeout, hook.DefaultTimeout))
		defer cancel()
		return f.invoke(ctx, event)
	}, nil
}

// lambdaURL is where the function is invoked (AWS Lambda API Reference, "Invoke").
// The region is that of the function's ARN, else the profile's.
func (q *question) lambdaURL() (address, region string, err error) {
	name := q.options.handler.lambda
	region = q.profile.Get("region").Text
	if arn := strings.Split(name, ":"); len(arn) >= 7 && arn[0] == "arn" {
		region = arn[3]
	}
	if region == "" {
		return "", "", hinted(usagef("--handler-lambda %s: in which region?", name), "give --region, or the function's ARN")
	}
	override := q.profile.Get("endpoints.lambda")
	base := strings.TrimRight(override.Text, "/")
	if base == "" {
		base = strings.Replace(auth.Endpoint(region), "//cognito-idp.", "//lambda.", 1)
	}
	u, err := url.Parse(base)
	if err != nil || u.User != nil || u.Scheme != "https" && !loopback.IsLoopback(u.Hostname()) {
		return "", "", usagef("endpoints.lambda: the event holds a token, and goes by https, or to this machine")
	}
	if override.Origin.Kind == config.KindEnv && !loopback.IsLoopback(u.Hostname()) {
		// A variable may be left over from other work.
		return "", "", hinted(usagef("the event holds a token, and does not go to %s (%s)", base, override.Origin.Text),
			"if it shall, set endpoints.lambda in the profile, in config.toml")
	}
	return base + "/2015-03-31/functions/" + url.PathEscape(name) + "/invocations", region, nil
}

// deployedFunction is a Lambda function, and how to sign for it.
type deployedFunction struct {
	app         *app
	address     string
	name, from  string
	credentials sigv4.Credentials
	scope       sigv4.Scope
}

// invoke makes the one call. A function that fails is told by a header, with the
// error as the answer.
func (f deployedFunction) invoke(ctx context.Context, event []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.address, bytes.NewReader(event))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if _, err := new(sigv4.Signer).Sign(r, sigv4.PayloadHash(event), f.credentials, f.scope, f.app.now()); err != nil {
		return nil, err
	}
	response, err := f.app.http().Do(r)
	if err != nil {
		return nil, fmt.Errorf("invoke the function %s: %w", f.name, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, hook.MaxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("invoke the function %s: %w", f.name, err)
	case len(answer) > hook.MaxAnswer:
		return nil, fmt.Errorf("invoke the function %s: its answer is longer than %d bytes", f.name, hook.MaxAnswer)
	case response.StatusCode != http.StatusOK:
		return nil, f.refused(response, answer)
	case response.Header.Get("X-Amz-Function-Error") != "":
		if raised := hook.ReadError(answer); raised != nil {
			return nil, raised
		}
		return nil, &hook.FunctionError{Message: string(answer)}
	}
	return answer, nil
}

// refused is Lambda's own refusal to run the function.
func (f deployedFunction) refused(response *http.Response, body []byte) error {
	var said struct {
		Message string `json:"message"` // also Message
	}
	_ = json.Unmarshal(body, &said)
	kind, _, _ := strings.Cut(response.Header.Get("X-Amzn-Errortype"), ":")
	return fmt.Errorf("invoke the function %s with %s: HTTP %d %s: %s", f.name, f.from, response.StatusCode, kind, cmp.Or(said.Message, "no reason is given"))
}

// bySignature signs the request and judges it by the policies that are given.
func (q *question) bySignature(ctx context.Context) (gateway.Authorizer, error) {
	var policies []gateway.Policy
	for _, path := range q.options.policies {
		policy, err := readPolicy(path)
		if err != nil {
			return nil, withCode(exitUsage, fmt.Errorf("--policy %s: %w", path, err))
		}
		policies = append(policies, policy)
	}
	source, from, err := q.app.awsSource(q.profile, q.options.aws)
	if err != nil {
		return nil, err
	}
	credentials, err := source(ctx)
	if err != nil {
		return nil, err
	}
	q.signer = from
	principal := gateway.Principal{
		Credentials: signingKeys(credentials), Expires: credentials.Expires, Policies: policies, IdentityID: credentials.IdentityID,
		AccountID: cmp.Or(credentials.AccountID, q.deployment.AccountID), ARN: credentials.ARN,
	}
	if principal.ARN == "" {
		principal.ARN = "arn:aws:iam::" + principal.AccountID + ":user/unknown"
		q.assumed = append(q.assumed, "signer "+principal.ARN)
	}
	scope := sigv4.Scope{Region: q.deployment.Region, Service: "execute-api"}
	if _, err := new(sigv4.Signer).Sign(q.request, sigv4.EmptyPayload, principal.Credentials, scope, q.app.now()); err != nil {
		return nil, usagef("sign %s %s: %v", q.request.Method, q.path, err)
	}
	return &gateway.IAMAuthorizer{
		Kind: gateway.REST, Now: q.app.now,
		Find: func(id string) (gateway.Principal, bool) { return principal, id == principal.Credentials.AccessKeyID },
	}, nil
}

func readPolicy(path string) (gateway.Policy, error) {
	file, err := os.Open(path)
	if err != nil {
		return gateway.Policy{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, gateway.MaxPolicy+1))
	if err != nil {
		return gateway.Policy{}, err
	}
	return gateway.ParsePolicy(data)
}
