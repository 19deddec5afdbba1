package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/cogctl/cogctl/internal/sigv4"
)

// signerAt is the SDK's signer by the sandbox's clock, which stands still.
type signerAt func() time.Time

func (now signerAt) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, payloadHash, service, region string, _ time.Time, options ...func(*v4.SignerOptions)) error {
	return v4.NewSigner().SignHTTP(ctx, c, r, payloadHash, service, region, now(), options...)
}

// signedBy is a request of somebody's with credentials, as of the sandbox's
// clock. The last of header is Content-Type, X-Amz-Target and so on, in pairs.
func signedBy(t *testing.T, s *Sandbox, c sigv4.Credentials, service, method, address, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if _, err := new(sigv4.Signer).Sign(r, sigv4.PayloadHash([]byte(body)), c, sigv4.Scope{Region: Region, Service: service}, s.now()); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func sessionOf(t *testing.T, s *Sandbox, logins string) sigv4.Credentials {
	t.Helper()
	_, c := awsCredentials(t, s, DefaultIdentityPoolID, logins)
	return sigv4.Credentials{AccessKeyID: c["AccessKeyId"].(string), SecretAccessKey: c["SecretKey"].(string), SessionToken: c["SessionToken"].(string)}
}

// TestIAMRoutes lets everybody try every route.
func TestIAMRoutes(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	at := s.Endpoints()
	people := map[string]sigv4.Credentials{
		"guest":     sessionOf(t, s, ""),
		"bob":       sessionOf(t, s, logins(annsLogin, idToken(t, s, "bob"))),
		"ann":       sessionOf(t, s, logins(annsLogin, idToken(t, s, "ann"))),
		"google":    sessionOf(t, s, logins(GoogleLogin, googleToken(t, s, "gina@example.org"))),
		"developer": {AccessKeyID: at.AccessKeyID, SecretAccessKey: at.SecretAccessKey},
	}
	for route, allowed := range map[string]string{
		"GET /iam/whoami":  "bob ann google developer",
		"GET /iam/http":    "bob ann google developer",
		"GET /iam/google":  "google developer",
		"GET /iam/guest":   "guest bob ann google developer",
		"POST /iam/upload": "bob ann google developer",
	} {
		method, path, _ := strings.Cut(route, " ")
		body := ""
		if method == "POST" {
			body = "some bytes"
		}
		for name, c := range people {
			status, text := signedBy(t, s, c, "execute-api", method, at.API+path+"?a=1", body)
			if strings.Contains(" "+allowed+" ", " "+name+" ") {
				if status != 200 {
					t.Errorf("%s by %s: %d %s", route, name, status, text)
				}
				continue
			}
			want := `{"message":"Forbidden"}`
			if path != "/iam/http" {
				want = " is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:sandboxapi/dev/" + method + path + `"}`
			}
			if status != 403 || !strings.HasSuffix(text, want) {
				t.Errorf("%s by %s: %d %s", route, name, status, text)
			}
		}
	}
	status, text := signedBy(t, s, people["bob"], "execute-api", "GET", at.API+"/iam/whoami", "")
	var who map[string]any
	if status != 200 || json.Unmarshal([]byte(text), &who) != nil ||
		who["userArn"] != "arn:aws:sts::123456789012:assumed-role/authenticated/CognitoIdentityCredentials" ||
		who["cognitoIdentityPoolId"] != DefaultIdentityPoolID || who["cognitoAuthenticationType"] != "authenticated" ||
		!strings.HasPrefix(who["cognitoAuthenticationProvider"].(string), annsLogin+","+annsLogin+":CognitoSignIn:") {
		t.Errorf("%d %s", status, text)
	}
	if res, body := get(t, "GET", at.API+"/iam/whoami", nil); res.StatusCode != 403 || body != `{"message":"Missing Authentication Token"}` {
		t.Errorf("unsigned: %d %s", res.StatusCode, body)
	}
	s.Advance(time.Hour)
	if status, text := signedBy(t, s, people["bob"], "execute-api", "GET", at.API+"/iam/whoami", ""); status != 403 || text != `{"message":"The security token included in the request is expired"}` {
		t.Errorf("an hour later: %d %s", status, text)
	}
	if status, _ := signedBy(t, s, people["developer"], "execute-api", "GET", at.API+"/iam/whoami", ""); status != 200 {
		t.Error("a user's key has ended")
	}
}

// TestCallerIdentity asks STS who signs.
func TestCallerIdentity(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	at := s.Endpoints()
	developer := sigv4.Credentials{AccessKeyID: at.AccessKeyID, SecretAccessKey: at.SecretAccessKey}
	form := url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}.Encode()
	ask := func(c sigv4.Credentials, service string) (int, string) {
		return signedBy(t, s, c, service, "POST", at.Cloud+"/", form, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	if status, text := ask(developer, "sts"); status != 200 || !strings.Contains(text, "<Arn>"+developerARN+"</Arn>") || !strings.Contains(text, "<Account>123456789012</Account>") {
		t.Errorf("%d %s", status, text)
	}
	guest := sessionOf(t, s, "")
	if status, text := ask(guest, "sts"); status != 200 || !strings.Contains(text, "<Arn>arn:aws:sts::123456789012:assumed-role/guest/CognitoIdentityCredentials</Arn>") {
		t.Errorf("%d %s", status, text)
	}
	wrong, unknown, tokenless := developer, developer, guest
	wrong.SecretAccessKey, unknown.AccessKeyID, tokenless.SessionToken = "wrong", "AKIAUNKNOWN000000000", ""
	for _, tt := range []struct {
		c       sigv4.Credentials
		service string
		status  int
		code    string
	}{
		{wrong, "sts", 403, "SignatureDoesNotMatch"},
		{developer, "iam", 403, "SignatureDoesNotMatch"},
		{unknown, "sts", 403, "InvalidClientTokenId"},
		{tokenless, "sts", 403, "InvalidClientTokenId"},
	} {
		if status, text := ask(tt.c, tt.service); status != tt.status || !strings.Contains(text, "<Code>"+tt.code+"</Code>") {
			t.Errorf("%s: %d %s", tt.code, status, text)
		}
	}
	if status, text := assumeRole(t, s, url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}); status != 403 || !strings.Contains(text, "MissingAuthenticationToken") {
		t.Errorf("%d %s", status, text)
	}
	s.Advance(time.Hour)
	if status, text := ask(guest, "sts"); status != 403 || !strings.Contains(text, "<Code>ExpiredToken</Code>") {
		t.Errorf("%d %s", status, text)
	}
}

// TestDescribeIdentityPool is for those who may.
func TestDescribeIdentityPool(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	at := s.Endpoints()
	developer := sigv4.Credentials{AccessKeyID: at.AccessKeyID, SecretAccessKey: at.SecretAccessKey}
	ask := func(c sigv4.Credentials, operation, body string) (int, string) {
		return signedBy(t, s, c, "cognito-identity", "POST", at.Cloud+"/", body, "X-Amz-Target", "AWSCognitoIdentityService."+operation, "Content-Type", "application/x-amz-json-1.1")
	}
	pool := `{"IdentityPoolId":"` + DefaultIdentityPoolID + `"}`
	for _, tt := range []struct{ operation, body, want string }{
		{"ListIdentityPools", `{"MaxResults":10}`, `"IdentityPoolId":"` + ClassicIdentityPoolID + `"`},
		{"DescribeIdentityPool", pool, `"AllowUnauthenticatedIdentities":true`},
		{"GetIdentityPoolRoles", pool, `"authenticated":"` + AuthenticatedRole + `"`},
	} {
		if status, text := ask(developer, tt.operation, tt.body); status != 200 || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %d %s", tt.operation, status, text)
		}
		if status, text := ask(sessionOf(t, s, ""), tt.operation, tt.body); status != 400 || !strings.Contains(text, "AccessDeniedException") {
			t.Errorf("%s by a guest: %d %s", tt.operation, status, text)
		}
		if status, answer := cloudCall(t, s, "AWSCognitoIdentityService."+tt.operation, tt.body); status != 400 || answer["__type"] != "MissingAuthenticationTokenException" {
			t.Errorf("%s unsigned: %d %v", tt.operation, status, answer)
		}
	}
}

// TestSecrets reads secrets as the developer, and not as a guest.
func TestSecrets(t *testing.T) {
	t.Parallel()
	seed := DefaultSeed()
	s, _ := run(t, seed)
	at := s.Endpoints()
	developer := sigv4.Credentials{AccessKeyID: at.AccessKeyID, SecretAccessKey: at.SecretAccessKey}
	guest := sessionOf(t, s, "")
	ask := func(c sigv4.Credentials, service, target, body string) (int, string) {
		return signedBy(t, s, c, service, "POST", at.Cloud+"/", body, "X-Amz-Target", target, "Content-Type", "application/x-amz-json-1.1")
	}
	const getSecret, getParameter = "secretsmanager.GetSecretValue", "AmazonSSM.GetParameter"
	var answer struct{ ARN, SecretString string }
	status, text := ask(developer, "secretsmanager", getSecret, `{"SecretId":"app_secrets"}`)
	if status != 200 || json.Unmarshal([]byte(text), &answer) != nil || !strings.Contains(answer.SecretString, machineSecret(s)) {
		t.Fatalf("%d %s", status, text)
	}
	for _, tt := range []struct {
		name, service, target, body string
		status                      int
		want                        string
	}{
		{"whole ARN", "secretsmanager", getSecret, `{"SecretId":"` + answer.ARN + `"}`, 200, `"Name":"app_secrets"`},
		{"ARN without its end", "secretsmanager", getSecret, `{"SecretId":"` + answer.ARN[:len(answer.ARN)-7] + `"}`, 200, `"Name":"app_secrets"`},
		{"binary", "secretsmanager", getSecret, `{"SecretId":"sandbox/binary"}`, 200, `"SecretBinary":"AAECAw=="`},
		{"missing", "secretsmanager", getSecret, `{"SecretId":"nothing"}`, 400, `{"__type":"ResourceNotFoundException","message":"Secrets Manager can't find the specified secret."}`},
		{"old version", "secretsmanager", getSecret, `{"SecretId":"app_secrets","VersionStage":"AWSPREVIOUS"}`, 400, "ResourceNotFoundException"},
		{"other operation", "secretsmanager", "secretsmanager.DeleteSecret", `{}`, 400, "UnknownOperationException"},
		{"other service", "ssm", getSecret, `{"SecretId":"app_secrets"}`, 400, "Credential should be scoped to correct service: 'secretsmanager'."},
		{"parameter", "ssm", getParameter, `{"Name":"` + SecretParameter + `","WithDecryption":true}`, 200, seed.Parameters[0].Value},
		{"missing parameter", "ssm", getParameter, `{"Name":"/nothing","WithDecryption":true}`, 400, "ParameterNotFound"},
	} {
		if status, text := ask(developer, tt.service, tt.target, tt.body); status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %d %s", tt.name, status, text)
		}
	}
	if _, text := ask(developer, "ssm", getParameter, `{"Name":"`+SecretParameter+`"}`); strings.Contains(text, seed.Parameters[0].Value) || !strings.Contains(text, `"SecureString"`) {
		t.Errorf("without decryption: %s", text)
	}
	if status, text := ask(guest, "secretsmanager", getSecret, `{"SecretId":"app_secrets"}`); status != 400 || !strings.Contains(text,
		`"AccessDeniedException","message":"User: arn:aws:sts::123456789012:assumed-role/guest/CognitoIdentityCredentials is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:app_secrets-`) {
		t.Errorf("a guest: %d %s", status, text)
	}
	if status, answer := cloudCall(t, s, getSecret, `{"SecretId":"app_secrets"}`); status != 400 || answer["__type"] != "MissingAuthenticationTokenException" {
		t.Errorf("unsigned: %d %v", status, answer)
	}
}

// TestAdminSignatures: the operations with AWS credentials are for those who have
// some, and may.
func TestAdminSignatures(t *testing.T) {
	t.Parallel()
	s, _ := run(t, DefaultSeed())
	at := s.Endpoints()
	developer := sigv4.Credentials{AccessKeyID: at.AccessKeyID, SecretAccessKey: at.SecretAccessKey}
	wrong, unknown := developer, developer
	wrong.SecretAccessKey, unknown.AccessKeyID = "wrong", "AKIDEXAMPLE000000000"
	for _, tt := range []struct {
		c             sigv4.Credentials
		service, pool string
		status        int
		want          string
	}{
		{developer, "cognito-idp", DefaultPoolID, 200, `"Username":"ann"`},
		{developer, "cognito-idp", Region + "_Nowhere", 400, "ResourceNotFoundException"},
		{wrong, "cognito-idp", DefaultPoolID, 400, "InvalidSignatureException"},
		{unknown, "cognito-idp", DefaultPoolID, 400, "UnrecognizedClientException"},
		{developer, "execute-api", DefaultPoolID, 400, "Credential should be scoped to correct service: 'cognito-idp'."},
		{sessionOf(t, s, ""), "cognito-idp", DefaultPoolID, 400, "is not authorized to perform: cognito-idp:AdminGetUser on resource: arn:aws:cognito-idp:us-east-1:123456789012:userpool/" + DefaultPoolID},
	} {
		status, text := signedBy(t, s, tt.c, tt.service, "POST", at.Cloud+"/", `{"UserPoolId":"`+tt.pool+`","Username":"ann"}`,
			"X-Amz-Target", "AWSCognitoIdentityProviderService.AdminGetUser", "Content-Type", "application/x-amz-json-1.1")
		if status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %d %s", tt.want, status, text)
		}
	}
}
