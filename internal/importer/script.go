package importer

import "strings"

// readScript reads a module of JavaScript or TypeScript that does nothing but
// export one object literal, as Amplify writes aws-exports.js:
//
//	const awsmobile = { … };
//	export default awsmobile;
//
// also with let or var, with export const, with module.exports, or with the
// literal behind export default itself. Anything else, so everything that would
// run, is refused.
func readScript(source, data string) (*node, error) {
	r := &reader{data: data, script: true}
	return r.guarded(source, func() *node {
		var found *node
		name := ""
		for r.space(); r.at < len(r.data); r.space() {
			r.statement(&found, &name)
		}
		if found == nil {
			r.fail(r.at, "no object literal: want const NAME = {…}")
		}
		return found
	})
}

// statement reads one statement: a directive, a declaration or an export.
func (r *reader) statement(found **node, name *string) {
	start := r.at
	if r.take(';') {
		return
	}
	if c := r.data[r.at]; c == '"' || c == '\'' { // "use strict"
		r.quoted()
		return
	}
	exported := false
	word := r.word()
	if word == "export" {
		exported = true
		r.space()
		word = r.word()
	}
	switch {
	case word == "const" || word == "let" || word == "var":
		r.space()
		if *name = r.word(); *name == "" {
			r.fail(r.at, "%s, want a name", r.here())
		}
		r.want('=', "behind the name")
		r.literal(found)
	case exported && word == "default", word == "module" && r.follows(".exports") && r.take('='):
		if r.space(); r.at < len(r.data) && r.data[r.at] == '{' {
			r.literal(found)
			return
		}
		at := r.at
		if exported := r.word(); exported == "" || exported != *name {
			r.fail(at, "%s, want the object literal or its name", r.named(at))
		}
	default:
		r.fail(start, "%s is code, which is not run: want const NAME = {…} and export default NAME", r.named(start))
	}
}

// follows passes over what stands right here.
func (r *reader) follows(what string) bool {
	if !strings.HasPrefix(r.data[r.at:], what) {
		return false
	}
	r.at += len(what)
	return true
}

// literal reads the one object that a module exports.
func (r *reader) literal(found **node) {
	if r.space(); r.at >= len(r.data) || r.data[r.at] != '{' {
		r.fail(r.at, "%s, want an object literal", r.here())
	}
	if *found != nil {
		r.fail(r.at, "a second object literal: which one counts is not known")
	}
	*found = r.value()
	if at := r.at; !r.ends() {
		r.space()
		word := r.word()
		if r.space(); word != "as" || r.word() != "const" { // TypeScript
			r.at = at
			r.space()
			r.fail(r.at, "%s behind the object literal, which is then no literal", r.here())
		}
	}
}

// ends tells whether a statement can end here: a semicolon, the end, or a new
// line that begins a statement of its own. An operator would go on.
func (r *reader) ends() bool {
	before := r.at
	if r.take(';') || r.at >= len(r.data) {
		return true
	}
	newLine := strings.Contains(r.data[before:r.at], "\n")
	return newLine && (isWord(r.data[r.at], false) || r.data[r.at] == '"' || r.data[r.at] == '\'') && !r.operator()
}

// operator tells the words that go on with an expression on the next line.
func (r *reader) operator() bool {
	at := r.at
	word := r.word()
	r.at = at
	return word == "in" || word == "instanceof" || word == "as" || word == "satisfies"
}
