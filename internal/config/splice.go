package config

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/cogctl/cogctl/internal/atomicfile"
)

// Create adds a profile with the given values (by Field.Name, each of a field
// that has a Key; empty ones are left out) at the end of the config file, and
// makes it the default if wished. The file and its directory are made when
// they are absent, for the owner alone. What is in the file stays byte for byte
// as it is. A profile of this name must not exist.
//
// Values are judged as they would be when read. A secret is written as it is
// given, so give a reference.
func Create(path, name string, values map[string]string, makeDefault bool) error {
	return change(path, func(f *File) ([]byte, error) {
		if err := f.free(name); err != nil {
			return nil, err
		}
		d, err := newDraft(name, values)
		if err != nil {
			return nil, err
		}
		return f.withProfile(d, makeDefault)
	})
}

// Add is Create for a draft.
func Add(path string, d Draft, makeDefault bool) error {
	return change(path, func(f *File) ([]byte, error) { return f.withProfile(d, makeDefault) })
}

// Use makes name, which must exist, the default profile. Nothing else in the
// file changes.
func Use(path, name string) error {
	return change(path, func(f *File) ([]byte, error) {
		if !f.Has(name) {
			return nil, &UnknownProfileError{Name: name, Path: f.path, Names: f.Names()}
		}
		data, err := withDefault(f.data, f.doc, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.path, err)
		}
		return data, nil
	})
}

// change reads, edits and replaces the file, under a lock, so that of two
// commands at once neither undoes the other's work.
func change(path string, edit func(*File) ([]byte, error)) error {
	if _, err := Read(path); err != nil {
		return err
	}
	return exchange(path, func([]byte) ([]byte, error) {
		f, err := Read(path) // again: somebody may have been faster
		if err != nil {
			return nil, err
		}
		return edit(f)
	})
}

// exchange replaces the bytes of the file, under the lock.
func exchange(path string, edit func([]byte) ([]byte, error)) error {
	real, err := locate(path)
	if err != nil {
		return err
	}
	release, err := lock(real)
	if err != nil {
		return err
	}
	defer release()
	now, err := loadIfThere(real)
	if err != nil {
		return err
	}
	data, err := edit(now)
	if err != nil {
		return err
	}
	if len(data) > maxFile {
		return fmt.Errorf("%s would grow beyond %d KiB", path, maxFile>>10)
	}
	dir, err := atomicfile.OpenDir(filepath.Dir(real))
	if err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	defer dir.Close()
	return dir.Write(filepath.Base(real), data)
}

// lockWait is how long a change of the file waits for another one.
const lockWait = 10 * time.Second

// lock keeps other changes of the file out. The lock file beside it stays: one
// that was removed keeps nobody out.
func lock(path string) (release func(), err error) {
	dir, err := atomicfile.OpenDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("config file: %w", err)
	}
	dir.Close()
	l := flock.New(path + ".lock")
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	if ok, err := l.TryLockContext(ctx, 20*time.Millisecond); !ok {
		return nil, fmt.Errorf("lock %s: held by another process: %w", l.Path(), err)
	}
	return func() { _ = l.Unlock() }, nil
}

// free is an error when there is a profile of this name, or can be none.
func (f *File) free(name string) error {
	if err := CheckName(name); err != nil {
		return fmt.Errorf("profile %w", err)
	}
	if s := f.doc.byName[name]; s != nil {
		return fmt.Errorf("profile %q is already there, at %s", name, f.place(s.at))
	}
	return nil
}

func (f *File) withProfile(d Draft, makeDefault bool) ([]byte, error) {
	name, eol := d.Name, lineEnd(f.data)
	if err := f.free(name); err != nil {
		return nil, err
	}
	data := slices.Clone(f.data)
	if len(data) > 0 {
		if !bytes.HasSuffix(data, []byte("\n")) {
			data = append(data, eol...)
		}
		data = append(data, eol...)
	}
	data = append(data, d.render(eol)...)
	// The end of a file can be a place where a table may not stand, so what
	// comes out is read again before it replaces anything.
	doc, err := parse(data)
	if err != nil || !f.doc.extendedBy(doc, name) {
		return nil, fmt.Errorf("%s is written in a way that a profile cannot be added to (profiles as an inline table?): add [profiles.%s] by hand", f.path, tomlKey(name))
	}
	if !makeDefault {
		return data, nil
	}
	if data, err = withDefault(data, doc, name); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return data, nil
}

// withDefault sets default_profile: in place where it is, else as the first
// line, because behind a table header it would belong to that table.
func withDefault(data []byte, doc *document, name string) ([]byte, error) {
	eol := lineEnd(data)
	var out []byte
	if c := doc.chosen; c != nil {
		out = slices.Concat(data[:c.from], []byte(tomlString(name)), data[c.to:])
	} else {
		line := "default_profile = " + tomlString(name) + eol
		if len(data) > 0 && !bytes.HasPrefix(data, []byte(eol)) {
			line += eol
		}
		out = append([]byte(line), data...)
	}
	after, err := parse(out)
	if err != nil || after.chosen == nil || after.chosen.value != name || !slices.EqualFunc(doc.sections, after.sections, sameSection) {
		return nil, fmt.Errorf("set default_profile = %s by hand: the file is written in a way that it cannot be changed in place", tomlString(name))
	}
	return out, nil
}

// extendedBy reports whether after is d with one more profile at its end.
func (d *document) extendedBy(after *document, name string) bool {
	n := len(d.sections)
	return len(after.sections) == n+1 && after.sections[n].name == name &&
		slices.EqualFunc(d.sections, after.sections[:n], sameSection) &&
		slices.EqualFunc(d.stray, after.stray, sameEntry) &&
		(d.chosen == nil) == (after.chosen == nil) &&
		(d.chosen == nil || d.chosen.value == after.chosen.value)
}

func sameSection(a, b *section) bool {
	return a.name == b.name && slices.EqualFunc(a.entries, b.entries, sameEntry)
}

func sameEntry(a, b entry) bool {
	return a.shape == b.shape && a.value == b.value && slices.Equal(a.path, b.path) && slices.Equal(a.items, b.items)
}

// tomlString writes a basic string (TOML 1.0, section String).
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// tomlKey writes one part of a key, in quotes where it must have them.
func tomlKey(name string) string {
	if only(name, "_-") && name != "" {
		return name
	}
	return tomlString(name)
}

// lineEnd is the line ending that the file uses.
func lineEnd(data []byte) string {
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}
