package auth

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Attribute is a name and a value, as users have them.
type Attribute struct{ Name, Value string }

// Bounds of AttributeType, in characters.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AttributeType.html
const (
	maxAttributeName  = 32
	maxAttributeValue = 2048
)

// ParseAttribute reads name=value. The value is all that follows the first equals
// sign; it may not be empty, because an empty one deletes the attribute, and a
// variable that is not set must not do that.
func ParseAttribute(text string) (Attribute, error) {
	a, err := parsePair(text)
	switch {
	case err != nil:
		return Attribute{}, err
	case utf8.RuneCountInString(a.Name) > maxAttributeName:
		return Attribute{}, fmt.Errorf("the name %q is longer than %d characters", a.Name, maxAttributeName)
	case a.Value == "":
		return Attribute{}, fmt.Errorf("%q has no value: an attribute with an empty value is one that is deleted", text)
	case utf8.RuneCountInString(a.Value) > maxAttributeValue:
		return Attribute{}, fmt.Errorf("the value of %q is longer than %d characters", a.Name, maxAttributeValue)
	}
	return a, nil
}

// ParseAttributes reads a list of name=value in which no name comes twice.
func ParseAttributes(list []string) ([]Attribute, error) { return parseAll(list, ParseAttribute) }

// ParseData reads a list of name=value whose values may be empty: validation data
// and client metadata, which go to the pool's triggers as they are.
func ParseData(list []string) ([]Attribute, error) { return parseAll(list, parsePair) }

func parseAll(list []string, parse func(string) (Attribute, error)) ([]Attribute, error) {
	var all []Attribute
	seen := map[string]bool{}
	for _, text := range list {
		a, err := parse(text)
		if err != nil {
			return nil, err
		}
		if seen[a.Name] {
			return nil, fmt.Errorf("%q is given twice", a.Name)
		}
		seen[a.Name] = true
		all = append(all, a)
	}
	return all, nil
}

func parsePair(text string) (Attribute, error) {
	name, value, found := strings.Cut(text, "=")
	switch {
	case !found, name == "":
		return Attribute{}, fmt.Errorf("%q is not name=value, as in given_name=Dora", text)
	case strings.ContainsFunc(name, notInName):
		return Attribute{}, fmt.Errorf("the name %q has characters that no attribute's name has: spaces or control characters", name)
	case strings.ContainsFunc(value, notInValue):
		return Attribute{}, fmt.Errorf("the value in %q has control characters or is not UTF-8", text)
	}
	return Attribute{Name: name, Value: value}, nil
}

// CheckAttributeName checks the name of an attribute that is to be deleted.
func CheckAttributeName(name string) error {
	if name == "" || strings.Contains(name, "=") || strings.ContainsFunc(name, notInName) || utf8.RuneCountInString(name) > maxAttributeName {
		return fmt.Errorf("%q is no name of an attribute, such as given_name or custom:team", name)
	}
	return nil
}

// notInName is what the pattern of names and usernames leaves out:
// [\p{L}\p{M}\p{S}\p{N}\p{P}]+.
func notInName(r rune) bool {
	return r == utf8.RuneError || !unicode.In(r, unicode.L, unicode.M, unicode.S, unicode.N, unicode.P)
}

func notInValue(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) }

// maxUsername is the bound of a username, in characters.
const maxUsername = 128

// CheckUsername checks a username by the pattern and the bound of SignUp's.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SignUp.html
func CheckUsername(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the username is empty")
	case strings.ContainsFunc(name, notInName):
		return fmt.Errorf("the username %q has spaces or control characters, which no username has", name)
	case utf8.RuneCountInString(name) > maxUsername:
		return fmt.Errorf("the username is longer than %d characters", maxUsername)
	}
	return nil
}

// Names lists the names of attributes, for errors: values may be private.
func Names(attributes []Attribute) string {
	var names []string
	for _, a := range attributes {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}
