package jwt

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// maxPaste bounds what Extract looks through, in bytes.
const maxPaste = 1 << 20

// ranks of what looks like a token, best first.
const (
	rankMeant = iota // its name is that of the kind that is asked for
	rankID
	rankAccess
	rankOther     // no telling name beside it
	rankEncrypted // five parts: a refresh token
	rankBroken    // begins like a token, has the wrong number of parts
	rankNone
)

// Extract finds the token in what people paste: the bare token, "Bearer …", a
// whole header line or curl command, something in quotes, a redirect URL, a
// token answer in JSON (id_token, IdToken, access_token, …), or a token that a
// terminal wrapped over several lines. Where there are several tokens the ID
// token is preferred, then the access token, then the first.
//
// The result is not checked: Parse tells what is wrong with it. The error never
// shows the pasted text.
func Extract(pasted string) (string, error) { return ExtractKind(pasted, "") }

// ExtractKind is Extract for who means one of several tokens: kind is id, access or
// refresh, or empty. Where the text names none of that kind, it is not looked at.
func ExtractKind(pasted, kind string) (string, error) {
	if len(pasted) > maxPaste {
		return "", errors.New("the text has " + strconv.Itoa(len(pasted)) + " bytes, more than the " + strconv.Itoa(maxPaste) + " searched for a token")
	}
	text := unwrap(pasted)
	if best := bestCandidate(text, kind); best != "" {
		return best, nil
	}
	// Nothing begins like a token. A single word is handed on all the same, so
	// that Parse can say what is wrong with it.
	word := stripped(text)
	if word == "" || strings.ContainsAny(word, " \t\r\n\v\f{}[]<>\"") {
		return "", errors.New("no token in the " + strconv.Itoa(len(pasted)) + " bytes given: looked for header.payload.signature, bare, behind \"Bearer\", or in JSON as id_token or access_token")
	}
	return word, nil
}

// bestCandidate returns the run of token characters with the best rank, the
// first among equals, or "". Behind what begins like a token the = of padding is
// one of them: load balancers write it (x-amzn-oidc-data), and a token to which
// it was added must not lose it before it is judged.
func bestCandidate(text, kind string) string {
	best, bestRank := "", rankNone
	for i := 0; i < len(text); {
		if !isTokenByte(text[i]) {
			i++
			continue
		}
		start := i
		for i < len(text) && (isTokenByte(text[i]) || text[i] == '=' && beginsObject(text[start:i])) {
			i++
		}
		if r := rank(text[:start], text[start:i], kind); r < bestRank {
			best, bestRank = text[start:i], r
		}
	}
	return best
}

func isTokenByte(c byte) bool { return isBase64URL(c) || c == '.' }

func rank(before, run, kind string) int {
	header, _, dotted := strings.Cut(run, ".")
	if !dotted || !beginsObject(header) {
		return rankNone
	}
	name, dots := label(before), strings.Count(run, ".")
	switch {
	case dots != 2 && dots != 4:
		return rankBroken
	case kind != "" && name == kind+"token":
		return rankMeant
	case dots == 4:
		return rankEncrypted
	}
	switch name {
	case "idtoken":
		return rankID
	case "accesstoken":
		return rankAccess
	}
	return rankOther
}

// beginsObject says whether a part decodes to the beginning of a JSON object.
// Host names have dots too, so the form alone does not make a token.
func beginsObject(part string) bool {
	if len(part) < 8 {
		return false
	}
	head, err := base64.RawURLEncoding.DecodeString(part[:8])
	if err != nil || head[0] != '{' {
		return false
	}
	rest := strings.TrimLeft(string(head[1:]), " \t\r\n")
	return rest == "" || rest[0] == '"' || rest[0] == '}'
}

// EncryptedHeader returns the JSON of the header of a five-part JWE (RFC 7516
// section 7.1), the one part that is readable without the key. The error is a
// *ParseError when raw is none.
func EncryptedHeader(raw string) ([]byte, error) {
	first, _, _ := strings.Cut(raw, ".")
	header := make([]byte, len(first))
	n, ok := decodePart(header, []byte(first))
	if _, err := decodeObject(header[:n]); strings.Count(raw, ".") != 4 || !ok || err != nil {
		return nil, &ParseError{"it is not encrypted: it has not five parts, the first of them a header"}
	}
	return header[:n], nil
}

// label returns the word that names a value, in lower case without _ and -:
// for `"access_token": "` it is accesstoken, for `&id_token=` idtoken.
func label(before string) string {
	before = strings.TrimRight(before, " \t\r\n\"'`\\:=")
	start := len(before)
	for start > 0 && len(before)-start < 40 && isBase64URL(before[start-1]) {
		start--
	}
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(before[start:]))
}

// unwrap joins a token that was broken over lines of equal width; other text
// keeps its lines, because joining two tokens would make a third.
func unwrap(pasted string) string {
	lines := strings.Fields(strings.ReplaceAll(strings.TrimSpace(pasted), " ", "\x00"))
	if len(lines) < 2 {
		return pasted
	}
	for i, line := range lines {
		last := i == len(lines)-1
		if !last && len(line) != len(lines[0]) || last && len(line) > len(lines[0]) {
			return pasted
		}
		body := line
		if i == 0 {
			body = line[strings.LastIndexByte(line, 0)+1:] // "Bearer " and the like stand here
			if whole(body) {
				return pasted
			}
		}
		if strings.IndexFunc(body, func(r rune) bool { return r > 127 || !isTokenByte(byte(r)) }) >= 0 {
			return pasted
		}
		if i > 0 && beginsObject(strings.SplitN(body, ".", 2)[0]) && strings.Count(body, ".") == 2 {
			return pasted
		}
	}
	return strings.ReplaceAll(strings.Join(lines, ""), "\x00", " ")
}

// whole says whether a line ends with a signature of a usual length (in
// characters: HMAC, ECDSA, RSA), so that the next line is no part of it.
func whole(line string) bool {
	if strings.Count(line, ".") != 2 {
		return false
	}
	switch len(line) - strings.LastIndexByte(line, '.') - 1 {
	case 43, 64, 86, 128, 176, 342, 512, 683:
		return true
	}
	return false
}

// stripped removes white space, quotes, a header name and a scheme.
func stripped(text string) string {
	for {
		s := strings.Trim(text, " \t\r\n\v\f\"'`")
		for _, prefix := range []string{"-h ", "authorization:", "bearer "} {
			if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
				s = s[len(prefix):]
			}
		}
		if strings.EqualFold(s, "bearer") {
			return ""
		}
		if s == text {
			return s
		}
		text = s
	}
}
