package sigv4

import (
	"net"
	"strings"
)

// ScopeOf returns the region and the signing name of the service that a host of
// AWS belongs to; ok is false for other hosts, custom domains among them, and
// where the name says too little. A port and a dot at the end do not matter.
//
// The forms of execute-api, lambda-url, appsync and bedrock are from captures;
// the others and those of China are UNCONFIRMED.
func ScopeOf(host string) (Scope, bool) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, zone := range []struct {
		suffix string
		read   func(labels []string, china bool) Scope
		china  bool
	}{
		{".amazonaws.com", amazonaws, false},
		{".amazonaws.com.cn", amazonaws, true},
		{".api.aws", amazonaws, false},
		{".api.amazonwebservices.com.cn", amazonaws, true},
		{".on.aws", onAWS, false},
		{".on.amazonwebservices.com.cn", onAWS, true},
	} {
		name, found := strings.CutSuffix(host, zone.suffix)
		if !found || name == "" {
			continue
		}
		labels := strings.Split(name, ".")
		for _, label := range labels {
			if label == "" {
				return Scope{}, false
			}
		}
		sc := zone.read(labels, zone.china)
		return sc, sc != Scope{}
	}
	return Scope{}, false
}

// onAWS reads ID.lambda-url.REGION and ID….vpc-lattice-svcs.REGION.
func onAWS(labels []string, _ bool) Scope {
	n := len(labels)
	if n < 3 || !isRegion(labels[n-1]) {
		return Scope{}
	}
	switch labels[n-2] {
	case "lambda-url":
		return Scope{Region: labels[n-1], Service: "lambda"}
	case "vpc-lattice-svcs":
		return Scope{Region: labels[n-1], Service: "vpc-lattice-svcs"}
	}
	return Scope{}
}

// amazonaws reads the names that end in amazonaws.com, api.aws and their Chinese
// counterparts.
func amazonaws(labels []string, china bool) Scope {
	if n := len(labels); n > 1 && labels[n-1] == "vpce" {
		labels = labels[:n-1] // an endpoint inside a VPC: vpce-ID.execute-api.REGION.vpce
	}
	n := len(labels)
	last := labels[n-1]
	switch {
	case isRegion(last):
		if n == 1 {
			return Scope{}
		}
		return regional(labels[:n-1], last)
	case n > 2 && (last == "es" || last == "aoss") && isRegion(labels[n-2]):
		return Scope{Region: labels[n-2], Service: last}
	case strings.HasPrefix(last, "s3-") && isRegion(last[len("s3-"):]):
		return Scope{Region: last[len("s3-"):], Service: "s3"}
	}
	return global(labels, china)
}

// regional reads what stands before the region.
func regional(labels []string, region string) Scope {
	n := len(labels)
	service := strings.TrimSuffix(labels[n-1], "-fips")
	if (service == "dualstack" || service == "s3-accesspoint") && n > 1 {
		service = strings.TrimSuffix(labels[n-2], "-fips")
		if service != "s3" && labels[n-1] == "dualstack" && service != "s3-accesspoint" {
			return Scope{}
		}
		return Scope{Region: region, Service: "s3"}
	}
	switch service {
	case "execute-api":
		if n > 1 {
			return Scope{Region: region, Service: service}
		}
	case "appsync-api", "appsync-realtime-api":
		if n > 1 {
			return Scope{Region: region, Service: "appsync"}
		}
	case "s3", "s3-accesspoint":
		return Scope{Region: region, Service: "s3"}
	case "bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime":
		return Scope{Region: region, Service: "bedrock"}
	case "sts", "iam", "cognito-idp", "cognito-identity", "secretsmanager", "ssm", "lambda", "dynamodb",
		"sqs", "sns", "kms", "events", "states", "logs", "kinesis", "bedrock-agentcore":
		return Scope{Region: region, Service: service}
	}
	return Scope{}
}

// global reads the names without a region.
func global(labels []string, china bool) Scope {
	n := len(labels)
	region, govRegion := "us-east-1", "us-gov-west-1"
	if china {
		region = "cn-north-1"
	}
	switch last := labels[n-1]; {
	case last == "s3" && !china:
		return Scope{Region: region, Service: "s3"}
	case n == 1 && (last == "sts" && !china || last == "iam"):
		return Scope{Region: region, Service: last}
	case n == 2 && labels[0] == "iam" && last == "us-gov" && !china:
		return Scope{Region: govRegion, Service: "iam"}
	}
	return Scope{}
}

// isRegion says whether a label has the form of a region: us-east-1,
// us-gov-west-1, cn-north-1.
func isRegion(label string) bool {
	if len(label) > 32 {
		return false
	}
	parts := strings.Split(label, "-")
	if len(parts) < 3 {
		return false
	}
	for i, part := range parts {
		digits := strings.Trim(part, "0123456789") == ""
		letters := strings.Trim(part, "abcdefghijklmnopqrstuvwxyz") == ""
		if last := i == len(parts)-1; part == "" || last && !digits || !last && !letters {
			return false
		}
	}
	return true
}
