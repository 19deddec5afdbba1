package sandbox

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// cloudCall is an operation of one of the JSON services, unsigned.
func cloudCall(t *testing.T, s *Sandbox, target, body string) (status int, answer map[string]any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.Endpoints().Cloud+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer
}

const annsLogin = "cognito-idp.us-east-1.amazonaws.com/" + DefaultPoolID

// logins is the member Logins of a request.
func logins(pairs ...string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	text, _ := json.Marshal(map[string]any{"Logins": m})
	return strings.TrimSuffix(strings.TrimPrefix(string(text), "{"), "}")
}

func idToken(t *testing.T, s *Sandbox, user string) string {
	t.Helper()
	out, err := passwordIn(t, s, user)
	if err != nil {
		t.Fatal(err)
	}
	return *out.AuthenticationResult.IdToken
}

// googleToken is what Google would give to the app.
func googleToken(t *testing.T, s *Sandbox, email string) string {
	t.Helper()
	var out struct {
		IDToken string `json:"id_token"`
	}
	control(t, s, "GET", "/standin/Google/token?email="+url.QueryEscape(email), "", 200, &out)
	return out.IDToken
}

// getID asks for an identity.
func getID(t *testing.T, s *Sandbox, pool, logins string) string {
	t.Helper()
	body := `{"IdentityPoolId":"` + pool + `"`
	if logins != "" {
		body += "," + logins
	}
	status, answer := cloudCall(t, s, "AWSCognitoIdentityService.GetId", body+"}")
	if status != 200 {
		t.Fatalf("GetId: %d %v", status, answer)
	}
	return answer["IdentityId"].(string)
}

// awsCredentials runs the enhanced flow.
func awsCredentials(t *testing.T, s *Sandbox, pool, logins string) (id string, credentials map[string]any) {
	t.Helper()
	id = getID(t, s, pool, logins)
	body := `{"IdentityId":"` + id + `"`
	if logins != "" {
		body += "," + logins
	}
	status, answer := cloudCall(t, s, "AWSCognitoIdentityService.GetCredentialsForIdentity", body+"}")
	if status != 200 {
		t.Fatalf("GetCredentialsForIdentity: %d %v", status, answer)
	}
	return id, answer["Credentials"].(map[string]any)
}

// TestEnhancedFlow gives each kind of identity its role.
func TestEnhancedFlow(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	ann, bob := idToken(t, s, "ann"), idToken(t, s, "bob")
	local := strings.TrimPrefix(s.Endpoints().Issuer, "http://")
	google := googleToken(t, s, "gina@example.org")
	for _, tt := range []struct{ name, logins, role, amr string }{
		{"guest", "", GuestRole, "unauthenticated"},
		{"preferred role", logins(annsLogin, ann), AdminRole, "authenticated"},
		{"authenticated", logins(annsLogin, bob), AuthenticatedRole, "authenticated"},
		{"by the issuer's address", logins(local, bob), AuthenticatedRole, "authenticated"},
		{"by rules", logins(GoogleLogin, google), GoogleRole, "authenticated"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, got := awsCredentials(t, s, DefaultIdentityPoolID, tt.logins)
			key, known := s.store.Key(got["AccessKeyId"].(string))
			if !known || key.Role != tt.role || key.IdentityID != id || key.AMR[0] != tt.amr {
				t.Errorf("%+v, want the role %s of %s", key, tt.role, id)
			}
			if got["SecretKey"] != key.SecretAccessKey || got["SessionToken"] != key.SessionToken || got["Expiration"] != float64(start.Add(time.Hour).Unix()) {
				t.Errorf("answer %v", got)
			}
			if !strings.HasPrefix(key.ARN, "arn:aws:sts::123456789012:assumed-role/") || !strings.HasSuffix(key.ARN, "/CognitoIdentityCredentials") {
				t.Errorf("ARN %s", key.ARN)
			}
		})
	}
	if a, b := getID(t, s, DefaultIdentityPoolID, logins(annsLogin, bob)), getID(t, s, DefaultIdentityPoolID, logins(local, bob)); a != b {
		t.Errorf("one login, two identities: %s %s", a, b)
	}
	if a, b := getID(t, s, DefaultIdentityPoolID, ""), getID(t, s, DefaultIdentityPoolID, ""); a == b {
		t.Errorf("two guests, one identity")
	}
}

// TestClassicFlow goes by STS.
func TestClassicFlow(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	login := logins(annsLogin, idToken(t, s, "bob"))
	id := getID(t, s, ClassicIdentityPoolID, login)
	status, answer := cloudCall(t, s, "AWSCognitoIdentityService.GetOpenIdToken", `{"IdentityId":"`+id+`",`+login+`}`)
	if status != 200 || answer["IdentityId"] != id {
		t.Fatalf("%d %v", status, answer)
	}
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {AuthenticatedRole},
		"RoleSessionName": {"bob"}, "WebIdentityToken": {answer["Token"].(string)}, "DurationSeconds": {"900"},
	}
	var out struct {
		Arn         string    `xml:"AssumeRoleWithWebIdentityResult>AssumedRoleUser>Arn"`
		AccessKeyID string    `xml:"AssumeRoleWithWebIdentityResult>Credentials>AccessKeyId"`
		Expiration  time.Time `xml:"AssumeRoleWithWebIdentityResult>Credentials>Expiration"`
	}
	if status, body := assumeRole(t, s, form); status != 200 || xml.Unmarshal([]byte(body), &out) != nil {
		t.Fatalf("%d %s", status, body)
	}
	key, known := s.store.Key(out.AccessKeyID)
	if !known || out.Arn != "arn:aws:sts::123456789012:assumed-role/authenticated/bob" || key.IdentityID != id || !out.Expiration.Equal(start.Add(15*time.Minute)) {
		t.Errorf("%+v %+v", out, key)
	}
	for _, tt := range []struct {
		name, field, value string
		status             int
		code               string
	}{
		{"another's role", "RoleArn", GuestRole, 403, "AccessDenied"},
		{"no such role", "RoleArn", rolePrefix + "nobody", 403, "AccessDenied"},
		{"a user pool's token", "WebIdentityToken", idToken(t, s, "bob"), 400, "InvalidIdentityToken"},
		{"no token", "WebIdentityToken", "x", 400, "InvalidIdentityToken"},
		{"changed", "WebIdentityToken", tampered(answer["Token"].(string)), 400, "InvalidIdentityToken"},
		{"too long", "DurationSeconds", "10000", 400, "ValidationError"},
		{"too short", "DurationSeconds", "899", 400, "ValidationError"},
		{"session name", "RoleSessionName", "a b", 400, "ValidationError"},
		{"nothing", "RoleArn", "", 400, "ValidationError"},
		{"policy", "Policy", "{}", 400, "ValidationError"},
		{"action", "Action", "AssumeRoot", 400, "InvalidAction"},
		{"version", "Version", "2000-01-01", 400, "InvalidAction"},
	} {
		changed := url.Values{}
		for name := range form {
			changed.Set(name, form.Get(name))
		}
		changed.Set(tt.field, tt.value)
		if status, body := assumeRole(t, s, changed); status != tt.status || !strings.Contains(body, "<Code>"+tt.code+"</Code>") {
			t.Errorf("%s: %d %s", tt.name, status, body)
		}
	}
	s.Advance(11 * time.Minute)
	if status, body := assumeRole(t, s, form); status != 400 || !strings.Contains(body, "ExpiredTokenException") {
		t.Errorf("%d %s", status, body)
	}
}

// tampered changes a bit of the signature.
func tampered(token string) string {
	at := strings.LastIndexByte(token, '.') + 10
	c := byte('A')
	if token[at] == c {
		c = 'B'
	}
	return token[:at] + string(c) + token[at+1:]
}

func assumeRole(t *testing.T, s *Sandbox, form url.Values) (int, string) {
	t.Helper()
	res, err := http.PostForm(s.Endpoints().Cloud+"/", form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestIdentityPoolsOfAFile: identity pools go with the pool of a file, unless it
// has its own.
func TestIdentityPoolsOfAFile(t *testing.T) {
	t.Parallel()
	const pools = "[[pools]]\nid = \"eu-central-1_Mine\"\n[[pools.clients]]\nid = \"web\"\n"
	seed, err := ParseSeed([]byte(pools), ".")
	if err != nil || len(seed.IdentityPools) != 2 || seed.IdentityPools[0].ID != "eu-central-1"+identityPoolName+"1" ||
		seed.IdentityPools[0].CognitoProviders[0] != (store.CognitoProvider{PoolID: "eu-central-1_Mine", ClientID: "web", ServerSideTokenCheck: true}) {
		t.Fatalf("%v %+v", err, seed.IdentityPools)
	}
	const own = `
[[identity_pools]]
id = "eu-central-1:11111111-0000-4000-8000-000000000001"
allow_classic_flow = true
authenticated_role = "arn:aws:iam::123456789012:role/reader"
cognito_providers = [{ pool_id = "eu-central-1_Mine", client_id = "web" }]
[[roles]]
arn = "arn:aws:iam::123456789012:role/reader"
max_session = "4h"
policy = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}}"""
[[secrets]]
name = "mine"
text = "hush"
[[parameters]]
name = "/mine"
value = "hush"
`
	seed, err = ParseSeed([]byte(pools+own), ".")
	if err != nil || len(seed.IdentityPools) != 1 || !seed.IdentityPools[0].AllowClassicFlow || len(seed.Roles) != 1 || seed.Roles[0].MaxSession != 4*time.Hour ||
		seed.Secrets[0].Text != "hush" || seed.Parameters[0].Value != "hush" {
		t.Fatalf("%v %+v", err, seed)
	}
	if _, err := New(Options{Seed: seed, Now: time.Now}); err != nil {
		t.Error(err)
	}
	for name, broken := range map[string]string{
		"policy":   strings.Replace(own, `"Effect":"Allow"`, `"Effect":"Maybe"`, 1),
		"role":     strings.Replace(own, `arn = "arn:aws:iam`, `arn = "arn:aws:s3`, 1),
		"provider": strings.Replace(own, "allow_classic_flow = true", "login_providers = { \"graph.facebook.com\" = \"x\" }", 1),
		"twice":    own + "[[secrets]]\nname = \"mine\"\n",
	} {
		seed, err := ParseSeed([]byte(pools+broken), ".")
		if err == nil {
			_, err = New(Options{Seed: seed, Now: time.Now})
		}
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
