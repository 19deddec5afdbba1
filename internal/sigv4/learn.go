package sigv4

import (
	"bytes"
	"strings"
)

// ScopeFromError reads the right scope out of what a server answered to a
// signature with a wrong one: the service from "Credential should be scoped to
// correct service: 'execute-api'.", the region from S3's "the region 'x' is
// wrong; expecting 'y'". A field that the answer does not tell is empty; ok is
// false when both are. The answer may be JSON or XML, and is believed as little
// as any: only short names of the right form are taken, from its first 64 KiB. A
// signature for them is of no use elsewhere, because the host is signed.
func ScopeFromError(body []byte) (sc Scope, ok bool) {
	text := errorText(body)
	if name := quotedAfter(text, "scoped to correct service: '"); isService(name) {
		sc.Service = name
	}
	if _, rest, found := strings.Cut(text, "the region '"); found {
		if name := quotedAfter(rest, "' is wrong; expecting '"); isRegion(name) {
			sc.Region = name
		}
	}
	return sc, sc != Scope{}
}

// RefusedRegion reads the region that a server says the signature must not be
// scoped to: "Credential should be scoped to a valid region, not 'us-east-1'."
// The right one AWS does not tell.
func RefusedRegion(body []byte) (region string, ok bool) {
	name := quotedAfter(errorText(body), "scoped to a valid region, not '")
	return name, isRegion(name)
}

// errorText is the part of an answer that is looked at, with the spellings that
// JSON and XML have for an apostrophe undone.
func errorText(body []byte) string {
	const most = 64 << 10
	text := string(bytes.ToValidUTF8(body[:min(len(body), most)], nil))
	return strings.NewReplacer(`\u0027`, "'", "&apos;", "'", "&#39;", "'", "&#x27;", "'").Replace(text)
}

// quotedAfter is what stands between before and the next apostrophe.
func quotedAfter(text, before string) string {
	_, rest, found := strings.Cut(text, before)
	name, _, closed := strings.Cut(rest, "'")
	if !found || !closed {
		return ""
	}
	return name
}

// isService says whether s has the form of a signing name.
func isService(s string) bool { return len(s) <= 64 && s == strings.ToLower(s) && isWord(s, "-") }
