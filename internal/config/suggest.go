package config

import (
	"fmt"
	"strings"
)

// suggest returns ` (did you mean "x"?)` for the choice nearest to text, or
// nothing when none is near.
func suggest(text string, choices []string) string {
	if best := nearest(text, choices); best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return ""
}

// nearest returns the choice that takes the fewest edits, at most a third of
// its length, or "".
func nearest(text string, choices []string) string {
	if len(text) > 100 {
		return ""
	}
	text = strings.ToLower(strings.ReplaceAll(text, "-", "_"))
	best, fewest := "", 1<<30
	for _, c := range choices {
		n := distance(text, strings.ReplaceAll(c, "-", "_"))
		if n < fewest && n <= max(1, len(c)/3) {
			best, fewest = c, n
		}
	}
	return best
}

// distance counts insertions, deletions, replacements and swaps of neighbours
// (optimal string alignment), in bytes.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// suggestKey names the key that an unknown one was probably meant to be: one
// known under this name on the command line or in the environment, one of
// another table, or one that is spelled nearly so.
func suggestKey(path []string) string {
	text := strings.Join(path, ".")
	last := path[len(path)-1]
	keys := []string{"inherits"}
	for _, f := range table() {
		if f.Key == "" {
			continue
		}
		keys = append(keys, f.Key)
		dashed := strings.ReplaceAll(last, "-", "_")
		if dashed == f.Name || f.Flag != "" && last == f.Flag || strings.HasSuffix(f.Key, "."+dashed) {
			return fmt.Sprintf(" (did you mean %q?)", f.Key)
		}
	}
	return suggest(text, keys)
}
