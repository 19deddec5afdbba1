package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

// describing is a client at a server that answers each operation by its name.
func describing(t *testing.T, answer func(op string, in map[string]any) (status int, body string)) (*Client, aws.CredentialsProvider) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if !strings.Contains(r.Header.Get("Authorization"), "/cognito-idp/aws4_request") {
			t.Errorf("%s came unsigned", op)
		}
		var in map[string]any
		_ = json.NewDecoder(r.Body).Decode(&in)
		status, body := answer(op, in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "hush"}, nil
	})
	return NewClient(ClientConfig{Region: "us-east-1", UserPoolID: "us-east-1_Ab12Cd34E", ClientID: "web", Endpoint: server.URL, HTTP: server.Client()}), credentials
}

func TestDescribePool(t *testing.T) {
	t.Parallel()
	client, credentials := describing(t, func(op string, in map[string]any) (int, string) {
		switch {
		case op == "DescribeUserPool":
			return 200, `{"UserPool":{"Id":"us-east-1_Ab12Cd34E","Name":"shop","Domain":"acme","CustomDomain":"login.acme.example"}}`
		case op == "DescribeUserPoolClient":
			return 200, `{"UserPoolClient":{"ClientId":"web","ClientName":"Web","ClientSecret":"hush-hush","AllowedOAuthScopes":["openid"],"CallbackURLs":["https://a.example","http://localhost:1/"],"DefaultRedirectURI":"http://localhost:1/"}}`
		case in["NextToken"] == nil:
			return 200, `{"UserPoolClients":[{"ClientId":"web","ClientName":"Web"}],"NextToken":"more"}`
		}
		return 200, `{"UserPoolClients":[{"ClientId":"api","ClientName":"API"}]}`
	})
	got, err := client.DescribePool(t.Context(), credentials)
	want := PoolDescription{Name: "shop", Domain: "acme", CustomDomain: "login.acme.example", Clients: []ClientSummary{{"web", "Web"}, {"api", "API"}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	c, secret, err := client.DescribeClient(t.Context(), credentials)
	if err != nil || secret != "hush-hush" || !c.HasSecret || !slices.Equal(c.CallbackURLs, []string{"http://localhost:1/", "https://a.example"}) || !slices.Equal(c.Scopes, []string{"openid"}) {
		t.Errorf("%v, %+v", err, c)
	}
}

func TestDescribePoolRefused(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		at, body string
		check    func(error) bool
	}{
		"not allowed": {"DescribeUserPool", `{"__type":"AccessDeniedException","message":"not you"}`, func(err error) bool { return errors.As(err, new(*CallerError)) }},
		"the list":    {"ListUserPoolClients", `{"__type":"AccessDeniedException","message":"not you"}`, func(err error) bool { return errors.As(err, new(*CallerError)) }},
		"no pool": {"DescribeUserPool", `{"__type":"ResourceNotFoundException","message":"no"}`, func(err error) bool {
			refused, ok := errors.AsType[*RefusedError](err)
			return ok && refused.Code == "ResourceNotFoundException"
		}},
	} {
		client, credentials := describing(t, func(op string, _ map[string]any) (int, string) {
			if op == c.at {
				return 400, c.body
			}
			return 200, `{"UserPoolClients":[]}`
		})
		if _, err := client.DescribePool(t.Context(), credentials); err == nil || !c.check(err) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A server whose pages never end is not followed for ever.
func TestDescribePoolEndlessly(t *testing.T) {
	t.Parallel()
	for _, page := range []string{`{"UserPoolClients":[{"ClientId":"a"}],"NextToken":"same"}`, `{"UserPoolClients":[],"NextToken":"x%d"}`, `{"UserPoolClients":[{"ClientId":"a"}],"NextToken":"x%d"}`} {
		pages := 0
		client, credentials := describing(t, func(op string, _ map[string]any) (int, string) {
			if pages++; strings.Contains(page, "%") {
				return 200, fmt.Sprintf(page, pages)
			}
			return 200, page
		})
		if _, err := client.DescribePool(t.Context(), credentials); err == nil || !strings.Contains(err.Error(), "does not end") || pages > maxClients+2 {
			t.Errorf("%s: %v after %d pages", page, err, pages)
		}
	}
}
