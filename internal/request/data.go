package request

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// DataKind is the flag that a piece of data came by.
type DataKind int

// The kinds of data.
const (
	Form   DataKind = iota // -d, --data, --data-ascii: "@NAME" reads a file and drops its CR, LF and NUL
	Raw                    // --data-raw: "@" means itself
	Binary                 // --data-binary: "@NAME" reads a file, byte for byte
	JSON                   // --json: as Binary, with other headers, and no "&" before it
)

// Data is one -d or one of its relatives, as typed.
type Data struct {
	Kind  DataKind
	Value string
}

// DataFlag collects a flag's values into a slice that several flags share, so
// that "-d a --json b" keeps its order. It has the methods of a pflag.Value.
type DataFlag struct {
	Kind DataKind
	Into *[]Data
}

// Set appends one value.
func (f DataFlag) Set(value string) error {
	*f.Into = append(*f.Into, Data{Kind: f.Kind, Value: value})
	return nil
}

// String is the default shown in a help text: none.
func (f DataFlag) String() string { return "" }

// Type is the word for the value in a help text.
func (f DataFlag) Type() string { return "data" }

// maxHeaders bounds what -H @FILE reads into memory.
const maxHeaders = 1 << 20

// FileError is a file named on the command line that could not be read (curl's
// exit code 26).
type FileError struct {
	Name string // "-" is standard input
	Err  error
}

func (e *FileError) Error() string {
	name := e.Name
	if name == "-" {
		name = "standard input"
	}
	err := e.Err
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err // the name is said already
	}
	return fmt.Sprintf("read %s: %v", name, err)
}

func (e *FileError) Unwrap() error { return e.Err }

// file returns the NAME of "@NAME" where the kind knows it.
func (d Data) file() (string, bool) {
	if d.Kind == Raw {
		return "", false
	}
	return strings.CutPrefix(d.Value, "@")
}

// body is what the Spec sends; nil where it sends none.
func (s Spec) body(open Opener) (*body, error) {
	switch {
	case s.Upload == "" && len(s.Data) == 0:
		return nil, nil
	case s.Upload == "":
		return assemble(s.Data, open)
	case len(s.Data) > 0:
		return nil, usagef("-T and -d are two bodies: a request has one").tip("leave one of them out")
	case s.Upload == "-" || s.Upload == ".": // curl's words for standard input
		return s.pipeBody(open)
	}
	return fileBody(s.Upload, open)
}

// pipeBody streams standard input, in chunks as its length is not known, and once.
func (s Spec) pipeBody(open Opener) (*body, error) {
	if s.Spooled {
		return fileBody("-", open)
	}
	f, err := openFile("-", open)
	return &body{first: f, size: -1}, err
}

// assemble joins the pieces: "&" before each but the first, nothing before a
// --json. A body that is one file and nothing else streams.
func assemble(pieces []Data, open Opener) (*body, error) {
	if len(pieces) == 1 && (pieces[0].Kind == Binary || pieces[0].Kind == JSON) {
		if name, ok := pieces[0].file(); ok {
			return fileBody(name, open)
		}
	}
	joined := &spool{}
	for i, d := range pieces {
		if i > 0 && d.Kind != JSON {
			if _, err := io.WriteString(joined, "&"); err != nil {
				return nil, err
			}
		}
		if err := d.addTo(joined, open); err != nil {
			return nil, err
		}
	}
	return spooled(joined)
}

// addTo adds one piece to what is sent.
func (d Data) addTo(joined *spool, open Opener) error {
	name, isFile := d.file()
	if !isFile {
		_, err := io.WriteString(joined, d.Value)
		return err
	}
	f, err := openFile(name, open)
	if err != nil {
		return err
	}
	if d.Kind == Form {
		return joined.fill(name, f, func(r io.Reader) io.Reader { return stripLines{r} })
	}
	return joined.fill(name, f, nil)
}

// fileBody streams a regular file, and spools anything else (a pipe, standard
// input): as with curl it goes out with its length instead of in chunks, and can be
// sent again.
func fileBody(name string, open Opener) (*body, error) {
	f, err := openFile(name, open)
	if err != nil {
		return nil, err
	}
	if size, ok := regularSize(f); ok && name != "-" {
		again := func() (io.ReadCloser, error) { return openFile(name, open) }
		return &body{first: f, size: size, again: again}, nil
	}
	kept := &spool{}
	if err := kept.fill(name, f, nil); err != nil {
		return nil, err
	}
	return spooled(kept)
}

func spooled(kept *spool) (*body, error) {
	first, err := kept.open()
	return &body{first: first, size: kept.size, again: kept.open}, err
}

// regularSize is the size of f where it is a regular file that is not empty. A
// size of 0 is no promise: files under /proc have it and are not empty.
func regularSize(f io.Reader) (int64, bool) {
	s, ok := f.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return 0, false
	}
	info, err := s.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return 0, false
	}
	return info.Size(), true
}

func openFile(name string, open Opener) (io.ReadCloser, error) {
	if name == "" {
		return nil, usagef(`"@" names no file`).tip("write @FILE, or @- for standard input")
	}
	f, err := open(name)
	if err != nil {
		return nil, &FileError{Name: name, Err: err}
	}
	return f, nil
}

func readFile(name string, open Opener) ([]byte, error) {
	f, err := openFile(name, open)
	if err != nil {
		return nil, err
	}
	return readAll(name, f)
}

func readAll(name string, f io.ReadCloser) ([]byte, error) {
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxHeaders+1))
	if err != nil {
		return nil, &FileError{Name: name, Err: err}
	}
	if len(data) > maxHeaders {
		return nil, &FileError{Name: name, Err: fmt.Errorf("more than %d MiB of headers", maxHeaders>>20)}
	}
	return data, nil
}

// stripLines drops CR, LF and NUL, as curl does for -d @file.
type stripLines struct{ from io.Reader }

// Read implements io.Reader.
func (s stripLines) Read(p []byte) (int, error) {
	for {
		n, err := s.from.Read(p)
		kept := slices.DeleteFunc(p[:n], func(c byte) bool { return c == '\r' || c == '\n' || c == 0 })
		if len(kept) > 0 || err != nil || n == 0 {
			return len(kept), err
		}
	}
}
