package config

import (
	"bytes"
	"errors"
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// shape is what stands at a key, as far as settings care.
type shape string

const (
	shapeText   shape = "a string"
	shapeBool   shape = "true or false"
	shapeList   shape = "a list of strings"
	shapeTable  shape = "a table"
	shapeTables shape = "a list of tables"
	shapeOther  shape = "a number, a date or a mixed list"
)

// maxDepth is how many parts of a key are kept. No setting has as many; the
// limit keeps a hostile file from costing more memory than its size.
const maxDepth = 8

// position is a place in the file, both counted from 1, columns in bytes.
type position struct{ line, column int }

// entry is one key with its value, or one table header.
type entry struct {
	path     []string // inside the profile: {"api", "url"}
	at       position
	shape    shape
	value    string   // of a string, or "true" or "false"
	items    []string // of a list
	from, to int      // the bytes of the value in the file
}

// span is one expression of the file: a table's header, or a key with its value.
type span struct {
	path     []string // from the top: {"profiles", "dev", "api"}
	header   bool
	from, to int // its bytes, without the comment behind it
}

// section is one profile as it stands in the file.
type section struct {
	name    string
	at      position
	entries []entry
}

// document is a parsed file.
type document struct {
	sections []*section // in the order of the file
	byName   map[string]*section
	chosen   *entry  // default_profile
	stray    []entry // what belongs to no profile
	spans    []span  // everything, in the order of the file
}

func (d *document) names() []string {
	names := make([]string, 0, len(d.sections))
	for _, s := range d.sections {
		names = append(names, s.name)
	}
	return names
}

// parse reads TOML twice: the decoder judges the whole (it knows which keys
// and tables may not be defined twice), then the syntax tree gives the
// positions, which the decoder does not keep. The error is a *SyntaxError
// without a path.
func parse(data []byte) (*document, error) {
	var whole map[string]any
	if err := toml.Unmarshal(data, &whole); err != nil {
		return nil, syntaxError(data, err)
	}
	w := walker{data: data, doc: &document{byName: map[string]*section{}}, lines: lineStarts(data)}
	w.parser.Reset(data)
	for w.parser.NextExpression() {
		w.expression(w.parser.Expression())
	}
	if err := w.parser.Error(); err != nil {
		return nil, syntaxError(data, err)
	}
	return w.doc, nil
}

func syntaxError(data []byte, err error) error {
	e := &SyntaxError{Line: 1, Column: 1, Reason: "it is not TOML"}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		e.Line, e.Column = decode.Position()
		e.Reason = strings.TrimPrefix(decode.Error(), "toml: ")
	}
	// This one message quotes the value it is about.
	if strings.HasPrefix(e.Reason, "unable to parse float") {
		e.Reason = "the number is out of range"
	}
	lines := bytes.Split(data, []byte("\n"))
	if e.Line <= len(lines) && !insideText(bytes.Join(lines[:e.Line-1], []byte("\n"))) {
		e.Source = showable(string(lines[e.Line-1]))
	}
	return e
}

// insideText reports whether a multi-line string seems to be open at the end of
// data: then the next line is part of a value, whatever it looks like.
func insideText(data []byte) bool {
	return bytes.Count(data, []byte(`"""`))%2 == 1 || bytes.Count(data, []byte("'''"))%2 == 1
}

func lineStarts(data []byte) []int {
	starts := []int{0}
	for i, c := range data {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// walker turns the syntax tree into a document.
type walker struct {
	parser  unstable.Parser
	data    []byte
	lines   []int
	doc     *document
	prefix  []string // the table header in force
	inArray bool     // that header is a [[list of tables]], told once and then passed over
}

func (w *walker) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table, unstable.ArrayTable:
		path, at := w.key(nil, n.Key())
		w.prefix, w.inArray = path, n.Kind == unstable.ArrayTable
		offset := w.lines[at.line-1] + at.column - 1
		w.doc.spans = append(w.doc.spans, span{path: path, header: true, from: offset, to: offset})
		e := entry{path: path, at: at, shape: shapeTable}
		if w.inArray {
			e.shape = shapeTables
		}
		w.add(e)
	case unstable.KeyValue:
		path, _ := w.key(w.prefix, n.Key())
		w.doc.spans = append(w.doc.spans, span{path: path, from: int(n.Raw.Offset), to: int(n.Raw.Offset + n.Raw.Length)})
		if !w.inArray {
			w.keyValue(w.prefix, n)
		}
	}
}

func (w *walker) keyValue(prefix []string, n *unstable.Node) {
	path, at := w.key(prefix, n.Key())
	v := n.Value()
	e := entry{path: path, at: at, shape: shapeOther}
	e.from, e.to = w.valueOf(n)
	switch v.Kind {
	case unstable.InlineTable:
		e.shape = shapeTable
		w.add(e)
		if len(path) < maxDepth {
			for it := v.Children(); it.Next(); {
				w.keyValue(path, it.Node())
			}
		}
		return
	case unstable.Array:
		e.shape, e.items = listOf(v)
	case unstable.Bool:
		e.shape, e.value = shapeBool, string(v.Data)
	case unstable.String:
		e.shape, e.value = shapeText, string(v.Data)
	}
	w.add(e)
}

// valueOf returns the bytes of a value: what follows the first = behind the last
// part of the key.
func (w *walker) valueOf(n *unstable.Node) (from, to int) {
	to = int(n.Raw.Offset + n.Raw.Length)
	for it := n.Key(); it.Next(); {
		raw := it.Node().Raw
		from = int(raw.Offset + raw.Length)
	}
	for from < to && w.data[from] != '=' {
		from++
	}
	from++
	for from < to && (w.data[from] == ' ' || w.data[from] == '\t') {
		from++
	}
	return min(from, to), to
}

func listOf(v *unstable.Node) (shape, []string) {
	values := []string{}
	for it := v.Children(); it.Next(); {
		if it.Node().Kind != unstable.String {
			return shapeOther, nil
		}
		values = append(values, string(it.Node().Data))
	}
	return shapeList, values
}

// key joins prefix and a dotted key, and returns where the key begins.
func (w *walker) key(prefix []string, it unstable.Iterator) ([]string, position) {
	path := slices.Clone(prefix)
	offset := -1
	for it.Next() {
		n := it.Node()
		if offset < 0 {
			offset = int(n.Raw.Offset)
		}
		if len(path) < maxDepth {
			path = append(path, string(n.Data))
		}
	}
	return path, w.position(max(offset, 0))
}

func (w *walker) position(offset int) position {
	line := sort.Search(len(w.lines), func(i int) bool { return w.lines[i] > offset })
	return position{line: line, column: offset - w.lines[line-1] + 1}
}

// add files an entry under its profile, or as what it is at the top.
func (w *walker) add(e entry) {
	d := w.doc
	switch {
	case len(e.path) == 1 && e.path[0] == "default_profile" && e.shape == shapeText:
		d.chosen = &e
	case len(e.path) == 1 && e.path[0] == "profiles" && e.shape == shapeTable:
	case len(e.path) < 2 || e.path[0] != "profiles",
		len(e.path) == 2 && e.shape != shapeTable:
		d.stray = append(d.stray, e)
	default:
		s := d.byName[e.path[1]]
		if s == nil {
			s = &section{name: e.path[1], at: e.at}
			d.sections, d.byName[s.name] = append(d.sections, s), s
		}
		if e.path = e.path[2:]; len(e.path) > 0 {
			s.entries = append(s.entries, e)
		}
	}
}
