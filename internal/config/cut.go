package config

import "bytes"

// kindOfLine is what a line of the file is, for taking lines out.
type kindOfLine byte

const (
	blankLine kindOfLine = iota
	commentLine
	keptLine
	goneLine
)

// cut takes out the expressions that gone chooses, whole lines each. A comment
// goes with them when it touches them: the lines right above a header, between
// the keys, or right behind the last one. It stays when a blank line is between,
// when it also touches what stays below it, or at the head of the file. Of the
// blank lines around a hole one is left.
func (f *File) cut(gone func(span) bool) []byte {
	lines := bytes.SplitAfter(f.data, []byte("\n"))
	kinds := f.kinds(lines, gone)
	for i := 0; i < len(lines); {
		if kinds[i] != commentLine {
			i++
			continue
		}
		end := i
		for end < len(lines) && kinds[end] == commentLine {
			end++
		}
		below := end < len(lines) && kinds[end] == goneLine
		above := i > 0 && kinds[i-1] == goneLine && (end == len(lines) || kinds[end] != keptLine)
		if below && i > 0 || above {
			for j := i; j < end; j++ {
				kinds[j] = goneLine
			}
		}
		i = end
	}
	var out []byte
	hole := false // lines were taken out since the last one that stayed
	for i, line := range lines {
		switch {
		case kinds[i] == goneLine:
			hole = true
		case hole && kinds[i] == blankLine && (len(out) == 0 || bytes.HasSuffix(out, []byte("\n\n")) || bytes.HasSuffix(out, []byte("\n\r\n"))):
		default:
			out = append(out, line...)
			hole = hole && kinds[i] == blankLine
		}
	}
	if hole {
		if trimmed := bytes.TrimRight(out, "\r\n"); len(trimmed) < len(out) && len(trimmed) > 0 {
			out = append(trimmed, lineEnd(f.data)...)
		}
	}
	return out
}

// kinds tells what each line is.
func (f *File) kinds(lines [][]byte, gone func(span) bool) []kindOfLine {
	kinds := make([]kindOfLine, len(lines))
	for i, line := range lines {
		switch trimmed := bytes.TrimSpace(line); {
		case len(trimmed) == 0:
		case trimmed[0] == '#':
			kinds[i] = commentLine
		default:
			kinds[i] = keptLine
		}
	}
	starts := lineStarts(f.data)
	line := 0
	for _, s := range f.doc.spans {
		for line+1 < len(starts) && starts[line+1] <= s.from {
			line++
		}
		kind := keptLine
		if gone(s) {
			kind = goneLine
		}
		for i := line; i < len(lines) && (i == line || starts[i] < s.to); i++ {
			kinds[i] = kind // also of lines inside a long string that look like a comment
		}
	}
	return kinds
}
