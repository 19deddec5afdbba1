package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Effect is what a policy says about an action.
type Effect string

const (
	EffectAllow        Effect = "allow"
	EffectExplicitDeny Effect = "explicit deny" // a statement denies, whatever others allow
	EffectImplicitDeny Effect = "implicit deny" // no statement allows
)

// An Evaluation is what came out of a policy, and why.
type Evaluation struct {
	Effect    Effect
	Statement int    // index of the statement that decided, -1 when none did
	Reason    string // a sentence for people, ready for a terminal
}

// policyContext are the values of condition keys, under names in lower case:
// condition keys are not case-sensitive.
type policyContext map[string][]string

// Evaluate judges an action on a resource, an ARN. The context holds the
// values of condition keys and policy variables, such as aws:SourceIp and
// aws:PrincipalTag/team; names are not case-sensitive. Explicit deny wins, and
// the order of statements does not matter ("Policy evaluation logic").
func (p Policy) Evaluate(action, resource string, context map[string]string) Evaluation {
	values := make(map[string][]string, len(context))
	for name, v := range context {
		values[name] = []string{v}
	}
	return p.EvaluateValues(action, resource, values)
}

// EvaluateValues is Evaluate with condition keys that may have several values,
// such as cognito-identity.amazonaws.com:amr.
func (p Policy) EvaluateValues(action, resource string, context map[string][]string) Evaluation {
	in := make(policyContext, len(context))
	for name, values := range context {
		in[strings.ToLower(name)] = values
	}
	allowedBy := -1
	var misses []string
	for i, s := range p.statements {
		miss := s.miss(action, resource, in)
		switch {
		case miss != "":
			if !s.deny {
				misses = append(misses, p.title(i)+" "+miss)
			}
		case s.deny:
			return Evaluation{EffectExplicitDeny, i, p.title(i) + " denies " + s.about()}
		case allowedBy < 0:
			allowedBy = i
		}
	}
	if allowedBy >= 0 {
		return Evaluation{EffectAllow, allowedBy, p.title(allowedBy) + " allows " + p.statements[allowedBy].about()}
	}
	return Evaluation{EffectImplicitDeny, -1, "no statement allows " + action + " on " + quoted([]string{resource}) + nothingElse(misses)}
}

// nothingElse tells why the statements that allow something do not apply.
func nothingElse(misses []string) string {
	const most = 3
	switch n := len(misses); {
	case n == 0:
		return ": the policy allows nothing"
	case n > most:
		return ": " + strings.Join(misses[:most], "; ") + fmt.Sprintf("; and %d more do not apply", n-most)
	}
	return ": " + strings.Join(misses, "; ")
}

// title names a statement: "statement 2 of 3 (ReadOnly)".
func (p Policy) title(i int) string {
	t := fmt.Sprintf("statement %d of %d", i+1, len(p.statements))
	if sid := p.statements[i].sid; sid != "" {
		t += " (" + quoted([]string{sid}) + ")"
	}
	return t
}

// about shows what a statement is about.
func (s statement) about() string {
	about := element("Action", s.notActions) + " " + sources(s.actions) + " on " + element("Resource", s.notResource) + " " + sources(s.resources)
	if len(s.conditions) > 0 {
		about += ", its Condition being met"
	}
	return about
}

// miss says why a statement does not apply; it is empty when it does.
func (s statement) miss(action, resource string, in policyContext) string {
	action = strings.ToLower(action)
	named := slices.ContainsFunc(s.actions, func(p pattern) bool { return p.matches(action, nil) })
	if named == s.notActions {
		return "is not about the action: its " + element("Action", s.notActions) + " is " + sources(s.actions)
	}
	named = slices.ContainsFunc(s.resources, func(p pattern) bool { return p.matchesARN(resource, in) })
	if named == s.notResource {
		return "does not cover the resource: its " + element("Resource", s.notResource) + " is " + sources(s.resources)
	}
	for _, c := range s.conditions {
		if !c.met(in) {
			return "does not apply: its condition " + c.String() + " is not met"
		}
	}
	return ""
}

func element(name string, not bool) string {
	if not {
		return "Not" + name
	}
	return name
}

func sources(patterns []pattern) string {
	list := make([]string, len(patterns))
	for i, p := range patterns {
		list[i] = p.source
	}
	return quotedLong(list)
}

// subtract are the names of members that are not among the known, sorted.
func subtract(object map[string]any, known []string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(object)), func(name string) bool { return slices.Contains(known, name) })
}

// shown is a JSON value for people: text quoted and cut, the kind of all else.
func shown(v any) string {
	switch v := v.(type) {
	case string:
		return quoted([]string{v})
	case json.Number:
		return quoted([]string{v.String()})
	case nil:
		return "missing"
	}
	return kindOf(v)
}
