package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Draft is a profile on its way into a file or out of one: settings that were
// judged as they will be when they are read, and nothing inherited. Its zero
// value, with a Name, is an empty profile.
type Draft struct {
	Name    string
	Omitted []Omission // what a profile had and the draft has not
	entries []entry
}

// Omission is a setting that was left out, and why.
type Omission struct {
	Key string // "client_secret"
	Why string // "it stands in the file itself"
}

// Setting is one line of a draft. A list has any number of Values, everything
// else exactly one; a boolean is "true" or "false".
type Setting struct {
	Path   []string // inside the profile: {"apis", "orders", "url"}
	Values []string
}

// Key is the setting's place inside the profile, for people.
func (s Setting) Key() string { return strings.Join(s.Path, ".") }

// Set puts a setting in, or replaces it: the items of a list, else one value.
// The path is that of a key inside a profile. The error tells the key and what is
// wrong, and no secret.
func (d *Draft) Set(path []string, values ...string) error {
	e := entry{path: slices.Clone(path)}
	f, want, known := e.meaning()
	key := strings.Join(path, ".")
	switch {
	case !known || want == shapeTable || e.is("inherits"):
		return fmt.Errorf("%q is not a setting that a profile can hold", shorten(key))
	case path[0] == "apis" && CheckName(path[1]) != nil:
		return fmt.Errorf("API %w", CheckName(path[1]))
	case want != shapeList && len(values) != 1:
		return fmt.Errorf("%s takes one value, not %d", shorten(key), len(values))
	}
	if e.shape = want; want == shapeList {
		e.items = slices.Clone(values)
	} else {
		e.value = values[0]
	}
	if err := e.judge(f); err != nil {
		return &ValueError{Field: cmp.Or(f.Name, shorten(key)), Place: "profile " + shorten(d.Name), Err: err}
	}
	if i := slices.IndexFunc(d.entries, func(o entry) bool { return slices.Equal(o.path, e.path) }); i >= 0 {
		d.entries[i] = e
	} else {
		d.entries = append(d.entries, e)
	}
	return nil
}

// IsSecret tells a setting that holds a secret, or says where one is, by its path and
// value: a field that is one, and an answer to a question of a sign-in, unless it only
// chooses one of several ways.
func IsSecret(path []string, value string) bool {
	f, _, _ := entry{path: path}.meaning()
	if len(path) == 2 && path[0] == "answers" {
		return IsReference(value) || !strings.HasPrefix(strings.ToUpper(path[1]), "SELECT_")
	}
	if len(path) == 2 && path[0] == "logins" {
		return !strings.HasPrefix(value, LoginProfile)
	}
	return f.Secret
}

// judge checks the value of e and makes a boolean one of the two words.
func (e *entry) judge(f Field) error {
	if !utf8.ValidString(e.value + strings.Join(e.items, "")) {
		return errors.New("the value is not UTF-8 text")
	}
	if e.shape == shapeList {
		return f.checkAll(e.items)
	}
	if !IsSecret(e.path, e.value) && f.Name != "from" && IsReference(e.value) {
		return errors.New("takes no reference; only secrets do")
	}
	var err error
	e.value, err = f.normal(e.value)
	return err
}

// Get returns the values of a setting, and whether the draft has it.
func (d Draft) Get(path ...string) ([]string, bool) {
	for _, s := range d.Settings() {
		if slices.Equal(s.Path, path) {
			return s.Values, true
		}
	}
	return nil, false
}

// Settings lists what is in the draft, in the order in which it is written.
func (d Draft) Settings() []Setting {
	var list []Setting
	for _, group := range d.groups() {
		for _, e := range group {
			s := Setting{Path: slices.Clone(e.path), Values: slices.Clone(e.items)}
			if e.shape != shapeList {
				s.Values = []string{e.value}
			}
			list = append(list, s)
		}
	}
	return list
}

// Tree is the draft as JSON would have it: tables as maps, lists as slices.
func (d Draft) Tree() map[string]any {
	tree := map[string]any{}
	for _, e := range d.entries {
		table := tree
		for _, part := range e.path[:len(e.path)-1] {
			if table[part] == nil {
				table[part] = map[string]any{}
			}
			table = table[part].(map[string]any)
		}
		last := e.path[len(e.path)-1]
		switch e.shape {
		case shapeList:
			table[last] = append([]string{}, e.items...)
		case shapeBool:
			table[last] = e.value == "true"
		default:
			table[last] = e.value
		}
	}
	return tree
}

// TOML is the draft as a profile of config.toml, with a comment for each
// setting that was left out.
func (d Draft) TOML() string { return d.render("\n") }

// render writes the draft as TOML, in the order of the table of fields, its
// sub-tables last.
func (d Draft) render(eol string) string {
	var b strings.Builder
	b.WriteString(header(d.Name) + eol)
	for _, omitted := range d.Omitted {
		b.WriteString("# " + comment(omitted.Key+": left out, "+omitted.Why) + eol)
	}
	for _, group := range d.groups() {
		if parent := group[0].path[:len(group[0].path)-1]; len(parent) > 0 {
			b.WriteString(eol + header(append([]string{d.Name}, parent...)...) + eol)
		}
		for _, e := range group {
			b.WriteString(tomlKey(e.path[len(e.path)-1]) + " = " + e.toml() + eol)
		}
	}
	return b.String()
}

// groups are the entries table by table: those of the profile itself, its API,
// its named APIs in the order in which they came, and the rest.
func (d Draft) groups() [][]entry {
	ordered := slices.Clone(d.entries)
	slices.SortStableFunc(ordered, func(a, b entry) int { return a.rank() - b.rank() })
	var groups [][]entry
	for _, e := range ordered {
		i := slices.IndexFunc(groups, func(g []entry) bool {
			return slices.Equal(g[0].path[:len(g[0].path)-1], e.path[:len(e.path)-1])
		})
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], e)
	}
	return groups
}

// rank orders by table, then by the place in the table of fields.
func (e entry) rank() int {
	const apart = 1000 // more than there are fields
	order := []string{"api", "apis", "identity_pool", "logins", "endpoints", "map", "answers"}
	f, _, _ := e.meaning()
	at := slices.IndexFunc(table(), func(o Field) bool { return o.Name == f.Name })
	if len(e.path) == 1 {
		return at
	}
	return apart*(1+slices.Index(order, e.path[0])) + at
}

// header is a table's header line: [profiles.dev.api].
func header(path ...string) string {
	line := "[profiles"
	for _, part := range path {
		line += "." + tomlKey(part)
	}
	return line + "]"
}

// comment is text that keeps to its line.
func comment(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

// toml renders the value of an entry.
func (e entry) toml() string {
	switch e.shape {
	case shapeBool:
		return e.value
	case shapeList:
		quoted := make([]string, 0, len(e.items))
		for _, item := range e.items {
			quoted = append(quoted, tomlString(item))
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return tomlString(e.value)
}

// newDraft makes a draft of values by Field.Name; empty ones are left out.
func newDraft(name string, values map[string]string) (Draft, error) {
	d := Draft{Name: name}
	for n := range values {
		if f, ok := field(n); !ok || f.Key == "" {
			return d, fmt.Errorf("%q is not a setting that a profile can hold", shorten(n))
		}
	}
	for _, f := range table() {
		text := values[f.Name]
		if text == "" {
			continue
		}
		list := []string{text}
		if f.List {
			list = items(text)
		}
		if err := d.Set(strings.Split(f.Key, "."), list...); err != nil {
			return d, err
		}
	}
	return d, nil
}

// Export returns a profile as it stands, with what it inherits, without secrets:
// a reference to a secret stays one, a secret that stands in the file itself is
// left out. Mistakes in the profile are errors.
func (f *File) Export(name string) (Draft, error) {
	s := f.doc.byName[name]
	if s == nil {
		return Draft{}, &UnknownProfileError{Name: name, Path: f.path, Names: f.Names()}
	}
	chain, err := f.chain(s)
	if err != nil {
		return Draft{}, err
	}
	d := Draft{Name: name}
	seen := map[string]bool{}
	for _, s := range chain {
		for _, problem := range f.problems(s) {
			err = errors.Join(err, errors.New(problem))
		}
		for _, e := range s.entries {
			key := strings.Join(e.path, "\x00")
			if e.shape == shapeTable || e.is("inherits") || seen[key] || err != nil {
				continue
			}
			seen[key] = true
			err = d.take(e)
		}
	}
	return d, err
}

// take puts an entry of a file into the draft, or notes why not.
func (d *Draft) take(e entry) error {
	if IsSecret(e.path, e.value) && !IsReference(e.value) {
		if e.value != "" {
			d.Omitted = append(d.Omitted, Omission{Key: strings.Join(e.path, "."), Why: "the secret stands in the file itself"})
		}
		return nil
	}
	if e.shape == shapeList {
		return d.Set(e.path, e.items...)
	}
	return d.Set(e.path, e.value)
}

// ReadDraft reads a profile that somebody exported: TOML with exactly one
// profile in it. References are not taken, because where a value comes from is
// for the owner of this machine to say, and neither are secrets: both are in
// Omitted. Text that is not TOML gives a *SyntaxError with the path given.
func ReadDraft(path string, data []byte) (Draft, error) {
	doc, err := parse(data)
	if err != nil {
		if syntax, ok := errors.AsType[*SyntaxError](err); ok {
			syntax.Path = path
		}
		return Draft{}, err
	}
	f := &File{path: path, data: data, doc: doc}
	for _, problem := range f.strayProblems() {
		err = errors.Join(err, errors.New(problem))
	}
	switch names := f.Names(); {
	case err != nil:
		return Draft{}, err
	case len(names) != 1:
		return Draft{}, fmt.Errorf("%s holds %d profiles (%s), want one", path, len(names), shorten(strings.Join(names, ", ")))
	}
	d, err := f.Export(f.Names()[0])
	d.dropReferences()
	return d, err
}

// dropReferences leaves out what says where a secret is to be found.
func (d *Draft) dropReferences() {
	d.entries = slices.DeleteFunc(d.entries, func(e entry) bool {
		f, _, _ := e.meaning()
		if !IsSecret(e.path, e.value) && f.Name != "from" && e.path[0] != "map" {
			return false
		}
		d.Omitted = append(d.Omitted, Omission{Key: strings.Join(e.path, "."), Why: "a reference to a secret is not taken from a file"})
		return true
	})
}
