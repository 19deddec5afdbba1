package hosted

import (
	"html"
	"strings"
)

// node is a piece of a page. There are only text and elements, and both escape
// what they hold: nothing that came from outside can become markup.
type node interface{ write(b *strings.Builder) }

// text is shown as it is.
type text string

func (t text) write(b *strings.Builder) { b.WriteString(html.EscapeString(string(t))) }

// attrs are names and values in turn. A value of "" leaves an attribute empty,
// which switches on those that are switches.
type attrs []string

type element struct {
	tag      string // a constant, as are the names of the attributes
	attrs    attrs
	children []node
}

func el(tag string, a attrs, children ...node) node { return element{tag, a, children} }

// p is a paragraph of text.
func p(words string) node { return el("p", nil, text(words)) }

func (e element) write(b *strings.Builder) {
	b.WriteString("<" + e.tag)
	for i := 0; i+1 < len(e.attrs); i += 2 {
		b.WriteString(" " + e.attrs[i] + `="` + html.EscapeString(e.attrs[i+1]) + `"`)
	}
	b.WriteString(">")
	if e.tag == "input" || e.tag == "meta" {
		return // they have no end
	}
	for _, child := range e.children {
		if child != nil {
			child.write(b)
		}
	}
	b.WriteString("</" + e.tag + ">")
}

// style is the style sheet of a page: a constant of ours, which is not escaped.
type style string

func (s style) write(b *strings.Builder) { b.WriteString("<style>" + string(s) + "</style>") }
