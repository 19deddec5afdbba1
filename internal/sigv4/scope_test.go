package sigv4_test

import (
	"testing"

	"github.com/cogctl/cogctl/internal/sigv4"
)

func TestScopeOf(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"abc123.execute-api.us-east-1.amazonaws.com":                          "us-east-1 execute-api",
		"ABC123.Execute-API.eu-west-1.amazonaws.com.:443":                     "eu-west-1 execute-api",
		"abc123-vpce-0a1b2c.execute-api.us-east-1.amazonaws.com":              "us-east-1 execute-api",
		"vpce-0a1b2c-xyz.execute-api.us-east-1.vpce.amazonaws.com":            "us-east-1 execute-api",
		"vpce-0a1b2c-xyz-us-east-1a.execute-api.us-east-1.vpce.amazonaws.com": "us-east-1 execute-api",
		"abc123.execute-api.cn-north-1.amazonaws.com.cn":                      "cn-north-1 execute-api",
		"abc123.execute-api.us-gov-west-1.amazonaws.com":                      "us-gov-west-1 execute-api",
		"url123.lambda-url.us-west-2.on.aws":                                  "us-west-2 lambda",
		"url123.lambda-url.cn-northwest-1.on.amazonwebservices.com.cn":        "cn-northwest-1 lambda",
		"graph123.appsync-api.us-east-1.amazonaws.com":                        "us-east-1 appsync",
		"graph123.appsync-realtime-api.us-east-1.amazonaws.com":               "us-east-1 appsync",
		"search-dom-123.us-east-1.es.amazonaws.com":                           "us-east-1 es",
		"123.eu-central-1.aoss.amazonaws.com":                                 "eu-central-1 aoss",
		"s3.amazonaws.com":                                                    "us-east-1 s3",
		"bucket.s3.amazonaws.com":                                             "us-east-1 s3",
		"my.dotted.bucket.s3.eu-west-1.amazonaws.com":                         "eu-west-1 s3",
		"s3.eu-west-1.amazonaws.com":                                          "eu-west-1 s3",
		"s3-eu-west-1.amazonaws.com":                                          "eu-west-1 s3",
		"bucket.s3-us-west-2.amazonaws.com":                                   "us-west-2 s3",
		"bucket.s3.dualstack.us-west-2.amazonaws.com":                         "us-west-2 s3",
		"s3-fips.us-gov-west-1.amazonaws.com":                                 "us-gov-west-1 s3",
		"s3-fips.dualstack.us-gov-west-1.amazonaws.com":                       "us-gov-west-1 s3",
		"ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com":              "us-west-2 s3",
		"bucket.s3.cn-north-1.amazonaws.com.cn":                               "cn-north-1 s3",
		"svc-0a1b.7d67968.vpc-lattice-svcs.us-west-2.on.aws":                  "us-west-2 vpc-lattice-svcs",
		"bedrock-runtime.us-east-1.amazonaws.com":                             "us-east-1 bedrock",
		"bedrock-agent-runtime.us-east-1.amazonaws.com":                       "us-east-1 bedrock",
		"bedrock-runtime-fips.us-east-1.amazonaws.com":                        "us-east-1 bedrock",
		"vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com":                 "us-east-1 bedrock",
		"bedrock-agentcore.us-east-1.amazonaws.com":                           "us-east-1 bedrock-agentcore",
		"sts.amazonaws.com":                                                   "us-east-1 sts",
		"sts.eu-west-1.amazonaws.com":                                         "eu-west-1 sts",
		"sts-fips.us-east-1.amazonaws.com":                                    "us-east-1 sts",
		"sts.cn-north-1.amazonaws.com.cn":                                     "cn-north-1 sts",
		"iam.amazonaws.com":                                                   "us-east-1 iam",
		"iam.us-gov.amazonaws.com":                                            "us-gov-west-1 iam",
		"iam.cn-north-1.amazonaws.com.cn":                                     "cn-north-1 iam",
		"cognito-idp.us-east-1.amazonaws.com":                                 "us-east-1 cognito-idp",
		"cognito-identity-fips.us-east-1.amazonaws.com":                       "us-east-1 cognito-identity",
		"secretsmanager.us-east-1.amazonaws.com":                              "us-east-1 secretsmanager",
		"secretsmanager.us-east-1.api.aws":                                    "us-east-1 secretsmanager",
		"ssm.us-gov-west-1.amazonaws.com":                                     "us-gov-west-1 ssm",
	} {
		sc, ok := sigv4.ScopeOf(host)
		if got := sc.Region + " " + sc.Service; !ok || got != want {
			t.Errorf("%s: %s, %v, want %s", host, got, ok, want)
		}
	}
	for _, host := range []string{
		"", ".", "api.example.com", "127.0.0.1:9400", "[::1]:80", "localhost", "amazonaws.com", ".amazonaws.com", "com",
		"abc.execute-api.us-east-1.amazonaws.com.evil.example", "abc.execute-api.us-east-1.notamazonaws.com",
		"execute-api.us-east-1.amazonaws.com", "abc..execute-api.us-east-1.amazonaws.com", "us-east-1.amazonaws.com", "vpce.amazonaws.com",
		"lambda-url.us-east-1.on.aws", "x.execute-api.nowhere.amazonaws.com", "x.execute-api.us-east-one.amazonaws.com", "x.execute-api.us-1-1.amazonaws.com", "device.iot.us-east-1.amazonaws.com", "runtime.lex.us-east-1.amazonaws.com",
		"x.dualstack.us-east-1.amazonaws.com", "dualstack.us-east-1.amazonaws.com", "s3.amazonaws.com.cn", "x.on.aws", "es.amazonaws.com",
	} {
		if sc, ok := sigv4.ScopeOf(host); ok {
			t.Errorf("%q: %+v, want none", host, sc)
		}
	}
}
