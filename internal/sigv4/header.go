package sigv4

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// field is one header of the canonical request: its name in lower case, and its
// values as they are sent. A request can hold two spellings of a name.
type field struct {
	name   string
	key    string // the spelling in the header map; net/http writes sorted by it
	one    string // the value of host and content-length, which are not in the map
	values []string
}

// fields are those headers of r that are to be signed, sorted.
func (s *Signer) fields(dst []field, r *http.Request) []field {
	dst = append(dst, field{name: "host", one: r.Host})
	for key, values := range r.Header {
		name := lower(key)
		if len(values) > 0 && !aside(name, values) && s.signs(name) {
			dst = append(dst, field{name: name, key: key, values: values})
		}
	}
	if length := contentLength(r); length != "" && s.signsLength(r) {
		dst = append(dst, field{name: "content-length", one: length})
	}
	slices.SortFunc(dst, func(a, b field) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.key, b.key))
	})
	return dst
}

// signs says whether the header of this lower-case name is signed.
func (s *Signer) signs(name string) bool {
	switch name {
	case "authorization":
		return false
	case "content-type", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256":
		return true
	}
	if strings.HasPrefix(name, "x-amz-") {
		return true
	}
	if s.SignAll {
		return !changes(name)
	}
	return slices.ContainsFunc(s.Headers, func(asked string) bool { return strings.EqualFold(asked, name) })
}

// signsLength says whether Content-Length is signed. The length 0, which net/http
// adds to a POST, is signed only when it is asked for by name, as in aws-c-auth.
func (s *Signer) signsLength(r *http.Request) bool {
	named := slices.ContainsFunc(s.Headers, func(asked string) bool { return strings.EqualFold(asked, "content-length") })
	return named || s.SignAll && r.ContentLength > 0
}

// aside says whether net/http leaves a header of the map out: it writes these
// from fields of the request, and an empty User-Agent not at all.
func aside(name string, values []string) bool {
	switch name {
	case "host", "content-length", "transfer-encoding", "trailer":
		return true
	case "user-agent":
		return values[0] == ""
	}
	return false
}

// changes names the headers that net/http leaves out or writes by itself, and
// those that a proxy adds, changes or takes away: the hop-by-hop headers of
// RFC 9110 section 7.6.1, and what aws-c-auth and botocore leave unsigned.
func changes(name string) bool {
	switch name {
	case "connection", "expect", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
		"sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version", "sec-websocket-extensions":
		return true
	}
	return false
}

// contentLength is the Content-Length that net/http sends for r, "" for none.
func contentLength(r *http.Request) string {
	switch {
	case r.ContentLength > 0:
		return strconv.FormatInt(r.ContentLength, 10)
	case r.ContentLength == 0 && (r.Body == nil || r.Body == http.NoBody) &&
		(r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch):
		return "0"
	}
	return ""
}

// appendFields appends "name:value\n" for each header and returns where they end;
// the names, separated by semicolons, follow.
func appendFields(dst []byte, fields []field) []byte {
	for i, f := range fields {
		if i > 0 && fields[i-1].name == f.name {
			dst[len(dst)-1] = ',' // another spelling: its values follow those before
		} else {
			dst = append(dst, f.name...)
			dst = append(dst, ':')
		}
		if f.values == nil {
			dst = appendTrimmed(dst, f.one)
		}
		for j, value := range f.values {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = appendTrimmed(dst, value)
		}
		dst = append(dst, '\n')
	}
	return dst
}

func appendNames(dst []byte, fields []field) []byte {
	for i, f := range fields {
		if i > 0 && fields[i-1].name == f.name {
			continue
		}
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, f.name...)
	}
	return dst
}

// appendTrimmed appends a header's value without white space around it and with
// one space for each run of white space in it, line folds among them.
func appendTrimmed(dst []byte, value string) []byte {
	start, space := len(dst), false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case ' ', '\t', '\r', '\n', '\v', '\f':
			space = true
		default:
			if space && len(dst) > start {
				dst = append(dst, ' ')
			}
			space = false
			dst = append(dst, c)
		}
	}
	return dst
}

// lower is strings.ToLower that allocates nothing for the names of every request.
func lower(key string) string {
	switch key {
	case "Content-Type":
		return "content-type"
	case dateHeader:
		return "x-amz-date"
	case tokenHeader:
		return "x-amz-security-token"
	case payloadHeader:
		return "x-amz-content-sha256"
	case "User-Agent":
		return "user-agent"
	case "Accept":
		return "accept"
	case authorizationHeader:
		return "authorization"
	}
	return strings.ToLower(key)
}
