package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/jwt"
)

// canary is a secret that no output may hold, but where it is asked for.
type canary struct{ kind, value string }

// Kinds of canaries, as a finding calls them.
const (
	aPassword     = "password"
	aClientSecret = "client secret"
	aTOTPSecret   = "TOTP secret"
	aCode         = "code"
	anIDToken     = "ID token"
	anAccessToken = "access token"
	aRefreshToken = "refresh token"
	aToken        = "token of unknown kind"
	aSession      = "session string"
	aProof        = "proof or hash"
	aDeviceSecret = "device secret"
	anAWSSecret   = "AWS secret"
	anAWSSession  = "AWS session token"
	aSignature    = "signature"
	anAPIKey      = "API key"
	aControlKey   = "control key"
	aLiteral      = "literal in config.toml"
)

// shortest is the length, in bytes, of the shortest canary. The program itself
// does not look for shorter secrets: they are in any text by chance.
const shortest = 6

// needle is a canary in one of the forms in which it travels.
type needle struct {
	canary
	form, text string
	alone      bool // counts only where no letter or digit is beside it
}

// needles are the forms of a canary: as it is, base64 with either alphabet, hex,
// escaped for a URL and for JSON. Base64 is looked for at each of the three
// places that it may have within a longer text, so that Basic credentials and
// other wrappings are found. Of long tokens pieces count too: a text may have
// been cut off.
func needles(c canary) []needle {
	made := map[string]bool{}
	var list []needle
	add := func(form, text string) {
		if len(text) >= shortest && !made[text] {
			made[text] = true
			list = append(list, needle{c, form, text, c.kind == aCode && text == c.value})
		}
	}
	if len(c.value) < shortest {
		return nil
	}
	add("raw", c.value)
	for _, piece := range pieces(c.value) {
		add(aPiece, piece)
	}
	for shift := range 3 {
		for i, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			form := []string{"base64", "base64url"}[i]
			within, atTheEnd := embedded(encoding, c.value, shift)
			add(form, within)
			if len(within) < shortest {
				add(form, atTheEnd)
			}
		}
	}
	add("hex", hex.EncodeToString([]byte(c.value)))
	add("hex", strings.ToUpper(hex.EncodeToString([]byte(c.value))))
	add("URL-escaped", url.QueryEscape(c.value))
	add("URL-escaped", url.PathEscape(c.value))
	quoted, _ := json.Marshal(c.value)
	add("JSON-escaped", string(quoted[1:len(quoted)-1]))
	return list
}

// embedded is the part of the base64 of a text with value in it, or at its end,
// that depends on value alone, when shift bytes, modulo 3, go before it.
func embedded(encoding *base64.Encoding, value string, shift int) (within, atTheEnd string) {
	padded := strings.Repeat("\x00", shift) + value
	text := encoding.WithPadding(base64.NoPadding).EncodeToString([]byte(padded))
	first := []int{0, 2, 3}[shift]
	return text[first : len(padded)/3*4], text[first:]
}

// aPiece is the form of a part of a token.
const aPiece = "a piece of it"

// pieces are parts of a secret by which it is known when a text was cut. Of a token
// they are such that any 39 characters in a row hold one: of a JWT none of the header,
// which is no secret. Of a shorter secret, other than a code, the first two thirds.
func pieces(token string) []string {
	const length = 20
	switch {
	case len(token) <= 8:
		return nil
	case len(token) <= 2*length:
		return []string{token[:max(shortest, len(token)*2/3)]}
	}
	if header, rest, found := strings.Cut(token, "."); found && strings.HasPrefix(header, "eyJ") {
		token = rest
	}
	var list []string
	for ; len(token) >= length; token = token[length:] {
		list = append(list, token[:length])
	}
	return list
}

// kindOfToken tells by its own word what a token is.
func kindOfToken(raw, otherwise string) string {
	token, err := jwt.Parse(raw)
	if err != nil {
		return otherwise
	}
	switch token.Claims.String("token_use") {
	case "id":
		return anIDToken
	case "access":
		return anAccessToken
	}
	return otherwise
}

// haystack is a text that is searched.
type haystack struct {
	where, text string
	may         func(needle) bool // what it may hold; nil for nothing
}

// may allows canaries of some kinds.
func may(kinds ...string) func(needle) bool {
	return func(n needle) bool { return slices.Contains(kinds, n.kind) }
}

// indexed are the needles of canaries by their beginnings. A piece that tokens of
// two kinds have in common (of a payload, such as the issuer) tells nothing.
func indexed(canaries []canary) map[[shortest]byte][]needle {
	all := map[string]needle{}
	common := map[string]bool{}
	for _, c := range canaries {
		for _, n := range needles(c) {
			if other, known := all[n.text]; known && other.kind != n.kind && n.form == aPiece {
				common[n.text] = true
			}
			all[n.text] = n
		}
	}
	index := map[[shortest]byte][]needle{}
	for text, n := range all {
		if !common[text] {
			start := [shortest]byte([]byte(text))
			index[start] = append(index[start], n)
		}
	}
	return index
}

// byChance tells the encoded forms of a code where tokens may be: these tell times in
// base64, and six digits are among them soon.
func (n needle) byChance(h haystack) bool {
	token := n
	token.kind = anIDToken
	return n.kind == aCode && n.form != "raw" && h.may(token)
}

// leaks finds the canaries in the haystacks.
func leaks(canaries []canary, haystacks []haystack) []string {
	index := indexed(canaries)
	var found []string
	for _, h := range haystacks {
		for at := 0; at+shortest <= len(h.text); at++ {
			here := index[[shortest]byte([]byte(h.text[at:at+shortest]))]
			for _, n := range here {
				if !n.at(h.text, at) || h.may != nil && (h.may(n) || n.byChance(h)) || n.within(here, h.text, at) {
					continue
				}
				if finding := fmt.Sprintf("%s holds a %s (%s): %s", h.where, n.kind, n.form, around(h.text, at, len(n.text))); !slices.Contains(found, finding) {
					found = append(found, finding)
				}
			}
		}
	}
	return found
}

// within tells a piece at the beginning of what is found whole.
func (n needle) within(here []needle, text string, at int) bool {
	return n.form == aPiece && slices.ContainsFunc(here, func(whole needle) bool {
		return whole.canary == n.canary && whole.form != aPiece && whole.at(text, at)
	})
}

func (n needle) at(text string, at int) bool {
	if !strings.HasPrefix(text[at:], n.text) {
		return false
	}
	end := at + len(n.text)
	return !n.alone || (at == 0 || !wordy(text[at-1])) && (end == len(text) || !wordy(text[end]))
}

func wordy(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// around shows where a leak is and not the leak: the word that it is in is
// blanked.
func around(text string, at, length int) string {
	start, end := at, at+length
	for start > 0 && text[start-1] > ' ' {
		start--
	}
	for end < len(text) && text[end] > ' ' {
		end++
	}
	before, after := text[max(0, start-60):start], text[end:min(len(text), end+30)]
	return fmt.Sprintf("%q", before+"<HERE>"+after)
}
