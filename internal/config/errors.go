package config

import (
	"fmt"
	"strings"
	"unicode"
)

// SyntaxError says where a file is not TOML.
type SyntaxError struct {
	Path         string
	Line, Column int    // counted from 1, columns in bytes
	Reason       string // "expected '=' after key"
	Source       string // the line, as far as it can hold no secret; may be empty
}

func (e *SyntaxError) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Reason)
	if e.Source != "" {
		s += fmt.Sprintf("\n%5d | %s", e.Line, e.Source)
	}
	return s
}

// UnknownProfileError says that the chosen profile is not in the file.
type UnknownProfileError struct {
	Name   string
	Origin Origin   // who chose it
	Path   string   // the file
	Names  []string // the profiles that are there
}

func (e *UnknownProfileError) Error() string {
	there := "it has no profiles"
	if len(e.Names) > 0 {
		there = "it has " + strings.Join(e.Names, ", ")
	}
	by := ""
	if e.Origin.Text != "" {
		by = " (" + e.Origin.Text + ")"
	}
	return fmt.Sprintf("no profile %q%s in %s: %s%s", shorten(e.Name), by, e.Path, there, suggest(e.Name, e.Names))
}

// ValueError says that a setting's value will not do. It never holds the value
// of a secret.
type ValueError struct {
	Field  string // Field.Name
	Origin Origin
	Place  string // "/home/ann/.config/cogctl/config.toml:7:1", "--region"
	Err    error
}

func (e *ValueError) Error() string {
	if e.Place == e.Field {
		return fmt.Sprintf("%s: %v", e.Field, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Place, e.Field, e.Err)
}

func (e *ValueError) Unwrap() error { return e.Err }

// showable returns what of a broken line can be shown. A line may be the
// middle of a secret that runs over several lines, or lack the quote that
// would end one, so only lines that begin like a table of ours or with a key
// that holds no secret are shown, and of these only the first assignment.
func showable(line string) string {
	line = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(line))
	if len(line) > 200 {
		return ""
	}
	if strings.HasPrefix(line, "[profiles") || strings.HasPrefix(line, "[[profiles") {
		return headerOf(line)
	}
	if strings.Contains(line, "://") && strings.Contains(line, "@") {
		return "" // a URL may hold a password
	}
	end := strings.IndexFunc(line, func(r rune) bool { return r != '.' && r != '_' && !unicode.IsLetter(r) })
	if end <= 0 {
		return ""
	}
	switch known, secret := keyIsKnown(line[:end]); {
	case !known:
		return ""
	case secret:
		return line[:end] + " …"
	}
	if first := strings.IndexByte(line, '='); first >= 0 && strings.Contains(line[first+1:], "=") {
		return line[:first+1] + " …"
	}
	return line
}

// headerOf cuts a line after the table's name.
func headerOf(line string) string {
	if end := strings.IndexAny(line, "] =#"); end >= 0 && line[end] == ']' {
		return line[:end+1]
	} else if end >= 0 {
		return line[:end]
	}
	return line
}

// keyIsKnown reports whether key is one of ours, by its whole path or by the
// last part of it, and whether it holds a secret.
func keyIsKnown(key string) (known, secret bool) {
	if key == "default_profile" || key == "inherits" {
		return true, false
	}
	for _, f := range table() {
		if f.Key != "" && (key == f.Key || strings.HasSuffix(f.Key, "."+key)) {
			known, secret = true, secret || f.Secret
		}
	}
	return known, secret
}
