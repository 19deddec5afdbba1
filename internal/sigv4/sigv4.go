// Package sigv4 signs HTTP requests with AWS Signature Version 4 and verifies
// such signatures: the header form and the query form (presigned URLs).
//
// The bytes signed are the bytes sent. A request-target is taken as net/http
// will write it, raw path and raw query, and is never rewritten; what cannot be
// signed without guessing how a server reads it is refused. Only host,
// content-type and x-amz-* are signed unless the caller asks for more, because
// proxies add and change the others.
//
// The algorithm is "Create a signed AWS API request" of the AWS IAM User Guide
// (Signature Version 4). Where that page leaves a choice, the vectors of
// aws-c-auth and the signers of botocore decide.
package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Payload hashes that are not the hash of a body at hand.
const (
	// EmptyPayload is the SHA-256 of no bytes, in hex.
	EmptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	// UnsignedPayload leaves the body out of the signature. S3 and VPC Lattice
	// take it; API Gateway does not.
	UnsignedPayload = "UNSIGNED-PAYLOAD"
)

// Algorithm is the one algorithm of this package, the first word of an
// Authorization header.
const Algorithm = "AWS4-HMAC-SHA256"

const (
	timeLayout = "20060102T150405Z" // X-Amz-Date, in UTC
	terminator = "aws4_request"     // the last element of a credential scope

	authorizationHeader = "Authorization"
	dateHeader          = "X-Amz-Date"
	tokenHeader         = "X-Amz-Security-Token"
	payloadHeader       = "X-Amz-Content-Sha256"
)

// Credentials are what AWS gives out: an access key, and for temporary ones a
// session token, without which the key is unknown.
type Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }

// Scope is where a signature holds: a region such as eu-west-1 and the signing
// name of a service such as execute-api.
type Scope struct{ Region, Service string }

// Trace is how a signature came about. Nothing in it is secret but the session
// token, which is part of CanonicalRequest where it is signed, and Signature
// itself, which serves whoever has it until it expires.
type Trace struct {
	CanonicalRequest string
	StringToSign     string
	Signature        string // lower-case hex
	SignedHeaders    string // names, separated by semicolons
	Scope            Scope
	Credential       string // id/date/region/service/aws4_request
	Time             time.Time
}

// PayloadHash is the SHA-256 of a body, in lower-case hex.
func PayloadHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// traits are what a service has of its own.
type traits struct {
	singlePath      bool // the path is encoded once, and not normalized
	payloadHeader   bool // X-Amz-Content-Sha256 is required
	unsignedPayload bool // UNSIGNED-PAYLOAD is taken
}

// traitsOf knows the services that differ from the rest. S3's are from its API
// reference; that OpenSearch Serverless wants the payload header and VPC Lattice
// an unsigned payload is UNCONFIRMED.
func traitsOf(service string) traits {
	switch service {
	case "s3", "s3express", "s3-outposts", "s3-object-lambda":
		return traits{singlePath: true, payloadHeader: true, unsignedPayload: true}
	case "vpc-lattice-svcs":
		return traits{payloadHeader: true, unsignedPayload: true}
	case "aoss":
		return traits{payloadHeader: true}
	}
	return traits{}
}
