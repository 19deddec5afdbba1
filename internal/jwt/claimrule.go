package jwt

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A ClaimRule is a condition on one claim; ParseClaimRule makes it.
type ClaimRule struct {
	path     string
	operator string // "=", "!=" or "~"
	value    string
	pattern  *regexp.Regexp // for "~"
}

// ParseClaimRule reads "name=value", "name!=value" or "name~regexp".
//
// The name is that of a claim ("email", "custom:plan", "cognito:groups") or a
// path through objects ("address.country"). Since names may hold dots too, at
// each step the longest name that leads somewhere is taken. An array on the way
// or at the end stands for all its elements.
//
// "=" wants one value that is exactly this text, "!=" wants that no value is,
// and "~" one in which the regular expression (RE2) is found, anywhere unless it
// is anchored with ^ and $. Numbers and booleans are compared as the text they
// have in the token's JSON. A claim that is absent, null or an empty array has
// no value and passes no rule, not even "!=": what gates on a claim must not
// open because the claim is gone.
//
// The first of = and ~ ends the name, so that a claim with either in its name
// cannot be asked for.
func ParseClaimRule(s string) (ClaimRule, error) {
	i := strings.IndexAny(s, "=~")
	if i < 0 {
		return ClaimRule{}, fmt.Errorf("the claim rule %s has no operator: want name=value, name!=value or name~regexp", quote(s))
	}
	rule := ClaimRule{path: s[:i], operator: s[i : i+1], value: s[i+1:]}
	if name, negated := strings.CutSuffix(rule.path, "!"); negated && rule.operator == "=" {
		rule.path, rule.operator = name, "!="
	}
	if rule.path == "" {
		return ClaimRule{}, fmt.Errorf("the claim rule %s names no claim: want name=value, name!=value or name~regexp", quote(s))
	}
	if rule.operator != "~" {
		return rule, nil
	}
	var err error
	if rule.pattern, err = regexp.Compile(rule.value); err != nil {
		return ClaimRule{}, fmt.Errorf("the claim rule %s: %w", quote(s), err)
	}
	return rule, nil
}

// String is the rule as it was written.
func (r ClaimRule) String() string { return r.path + r.operator + r.value }

// check is the name of the rule's check.
func (r ClaimRule) check() string { return "claim " + cut(r.path) }

// judge says whether claims satisfy the rule; code is "" when they do.
func (r ClaimRule) judge(claims Claims) (code, detail string) {
	var values []string
	var objects bool
	for _, found := range claims.Find(r.path) {
		var object bool
		values, object = appendScalars(values, found)
		objects = objects || object
	}
	switch {
	case r.operator == "":
		return CodePolicy, "the rule is empty"
	case len(values) == 0 && objects:
		return CodeClaimType, "it is an object: name one of its members, want " + r.want()
	case len(values) == 0:
		return CodeClaimMissing, "it is missing, want " + r.want()
	case objects && r.operator == "!=":
		return CodeClaimType, "it holds an object, which cannot be compared, want " + r.want()
	}
	shown := quote(values[0])
	if len(values) > 1 {
		shown = list(values, quote)
	}
	for _, v := range values {
		if !r.matches(v) {
			continue
		}
		if r.operator == "!=" {
			return CodeClaimMismatch, "it is " + shown + ", want " + r.want()
		}
		return "", "it is " + quote(v)
	}
	if r.operator == "!=" {
		return "", "it is " + shown
	}
	return CodeClaimMismatch, "it is " + shown + ", want " + r.want()
}

func (r ClaimRule) matches(value string) bool {
	if r.operator == "~" {
		return r.pattern.MatchString(value)
	}
	return value == r.value
}

func (r ClaimRule) want() string {
	switch r.operator {
	case "~":
		return "a match of " + quote(r.value)
	case "!=":
		return "anything but " + quote(r.value)
	}
	return quote(r.value)
}

// Find returns what stands at a path as ParseClaimRule describes it: nothing
// when the claim is absent or null, several values when an array is on the way.
// An array at the end is one value.
func (c Claims) Find(path string) []any {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		v, there := c[path[:end]]
		if !there || v == nil {
			continue
		}
		if end == len(path) {
			return []any{v}
		}
		if found := within(v, path[end+1:]); len(found) > 0 {
			return found
		}
	}
	return nil
}

// within goes on at the value of a member; an array stands for its elements.
func within(v any, path string) []any {
	switch v := v.(type) {
	case map[string]any:
		return Claims(v).Find(path)
	case []any:
		var found []any
		for _, element := range v {
			found = append(found, within(element, path)...)
		}
		return found
	}
	return nil
}

// appendScalars adds the text of v, or of all elements when it is an array, and
// says whether there were objects, which have none.
func appendScalars(values []string, v any) (all []string, objects bool) {
	switch v := v.(type) {
	case string:
		return append(values, v), false
	case json.Number:
		return append(values, string(v)), false
	case bool:
		return append(values, strconv.FormatBool(v)), false
	case []any:
		for _, element := range v {
			var object bool
			values, object = appendScalars(values, element)
			objects = objects || object
		}
		return values, objects
	case map[string]any:
		return values, true
	}
	return values, false
}
