package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// MaxPolicy is the size in bytes above which a policy is not read. IAM's own
// limits are lower (10,240 characters for the inline policies of a role).
const MaxPolicy = 64 << 10

// ActionInvoke is the action of calling a method of an API.
const ActionInvoke = "execute-api:Invoke"

// A Policy is an IAM policy document without a principal: what a Lambda
// authorizer answers, or what is attached to a role (IAM User Guide, "IAM JSON
// policy reference").
type Policy struct {
	version    string
	statements []statement
	source     json.RawMessage
}

// The versions of the policy language. In the older, which is also that of a
// document without Version, ${…} is plain text.
const (
	version2012 = "2012-10-17"
	version2008 = "2008-10-17"
)

// statement is one element of Statement.
type statement struct {
	sid         string
	deny        bool
	actions     []pattern
	notActions  bool
	resources   []pattern
	notResource bool
	conditions  []condition
}

// ParsePolicy reads a policy document: one JSON object, no member twice, at
// most [MaxPolicy] bytes. What is not understood, be it an element, an operator
// of a condition or a policy variable, is an error and never passed over:
// a statement that is only half understood would decide wrongly.
func ParsePolicy(data []byte) (Policy, error) {
	value, err := decodeStrict(data, MaxPolicy)
	if err != nil {
		return Policy{}, fmt.Errorf("the policy %w", err)
	}
	return policyOf(value)
}

// policyOf reads a policy that is part of a larger document.
func policyOf(value any) (Policy, error) {
	document, ok := value.(map[string]any)
	if !ok {
		return Policy{}, fmt.Errorf("the policy is %s, want an object", kindOf(value))
	}
	source, err := json.Marshal(document)
	if err != nil {
		return Policy{}, fmt.Errorf("the policy: %w", err)
	}
	p := Policy{version: version2008, source: source}
	if len(source) > MaxPolicy {
		return Policy{}, fmt.Errorf("the policy has %d bytes, more than the %d looked at", len(source), MaxPolicy)
	}
	if err := onlyMembers(document, "Version", "Id", "Statement"); err != nil {
		return Policy{}, fmt.Errorf("the policy %w", err)
	}
	if v, present := document["Version"]; present {
		p.version, _ = v.(string)
		if p.version != version2012 && p.version != version2008 {
			return Policy{}, fmt.Errorf("the policy's Version is %s, want %q or %q", shown(v), version2012, version2008)
		}
	}
	if err := p.readStatements(document); err != nil {
		return Policy{}, err
	}
	return p, nil
}

func (p *Policy) readStatements(document map[string]any) error {
	var list []any
	switch v := document["Statement"].(type) {
	case map[string]any:
		list = []any{v}
	case []any:
		list = v
	default:
		return errors.New("the policy has no Statement that is an object or an array")
	}
	for i, v := range list {
		s, err := parseStatement(v, p.version == version2012)
		if err != nil {
			return fmt.Errorf("statement %d of the policy: %w", i+1, err)
		}
		p.statements = append(p.statements, s)
	}
	return nil
}

func parseStatement(value any, variables bool) (statement, error) {
	members, ok := value.(map[string]any)
	if !ok {
		return statement{}, fmt.Errorf("it is %s, want an object", kindOf(value))
	}
	if _, has := members["Principal"]; has || members["NotPrincipal"] != nil {
		return statement{}, errors.New("it has a Principal, which only resource policies have")
	}
	if err := onlyMembers(members, "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"); err != nil {
		return statement{}, fmt.Errorf("it %w", err)
	}
	var s statement
	if v, present := members["Sid"]; present {
		if s.sid, ok = v.(string); !ok {
			return statement{}, fmt.Errorf("its Sid is %s, want a string", kindOf(v))
		}
	}
	switch effect := members["Effect"]; effect {
	case "Allow":
	case "Deny":
		s.deny = true
	default:
		return statement{}, fmt.Errorf(`its Effect is %s, want "Allow" or "Deny"`, shown(effect))
	}
	if err := s.readPatterns(members, variables); err != nil {
		return statement{}, err
	}
	var err error
	if v, present := members["Condition"]; present {
		s.conditions, err = parseConditions(v, variables)
	}
	return s, err
}

func (s *statement) readPatterns(members map[string]any, variables bool) error {
	actions, not, err := eitherOf(members, "Action")
	if err != nil {
		return err
	}
	s.notActions = not
	for _, a := range actions {
		if a != "*" && strings.Count(a, ":") != 1 {
			return fmt.Errorf("its action %s is neither * nor SERVICE:ACTION", quoted([]string{a}))
		}
		p, err := parsePattern(strings.ToLower(a), dialect{wildcards: true})
		if err != nil {
			return err
		}
		p.source = a
		s.actions = append(s.actions, p)
	}
	resources, not, err := eitherOf(members, "Resource")
	if err != nil {
		return err
	}
	s.notResource = not
	for _, r := range resources {
		p, err := parseResource(r, variables)
		if err != nil {
			return err
		}
		s.resources = append(s.resources, p)
	}
	return nil
}

// parseResource takes * and ARNs. Fields that an ARN lacks are wildcards, as
// IAM completes it.
func parseResource(s string, variables bool) (pattern, error) {
	if s != "*" && !strings.HasPrefix(s, "arn:") {
		return pattern{}, fmt.Errorf("its resource %s is neither * nor an ARN", quoted([]string{s}))
	}
	full := s
	if s != "*" {
		full += strings.Repeat(":*", max(0, 5-strings.Count(s, ":")))
	}
	p, err := parsePattern(full, dialect{wildcards: true, variables: variables})
	p.source = s
	return p, err
}

// eitherOf reads the texts of NAME or of NotNAME, of which a statement has
// exactly one.
func eitherOf(members map[string]any, name string) (texts []string, not bool, err error) {
	value, has := members[name]
	negated, hasNot := members["Not"+name]
	switch {
	case has && hasNot:
		return nil, false, fmt.Errorf("it has %s and Not%s", name, name)
	case hasNot:
		name, value = "Not"+name, negated
	case !has:
		return nil, false, fmt.Errorf("it has no %s", name)
	}
	texts, ok := textsOf(value)
	if !ok || len(texts) == 0 {
		return nil, false, fmt.Errorf("its %s is neither a string nor an array of strings", name)
	}
	return texts, hasNot, nil
}

// textsOf reads a string or an array of strings.
func textsOf(value any) ([]string, bool) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	texts := make([]string, len(list))
	for i, v := range list {
		if texts[i], ok = v.(string); !ok {
			return nil, false
		}
	}
	return texts, true
}

// onlyMembers refuses members that are not known, by their exact names.
func onlyMembers(object map[string]any, known ...string) error {
	unknown := subtract(object, known)
	if len(unknown) > 0 {
		return fmt.Errorf("has the member %s, which is not known here", quoted(unknown))
	}
	return nil
}

// MarshalJSON writes the document as it was read, without its white space.
func (p Policy) MarshalJSON() ([]byte, error) {
	if p.source == nil {
		return []byte("null"), nil
	}
	return p.source, nil
}
