package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const wholeFile = `
[[pools]]
id = "eu-central-1_Mine"
mfa = "OPTIONAL"
temporary_password_validity = "36h"

[[pools.clients]]
id = "web"
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH"]
access_token_validity = "15m"

[[pools.groups]]
name = "staff"

[[pools.users]]
username = "eve"
password = "Passw0rd!"
groups = ["staff"]
[pools.users.attributes]
email = "eve@example.com"

[api]
stage = "prod"
stage_variables = { color = "blue" }

[[usage_plans]]
name = "basic"
keys = ["0123456789012345678901"]
quota = 5
period = "WEEK"

[[routes]]
method = "GET"
path = "/items/{id}"
authorizer = "lambda-request"
identity_sources = ["method.request.header.X-Token", "method.request.querystring.v"]
ttl = "0s"
timeout = "2s"
handler_python = "f.py:handler"
upstream = "http://127.0.0.1:3000/base"

[[routes]]
path = "/open"
`

func TestParseSeed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f.py"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ParseSeed([]byte(wholeFile), dir)
	if err != nil {
		t.Fatal(err)
	}
	mine := Pool{
		Clients: []Client{{ID: "web", ExplicitAuthFlows: []string{"ALLOW_USER_SRP_AUTH"}, AccessTokenValidity: 15 * time.Minute}},
		Groups:  []Group{{Name: "staff"}},
		Users:   []User{{Username: "eve", Password: "Passw0rd!", Groups: []string{"staff"}, Attributes: map[string]string{"email": "eve@example.com"}}},
	}
	mine.ID, mine.MFA, mine.TemporaryPasswordValidity = "eu-central-1_Mine", "OPTIONAL", 36*time.Hour
	want := Seed{
		Pools:      []Pool{mine},
		API:        APISettings{AccountID: "123456789012", ID: "sandboxapi", Stage: "prod", StageVariables: map[string]string{"color": "blue"}},
		UsagePlans: []UsagePlan{{Name: "basic", Keys: []string{"0123456789012345678901"}, Quota: 5, Period: "WEEK"}},
		Routes: []Route{
			{
				Method: "GET", Path: "/items/{id}", Authorizer: LambdaRequest, TTL: new(time.Duration), Upstream: "http://127.0.0.1:3000/base",
				IdentitySources: []string{"method.request.header.X-Token", "method.request.querystring.v"},
				Handler:         Handler{Python: "f.py:handler", Timeout: 2 * time.Second, Dir: dir},
			},
			{Path: "/open", Handler: Handler{Dir: dir}},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Route{}), cmpopts.IgnoreFields(Seed{}, "IdentityPools", "Roles", "Secrets", "Parameters")); diff != "" {
		t.Errorf("the seed (-want +got):\n%s", diff)
	}
	if region := got.API.deployment(got.Pools[0].ID).Region; region != "eu-central-1" {
		t.Errorf("the API's region is %q", region)
	}
}

// TestParseSeedKeeps: what a file does not name is as it is without one.
func TestParseSeedKeeps(t *testing.T) {
	t.Parallel()
	got, err := ParseSeed([]byte("[[routes]]\npath = \"/mine\"\n"), ".")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Routes) != 1 || len(got.Pools) != 1 || got.Pools[0].ID != DefaultPoolID || len(got.UsagePlans) != 3 {
		t.Errorf("%d routes, pools %v", len(got.Routes), got.Pools)
	}
	if got, err = ParseSeed(nil, "."); err != nil || len(got.Routes) != len(defaultRoutes()) {
		t.Errorf("an empty file: %d routes, %v", len(got.Routes), err)
	}
}

func TestParseSeedRefuses(t *testing.T) {
	t.Parallel()
	pool := func(lines ...string) string { return "[[pools]]\nid = \"a_b\"\n" + strings.Join(lines, "\n") }
	client := func(line string) string { return pool("[[pools.clients]]", `id = "c"`, line) }
	user := func(line string) string { return pool("[[pools.users]]", `username = "u"`, line) }
	refusesSeeds(t, map[string]string{
		"poools = []": ":1:1 unknown key \"poools\": there are api, identity_pools, parameters, pools, roles, routes, secrets, usage_plans",
		"[[pools]]\nid = \"a_b\"\n[[pools.clients]]\n  id_token = 1":             ":4:3 unknown key \"pools.clients.id_token\": there are access_token_validity,",
		pool(`mfa_types = ["FAX"]`):                                              `pool a_b: mfa_types: "FAX" is not one of`,
		pool(`first_factors = ["EYES"]`):                                         `first_factors: "EYES"`,
		pool(`alias_attributes = ["name"]`):                                      `alias_attributes: "name"`,
		pool(`username_attributes = ["preferred_username"]`):                     `username_attributes: "preferred_username"`,
		pool(`auto_verified = ["name"]`):                                         `auto_verified: "name"`,
		pool(`identity_providers = ["Gogle"]`):                                   `identity_providers: "Gogle"`,
		pool(`custom_attributes = ["tenant"]`):                                   `custom_attributes: "tenant" is not a name such as custom:tenant`,
		pool(`temporary_password_validity = "-1h"`):                              `temporary_password_validity: -1h0m0s is negative`,
		pool(`alias_attributes = ["email"]`, `username_attributes = ["email"]`):  `exclude each other`,
		client(`prevent_user_existence_errors = "legacy"`):                       `pool a_b: app client c: prevent_user_existence_errors: "legacy" is not one of`,
		client(`explicit_auth_flows = ["ALLOW_SRP"]`):                            `explicit_auth_flows: "ALLOW_SRP" is not one of`,
		client(`explicit_auth_flows = ["ALLOW_USER_AUTH", "ADMIN_NO_SRP_AUTH"]`): `explicit_auth_flows: ALLOW_ names do not go with older ones`,
		client(`allowed_oauth_flows = ["password"]`):                             `allowed_oauth_flows: "password" is not one of`,
		client(`retry_grace = "61s"`):                                            `retry_grace: 1m1s is not between 0s and 1m0s`,
		client(`retry_grace = "-1s"`):                                            `retry_grace: -1s is not between`,
		client(`access_token_validity = "4m"`):                                   `access_token_validity: 4m0s is not between 5m0s and 24h0m0s`,
		client(`id_token_validity = "25h"`):                                      `id_token_validity: 25h0m0s is not between`,
		client(`refresh_token_validity = "59m"`):                                 `refresh_token_validity: 59m0s is not between 1h0m0s and`,
		client(`auth_session_validity = "16m"`):                                  `auth_session_validity: 16m0s is not between 3m0s and 15m0s`,
		user(`mfa = ["FAX"]`):                                                    `pool a_b: user u: mfa: "FAX" is not one of`,
		user(`preferred_mfa = "SMS_MFA"`):                                        `user u: preferred_mfa: "SMS_MFA" is not one of the user's mfa`,
		user(`device_tracking = "sometimes"`):                                    `user u: device_tracking: "sometimes"`,
		"[[pools]]\nid = 3":                                                      ":2:6 pools.id takes no integer",
		"x = ":                                                                   ":1:",
		"[[usage_plans]]\nkeys = [\"short-key\"]":                                "key 1 has 9 characters",
		"[[usage_plans]]\nperiod = \"YEAR\"":                                     `period "YEAR" is not DAY, WEEK or MONTH`,
		"[[pools]]\nid = \"us-east-1_A\"\nmfa = \"YES\"":                         `pool us-east-1_A: mfa: "YES" is not one of`,
		"[[pools]]\nid = \"nothing\"":                                            `the id "nothing" is none`,
		strings.Repeat("# a comment\n", MaxFile/12+1):                            "more than 1048576 bytes",
	})
}

func TestParseRoutesRefuses(t *testing.T) {
	t.Parallel()
	route := func(lines ...string) string { return "\n[[routes]]\npath = \"/x\"\n" + strings.Join(lines, "\n") }
	refusesSeeds(t, map[string]string{
		route(`colour = "x"`):            ":4:1 unknown key \"routes.colour\": there are api_key_required, audience, authorizer,",
		route(`ttl = "long"`):            `:4:7 a duration is text such as "90s", not "long"`,
		route(`ttl = 5`):                 `a duration is text such as "90s", not "5"`,
		"[[routes]]\npath = \"x\"":       `:1 x: the path "x" does not begin with /`,
		route(`authorizer = "oauth"`):    `:2 /x: authorizer "oauth" is not one of none, cognito,`,
		route(`method = "GET /"`):        `:2 GET / /x: the method "GET /" is none of`,
		route(`method = "get"`):          `:2 get /x: the method "get" is none of DELETE, GET,`,
		"[[routes]]\npath = \"/a/{b\"":   `:1 /a/{b: "{b" in the path is neither text nor {name} nor, at its end, {name+}`,
		"[[routes]]\npath = \"/{a+}/b\"": `"{a+}" in the path is neither`,
		"[[routes]]\npath = \"/a{b}\"":   `"a{b}" in the path is neither`,
		"[[routes]]\npath = \"/a/{}\"":   `"{}" in the path is neither`,
		"[[routes]]\npath = \"/a?b=c\"":  `the path "/a?b=c" ends before the ? of a query`,
		"[[routes]]\npath = \"/a\"\n[[routes]]\npath = \"/a\"\nmethod = \"ANY\"": `:3 ANY /a: the route is there already, in line 1`,
		route(`kind = "SOAP"`):                                                                 `kind "SOAP" is not REST or HTTP`,
		route(`kind = "HTTP"`, `authorizer = "cognito"`):                                       "the authorizer cognito is one of REST APIs",
		route(`kind = "HTTP"`, `api_key_required = true`):                                      "HTTP APIs have no API keys",
		route(`scopes = ["a"]`):                                                                "scopes is of no use with the authorizer none",
		route(`authorizer = "cognito"`, `audience = ["a"]`):                                    "audience is of no use with the authorizer cognito",
		route(`authorizer = "jwt"`, `handler_url = "http://[::1]"`):                            "handler_node or handler_url is of no use",
		route(`authorizer = "jwt"`, `validation = "a"`):                                        "validation is of no use",
		route(`authorizer = "cognito"`, `validation = "("`):                                    "is no regular expression",
		route(`authorizer = "lambda-token"`, `ttl = "2h"`):                                     "ttl 2h0m0s: API Gateway takes 0s to 1h",
		route(`authorizer = "lambda-token"`, `timeout = "2s"`):                                 "timeout is of no use",
		route(`authorizer = "lambda-token"`, `simple = true`):                                  "simple is of no use",
		route(`authorizer = "http-lambda"`, `payload_version = "3"`):                           `payload_version "3" is not 1.0 or 2.0`,
		route(`authorizer = "http-lambda"`, `payload_version = "1.0"`, `simple = true`):        "simple answers go with",
		route(`authorizer = "lambda-token"`, `handler_python = "gone.py:f"`):                   "gone.py",
		route(`authorizer = "lambda-token"`, `handler_url = "http://example.com"`):             "not on this machine",
		route(`authorizer = "lambda-token"`, `handler_python = "a:b"`, `handler_node = "a:b"`): "2 of them",
		route(`authorizer = "lambda-token"`, `identity_sources = ["$request.header.A"]`):       "takes method.request.header.NAME",
		route(`authorizer = "http-lambda"`, `identity_sources = ["method.request.header.A"]`):  "takes $request.header.NAME,",
		route(`authorizer = "lambda-request"`, `identity_sources = []`):                        "answers are kept by identity source",
		route(`authorizer = "cognito"`, `identity_sources = []`):                               "has one identity source, not 0",
		route(`authorizer = "cognito"`, `pool = "us-east-1_Other"`):                            `there is no user pool "us-east-1_Other"`,
		route(`authorizer = "cognito"`, `group = "a"`, `upstream = "http://127.0.0.1:1"`):      "an upstream looks at groups itself",
		route(`group = "a"`):                               "group is looked at by the echo",
		route(`upstream = "http://example.com"`):           "is not on this machine",
		route(`upstream = "http://169.254.169.254"`):       "is not on this machine",
		route(`upstream = "unix:///var/run/docker.sock"`):  "is no http address",
		route(`upstream = "http://u:hunter2@127.0.0.1:1"`): "an address and a path, and nothing else",
	})
}

// refusesSeeds wants each file refused at a place, for a reason, without its secrets.
func refusesSeeds(t *testing.T, texts map[string]string) {
	t.Helper()
	for text, want := range texts {
		_, err := ParseSeed([]byte(text), t.TempDir())
		var at *FileError
		if !errors.As(err, &at) {
			t.Errorf("%.60s: %v", text, err)
			continue
		}
		if got := at.Place() + " " + at.Error(); !strings.Contains(got, want) || strings.Contains(got, "hunter2") || strings.Contains(got, "short-key") {
			t.Errorf("%.60s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func FuzzParseSeed(f *testing.F) {
	f.Add([]byte(wholeFile))
	f.Add([]byte("[[routes]]\npath='/'\nauthorizer='lambda-token'\nhandler_command=['x']\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		seed, err := ParseSeed(data, ".")
		if err != nil {
			if at := (*FileError)(nil); !errors.As(err, &at) {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		for i, r := range seed.Routes {
			if err := r.check(); err != nil {
				t.Fatalf("route %d came through: %v", i, err)
			}
			_ = fmt.Sprint(r.ttl(), r.sources(), r.header())
		}
	})
}
