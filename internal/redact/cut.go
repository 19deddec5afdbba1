package redact

import "strings"

// ellipsis ends a text that was cut. The [Redactor] looks before it for the beginning
// of a secret.
const ellipsis = "…"

// maxText bounds what is shown or kept of a foreign text, in bytes.
const maxText = 600

// Cut bounds a foreign text, such as a server's message, and makes it one line: with a
// line break in it a server could put words of its own below ours, where the next thing
// to type stands.
func Cut(text string) string {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + ellipsis
	}
	return OneLine(text)
}

// OneLine makes a space of each line break and tab, with the white space around it.
func OneLine(text string) string {
	if !strings.ContainsAny(text, "\r\n\t") {
		return text
	}
	return strings.Join(strings.Fields(text), " ")
}
