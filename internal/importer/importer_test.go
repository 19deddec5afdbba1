package importer

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told is what was found, as text.
func told(f Found) string {
	var b strings.Builder
	fmt.Fprintln(&b, f.Format)
	for _, key := range slices.Sorted(maps.Keys(f.Fields)) {
		for _, c := range f.Fields[key] {
			fmt.Fprintf(&b, "%s = %s (%s)\n", key, strings.Join(c.Values, " "), c.From)
		}
	}
	for _, a := range f.APIs {
		fmt.Fprintf(&b, "API %s %s (%s)\n", a.Name, a.URL, a.From)
	}
	if f.Profile != nil {
		fmt.Fprintf(&b, "profile %s\n", f.Profile.Name)
		for _, s := range f.Profile.Settings() {
			fmt.Fprintf(&b, "%s = %s\n", s.Key(), strings.Join(s.Values, " "))
		}
		for _, o := range f.Profile.Omitted {
			fmt.Fprintf(&b, "omitted: %s\n", o.Key)
		}
	}
	for _, left := range f.LeftOut {
		fmt.Fprintf(&b, "left out: %s\n", left)
	}
	if len(f.Secrets) > 0 {
		fmt.Fprintf(&b, "secrets: %d\n", len(f.Secrets))
	}
	return b.String()
}

// Files as the tools write them.
func TestFiles(t *testing.T) {
	t.Parallel()
	wants, err := filepath.Glob("testdata/*.want")
	if err != nil || len(wants) < 12 {
		t.Fatalf("%d files, %v", len(wants), err)
	}
	for _, want := range wants {
		name := strings.TrimSuffix(want, ".want")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		expected, err := os.ReadFile(want)
		if err != nil {
			t.Fatal(err)
		}
		found, err := Read(name, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(strings.ReplaceAll(string(expected), "\r\n", "\n"), told(found)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, secret := range found.Secrets {
			if len(secret) > 20 && strings.Contains(told(found), secret) {
				t.Errorf("%s: the secret is among what was found", name)
			}
		}
	}
}

// Parts of CloudFormation's answer, as --query cuts them out; and the bytes that
// PowerShell writes.
func TestForms(t *testing.T) {
	t.Parallel()
	const output = `{"OutputKey":"PoolId","OutputValue":"us-east-1_Ab12Cd34E"}`
	utf16 := []byte{0xff, 0xfe}
	for _, c := range []byte(`{"user_pool_id":"us-east-1_Ab12Cd34E"}`) {
		utf16 = append(utf16, c, 0)
	}
	for _, text := range []string{
		"[" + output + "]", `{"Outputs":[` + output + `]}`, `[{"StackName":"x","Outputs":[` + output + `]}]`, string(utf16),
		"\ufeff" + `{"user_pool_id":"us-east-1_Ab12Cd34E"}`, `{"issuer_url":"https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E"}`,
		`module.exports = {aws_user_pools_id: "us-east-1_Ab12Cd34E",}`, `export default {"aws_user_pools_id":"us-east-1_Ab12Cd34E"}`,
		"/* x */ var a = {'aws_user_pools_id': 'us-east-1_Ab12Cd34E'}\nmodule.exports = a",
		"profiles.a.user_pool_id = 'us-east-1_Ab12Cd34E'", " \n[profiles.a]\nuser_pool_id = 'us-east-1_Ab12Cd34E'",
		`{"CognitoUserPool":{"Default":{"PoolId":"us-east-1_Ab12Cd34E"}}}`,
	} {
		found, err := Read("x", []byte(text))
		if err != nil || !strings.Contains(told(found), "user_pool_id = us-east-1_Ab12Cd34E") {
			t.Errorf("%q: %v, %s", text, err, told(found))
		}
	}
}

// Answers to the questions of a sign-in are secrets, in both forms of an export; which
// of several ways is taken is none.
func TestAnswersAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"profiles":{"a":{"client_id":"abc","answers":{"color":"hunter2","animal":"cmd:id","SELECT_MFA_TYPE":"EMAIL_OTP","SELECT_X":"cmd:id"}}}}`,
		"[profiles.a]\nclient_id='abc'\n[profiles.a.answers]\ncolor='hunter2'\nanimal='cmd:id'\nSELECT_MFA_TYPE='EMAIL_OTP'\nSELECT_X='cmd:id'\n",
	} {
		found, err := Read("x", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		written := found.Profile.TOML()
		if strings.Contains(written, "hunter2") || strings.Contains(written, "cmd:id") || !strings.Contains(written, "SELECT_MFA_TYPE = \"EMAIL_OTP\"") || len(found.Profile.Omitted) != 3 {
			t.Errorf("%s became %s", text, written)
		}
	}
}

// What is refused, with what and where.
func TestRefusals(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for _, c := range []struct{ text, want string }{
		{"", "x is empty"},
		{strings.Repeat(" ", MaxSize+1), "x is larger than 1024 KiB"},
		{"{\"a\":\n \"\xff\"}", "x:2:3: not UTF-8 text"},
		{deep, "x:1:161: nested more than 32 deep"},
		{"[" + strings.Repeat("1,", maxMembers) + "1]", "more than 20000 values"},
		{"{\"a\": 1,\n \"a\": 2}", `x:2:2: the key "a" comes twice`},
		{`{"a": 1, "\u0061": 2}`, `x:1:10: the key "a" comes twice`},
		{"{\"auth\":\n {\"__proto__\": {}}}", `x:2:3: the key "__proto__" changes an object in JavaScript: refused`},
		{`{"constructor": {}}`, `x:1:2: the key "constructor" changes an object`},
		{"{\"a\": \"b\x07\"}", "x:1:9: a control character inside a string"},
		{`{"a\u001b[2J": 1}`, `x:1:2: the key "a\x1b[2J" holds a character that cannot be seen`},
		{`{"user_pool_id": "us-east-1_Ab12Cd34E", "client_id": "ab\u0007c"}`, "x:1:54: client_id: a value with characters that cannot be seen"},
		{`{"auth":{"user_pool_id":"us-east-1_Ab12Cd34E","user_pool_client_id":"a\u202eb"}}`, "x:1:69: auth.user_pool_client_id: a value with characters that cannot be seen"},
		{`{"auth":{"user_pool_id":"us-east-1_Ab12Cd34E","user_pool_client_id":"env:HOME"}}`, "auth.user_pool_client_id: looks like a reference to a secret"},
		{`{"auth":{"user_pool_id":"nope"}}`, `x:1:25: auth.user_pool_id: user_pool_id: "nope" is not a user pool id`},
		{`{"auth":{"user_pool_id":["us-east-1_Ab12Cd34E","us-east-1_Ab12Cd34F"]}}`, "auth.user_pool_id is a list, want one value"},
		{`{"auth":{"user_pool_id":7}}`, "x:1:25: auth.user_pool_id is a number, want a string"},
		{`{"auth":{"user_pool_id":"us-east-1_Ab12Cd34E","oauth":{"domain":"u:p@x.example"}}}`, "holds a user name or password"},
		{`{"auth":{"user_pool_id":"us-east-1_Ab12Cd34E"},"custom":{"API":{"a":{"endpoint":"http://a.example"}}}}`, "plain http"},
		{`{"auth":{"user_pool_id":"us-east-1_Ab12Cd34E","user_pool_client_id":"` + strings.Repeat("x", 3000) + `"}}`, "a value of 3000 characters"},
		{`{"version": "1.4", "data": {"url": "https://x.example/graphql"}}`, "(Amplify Gen 2 (amplify_outputs.json)) holds nothing that a profile can be made of"},
		{`{}`, "holds nothing that a profile can be made of"},
		{`"us-east-1_Ab12Cd34E"`, "x:1:1: want an object, not a string"},
		{`{"a": 1} {"b": 2}`, "x:1:10: '{' after the end of the JSON value"},
		{`{"a": 01}`, "x:1:7: a number that is none"},
		{`{"a": tru}`, `x:1:7: "tru", want a literal`},
		{`{"a": "\ud800"}`, "half of a surrogate pair"},
		{`{"a": "\x41"}`, "an escape that is none"},
		{`{"a": "b`, "a string that never ends"},
		{`{"a" 1}`, `x:1:6: '1', want ':' behind the key`},
		{`{'a': 1}`, `x:1:2: '\'', want a key`},
		{`{"a": 1,}`, "x:1:9: '}', want a key"},
		{`// c`, "no object literal"},
		{`const a = {x: process.env.HOME};`, `x:1:15: "process", want a literal`},
		{"const a = {x: `t`};", "want a literal"},
		{`const a = {...b};`, "'.', want a key"},
		{`const a = {[b]: 1};`, "'[', want a key"},
		{`const a = {x() {}};`, "want ':' behind the key"},
		{`const a = {get x() { return 1 }};`, "want ':' behind the key"},
		{`const a = {} || b;`, "behind the object literal, which is then no literal"},
		{"const a = {}\n(b)", "behind the object literal"},
		{"const a = {}\n.b", "behind the object literal"},
		{"const a = {}\nin b", "behind the object literal"},
		{"const a = {x: 1};\nfetch('https://x.example');", `x:2:1: "fetch" is code, which is not run`},
		{`import x from 'y'; const a = {};`, `"import" is code`},
		{`const a = {}; const b = {};`, "a second object literal"},
		{`const a = {}; export default b;`, `"b", want the object literal or its name`},
		{`const a = {__proto__: {}};`, `"__proto__" changes an object`},
		{`const a = {x: 1, 'x': 2};`, `"x" comes twice`},
		{`const a = 1;`, "want an object literal"},
		{`/* never`, "a comment that never ends"},
		{`{"Outputs":[{"OutputKey":"a"}]}`, "output 1 has no OutputKey and OutputValue"},
		{`[1]`, "output 1 has no OutputKey and OutputValue"},
		{`{"Stacks":[]}`, "(CloudFormation outputs) holds nothing"},
		{`{"profiles":{"a":{},"b":{}}}`, "want an object with one profile"},
		{`{"profiles":{"a b":{}}}`, `"a b" is not a name`},
		{`{"profiles":{"a":{"nope":"x"}}}`, `"nope" is not a setting that a profile can hold`},
		{`{"profiles":{"a":{"client_id":"env:X"}}}`, "takes no reference"},
		{`{"profiles":{"a":{"client_id":1}}}`, "client_id is a number"},
		{`{"profiles":{"a":{"username":"a\u0000"}}}`, "characters that cannot be seen"},
		{"[profiles.a]\nusername = \"a\\u0007\"", "has control characters"},
		{"[profiles.a]\n[profiles.b]\n", "holds 2 profiles"},
		{"profiles = 1", "takes a table"},
		{"[profiles.a", "x:1:11: "},
		{`{"issuer": 1, "jwks_uri": "https://x.example"}`, "issuer is a number"},
		{`{"issuer": "http://x.example", "jwks_uri": "https://x.example"}`, "plain http"},
		{`nonsense`, `x:1:1: "nonsense", want a literal`},
	} {
		found, err := Read("x", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80q: %v, want %q (found %s)", c.text, err, c.want, told(found))
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x07\x1b\u202e") {
			t.Errorf("%.80q: the error holds what steers a terminal: %q", c.text, err)
		}
	}
}

func TestGuess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{"UserPoolClient", "4hq2m1s8c0v7d9e6k3b5n2r8t1", "client_id = "},
		{"facebook_client_id", "4hq2m1s8c0v7d9e6k3b5n2r8t1", ""},
		{"client_id", "has.dots.example", ""},
		{"cognito_client_secret", "4hq2m1s8c0v7d9e6k3b5n2r8t1", "secrets: 1"},
		{"secret_arn", "arn:aws:secretsmanager:x", ""},
		{"pool", "us-east-1_Ab12Cd34E", "user_pool_id = us-east-1_Ab12Cd34E"},
		{"user_pool_id", "local_1a2B3c4D", "user_pool_id = local_1a2B3c4D"},
		{"identity_pool_id", "us-east-1:11112222-3333-4444-5555-666677778888", "identity_pool_id = "},
		{"table", "some/us-east-1_Ab12Cd34E", ""},
		{"auth_domain", "login.example.com", "domain = https://login.example.com"},
		{"anything", "x.auth.us-east-1.amazoncognito.com", "domain = https://x.auth"},
		{"auth_domain", "d1.cloudfront.net", ""},
		{"auth_domain", "just-a-prefix", "left out: auth_domain: a domain's prefix without a region"},
		{"aws_region", "eu-west-3", "region = eu-west-3"},
		{"aws_region", "everywhere", ""},
		{"issuer", "https://login.salesforce.com", "issuer = https://login.salesforce.com"},
		{"website_url", "https://www.example.com", ""},
		{"service_endpoint", "https://abc.lambda-url.us-east-1.on.aws/", "API service https://abc.lambda-url"},
		{"HTTPApiURL", "https://abc.execute-api.us-east-1.amazonaws.com", "API  https://abc."},
		{"OrdersV2Api", "https://o.example.com", "API orders-v2 https://o.example.com"},
		{"api_url", "http://insecure.example", ""},
	} {
		found, err := Read("x", fmt.Appendf(nil, "{%q: %q}", c.name, c.value))
		if got := told(found); c.want == "" && err == nil || !strings.Contains(got, c.want) {
			t.Errorf("%s = %s: %v, %q, want %q", c.name, c.value, err, got, c.want)
		}
	}
}

func TestOfIssuer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ issuer, authorization, want string }{
		{"https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E", "https://x.example/oauth2/authorize", "domain = https://x.example (the issuer's document)\nuser_pool_id = us-east-1_Ab12Cd34E"},
		{"http://127.0.0.1:9400/us-east-1_Sandbox01", "", "endpoints.user_pool = http://127.0.0.1:9400 (the issuer's document)\nuser_pool_id = us-east-1_Sandbox01"},
		{"https://login.salesforce.com", "https://login.salesforce.com/services/oauth2/authorize", "issuer = https://login.salesforce.com"},
		{"https://evil.example/us-east-1_Ab12Cd34E", "https://x.example/oauth2/authorize", "issuer = https://evil.example/us-east-1_Ab12Cd34E"},
		{"https://cognito-idp.eu-west-1.amazonaws.com/us-east-1_Ab12Cd34E", "", "issuer = https://cognito-idp.eu-west-1"},
	} {
		found, err := OfIssuer(c.issuer, c.authorization)
		if err != nil || !strings.Contains(told(found), c.want) {
			t.Errorf("%s: %v, %s", c.issuer, err, told(found))
		}
	}
	if _, err := OfIssuer("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E", "http://x.example/oauth2/authorize"); err == nil {
		t.Error("a domain by plain http was taken")
	}
}

// Whatever comes in, nothing panics, and what is found can be written.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.js*")
	more, _ := filepath.Glob("testdata/*.toml")
	for _, name := range append(files, more...) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		found, err := Read("x", data)
		if err != nil {
			return
		}
		for key, candidates := range found.Fields {
			for _, c := range candidates {
				for _, v := range c.Values {
					if unprintable(v) || unprintable(c.From) || checkValue(key, v) != nil {
						t.Fatalf("%s = %q (%q)", key, v, c.From)
					}
				}
			}
		}
		names := map[string]bool{}
		for _, a := range found.APIs {
			if names[a.Name] || unprintable(a.URL) || unprintable(a.From) || checkValue("api.url", a.URL) != nil || len(a.Name) > 64 {
				t.Fatalf("API %q %q", a.Name, a.URL)
			}
			names[a.Name] = true
		}
	})
}

// FuzzScript: what is taken for a literal is one to a reader of JSON too, once
// its notation is that of JSON.
func FuzzScript(f *testing.F) {
	f.Add("const a = {x: 'y', 'z': [1, true, null,], /* c */};\nexport default a;")
	f.Add("module.exports = {a: {b: -1.5e3}} // end")
	f.Fuzz(func(t *testing.T, text string) {
		if !isUTF8(text) {
			return // Read looks first
		}
		n, err := readScript("x", text)
		if err != nil {
			return
		}
		again, err := readJSON("x", asJSON(n))
		if err != nil || asJSON(again) != asJSON(n) {
			t.Fatalf("%q is read as %s (%v)", text, asJSON(n), err)
		}
	})
}
