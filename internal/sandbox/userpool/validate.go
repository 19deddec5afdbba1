package userpool

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cogctl/cogctl/internal/sandbox/store"
	"github.com/cogctl/cogctl/internal/srp"
)

// validate joins what is wrong with the members of a request in the words of
// AWS's request validation; "" is nothing. Values of secret members are not
// repeated, as there.
func validate(findings ...string) error {
	findings = slices.DeleteFunc(findings, func(f string) bool { return f == "" })
	switch len(findings) {
	case 0:
		return nil
	case 1:
		return errParameter("1 validation error detected: %s", findings[0])
	}
	return errParameter("%d validation errors detected: %s", len(findings), strings.Join(findings, "; "))
}

func present(member, value string) string {
	if value != "" {
		return ""
	}
	return fmt.Sprintf("Value at '%s' failed to satisfy constraint: Member must not be null", member)
}

func oneOf(member, value string, set []string) string {
	if value == "" {
		return present(member, value)
	}
	if slices.Contains(set, value) {
		return ""
	}
	return fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
		value, member, strings.Join(set, ", "))
}

func atMost(member, value string, limit int) string {
	if utf8.RuneCountInString(value) <= limit {
		return ""
	}
	return fmt.Sprintf("Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member, limit)
}

// code is what is wrong with a code that must be there.
func code(member, value string) string { return present(member, value) + atMost(member, value, 2048) }

// attributeName is what is wrong with a name that must be there.
func attributeName(value string) string {
	return present("attributeName", value) + atMost("attributeName", value, 32)
}

// sessionShape is the length of Session, 20 to 2048 characters. Whether it may be left
// out is for the operation to say.
func sessionShape(value string) string {
	if value != "" && utf8.RuneCountInString(value) < 20 {
		return "Value at 'session' failed to satisfy constraint: Member must have length greater than or equal to 20"
	}
	return atMost("session", value, 2048)
}

// clientID is the pattern of ClientId, [\w+]+, of 1 to 128 characters.
func clientID(value string) string {
	return shape{128, `[\w+]+`, func(r rune) bool { return isWord(r) || r == '+' }}.found("clientId", value)
}

// userPoolID is the pattern of UserPoolId, REGION_NAME, of 1 to 55 characters.
func userPoolID(value string) string {
	if finding := present("userPoolId", value) + atMost("userPoolId", value, 55); finding != "" {
		return finding
	}
	if _, err := srp.PoolName(value); err == nil {
		return ""
	}
	return fmt.Sprintf("Value '%s' at 'userPoolId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+", value)
}

func isWord(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
}

// shape is what the model says of a member.
type shape struct {
	most    int // characters
	pattern string
	allowed func(rune) bool // the pattern's characters
}

// found is what is wrong with a member that must be there.
func (s shape) found(member, value string) string {
	if finding := present(member, value) + atMost(member, value, s.most); finding != "" {
		return finding
	}
	if !strings.ContainsFunc(value, func(r rune) bool { return !s.allowed(r) }) {
		return ""
	}
	return fmt.Sprintf("Value at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", member, s.pattern)
}

// usernameShape is the pattern of Username as a member of a request: 1 to 128
// letters, marks, symbols, numbers and punctuation, so no spaces.
func usernameShape(value string) string {
	return shape{128, `[\p{L}\p{M}\p{S}\p{N}\p{P}]+`, func(r rune) bool {
		return unicode.In(r, unicode.L, unicode.M, unicode.S, unicode.N, unicode.P) && r != utf8.RuneError
	}}.found("username", value)
}

// symbols are the special characters of the developer guide, "Adding user pool
// password requirements". A space counts too unless it leads or trails.
const symbols = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+-"

// checkPolicy names the first rule that password breaks. The order of the
// rules is UNCONFIRMED.
func checkPolicy(policy store.PasswordPolicy, password string) error {
	has := func(f func(rune) bool) bool { return strings.ContainsFunc(password, f) }
	isSymbol := func(r rune) bool { return strings.ContainsRune(symbols, r) }
	inRange := func(first, last rune) func(rune) bool { return func(r rune) bool { return first <= r && r <= last } }
	switch {
	case utf8.RuneCountInString(password) < policy.Length():
		return errPolicy("Password not long enough")
	case !policy.NoUppercase && !has(inRange('A', 'Z')):
		return errPolicy("Password must have uppercase characters")
	case !policy.NoLowercase && !has(inRange('a', 'z')):
		return errPolicy("Password must have lowercase characters")
	case !policy.NoNumbers && !has(inRange('0', '9')):
		return errPolicy("Password must have numeric characters")
	case !policy.NoSymbols && !has(isSymbol) && !strings.Contains(strings.TrimSpace(password), " "):
		return errPolicy("Password must have symbol characters")
	}
	return nil
}

// standardAttributes are the OIDC claims that every pool has in its schema.
const standardAttributes = " address birthdate email email_verified family_name gender given_name locale " +
	"middle_name name nickname phone_number phone_number_verified picture preferred_username profile updated_at website zoneinfo "

// attribute is AttributeType on the wire.
type attribute struct {
	Name  string
	Value string
}

// attributeMap checks attributes against the schema of the pool. admin may set
// what a user may not say about himself.
func attributeMap(pool store.Pool, list []attribute, admin bool) (map[string]string, error) {
	attributes := map[string]string{}
	if err := validate(attributeShapes(list)...); err != nil {
		return nil, err
	}
	for _, a := range list {
		switch {
		case a.Name == "sub":
			return nil, errParameter("Cannot modify the non-mutable attribute sub") // UNCONFIRMED
		case strings.HasSuffix(a.Name, "_verified") && !admin:
			return nil, errUnwritable
		case !slices.Contains(pool.CustomAttributes, a.Name) && !isStandard(a.Name):
			return nil, errParameter("Attributes did not conform to the schema: %s: Attribute does not exist in schema.", a.Name)
		case a.Name == "email" && a.Value != "" && !isEmail(a.Value):
			return nil, errEmailFormat
		case a.Name == "phone_number" && a.Value != "" && !isPhone(a.Value):
			return nil, errPhoneFormat
		}
		attributes[a.Name] = a.Value
	}
	return attributes, nil
}

// attributeShapes finds names that are not there or longer than 32 characters,
// and values longer than 2048.
func attributeShapes(list []attribute) []string {
	var findings []string
	for i, a := range list {
		member := fmt.Sprintf("userAttributes.%d.member.", i+1)
		findings = append(findings, present(member+"name", a.Name), atMost(member+"name", a.Name, 32), atMost(member+"value", a.Value, 2048))
	}
	return findings
}

// missing lists the required attributes of the pool that are not there.
func missing(pool store.Pool, attributes map[string]string) []string {
	var names []string
	for _, name := range pool.RequiredAttributes {
		if attributes[name] == "" {
			names = append(names, name)
		}
	}
	return names
}

func isStandard(name string) bool {
	return name != "" && !strings.Contains(name, " ") && strings.Contains(standardAttributes, " "+name+" ")
}

// isEmail is a rough look, no more: something, one @, a domain.
func isEmail(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	return found && local != "" && domain != "" && !strings.ContainsAny(s, " \t\r\n") && !strings.Contains(domain, "@")
}

// isPhone is E.164 as Cognito wants it: a plus and digits.
func isPhone(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	return plus && digits != "" && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}
