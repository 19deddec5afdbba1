package awscred

import (
	"context"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/cogctl/cogctl/internal/redact"
)

// assumed is the answer to AssumeRoleWithWebIdentity.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
type assumed struct {
	Result struct {
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      time.Time
		}
		User struct {
			ARN string `xml:"Arn"`
		} `xml:"AssumedRoleUser"`
	} `xml:"AssumeRoleWithWebIdentityResult"`
}

// assumeRole changes the identity pool's own token for the role's credentials: the
// second half of the basic flow. It is one unsigned POST of the Query protocol, which
// answers in XML.
func (p IdentityPool) assumeRole(ctx context.Context, token string) (Credentials, error) {
	r := request{
		op: "AssumeRoleWithWebIdentity", at: "role " + p.RoleARN, url: p.STS,
		contentType: "application/x-www-form-urlencoded; charset=utf-8",
		body: []byte(url.Values{
			"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"},
			"RoleArn": {p.RoleARN}, "RoleSessionName": {sessionName(p.SessionName)}, "WebIdentityToken": {token},
		}.Encode()),
	}
	got, err := p.send(ctx, r, func(got reply) *ServiceError { return xmlError(r, got) })
	if err != nil {
		return Credentials{}, err
	}
	var answer assumed
	if xml.Unmarshal(got.body, &answer) != nil {
		return Credentials{}, &AnswerError{Op: r.op, At: r.at, Err: errors.New("it is not the XML that was expected")}
	}
	c := answer.Result.Credentials
	credentials := Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		Expires: p.local(got, c.Expiration), ARN: answer.Result.User.ARN, AccountID: accountOf(answer.Result.User.ARN),
	}
	return credentials, p.judge(r.op, r.at, credentials)
}

// xmlError reads a refusal of the Query protocol.
func xmlError(r request, got reply) *ServiceError {
	var said struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	_ = xml.Unmarshal(got.body, &said) // what is no XML says nothing but its status
	return &ServiceError{Op: r.op, At: r.at, Code: redact.Cut(said.Code), Message: redact.Cut(said.Message), Status: got.status}
}

// sessionName is what the role's session is called in AWS's logs: 2 to 64 of
// [\w+=,.@-]. Other characters become "-".
func sessionName(wanted string) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(tokenLetters+",.@", r) && r != '/' {
			return r
		}
		return '-'
	}, wanted)
	if name = name[:min(len(name), 64)]; len(name) < 2 {
		return "cogctl"
	}
	return name
}

// accountOf is the account of an ARN, "" where there is none in it:
// arn:aws:sts::123456789012:assumed-role/NAME/SESSION.
func accountOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 || parts[0] != "arn" || len(parts[4]) != 12 || !only(parts[4], digits) {
		return ""
	}
	return parts[4]
}
