package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// The targets of the services that keep secrets. Both want a signature.
const (
	getSecretTarget    = "secretsmanager.GetSecretValue"
	getParameterTarget = "AmazonSSM.GetParameter"
)

// secretOperation is the operation of Secrets Manager or Systems Manager that a
// target names; nil when it is of another service.
func secretOperation(target string) operation {
	switch target {
	case getSecretTarget:
		return (*Handler).getSecretValue
	case getParameterTarget:
		return (*Handler).getParameter
	}
	if strings.HasPrefix(target, "secretsmanager.") || strings.HasPrefix(target, "AmazonSSM.") {
		return func(*Handler, *http.Request, []byte) (any, error) {
			return nil, &Error{Type: "UnknownOperationException"}
		}
	}
	return nil
}

type secretOutput struct {
	ARN           string
	Name          string
	VersionID     string `json:"VersionId"`
	SecretString  string `json:",omitempty"`
	SecretBinary  []byte `json:",omitempty"`
	VersionStages []string
	CreatedDate   float64 // seconds since 1970
}

// getSecretValue takes a name or an ARN, with or without the six characters that
// AWS puts behind the name. There is one version of each secret.
func (h *Handler) getSecretValue(r *http.Request, body []byte) (any, error) {
	var in struct {
		SecretID     string `json:"SecretId"`
		VersionStage string
	}
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	name, arn := h.secretName(in.SecretID)
	err := h.Require(r, body, Demand{Service: "secretsmanager", Action: "secretsmanager:GetSecretValue", Resource: arn})
	if err != nil {
		return nil, err
	}
	if in.SecretID == "" {
		return nil, errMissing("secretId")
	}
	secret, known := h.Store.Secret(name)
	if !known || in.VersionStage != "" && in.VersionStage != "AWSCURRENT" {
		return nil, &Error{Type: notFound, Message: "Secrets Manager can't find the specified secret."}
	}
	return secretOutput{
		ARN: h.secretARN(name), Name: name, VersionID: versionOf(secret), SecretString: secret.Text, SecretBinary: secret.Binary,
		VersionStages: []string{"AWSCURRENT"}, CreatedDate: float64(h.Now().Unix()),
	}, nil
}

func (h *Handler) secretPrefix() string {
	return "arn:aws:secretsmanager:" + h.Region + ":" + h.AccountID + ":secret:"
}

// secretARN is the whole ARN of a secret.
func (h *Handler) secretARN(name string) string {
	return h.secretPrefix() + name + "-" + suffixOf(name)
}

// suffixOf stands for the six random characters behind a secret's name.
func suffixOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:3])
}

func versionOf(secret store.Secret) string {
	sum := sha256.Sum256(append([]byte(secret.Name+"\n"+secret.Text+"\n"), secret.Binary...))
	return store.FormatID([16]byte(sum[:16]))
}

// secretName reads what names a secret.
func (h *Handler) secretName(id string) (name, arn string) {
	name, isARN := strings.CutPrefix(id, h.secretPrefix())
	if isARN {
		if bare, found := strings.CutSuffix(name, "-"+suffixOf(strings.TrimSuffix(name, tail(name)))); found {
			name = bare
		}
	}
	return name, h.secretARN(name)
}

// tail is the end of an ARN that may be its suffix: seven characters.
func tail(name string) string { return name[max(0, len(name)-7):] }

type parameterOutput struct {
	Parameter struct {
		Name             string
		Type             string
		Value            string
		Version          int
		LastModifiedDate float64 // seconds since 1970
		ARN              string
		DataType         string
	}
}

// getParameter gives a SecureString without decryption as something nobody can
// read.
func (h *Handler) getParameter(r *http.Request, body []byte) (any, error) {
	var in struct {
		Name           string
		WithDecryption bool
	}
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	arn := "arn:aws:ssm:" + h.Region + ":" + h.AccountID + ":parameter/" + strings.TrimPrefix(in.Name, "/")
	if err := h.Require(r, body, Demand{Service: "ssm", Action: "ssm:GetParameter", Resource: arn}); err != nil {
		return nil, err
	}
	if in.Name == "" {
		return nil, errMissing("name")
	}
	p, known := h.Store.Parameter(in.Name)
	if !known {
		return nil, &Error{Type: "ParameterNotFound"}
	}
	var out parameterOutput
	out.Parameter.Name, out.Parameter.Type, out.Parameter.Value = p.Name, "String", p.Value
	out.Parameter.Version, out.Parameter.LastModifiedDate, out.Parameter.ARN, out.Parameter.DataType = 1, float64(h.Now().Unix()), arn, "text"
	if p.Secure {
		out.Parameter.Type = "SecureString"
	}
	if p.Secure && !in.WithDecryption {
		sum := sha256.Sum256([]byte(p.Name + "\n" + p.Value))
		out.Parameter.Value = hex.EncodeToString(sum[:])
	}
	return out, nil
}
