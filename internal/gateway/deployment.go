package gateway

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Deployment names one stage of an API: what stands in the ARNs of its
// methods.
type Deployment struct {
	Region    string // us-east-1
	AccountID string // 12 digits
	APIID     string // 10 lower-case letters and digits
	Stage     string // v1; HTTP APIs have $default too
}

// MethodARN is the ARN of a method as authorizers and policies see it, with the
// path as requested and not as routed:
// arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH. path is as in
// http.Request.URL.EscapedPath.
//
// UNCONFIRMED: percent-encoding. Escapes are decoded here, so that a statement
// on /admin is not evaded by /%61dmin, except those of a slash and of a percent
// sign, which would make another path of it.
func (d Deployment) MethodARN(method, path string) string {
	return "arn:" + partition(d.Region) + ":execute-api:" + d.Region + ":" + d.AccountID + ":" +
		d.APIID + "/" + d.Stage + "/" + method + "/" + readablePath(path)
}

// ParseMethodARN takes a method ARN apart. The path keeps the form it has in the
// ARN, with a slash in front.
func ParseMethodARN(arn string) (d Deployment, method, path string, err error) {
	fields := strings.SplitN(arn, ":", 6)
	wrong := fmt.Errorf("%s is not arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH", quoted([]string{arn}))
	if len(fields) != 6 || fields[0] != "arn" || fields[2] != "execute-api" {
		return Deployment{}, "", "", wrong
	}
	parts := strings.SplitN(fields[5], "/", 4)
	if len(parts) != 4 || slices.Contains(parts[:3], "") || fields[1] != partition(fields[3]) {
		return Deployment{}, "", "", wrong
	}
	return Deployment{Region: fields[3], AccountID: fields[4], APIID: parts[0], Stage: parts[1]}, parts[2], "/" + parts[3], nil
}

// orDefaultStage is for HTTP APIs, which have a stage without a name.
func (d Deployment) orDefaultStage() Deployment {
	d.Stage = cmp.Or(d.Stage, "$default")
	return d
}

// readablePath is the path without its first slash.
func readablePath(path string) string {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err == nil && utf8.ValidString(decoded) {
			segments[i] = strings.NewReplacer("%", "%25", "/", "%2F").Replace(decoded)
		}
	}
	return strings.Join(segments, "/")
}

// partition is the part of AWS that a region belongs to, as ARNs write it
// (AWS General Reference, "Amazon Resource Names").
func partition(region string) string {
	for _, p := range [...]struct{ prefix, partition string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"},
		{"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"}, {"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}
