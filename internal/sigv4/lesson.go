package sigv4

import (
	"net/http"
	"strings"
)

// Lesson is what the refusal of a signed request says about how to sign it. The
// zero value is a refusal for another reason.
type Lesson struct {
	Scope   Scope // what the service says is right; empty parts were not said
	Region  bool  // the region was wrong, whether or not the right one was said
	Clock   bool  // the time of signing was too early or too late
	Expired bool  // the session token has expired
}

// LessonOf reads an answer, of which body may be the beginning only. It knows the
// texts of API Gateway and of the JSON and Query protocols, which are one engine's,
// and those of S3; where they stand in the answer does not matter.
func LessonOf(header http.Header, body []byte) Lesson {
	text := header.Get("X-Amzn-Errortype") + "\n" + errorText(body)
	has := func(phrases ...string) bool {
		for _, phrase := range phrases {
			if strings.Contains(text, phrase) {
				return true
			}
		}
		return false
	}
	l := Lesson{
		Clock:   has("Signature expired: ", "Signature not yet current: ", "RequestTimeTooSkewed", "RequestExpired", "Request is not yet valid"),
		Expired: has("security token included in the request is expired", "ExpiredToken", "provided token has expired"),
	}
	l.Scope, _ = ScopeFromError(body)
	_, l.Region = RefusedRegion(body)
	l.Region = l.Region || l.Scope.Region != ""
	return l
}
