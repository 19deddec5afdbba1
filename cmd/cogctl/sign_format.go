package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cogctl/cogctl/internal/request"
)

// text renders what was signed. Each value keeps to its line: one that would end it
// is refused.
func (s *signed) text(format string) (string, error) {
	for _, header := range s.headers() {
		if strings.ContainsAny(header[0]+header[1], "\r\n\x00") {
			return "", fmt.Errorf("the header %q holds a line break or NUL", header[0])
		}
	}
	switch format {
	case "curl":
		return s.curl()
	case "url":
		return s.url(), nil
	case "canonical":
		return s.trace.CanonicalRequest + "\n\n" + s.trace.StringToSign, nil
	case "json":
		return s.json()
	}
	var lines []string
	for _, header := range s.headers() {
		lines = append(lines, header[0]+": "+header[1])
	}
	return strings.Join(lines, "\n"), nil
}

// headers are those to send: all but what every program sends of its own.
func (s *signed) headers() [][2]string {
	var list [][2]string
	if host := s.request.Host; host != s.request.URL.Host {
		list = append(list, [2]string{"Host", host})
	}
	for _, name := range slices.Sorted(maps.Keys(s.request.Header)) {
		for _, value := range s.request.Header[name] {
			own := name == "User-Agent" && (value == s.options.spec.UserAgent || value == "") || name == "Accept" && value == "*/*"
			if !own {
				list = append(list, [2]string{name, value})
			}
		}
	}
	return list
}

// url is the presigned URL. What else must be sent with it is told beside it.
func (s *signed) url() string {
	var needed []string
	for name := range strings.SplitSeq(s.trace.SignedHeaders, ";") {
		if name != "host" {
			needed = append(needed, name+": "+s.request.Header.Get(name))
		}
	}
	if len(needed) > 0 {
		s.app.warn("the URL is good only with: " + strings.Join(needed, ", "))
	}
	if s.request.Method != http.MethodGet {
		s.app.note("the URL is for %s", s.request.Method)
	}
	return s.request.URL.String()
}

// json is everything. A header that stands several times is one here, joined as it
// was signed.
func (s *signed) json() (string, error) {
	headers := map[string]string{}
	for _, header := range s.headers() {
		if before, several := headers[header[0]]; several {
			header[1] = before + "," + header[1]
		}
		headers[header[0]] = header[1]
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Method           string            `json:"method"`
		URL              string            `json:"url"`
		Headers          map[string]string `json:"headers"`
		PayloadHash      string            `json:"payload_hash"`
		Time             time.Time         `json:"time"`
		Credential       string            `json:"credential"`
		Region           string            `json:"region"`
		Service          string            `json:"service"`
		SignedHeaders    string            `json:"signed_headers"`
		Signature        string            `json:"signature"`
		CanonicalRequest string            `json:"canonical_request"`
		StringToSign     string            `json:"string_to_sign"`
	}{
		s.request.Method, s.request.URL.String(), headers, s.hash, s.trace.Time, s.trace.Credential, s.trace.Scope.Region,
		s.trace.Scope.Service, s.trace.SignedHeaders, s.trace.Signature, s.trace.CanonicalRequest, s.trace.StringToSign,
	})
	return strings.TrimSuffix(out.String(), "\n"), err
}

// curl is a line for sh that sends the request.
func (s *signed) curl() (string, error) {
	words := []string{"curl"}
	body, usual, err := s.curlBody()
	if err != nil {
		return "", err
	}
	switch method := s.request.Method; {
	case method == http.MethodHead && len(body) == 0:
		words = append(words, "-I")
	case method != usual:
		words = append(words, "-X", method)
	}
	target := s.request.URL.String()
	if strings.ContainsAny(target, "[]{}") {
		words = append(words, "-g") // they mean themselves
	}
	words = append(words, target)
	for _, header := range s.headers() {
		text := header[0] + ": " + header[1]
		if header[1] == "" {
			text = header[0] + ";"
		}
		words = append(words, "-H", text)
	}
	if len(body) > 0 && s.request.Header.Get("Content-Type") == "" && body[0] != "-T" {
		words = append(words, "-H", "Content-Type:") // or curl says that it is a form
	}
	words = append(words, body...)
	for i, word := range words {
		words[i] = shWord(word)
	}
	return strings.Join(words, " "), nil
}

// maxInline is how much of a body may stand on a command line.
const maxInline = 64 << 10

// curlBody is how the body is given to curl, and the method that goes with it.
func (s *signed) curlBody() (words []string, usual string, err error) {
	spec := s.options.spec
	switch {
	case spec.Upload != "" && spec.Upload != "-" && spec.Upload != ".":
		return []string{"-T", spec.Upload}, http.MethodPut, nil
	case spec.Upload == "" && len(spec.Data) == 0:
		return nil, http.MethodGet, nil
	case len(spec.Data) == 1 && spec.Data[0].Kind != request.Raw && spec.Data[0].Kind != request.Form &&
		strings.HasPrefix(spec.Data[0].Value, "@") && spec.Data[0].Value != "@-":
		return []string{"--data-binary", spec.Data[0].Value}, http.MethodPost, nil
	}
	reader, err := s.request.GetBody()
	if err != nil {
		return nil, "", err
	}
	defer reader.Close()
	data, err := io.ReadAll(io.LimitReader(reader, maxInline+1))
	if err != nil {
		return nil, "", err
	}
	if len(data) > maxInline || !utf8.Valid(data) || strings.ContainsAny(string(data), "\r\n\x00") {
		return nil, "", hinted(usagef("this body does not fit on a command line: it is long, or holds a line break or NUL"),
			"put it into a file and give it with --data-binary @FILE")
	}
	return []string{"--data-raw", string(data)}, http.MethodPost, nil
}

// shWord quotes a word for sh: nothing within single quotes means anything. To fish a
// backslash there does, and so it stands outside of them.
func shWord(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.NewReplacer("'", `'\''`, `\`, `'\\'`).Replace(word) + "'"
}
