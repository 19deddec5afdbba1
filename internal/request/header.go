package request

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// header is one -H. curl knows three forms of it.
type header struct {
	name  string // canonical
	value string // trimmed; "" for the form "Name;", which sends an empty header
	drop  bool   // the form "Name:", which drops a header that would be added by itself
}

type headers []header

// parseHeaders reads the values of -H. "@FILE" stands for the lines of a file,
// "@-" for those of standard input: the way to keep a secret out of the list
// of processes. The errors name the position and never the text, which may be
// a secret.
func parseHeaders(typed []string, open Opener) (headers, error) {
	var hs headers
	for i, text := range typed {
		where := "-H number " + strconv.Itoa(i+1)
		name, isFile := strings.CutPrefix(text, "@")
		if !isFile {
			h, err := parseHeader(text, where)
			if err != nil {
				return nil, err
			}
			hs = append(hs, h)
			continue
		}
		data, err := readFile(name, open)
		if err != nil {
			return nil, err
		}
		more, err := parseHeaderFile(data, name)
		if err != nil {
			return nil, err
		}
		hs = append(hs, more...)
	}
	return hs, nil
}

func parseHeaderFile(data []byte, name string) (headers, error) {
	var hs headers
	n := 0
	for line := range bytes.Lines(data) {
		n++
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		h, err := parseHeader(string(line), name+" line "+strconv.Itoa(n))
		if err != nil {
			return nil, err
		}
		hs = append(hs, h)
	}
	return hs, nil
}

// parseHeader reads one header; where is for the errors.
func parseHeader(text, where string) (header, error) {
	name, value, hasValue := strings.Cut(text, ":")
	if !hasValue {
		var isEmpty bool
		if name, isEmpty = strings.CutSuffix(text, ";"); !isEmpty {
			return header{}, usagef(`%s has no ":"`, where).
				tip(`write "Name: value", "Name;" to send an empty header, "Name:" to leave a default one out`)
		}
	}
	if !isToken(name) {
		return header{}, usagef("%s does not begin with a header name (letters, digits and !#$%%&'*+-.^_`|~)", where)
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	if !isFieldValue(value) {
		return header{}, usagef("%s: the value of %s has a line break or another control character", where, name)
	}
	value = strings.Trim(value, " \t")
	return header{name: name, value: value, drop: hasValue && value == ""}, nil
}

// apply sets the headers of r. A default gives way to any -H of its name; one
// that is typed several times is sent several times.
func (hs headers) apply(r *http.Request, defaults http.Header) error {
	r.Header = defaults
	for _, h := range hs {
		r.Header.Del(h.name)
	}
	for _, h := range hs {
		if err := h.applyTo(r); err != nil {
			return err
		}
	}
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header["User-Agent"] = []string{""} // net/http would add its own
	}
	return nil
}

// applyTo adds one header. Host, Content-Length and Transfer-Encoding are
// written by net/http from fields of the request and not from its map.
func (h header) applyTo(r *http.Request) error {
	switch h.name {
	case "Host":
		if !isHost(h.value) {
			return usagef("-H Host: %q is not a host with an optional port", h.value)
		}
		r.Host = h.value
	case "Content-Length":
		if !contentLengthFits(h.value, r) {
			return usagef("-H Content-Length: it is computed from the data and cannot be set").tip("leave it out")
		}
	case "Transfer-Encoding":
		return usagef("-H Transfer-Encoding: it cannot be set, it follows from the data").tip("leave it out")
	default:
		if !h.drop {
			r.Header[h.name] = append(r.Header[h.name], h.value)
		}
	}
	return nil
}

// isHost reports whether s can be a Host header: what stands between "//" and
// the path of a URL, without user information (RFC 9112 section 3.2).
func isHost(s string) bool {
	u, err := url.Parse("http://" + s)
	return err == nil && s != "" && u.Host == s && u.Hostname() != ""
}

// isToken is the token of RFC 9110 section 5.6.2: header names and methods.
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// isFieldValue is the field value of RFC 9110 section 5.5: no control
// character but the tab.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
