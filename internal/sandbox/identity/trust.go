package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cogctl/cogctl/internal/sandbox/store"
)

// federated is the principal of identity pools in a trust policy, and begins
// the names of its condition keys.
const federated = "cognito-identity.amazonaws.com"

// webIdentity is who asks to assume a role.
type webIdentity struct {
	audience string // the identity pool
	subject  string // the identity
	amr      []string
}

// TrustFor is the trust policy that the console gives to the role of an
// identity pool, here of several: amr is authenticated or unauthenticated.
func TrustFor(amr string, pools ...string) string {
	document, _ := json.Marshal(map[string]any{ // maps of strings always marshal
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect":    "Allow",
			"Principal": map[string]string{"Federated": federated},
			"Action":    []string{assumeAction, tagAction},
			"Condition": map[string]any{
				"StringEquals":           map[string][]string{federated + ":aud": pools},
				"ForAnyValue:StringLike": map[string]string{federated + ":amr": amr},
			},
		}},
	})
	return string(document)
}

const (
	assumeAction = "sts:AssumeRoleWithWebIdentity"
	tagAction    = "sts:TagSession"
)

// trusts says whether the trust policy of a role lets a web identity assume it,
// and with tags, tag its session.
func (h *Handler) trusts(role store.Role, who webIdentity, tagged bool) bool {
	statements, err := parseTrust(role.Trust)
	return err == nil && allows(statements, assumeAction, who) && (!tagged || allows(statements, tagAction, who))
}

// trust is one statement of a trust policy.
type trust struct {
	Effect    string
	Principal struct{ Federated texts }
	Action    texts
	Condition map[string]map[string]texts
}

// texts are a string or an array of strings.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// statements are one or an array of them.
type statements []trust

func (s *statements) UnmarshalJSON(data []byte) error {
	var one trust
	if json.Unmarshal(data, &one) == nil {
		*s = statements{one}
		return nil
	}
	return json.Unmarshal(data, (*[]trust)(s))
}

func parseTrust(document string) (statements, error) {
	if document == "" {
		return nil, nil
	}
	var policy struct {
		Version   string
		Statement statements
	}
	if err := json.Unmarshal([]byte(document), &policy); err != nil {
		return nil, fmt.Errorf("trust policy: %w", err)
	}
	for _, s := range policy.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return nil, fmt.Errorf("trust policy: no such effect %q", s.Effect)
		}
		if err := checkConditions(s.Condition); err != nil {
			return nil, err
		}
	}
	return policy.Statement, nil
}

// checkConditions refuses what condition does not know: a condition that is not
// looked at would let in whom it was to keep out.
func checkConditions(conditions map[string]map[string]texts) error {
	for operator, keys := range conditions {
		_, plain := splitOperator(operator)
		if !slices.Contains([]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike"}, plain) {
			return fmt.Errorf("trust policy: the condition operator %q is not known here", operator)
		}
		for key := range keys {
			if _, known := (webIdentity{}).values(key); !known {
				return fmt.Errorf("trust policy: the condition key %q is not known here", key)
			}
		}
	}
	return nil
}

// splitOperator takes ForAnyValue or ForAllValues off an operator.
func splitOperator(operator string) (set, plain string) {
	set, plain, found := strings.Cut(operator, ":")
	if !found {
		return "", operator
	}
	if set != "ForAnyValue" && set != "ForAllValues" {
		return "", ""
	}
	return set, plain
}

// values are those of a condition key.
func (w webIdentity) values(key string) (values []string, known bool) {
	switch strings.ToLower(key) {
	case federated + ":aud":
		return []string{w.audience}, true
	case federated + ":sub":
		return []string{w.subject}, true
	case federated + ":amr":
		return w.amr, true
	}
	return nil, false
}

func allows(policy statements, action string, who webIdentity) bool {
	allowed := false
	for _, s := range policy {
		if !s.applies(action, who) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func (t trust) applies(action string, who webIdentity) bool {
	if !slices.Contains(t.Principal.Federated, federated) || !slices.ContainsFunc(t.Action, func(a string) bool { return like(strings.ToLower(a), strings.ToLower(action)) }) {
		return false
	}
	for operator, keys := range t.Condition {
		for key, wanted := range keys {
			values, _ := who.values(key)
			if !condition(operator, values, wanted) {
				return false
			}
		}
	}
	return true
}

// condition applies one operator. Without ForAnyValue or ForAllValues a key has
// one value.
func condition(operator string, values, wanted []string) bool {
	set, plain := splitOperator(operator)
	fits := func(value string) bool {
		hit := slices.ContainsFunc(wanted, func(w string) bool {
			if strings.HasSuffix(plain, "Like") {
				return like(w, value)
			}
			return w == value
		})
		return hit != strings.HasPrefix(plain, "StringNot")
	}
	switch {
	case set == "ForAnyValue":
		return slices.ContainsFunc(values, fits)
	case set == "ForAllValues":
		return !slices.ContainsFunc(values, func(v string) bool { return !fits(v) })
	}
	return len(values) == 1 && fits(values[0])
}

// like matches a pattern with * and ? against a whole text.
func like(pattern, text string) bool {
	star, from := -1, 0 // the last * seen, and where in text what follows it was tried
	p, i := 0, 0
	for i < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[i]):
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

var errNotARole = errors.New("not the ARN of a role")

// roleName is the last part of arn:PARTITION:iam::ACCOUNT:role/PATH/NAME.
func roleName(arn string) (account, name string, err error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		return "", "", errNotARole
	}
	name = parts[5][strings.LastIndexByte(parts[5], '/')+1:]
	if name == "" || parts[4] == "" {
		return "", "", errNotARole
	}
	return parts[4], name, nil
}
