package sigv4

import (
	"strconv"
	"time"
)

// The codes of a VerifyError, as API Gateway's REST APIs and the JSON protocols
// send them in x-amzn-ErrorType. STS and IAM have names without "Exception".
const (
	MissingAuthenticationToken = "MissingAuthenticationTokenException"
	IncompleteSignature        = "IncompleteSignatureException"
	InvalidSignature           = "InvalidSignatureException"
	UnrecognizedClient         = "UnrecognizedClientException"
)

// VerifyError is a refusal: AWS's code for it, and AWS's text.
type VerifyError struct{ Code, Message string }

func (e *VerifyError) Error() string { return e.Code + ": " + e.Message }

func refuse(code, message string) error { return &VerifyError{Code: code, Message: message} }

// mismatch is the text of API Gateway for a signature that is wrong.
func mismatch(t Trace) string {
	return "The request signature we calculated does not match the signature you provided." +
		" Check your AWS Secret Access Key and signing method. Consult the service documentation for details." +
		"\n\nThe Canonical String for this request should have been\n'" + t.CanonicalRequest +
		"'\n\nThe String-to-Sign should have been\n'" + t.StringToSign + "'\n"
}

// minutes is a duration as AWS writes it: "5 min", or "90 sec" if that is not
// whole minutes.
func minutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return strconv.FormatInt(int64(d/time.Minute), 10) + " min"
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + " sec"
}
