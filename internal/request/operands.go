package request

import (
	"slices"
	"strings"
)

// ParseOperands reads the operands of call and sign: URL|PATH, or METHOD and
// URL|PATH. method is "" where none was given. Of two operands the first may
// be a known method in any case (it is sent in upper case), or any other
// upper-case word. Errors are *UsageError.
func ParseOperands(args []string) (method, target string, err error) {
	switch len(args) {
	case 0:
		return "", "", usagef("a URL or PATH is missing").tip("write /path, or GET /path")
	case 1:
		if isMethod(args[0]) && args[0] == strings.ToUpper(args[0]) {
			return "", "", usagef("the method %s alone says nothing about where to", args[0]).
				tip("write %s /path", args[0])
		}
		return "", args[0], nil
	case 2:
		return parsePair(args[0], args[1])
	}
	return "", "", usagef("%d operands, but a call has one URL or PATH and at most a METHOD before it", len(args)).
		tip("quote what holds spaces or shell characters; further words need a flag, such as -H or -d")
}

func parsePair(method, target string) (string, string, error) {
	if isMethod(method) {
		return strings.ToUpper(method), target, nil
	}
	if isMethod(target) {
		return "", "", usagef("the method comes before the URL or PATH").
			tip("write %s %s", strings.ToUpper(target), method)
	}
	if isToken(method) && method == strings.ToUpper(method) && strings.ContainsFunc(method, isUpper) {
		return method, target, nil
	}
	return "", "", usagef("%q before %q is not a method", method, target).tip("write GET %s", target)
}

// MergeMethod joins -X with the METHOD operand; "" means not given.
func MergeMethod(flag, operand string) (string, error) {
	switch {
	case flag == "" || flag == operand:
		return operand, nil
	case operand == "":
		return flag, nil
	}
	return "", usagef("two methods: %s as an operand and %s by -X", operand, flag).tip("leave one out")
}

func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }

func isMethod(s string) bool {
	return slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}, strings.ToUpper(s))
}
