package gateway

import (
	"fmt"
	"slices"
	"strings"
)

// A pattern is a text of a policy with wildcards and policy variables (IAM User
// Guide, "IAM JSON policy elements: Resource" and "Variables and tags").
type pattern struct {
	source string
	pieces []piece
}

// piece is a literal, a wildcard, or a variable that stands for a value of the
// request.
type piece struct {
	kind     pieceKind
	text     string // the literal, or the name of the variable
	fallback string // what the variable is when the request has no such value
	optional bool   // there is a fallback
}

type pieceKind int

const (
	pieceLiteral  pieceKind = iota
	pieceStar               // * any number of characters
	pieceOne                // ? one character
	pieceVariable           // ${…}
)

// dialect says what is special in a text.
type dialect struct{ wildcards, variables bool }

func parsePattern(s string, in dialect) (pattern, error) {
	p := pattern{source: s}
	for rest := s; rest != ""; {
		switch {
		case in.wildcards && rest[0] == '*':
			p.pieces, rest = append(p.pieces, piece{kind: pieceStar}), rest[1:]
			continue
		case in.wildcards && rest[0] == '?':
			p.pieces, rest = append(p.pieces, piece{kind: pieceOne}), rest[1:]
			continue
		case in.variables && strings.HasPrefix(rest, "${"):
			inner, after, closed := strings.Cut(rest[2:], "}")
			if !closed {
				return pattern{}, fmt.Errorf("%s has a ${ without }", quoted([]string{s}))
			}
			v, err := parseVariable(inner)
			if err != nil {
				return pattern{}, err
			}
			p.pieces, rest = append(p.pieces, v), after
			continue
		}
		n := literalLength(rest, in)
		p.pieces, rest = append(p.pieces, piece{text: rest[:n]}), rest[n:]
	}
	return p, nil
}

// literalLength is where the next special character is; at least 1.
func literalLength(s string, in dialect) int {
	for i := 1; i < len(s); i++ {
		if in.wildcards && (s[i] == '*' || s[i] == '?') || in.variables && strings.HasPrefix(s[i:], "${") {
			return i
		}
	}
	return len(s)
}

// parseVariable reads what stands between ${ and }: one of the characters that
// need escaping, or a key, perhaps with a default ("key, 'default'"). A key
// that IAM does not document as a variable is refused: IAM would find no value
// and the statement would silently never apply.
func parseVariable(inner string) (piece, error) {
	if inner == "*" || inner == "?" || inner == "$" {
		return piece{text: inner}, nil
	}
	name, fallback, optional := strings.Cut(inner, ",")
	name = strings.TrimSpace(name)
	if !knownVariable(strings.ToLower(name)) {
		return piece{}, fmt.Errorf("the policy variable %s is not known here", quoted([]string{"${" + inner + "}"}))
	}
	v := piece{kind: pieceVariable, text: strings.ToLower(name), optional: optional}
	if optional {
		fallback = strings.TrimSpace(fallback)
		if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
			return piece{}, fmt.Errorf("the default of the policy variable %s is not in single quotes", quoted([]string{"${" + inner + "}"}))
		}
		v.fallback = fallback[1 : len(fallback)-1]
	}
	return v, nil
}

// knownVariable looks at a key in lower case: the global keys that have one
// value, principal tags, and the claims of web identities.
func knownVariable(name string) bool {
	if tag, ok := strings.CutPrefix(name, "aws:principaltag/"); ok {
		return tag != ""
	}
	if provider, claim, ok := strings.Cut(name, ":"); ok && slices.Contains([]string{"aud", "sub", "amr"}, claim) {
		switch provider {
		case "cognito-identity.amazonaws.com", "accounts.google.com", "graph.facebook.com", "www.amazon.com":
			return true
		}
		return strings.HasPrefix(provider, "cognito-idp.")
	}
	return slices.Contains([]string{
		"aws:currenttime", "aws:epochtime", "aws:federatedprovider", "aws:principalaccount", "aws:principalarn",
		"aws:principalorgid", "aws:principaltype", "aws:referer", "aws:requestedregion", "aws:securetransport",
		"aws:sourceaccount", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:tokenissuetime",
		"aws:useragent", "aws:userid", "aws:username",
	}, name)
}

// Wildcards beside characters in an expanded pattern.
const (
	anyNumber = rune(-1)
	anyOne    = rune(-2)
)

// expand puts the values of variables in, as literals: a * that a request
// brings along matches nothing but itself. ok is false when a variable has no
// value, and the pattern then matches nothing.
func (p pattern) expand(in policyContext) (symbols []rune, ok bool) {
	for _, part := range p.pieces {
		switch part.kind {
		case pieceLiteral:
			symbols = append(symbols, []rune(part.text)...)
		case pieceStar:
			symbols = append(symbols, anyNumber)
		case pieceOne:
			symbols = append(symbols, anyOne)
		case pieceVariable:
			values := in[part.text]
			switch {
			case len(values) == 1: // a key with several values is no variable
				symbols = append(symbols, []rune(values[0])...)
			case len(values) == 0 && part.optional:
				symbols = append(symbols, []rune(part.fallback)...)
			default:
				return nil, false
			}
		}
	}
	return symbols, true
}

// matches compares with a plain text.
func (p pattern) matches(s string, in policyContext) bool {
	symbols, ok := p.expand(in)
	return ok && glob(symbols, []rune(s), 0)
}

// matchesARN compares with an ARN. Inside the first five fields a wildcard ends
// at the colon, except a * that is the last character of its field ("If the *
// wildcard is the last character of a resource ARN segment, it can expand to
// match beyond the colon boundaries"). That is why …:us-east-1:*/prod/GET/x,
// an ARN that lacks its account or API, matches nothing. In the last field
// wildcards go over slashes.
func (p pattern) matchesARN(arn string, in policyContext) bool {
	symbols, ok := p.expand(in)
	subject := []rune(arn)
	header, colons := 0, 0
	for i, r := range subject {
		if r == ':' {
			if colons++; colons == 5 {
				header = i
				break
			}
		}
	}
	return ok && glob(symbols, subject, header)
}

// glob matches without backtracking, in time len(symbols)*len(subject): reached
// says which prefixes of the subject the symbols so far can be. Colons up to
// header are borders.
func glob(symbols, subject []rune, header int) bool {
	border := func(j int) bool { return j <= header && header > 0 && subject[j] == ':' }
	reached := make([]bool, len(subject)+1)
	reached[0] = true
	for i, symbol := range symbols {
		next := make([]bool, len(reached))
		switch symbol {
		case anyNumber:
			crosses := i+1 == len(symbols) || symbols[i+1] == ':'
			next[0] = reached[0]
			for j := range subject {
				next[j+1] = reached[j+1] || next[j] && (crosses || !border(j))
			}
		case anyOne:
			for j := range subject {
				next[j+1] = reached[j] && !border(j)
			}
		default:
			for j, c := range subject {
				next[j+1] = reached[j] && c == symbol
			}
		}
		reached = next
	}
	return reached[len(subject)]
}
