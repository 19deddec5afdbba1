package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cogctl/cogctl/internal/atomicfile"
)

// maxFile is the largest config file that is read, in bytes.
const maxFile = 1 << 20

// File is the parsed config file. An absent file is an empty one.
type File struct {
	path string // as the caller named it
	data []byte // without a byte order mark
	doc  *document
}

// Read reads the config file at path. An absent file or directory gives an
// empty File. A symbolic link is followed, as people link to it from elsewhere,
// and what it leads to must pass the same test: neither the file nor its
// directory may be writable by other users, since the file can name programs to
// run. Text that is not TOML gives a *SyntaxError.
func Read(path string) (*File, error) {
	real, err := locate(path)
	if err != nil {
		return nil, err
	}
	data, err := loadIfThere(real)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // Windows editors write one
	doc, err := parse(data)
	if err != nil {
		var syntax *SyntaxError
		if errors.As(err, &syntax) {
			syntax.Path = path
		}
		return nil, err
	}
	return &File{path: path, data: data, doc: doc}, nil
}

// NoFile is the config file of a machine on which there is no place for one.
func NoFile() *File { return &File{doc: &document{byName: map[string]*section{}}} }

// locate follows path when it is a symbolic link. The directory that holds the
// link is tested too, or others could point it at a file of their choice.
func locate(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return path, nil // what is wrong with it, reading tells
	}
	dir, err := atomicfile.OpenExisting(filepath.Dir(path))
	if err != nil {
		return "", fmt.Errorf("config file: %w", err)
	}
	defer dir.Close()
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("config file %s is a symbolic link that leads nowhere: %w", path, err)
	}
	return real, nil
}

// loadIfThere is load, with nothing for a file that is not there.
func loadIfThere(real string) ([]byte, error) {
	data, err := load(real)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("config file: %w", err)
	}
	return data, nil
}

func load(path string) ([]byte, error) {
	dir, err := atomicfile.OpenExisting(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	name := filepath.Base(path)
	data, err := dir.Read(name, maxFile)
	if err != nil {
		return nil, err
	}
	// Nobody else can swap the file in this directory, so its owner and mode
	// may be asked for by name.
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := checkOwner(path, info); err != nil {
		return nil, err
	}
	return data, nil
}

// Path is the path that Read was given.
func (f *File) Path() string { return f.path }

// Names returns the profiles in the order of the file.
func (f *File) Names() []string { return f.doc.names() }

// Has reports whether there is a profile of this name.
func (f *File) Has(name string) bool { return f.doc.byName[name] != nil }

// Default returns the profile that is used when none is chosen: default_profile,
// or the only profile there is. It is "" when there is no such profile.
func (f *File) Default() string { return f.defaultProfile().Text }

func (f *File) defaultProfile() Value {
	if c := f.doc.chosen; c != nil && c.value != "" {
		return Value{c.value, Origin{KindFile, fmt.Sprintf("%s:%d", filepath.Base(f.path), c.at.line)}}
	}
	if only := f.doc.sections; len(only) == 1 {
		return Value{only[0].name, Origin{KindDefault, "the only profile in " + filepath.Base(f.path)}}
	}
	return Value{}
}

// origin is where an entry stands, for people.
func (f *File) origin(s *section, e entry) Origin {
	return Origin{KindFile, fmt.Sprintf("%s:%d (profile %s)", filepath.Base(f.path), e.at.line, shorten(s.name))}
}

// place is where something stands, for editors.
func (f *File) place(at position) string {
	return fmt.Sprintf("%s:%d:%d", f.path, at.line, at.column)
}

// chain returns a profile and those it inherits from, the nearest first.
func (f *File) chain(s *section) ([]*section, error) {
	chain := []*section{s}
	for {
		e, found := s.find("inherits")
		if !found || e.value == "" {
			return chain, nil
		}
		parent := f.doc.byName[e.value]
		switch {
		case parent == nil:
			return nil, fmt.Errorf("%s: profile %q inherits %q, which does not exist%s",
				f.place(e.at), s.name, shorten(e.value), suggest(e.value, f.Names()))
		case slices.Contains(chain, parent):
			return nil, fmt.Errorf("%s: profile %q inherits %q, which inherits it in turn", f.place(e.at), s.name, parent.name)
		}
		chain, s = append(chain, parent), parent
	}
}
