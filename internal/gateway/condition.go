package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// condition is one key below one operator: {"StringLike": {"aws:PrincipalTag/team": ["a*", "b"]}}.
// A statement applies when all of its conditions are met ("IAM JSON policy
// elements: Condition operators").
type condition struct {
	operator string // as written
	key      string // as written
	name     string // the key in lower case
	values   []pattern

	compare  func(have string, want pattern, in policyContext) bool
	negated  bool // met when no value compares
	null     bool // the operator Null: about the presence of the key
	ifExists bool // met when the request does not have the key
	set      setOperator
}

// setOperator says how a key with several values is compared.
type setOperator string

const (
	setNone setOperator = ""
	setAny  setOperator = "ForAnyValue:"
	setAll  setOperator = "ForAllValues:"
)

func (c condition) String() string { return c.operator + " on " + quoted([]string{c.key}) }

func parseConditions(value any, variables bool) ([]condition, error) {
	operators, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("its Condition is %s, want an object", kindOf(value))
	}
	var conditions []condition
	for _, operator := range slices.Sorted(maps.Keys(operators)) {
		keys, ok := operators[operator].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("its condition %s is %s, want an object", quoted([]string{operator}), kindOf(operators[operator]))
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			c, err := parseCondition(operator, key, keys[key], variables)
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, c)
		}
	}
	return conditions, nil
}

func parseCondition(operator, key string, value any, variables bool) (condition, error) {
	c := condition{operator: operator, key: key, name: strings.ToLower(key)}
	name := operator
	for _, set := range []setOperator{setAny, setAll} {
		if rest, ok := strings.CutPrefix(operator, string(set)); ok {
			c.set, name = set, rest
		}
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	op, ok := operatorNamed(name)
	if !ok || op.null && (c.ifExists || c.set != setNone) {
		return condition{}, fmt.Errorf("the condition operator %s is not known here", quoted([]string{operator}))
	}
	c.compare, c.negated, c.null = op.compare, op.negated, op.null
	values, ok := conditionValues(value)
	if !ok {
		return condition{}, fmt.Errorf("the value of its condition %s is neither text, a number, a boolean nor an array of such", c)
	}
	for _, v := range values {
		p, err := parsePattern(v, dialect{wildcards: op.wildcards, variables: variables && op.variables})
		if err != nil {
			return condition{}, err
		}
		if op.check != nil && op.check(v) != nil {
			return condition{}, fmt.Errorf("the value %s of its condition %s: %w", quoted([]string{v}), c, op.check(v))
		}
		c.values = append(c.values, p)
	}
	return c, nil
}

// conditionValues reads a value or an array; numbers and booleans count as
// their text.
func conditionValues(value any) ([]string, bool) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	texts := make([]string, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case string:
			texts[i] = v
		case json.Number:
			texts[i] = v.String()
		case bool:
			texts[i] = strconv.FormatBool(v)
		default:
			return nil, false
		}
	}
	return texts, true
}

// met judges the condition. A key that the request does not have meets the
// negated operators only, and those that end in IfExists; ForAllValues is met
// by no values, ForAnyValue is not.
func (c condition) met(in policyContext) bool {
	have := in[c.name]
	if c.null {
		absent := strconv.FormatBool(len(have) == 0)
		return slices.ContainsFunc(c.values, func(p pattern) bool { return strings.EqualFold(p.source, absent) })
	}
	one := func(value string) bool {
		found := slices.ContainsFunc(c.values, func(p pattern) bool { return c.compare(value, p, in) })
		return found != c.negated
	}
	switch {
	case len(have) == 0 && c.ifExists:
		return true
	case len(have) == 0:
		return c.set == setAll || c.set == setNone && c.negated
	case c.set == setAny, c.set == setNone && !c.negated:
		return slices.ContainsFunc(have, one)
	}
	return !slices.ContainsFunc(have, func(v string) bool { return !one(v) })
}

// operator is what stands behind the name of a condition operator.
type operator struct {
	compare   func(have string, want pattern, in policyContext) bool
	check     func(want string) error // refuses values that could never compare
	wildcards bool
	variables bool
	negated   bool
	null      bool
}

// operatorNamed finds an operator. BinaryEquals is not among them: no key of
// API Gateway is binary.
func operatorNamed(name string) (operator, bool) {
	family, negated := name, false
	for _, n := range []string{"StringNot", "NumericNot", "DateNot", "ArnNot"} {
		if rest, ok := strings.CutPrefix(name, n); ok {
			family, negated = strings.TrimSuffix(n, "Not")+rest, true
		}
	}
	if name == "NotIpAddress" {
		family, negated = "IpAddress", true
	}
	var op operator
	switch family {
	case "StringEquals", "StringLike":
		op = operator{compare: likeText, wildcards: family == "StringLike", variables: true}
	case "StringEqualsIgnoreCase":
		op = operator{compare: likeTextIgnoringCase, variables: true}
	case "ArnEquals", "ArnLike": // the two are the same
		op = operator{compare: likeARN, wildcards: true, variables: true}
	case "IpAddress":
		op = operator{compare: inNetwork, check: checkNetwork}
	case "Bool":
		op = operator{compare: equalFold, check: checkBool}
	case "Null":
		op = operator{null: true, check: checkBool}
	default:
		return ordered(family, negated)
	}
	op.negated = negated
	return op, true
}

// ordered finds the operators on numbers and dates. There is no
// NumericNotLessThan.
func ordered(family string, negated bool) (operator, bool) {
	for prefix, parse := range map[string]func(string) (float64, error){"Numeric": parseNumber, "Date": parseDate} {
		relation, ok := strings.CutPrefix(family, prefix)
		holds := relationNamed(relation)
		if !ok || holds == nil || negated && relation != "Equals" {
			continue
		}
		compare := func(have string, want pattern, _ policyContext) bool {
			a, errA := parse(have)
			b, errB := parse(want.source)
			return errA == nil && errB == nil && holds(a, b)
		}
		check := func(want string) error { _, err := parse(want); return err }
		return operator{compare: compare, check: check, negated: negated}, true
	}
	return operator{}, false
}

func relationNamed(name string) func(a, b float64) bool {
	switch name {
	case "Equals":
		return func(a, b float64) bool { return a == b }
	case "LessThan":
		return func(a, b float64) bool { return a < b }
	case "LessThanEquals":
		return func(a, b float64) bool { return a <= b }
	case "GreaterThan":
		return func(a, b float64) bool { return a > b }
	case "GreaterThanEquals":
		return func(a, b float64) bool { return a >= b }
	}
	return nil
}

func likeText(have string, want pattern, in policyContext) bool { return want.matches(have, in) }

func likeARN(have string, want pattern, in policyContext) bool { return want.matchesARN(have, in) }

func likeTextIgnoringCase(have string, want pattern, in policyContext) bool {
	symbols, ok := want.expand(in)
	return ok && strings.EqualFold(string(symbols), have)
}

func equalFold(have string, want pattern, _ policyContext) bool {
	return strings.EqualFold(want.source, have)
}

func inNetwork(have string, want pattern, _ policyContext) bool {
	address, err := netip.ParseAddr(have)
	network, errNetwork := parseNetwork(want.source)
	return err == nil && errNetwork == nil && network.Contains(address.Unmap())
}

// parseNetwork reads CIDR notation, or one address.
func parseNetwork(s string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

func checkNetwork(s string) error {
	if _, err := parseNetwork(s); err != nil {
		return errors.New("it is no address and no network in CIDR notation")
	}
	return nil
}

func checkBool(s string) error {
	if !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false") {
		return errors.New("it is neither true nor false")
	}
	return nil
}

func parseNumber(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, errors.New("it is no number")
	}
	return f, nil
}

// parseDate reads the W3C profile of ISO 8601, or seconds since 1970.
func parseDate(s string) (float64, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly, "2006-01", "2006"} {
		if layout == "2006" && len(s) != len(layout) {
			continue
		}
		if t, err := time.Parse(layout, s); err == nil {
			return float64(t.UnixNano()) / 1e9, nil
		}
	}
	f, err := parseNumber(s)
	if err != nil {
		return 0, errors.New("it is no date in ISO 8601 and no number of seconds since 1970")
	}
	return f, nil
}
