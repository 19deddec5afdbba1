package config

import (
	"fmt"
	"strings"
)

// find returns the entry of a key in this profile. A dotted key name such as
// "api.url" is a path; no part of a known key holds a dot itself.
func (s *section) find(key string) (entry, bool) {
	for _, e := range s.entries {
		if e.shape != shapeTable && e.is(key) {
			return e, true
		}
	}
	return entry{}, false
}

// is reports whether the entry stands at key, compared part by part: the TOML
// key "api.url" in quotes is one part and not api.url.
func (e entry) is(key string) bool {
	for i, part := range e.path {
		head, rest, more := strings.Cut(key, ".")
		if part != head || more != (i < len(e.path)-1) {
			return false
		}
		key = rest
	}
	return true
}

// meaning tells what a key inside a profile means: the field it sets, or for a
// key that is no field the shape it must have. known is false for a key that
// means nothing.
func (e entry) meaning() (f Field, want shape, known bool) {
	if len(e.path) == 3 && e.path[0] == "apis" {
		e.path = []string{"api", e.path[2]}
	}
	for _, f := range table() {
		if f.Key != "" && e.is(f.Key) {
			return f, f.shape(), true
		}
	}
	switch {
	case e.is("inherits"), len(e.path) == 2 && (e.path[0] == "map" || e.path[0] == "answers" || e.path[0] == "logins"):
		return Field{}, shapeText, true
	case e.is("api"), e.is("apis"), e.is("endpoints"), e.is("map"), e.is("answers"), e.is("identity_pool"), e.is("logins"), len(e.path) == 2 && e.path[0] == "apis":
		return Field{}, shapeTable, true
	}
	return Field{}, "", false
}

func (f Field) shape() shape {
	switch {
	case f.List:
		return shapeList
	case f.Bool:
		return shapeBool
	}
	return shapeText
}

// problems returns what is wrong with a profile as it stands: unknown keys,
// values of another type than the key takes, and names that are none. Each
// place is told once, and no value is told.
func (f *File) problems(s *section) []string {
	var found []string
	told := make(map[string]bool)
	report := func(at position, subject, problem string) {
		if !told[subject] {
			told[subject] = true
			found = append(found, f.place(at)+": "+problem)
		}
	}
	if err := CheckName(s.name); err != nil {
		report(s.at, "", "profile "+err.Error())
	}
	for _, e := range s.entries {
		_, want, known := e.meaning()
		key := shorten(strings.Join(e.path, "."))
		plain := e.plainParent()
		switch {
		case plain != "" && e.path[0] == "logins":
			report(e.at, plain, fmt.Sprintf("logins: a provider's name with dots stands in quotes: %q = …", shorten(strings.Join(e.path[1:], "."))))
		case plain != "":
			report(e.at, plain, fmt.Sprintf("%s takes one value, not a table", plain))
		case !known:
			report(e.at, key, fmt.Sprintf("unknown key %q in profile %q%s", key, shorten(s.name), f.suggestFor(s, e)))
		case e.shape != want:
			report(e.at, key, fmt.Sprintf("%s takes %s, not %s", key, want, e.shape))
		case e.path[0] == "apis" && len(e.path) > 1 && CheckName(e.path[1]) != nil:
			report(e.at, "apis."+e.path[1], fmt.Sprintf("API %v", CheckName(e.path[1])))
		}
	}
	return found
}

// plainParent returns the key that takes a plain value and that this entry
// lies below, as in region.name = "x", or "".
func (e entry) plainParent() string {
	for n := 1; n < len(e.path); n++ {
		if _, want, known := (entry{path: e.path[:n]}).meaning(); known && want != shapeTable {
			return shorten(strings.Join(e.path[:n], "."))
		}
	}
	return ""
}

// suggestFor helps with an unknown key. The commonest mistake that no spelling
// explains is a profile name with a dot, which TOML takes for two names.
func (f *File) suggestFor(s *section, e entry) string {
	if hint := suggestKey(e.path); hint != "" {
		return hint
	}
	if e.shape == shapeTable && len(e.path) == 1 {
		return fmt.Sprintf(" (for a profile with a dot in its name, write [profiles.%q])", s.name+"."+e.path[0])
	}
	return ""
}

// strayProblems returns what stands in the file outside the profiles and does
// not belong there.
func (f *File) strayProblems() []string {
	var found []string
	for _, e := range f.doc.stray {
		key := strings.Join(e.path, ".")
		problem := fmt.Sprintf("unknown key %q%s", shorten(key), suggest(e.path[0], []string{"default_profile", "profiles"}))
		switch {
		case key == "default_profile":
			problem = fmt.Sprintf("default_profile takes a string, not %s", e.shape)
		case e.path[0] == "profiles":
			problem = fmt.Sprintf("%s takes a table, not %s", shorten(key), e.shape)
		}
		found = append(found, f.place(e.at)+": "+problem)
	}
	return found
}
