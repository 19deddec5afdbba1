package sigv4_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/cogctl/cogctl/internal/sigv4"
)

func TestLessonOf(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]sigv4.Lesson{
		`{"message":"Forbidden"}`: {},
		`{"message":"The security token included in the request is invalid."}`:                   {},
		`{"message":"Credential should be scoped to a valid region, not 'us-west-1'. "}`:         {Region: true},
		`{"message":"Credential should be scoped to correct service: 'lambda'. "}`:               {Scope: sigv4.Scope{Service: "lambda"}},
		`{"message":"Credential should be scoped to correct service: \u0027execute-api\u0027."}`: {Scope: sigv4.Scope{Service: "execute-api"}},
		`{"message":"Credential should be scoped to correct service: 'a b'. "}`:                  {},
		`{"message":"Credential should be scoped to correct service: 'lambda"}`:                  {Scope: sigv4.Scope{Service: "lambda"}},
		`{"message":"Credential should be scoped to a valid region, not 'x'. Credential should be scoped to correct service: 'iam'. "}`: {
			Region: true, Scope: sigv4.Scope{Service: "iam"}},
		`<Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message>`: {
			Region: true, Scope: sigv4.Scope{Region: "eu-west-1"}},
		`is wrong; expecting 'eu-west-1.evil.example'`:                                                                       {Region: true},
		`incorrect service &quot;execute-api&quot;. This endpoint belongs to &quot;s3&quot;.`:                                {Scope: sigv4.Scope{Service: "s3"}},
		`{"message":"Signature expired: 20240115T120000Z is now earlier than 20240115T121000Z (20240115T121500Z - 5 min.)"}`: {Clock: true},
		`{"message":"Signature not yet current: 20240115T120000Z is still later than 20240115T110000Z"}`:                     {Clock: true},
		`<Code>RequestTimeTooSkewed</Code>`:                                                                                  {Clock: true},
		`{"message":"The security token included in the request is expired"}`:                                                {Expired: true},
		`<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message>`:                                 {Expired: true},
		`<Message>the region &apos;us-east-1&apos; is wrong; expecting &#39;eu-west-1&#39;</Message>`: {
			Region: true, Scope: sigv4.Scope{Region: "eu-west-1"}},
		`the region 'x' is wrong; expecting 'nowhere'`:                                                 {Region: true},
		`Credential should be scoped to correct service: 'a/b'`:                                        {},
		`Credential should be scoped to correct service: 'lambda`:                                      {},
		`Credential should be scoped to correct service: ''`:                                           {},
		"Credential should be scoped to correct service: 's3\r\nX: y'":                                 {},
		`Credential should be scoped to correct service: '` + strings.Repeat("a", 65) + `'`:            {},
		strings.Repeat(" ", 64<<10) + `Credential should be scoped to correct service: 'execute-api'.`: {},
	} {
		if got := sigv4.LessonOf(http.Header{}, []byte(body)); got != want {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
	header := http.Header{"X-Amzn-Errortype": {"ExpiredTokenException:http://internal.amazon.com/coral/"}, "X-Amz-Bucket-Region": {"eu-west-1"}}
	if got := sigv4.LessonOf(header, nil); got != (sigv4.Lesson{Expired: true}) {
		t.Errorf("by headers: %+v", got)
	}
}

// What an answer teaches goes into the next signature.
func FuzzLesson(f *testing.F) {
	f.Add("Credential should be scoped to correct service: 'lambda'. is wrong; expecting 'eu-west-1'", "eu-west-1")
	name := regexp.MustCompile(`^[a-z0-9-]{0,64}$`)
	f.Fuzz(func(t *testing.T, body, region string) {
		l := sigv4.LessonOf(http.Header{"X-Amz-Bucket-Region": {region}}, []byte(body))
		if !name.MatchString(l.Scope.Service) || !name.MatchString(l.Scope.Region) {
			t.Errorf("%+v", l)
		}
	})
}
