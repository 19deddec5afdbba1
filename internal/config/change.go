package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Update changes the profile of d's name, which must exist: each setting of d is
// written where the old value stands, or behind the others of its table, and the
// keys in drop (dotted, as Setting.Key has them) are taken out. Everything else
// in the file, comments too, stays byte for byte as it is.
func Update(path string, d Draft, drop ...string) error {
	return change(path, func(f *File) ([]byte, error) { return f.withUpdate(d, drop) })
}

// Delete takes a profile out of the file, with the comments that touch its lines,
// and the default_profile that names it. One that others inherit from stays.
func Delete(path, name string) error {
	return change(path, func(f *File) ([]byte, error) { return f.without(name) })
}

// Heirs returns the profiles that inherit from this one directly.
func (f *File) Heirs(name string) []string {
	var heirs []string
	for _, s := range f.doc.sections {
		if e, found := s.find("inherits"); found && e.value == name && s.name != name {
			heirs = append(heirs, s.name)
		}
	}
	return heirs
}

// splice is a change of some bytes.
type splice struct {
	from, to int
	text     string
}

// apply makes the changes, those at the same place in their order.
func apply(data []byte, changes []splice) []byte {
	slices.SortStableFunc(changes, func(a, b splice) int { return cmp.Compare(a.from, b.from) })
	var out []byte
	at := 0
	for _, c := range changes {
		if c.from > at {
			out = append(out, data[at:c.from]...)
		}
		out = append(out, c.text...)
		at = max(at, c.to)
	}
	return append(out, data[at:]...)
}

func (f *File) withUpdate(d Draft, drop []string) ([]byte, error) {
	s := f.doc.byName[d.Name]
	if s == nil {
		return nil, &UnknownProfileError{Name: d.Name, Path: f.path, Names: f.Names()}
	}
	var changes []splice
	want := map[string]entry{}
	for _, e := range s.entries {
		key := strings.Join(e.path, ".")
		span, found := f.doc.spanOf(s.name, e.path)
		switch {
		case e.shape == shapeTable:
		case !slices.Contains(drop, key):
			want[key] = e
		case found:
			changes = append(changes, splice{from: f.lineStart(span.from), to: f.lineEnd(span.to)})
		}
	}
	for _, group := range d.groups() {
		var added []entry
		for _, e := range group {
			old, there := s.setting(e.path)
			switch {
			case !there:
				added = append(added, e)
			case !sameEntry(old, e):
				changes = append(changes, splice{from: old.from, to: old.to, text: e.toml()})
			}
			want[strings.Join(e.path, ".")] = e
		}
		if len(added) > 0 {
			changes = append(changes, f.insertion(s, added))
		}
	}
	data := apply(f.data, changes)
	if doc, err := parse(data); err != nil || !f.doc.changedBy(doc, s.name, want) {
		return nil, fmt.Errorf("%s: the profile %q is written in a way that it cannot be changed in place: change it by hand, with cogctl profile edit", f.path, s.name)
	}
	return data, nil
}

// setting finds the entry of a path.
func (s *section) setting(path []string) (entry, bool) {
	i := slices.IndexFunc(s.entries, func(e entry) bool { return e.shape != shapeTable && slices.Equal(e.path, path) })
	if i < 0 {
		return entry{}, false
	}
	return s.entries[i], true
}

// spanOf finds the line of a key of a profile.
func (d *document) spanOf(profile string, path []string) (span, bool) {
	whole := append([]string{"profiles", profile}, path...)
	i := slices.IndexFunc(d.spans, func(s span) bool { return !s.header && slices.Equal(s.path, whole) })
	if i < 0 {
		return span{}, false
	}
	return d.spans[i], true
}

// insertion puts new keys of one table behind those that are there, and where
// the table is not there, a table behind the last line of the profile.
func (f *File) insertion(s *section, added []entry) splice {
	eol := lineEnd(f.data)
	parent := added[0].path[:len(added[0].path)-1]
	dotted := len(parent) > 0 && slices.ContainsFunc(s.entries, func(e entry) bool {
		return e.shape != shapeTable && len(e.path) > len(parent) && slices.Equal(e.path[:len(parent)], parent)
	})
	at, found := f.endOfTable(append([]string{"profiles", s.name}, parent...))
	text := ""
	switch {
	case found:
		dotted = false
	case dotted: // api.url = … inside [profiles.dev]
		at, found = f.endOfTable([]string{"profiles", s.name})
	}
	if !found {
		text = eol + header(append([]string{s.name}, parent...)...) + eol
		at = f.endOf(s.name)
	}
	for _, e := range added {
		key := tomlKey(e.path[len(e.path)-1])
		if found && dotted {
			key = ""
			for _, part := range e.path {
				key += "." + tomlKey(part)
			}
			key = key[1:]
		}
		text += key + " = " + e.toml() + eol
	}
	if at == len(f.data) && !bytes.HasSuffix(f.data, []byte("\n")) {
		text = eol + text
	}
	return splice{from: at, to: at, text: text}
}

// endOfTable is where the last line of a table ends that has a header.
func (f *File) endOfTable(path []string) (int, bool) {
	spans := f.doc.spans
	i := slices.IndexFunc(spans, func(s span) bool { return s.header && slices.Equal(s.path, path) })
	if i < 0 {
		return 0, false
	}
	for i+1 < len(spans) && !spans[i+1].header {
		i++
	}
	return f.lineEnd(spans[i].to), true
}

// endOf is where the last line of a profile ends.
func (f *File) endOf(profile string) int {
	end := len(f.data)
	for _, s := range f.doc.spans {
		if s.owner() == profile {
			end = f.lineEnd(s.to)
		}
	}
	return end
}

// owner is the profile that a line belongs to, or "".
func (s span) owner() string {
	if len(s.path) < 2 || s.path[0] != "profiles" {
		return ""
	}
	return s.path[1]
}

func (f *File) lineStart(at int) int { return bytes.LastIndexByte(f.data[:at], '\n') + 1 }

func (f *File) lineEnd(at int) int {
	if i := bytes.IndexByte(f.data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(f.data)
}

// changedBy reports whether after is d with nothing changed but the settings of
// one profile, and these to what is wanted.
func (d *document) changedBy(after *document, name string, want map[string]entry) bool {
	if !slices.EqualFunc(d.sections, after.sections, func(a, b *section) bool {
		return a.name == b.name && (a.name == name || sameSection(a, b))
	}) || !sameRest(d, after) {
		return false
	}
	count := 0
	for _, e := range after.byName[name].entries {
		if e.shape == shapeTable {
			continue
		}
		count++
		if wanted, found := want[strings.Join(e.path, ".")]; !found || !sameEntry(e, wanted) {
			return false
		}
	}
	return count == len(want)
}

// sameRest compares what stands outside the profiles.
func sameRest(a, b *document) bool {
	return slices.EqualFunc(a.stray, b.stray, sameEntry) && (a.chosen == nil) == (b.chosen == nil) &&
		(a.chosen == nil || a.chosen.value == b.chosen.value)
}

func (f *File) without(name string) ([]byte, error) {
	if !f.Has(name) {
		return nil, &UnknownProfileError{Name: name, Path: f.path, Names: f.Names()}
	}
	if heirs := f.Heirs(name); len(heirs) > 0 {
		return nil, fmt.Errorf("profile %q is inherited by %s: change these first", name, strings.Join(heirs, ", "))
	}
	data := f.cut(func(s span) bool { return s.owner() == name || f.chooses(s, name) })
	doc, err := parse(data)
	rest := &document{stray: f.doc.stray, chosen: f.doc.chosen}
	if c := rest.chosen; c != nil && c.value == name {
		rest.chosen = nil
	}
	rest.sections = slices.DeleteFunc(slices.Clone(f.doc.sections), func(s *section) bool { return s.name == name })
	if err != nil || !slices.EqualFunc(rest.sections, doc.sections, sameSection) || !sameRest(rest, doc) {
		return nil, fmt.Errorf("%s: the profile %q is written in a way that it cannot be taken out: delete it by hand, with cogctl profile edit", f.path, name)
	}
	return data, nil
}

// chooses tells the line default_profile = "name".
func (f *File) chooses(s span, name string) bool {
	return len(s.path) == 1 && s.path[0] == "default_profile" && f.doc.chosen != nil && f.doc.chosen.value == name
}

// ErrChanged says that the file is not any more what was edited.
var ErrChanged = errors.New("the file was changed in the meantime")

// Load returns the bytes of the file, whether they are TOML or not; an absent
// file has none.
func Load(path string) ([]byte, error) {
	real, err := locate(path)
	if err != nil {
		return nil, err
	}
	return loadIfThere(real)
}

// Replace puts data in place of the file, which must still hold what was loaded:
// else *ErrChanged, and the file stays.
func Replace(path string, loaded, data []byte) error {
	if err := Judge(path, data); err != nil {
		return err
	}
	return exchange(path, func(now []byte) ([]byte, error) {
		if !bytes.Equal(now, loaded) {
			return nil, fmt.Errorf("%s: %w", path, ErrChanged)
		}
		return data, nil
	})
}

// Judge returns everything that is wrong with the text of a config file, a line
// each: where it is not TOML, unknown keys, values that will not do. path names
// the file in the errors.
func Judge(path string, data []byte) error {
	doc, err := parse(bytes.TrimPrefix(data, []byte("\ufeff")))
	if err != nil {
		if syntax, ok := errors.AsType[*SyntaxError](err); ok {
			syntax.Path = path
		}
		return err
	}
	f := &File{path: path, data: data, doc: doc}
	if name := f.Default(); name != "" && !f.Has(name) {
		err = &UnknownProfileError{Name: name, Origin: f.defaultProfile().Origin, Path: path, Names: f.Names()}
	}
	for _, problem := range f.strayProblems() {
		err = errors.Join(err, errors.New(problem))
	}
	none := func(string) string { return "" }
	told := map[string]bool{}
	for _, name := range f.Names() {
		_, _, failed := f.Resolve(Inputs{Flags: map[string]string{"profile": name}, Getenv: none})
		if failed == nil {
			continue
		}
		for line := range strings.SplitSeq(failed.Error(), "\n") {
			if !told[line] {
				told[line] = true
				err = errors.Join(err, errors.New(line))
			}
		}
	}
	return err
}
