package secret

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cogctl/cogctl/internal/redact"
	"github.com/cogctl/cogctl/internal/sigv4"
)

// AWS reads secrets of AWS Secrets Manager and parameters of Systems Manager's
// Parameter Store, by one signed POST each (AWS JSON 1.1). What was read stays in
// memory until the process ends, so that several references to one secret ask
// once. It is safe for concurrent use; the fields are not changed meanwhile.
type AWS struct {
	// Credentials are those of the caller, asked for when they are first wanted.
	Credentials func(context.Context) (sigv4.Credentials, error)
	Region      string // where a reference does not say; "" when nobody knows
	// SecretsManager and SSM replace AWS's own addresses; "" does not.
	SecretsManager, SSM string
	Client              *http.Client // must follow no redirect, and bound what it reads
	Now                 func() time.Time

	mu     sync.Mutex
	signer sigv4.Signer
	known  map[string]string
}

// secretsManager reads NAME, NAME#KEY, or the same with an ARN in place of the
// name. KEY is a member of the JSON object that the secret is.
func (a *AWS) secretsManager(ctx context.Context, rest string) (string, error) {
	id, key, keyed := strings.Cut(rest, "#")
	if id == "" || keyed && key == "" || strings.ContainsAny(id, " \t\r\n") {
		return "", errors.New("name a secret, or one key of it: secretsmanager:NAME#KEY")
	}
	text, err := a.once("secretsmanager:"+id, func() (string, error) { return a.getSecret(ctx, id) })
	if err != nil || !keyed {
		return text, err
	}
	members, err := Members(text)
	if err != nil {
		return "", err
	}
	return members.Text(key)
}

// parameter reads a parameter, decrypted.
func (a *AWS) parameter(ctx context.Context, name string) (string, error) {
	if name == "" || strings.ContainsAny(name, " \t\r\n") {
		return "", errors.New("name a parameter: ssm:/path/name")
	}
	return a.once("ssm:"+name, func() (string, error) { return a.getParameter(ctx, name) })
}

// once asks for a value that is not known yet; nobody asks twice at a time.
func (a *AWS) once(key string, get func() (string, error)) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if value, ok := a.known[key]; ok {
		return value, nil
	}
	value, err := get()
	if err != nil {
		return "", err
	}
	if a.known == nil {
		a.known = map[string]string{}
	}
	a.known[key] = value
	return value, nil
}

func (a *AWS) getSecret(ctx context.Context, id string) (string, error) {
	var out struct {
		SecretString *string
		SecretBinary []byte
	}
	c := awsCall{service: "secretsmanager", target: "secretsmanager.GetSecretValue", endpoint: a.SecretsManager, region: a.regionOf(id)}
	if err := a.post(ctx, c, map[string]any{"SecretId": id}, &out); err != nil {
		return "", err
	}
	switch {
	case out.SecretString == nil && out.SecretBinary != nil:
		return "", errors.New("the secret is binary (SecretBinary); only text (SecretString) can be read")
	case out.SecretString == nil:
		return "", errors.New("the answer holds no SecretString")
	}
	return *out.SecretString, nil
}

func (a *AWS) getParameter(ctx context.Context, name string) (string, error) {
	var out struct{ Parameter struct{ Value *string } }
	c := awsCall{service: "ssm", target: "AmazonSSM.GetParameter", endpoint: a.SSM, region: a.regionOf(name)}
	if err := a.post(ctx, c, map[string]any{"Name": name, "WithDecryption": true}, &out); err != nil {
		return "", err
	}
	if out.Parameter.Value == nil {
		return "", errors.New("the answer holds no Parameter.Value")
	}
	return *out.Parameter.Value, nil
}

// regionOf is that of an ARN, or else the caller's.
func (a *AWS) regionOf(id string) string {
	if parts := strings.SplitN(id, ":", 6); len(parts) == 6 && parts[0] == "arn" && parts[3] != "" {
		return parts[3]
	}
	return a.Region
}

// awsCall is one operation of a service of the JSON protocol.
type awsCall struct{ service, target, endpoint, region string }

// url is the service's own address, or the one in its place. The name of a region
// becomes part of a host's name.
func (c awsCall) url() (string, error) {
	switch {
	case c.region == "":
		return "", errors.New("the region is not known: set region in the profile, or AWS_REGION")
	case strings.Trim(c.region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return "", fmt.Errorf("%q is no region", c.region)
	case c.endpoint != "":
		return strings.TrimRight(c.endpoint, "/") + "/", nil
	}
	suffix := "amazonaws.com"
	for prefix, other := range map[string]string{
		"cn-": "amazonaws.com.cn", "eusc-": "amazonaws.eu", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov",
		"eu-isoe-": "cloud.adc-e.uk", "us-isof-": "csp.hci.ic.gov",
	} {
		if strings.HasPrefix(c.region, prefix) {
			suffix = other
		}
	}
	return "https://" + c.service + "." + c.region + "." + suffix + "/", nil
}

// post sends the signed request and reads the answer into out.
func (a *AWS) post(ctx context.Context, c awsCall, in, out any) error {
	address, err := c.url()
	if err != nil {
		return err
	}
	credentials, err := a.Credentials(ctx)
	if err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", c.target)
	if _, err := a.signer.Sign(r, sigv4.PayloadHash(body), credentials, sigv4.Scope{Region: c.region, Service: c.service}, a.Now()); err != nil {
		return err
	}
	answer, err := a.Client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAWSAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", r.URL.Host, err)
	}
	if answer.StatusCode != http.StatusOK {
		return refusalOf(r.URL.Host, answer.StatusCode, data)
	}
	if json.Unmarshal(data, out) != nil {
		// The parser's own words could quote the secret.
		return fmt.Errorf("the answer of %s is not the JSON object it should be", r.URL.Host)
	}
	return nil
}

// maxAWSAnswer is the most bytes of an answer: a secret has up to 64 KiB, and all
// of them may be escaped.
const maxAWSAnswer = 1 << 20

// RefusedError is what AWS answered instead of a secret.
type RefusedError struct {
	Host    string
	Status  int    // HTTP
	Type    string // the error's name, such as AccessDeniedException; may be empty
	Message string // AWS's own words, ready for a terminal
}

func (e *RefusedError) Error() string {
	switch e.Type {
	case "ResourceNotFoundException", "ParameterNotFound":
		return "there is none of that name at " + e.Host
	case "AccessDeniedException":
		return e.Host + " denies access: " + e.Message
	case "":
		return fmt.Sprintf("%s answers %d", e.Host, e.Status)
	}
	return fmt.Sprintf("%s refuses: %s (%s)", e.Host, e.Message, e.Type)
}

func refusalOf(host string, status int, data []byte) error {
	var answer struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Capital string `json:"Message"`
	}
	_ = json.Unmarshal(data, &answer) // what is no JSON has neither
	e := &RefusedError{Host: host, Status: status, Type: answer.Type[strings.LastIndexByte(answer.Type, '#')+1:]}
	text, _, _ := strings.Cut(answer.Message+answer.Capital, "\n") // a canonical request, with our headers, follows
	if len(e.Type) > 100 || strings.ContainsFunc(e.Type, func(r rune) bool { return r <= ' ' || r > '~' }) {
		e.Type = ""
	}
	e.Message = redact.Visible(redact.Cut(text))
	return e
}
