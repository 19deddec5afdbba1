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

// LessonOf reads an answer, of which body may be the beginning only and is looked at
// no further than its first 64 KiB. It knows the
// texts of API Gateway and of the JSON and Query protocols, which are one engine's,
// and those of S3; where they stand in the answer does not matter. What it takes
// from them has the form of a region or of a service's name, and no other.
func LessonOf(header http.Header, body []byte) Lesson {
	const most = 64 << 10
	body = body[:min(len(body), most)]
	text := header.Get("X-Amzn-Errortype") + "\n" + strings.NewReplacer(
		`\u0027`, "'", "&apos;", "'", "&#39;", "'", "&#x27;", "'", `\"`, "'", "&quot;", "'", `"`, "'",
	).Replace(string(body))
	has := func(phrases ...string) bool {
		for _, phrase := range phrases {
			if strings.Contains(text, phrase) {
				return true
			}
		}
		return false
	}
	l := Lesson{
		Region:  has("should be scoped to a valid region", "is wrong; expecting '"),
		Clock:   has("Signature expired: ", "Signature not yet current: ", "RequestTimeTooSkewed", "RequestExpired", "Request is not yet valid"),
		Expired: has("security token included in the request is expired", "ExpiredToken", "provided token has expired"),
	}
	for _, phrase := range []string{"should be scoped to correct service: '", "This endpoint belongs to '"} {
		if name := quotedAfter(text, phrase); name != "" && len(name) <= 64 && isWord(name, "-") {
			l.Scope.Service = strings.ToLower(name)
		}
	}
	for _, name := range []string{quotedAfter(text, "is wrong; expecting '"), header.Get("X-Amz-Bucket-Region")} {
		if isRegion(name) && l.Region {
			l.Scope.Region = name
		}
	}
	return l
}

// quotedAfter is what stands between the end of phrase and the next quote.
func quotedAfter(text, phrase string) string {
	_, rest, found := strings.Cut(text, phrase)
	quoted, _, closed := strings.Cut(rest, "'")
	if !found || !closed {
		return ""
	}
	return quoted
}
